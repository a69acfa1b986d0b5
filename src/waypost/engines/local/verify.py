"""Read a home, or a backup, from end to end, and say what is wrong with which file at which byte. Nothing is changed.

A home may be written to meanwhile: it is read up to where its log was at the beginning.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from waypost.engines.local.backup import NAME, check_file, read_backup
from waypost.engines.local.catalogue import Catalogue, read_catalogue
from waypost.engines.local.copying import Progress
from waypost.engines.local.disk import store_errors
from waypost.engines.local.findings import MENDS, Report
from waypost.engines.local.formats import RECORDS, read_formats
from waypost.engines.local.history import ParquetHistory
from waypost.engines.local.index import LedgerIndex
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.runs import Runs
from waypost.engines.local.samples import SCAN_COLUMNS, Sample, Timelines, by_parcel, reference_of
from waypost.engines.local.segments import (
    HEADER_SIZE,
    Flaw,
    check_header,
    find_whole_frame,
    first_position,
    hop,
    is_unfinished,
    read_frame,
)
from waypost.engines.local.start import list_kept, read_start
from waypost.engines.sql.copies import count_rows, find_flaws
from waypost.model.errors import BadInput, NotFound, StoreDamaged, StoreError
from waypost.model.scans import IDENTITY, check_batch
from waypost.store.fold import Fold
from waypost.store.protocols import Frame

#: So many parcels are compared scan by scan if nobody says how many.
SAMPLE = 200
_MOST_TOLD = 10
_CHANGES_AT_ONCE = 1_000_000


_BRING_BACK = "Bring this file back from a backup; the other files are left as they are."


def verify_home(
    path: Path, fold: Fold, *, sample: int = SAMPLE, archive: Path | None = None, progress: Progress | None = None
) -> Report:
    """Verify a home, whether another process writes to it or not.

    Every frame of the log is read and its check made good; the records are read by SQLite's own check; index and
    history are read from end to end against their checks, and hold as many scans as one another; and a sample of
    parcels is worked out anew from the log, by the reference, and held against timelines and states of the index and
    against history.

    Where the log has lost its older segments to the archive, these are read as well. Where it does not begin at scan 0
    even so, the scans that it has must be in index and history, and these must agree.

    Args:
        path: the folder.
        fold: from scans to states.
        sample: so many parcels, chosen by chance.
        archive: the folder with segments that went from the log.
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
        derived, chosen, why = None, None, None
        try:
            derived = _Derived(path, fold, archive, opened, report)
            chosen = Sample(derived.log, sample)
        except StoreError as error:
            why = error
        end = derived.log.position() if derived else None
        _verify_log(path / "log", report, chosen, end, progress, archive)
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
        if report.is_well("log") and (report.log_start, report.log_start + report.scans) != (
            backup.start,
            backup.position,
        ):
            what = f"the log has {report.scans} scans from {report.log_start} on, but {NAME} says {backup.start} to "
            what += str(backup.position)
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
    folder: Path,
    report: Report,
    sample: Sample | None,
    end: int | None,
    progress: Progress | None,
    archive: Path | None = None,
) -> None:
    """Read all frames up to a position; if it is None, all there are, and then the last has to be whole as well."""
    try:
        with store_errors(f"reading {folder}"):
            _read_log(folder, report, sample, end, progress, archive)
    except StoreError as error:
        report.find_error("log", error)


def _read_log(
    folder: Path,
    report: Report,
    sample: Sample | None,
    end: int | None,
    progress: Progress | None,
    archive: Path | None,
) -> None:
    listed = list_kept(folder, archive)
    segments = [path for path in listed if end is None or first_position(path) < end or not end]
    total = _size_of(segments)
    at = report.log_start = min(read_start(folder), first_position(segments[0])) if segments else 0
    known = len(report.findings)
    for listed_path in segments:
        path, fd = _open_kept(listed_path, archive)
        if fd is None:
            at = report.log_start = _skip(path, segments, report)
            continue
        report.segments += 1
        size = os.fstat(fd).st_size
        if first_position(path) != at and len(report.findings) == known:
            what = f"the segments before it are missing: they end at scan {at}"
            report.find("log", what, "Bring the missing files back from a backup.", path, 0)
        at, known = first_position(path), len(report.findings)
        for frame, stop in _frames(path, fd, report, end, is_last=listed_path == segments[-1]):
            at = frame.end
            report.frames += 1
            report.scans += frame.scans.num_rows
            if sample:
                sample.take(frame)
            if progress:
                progress(min(report.bytes + stop, total), total)
        report.bytes += size
    if report.log_start:
        report.notes.append(f"The log begins at scan {report.log_start}; index and history alone have the older ones.")
    if end is not None and at < end and report.is_well("log"):
        report.find("log", f"the log ends at scan {at}, but {end} were acknowledged", _BRING_BACK, folder)


