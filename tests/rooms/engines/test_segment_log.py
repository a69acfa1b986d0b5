"""The files of the log: damage, full and failing disks, edges of segments."""

import errno
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.rooms.engines.logs import events, read, write
from tests.rooms.engines.scan_batches import batch

import waypost.engines.local.log as log_file
import waypost.engines.local.segments as segments_file
from waypost.engines.local.disk import Disk
from waypost.engines.local.frames import PART_ROWS, encode_scans
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.segments import (
    HEADER_SIZE,
    LOG_FORMAT,
    list_segments,
    read_frame,
    segment_path,
)
from waypost.model.errors import BadInput, StorageFull, StoreDamaged, StoreError, WaypostError, WrongFormat
from waypost.model.scans import SCAN_SCHEMA, join_batches

# Damage


def test_damage_in_an_earlier_segment_is_told_when_it_is_read(tmp_path: Path) -> None:
    write(tmp_path, *[50] * 12, segment_bytes=1_500)
    segments = list_segments(tmp_path)
    assert len(segments) > 3
    data = bytearray(segments[1].read_bytes())
    data[HEADER_SIZE + 100] ^= 4
    segments[1].write_bytes(data)
    with closing(SegmentLog(tmp_path)) as log:
        assert read(log, int(segments[2].stem)) == events(int(segments[2].stem), 600 - int(segments[2].stem))
        with pytest.raises(StoreDamaged, match=f"{segments[1]}, byte {HEADER_SIZE}"):
            read(log)


@pytest.mark.parametrize("harm", ["torn", "headless", "missing"])
def test_an_earlier_segment_that_lost_something_is_told(tmp_path: Path, harm: str) -> None:
    write(tmp_path, *[50] * 12, segment_bytes=1_500)
    segments = list_segments(tmp_path)
    if harm == "missing":
        segments[1].unlink()
    else:
        data = segments[1].read_bytes()
        segments[1].write_bytes(data[:-1] if harm == "torn" else data[: HEADER_SIZE - 1])
    with closing(SegmentLog(tmp_path)) as log:
        named = segments[2] if harm == "missing" else segments[1]
        with pytest.raises(StoreDamaged, match=str(named)):
            read(log)


def test_a_log_without_its_beginning_is_damaged(tmp_path: Path) -> None:
    write(tmp_path, *[50] * 12, segment_bytes=1_500)
    list_segments(tmp_path)[0].unlink()
    with pytest.raises(StoreDamaged, match="the segments before it are missing"):
        SegmentLog(tmp_path)


def test_a_log_that_ends_too_early_is_damaged_and_left_as_it_is(tmp_path: Path) -> None:
    """What was indexed had been acknowledged: if the log no longer has it, its tail is not torn but lost."""
    write(tmp_path, 3, 2)
    path = segment_path(tmp_path, 0)
    data = path.read_bytes()[:-5]
    path.write_bytes(data)
    told = f"{path}, byte .*: a frame is cut short; the log ends at 3, but 5 scans had been taken from it"
    for read_only in (False, True):
        with pytest.raises(StoreDamaged, match=f"{told} before. Bring the log back .* move the folders index and hist"):
            SegmentLog(tmp_path, at_least=5, read_only=read_only)
    assert path.read_bytes() == data
    path.write_bytes(data[: data.rindex(b"scan")])  # now it ends well, but too early
    with pytest.raises(StoreDamaged, match="ends at scan 3, but 5 scans had been taken from it"):
        SegmentLog(tmp_path, at_least=5)


def test_an_empty_log_that_once_held_scans_is_damaged(tmp_path: Path) -> None:
    """What was made from it is then the only trace of them: not a word of removing that."""
    with pytest.raises(StoreDamaged, match=r"holds no scans, but 5 .* Bring it back .* Keep index and history") as told:
        SegmentLog(tmp_path, at_least=5)
    assert "emove" not in str(told.value)
    assert "move" not in str(told.value)


