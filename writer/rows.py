"""Serves and feedback events as rows of the archive's tables.

Columns are built from whole lists and buffers: DECIMAL from an int64 buffer is 100 times cheaper than from Decimals.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from marketplace.feedback import FeedbackEvent
from marketplace.runtime.archive.schema import MONEY, SERVED_ADS, TIME, USER_FEEDBACK
from marketplace.serve import Serve
from writer.user_ids import Conceal, plain

Column: TypeAlias = "pa.Array[Any] | list[Any]"


def served_table(serves: Sequence[Serve], conceal: Conceal = plain) -> pa.Table:
    """Returns serves as rows of `served_ads`, in order; `conceal` makes of a user's id what is kept of it."""
    columns = _auction(serves, conceal)
    columns["timestamp"] = times(serve.served_at_us for serve in serves)
    return table(columns, SERVED_ADS)


def feedback_table(events: Sequence[FeedbackEvent], conceal: Conceal = plain) -> pa.Table:
    """Returns events as rows of `user_feedback`, in order. What was not known of a user is NULL or an empty text."""
    serves = [event.serve for event in events]
    viewers = [serve.viewer for serve in serves]
    columns = _auction(serves, conceal)
    columns |= {
        "timestamp": times(event.charged_at_us for event in events),
        "user_action": [event.action.name for event in events],
        "view": [event.view for event in events],
        "click": [event.click for event in events],
        "acquisition": [event.acquisition for event in events],
        "expenditure": money(event.charged_nanos for event in events),
        "uncharged": money(event.uncharged_nanos for event in events),
        "event_seq": [event.event_seq for event in events],
        "bid_cpm": money(serve.winner.bid_cpm_nanos for serve in serves),
        "category": [serve.winner.category for serve in serves],
        "user_age": [viewer.age for viewer in viewers],
        "user_gender": [viewer.gender for viewer in viewers],
        "user_income_bucket": [viewer.income_bucket for viewer in viewers],
        "city": [viewer.city for viewer in viewers],
        "state": [viewer.state for viewer in viewers],
        "device_type": [viewer.device_type for viewer in viewers],
        "served_at": times(serve.served_at_us for serve in serves),
    }
    return table(columns, USER_FEEDBACK)


def _auction(serves: Sequence[Serve], conceal: Conceal) -> dict[str, Column]:
    winners = [serve.winner for serve in serves]
    return {
        "request_id": [serve.request_id for serve in serves],
        "campaign_id": [winner.campaign_id for winner in winners],
        "user_id": [conceal(serve.viewer.user_id) for serve in serves],
        "auction_cpm": money(serve.auction_cpm_nanos for serve in serves),
        "auction_cpc": money(serve.auction_cpc_nanos for serve in serves),
        "auction_cpa": money(serve.auction_cpa_nanos for serve in serves),
        "target_age_range": [winner.target_age_range for winner in winners],
        "target_location": [winner.target_location for winner in winners],
        "target_gender": [winner.target_gender for winner in winners],
        "target_income_bucket": [winner.target_income_bucket for winner in winners],
        "target_device_type": [winner.target_device_type for winner in winners],
        "campaign_start_time": times(winner.window.start_us for winner in winners),
        "campaign_end_time": times(winner.window.end_us for winner in winners),
    }


def table(columns: Mapping[str, Column], schema: pa.Schema) -> pa.Table:
    """Returns the columns in the schema's order and types."""
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in schema}, schema=schema)


def money(nanos: Iterable[int]) -> "pa.Array[Any]":
    """Returns amounts in nanos as DECIMAL(20,9)."""
    low = np.fromiter(nanos, np.int64)
    words = np.empty((len(low), 2), np.int64)  # a decimal is a 128-bit integer, little-endian: low word, then the sign
    words[:, 0] = low
    words[:, 1] = low >> 63
    return pa.Decimal128Array.from_buffers(MONEY, len(low), [None, pa.py_buffer(words.data)])


def times(times_us: Iterable[int]) -> "pa.Array[Any]":
    """Returns instants in microseconds since the epoch as naive UTC timestamps."""
    return pa.array(np.fromiter(times_us, np.int64)).view(TIME)
