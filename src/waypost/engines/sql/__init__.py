"""Relational databases: SQLite for one machine, PostgreSQL for several."""
