"""Adds to each campaign what was purged of its ledger: up to which event, and how much that was."""

import sqlalchemy as sa

from marketplace.runtime.store.migrations.steps import add_column

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the columns; nothing is purged yet."""
    for name in ("purged_seq", "purged_nanos"):
        add_column("ads", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
