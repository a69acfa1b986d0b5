"""Changes on disk: what was published is read from any cursor on, in order and once, and damage is told."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.engines.test_runs import FailingDisk, folders, open_files

from waypost.engines.local import changes as changes_file
from waypost.engines.local.changes import ChangeFiles, Files
from waypost.engines.local.disk import Disk
from waypost.model.errors import StoreDamaged

NEWS = np.dtype([("status", "u1"), ("weight", "<u4"), ("told", "u1")])

HEAD_BYTES = 36

#: Position, and what was told.
Row = tuple[int, tuple[int, int, int]]


class Batch(msgspec.Struct, frozen=True):
    """So many scans, of which those at some places moved a parcel."""

    start: int
    end: int
    rows: list[Row]


def news_at(position: int, turn: int) -> tuple[int, int, int]:
    return position % 251, position * 1_000_003 % (1 << 32), turn % 256


@st.composite
def batches_from(draw: st.DrawFn, start: int, turn: int) -> Batch:
    size = draw(st.integers(1, 12))
    places = draw(st.sets(st.integers(0, size - 1)))
    return Batch(start, start + size, [(start + place, news_at(start + place, turn)) for place in sorted(places)])


@st.composite
def logs(draw: st.DrawFn, most: int = 8) -> list[Batch]:
    """Batches one behind the other; some changed nothing."""
    batches, start = list[Batch](), draw(st.sampled_from([0, 0, 1 << 40]))
    for turn in range(draw(st.integers(0, most))):
        batches.append(draw(batches_from(start, turn)))
        start = batches[-1].end
    return batches


def opened(folder: Path, published: Files = (), disk: Disk | None = None) -> ChangeFiles:
    return ChangeFiles(folder, NEWS, published, disk or Disk())


def append(files: ChangeFiles, batch: Batch) -> Files:
    """Without publishing it."""
    positions = np.array([position for position, _ in batch.rows], np.int64)
    return files.append(positions, np.array([news for _, news in batch.rows], NEWS), batch.start, batch.end)


def put(files: ChangeFiles, batch: Batch) -> None:
    files.publish(append(files, batch))


def write(folder: Path, batches: Sequence[Batch], published: Files = ()) -> Files:
    files = opened(folder, published)
    for batch in batches:
        put(files, batch)
    files.close()
    return files.files


def rows_in(batches: Sequence[Batch]) -> list[Row]:
    return [row for batch in batches for row in batch.rows]


def rows_of(positions: npt.NDArray[np.int64], news: npt.NDArray[np.void]) -> list[Row]:
    assert positions.dtype == np.int64
    assert news.dtype == NEWS
    told = [(int(row["status"]), int(row["weight"]), int(row["told"])) for row in news]
    return list(zip(positions.tolist(), told, strict=True))


def read(files: ChangeFiles, after: int = -1, limit: int = 1 << 30) -> list[Row]:
    return rows_of(*files.read(after, limit))


def read_anew(folder: Path, published: Files) -> list[Row]:
    files = opened(folder, published)
    assert files.files == published
    rows = read(files)
    files.close()
    return rows


@contextmanager
def small_files(size: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes_file, "FILE_BYTES", size)
        yield


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.chg"))


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in files_in(folder)}


def sizes_in(folder: Path) -> Files:
    return tuple((path.name, path.stat().st_size) for path in files_in(folder))


# Reading


@given(logs(), st.data(), st.sampled_from([1, 100, 1 << 20]), st.booleans())
def test_changes_are_read_from_any_cursor_on(
    batches: list[Batch], data: st.DataObject, file_bytes: int, is_opened_anew: bool
) -> None:
    with folders() as folder, small_files(file_bytes):
        files = opened(folder)
        for batch in batches:
            put(files, batch)
        assert files.files == sizes_in(folder)
        if is_opened_anew:
            files.close()
            files = opened(folder, files.files)
        told = rows_in(batches)
        begin, end = (batches[0].start, batches[-1].end) if batches else (0, 0)
        for _ in range(5):
            after = data.draw(st.integers(begin - 2, end + 1))
            limit = data.draw(st.integers(0, len(told) + 1))
            assert read(files, after, limit) == [row for row in told if row[0] > after][:limit]
        files.close()


@given(logs(), st.data(), st.integers(1, 5), st.sampled_from([1, 200]))
def test_who_reads_on_from_where_he_was_sees_each_change_once(
    batches: list[Batch], data: st.DataObject, limit: int, file_bytes: int
) -> None:
    """Whether they are there already or come meanwhile, in this process or, for one who only reads, in another."""
    with folders() as folder, small_files(file_bytes):
        files, other = opened(folder), opened(folder)
        seen: dict[bool, list[Row]] = {True: [], False: []}
        for batch in batches:
            put(files, batch)
            if data.draw(st.booleans()):  # else he comes later, when there are several batches more
                other.read_on(files.files)
                assert other.files == files.files
            for is_other, reader in ((False, files), (True, other)):
                if rows := read(reader, seen[is_other][-1][0] if seen[is_other] else -1, limit):
                    seen[is_other] += rows
        other.read_on(files.files)
        for is_other, reader in ((False, files), (True, other)):
            while rows := read(reader, seen[is_other][-1][0] if seen[is_other] else -1, limit):
                seen[is_other] += rows
        told = rows_in(batches)
        assert seen == {True: told, False: told}
        files.close()
        other.close()


def test_many_changes_of_a_batch_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    positions = np.flatnonzero(rng.random(200_000) < 0.3) + 5_000_000_000
    rows = [(position, news_at(position, 1)) for position in positions.tolist()]
    published = write(tmp_path, [Batch(5_000_000_000, 5_000_200_000, rows)])
    files = opened(tmp_path, published)
    assert read(files) == rows
    assert read(files, after=int(positions[30_000]), limit=7) == rows[30_001:30_008]
    files.close()


def test_a_file_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    batches = [
        Batch(start, start + 10, [(start + place, news_at(place, 0)) for place in range(10)])
        for start in range(0, 300, 10)
    ]
    with small_files(500):
        published = write(tmp_path, batches)
    assert published == sizes_in(tmp_path)
    assert 3 < len(published) < 15
    begins = [int(name.removesuffix(".chg")) for name, _ in published]
    assert begins == sorted(begins)
    assert set(begins) <= {batch.start for batch in batches}
    assert all(500 <= size < 700 for _, size in published[:-1])
    assert read_anew(tmp_path, published) == rows_in(batches)


def test_after_opening_the_last_file_is_gone_on_with(tmp_path: Path) -> None:
    batches = [Batch(start, start + 2, [(start, news_at(start, 0))]) for start in range(0, 40, 2)]
    published: Files = ()
    for batch in batches:
        published = write(tmp_path, [batch], published)
    assert [name for name, _ in published] == ["00000000000000000000.chg"]
    assert published == sizes_in(tmp_path)
    assert read_anew(tmp_path, published) == rows_in(batches)


def test_nothing_is_kept_of_nothing(tmp_path: Path) -> None:
    files = opened(tmp_path)
    put(files, Batch(0, 50, []))
    assert files.files == ()
    assert read(files) == []
    assert list(tmp_path.iterdir()) == []
    files.close()
    files.close()


def test_one_who_only_reads_does_not_keep_files_open(tmp_path: Path) -> None:
    _, published = three(tmp_path)
    reader = opened(tmp_path)
    reader.read_on(published)
    read(reader)
    assert str(tmp_path) not in " ".join(open_files())
    reader.close()


# What was not published


@given(st.data(), st.sampled_from([1, 200, 1 << 20]))
def test_what_was_not_published_is_not_read_and_is_replaced_by_the_next(data: st.DataObject, file_bytes: int) -> None:
    """However often a batch is tried, and wherever it ends the next time, here or after opening anew."""
    with folders() as folder, folders() as clean, small_files(file_bytes):
        files, batches, start = opened(folder), list[Batch](), 0
        for turn in range(data.draw(st.integers(1, 6))):
            for attempt in range(data.draw(st.integers(0, 2))):
                append(files, data.draw(batches_from(start, 100 + attempt)))
                assert read(files) == read_anew(folder, files.files) == rows_in(batches)
                if data.draw(st.booleans()):
                    files.close()
                    before = bytes_in(folder)
                    files = opened(folder, files.files)
                    assert read(files) == rows_in(batches)
                    assert bytes_in(folder) == before, "he who opens changes nothing: another may be writing"
            batches.append(data.draw(batches_from(start, turn)))
            will_be = append(files, batches[-1])
            assert read(files) == rows_in(batches[:-1])
            assert read_anew(folder, will_be) == rows_in(batches)
            files.publish(will_be)
            assert files.files == will_be
            assert read(files) == read_anew(folder, will_be) == rows_in(batches)
            if batches[-1].rows:
                assert sizes_in(folder)[-1] == will_be[-1], "nothing is left behind it"
            start = batches[-1].end
        files.close()
        assert write(clean, batches) == files.files
        found = bytes_in(folder)
        assert {name: found[name][:size] for name, size in files.files} == bytes_in(clean)


@given(logs(), st.data(), st.sampled_from([1, 200]), st.booleans())
def test_what_is_cut_back_is_forgotten_and_comes_again(
    batches: list[Batch], data: st.DataObject, file_bytes: int, is_opened_anew: bool
) -> None:
    """Split in another way, as the log gives it the next time."""
    with folders() as folder, folders() as clean, small_files(file_bytes):
        files = opened(folder, write(folder, batches))
        kept = data.draw(st.integers(0, len(batches)))
        end = batches[kept].start if kept < len(batches) else 1 << 60
        if data.draw(st.booleans()) and batches:
            append(files, data.draw(batches_from(batches[-1].end, 100)))
        before = bytes_in(folder)
        published = files.cut_back(end)
        assert files.files == published == write(clean, batches[:kept])
        assert read(files) == read_anew(folder, published) == rows_in(batches[:kept])
        assert bytes_in(folder) == before
        if is_opened_anew:
            files.close()
            files = opened(folder, published)
        if again := rows_in(batches[kept:]):
            put(files, Batch(end, batches[-1].end, again))
            assert sizes_in(folder)[: len(files.files)] == files.files
        assert read(files) == read_anew(folder, files.files) == rows_in(batches)
        files.close()


def three(folder: Path) -> tuple[list[Row], Files]:
    """Three chunks of the same size."""
    batches = [Batch(start, start + 10, [(start + n, news_at(n, 0)) for n in range(10)]) for start in (0, 10, 20)]
    return rows_in(batches), write(folder, batches)


def test_a_chunk_in_the_making_is_cut_off(tmp_path: Path) -> None:
    """Its batch was not published: the catalogue is behind."""
    told, published = three(tmp_path)
    (path,) = files_in(tmp_path)
    data = path.read_bytes()
    sizes = list(itertools.accumulate(len(data) // 3 for _ in range(3)))
    assert published == ((path.name, sizes[-1]),)
    assert sizes[-1] == len(data)
    before = ((path.name, sizes[1]),)
    for tail in [*(data[sizes[1] : size] for size in range(sizes[1], len(data))), bytes(7), b"?" * len(data)]:
        path.write_bytes(data[: sizes[1]] + tail)
        files = opened(tmp_path, before)
        assert read(files) == told[:20]
        assert path.read_bytes() == data[: sizes[1]] + tail
        put(files, Batch(20, 30, told[20:]))
        assert files.files == published
        assert read(files) == told
        files.close()
        assert path.read_bytes() == data


def test_a_batch_that_was_not_published_may_come_again(tmp_path: Path) -> None:
    """Its changes were kept, and then something else failed."""
    files = opened(tmp_path)
    one, two = Batch(0, 5, [(0, news_at(0, 0))]), Batch(5, 10, [(7, news_at(7, 0)), (9, news_at(9, 0))])
    put(files, one)
    append(files, two)
    longer = Batch(5, 20, [(7, news_at(7, 1)), (18, news_at(18, 0))])
    put(files, longer)
    assert read(files) == one.rows + longer.rows
    files.close()
    assert read_anew(tmp_path, files.files) == one.rows + longer.rows


def test_a_batch_that_was_not_published_is_not_published_by_one_without_changes(tmp_path: Path) -> None:
    files = opened(tmp_path)
    one = Batch(0, 5, [(0, news_at(0, 0))])
    put(files, one)
    append(files, Batch(5, 10, [(7, news_at(7, 0))]))
    put(files, Batch(5, 7, []))
    assert read(files) == read_anew(tmp_path, files.files) == one.rows
    later = Batch(7, 12, [(8, news_at(8, 0))])
    put(files, later)
    assert read(files) == read_anew(tmp_path, files.files) == one.rows + later.rows
    files.close()


# Damage


@contextmanager
def told_damaged(folder: Path, path: Path, offset: int) -> Iterator[None]:
    """And that nothing was changed."""
    before = bytes_in(folder)
    with pytest.raises(StoreDamaged, match=f"^{path}, byte {offset}: a chunk of changes is not what") as error:
        yield
    assert "remove the folder index: it is made anew from the log" in str(error.value)
    assert bytes_in(folder) == before
    assert str(folder) not in " ".join(open_files())


def flips(data: bytes, places: range) -> Iterator[tuple[int, bytes]]:
    """A bit of each of these places, flipped."""
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        yield place, bytes(flipped)


@pytest.mark.parametrize("file_bytes", [1, 1 << 20], ids=["in files", "in one file"])
@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_a_changed_byte_behind_the_head_of_a_chunk_is_told(tmp_path: Path, chunk: int, file_bytes: int) -> None:
    """To him who reads it; the others are read as ever."""
    with small_files(file_bytes):
        told, published = three(tmp_path)
    path, offset, size = place_of(published, tmp_path, chunk)
    data = path.read_bytes()
    for _, flipped in flips(data, range(offset + HEAD_BYTES, offset + size)):
        path.write_bytes(flipped)
        files = opened(tmp_path, published)
        with told_damaged(tmp_path, path, offset):
            read(files)
        with told_damaged(tmp_path, path, offset):
            read(files, after=10 * chunk - 1, limit=1)
        if chunk:
            assert read(files, limit=10 * chunk) == told[: 10 * chunk]
        assert read(files, after=10 * chunk + 9) == told[10 * chunk + 10 :]
        path.write_bytes(data)
        assert read(files) == told


@pytest.mark.parametrize("file_bytes", [1, 1 << 20], ids=["in files", "in one file"])
@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_a_changed_byte_in_the_head_of_a_chunk_is_told(tmp_path: Path, chunk: int, file_bytes: int) -> None:
    """To him who opens it or reads on: published changes are never cut off."""
    with small_files(file_bytes):
        told, published = three(tmp_path)
    path, offset, _ = place_of(published, tmp_path, chunk)
    data = path.read_bytes()
    for bit in range(8 * HEAD_BYTES):
        flipped = bytearray(data)
        flipped[offset + bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with told_damaged(tmp_path, path, offset):
            opened(tmp_path, published)
        reader = opened(tmp_path)
        with told_damaged(tmp_path, path, offset):
            reader.read_on(published)
        assert (reader.files, read(reader)) == ((), [])
        path.write_bytes(data)
        reader.read_on(published)
        assert read(reader) == told


def place_of(published: Files, folder: Path, chunk: int) -> tuple[Path, int, int]:
    """The file of one of three chunks, its offset and its size."""
    if len(published) == 3:
        name, size = published[chunk]
        return folder / name, 0, size
    ((name, whole),) = published
    return folder / name, chunk * whole // 3, whole // 3


def test_a_byte_that_changes_while_files_are_open_is_told_or_does_no_harm(tmp_path: Path) -> None:
    told, published = three(tmp_path)
    (path,) = files_in(tmp_path)
    data = path.read_bytes()
    files, size = opened(tmp_path, published), len(data) // 3
    for place, flipped in flips(data, range(len(data))):
        path.write_bytes(flipped)
        try:
            assert read(files) == told
            is_told = False
        except StoreDamaged:
            is_told = True
        assert is_told or place % size < HEAD_BYTES


@pytest.mark.parametrize("file_bytes", [1, 1 << 20], ids=["in files", "in one file"])
def test_published_changes_that_are_missing_are_told(tmp_path: Path, file_bytes: int) -> None:
    with small_files(file_bytes):
        told, published = three(tmp_path)
    for chunk in range(3):
        path, offset, size = place_of(published, tmp_path, chunk)
        data, files = path.read_bytes(), opened(tmp_path, published)
        for cut in range(offset, offset + size):
            path.write_bytes(data[:cut])
            with told_damaged(tmp_path, path, offset):
                opened(tmp_path, published)
            with told_damaged(tmp_path, path, offset):
                read(files)
        path.write_bytes(data)
        assert read(files) == told


@pytest.mark.parametrize("file_bytes", [1, 1 << 20], ids=["in files", "in one file"])
def test_a_published_file_that_is_missing_is_told(tmp_path: Path, file_bytes: int) -> None:
    with small_files(file_bytes):
        told, published = three(tmp_path)
    for path in files_in(tmp_path):
        data = path.read_bytes()
        path.unlink()
        with told_damaged(tmp_path, path, 0):
            opened(tmp_path, published)
        reader = opened(tmp_path)
        with told_damaged(tmp_path, path, 0):
            reader.read_on(published)
        path.write_bytes(data)
        reader.read_on(published)
        assert read(reader) == told


def test_what_is_published_ends_where_a_chunk_does(tmp_path: Path) -> None:
    told, ((name, whole),) = three(tmp_path)
    size = whole // 3
    for end in range(whole + size):
        if end % size == 0 and end <= whole:
            assert read_anew(tmp_path, ((name, end),)) == told[: 10 * end // size]
        else:
            with told_damaged(tmp_path, tmp_path / name, end // size * size):
                opened(tmp_path, ((name, end),))


def test_a_damaged_chunk_does_not_hide_the_others(tmp_path: Path) -> None:
    told, published = three(tmp_path)
    (path,) = files_in(tmp_path)
    data = bytearray(path.read_bytes())
    chunk = len(data) // 3
    data[2 * chunk - 1] ^= 1
    path.write_bytes(data)
    files = opened(tmp_path, published)
    assert read(files, limit=10) == told[:10]
    assert read(files, after=19) == told[20:]
    with pytest.raises(StoreDamaged, match=f"^{path}, byte {chunk}: "):
        read(files, after=9, limit=1)
    files.close()


# Failing disks


STEPS = ["write", "sync"]
STEPS_AGAIN = ["cut", *STEPS]


@pytest.mark.parametrize("again", range(len(STEPS_AGAIN)), ids=STEPS_AGAIN)
@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
def test_after_an_append_that_failed_the_next_one_is_right(tmp_path: Path, step: int, again: int) -> None:
    disk = FailingDisk()
    files = opened(tmp_path, disk=disk)
    one, other = (Batch(start, start + 10, [(start + n, news_at(n, start)) for n in range(10)]) for start in (0, 10))
    put(files, one)
    published = files.files
    for fails_at in (step, again):
        disk.begin(fails_at)
        with pytest.raises(OSError, match="No space left on device"):
            append(files, other)
        assert files.files == published
        assert read(files) == read_anew(tmp_path, published) == one.rows
    disk.begin()
    later = Batch(10, 30, [*other.rows[:5], (25, news_at(25, 0))])
    put(files, later)
    assert disk.steps == STEPS_AGAIN
    assert read(files) == one.rows + later.rows
    assert files.files == sizes_in(tmp_path)
    files.close()
    assert read_anew(tmp_path, files.files) == one.rows + later.rows


@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
def test_an_append_that_failed_is_not_published_by_one_without_changes(tmp_path: Path, step: int) -> None:
    disk = FailingDisk()
    files = opened(tmp_path, disk=disk)
    one, two = Batch(0, 5, [(0, news_at(0, 0))]), Batch(5, 10, [(7, news_at(7, 0))])
    put(files, one)
    append(files, two)
    disk.begin(1 + step)
    with pytest.raises(OSError, match="No space left on device"):
        append(files, two)
    assert disk.steps[-1] == STEPS[step]
    put(files, Batch(5, 6, []))
    assert read(files) == read_anew(tmp_path, files.files) == one.rows
    files.close()


@pytest.mark.parametrize("step", range(3), ids=["sync_folder", *STEPS])
def test_a_file_that_could_not_be_begun_is_begun_again(tmp_path: Path, step: int) -> None:
    with small_files(1):
        disk = FailingDisk()
        files = opened(tmp_path, disk=disk)
        one, two = Batch(0, 5, [(0, news_at(0, 0))]), Batch(5, 10, [(7, news_at(7, 0))])
        put(files, one)
        assert disk.steps == ["sync_folder", *STEPS]
        disk.begin(step)
        with pytest.raises(OSError, match="No space left on device"):
            append(files, two)
        assert read(files) == read_anew(tmp_path, files.files) == one.rows
        disk.begin()
        put(files, two)
        assert read(files) == one.rows + two.rows
        files.close()
        assert files.files == sizes_in(tmp_path)
        assert len(files.files) == 2
        assert read_anew(tmp_path, files.files) == one.rows + two.rows
