"""The words of an index on disk: under the same numbers as before, however often it was opened or writing failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.engines.test_runs import FailingDisk, folders, open_files

from waypost.engines.local.disk import Disk
from waypost.engines.local.vocabulary import WordFile
from waypost.model.errors import StoreDamaged
from waypost.store.words import Vocabulary

COLUMNS = ("carrier", "code", "facility")

Word = tuple[str, str]

#: So many bytes, and their CRC-32.
Extent = tuple[int, int]

NOTHING: Extent = (0, 0)

words = st.tuples(
    st.sampled_from(COLUMNS), st.sampled_from(["", "a", "b\n", '"\\', "杭州"]) | st.text(max_size=4)
).filter(lambda word: not any("\ud800" <= sign <= "\udfff" for sign in word[1]))


def told(known: Vocabulary) -> dict[str, list[str]]:
    return {column: list(known.of(column).since(0)) for column in COLUMNS}


def expected(came: list[Word]) -> dict[str, list[str]]:
    return {column: list(dict.fromkeys(text for of, text in came if of == column)) for column in COLUMNS}


def learn(known: Vocabulary, came: list[Word]) -> None:
    for column, text in came:
        known.of(column).id_of(text)


def opened(path: Path, published: Extent = NOTHING, disk: Disk | None = None) -> tuple[WordFile, Vocabulary]:
    known = Vocabulary()
    return WordFile(path, known, published, disk or Disk()), known


def extent_of(data: bytes) -> Extent:
    return len(data), crc32(data)


@given(st.lists(st.tuples(st.lists(words, max_size=6), st.booleans(), st.booleans()), max_size=6))
def test_words_keep_their_numbers(turns: list[tuple[list[Word], bool, bool]]) -> None:
    with folders() as folder:
        path, came = folder / "words", list[Word]()
        file, known = opened(path)
        other, seen = opened(path)
        for fresh, is_read_on, is_opened_anew in turns:
            learn(known, fresh)
            came += fresh
            file.save()
            extent = file.extent
            file.save()
            assert file.extent == extent
            assert extent == (extent_of(path.read_bytes()) if path.exists() else NOTHING)
            if is_read_on:  # else he comes later, when there are more
                other.read_on(extent)
                assert other.extent == extent
                assert told(seen) == told(known) == expected(came)
            if is_opened_anew:
                file, known = opened(path, extent)
                assert file.extent == extent
                assert told(known) == expected(came)
        other.read_on(file.extent)
        assert told(seen) == told(known) == expected(came)


@given(st.lists(words, max_size=6), st.lists(words, max_size=6), st.lists(words, max_size=6))
def test_words_that_were_not_published_are_forgotten(before: list[Word], lost: list[Word], after: list[Word]) -> None:
    with folders() as folder:
        path = folder / "words"
        file, known = opened(path)
        learn(known, before)
        file.save()
        published = file.extent
        learn(known, lost)
        file.save()
        left = path.read_bytes() if path.exists() else b""
        file, known = opened(path, published)
        assert told(known) == expected(before)
        assert (path.read_bytes() if path.exists() else b"") == left, "he who opens changes nothing"
        learn(known, after)
        file.save()
        _, again = opened(path, file.extent)
        assert told(again) == expected(before + after)
        if file.extent != published:
            assert file.extent == extent_of(path.read_bytes()), "nothing is left behind it"


def test_an_index_without_words_has_no_file(tmp_path: Path) -> None:
    file, known = opened(tmp_path / "words")
    file.save()
    assert (file.extent, told(known)) == (NOTHING, expected([]))
    assert list(tmp_path.iterdir()) == []


def write(path: Path) -> tuple[list[Word], Extent]:
    came = [("carrier", "sf"), ("code", "30"), ("facility", "FA"), ("facility", "FB"), ("facility", "杭州")]
    file, known = opened(path)
    learn(known, came)
    file.save()
    return came, file.extent


def write_twice(path: Path) -> tuple[list[Word], Extent, list[Word], Extent]:
    """What had come, and the extent, before and after a second time."""
    before, first = write(path)
    file, known = opened(path, first)
    more: list[Word] = [("code", "31"), ("facility", "FC")]
    learn(known, more)
    file.save()
    return before, first, before + more, file.extent


@contextmanager
def told_damaged(path: Path) -> Iterator[None]:
    """And that nothing was changed."""
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(StoreDamaged, match=f"^{path}: ") as error:
        yield
    assert f"Remove the folder {path.parent}: it is made anew from the log" in str(error.value)
    assert (path.read_bytes() if path.exists() else None) == before
    assert str(path) not in " ".join(open_files())


def test_a_file_that_ends_too_early_is_told(tmp_path: Path) -> None:
    path = tmp_path / "words"
    before, first, came, extent = write_twice(path)
    data = path.read_bytes()
    assert extent_of(data) == extent
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        with told_damaged(path):
            opened(path, extent)
        if cut >= first[0]:
            file, known = opened(path, first)
            with told_damaged(path):
                file.read_on(extent)
            assert (file.extent, told(known)) == (first, expected(before))
            path.write_bytes(data)
            file.read_on(extent)
            assert (file.extent, told(known)) == (extent, expected(came))
    path.write_bytes(data + b"half of a wo")
    assert told(opened(path, extent)[1]) == expected(came)


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "words"
    _, first, _, extent = write_twice(path)
    file, _ = opened(path, first)
    path.unlink()
    with told_damaged(path):
        opened(path, extent)
    with told_damaged(path):
        file.read_on(extent)
    assert not path.exists()


@pytest.mark.parametrize(
    "line", [b"[]", b'["facility"]', b'["flavour","FA"]', b'["facility",7]', b'["facility","\xff"]']
)
def test_a_line_that_is_no_word_is_told(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "words"
    path.write_bytes(line + b"\n")
    with told_damaged(path):
        opened(path, extent_of(line + b"\n"))


def test_any_changed_byte_is_told(tmp_path: Path) -> None:
    """Else a facility has another name, or, where two become the same, all that came later have others."""
    path = tmp_path / "words"
    before, first, _, extent = write_twice(path)
    data = path.read_bytes()
    for place in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            with told_damaged(path):
                opened(path, extent)
            if place < first[0]:
                continue
            file, known = opened(path, first)
            with told_damaged(path):
                file.read_on(extent)
            assert (file.extent, told(known)) == (first, expected(before))


def test_words_of_another_extent_are_told(tmp_path: Path) -> None:
    path = tmp_path / "words"
    _, (size, check) = write(path)
    wrong = [(size, check ^ 1 << bit) for bit in range(32)]
    wrong += [(other, check) for other in range(size + 9) if other != size]
    for extent in wrong:
        with told_damaged(path):
            opened(path, extent)


STEPS = ["cut", "write", "sync"]


@pytest.mark.parametrize("step", range(3), ids=STEPS)
def test_after_a_save_that_failed_the_next_one_is_right(tmp_path: Path, step: int) -> None:
    path, disk = tmp_path / "words", FailingDisk()
    came, extent = write(path)
    file, known = opened(path, extent, disk)
    learn(known, [("code", "31"), ("facility", "FC")])
    for _ in range(2):
        disk.begin(step)
        with pytest.raises(OSError, match="No space left on device"):
            file.save()
        assert file.extent == extent
        assert str(path) not in " ".join(open_files())
        assert told(opened(path, extent)[1]) == expected(came)
    disk.begin()
    learn(known, [("carrier", "yto")])
    file.save()
    assert disk.steps == STEPS
    more: list[Word] = [("code", "31"), ("facility", "FC"), ("carrier", "yto")]
    assert file.extent == extent_of(path.read_bytes())
    assert told(opened(path, file.extent)[1]) == told(known) == expected(came + more)


@pytest.mark.parametrize("step", range(4), ids=[*STEPS, "sync_folder"])
def test_after_a_first_save_that_failed_the_next_one_is_right(tmp_path: Path, step: int) -> None:
    path, disk = tmp_path / "words", FailingDisk(step)
    file, known = opened(path, disk=disk)
    came: list[Word] = [("code", "31"), ("facility", "FC")]
    learn(known, came)
    with pytest.raises(OSError, match="No space left on device"):
        file.save()
    assert disk.steps == [*STEPS, "sync_folder"][: step + 1]
    assert file.extent == NOTHING
    assert told(opened(path)[1]) == expected([])
    disk.begin()
    file.save()
    assert file.extent == extent_of(path.read_bytes())
    assert told(opened(path, file.extent)[1]) == told(known) == expected(came)
