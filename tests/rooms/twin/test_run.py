"""The run of the twin: what comes out, and that it is the same for the same seed."""

import collections
import datetime as dt
import heapq
from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS
from waypost.model.scans import check_batch, join_batches
from waypost.twin.changes import ChangeRoom, CloseHub, MoreDemand
from waypost.twin.demand import rates_of_day
from waypost.twin.luck import QUALITY, Luck, Quality
from waypost.twin.run import Run
from waypost.twin.state import Count, Flag
from waypost.twin.world import CARRIERS, World, make_world

START_MS = int(dt.datetime(2026, 9, 8, 3, tzinfo=dt.UTC).timestamp() * 1000)
NO_LUCK = Luck(lost=0, missorted=0, damaged=0, held=0, wrong_address=0, not_home=0, locker=0, village=0, second_try=0)
PERFECT = {carrier: Quality(late=0, late_min=1, missing=0, wrong_zone=0) for carrier in CARRIERS}


@pytest.fixture(scope="module")
def world() -> World:
    """A small one."""
    return make_world(5, 4_000, 12)


@pytest.fixture(scope="module")
def told(world: World) -> tuple[Run, pa.RecordBatch, pa.Table]:
    """Its first days: the run, its scans and what ended."""
    run = Run(world, START_MS)
    scans = join_batches([batch for _, batch in run.scans(START_MS + 6 * DAY_MS)])
    return run, scans, run.truth()


def test_gives_the_same_bytes_for_the_same_seed_however_the_minutes_are_cut(
    world: World, told: tuple[Run, pa.RecordBatch, pa.Table]
) -> None:
    run = Run(world, START_MS)
    batches = [batch for _, batch in run.scans(START_MS + 7 * 60_000)]  # then minute by minute, then as it comes
    batches += [run.advance(run.minute + 1) for _ in range(200)]
    batches += [batch for _, batch in run.scans(START_MS + 6 * DAY_MS)]
    again = join_batches(batches)
    assert _bytes(again) == _bytes(told[1])
    other = Run(make_world(6, 4_000, 12), START_MS)
    assert _bytes(join_batches([batch for _, batch in other.scans(START_MS + DAY_MS)])) != _bytes(again)


def test_sends_batches_that_a_log_takes_in_the_order_of_sending(told: tuple[Run, pa.RecordBatch, pa.Table]) -> None:
    _, scans, _ = told
    check_batch(scans)
    assert scans.num_rows > 100_000
    recorded, at = (np.asarray(scans.column(name).cast(pa.int64())) for name in ("recorded_at", "at"))
    assert (np.diff(recorded) >= 0).all()
    zoned = np.asarray(scans.column("offset_min")) != 0
    assert (recorded[zoned] >= at[zoned]).all()


def test_keeps_every_parcel_somewhere(world: World, told: tuple[Run, pa.RecordBatch, pa.Table]) -> None:
    run, scans, ended = told
    left = run.on_way()
    assert len(ended) + len(left) == run.count(Count.BORN)
    assert len(left) == run.count(Count.ON_WAY)
    everyone = pa.concat_tables([ended, left])
    assert pc.count_distinct(everyone.column("number")).as_py() == len(everyone)
    lost = np.asarray(ended.column("flags")) & Flag.LOST != 0
    assert ended.column("arrived_at").null_count == lost.sum()
    assert set(scans.column("number").unique().to_pylist()) <= set(everyone.column("number").to_pylist())
    first = {path[0] for path in ended.column("path").to_pylist() if path}
    assert first <= {f"{area.code}-H" for area in world.places.areas}


def test_ends_each_way_where_the_parcel_was_sent(world: World, told: tuple[Run, pa.RecordBatch, pa.Table]) -> None:
    _, _, ended = told
    places = world.places
    hub_of = {f"{code}-1": f"{places.areas[places.area[row]].code}-H" for row, code in enumerate(places.codes)}
    there = ended.filter(ended.column("arrived_at").is_valid()).select(["origin", "destination", "path"]).to_pylist()
    assert len(there) > 5_000
    assert all(hub_of[row["origin"]] == row["path"][0] for row in there)
    assert all(hub_of[row["destination"]] == row["path"][-1] for row in there)


