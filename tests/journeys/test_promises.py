"""A promise that holds, and one that breaks: a network learns from its scans, promises, watches, and warns in time.

It is made up (`waypost.testing.trips`), so that one knows what happened: three hubs, 1,500 parcels in thirty days, and
one truck with eleven parcels that stands still for three days.
"""

import csv
import datetime as dt
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from tests.journeys.test_merchants import draft, make_merchant
from tests.journeys.test_quotes import CARD
from tests.rooms.app.commands import Commands

from waypost.model.instants import DAY_MS
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.trips import FIRST_DAY, OFFSET_MIN, imagine_trips

ZONE = "America/Fortaleza"
HUBS = [("H0", "SP", "Campinas"), ("H1", "RJ", "Niteroi"), ("H2", "MG", "Contagem")]
SETTINGS = f"""
[accounts.imagined]
carrier = "imagined"
adapter = "neutral"
secret = "{"s" * 40}"

[carriers.imagined]
zone = "{ZONE}"
"""

#: Days since the first one of the world. What came until the first was learnt from; after the last nothing happens.
LEARNT, LAST = 17.0, 31.1
#: Two parcels of the truck: the one was promised a day too soon, the other with time to spare.
HURRIED, PATIENT = "P0001221", "P0001232"
#      day    what there is to know of the hurried one      where it is        likely late: more than, less than
WATCHED = [
    (25.33, "it waits for the truck", "arrived_at_hub", 0.0, 0.4),
    (25.53, "the truck has left", "departed_from_hub", 0.0, 0.3),
    (27.43, "it should be at the other hub", "departed_from_hub", 0.2, 0.9),
    (27.93, "and still is not", "departed_from_hub", 0.8, 1.0),
    (28.50, "there it is", "arrived_at_hub", 0.8, 1.0),
]


