"""The scan log of one machine: segment files, group commit, checksums."""

import bisect
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Self

import msgspec
import pyarrow as pa

from waypost.engines.local.cuts import Cut, keep_cut
from waypost.engines.local.disk import Disk, is_full, store_error, store_errors
from waypost.engines.local.frames import PART_ROWS, encode_parts
from waypost.engines.local.segments import (
    HEADER_SIZE,
    Flaw,
    Mark,
    check_header,
    damaged,
    encode_frame,
    find_whole_frame,
    first_position,
    hop,
    is_unfinished,
    list_segments,
    read_parts,
    segment_header,
    segment_path,
    verify,
)
from waypost.engines.local.start import gone, list_kept, read_start, refuse_gap
from waypost.model.errors import BadInput, StoreDamaged, StoreError
from waypost.model.scans import check_batch, join_batches
from waypost.store.protocols import Frame

SEGMENT_BYTES = 64 << 20
#: Batches that wait are written as one frame up to so many scans and bytes; a single larger one is still one frame.
FRAME_ROWS = PART_ROWS
FRAME_BYTES = 8 << 20

#: Batches with less are not encoded by themselves, but joined with others that wait.
_FEW_ROWS = 1_000
_FEW_BYTES = 1 << 20


class _Append(msgspec.Struct, frozen=True):
    """A batch that waits.

    Attributes:
        rows: how many scans.
        size: their bytes.
        scans: they themselves, if they are few.
        parts: else, encoded by the one who brings them: so many threads encode while one writes.
        done: gets their position.
    """

    rows: int
    size: int
    scans: pa.RecordBatch | None
    parts: list[bytes]
    done: Future[int]

    @classmethod
    def of(cls, scans: pa.RecordBatch) -> Self:
        rows, size = scans.num_rows, scans.get_total_buffer_size()
        if rows < _FEW_ROWS and size < _FEW_BYTES:
            try:
                scans.validate(full=True)  # so that nobody else's are refused with them
            except pa.ArrowInvalid as error:
                raise BadInput(f"These scans are at odds with themselves: {error}.") from error
            return cls(rows, size, scans, [], Future())
        parts = encode_parts(scans)
        return cls(rows, sum(map(len, parts)), None, parts, Future())


