"""Kill a writer again and again under load, and prove after each kill that nothing is lost and nothing doubled.

Each round a process of its own opens one kept home and appends imagined scans (`benchmarks/worlds.py`) in several
threads, while another process indexes and merges behind it. It tells what it is about to send, and what was
acknowledged. At a random moment there is a kill -9: of the writer, of the indexer (then the writer begins another one,
and is killed later), or of both at one time; while they open, append to the log, index, publish, merge or close, each
in its turn. Some rounds end in order. Then the home is read: every acknowledged scan has to be in the log where it was
said to be; index, history and changes have to be what the log gives, by a fold of its own in DuckDB. Files and batches
are made so small that runs are merged all the time. It ends with 1 if anything is wrong, and then keeps the home.
"""

import argparse
import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.crashes.account import Account, Heard
from benchmarks.crashes.faults import KINDS, Faults
from benchmarks.crashes.phases import INDEXING, PHASES, Phases
from benchmarks.crashes.proof import Listener, check_all, check_some
from benchmarks.crashes.writer import Orders
from benchmarks.worlds import I64, STEPS, World
from waypost.engines.local.home import LocalHome, open_home
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

_REPO = Path(__file__).parents[1]
_NOWHERE = "between them"

#: Seconds of load before the end of a round.
_LOAD_S = (0.1, 1.6)
_POLL_S = 0.0002
#: So long after a phase was seen under way the kill comes, as powers of ten of a second: some phases are short.
_LINGER = (-4.5, -1.5)
_PHASE_WITHIN_S, _OPEN_WITHIN_S, _CLOSE_WITHIN_S, _LEFT_WITHIN_S = 5.0, 600.0, 120.0, 10.0
#: Enough memory for all states, or none: then they lie in a file.
_STATES_BYTES = (1 << 30, 0)
_CLEAN, _CAUGHT_UP = 0.12, 0.5
_AIMED = 0.75
#: Who is killed at first: the one who appends, the one who indexes, or both at one time.
_VICTIMS = ("writer", "indexer", "both")
#: So long the writer goes on at most when its indexer was killed.
_GOES_ON_S = 1.0
_SAMPLE = 400
_STOPPED = 130


@dataclass(frozen=True)
class End:
    """How a round ends.

    Attributes:
        load_s: after so much load.
        is_caught_up: the load counts from when look-ups show all that was in the log; else from the first
            acknowledgement.
        aim: the phase in which the kill is to come; None: any.
        linger_s: so long after it was seen under way.
        is_clean: it is no kill at all.
        victim: who is killed; see `_VICTIMS`.
        goes_on_s: so long the writer goes on when its indexer was killed.
    """

    load_s: float
    is_caught_up: bool = False
    aim: str | None = None
    linger_s: float = 0.0
    is_clean: bool = False
    victim: str = "both"
    goes_on_s: float = 0.0


@dataclass
class Tally:
    """What the rounds came to."""

    faults: Faults = field(default_factory=Faults)
    failures: list[str] = field(default_factory=list)
    rounds: int = 0
    clean: int = 0
    killed: int = 0
    indexers: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    cuts: int = 0
    opened_s: list[float] = field(default_factory=list)
    shown_s: list[float] = field(default_factory=list)
    closed_s: list[float] = field(default_factory=list)

    def add(self, heard: Heard, kills: "Kills") -> None:
        """Count a round."""
        self.rounds += 1
        self.cuts += heard.was_cut
        for seconds, all_seconds in (
            (heard.opened_s, self.opened_s), (heard.shown_s, self.shown_s), (heard.closed_s, self.closed_s),
        ):  # fmt: skip
            all_seconds += [] if seconds is None else [seconds]
        self.indexers += kills.of_indexer is not None
        self.killed += kills.of_writer is not None
        self.clean += kills.of_writer is None and heard.failed is None
        for under_way in (kills.of_indexer, kills.of_writer):
            self.hits.update([] if under_way is None else under_way or [_NOWHERE])


