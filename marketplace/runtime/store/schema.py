"""The store's tables. Money is BIGINT nanos, times are BIGINT microseconds since the Unix epoch, UTC.

`migrations/` holds how a database gets here; a test compares the two.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql

MAX_KEY_BYTES: Final = 255

metadata = MetaData()

# Ids compare byte by byte on every database; the columns' names say what they hold.
_BINARY_ID: Final = String(64).with_variant(
    mysql.VARCHAR(64, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)
_NAME: Final = String(255)
_BLOB: Final = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
_KEY: Final = LargeBinary(MAX_KEY_BYTES).with_variant(mysql.VARBINARY(MAX_KEY_BYTES), "mysql", "mariadb")
_DIGEST: Final = LargeBinary(32).with_variant(mysql.VARBINARY(32), "mysql", "mariadb")
_TEXT: Final = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
_AUTO_ID: Final = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER numbers itself on SQLite
_INNODB: Final[dict[str, Any]] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_unicode_ci"))
}


def _nanos(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


ads = Table(
    "ads",
    metadata,
    Column("campaign_id", _BINARY_ID, primary_key=True),
    Column("account", _NAME, nullable=False),
    Column("text", _TEXT, nullable=False),
    Column("category", _NAME, nullable=False),
    Column("keywords", _TEXT, nullable=False),
    Column("target_gender", _NAME, nullable=False),
    Column("target_age_start", SmallInteger, nullable=False),
    Column("target_age_end", SmallInteger, nullable=False),
    Column("target_city", _NAME, nullable=False),
    Column("target_state", _NAME, nullable=False),
    Column("target_country", _NAME, nullable=False),
    Column("target_income_bucket", _NAME, nullable=False),
    Column("target_device", _NAME, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    _nanos("cpc_nanos"),
    _nanos("cpa_nanos"),
    _nanos("cpm_nanos"),
    _nanos("budget_nanos"),
    _nanos("highest_budget_nanos"),
    _nanos("spent_nanos"),
    Column("status", String(16), nullable=False),
    Column("slot_no", BigInteger, nullable=False),
    _nanos("slot_budget_nanos"),
    Column("event_seq", BigInteger, nullable=False),
    Column("change_no", BigInteger, nullable=False),
    # The ledger's events up to this one were purged, and this is what they were charged.
    Column("purged_seq", BigInteger, nullable=False, server_default="0"),
    Column("purged_nanos", BigInteger, nullable=False, server_default="0"),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Index("ads_by_change", "change_no", "campaign_id"),
    Index("ads_by_status", "status", "campaign_id"),
    Index("ads_by_category", "category", "campaign_id"),
    Index("ads_by_account", "account", "campaign_id"),
    **_INNODB,
)

users = Table(
    "users",
    metadata,
    Column("id", _BINARY_ID, primary_key=True),
    Column("age", SmallInteger, nullable=False),
    Column("gender", String(16), nullable=False),
    Column("internet_usage", String(32), nullable=False),
    Column("income_bucket", String(16), nullable=False),
    Column("user_agent_string", _TEXT, nullable=False),
    Column("device_type", String(64), nullable=False),
    *(
        Column(name, _TEXT, nullable=False)
        for name in ("websites", "movies", "music", "program", "books", "negatives", "positives")
    ),
    **_INNODB,
)

# What became of each message of the command topic. A position is handled exactly once.
commands = Table(
    "commands",
    metadata,
    Column("topic", String(128), primary_key=True),
    Column("topic_partition", Integer, primary_key=True),
    Column("topic_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("command_id", _BINARY_ID, nullable=True),
    Column("campaign_id", _BINARY_ID, nullable=True),
    Column("action", String(32), nullable=True),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(512), nullable=False),
    Column("applied_us", BigInteger, nullable=False),
    Index("commands_by_id", "command_id"),
    Index("commands_by_campaign", "campaign_id", "topic_offset"),
    **_INNODB,
)

# Commands that this mesh's own clients submitted: GetCommand tells "on its way" from "never heard of it".
submitted_commands = Table(
    "submitted_commands",
    metadata,
    Column("command_id", _BINARY_ID, primary_key=True),
    Column("campaign_id", _BINARY_ID, nullable=False),
    Column("action", String(32), nullable=False),
    Column("submitted_us", BigInteger, nullable=False),
    Column("account", _NAME, nullable=False, server_default=""),  # on whose behalf; empty: no manager's
    Index("submitted_by_campaign", "campaign_id"),
    **_INNODB,
)

positions = Table(
    "positions",
    metadata,
    Column("topic", String(128), primary_key=True),
    Column("topic_partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    **_INNODB,
)

ledger = Table(
    "ledger",
    metadata,
    Column("request_id", _BINARY_ID, primary_key=True),
    Column("action", SmallInteger, primary_key=True, autoincrement=False),
    Column("campaign_id", _BINARY_ID, nullable=False),
    Column("event_seq", BigInteger, nullable=False),
    _nanos("price_nanos"),
    _nanos("charged_nanos"),
    _nanos("uncharged_nanos"),
    Column("charged_at_us", BigInteger, nullable=False),
    Column("event", _BLOB, nullable=False),
    UniqueConstraint("campaign_id", "event_seq", name="ledger_by_seq"),
    **_INNODB,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _AUTO_ID, primary_key=True, autoincrement=True),
    Column("shard", SmallInteger, nullable=False),
    Column("topic", String(128), nullable=False),
    Column("message_key", _KEY, nullable=True),
    Column("value", _BLOB, nullable=False),
    Column("campaign_id", _BINARY_ID, nullable=False),
    Column("event_seq", BigInteger, nullable=False),
    Index("outbox_by_shard", "shard", "id"),
    **_INNODB,
)

# One row per shard: whoever holds its lock sends that shard's outbox rows.
outbox_shards = Table(
    "outbox_shards", metadata, Column("shard", SmallInteger, primary_key=True, autoincrement=False), **_INNODB
)

# What callers from outside prove their identity with: the SHA-256 of each token, never the token.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_id", _BINARY_ID, primary_key=True),
    Column("digest", _DIGEST, nullable=False),
    Column("role", String(16), nullable=False),
    Column("account", _NAME, nullable=False),
    Column("note", _NAME, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=True),
    Column("revoked_us", BigInteger, nullable=True),
    **_INNODB,
)

# `ads`: the newest change_no. `users`: how often the users were loaded. `tokens`: how often the API tokens changed.
# `restore_pending` is only there in a store that came from a backup; see `restored`.
counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
    **_INNODB,
)