class World:
    """What happens, as the carrier tells it. All is moved by whole weeks, so that it ends just before now."""

    def __init__(self) -> None:
        self.imagined = imagine_trips(1500, 30, hubs=3, stuck=1, lost=0.004, seed=0)
        self._columns = self.imagined.columns
        self._begins_ms = round((FIRST_DAY + (time.time() / 86_400 - FIRST_DAY - LAST) // 7 * 7) * DAY_MS)
        self._days = self._columns["at"].astype(np.int64) / DAY_MS - FIRST_DAY

    def instant(self, day: float) -> str:
        at = dt.datetime.fromtimestamp((self._begins_ms + day * DAY_MS) / 1000, dt.UTC)
        return at.astimezone(dt.timezone(dt.timedelta(minutes=OFFSET_MIN))).isoformat(timespec="milliseconds")

    def day(self, instant: str) -> float:
        return (dt.datetime.fromisoformat(instant).timestamp() * 1000 - self._begins_ms) / DAY_MS

    def scans(self, since: float, until: float) -> list[dict[str, str]]:
        rows = np.flatnonzero((self._days >= since) & (self._days < until))
        named = {"number": "number", "code": "status", "facility": "facility"}
        told = {field: self._columns[name][rows].tolist() for field, name in named.items()}
        told |= {"facility": [facility.partition("/")[2] for facility in told["facility"]]}
        told |= {"at": [self.instant(day) for day in self._days[rows]], "carrier": ["imagined"] * len(rows)}
        return [dict(zip(told, row, strict=True)) for row in zip(*told.values(), strict=True)]

    def parcels(self) -> Iterable[dict[str, str]]:
        _, first = np.unique(self._columns["number"], return_index=True)
        promised = self._columns["promised_at"].astype(np.int64) / DAY_MS - FIRST_DAY
        for row in first:
            yield {
                "carrier": "imagined",
                "number": str(self._columns["number"][row]),
                "destination_country": "BR",
                "destination_region": HUBS[int(self._columns["destination_area"][row][-1])][1],
                "promised_by": self.instant(promised[row]),
            }

    def facilities(self) -> Iterable[dict[str, str]]:
        for code, region, city in HUBS:
            row = np.argmax(self._columns["facility"] == f"imagined/{code}")
            at = {axis: str(self._columns[axis][row]) for axis in ("latitude", "longitude")}
            yield {"carrier": "imagined", "code": code, "name": f"{city} hub", "kind": "hub", "country": "BR"} | {
                "region": region, "city": city, "zone": ZONE, **at
            }  # fmt: skip

    def truck(self) -> tuple[str, str, set[str]]:
        """From where to where the truck goes, and what is on it."""
        [stuck] = self.imagined.stuck
        numbers = np.flatnonzero(self.imagined.stuck_parcels == 0).tolist()
        ends = f"imagined/H{stuck.origin}", f"imagined/H{stuck.destination}"
        return *ends, {f"imagined/P{number:07}" for number in numbers}


def write(path: Path, rows: Iterable[dict[str, str]]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = list(rows)
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    return str(path)


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_a_promise_is_made_and_watched_until_the_door(tmp_path: Path, start_server: Callable[..., Any]) -> None:
    world, home = World(), tmp_path / "home"
    home.mkdir()
    (home / "waypost.toml").write_text(SETTINGS, "utf-8")
    commands = Commands(home)

    # A network that never promised brings its past in, and learns.
    past = {"facilities": world.facilities(), "parcels": world.parcels(), "scans": world.scans(0, LEARNT)}
    for kind, rows in past.items():
        assert commands.ask("import", kind, write(tmp_path / f"{kind}.csv", rows))["rows_refused"] == 0
    learnt = commands.ask("train", "--at", world.instant(LEARNT))
    assert learnt["in_use"]
    assert learnt["card"]["unwatched"] in (None, "")
    way = ("BR/MG/Contagem", "BR/SP/Campinas", "--carrier", "imagined")
    promised = commands.ask("promise", *way, "--at", world.instant(LEARNT))["promise"]
    check_promise(promised)
    merchant = make_merchant(home, "Estrela")
    server = start_server(home)

    # Day by day the carrier scans on, and parcels of the truck are watched.
    told: list[dict[str, Any]] = []
    patient: list[dict[str, Any]] = []
    before = LEARNT
    for day, _, status, least, most in WATCHED:
        hand_in(server, world.scans(before, day))
        before = day
        found = commands.ask("arrivals", HURRIED, PATIENT, "--at", world.instant(day))["parcels"]
        hurried, other = sorted(found, key=lambda each: str(each["number"]))
        assert (hurried["number"], hurried["status"]) == (HURRIED, status)
        assert least <= hurried["late"] <= most, (day, hurried)
        told.append(hurried)
        patient.append(other)
        if day == 27.93:
            # It is warned of before its promise breaks, and the truck is named, with all that is on it.
            assert world.day(hurried["promised_by"]) - day > 1
            start, end, on_it = world.truck()
            [group] = commands.ask("arrivals", "--at", world.instant(day))["groups"]
            assert (group["kind"], group["facility"], group["towards"]) == ("departure", start, end)
            assert set(group["parcels"]) == on_it
            assert group["expected"] < 1 < group["silent"] == len(on_it)
    waits, left, due, silent, there = told
    assert width(left) < 0.8 * width(waits), "once it is on the truck one knows better"
    assert left["p50_at"] < due["p50_at"] < silent["p50_at"], "with every silent hour it is expected later"
    assert there["p50_at"] < silent["p50_at"], "and sooner, once it is there"
    assert left["late"] < due["late"] < silent["late"], "and ever more likely too late"
    assert left["wrong"] < due["wrong"] < silent["wrong"] > there["wrong"]
    assert [each["code"] for each in silent["reasons"]] == ["silent"]
    assert [(each["code"], each["hours"] > 24) for each in there["reasons"]] == [("slow_leg", True)]
    assert all(each["late"] < 0.5 for each in patient), "the other one has time to spare"

    # Both are delivered: the one late, as was said the day before; the other, tried in vain once,
    # as it was promised.
    hand_in(server, world.scans(before, LAST))
    for number, last, is_late in ((HURRIED, told[-1], True), (PATIENT, patient[-1], False)):
        [parcel] = server.operator.get(f"/v1/parcels/{number}").json()["parcels"]
        assert parcel["status"] == "delivered"
        scans = server.operator.get(f"/v1/parcels/{number}/timeline").json()["timelines"][0]["scans"]
        arrived = next(world.day(scan["at"]) for scan in scans if scan["code"] == "delivered")
        assert (arrived > world.day(last["promised_by"])) == is_late
    assert commands.call("arrivals", HURRIED, "--at", world.instant(LAST)).returncode == 1

    # Prices come in, and merchants ask; a server that starts looks at what was lately so.
    server.stop()
    card = tmp_path / "card.toml"
    card.write_text(CARD.format(account="imagined", price="12.55", days=3), "utf-8")
    assert commands.call("rates", "import", str(card)).returncode == 0
    again = start_server(home)
    with httpx.Client(base_url=again.address, headers=merchant, timeout=30) as shop:
        check_door(shop)


def hand_in(server: Any, scans: list[dict[str, str]]) -> None:
    """Send scans, and wait until look-ups show them also on a machine that is busy."""
    until = time.monotonic() + 120
    indexed = server.send(scans)["indexed"]
    while not indexed:
        assert time.monotonic() < until
        time.sleep(0.1)  # another process indexes
        indexed = server.operator.get(f"/v1/parcels/{HURRIED}").json()["as_of"]["complete"]


def check_promise(promise: dict[str, Any]) -> None:
    assert promise["p10_at"] < promise["p50_at"] < promise["p80_at"] < promise["p90_at"]
    assert promise["rests_on"] == "lane"


def check_door(shop: httpx.Client) -> None:
    """A merchant asks by when a parcel would be there, and what it costs: the same promise stands in both answers."""
    way = {"sender": {"country": "BR", "province": "MG"}, "consignee": {"country": "BR", "province": "SP"}}
    answer = shop.post("/v1/promises", json=[way | {"carrier": "imagined", "weight_g": 400}])
    assert answer.status_code == 200, answer.text
    [asked] = answer.json()["promises"]
    check_promise(asked["promise"])
    with FAKES["correios"].kind() as fake:
        order = draft(fake, "SALE-1")
    order = msgspec.structs.replace(
        order,
        account="",
        sender=msgspec.structs.replace(order.sender, province="MG"),
        consignee=msgspec.structs.replace(order.consignee, province="SP"),
    )
    body = msgspec.json.encode([order])
    answer = shop.post("/v1/quotes", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    [quote] = answer.json()["quotes"][0]["quotes"]
    assert (quote["account"], quote["minor"]) == ("imagined", 1381)
    check_promise(quote["promise"])
    apart = parsed(quote["promise"]["p90_at"]) - parsed(asked["promise"]["p90_at"])
    assert abs(apart) < dt.timedelta(hours=12), "weight and city differ, the way does not"


def parsed(instant: str) -> dt.datetime:
    return dt.datetime.fromisoformat(instant)


def width(told: dict[str, Any]) -> float:
    """Hours from P50 to P90."""
    return (parsed(told["p90_at"]) - parsed(told["p50_at"])).total_seconds() / 3600
