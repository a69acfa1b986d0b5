"""History files come in: counted right, refused with file and line, and the same twice changes nothing."""

import tracemalloc
from collections.abc import Iterator

import msgspec
import pyarrow as pa
import pytest

from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.errors import BadInput, StoreError
from waypost.model.instants import OffsetSource, TimeFlag, parse_instant
from waypost.model.places import Facility, Place
from waypost.model.scans import events_of
from waypost.network.facilities import Facilities
from waypost.store.protocols import Memory
from waypost.testing import World, facility
from waypost.track.feed import MOST_SPELLED_OUT, FileRefusal, ImportReport, Portion, import_feed
from waypost.track.records import Link, find_parcels, list_links
from waypost.track.wire import ROW_SCHEMA, Refusal, Rows

NOW_MS = parse_instant("2026-11-22T12:00:00Z").at_ms


class Feed:
    """Some portions, as a reader of files would give them."""

    def __init__(self, *portions: Portion) -> None:
        self._portions = portions

    def portions(self) -> Iterator[Portion]:
        yield from self._portions


def rows(*lines: tuple[int, str, str, str], carrier: str = "yto", refusals: tuple[Refusal, ...] = ()) -> Rows:
    """Rows of line number, waybill number, code and stamp."""
    found = [{"carrier": carrier, "number": number, "code": code, "at": at} for _, number, code, at in lines]
    table = pa.Table.from_pylist([{name: one.get(name) for name in ROW_SCHEMA.names} for one in found], ROW_SCHEMA)
    return Rows(table, [line for line, *_ in lines], list(refusals))


def parcel(number: str, **fields: object) -> Parcel:
    waybill = Waybill("yto", number)
    return Parcel(id=parcel_id(waybill), waybill=waybill, **fields)  # type: ignore[arg-type]


def zone_of(memory: Memory, facilities: Facilities, carrier: str, code: str | None) -> tuple[str, OffsetSource] | None:
    if carrier == "yto":
        return "Asia/Shanghai", OffsetSource.CARRIER
    known = facilities.find(carrier, code)
    return (known.place.zone, OffsetSource.FACILITY) if known and known.place.zone else None


def take(
    memory: Memory, *portions: Portion, dry_run: bool = False, progress: list[tuple[float, int]] | None = None
) -> ImportReport:
    facilities = Facilities(memory.records)
    told = [] if progress is None else progress
    return import_feed(
        Feed(*portions),
        memory,
        facilities,
        lambda pairs: [zone_of(memory, facilities, carrier, code) for carrier, code in pairs],
        now_ms=NOW_MS,
        dry_run=dry_run,
        progress=lambda share, scans: told.append((share, scans)),
    )


WAY = Portion(
    source="orders.csv",
    rows=rows(
        (2, "YT1", "GOT", "2026-11-20 10:00"),
        (3, "YT1", "SIGNED", "2026-11-21 09:00"),
        (4, "YT2", "GOT", "2026-02-30 10:00"),
        (5, "YT3", "GOT", "2026-11-20 11:00"),
        (6, "YT1", "GOT", "2026-11-20 10:00"),
        refusals=(Refusal(8, "", "is not UTF-8", "\ufffd"),),
    ),
    facilities=[facility("HGH", "CN-Zhejiang", city="Hangzhou")],
    parcels=[parcel("YT1", order_number="O-1"), parcel("YT9")],
    refusals=[FileRefusal("places.csv", 3, "latitude", "is no number", "x")],
    share=0.5,
)
MORE = Portion(source="orders.csv", rows=rows((9, "YT3", "SIGNED", "2026-11-21 10:00")), share=1.0)


