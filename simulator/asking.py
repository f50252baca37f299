"""Asking over bidirectional streams until there is an answer.

A server that dies, drains or restarts ends its streams; a stream is then opened again, wherever the channel finds a
server, and what had no answer is sent again. All our requests are safe to repeat: an ad that is not shown is not
billed, a feedback with the same receipt and action is a repeat.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, Self, TypeVar

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

NO_ANSWER: Final = "NO_ANSWER"

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_SILENCE_STEP_S: Final = 0.1
_CODE_NAMES: Final[dict[int, str]] = {code.value[0]: code.name for code in grpc.StatusCode}
_TRY_AGAIN: Final = ("RESOURCE_EXHAUSTED", "UNAVAILABLE")


class Question(Protocol):
    """A request on a stream; its number is given when it is asked."""

    sequence: int


class Reply(Protocol):
    """A response on a stream: an answer or an error."""

    @property
    def sequence(self) -> int: ...

    @property
    def error(self) -> status_pb2.Status: ...


Request = TypeVar("Request", bound=Question)
Response = TypeVar("Response", bound=Reply)


@dataclass(eq=False)
class NotAnswered(Exception):
    """There is no answer: the server refused for this reason, or was silent until the deadline (NO_ANSWER)."""

    reason: str


@dataclass(slots=True)
class _Pending(Generic[Request, Response]):
    request: Request
    answer: "asyncio.Future[Response]"
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited: for an answer with all its repetitions, and for a sign of life on a stream. In seconds."""

    deadline_s: float = 30.0
    silence_s: float = 10.0
    draw: random.Random = field(default_factory=random.Random)

    def pause_s(self, attempt: int, told_s: float = 0.0) -> float:
        """Returns how long to wait before attempt 1, 2, ... is repeated: longer each time, never alike."""
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * (1 << min(attempt, 10)))
        return max(told_s, longest * self.draw.uniform(0.5, 1.0))


class Asker(Generic[Request, Response]):
    """Asks over several streams of one method. What waits is bounded by how much its user asks at once."""

    def __init__(
        self,
        open_stream: Callable[[], "grpc.aio.StreamStreamCall[Request, Response]"],
        streams: int,
        patience: Patience,
        resent: "Counter[str]",
    ) -> None:
        self._open = open_stream
        self._streams = streams
        self._patience = patience
        self._resent = resent
        self._sequence = 0
        self._waiting: asyncio.Queue[_Pending[Request, Response]] = asyncio.Queue()
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        group = await self._exit.enter_async_context(asyncio.TaskGroup())
        for _ in range(self._streams):
            self._exit.callback(group.create_task(self._converse()).cancel)
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self._exit.aclose()

    async def ask(self, request: Request) -> Response:
        """Returns the answer to the request. Raises NotAnswered."""
        self._sequence += 1
        request.sequence = self._sequence
        pending: _Pending[Request, Response] = _Pending(request, asyncio.get_running_loop().create_future())
        self._waiting.put_nowait(pending)
        try:
            async with asyncio.timeout(self._patience.deadline_s):
                return await pending.answer
        except TimeoutError:
            raise NotAnswered(NO_ANSWER) from None

    async def _converse(self) -> None:
        fruitless = 0
        while True:
            fruitless = 0 if await self._hold_stream() else fruitless + 1
            if fruitless:
                await asyncio.sleep(self._patience.pause_s(fruitless))

    async def _hold_stream(self) -> bool:
        """Asks over one stream until it ends; tells whether it brought any answer."""
        call = self._open()
        unanswered: dict[int, _Pending[Request, Response]] = {}
        writing = asyncio.create_task(self._write(call, unanswered))
        loop = asyncio.get_running_loop()
        fruitful = False
        ending = "DRAINED"
        try:
            async with asyncio.timeout(self._patience.silence_s) as silence:
                async for response in call:
                    _put_off(silence, loop.time() + self._patience.silence_s)
                    fruitful = True
                    if pending := unanswered.pop(response.sequence, None):
                        self._settle(pending, response)
        except TimeoutError:
            ending = "SILENT"
        except grpc.aio.AioRpcError as problem:
            ending = problem.code().name
        finally:
            writing.cancel()
            call.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            for pending in unanswered.values():
                self._ask_again(pending, ending)
        return fruitful

    async def _write(
        self,
        call: "grpc.aio.StreamStreamCall[Request, Response]",
        unanswered: dict[int, _Pending[Request, Response]],
    ) -> None:
        while True:
            pending = await self._waiting.get()
            if pending.answer.done():
                continue  # its deadline has passed
            unanswered[pending.request.sequence] = pending
            try:
                await call.write(pending.request)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                return  # the stream is over; the reader sees how, and asks again

    def _settle(self, pending: _Pending[Request, Response], response: Response) -> None:
        if pending.answer.done():
            return
        if response.error.code == 0:
            pending.answer.set_result(response)
            return
        code = _code_name(response.error)
        if code in _TRY_AGAIN:
            pending.attempts += 1
            pause_s = self._patience.pause_s(pending.attempts, _told_to_wait_s(response.error))
            asyncio.get_running_loop().call_later(pause_s, self._ask_again, pending, code)
        else:
            pending.answer.set_exception(NotAnswered(reason_of(response.error)))

    def _ask_again(self, pending: _Pending[Request, Response], why: str) -> None:
        if not pending.answer.done():
            self._resent[why] += 1
            self._waiting.put_nowait(pending)


def _put_off(timeout: asyncio.Timeout, when: float) -> None:
    """Moves a time-out, but not for every message: a timer costs as much as the rest of its handling."""
    if when - (timeout.when() or 0.0) > _SILENCE_STEP_S:
        timeout.reschedule(when)


def reason_of(status: status_pb2.Status) -> str:
    """Returns the reason in the status details, such as RECEIPT_EXPIRED, or else the code's name."""
    info = error_details_pb2.ErrorInfo()
    return next((info.reason for detail in status.details if _unpack(detail, info)), _code_name(status))


def _code_name(status: status_pb2.Status) -> str:
    return _CODE_NAMES.get(status.code, "UNKNOWN")


def _told_to_wait_s(status: status_pb2.Status) -> float:
    retry = error_details_pb2.RetryInfo()
    return next((retry.retry_delay.ToMilliseconds() / 1000 for detail in status.details if _unpack(detail, retry)), 0.0)


def _unpack(detail: AnyMessage, into: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> bool:
    return bool(detail.Unpack(into))
