"""Creates the tables, their first rows, and the views for people."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from marketplace.runtime.store.migrations.steps import ID, MYSQL, create_index, create_table, create_view

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), *MYSQL)
BLOB = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), *MYSQL)
KEY = sa.LargeBinary(length=255).with_variant(mysql.VARBINARY(255), *MYSQL)
AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHARDS = 8


def upgrade() -> None:
    """Creates everything that the platform keeps in its store."""
    _create_tables()
    money, moment = (_sqlite_money, _sqlite_moment) if op.get_bind().dialect.name == "sqlite" else (_money, _moment)
    create_view(
        "campaigns_for_people",
        "SELECT campaign_id, account, status, category, text, "
        f"{money('cpc_nanos')} AS cpc, {money('cpa_nanos')} AS cpa, {money('budget_nanos')} AS budget, "
        f"{money('spent_nanos')} AS spent, {money('slot_budget_nanos')} AS slot_budget, "
        f"{moment('start_us')} AS start_time, {moment('end_us')} AS end_time FROM ads",
    )
    create_view(
        "charges_for_people",
        "SELECT campaign_id, event_seq, request_id, "
        "CASE action WHEN 1 THEN 'VIEW' WHEN 2 THEN 'CLICK' ELSE 'ACQUISITION' END AS user_action, "
        f"{money('charged_nanos')} AS charged, {money('uncharged_nanos')} AS uncharged, "
        f"{moment('charged_at_us')} AS charged_at FROM ledger",
    )
    op.execute("INSERT INTO counters (name, value) VALUES ('ads', 0), ('users', 0)")
    op.execute("INSERT INTO outbox_shards (shard) VALUES " + ", ".join(f"({n})" for n in range(SHARDS)))


def _money(column: str) -> str:
    return f"{column} * 0.000000001"  # DECIMAL arithmetic: exact


def _moment(column: str) -> str:
    return f"TIMESTAMPADD(MICROSECOND, {column}, TIMESTAMP '1970-01-01 00:00:00')"


def _sqlite_money(column: str) -> str:
    return f"printf('%d.%09d', {column} / 1000000000, {column} % 1000000000)"  # SQLite has no decimals


def _sqlite_moment(column: str) -> str:
    return f"strftime('%Y-%m-%d %H:%M:%f', {column} / 1000000.0, 'unixepoch')"


def _create_tables() -> None:
    create_table(
        "ads",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("category", sa.String(length=255), nullable=False),
        sa.Column("keywords", TEXT, nullable=False),
        sa.Column("target_gender", sa.String(length=255), nullable=False),
        sa.Column("target_age_start", sa.SmallInteger(), nullable=False),
        sa.Column("target_age_end", sa.SmallInteger(), nullable=False),
        sa.Column("target_city", sa.String(length=255), nullable=False),
        sa.Column("target_state", sa.String(length=255), nullable=False),
        sa.Column("target_country", sa.String(length=255), nullable=False),
        sa.Column("target_income_bucket", sa.String(length=255), nullable=False),
        sa.Column("target_device", sa.String(length=255), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("cpc_nanos", sa.BigInteger(), nullable=False),
        sa.Column("cpa_nanos", sa.BigInteger(), nullable=False),
        sa.Column("cpm_nanos", sa.BigInteger(), nullable=False),
        sa.Column("budget_nanos", sa.BigInteger(), nullable=False),
        sa.Column("highest_budget_nanos", sa.BigInteger(), nullable=False),
        sa.Column("spent_nanos", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("slot_no", sa.BigInteger(), nullable=False),
        sa.Column("slot_budget_nanos", sa.BigInteger(), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.Column("change_no", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id"),
    )
    create_index("ads_by_account", "ads", ["account", "campaign_id"])
    create_index("ads_by_category", "ads", ["category", "campaign_id"])
    create_index("ads_by_change", "ads", ["change_no", "campaign_id"])
    create_index("ads_by_status", "ads", ["status", "campaign_id"])
    create_table(
        "commands",
        sa.Column("topic", sa.String(length=128), nullable=False),
        sa.Column("topic_partition", sa.Integer(), nullable=False),
        sa.Column("topic_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("command_id", ID, nullable=True),
        sa.Column("campaign_id", ID, nullable=True),
        sa.Column("action", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=512), nullable=False),
        sa.Column("applied_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "topic_partition", "topic_offset"),
    )
    create_index("commands_by_campaign", "commands", ["campaign_id", "topic_offset"])
    create_index("commands_by_id", "commands", ["command_id"])
    create_table(
        "counters",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    create_table(
        "ledger",
        sa.Column("request_id", ID, nullable=False),
        sa.Column("action", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.Column("price_nanos", sa.BigInteger(), nullable=False),
        sa.Column("charged_nanos", sa.BigInteger(), nullable=False),
        sa.Column("uncharged_nanos", sa.BigInteger(), nullable=False),
        sa.Column("charged_at_us", sa.BigInteger(), nullable=False),
        sa.Column("event", BLOB, nullable=False),
        sa.PrimaryKeyConstraint("request_id", "action"),
        sa.UniqueConstraint("campaign_id", "event_seq", name="ledger_by_seq"),
    )
    create_table(
        "outbox",
        sa.Column("id", AUTO_ID, autoincrement=True, nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("topic", sa.String(length=128), nullable=False),
        sa.Column("message_key", KEY, nullable=True),
        sa.Column("value", BLOB, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    create_index("outbox_by_shard", "outbox", ["shard", "id"])
    create_table(
        "outbox_shards",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("shard"),
    )
    create_table(
        "positions",
        sa.Column("topic", sa.String(length=128), nullable=False),
        sa.Column("topic_partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "topic_partition"),
    )
    create_table(
        "submitted_commands",
        sa.Column("command_id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("submitted_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("command_id"),
    )
    create_index("submitted_by_campaign", "submitted_commands", ["campaign_id"])
    create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("age", sa.SmallInteger(), nullable=False),
        sa.Column("gender", sa.String(length=16), nullable=False),
        sa.Column("internet_usage", sa.String(length=32), nullable=False),
        sa.Column("income_bucket", sa.String(length=16), nullable=False),
        sa.Column("user_agent_string", TEXT, nullable=False),
        sa.Column("device_type", sa.String(length=64), nullable=False),
        sa.Column("websites", TEXT, nullable=False),
        sa.Column("movies", TEXT, nullable=False),
        sa.Column("music", TEXT, nullable=False),
        sa.Column("program", TEXT, nullable=False),
        sa.Column("books", TEXT, nullable=False),
        sa.Column("negatives", TEXT, nullable=False),
        sa.Column("positives", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
