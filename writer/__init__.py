"""Lands the topics in the Parquet archive, exactly once."""
