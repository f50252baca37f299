"""An ad without gRPC, in this process: from a request's bytes to the answer's, auction and receipt included."""

import gc
import time
from pathlib import Path
from random import Random
from typing import Any, Final

from adplatform.v1 import ad_server_pb2 as pb

from adserver.answer_wire import encode_ads
from adserver.index import Index
from adserver.profiles import Profiles
from adserver.records import ServeRecords
from adserver.request_ids import new_request_id
from adserver.serve import AdRequest, AdService
from adserver.store import SqlCampaignFeed, SqlProfileSource
from bench import machine
from marketplace.clock import system_clock
from marketplace.receipt import KeyRing, new_key
from marketplace.runtime.store.engine import open_engine

_REST_S: Final = 0.0003
_RESTED: Final = 3_000


def ad_us(store: Path, asked: list[dict[str, Any]]) -> tuple[float, float]:
    """Returns microseconds an ad, medians: of ads made one after another, and with a rest of 300 us between two.

    In the rest the processor does other things or sleeps, as it does among calls; no ad does more work for it.
    """
    requests = [pb.ServeAdRequest(**one).SerializeToString() for one in asked]
    service = _service(store)
    for request in requests:
        _answer(service, request)  # what is remembered of campaigns and places is so after this
    gc.collect()
    gc.freeze()
    together = machine.median([_took_s(service, request) for request in requests])
    apart: list[float] = []
    for request in requests[:_RESTED]:
        time.sleep(_REST_S)
        apart.append(_took_s(service, request))
    gc.unfreeze()
    return together * 1e6, machine.median(apart) * 1e6


def _took_s(service: AdService, request: bytes) -> float:
    start_s = time.perf_counter()
    _answer(service, request)
    return time.perf_counter() - start_s


def _answer(service: AdService, request: bytes) -> bytes:
    read = pb.ServeAdRequest.FromString(request)
    asked = AdRequest(read.user_id, read.device_type, read.city, read.state, read.country, read.ad_count or 1)
    return encode_ads(service.serve(asked))


def _service(store: Path) -> AdService:
    engine, now_us = open_engine(f"sqlite:///{store}"), system_clock()
    records = ServeRecords(_Nobody(), 0)
    service = AdService(KeyRing([new_key(0)]), records, system_clock, new_request_id, Random(3).random)
    service.index = Index.build(SqlCampaignFeed(engine).live(now_us), now_us)
    service.profiles = Profiles(SqlProfileSource(engine).profiles())
    engine.dispose()
    return service


class _Nobody:
    """Takes no records."""

    def publish(self, topic: str, messages: Any) -> None: ...

    def close(self) -> None: ...
