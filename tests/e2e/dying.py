"""Runs a process that kills itself (SIGKILL) at one point of its work: `dying.py POINT --listen ADDRESS`.

The process is the real one, wired by its own `build`; only the thing that has to die is put in place of the original.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import admanager.__main__ as ad_manager
import feedback.__main__ as feedback_handler
import writer.__main__ as feedback_writer
from admanager.store import SqlCommandUnit
from feedback.store import SqlChargeUnit
from marketplace.ports import USER_FEEDBACK, Message, Publisher


def die() -> None:
    """Ends the process as kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_after_writer_step(step: int) -> None:
    """Lets the writer of the feedback die after a step of its commit order."""
    real: Callable[..., Any] = feedback_writer.Writer

    def make(log: Any, files: Any, catalog: Any, landing: Any, limits: Any) -> Any:
        mortal = landing.topic == USER_FEEDBACK
        return real(log, files, catalog, landing, limits, lambda done: die() if mortal and done == step else None)

    feedback_writer.Writer = make  # type: ignore[assignment, misc]


class DyingPublisher:
    """A `ports.Publisher` whose process dies when its first messages are durable."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        self._publisher.publish(topic, messages)
        die()

    def close(self) -> None:
        self._publisher.close()


def die_between_send_and_delete() -> None:
    """Lets the relay die."""
    real: Callable[..., Any] = feedback_handler.Relay
    feedback_handler.Relay = lambda outbox, publisher: real(outbox, DyingPublisher(publisher))  # type: ignore


def die_at_commit(unit: Any, after: bool) -> None:
    """Lets a transaction die, all its statements made, before its commit or after it."""
    real = unit.commit

    def commit(self: Any, *position: int) -> None:
        if after:
            real(self, *position)
        die()

    unit.commit = commit


POINTS: Final[dict[str, tuple[Any, Callable[[], None]]]] = {
    **{f"writer-{step}": (feedback_writer, lambda step=step: die_after_writer_step(step)) for step in range(1, 7)},
    "relay-sent": (feedback_handler, die_between_send_and_delete),
    "charge-before-commit": (feedback_handler, lambda: die_at_commit(SqlChargeUnit, after=False)),
    "charge-after-commit": (feedback_handler, lambda: die_at_commit(SqlChargeUnit, after=True)),
    "command-before-commit": (ad_manager, lambda: die_at_commit(SqlCommandUnit, after=False)),
    "command-after-commit": (ad_manager, lambda: die_at_commit(SqlCommandUnit, after=True)),
}

if __name__ == "__main__":
    program, arm = POINTS[sys.argv.pop(1)]
    arm()
    program.main()
