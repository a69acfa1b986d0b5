"""A home whose index is made by a process of its own: it shows the same, and whichever ends, nothing is lost."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from tests.rooms.engines.elsewhere import SickElsewhere
from tests.rooms.engines.homes import FOLD, caught_up, count, home_in, merge_soon, pieces, settled
from tests.rooms.engines.scan_batches import batch
from tests.rooms.engines.test_follow import wait_for
from tests.rooms.engines.test_kill import Ack, check_changes, check_index, check_log, check_scans
from tests.rooms.engines.trimming import ALL, SCANS, SEGMENT_BYTES, check_rest, first_raw, let_go, places, starts

from waypost.engines.local import apart, lock
from waypost.engines.local.apart import INDEXER, Apart
from waypost.engines.local.catalogue import read_catalogue, write_catalogue
from waypost.engines.local.disk import Disk
from waypost.engines.local.home import LocalHome
from waypost.engines.local.index import LedgerIndex
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.retention import Retention
from waypost.engines.local.segments import list_segments
from waypost.engines.local.slots import Slots
from waypost.engines.local.verify import verify_home
from waypost.model.errors import Gone, HomeInUse, StorageFull, StoreDamaged, StoreError, WrongFormat

REPO = Path(__file__).parents[3]
SMALL = "tests.rooms.engines.small_indexer"
NUMBERS = [f"P{place}" for place in range(97)]


def process(home: LocalHome) -> "subprocess.Popen[bytes]":
    """The process that indexes just now."""
    assert isinstance(home._follower, Apart)
    return home._follower._process


@contextmanager
def closing(home: LocalHome) -> Iterator[LocalHome]:
    """Close it, and see that no process is left."""
    with contextlib.closing(home):
        yield home
    assert not is_there(process(home).pid)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def kill(home: LocalHome) -> None:
    """Kill the process that indexes; it may have ended meanwhile."""
    process(home).kill()


def wait_until_well(home: LocalHome) -> None:
    wait_for(lambda: home.health().failures == () and home.health().lag == 0)


def told(home: LocalHome) -> dict[str, Any]:
    """All that a home shows."""
    memory = home.memory
    tables: dict[str, pa.Table] = {
        "states": memory.index.states(NUMBERS[:20]),
        "timelines": memory.index.timelines(NUMBERS[:20]),
        "page": memory.index.page(None, 1000).sort_by("number"),
        "changes": memory.changes.read(-1, 10_000),
        "history": memory.history.run(lambda scans: scans.order_by("at")),
    }
    positions = (memory.log.position(), memory.index.position(), memory.history.position())
    return {name: table.to_pylist() for name, table in tables.items()} | {"positions": positions}


@pytest.fixture(scope="module")
def sickness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sickness") / "error"


@pytest.fixture(scope="module")
def long_open(tmp_path_factory: pytest.TempPathFactory, sickness: Path) -> Iterator[LocalHome]:
    """One that stays open for many tests, as opening takes a while. Where `sickness` is a file, its disk is sick."""
    path = tmp_path_factory.mktemp("open")
    with closing(home_in(path, indexer=SMALL, disk=SickElsewhere(sickness))) as home:
        yield home


@pytest.fixture
def home(long_open: LocalHome) -> LocalHome:
    """As a test before left it, but well and with some more scans."""
    long_open.memory.log.append(batch(long_open.memory.log.position(), 97))
    wait_until_well(long_open)
    return long_open


# What is shown


def test_a_home_with_it_shows_what_one_without_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And does so again when it is opened anew, whether by itself or not."""
    merge_soon(monkeypatch)
    rng, start = random.Random(11), 0
    with closing(home_in(tmp_path / "apart", indexer=SMALL)) as home:
        assert (home.health().log_end, home.health().failures, home.health().rebuilding) == (0, (), None)
        alone = home_in(tmp_path / "alone")
        for _ in range(8):
            again, fresh = rng.randint(0, min(start, 30)), rng.randint(40, 150)
            for each in (home, alone):  # what comes together is told together
                before = each.memory.index.position()
                assert each.memory.log.append(batch(start - again, again + fresh)) == before
                assert each.memory.index.catch_up(each.memory.log.position(), 60)
                assert each.health().lag == 0
            start += fresh
            states = [each.memory.index.states(NUMBERS).to_pylist() for each in (home, alone)]
            assert states[0] == states[1]
        settled(home)
        due = told(alone)
        assert told(home) == due
        assert count(home) == start
        health = home.health()
        assert (health.failures, health.trimming, health.rebuilding, health.cut) == ((), None, None, None)
    alone.close()
    assert pieces(tmp_path / "apart")
    report = verify_home(tmp_path / "apart", FOLD)
    assert (report.findings, report.notes) == ([], [])
    alone = home_in(tmp_path / "apart")
    assert told(alone) == due
    alone.close()


