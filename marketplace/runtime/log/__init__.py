"""The log: topics as tables in a SQLite file, or Apache Kafka."""
