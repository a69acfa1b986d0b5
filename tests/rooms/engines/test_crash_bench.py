"""The crash benchmark: it kills where it says, and notices whatever a crash could have lost, doubled or bent."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from benchmarks.crash import main
from benchmarks.crashes.account import Account, Heard, plain, read_log
from benchmarks.crashes.disk import PiecewiseDisk
from benchmarks.crashes.faults import KINDS, Faults
from benchmarks.crashes.phases import PHASES, Phases
from benchmarks.crashes.proof import Listener, Proof, check_all, check_some
from benchmarks.worlds import STEPS, World

from waypost.engines.reference import open_reference
from waypost.store.memory import MemoryLog
from waypost.store.protocols import Memory
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

REPO = Path(__file__).parents[3]
WORLD = World(60, seed=7)
ROWS = 100


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def account() -> Account:
    """Has handed out five blocks of a hundred scans."""
    account = Account(WORLD, ROWS)
    assert account.hand_out(5) == [0, 1, 2, 3, 4]
    return account


def log_of(account: Account, *blocks: int) -> MemoryLog:
    log = MemoryLog()
    for block in blocks:
        log.append(WORLD.batch(account.blocks[block]))
    return log


def heard(*lines: str) -> Heard:
    told = Heard()
    for line in lines:
        told.hear(f"{line}\n")
    return told


# What writers tell


def test_lines_are_heard_and_half_ones_are_not() -> None:
    told = heard("opened 0.5 1", "sends 3", "safe 3 200", "shown 0.7", "closed 0.25", "failed the disk went away")
    told.hear("safe 4 3")
    assert told == Heard([3], [(3, 200)], 0.5, 0.7, 0.25, True, "the disk went away")
    with pytest.raises(ValueError, match="A writer said 'nonsense"):
        told.hear("nonsense\n")


def test_phases_tell_what_a_process_was_at_when_it_was_killed(tmp_path: Path) -> None:
    program = (
        "import sys, os, signal, threading\nfrom pathlib import Path\nfrom benchmarks.crashes.phases import Phases\n"
        "phases = Phases(Path(sys.argv[1]))\nthere = threading.Barrier(2)\n"
        "def append():\n    with phases.within('appending'): there.wait(); threading.Event().wait()\n"
        "threading.Thread(target=append, daemon=True).start()\n"
        "with phases.within('opening'): pass\n"
        "with phases.within('indexing'), phases.within('publishing'):\n"
        "    there.wait(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    phases = Phases(tmp_path / "phases")
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "phases")], cwd=REPO, check=False)
    assert done.returncode == -9
    assert phases.under_way() == ["appending", "publishing"]
    phases.clear()
    assert phases.under_way() == []


def test_a_method_is_a_phase_also_if_it_fails(tmp_path: Path) -> None:
    phases = Phases(tmp_path / "phases")
    seen = []

    class Engine:
        def merge(self, many: int) -> int:
            seen.append(phases.under_way())
            return 10 // many

    phases.watch(Engine, "merge", "merging")
    assert Engine().merge(2) == 5
    with pytest.raises(ZeroDivisionError):
        Engine().merge(0)
    assert seen == [["merging"], ["merging"]]
    assert phases.under_way() == []


@pytest.mark.parametrize("size", [0, 1, 255, 256, 2_049, 100_003])
def test_what_is_written_in_pieces_is_whole(tmp_path: Path, size: int) -> None:
    data = np.arange(size, dtype=np.uint32).view(np.uint8)[:size].tobytes()
    with (tmp_path / "file").open("wb", buffering=0) as file:
        PiecewiseDisk().write(file.fileno(), memoryview(data))
    assert (tmp_path / "file").read_bytes() == data


def test_the_engine_has_all_that_is_made_small_and_watched(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom benchmarks.crashes.phases import Phases\n"
        "from benchmarks.crashes.indexer import watch\n"
        "from benchmarks.crashes.sizes import make_small\n"
        "make_small()\nwatch(Phases(Path(sys.argv[1])))\n"
        "from waypost.engines.local import catalogue, ledger\n"
        "print(catalogue.FAN, catalogue.RAW_ROWS, ledger.RAW_ROWS)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "phases")]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.stdout == "4 6000 6000\n", done.stderr


# The log


def test_what_was_acknowledged_and_what_was_not_heard_of_is_found_in_the_log(account: Account, faults: Faults) -> None:
    told = heard("sends 0", "sends 2", "sends 1", "safe 2 100", "sends 3", "sends 4")
    account.hold(told, log_of(account, 0, 2, 3), faults)
    assert faults.told == []
    assert account.log.tolist() == np.concatenate([account.blocks[block] for block in (0, 2, 3)]).tolist()
    assert account.acknowledged == 100
    assert account.hand_out(5) == [0, 1, 3, 4, 5]  # what nobody acknowledged is sent again
    account.hold(heard("sends 0", "safe 0 300"), log_of(account, 0, 2, 3, 0), faults)
    assert faults.told == []
    assert account.shown(400).tolist() == np.unique(account.log).tolist()
    assert len(account.shown(100)) == len(np.unique(account.blocks[0]))


@pytest.mark.parametrize(
    ("kept", "kind", "count"),
    [
        ([0], "missing", 100),
        ([0, 2], "missing", 100),
        ([0, 1, 4], "strange", 100),
        ([1, 0], "missing", 200),
    ],
    ids=["the last one is not there", "it is another one", "nobody sent one", "they are elsewhere"],
)
def test_a_log_that_is_not_what_was_told_is_noticed(
    account: Account, faults: Faults, kept: list[int], kind: str, count: int
) -> None:
    account.hold(heard("sends 0", "sends 1", "sends 2", "safe 0 0", "safe 1 100"), log_of(account, *kept), faults)
    assert list(faults.counts) == [kind]
    assert faults
    if kind == "strange":
        assert faults.counts[kind] == count
    else:
        assert 0.9 * count <= faults.counts[kind] <= count  # blocks may share a scan, which is at its place by chance


def test_a_log_that_got_shorter_is_noticed(account: Account, faults: Faults) -> None:
    account.hold(heard("sends 0", "sends 1", "safe 0 0", "safe 1 100"), log_of(account, 0, 1), faults)
    account.hold(Heard(), log_of(account, 0), faults)
    assert faults.counts == {"missing": 100}


# Index and history


@pytest.fixture
def sent() -> pa.Table:
    return plain(WORLD.batch(np.concatenate(list(WORLD.blocks(ROWS)))))


@pytest.fixture
def proof(sent: pa.Table, faults: Faults) -> Iterator[Proof]:
    proof = Proof(sent, faults)
    yield proof
    proof.close()


@pytest.fixture
def memory() -> Iterator[Memory]:
    """The reference engine with the whole world in it."""
    reference = open_reference(StatusFold(bundled_tables()))
    for ids in WORLD.blocks(ROWS):
        reference.log.append(WORLD.batch(ids))
    assert reference.index.catch_up(reference.log.position(), 10)
    yield reference
    reference.close()


def held(memory: Memory) -> Account:
    """The account of what went into that memory."""
    account = Account(WORLD, ROWS)
    told, position = Heard(), 0
    for block in account.hand_out(1_000):
        told.hear(f"sends {block}\n")
        told.hear(f"safe {block} {position}\n")
        position += len(account.blocks[block])
    account.hold(told, memory.log, Faults())
    return account


def test_what_is_right_passes(memory: Memory, faults: Faults) -> None:
    account = held(memory)
    listener = Listener(account)
    check_some(memory, account, np.arange(0, 60, 7), faults)
    check_all(memory, account, faults)
    listener.listen(memory.changes, 37, faults)
    listener.check(memory, Random(1), faults)
    assert faults.told == []
    assert listener.count >= WORLD.parcels
    assert len(read_log(memory.log, 0)) == len(account.log)


@pytest.mark.parametrize(
    ("bend", "kind"),
    [
        (lambda scans: scans.slice(1), "missing"),
        (lambda scans: pa.concat_tables([scans, scans.slice(3, 1)]), "twice"),
    ],
)
def test_a_scan_too_few_or_too_many_is_noticed(
    proof: Proof, memory: Memory, faults: Faults, bend: Callable[[pa.Table], pa.Table], kind: str
) -> None:
    timelines = plain(memory.index.timelines(proof.numbers))
    proof.hold_scans(timelines, "timelines")
    assert faults.told == []
    proof.hold_scans(bend(timelines), "timelines")
    assert faults.counts == {kind: 1}


def test_a_scan_of_another_place_is_noticed(proof: Proof, memory: Memory, faults: Faults) -> None:
    timelines = plain(memory.index.timelines(proof.numbers))
    facility = pa.array(["elsewhere", *timelines.column("facility").to_pylist()[1:]])
    proof.hold_scans(timelines.set_column(timelines.column_names.index("facility"), "facility", facility), "timelines")
    assert faults.counts == {"missing": 1, "strange": 1}
    assert "elsewhere" in faults.told[1]


@pytest.mark.heavy
@pytest.mark.parametrize(
    "column", ["scans", "first_at", "last_at", "status_at", "offset_min", "milestones", "flags", "status"]
)
def test_a_state_that_is_not_the_fold_is_noticed(proof: Proof, memory: Memory, faults: Faults, column: str) -> None:
    states = memory.index.states(proof.numbers)
    proof.hold_states(states, "looked up")
    assert faults.told == []
    values = states.column(column).to_pylist()
    other = pa.array([values[0] + 1, *values[1:]], states.schema.field(column).type)
    proof.hold_states(states.set_column(states.column_names.index(column), column, other), "looked up")
    assert faults.counts == {"states_wrong": 1}


def test_a_parcel_that_comes_twice_is_noticed(proof: Proof, memory: Memory, faults: Faults) -> None:
    states = memory.index.states(proof.numbers)
    proof.hold_states(pa.concat_tables([states, states.slice(0, 1)]), "in pages")
    assert faults.counts == {"states_wrong": 1}


@pytest.mark.heavy
@pytest.mark.parametrize("whole", [False, True], ids=["some parcels", "all"])
def test_an_engine_that_lost_a_scan_is_noticed(memory: Memory, faults: Faults, whole: bool) -> None:
    account = held(memory)
    ids, times_sent = np.unique(account.log, return_counts=True)
    once = int(np.flatnonzero(account.log == ids[times_sent == 1][100])[0])
    others = account.log.copy()
    others[once] = others[once - 1]  # as many positions, but one scan is another one's duplicate
    lossy = open_reference(StatusFold(bundled_tables()))
    lossy.log.append(WORLD.batch(others))
    lossy.index.catch_up(lossy.log.position(), 10)
    bent = msgspec.structs.replace(memory, index=lossy.index, history=lossy.history)
    if whole:
        check_all(bent, account, faults)
    else:
        check_some(bent, account, np.arange(WORLD.parcels), faults)
    lossy.close()
    assert faults.counts["missing"] == 2  # in the timelines and in history
    assert faults.counts["states_wrong"] > 0
    assert [what.split(":")[1].strip()[:9] for what in faults.told if what.startswith("missing")] == [
        "timelines",
        "history" if whole else "history h",
    ]


# Changes


class Bent:
    """Changes of which one thing is not right."""

    def __init__(self, memory: Memory, bend: Callable[[pa.Table], pa.Table]) -> None:
        self._table = bend(memory.changes.read(-1, 100_000))

    def read(self, after: int, limit: int) -> pa.Table:
        behind = np.asarray(self._table.column("position")) > after
        return self._table.filter(pa.array(behind)).slice(0, limit)


def with_column(table: pa.Table, name: str, row: int, value: int) -> pa.Table:
    values = table.column(name).to_pylist()
    values[row] = value
    return table.set_column(table.column_names.index(name), name, pa.array(values, table.schema.field(name).type))


@pytest.mark.heavy
@pytest.mark.parametrize(
    "bend",
    [
        lambda table: pa.concat_tables([table.slice(0, 5), table.slice(6)]),
        lambda table: with_column(table, "before_status", 80, 77),
        lambda table: with_column(table, "status", 80, 77),
        lambda table: with_column(table, "told", 80, 0),
        lambda table: with_column(table, "position", 80, table.column("position")[80].as_py() + 1),
        lambda table: with_column(table, "position", 80, table.column("position")[79].as_py()),
        lambda table: table.slice(0, table.num_rows - 1),
        lambda table: table.slice(1),
    ],
    ids=["one lost", "before", "after", "nothing told", "elsewhere", "out of order", "the last one lost", "the first"],
)
def test_changes_that_do_not_follow_are_noticed(
    memory: Memory, faults: Faults, bend: Callable[[pa.Table], pa.Table]
) -> None:
    listener = Listener(held(memory))
    bent = msgspec.structs.replace(memory, changes=Bent(memory, bend))
    listener.listen(bent.changes, 50, faults)
    if not faults:
        listener.check(bent, Random(1), faults)
    assert faults.counts["changes_wrong"] > 0


def test_changes_that_are_others_later_are_noticed(memory: Memory, faults: Faults) -> None:
    listener = Listener(held(memory))
    listener.listen(memory.changes, 50, faults)
    bent = Bent(memory, lambda table: with_column(table, "status", 80, 77))
    listener.check(msgspec.structs.replace(memory, changes=bent), Random(1), faults)
    assert faults.counts["changes_wrong"] > 0
    assert "read once more from the beginning, they are others" in faults.told[0]


# The whole


def test_help_says_what_it_does_and_low_numbers_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["crash", "--help"])
    with pytest.raises(SystemExit, match="0"):
        main()
    told = capsys.readouterr().out
    assert "nothing is lost and nothing doubled" in " ".join(told.split())
    assert "(default: 200)" in told
    monkeypatch.setattr(sys, "argv", ["crash", "--rounds", "0"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "--rounds: too low" in capsys.readouterr().err


@pytest.mark.heavy
@pytest.mark.timeout(1800)
def test_ten_rounds(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.crash", "--rounds", "10", "--check-every", "5", "--json"]
    done = subprocess.run([*command, "--folder", str(tmp_path)], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr[-2_000:])
    figures = json.loads(done.stdout)
    assert {kind: figures[kind] for kind in KINDS} == dict.fromkeys(KINDS, 0)
    assert (figures["faults"], figures["failures"]) == ([], [])
    assert figures["rounds"] == figures["kills"] + figures["clean_ends"] == 10
    assert sum(figures["kills_while"].values()) >= figures["kills"]
    assert sum(figures["kills_while"][name] > 0 for name in PHASES) >= 3
    assert 0 < figures["parcels"] <= figures["distinct"] <= figures["in_log"]
    assert figures["distinct"] <= figures["changes"] + STEPS * figures["parcels"]
    assert figures["acknowledged"] <= figures["in_log"]
    assert figures["longest_opening_s"] > 0
    assert list(tmp_path.iterdir()) == []  # the home is kept only if something is wrong