def test_a_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 3)
    log = SegmentLog(tmp_path, read_only=True)
    for code, told in ((errno.EACCES, "Not allowed: reading"), (errno.EIO, "The disk failed: reading")):

        def scandir(path: Path, code: int = code) -> None:
            raise OSError(code, os.strerror(code), str(path))

        monkeypatch.setattr(os, "scandir", scandir)
        for at_least in (0, 3):
            with pytest.raises(StoreError, match=f"{told} {tmp_path}.*{os.strerror(code)}") as failed:
                SegmentLog(tmp_path, at_least=at_least)
            assert not isinstance(failed.value, StoreDamaged)
            assert "index" not in str(failed.value)
        with pytest.raises(StoreError, match=f"{told} {tmp_path}"):
            read(log)
    monkeypatch.undo()
    assert read(log) == events(0, 3)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 3)
    log = SegmentLog(tmp_path, read_only=True)

    def pread(fd: int, size: int, offset: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(StoreError, match=f"The disk failed: opening {tmp_path}"):
        SegmentLog(tmp_path)
    with pytest.raises(StoreError, match=f"The disk failed: reading {segment_path(tmp_path, 0)}"):
        read(log)


def test_a_folder_in_place_of_a_segment_is_told(tmp_path: Path) -> None:
    write(tmp_path, 3)
    segment_path(tmp_path, 3).mkdir()
    with pytest.raises(StoreDamaged, match=f"{segment_path(tmp_path, 3)} is a folder, not a file"):
        SegmentLog(tmp_path)


@pytest.mark.parametrize("version", [LOG_FORMAT - 1, LOG_FORMAT + 1])
def test_another_format_is_refused(tmp_path: Path, version: int) -> None:
    write(tmp_path, 3)
    path = segment_path(tmp_path, 0)
    head = struct.pack("<8sHHQ", b"waypost\n", version, 1, 0)
    data = head + struct.pack("<I", zlib.crc32(head)) + path.read_bytes()[HEADER_SIZE:]
    path.write_bytes(data)
    told = f"log format {version} with scan format 1; this version reads {LOG_FORMAT} with 1"
    for read_only in (False, True):
        with pytest.raises(WrongFormat, match=told):
            SegmentLog(tmp_path, read_only=read_only)
    assert path.read_bytes() == data


# Segments


def test_segments_follow_one_another(tmp_path: Path) -> None:
    write(tmp_path, *[50] * 20, segment_bytes=1_500)
    segments = list_segments(tmp_path)
    assert len(segments) >= 5
    assert all(1_500 <= path.stat().st_size < 3_000 for path in segments[:-1])
    for start in (0, 1, 499, 500, 999):
        with closing(SegmentLog(tmp_path, segment_bytes=1_500)) as log:
            assert read(log, start) == events(start, 1000 - start)


def test_reading_hops_over_what_was_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *[100] * 100, segment_bytes=100_000)
    with closing(SegmentLog(tmp_path)) as log:
        total, was = 0, os.pread

        def pread(fd: int, size: int, offset: int) -> bytes:
            nonlocal total
            data = was(fd, size, offset)
            total += len(data)
            return data

        monkeypatch.setattr(os, "pread", pread)
        frames = log.read(5_050)
        assert next(frames).position == 5_050
        frames.close()
    assert total < sum(path.stat().st_size for path in list_segments(tmp_path)) / 20


class GatedDisk(Disk):
    """Holds the first frame back until it is let go, so that others come to wait behind it."""

    def __init__(self) -> None:
        self.syncs = 0
        self.gate, self.waiting = threading.Event(), threading.Event()

    def sync(self, fd: int) -> None:
        self.syncs += 1
        if self.syncs == 2:  # the first is that of the segment's header
            self.waiting.set()
            assert self.gate.wait(30)
        super().sync(fd)


