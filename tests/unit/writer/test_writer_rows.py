"""Rows of the archive say exactly what the events say."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from writer_cases import TEN_O_CLOCK_US, event, serve

from marketplace.campaign import Campaign, Status, Targeting, Window
from marketplace.money import MAX_BUDGET_NANOS, to_decimal
from marketplace.runtime.archive.files import LocalFiles
from marketplace.runtime.archive.schema import ADS, SERVED_ADS, USER_FEEDBACK
from marketplace.serve import Viewer
from writer.ads import archive_ads
from writer.rows import feedback_table, money, served_table, times

TEN_O_CLOCK = datetime(2026, 10, 1, 10)  # noqa: DTZ001  # the archive's times are naive UTC


def test_a_feedback_row():
    rows = feedback_table([event(7)])
    assert rows.schema == USER_FEEDBACK
    assert rows.to_pylist() == [
        {
            "request_id": "00000000-0000-7000-8000-000000000007",
            "campaign_id": "c",
            "user_id": "u1",
            "auction_cpm": Decimal("0.0000075"),
            "auction_cpc": Decimal("0.00066"),
            "auction_cpa": Decimal("0.02"),
            "target_age_range": "20-45",
            "target_location": "All, All, India",
            "target_gender": "All",
            "target_income_bucket": "All",
            "target_device_type": "All",
            "campaign_start_time": TEN_O_CLOCK.replace(hour=9),
            "campaign_end_time": TEN_O_CLOCK.replace(hour=11),
            "timestamp": TEN_O_CLOCK.replace(microsecond=7),
            "user_action": "CLICK",
            "view": 1,
            "click": 1,
            "acquisition": 0,
            "expenditure": Decimal("0.00066"),
            "uncharged": Decimal("0.000000001"),
            "event_seq": 7,
            "bid_cpm": Decimal("0.000041025"),
            "category": "Books",
            "user_age": 33,
            "user_gender": "F",
            "user_income_bucket": "M",
            "city": "Mumbai",
            "state": "",
            "device_type": "iPhone",
            "served_at": datetime(2026, 10, 1, 9, 59, 58, 999_999),  # noqa: DTZ001
        }
    ]


def test_an_unknown_age_is_null():
    unknown = replace(event(1), serve=replace(serve(1), viewer=Viewer()))
    assert feedback_table([unknown])["user_age"].to_pylist() == [None]


def test_a_served_row_has_the_time_of_the_serve():
    rows = served_table([serve(1)])
    assert rows.schema == SERVED_ADS
    assert rows["timestamp"].to_pylist() == [datetime(2026, 10, 1, 9, 59, 58, 999_999)]  # noqa: DTZ001
    assert rows["request_id"].to_pylist() == ["00000000-0000-7000-8000-000000000001"]


@pytest.mark.parametrize("rows", [feedback_table([]), served_table([])])
def test_no_rows_have_columns_all_the_same(rows):
    assert rows.num_rows == 0
    assert rows.schema in (USER_FEEDBACK, SERVED_ADS)


@given(st.lists(st.integers(-MAX_BUDGET_NANOS, MAX_BUDGET_NANOS)))
def test_money_is_exact(nanos):
    column = money(nanos)
    column.validate(full=True)
    assert column.to_pylist() == [to_decimal(amount) for amount in nanos]


def test_times_are_naive_utc():
    expected = datetime.fromtimestamp(TEN_O_CLOCK_US / 1e6, UTC).replace(tzinfo=None)
    assert times([TEN_O_CLOCK_US]).to_pylist() == [expected]


def campaign(campaign_id: str) -> Campaign:
    return Campaign(
        campaign_id=campaign_id,
        account="default",
        text="Read!",
        category="Books",
        keywords="a,b",
        targeting=Targeting(device="iPhone"),
        window=Window(0, 1),
        cpc_nanos=660_000,
        cpa_nanos=20_000_000,
        budget_nanos=MAX_BUDGET_NANOS,
        highest_budget_nanos=MAX_BUDGET_NANOS,
        spent_nanos=1,
        status=Status.STOPPED,
        event_seq=9,
    )


def test_the_ads_file_is_replaced_whole(tmp_path):
    files = LocalFiles(tmp_path)
    assert archive_ads([campaign("a"), campaign("b")], files) == 2
    assert archive_ads([campaign("c")], files) == 1
    assert files.list("ads") == ["ads/ads.parquet"]
    assert list(tmp_path.rglob("_*")) == []
    with files.open("ads/ads.parquet") as source:
        rows = pq.ParquetFile(source).read()
    assert rows.schema == ADS
    assert rows.to_pylist() == [
        {
            "campaign_id": "c",
            "account": "default",
            "category": "Books",
            "status": "STOPPED",
            "budget": Decimal("9000000000"),
            "spent": Decimal("0.000000001"),
            "cpm": Decimal("0.00001495"),
            "cpc": Decimal("0.00066"),
            "cpa": Decimal("0.02"),
            "target_device": "iPhone",
            "event_seq": 9,
        }
    ]
