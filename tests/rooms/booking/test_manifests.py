"""Manifests: each parcel stands on one, once it was closed."""

from collections.abc import Iterator

import pytest
from tests.rooms.booking.desk import Desk, open_desk

from waypost.booking.manifests import HandedOver, Manifests, write_csv
from waypost.model.errors import Conflict, NotFound
from waypost.store.repeats import KeyReused


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


def book(desk: Desk, *references: str) -> list[str]:
    ids = desk.enter(*[desk.draft(reference) for reference in references])
    return [desk.confirm(id_).parcels[0].number for id_ in ids]


def test_what_is_booked_is_handed_over_once(desk: Desk) -> None:
    manifests = Manifests(desk.records)
    numbers = book(desk, "SALE-1", "SALE-2")
    [draft] = desk.enter(desk.draft("SALE-3"))
    first = manifests.close(desk.merchant, "yto", "man_1", 100, "of yto")
    assert (first.parcels, first.weight_g, first.closed_ms) == (2, 1_600, 100)
    assert [(each.order, each.piece, each.number) for each in manifests.list_parcels(desk.merchant, "man_1")] == [
        ("SALE-1", 1, numbers[0]),
        ("SALE-2", 1, numbers[1]),
    ]
    with pytest.raises(Conflict, match="no parcel"):
        manifests.close(desk.merchant, "yto", "man_2", 200)
    assert manifests.close(desk.merchant, "yto", "man_1", 300, "of yto") == first
    with pytest.raises(KeyReused):
        manifests.close(desk.merchant, "sto", "man_1", 300, "of another account")
    third = desk.confirm(draft).parcels[0].number
    assert manifests.close(desk.merchant, "yto", "man_2", 400).parcels == 1
    assert [each.number for each in manifests.list_parcels(desk.merchant, "man_2")] == [third]
    page, cursor = manifests.list_page(desk.merchant, None, 1)
    rest, end = manifests.list_page(desk.merchant, cursor, 1)
    assert ([each.id for each in page + rest], end) == (["man_2", "man_1"], None)


def test_what_was_cancelled_is_not_handed_over(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    desk.confirm(id_)
    desk.bookings.cancel(desk.merchant, id_, "customer")
    with pytest.raises(Conflict):
        Manifests(desk.records).close(desk.merchant, "yto", "man_1", 100)
    assert Manifests(desk.records).list_page(desk.merchant, None, 9) == ([], None)


def test_a_merchant_hands_over_its_own_alone(desk: Desk) -> None:
    manifests = Manifests(desk.records)
    book(desk, "SALE-1")
    with pytest.raises(Conflict):
        manifests.close(desk.other, "yto", "man_1", 100)
    manifests.close(desk.merchant, "yto", "man_1", 100)
    for act in (manifests.get, manifests.list_parcels):
        with pytest.raises(NotFound):
            act(desk.other, "man_1")
    assert manifests.list_page(desk.other, None, 9) == ([], None)


def test_a_sheet_of_it_holds_no_formula() -> None:
    parcel = HandedOver(carrier="yto", number="YT1", order='=HYPERLINK("x")', piece=1, weight_g=5, sort_code="")
    lines = write_csv([parcel]).splitlines()
    assert lines[0] == "carrier,number,order,piece,weight_g,sort_code"
    assert lines[1].startswith("yto,YT1,\"'=HYPERLINK")