class SegmentLog:
    """`ScanLog` in a folder. One process writes; others may open it with `read_only` and look on.

    A writer thread takes what waits, writes it as one frame, syncs, and only then answers all callers.

    Attributes:
        cut: what opening cut off, for the caller to tell; None if the log ended well.

    Raises:
        StoreDamaged: bytes of the last segment are wrong and whole frames follow, or the log ends below `at_least`.
        WrongFormat: a segment has another format version.
    """

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        at_least: int = 0,
        disk: Disk | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        frame_rows: int = FRAME_ROWS,
        admit: Callable[[pa.RecordBatch], None] | None = None,
        archive: Path | None = None,
        until: int | None = None,
    ) -> None:
        """`admit` may refuse a batch that those behind the log could not keep; `archive` has segments that went.

        One who looks on reads what is in the files, of which the last may not be on disk yet and may be taken back;
        with `until` only what is acknowledged: up to there, or to where `reach` says.
        """
        self.cut: Cut | None = None
        self._folder = folder
        self._disk = disk or Disk()
        self._segment_bytes = segment_bytes
        self._frame_rows = frame_rows
        self._admit = admit
        self._archive = archive
        self._read_only = read_only
        self._until = until
        self._fd: int | None = None
        self._path = segment_path(folder, 0)
        self._marks: list[Mark] = []  # of the last segment
        self._offset = 0  # where its next frame goes; 0: it has to be made first
        self._end = 0
        self._broken: StoreError | None = None
        self._closing = self._closed = False
        self._waiting: deque[_Append] = deque()
        self._lock = threading.Lock()
        self._has_work = threading.Condition(self._lock)  # for the writer
        self._changed = threading.Condition(self._lock)  # for those who follow
        self._open(at_least)
        self._writer: threading.Thread | None = None
        if not read_only:
            self._writer = threading.Thread(target=self._write_what_waits, name="scan-log", daemon=True)
            self._writer.start()

    def append(self, scans: pa.RecordBatch) -> int:
        """See `ScanLog.append`."""
        check_batch(scans)
        if self._read_only:
            raise StoreError("This log was opened for reading only.")
        if self._admit is not None:
            self._admit(scans)
        append = _Append.of(scans)
        with self._lock:
            self._refuse_if_unusable()
            if not append.rows:
                return self._end
            self._waiting.append(append)
            self._has_work.notify()
        return append.done.result()

    def position(self) -> int:
        """See `ScanLog.position`."""
        if not self._read_only:
            return self._end
        self._look_again()
        with self._lock:  # while another thread opens it anew, it is not at its end yet
            return self._end

    @property
    def failure(self) -> StoreError | None:
        """Why it takes no more scans until it is opened anew; None while it does."""
        return self._broken

    def wait(self, position: int, timeout_s: float) -> bool:
        """Wait until the log has grown past a position, or is closed; False if neither came in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: max(self._end, self._until or 0) > position or self._closed, timeout_s
            )

    def reach(self, until: int) -> None:
        """Let one who looks on read up to there; what it could read before it still can."""
        with self._changed:
            self._until = max(until, self._until or 0)
            self._changed.notify_all()

    def read(self, position: int) -> Iterator[Frame]:
        """See `ScanLog.read`.

        Raises:
            StoreDamaged: bytes on disk are not what was written; names the file and the offset.
        """
        if self._read_only:
            self._look_again()
        with self._lock:
            end, last, marks = self._end, self._path, self._marks
        path = self._find_segment(position) if position < end else None
        while path is not None:
            at = first_position(path)
            with store_errors(f"reading {path}"):
                fd = self._open_segment(path)
                try:
                    for mark in self._marks_from(path, fd, position, marks if path == last else None):
                        at = mark.end
                        for frame in read_parts(path, fd, mark, position) if mark.end > position else ():
                            skip = max(position - frame.position, 0)
                            yield Frame(frame.position + skip, frame.scans.slice(skip)) if skip else frame
                        if at >= end:
                            return
                finally:
                    os.close(fd)
            path = self._find_next(path, at, end)

    def start(self) -> int:
        """See `ScanLog.start`."""
        segments = list_kept(self._folder, self._archive)
        return first_position(segments[0]) if segments else 0

    def sealed(self) -> list[tuple[Path, int]]:
        """The segments in the home that are never written to again, and where each ends."""
        with self._lock:
            last, is_bare = self._path, not self._marks
        segments = [path for path in list_segments(self._folder) if path <= last]
        if is_bare:  # the last frame is in the one before it, which stays: a log of no frames begins nowhere
            segments = segments[:-1]
        return [(path, first_position(after)) for path, after in itertools.pairwise(segments)]

    def _find_segment(self, position: int) -> Path:
        """The segment that a position is in, if there is none missing."""
        segments = list_segments(self._folder)
        if not segments or first_position(segments[0]) > position:  # else the archive is not asked, whatever ails it
            segments = list_kept(self._folder, self._archive)
        place = bisect.bisect_right([first_position(path) for path in segments], position) - 1
        if not segments:
            raise damaged(self._path, 0, "it is missing")
        if place < 0:
            raise self._missing(position, segments[0])
        return segments[place]

    def _find_next(self, path: Path, at: int, end: int) -> Path:
        """The segment behind one that ends at a position."""
        after = [each for each in list_segments(self._folder) if each.name > path.name]
        if not after or first_position(after[0]) != at:
            after = [each for each in list_kept(self._folder, self._archive) if each.name > path.name]
        if not after:
            raise damaged(path, 0, f"the log ends at {at}, but {end} were acknowledged")
        if first_position(after[0]) != at:
            raise self._missing(at, after[0])
        return after[0]

    def _missing(self, position: int, following: Path) -> StoreError:
        """The error for scans before a segment that are not there."""
        if first_position(following) <= read_start(self._folder):
            return gone(position, first_position(following), self._archive)
        return damaged(following, 0, f"the segment before it ends at {position}")

    def _open_segment(self, path: Path) -> int:
        """Open a segment, which may have gone to the archive since it was found."""
        try:
            return os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            kept = {each.name: each for each in list_kept(self._folder, self._archive)}
            if path.name in kept:
                return os.open(kept[path.name], os.O_RDONLY)
            after = [each for name, each in kept.items() if name > path.name]
            if after:
                raise self._missing(first_position(path), after[0]) from None
            raise

    def _marks_from(self, path: Path, fd: int, position: int, known: list[Mark] | None) -> Iterator[Mark]:
        """The marks of a segment, from the frame that holds a position on."""
        if known is not None:
            place = max(bisect.bisect_right(known, position, key=lambda mark: mark.position) - 1, 0)
            while place < len(known):
                yield known[place]
                place += 1
            return
        why = check_header(path, os.pread(fd, HEADER_SIZE, 0))
        if why:
            raise damaged(path, 0, why)
        size = os.fstat(fd).st_size
        for found in hop(fd, offset=HEADER_SIZE, position=first_position(path), size=size):
            if isinstance(found, Flaw):
                raise damaged(path, found.offset, found.why)
            yield found

    def close(self) -> None:
        """Write what waits, then let go of the files."""
        with self._lock:
            self._closing = True
            self._has_work.notify()
        if self._writer is not None:
            self._writer.join()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    # Opening

    def _open(self, at_least: int) -> None:
        segments = list_segments(self._folder)
        start = read_start(self._folder)
        if not segments and max(at_least, start):
            raise StoreDamaged(
                f"{self._folder} holds no scans, but {max(at_least, start)} had been taken from it before.",
                mend="Bring it back from a copy of the home. Keep index and history till then: they hold its scans.",
            )
        refuse_gap(self._folder, segments)
        with store_errors(f"opening {self._folder}"):
            while segments and not self._open_last(segments.pop(), at_least):
                pass
        self._refuse_if_short(at_least, f"{self._folder} ends at scan {self._end}")

    def _open_last(self, path: Path, at_least: int) -> bool:
        """Take up the last segment; False if it was never begun and is gone now."""
        fd = os.open(path, os.O_RDONLY if self._read_only else os.O_RDWR)
        try:
            self._path, self._marks = path, []
            self._offset, self._end = HEADER_SIZE, first_position(path)
            why = check_header(path, os.pread(fd, HEADER_SIZE, 0))
            if why:
                self._cut_off(fd, Flaw(0, why), at_least)
                self._offset = 0
                return False
            for found in verify(fd, self._end):
                if isinstance(found, Flaw):
                    self._cut_off(fd, found, at_least)
                    break
                if self._is_beyond(found):
                    break
                self._marks.append(found)
                self._offset, self._end = found.stop, found.end
            if not self._read_only:
                self._disk.sync(fd)  # a killed writer may have left whole frames that are not on disk yet
                self._disk.sync_folder(self._folder)
                os.lseek(fd, self._offset, os.SEEK_SET)
                self._fd, fd = fd, -1
            return True
        finally:
            if fd >= 0:
                os.close(fd)

    def _cut_off(self, fd: int, flaw: Flaw, at_least: int) -> None:
        """Cut the last segment, unless it shows that acknowledged scans were damaged, or is not ours to touch."""
        whole = find_whole_frame(fd, flaw.offset + 1)
        if whole is not None and self._is_flawed(fd, flaw):
            raise damaged(self._path, flaw.offset, f"{flaw.why}, yet a whole frame follows at byte {whole}")
        self._refuse_if_short(at_least, f"{self._path}, byte {flaw.offset}: {flaw.why}; the log ends at {self._end}")
        if self._read_only:
            return
        tail = os.pread(fd, os.fstat(fd).st_size - flaw.offset, flaw.offset)
        kept = keep_cut(self._path, flaw.offset, tail, self._disk)
        if flaw.offset:
            self._disk.cut(fd, flaw.offset)
        else:
            self._path.unlink()
            self._disk.sync_folder(self._folder)
        self.cut = Cut(self._path, flaw.offset, len(tail), flaw.why, is_unfinished(tail), kept)

    def _is_flawed(self, fd: int, flaw: Flaw) -> bool:
        """Whether a flaw is still there: for one who looks on, the writer may just have been in the middle of it."""
        if not flaw.offset:
            return check_header(self._path, os.pread(fd, HEADER_SIZE, 0)) is not None
        return isinstance(next(verify(fd, self._end, offset=flaw.offset), None), Flaw)

    def _refuse_if_short(self, at_least: int, state: str) -> None:
        """A torn append is the last thing in a log. What was taken from it before had been acknowledged."""
        if self._end < at_least:
            mend = "Bring the log back from a copy of the home."
            if not read_start(self._folder):
                mend += (
                    " To go on with what is left of it, move the folders index and history, which hold the others, out "
                    "of the home; they are made anew."
                )
            raise StoreDamaged(f"{state}, but {at_least} scans had been taken from it before.", mend=mend)

    def _look_again(self) -> None:
        """What the process that writes has added since; of a frame that it is just writing nothing."""
        with self._lock, store_errors(f"reading {self._folder}"):
            if not self._path.exists():
                self._open(self._end)  # there was none yet, or it went since
            while True:
                if self._offset:
                    self._look_on()
                following = segment_path(self._folder, self._end)
                is_last = (following == self._path and self._offset) or not following.exists()
                if is_last or check_header(following, _first_bytes(following)) is not None:
                    break
                self._path, self._marks, self._offset = following, [], HEADER_SIZE
            self._refuse_if_short(self._until or 0, f"{self._folder} ends at scan {self._end}")

    def _look_on(self) -> None:
        if self._path.stat().st_size <= self._offset:
            return
        fd = os.open(self._path, os.O_RDONLY)
        try:
            for found in verify(fd, self._end, offset=self._offset):
                if isinstance(found, Flaw) and self._end < (self._until or 0):
                    raise damaged(self._path, found.offset, found.why)
                if isinstance(found, Flaw) or self._is_beyond(found):
                    return
                self._marks.append(found)
                self._offset, self._end = found.stop, found.end
        finally:
            os.close(fd)

    def _is_beyond(self, mark: Mark) -> bool:
        return self._until is not None and mark.end > self._until

    # Writing

    def _write_what_waits(self) -> None:
        while taken := self._take():
            try:
                self._write(sum(append.rows for append in taken), _parts_of(taken))
            except BaseException as error:
                for append in taken:
                    append.done.set_exception(error)
                continue
            position = self._end
            for append in reversed(taken):
                position -= append.rows
                append.done.set_result(position)

    def _take(self) -> list[_Append]:
        """What the next frame is to hold, as soon as anything waits; nothing when the log closes."""
        with self._lock:
            self._has_work.wait_for(lambda: self._waiting or self._closing)
            taken: list[_Append] = []
            rows = size = 0
            while self._waiting:
                rows += self._waiting[0].rows
                size += self._waiting[0].size
                if taken and (rows > self._frame_rows or size > FRAME_BYTES):
                    break
                taken.append(self._waiting.popleft())
        return sorted(taken, key=lambda append: append.scans is None)  # those that are joined stand together

    def _write(self, rows: int, parts: list[bytes]) -> None:
        self._refuse_if_unusable(closing=True)
        data = encode_frame(self._end, rows, parts)
        try:
            if self._fd is None or self._offset >= self._segment_bytes:
                self._begin_segment()
            assert self._fd is not None
            self._disk.write(self._fd, data)
            self._disk.sync(self._fd)
        except OSError as error:
            self._take_back(error)
        with self._lock:
            mark = Mark(self._end, rows, self._offset, self._offset + len(data))
            self._marks.append(mark)
            self._offset, self._end = mark.stop, mark.end
            self._changed.notify_all()

    def _begin_segment(self) -> None:
        path = segment_path(self._folder, self._end)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            self._disk.write(fd, segment_header(self._end))
            self._disk.sync(fd)
            self._disk.sync_folder(self._folder)
        except BaseException:
            os.close(fd)
            path.unlink()
            raise
        if self._fd is not None:
            os.close(self._fd)
        with self._lock:
            self._fd, self._path, self._marks, self._offset = fd, path, [], HEADER_SIZE

    def _take_back(self, error: OSError) -> None:
        """After a failed write: back to the last good end if the disk is only full; else no further writes.

        A sync that failed may have thrown the written pages away and say "done" the next time, so nothing but
        opening the log anew tells what is on disk.
        """
        failed = store_error(error, f"writing to {self._path}")
        try:
            if self._fd is not None:
                self._disk.cut(self._fd, self._offset)
        except OSError as second:
            self._broken = store_error(second, f"cutting {self._path} back to byte {self._offset}")
        if not is_full(error):
            self._broken = failed
        raise failed from error

    def _refuse_if_unusable(self, *, closing: bool = False) -> None:
        if self._broken is not None:
            raise StoreError(f"The log takes no more scans since an error: {self._broken.message}", mend="Start again.")
        if self._closing and not closing:
            raise StoreError("The log is closed.")


def _parts_of(taken: list[_Append]) -> list[bytes]:
    few = [append.scans for append in taken if append.scans is not None]
    return [*(encode_parts(join_batches(few)) if few else ()), *(part for append in taken for part in append.parts)]


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER_SIZE)
