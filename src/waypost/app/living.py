"""The world of the demo goes on: the twin runs beside the server, many times as fast as real time."""

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from structlog.typing import FilteringBoundLogger

from waypost.app.pace import Pace
from waypost.app.twin import as_rows, drive, introduce
from waypost.app.what_ifs import TwinWhatIfs
from waypost.app.wiring import House
from waypost.booking.told import Fresh, list_fresh
from waypost.engines.local.disk import Disk, read_json
from waypost.model.errors import StoreError
from waypost.model.instants import DAY_MS
from waypost.twin.run import Run, Sent
from waypost.twin.world import World, make_world

SPEED = 60.0
PARCELS_PER_DAY = 20_000
#: Days that have passed when the demo is first looked at, and days before these that nobody hears of.
PAST_DAYS, WARM_UP_DAYS = 10, 4

_STEP_MS = 60_000
_NOTE = "twin.json"
CAPACITIES = "capacities.csv"
#: How far it has come is written down after so many of its minutes.
_NOTED_MIN = 60
_AGAIN_S, _INDEX_S = 5.0, 600.0
#: A booking may be seen so much later than another that was made after it.
_COMMIT_S = 30.0
_MEND = "`waypost demo --fresh` begins again."


class Shipped(msgspec.Struct, frozen=True):
    """A parcel that was booked here and is carried there. `number` is that of its waybill."""

    number: str
    sent: Sent


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """How far the world has come: what follows from its seed need not be kept.

    Attributes:
        first_ms: where its run began.
        reached_ms: up to where it has come.
        is_handed_in: the house has its scans up to there; else it may have some.
        shipped: what came into it from outside, in that order.
    """

    seed: int
    parcels_per_day: float
    first_ms: int
    reached_ms: int
    is_handed_in: bool = False
    shipped: tuple[Shipped, ...] = ()


class Living:
    """The twin of a demo.

    Args:
        folder: where it is noted how far it has come.
        seed: of a new one.
        now_ms: the true present, at which a new one begins.
        speed: many times as fast as real time.

    Attributes:
        pace: its clock.
        passed: how far it has come.
        what_ifs: tries changes on it.
        capacities: a file that says how many parcels its hubs sort in an hour.
    """

    def __init__(self, folder: Path, seed: int, now_ms: int, speed: float = SPEED) -> None:
        self._file = folder / _NOTE
        kept = read_json(self._file, Passed, mend=_MEND) if self._file.exists() else None
        reached_ms = now_ms // _STEP_MS * _STEP_MS if kept is None else kept.reached_ms
        first_ms = reached_ms - (PAST_DAYS + WARM_UP_DAYS) * DAY_MS
        self.passed = kept or Passed(
            seed=seed, parcels_per_day=PARCELS_PER_DAY, first_ms=first_ms, reached_ms=reached_ms
        )
        self._speed = speed
        self.pace = Pace(reached_ms, self._speed, _STEP_MS)
        self._world = world = make_world(self.passed.seed, self.passed.parcels_per_day)
        self.capacities = folder / CAPACITIES
        rows = [f"{carrier},{code},{many:.3f}" for carrier, code, many in self._world.capacities()]
        Disk().replace(self.capacities, "\n".join(["carrier,facility,parcels_per_hour", *rows, ""]).encode())
        self.what_ifs = TwinWhatIfs(world)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def catch_up(self, house: House) -> Iterator[float]:
        """Let pass what has passed so far; yields the share that is done.

        The days of a new world are handed in to the house; it has those of another already, which follow from the seed.
        """
        passed = self.passed
        if not passed.is_handed_in:
            self._note(passed)
        self._run = run = Run(self._world, passed.first_ms, sent=[each.sent for each in passed.shipped])
        self._door = _Door(self._world, run, passed.shipped, round(_COMMIT_S * 1000 * self._speed))
        length_ms = passed.reached_ms - passed.first_ms
        heard_ms = passed.reached_ms if passed.is_handed_in else passed.first_ms + WARM_UP_DAYS * DAY_MS
        for at_ms in run.warm_up(heard_ms):
            yield (at_ms - passed.first_ms) / length_ms
        if not passed.is_handed_in:
            introduce(house, self._world, run)
        while run.now_ms < passed.reached_ms:
            drive(house, run, min(run.now_ms + DAY_MS, passed.reached_ms))
            yield (run.now_ms - passed.first_ms) / length_ms
        house.memory.index.catch_up(house.memory.log.position(), _INDEX_S)
        self._heard_ms = run.now_ms

    def note(self) -> None:
        """Write down how far the house has heard of the world; what it hears twice it knows."""
        told = {"reached_ms": self._heard_ms, "is_handed_in": True, "shipped": tuple(self._door.shipped)}
        self._note(msgspec.structs.replace(self.passed, **told))

    def _note(self, passed: Passed) -> None:
        Disk().replace(self._file, msgspec.json.encode(passed))
        self.passed = passed

    def start(self, house: House, journal: FilteringBoundLogger) -> None:
        """Let time pass from now on, in a thread of its own."""
        self._thread = threading.Thread(target=self._go_on, args=(house, journal), name="twin", daemon=True)
        self._thread.start()
        self.what_ifs.start()

    def stop(self) -> None:
        """Let no more time pass."""
        self.what_ifs.stop()
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _go_on(self, house: House, journal: FilteringBoundLogger) -> None:
        try:
            self._pass(house, journal)
        except Exception as error:
            journal.error("the twin stands still", exc_info=error)
        finally:
            self._try_to_note(journal)

    def _pass(self, house: House, journal: FilteringBoundLogger) -> None:
        self.pace.reach(self._run.now_ms)
        due_s = time.monotonic()
        while not self._stopping.wait(max(due_s + _STEP_MS / 1000 / self._speed - time.monotonic(), 0.0)):
            due_s = time.monotonic()
            while not self._fetch(house, journal):
                if self._stopping.wait(_AGAIN_S):
                    return
            batch = self._door.rename(self._run.advance(self._run.minute + 1))
            while not self._hand_in(house, batch, journal):
                if self._stopping.wait(_AGAIN_S):
                    return
            self._heard_ms = self._run.now_ms
            self.pace.reach(self._heard_ms)
            self._run.forget()
            if self._run.minute % _NOTED_MIN == 0:
                self._try_to_note(journal)

    def _try_to_note(self, journal: FilteringBoundLogger) -> None:
        try:
            self.note()
        except OSError as error:  # it is noted again later; until then more is handed in twice after a restart
            journal.error("how far the twin has come cannot be noted", exc_info=error)

    def _fetch(self, house: House, journal: FilteringBoundLogger) -> bool:
        """Let couriers fetch what was booked: noted before any scan of it is heard, or another run would not go on."""
        try:
            self._door.take(house, journal)
            if len(self._door.shipped) > len(self.passed.shipped):
                self.note()
        except (StoreError, OSError) as error:
            journal.error("the twin waits", exc_info=error)
            return False
        return True

    def _hand_in(self, house: House, batch: pa.RecordBatch, journal: FilteringBoundLogger) -> bool:
        try:
            if batch.num_rows:
                house.reception.receive(as_rows(batch))
        except StoreError as error:
            journal.error("the twin waits", exc_info=error)
            return False
        return True


