"""Backups: taken under load and of killed homes, brought back to the same state, refused when they are not whole."""

import json
import random
import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from tests.rooms.engines.homes import caught_up, count, home_in
from tests.rooms.engines.killed_writer import OPTIONS
from tests.rooms.engines.scan_batches import batch, event
from tests.rooms.engines.test_full_disk import fill_up, small_disk  # noqa: F401
from tests.rooms.engines.test_kill import check_log, run_and_kill

from waypost.engines.local.backup import Backup, back_up, is_backup, put_back, read_backup
from waypost.engines.local.disk import Disk
from waypost.engines.local.home import LocalHome
from waypost.engines.local.segments import list_segments
from waypost.engines.local.verify import verify_backup
from waypost.model.errors import Conflict, NotFound, StorageFull, StoreDamaged, StoreError, WrongFormat
from waypost.model.scans import SCAN_SCHEMA, ScanEvent, batch_of, join_batches
from waypost.network.records import facilities

SMALL = {"segment_bytes": 1_000}


def filled(path: Path, frames: int = 6) -> Path:
    """A home of several segments, with two facilities."""
    home = home_in(path, **SMALL)
    for turn in range(frames):
        home.memory.log.append(batch(turn * 50, 50))
    with home.memory.records.begin() as connection:
        connection.execute(insert(facilities), [{"carrier": "sf", "code": c, "name": c, "kind": "hub"} for c in "AB"])
    caught_up(home).close()
    assert len(list_segments(path / "log")) > 2
    return path


def take(home: Path, folder: Path, **options: object) -> Backup:
    return back_up(home, folder, made="2026-11-22T00:00:00Z", waypost="0.1.0", **options)  # type: ignore[arg-type]


def told(home: LocalHome) -> list[list[dict[str, object]]]:
    """All states, all timelines and all of history."""
    caught_up(home)
    memory = home.memory
    history = memory.history.run(lambda scans: scans.select(SCAN_SCHEMA.names)).to_pylist()
    states = memory.index.page(None, 10_000)
    timelines = memory.index.timelines(states.column("number").to_pylist()).select(SCAN_SCHEMA.names)
    assert timelines.num_rows == len(history) == sum(states.column("scans").to_pylist()) > 0
    return [sorted(rows, key=repr) for rows in (states.to_pylist(), timelines.to_pylist(), history)]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# Taken and brought back


