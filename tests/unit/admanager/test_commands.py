"""Commands as they come on the topic: what is taken, what is rejected and why."""

import json
from pathlib import Path
from typing import Any

import pytest
from command_messages import COMPLETE, applied, bare, created, message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admanager.commands import Rejected, Verb, parse_command

FOLDER = Path(__file__).parents[2] / "cases" / "commands"
ACCEPTED = json.loads((FOLDER / "accepted.json").read_text())
REJECTED = json.loads((FOLDER / "rejected.json").read_text())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def made(case: dict[str, Any]) -> bytes:
    if "raw" in case:
        return str(case["raw"]).encode()
    if "raw_set" in case:
        return message(**dict.fromkeys(case["raw_set"], "@@")).replace(b"@@", case["raw_set"]["text"].encode())
    fields = {name: value for name, value in COMPLETE.items() if name not in case.get("drop", ())}
    return json.dumps({**fields, **case.get("set", {})}).encode()


@pytest.mark.parametrize("case", REJECTED, ids=lambda case: case["name"])
def test_rejected(case: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as caught:
        applied(made(case))
    assert (caught.value.field, caught.value.reason) == (case["field"], case["reason"])


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case["name"])
def test_accepted(case: dict[str, Any]) -> None:
    usual = created(target_city="All")
    found = created(**case["set"])
    assert {name for name in usual.__slots__ if getattr(usual, name) != getattr(found, name)} == set(case["expect"])
    assert all(getattr(found, name) == value for name, value in case["expect"].items())


def test_a_stop_needs_nothing_but_its_campaign() -> None:
    stop = parse_command(bare("Stop Campaign", cpc="-1", budget=None))
    assert (stop.verb, stop.flaws) == (Verb.STOP, ("cpc: -1 is negative", "budget: is null"))


def test_a_rejection_tells_whose_it_is_as_far_as_it_could_be_read() -> None:
    with pytest.raises(Rejected) as caught:
        parse_command(message(command_id="cmd-1", budget="-1"))
    assert (caught.value.campaign_id, caught.value.command_id) == (COMPLETE["campaign_id"], "cmd-1")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from([*COMPLETE, "command_id", "account"]), JSON), st.booleans())
def test_whatever_comes_is_read_or_rejected(fields: dict[str, Any], complete: bool) -> None:
    value = json.dumps({**(COMPLETE if complete else {}), **fields}).encode()
    try:
        applied(value)
    except Rejected as rejected:
        assert rejected.reason


@given(st.binary(max_size=200))
def test_bytes_that_are_no_command_are_rejected(value: bytes) -> None:
    with pytest.raises(Rejected):
        parse_command(value)
