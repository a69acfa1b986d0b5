"""When parcels arrive, as programs and people are told it, in a made-up network of which one knows it."""

import csv
import datetime as dt
import io
import re
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.rooms.forecast.watching import KNOWN, steps, watch
from tests.rooms.web.conftest import World

from waypost.forecast.present import Lookouts
from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.errors import Conflict
from waypost.model.instants import DAY_MS, Instant, OffsetSource, parse_instant
from waypost.model.places import Facility, FacilityKind, Place
from waypost.model.scans import ScanEvent, batch_of
from waypost.network.areas import Areas
from waypost.testing.trips import OFFSET_MIN
from waypost.track.records import keep_parcels
from waypost.web.desk import Limits

HOUR_MS = 3_600_000


class Learnt:
    """What is in use: a watch, and nothing to promise by."""

    def __init__(self) -> None:
        self.version: int | None = None

    def find_version(self) -> int | None:
        return self.version

    def find_in_use(self) -> Any:
        if self.version is None:
            return None
        card = SimpleNamespace(learnt_at="2025-12-20T00:00:00Z", unwatched="")
        return self.version, SimpleNamespace(watch=watch().to_bytes(), card=card)


def fill(world: World) -> None:
    """The parcels that were scanned in the last days, with what was booked of every other one."""
    known = steps().known_at(KNOWN)
    newest = np.zeros(int(known.parcel.max()) + 1)
    np.maximum.at(newest, known.parcel, known.at)
    rows = known.take(newest[known.parcel] > KNOWN - 6).to_pylist()
    hubs = {row["facility"]: row for row in rows}
    world.facilities.keep(
        Facility(
            carrier="imagined",
            code=name.partition("/")[2],
            name=f"Hub {name[-1]}",
            kind=FacilityKind.HUB,
            place=Place(
                city=f"City {name[-1]}",
                region=row["area"][3:],
                country="XX",
                zone="America/Sao_Paulo",
                latitude=row["latitude"],
                longitude=row["longitude"],
            ),
        )
        for name, row in hubs.items()
    )
    booked = {row["number"]: row for row in rows if int(row["number"][1:]) % 2}
    with world.memory.records.begin() as connection:
        keep_parcels(
            connection,
            [
                Parcel(
                    id=parcel_id(Waybill("imagined", number)),
                    waybill=Waybill("imagined", number),
                    destination=Place(region=row["destination_area"][3:], country="XX"),
                    promised_ms=round(row["promised_at"].timestamp() * 1000),
                )
                for number, row in booked.items()
            ],
        )
    world.memory.log.append(
        batch_of(
            [
                ScanEvent(
                    carrier="imagined",
                    number=row["number"],
                    code=row["status"],
                    at=Instant(round(row["at"].timestamp() * 1000), OFFSET_MIN, OffsetSource.REPORTED),
                    facility=row["facility"].partition("/")[2],
                )
                for row in rows
            ]
        )
    )
    assert world.memory.index.catch_up(world.memory.log.position(), 30)


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    return Learnt()


@pytest.fixture(scope="module")
def world(learnt: Learnt) -> Any:
    now: list[World] = []
    lookouts = Lookouts(
        learnt,  # type: ignore[arg-type]
        lambda at_ms: now[0].read_steps(at_ms),
        lambda: Areas([]),
        lambda at_ms: None,
        lambda at_ms: None,
        lambda: now[0].now_ms,
        1_800_000,
    )
    world = World(Limits(numbers_per_min=1e9, numbers_burst=1e9), lookouts=lookouts)
    now.append(world)
    world.now_ms = round(KNOWN * DAY_MS)
    fill(world)
    before = world.get("/v1/parcels/P0000001/arrival")
    assert (before.status, before.json["code"]) == (409, "conflict")
    assert "waypost train" in before.json["mend"]
    assert world.get("/v1/arrivals", key=world.operator).status == 409
    learnt.version = 4
    yield world
    world.close()


@pytest.fixture(scope="module")
def listed(world: World) -> Any:
    return world.get("/v1/arrivals?limit=500", key=world.operator).json


def own(world: World, number: str, **more: Any) -> Any:
    answer = world.get(f"/v1/parcels/{number}/arrival", **more)
    assert answer.status == 200, answer.text
    [parcel] = answer.json["parcels"]
    return parcel


def find(status: str, *, booked: bool = True) -> str:
    """A parcel with that as its last scan."""
    known = steps().known_at(KNOWN)
    recent = known.on_their_way() if status != "delivered" else np.flatnonzero(known.is_last)
    rows = recent[known.at[recent] > KNOWN - 1]
    for row in known.table.take(rows).to_pylist():
        if row["status"] == status and bool(int(row["number"][1:]) % 2) == booked:
            return str(row["number"])
    raise LookupError(status)


