"""The world of the demo goes on beside a server, and where it was after a restart."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from waypost.app import living
from waypost.app.living import Living
from waypost.app.settings import Settings
from waypost.app.shop import accounts, open_shop
from waypost.app.twin import drive
from waypost.app.wiring import House, open_house
from waypost.booking.order_book import Filters
from waypost.model.errors import StorageFull
from waypost.model.instants import DAY_MS, parse_instant
from waypost.twin.run import Run
from waypost.twin.world import make_world

NOW_MS = parse_instant("2026-11-20T00:00:00Z").at_ms
PARCELS = 300
SPEED = 60_000.0


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small world, two days of which are past, and whose minutes take a thousandth of a second."""
    monkeypatch.setattr(living, "make_world", lambda seed, parcels: make_world(seed, parcels, prefectures=8))
    for name, value in {"PARCELS_PER_DAY": PARCELS, "PAST_DAYS": 1, "WARM_UP_DAYS": 1}.items():
        monkeypatch.setattr(living, name, value)


class Journal:
    def __init__(self) -> None:
        self.errors: list[str] = []

    def error(self, event: str, **more: Any) -> None:
        self.errors.append(event)

    warning = error


def live(home: Path, until_ms: int) -> tuple[Living, int]:
    """Open the home, let its world go on until an instant, close it; with how many scans it has."""
    world, journal = Living(home.parent, 7, NOW_MS, SPEED), Journal()
    with open_house(Settings(home=home), clock=world.pace) as house:
        for share in world.catch_up(house):
            assert 0 <= share <= 1
        world.note()
        began_ms = house.clock()
        world.start(house, journal)  # type: ignore[arg-type]
        give_up_s = time.monotonic() + 60
        while house.clock() < until_ms and time.monotonic() < give_up_s:
            time.sleep(0.001)
        world.stop()
        assert house.clock() >= max(until_ms, began_ms)
        assert journal.errors == []
        return world, count_scans(house)


def count_scans(house: House) -> int:
    assert house.memory.index.catch_up(house.memory.log.position(), 60)
    return int(house.memory.history.run(lambda scans: scans.aggregate(n=scans.count())).column("n")[0].as_py())


@pytest.mark.heavy
def test_it_goes_on_where_it_was_and_misses_and_repeats_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first, scans = live(home, NOW_MS + 3 * 3_600_000)
    assert scans > PARCELS
    second, more = live(home, first.passed.reached_ms + 3 * 3_600_000)
    assert second.passed.first_ms == first.passed.first_ms
    assert second.passed.reached_ms > first.passed.reached_ms
    assert more > scans
    with open_house(Settings(home=tmp_path / "other")) as house:
        run = Run(make_world(7, PARCELS, prefectures=8), NOW_MS - 2 * DAY_MS)
        list(run.warm_up(NOW_MS - DAY_MS))
        drive(house, run, second.passed.reached_ms)
        assert count_scans(house) == more


def test_a_beginning_that_was_interrupted_begins_at_the_same_instant(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = Living(tmp_path, 7, NOW_MS)
    with open_house(Settings(home=home), clock=first.pace) as house:
        next(iter(first.catch_up(house)))
    again = Living(tmp_path, 7, NOW_MS + DAY_MS)
    assert (again.passed.first_ms, again.passed.is_handed_in) == (first.passed.first_ms, False)
    assert again.pace() == NOW_MS


def test_what_could_not_be_handed_in_is_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full from some minute on: the world waits, and the restart begins with that minute."""
    home, world, journal = tmp_path / "home", Living(tmp_path, 7, NOW_MS, SPEED), Journal()
    monkeypatch.setattr(living, "_AGAIN_S", 0.001)
    with open_house(Settings(home=home), clock=world.pace) as house:
        list(world.catch_up(house))
        world.note()

        def refuse(rows: Any) -> None:
            raise StorageFull("no room")

        monkeypatch.setattr(house.reception, "receive", refuse)
        world.start(house, journal)  # type: ignore[arg-type]
        give_up_s = time.monotonic() + 60
        while not journal.errors and time.monotonic() < give_up_s:
            time.sleep(0.001)
        world.stop()
    assert set(journal.errors) == {"the twin waits"}
    known = world.passed.reached_ms
    again, scans = live(home, known + 3 * 3_600_000)
    with open_house(Settings(home=tmp_path / "other")) as house:
        run = Run(make_world(7, PARCELS, prefectures=8), NOW_MS - 2 * DAY_MS)
        list(run.warm_up(NOW_MS - DAY_MS))
        drive(house, run, again.passed.reached_ms)
        assert count_scans(house) == scans


@pytest.mark.heavy
def test_what_is_booked_is_carried_to_the_door_under_its_waybill(tmp_path: Path) -> None:
    """Half of the way before a restart, half behind it; where the world has no such city it stays and is told."""
    settings = Settings(home=tmp_path / "home", accounts=accounts())
    world, journal = Living(tmp_path, 7, NOW_MS, SPEED), Journal()
    with open_house(settings, clock=world.pace) as house:
        list(world.catch_up(house))
        world.note()
        shop = open_shop(house)
        assert open_shop(house) == shop
        house.open_accounts()
        orders, _ = house.bookings.book.list_page(shop, Filters(), None, 10)
        known = next(each for each in orders if each.order.reference == "TEA-1001")
        start, end = (replace(known.order.sender, city=city, county="") for city in ("上海市", "北京市"))
        own = replace(known.order, reference="A-1", sender=start, consignee=end)
        strange = replace(own, reference="A-2", consignee=replace(end, city="Nowhere"))
        entered = house.bookings.enter(shop, [(0, own), (1, strange)]).entries
        number, stays = (house.bookings.confirm(shop, each.id).parcels[0].number for each in entered)
        world.start(house, journal)  # type: ignore[arg-type]
        wait_for(lambda: status_of(house, number) != "unknown")
        world.stop()
        assert status_of(house, number) != "delivered"
        assert journal.errors == ["no courier of the twin goes there: this parcel stays as it is"]
    again, journal = Living(tmp_path, 7, NOW_MS, SPEED), Journal()
    with open_house(settings, clock=again.pace) as house:
        list(again.catch_up(house))
        again.start(house, journal)  # type: ignore[arg-type]
        wait_for(lambda: status_of(house, number) == "delivered")
        again.stop()
        assert status_of(house, stays) == "unknown"
        assert [each.number for each in again.passed.shipped] == [number]


def status_of(house: House, number: str) -> str:
    found = house.tracker.find([number])[0].parcels
    return found[0].status if found else "unknown"


def wait_for(is_so: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < give_up_s
        time.sleep(0.01)
