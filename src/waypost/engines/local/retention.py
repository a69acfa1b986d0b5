"""How long the log keeps scans: older segments go, into an archive if there is one, once nothing needs them any more.

A segment may go when it is never written to again and all its scans are in packed runs and in history, which are on
disk. One after the other, the oldest first,

1. it is copied into the archive, under another name at first, synced, and read again;
2. `start` in the folder of the log says that it may be missing;
3. files of changes that hold only what is before that are taken out of the catalogue and removed;
4. it is removed.

Wherever this is broken off, the log is whole from `start` on; the next time it goes on. A segment may then be in both
places, and the one in the log counts.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from waypost.engines.local.disk import Disk, store_errors
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.segments import (
    HEADER_SIZE,
    Flaw,
    check_header,
    damaged,
    first_position,
    list_segments,
    verify,
)
from waypost.engines.local.start import list_kept, read_start, refuse_gap, write_start
from waypost.model.errors import Conflict, StoreDamaged, StoreError

_AT_ONCE = 1 << 20


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long scans stay in the log: for ever, if nothing is said. Parcels and history keep them all the same.

    Attributes:
        seconds: a segment goes so long after its last scan came; None: it does not grow old.
        bytes: the oldest go as long as all together are larger; None: they may be as large as they are.
        archive: the folder they go to, which must be there; None: they are removed.
        now: the time, in seconds since 1970.
    """

    seconds: float | None = None
    bytes: float | None = None
    archive: Path | None = None
    now: Callable[[], float] = time.time

    @property
    def asks(self) -> bool:
        """Whether anything ever goes."""
        return self.seconds is not None or self.bytes is not None


def trim(
    log: SegmentLog, ledger: Ledger, retention: Retention, disk: Disk, is_over: Callable[[], bool] = lambda: False
) -> None:
    """Let all segments go that are to go by now; `is_over` is asked before each.

    Raises:
        Conflict: the archive has another file of the name of a segment.
        StoreDamaged: a segment, or its copy, is not what was written; the segment stays.
        StoreError: a disk failed; what has not gone yet stays.
    """
    with store_errors("letting old segments of the log go"):
        for path, end in _list_due(log, ledger, retention):
            if is_over():
                return
            if retention.archive is not None:
                _archive(path, end, retention.archive, disk)
            # Where some were brought back from the archive it is beyond their ends, and what is between may be missing.
            write_start(path.parent, max(end, read_start(path.parent)), disk)
            ledger.forget_changes(end)
            path.unlink()
            disk.sync_folder(path.parent)


def refuse_anew(folder: Path, archive: Path | None, why: str) -> None:
    """Refuse to throw away what was made from scans that neither log nor archive have any more.

    Raises:
        StoreDamaged: older segments are missing, and nothing says that they went.
        StoreError: says which scans are missing.
    """
    start = read_start(folder)
    refuse_gap(folder, list_segments(folder) if folder.exists() else [])
    if not start:
        return
    at = _find_whole(list_kept(folder, archive), start)
    if at < start:
        raise StoreError(
            f"Index and history would have to be made anew from the log ({why}), but it begins at scan {start}, and "
            f"the archive{f' {archive}' if archive else ', which is not named,'} has no whole segment of scan {at}. "
            "So they are the only copy of older scans, and were left as they are.",
            mend="Name the folder with all older segments (archive in [store]), or bring index and history back from "
            "a backup, or open this home with the version that wrote them.",
        )


def _list_due(log: SegmentLog, ledger: Ledger, retention: Retention) -> Iterator[tuple[Path, int]]:
    """The segments that are to go and where they end, the oldest first."""
    sealed = log.sealed()
    total = sum(path.stat().st_size for path in list_segments(sealed[0][0].parent)) if sealed else 0
    kept_to = None
    for path, end in sealed:
        state = path.stat()
        is_old = retention.seconds is not None and retention.now() - state.st_mtime > retention.seconds
        is_much = retention.bytes is not None and total > retention.bytes
        if not is_old and not is_much:
            return
        kept_to = ledger.kept_to() if kept_to is None else kept_to
        if end > kept_to:
            return
        yield path, end
        total -= state.st_size


def _archive(path: Path, end: int, archive: Path, disk: Disk) -> None:
    """Copy a segment; when this returns, the archive has it on disk, whole and the same."""
    copy = archive / path.name
    with store_errors(f"archiving {path} in {archive}"):
        if not archive.is_dir():
            mend = "Mount or make it, or name another one (archive in [store]). The log keeps everything till then."
            raise StoreError(f"The archive {archive} is not there.", mend=mend)
        if archive.samefile(path.parent):
            raise Conflict(
                f"The archive {archive} is the log itself.", mend="Name another folder (archive in [store])."
            )
        if not copy.exists():
            part = copy.with_suffix(".tmp")
            _copy(path, part, disk)
            try:
                _check(part, path, end)
            except StoreError:
                part.unlink()
                raise
            part.replace(copy)
        elif not _is_same(path, copy):
            raise Conflict(
                f"{copy} is not the same as {path}, which is to be archived under that name.",
                mend="Give each home an archive of its own; else move that file away. Nothing was removed.",
            )
        else:
            _check(copy, path, end)
            disk.sync_file(copy)
        disk.sync_folder(archive)


def _copy(path: Path, part: Path, disk: Disk) -> None:
    target = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with path.open("rb", buffering=0) as source:
            while data := source.read(_AT_ONCE):
                disk.write(target, data)
        disk.sync(target)
    finally:
        os.close(target)


def _check(copy: Path, path: Path, end: int) -> None:
    """See that a copy has every frame of a segment."""
    if _read_through(copy, first_position(path)) == (end, None):
        return
    at, flaw = _read_through(path, first_position(path))
    if flaw is not None:
        raise damaged(path, flaw.offset, flaw.why)
    if at != end:
        raise damaged(path, 0, f"it ends at {at}, and the next segment begins at {end}")
    mend = "Look after the disk of the archive. The log keeps everything till then."
    raise StoreDamaged(f"{copy} was copied from {path}, which is whole, but is not what was written.", mend=mend)


def _find_whole(segments: list[Path], start: int) -> int:
    """Up to where a log, which is whole from a position on, is whole from 0 on."""
    at = 0
    for path in segments:
        if at >= start or first_position(path) != at:
            break
        at, flaw = _read_through(path, at)
        if flaw is not None:
            break
    return at


def _read_through(path: Path, position: int) -> tuple[int, Flaw | None]:
    """Where a segment ends that begins at a position, and what is wrong with it."""
    with path.open("rb", buffering=0) as file:
        fd, at = file.fileno(), position
        why = check_header(path, os.pread(fd, HEADER_SIZE, 0))
        if why:
            return at, Flaw(0, why)
        for found in verify(fd, at):
            if isinstance(found, Flaw):
                return at, found
            at = found.end
    return at, None


def _is_same(path: Path, copy: Path) -> bool:
    if path.stat().st_size != copy.stat().st_size:
        return False
    with path.open("rb", buffering=0) as one, copy.open("rb", buffering=0) as other:
        while data := one.read(_AT_ONCE):
            if data != other.read(len(data)):
                return False
    return True