def append_together(log: SegmentLog, disk: GatedDisk, batches: list[pa.RecordBatch]) -> dict[int, int | Exception]:
    """Append the first; once it is being written the others, which wait till all of them are there."""
    answers: dict[int, int | Exception] = {}

    def append(place: int) -> None:
        try:
            answers[place] = log.append(batches[place])
        except WaypostError as error:
            answers[place] = error

    threads = [threading.Thread(target=append, args=(place,)) for place in range(len(batches))]
    threads[0].start()
    assert disk.waiting.wait(30)
    for thread in threads[1:]:
        thread.start()
    while len(log._waiting) + len(answers) < len(batches) - 1:
        threading.Event().wait(0.001)
    assert log.position() == 0
    assert not [answer for answer in answers.values() if isinstance(answer, int)]  # nobody is told before the sync
    disk.gate.set()
    for thread in threads:
        thread.join(30)
    return answers


def test_appends_that_wait_become_one_frame(tmp_path: Path) -> None:
    disk = GatedDisk()
    with closing(SegmentLog(tmp_path, disk=disk, frame_rows=100)) as log:
        answers = append_together(log, disk, [batch(place * 10, 10) for place in range(16)])
        assert [(found.position, found.end) for found in log.read(0)] == [(0, 10), (10, 110), (110, 160)]
        kept = read(log)
        for place, position in answers.items():
            assert isinstance(position, int)
            assert kept[position : position + 10] == events(place * 10, 10)
    assert disk.syncs == 4


def test_many_and_few_that_wait_become_one_frame(tmp_path: Path) -> None:
    """Each finds its scans where it was told, and there are no more parts than there have to be."""
    disk = GatedDisk()
    sizes = [1, 10, 3_000, 20, 2_000, 30]
    batches = [batch(10_000 * place, size) for place, size in enumerate(sizes)]
    with closing(SegmentLog(tmp_path, disk=disk)) as log:
        answers = append_together(log, disk, batches)
        assert [found.scans.num_rows for found in log.read(0)] in ([1, 60, 3_000, 2_000], [1, 60, 2_000, 3_000])
        kept = read(log)
        for place, size in enumerate(sizes):
            position = answers[place]
            assert isinstance(position, int)
            assert kept[position : position + size] == events(10_000 * place, size)
    assert (len(kept), disk.syncs) == (sum(sizes), 3)


def test_what_waits_becomes_more_frames_where_it_is_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = GatedDisk()
    monkeypatch.setattr(log_file, "FRAME_BYTES", 3 * len(encode_scans(batch(1, 2_000))))
    with closing(SegmentLog(tmp_path, disk=disk)) as log:
        answers = append_together(log, disk, [batch(0, 1), *[batch(1, 2_000)] * 7])
        assert sorted(answers.values()) == [0, *range(1, 14_001, 2_000)]  # type: ignore[type-var]
    assert disk.syncs == 1 + 1 + 3  # the header, the first, and seven by three


def test_a_batch_that_is_refused_takes_no_other_with_it(tmp_path: Path) -> None:
    ends = pa.py_buffer(np.array([0, 1], np.int32))
    note = pa.StringArray.from_buffers(1, ends, pa.py_buffer(b"\xff"))
    wrong = batch(1, 1).set_column(8, SCAN_SCHEMA.field("note"), note)
    null = pa.DictionaryArray.from_arrays(pa.array([1], pa.int32()), pa.array(["F1", None]))
    nobody = batch(2, 1).set_column(0, SCAN_SCHEMA.field("carrier"), null)
    disk = GatedDisk()
    with closing(SegmentLog(tmp_path, disk=disk)) as log:
        answers = append_together(log, disk, [batch(0, 1), wrong, nobody, batch(3, 1)])
        assert {place for place, answer in answers.items() if isinstance(answer, BadInput)} == {1, 2}
        assert (answers[0], answers[3]) == (0, 1)
        assert read(log) == [*events(0, 1), *events(3, 1)]


