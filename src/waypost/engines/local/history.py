"""History: all scans without duplicates as columns, in sorted Parquet files.

A file (a piece) is written by the merge that makes a packed run of raw ones, from the same entries in the same order:
by the hash of the number, then by time. What is still in raw runs is read from them when somebody asks; many scans
by way of a file (a tail) of the process that asks, which holds a lock on it as long as it is of use.
"""

import base64
import fcntl
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from isal.isal_zlib import crc32

from waypost.engines.local.catalogue import Listed
from waypost.engines.local.disk import Disk, store_errors
from waypost.engines.local.duck import PLAIN_SCHEMA, Duck
from waypost.engines.local.entries import Entries
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.runs import Run
from waypost.engines.local.start import mend_made
from waypost.engines.local.views import scans_of
from waypost.model.errors import StoreDamaged, StoreError
from waypost.model.scans import SCAN_FORMAT, SCAN_SCHEMA

HISTORY_FORMAT = 3

_IN_MEMORY_ROWS = 100_000
_SAMPLE_ROWS = 20_000
_PAGE_ROWS = 1 << 20
_ATTEMPTS = 3
_CHUNK_BYTES = 1 << 20

_METADATA = {"waypost": f"history {HISTORY_FORMAT}, scans {SCAN_FORMAT}"}
#: What the writer is given: numbers as the dictionary that they are in entries, which spares it a look at the text of
#: each row. In the file they are plain text, and Arrow too is told so.
_GIVEN = SCAN_SCHEMA.set(
    SCAN_SCHEMA.get_field_index("number"), pa.field("number", pa.dictionary(pa.int32(), pa.string()), nullable=False)
)
_ARROW = {"ARROW:schema": base64.b64encode(SCAN_SCHEMA.with_metadata(_METADATA).serialize())}
_RECURRING = ["carrier", "number", "code", "facility", "recorded_at"]


class ParquetHistory:
    """`History` over the pieces in a folder and the raw runs of a ledger."""

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        *,
        read_only: bool = False,
        memory_limit: str = "1GB",
        disk: Disk | None = None,
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._disk = disk or Disk()
        self._duck = Duck(memory_limit, folder / "spill")
        self._tail: dict[Run, pa.Table | _File] = {}
        self._sound: set[tuple[str, int]] = set()
        self._one_reads = threading.Lock()
        if not read_only:
            self._sweep_pieces()
            _sweep_tails(folder)

    def position(self) -> int:
        """See `History.position`."""
        return self._ledger.snapshot()[0].position

    def run(self, ask: Callable[[Any], Any]) -> pa.Table:
        """See `History.run`. Small tables of the caller's go in by `ibis.memtable` of an Arrow table."""
        for attempt in range(_ATTEMPTS):
            try:
                files, tables = self._parts()
                return self._duck.ask(ask, files, pa.concat_tables([PLAIN_SCHEMA.empty_table(), *tables]))
            except duckdb.Error as error:
                if isinstance(error, duckdb.IOException) and attempt + 1 < _ATTEMPTS:
                    self._forget(set())  # a raw run was merged away in between, or a tail swept
                    continue
                told = str(error).partition("\n")[0]
                raise self.find_damage() or StoreError(f"History cannot answer: {told}.") from error
        raise AssertionError

    def write_piece(self, name: str, entries: Iterator[Entries]) -> tuple[int, int]:
        """Write a piece; how many scans are in it, and the CRC-32 of the file.

        Where that fails, nothing is left of it. What was written before must be in the catalogue by now, else it goes.
        """
        self._sweep_pieces()
        file = _File(self._folder / name, self._disk)
        try:
            rows = _write(file, (scans_of(part, self._ledger.words, _GIVEN) for part in entries))
            self._disk.sync(file.fd)
            self._disk.sync_folder(self._folder)
        except BaseException:
            file.remove()
            raise
        file.close()
        self._sound.add((name, file.check))
        return rows, file.check

    def find_damage(self) -> StoreDamaged | None:
        """The error for the first piece that cannot be read from end to end; None if all can. Reads them all."""
        return next(filter(None, map(self._damage_of, self._ledger.catalogue.pieces)), None)

    def close(self) -> None:
        """Let go of memory and files."""
        self._duck.close()
        self._forget(set())

    def _parts(self) -> tuple[list[Path], list[pa.Table]]:
        catalogue, runs = self._ledger.snapshot()
        files = [self._checked(piece) for piece in catalogue.pieces]
        raw = [run for listed, run in zip(catalogue.runs, runs.all, strict=True) if listed.raw]
        self._forget(set(raw))
        with self._one_reads:
            parts = [self._part(run) for run in raw]
        tables = [part for part in parts if isinstance(part, pa.Table)]
        return files + [part.path for part in parts if isinstance(part, _File)], tables

    def _checked(self, piece: Listed) -> Path:
        """The file of a piece, which is checked before it is first asked: DuckDB notices few bytes that changed."""
        if (piece.name, piece.check) not in self._sound:
            damage = self._damage_of(piece)
            if damage is not None:
                raise damage
            self._sound.add((piece.name, piece.check))
        return self._folder / piece.name

    def _damage_of(self, piece: Listed) -> StoreDamaged | None:
        path = self._folder / piece.name
        try:
            why = None if check_of(path) == piece.check else "is not what was written"
        except FileNotFoundError:
            why = "is missing"
        if why is None:
            return None
        mend = f"Remove the folders index and {self._folder.name}; they are made anew from the log."
        mend = mend_made(self._folder.parent, mend)
        return StoreDamaged(f"{path} {why}.", mend=mend)

    def _part(self, run: Run) -> "pa.Table | _File":
        if run not in self._tail:
            scans = scans_of(run.slice(0, None), self._ledger.words)
            if run.foot.rows <= _IN_MEMORY_ROWS:
                self._tail[run] = scans.cast(PLAIN_SCHEMA)
            else:
                self._tail[run] = self._write_tail(run.path.name, scans)
        return self._tail[run]

    def _write_tail(self, name: str, scans: pa.Table) -> "_File":
        path = self._folder / f"{name}.{secrets.token_hex(4)}.tail"
        with store_errors(f"writing {path}"):
            file = _File(path, self._disk)
            try:
                fcntl.flock(file.fd, fcntl.LOCK_EX)  # see `_sweep_tails`
                pq.write_table(scans, file, compression="lz4")
            except BaseException:
                file.remove()
                raise
            return file

    def _forget(self, but: set[Run]) -> None:
        with self._one_reads:
            for run in self._tail.keys() - but:
                part = self._tail.pop(run)
                if isinstance(part, _File):
                    part.remove()

    def _sweep_pieces(self) -> None:
        """Remove pieces that the catalogue does not name: a crash left them, or a merge that failed behind them."""
        named = self._ledger.named_pieces()
        for path in self._folder.glob("*.run"):
            if path.name not in named:
                path.unlink()


