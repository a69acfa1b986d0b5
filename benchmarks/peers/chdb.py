"""ClickHouse in the process (chDB): a table that drops duplicates when it merges, and a view that folds states.

Look-ups drop what is not merged yet. Every insert is synced. It likes batches of 100,000 and more.
"""

import importlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.peers.peer import COLUMNS, LeftOut, plain_scans

_NAMES = ", ".join(f"`{name}`" for name in COLUMNS)
_WORD = "LowCardinality(String)"
_ON_DISK = "fsync_after_insert = 1, fsync_part_directory = 1"
_SCHEMA = (
    "CREATE DATABASE scans",
    f"CREATE TABLE scans.timeline (number String, carrier {_WORD}, `at` Int64, code {_WORD}, facility {_WORD}, "
    "note Nullable(String)) ENGINE = ReplacingMergeTree ORDER BY (number, carrier, `at`, code, facility) "
    f"SETTINGS index_granularity = 1024, {_ON_DISK}",
    f"CREATE TABLE scans.state (number String, carrier {_WORD}, first_at SimpleAggregateFunction(min, Int64), "
    "last_at SimpleAggregateFunction(max, Int64), code AggregateFunction(argMax, String, Int64), "
    "facility AggregateFunction(argMax, String, Int64)) ENGINE = AggregatingMergeTree ORDER BY (number, carrier) "
    f"SETTINGS index_granularity = 1024, {_ON_DISK}",
    "CREATE MATERIALIZED VIEW scans.folding TO scans.state AS SELECT number, carrier, min(`at`) AS first_at, "
    "max(`at`) AS last_at, argMaxState(CAST(code, 'String'), `at`) AS code, "
    "argMaxState(CAST(facility, 'String'), `at`) AS facility FROM scans.timeline GROUP BY number, carrier",
)


class ChDb:
    """See `Peer`."""

    def __init__(self, folder: Path, session: Any) -> None:
        self._session = session.Session(str(folder / "clickhouse"))
        for statement in _SCHEMA:
            self._session.query(statement)

    def load(self, scans: pa.RecordBatch) -> None:
        """See `Peer.load`."""
        batch = plain_scans(scans)  # chDB finds it by this name
        self._session.query(f"INSERT INTO scans.timeline ({_NAMES}) SELECT {_NAMES} FROM Python(batch)")
        del batch

    def look_up(self, number: str) -> tuple[int, int]:
        """See `Peer.look_up`."""
        state = self._ask(
            "SELECT min(first_at), max(last_at) AS last_at, argMaxMerge(code), argMaxMerge(facility) "
            f"FROM scans.state WHERE number = '{number}' GROUP BY number, carrier"
        )
        timeline = self._ask(f"SELECT * FROM scans.timeline FINAL WHERE number = '{number}' ORDER BY `at`")
        return timeline.num_rows, state.column("last_at")[0].as_py()

    def counts(self) -> tuple[int, int]:
        """See `Peer.counts`."""
        scans = self._ask("SELECT count() AS many FROM scans.timeline FINAL")
        parcels = self._ask("SELECT count() AS many FROM scans.state FINAL")
        return scans.column("many")[0].as_py(), parcels.column("many")[0].as_py()

    def close(self) -> None:
        """See `Peer.close`."""
        self._session.close()

    def _ask(self, question: str) -> pa.Table:
        return self._session.query(question, "ArrowTable")


def start(folder: Path) -> ChDb:
    """See `open_peer`."""
    try:
        session = importlib.import_module("chdb.session")
    except ImportError:
        raise LeftOut("chdb is not installed (.venv/bin/pip install chdb)") from None
    return ChDb(folder, session)