def test_what_comes_last_is_indexed_before_it_is_closed_and_the_slots_are_kept(tmp_path: Path) -> None:
    with closing(home_in(tmp_path, indexer=INDEXER)) as home:
        for start in range(0, 2_000, 100):
            home.memory.log.append(batch(start, 100))
        pid = process(home).pid
    assert not is_there(pid)
    listed = read_catalogue(tmp_path / "index")
    assert listed is not None
    assert listed.position == 2_000
    slots = Slots(tmp_path / "index" / "slots", FOLD.blank(1), f"{FOLD.version} {listed.seed.hex()}", 2_000)
    assert (slots.was_kept, slots.parcels) == (True, 97)
    slots.close()
    with closing(home_in(tmp_path, indexer=INDEXER)) as home:
        assert (home.health().index_position, process(home).pid != pid) == (2_000, True)
        home.memory.log.append(batch(1_950, 100))
        caught_up(home)
        assert sum(home.memory.index.page(None, 1000).column("scans").to_pylist()) == 2_050
        assert home.memory.changes.read(1_999, 1000).column("position").to_pylist() == list(range(2_050, 2_100))


def test_it_is_told_of_scans_that_come_after_a_long_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[bool] = []
    wait = SegmentLog.wait

    def noting(log: SegmentLog, position: int, timeout_s: float) -> bool:
        looked.append(wait(log, position, timeout_s))
        return looked[-1]

    monkeypatch.setattr(SegmentLog, "wait", noting)
    monkeypatch.setattr(apart, "_LOOK_S", 0.01)
    with closing(home_in(tmp_path, indexer=INDEXER)) as home:
        wait_for(lambda: False in looked)  # it looked, and nothing came
        home.memory.log.append(batch(0, 10))
        assert home.memory.index.catch_up(10, 20)


def test_only_one_process_has_a_home(home: LocalHome) -> None:
    for indexer in (None, INDEXER):
        with pytest.raises(HomeInUse, match=f"in use by process {os.getpid()}"):
            home_in(home.path, indexer=indexer)
    append_and_look(home, 5)


def append_and_look(home: LocalHome, scans: int) -> None:
    """What is appended is shown, to who waits for it."""
    start = home.memory.log.position()
    assert home.memory.log.append(batch(start, scans)) == start
    assert home.memory.index.catch_up(start + scans, 60)
    assert (home.memory.index.position(), home.health().lag) == (start + scans, 0)
    assert sum(home.memory.index.page(None, 1000).column("scans").to_pylist()) == start + scans == count(home)


# The process that indexes ends