def test_a_report_counts_what_came_in(memory: Memory) -> None:
    progress: list[tuple[float, int]] = []
    report = take(memory, WAY, MORE, progress=progress)
    assert (report.parcels, report.scans_read, report.scans_new, report.scans_duplicate) == (3, 5, 4, 1)
    assert (report.rows_refused, report.dry_run) == (3, False)
    assert report.refusals == [
        FileRefusal("places.csv", 3, "latitude", "is no number", "x"),
        FileRefusal("orders.csv", 4, "at", "names a date that does not exist", "2026-02-30 10:00"),
        FileRefusal("orders.csv", 8, "", "is not UTF-8", "\ufffd"),
    ]
    assert report.reasons == {
        "latitude: is no number": 1,
        "at: names a date that does not exist": 1,
        "is not UTF-8": 1,
    }
    assert progress == [(0.5, 4), (1.0, 5)]
    world = World(memory)
    assert [(view.status, view.order_number, view.scans) for view in (world.parcel("O-1"), world.parcel("YT3"))] == [
        ("delivered", "O-1", 2),
        ("delivered", None, 2),
    ]
    assert world.parcel("YT9").scans == 0
    assert [each.code for each in world.facilities.list_all()] == ["HGH"]


def test_the_same_again_changes_nothing(memory: Memory) -> None:
    take(memory, WAY, MORE)
    world = World(memory)
    before = (world.overview(), world.tracker.find(["YT1", "YT3", "YT9"]), world.timeline("YT1"))
    again = take(memory, WAY, MORE)
    assert (again.parcels, again.scans_read, again.scans_new, again.scans_duplicate) == (3, 5, 0, 5)
    assert again.rows_refused == 3
    after = (world.overview(), world.tracker.find(["YT1", "YT3", "YT9"]), world.timeline("YT1"))
    assert msgspec.structs.replace(after[0], position=0) == msgspec.structs.replace(before[0], position=0)
    assert after[1:] == before[1:]


def test_another_order_of_portions_gives_the_same_parcels(memory: Memory) -> None:
    take(memory, MORE, WAY)
    world = World(memory)
    assert [world.parcel(number).status for number in ("YT1", "YT3")] == ["delivered", "delivered"]


def test_a_dry_run_reports_the_same_and_keeps_nothing(memory: Memory) -> None:
    dry = take(memory, WAY, MORE, dry_run=True)
    assert (memory.log.position(), memory.index.page(None, 10).num_rows) == (0, 0)
    world = World(memory)
    assert world.facilities.list_all() == []
    with memory.records.read() as connection:
        assert find_parcels(connection, ["YT1", "YT9", "O-1"]) == []
    wet = take(memory, WAY, MORE)
    assert dry == msgspec.structs.replace(wet, dry_run=True, scans_new=0, scans_duplicate=0)


def test_history_does_not_know_when_it_was_recorded_and_may_not_know_the_year(memory: Memory) -> None:
    take(memory, msgspec.structs.replace(MORE, time_flags=TimeFlag.YEAR_ASSUMED))
    [frame] = memory.log.read(0)
    [event] = events_of(frame.scans)
    assert (event.recorded_at_ms, event.time_flags) == (None, TimeFlag.YEAR_ASSUMED)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_facility_that_comes_with_its_scans_gives_them_its_zone(memory: Memory, dry_run: bool) -> None:
    lisbon = facility("LIS", zone="Europe/Lisbon", carrier="ctt")
    scans = rows((2, "LX1", "picked_up", "2026-11-20 10:00"), carrier="ctt")
    place = ROW_SCHEMA.get_field_index("facility")
    scans = msgspec.structs.replace(scans, table=scans.table.set_column(place, "facility", pa.array(["LIS"])))
    report = take(memory, Portion(source="x", rows=scans, facilities=[lisbon]), dry_run=dry_run)
    assert (report.scans_read, report.rows_refused) == (1, 0)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_facility_that_cannot_be_stops_the_import_in_a_dry_run_too(memory: Memory, dry_run: bool) -> None:
    nowhere = Facility(carrier="yto", code="X", name="X", kind=facility("X").kind, place=Place(latitude=91))
    with pytest.raises(BadInput, match="off the globe"):
        take(memory, Portion(source="x", facilities=[nowhere]), dry_run=dry_run)


