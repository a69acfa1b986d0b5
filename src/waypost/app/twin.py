"""The twin's driver: lets it run beside a house and hands in what its carriers send; `waypost twin`."""

import datetime as dt
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from waypost.app.console import aside, line, out, results, tell_cut
from waypost.app.settings import read_settings
from waypost.app.wiring import House, now_ms, open_house
from waypost.model.errors import BadInput, StoreError
from waypost.model.instants import DAY_MS, format_utc, parse_instant
from waypost.network.shelf import Timetables
from waypost.track.reception import Reception
from waypost.track.wire import PlainRows, Rows, empty_rows
from waypost.twin.changes import AddFront, Change, ChangeRoom, CloseHub, MoreDemand, MoveCutOff
from waypost.twin.comparing import Comparison, compare
from waypost.twin.fronts import Front
from waypost.twin.run import Run
from waypost.twin.state import Count
from waypost.twin.world import World, make_world

#: Scans that are handed in at once, and portions that are made ahead of them.
MOST_ROWS, _AHEAD = 250_000, 2
_LANES = 200
_WAIT_S = 0.5
_HOUR_MS = 3_600_000


class Handed(msgspec.Struct, kw_only=True):
    """What was handed in."""

    from_ms: int
    now_ms: int
    parcels: int = 0
    on_way: int = 0
    scans: int = 0
    refused: int = 0
    seconds: float = 0.0


def introduce(house: House, world: World, run: Run) -> None:
    """Let the register know the facilities, and the timetable of the busiest lanes."""
    house.facilities.keep(world.facilities())
    first = dt.datetime.fromtimestamp(run.now_ms / 1000, dt.UTC).date()
    Timetables(house.memory.records).keep(world.services(first, first + dt.timedelta(days=366), _LANES), {})


def drive(
    house: House,
    run: Run,
    until_ms: int,
    *,
    speed: float = 0.0,
    stopping: threading.Event | None = None,
    tell: Callable[[Handed], None] = lambda handed: None,
) -> Handed:
    """Hand in what is sent until an instant of the twin, through the reception of a house.

    Args:
        house: where to; its index is waited for when it is far behind.
        run: whose time passes.
        until_ms: of the twin's time.
        speed: so many times as fast as real time; 0 is as fast as the ledger takes it.
        stopping: ends it early.
        tell: told what was handed in so far, again and again.
    """
    begun_s, handed = time.monotonic(), Handed(from_ms=run.now_ms, now_ms=run.now_ms)
    stopping = stopping or threading.Event()
    at = [run.now_ms]
    reception = Reception(house.memory, house.zone_of, lambda: at[0])
    for at[0], batch in _ahead(run, until_ms, stopping):
        for start in range(0, batch.num_rows, MOST_ROWS):
            receipt = reception.receive(as_rows(batch.slice(start, MOST_ROWS)))
            handed.scans += receipt.accepted
            handed.refused += receipt.refused
            _wait_for_index(house, stopping)
        if speed > 0:
            due_s = begun_s + (at[0] - handed.from_ms) / 1000 / speed
            stopping.wait(max(due_s - time.monotonic(), 0.0))
        handed.now_ms, handed.seconds = at[0], round(time.monotonic() - begun_s, 3)
        handed.parcels, handed.on_way = run.count(Count.BORN), run.count(Count.ON_WAY)
        tell(handed)
        if stopping.is_set():
            break
    return handed


def as_rows(batch: pa.RecordBatch) -> Rows:
    """Columns as the door takes them: read and checked, each row by its place."""
    blank = batch.set_column(batch.num_columns - 1, "recorded_at", pa.nulls(batch.num_rows, pa.timestamp("ms", "UTC")))
    return msgspec.structs.replace(empty_rows(), plain=PlainRows(blank, np.arange(batch.num_rows)))


def _ahead(run: Run, until_ms: int, stopping: threading.Event) -> Iterator[tuple[int, pa.RecordBatch]]:
    """What is sent, made in a thread of its own a little ahead: its compiled loops hold no lock of the interpreter."""
    made: queue.Queue[tuple[int, pa.RecordBatch] | BaseException | None] = queue.Queue(_AHEAD)
    given_up = threading.Event()

    def put(what: tuple[int, pa.RecordBatch] | BaseException | None) -> None:
        while not given_up.is_set():
            try:
                made.put(what, timeout=_WAIT_S)
            except queue.Full:
                continue
            return

    def make() -> None:
        try:
            for portion in run.scans(until_ms):
                put(portion)
                if stopping.is_set() or given_up.is_set():
                    break
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=make, name="twin", daemon=True)
    thread.start()
    try:
        while (portion := made.get()) is not None:
            if isinstance(portion, BaseException):
                raise portion
            yield portion
    finally:
        given_up.set()
        thread.join()


