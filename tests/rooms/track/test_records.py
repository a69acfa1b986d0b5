"""Parcels and links in the records: kept, brought up to date, and found by any number."""

import pytest
from sqlalchemy.exc import IntegrityError

from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.places import Place
from waypost.store.protocols import Memory
from waypost.track.records import (
    LINK_SCHEMA,
    Link,
    find_parcels,
    keep_link,
    keep_parcels,
    list_all_links,
    list_links,
)


def parcel(number: str, carrier: str = "yto", **fields: object) -> Parcel:
    waybill = Waybill(carrier, number)
    return Parcel(id=parcel_id(waybill), waybill=waybill, **fields)  # type: ignore[arg-type]


FULL = parcel(
    "YT1",
    order_number="O'Neill; --",
    origin=Place(city="杭州", region="Zhejiang", country="CN"),
    destination=Place(country="BR"),
    promised_ms=1_795_262_400_000,
    weight_g=0,
    note="<b>fragile</b>",
)


def keep(memory: Memory, *parcels: Parcel) -> None:
    with memory.records.begin() as connection:
        keep_parcels(connection, parcels)


def find(memory: Memory, *texts: str) -> list[Parcel]:
    with memory.records.read() as connection:
        return find_parcels(connection, texts)


def test_a_parcel_comes_back_as_it_was_kept(memory: Memory) -> None:
    keep(memory, FULL, parcel("YT2"))
    assert find(memory, "YT1") == [FULL]
    assert find(memory, "YT2") == [parcel("YT2")]
    assert find(memory, "O'Neill; --") == [FULL]
    assert find(memory) == find(memory, "yt1", "%", "YT_", "") == []


def test_of_a_place_only_the_city_is_kept(memory: Memory) -> None:
    """Coordinates and street level are no matter of a parcel's record."""
    exact = Place(city="Campinas", country="BR", latitude=-22.9, longitude=-47.06, zone="America/Sao_Paulo")
    keep(memory, parcel("YT1", destination=exact))
    assert find(memory, "YT1")[0].destination == Place(city="Campinas", country="BR")


def test_a_parcel_that_is_kept_again_is_brought_up_to_date(memory: Memory) -> None:
    keep(memory, FULL, parcel("YT2"))
    later = parcel("YT1", order_number="O-2", weight_g=900)
    keep(memory, later, later)
    assert find(memory, "YT1", "YT2") == [later, parcel("YT2")]
    assert find(memory, "O'Neill; --") == []


def test_parcels_come_in_the_order_of_numbers_and_each_once(memory: Memory) -> None:
    keep(memory, *(parcel(f"YT{number:04}", order_number=f"O{number % 7}") for number in range(1000)))
    keep(memory, parcel("YT0003", "sto"))
    found = find(memory, "O1", "YT0001", "YT0003")
    numbers = [(each.waybill.number, each.waybill.carrier) for each in found]
    assert numbers == sorted(numbers)
    assert len(numbers) == len(set(numbers)) == len([number for number in range(1000) if number % 7 == 1]) + 2
    everything = find(memory, *(f"YT{number:04}" for number in range(1000)))
    assert len(everything) == len({each.id for each in everything}) == 1001


def test_one_waybill_is_one_parcel_and_what_says_otherwise_is_refused_alone(memory: Memory) -> None:
    keep(memory, FULL)
    other = Parcel(id="par_other", waybill=FULL.waybill)
    twice = [Parcel(id=f"par_{name}", waybill=Waybill("yto", "YT5")) for name in ("a", "b")]
    with memory.records.begin() as connection:
        refused = keep_parcels(connection, [other, parcel("YT2"), parcel("YT1", "sto"), *twice])
    assert [each for each, _ in refused] == [other, twice[1]]
    assert [error.where for _, error in refused] == ["parcel par_other", "parcel par_b"]
    assert f"'YT1' of 'yto' is the waybill of {FULL.id}" in refused[0][1].message
    assert all(error.mend for _, error in refused)
    assert find(memory, "YT1", "YT2", "YT5") == [parcel("YT1", "sto"), FULL, parcel("YT2"), twice[0]]