def test_a_second_parcel_of_one_waybill_is_refused_alone(memory: Memory) -> None:
    other = Parcel(id="par_other", waybill=Waybill("yto", "YT1"))
    links = [Link(each.id, Waybill("ctt", f"LX{each.id}"), None, None) for each in (other, parcel("YT9"))]
    report = take(memory, WAY, Portion(source="more.csv", parcels=[other, parcel("YT8")], links=links))
    assert report.refusals[-1].file == "more.csv"
    assert (report.refusals[-1].field, report.refusals[-1].value) == ("number", "YT1")
    assert "is the waybill of" in report.refusals[-1].reason
    assert report.rows_refused == 4
    with memory.records.read() as connection:
        found = find_parcels(connection, ["YT1", "YT8", "YT9", f"LX{other.id}", links[1].waybill.number])
    assert [each.id for each in found] == [parcel(number).id for number in ("YT1", "YT8", "YT9")]


def test_links_are_kept_with_their_parcels_or_after_them(memory: Memory) -> None:
    one = parcel("YT1")
    abroad, later = Link(one.id, Waybill("ctt", "LX1"), None, 5), Link(one.id, Waybill("ctt", "LX2"), 5, None)
    take(memory, Portion(source="x", parcels=[one], links=[abroad]), Portion(source="x", links=[later]))
    with memory.records.read() as connection:
        assert list_links(connection, [one.id]) == [abroad, later]


def test_all_refusals_are_counted_and_some_spelled_out(memory: Memory) -> None:
    bad = rows(*((line, "YT1", "GOT", "tomorrow") for line in range(MOST_SPELLED_OUT + 50)))
    report = take(memory, Portion(source="x.csv", rows=bad), Portion(source="x.csv", rows=bad))
    assert report.rows_refused == 2 * MOST_SPELLED_OUT + 100
    assert len(report.refusals) == MOST_SPELLED_OUT
    assert [each.line for each in report.refusals] == list(range(MOST_SPELLED_OUT))
    assert list(report.reasons.values()) == [2 * MOST_SPELLED_OUT + 100]


def test_reports_do_not_share_what_they_counted(memory: Memory) -> None:
    take(memory, WAY)
    empty = take(memory)
    assert (empty.reasons, empty.refusals, empty.rows_refused, empty.parcels, empty.scans_new) == ({}, [], 0, 0, 0)


def test_what_came_before_a_feed_broke_off_is_kept(memory: Memory) -> None:
    class Broken:
        def portions(self) -> Iterator[Portion]:
            yield WAY
            raise BadInput("the gzip stream ends early", where="orders.csv.gz")

    with pytest.raises(BadInput, match=r"orders\.csv\.gz: the gzip stream ends early"):
        import_feed(
            Broken(),
            memory,
            Facilities(memory.records),
            lambda pairs: [("UTC", OffsetSource.CARRIER)] * len(pairs),
            now_ms=NOW_MS,
        )
    assert memory.log.position() == 4


NINE = Portion(
    source="nine.csv", rows=rows(*((line, f"YT{line}", "GOT", "2026-11-20 10:00") for line in range(9))), share=1.0
)