def test_a_backup_taken_under_load_restores_to_the_same_state(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home", **SMALL)
    home.memory.log.append(batch(0, 200))
    stop, moved = threading.Event(), threading.Semaphore(0)

    def load() -> None:
        place = 200
        while not stop.is_set():
            # A scan names a facility that was made known just before.
            name = f"X{place}"
            with home.memory.records.begin() as connection:
                connection.execute(insert(facilities), [{"carrier": "sf", "code": name, "name": name, "kind": "hub"}])
            named = batch_of([ScanEvent(carrier="sf", number="N", code="x", at=event(place).at, facility=name)])
            home.memory.log.append(join_batches([batch(place - 3, 30), named]))
            place += 30
            moved.release()

    loader = threading.Thread(target=load)
    loader.start()
    try:
        backups: list[Backup] = []
        for turn in range(4):
            while home.memory.log.position() <= (backups[-1].position if backups else 500):
                assert moved.acquire(timeout=60)
            backups.append(take(home.path, tmp_path / f"backup-{turn}", link=turn % 2 == 1))
    finally:
        stop.set()
        loader.join()
    positions = [backup.position for backup in backups]
    assert positions == sorted(set(positions))
    assert positions[-1] <= home.memory.log.position()

    for turn, backup in enumerate(backups):
        assert verify_backup(tmp_path / f"backup-{turn}").findings == []
        assert put_back(tmp_path / f"backup-{turn}", tmp_path / f"restored-{turn}") == backup
        restored = home_in(tmp_path / f"restored-{turn}")
        assert restored.memory.log.position() == backup.position
        same = home_in(tmp_path / f"same-{turn}")
        for frame in home.memory.log.read(0):
            if frame.position < backup.position:
                assert frame.end <= backup.position
                same.memory.log.append(frame.scans)
        assert told(restored) == told(same)
        with restored.memory.records.read() as connection:
            known = set(connection.execute(select(facilities.c.code)).scalars())
        named = restored.memory.history.run(lambda scans: scans.filter(scans.number == "N").select("facility"))
        assert len(known) == backup.rows["facilities"] >= named.num_rows > 0
        assert set(named.column("facility").to_pylist()) <= known
        restored.close()
        same.close()
    home.close()


@pytest.mark.heavy
def test_a_backup_of_a_home_that_was_killed(tmp_path: Path) -> None:
    acknowledged = []
    for turn in range(2):
        acknowledged += run_and_kill(tmp_path / "home", turn, random.Random(turn))
    backup = take(tmp_path / "home", tmp_path / "backup")
    assert verify_backup(tmp_path / "backup").findings == []
    put_back(tmp_path / "backup", tmp_path / "restored")
    restored = caught_up(home_in(tmp_path / "restored", **OPTIONS))
    assert restored.memory.log.position() == backup.position
    assert restored.health().cut is None  # an append that was broken off is not in the backup
    first_at = check_log(restored, acknowledged)
    assert count(restored) == len(first_at)
    restored.close()


def test_nothing_in_the_home_is_changed_and_the_backup_says_what_it_holds(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    (home / "waypost.toml").write_text("[serve]\nport = 1\n")
    (home / "log" / "cut-00000000000000000000-5").write_bytes(b"x")
    before = tree(home)
    backup = take(home, tmp_path / "backup")
    assert tree(home) == before
    assert (backup.position, backup.rows["facilities"], backup.rows["parcels"]) == (300, 2, 0)
    kept = tree(tmp_path / "backup")
    assert kept.keys() == {file.name for file in backup.files} | {"BACKUP"}
    assert {name for name in kept if name.startswith("log/")} == {
        name for name in before if name.startswith("log/") and name.endswith(".seg")
    }
    assert all(kept[name] == before[name] for name in kept if name not in ("BACKUP", "records.sqlite"))
    assert read_backup(tmp_path / "backup") == backup
    assert all((tmp_path / "backup" / name).stat().st_mode & 0o077 == 0 for name in kept)


def test_a_home_without_scans(tmp_path: Path) -> None:
    home_in(tmp_path / "home").close()
    assert take(tmp_path / "home", tmp_path / "backup").position == 0
    put_back(tmp_path / "backup", tmp_path / "restored")
    restored = home_in(tmp_path / "restored")
    assert restored.memory.log.append(batch(0, 5)) == 0
    restored.close()


def test_linked_segments_stay_as_they_were_when_the_home_goes_on(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    take(home, tmp_path / "backup", link=True)
    *sealed, last = list_segments(tmp_path / "backup" / "log")
    assert [path.stat().st_nlink for path in sealed] == [2] * len(sealed)
    assert last.stat().st_nlink == 1
    again = home_in(home)  # with room for more in the last segment
    again.memory.log.append(batch(300, 50))
    again.close()
    assert verify_backup(tmp_path / "backup").findings == []
    put_back(tmp_path / "backup", tmp_path / "restored")
    assert {path.stat().st_nlink for path in list_segments(tmp_path / "restored" / "log")} == {1}


def test_progress_goes_to_the_end(tmp_path: Path) -> None:
    home, seen = filled(tmp_path / "home"), []
    take(home, tmp_path / "backup", progress=lambda *at: seen.append(at))
    put_back(tmp_path / "backup", tmp_path / "restored", progress=lambda *at: seen.append(at))
    for total in {total for _, total in seen}:
        done = [done for done, of in seen if of == total]
        assert done == sorted(done)
        assert done[-1] == total


# Refused


@pytest.mark.parametrize("damage", ["flipped", "shorter", "longer", "missing", "a folder"])
@pytest.mark.parametrize("place", [0, 1, -1, -2])
def test_a_damaged_backup_is_refused_before_anything_is_put_in_place(tmp_path: Path, damage: str, place: int) -> None:
    backup = take(filled(tmp_path / "home"), tmp_path / "backup")
    path = tmp_path / "backup" / backup.files[place].name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    match damage:
        case "flipped":
            path.write_bytes(data)
        case "shorter":
            path.write_bytes(data[:-1])
        case "longer":
            path.write_bytes(data + b"\0")
        case "a folder":
            path.mkdir()
    with pytest.raises(StoreDamaged, match=f"{path.name}: it.*nothing was restored"):
        put_back(tmp_path / "backup", tmp_path / "restored")
    assert not (tmp_path / "restored").exists()
    findings = verify_backup(tmp_path / "backup").findings
    assert str(path) in {finding.file for finding in findings}
    assert all("another backup" in str(finding.mend) for finding in findings)


def test_a_backup_that_was_not_finished_is_refused(tmp_path: Path) -> None:
    take(filled(tmp_path / "home"), tmp_path / "backup")
    (tmp_path / "backup" / "BACKUP").unlink()
    for use in (verify_backup, read_backup, lambda folder: put_back(folder, tmp_path / "restored")):
        with pytest.raises(NotFound, match="is no backup: it has no file BACKUP"):
            use(tmp_path / "backup")
    assert not (tmp_path / "restored").exists()


def test_what_a_backup_says_is_checked_too(tmp_path: Path) -> None:
    take(filled(tmp_path / "home"), tmp_path / "backup")
    file = tmp_path / "backup" / "BACKUP"
    good = file.read_text()
    for bad in (good.replace('"position": 300', '"position": 301'), good[:-1], "{}", "\udc80"):
        file.write_bytes(bad.encode(errors="surrogateescape"))
        with pytest.raises(StoreDamaged, match="BACKUP"):
            put_back(tmp_path / "backup", tmp_path / "restored")
        assert [finding.part for finding in verify_backup(tmp_path / "backup").findings] == ["backup"]


def rewrite(folder: Path, old: str, new: str) -> None:
    """Change what a backup says, with a check that matches."""
    import zlib

    text = (folder / "BACKUP").read_text()
    inside = text[len('{"backup":') : text.rindex(',"check":')].replace(old, new)
    assert json.loads(inside)
    (folder / "BACKUP").write_text(f'{{"backup":{inside},"check":{zlib.crc32(inside.encode())}}}')


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    take(filled(tmp_path / "home"), tmp_path / "backup")
    for name in ("../x", "/x", "log/../x", "log/x.seg", "lock", "FORMAT/x"):
        shutil.copytree(tmp_path / "backup", tmp_path / "bad")
        rewrite(tmp_path / "bad", '"FORMAT"', f'"{name}"')
        with pytest.raises(StoreDamaged, match="BACKUP cannot be read"):
            put_back(tmp_path / "bad", tmp_path / "restored")
        shutil.rmtree(tmp_path / "bad")


def test_other_formats_are_refused(tmp_path: Path) -> None:
    take(filled(tmp_path / "home"), tmp_path / "backup")
    rewrite(tmp_path / "backup", '"format": 1', '"format": 2')
    with pytest.raises(WrongFormat, match="has format 2"):
        put_back(tmp_path / "backup", tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    take(home, tmp_path / "backup")
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "empty").mkdir()
    for folder, says in (
        ("backup", "already holds a backup"),
        ("full", "is not empty"),
        ("file", "is a file"),
        ("home/backup", "lies in the home"),
        ("home/log", "lies in the home"),
    ):
        before = tree(tmp_path)
        with pytest.raises(Conflict, match=says):
            take(home, tmp_path / folder)
        assert tree(tmp_path) == before
    for folder, says in (("home", "is not empty"), ("full", "is not empty"), ("file", "is a file")):
        before = tree(tmp_path)
        with pytest.raises(Conflict, match=says):
            put_back(tmp_path / "backup", tmp_path / folder)
        assert tree(tmp_path) == before
    with pytest.raises(NotFound, match="no home"):
        take(tmp_path / "full", tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert take(home, tmp_path / "empty").position == 300


def test_settings_come_back_unless_others_wait_there(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    (home / "waypost.toml").write_text("[serve]\nport = 1\n")
    take(home, tmp_path / "backup")
    put_back(tmp_path / "backup", tmp_path / "new")
    assert (tmp_path / "new" / "waypost.toml").read_text() == "[serve]\nport = 1\n"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "waypost.toml").write_text("[serve]\nport = 2\n")
    put_back(tmp_path / "backup", tmp_path / "other")
    assert (tmp_path / "other" / "waypost.toml").read_text() == "[serve]\nport = 2\n"


def test_a_damaged_home_is_named_and_not_backed_up(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    first, second, *_ = list_segments(home / "log")
    good, other = first.read_bytes(), second.read_bytes()
    data = bytearray(good)
    data[60] ^= 1
    first.write_bytes(data)
    with pytest.raises(StoreDamaged, match=f"{first.name}, byte 24: a frame's check"):
        take(home, tmp_path / "backup")
    first.write_bytes(good)
    second.unlink()
    with pytest.raises(StoreDamaged, match="the segment before it ends at"):
        take(home, tmp_path / "backup")
    second.write_bytes(other)
    (home / "records.sqlite").write_bytes(b"no database" * 400)
    with pytest.raises(StoreDamaged, match=r"records.sqlite.* damaged: file is not a database"):
        take(home, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_home_that_lost_its_last_scans_is_not_backed_up(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    path = list_segments(home / "log")[-1]
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(StoreDamaged, match=f"{path.name}, byte .* had been taken from it before"):
        take(home, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_home_whose_index_is_of_another_version_is_backed_up(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    formats = json.loads((home / "FORMAT").read_text())
    (home / "FORMAT").write_text(json.dumps({**formats, "index": 0}))
    assert take(home, tmp_path / "backup").position == 300
    put_back(tmp_path / "backup", tmp_path / "restored")
    restored = caught_up(home_in(tmp_path / "restored"))
    assert count(restored) == 300
    restored.close()
    shutil.rmtree(home / "index")
    shutil.rmtree(home / "history")
    assert take(home, tmp_path / "other").position == 300


@pytest.mark.parametrize("file", ["CATALOGUE", "words", "*.run"])
def test_a_home_whose_index_is_damaged_is_backed_up(tmp_path: Path, file: str) -> None:
    """It is made anew from the log, which is all the more worth keeping then."""
    home = filled(tmp_path / "home")
    path = min((home / "index").glob(file))
    path.write_bytes(path.read_bytes()[:-5])
    assert take(home, tmp_path / "backup").position == 300
    assert verify_backup(tmp_path / "backup").findings == []


# Broken off


def test_on_a_full_disk_nothing_is_left_that_looks_whole(tmp_path: Path, small_disk: Path) -> None:  # noqa: F811
    home = filled(tmp_path / "home", frames=40)
    size = take(home, tmp_path / "roomy").bytes
    outcomes = set()
    for left in range(0, 3 * size, size // 8):
        ballast = fill_up(small_disk, left)
        folder = small_disk / "backup"
        try:
            take(home, folder)
        except StorageFull:
            outcomes.add("full")
            assert not folder.exists()
        else:
            outcomes.add("whole")
            assert verify_backup(folder).findings == []
            shutil.rmtree(folder)
        ballast.unlink()
    assert outcomes == {"full", "whole"}


def test_a_restore_to_a_full_disk_leaves_nothing(tmp_path: Path, small_disk: Path) -> None:  # noqa: F811
    backup = take(filled(tmp_path / "home", frames=40), tmp_path / "backup")
    for left in range(0, backup.bytes, backup.bytes // 5):
        ballast = fill_up(small_disk, left)
        with pytest.raises(StorageFull, match="No room left"):
            put_back(tmp_path / "backup", small_disk / "home")
        assert not (small_disk / "home").exists()
        ballast.unlink()
    put_back(tmp_path / "backup", small_disk / "home")
    caught_up(home_in(small_disk / "home")).close()


def test_links_to_another_file_system_are_refused(tmp_path: Path, small_disk: Path) -> None:  # noqa: F811
    with pytest.raises(StoreError, match="without --link"):
        take(filled(tmp_path / "home"), small_disk / "backup", link=True)
    assert not (small_disk / "backup").exists()


class WatchedDisk(Disk):
    """Looks at a folder before every step, and is interrupted before one of them."""

    def __init__(self, folder: Path, whole_by: str, stop_at: int) -> None:
        self.folder, self.whole_by, self.stop_at, self.steps = folder, whole_by, stop_at, 0

    def step(self, what: str) -> None:
        self.steps += 1
        if (self.folder / self.whole_by).exists():
            assert what in ("sync_folder", "sync", "write"), what
            assert (self.folder / "records.sqlite").stat().st_size
        if self.steps == self.stop_at:
            raise KeyboardInterrupt

    def write(self, fd: int, data: bytes | memoryview) -> None:
        self.step("write")
        super().write(fd, data)

    def sync(self, fd: int) -> None:
        self.step("sync")
        super().sync(fd)

    def sync_folder(self, folder: Path) -> None:
        self.step("sync_folder")
        super().sync_folder(folder)


def test_interrupted_at_any_step_nothing_is_left(tmp_path: Path) -> None:
    home, folder, restored = filled(tmp_path / "home"), tmp_path / "backup", tmp_path / "restored"
    restored.mkdir()
    (restored / "waypost.toml").write_text("")
    for stop_at in range(1, 100):
        disk = WatchedDisk(folder, "BACKUP", stop_at)
        try:
            take(home, folder, disk=disk)
            break
        except KeyboardInterrupt:
            assert not folder.exists()
    assert 5 < disk.steps < stop_at
    assert is_backup(folder)
    for stop_at in range(1, 100):
        disk = WatchedDisk(restored, "FORMAT", stop_at)
        try:
            put_back(folder, restored, disk=disk)
            break
        except KeyboardInterrupt:
            assert tree(restored) == {"waypost.toml": b""}
            assert [path.name for path in restored.iterdir()] == ["waypost.toml"]
    assert 5 < disk.steps < stop_at
    caught_up(home_in(restored)).close()
