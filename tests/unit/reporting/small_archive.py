"""An archive small enough to work every report out by hand, and what writes such archives."""

from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from marketplace.runtime.archive.schema import ADS, USER_FEEDBACK
from reporting.period import Period

SCRIPT = "Books & <script>alert(1)</script>"
TOYS = 'O\'Hara "Toys" 🧸'
DAY = Period(datetime(2025, 9, 2, tzinfo=UTC), datetime(2025, 9, 3, tzinfo=UTC))

_AD = {"account": "acme", "category": "Garden", "status": "ACTIVE", "budget": "10", "spent": "0"}
_VIEWER = {
    "user_age": 34,
    "user_gender": "F",
    "user_income_bucket": "H",
    "city": "Mumbai",
    "state": "Maharashtra",
    "device_type": "iPhone",
}
_EVENT = {
    "target_age_range": "All",
    "target_location": "All, All, India",
    "target_gender": "All",
    "target_income_bucket": "All",
    "target_device_type": "All",
    "view": 0,
    "click": 0,
    "acquisition": 0,
    "expenditure": "0",
    "uncharged": "0",
    "bid_cpm": "0.00001",
    "auction_cpm": "0.00001",
    **_VIEWER,
}
_NOBODY = dict.fromkeys(("user_gender", "user_income_bucket", "city", "state"), "") | {"user_age": None}
_ALL_THREE = {"view": 1, "click": 1, "acquisition": 1}
_CHILD = {"user_age": 0, "user_gender": "M", "user_income_bucket": "L", "city": "Pune", "state": None}


def ad(campaign_id, event_seq, **fields):
    return {"campaign_id": campaign_id, "event_seq": event_seq, **_AD, **fields}


def event(campaign_id, event_seq, request_id, time, **fields):
    named = {"campaign_id": campaign_id, "event_seq": event_seq, "request_id": request_id}
    return {**named, "timestamp": datetime.fromisoformat(time), **_EVENT, **fields}


ADS_ROWS = [
    ad("A", 4, category=SCRIPT, budget="100"),
    ad("B", 3, category=TOYS, budget="5"),
    ad("C", 0, budget="50", status="STOPPED"),
    ad("D", 2, account="beta"),
    ad("E", 1, category=None, budget="1", status="EXHAUSTED"),  # the budget was lowered below what was spent
]

EVENTS = [
    event("A", 1, "r1", "2025-09-02T00:00:00", view=1, auction_cpm="0.000004", target_age_range="20-45"),
    event("A", 2, "r1", "2025-09-02T01:00:00", click=1, expenditure="0.25", target_age_range="20-45"),
    event(
        "A",
        3,
        "r2",
        "2025-09-02T02:00:00",
        view=1,
        target_age_range="20-45",
        user_age=29,
        user_gender="M",
        user_income_bucket="L",
        city="Delhi",
        state="Delhi",
        device_type="Macbook",
    ),
    event(
        "A",
        4,
        "r3",
        "2025-09-02T03:00:00",
        expenditure="2.000000001",
        auction_cpm="0.000001",
        target_age_range="20-45",
        device_type="Macbook",
        **_NOBODY,
        **_ALL_THREE,
    ),
    event("A", 5, "r2", "2025-09-02T04:00:00", click=1, expenditure="9"),  # beyond the snapshot of the ads
    event("B", 1, "r4", "2025-09-01T23:59:59.999999", view=1),
    event("B", 2, "r5", "2025-09-02T23:59:59.999999", view=1, user_age=30, bid_cpm="0.00003", auction_cpm="0.000021"),
    event("B", 3, "r5", "2025-09-03T00:00:00", click=1, expenditure="1.5", user_age=30),
    event("D", 1, "r6", "2025-09-01T10:00:00", view=1, user_age=35, user_income_bucket="M"),
    event("D", 2, "r6", "2025-09-02T10:00:00", click=1, expenditure="0.4", user_age=35, user_income_bucket="M"),
    event(
        "E",
        1,
        "r7",
        "2025-09-02T12:00:00",
        expenditure="1.5",
        uncharged="0.5",
        device_type="Android Mobile",
        **_CHILD,
        **_ALL_THREE,
    ),
]


def write_archive(root, ads=ADS_ROWS, events=EVENTS):
    """Writes the tables as the writer and the archiver lay them out: one file per hour, one file of ads."""
    write_ads(root, ads)
    hours = defaultdict(list)
    for row in events:
        hours[row["timestamp"].strftime("dt=%Y-%m-%d/hour=%H")].append(row)
    for folder, rows in hours.items():
        _write(root / "user_feedback" / folder / "user-feedback-0-0.parquet", rows, USER_FEEDBACK)
    return root


def write_ads(root, ads):
    _write(root / "ads" / "ads.parquet", ads, ADS)


@contextmanager
def open_catalog(root):
    catalog = DuckDbCatalog(root)
    catalog.create_tables()
    yield catalog
    catalog.close()


def _write(path, rows, schema):
    money = [field.name for field in schema if pa.types.is_decimal(field.type)]
    exact = [row | {name: Decimal(row[name]) for name in money if name in row} for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(exact, schema=schema), path, compression="zstd", store_schema=False)
