"""Watched folders: whole files are taken and put away, others are left alone, and nobody is led elsewhere."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from waypost.access.sealing import Seal
from waypost.engines.reference import open_reference
from waypost.feeds import folder as module
from waypost.feeds.folder import Folder, Leave, Watched
from waypost.feeds.sheets import Sheets
from waypost.model.errors import StorageFull
from waypost.model.instants import OffsetSource
from waypost.track.files import Files
from waypost.track.fold import StatusFold
from waypost.track.pushes import Outcome
from waypost.track.reception import Reception
from waypost.track.tables import bundled_tables

SCANS = "number,code,at\nX1,delivered,2026-01-10 10:00\n"


class Place:
    """A watched folder, and a clock that a test moves."""

    def __init__(self, path: Path, memory: Any) -> None:
        self.path, self.memory = path, memory
        self.told: list[tuple[str, str]] = []
        self.incoming = path.parent / "incoming"
        self.incoming.mkdir()
        self.now_ms = int(dt.datetime.now(dt.UTC).timestamp() * 1000) + 60_000
        self.day = dt.datetime.fromtimestamp(self.now_ms / 1000, dt.UTC).strftime("%Y-%m-%d")
        reception = Reception(
            memory, lambda pairs: [("Asia/Shanghai", OffsetSource.CARRIER)] * len(pairs), lambda: self.now_ms
        )
        self.files = Files(memory.records, Sheets(), reception, lambda: Seal({1: b"k" * 32}, bytes), self.incoming)
        self.pause: Any = lambda: None
        path.mkdir()
        self.folder = self.open()

    def open(self) -> Folder:
        watched = Watched(account="rural", carrier="ruralpost", path=self.path)
        tell = lambda why, name: self.told.append((why, name))  # noqa: E731
        return Folder(watched, self.files, lambda: self.now_ms, lambda: self.pause(), tell)

    def put(self, name: str, text: str = SCANS) -> Path:
        (self.path / name).write_text(text, "utf-8")
        return self.path / name

    def look_twice(self) -> list[Outcome]:
        return [each.outcome for each in self.folder.look() + self.folder.look()]

    def names(self, under: str = "") -> list[str]:
        return sorted(each.name for each in (self.path / under).iterdir() if each.is_file())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    memory = open_reference(StatusFold(bundled_tables()))
    yield Place(tmp_path / "rural", memory)
    memory.close()


def test_a_file_is_taken_once_it_no_longer_grows(place: Place) -> None:
    file = place.put("Monday.csv", "number,code,at\nX1,del")
    assert place.folder.look() == []
    file.write_text(SCANS)
    assert place.folder.look() == []
    [filed] = place.folder.look()
    assert (filed.outcome, filed.scans, filed.source, filed.carrier) == (Outcome.TAKEN, 1, "rural", "ruralpost")
    assert place.memory.log.position() == 1
    assert place.names() == []
    assert place.names("done") == [f"{place.day} Monday.csv"]


def test_a_file_that_was_just_written_is_left(place: Place) -> None:
    file = place.put("Monday.csv")
    os.utime(file, ns=(0, place.now_ms * 1_000_000 - 1_000_000_000))
    assert place.look_twice() == []
    place.now_ms += 2_000
    assert place.look_twice() == [Outcome.TAKEN]


def test_a_file_of_the_future_is_taken_once_it_is_settled(place: Place) -> None:
    """A clock that is ahead is no reason to wait for it."""
    file = place.put("Monday.csv", "number,code,at\nX1,del")
    later = place.now_ms * 1_000_000 + 86_400 * 10**9
    os.utime(file, ns=(later, later))
    assert place.folder.look() == []
    file.write_text(SCANS)
    os.utime(file, ns=(later, later))
    assert place.look_twice() == [Outcome.TAKEN]


def test_refused_rows_lie_beside_the_file_and_unreadable_files_apart(place: Place) -> None:
    place.put("a.csv", SCANS + "X2,delivered,never\n")
    place.put("b.csv", "nonsense")
    assert place.look_twice() == [Outcome.PARTLY, Outcome.UNREADABLE]
    assert place.names("done") == [f"{place.day} a.csv", f"{place.day} a.csv.refused.csv"]
    assert "X2,delivered,never" in (place.path / "done" / f"{place.day} a.csv.refused.csv").read_text("utf-8-sig")
    assert place.names("refused") == [f"{place.day} b.csv", f"{place.day} b.csv.why.txt"]
    assert "lacks" in (place.path / "refused" / f"{place.day} b.csv.why.txt").read_text()


def test_two_files_of_one_name_are_both_kept(place: Place) -> None:
    for count in range(3):
        place.put("a.csv", SCANS.replace("X1", f"X{count}"))
        assert place.look_twice() == [Outcome.TAKEN]
    assert place.names("done") == [f"{place.day} (2) a.csv", f"{place.day} (3) a.csv", f"{place.day} a.csv"]
    assert {each.read_text() for each in (place.path / "done").iterdir()} == {
        SCANS.replace("X1", f"X{count}") for count in range(3)
    }


@pytest.mark.parametrize("name", [".hidden.csv", "a.csv.part", "a.TMP", "~$a.xlsx"])
def test_unfinished_files_are_left(place: Place, name: str) -> None:
    place.put(name)
    assert place.look_twice() == []
    assert place.names() == [name]


def test_links_and_pipes_are_not_followed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("secret\n")
    (place.path / "a.csv").symlink_to(tmp_path / "secret.csv")
    os.mkfifo(place.path / "b.csv")
    assert place.look_twice() == []
    assert sorted(name for _, name in place.told) == ["a.csv", "b.csv"]
    assert (tmp_path / "secret.csv").exists()


def test_a_link_in_place_of_a_folder_is_not_followed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (place.path / "done").symlink_to(tmp_path / "elsewhere")
    place.put("a.csv")
    assert place.look_twice() == []
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert [name for why, name in place.told if "cannot be put away" in why] == ["a.csv"]
    assert place.look_twice() == []  # not read again and again
    assert len(place.told) == 2


def test_a_file_that_became_a_link_between_looks_is_not_read(place: Place, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("secret\n")
    file = place.put("a.csv")
    place.folder.look()
    listed = place.folder._list

    def swap(folder: int) -> Any:
        yield from list(listed(folder))
        file.unlink()
        file.symlink_to(tmp_path / "secret.csv")

    place.folder._list = swap  # type: ignore[method-assign]
    assert place.folder.look() == []
    assert not (place.path / "refused").exists()


def test_a_crash_before_the_move_means_that_it_is_read_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put("a.csv")

    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    monkeypatch.setattr(Folder, "_put_away", crash)
    with pytest.raises(Crash):
        place.look_twice()
    monkeypatch.undo()
    place.folder = place.open()
    assert place.look_twice() == [Outcome.TAKEN]
    assert len(place.files.list_newest(None, 10)) == 1
    assert place.memory.index.catch_up(place.memory.log.position(), 30)
    states = place.memory.index.states(["X1"])
    assert states.column("scans").to_pylist() == [1]


@pytest.mark.parametrize("text", [SCANS + "X2,delivered,2026-01-10 10:00\n", "nonsense\n1\n"])
@pytest.mark.parametrize("before", [SCANS, SCANS + "X9,delivered,never\n"])
def test_what_is_put_there_while_a_file_is_read_is_not_put_away_unread(place: Place, before: str, text: str) -> None:
    file = place.put("a.csv", before)

    def write() -> None:
        place.pause = lambda: None
        (place.path / "new").write_text(text)
        (place.path / "new").rename(file)

    place.pause = write
    assert len(place.look_twice()) == 1
    assert file.read_text() == text
    assert "changed while" in place.told[0][0]
    assert len(place.look_twice()) == 1
    assert place.names() == []


def test_a_file_that_went_while_it_was_read_holds_nothing_up(place: Place) -> None:
    file = place.put("a.csv")
    place.put("b.csv")
    place.pause = lambda: file.unlink(missing_ok=True)
    assert place.look_twice() == [Outcome.TAKEN]
    assert place.names() == []


def test_what_we_cannot_keep_stays_and_is_tried_again(place: Place) -> None:
    place.put("a.csv")

    def fail() -> None:
        raise StorageFull("no room")

    place.pause = fail
    assert place.look_twice() == []
    assert place.names() == ["a.csv"]
    assert "no room" in place.told[0][0]
    place.pause = lambda: None
    assert [each.outcome for each in place.folder.look()] == [Outcome.TAKEN]


def test_a_server_that_stops_leaves_the_file(place: Place) -> None:
    place.put("a.csv")

    def leave() -> None:
        raise Leave

    place.pause = leave
    with pytest.raises(Leave):
        place.look_twice()
    assert place.names() == ["a.csv"]


def test_a_copy_lies_where_the_next_start_sweeps_it_away(place: Place) -> None:
    place.put("a.csv")
    seen: list[str] = []
    place.pause = lambda: seen.extend(each.read_text() for each in place.incoming.glob("*/*"))
    assert place.look_twice() == [Outcome.TAKEN]
    assert seen == [SCANS]
    assert list(place.incoming.iterdir()) == []


def test_a_giant_is_refused_unread(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    place.put("a.csv")
    assert place.look_twice() == []
    assert place.names("refused") == [f"{place.day} a.csv", f"{place.day} a.csv.why.txt"]


def test_names_of_any_bytes(place: Place) -> None:
    name = os.fsdecode(b"M\xff\nday.csv")
    place.put(name)
    place.put("n" * 250 + ".csv")
    assert place.look_twice() == [Outcome.TAKEN, Outcome.TAKEN]
    assert {each.name for each in place.files.list_newest(None, 10)} == {"M��day.csv", ("n" * 200)}
    place.put("\U0001f4e6" * 63, SCANS + "X2,delivered,never\n")
    assert place.look_twice() == [Outcome.PARTLY]
    assert len(place.names("done")) == 4


def test_a_folder_that_is_gone_is_told_once(place: Place) -> None:
    place.path.rmdir()
    assert place.look_twice() == []
    assert len(place.told) == 1


def test_a_name_of_any_bytes_is_told_where_a_file_is_refused(place: Place) -> None:
    place.put(os.fsdecode(b"\xff.csv"), "nonsense\n1\n")
    place.put(os.fsdecode(b"a.\xff"), "nonsense\n1\n")
    place.put("z.csv")
    assert place.look_twice() == [Outcome.UNREADABLE, Outcome.TAKEN, Outcome.UNREADABLE]
    assert [name for name in place.names() if not name.startswith("done")] == []
    why = (place.path / "refused" / os.fsdecode(f"{place.day} ".encode() + b"\xff.csv.why.txt")).read_text("utf-8")
    assert "\ufffd.csv" in why
    assert all("\ufffd" in each.why for each in place.files.list_newest(None, 9) if each.name != "z.csv")


def test_what_fails_unforeseen_holds_no_other_file_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is not tried at every look, but later."""
    take, tries = Files.take, list[str]()

    def fail(self: Files, path: Path, *, name: str, **told: Any) -> Any:
        tries.append(name)
        if name.startswith("a"):
            raise RuntimeError("of nobody's making")
        return take(self, path, name=name, **told)

    monkeypatch.setattr(Files, "take", fail)
    place.put("a.csv")
    place.put("b.csv")
    assert place.look_twice() == [Outcome.TAKEN]
    assert place.look_twice() == []
    assert tries == ["a.csv", "b.csv"]
    [(why, name)] = place.told
    assert ("RuntimeError" in why, "making" in why, name) == (True, False, "a.csv")
    place.now_ms += int(module.AGAIN_S * 1000)
    monkeypatch.undo()
    assert place.look_twice() == [Outcome.TAKEN]
    assert place.names() == []


def test_a_server_that_stops_knows_what_it_saw(place: Place) -> None:
    place.put("a.csv")

    def leave() -> None:
        raise Leave

    place.folder.look()
    place.pause = leave
    place.put("b.csv")
    with pytest.raises(Leave):
        place.folder.look()
    place.pause = lambda: None
    assert [each.name for each in place.folder.look()] == ["a.csv", "b.csv"]
