"""What a writer has landed, counted file by file."""

from marketplace.clock import US_PER_SECOND, Clock, system_clock
from marketplace.metrics import DELAY_SECONDS, Histogram


class LandingCounts:
    """Plain sums since the start of the process; kept by the thread that lands."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self.files = 0
        self.records = 0
        self.rows = 0
        self.failures = 0
        self.delay_s = Histogram(DELAY_SECONDS)

    def landed(self, records: int, rows: int, since_us: int) -> None:
        """Counts a published file; `since_us` is the topic's time of its first record."""
        self.files += 1
        self.records += records
        self.rows += rows
        self.delay_s.observe(self.age_s(since_us))

    def age_s(self, since_us: int) -> float:
        """Returns how long ago an instant of the topic's clock was, by ours."""
        return max(0, self._clock() - since_us) / US_PER_SECOND