def test_operators_see_the_most_endangered_first(world: World, listed: Any) -> None:
    risks = [each["risk"] for each in listed["parcels"]]
    assert risks == sorted(risks, reverse=True)
    assert listed["on_their_way"] >= len(risks) > 100
    assert listed["shares"] == 1
    assert listed["basis"] == {
        "version": 4,
        "learnt_at": "2025-12-20T00:00:00Z",
        "lately_as_of": "2025-12-20T00:00:00Z",
    }
    worst = listed["parcels"][0]
    assert worst["place"]["facility"][0] == "H"
    assert worst["arrival"]["wrong"] is not None
    for key in (None, world.carrier):
        assert world.get("/v1/arrivals", key=key).status in (401, 403)


def test_the_list_is_paged_and_filtered(world: World, listed: Any) -> None:
    first = world.get("/v1/arrivals?limit=3", key=world.operator).json
    second = world.get(f"/v1/arrivals?limit=3&after={first['next']}", key=world.operator).json
    assert first["parcels"] + second["parcels"] == listed["parcels"][:6]
    assert second["groups"] == []
    here = world.get("/v1/arrivals?facility=H2&least_risk=0.01&carrier=imagined", key=world.operator).json["parcels"]
    assert here
    assert {each["place"]["facility"] for each in here} == {"H2"}
    assert min(each["risk"] for each in here) >= 0.01
    assert world.get("/v1/arrivals?carrier=yto", key=world.operator).json["parcels"] == []
    for wrong in ("least_risk=2", "limit=0", "format=xml"):
        assert world.get(f"/v1/arrivals?{wrong}", key=world.operator).status == 422
    assert world.get("/v1/arrivals?after=x", key=world.operator).json["code"] == "bad_input"


def test_the_list_as_a_file(world: World, listed: Any) -> None:
    answer = world.get("/v1/arrivals?format=csv", key=world.operator)
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == listed["on_their_way"]
    worst = listed["parcels"][0]
    assert (rows[0]["number"], float(rows[0]["risk"])) == (worst["number"], worst["risk"])
    assert rows[0]["facility"] == worst["place"]["facility"]


def test_anyone_is_told_the_window_and_cities_alone(world: World, listed: Any) -> None:
    late = next(
        each
        for each in listed["parcels"]
        if each["arrival"]["reasons"] and each["arrival"]["promised_by"] and each["arrival"]["wrong"] < 0.2
    )
    everything, public = own(world, late["number"], key=world.operator), own(world, late["number"])
    carriers = own(world, late["number"], key=world.carrier)
    assert carriers == public, "as of look-ups, all of it is for operators"
    for name in ("p10_at", "p50_at", "p80_at", "p90_at", "promised_by", "likely_late", "scanned_at"):
        assert public["arrival"][name] == everything["arrival"][name] == late["arrival"][name], name
    assert everything["arrival"] == late["arrival"], "the newest scans are those of history"
    assert [public["arrival"][name] for name in ("wrong", "late", "next_scan_by", "given_up")] == [None] * 4
    places = [each["place"] for each in everything["arrival"]["reasons"]]
    assert places[0]["facility"][0] == "H"
    assert [each["place"] for each in public["arrival"]["reasons"]] == [
        {name: place[name] for name in ("city", "region", "country")} for place in places
    ]
    assert not re.search(r'"H\d"|Hub', world.get(f"/v1/parcels/{late['number']}/arrival").text)
    window = [parse_instant(public["arrival"][f"p{level}_at"]) for level in (10, 50, 80, 90)]
    assert [each.at_ms for each in window] == sorted(each.at_ms for each in window)
    assert {each.offset_min for each in window} == {OFFSET_MIN}


def test_who_has_arrived_or_was_never_scanned_has_none(world: World) -> None:
    there = own(world, find("delivered"))
    assert (there["arrival"], there["why"]) == (None, "ended")
    with world.memory.records.begin() as connection:
        keep_parcels(connection, [Parcel(id="pcl_new", waybill=Waybill("imagined", "NEW1"))])
    new = own(world, "NEW1", key=world.operator)
    assert (new["arrival"], new["why"]) == (None, "unscanned")
    unknown = world.get("/v1/parcels/NOBODY77/arrival")
    assert (unknown.status, unknown.json["code"]) == (404, "not_found")
    assert world.get(f"/v1/parcels/{find('delivered')}/arrival?carrier=yto").status == 404


def test_a_scan_moves_it_at_once(world: World) -> None:
    number = find("departed_from_hub")
    before = own(world, number)["arrival"]
    world.keep({"carrier": "imagined", "number": number, "code": "out_for_delivery", "at": "2025-12-19T20:59:00-03:00"})
    after = own(world, number)["arrival"]
    assert after["scanned_at"] == "2025-12-19T20:59:00-03:00" != before["scanned_at"]
    assert after["p90_at"] < before["p90_at"]
    world.keep({"carrier": "imagined", "number": number, "code": "awaiting_pickup", "at": "2025-12-19T20:59:30-03:00"})
    assert own(world, number)["why"] == "ready_to_collect"
    assert own(world, number, key=world.operator)["arrival"] is not None
    assert "Arrives" not in world.get(f"/track/{number}").text


