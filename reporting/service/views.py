"""What each call reads, put together: everything here may wait for the store or the archive."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from marketplace.bids import bid_key, cpm_nanos
from marketplace.campaign import Targeting, Window
from marketplace.clock import Clock
from marketplace.errors import NotFound, Overloaded, Unavailable
from marketplace.slots import SlotGrid
from reporting.service import audience, ledger
from reporting.service.choices import Choice, read_choices
from reporting.service.course import Course, Step, step_length_us
from reporting.service.estimate import Demand, Kind, Rivals, Slots, demand_of, matching_users, slots_of
from reporting.service.fresh import Fresh
from reporting.service.past import Past
from reporting.service.sample import Sample
from reporting.service.share import Share, eligible_span, share_of
from reporting.service.standing import Standing, read_standing
from reporting.service.traffic import MINUTE_US
from reporting.service.wins import WinReader, Wins
from reporting.service.wire import course_event

_COURSES: Final = 256
_WAIT_S: Final = 8.0
_READ_S: Final = 2.0
_PAST_S: Final = 1.0
_WINS_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A campaign as it may be saved. Money in nanos."""

    campaign_id: str
    targeting: Targeting
    window: Window
    cpc_nanos: int
    cpa_nanos: int
    leftover_nanos: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan may expect."""

    known_users: int
    matching_users: int
    rivals: Rivals
    slots: Slots
    demand: Demand


@dataclass(frozen=True, slots=True)
class Series:
    """A campaign's course in steps; `wins` by the start of a step, counted from `wins_since_us` on; None: all are."""

    step_us: int
    steps: list[Step]
    wins: dict[int, Wins]
    wins_since_us: int | None
    complete: bool
    charged_before_nanos: int


class Views:
    """The store's and the archive's answers, with what is kept between calls. For several threads."""

    def __init__(
        self, engine: Engine, wins: WinReader, past: Past, sample: Sample, grid: SlotGrid, clock: Clock
    ) -> None:
        self._engine = engine
        self._wins = wins
        self._past = past
        self._sample = sample
        self._grid = grid
        self._clock = clock
        self._standing: Fresh[str | None, Standing] = Fresh(
            lambda account: read_standing(engine, account, clock()), fresh_s=1.0, stale_s=5.0
        )
        self._choices: Fresh[str | None, dict[str, list[Choice]]] = Fresh(
            lambda account: read_choices(engine, account), fresh_s=5.0, stale_s=60.0
        )
        self._users: Fresh[int, dict[Kind, int]] = Fresh(
            lambda _: audience.count_users(engine), fresh_s=3_600.0, stale_s=7_200.0, capacity=2
        )
        self._courses: OrderedDict[str, tuple[threading.Lock, Course]] = OrderedDict()
        self._lock = threading.Lock()

    def standing(self, account: str | None) -> Standing:
        """Returns how the campaigns of an account stand, or all, some seconds old at most."""
        return self._standing.get(account, _WAIT_S)

    def choices(self, account: str | None) -> dict[str, list[Choice]]:
        """Returns the values that the campaigns of an account have, or all, a minute old at most."""
        return self._choices.get(account, _WAIT_S)

    def check_account(self, campaign_id: str, account: str | None) -> None:
        """Raises NotFound unless there is such a campaign, of this account if one is given."""
        owner = ledger.owner(self._engine, campaign_id)
        if owner is None or account not in (None, owner):
            raise NotFound(f"there is no campaign {campaign_id[:64]}")

    def estimate(self, plan: Plan) -> Estimate:
        """Returns what a plan may expect."""
        now_us = self._clock()
        users = self._users.get(audience.users_version(self._engine), _WAIT_S)
        bid = bid_key(plan.cpc_nanos, plan.cpa_nanos)
        slots = slots_of(self._grid, plan.window, plan.leftover_nanos, now_us)
        return Estimate(
            sum(users.values()),
            matching_users(plan.targeting, users),
            audience.count_rivals(self._engine, plan.targeting, bid, plan.campaign_id, now_us),
            slots,
            demand_of(
                plan.targeting,
                cpm_nanos(bid),
                self._sample.recent(now_us),
                self._sample.per_million,
                self._grid,
                slots.share_nanos,
                now_us,
            ),
        )

    def series(self, campaign_id: str, start_us: int | None, end_us: int | None, max_points: int) -> Series:
        """Returns a campaign's course, from the first auction won on unless told otherwise. Raises NotFound."""
        account = ledger.account(self._engine, campaign_id)
        if account is None:
            raise NotFound(f"there is no campaign {campaign_id[:64]}")
        now_us = self._clock()
        won = self._wins.by_minute(campaign_id, account.since_us, now_us, _WINS_S)
        lock, course = self._course(campaign_id)
        with lock:
            complete = self._read_on(campaign_id, course, account)
            known = [number * MINUTE_US for number in won.by_minute] + [course.first_us or now_us]
            start = (start_us if start_us is not None else min(known)) // MINUTE_US * MINUTE_US
            end = max(start + MINUTE_US, end_us if end_us is not None else now_us)
            step_us = step_length_us(start, end, max_points)
            steps = course.steps(start, end, step_us)
            charged_before = account.spent_nanos - course.charged_from(start) if complete else 0
        wins: dict[int, Wins] = {}
        for number, some in won.by_minute.items():
            if start <= number * MINUTE_US < end:
                at_us = start + (number * MINUTE_US - start) // step_us * step_us
                wins[at_us] = wins.get(at_us, Wins()) + some
        return Series(step_us, _with_wins(steps, wins), wins, won.since_us, complete, max(0, charged_before))

    def share(self, campaign_id: str) -> Share:
        """Returns how a campaign fared in the auctions sampled lately. To be asked after its course was read."""
        campaign = ledger.campaign(self._engine, campaign_id)
        if campaign is None:
            return Share()
        lock, course = self._course(campaign_id)
        with lock:
            span = eligible_span(campaign, course.last_charged_us)
        return share_of(campaign.targeting, campaign_id, span, self._sample.recent(self._clock()))

    def draw_users(self, count: int) -> list[tuple[str, Kind]]:
        """Returns known users from a random place on."""
        return audience.draw_users(self._engine, f"{secrets.randbelow(10_000):04d}", count)

    def _read_on(self, campaign_id: str, course: Course, account: ledger.Account) -> bool:
        """Adds what a course lacks: from the archive what was purged, the rest from the ledger. False: not all yet."""
        if course.last_seq < account.purged_seq:
            try:
                past = self._past.course(campaign_id, _PAST_S)
            except (Unavailable, Overloaded):  # where the archive is away, `wins` have said so
                return False
            if past is None or past.last_seq < account.purged_seq:
                return False
            course.restart(past)
        whole = ledger.read_on(self._engine, campaign_id, course, course_event, _READ_S)
        return whole and course.last_seq >= account.event_seq

    def _course(self, campaign_id: str) -> tuple[threading.Lock, Course]:
        with self._lock:
            kept = self._courses.setdefault(campaign_id, (threading.Lock(), Course()))
            self._courses.move_to_end(campaign_id)
            while len(self._courses) > _COURSES:
                self._courses.popitem(last=False)
        return kept


def _with_wins(steps: list[Step], wins: dict[int, Wins]) -> list[Step]:
    """Adds the steps in which nothing happened but an auction was won."""
    known = {step.start_us for step in steps}
    return sorted([*steps, *(Step(at) for at in wins if at not in known)], key=lambda step: step.start_us)
