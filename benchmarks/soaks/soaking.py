"""A soak of an open home: senders at one rate, look-ups and questions beside them, and one who takes notes."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.load.bodies import make_bodies
from benchmarks.load.loading import look_up
from benchmarks.load.machine import cpu_s_of, list_indexers, rss_mb_of
from benchmarks.soaks.notes import Note, Times, percentile
from benchmarks.worlds import RECORDED_MS, STEPS, TWICE, World
from waypost.engines.local.home import LocalHome
from waypost.track.intake import take_in
from waypost.track.plain import read_lines
from waypost.track.standing import instant

_LOOKUP_EVERY_S = 0.005
_WAIT_S = 0.01
_DAY_MS = 86_400_000
_BUSIEST = 20
_CATCH_UP_S, _MAKER_WITHIN_S = 600.0, 120.0


@dataclass(frozen=True)
class Pace:
    """How a soak goes.

    Attributes:
        minutes: so long.
        rate: scans a second.
        rows: scans in a body.
        senders: threads that hand in bodies.
        most_lag: senders wait while the index lags further behind.
        ask_every_s: seconds between two questions to history.
        note_every_s: seconds between two notes.
    """

    minutes: float
    rate: int
    rows: int
    senders: int
    most_lag: int
    ask_every_s: float
    note_every_s: float


class Soak:
    """One soak of an open home; `run` it once. `stop` may be called at any time, from a signal handler too."""

    def __init__(self, home: LocalHome, world: World, take: Callable[[], bytes], pace: Pace) -> None:
        self._home = home
        self._world = world
        self._take = take
        self._pace = pace
        self._stopping = threading.Event()
        self._numbering, self._counting = threading.Lock(), threading.Lock()
        self._bodies = self._sent = 0
        self._newest: list[tuple[int, int]] = []  # positions, and the newest instants below them
        self._behind_s = 0.0
        self._last_cpu_s = 0.0
        self._failures: list[BaseException] = []
        self.notes: list[Note] = []
        self.lookup_ms, self.accept_ms, self.question_s = Times(), Times(), Times()
        self.catch_up_s = 0.0

    @property
    def failure(self) -> BaseException | None:
        """Why it ended before its time; None if it did not fail."""
        return self._failures[0] if self._failures else None

    def stop(self) -> None:
        """End it in order."""
        self._stopping.set()

    def run(self, tell: Callable[[Note], None]) -> None:
        """Send, look up, ask and take notes until the time is up or it is stopped."""
        self._begun_s, self._last_cpu_s = time.perf_counter(), _cpu_s()
        threads = [self._start(self._send) for _ in range(self._pace.senders)]
        threads += [self._start(self._look_up), self._start(self._ask)]
        try:
            self._take_notes(tell)
            for thread in threads:
                thread.join()
            self._await_index()
        except Exception as error:
            self._failures.append(error)
        finally:
            self.stop()
            for thread in threads:
                thread.join()

    def _take_notes(self, tell: Callable[[Note], None]) -> None:
        until_s = self._pace.minutes * 60
        while not self._stopping.wait(min(self._pace.note_every_s, max(until_s - self._seconds(), 0))):
            tell(self._note())
            if self._seconds() >= until_s:
                self.stop()
        if not self.notes:
            self._note()

    def _await_index(self) -> None:
        memory, begun_s = self._home.memory, time.perf_counter()
        if not memory.index.catch_up(memory.log.position(), _CATCH_UP_S):
            raise RuntimeError(f"After {_CATCH_UP_S:.0f} s the index has {memory.index.position()} scans.")
        self.catch_up_s = time.perf_counter() - begun_s

    def _seconds(self) -> float:
        return time.perf_counter() - self._begun_s

    def _start(self, act: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                act()
            except BaseException as error:
                self._failures.append(error)
                self.stop()

        thread = threading.Thread(target=run, name=act.__name__, daemon=True)
        thread.start()
        return thread

    def _send(self) -> None:
        """Body after body, each at its time; late ones at once. Waits while the index lags too far behind."""
        memory, rows = self._home.memory, self._pace.rows
        while not self._stopping.is_set():
            if memory.log.position() - memory.index.position() > self._pace.most_lag:
                self._stopping.wait(_WAIT_S)
                continue
            with self._numbering:
                due_s = self._bodies * rows / self._pace.rate
                self._bodies += 1
                body = self._take()
            if self._stopping.wait(max(due_s - self._seconds(), 0)):
                return
            begun_s = self._seconds()
            intake = take_in(read_lines(body, rows), _no_zone, now_ms=RECORDED_MS, recorded_at_ms=RECORDED_MS)
            if intake.refusals:
                raise RuntimeError(f"A row was refused: {intake.refusals[0]}")
            position = memory.log.append(intake.scans)
            end_s = self._seconds()
            self.accept_ms.add(end_s, (end_s - begun_s) * 1e3)
            with self._counting:
                self._sent += intake.scans.num_rows
                self._behind_s = begun_s - due_s
                newest_ms = pc.max(intake.scans.column("at").cast(pa.int64())).as_py()
                self._newest.append((position + intake.scans.num_rows, newest_ms))

    def _look_up(self) -> None:
        """One random parcel after the other, of those that have set out for certain."""
        rng, index = np.random.default_rng(self._world.seed), self._home.memory.index
        while not self._stopping.wait(_LOOKUP_EVERY_S):
            many = int(index.position() / (STEPS * (1 + TWICE)))
            if not many:
                continue
            number = self._world.numbers(rng.integers(0, min(many, self._world.parcels), 1))[0].as_py()
            took_ms, scans = look_up(self._home, number)
            if scans:
                self.lookup_ms.add(self._seconds(), took_ms)

    def _ask(self) -> None:
        """Which facilities had most scans in the last day, as the overview asks it of all time."""
        history = self._home.memory.history
        while not self._stopping.wait(self._pace.ask_every_s):
            position = history.position()
            with self._counting:
                newest_ms = max((at_ms for end, at_ms in self._newest if end <= position), default=None)
                self._newest = [each for each in self._newest if each[0] > position or each[1] == newest_ms]
            if newest_ms is None:
                continue
            begun_s = self._seconds()
            if not history.run(_busiest_since(newest_ms - _DAY_MS)).num_rows:
                raise RuntimeError(f"History has no scan of the day before {newest_ms}, but is at {position}.")
            self.question_s.add(self._seconds(), self._seconds() - begun_s)

    def _note(self) -> Note:
        last = self.notes[-1] if self.notes else None
        start_s, seconds, cpu_s = last.seconds if last else 0.0, self._seconds(), _cpu_s()
        lookups = self.lookup_ms.between(start_s, seconds)
        accepted, asked = self.accept_ms.between(start_s, seconds), self.question_s.between(start_s, seconds)
        processes = _processes()
        with self._counting:
            sent, behind_s = self._sent, self._behind_s
        error = self._home.health().error
        if error is not None:
            raise RuntimeError(error)
        note = Note(
            seconds=seconds,
            sent=sent,
            sent_per_s=round((sent - (last.sent if last else 0)) / (seconds - start_s)),
            behind_s=round(max(behind_s, 0.0), 2),
            lag=self._home.memory.log.position() - self._home.memory.index.position(),
            lookups=len(lookups),
            lookup_p50_ms=percentile(lookups, 50),
            lookup_p99_ms=percentile(lookups, 99),
            lookup_most_ms=percentile(lookups, 100),
            accept_p99_ms=percentile(accepted, 99),
            question_s=percentile(asked, 100),
            rss_anon_mb=round(sum(rss_mb_of(pid, "RssAnon") for pid in processes), 1),
            rss_file_mb=round(sum(rss_mb_of(pid, "RssFile", "RssShmem") for pid in processes), 1),
            disk_mb=round(_folder_bytes(self._home.path) / 1e6, 1),
            cpu=round((cpu_s - self._last_cpu_s) / (seconds - start_s), 2),
        )
        self._last_cpu_s = cpu_s
        self.notes.append(note)
        return note


def _busiest_since(at_ms: int) -> Callable[[Any], Any]:
    def ask(scans: Any) -> Any:
        recent = scans.filter(scans.at >= instant(at_ms), scans.facility.notnull())
        counted = recent.group_by("carrier", "facility").aggregate(
            scans=recent.count(), parcels=recent.number.nunique(), last_at=recent.at.max()
        )
        return counted.order_by(ibis.desc("scans"), "carrier", "facility").limit(_BUSIEST)

    return ask


@contextmanager
def made_elsewhere(world: World, rows: int) -> Iterator[Callable[[], bytes]]:
    """Yields what gives the next body; another process makes them."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe(duplex=False)
    maker = spawning.Process(target=_make, args=(theirs, world, rows), daemon=True)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who takes the bodies
    try:
        maker.start()
    finally:
        signal.signal(signal.SIGINT, before)
    theirs.close()
    try:
        ours.poll(_MAKER_WITHIN_S)  # the first body is there before the clock starts
        yield ours.recv_bytes
    finally:
        maker.kill()
        maker.join()
        ours.close()


def _make(sending: "Connection[Any, Any]", world: World, rows: int) -> None:
    for body in make_bodies(world, rows):
        sending.send_bytes(body)


def _processes() -> list[int]:
    """This one and its indexer, but not the one that makes bodies."""
    return [os.getpid(), *list_indexers(os.getpid())]


def _cpu_s() -> float:
    return time.process_time() + sum(map(cpu_s_of, list_indexers(os.getpid())))


def _folder_bytes(folder: Path) -> int:
    """The size of all files in a folder in which files come and go."""
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.stat(os.path.join(path, name)).st_size
            except FileNotFoundError:
                continue
    return size


def _no_zone(pairs: object) -> list[None]:
    raise AssertionError(f"Every scan has its offset, yet a zone was asked for: {pairs}")