def test_links_are_kept_brought_up_to_date_and_followed(memory: Memory) -> None:
    keep(memory, parcel("YT1"), parcel("YT2"))
    ids = [parcel_id(Waybill("yto", number)) for number in ("YT1", "YT2")]
    abroad = Waybill("ctt", "LX9PT")
    with memory.records.begin() as connection:
        keep_link(connection, ids[0], abroad)
        keep_link(connection, ids[1], abroad, since_ms=5)
        keep_link(connection, ids[0], abroad, until_ms=5)
        assert set(list_links(connection, ids)) == {Link(ids[0], abroad, None, 5), Link(ids[1], abroad, 5, None)}
        assert list_links(connection, [ids[1]]) == [Link(ids[1], abroad, 5, None)]
        assert list_links(connection, []) == []
    assert [each.waybill.number for each in find(memory, "LX9PT")] == ["YT1", "YT2"]


def test_a_link_needs_a_parcel(memory: Memory) -> None:
    with pytest.raises(IntegrityError), memory.records.begin() as connection:
        keep_link(connection, "par_nobody", Waybill("ctt", "LX9PT"))


def keep_links(memory: Memory, *found: Link) -> None:
    """With parcels named as they are."""
    with memory.records.begin() as connection:
        ids = dict.fromkeys(link.parcel_id for link in found)
        keep_parcels(connection, [Parcel(id=name, waybill=Waybill("yto", f"YT-{name}")) for name in ids])
        for link in found:
            keep_link(connection, link.parcel_id, link.waybill, link.since_ms, link.until_ms)


ONE, OTHER = Waybill("usps", "X"), Waybill("usps", "Y")


def test_of_a_number_that_is_used_again_the_later_link_ends_the_open_one(memory: Memory) -> None:
    found = [Link("b", ONE, 6, None), Link("a", ONE, 1, None), Link("c", ONE, 8, 9), Link("a", OTHER, None, None)]
    keep_links(memory, *found, Link("d", Waybill("sto", "X"), 2, None))
    with memory.records.read() as connection:
        assert list_links(connection, ["a", "b", "c"]) == [
            Link("a", ONE, 1, 6),
            Link("a", OTHER, None, None),
            Link("b", ONE, 6, 8),
            Link("c", ONE, 8, 9),
        ]


def test_of_links_that_begin_together_the_last_parcel_keeps_the_number(memory: Memory) -> None:
    keep_links(memory, Link("b", ONE, None, 9), Link("a", ONE, None, None), Link("c", ONE, 0, 5))
    with memory.records.read() as connection:
        same = list_links(connection, ["a", "b", "c"])
    assert [(link.parcel_id, link.since_ms, link.until_ms) for link in same] == [
        *(("a", None, 0), ("b", None, 0)),  # nothing is kept from before 1970
        ("c", 0, 5),
    ]


def test_all_links_name_the_first_waybill_and_the_last_ones_are_kept(memory: Memory) -> None:
    keep_links(memory, Link("a", ONE, None, None), Link("b", ONE, 6, None), Link("b", OTHER, 3, 4))
    with memory.records.read() as connection:
        every, last = list_all_links(connection), list_all_links(connection, 1)
        assert every.schema == last.schema == LINK_SCHEMA
    assert [tuple(row.values()) for row in every.to_pylist()] == [
        ("usps", "X", "yto", "YT-b", 6, None),
        ("usps", "Y", "yto", "YT-b", 3, 4),
        ("usps", "X", "yto", "YT-a", None, 6),
    ]
    assert last.to_pylist() == every.slice(0, 1).to_pylist()


def test_where_there_are_no_links_there_are_none(memory: Memory) -> None:
    with memory.records.read() as connection:
        assert list_all_links(connection).num_rows == 0


def test_a_link_ends_where_that_of_another_parcel_begins(memory: Memory) -> None:
    keep(memory, parcel("YT1"), parcel("YT2"))
    ids = [parcel_id(Waybill("yto", number)) for number in ("YT1", "YT2")]
    abroad = Waybill("usps", "X")
    with memory.records.begin() as connection:
        keep_link(connection, ids[0], abroad, since_ms=1)
        keep_link(connection, ids[1], abroad, since_ms=6)
    with memory.records.read() as connection:
        assert list_links(connection, ids[:1]) == [Link(ids[0], abroad, 1, 6)]
        assert list_all_links(connection).column("until_ms").to_pylist() == [None, 6]
