"""The log's tables in a database: SQLite by default, PostgreSQL when it grows."""
