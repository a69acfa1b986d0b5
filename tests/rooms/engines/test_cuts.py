"""The end of a log: cut off where it is torn, told, and kept to the byte."""

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest
from tests.rooms.engines.logs import HastyDisk, events, read, write
from tests.rooms.engines.scan_batches import batch

import waypost.engines.local.log as log_file
from waypost.engines.local.cuts import CUTS, Cut
from waypost.engines.local.disk import Disk
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.segments import HEADER_SIZE, segment_header, segment_path
from waypost.model.errors import StorageFull, StoreDamaged


def check_cut(cut: Cut | None, path: Path, offset: int, tail: bytes, *, unfinished: bool) -> None:
    """Something was cut off, is told, and is kept to the byte. Removes what is kept, for the next round."""
    assert cut is not None
    assert (cut.file, cut.offset, cut.bytes, cut.is_unfinished) == (path, offset, len(tail), unfinished)
    assert cut.kept is not None
    assert cut.kept.read_bytes() == tail
    assert str(cut).startswith(f"{len(tail)} bytes at the end of {path} were cut off, and are kept in {cut.kept}: ")
    assert ("never acknowledged" in str(cut), "were acknowledged may be among them" in str(cut)) == (
        unfinished,
        not unfinished,
    )
    cut.kept.unlink()


# Torn tails


def test_a_tail_torn_at_any_byte_is_cut_off_and_told(tmp_path: Path) -> None:
    first, second, whole = write(tmp_path, 3, 2, 2)
    path = segment_path(tmp_path, 0)
    data = path.read_bytes()
    for size in range(second, whole):
        path.write_bytes(data[:size])
        with closing(SegmentLog(tmp_path, disk=HastyDisk())) as log:
            if size > second:
                check_cut(log.cut, path, second, data[second:size], unfinished=True)
            else:
                assert log.cut is None
            assert log.position() == 5
            assert size % 40 or read(log) == events(0, 5)
        assert path.read_bytes() == data[:second]
    with closing(SegmentLog(tmp_path)) as log:
        assert log.cut is None
        assert log.append(batch(5, 4)) == 5
        assert read(log) == events(0, 9)
    assert first < second


def test_a_tail_of_which_only_the_length_reached_the_disk_is_cut_off(tmp_path: Path) -> None:
    """After a power cut a file may be as long as it was to be, with zeros where the bytes did not come."""
    _, second, whole = write(tmp_path, 3, 2, 2)
    path = segment_path(tmp_path, 0)
    data = path.read_bytes()
    for kept in (second, second + 1, second + 20, second + 40, whole - 12):  # it ends in zeros anyway
        path.write_bytes(data[:kept] + bytes(whole - kept))
        with closing(SegmentLog(tmp_path)) as log:
            assert log.position() == 5
            check_cut(log.cut, path, second, data[second:kept] + bytes(whole - kept), unfinished=True)


def test_blocks_that_did_not_reach_the_disk_in_the_middle_are_cut_off(tmp_path: Path) -> None:
    """Blocks need not come in order: a frame may end well and have zeros in it."""
    _, second, whole = write(tmp_path, 3, 2, 10_000)
    path = segment_path(tmp_path, 0)
    data = bytearray(path.read_bytes())
    data[second + 1000 : second + 1000 + 4096] = bytes(4096)
    path.write_bytes(data)
    with closing(SegmentLog(tmp_path)) as log:
        assert log.position() == 5
        check_cut(log.cut, path, second, bytes(data[second:whole]), unfinished=True)


@pytest.mark.parametrize("size", [0, 1, HEADER_SIZE - 1, HEADER_SIZE, HEADER_SIZE + 3])
def test_a_segment_that_was_hardly_begun_is_no_loss(tmp_path: Path, size: int) -> None:
    write(tmp_path, 3)
    path = segment_path(tmp_path, 3)
    path.write_bytes((segment_header(3) + b"scan")[:size])
    with closing(SegmentLog(tmp_path)) as log:
        assert log.position() == 3
        if size == 0:
            assert log.cut is not None
            assert log.cut.kept is None
            assert str(log.cut).startswith(f"{path} was empty and was removed")
        elif size == HEADER_SIZE:
            assert log.cut is None
        else:
            offset = 0 if size < HEADER_SIZE else HEADER_SIZE
            check_cut(log.cut, path, offset, (segment_header(3) + b"scan")[offset:size], unfinished=True)
        assert log.append(batch(3, 2)) == 3
        assert read(log) == events(0, 5)


def test_a_first_segment_of_zeros_is_an_empty_log(tmp_path: Path) -> None:
    path = segment_path(tmp_path, 0)
    path.write_bytes(bytes(4096))
    with closing(SegmentLog(tmp_path)) as log:
        check_cut(log.cut, path, 0, bytes(4096), unfinished=True)
        assert log.append(batch(0, 2)) == 0
        assert read(log) == events(0, 2)


