"""Feedback events by the hundred thousand: as messages of the topic, and as a large archive."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.feedback_load import CITIES, DAY_US, make_campaigns, make_serve
from marketplace.archive_layout import ADS_FILE, FileName, date_and_hour, partition_folder
from marketplace.campaign import Campaign
from marketplace.clock import system_clock
from marketplace.feedback import Action, ChargedAction
from marketplace.ports import USER_FEEDBACK as TOPIC
from marketplace.ports import Message
from marketplace.runtime.archive.files import LocalFiles
from marketplace.runtime.archive.schema import TIME, USER_FEEDBACK
from marketplace.wire import encode_charged, encode_serve
from writer.ads import archive_ads
from writer.rows import money

_FILE_ROWS: Final = 500_000
_CLICKS: Final = 12  # one request in so many is clicked on
_SERVES: Final = 20_000
_USERS: Final = [f"00000000-0000-4000-8000-{n:012x}" for n in range(100_000)]


def messages(campaigns: Sequence[Campaign], count: int) -> Iterator[Message]:
    """Makes messages of topic `user-feedback`, numbered without gaps; the same serves come again and again."""
    rng, last = Random(1), dict.fromkeys((one.campaign_id for one in campaigns), 0)
    serves = [make_serve(rng, rng.choice(campaigns)) for _ in range(_SERVES)]
    encoded = [encode_serve(serve) for serve in serves]
    for number in range(count):
        serve = serves[number % _SERVES]
        campaign_id = serve.winner.campaign_id
        last[campaign_id] += 1
        event = ChargedAction(
            event_seq=last[campaign_id],
            action=Action.VIEW,
            view=1,
            click=0,
            acquisition=0,
            charged_nanos=0,
            uncharged_nanos=0,
            charged_at_us=serve.served_at_us + number,
        )
        yield Message(campaign_id.encode(), encode_charged(event, encoded[number % _SERVES]))


def large_archive(folder: Path, count: int) -> None:
    """Fills a folder with an archive of so many feedback events in files of the writer's kind, unless it is filled."""
    if (folder / ADS_FILE).exists():
        return
    campaigns, numbers = make_campaigns(2_110), np.random.default_rng(1)
    last = np.zeros(len(campaigns), np.int64)
    start_us = system_clock() - 2 * DAY_US
    for start in range(0, count, _FILE_ROWS):
        time_us = start_us + start * 10_000
        rows = _rows(campaigns, last, numbers, min(_FILE_ROWS, count - start), start, time_us)
        part = folder / partition_folder("user_feedback", *date_and_hour(time_us))
        part.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, part / str(FileName(TOPIC, 0, 0, start)), compression="zstd", store_schema=False)
    counted = [replace(one, event_seq=int(seq)) for one, seq in zip(campaigns, last, strict=True)]
    archive_ads(counted, LocalFiles(folder))


def _rows(
    campaigns: Sequence[Campaign], last: Any, numbers: np.random.Generator, count: int, start: int, time_us: int
) -> pa.Table:
    """Makes views, and clicks on some of them; raises `last`, the highest event_seq of each campaign."""
    views = count * _CLICKS // (_CLICKS + 1)
    request = np.concatenate([np.arange(views), numbers.integers(0, views, count - views)])
    clicked = np.arange(count) >= views
    ids = np.frombuffer(numbers.integers(2**48, size=views).astype(">i8").tobytes().hex().encode(), "S16")
    texts = pc.binary_join_element_wise(
        "0198f000-0000-7000-8000", pc.utf8_slice_codeunits(pa.array(ids.astype("U16")), 4), "-"
    )

    def drawn(values: Sequence[Any]) -> "pa.Array[Any]":
        return _of(values, numbers.integers(0, len(values), views)[request])

    chosen = numbers.integers(0, len(campaigns), views)[request]
    cpc = np.array([one.cpc_nanos for one in campaigns])[chosen]
    seq = _numbered(chosen, last)
    times = pa.array(time_us + np.arange(count) * 10_000).view(TIME)
    window = [
        pa.array(np.full(count, at)).view(TIME) for at in (campaigns[0].window.start_us, campaigns[0].window.end_us)
    ]
    columns: Mapping[str, Any] = {
        "request_id": texts.take(pa.array(request)),
        "campaign_id": _of([one.campaign_id for one in campaigns], chosen),
        "user_id": drawn(_USERS),
        "auction_cpm": money(cpc // 133),
        "auction_cpc": money(cpc),
        "auction_cpa": money(cpc * 40),
        "target_age_range": drawn(["All", "20-45", "18-30"]),
        "target_location": drawn([f"{city}, Maharashtra, India" for city in CITIES]),
        "target_gender": drawn(["All", "F", "M"]),
        "target_income_bucket": drawn(["All", "L", "M", "H"]),
        "target_device_type": drawn(["All", "iPhone", "Android Mobile"]),
        "campaign_start_time": window[0],
        "campaign_end_time": window[1],
        "timestamp": times,
        "user_action": _of(["VIEW", "CLICK"], clicked.astype(np.int64)),
        "view": pa.array((~clicked).astype(np.int32)),
        "click": pa.array(clicked.astype(np.int32)),
        "acquisition": pa.array(np.zeros(count, np.int32)),
        "expenditure": money(np.where(clicked, cpc, 0)),
        "uncharged": money(np.zeros(count, np.int64)),
        "event_seq": pa.array(seq),
        "bid_cpm": money(cpc // 133 + numbers.integers(0, 1_000, views)[request]),
        "category": _of([one.category for one in campaigns], chosen),
        "user_age": drawn([None, *range(18, 63)]).cast(pa.int32()),
        "user_gender": drawn(["F", "M", ""]),
        "user_income_bucket": drawn(["L", "M", "H", ""]),
        "city": drawn(CITIES),
        "state": drawn(["Maharashtra"]),
        "device_type": drawn(["Android Mobile", "Windows Computer", "iPhone", "Linux Computer", "Macbook"]),
        "served_at": times,
    }
    return pa.table([columns[name] for name in USER_FEEDBACK.names], schema=USER_FEEDBACK)


def _of(values: Sequence[Any], places: Any) -> "pa.Array[Any]":
    taken: pa.Array[Any] = pa.array(values).take(pa.array(places))
    return taken


def _numbered(chosen: Any, last: Any) -> Any:
    """Numbers each campaign's events on from its last one."""
    order = np.argsort(chosen, kind="stable")
    counts = np.bincount(chosen, minlength=len(last))
    seq = np.empty(len(chosen), np.int64)
    seq[order] = np.arange(len(chosen)) - np.repeat(np.cumsum(counts) - counts, counts) + 1 + last[chosen[order]]
    last += counts
    return seq