class _Door:
    """Where parcels come into the world that the house's merchants booked: its couriers fetch them at once."""

    def __init__(self, world: World, run: Run, shipped: Sequence[Shipped], back_ms: int) -> None:
        self._world, self._run, self._back_ms = world, run, back_ms
        self.shipped = list(shipped)
        self._waybills = dict(zip(run.sent_numbers, (each.number for each in shipped), strict=True))
        self._seen = {each.number for each in shipped}
        self._since_ms = 0

    def take(self, house: House, journal: FilteringBoundLogger) -> None:
        """Fetch what was booked since."""
        with house.memory.records.read() as connection:
            booked = list_fresh(connection, self._since_ms - self._back_ms)
        for each in booked:
            if each.number not in self._seen:
                self._fetch(each, house, journal)
                self._seen.add(each.number)
                self._since_ms = max(self._since_ms, each.booked_ms)

    def _fetch(self, fresh: Fresh, house: House, journal: FilteringBoundLogger) -> None:
        order, find = house.bookings.book.get(fresh.merchant, fresh.order).order, self._world.places.find
        start, end = (find(each.country, each.city, each.county) for each in (order.sender, order.consignee))
        if start is None or end is None or fresh.carrier not in self._world.carriers:
            journal.warning("no courier of the twin goes there: this parcel stays as it is", order=fresh.order)
            return
        self.shipped.append(Shipped(fresh.number, self._run.send(fresh.carrier, start, end)))
        self._waybills[self._run.sent_numbers[-1]] = fresh.number

    def rename(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Scans, with those of parcels from outside under the numbers of their waybills."""
        if not self._waybills or not batch.num_rows:
            return batch
        numbers = batch.column("number")
        place = pc.index_in(numbers, value_set=pa.array(list(self._waybills)))
        waybills = pc.take(pa.array(list(self._waybills.values())), place)
        return batch.set_column(batch.schema.get_field_index("number"), "number", pc.coalesce(waybills, numbers))
