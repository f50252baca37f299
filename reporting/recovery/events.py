"""Rows of the archive as the events that they were, and those as rows of the ledger.

A row holds everything that its event held, but for the user's id where the archive keeps only a hash of it.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from marketplace.campaign import Window
from marketplace.feedback import Action, FeedbackEvent
from marketplace.runtime.archive.schema import USER_FEEDBACK
from marketplace.serve import Serve, Viewer, Winner
from marketplace.wire import encode_event
from reporting.cells import to_nanos

_MONEY: Final = [field.name for field in USER_FEEDBACK if pa.types.is_decimal(field.type)]
_TIMES: Final = [field.name for field in USER_FEEDBACK if pa.types.is_timestamp(field.type)]


def events_of(rows: pa.Table) -> Iterator[FeedbackEvent]:
    """Reads rows of `user_feedback`."""
    for name in _TIMES:
        micros = pc.cast(rows[name], pa.int64())
        rows = rows.set_column(rows.column_names.index(name), name, micros)
    yield from map(_event, rows.to_pylist())


def ledger_row(event: FeedbackEvent) -> dict[str, Any]:
    """Writes an event as the row of the ledger that its charge was."""
    serve = event.serve
    prices = {Action.VIEW: 0, Action.CLICK: serve.auction_cpc_nanos, Action.ACQUISITION: serve.auction_cpa_nanos}
    return {
        "request_id": serve.request_id,
        "action": int(event.action),
        "campaign_id": serve.winner.campaign_id,
        "event_seq": event.event_seq,
        "price_nanos": prices[event.action],
        "charged_nanos": event.charged_nanos,
        "uncharged_nanos": event.uncharged_nanos,
        "charged_at_us": event.charged_at_us,
        "event": encode_event(event),
    }


def _event(row: Mapping[str, Any]) -> FeedbackEvent:
    nanos = {name: to_nanos(row[name] or Decimal()) for name in _MONEY}
    return FeedbackEvent(
        event_seq=row["event_seq"],
        action=Action[row["user_action"]],
        view=row["view"],
        click=row["click"],
        acquisition=row["acquisition"],
        charged_nanos=nanos["expenditure"],
        uncharged_nanos=nanos["uncharged"],
        charged_at_us=row["timestamp"],
        serve=Serve(
            request_id=row["request_id"],
            served_at_us=row["served_at"],
            viewer=_viewer(row),
            winner=_winner(row, nanos["bid_cpm"]),
            auction_cpm_nanos=nanos["auction_cpm"],
            auction_cpc_nanos=nanos["auction_cpc"],
            auction_cpa_nanos=nanos["auction_cpa"],
        ),
    )


def _viewer(row: Mapping[str, Any]) -> Viewer:
    return Viewer(
        user_id=row["user_id"] or "",
        age=row["user_age"],
        gender=row["user_gender"] or "",
        income_bucket=row["user_income_bucket"] or "",
        city=row["city"] or "",
        state=row["state"] or "",
        device_type=row["device_type"] or "",
    )


def _winner(row: Mapping[str, Any], bid_cpm_nanos: int) -> Winner:
    return Winner(
        campaign_id=row["campaign_id"],
        bid_cpm_nanos=bid_cpm_nanos,
        category=row["category"] or "",
        target_age_range=row["target_age_range"],
        target_location=row["target_location"],
        target_gender=row["target_gender"],
        target_income_bucket=row["target_income_bucket"],
        target_device_type=row["target_device_type"],
        window=Window(row["campaign_start_time"], row["campaign_end_time"]),
    )
