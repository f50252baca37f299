"""Benchmarks: `make bench`, or `python -m bench NAME ...`. docs/performance.md says what they measure and how."""
