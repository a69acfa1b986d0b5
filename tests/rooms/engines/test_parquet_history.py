"""The files of history: sealed, merged, swept, and read while they change."""

import errno
import os
import threading
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.rooms.engines.scan_batches import batch

import waypost.engines.local.history as history_file
from waypost.engines.local.contents import (
    FAN,
    LARGEST,
    NAME,
    Contents,
    Stretch,
    find_mergeable,
    read_contents,
    write_contents,
)
from waypost.engines.local.disk import Disk
from waypost.engines.local.history import ParquetHistory
from waypost.model.errors import StorageFull, StoreDamaged, StoreError, WrongFormat
from waypost.store.protocols import Frame


def stage(history: ParquetHistory, start: int, count: int, *, fresh: bool = True) -> None:
    history.stage(Frame(start, batch(start, count)), np.full(count, fresh))


def positions(history: ParquetHistory) -> list[int]:
    found = history.run(lambda scans: scans.select("position").order_by("position"))
    return found.column("position").to_pylist()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != NAME)


def stretches(folder: Path) -> list[tuple[int, int, int]]:
    return [(stretch.start, stretch.end, stretch.rows) for stretch in read_contents(folder).stretches]


def name(start: int, end: int) -> str:
    return f"{start:020d}-{end:020d}.parquet"


# Sealing


def test_what_is_staged_is_sealed_sorted_with_its_format(tmp_path: Path) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 500)
        history.seal()
        assert files(tmp_path) == [name(0, 500)]
        table = pq.read_table(tmp_path / name(0, 500))
        keys = list(zip(*(table.column(key).to_pylist() for key in ("number", "carrier", "at")), strict=True))
        assert keys == sorted(keys)
        assert table.schema.metadata[b"waypost"] == b"history 2, scans 1"
        assert table.column("at").type == pa.timestamp("ms", "UTC")
        assert positions(history) == list(range(500))
        history.seal()  # nothing new
        assert files(tmp_path) == [name(0, 500)]


def test_only_new_scans_are_kept_and_the_position_moves_on(tmp_path: Path) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        history.stage(Frame(0, batch(0, 6)), np.array([1, 0, 1, 1, 0, 1], np.bool_))
        stage(history, 6, 3, fresh=False)
        assert (positions(history), history.position()) == ([0, 2, 3, 5], 9)
        history.seal()
        stage(history, 9, 2, fresh=False)
        history.seal()
    assert (read_contents(tmp_path).position, stretches(tmp_path)) == (11, [(0, 9, 4)])
    with closing(ParquetHistory(tmp_path)) as history:
        assert (positions(history), history.position()) == ([0, 2, 3, 5], 11)


def test_what_was_staged_before_is_left_out(tmp_path: Path) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 10)
        stage(history, 0, 10)
        stage(history, 5, 10)
        assert positions(history) == list(range(15))
        with pytest.raises(StoreError, match="History is at 15 and cannot take in scans from 16 on"):
            stage(history, 16, 1)


def test_enough_is_sealed_by_itself(tmp_path: Path) -> None:
    with closing(ParquetHistory(tmp_path, seal_rows=100)) as history:
        for start in range(0, 1000, 20):
            stage(history, start, 20)
        with history._changed:
            assert history._changed.wait_for(lambda: history._contents.position >= 900, timeout=60)
        assert positions(history) == list(range(1000))
    assert read_contents(tmp_path).position == 1000


def test_many_small_frames_stay_few_tables() -> None:
    history = ParquetHistory(None)
    for start in range(500):
        stage(history, start, 1)
    assert len(history._staged) <= 10
    assert positions(history) == list(range(500))
    history.close()


# Merging


