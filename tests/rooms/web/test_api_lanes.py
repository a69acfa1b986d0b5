"""Lanes over HTTP: who sees which, and as what."""

import csv
import io
from typing import Any

import pytest
from sqlalchemy import insert
from tests.rooms.web.conftest import World, scan

from waypost.access.keys import Role
from waypost.booking.records import order_parcels, order_quotes, orders
from waypost.model.parties import PartyKind
from waypost.model.places import Facility, FacilityKind, Place

NEXT_DAY = "2026-11-18T08:00:00+08:00"
LANE = "/v1/lanes/times?origin=CN-GD&destination=BR-SP"


@pytest.fixture
def busy(world: World) -> World:
    """Each of two carriers brought one parcel from Guangdong to São Paulo."""
    for carrier in ("sf", "yto"):
        world.facilities.keep(
            Facility(carrier=carrier, code=code, name=code, kind=FacilityKind.HUB, place=place)
            for code, place in (("A", Place(country="CN", region="GD")), ("B", Place(country="BR", region="SP")))
        )
    codes = {"sf": ("50", "80"), "yto": ("GOT", "SIGNED")}
    world.keep(
        *(
            scan(f"{carrier}9", code, at, facility, carrier)
            for carrier, (begun, ended) in codes.items()
            for code, at, facility in (
                (begun, "2026-11-10T08:00:00+08:00", "A"),
                (ended, "2026-11-14T08:00:00+08:00", "B"),
            )
        )
    )
    return world


def bound(world: World, *carriers: str) -> str:
    return world.keys.make(Role.CARRIER, "k", world.now_ms, carriers)


def test_an_operator_sees_all(busy: World) -> None:
    told = busy.get("/v1/lanes?origin=CN", key=busy.operator).json
    assert [(row["carrier"], row["origin"], row["destination"]) for row in told["lanes"]] == [
        ("sf", "CN-GD", "BR-SP"),
        ("waypost", "CN-GD", "BR-SP"),  # on its way, as its booking says
        ("yto", "CN-GD", "BR-SP"),
    ]
    assert (told["as_of"], told["undirected"]) == ("2026-11-21T19:45:00Z", 0)
    lane = busy.get(LANE, key=busy.operator).json
    assert [(each["carrier"], each["times"]["p50_h"]) for each in lane["carriers"]] == [
        ("sf", 96.0),
        ("waypost", None),
        ("yto", 96.0),
    ]
    assert busy.get(f"{LANE}&carrier=sf", key=busy.operator).json["carriers"][0]["carrier"] == "sf"


def test_pages_go_on_behind_one_another(busy: World) -> None:
    first = busy.get("/v1/lanes?origin=CN&limit=1", key=busy.operator).json
    second = busy.get(f"/v1/lanes?origin=CN&limit=1&after={first['next']}", key=busy.operator).json
    third = busy.get(f"/v1/lanes?origin=CN&limit=1&after={second['next']}", key=busy.operator).json
    pages = (first, second, third)
    assert [row["carrier"] for page in pages for row in page["lanes"]] == ["sf", "waypost", "yto"]
    assert third["next"] is None


def test_a_carrier_sees_its_own(busy: World) -> None:
    key = bound(busy, "yto")
    assert {row["carrier"] for row in busy.get("/v1/lanes", key=key).json["lanes"]} == {"yto"}
    assert busy.get("/v1/lanes?carrier=sf", key=key).json["lanes"] == []
    assert [each["carrier"] for each in busy.get(LANE, key=key).json["carriers"]] == ["yto"]
    for asked in (f"{LANE}&carrier=sf", "/v1/lanes/times?origin=CN-GD&destination=CN-XX"):
        assert busy.get(asked, key=key).json["code"] == "not_found"
    of_all = busy.get("/v1/lanes", key=busy.carrier)
    assert (of_all.status, of_all.json["mend"]) == (403, "Use one made with --carrier.")


@pytest.mark.parametrize("path", ["/v1/lanes", LANE])
def test_a_carrier_is_told_how_fresh_it_is_and_not_how_many_scans_there_are(busy: World, path: str) -> None:
    own, all_ = busy.get(path, key=bound(busy, "yto")).json, busy.get(path, key=busy.operator).json
    assert (own["as_of"], own["position"]) == ("2026-11-21T19:45:00Z", None)
    assert all_["position"] == busy.memory.history.position()


@pytest.mark.parametrize(
    ("path", "names", "rows"),
    [("/v1/lanes?origin=CN&", ["carrier", "origin"], 3), (f"{LANE}&", ["carrier", "week"], 3)],
)
def test_files_for_spreadsheets(busy: World, path: str, names: list[str], rows: int) -> None:
    reply = busy.get(f"{path}format=csv", key=busy.operator)
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    found: Any = list(csv.DictReader(io.StringIO(reply.body.decode("utf-8-sig"))))
    assert len(found) == rows
    assert list(found[0])[:2] == names
    assert (found[0]["parcels"], found[0]["p50_h"], found[0]["on_time_of"]) == ("1", "96.0", "0")