def _wait_for_index(house: House, stopping: threading.Event) -> None:
    memory = house.memory
    while not memory.index.catch_up(memory.log.position() - house.settings.limits.bulk_lag, _WAIT_S):
        if error := house.home.health().error:
            raise StoreError(f"the index failed: {error}")
        if stopping.is_set():
            return


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Changes as they are named in a call; hours count from the start."""

    close: Sequence[str] = ()
    cut_off: Sequence[str] = ()
    room: Sequence[str] = ()
    front: Sequence[str] = ()
    demand: float = 0.0

    def read(self, start_ms: int) -> list[Change]:
        """The changes.

        Raises:
            BadInput: one cannot be read.
        """
        found: list[Change] = []
        for text in self.close:
            (hub,), (since, until) = _split(text, 1, 2, "--close HUB,FROM_HOUR,UNTIL_HOUR")
            found.append(CloseHub(hub=hub, from_ms=_hours(start_ms, since), until_ms=_hours(start_ms, until)))
        for text in self.cut_off:
            (hub,), (minutes,) = _split(text, 1, 1, "--cut-off HUB,MINUTES")
            found.append(MoveCutOff(hub=hub, minutes=int(minutes)))
        for text in self.room:
            (begin, end), (times,) = _split(text, 2, 1, "--room HUB,HUB,TIMES")
            found.append(ChangeRoom(start=begin, end=end, times=times))
        for text in self.front:
            _, (north, east, km, hours, slower) = _split(text, 0, 5, "--front LATITUDE,LONGITUDE,KM,HOURS,SLOWER")
            front = Front(since_ms=start_ms, hours=hours, latitude=north, longitude=east, radius_km=km, slower=slower)
            found.append(AddFront(front=front))
        if self.demand:
            found.append(MoreDemand(percent=self.demand))
        return found


def run_twin(
    *,
    seed: int,
    parcels_per_day: float,
    days: float,
    speed: float,
    start: str | None,
    warm_up_days: float,
    prefectures: int | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Hand some of the twin's days in to a home."""
    start_ms = _start_of(start, now_ms() - round(days * DAY_MS))
    world = make_world(seed, parcels_per_day, prefectures)
    run = Run(world, start_ms - round(warm_up_days * DAY_MS), truth=False)
    settings = read_settings(home=home)
    settings = msgspec.structs.replace(settings, home=settings.home / "twin")  # never among real parcels
    with open_house(settings) as house, _bar() as progress:
        tell_cut(house.home.health().cut)
        introduce(house, world, run)
        task = progress.add_task("warm-up", total=warm_up_days * DAY_MS, note="")
        for now in run.warm_up(start_ms):
            progress.update(task, completed=now - start_ms + warm_up_days * DAY_MS)
        task = progress.add_task("handed in", total=days * DAY_MS, note="")

        def tell(handed: Handed) -> None:
            note = f"{format_utc(handed.now_ms)}, {handed.scans:,} scans, {handed.on_way:,} parcels on their way"
            progress.update(task, completed=handed.now_ms - start_ms, note=note)

        handed = drive(house, run, start_ms + round(days * DAY_MS), speed=speed, tell=tell)
    if as_json:
        out(handed)
        return
    rate = round(handed.scans / max(handed.seconds, 0.001))
    aside.print(f"{handed.scans:,} scans in {handed.seconds:.1f} s ({rate:,} a second), {handed.refused:,} refused")
    aside.print(f"{handed.on_way:,} parcels are on their way")


def run_what_if(
    changes: Changes,
    *,
    seed: int,
    parcels_per_day: float,
    days: float,
    start: str | None,
    warm_up_days: float,
    prefectures: int | None,
    as_json: bool,
) -> None:
    """Run the twin twice and show what differs."""
    start_ms = _start_of(start, now_ms() // DAY_MS * DAY_MS - round(days * DAY_MS))
    world = make_world(seed, parcels_per_day, prefectures)
    told = changes.read(start_ms)
    Run(world, start_ms, told)  # refuses what cannot be before minutes pass on the base run
    with _bar() as progress:
        task = progress.add_task("two runs", total=1.0, note="")
        found = compare(
            world,
            told,
            from_ms=start_ms,
            days=days,
            warm_up_days=warm_up_days,
            tell=lambda done: progress.update(task, completed=done),
        )
    out(found) if as_json else _print(found)


def _split(text: str, words: int, numbers: int, form: str) -> tuple[list[str], list[float]]:
    parts = [part.strip() for part in text.split(",")]
    try:
        if len(parts) != words + numbers:
            raise ValueError
        found = [float(part) for part in parts[words:]]
    except ValueError:
        raise BadInput(f"{text[:60]!r} cannot be read", mend=f"Write {form}.") from None
    if not all(np.isfinite(found)):
        raise BadInput(f"{text[:60]!r} has a number without end", mend=f"Write {form}.")
    return parts[:words], found


def _hours(start_ms: int, hours: float) -> int:
    return start_ms + round(hours * _HOUR_MS)


def _start_of(start: str | None, otherwise_ms: int) -> int:
    at_ms = otherwise_ms if start is None else parse_instant(start).at_ms
    return at_ms // 60_000 * 60_000


def _bar() -> Progress:
    columns = (TextColumn("{task.description} {task.percentage:.0f} %"), TextColumn("{task.fields[note]}"))
    return Progress(*columns, TimeElapsedColumn(), console=aside, transient=True)


def _print(found: Comparison) -> None:
    table = Table("", "base", "changed")
    base, changed = found.base, found.changed
    for name, form in (
        ("parcels", "{:,}"), ("arrived", "{:,}"), ("lost", "{:,}"), ("kept_share", "{:.2%}"),
        ("p50_h", "{:.1f}"), ("p90_h", "{:.1f}"), ("worst_backlog", "{:,}"),
    ):  # fmt: skip
        table.add_row(name.replace("_", " "), *(form.format(getattr(each, name)) for each in (base, changed)))
    table.add_row("cost, yuan", *(f"{each.cost_fen / 100:,.0f}" for each in (base, changed)))
    results().print(table)
    told = f"{found.hit:,} parcels hit: {found.later:,} later, {found.earlier:,} earlier; {found.added:,} more, "
    results().print(line(told + f"{found.gone:,} fewer"))
    for each in found.backlogs:
        most = f"most waiting {max(each.base):,} -> {max(each.changed):,}"
        results().print(line(f"  {each.hub} {each.name}: {most}"))
