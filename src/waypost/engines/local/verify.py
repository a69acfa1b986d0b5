"""Read a home, or a backup, from end to end, and say what is wrong with which file at which byte. Nothing is changed.

A home may be written to meanwhile: it is read up to where its log was at the beginning.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.engines.local.backup import NAME, Progress, check_file, read_backup
from waypost.engines.local.catalogue import Catalogue
from waypost.engines.local.disk import store_errors
from waypost.engines.local.findings import MENDS, Report
from waypost.engines.local.formats import RECORDS, read_formats
from waypost.engines.local.history import ParquetHistory
from waypost.engines.local.index import LedgerIndex
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.runs import Runs
from waypost.engines.local.segments import (
    HEADER_SIZE,
    Flaw,
    check_header,
    find_whole_frame,
    first_position,
    hop,
    is_unfinished,
    list_segments,
    read_frame,
)
from waypost.engines.sql.copies import count_rows, find_flaws
from waypost.model.errors import BadInput, NotFound, StoreDamaged, StoreError
from waypost.model.scans import SCAN_SCHEMA, check_batch
from waypost.store.fold import Fold
from waypost.store.memory import MemoryIndex, MemoryLog
from waypost.store.protocols import Frame, ScanLog

#: So many parcels are compared scan by scan if nobody says how many.
SAMPLE = 200
#: A number with more scans than that (a bag, a container) is left out of the sample.
_MOST_SCANS = 2_000
_MOST_TOLD = 10
_CHANGES_AT_ONCE = 1_000_000
_OFFSETS = 40
_TEXT = pa.string()
_SCAN = SCAN_SCHEMA.names

#: Rows of parcels, by carrier and number.
Timelines = dict[tuple[str, str], list[dict[str, Any]]]

_BRING_BACK = "Bring this file back from a backup; the other files are left as they are."


def verify_home(path: Path, fold: Fold, *, sample: int = SAMPLE, progress: Progress | None = None) -> Report:
    """Verify a home, whether another process writes to it or not.

    Every frame of the log is read and its check made good; the records are read by SQLite's own check; index and
    history are read from end to end against their checks, and hold as many scans as one another; and a sample of
    parcels is worked out anew from the log, by the reference, and held against timelines and states of the index and
    against history.

    Args:
        path: the folder.
        fold: from scans to states.
        sample: so many parcels, chosen by chance.
        progress: is told how much of the log is read.

    Raises:
        NotFound: there is no home.
    """
    path = path.absolute()
    report = Report(path=str(path), kind="home")
    try:
        if not read_formats(path).get("records"):
            raise NotFound(f"There is no home in {path}.", mend="Give another one (WAYPOST_HOME).")
    except StoreError as error:
        report.find_error("home", error)
        if not (path / "log").is_dir():
            return report
    _verify_records(path / RECORDS, report)
    with ExitStack() as opened:
        derived, why = None, None
        try:
            derived = _Derived(path, fold, opened, report)
        except StoreError as error:
            why = error
        chosen = _Sample(derived.log, sample) if derived else None
        _verify_log(path / "log", report, chosen, derived.log.position() if derived else None, progress)
        if why:
            _tell_why(report, why)
        elif derived and chosen and report.is_well("log"):
            _verify_index(derived, fold, chosen, report)
            _verify_history(derived, fold, chosen, report)
        elif derived:
            report.notes.append("Index and history were not compared with the log, for the log is damaged.")
    return report


def verify_backup(folder: Path, *, progress: Progress | None = None) -> Report:
    """Verify a backup: every file against what `BACKUP` says, every frame of the log, and the records.

    Raises:
        NotFound: the folder is no backup, or one that was never finished.
    """
    folder = folder.absolute()
    report = Report(path=str(folder), kind="backup")
    try:
        backup = read_backup(folder)
    except StoreError as error:
        report.find_error("backup", error, folder / NAME)
        return report
    with store_errors(f"reading {folder}"):
        for file in backup.files:
            why = check_file(folder, file)
            if why:
                report.find("backup", why, MENDS["backup"], folder / file.name)
        _verify_log(folder / "log", report, None, None, progress)
        if report.is_well("log") and report.scans != backup.position:
            what = f"the log has {report.scans} scans, but {NAME} says {backup.position}"
            report.find("backup", what, MENDS["backup"], folder / "log")
        _verify_records(folder / RECORDS, report, is_kept=True)
        if report.is_well("records") and report.rows != backup.rows:
            what = f"the tables have {report.rows} rows, but {NAME} says {backup.rows}"
            report.find("backup", what, MENDS["backup"], folder / RECORDS)
    return report


def _tell_why(report: Report, error: StoreError) -> None:
    if report.findings:
        report.notes.append(f"Index and history were not read, for they cannot be opened: {error.message}")
    else:
        report.find_error("home", error)


# Records


def _verify_records(path: Path, report: Report, *, is_kept: bool = False) -> None:
    if not path.is_file() or not path.stat().st_size:
        report.find("records", "it is missing or empty", MENDS["records"], path)
        return
    try:
        for flaw in find_flaws(path, is_kept=is_kept):
            report.find("records", flaw, MENDS["records"], path)
        report.rows = count_rows(path, is_kept=is_kept)
    except StoreError as error:
        report.find_error("records", error, path)


# Log


def _verify_log(
    folder: Path, report: Report, sample: "_Sample | None", end: int | None, progress: Progress | None
) -> None:
    """Read all frames up to a position; if it is None, all there are, and then the last has to be whole as well."""
    try:
        with store_errors(f"reading {folder}"):
            _read_log(folder, report, sample, end, progress)
    except StoreError as error:
        report.find_error("log", error)


def _read_log(
    folder: Path, report: Report, sample: "_Sample | None", end: int | None, progress: Progress | None
) -> None:
    segments = [path for path in list_segments(folder) if end is None or first_position(path) < end or not end]
    total = sum(path.stat().st_size for path in segments)
    at, known = 0, len(report.findings)
    for path in segments:
        report.segments += 1
        if first_position(path) != at and len(report.findings) == known:
            what = f"the segments before it are missing: they end at scan {at}"
            report.find("log", what, "Bring the missing files back from a backup.", path, 0)
        at, known = first_position(path), len(report.findings)
        for frame, stop in _frames(path, report, end, is_last=path == segments[-1]):
            at = frame.end
            report.frames += 1
            report.scans += frame.scans.num_rows
            if sample:
                sample.take(frame)
            if progress:
                progress(min(report.bytes + stop, total), total)
        report.bytes += path.stat().st_size
    if end is not None and at < end and report.is_well("log"):
        report.find("log", f"the log ends at scan {at}, but {end} were acknowledged", _BRING_BACK, folder)


def _frames(path: Path, report: Report, end: int | None, *, is_last: bool) -> Iterator[tuple[Frame, int]]:
    """The frames of a segment with the offsets behind them, up to the first that is wrong."""
    fd = os.open(path, os.O_RDONLY)
    try:
        try:
            why = check_header(path, os.pread(fd, HEADER_SIZE, 0))
        except StoreError as error:
            report.find_error("log", error, path)
            return
        if why:
            _find_flaw(path, fd, Flaw(0, why), report, is_tail=is_last and end == 0)
            return
        at, stop = first_position(path), HEADER_SIZE
        for found in hop(fd, offset=HEADER_SIZE, position=at, size=os.fstat(fd).st_size):
            is_tail = is_last and end is not None and at >= end
            if isinstance(found, Flaw):
                _find_flaw(path, fd, found, report, is_tail=is_tail)
                return
            if is_tail:
                return  # acknowledged since
            try:
                frame = read_frame(path, fd, found)
                _check_frame(frame, found.rows)
            except (StoreDamaged, BadInput, pa.ArrowException) as error:
                what = "a frame's check does not match its bytes"
                if not isinstance(error, StoreDamaged):
                    what = f"a frame whose check is right holds no scans: {error}"
                _find_flaw(path, fd, Flaw(found.start, what), report, is_tail=False)
                return
            at, stop = found.end, found.stop
            yield frame, stop
    finally:
        os.close(fd)


def _check_frame(frame: Frame, rows: int) -> None:
    frame.scans.validate(full=True)
    check_batch(frame.scans)
    if frame.scans.num_rows != rows:
        raise BadInput(f"it says that it has {rows} scans, and has {frame.scans.num_rows}")


def _find_flaw(path: Path, fd: int, flaw: Flaw, report: Report, *, is_tail: bool) -> None:
    tail_size = os.fstat(fd).st_size - flaw.offset
    if is_tail and is_unfinished(os.pread(fd, tail_size, flaw.offset)):
        report.notes.append(
            f"{path}, byte {flaw.offset}: {tail_size} bytes of an append that is under way or was broken off, never "
            "acknowledged; if it was broken off, the next start cuts it off."
        )
        return
    what, mend = flaw.why, _BRING_BACK
    whole = find_whole_frame(fd, flaw.offset + 1)
    if whole is not None:
        what = f"{what}; the next whole frame begins at byte {whole}"
    elif is_tail:
        mend = (
            "Look after the disk. The next start cuts these bytes off and keeps them beside the file; scans that were "
            "acknowledged may be among them: have the senders send the last minutes again."
        )
    report.find("log", what, mend, path, flaw.offset)


# Index and history against the log


class _Sample:
    """Numbers chosen by chance, and all their scans, gathered while the log is read."""

    def __init__(self, log: ScanLog, size: int) -> None:
        self.end = log.position()
        self._numbers = pa.array(sorted(self._choose(log, size)), pa.string())
        self._counts: Counter[str] = Counter()
        self._scans: list[pa.RecordBatch] = []
        self._positions: list[np.ndarray[Any, np.dtype[np.int64]]] = []

    def _choose(self, log: ScanLog, size: int) -> set[str]:
        if not self.end or not size:
            return set()
        chance = random.Random(self.end)  # others when the log has grown, the same when it has not
        numbers: set[str] = set()
        try:
            for _ in range(_OFFSETS):
                frame = next(log.read(chance.randrange(self.end)))
                rows = [chance.randrange(frame.scans.num_rows) for _ in range(-(-size // _OFFSETS))]
                numbers.update(frame.scans.column("number").take(pa.array(rows)).to_pylist())
        except StoreDamaged:  # found, with its byte, when the frames are read
            return set()
        return set(sorted(numbers)[:size])

    def take(self, frame: Frame) -> None:
        """Gather the scans of these numbers."""
        rows = np.flatnonzero(pc.is_in(frame.scans.column("number"), self._numbers))
        if not len(rows):
            return
        scans = frame.scans.take(pa.array(rows))
        self._counts.update(scans.column("number").to_pylist())
        self._scans.append(scans)
        self._positions.append(frame.position + rows)
        busy = {number for number, count in self._counts.items() if count > _MOST_SCANS}
        if busy:
            self._numbers = pc.filter(self._numbers, pc.invert(pc.is_in(self._numbers, pa.array(sorted(busy)))))
            for number in busy:
                del self._counts[number]

    def work_out(self, fold: Fold, end: int) -> tuple["Timelines", "Timelines"]:
        """Timelines and states of these numbers, from all scans below a position, as the reference has them."""
        positions = np.concatenate([np.zeros(0, np.int64), *self._positions])
        plain = [field.with_type(_TEXT) if pa.types.is_dictionary(field.type) else field for field in SCAN_SCHEMA]
        table = pa.Table.from_batches(self._scans, SCAN_SCHEMA).cast(pa.schema(plain))
        mask = (positions < end) & np.asarray(pc.is_in(table.column("number"), self._numbers))
        log = MemoryLog()
        # Words anew: a frame's dictionary has those of all its scans.
        chosen = table.filter(pa.array(mask)).combine_chunks()
        for batch in chosen.cast(SCAN_SCHEMA).unify_dictionaries().combine_chunks().to_batches():
            log.append(batch)
        index = MemoryIndex(log, fold)
        index.catch_up(log.position(), 0)
        return _by_parcel(index.timelines(self.numbers), _SCAN), _by_parcel(index.states(self.numbers))

    @property
    def numbers(self) -> list[str]:
        """The numbers."""
        return list(self._numbers.to_pylist())


class _Still(Ledger):
    """As it was when it was opened, however another process goes on."""

    def snapshot(self) -> tuple[Catalogue, Runs]:
        return self.catalogue, self.runs


class _Derived:
    """What is made from the log, and the log, open for reading."""

    def __init__(self, path: Path, fold: Fold, opened: ExitStack, report: Report) -> None:
        with store_errors(f"opening {path}"):
            try:
                self.ledger = _Still(path / "index", fold, read_only=True)
            except StoreDamaged as error:
                report.find_error("index", error)
                raise
            opened.callback(self.ledger.close)
            self.history = ParquetHistory(path / "history", self.ledger, read_only=True)
            opened.callback(self.history.close)
            self.log = SegmentLog(path / "log", read_only=True, at_least=self.ledger.catalogue.position)
            opened.callback(self.log.close)
            self.index = LedgerIndex(self.ledger, fold, self.log)


def _verify_index(derived: _Derived, fold: Fold, sample: _Sample, report: Report) -> None:
    index, numbers = derived.index, sample.numbers
    try:
        _verify_runs(derived.ledger, report)
        _verify_changes(derived.ledger, report)
        if not report.is_well("index"):
            return
        end = index.position()
        if end < sample.end:
            report.notes.append(
                f"index and history: {sample.end - end} scans behind the log; compared up to scan {end}."
            )
        due_timelines, due_states = sample.work_out(fold, end)
        report.parcels_compared = len(due_states)
        _compare("index", "timeline", due_timelines, _by_parcel(index.timelines(numbers), _SCAN), report)
        _compare("index", "state", due_states, _by_parcel(index.states(numbers)), report)
    except Exception as error:
        report.find_failure("index", error)


def _verify_runs(ledger: Ledger, report: Report) -> None:
    """Every byte against its check, and that each is the run that the catalogue names."""
    catalogue, runs = ledger.snapshot()
    for listed, run in zip(catalogue.runs, runs.all, strict=True):
        foot = run.foot
        if (foot.start, foot.end, foot.rows) != (listed.start, listed.end, listed.rows):
            report.find("index", "it is another run than the catalogue names", MENDS["index"], run.path)
        try:
            run.verify()
        except StoreDamaged as error:
            report.find_error("index", error, run.path)


def _verify_changes(ledger: Ledger, report: Report) -> None:
    end, after = ledger.snapshot()[0].position, -1
    try:
        while len(positions := ledger.changes.read(after, _CHANGES_AT_ONCE)[0]):
            if positions[0] <= after or positions[-1] >= end or (np.diff(positions) <= 0).any():
                report.find("index", f"changes behind scan {after} are in no order", MENDS["index"])
                return
            after = int(positions[-1])
    except StoreDamaged as error:
        report.find_error("index", error)


def _verify_history(derived: _Derived, fold: Fold, sample: _Sample, report: Report) -> None:
    history, numbers = derived.history, sample.numbers
    try:
        report.history_scans = history.run(_add_up).to_pylist()[0]["scans"]
        indexed = sum(run.rows for run in derived.ledger.catalogue.runs)
        if report.history_scans != indexed:
            what = f"it has {report.history_scans} scans, and the index {indexed}"
            report.find("history", what, MENDS["history"])
        rows = history.run(lambda scans: scans.filter(scans.number.isin(numbers)).select(_SCAN))
        due, _ = sample.work_out(fold, history.position())
        _compare("history", "timeline", due, _by_parcel(rows, _SCAN), report)
    except Exception as error:
        report.find_failure("history", error)


def _add_up(scans: Any) -> Any:
    """A question that needs every byte of every column."""
    sums = {"scans": scans.count()}
    for name, kind in scans.schema().items():
        column = scans[name]
        number = column.length() if kind.is_string() else column.epoch_seconds() if kind.is_timestamp() else column
        sums[f"sum_of_{name}"] = number.cast("float64").sum()
    return scans.aggregate(**sums)


def _by_parcel(table: pa.Table, columns: list[str] | None = None) -> Timelines:
    """The rows of each parcel, in whatever order they came."""
    parcels: Timelines = {}
    for row in (table.select(columns) if columns else table).to_pylist():
        parcels.setdefault((row["carrier"], row["number"]), []).append(row)
    return {key: sorted(rows, key=repr) for key, rows in parcels.items()}


def _compare(part: str, what: str, expected: Timelines, found: Timelines, report: Report) -> None:
    wrong = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    for carrier, number in wrong[:_MOST_TOLD]:
        kept, due = found.get((carrier, number), []), expected.get((carrier, number), [])
        told = f"has {len(kept)} scans, the log has {len(due)}" if len(kept) != len(due) else "is not that of the log"
        if what == "state":
            told = "is not that of its scans in the log"
        report.find(part, f"the {what} of parcel {number} of {carrier} {told}", MENDS[part])
    if len(wrong) > _MOST_TOLD:
        more = f"{len(wrong) - _MOST_TOLD} more of {len(expected)} parcels compared have another {what}"
        report.find(part, more, MENDS[part])
