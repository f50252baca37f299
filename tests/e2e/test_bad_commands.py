"""Commands that cannot be applied: onto their own topic, with position and reason, and consuming goes on."""

import base64
import json
import uuid
from typing import Any, Final

from adplatform.v1 import campaign_manager_pb2 as pb
from campaigns import APPLIED_S, command_fields, command_value, outcome_of
from mesh import Mesh
from sqlalchemy import select

from admanager.commands import CampaignFields
from marketplace.ports import COMMANDS, REJECTED_COMMANDS, Bounds
from marketplace.runtime.store.schema import ads, commands
from marketplace.runtime.store.transactions import reading
from stack.settled import outbox_empty, wait_until

NEW, UPDATE = "New Campaign", "Update Campaign"


def new(**changed: Any) -> bytes:
    return command_value(str(uuid.uuid4()), NEW, **changed)


def without(name: str) -> bytes:
    fields = command_fields(str(uuid.uuid4()))
    del fields[name]
    return json.dumps(fields).encode()


def raw(name: str, value: str) -> bytes:
    """Returns a command with a value that no JSON writer of ours would write."""
    return new(**{name: "HERE"}).replace(b'"HERE"', value.encode())


_FIELDS: Final = list(CampaignFields.__dataclass_fields__)

# The message, the field at fault, a part of the reason.
BAD: Final[list[tuple[bytes, str, str]]] = [
    (b"", "", "is not a JSON object"),
    (b"not json", "", "is not a JSON object"),
    (b'{"action": "New Campaign"', "", "is not a JSON object"),
    (b'["New Campaign"]', "", "is not a JSON object"),
    (b"\xff\xfe\x00{}", "", "is not a JSON object"),
    (b"[" * 100_000, "", "is not a JSON object"),
    (raw("cpc", "NaN"), "", "is not a JSON object"),
    (raw("budget", "Infinity"), "", "is not a JSON object"),
    (new(action="Pause Campaign"), "action", "is none of"),
    (without("action"), "action", "is missing"),
    (without("campaign_id"), "campaign_id", "is missing"),
    *((without(name), name, "is missing") for name in _FIELDS),
    *((new(**{name: None}), name, "is null") for name in _FIELDS),
    (new(campaign_id="two words"), "campaign_id", "is not an id"),
    (new(cpc="-0.001"), "cpc", ""),
    (new(budget=-1), "budget", ""),
    (new(cpa="0.0000000001"), "cpa", ""),
    (new(budget="9000000001"), "budget", ""),
    (new(budget="much"), "budget", ""),
    (new(cpc=True), "cpc", ""),
    (new(text=""), "text", "is empty"),
    (new(text="x" * 4_001), "text", "is longer"),
    (raw("text", '"\\ud800"'), "text", "is not valid Unicode"),
    (new(target_gender="X"), "target_gender", "is none of"),
    (new(target_age_range={"start": 40, "end": 20}), "target_age_range", "ends before it starts"),
    (new(target_age_range="__import__('os')"), "target_age_range", "is not a range"),
    (new(date_range={"start": "2026-02-30", "end": "2026-03-01"}), "date_range", "is not a date"),
    (new(time_range={"start": "25:00:00", "end": "5:00:00"}), "time_range", "is not a time"),
    (new(date_range={"start": "2026-03-02", "end": "2026-03-01"}), "date_range", "not after its start"),
    (command_value(str(uuid.uuid4()), UPDATE, date_range=None), "date_range", "is null"),
]


def rejected(mesh: Mesh, start: int = 0) -> list[dict[str, Any]]:
    """Returns what stands on the topic of rejected commands from an offset on, in the order of the command topic."""
    wait_until("rejections sent", lambda: outbox_empty(mesh.engine), APPLIED_S)
    end = mesh.topics.bounds(REJECTED_COMMANDS)[0].end
    records = mesh.topics.read(REJECTED_COMMANDS, 0, Bounds(start, end))
    return sorted((json.loads(record.value) for record in records), key=lambda rejection: rejection["offset"])


def known(mesh: Mesh, campaign_ids: list[str]) -> set[str]:
    with reading(mesh.engine) as connection:
        return set(connection.execute(select(ads.c.campaign_id)).scalars()) & set(campaign_ids)


def test_each_kind_between_good_ones(mesh: Mesh) -> None:
    already = len(rejected(mesh))
    first = mesh.topics.bounds(COMMANDS)[0].end
    good = [str(uuid.uuid4()) for _ in BAD]
    mesh.publish_commands(
        [value for pair in zip(BAD, good, strict=True) for value in (pair[0][0], command_value(pair[1]))]
    )
    mesh.settle_commands()

    assert known(mesh, good) == set(good)
    found = rejected(mesh, already)
    assert [(each["topic"], each["partition"], each["offset"]) for each in found] == [
        (COMMANDS, 0, first + 2 * number) for number in range(len(BAD))
    ]
    for each, (value, field, reason) in zip(found, BAD, strict=True):
        assert (each["field"], reason in each["reason"]) == (field, True), (value[:80], each)
        kept = base64.b64decode(each["message_base64"])
        assert kept == (value[: len(kept)] if each["truncated"] else value)
    with reading(mesh.engine) as connection:
        outcomes = connection.execute(select(commands.c.topic_offset, commands.c.outcome)).all()
    assert {offset for offset, outcome in outcomes if outcome == "rejected" and offset >= first} == {
        each["offset"] for each in found
    }


def test_one_that_came_too_early_is_listed_and_replayed(mesh: Mesh) -> None:
    campaign_id, command_id = (str(uuid.uuid4()) for _ in range(2))
    early = {"campaign_id": campaign_id, "action": UPDATE, "budget": "7", "command_id": command_id}
    offset = mesh.topics.bounds(COMMANDS)[0].end
    mesh.publish_commands([json.dumps(early).encode(), command_value(campaign_id)])
    mesh.settle_commands()
    assert outcome_of(mesh, command_id) == pb.COMMAND_STATE_REJECTED
    rejected(mesh)

    listed = mesh.program("admanager.cli", "rejected", "list", "--offset", str(offset))
    assert listed.returncode == 0, listed.stderr
    (line,) = [line for line in listed.stdout.splitlines() if f" {offset} " in f" {line} "]
    assert "campaign_id" in line
    assert "is unknown" in listed.stdout

    replayed = mesh.program("admanager.cli", "rejected", "replay", "--offset", str(offset))
    assert (replayed.returncode, replayed.stdout.strip()) == (0, "1 commands published again"), replayed.stderr
    mesh.settle_commands()
    assert outcome_of(mesh, command_id) == pb.COMMAND_STATE_APPLIED
    request = pb.GetCampaignRequest(campaign_id=campaign_id)
    assert mesh.manager.GetCampaign(request, timeout=APPLIED_S).campaign.spec.budget_nanos == 7 * 10**9
