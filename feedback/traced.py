"""Spans of charges. Loaded only where they are sent somewhere."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from opentelemetry.trace import SpanKind

from feedback.charger import Answer, Claim
from feedback.queue import ChargeQueue
from marketplace.errors import PlatformError
from marketplace.ports import USER_FEEDBACK, Message, Publisher
from marketplace.runtime.tracing import Tracer
from marketplace.trace import Place
from marketplace.wire import decode_event


class TracedQueue(ChargeQueue):
    """A queue that records each charge, from the claim to the answer after its commit."""

    def __init__(self, tracer: Tracer, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._tracer = tracer

    def put(self, claim: Claim) -> "asyncio.Future[Answer]":
        """Takes a claim; the future has the answer after the commit, or a PlatformError. Raises Overloaded."""
        if not self._tracer.traces(claim.terms.request_id):
            return super().put(claim)
        started_ns = time.time_ns()
        try:
            charged = super().put(claim)
        except PlatformError as error:
            self._record(claim, started_ns, {}, error)
            raise
        charged.add_done_callback(partial(self._ended, claim, started_ns))
        return charged

    def _ended(self, claim: Claim, started_ns: int, charged: "asyncio.Future[Answer]") -> None:
        if charged.cancelled():
            return
        error = charged.exception()
        if isinstance(error, PlatformError):
            self._record(claim, started_ns, {}, error)
        elif error is None:
            answer = charged.result()
            self._record(claim, started_ns, {"repeat": answer.repeat, "charged_nanos": answer.charged_nanos})

    def _record(
        self, claim: Claim, started_ns: int, outcome: Mapping[str, int], error: PlatformError | None = None
    ) -> None:
        request_id, charged = claim.terms.request_id, outcome.get("repeat") is False
        place = Place.of_charge(request_id, claim.action) if charged else Place.of_serve(request_id).below()
        campaign_id = claim.terms.campaign_id
        about: dict[str, str | int] = {"action": claim.action.name, "campaign_id": campaign_id, **outcome}
        self._tracer.record("SubmitFeedback", SpanKind.SERVER, place, started_ns, time.time_ns(), about, error)


class TracedPublisher:
    """A publisher that gives each event its trace as a header, and records when the topic has it."""

    def __init__(self, publisher: Publisher, tracer: Tracer) -> None:
        self._publisher = publisher
        self._tracer = tracer

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """See `ports.Publisher`."""
        places = [self._place(message) if topic == USER_FEEDBACK else None for message in messages]
        started_ns = time.time_ns()
        self._publisher.publish(
            topic,
            [
                replace(message, headers=message.headers + place.headers) if place else message
                for message, place in zip(messages, places, strict=True)
            ],
        )
        ended_ns = time.time_ns()
        for place in filter(None, places):
            self._tracer.record(f"{topic} publish", SpanKind.PRODUCER, place, started_ns, ended_ns, {})

    def close(self) -> None:
        """See `ports.Publisher`."""
        self._publisher.close()

    def _place(self, message: Message) -> Place | None:
        event = decode_event(message.value)
        if not self._tracer.traces(event.serve.request_id):
            return None
        return Place.of_charge(event.serve.request_id, event.action).below()