def test_small_files_are_merged_in_tiers(tmp_path: Path) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        for start in range(0, 40 * 30, 30):
            stage(history, start, 30)
            history.seal()
            assert positions(history) == list(range(start + 30))
    found = stretches(tmp_path)
    assert len(found) < 2 * FAN
    assert [start for start, _, _ in found] == [0, *(end for _, end, _ in found[:-1])]
    assert sum(rows for *_, rows in found) == 1200
    assert files(tmp_path) == [name(start, end) for start, end, _ in found]
    keys = pq.read_table(tmp_path / files(tmp_path)[0]).select(["number", "position"])
    assert keys.column("number").to_pylist() == sorted(keys.column("number").to_pylist())
    assert pq.read_schema(tmp_path / files(tmp_path)[0]).metadata[b"waypost"] == b"history 2, scans 1"


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        ([], None),
        ([10] * (FAN - 1), None),
        ([10] * FAN, slice(0, FAN)),
        ([10_000] + [10] * FAN, slice(1, FAN + 1)),
        ([10_000, *[10] * 3, 900, *[10] * 4], slice(1, 9)),  # a larger one among the small is taken along
        ([10] * 7 + [10_000], slice(0, FAN)),
        ([10] * 6 + [10_000], None),
        ([10_000] * FAN, slice(0, FAN)),
        ([LARGEST // 4] * FAN, None),
        ([LARGEST // 4] * FAN + [10] * FAN, slice(FAN, 2 * FAN)),
    ],
)
def test_which_files_become_one(rows: list[int], chosen: slice | None) -> None:
    assert find_mergeable([Stretch(place, place + 1, count) for place, count in enumerate(rows)]) == chosen


def test_a_file_is_not_removed_under_a_question(tmp_path: Path) -> None:
    """A question that began before a merge reads its files to the end; then they go."""
    with closing(ParquetHistory(tmp_path)) as history:
        for start in range(0, 30 * (FAN - 1), 30):
            stage(history, start, 30)
            history.seal()
        before, inside, merged = files(tmp_path), threading.Event(), threading.Event()

        def ask(scans: object) -> object:
            inside.set()
            assert merged.wait(60)
            return scans.select("position").order_by("position")  # type: ignore[attr-defined]

        found: list[pa.Table] = []
        asker = threading.Thread(target=lambda: found.append(history.run(ask)))
        asker.start()
        assert inside.wait(60)
        stage(history, 30 * (FAN - 1), 30)
        history.seal()
        assert set(before) < set(files(tmp_path))
        merged.set()
        asker.join(60)
        assert found[0].column("position").to_pylist() == list(range(30 * (FAN - 1)))
        assert files(tmp_path) == [name(0, 30 * FAN)]


def test_one_who_looks_on_follows_merged_files(tmp_path: Path) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        for start in range(0, 30 * (FAN - 1), 30):
            stage(history, start, 30)
            history.seal()
        with closing(ParquetHistory(tmp_path, read_only=True)) as other:
            stage(other, 30 * (FAN - 1), 30)
            stage(other, 30 * FAN, 5)
            stage(history, 30 * (FAN - 1), 30)
            history.seal()
            assert files(tmp_path) == [name(0, 30 * FAN)]
            assert positions(other) == list(range(30 * FAN + 5))


# Crashes and damage


def test_files_that_a_crash_left_are_swept(tmp_path: Path) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 10)
    (tmp_path / name(10, 20)).write_bytes(b"sealed, but nothing says so")
    (tmp_path / f"{name(20, 30)}.tmp").write_bytes(b"half")
    (tmp_path / f"{NAME}.tmp").write_bytes(b"half")
    with closing(ParquetHistory(tmp_path)) as history:
        assert files(tmp_path) == [name(0, 10)]
        assert (positions(history), history.position()) == (list(range(10)), 10)


class FullDisk(Disk):
    is_full = False

    def sync(self, fd: int) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().sync(fd)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    disk = FullDisk()
    with closing(ParquetHistory(tmp_path, disk=disk)) as history:
        stage(history, 0, 10)
        history.seal()
        disk.is_full = True
        stage(history, 10, 10)
        with pytest.raises(StorageFull, match="No room left"):
            history.seal()
        assert "No room left" in str(history.failure)
        stage(history, 20, 10)
        assert positions(history) == list(range(30))
        disk.is_full = False
        history.seal()
        assert history.failure is None
        assert positions(history) == list(range(30))
    assert stretches(tmp_path) == [(0, 10, 10), (10, 20, 10), (20, 30, 10)]


def test_what_cannot_be_written_away_does_not_fill_the_memory(tmp_path: Path) -> None:
    disk = FullDisk()
    history = ParquetHistory(tmp_path, disk=disk, seal_rows=10)
    disk.is_full = True
    with pytest.raises(StorageFull):  # noqa: PT012
        for start in range(0, 10_000, 5):
            stage(history, start, 5)
    staged = history.position()
    assert 40 <= staged <= 100
    assert positions(history) == list(range(staged))
    disk.is_full = False
    history.close()
    assert read_contents(tmp_path).position == staged


@pytest.mark.parametrize("error", [MemoryError("no memory"), ZeroDivisionError("by zero"), pa.ArrowInvalid("odd")])
def test_the_keeper_outlives_any_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Else nobody seals any more, and who waits for room waits for ever."""

    def fail(rows: pa.Table, path: Path) -> None:
        raise error

    whole = history_file._write_sorted
    monkeypatch.setattr(history_file, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(history_file, "_write_sorted", fail)
    history = ParquetHistory(tmp_path, seal_rows=10)
    stage(history, 0, 10)
    with history._changed:
        assert history._changed.wait_for(lambda: history.failure is not None, timeout=60)
    assert f"Writing to {tmp_path} failed: {error!r}" in str(history.failure)
    with pytest.raises(StoreError, match="Writing to"):  # told, not left waiting  # noqa: PT012
        for start in range(10, 10_000, 5):
            stage(history, start, 5)
    staged = history.reached()
    monkeypatch.setattr(history_file, "_write_sorted", whole)
    with history._changed:
        assert history._changed.wait_for(lambda: history._contents.position == staged, timeout=60)
        assert history._changed.wait_for(lambda: history.failure is None, timeout=60)
    assert positions(history) == list(range(staged))
    history.close()


def sealed(contents: bytes, check: int | None = None) -> bytes:
    return b'{"contents":%b,"check":%d}' % (contents, zlib.crc32(contents) if check is None else check)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Input data was truncated"),
        (b"{", "Input data was truncated"),
        (b'{"\xff": 1}', "missing required field"),
        (sealed(b'{"position": 10, "stretches": []}', 1), "its check does not match its bytes"),
        (sealed(b'{"position": 10, "stretches": null}'), "Expected `array`, got `null`"),
        (sealed(b'{"position": "10", "stretches": []}'), "Expected `int`, got `str`"),
        (sealed(b'{"position": -1, "stretches": []}'), "its positions are in no order"),
        (sealed(b'{"position": 5, "stretches": [{"start": 0, "end": 9, "rows": 9}]}'), "in no order"),
        (sealed(b'{"position": 9, "stretches": [{"start": 9, "end": 0, "rows": 9}]}'), "in no order"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_contents_that_cannot_be_right_are_damage(tmp_path: Path, data: bytes, why: str, read_only: bool) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 10)
    (tmp_path / NAME).write_bytes(data)
    with pytest.raises(StoreDamaged, match=f"{NAME} cannot be read: .*{why}.* Remove the folder .* made anew from the"):
        ParquetHistory(tmp_path, read_only=read_only)
    assert files(tmp_path) == [name(0, 10)]


def test_one_digit_of_the_contents_is_not_read_as_another(tmp_path: Path) -> None:
    """A position that is too high would leave scans out for ever."""
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 10)
    path = tmp_path / NAME
    assert b'"position":10' in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(b'"position":10', b'"position":18'))
    with pytest.raises(StoreDamaged, match="its check does not match"):
        ParquetHistory(tmp_path)


def test_a_missing_file_is_damage(tmp_path: Path) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 10)
    (tmp_path / name(0, 10)).unlink()
    with pytest.raises(StoreDamaged, match=f"{name(0, 10)} is missing"):
        ParquetHistory(tmp_path)


DAMAGE = (
    rf"{name(0, 500)} (is missing|has \d+ of \d+ bytes|is not what was written)"
    r".* Remove the folder .* made anew from the log"
)


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[:-20])
    elif how == "garbage":
        path.write_bytes(b"not a column in it" * 100)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "gone":
        path.unlink()
    elif how == "other":
        pq.write_table(pq.read_table(path).slice(0, 10), path)
    else:  # the footer is whole, a column is not
        at = pq.read_metadata(path).row_group(0).column(1).data_page_offset
        path.write_bytes(data[:at] + bytes(sign ^ 0xFF for sign in data[at : at + 40]) + data[at + 40 :])


@pytest.mark.parametrize("how", ["truncated", "garbage", "empty", "other", "gone"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_cannot_be_read_is_damage_at_opening(tmp_path: Path, how: str, read_only: bool) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 500)
    damage(tmp_path / name(0, 500), how)
    with pytest.raises(StoreDamaged, match=DAMAGE):
        ParquetHistory(tmp_path, read_only=read_only)


@pytest.mark.parametrize("how", ["truncated", "garbage", "empty", "gone", "column"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_goes_bad_while_open_is_damage_at_the_question(tmp_path: Path, how: str, read_only: bool) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 500)
    with closing(ParquetHistory(tmp_path, read_only=read_only)) as history:
        damage(tmp_path / name(0, 500), how)
        with pytest.raises(StoreDamaged, match=DAMAGE):
            history.run(lambda scans: scans.order_by("position"))


def test_a_byte_that_changed_is_never_in_an_answer(tmp_path: Path) -> None:
    """Most decode to something: a file is read against its check before it is first asked."""
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 500)
    path = tmp_path / name(0, 500)
    data = path.read_bytes()
    for place in range(3, len(data), len(data) // 25):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        for read_only in (False, True):
            with closing(ParquetHistory(tmp_path, read_only=read_only)) as history:
                with pytest.raises(StoreDamaged, match=DAMAGE):
                    history.run(lambda scans: scans.count())
                assert history.position() == 500
    path.write_bytes(data)
    with closing(ParquetHistory(tmp_path)) as history:
        assert positions(history) == list(range(500))


def test_a_file_that_was_asked_and_then_goes_bad_is_damage(tmp_path: Path) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 500)
    with closing(ParquetHistory(tmp_path)) as history:
        assert len(positions(history)) == 500
        damage(tmp_path / name(0, 500), "garbage")
        with pytest.raises(StoreDamaged, match=DAMAGE):
            positions(history)


@pytest.mark.parametrize("how", ["column", "other"])
def test_a_damaged_file_is_damage_when_it_is_merged(tmp_path: Path, how: str) -> None:
    history = ParquetHistory(tmp_path)
    for start in range(0, 500 * FAN, 500):
        stage(history, start, 500)
        if start == 500 * (FAN - 1):
            damage(tmp_path / name(0, 500), how)
            with pytest.raises(StoreDamaged, match=DAMAGE):
                history.seal()
        else:
            history.seal()
    assert isinstance(history.failure, StoreDamaged)
    assert history._contents.position == 500 * FAN
    with pytest.raises(StoreDamaged, match=DAMAGE):
        history.close()


def test_a_fault_in_the_question_is_not_called_damage(tmp_path: Path) -> None:
    with closing(ParquetHistory(tmp_path)) as history:
        stage(history, 0, 10)
        history.seal()
        with pytest.raises(StoreError, match="cannot answer: Conversion Error") as told:
            history.run(lambda scans: scans.select(number=scans.note.cast("int64")))
        assert not isinstance(told.value, StoreDamaged)


def test_another_format_is_refused(tmp_path: Path) -> None:
    write_contents(tmp_path, Contents(format=3), Disk())
    with pytest.raises(WrongFormat, match="has format 3; this version reads 2"):
        ParquetHistory(tmp_path)


# Questions


def test_a_question_beyond_its_memory_is_told(tmp_path: Path) -> None:
    history = ParquetHistory(None, memory_limit="20MB")
    stage(history, 0, 2_000)

    def all_pairs(scans: object) -> object:
        one, other = scans.select(a="note"), scans.select(b="note")  # type: ignore[attr-defined]
        return one.cross_join(other).select(c=lambda pair: pair.a + pair.b).distinct().count()

    with pytest.raises(StoreError, match=r"needs more than 20MB of memory\. Ask for a shorter span"):
        history.run(all_pairs)
    assert len(positions(history)) == 2_000
    history.close()


def test_no_extension_is_loaded_from_outside() -> None:
    history = ParquetHistory(None)
    positions(history)
    with history._duck._cursor() as cursor:
        settings = dict(cursor.execute("SELECT name, value FROM duckdb_settings()").fetchall())
        for wish in ("INSTALL spatial", "SET autoinstall_known_extensions = true", "SET memory_limit = '90GB'"):
            if wish.startswith("SET"):
                with pytest.raises(Exception, match="locked"):
                    cursor.execute(wish)
    assert settings["autoinstall_known_extensions"] == settings["autoload_known_extensions"] == "false"
    assert settings["TimeZone"] == "UTC"
    history.close()


def test_a_closed_history_says_so(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        history = ParquetHistory(folder)
        stage(history, 0, 5)
        history.close()
        with pytest.raises(StoreError, match="closed"):
            positions(history)
