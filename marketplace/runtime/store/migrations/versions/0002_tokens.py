"""Adds API tokens, and on whose behalf a command was submitted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from marketplace.runtime.store.migrations.steps import ID, MYSQL, add_column, create_table

revision = "0002"
down_revision = "0001"

DIGEST = sa.LargeBinary(length=32).with_variant(mysql.VARBINARY(32), *MYSQL)


def upgrade() -> None:
    """Creates the table of tokens, its counter, and the column of accounts."""
    create_table(
        "api_tokens",
        sa.Column("token_id", ID, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_id"),
    )
    add_column("submitted_commands", sa.Column("account", sa.String(length=255), nullable=False, server_default=""))
    op.execute("INSERT INTO counters (name, value) VALUES ('tokens', 0)")
