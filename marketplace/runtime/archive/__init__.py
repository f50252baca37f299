"""The archive: Parquet files in one folder, read by DuckDB or Hive."""
