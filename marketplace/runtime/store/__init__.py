"""The store: SQLite or any MySQL-protocol server, through SQLAlchemy Core."""
