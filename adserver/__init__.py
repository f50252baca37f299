"""Answers ServeAd: auctions in memory, sealed receipts, serve records."""
