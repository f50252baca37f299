"""The ad manager's store: effect, outcome and position are one transaction."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from store_cases import HOUR_US, NOW_SLOT, NOW_US, RULES, UNIT, Store, campaign, command, records

from admanager.apply import StalePosition, apply_batch
from admanager.lifecycle import Outcome
from admanager.ports import CampaignFilter, CommandReport, CommandUnit
from admanager.store import SqlCommandStore
from marketplace.campaign import Campaign, Status
from marketplace.ports import COMMANDS, REJECTED_COMMANDS
from marketplace.runtime.store.outbox import shard_of
from marketplace.runtime.store.schema import ads, commands, counters, outbox, positions

NEW_UPDATE_STOP = [
    command("a"),
    command("b"),
    command("b", "Update Campaign", budget="70", cpc=None),
    command("a", "Stop Campaign"),
]


def position(store: Store) -> int:
    return store.commands.positions(COMMANDS, {0: 0})[0]


def test_a_batch_is_applied_with_outcomes_and_position(store: Store) -> None:
    assert store.apply(records(NEW_UPDATE_STOP)) == Counter({Outcome.APPLIED: 4})
    assert position(store) == 4
    assert store.campaign("a").status is Status.STOPPED
    stored = store.campaign("b")
    assert (stored.budget_nanos, stored.highest_budget_nanos, stored.cpc_nanos) == (70 * UNIT, 70 * UNIT, 660_000)
    assert (stored.slot_no, stored.slot_budget_nanos) == (NOW_SLOT, -(-70 * UNIT // 6))
    assert (stored.window.start_us, stored.window.end_us) == (NOW_US, NOW_US + HOUR_US)
    assert (stored.targeting.age_start, stored.targeting.age_end, stored.targeting.city) == (20, 45, "Mumbai")
    assert (stored.created_us, stored.updated_us, stored.event_seq, stored.change_no) == (NOW_US, NOW_US, 0, 1)
    rows = store.rows(select(commands.c.topic_offset, commands.c.campaign_id, commands.c.action, commands.c.outcome))
    assert sorted(rows) == [(n, one["campaign_id"], one["action"], "applied") for n, one in enumerate(NEW_UPDATE_STOP)]


def test_a_later_batch_finds_what_an_earlier_one_left(store: Store) -> None:
    store.apply(records([command("a"), command("b")]))
    later = [command("a"), command("a", "Stop Campaign"), command("a", "Update Campaign"), command("b", budget="1")]
    assert store.apply(records(later, 2)) == Counter({Outcome.REPEAT: 2, Outcome.APPLIED: 1, Outcome.LATE: 1})
    assert store.campaign("b").budget_nanos == 60 * UNIT
    assert (store.campaign("a").change_no, store.campaign("b").change_no) == (2, 1)


def test_a_batch_from_another_position_is_dropped(store: Store) -> None:
    store.apply(records([command("a")]))
    for start in (0, 5):
        with pytest.raises(StalePosition) as stale:
            store.apply(records([command("b")], start))
        assert stale.value.position == 1
    assert store.commands.campaign("b") is None
    assert store.rows(select(func.count()).select_from(commands)) == [(1,)]


def test_offsets_may_have_gaps(store: Store) -> None:
    """A transactional producer leaves them on a Kafka topic."""
    store.apply([records([command("a")], 3)[0], records([command("b")], 7)[0]], start=0)
    assert position(store) == 8


class Crash(Exception):
    """The process dies here."""


class DyingStore(SqlCommandStore):
    """Dies after everything was written and before the commit."""

    @contextmanager
    def applying(self, topic: str, partition: int) -> Iterator[CommandUnit]:  # type: ignore[override]
        with super().applying(topic, partition) as unit:
            unit.commit = _crash  # type: ignore[method-assign]
            yield unit


def _crash(_: int) -> None:
    raise Crash


def test_a_crash_between_effect_and_commit_leaves_nothing(store: Store) -> None:
    store.apply(records([command("a")]))
    before = store.campaign("a")
    batch = records([command("a", "Stop Campaign"), command("b"), b"{"], 1)
    with pytest.raises(Crash):
        apply_batch(DyingStore(store.engine), batch, 1, NOW_US, RULES)
    assert (store.campaign("a"), store.commands.campaign("b"), position(store)) == (before, None, 1)
    assert store.rows(select(func.count()).select_from(commands)) == [(1,)]
    assert store.rows(select(func.count()).select_from(outbox)) == [(0,)]
    assert store.apply(batch) == Counter({Outcome.APPLIED: 2, Outcome.REJECTED: 1})


def test_a_command_id_seen_before_is_a_repeat(store: Store) -> None:
    lowered = command("a", "Update Campaign", budget="10", command_id="x")
    raised = command("a", "Update Campaign", budget="90")
    store.apply(records([command("a"), lowered, raised, lowered]))
    assert store.campaign("a").budget_nanos == 90 * UNIT
    assert store.apply(records([lowered], 4)) == Counter({Outcome.REPEAT: 1})
    assert store.campaign("a").budget_nanos == 90 * UNIT


def test_a_rejected_command_may_come_again_under_its_id(store: Store) -> None:
    bad = command("a", cpc="-1", command_id="x")
    assert store.apply(records([bad, bad | {"cpc": "1"}])) == Counter({Outcome.REJECTED: 1, Outcome.APPLIED: 1})
    assert store.commands.command("x") == CommandReport("a", Outcome.APPLIED, "")


def test_command_ids_are_compared_byte_by_byte(store: Store) -> None:
    ids = ["x", "X", "x."]
    store.apply(records([command(one, command_id=one) for one in ids]))
    assert [store.campaign(one).campaign_id for one in ids] == ids


def test_what_cannot_be_applied_goes_to_the_outbox(store: Store) -> None:
    batch = records([command("a"), b"\xff{", command("a", "Update Campaign", cpc="-1", command_id="x")], 40)
    store.commands.positions(COMMANDS, {0: 40})
    store.apply(batch)
    rows = store.rows(select(outbox).order_by(outbox.c.id))
    assert [(row.topic, row.message_key, row.shard, row.campaign_id, row.event_seq) for row in rows] == [
        (REJECTED_COMMANDS, b"key", shard_of(""), "", 0),
        (REJECTED_COMMANDS, b"key", shard_of("a"), "a", 0),
    ]
    told = [json.loads(row.value) for row in rows]
    assert [(one["topic"], one["partition"], one["offset"], one["field"]) for one in told] == [
        (COMMANDS, 0, 41, ""),
        (COMMANDS, 0, 42, "cpc"),
    ]
    assert [base64.b64decode(one["message_base64"]) for one in told] == [one.value for one in batch[1:]]
    assert told[1]["reason"] == "-1 is negative"
    assert store.commands.command("x") == CommandReport("a", Outcome.REJECTED, "cpc: -1 is negative")


@pytest.mark.parametrize("key", [None, b"", b"\x00\xff", b"k" * 255, b"k" * 256, b"k" * 5_000])
def test_any_key_can_be_rejected(store: Store, key: bytes | None) -> None:
    assert store.apply(records([b"{"], key=key)) == Counter({Outcome.REJECTED: 1})
    kept = key if key is None or len(key) <= 255 else None
    assert store.rows(select(outbox.c.message_key)) == [(kept,)]


def test_a_full_batch_of_the_largest_messages_fits(store: Store) -> None:
    """Of what is large every kind, in numbers of the consumer's batch: above a server's max_allowed_packet in one."""
    face = "\N{GRINNING FACE}"
    names = ("category", "account", "target_city", "target_state", "target_country", "target_device")
    long = {"text": face * 4_000, "keywords": face * 4_000} | dict.fromkeys(names, face * 255)
    ids = [f"c{number:03d}" for number in range(500)]
    assert store.apply(records([command(one, **long) for one in ids])) == Counter({Outcome.APPLIED: 500})
    updates = [command(one, "Update Campaign", **long | {"text": face * 3_999}) for one in ids]
    assert store.apply(records(updates, 500)) == Counter({Outcome.APPLIED: 500})
    assert store.apply(records([b"'" * 70_000] * 500, 1_000)) == Counter({Outcome.REJECTED: 500})
    stored = store.campaign("c499")
    assert [len(stored.text), len(stored.keywords), len(stored.category)] == [3_999, 4_000, 255]
    assert set(stored.text + stored.keywords + stored.category) == {face}


def test_what_is_known_of_a_command(store: Store) -> None:
    assert store.commands.command("x") is None
    store.commands.submit("x", "a", "New Campaign", NOW_US)
    store.commands.submit("x", "other", "Stop Campaign", NOW_US + 1)
    assert store.commands.command("x") == CommandReport("a", None, "")
    assert store.commands.submitted_campaign("a")
    assert not store.commands.submitted_campaign("other")
    store.apply(records([command("a", command_id="x"), command("a", command_id="y"), command("a", command_id="x")]))
    assert store.commands.command("x") == CommandReport("a", Outcome.APPLIED, "")
    assert store.commands.command("y") == CommandReport("a", Outcome.REPEAT, "")
    store.apply(records([command("a", "Stop Campaign"), command("a", "Stop Campaign", command_id="z")], 3))
    assert store.commands.command("z") == CommandReport("a", Outcome.LATE, "")


def test_pages_hold_every_campaign_once_and_filters_choose(store: Store) -> None:
    everyone = [campaign(f"c{n}", category="Toys" if n % 2 else "Books", account=f"a{n % 3}") for n in range(7)]
    everyone[0] = replace(everyone[0], status=Status.STOPPED)
    store.put(*everyone)
    seen: list[Campaign] = []
    while page := store.commands.campaigns(CampaignFilter(), seen[-1].campaign_id if seen else "", 3):
        seen += page
    assert seen == everyone
    assert _ids(store, CampaignFilter(category="Toys")) == ["c1", "c3", "c5"]
    assert _ids(store, CampaignFilter(category="Toys", account="a0")) == ["c3"]
    assert _ids(store, CampaignFilter(status=Status.STOPPED)) == ["c0"]
    assert len(_ids(store, CampaignFilter(city="Mumbai", device="iPhone"))) == 7
    assert _ids(store, CampaignFilter(city="Pune")) == []


def _ids(store: Store, wanted: CampaignFilter) -> list[str]:
    return [one.campaign_id for one in store.commands.campaigns(wanted, "", 100)]


def test_campaigns_may_begin_with_an_update_or_a_stop(store: Store) -> None:
    first = [command(f"c{n:02d}", "Stop Campaign" if n % 2 else "Update Campaign") for n in range(17)]
    assert store.apply(records(first)) == Counter({Outcome.APPLIED: 17})
    statuses = store.rows(select(ads.c.status, func.count()).group_by(ads.c.status).order_by(ads.c.status))
    assert statuses == [("ACTIVE", 9), ("STOPPED", 8)]
    assert store.apply(records([command("x", "Stop Campaign", text=None)], 17)) == Counter({Outcome.REJECTED: 1})


def test_a_batch_gets_one_change_number_and_one_without_effect_none(store: Store) -> None:
    newest = select(counters.c.value).filter_by(name="ads")
    store.apply(records([command("a"), command("b")]))
    assert store.rows(newest) == [(1,)]
    assert [store.campaign(one).change_no for one in "ab"] == [1, 1]
    store.apply(records([command("a"), b"{"], 2))
    assert store.rows(newest) == [(1,)]


def test_positions_begin_where_the_topic_does_and_stay(store: Store) -> None:
    assert store.commands.positions(COMMANDS, {0: 7, 1: 9}) == {0: 7, 1: 9}
    assert store.commands.positions(COMMANDS, {0: 0, 1: 0, 2: 3}) == {0: 7, 1: 9, 2: 3}
    assert store.commands.positions("other", {0: 1}) == {0: 1}
    assert len(store.rows(select(positions))) == 4
