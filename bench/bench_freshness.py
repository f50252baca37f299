"""How soon a change is seen: a command on Kafka until its ad is served, an exhausted budget until it wins no more.

On MariaDB and Kafka, among 2,110 other campaigns; four changes at a time, each on a campaign that alone targets a
city of its own. The city is asked for every few milliseconds.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub

from bench.feedback_load import make_campaigns, put_campaigns
from bench.place import Place, mesh_place
from bench.table import Figure
from marketplace.ports import COMMANDS, Message

CHANGES: Final = 100
_AT_ONCE: Final = 4
_POLL_S: Final = 0.003
_CALL_S: Final = 10.0
_LONGEST_S: Final = 30.0
_SILENT_S: Final = 0.6
_CPC: Final = "0.001"


def run() -> list[Figure]:
    """Measures, in half a minute."""
    with mesh_place() as place:
        put_campaigns(place.engine, make_campaigns(2_110))
        place.start("ad-manager", "feedback-handler", "adserver")
        mesh = _Mesh(place)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            took_s = list(pool.map(lambda number: _one_change(mesh, f"city {number}"), range(CHANGES)))
        mesh.close()
    served_s, silent_s = map(list, zip(*took_s, strict=True))
    return [
        *_figures("command on Kafka until served", served_s, 1_000),
        *_figures("answer to the click that exhausts a budget until it wins no more", silent_s, 500),
    ]


def _figures(name: str, took_s: list[float], target_ms: float) -> Iterator[Figure]:
    ms = sorted(1_000 * each for each in took_s)
    yield Figure.at_most(f"{name}, p99 of {len(ms)}", ms[len(ms) * 99 // 100], "ms", target_ms)
    yield Figure(f"{name}, median", ms[len(ms) // 2], "ms")


def _one_change(mesh: "_Mesh", city: str) -> tuple[float, float]:
    return mesh.until_served(city), mesh.until_silent(city)


class _Mesh:
    """The processes' clients, and what is asked of them."""

    def __init__(self, place: Place) -> None:
        self._publisher = place.topics.publisher()
        self._channels = {
            name: grpc.insecure_channel(place.addresses[name]) for name in ("adserver", "feedback-handler")
        }
        self._ads: Any = AdServerStub(self._channels["adserver"])
        self._feedback: Any = FeedbackHandlerStub(self._channels["feedback-handler"])

    def until_served(self, city: str) -> float:
        """Publishes a campaign that a single click exhausts; returns how long after that its ad is served."""
        self._publisher.publish(COMMANDS, [_command(city)])
        published_s = time.perf_counter()
        _wait_until(lambda: self._ad(city) is not None)
        return time.perf_counter() - published_s

    def until_silent(self, city: str) -> float:
        """Clicks on the ad; returns how long after the answer it was won for the last time."""
        ad = self._ad(city)
        assert ad
        request = feedback_pb.SubmitFeedbackRequest(receipt=ad.receipt, action=feedback_pb.ACTION_CLICK)
        self._feedback.SubmitFeedback(request, timeout=_CALL_S)
        answered_s = last_s = time.perf_counter()
        while time.perf_counter() - last_s < _SILENT_S:
            if self._ad(city):
                last_s = time.perf_counter()
            time.sleep(_POLL_S)
        return last_s - answered_s

    def close(self) -> None:
        """Lets go of everything."""
        self._publisher.close()
        for channel in self._channels.values():
            channel.close()

    def _ad(self, city: str) -> ads_pb.Ad | None:
        answer = self._ads.ServeAd(ads_pb.ServeAdRequest(user_id="anyone", city=city), timeout=_CALL_S)
        return answer.ads[0] if answer.ads and answer.ads[0].text == city else None


def _wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError("a change is not seen")
        time.sleep(_POLL_S)


def _command(city: str) -> Message:
    """Returns a New Campaign as it stands on the topic; its budget is one click."""
    start = datetime.now(UTC) - timedelta(minutes=1)
    end = start + timedelta(hours=1)
    campaign_id = str(uuid.uuid4())
    fields = {
        "text": city,
        "category": "Home & Kitchen",
        "keywords": "mug",
        "campaign_id": campaign_id,
        "action": "New Campaign",
        "target_gender": "All",
        "target_age_range": {"start": "0", "end": "0"},
        "target_city": city,
        "target_state": "All",
        "target_country": "India",
        "target_income_bucket": "All",
        "target_device": "All",
        "cpc": _CPC,
        "cpa": "0.04",
        "budget": _CPC,
        "date_range": {"start": f"{start:%Y-%m-%d}", "end": f"{end:%Y-%m-%d}"},
        "time_range": {"start": f"{start:%H:%M:%S}", "end": f"{end:%H:%M:%S}"},
    }
    return Message(campaign_id.encode(), json.dumps(fields).encode())
