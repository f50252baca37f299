"""The columns of the archive's tables, as Parquet has them; DuckDB and Hive read the same.

Money is DECIMAL(20,9), times are naive UTC in microseconds, numbers are signed: what both readers agree on. Partition
columns `dt` (`YYYY-MM-DD`) and `hour` (`HH`) are text and stand in the folder names only.
"""

from typing import Final

import pyarrow as pa

MONEY: Final = pa.decimal128(20, 9)
TIME: Final = pa.timestamp("us")

_AUCTION: Final[list[tuple[str, pa.DataType]]] = [
    ("request_id", pa.string()),
    ("campaign_id", pa.string()),
    ("user_id", pa.string()),
    ("auction_cpm", MONEY),
    ("auction_cpc", MONEY),
    ("auction_cpa", MONEY),
    ("target_age_range", pa.string()),
    ("target_location", pa.string()),
    ("target_gender", pa.string()),
    ("target_income_bucket", pa.string()),
    ("target_device_type", pa.string()),
    ("campaign_start_time", TIME),
    ("campaign_end_time", TIME),
    ("timestamp", TIME),
]

SERVED_ADS: Final = pa.schema(_AUCTION)

_FEEDBACK: Final[list[tuple[str, pa.DataType]]] = [
    *_AUCTION,
    ("user_action", pa.string()),
    ("view", pa.int32()),
    ("click", pa.int32()),
    ("acquisition", pa.int32()),
    ("expenditure", MONEY),
    ("uncharged", MONEY),
    ("event_seq", pa.int64()),
    ("bid_cpm", MONEY),
    ("category", pa.string()),
    ("user_age", pa.int32()),
    ("user_gender", pa.string()),
    ("user_income_bucket", pa.string()),
    ("city", pa.string()),
    ("state", pa.string()),
    ("device_type", pa.string()),
    ("served_at", TIME),
]

USER_FEEDBACK: Final = pa.schema(_FEEDBACK)

_ADS: Final[list[tuple[str, pa.DataType]]] = [
    ("campaign_id", pa.string()),
    ("account", pa.string()),
    ("category", pa.string()),
    ("status", pa.string()),
    ("budget", MONEY),
    ("spent", MONEY),
    ("cpm", MONEY),
    ("cpc", MONEY),
    ("cpa", MONEY),
    ("target_device", pa.string()),
    ("event_seq", pa.int64()),
]

ADS: Final = pa.schema(_ADS)

# What is left of the days that retention took out of a partitioned table: sums per campaign and quarter of an hour, so
# that a day of any time zone adds up. `event_seq` is the last one. Of `served_ads` there are only counts.
_RETIRED: Final[list[tuple[str, pa.DataType]]] = [
    ("source", pa.string()),
    ("dt", pa.string()),
    ("campaign_id", pa.string()),
    ("timestamp", TIME),
    ("events", pa.int64()),
    ("first_event_seq", pa.int64()),
    ("event_seq", pa.int64()),
    ("view", pa.int64()),
    ("click", pa.int64()),
    ("acquisition", pa.int64()),
    ("expenditure", MONEY),
    ("uncharged", MONEY),
]

RETIRED: Final = pa.schema(_RETIRED)

PARTITIONED: Final = {"user_feedback": USER_FEEDBACK, "served_ads": SERVED_ADS}
WHOLE: Final = {"ads": ADS, "retired": RETIRED}