def test_goes_wrong_and_is_told_as_often_as_it_should(world: World) -> None:
    luck = Luck(lost=0.01, missorted=0.05, wrong_address=0.03, not_home=0.10, village=0.5)
    quality = dict(QUALITY) | {"zto": Quality(late=0.2, late_min=60, missing=0.1, wrong_zone=0.05)}
    run = Run(world, START_MS, luck=luck, quality=quality, parcels_until_ms=START_MS + 2 * DAY_MS)
    scans = pa.Table.from_batches([batch for _, batch in run.scans(START_MS + 15 * DAY_MS)])
    flags = np.asarray(run.truth().column("flags"))
    assert run.count(Count.ON_WAY) == 0
    legs = 1 + 2.4 + 1
    assert (flags & Flag.LOST != 0).mean() == pytest.approx(0.01 * legs, rel=0.3)
    assert (flags & Flag.WRONG_ADDRESS != 0).mean() == pytest.approx(0.03, rel=0.3)
    own = scans.filter(pc.equal(scans.column("carrier").cast(pa.string()), "zto"))
    late = (_ms(own, "recorded_at") - _ms(own, "at")) > 5 * 60_000
    assert late.mean() == pytest.approx(0.2 / 0.9, rel=0.1)
    clean = Run(world, START_MS, luck=luck, quality=quality | PERFECT, parcels_until_ms=START_MS + 2 * DAY_MS)
    whole = pa.Table.from_batches([batch for _, batch in clean.scans(START_MS + 15 * DAY_MS)])
    of_zto = whole.filter(pc.equal(whole.column("carrier").cast(pa.string()), "zto"))
    assert len(own) / len(of_zto) == pytest.approx(0.9, rel=0.02)
    in_china = own.filter(pc.equal(own.column("offset_min"), 0))
    assert len(in_china) / len(own) == pytest.approx(0.05 / 0.9, rel=0.15)


def test_bears_four_times_as_many_on_the_eleventh_of_november(world: World) -> None:
    sale, week_before = (rates_of_day(dt.date(2026, 11, day), 1000.0).sum() for day in (11, 4))
    assert sale / week_before == pytest.approx(4.0)
    begin = int(dt.datetime(2026, 11, 10, 16, tzinfo=dt.UTC).timestamp() * 1000)  # midnight in China
    born = []
    for start in (begin, begin - 7 * DAY_MS):
        run = Run(world, start)
        list(run.warm_up(start + DAY_MS))
        born.append(run.count(Count.BORN))
    assert born[0] / born[1] == pytest.approx(4.0, rel=0.01)


