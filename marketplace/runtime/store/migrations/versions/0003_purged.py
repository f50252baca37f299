"""Adds to each campaign what was purged of its ledger: up to which event, and how much that was."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the columns; nothing is purged yet."""
    for name in ("purged_seq", "purged_nanos"):
        op.add_column("ads", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