@pytest.mark.parametrize(
    ("table", "first"),
    [
        ("weeks", {"carrier": "sf", "week": "2026-11-09", "parcels": "1"}),
        ("curve", {"carrier": "sf", "hours": "96.0", "share": "1.0"}),
        ("hours", {"weekday": "2", "hour": "8", "parcels": "2", "p50_h": "96.0"}),
        ("gaps", {"carrier": "sf", "facility": "A", "scans": "1", "total_h": "96.0"}),
    ],
)
def test_each_table_of_a_lane_is_a_file(busy: World, table: str, first: dict[str, str]) -> None:
    reply = busy.get(f"{LANE}&format=csv&table={table}&until=2026-11-11T00:00:00Z", key=busy.operator)
    rows = list(csv.DictReader(io.StringIO(reply.body.decode("utf-8-sig"))))
    assert first.items() <= rows[0].items()


def test_a_lane_is_compared_with_the_time_before(busy: World) -> None:
    week = "since=2026-11-16T00:00:00Z&until=2026-11-23T00:00:00Z"
    busy.keep(scan("sf8", "50", "2026-11-17T08:00:00+08:00", "A", "sf"), scan("sf8", "80", NEXT_DAY, "B", "sf"))
    busy.keep(
        scan("yto8", "GOT", "2026-11-17T08:00:00+08:00", "A", "yto"), scan("yto8", "SIGNED", NEXT_DAY, "B", "yto")
    )
    told = busy.get(f"{LANE}&{week}&compare=period", key=bound(busy, "yto")).json
    assert [(each["carrier"], each["times"]["p50_h"]) for each in told["carriers"]] == [("yto", 24.0)]
    before = told["before"]
    assert (before["since"], before["until"]) == ("2026-11-09T00:00:00Z", "2026-11-16T00:00:00Z")
    assert [(each["carrier"], each["times"]["p50_h"]) for each in before["carriers"]] == [("yto", 96.0)]
    year = busy.get(f"{LANE}&{week}&compare=year", key=busy.operator).json["before"]
    assert (year["since"], year["carriers"]) == ("2025-11-17T00:00:00Z", [])
    assert busy.get(f"{LANE}&{week}", key=busy.operator).json["before"] is None
    early = busy.get(f"{LANE}&since=2015-06-01T00:00:00Z&compare=period", key=busy.operator)
    assert (early.status, "query.compare" in early.text) == (422, True)
    file = busy.get(f"{LANE}&{week}&compare=period&format=csv", key=busy.operator)
    assert (file.status, "query.compare" in file.text) == (422, True)


def test_costs_are_of_what_was_booked_by_a_quote(busy: World) -> None:
    merchant = busy.parties.add(PartyKind.MERCHANT, "M", 0).id
    order = {"id": "ord_1", "merchant": merchant, "reference": "1", "state": "booked", "account": "yto", "made_ms": 1}
    order |= {"changed_ms": 1, "tries": 0, "why": "", "digest": ""}
    blank = dict.fromkeys(("carrier_reference", "sort_code", "channel", "why", "label_type"), "")
    parcel = {"id": "par_1", "order_id": "ord_1", "piece": 0, "state": "booked", "weight_g": 2000, "booked_ms": 1}
    quote = {"order_id": "ord_1", "account": "yto", "service": "", "currency": "CNY", "minor": 800, "made_ms": 1}
    with busy.memory.records.begin() as connection:
        connection.execute(insert(orders).values(order))
        connection.execute(insert(order_parcels).values(parcel | blank | {"carrier": "yto", "number": "yto9"}))
        connection.execute(insert(order_quotes).values(quote | {"content": b"{}"}))
    cost = {"currency": "CNY", "parcels": 1, "per_parcel_minor": 800, "per_kg_minor": 400}
    told = {row["carrier"]: row["costs"] for row in busy.get("/v1/lanes?origin=CN", key=busy.operator).json["lanes"]}
    assert told == {"sf": [], "waypost": [], "yto": [cost]}
    for carrier, seen in (("yto", [cost]), ("sf", [])):
        lanes = busy.get("/v1/lanes", key=bound(busy, carrier))
        assert [row["costs"] for row in lanes.json["lanes"] if row["destination"] == "BR-SP"] == [seen]
        assert [each["costs"] for each in busy.get(LANE, key=bound(busy, carrier)).json["carriers"]] == [seen]
    rows = busy.get("/v1/lanes?carrier=yto&format=csv", key=busy.operator).body.decode("utf-8-sig").splitlines()
    assert rows[1].endswith(",CNY,1,800,400")


def test_what_cannot_be_asked_is_said(busy: World) -> None:
    asked = "since=2026-11-20T00:00:00Z&until=2026-11-19T00:00:00Z"
    reply = busy.get(f"/v1/lanes?{asked}", key=busy.operator)
    assert (reply.status, reply.json["code"]) == (422, "invalid")
    assert "query.until" in reply.text
    assert busy.get("/v1/lanes/times?origin=CN-GD", key=busy.operator).status == 422
    assert busy.get("/v1/lanes?after=x", key=busy.operator).json["code"] == "bad_input"