def test_one_may_append_while_another_encodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, encoding, was = threading.Event(), threading.Event(), log_file.encode_parts

    def encode_slowly(scans: pa.RecordBatch) -> list[bytes]:
        if scans.num_rows > 1_000:
            encoding.set()
            assert gate.wait(30)
        return was(scans)

    monkeypatch.setattr(log_file, "encode_parts", encode_slowly)
    with closing(SegmentLog(tmp_path)) as log:
        thread = threading.Thread(target=log.append, args=(batch(5, 2_000),))
        thread.start()
        assert encoding.wait(30)
        assert log.append(batch(0, 5)) == 0
        assert log.position() == 5
        gate.set()
        thread.join(30)
        assert read(log) == events(0, 2_005)


def test_a_single_append_larger_than_a_frame_stays_whole(tmp_path: Path) -> None:
    with closing(SegmentLog(tmp_path, frame_rows=10)) as log:
        log.append(batch(0, 500))
        assert [(frame.position, frame.end) for frame in log.read(0)] == [(0, 500)]


def test_a_very_large_append_is_one_frame_that_is_read_bit_by_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 2 * PART_ROWS + 9
    whole = batch(0, PART_ROWS)
    many = join_batches([whole, whole, batch(0, 9)])
    with closing(SegmentLog(tmp_path)) as log:
        assert log.append(many) == 0
        assert [found.end for found in log.read(0)] == [PART_ROWS, 2 * PART_ROWS, rows]
        (mark,) = log._marks
        assert (mark.position, mark.end) == (0, rows)
        decoded = []
        was = segments_file.decode_scans

        def decode_scans(part: bytes | memoryview) -> pa.RecordBatch:
            decoded.append(len(part))
            return was(part)

        monkeypatch.setattr(segments_file, "decode_scans", decode_scans)
        assert read(log, 2 * PART_ROWS + 2) == events(2, 7)
        assert len(decoded) == 1
        path = segment_path(tmp_path, 0)
        with path.open("rb") as file:
            assert read_frame(path, file.fileno(), mark).scans.equals(many)


def test_words_that_no_row_speaks_are_not_written(tmp_path: Path) -> None:
    whole = batch(0, 20_000).slice(0, 1)
    many = pa.DictionaryArray.from_arrays(pa.array([7], pa.int32()), [f"word {n}" for n in range(20_000)])
    one = whole.set_column(2, whole.schema.field("code"), many)
    with closing(SegmentLog(tmp_path)) as log:
        log.append(one)
        assert read(log)[0].code == "word 7"
    assert segment_path(tmp_path, 0).stat().st_size < 300


# Failing disks


