"""Users who ask for ads and act on them."""