@pytest.mark.parametrize("at", ["2025-12-19T21:20:00-03:00", "2025-12-20T20:00:00-03:00"], ids=["a bit", "a day"])
def test_who_was_delivered_by_a_clock_that_runs_ahead_has_none(world: World, at: str) -> None:
    """As the look-up and the page, which say that it is delivered, beside other parcels too."""
    ahead = find("arrived_at_hub", booked=False)
    world.keep({"carrier": "imagined", "number": ahead, "code": "delivered", "at": at})
    for key in (None, world.operator):
        told = own(world, ahead, key=key)
        assert (told["status"], told["arrival"], told["why"]) == ("delivered", None, "ended")
    assert "Arrives" not in world.get(f"/track/{ahead}").text


@pytest.mark.parametrize(("lang", "word"), [("en", "Arrives"), ("zh", "送达"), ("es", "Llega"), ("pt", "Chega")])
def test_the_page_says_it(world: World, lang: str, word: str) -> None:
    number = find("arrived_at_hub")
    page = world.get(f"/track/{number}?lang={lang}").text
    [window] = re.findall(r'<p class="eta-window">(.*?)</p>', page)
    assert word in window
    assert re.search(r"\d\d", window)
    assert '<p class="eta-rests">' in page


def test_the_page_says_why_and_whether_it_is_late(world: World, listed: Any) -> None:
    now = dt.datetime.fromtimestamp(world.now_ms / 1000, dt.UTC)
    late = next(
        each
        for each in listed["parcels"]
        if each["arrival"]["likely_late"]
        and each["arrival"]["wrong"] < 0.2
        and dt.datetime.fromisoformat(each["arrival"]["promised_by"]) > now
    )
    page = world.get(f"/track/{late['number']}").text
    assert "It will likely come later than promised" in page
    punctual = next(each["number"] for each in reversed(listed["parcels"]) if each["arrival"]["likely_late"] is False)
    assert "later than promised" not in world.get(f"/track/{punctual}").text
    slow = next(
        each
        for each in listed["parcels"]
        if each["arrival"]["wrong"] < 0.2 and any(why["code"] == "silent" for why in each["arrival"]["reasons"])
    )
    page = world.get(f"/track/{slow['number']}").text
    assert re.search(r"<li>No scan for .* since City \d</li>", page)
    assert "Hub" not in page


def test_of_what_is_probably_lost_people_are_told_no_window(world: World, listed: Any) -> None:
    lost = max(listed["parcels"], key=lambda each: each["arrival"]["wrong"])
    assert lost["arrival"]["wrong"] > 0.5
    told = own(world, lost["number"])
    assert (told["arrival"], told["why"]) == (None, "silent")
    page = world.get(f"/track/{lost['number']}").text
    assert "when it arrives cannot be said" in page
    assert "Arrives" not in page


def test_the_operators_page_has_the_risks(world: World, listed: Any) -> None:
    token = world.ask(
        "POST",
        "/operator/login",
        body=f"key={world.operator}".encode(),
        headers={"content-type": "application/x-www-form-urlencoded"},
    ).cookies[0]
    number = listed["parcels"][0]["number"]
    page = world.get(f"/operator/parcels/imagined/{number}", headers={"cookie": token.partition(";")[0]}).text
    for word in ("Lost or stuck", "Next scan by", "As likely before as after", "Hub "):
        assert word in page


def test_a_page_tells_what_is_new_enough_or_nothing(world: World, learnt: Learnt) -> None:
    """Nobody who looks at a page waits for what takes long."""
    number = find("arrived_at_hub")
    assert 'class="eta"' in world.get(f"/track/{number}").text
    learnt.version = None
    try:
        assert 'class="eta"' not in world.get(f"/track/{number}").text
    finally:
        learnt.version = 4


def test_who_waits_for_the_first_holds_up_nobody_else() -> None:
    """Anyone may ask when a parcel arrives; operators go on to see what takes long."""
    begun, is_let = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        is_let.wait(10)
        raise Conflict("nothing was learnt")

    world = World(lookouts=SimpleNamespace(find=lambda: None, open=wait))
    asker = threading.Thread(target=world.get, args=("/v1/parcels/P1/arrival",))
    asker.start()
    try:
        assert begun.wait(30)
        assert world.get("/v1/carriers/scorecards", key=world.operator).status == 200
        assert asker.is_alive()
    finally:
        is_let.set()
        asker.join()
        world.close()
