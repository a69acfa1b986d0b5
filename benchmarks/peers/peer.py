"""What a peer has to do, and what all of them are given.

The guarantee is the one of the log and the index together: when `load` returns, the scans are on disk, those that were
there before are dropped, and timeline and state show them. A peer's state is smaller than ours: of each parcel the
first instant, and instant, code and facility of the newest scan.
"""

import importlib
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

PEERS = ("sqlite", "postgres", "rocksdb", "chdb")

#: What each may keep in memory of what it wrote, where that can be said.
CACHE_MB = 512

#: The columns of `plain_scans`. The first five say whether two scans are the same.
COLUMNS = ("number", "carrier", "at", "code", "facility", "note")


class LeftOut(Exception):
    """A peer cannot run here; says why."""


class Peer(Protocol):
    """An open peer."""

    def load(self, scans: pa.RecordBatch) -> None:
        """Keep some scans (`SCAN_SCHEMA`)."""

    def look_up(self, number: str) -> tuple[int, int]:
        """Read timeline and state: how many scans the one has, and the newest instant of the other, in ms."""

    def counts(self) -> tuple[int, int]:
        """How many scans and how many parcels there are."""

    def close(self) -> None:
        """Write all away and let go."""


def open_peer(name: str, folder: Path) -> Peer:
    """Start a peer that keeps its files in an empty folder.

    Raises:
        LeftOut: what it needs is not there.
    """
    peer: Peer = importlib.import_module(f"benchmarks.peers.{name}").start(folder)
    return peer


def plain_scans(scans: pa.RecordBatch) -> pa.Table:
    """What a peer keeps of scans (`COLUMNS`): texts, and `at` in milliseconds. By number, which all of them like."""
    columns = {name: scans.column(name).cast(pa.int64() if name == "at" else pa.string()) for name in COLUMNS}
    return pa.table(columns).take(pc.sort_indices(columns["number"]))