def _sweep_tails(folder: Path) -> None:
    """Remove tails on which no process has a lock any more."""
    for path in folder.glob("*.tail"):
        fd = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        except BlockingIOError:
            pass  # somebody asks it
        finally:
            os.close(fd)


class _File:
    """A new file as Arrow writes to one: all goes through the disk, and is checked on the way.

    Attributes:
        fd: open until it is closed or removed; what is written then goes nowhere.
        check: the CRC-32 of what was written.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self.check = 0
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._disk = disk

    @property
    def closed(self) -> bool:
        return self.fd < 0

    def write(self, data: bytes) -> None:
        if self.fd >= 0:
            self._disk.write(self.fd, data)
            self.check = crc32(data, self.check)

    def flush(self) -> None:
        """There is nothing between."""

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.close()


def _write(file: _File, parts: Iterator[pa.Table]) -> int:
    """Write scans, each part as a group of rows; how many there are."""
    first = next(parts, _GIVEN.empty_table())
    note = first.column("note").slice(0, _SAMPLE_ROWS).drop_null()
    writer = pq.ParquetWriter(
        file,
        _GIVEN,
        store_schema=False,
        compression=dict.fromkeys(_GIVEN.names, "zstd") | {"at": "none"},  # which packing its steps leaves no shorter
        compression_level={name: 1 for name in _GIVEN.names if name != "at"},
        use_dictionary=[*_RECURRING, "note"] if 2 * len(note.unique()) < len(note) else _RECURRING,
        column_encoding={"at": "DELTA_BINARY_PACKED"},
        write_statistics=["at", "corrects", "recorded_at"],  # in the order of hashes, the others tell no rows apart
        max_rows_per_page=_PAGE_ROWS,
    )
    writer.add_key_value_metadata(_METADATA | _ARROW)
    rows = 0
    for part in chain([first], parts):
        writer.write_table(part, max(part.num_rows, 1))
        rows += part.num_rows
    writer.close()
    return rows


def check_of(path: Path) -> int:
    """The CRC-32 of a file."""
    check, chunk = 0, memoryview(bytearray(_CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(chunk):
            check = crc32(chunk[:size], check)
    return check
