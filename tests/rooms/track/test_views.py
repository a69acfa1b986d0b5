"""What the public sees: cities and milestones, and nothing that only operators may know."""

import msgspec
import pytest

from waypost.model.places import Place
from waypost.store.protocols import Memory
from waypost.testing import World, facility, scan
from waypost.track.views import (
    Freshness,
    ParcelView,
    PlaceView,
    ScanView,
    freshness_in_public,
    in_public,
    scan_in_public,
)

#: Everything that must not leave, each word to be looked for in what is sent.
PRIVATE = {
    "order number": "ORDER-SECRET-7",
    "note of the parcel": "NOTE-SECRET-8",
    "note of a scan": "COURIER-SECRET-9",
    "facility code": "HGH-SECRET-1",
    "facility name": "Hub of SECRET-2",
    "unknown facility": "PVG-SECRET-3",
    "weight": "987654",
}


def shown(memory: Memory) -> tuple[ParcelView, list[ScanView]]:
    hub = facility(PRIVATE["facility code"], "CN-Zhejiang", city="Hangzhou", zone="Asia/Shanghai")
    hub = msgspec.structs.replace(
        hub,
        name=PRIVATE["facility name"],
        place=msgspec.structs.replace(hub.place, latitude=30.123456, longitude=120.654321),
    )
    world = World(
        memory,
        [
            scan(
                "YT1",
                "GOT",
                "2026-11-20 10:00",
                at=hub.code,
                note=PRIVATE["note of a scan"],
                recorded="2026-11-20T02:00:07Z",
            ),
            scan("YT1", "ARRIVAL", "2026-11-20 12:00", at=PRIVATE["unknown facility"], note=PRIVATE["note of a scan"]),
            scan("YT1", "DEPARTURE", "2026-11-20 13:00", at=hub.code),
        ],
        [hub],
    )
    world.book(
        "YT1",
        order_number=PRIVATE["order number"],
        note=PRIVATE["note of the parcel"],
        weight_g=int(PRIVATE["weight"]),
        destination=Place(city="Shanghai", region="Shanghai", country="CN"),
    )
    return world.parcel("YT1"), world.timeline("YT1")


def test_nothing_private_leaves(memory: Memory) -> None:
    parcel, scans = shown(memory)
    everything = msgspec.json.encode([parcel, *scans]).decode()
    assert all(word in everything for word in PRIVATE.values())
    public = msgspec.json.encode([in_public(parcel), *map(scan_in_public, scans)]).decode()
    assert [name for name, word in PRIVATE.items() if word in public] == []
    assert "SECRET" not in public
    assert not [word for word in ('facility":', "30.12", "120.65", "2026-11-20T02:00:07") if word in public]


def test_a_scan_has_no_id_in_public_for_the_facility_can_be_guessed_from_it(memory: Memory) -> None:
    """The id is a digest without a secret: whoever knows all else of the scan tries facility after facility."""
    wrong = scan("YT1", "GOT", "2026-11-20 10:00", at=PRIVATE["facility code"])
    world = World(memory, [wrong, scan("YT1", "GOT", "2026-11-20 10:01", at="HGH", corrects=wrong)])
    assert wrong.id in {scan("YT1", "GOT", "2026-11-20 10:00", at=code).id for code in ("A", PRIVATE["facility code"])}
    everything = world.timeline("YT1")
    assert [(each.id == wrong.id, each.corrects) for each in everything] == [(False, wrong.id), (True, None)]
    public = [scan_in_public(each) for each in everything]
    assert [(each.id, each.corrects) for each in public] == [(None, None), (None, None)]
    assert not [each.id for each in everything if each.id in msgspec.json.encode(public).decode()]


def test_of_a_code_that_no_table_knows_the_public_sees_only_that_there_was_a_scan(memory: Memory) -> None:
    code = "handed to Li Wei, flat 7"
    world = World(memory, [scan("YT1", code, "2026-11-20 10:00"), scan("YT1", "GOT", "2026-11-20 09:00")])
    public = [scan_in_public(each) for each in world.timeline("YT1")]
    assert [(each.code, each.status, each.flags) for each in public] == [
        (None, "unknown", ["unknown_code"]),
        ("GOT", "picked_up", []),
    ]
    assert "Li Wei" not in msgspec.json.encode([in_public(world.parcel("YT1")), *public]).decode()


def test_whether_an_answer_is_complete_is_public_and_how_much_there_is_is_not() -> None:
    behind, even = Freshness.between(7, 9), Freshness.between(9, 9)
    assert (behind.position, behind.log_position, behind.lag, behind.complete) == (7, 9, 2, False)
    assert (even.position, even.log_position, even.lag, even.complete) == (9, 9, 0, True)
    assert Freshness.between(10, 9) == even  # the log was asked before the index went on
    assert msgspec.to_builtins(freshness_in_public(behind)) == {
        "position": None, "log_position": None, "lag": None, "complete": False,
    }  # fmt: skip
    assert freshness_in_public(even).complete


def test_what_the_public_does_see(memory: Memory) -> None:
    parcel, scans = shown(memory)
    public = in_public(parcel)
    assert (public.number, public.carrier_name, public.status) == ("YT1", "YTO Express", "departed_from_hub")
    assert public.place == PlaceView(city="Hangzhou", region="Zhejiang", country="CN")
    assert public.destination == PlaceView(city="Shanghai", region="Shanghai", country="CN")
    assert [milestone.name for milestone in public.milestones] == ["accepted", "arrived", "departed"]
    assert [scan_in_public(each).place for each in scans] == [public.place, None, public.place]
    assert [scan_in_public(each).at for each in scans] == [each.at for each in scans]


@pytest.mark.parametrize(
    "place",
    [None, PlaceView(facility="X"), PlaceView(facility="X", name="Y"), PlaceView(country="CN"), PlaceView(region="SP")],
)
def test_a_place_without_a_city_is_no_public_place(memory: Memory, place: PlaceView | None) -> None:
    parcel, scans = shown(memory)
    assert in_public(msgspec.structs.replace(parcel, place=place)).place is None
    assert scan_in_public(msgspec.structs.replace(scans[0], place=place)).place is None


def test_each_field_was_thought_of() -> None:
    """A new field of a view is public unless `in_public` takes it away: whoever adds one, decides here too."""
    assert set(ParcelView.__struct_fields__) == {
        *(
            "id",
            "carrier",
            "carrier_name",
            "number",
            "numbers",
            "order_number",
            "status",
            "status_at",
            "group",
            "shape",
        ),
        *("place", "origin", "destination", "first_at", "last_at", "promised_by", "milestones", "scans", "weight_g"),
        *("note", "flags", "complete"),
    }
    assert set(ScanView.__struct_fields__) == {
        *(
            "id",
            "at",
            "utc",
            "offset_source",
            "zone",
            "carrier",
            "number",
            "code",
            "status",
            "place",
            "note",
            "corrects",
        ),
        *("recorded_at", "flags"),
    }
    assert set(PlaceView.__struct_fields__) == {"facility", "name", "city", "region", "country"}


def test_what_is_not_known_of_a_place_is_left_out() -> None:
    assert msgspec.json.encode(PlaceView(city="Hangzhou")) == b'{"city":"Hangzhou"}'
