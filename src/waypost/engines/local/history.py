"""History: all scans without duplicates as columns, in sorted Parquet files and, the newest, in memory."""

import contextlib
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from waypost.engines.local.contents import (
    HISTORY_FORMAT,
    Contents,
    Stretch,
    check_stretch,
    find_mergeable,
    read_contents,
    sum_up,
    write_contents,
)
from waypost.engines.local.disk import Disk
from waypost.engines.local.duck import PLAIN_SCHEMA, Duck, disk_error
from waypost.model.errors import StoreDamaged, StoreError
from waypost.model.scans import SCAN_FORMAT
from waypost.store.protocols import Frame

SEAL_ROWS = 500_000
_GROUP_ROWS = 100_000
_PATIENCE_S = 10.0
_ATTEMPTS = 3
#: Beside the bare `duckdb.Error`, what DuckDB raises on a file that it cannot decode.
_OF_FILES = (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException, duckdb.InternalException)
_ORDER = [(name, "ascending") for name in ("number", "carrier", "at", "position")]
_METADATA = f"history {HISTORY_FORMAT}, scans {SCAN_FORMAT}"


class ParquetHistory:
    """`History` in a folder, or in memory alone if there is none (then it is the reference).

    It is handed the frames of the log with word of which scans are new (`stage`) and answers over all of them at once.
    When enough have gathered, or when asked (`seal`), they go into a Parquet file; what was only staged when the
    process ended is staged again from the log.

    Attributes:
        failure: why the newest attempt to write failed; None if it did not.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        read_only: bool = False,
        memory_limit: str = "1GB",
        seal_rows: int = SEAL_ROWS,
        disk: Disk | None = None,
    ) -> None:
        self.failure: StoreError | None = None
        self._folder = folder
        self._read_only = read_only
        self._seal_rows = seal_rows
        self._disk = disk or Disk()
        self._duck = Duck(memory_limit, folder / "spill" if folder and not read_only else None)
        self._contents = Contents() if folder is None else self._read_contents(folder)
        self._position = self._contents.position
        self._sealing: tuple[pa.Table, int] | None = None  # being written, with the position up to which it goes
        self._staged: list[pa.Table] = []
        self._whole: set[str] = set()  # files of which every byte was checked since opening
        self._in_use: Counter[str] = Counter()
        self._doomed: set[str] = set()
        self._closing = False
        self._changed = threading.Condition()
        self._one_seals = threading.Lock()
        self._prepare: Callable[[], None] | None = None
        self._keeper: threading.Thread | None = None
        if folder is not None and not read_only:
            self._sweep(folder)
            self._keeper = threading.Thread(target=self._keep, name="history", daemon=True)
            self._keeper.start()

    def reached(self) -> int:
        """Everything below was staged or sealed."""
        return self._position

    def before_first_question(self, prepare: Callable[[], None]) -> None:
        """Have something done, once, before the first question is answered: what not every process needs."""
        self._prepare = prepare

    def position(self) -> int:
        """See `History.position`."""
        self._make_ready()
        return self._position

    def run(self, ask: Callable[[Any], Any]) -> pa.Table:
        """See `History.run`. Small tables of the caller's go in by `ibis.memtable` of an Arrow table.

        Raises:
            StoreDamaged: a file is not what was written; names it.
            StoreError: the question cannot be answered, or not within the memory given.
        """
        self._make_ready()
        for attempt in range(_ATTEMPTS):
            try:
                return self._run(ask)
            except (duckdb.Error, StoreDamaged) as error:
                is_of_files = isinstance(error, duckdb.IOException | StoreDamaged)
                if is_of_files and self._read_only and attempt + 1 < _ATTEMPTS:
                    self._look_again()
                    continue
                if isinstance(error, StoreDamaged):
                    raise
                told = str(error).partition("\n")[0]
                mend = f"If a file is damaged, remove the folder {self._folder}; it is made anew from the log."
                failed = StoreError(f"History cannot answer: {told}.", mend=mend if self._folder else None)
                raise self._find_damage(error) or failed from error
        raise AssertionError

    def _make_ready(self) -> None:
        if self._prepare is not None:
            with self._one_seals:
                if self._prepare is not None:
                    self._prepare()
                self._prepare = None

    def _run(self, ask: Callable[[Any], Any]) -> pa.Table:
        with self._changed:
            staged = [self._sealing[0]] if self._sealing else []
            staged += self._staged
            stretches = self._contents.stretches
            self._in_use.update(stretch.name for stretch in stretches)
        try:
            self._check(stretches)
            folder = self._folder or Path()
            more = pa.concat_tables(staged) if staged else PLAIN_SCHEMA.empty_table()
            return self._duck.ask(ask, [folder / stretch.name for stretch in stretches], more)
        finally:
            self._let_go(stretches)

    def _check(self, stretches: Sequence[Stretch]) -> None:
        """Read those files from end to end that were not yet: a wrong byte in a column can look like any other."""
        for stretch in stretches:
            if stretch.name not in self._whole:
                assert self._folder is not None
                check_stretch(self._folder, stretch)
                self._whole.add(stretch.name)

    def _find_damage(self, error: Exception) -> StoreError | None:
        """The error for the damaged file that explains another one, if one does."""
        # Errors of the question itself have classes of their own; for them not all files are to be read.
        if self._folder is None or not (type(error) is duckdb.Error or isinstance(error, _OF_FILES)):
            return None
        with self._changed:
            stretches = self._contents.stretches
            self._in_use.update(stretch.name for stretch in stretches)
        try:
            self._whole.clear()  # they went bad since
            self._check(stretches)
        except StoreError as damage:
            return damage
        finally:
            self._let_go(stretches)
        return None

    def _let_go(self, stretches: Sequence[Stretch]) -> None:
        with self._changed:
            self._in_use.subtract(stretch.name for stretch in stretches)
            self._remove_doomed()

    def _look_again(self) -> None:
        """The process that writes has merged files away: take up those that it has now."""
        assert self._folder is not None
        contents = self._read_contents(self._folder)
        with self._changed:
            sealed = contents.position
            self._staged = [table.filter(pc.field("position") >= sealed) for table in self._staged]
            self._contents, self._position = contents, max(self._position, sealed)

    def _read_contents(self, folder: Path) -> Contents:
        for _ in range(_ATTEMPTS - 1 if self._read_only else 0):
            try:
                return read_contents(folder)
            except StoreDamaged:  # the files that it named are merged away in between
                continue
        return read_contents(folder)

    def stage(self, frame: Frame, fresh: npt.NDArray[np.bool_]) -> None:
        """Take in the scans of a frame that had not come before. What is in already is left out.

        Raises:
            StoreError: too much has gathered, for it cannot be written away.
        """
        if frame.position > self._position:
            raise StoreError(f"History is at {self._position} and cannot take in scans from {frame.position} on.")
        skip = self._position - frame.position
        if skip >= frame.scans.num_rows:
            return
        positions = pa.array(np.arange(frame.position, frame.end))
        rows = pa.table([*frame.scans.columns, positions], names=PLAIN_SCHEMA.names).slice(skip)
        table = rows.filter(pa.array(fresh[skip:])).cast(PLAIN_SCHEMA)
        with self._changed:
            self._wait_for_room()
            if table.num_rows:
                self._staged.append(table)
                # Two of like size become one, so many small frames stay few tables.
                while len(self._staged) > 1 and self._staged[-2].num_rows < 2 * self._staged[-1].num_rows:
                    pair = pa.concat_tables([self._staged[-2], self._staged[-1]]).combine_chunks()
                    self._staged[-2:] = [pair]
            self._position = frame.end
            self._changed.notify_all()

    def seal(self) -> None:
        """Write everything staged into a file, and merge small files."""
        if self._folder is None:
            return
        with self._one_seals:
            try:
                self._seal(self._folder)
                self._merge(self._folder)
            except StoreError as error:
                self._note(error)
                raise
            except Exception as error:  # whatever it is, who waits for room must hear of it, and the keeper must live
                failed = self._find_damage(error) or disk_error(error, f"writing to {self._folder}")
                self._note(failed)
                raise failed from error
            self._note(None)

    def _note(self, failure: StoreError | None) -> None:
        with self._changed:
            self.failure = failure
            self._changed.notify_all()

    def close(self) -> None:
        """Seal, then let go of everything."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        try:
            if self._keeper is not None:
                self._keeper.join()
                self.seal()
        finally:
            self._duck.close()

    # Sealing

    def _keep(self) -> None:
        """Seal whenever enough has gathered, and by and by after an attempt that failed."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closing or self.failure is not None or self._staged_rows() >= self._seal_rows
                )
                if self.failure is not None:
                    self._changed.wait_for(lambda: self._closing, _PATIENCE_S)
                if self._closing:
                    return
            with contextlib.suppress(StoreError):  # kept in `failure`, which health shows
                self.seal()

    def _staged_rows(self) -> int:
        return sum(table.num_rows for table in self._staged)

    def _wait_for_room(self) -> None:
        if self._keeper is None:
            return
        most = 4 * self._seal_rows
        self._changed.wait_for(lambda: self._staged_rows() < most or self.failure is not None or self._closing)
        if self._staged_rows() >= most and self.failure is not None:
            raise self.failure

    def _seal(self, folder: Path) -> None:
        upto = self._position
        while self._contents.position < upto:
            with self._changed:
                if self._sealing is None:  # else what an earlier attempt left is written first
                    self._sealing = (pa.concat_tables([PLAIN_SCHEMA.empty_table(), *self._staged]), self._position)
                    self._staged = []
                rows, end = self._sealing
            stretches = self._contents.stretches
            if rows.num_rows:
                stretch = Stretch(self._contents.position, end, rows.num_rows)
                stretches = (*stretches, self._write_stretch(folder, stretch, partial(_write_sorted, rows)))
            contents = Contents(end, stretches)
            write_contents(folder, contents, self._disk)
            with self._changed:
                self._contents, self._sealing = contents, None
                self._changed.notify_all()

    def _merge(self, folder: Path) -> None:
        while chosen := find_mergeable(self._contents.stretches):
            old = self._contents.stretches[chosen]
            self._check(old)  # else a wrong byte would go into the new file, with a check that matches
            stretch = Stretch(old[0].start, old[-1].end, sum(each.rows for each in old))
            files = [folder / each.name for each in old]
            write = partial(self._duck.merge, files, _METADATA, _GROUP_ROWS)
            new = self._write_stretch(folder, stretch, write)
            contents = Contents(self._contents.position, (*self._contents.stretches[: chosen.start], new))
            write_contents(folder, contents, self._disk)
            with self._changed:
                self._contents = contents
                self._doomed.update(each.name for each in old)
                self._remove_doomed()

    def _write_stretch(self, folder: Path, stretch: Stretch, write: Callable[[Path], None]) -> Stretch:
        """Write a file, and say what is in it to the byte."""
        path = folder / stretch.name
        new = path.with_suffix(".tmp")
        write(new)
        fd = os.open(new, os.O_RDWR)
        try:
            self._disk.sync(fd)
        finally:
            os.close(fd)
        size, check = sum_up(new)
        new.replace(path)
        return msgspec.structs.replace(stretch, bytes=size, check=check)

    def _remove_doomed(self) -> None:
        """Remove merged files that no question of this process reads any more; other processes look again."""
        for name in [name for name in self._doomed if self._in_use[name] <= 0]:
            assert self._folder is not None
            (self._folder / name).unlink(missing_ok=True)
            self._doomed.discard(name)

    def _sweep(self, folder: Path) -> None:
        """Remove files that a crash left before the contents named them, or after they no longer did."""
        named = {stretch.name for stretch in self._contents.stretches}
        for path in [*folder.glob("*.parquet"), *folder.glob("*.tmp")]:
            if path.name not in named:
                path.unlink()
        shutil.rmtree(folder / "spill", ignore_errors=True)


def _write_sorted(rows: pa.Table, path: Path) -> None:
    ordered = rows.take(pc.sort_indices(rows, _ORDER)).replace_schema_metadata({"waypost": _METADATA})
    pq.write_table(
        ordered,
        path,
        compression="zstd",
        row_group_size=_GROUP_ROWS,
        use_dictionary=["carrier", "code", "facility", "note"],
    )
