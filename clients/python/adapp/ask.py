"""Asking for ads over a stream."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import grpc
from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1.ad_server_pb2_grpc import AdServerStub

from adapp.refusal import PASSING, Refusal, refusal_in, refusal_of
from adapp.settings import Settings

FRUITLESS_TRIES: Final = 5
FIRST_PAUSE_S: Final = 0.2


@dataclass
class StreamFailed(Exception):
    """The ad server does not answer, or does not want to."""

    refusal: Refusal


def ask(stub: AdServerStub, settings: Settings) -> Iterator[pb.StreamAdsResponse]:
    """Sends the request `settings.count` times over a stream; yields each answer once, in whatever order they come.

    A stream that ends early is opened again, and what had no answer is sent again: an ad that is not shown is not
    billed. Raises StreamFailed.
    """
    request = pb.ServeAdRequest(user_id=settings.user_id, city=settings.city)
    waiting = set(range(1, settings.count + 1))
    fruitless = 0
    while waiting:
        before, ending = len(waiting), Refusal("UNAVAILABLE", "", "later")
        messages = [pb.StreamAdsRequest(sequence=sequence, request=request) for sequence in sorted(waiting)]
        try:
            for answer in stub.StreamAds(iter(messages), timeout=settings.deadline_s):
                if answer.error.code in PASSING:
                    ending = refusal_in(answer.error)
                elif answer.sequence in waiting:
                    waiting.discard(answer.sequence)
                    yield answer
        except grpc.RpcError as problem:
            ending = refusal_of(problem)
            if ending.then != "later":
                raise StreamFailed(ending) from None
        fruitless = 0 if len(waiting) < before else fruitless + 1
        if fruitless == FRUITLESS_TRIES:
            raise StreamFailed(ending)
        if waiting:
            time.sleep(min(settings.deadline_s, ending.wait_s) + random.uniform(0, FIRST_PAUSE_S * 2**fruitless))