def _open_kept(path: Path, archive: Path | None) -> tuple[Path, int | None]:
    """Open a segment, where it is by now; it may have gone for good."""
    for each in (path, archive / path.name) if archive else (path,):
        with suppress(FileNotFoundError):
            return each, os.open(each, os.O_RDONLY)
    return path, None


def _skip(path: Path, segments: list[Path], report: Report) -> int:
    """Leave out a segment that went meanwhile, and all before it; where the next one begins."""
    report.notes.append(f"{path} went as the settings ask while the log was read.")
    return first_position(segments[segments.index(path) + 1])


def _size_of(paths: list[Path]) -> int:
    """The size of files, of which some may go meanwhile."""
    size = 0
    for path in paths:
        with suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def _frames(path: Path, fd: int, report: Report, end: int | None, *, is_last: bool) -> Iterator[tuple[Frame, int]]:
    """The frames of an open segment, which is let go of, with the offsets behind them, up to the first wrong one."""
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


class _Still(Ledger):
    """As it was when it was opened, however another process goes on."""

    def snapshot(self) -> tuple[Catalogue, Runs]:
        return self.catalogue, self.runs


class _Derived:
    """What is made from the log, and the log, open for reading."""

    def __init__(self, path: Path, fold: Fold, archive: Path | None, opened: ExitStack, report: Report) -> None:
        with store_errors(f"opening {path}"):
            try:
                self.ledger = _Still(path / "index", fold, read_only=True)
            except StoreDamaged as error:
                report.find_error("index", error)
                raise
            opened.callback(self.ledger.close)
            self.history = ParquetHistory(path / "history", self.ledger, read_only=True)
            opened.callback(self.history.close)
            reached = self.ledger.catalogue.position
            self.log = SegmentLog(path / "log", read_only=True, at_least=reached, archive=archive)
            opened.callback(self.log.close)
            self.index = LedgerIndex(self.ledger, fold, self.log)


def _verify_index(derived: _Derived, fold: Fold, sample: Sample, report: Report) -> None:
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
        timelines = index.timelines(numbers)
        if report.log_start:
            _compare_rest("index", due_timelines, by_parcel(timelines, SCAN_COLUMNS), report)
            due_states = by_parcel(reference_of(timelines, fold).states(numbers))
        else:
            _compare("index", "timeline", due_timelines, by_parcel(timelines, SCAN_COLUMNS), report)
        _compare("index", "state", due_states, by_parcel(index.states(numbers)), report)
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
    catalogue = ledger.snapshot()[0]
    end, after, start = catalogue.position, -1, catalogue.changes_start
    while True:
        after = max(after, start - 1)
        try:
            positions = ledger.changes.read(after, _CHANGES_AT_ONCE)[0]
        except StoreDamaged as error:
            now = read_catalogue(Path(report.path) / "index")
            if now is None or now.changes_start <= after + 1:
                report.find_error("index", error)
                return
            start = now.changes_start  # they went as the settings ask
            continue
        if not len(positions):
            return
        if positions[0] <= after or positions[-1] >= end or (np.diff(positions) <= 0).any():
            report.find("index", f"changes behind scan {after} are in no order", MENDS["index"])
            return
        after = int(positions[-1])


def _verify_history(derived: _Derived, fold: Fold, sample: Sample, report: Report) -> None:
    history, numbers = derived.history, sample.numbers
    try:
        report.history_scans = history.run(_add_up).to_pylist()[0]["scans"]
        indexed = sum(run.rows for run in derived.ledger.catalogue.runs)
        if report.history_scans != indexed:
            what = f"it has {report.history_scans} scans, and the index {indexed}"
            report.find("history", what, MENDS["history"])
        rows = history.run(lambda scans: scans.filter(scans.number.isin(numbers)).select(SCAN_COLUMNS))
        due, _ = sample.work_out(fold, history.position())
        if report.log_start:
            _compare_rest("history", due, by_parcel(rows, SCAN_COLUMNS), report)
            due = by_parcel(derived.index.timelines(numbers), SCAN_COLUMNS)
        _compare("history", "timeline", due, by_parcel(rows, SCAN_COLUMNS), report)
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


def _compare_rest(part: str, expected: Timelines, found: Timelines, report: Report) -> None:
    """As `_compare`, where the log does not have all scans any more: what it has is to be there."""
    for (carrier, number), rows in sorted(expected.items()):
        kept = {tuple(row[name] for name in IDENTITY) for row in found.get((carrier, number), [])}
        missing = sum(tuple(row[name] for name in IDENTITY) not in kept for row in rows)
        if missing:
            what = f"the timeline of parcel {number} of {carrier} lacks {missing} scans that the log has"
            report.find(part, what, MENDS[part])


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