def test_when_it_is_killed_another_one_is_begun(home: LocalHome) -> None:
    """Meanwhile it is told why nothing new is shown; who waits for that gets it from the next one."""
    first, start = process(home).pid, home.memory.log.position()
    kill(home)
    wait_for(lambda: home.health().failures != ())
    [failure] = home.health().failures
    assert failure.startswith("The process that indexes was ended by signal 9.")
    home.memory.log.append(batch(start, 50))
    assert (home.health().lag, home.memory.index.position()) == (50, start)
    assert home.memory.index.states(["P3"]).num_rows == 1
    append_and_look(home, 50)
    wait_until_well(home)
    assert process(home).pid != first
    assert not is_there(first)


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=[pytest.mark.heavy, pytest.mark.timeout(1800)])])
def test_killed_at_random_moments_nothing_is_missing_and_nothing_there_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    monkeypatch.setattr(apart, "_LAST_PATIENCE_S", 0.05)
    merge_soon(monkeypatch)
    rng, acknowledged = random.Random(5), list[Ack]()
    is_over = threading.Event()
    with closing(home_in(tmp_path, indexer=SMALL, segment_bytes=30_000)) as home:

        def append() -> None:
            place = 0
            while not is_over.is_set():
                rows = rng.randint(5, 60)
                position = home.memory.log.append(batch(place, rows))
                acknowledged.append((position, place, rows))
                place += rows - rng.randint(0, 4)  # some come again
                with suppress(StoreError):  # nobody indexes just now
                    home.memory.index.catch_up(position - 200, 60)
                is_over.wait(0.01)

        appending = threading.Thread(target=append)
        appending.start()
        moments = random.Random(kills)
        for _ in range(kills):
            due, pid = home.memory.index.position() + moments.randint(1, 700), process(home).pid
            wait_for(lambda due=due: home.memory.index.position() >= due)  # type: ignore[misc]
            is_over.wait(moments.random() * 0.05)
            kill(home)
            wait_for(lambda pid=pid: process(home).pid != pid)  # type: ignore[misc]
        is_over.set()
        appending.join(60)
        wait_until_well(home)
        settled(home)
        first_at = check_log(home, acknowledged)
        check_index(home, first_at)
        check_changes(home, first_at)
        check_scans(home.memory.history.run(lambda scans: scans), first_at)
    report = verify_home(tmp_path, FOLD)
    assert (report.findings, report.notes, report.history_scans) == ([], [], len(first_at))


def test_signals_that_end_a_server_are_none_of_its_business(home: LocalHome) -> None:
    """Pressed keys and stopping services send them to it too; it ends when the log has been closed."""
    pid = process(home).pid
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)
    append_and_look(home, 20)
    assert (process(home).pid, process(home).poll(), home.health().failures) == (pid, None, ())


