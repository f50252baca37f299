"""The token bucket: at most so many calls a second, on average; bursts of one second's worth. Pure: time comes in."""


class TokenBucket:
    """Fills at `rate` a second up to one second's worth, and is full at first. Used on one thread."""

    __slots__ = ("_left", "_rate", "_seen_s")

    def __init__(self, rate: float, now_s: float) -> None:
        self._rate = rate
        self._left = max(rate, 1.0)
        self._seen_s = now_s

    def take(self, now_s: float) -> float:
        """Takes one and returns 0.0; where there is none, takes nothing and returns the seconds until there is one."""
        rate = self._rate
        left = min(max(rate, 1.0), self._left + (now_s - self._seen_s) * rate)
        self._seen_s = now_s
        if left < 1.0:
            self._left = left
            return (1.0 - left) / rate
        self._left = left - 1.0
        return 0.0