@dataclass
class Kills:
    """What was under way when there was a kill; None where there was none.

    Attributes:
        of_indexer: of the indexer alone.
        of_writer: of the writer, or of both.
    """

    of_indexer: list[str] | None = None
    of_writer: list[str] | None = None


class Crashes:
    """Rounds over one home; `run` them once."""

    def __init__(self, folder: Path, args: argparse.Namespace) -> None:
        self.tally = Tally()
        self._folder = folder
        self._args = args
        self._home = folder / "home"
        self._phases = Phases(folder / "phases")
        self._rng = random.Random(args.seed)
        most = int(_LOAD_S[1] * args.rate) + args.rows
        world = World(-(-args.rounds * most // STEPS), args.seed, 10 * args.rate)
        self.account = Account(world, args.rows)
        self._blocks = -(-most // args.rows)
        self._listener = Listener(self.account)
        self._fold = StatusFold(bundled_tables())

    def run(self, progress: Progress) -> None:
        """All rounds, or as many as it takes until something is wrong."""
        task = progress.add_task("rounds", total=self._args.rounds)
        for number in range(self._args.rounds):
            self._round(number)
            if self.is_wrong:
                break
            progress.update(task, advance=1, description=f"{self.tally.killed} kills, {len(self.account.log):,} scans")
        else:
            self._settle()

    def warm_up(self) -> None:
        """Two short rounds elsewhere, so that nothing is compiled while openings are timed."""
        folder = self._folder / "warm-up"
        folder.mkdir()
        other = Crashes(folder, argparse.Namespace(**vars(self._args) | {"rounds": 2}))
        for number, end in enumerate((End(2.0, True, is_clean=True), End(1.0))):
            heard, _ = run_writer(folder, other._phases, other._orders(number), end)
            if heard.failed is not None:
                raise RuntimeError(f"A writer does not even run: {heard.failed}")
        shutil.rmtree(folder)

    def figures(self) -> dict[str, Any]:
        """What came of it, by name."""
        tally, log = self.tally, self.account.log
        ids = np.unique(log)
        return {
            "rounds": tally.rounds,
            "kills": tally.killed,
            "kills_of_indexer": tally.indexers,
            "kills_while": {name: tally.hits[name] for name in (*PHASES, _NOWHERE)},
            "clean_ends": tally.clean,
            "torn_ends": tally.cuts,
            "acknowledged": self.account.acknowledged,
            "in_log": len(log),
            "distinct": len(ids),
            "parcels": len(np.unique(ids // STEPS)),
            "changes": self._listener.count,
            **{kind: tally.faults.counts[kind] for kind in KINDS},
            "faults": tally.faults.told,
            "failures": tally.failures,
            "longest_opening_s": round(max(tally.opened_s, default=0.0), 3),
            "longest_until_shown_s": round(max(tally.shown_s, default=0.0), 3),
            "longest_closing_s": round(max(tally.closed_s, default=0.0), 3),
            "seed": self._args.seed,
        }

    @property
    def is_wrong(self) -> bool:
        """Something is not as it should be."""
        return bool(self.tally.faults or self.tally.failures)

    def _round(self, number: int) -> None:
        end = self._draw_end()
        heard, kills = run_writer(self._folder, self._phases, self._orders(number), end)
        self.tally.add(heard, kills)
        if heard.failed is not None:
            self.tally.failures.append(f"round {number}: {heard.failed}")
        if heard.sends or len(self.account.log):  # before that there may be no home yet
            is_whole = (number + 1) % self._args.check_every == 0
            self._check(heard, f"after round {number}", is_whole=is_whole)

    def _draw_end(self) -> End:
        rng = self._rng
        load_s, is_caught_up = rng.uniform(*_LOAD_S), rng.random() < _CAUGHT_UP
        if rng.random() < _CLEAN:
            return End(load_s, is_caught_up, is_clean=True)
        victim, goes_on_s = rng.choice(_VICTIMS), rng.uniform(0, _GOES_ON_S)
        if rng.random() > _AIMED:
            return End(load_s, is_caught_up, victim=victim, goes_on_s=goes_on_s)
        rarest = min(self.tally.hits[name] for name in PHASES)
        aim = rng.choice([name for name in PHASES if self.tally.hits[name] == rarest])
        if aim == "opening" and victim == "indexer":  # a home whose indexer dies before it is open is not opened
            victim = "both"
        return End(load_s, is_caught_up, aim, 10 ** rng.uniform(*_LINGER), victim=victim, goes_on_s=goes_on_s)

    def _orders(self, number: int) -> Orders:
        blocks = self.account.hand_out(self._blocks)
        scans = self._folder / "scans.npy"
        np.save(scans, np.concatenate([np.empty(0, np.int64), *(self.account.blocks[block] for block in blocks)]))
        world = self.account.world
        return Orders(
            home=str(self._home),
            phases=str(self._folder / "phases"),
            scans=str(scans),
            blocks=blocks,
            rows=self._args.rows,
            world=(world.parcels, world.seed, world.window),
            threads=self._args.threads,
            per_s=self._args.rate,
            states_bytes=self._rng.choice(_STATES_BYTES),
            seed=self._rng.randrange(1 << 32),
        )

    def _check(self, heard: Heard, when: str, *, is_whole: bool) -> None:
        """Read the home as the crash left it; only the next writer mends it."""
        faults, before = self.tally.faults, len(self.tally.faults.told)
        try:
            _await_left(self._home)
            home = open_home(self._home, self._fold, read_only=True)
            try:
                self.account.hold(heard, home.memory.log, faults)
                if not faults:
                    self._check_behind(home, is_whole=is_whole)
            finally:
                home.close()
        except Exception as error:
            self.tally.failures.append(f"{when}: {error!r}")
        faults.told[before:] = [f"{when}: {what}" for what in faults.told[before:]]

    def _check_behind(self, home: LocalHome, *, is_whole: bool) -> None:
        faults = self.tally.faults
        self._listener.listen(home.memory.changes, self._rng.randint(1_000, 50_000), faults)
        if is_whole:
            check_all(home.memory, self.account, faults)
            self._listener.check(home.memory, self._rng, faults)
        else:
            check_some(home.memory, self.account, self._some_parcels(), faults)

    def _some_parcels(self) -> I64:
        """Some that came last, and some of all."""
        parcels = self.account.log // STEPS
        rng = np.random.default_rng(self._rng.randrange(1 << 32))
        newest = parcels[-self._args.rate :]
        drawn = [rng.choice(of, min(_SAMPLE, len(of)), replace=False) for of in (newest, parcels)]
        return np.unique(np.concatenate(drawn))

    def _settle(self) -> None:
        """At the end the index takes in all that is in the log; then all is checked."""
        try:
            home = open_home(self._home, self._fold)
            try:
                if not home.memory.index.catch_up(home.memory.log.position(), _OPEN_WITHIN_S):
                    raise RuntimeError(f"After {_OPEN_WITHIN_S:.0f} s the index has {home.memory.index.position()}.")
            finally:
                home.close()
        except Exception as error:
            self.tally.failures.append(f"at the end: {error!r}")
            return
        self._check(Heard(), "at the end", is_whole=True)


def _await_left(home: Path) -> None:
    """Return when the indexer of a writer that was killed has ended too, which it does by itself."""
    until = time.monotonic() + _LEFT_WITHIN_S
    with (home / "lock").open() as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise RuntimeError(f"{_LEFT_WITHIN_S:.0f} s after the kill the home is still in use.") from None
                time.sleep(_POLL_S)
            else:
                return


def run_writer(folder: Path, phases: Phases, orders: Orders, end: End) -> tuple[Heard, Kills]:
    """Let a writer run to its end; what it told, and the kills that there were."""
    path, said = folder / "orders.json", folder / "said.txt"
    path.write_bytes(msgspec.json.encode(orders))
    phases.clear()
    heard, kills, is_loaded = Heard(), Kills(), threading.Event()
    command = [sys.executable, "-m", "benchmarks.crashes.writer", str(path)]
    with (
        said.open("w+") as errors,
        subprocess.Popen(
            command, cwd=_REPO, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        ) as writer,
    ):
        assert writer.stdout is not None
        lines = writer.stdout

        def listen() -> None:
            for line in lines:
                heard.hear(line)
                if heard.safe and (heard.shown_s is not None or not end.is_caught_up):
                    is_loaded.set()
            is_loaded.set()

        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        try:
            _end_writer(writer, phases, is_loaded, end, kills)
        finally:
            with suppress(ProcessLookupError):
                if end.victim == "both":
                    os.killpg(writer.pid, signal.SIGKILL)
            writer.kill()
            status = writer.wait()
            listening.join()
        errors.seek(0)
        if status not in (-9, 0) or (status == 0 and not end.is_clean and end.aim != "closing"):
            heard.failed = heard.failed or f"it ended by itself with {status}: {errors.read()[-2_000:].strip()}"
    if status == -9:
        kills.of_writer = phases.under_way()
    return heard, kills


def _end_writer(
    writer: "subprocess.Popen[str]", phases: Phases, is_loaded: threading.Event, end: End, kills: Kills
) -> None:
    if end.aim != "opening":
        is_loaded.wait(_OPEN_WITHIN_S)
        time.sleep(end.load_s)
    if end.is_clean or end.aim == "closing":
        writer.terminate()
    if end.is_clean:
        writer.wait(_CLOSE_WITHIN_S)
        return
    if end.aim is not None:
        until = time.monotonic() + (_OPEN_WITHIN_S if end.aim == "opening" else _PHASE_WITHIN_S)
        while end.aim not in phases.under_way() and writer.poll() is None and time.monotonic() < until:
            time.sleep(_POLL_S)
        time.sleep(end.linger_s)
    if end.victim == "indexer" and phases.indexer:
        with suppress(ProcessLookupError):
            os.kill(phases.indexer, signal.SIGKILL)
            kills.of_indexer = [name for name in phases.under_way() if name in INDEXING]
        with suppress(subprocess.TimeoutExpired):
            writer.wait(end.goes_on_s)


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    folder = Path(tempfile.mkdtemp(prefix="waypost-crash-", dir=args.folder))
    begun_s = time.perf_counter()
    crashes = Crashes(folder, args)
    is_stopped = False
    try:
        crashes.warm_up()
        with Progress(console=Console(file=sys.stderr), transient=True) as progress:
            crashes.run(progress)
    except KeyboardInterrupt:
        is_stopped = True
    figures = crashes.figures() | {"seconds": round(time.perf_counter() - begun_s, 1)}
    if is_stopped:
        figures["stopped"] = "before all rounds were done"
    if crashes.is_wrong:
        figures["kept"] = str(folder)
    else:
        shutil.rmtree(folder)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        _print_table(figures)
    sys.exit(1 if crashes.is_wrong else _STOPPED if is_stopped else 0)


def _print_table(figures: dict[str, Any]) -> None:
    table = Table("figure", "value", title="crash")
    for name, value in figures.items():
        match value:
            case dict():
                shown = "\n".join(f"{key} {each:,}" for key, each in value.items())
            case list():
                shown = "\n".join(map(str, value)) or "none"
            case int() | float():
                shown = f"{value:,}"
            case _:
                shown = str(value)
        table.add_row(name, shown)
    Console().print(table)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./scripts/bench crash", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    told = parser.add_argument
    told("--rounds", type=int, default=200, help="writers, most of which are killed")
    told("--rate", type=int, default=40_000, help="scans a second that a writer appends at the most")
    told("--rows", type=int, default=200, help="scans in a batch")
    told("--threads", type=int, default=4, help="that append")
    told("--check-every", type=int, default=40, help="after so many rounds all is checked, else some parcels")
    told("--seed", type=int, default=1, help="of scans and moments; what the machine does meanwhile is never the same")
    told("--folder", type=Path, help="where the temporary folder goes")
    told("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args()
    low = [f"--{name.replace('_', '-')}" for name in ("rounds", "rate", "rows", "threads", "check_every")
           if getattr(args, name) < 1]  # fmt: skip
    if low or args.seed < 0:
        parser.error(f"{', '.join(low) or '--seed'}: too low")
    return args


if __name__ == "__main__":
    main()