def test_what_keeps_the_next_one_from_opening_is_told_until_it_is_mended(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each one that could not open is let go of before the next one is begun."""
    monkeypatch.setattr(apart, "_LAST_PATIENCE_S", 0.05)
    begun, left = list[Any](), list[Any]()
    popen = subprocess.Popen

    def noting(*args: Any, **options: Any) -> "subprocess.Popen[bytes]":
        left.extend(each for each in begun if each.returncode is None)
        begun.append(popen(*args, **options))
        return begun[-1]

    with closing(home_in(path, indexer=SMALL)) as home:
        monkeypatch.setattr(subprocess, "Popen", noting)
        words = path / "index" / "words"
        data = words.read_bytes()
        words.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        kill(home)
        wait_for(lambda: any("words" in failure for failure in home.health().failures))
        wait_for(lambda: len(begun) > 1)
        words.write_bytes(data)
        wait_until_well(home)
        home.memory.log.append(batch(SCANS, 10))
        assert home.memory.index.catch_up(SCANS + 10, 60)
    assert left == []


# The process that has the home ends


@pytest.mark.heavy
def test_when_the_home_s_process_is_killed_it_can_be_opened_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that indexes ends by itself. As after any crash, what is half done is done again."""
    path = tmp_path / "home"
    command = [sys.executable, "-m", "tests.rooms.engines.killed_parent", str(path)]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        indexer = int(parent.stdout.readline())
        ends = [int(parent.stdout.readline()) for _ in range(12)]
        os.kill(indexer, signal.SIGSTOP)
        parent.kill()
        ends += [int(line) for line in parent.stdout.readlines() if line.endswith("\n")]
    assert parent.returncode == -signal.SIGKILL
    try:
        with monkeypatch.context() as patch:
            patch.setattr(lock, "_LEAVING_S", 0.05)
            with pytest.raises(HomeInUse, match=rf"the one that indexed for it .{indexer}. still runs"):
                home_in(path)
    finally:
        os.kill(indexer, signal.SIGCONT)
    home = home_in(path, indexer=SMALL)
    wait_for(lambda: has_ended(indexer))
    # Slots that were kept in the middle of a batch would not have its parcels.
    assert not (path / "index" / "slots").exists()
    with closing(caught_up(home)):
        end = home.memory.log.position()
        assert end >= ends[-1] == 50 * len(ends)
        assert places(home) == list(range(end))
        assert sum(home.memory.index.page(None, 1000).column("scans").to_pylist()) == count(home) == end
        home.memory.log.append(batch(0, end))
        caught_up(home)
        assert sum(home.memory.index.page(None, 1000).column("scans").to_pylist()) == end
    assert verify_home(path, FOLD).findings == []


def has_ended(pid: int) -> bool:
    """Whether a process that is nobody's child any more is gone, but for its number."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


# Opening


def other_byte(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)


def harm_run(path: Path) -> None:
    listed = read_catalogue(path / "index")
    assert listed is not None
    other_byte(path / "index" / next(run.name for run in listed.runs if not run.raw), -10)


def harm_catalogue(path: Path) -> None:
    other_byte(path / "index" / "CATALOGUE", 30)


def harm_log(path: Path) -> None:
    segment = list_segments(path / "log")[-1]
    segment.write_bytes(segment.read_bytes()[:-3])


def make_other(path: Path) -> None:
    """As if the index had been made by a version that makes another kind."""
    listed = read_catalogue(path / "index")
    assert listed is not None
    write_catalogue(path / "index", msgspec.structs.replace(listed, made="format 1"), Disk())


def lose_scans(path: Path) -> None:
    """Nothing can be made anew from a log that does not have them."""
    let_go(home_in(path), ALL).close()
    make_other(path)


def make_newer(path: Path) -> None:
    formats = msgspec.json.decode((path / "FORMAT").read_bytes())
    (path / "FORMAT").write_bytes(msgspec.json.encode(formats | {"index": 99}))


@pytest.mark.parametrize(
    ("harm", "kind", "part"),
    [
        (harm_run, StoreDamaged, r"index/\d+\.run"),
        (harm_catalogue, StoreDamaged, "CATALOGUE cannot be read"),
        (harm_log, StoreDamaged, r"\.seg, byte \d+: .*scans had been taken from it before"),
        (lose_scans, StoreError, "Index and history would have to be made anew"),
        (make_newer, WrongFormat, "has format 99 of its index"),
    ],
    ids=["run", "catalogue", "log", "lost scans", "newer"],
)
def test_what_is_wrong_is_told_as_without_it(
    path: Path, harm: Callable[[Path], None], kind: type[StoreError], part: str
) -> None:
    """And no process is left that has the home."""
    harm(path)
    with pytest.raises(kind, match=part) as apart_told:
        home_in(path, indexer=SMALL)
    with pytest.raises(kind, match=part) as due:
        home_in(path)
    assert type(apart_told.value) is type(due.value)
    assert (str(apart_told.value), apart_told.value.mend) == (str(due.value), due.value.mend)


def test_that_it_is_made_anew_is_told_until_it_is(path: Path, tmp_path: Path) -> None:
    (sickness := tmp_path / "sickness").write_text("ENOSPC")  # so that it does not get on
    make_other(path)
    with closing(home_in(path, indexer=SMALL, disk=SickElsewhere(sickness))) as home:
        assert home.health().rebuilding is not None
        assert "the index is made anew from the log: format 1 → format " in str(home.health().rebuilding)
        assert (home.health().index_position, home.health().lag) == (0, SCANS)
        sickness.unlink()
        wait_until_well(home)
        assert home.health().rebuilding is None
        check_rest(settled(home))


@pytest.mark.parametrize(("program", "code"), [("no.such.module", 1), ("this", 0)])
def test_a_program_that_ends_at_once_is_told(tmp_path: Path, program: str, code: int) -> None:
    with pytest.raises(StoreError, match=rf"^The process that indexes ended with code {code}\."):
        home_in(tmp_path, indexer=program)
    assert (tmp_path / "lock").read_bytes() == b""
    home = home_in(tmp_path)
    assert home.memory.log.append(batch(0, 5)) == 0
    caught_up(home).close()


def test_another_version_that_took_its_place_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server goes on with the version that it was started with; what it begins anew is what is installed now."""
    installed = apart.version_here()
    monkeypatch.setattr(apart, "version_here", lambda: "0.0.1")
    with pytest.raises(StoreError, match="Another version of Waypost was installed since") as told:
        home_in(tmp_path, indexer=INDEXER)
    assert f"({installed}, not 0.0.1). Start the server again." in str(told.value)
    assert not list((tmp_path / "index").iterdir())
    home_in(tmp_path).close()


# Trimming and failing disks


def test_old_segments_go(path: Path, archive: Path, trims_soon: None) -> None:
    """The home's process does not see them go, and reads what there is."""
    keep = msgspec.structs.replace(ALL, archive=archive)
    before = {segment.name: segment.read_bytes() for segment in list_segments(path / "log")}
    with closing(home_in(path, indexer=SMALL, segment_bytes=SEGMENT_BYTES, retention=keep)) as home:
        wait_for(lambda: starts(path / "log")[1] > first_raw(path))
        kept = {segment.name: segment.read_bytes() for segment in list_segments(archive)}
        assert kept == {name: before[name] for name in kept}
        assert starts(path / "log")[0] <= first_raw(path)
        check_rest(home)


def test_who_reads_changes_is_told_that_they_went(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when nothing has come since they went, so that there was nothing to tell."""
    well: list[str] = []
    tell_well = LedgerIndex.tell_well

    def noting(index: LedgerIndex, work: str) -> None:
        tell_well(index, work)
        well.append(work)

    monkeypatch.setattr(LedgerIndex, "tell_well", noting)
    with closing(home_in(path, indexer=SMALL, retention=Retention(seconds=1_000))) as home:
        wait_for(lambda: {"indexing", "merging", "trimming"} <= {*well})
        before = home.memory.changes.read(-1, 10_000).column("position").to_pylist()
        for segment in list_segments(path / "log"):
            os.utime(segment, (1_000, 1_000))
        wait_for(lambda: starts(path / "log")[1] > first_raw(path))
        with pytest.raises(Gone, match="went with the log, as the settings ask") as gone:
            home.memory.changes.read(-1, 10_000)
        start = max(gone.value.start, home.memory.log.start())
        left = home.memory.changes.read(start - 1, 10_000).column("position").to_pylist()
        assert left == [position for position in before if position >= start > 0]


@pytest.mark.parametrize(
    ("error", "kind", "part"),
    [("ENOSPC", StorageFull, "No room left: indexing"), ("EIO", StoreError, "The disk failed: indexing")],
)
def test_a_sick_disk_is_told_and_all_goes_on_when_it_is_well(
    home: LocalHome, sickness: Path, error: str, kind: type[StoreError], part: str
) -> None:
    pid, start = process(home).pid, home.memory.log.position()
    sickness.write_text(error)
    home.memory.log.append(batch(start, 50))
    with pytest.raises(kind, match=part):
        home.memory.index.catch_up(start + 50, 60)
    assert any(part in failure for failure in home.health().failures)  # merging may have failed as well
    assert home.memory.log.append(batch(start + 50, 50)) == start + 50  # the log has room
    assert (home.memory.index.position(), home.health().lag) == (start, 100)
    sickness.unlink()
    wait_until_well(home)
    append_and_look(home, 10)
    assert process(home).pid == pid