class SlowIndex:
    """An index that gets on by four scans a wait, and never by itself."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._position = 0
        self.longest_lag = 0

    def position(self) -> int:
        self.longest_lag = max(self.longest_lag, self._memory.log.position() - self._position)
        return self._position

    def catch_up(self, position: int, timeout_s: float) -> bool:
        self._memory.index.catch_up(position, timeout_s)
        self._position = min(self._position + 4, self._memory.log.position())
        return self._position >= position


def test_an_import_waits_for_an_index_that_lags_and_says_so(memory: Memory) -> None:
    told: list[int] = []
    index = SlowIndex(memory)
    portions = [msgspec.structs.replace(NINE, rows=rows(*lines(first))) for first in range(0, 90, 9)]
    report = import_feed(
        Feed(*portions),
        msgspec.structs.replace(memory, index=index),
        Facilities(memory.records),
        lambda pairs: [("Asia/Shanghai", OffsetSource.CARRIER)] * len(pairs),
        now_ms=NOW_MS,
        bulk_lag=12,
        waiting=told.append,
    )
    assert (report.scans_read, report.scans_new, report.rows_refused) == (90, 90, 0)
    assert index.longest_lag == 12 + 9  # it reads the next nine once twelve and no more are open
    assert told[:3] == [18, 14, 0]
    assert told[-3:] == [6, 2, 0]


def lines(first: int) -> list[tuple[int, str, str, str]]:
    return [(line, f"YT{line}", "GOT", "2026-11-20 10:00") for line in range(first, first + 9)]


def test_an_import_that_is_not_too_far_ahead_waits_for_nothing_but_the_end(memory: Memory) -> None:
    told: list[tuple[str, float]] = []
    import_feed(
        Feed(NINE, NINE),
        msgspec.structs.replace(memory, index=SlowIndex(memory)),
        Facilities(memory.records),
        lambda pairs: [("Asia/Shanghai", OffsetSource.CARRIER)] * len(pairs),
        now_ms=NOW_MS,
        progress=lambda share, scans: told.append(("read", scans)),
        waiting=lambda lag: told.append(("waiting", lag)),
    )
    assert told == [
        *(("read", 9), ("read", 18)),
        *(("waiting", 18), ("waiting", 14), ("waiting", 10), ("waiting", 6), ("waiting", 2), ("waiting", 0)),
    ]


def test_an_import_whose_index_failed_ends(memory: Memory) -> None:
    class Failed:
        def position(self) -> int:
            return 0

        def catch_up(self, position: int, timeout_s: float) -> bool:
            raise StoreError("No room left for the index.")

    with pytest.raises(StoreError, match="No room left"):
        take(msgspec.structs.replace(memory, index=Failed()), NINE, NINE)


def test_an_index_that_moves_now_and_then_does_not_stand_still(memory: Memory) -> None:
    class Sluggish:
        def __init__(self) -> None:
            self.waits = 0

        def catch_up(self, position: int, timeout_s: float) -> bool:
            self.waits += 1
            return self.position() >= position

        def position(self) -> int:
            return self.waits // 100

    index = Sluggish()
    assert take(msgspec.structs.replace(memory, index=index), NINE).scans_new == 9
    assert index.waits == 900


def test_an_index_that_stands_still_is_told(memory: Memory) -> None:
    class Stuck:
        def __init__(self) -> None:
            self.waits = 0

        def catch_up(self, position: int, timeout_s: float) -> bool:
            self.waits += 1
            return False

        def position(self) -> int:
            return min(self.waits, 2)  # gets on twice, then no more

    index = Stuck()
    with pytest.raises(StoreError, match="stood still at 2 of 9 scans") as caught:
        take(msgspec.structs.replace(memory, index=index), NINE)
    assert "Nothing is lost" in str(caught.value)
    assert index.waits == 2 + 120  # half a second each


def test_waybills_are_counted_once_over_portions_in_little_memory(memory: Memory) -> None:
    """Tuples of texts would take some 200 bytes a waybill; the same number of another carrier is another waybill."""

    def portion(first: int, carrier: str) -> Portion:
        parcels = [
            Parcel(id=f"par_{number}", waybill=Waybill(carrier, f"{number:010}"))
            for number in range(first, first + 2_000)
        ]
        return Portion(source="x", parcels=parcels)

    class Long:
        held = 0

        def portions(self) -> Iterator[Portion]:
            tracemalloc.start()
            for first in range(0, 40_000, 1_000):  # each waybill but the ends comes twice
                yield portion(first, "yto")
            yield portion(0, "zto")
            self.held = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()

    feed = Long()
    report = import_feed(
        feed, memory, Facilities(memory.records), lambda pairs: [None] * len(pairs), now_ms=NOW_MS, dry_run=True
    )
    assert report.parcels == 43_000
    assert feed.held < 43_000 * 60


def test_scans_and_parcels_of_a_waybill_count_as_one(memory: Memory) -> None:
    same = rows((2, "YT1", "GOT", "2026-11-20 10:00"), (3, "YT1", "SIGNED", "2026-11-21 09:00"))
    other = rows((2, "YT1", "GOT", "2026-11-20T10:00:00Z"), carrier="zto")
    mixed = Portion(source="x", rows=same, parcels=[parcel("YT1")])
    report = take(memory, mixed, Portion(source="x", rows=same), Portion(source="x", rows=other), dry_run=True)
    assert report.parcels == 2
