"""One machine, one folder: log segments, an index behind them, Parquet and SQLite."""