def test_bears_the_same_parcels_among_more(world: World) -> None:
    numbers = []
    for changes in ((), (MoreDemand(percent=25),)):
        run = Run(world, START_MS, changes)
        list(run.pass_silently(START_MS + DAY_MS // 2))
        numbers.append(set(pa.concat_tables([run.truth(), run.on_way()]).column("number").to_pylist()))
    assert numbers[0] < numbers[1]
    assert len(numbers[1]) / len(numbers[0]) == pytest.approx(1.25, rel=0.02)


def test_queues_and_fills_trucks_as_a_plain_calendar_does(world: World) -> None:
    """Against a calendar of Python's heap, parcel by parcel: sorters first in, first out; the first truck with room."""
    lanes = msgspec.structs.replace(world.lanes, room=np.maximum(world.lanes.room // 8, 1).astype(np.int32))
    slow = msgspec.structs.replace(world, rates=world.rates / 4, lanes=lanes)
    run = Run(slow, START_MS, luck=NO_LUCK, quality=PERFECT, parcels_until_ms=START_MS + DAY_MS)
    scans = pa.Table.from_batches([batch for _, batch in run.scans(START_MS + DAY_MS + DAY_MS // 2)])
    parcels = pa.concat_tables([run.truth(), run.on_way()])
    assert max(hour.sum() for hour in run.backlog) > 100
    seen: dict[str, list[tuple[int, str]]] = collections.defaultdict(list)
    columns = (scans.column("number"), scans.column("at").cast(pa.int64()), scans.column("facility"))
    for number, at, facility in zip(*(column.to_pylist() for column in columns), strict=True):
        seen[number].append((at // 60_000, facility))
    born = {number: place for place, number in enumerate(seen)}  # of one minute as they come: all are told at once
    expected, left_behind = _plain(slow, parcels, born, (START_MS + DAY_MS + DAY_MS // 2) // 60_000)
    assert len(expected) == len(parcels) > 3_000
    assert left_behind > 1_000
    assert expected == {number: seen[number][: len(expected[number])] for number in expected}


def _plain(
    world: World, parcels: pa.Table, order: dict[str, int], end_min: int
) -> tuple[dict[str, list[tuple[int, str]]], int]:
    """The minute and place of each scan up to the arrival at the last outlet; how often there was no room."""
    places, lanes, areas = world.places, world.lanes, len(world.places.areas)
    codes = world.codes
    outlets = {code: row for row, code in enumerate(codes[areas : areas + len(places.codes)])}
    queue: list[tuple[int, int, str, str]] = []
    who, told = {}, collections.defaultdict(list)
    count = 0
    rows = parcels.select(["number", "carrier", "origin", "destination", "accepted_at"]).to_pylist()
    free = np.zeros((len(CARRIERS), areas))
    load: dict[tuple[int, int], int] = collections.Counter()
    for row in sorted(rows, key=lambda row: order[row["number"]]):
        carrier = CARRIERS.index(row["carrier"])
        who[row["number"]] = (carrier, outlets[row["origin"]], outlets[row["destination"]])
        accepted = int(row["accepted_at"].timestamp() // 60)
        # those who are born come behind all who are due in their minute
        heapq.heappush(queue, (accepted, 1 << 40 | order[row["number"]], row["number"], "born"))
    at_area: dict[str, int] = {}
    full = [0]

    def ride(lane: int, ready: float) -> tuple[int, int]:
        local = int(np.ceil(ready)) + 15 + 480
        times = lanes.at[lane, : lanes.count[lane]].tolist()
        number = local // 1440 * len(times) + sum(time < local % 1440 for time in times)
        while load[lane, number] >= lanes.room[lane]:
            number += 1
            full[0] += 1
        load[lane, number] += 1
        return number // len(times) * 1440 + times[number % len(times)] - 480, number

    riding: dict[str, int] = {}
    while queue and queue[0][0] < end_min:
        now, _, number, what = heapq.heappop(queue)
        carrier, origin, destination = who[number]
        if what == "born":
            told[number].append((now, codes[areas + origin]))
            lane = lanes.hubs + carrier * len(places.codes) + origin
            riding[number], due, then = lane, ride(lane, now + 20)[0], "leave outlet"
        elif what.startswith("leave"):
            lane = riding[number]
            told[number].append((now, codes[areas + origin] if what == "leave outlet" else codes[at_area[number]]))
            at_area[number] = int(lanes.end[lane])
            due = now + int(lanes.minutes[lane])
            then = "outlet" if lane >= lanes.hubs + len(CARRIERS) * len(places.codes) else "hub"
        elif what == "hub":
            area = at_area[number]
            told[number].append((now, codes[area]))
            free[carrier, area] = max(now, free[carrier, area]) + 1 / world.rates[carrier, area]
            if places.areas[area].kind == 2:
                continue
            goal = places.area[destination]
            if area == goal:
                lane = lanes.hubs + (len(CARRIERS) + carrier) * len(places.codes) + destination
            else:
                lane = int(lanes.lane_of[carrier, area, world.ways.next[carrier, area, goal]])
            riding[number], due, then = lane, ride(lane, free[carrier, area] + 20)[0], "leave"
        else:
            told[number].append((now, codes[areas + destination]))
            continue
        count += 1
        heapq.heappush(queue, (max(due, now + 1), count, number, then))
    return dict(told), full[0]


def _ms(scans: pa.Table, name: str) -> np.ndarray:
    return np.asarray(scans.column(name).cast(pa.int64()))


def _bytes(scans: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, scans.schema) as stream:
        stream.write_batch(scans)
    return sink.getvalue().to_pybytes()


def _hubs(world: World) -> Iterator[str]:
    areas = len(world.places.areas)
    for hub in np.argsort(-world.rates.ravel()).tolist():
        yield f"{CARRIERS[hub // areas]}/{world.codes[hub % areas]}"


def test_comes_to_an_end_that_is_no_whole_minute(world: World) -> None:
    run = Run(world, START_MS)
    assert list(run.pass_silently(START_MS + 61_500))[-1] == START_MS + 60_000
    assert [at for at, _ in run.scans(START_MS + 150_999)] == [START_MS + 120_000]
    assert list(run.scans(START_MS + 150_999)) == []


def test_refuses_changes_that_cannot_be(world: World) -> None:
    hub = next(_hubs(world))
    with pytest.raises(BadInput, match="no hub 'zto/nowhere'"):
        Run(world, START_MS, [CloseHub(hub="zto/nowhere", from_ms=0, until_ms=1)])
    with pytest.raises(BadInput, match="closed until before"):
        Run(world, START_MS, [CloseHub(hub=hub, from_ms=5, until_ms=5)])
    with pytest.raises(BadInput, match="directly"):
        Run(world, START_MS, [ChangeRoom(start=hub, end=hub, times=2)])
    with pytest.raises(BadInput, match="2020"):
        Run(world, 0)


def test_what_is_sent_from_outside_arrives_and_moves_nothing_else() -> None:
    world = make_world(7, 300, prefectures=8)
    codes = world.places.codes
    start, end = codes[0], codes[40]
    plain, other = Run(world, START_MS), Run(world, START_MS)
    other.advance(other.minute + 5)
    sent = [other.send("yto", start, end), other.send("yto", start, end)]
    first, second = other.sent_numbers
    assert first != second
    told = [scan for _, batch in other.scans(START_MS + 8 * DAY_MS) for scan in batch.to_pylist()]
    others = [scan for _, batch in plain.scans(START_MS + 8 * DAY_MS) for scan in batch.to_pylist()]
    own = [scan for scan in told if scan["number"] in (first, second)]
    assert [scan["facility"] for scan in own[:2]] == [f"{start}-1"] * 2
    assert {scan["at"].timestamp() // 60 for scan in own[:2]} == {sent[0].minute}
    assert own[-1]["facility"].startswith(end)
    assert {scan["number"] for scan in others} == {scan["number"] for scan in told} - {first, second}
    again = Run(world, START_MS, sent=sent)
    assert again.sent_numbers == [first, second]
    rest = [scan for _, batch in again.scans(START_MS + 8 * DAY_MS) for scan in batch.to_pylist()]
    assert sorted(map(str, rest)) == sorted(map(str, told))
