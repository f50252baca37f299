"""Each client against live servers: what it was told is what the ledger holds."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from adplatform.v1.events_pb2 import ServedAd
from campaigns import CPA, CPC, Advertiser
from mesh import Mesh, allowed_s
from printed import paste
from programs import Outcome, Program

from marketplace.clock import US_PER_SECOND, system_clock
from marketplace.feedback import Action
from marketplace.receipt import MAX_RECEIPT_BYTES
from marketplace.runtime.keys import load_ring
from marketplace.wire import encode_serve, serve_from_proto

UNIT = 10**9
DAY_US = 86_400 * US_PER_SECOND
STARTED_S = 30.0


@pytest.fixture(scope="module")
def mine(mesh: Mesh) -> Advertiser:
    """A campaign that is served, in a city of its own."""
    advertiser = Advertiser.create(mesh, budget_nanos=1_000 * UNIT)
    advertiser.serve_soon(allowed_s(2.0))
    return advertiser


def test_what_the_client_is_told_is_what_the_ledger_holds(
    program: Program, servers: Mapping[str, str], mine: Advertiser, tmp_path: Path
) -> None:
    before = mine.campaign().spent_nanos
    settings = {"CITY": mine.city, "COUNT": "20", "ACTIONS": "VIEW,CLICK,ACQUISITION,CLICK"}
    done = program.run({**servers, **settings}, tmp_path / "output")
    assert done.exit_code == 0, done.text
    ads = done.all("ad")
    assert {ad["sequence"] for ad in ads} == {str(number) for number in range(1, 21)}
    assert {(ad["campaign_id"], ad["text"]) for ad in ads} == {(mine.campaign_id, "Mugs, hand-made")}
    prices = {Action.VIEW: 0, Action.CLICK: CPC, Action.ACQUISITION: CPA - CPC}
    assert done.told == {(ad["request_id"], action): price for ad in ads for action, price in prices.items()}
    assert [line["repeat"] for line in done.all("feedback")].count("true") == 20, "each second click"
    assert done.summary == {"answers": 20, "ads": 20, "feedback": 80, "charged_nanos": 20 * CPA}
    ids = {ad["request_id"] for ad in ads}
    assert done.told == {key: nanos for key, nanos in mine.mesh.ledger().items() if key[0] in ids}
    assert mine.campaign().spent_nanos - before == 20 * CPA


def test_no_ad_is_an_answer(program: Program, servers: Mapping[str, str], mine: Advertiser, tmp_path: Path) -> None:
    done = program.run({**servers, "CITY": "nobody's town", "COUNT": "3"}, tmp_path / "output")
    assert done.exit_code == 0, done.text
    assert [line["reason"] for line in done.all("no-ad")] == ["NO_ELIGIBLE_CAMPAIGN"] * 3
    assert done.summary == {"answers": 3, "no_ads": 3}


def test_the_field_at_fault_is_named(program: Program, servers: Mapping[str, str], tmp_path: Path) -> None:
    done = program.run({**servers, "CITY": "x" * 65, "COUNT": "2"}, tmp_path / "output")
    assert done.exit_code == 1
    assert {_why(done, "refused", "sequence", number) for number in "12"} == {("INVALID_ARGUMENT", "city", "drop")}
    assert done.summary == {"refused": 2}


@pytest.mark.parametrize("kind", ["INVALID", "EXPIRED", "TOO LONG", "UNAVAILABLE"])
def test_what_is_wrong_with_a_receipt(
    program: Program, servers: Mapping[str, str], mine: Advertiser, kind: str, tmp_path: Path
) -> None:
    receipt, *expected = _bad_receipt(mine, kind)
    settings = {"RECEIPT": base64.b64encode(receipt).decode(), "ACTIONS": "CLICK"}
    before = mine.mesh.ledger()
    done = program.run({**servers, **settings}, tmp_path / "output")
    assert done.exit_code == 1
    assert _why(done, "refused", "action", "CLICK") == tuple(expected)
    assert mine.mesh.ledger() == before


def test_as_the_readme_says(program: Program, servers: Mapping[str, str], mumbai: Advertiser, tmp_path: Path) -> None:
    done = Outcome.of(0, paste(program.run_line, program.folder, servers, allowed_s(60.0)))
    assert len(done.all("ad")) == 3, done.text
    assert len(done.told) == 6
    assert done.told.items() <= mumbai.mesh.ledger().items()


def _why(done: Outcome, kind: str, name: str, value: str) -> tuple[str, str, str]:
    (line,) = [line for line in done.all(kind) if line[name] == value]
    return line["reason"], line["field"], line["then"]


def _bad_receipt(mine: Advertiser, kind: str) -> tuple[bytes, str, str, str]:
    if kind == "TOO LONG":
        return b"\1" * (MAX_RECEIPT_BYTES + 1), "INVALID_ARGUMENT", "receipt", "drop"
    ring, now_us = load_ring(Path(mine.mesh.environment["RECEIPT_KEYS"])), system_clock()
    good = mine.serve_soon(allowed_s(2.0)).receipt
    serve = serve_from_proto(ServedAd.FromString(ring.open(good)))
    if kind == "INVALID":
        return good[:-1], "RECEIPT_INVALID", "", "drop"
    if kind == "EXPIRED":
        old = replace(serve, served_at_us=now_us - 2 * DAY_US)
        return ring.seal(encode_serve(old), now_us), "RECEIPT_EXPIRED", "", "drop"
    nobodys = replace(serve, winner=replace(serve.winner, campaign_id="of another installation"))
    return ring.seal(encode_serve(nobodys), now_us), "UNAVAILABLE", "", "later"