def test_a_flipped_bit_is_never_read_as_good(tmp_path: Path) -> None:
    """The last frame is cut off and kept, for it may have been torn; before it, the log is damaged and says where."""
    first, second, whole = write(tmp_path, 2, 2, 2)
    path = segment_path(tmp_path, 0)
    data = path.read_bytes()
    for place in [*range(HEADER_SIZE + 60), *range(HEADER_SIZE, whole, 13)]:
        flipped = bytearray(data)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        if place >= second:
            with closing(SegmentLog(tmp_path)) as log:
                assert log.position() == 4
                assert read(log) == events(0, 4)
                longer = second + 16 <= place < second + 24 and flipped[place] > data[place]
                check_cut(log.cut, path, second, bytes(flipped[second:]), unfinished=longer)
        else:
            frame = 0 if place < HEADER_SIZE else HEADER_SIZE if place < first else first
            for read_only in (False, True):
                with pytest.raises(StoreDamaged, match=f"{path}, byte {frame}: .* a whole frame follows .* copy"):
                    SegmentLog(tmp_path, read_only=read_only)
            assert path.read_bytes() == bytes(flipped)


# What was cut off


def test_what_was_cut_off_before_is_never_written_over(tmp_path: Path) -> None:
    """Runs that end one after the other at one place leave one file each."""
    (size,) = write(tmp_path, 3)
    path = segment_path(tmp_path, 0)
    tails = [b"scan one", b"scan two", b"scan two", b"scan three"]
    for tail in tails:
        with path.open("ab") as file:
            file.write(tail)
        with closing(SegmentLog(tmp_path)) as log:
            assert read(log) == events(0, 3)
    kept = sorted(tmp_path.glob("cut-*"))
    assert [file.name for file in kept] == [f"cut-{path.stem}-{size}{end}" for end in ("", "-2", "-3")]
    assert [file.read_bytes() for file in kept] == [b"scan one", b"scan two", b"scan three"]
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}


def test_the_oldest_of_many_cuts_go(tmp_path: Path) -> None:
    write(tmp_path, 3)
    path = segment_path(tmp_path, 0)
    for place in range(CUTS + 5):
        with path.open("ab") as file:
            file.write(b"tail %d" % place)
        SegmentLog(tmp_path, disk=HastyDisk()).close()
        newest = max(tmp_path.glob("cut-*"), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, ns=(place, place))  # a clock may be coarse
    kept = {file.read_bytes() for file in tmp_path.glob("cut-*")}
    assert kept == {b"tail %d" % place for place in range(5, CUTS + 5)}


def test_without_room_to_keep_it_nothing_is_cut_off(tmp_path: Path) -> None:
    class FullDisk(Disk):
        def write(self, fd: int, data: bytes | memoryview) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write(tmp_path, 3)
    path = segment_path(tmp_path, 0)
    with path.open("ab") as file:
        file.write(b"scan and no more")
    data = path.read_bytes()
    with pytest.raises(StorageFull, match=f"No room left: opening {tmp_path}"):
        SegmentLog(tmp_path, disk=FullDisk())
    assert path.read_bytes() == data
    with closing(SegmentLog(tmp_path)) as log:
        assert log.cut is not None
        assert read(log) == events(0, 3)


def test_one_who_looks_on_takes_a_frame_in_the_making_for_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two looks of the reader the writer finished the frame and wrote the next."""
    _, second, _ = write(tmp_path, 3, 2, 2)
    path = segment_path(tmp_path, 0)
    data = path.read_bytes()
    path.write_bytes(data[: second - 20])
    find = log_file.find_whole_frame

    def find_later(fd: int, offset: int) -> int | None:
        path.write_bytes(data)
        return find(fd, offset)

    monkeypatch.setattr(log_file, "find_whole_frame", find_later)
    with closing(SegmentLog(tmp_path, read_only=True)) as log:
        assert read(log) == events(0, 7)
    monkeypatch.undo()
    with closing(SegmentLog(tmp_path)) as log:
        assert (read(log), log.cut) == (events(0, 7), None)


def test_one_who_looks_on_keeps_and_cuts_nothing(tmp_path: Path) -> None:
    write(tmp_path, 3)
    with segment_path(tmp_path, 0).open("ab") as file:
        file.write(b"scan, so far")
    with closing(SegmentLog(tmp_path, read_only=True)) as log:
        assert (read(log), log.cut) == (events(0, 3), None)
    assert [path.name for path in tmp_path.iterdir()] == [segment_path(tmp_path, 0).name]
