"""What became of feedback, as operators are told."""

import pytest

from feedback.charger import Answer, Claim
from feedback.counts import ChargeCounts
from marketplace.errors import ReceiptExpired, Unavailable
from marketplace.feedback import Action


def claims(*actions: Action) -> list[Claim]:
    return [Claim(None, action) for action in actions]  # type: ignore[arg-type]  # counted by its action alone


def test_charges_repeats_and_refusals_are_told_apart() -> None:
    counts = ChargeCounts()
    some = claims(Action.VIEW, Action.CLICK, Action.CLICK, Action.ACQUISITION, Action.CLICK)
    verdicts = [
        Answer("1", False, 0),
        Answer("2", False, 700, 300),
        Answer("2", True, 700),
        ReceiptExpired(),
        Unavailable(),
    ]
    counts.take(some, verdicts, 0.004)
    counts.take(claims(Action.CLICK), [Answer("3", False, 5)], 0.001)
    assert counts.charges == {Action.VIEW: 1, Action.CLICK: 2, Action.ACQUISITION: 0}
    assert counts.repeats == {Action.VIEW: 0, Action.CLICK: 1, Action.ACQUISITION: 0}
    assert (counts.charged_nanos, counts.uncharged_nanos) == (705, 300)
    assert (counts.sizes.count, counts.sizes.total) == (2, 6)
    assert counts.seconds.total == pytest.approx(0.005)