class FailingDisk(Disk):
    """Fails the write, the sync or the cut when told so; a failing write leaves half of the bytes."""

    def __init__(self) -> None:
        self.fail: dict[str, int] = {}

    def write(self, fd: int, data: bytes | memoryview) -> None:
        if "write" in self.fail:
            os.write(fd, memoryview(data)[: len(data) // 2])
            raise OSError(self.fail["write"], os.strerror(self.fail["write"]))
        super().write(fd, data)

    def sync(self, fd: int) -> None:
        if "sync" in self.fail:
            raise OSError(self.fail["sync"], os.strerror(self.fail["sync"]))
        super().sync(fd)

    def cut(self, fd: int, size: int) -> None:
        if "cut" in self.fail:
            raise OSError(self.fail["cut"], os.strerror(self.fail["cut"]))
        super().cut(fd, size)


@pytest.fixture
def disk() -> FailingDisk:
    return FailingDisk()


@pytest.fixture
def log(tmp_path: Path, disk: FailingDisk) -> Iterator[SegmentLog]:
    with closing(SegmentLog(tmp_path, disk=disk)) as log:
        log.append(batch(0, 3))
        yield log


@pytest.mark.parametrize("step", ["write", "sync"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_keeps_nothing_and_goes_on_when_there_is_room(
    tmp_path: Path, log: SegmentLog, disk: FailingDisk, step: str, code: int
) -> None:
    size = segment_path(tmp_path, 0).stat().st_size
    disk.fail = {step: code}
    for _ in range(2):
        with pytest.raises(StorageFull, match="No room left"):
            log.append(batch(3, 2))
        assert segment_path(tmp_path, 0).stat().st_size == size
        assert log.position() == 3
    disk.fail = {}
    assert log.append(batch(3, 2)) == 3
    assert read(log) == events(0, 5)
    with closing(SegmentLog(tmp_path, read_only=True)) as again:
        assert read(again) == events(0, 5)


def test_a_disk_too_full_for_a_new_segment_goes_on_when_there_is_room(tmp_path: Path, disk: FailingDisk) -> None:
    with closing(SegmentLog(tmp_path, disk=disk, segment_bytes=1)) as log:
        for fail in ({}, {"write": errno.ENOSPC}, {"sync": errno.ENOSPC}, {}):
            disk.fail = fail
            if fail:
                with pytest.raises(StorageFull):
                    log.append(batch(3, 2))
                assert list_segments(tmp_path) == [segment_path(tmp_path, 0)]
            else:
                log.append(batch(log.position(), 3))
        assert read(log) == events(0, 6)
        assert len(list_segments(tmp_path)) == 2


@pytest.mark.parametrize("step", ["write", "sync"])
def test_after_a_failed_disk_nothing_is_written_until_opened_anew(
    tmp_path: Path, log: SegmentLog, disk: FailingDisk, step: str
) -> None:
    """A sync that failed may have thrown pages away; the next one would say that all is well."""
    disk.fail = {step: errno.EIO}
    with pytest.raises(StoreError, match="The disk failed"):
        log.append(batch(3, 2))
    disk.fail = {}
    for _ in range(2):
        with pytest.raises(StoreError, match="takes no more scans since an error"):
            log.append(batch(3, 2))
    assert read(log) == events(0, 3)
    log.close()
    with closing(SegmentLog(tmp_path)) as again:
        assert read(again) == events(0, 3)
        assert again.append(batch(3, 2)) == 3


def test_a_full_disk_that_cannot_be_cut_back_takes_no_more(log: SegmentLog, disk: FailingDisk) -> None:
    disk.fail = {"write": errno.ENOSPC, "cut": errno.EIO}
    with pytest.raises(StorageFull):
        log.append(batch(3, 2))
    disk.fail = {}
    with pytest.raises(StoreError, match=r"takes no more scans since an error: .*cutting"):
        log.append(batch(3, 2))
    assert read(log) == events(0, 3)


def test_everyone_who_waits_is_told_of_the_failure(tmp_path: Path) -> None:
    disk = FailingDisk()
    disk.fail = {"sync": errno.EIO}
    failures = []
    with closing(SegmentLog(tmp_path, disk=disk)) as log:

        def append() -> None:
            try:
                log.append(batch(0, 1))
            except StoreError as error:
                failures.append(error)

        threads = [threading.Thread(target=append) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(failures) == 10


def test_a_closed_log_takes_nothing_and_can_still_be_read(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path)
    log.append(batch(0, 3))
    log.close()
    with pytest.raises(StoreError, match="closed"):
        log.append(batch(3, 1))
    assert read(log) == events(0, 3)


# Looking on


def test_another_may_look_on_while_one_writes(tmp_path: Path) -> None:
    with closing(SegmentLog(tmp_path, segment_bytes=1_500)) as log:
        log.append(batch(0, 300))
        path = list_segments(tmp_path)[-1]
        with path.open("ab") as file:  # the writer in the middle of an append
            file.write(b"scan\x01\x00")
        with closing(SegmentLog(tmp_path, read_only=True)) as other:
            assert (other.position(), other.cut) == (300, None)
            assert read(other) == events(0, 300)
            with pytest.raises(StoreError, match="reading only"):
                other.append(batch(300, 1))
        assert path.read_bytes().endswith(b"scan\x01\x00")


def test_waiting_ends_when_scans_come_or_the_log_closes(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path)
    assert not log.wait(0, 0.01)
    woken = []
    waiter = threading.Thread(target=lambda: woken.append((log.wait(0, 30), log.wait(3, 30))))
    waiter.start()
    log.append(batch(0, 3))
    log.close()
    waiter.join(30)
    assert woken == [(True, True)]
