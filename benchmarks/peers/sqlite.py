"""SQLite: write-ahead log, synchronous=FULL, one transaction a batch."""

import sqlite3
from pathlib import Path

import pyarrow as pa

from benchmarks.peers.peer import CACHE_MB, plain_scans

_SCHEMA = """
CREATE TABLE timeline (
    number TEXT, carrier TEXT, at INTEGER, code TEXT, facility TEXT, note TEXT,
    PRIMARY KEY (number, carrier, at, code, facility)
) WITHOUT ROWID;
CREATE TABLE state (
    number TEXT, carrier TEXT, first_at INTEGER, last_at INTEGER, code TEXT, facility TEXT,
    PRIMARY KEY (number, carrier)
) WITHOUT ROWID;
"""
_KEEP = "INSERT OR IGNORE INTO timeline VALUES (?, ?, ?, ?, ?, ?)"
_FOLD = """
INSERT INTO state SELECT ?1, ?2, ?3, ?3, ?4, ?5 WHERE true ON CONFLICT DO UPDATE SET
    first_at = min(first_at, excluded.first_at),
    code = iif(excluded.last_at > last_at, excluded.code, code),
    facility = iif(excluded.last_at > last_at, excluded.facility, facility),
    last_at = max(last_at, excluded.last_at)
"""


class Sqlite:
    """See `Peer`."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "scans.sqlite", isolation_level=None)
        for setting in ("journal_mode=WAL", "synchronous=FULL", f"cache_size=-{CACHE_MB << 10}"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.executescript(_SCHEMA)

    def load(self, scans: pa.RecordBatch) -> None:
        """See `Peer.load`."""
        rows = list(zip(*(column.to_pylist() for column in plain_scans(scans).columns), strict=True))
        self._database.execute("BEGIN")
        self._database.executemany(_KEEP, rows)
        self._database.executemany(_FOLD, [row[:5] for row in rows])
        self._database.execute("COMMIT")

    def look_up(self, number: str) -> tuple[int, int]:
        """See `Peer.look_up`."""
        (state,) = self._database.execute("SELECT * FROM state WHERE number = ?", (number,)).fetchall()
        timeline = self._database.execute("SELECT * FROM timeline WHERE number = ?", (number,)).fetchall()
        return len(timeline), state[3]

    def counts(self) -> tuple[int, int]:
        """See `Peer.counts`."""
        scans, parcels = (
            self._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("timeline", "state")
        )
        return scans, parcels

    def close(self) -> None:
        """See `Peer.close`."""
        self._database.close()


def start(folder: Path) -> Sqlite:
    """See `open_peer`."""
    return Sqlite(folder)
