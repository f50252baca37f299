"""What became of feedback, counted batch by batch."""

from collections.abc import Sequence
from typing import Final

from feedback.charger import Answer, Claim, Verdict
from marketplace.feedback import Action
from marketplace.metrics import CALL_SECONDS, Histogram

_BATCH_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048)


class ChargeCounts:
    """Plain sums since the start of the process; kept by the thread that charges.

    Not the bill: when a connection is lost at the commit, charges that were made count as repeats.
    """

    def __init__(self) -> None:
        self.charges = dict.fromkeys(Action, 0)
        self.repeats = dict.fromkeys(Action, 0)
        self.charged_nanos = 0
        self.uncharged_nanos = 0
        self.sizes = Histogram(_BATCH_SIZES)
        self.seconds = Histogram(CALL_SECONDS)

    def take(self, claims: Sequence[Claim], verdicts: Sequence[Verdict], seconds: float) -> None:
        """Counts a batch and how long it took."""
        self.sizes.observe(len(claims))
        self.seconds.observe(seconds)
        for claim, verdict in zip(claims, verdicts, strict=True):
            if not isinstance(verdict, Answer):
                continue
            if verdict.repeat:
                self.repeats[claim.action] += 1
            else:
                self.charges[claim.action] += 1
                self.charged_nanos += verdict.charged_nanos
                self.uncharged_nanos += verdict.uncharged_nanos
