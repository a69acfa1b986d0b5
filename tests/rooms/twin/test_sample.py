"""The sample world is believable, complete, and the same for the same seed."""

import csv
import datetime as dt
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from waypost.feeds.kinds import open_feed
from waypost.model.carriers import find_carrier
from waypost.model.identifiers.carriers import detect_carriers
from waypost.model.instants import OffsetSource, parse_instant
from waypost.model.scans import VOID, scan_ids
from waypost.track.intake import take_in
from waypost.track.statuses import get_status, impossible, list_statuses
from waypost.track.tables import bundled_tables
from waypost.twin.sample import make_sample

NOW_MS = parse_instant("2026-11-22T04:00:00Z").at_ms
TABLES = bundled_tables()

Scan = dict[str, Any]


def status_of(scan: Scan) -> str:
    return get_status(TABLES.find_status(scan["carrier"], scan["code"])).code


@pytest.fixture(scope="module")
def zones(world) -> dict[tuple[str, str], str]:
    with Path(world.sample.files["facilities"]).open(encoding="utf-8", newline="") as file:
        return {(row["carrier"], row["code"]): row["zone"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def ways(world, zones) -> dict[str, list[Scan]]:
    """The scans of each parcel, under its first number, in the order of time, each once, with `at_ms` and `status`."""
    first = {
        number.split(":")[1].split("@")[0]: row["number"] for row in world.parcels for number in row.get("also", [])
    }
    ways: dict[str, dict[str, Scan]] = defaultdict(dict)
    for scan in world.scans:
        at = dt.datetime.fromisoformat(scan["at"])
        if at.tzinfo is None:
            carrier = find_carrier(scan["carrier"])
            zone = (carrier and carrier.zone) or zones[scan["carrier"], scan["facility"]]
            at = at.replace(tzinfo=ZoneInfo(zone))
        told = scan | {"at_ms": int(at.timestamp() * 1000), "status": status_of(scan)}
        ways[first.get(scan["number"], scan["number"])][json.dumps(scan)] = told
    return {number: sorted(scans.values(), key=lambda scan: scan["at_ms"]) for number, scans in ways.items()}


def test_the_same_seed_gives_the_same_bytes(world, tmp_path: Path) -> None:
    again = make_sample(tmp_path / "again", seed=7, now_ms=NOW_MS)
    for kind, file in world.sample.files.items():
        assert Path(again.files[kind]).read_bytes() == Path(file).read_bytes()
    other = make_sample(tmp_path / "other", seed=8, now_ms=NOW_MS)
    assert Path(other.files["scans"]).read_bytes() != Path(world.sample.files["scans"]).read_bytes()


def test_it_has_the_size_that_was_asked_for(world, tmp_path: Path) -> None:
    assert 1_950 <= world.sample.parcels == len(world.parcels) <= 2_000
    assert 15_000 <= world.sample.scans == len(world.scans) <= 25_000
    assert make_sample(tmp_path, seed=7, now_ms=NOW_MS, parcels=300).parcels <= 300


def test_the_readers_take_every_row(world) -> None:
    facilities: dict[tuple[str, str | None], str] = {}
    found: Counter[str] = Counter()

    def zone_of(carrier: str, code: str | None) -> tuple[str, OffsetSource] | None:
        known = find_carrier(carrier)
        if known and known.zone:
            return known.zone, OffsetSource.CARRIER
        zone = facilities.get((carrier, code))
        return (zone, OffsetSource.FACILITY) if zone else None

    def zones_of(pairs: Sequence[tuple[str, str | None]]) -> list[tuple[str, OffsetSource] | None]:
        return [zone_of(*pair) for pair in pairs]

    for kind, file in world.sample.files.items():
        for portion in open_feed(kind, Path(file)).portions():
            facilities.update({(each.carrier, each.code): each.place.zone for each in portion.facilities})
            taken = take_in(portion.rows, zones_of, now_ms=NOW_MS, recorded_at_ms=None)
            assert portion.refusals == []
            assert taken.refusals == []
            found.update(parcels=len(portion.parcels), links=len(portion.links), scans=taken.scans.num_rows)
            ids = set(scan_ids(taken.scans))
            corrected = {each for each in taken.scans.column("corrects").to_pylist() if each is not None}
            assert corrected <= ids
            found.update(corrections=len(corrected))
    assert found["parcels"] == len(world.parcels)
    assert found["scans"] == len(world.scans)
    assert found["links"] > 150
    assert found["corrections"] == 2


def test_every_status_occurs(ways) -> None:
    occurring = {scan["status"] for scans in ways.values() for scan in scans}
    assert {status.code for status in list_statuses()} == occurring


def test_parcels_stand_in_many_statuses_now(ways) -> None:
    now = Counter(scans[-1]["status"] for scans in ways.values())
    assert 0.5 < now["delivered"] / len(ways) < 0.85
    wanted = ("label_printed", "departed_from_hub", "out_for_delivery", "delivery_to_locker", "customs_held", "lost")
    assert [status for status in wanted if not now[status]] == []
    for status in ("refused", "returned_to_sender", "damaged", "awaiting_pickup", "order_cancelled", "exception"):
        assert now[status] >= 1


def test_nothing_lies_in_the_future_or_long_ago(ways) -> None:
    instants = [scan["at_ms"] for scans in ways.values() for scan in scans]
    assert max(instants) <= NOW_MS
    assert max(instants) > NOW_MS - 3_600_000
    days = Counter((NOW_MS - at_ms) // 86_400_000 for at_ms in instants)
    assert all(days[day] > 300 for day in range(11))
    assert sum(count for day, count in days.items() if day > 14) < 0.005 * len(instants)


def test_only_one_parcel_does_the_impossible(ways) -> None:
    odd = {
        number
        for number, scans in ways.items()
        for before, after in itertools.pairwise(scans)
        if impossible(before["status"], after["status"])
    }
    assert len(odd) == 1


def test_chinese_carriers_send_no_offset_and_the_network_does(world) -> None:
    bare = Counter((scan["carrier"], len(scan["at"]) == 19) for scan in world.scans if "facility" in scan)
    assert {carrier for carrier, _ in bare} == {"yto", "sto", "zto", "best", "yunda", "cainiao", "usps", "correios"}
    assert all(is_bare for _, is_bare in bare)
    network = [scan["at"] for scan in world.scans if "facility" not in scan]
    assert network
    assert all(at.endswith("+08:00") for at in network)


def test_couriers_work_by_day(ways, zones) -> None:
    hours = Counter(
        dt.datetime.fromtimestamp(scan["at_ms"] / 1000, ZoneInfo(zones[scan["carrier"], scan["facility"]])).hour
        for scans in ways.values()
        for scan in scans
        if scan["status"] in ("out_for_delivery", "delivered") and scan.get("facility")
    )
    assert sum(hours[hour] for hour in (23, 0, 1, 2, 3, 4, 5)) == 0
    assert hours[9] > 100


def test_parcels_over_the_border_bear_two_numbers(world, ways) -> None:
    abroad = [row for row in world.parcels if row["destination_country"] != "CN"]
    linked = [row for row in abroad if "also" in row]
    assert {row["destination_country"] for row in linked} == {"US", "BR"}
    for row in linked:
        (also,) = row["also"]
        carrier, number = also.split("@")[0].split(":")
        assert carrier == {"US": "usps", "BR": "correios"}[row["destination_country"]]
        assert detect_carriers(number)
        since_ms = parse_instant(also.split("@")[1]).at_ms
        second = [scan for scan in ways[row["number"]] if scan["number"] == number]
        assert all(scan["carrier"] == carrier and scan["at_ms"] >= since_ms for scan in second)
    customs = {scan["status"] for row in linked for scan in ways[row["number"]] if scan["status"].startswith("customs")}
    assert customs == {
        "customs_declared",
        "customs_inspection",
        "customs_held",
        "customs_duty_paid",
        "customs_released",
    }


def test_the_wires_are_troubled(world, ways) -> None:
    twice = [count for count in Counter(json.dumps(scan) for scan in world.scans).values() if count > 1]
    assert len(twice) > 50
    heard: dict[str, list[str]] = defaultdict(list)
    for scan in world.scans:
        heard[scan["number"]].append(status_of(scan))
    end_first = [number for number, told in heard.items() if told[0] == "delivered" and len(told) > 3]
    assert end_first
    voids = [scan for scan in world.scans if scan["code"] == VOID]
    assert len(voids) == 1
    assert sum(scan["status"] == "unknown" for scans in ways.values() for scan in scans) == 6


def test_some_promises_break_but_most_hold(world, ways) -> None:
    promised = {row["number"]: parse_instant(row["promised_by"]).at_ms for row in world.parcels}
    delivered = [
        scans[-1]["at_ms"] > promised[number] for number, scans in ways.items() if scans[-1]["status"] == "delivered"
    ]
    assert 0.01 < sum(delivered) / len(delivered) < 0.15


def test_numbers_worth_a_look_are_what_they_say(world, ways) -> None:
    looks = {look.why: [scan["status"] for scan in ways[look.number]] for look in world.sample.worth_a_look}
    assert len(looks) == len(world.sample.worth_a_look) >= 8
    assert looks["delivered within China"][-1] == "delivered"
    assert looks["out for delivery"][-1] == "out_for_delivery"
    assert looks["held by Brazilian customs until duty is paid"][-1] == "customs_held"
    assert looks["refused at the door and returned to the sender"][-1] == "returned_to_sender"
    assert looks["waits in a locker or a pick-up station"][-1] == "delivery_to_locker"
    assert looks["a delivery scan that was withdrawn"][-2:] == ["delivered", "void"]
    assert looks["a delivery scan that was corrected"][-2:] == ["delivered", "delivered"]
    assert looks["an impossible scan after the delivery"][-2:] == ["delivered", "picked_up"]
    assert looks["lost behind the border"][-1] == "lost"
    assert looks["from China to Seattle: two carriers, two numbers, one way"][-1] == "delivered"
    numbers = {look.why: look.number for look in world.sample.worth_a_look}
    late = numbers["held up on the way, delivered after the promised day"]
    promised = next(row["promised_by"] for row in world.parcels if row["number"] == late)
    assert ways[late][-1]["status"] == "delivered"
    assert ways[late][-1]["at_ms"] > parse_instant(promised).at_ms


def test_no_personal_data(world) -> None:
    for row in world.parcels:
        assert set(row) <= {
            *("carrier", "number", "order_number", "promised_by", "weight_g", "also"),
            *(f"{end}_{part}" for end in ("origin", "destination") for part in ("city", "region", "country")),
        }
