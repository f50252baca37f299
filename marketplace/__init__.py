"""The nouns that several services share: money, campaigns, receipts, events, errors and ports."""
