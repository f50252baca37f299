"""Who uses the platform from outside: users who see ads and act on them, and a campaign manager."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from adplatform.v1 import feedback_handler_pb2 as pb
from processes import AdManager, AdServer, FeedbackHandler
from shared import Mesh
from world import Violation

from admanager.commands import Verb
from adserver.serve import AdRequest, ServedAdvert
from marketplace.campaign import DEFAULT_ACCOUNT
from marketplace.clock import US_PER_SECOND
from marketplace.errors import (
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    Overloaded,
    PlatformError,
    ReceiptExpired,
    Unavailable,
)
from marketplace.feedback import Action
from marketplace.ports import COMMANDS, Message

_TRIES: Final = 6
_PLANS: Final = ("V", "VC", "VCA", "C", "A", "ACV", "CC", "AV", "VVA", "CA")
_ACTIONS: Final = {"V": Action.VIEW, "C": Action.CLICK, "A": Action.ACQUISITION}
_ENDS: Final = (("01", "10:30:00", 3), ("01", "13:00:00", 18), ("04", "10:00:00", 432), ("05", "10:00:00", 576))


class Users:
    """Those who see ads. What they were answered is what must never be lost."""

    def __init__(self, mesh: Mesh, adservers: list[AdServer], handlers: list[FeedbackHandler]) -> None:
        self._mesh = mesh
        self._world = mesh.world
        self._rng = mesh.world.rng
        self._adservers = adservers
        self._handlers = handlers
        self._seen: list[tuple[bytes, Action]] = []
        self.answers: dict[tuple[str, Action], set[int]] = {}

    def live(self, rounds: int) -> None:
        """Asks for ads again and again, and acts on what comes."""
        self._world.sleep(self._rng.random())
        for _ in range(rounds):
            for ad in self._ask():
                self._act_on(ad.receipt, [_ACTIONS[letter] for letter in self._rng.choice(_PLANS)])
            if self._seen and self._rng.random() < 0.3:
                self._act(*self._rng.choice(self._seen))

    def _ask(self) -> list[ServedAdvert]:
        request = AdRequest("u1", "", "", "", "", self._rng.choice((1, 1, 2)))
        for _ in range(_TRIES):
            server = self._rng.choice(self._adservers)
            try:
                ads = server.serve(request)
            except Unavailable:
                self._world.sleep(0.1)
                continue
            if ads:
                return ads
            self._world.sleep(0.1)
            if self._rng.random() < 0.5:
                self._world.jumped_us += 600 * US_PER_SECOND  # nothing happens until the next slot
        return []

    def _act_on(self, receipt: bytes, actions: list[Action]) -> None:
        """Submits one action after another, or all at once as a stream does."""
        if self._rng.random() < 0.6:
            for action in actions:
                self._act(receipt, action)
            return
        scheduler = self._world.scheduler
        acting = [scheduler.spawn("stream", partial(self._act, receipt, action)) for action in actions]
        while not all(actor.ended for actor in acting):
            scheduler.wait(0.1)

    def _act(self, receipt: bytes, action: Action) -> None:
        self._seen.append((receipt, action))
        request = pb.SubmitFeedbackRequest(receipt=receipt, action=int(action))  # type: ignore[arg-type]
        for _ in range(_TRIES):
            handler = self._rng.choice(self._handlers)
            try:
                answer = handler.submit(request)
            except (Unavailable, Overloaded):
                self._world.sleep(0.02 + 0.3 * self._rng.random())
                continue
            except ReceiptExpired:
                return
            except PlatformError as problem:
                raise Violation(f"a genuine receipt was refused: {problem!r}") from problem
            self._world.say(f"  acknowledged {answer.request_id[-4:]} {action.name} {answer.charged_nanos}")
            self.answers.setdefault((answer.request_id, action), set()).add(answer.charged_nanos)
            return


class Manager:
    """Who makes campaigns, changes and stops them, some over gRPC and some on the topic."""

    def __init__(self, mesh: Mesh, managers: list[AdManager]) -> None:
        self._mesh = mesh
        self._world = mesh.world
        self._rng = mesh.world.rng
        self._managers = managers
        self._count = 0
        self._last: dict[str, Any] | None = None
        self.accepted: list[str] = []

    def begin(self, campaigns: int) -> None:
        """Puts the first campaigns on the topic, before anything runs."""
        for number in range(campaigns):
            self._append(self._new(f"c{number}"))

    def live(self, commands: int) -> None:
        """Sends commands, one after another."""
        for _ in range(commands):
            self._world.sleep(0.3 * self._rng.random())
            if self._rng.random() < 0.6:
                self._submit()
            else:
                self._replay()

    def _submit(self) -> None:
        fields = self.command()
        verb = Verb(fields.pop("action"))
        account = self._rng.choice((None, DEFAULT_ACCOUNT))
        for _ in range(_TRIES):
            try:
                self._rng.choice(self._managers).submit(verb, fields, account)
            except Unavailable:
                self._world.sleep(self._rng.random())
                continue
            except (AlreadyExists, NotFound, FailedPrecondition):
                return
            self.accepted.append(fields["command_id"])
            return

    def _replay(self) -> None:
        """Puts a command on the topic as `campaign replay` does, now and then twice, or something unreadable."""
        for _ in range(self._rng.choice((1, 1, 2))):
            self._world.scheduler.step("replay")
            if self._rng.random() < 0.3:
                self._mesh.log.append(COMMANDS, Message(b"c0", b"{no command"))
            else:
                self._append(self.command())

    def _append(self, fields: dict[str, Any]) -> None:
        self._mesh.log.append(COMMANDS, Message(fields["campaign_id"].encode(), json.dumps(fields).encode()))

    def command(self) -> dict[str, Any]:
        """Makes a command, or takes the last one again, as who has lost an answer does."""
        if self._last is None or self._rng.random() < 0.9:
            campaign_id = f"c{self._rng.randrange(self._world.chance.size.campaigns + 2)}"
            makers: tuple[Callable[[str], dict[str, Any]], ...] = (self._update, self._update, self._new, self._stop)
            self._last = self._rng.choice(makers)(campaign_id)
        return dict(self._last)

    def _ids(self, campaign_id: str, verb: Verb) -> dict[str, Any]:
        self._count += 1
        return {"campaign_id": campaign_id, "action": verb.value, "command_id": f"command-{self._count}"}

    def _stop(self, campaign_id: str) -> dict[str, Any]:
        return self._ids(campaign_id, Verb.STOP)

    def _update(self, campaign_id: str) -> dict[str, Any]:
        changes = {"budget": self._budget(1), "cpc": self._cpc(), "category": self._rng.choice(("Toys", "Books"))}
        names = self._rng.sample(sorted(changes), self._rng.randint(1, 3))
        return self._ids(campaign_id, Verb.UPDATE) | {name: changes[name] for name in names}

    def _new(self, campaign_id: str) -> dict[str, Any]:
        day, end, slots = self._rng.choice(_ENDS)
        targets = ("gender", "city", "state", "country", "income_bucket", "device")
        return self._ids(campaign_id, Verb.NEW) | {
            "text": "Tin robot",
            "category": "Toys",
            "keywords": "tin",
            **{f"target_{name}": "All" for name in targets},
            "target_age_range": {"start": 0, "end": 0},
            "cpc": self._cpc(),
            "cpa": "0.05",
            "budget": self._budget(slots),
            "date_range": {"start": "2026-10-01", "end": f"2026-10-{day}"},
            "time_range": {"start": "09:00:00", "end": end},
        }

    def _cpc(self) -> str:
        return f"0.000{self._rng.randint(100, 999)}"

    def _budget(self, slots: int) -> str:
        return f"{self._rng.choice((0.0011, 0.0400, 0.3210, 2.0)) * slots:.4f}"
