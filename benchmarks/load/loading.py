"""A load of the local engine: senders that hand in JSON, look-ups beside them, and what it all took."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.load.bodies import Bodies
from benchmarks.load.course import Course
from benchmarks.load.machine import cpu_s, drop_page_cache, rss_anon_mb, write_away
from benchmarks.worlds import RECORDED_MS, World
from waypost.app.serving import take_short_turns
from waypost.engines.local.apart import INDEXER
from waypost.engines.local.catalogue import find_mergeable, read_catalogue
from waypost.engines.local.home import LocalHome, open_home
from waypost.track.fold import StatusFold
from waypost.track.intake import take_in
from waypost.track.plain import read_lines
from waypost.track.tables import bundled_tables

#: At least so many look-ups are made beside a load, so that even a short one has its figures.
FEWEST_LOOKUPS = 100

_LOOKUP_EVERY_S = 0.005
_NOTE_EVERY_S = 0.05
_WAIT_S = 600.0


@dataclass
class Load:
    """What a load took.

    Attributes:
        course: of the index.
        acknowledged_s: from the first body to the last acknowledgement, less what the senders waited for the index.
        cpu_s: of all, less what making the bodies and measuring took; until nothing is left to merge.
        merged_s: from the first body until then.
        lookup_ms: of each look-up beside it that found its parcel.
        rss_anon_mb: the most.
    """

    course: Course
    acknowledged_s: float
    cpu_s: float
    merged_s: float
    lookup_ms: list[float]
    rss_anon_mb: float


def open_new_home(folder: Path) -> LocalHome:
    """The engine as a server without settings starts it."""
    take_short_turns()
    return open_home(folder, StatusFold(bundled_tables()), indexer=INDEXER)


class Loading:
    """One load of an open home; `run` it once."""

    def __init__(
        self, home: LocalHome, world: World, rows: int, bodies: Bodies, most_lag: int, rate: int | None = None
    ) -> None:
        """`rate` is how many scans a second are handed in at the most; None: as fast as it goes."""
        self._home = home
        self._world = world
        self._rows = rows
        self._bodies = bodies
        self._most_lag = most_lag
        self._rate = rate
        self._due = 0  # so many scans were handed in, or are about to be
        self._gate, self._noting = threading.Lock(), threading.Lock()
        self._ended = threading.Event()
        self._failures: list[BaseException] = []
        self._course = Course()
        self._lookup_ms: list[float] = []
        self._rss_anon_mb = rss_anon_mb()
        self._measuring_s: dict[str, float] = {}
        self._waited_s = 0.0

    def run(self, senders: int, body_rows: int, tell: Callable[[int], None]) -> Load:
        """Send all bodies and wait until they are indexed, and nothing is left to merge.

        Args:
            senders: threads that hand in bodies.
            body_rows: no body has more scans.
            tell: is told now and then how many scans are indexed.
        """
        self._begun_s, self._begun_cpu_s = time.perf_counter(), cpu_s()
        sending = [self._start(self._send, body_rows) for _ in range(senders)]
        watching = [self._start(self._look_up), self._start(self._take_notes, tell)]
        try:
            for thread in sending:
                thread.join()
            acknowledged_s = time.perf_counter() - self._begun_s - self._waited_s
            self._await_index()
            self._await_merger()
            merged_s = time.perf_counter() - self._begun_s
            used_s = cpu_s() - self._begun_cpu_s - sum(self._measuring_s.values()) - self._bodies.made_s
        except BaseException as error:
            self._failures.insert(0, error)  # ends the others too
            raise
        finally:
            self._ended.set()
            for thread in watching:
                thread.join()
        self._raise_failure()
        return Load(self._course, acknowledged_s, used_s, merged_s, self._lookup_ms, self._rss_anon_mb)

    def _await_index(self) -> None:
        index = self._home.memory.index
        self._raise_failure()
        if not index.catch_up(self._rows, self._patience_s):
            raise RuntimeError(f"After {self._patience_s:.0f} s the index has {index.position()} scans.")
        self._note()

    def _await_merger(self) -> None:
        """Until then the bytes on disk and the CPU that a scan takes are not what they come to."""
        until = time.perf_counter() + self._patience_s
        while _has_work(self._home.path / "index"):
            error = self._home.health().error
            if error or time.perf_counter() > until:
                raise RuntimeError(error or f"After {self._patience_s:.0f} s there are still runs to merge.")
            time.sleep(_NOTE_EVERY_S)

    @property
    def _patience_s(self) -> float:
        return self._rows / 1_000 + _WAIT_S

    def _raise_failure(self) -> None:
        if self._failures:
            raise self._failures[0]

    def _start(self, act: Callable[..., None], *arguments: object) -> threading.Thread:
        def run() -> None:
            try:
                act(*arguments)
            except BaseException as error:
                self._failures.append(error)

        thread = threading.Thread(target=run, name=act.__name__, daemon=True)
        thread.start()
        return thread

    def _send(self, body_rows: int) -> None:
        log = self._home.memory.log
        while not self._failures:
            self._wait_for_index()
            body = self._bodies.take()
            if body is None:
                return
            self._wait_for_turn(body_rows)
            rows = read_lines(body, body_rows)
            intake = take_in(rows, _no_zone, now_ms=RECORDED_MS, recorded_at_ms=RECORDED_MS)
            if intake.refusals:
                raise RuntimeError(f"A row was refused: {intake.refusals[0]}")
            log.append(intake.scans)

    def _wait_for_turn(self, rows: int) -> None:
        if self._rate is not None:
            with self._gate:
                due_s, self._due = self._begun_s + self._due / self._rate, self._due + rows
            time.sleep(max(due_s - time.perf_counter(), 0))

    def _wait_for_index(self) -> None:
        """As a server turns bulk senders away while the index lags too far behind."""
        memory = self._home.memory
        with self._gate:
            begun_s = time.perf_counter()
            while memory.log.position() - memory.index.position() > self._most_lag and not self._failures:
                time.sleep(0.01)
                self._waited_s += time.perf_counter() - begun_s
                begun_s = time.perf_counter()

    def _take_notes(self, tell: Callable[[int], None]) -> None:
        while not self._ended.wait(_NOTE_EVERY_S):
            self._note()
            self._rss_anon_mb = max(self._rss_anon_mb, rss_anon_mb())
            tell(self._course.scans[-1])
            self._measuring_s["notes"] = time.thread_time()

    def _note(self) -> None:
        with self._noting:
            seconds = time.perf_counter() - self._begun_s
            self._course.note(seconds, self._home.memory.index.position(), cpu_s() - self._begun_cpu_s)

    def _look_up(self) -> None:
        """One random parcel now and then, of those that have set out for certain, until the load has ended."""
        rng, index = np.random.default_rng(self._world.seed), self._home.memory.index
        while not (self._ended.wait(_LOOKUP_EVERY_S) and len(self._lookup_ms) >= FEWEST_LOOKUPS) and not self._failures:
            many = self._world.parcels * index.position() // self._rows
            if many:
                number = self._world.numbers(rng.integers(0, many, 1))[0].as_py()
                took_ms, scans = look_up(self._home, number)
                if scans:
                    self._lookup_ms.append(took_ms)
            self._measuring_s["look-ups"] = time.thread_time()


def look_up(home: LocalHome, number: str) -> tuple[float, int]:
    """How many milliseconds state and timeline of a number take, and how many scans it has."""
    mark = time.perf_counter()
    states, timeline = home.memory.index.states([number]), home.memory.index.timelines([number])
    took_ms = (time.perf_counter() - mark) * 1e3
    if sum(states.column("scans").to_pylist()) > timeline.num_rows:
        raise RuntimeError(f"The look-up of {number} is wrong: {states.to_pylist()}, {timeline.num_rows} scans.")
    return took_ms, timeline.num_rows


def look_up_many(home: LocalHome, world: World, many: int, *, cold: bool = False) -> list[float]:
    """The milliseconds of look-ups of random parcels, all of which are there.

    Cold: before each the page cache is made to forget the files of the home, as far as they are not mapped and in use.
    """
    rng = np.random.default_rng(world.seed + 1)
    took = []
    if cold:
        write_away(home.path)
    for number in world.numbers(rng.integers(0, world.parcels, many)).to_pylist():
        if cold:
            drop_page_cache(home.path)
        took_ms, scans = look_up(home, number)
        if not scans:
            raise RuntimeError(f"{number} was sent and is not found.")
        took.append(took_ms)
    return took


def _has_work(folder: Path) -> bool:
    """Whether there are runs to merge in an index."""
    catalogue = read_catalogue(folder)
    return catalogue is not None and find_mergeable(catalogue.runs) is not None


def _no_zone(pairs: object) -> list[None]:
    raise AssertionError(f"Every scan has its offset, yet a zone was asked for: {pairs}")
