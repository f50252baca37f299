"""How auctions end, counted as they do."""

from marketplace.bids import cpm_nanos


class AuctionCounts:
    """Plain sums since the start of the process; kept on the event loop only."""

    __slots__ = ("ads", "bid_keys", "clearing_cpm_nanos", "no_eligible", "no_live", "won")

    def __init__(self) -> None:
        self.won = 0
        self.no_eligible = 0
        self.no_live = 0
        self.ads = 0
        self.bid_keys = 0
        self.clearing_cpm_nanos = 0

    def no_ad(self, live: bool) -> None:
        """Counts an auction that nobody won; `live` tells whether any campaign could have."""
        if live:
            self.no_eligible += 1
        else:
            self.no_live += 1

    @property
    def bid_cpm_nanos(self) -> int:
        """Returns the sum of the winners' own bids, as prices of one impression."""
        return cpm_nanos(self.bid_keys)
