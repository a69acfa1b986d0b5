"""What happens between two steps of one deed: a choice that comes late, a label that comes after its people went."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.rooms.booking.desk import Desk, open_desk

from waypost.booking.erasure import Erasure
from waypost.booking.issuing import Label
from waypost.booking.orders import TO_BE_CHOSEN, OrderState, PlannedParcel
from waypost.booking.records import order_parcels, order_quotes, orders
from waypost.model.errors import Conflict, StoreDamaged
from waypost.track.endings import Ending


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


def erasure_of(desk: Desk) -> Erasure:
    return Erasure(desk.records, desk.book, lambda: desk.seal, lambda found: {each: Ending(True, 1) for each in found})


def wait_for_a_choice(desk: Desk, reference: str) -> str:
    [id_] = desk.enter(desk.draft(reference))
    set_order(desk, id_, state=OrderState.QUEUED.value, account=TO_BE_CHOSEN, next_ms=desk.clock())
    return id_


def set_order(desk: Desk, id_: str, **values: Any) -> None:
    with desk.records.begin() as connection:
        connection.execute(update(orders).where(orders.c.id == id_).values(values))


def test_who_finds_no_service_does_not_undo_what_another_chose_booked_or_is_booking(desk: Desk) -> None:
    for changed in (
        {"account": "yto"},
        {"state": OrderState.BOOKED.value, "account": "yto"},
        {"state": OrderState.CANCELLED.value},
        {"until_ms": desk.clock() + 1},
    ):
        id_ = wait_for_a_choice(desk, f"SALE-{changed}")
        assert [each.id for each in desk.book.list_to_choose([id_], desk.clock())] == [id_]
        set_order(desk, id_, **changed)
        before = desk.book.get(desk.merchant, id_)
        with desk.records.begin() as connection:
            assert not desk.book.note_no_choice(connection, id_, "no service takes it", desk.clock())
            assert not desk.book.note_choice(connection, id_, "zto", "express")
        assert desk.book.get(desk.merchant, id_) == before
    id_ = wait_for_a_choice(desk, "SALE-open")
    with desk.records.begin() as connection:
        assert desk.book.note_no_choice(connection, id_, "no service takes it", desk.clock())
    assert desk.book.get(desk.merchant, id_).state is OrderState.REFUSED


def test_one_that_does_not_open_holds_up_no_other_choice(desk: Desk) -> None:
    bad, good = (wait_for_a_choice(desk, f"SALE-{each}") for each in range(2))
    set_order(desk, bad, body=b"\1damaged")
    assert [each.id for each in desk.book.list_to_choose([bad, good], desk.clock())] == [good]
    assert desk.book.list_stray([], desk.clock(), 9) == [good]


def test_what_was_chosen_for_an_order_goes_when_it_is_changed(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    set_order(desk, id_, state=OrderState.REFUSED.value, account="zto", service="eco")
    row = {"order_id": id_, "account": "zto", "service": "eco", "currency": "CNY", "minor": 1, "made_ms": 1}
    with desk.records.begin() as connection:
        connection.execute(order_quotes.insert().values(row | {"content": b"{}"}))
    desk.bookings.change(desk.merchant, id_, desk.draft(account="yto"))
    with desk.records.read() as connection:
        assert connection.execute(select(order_quotes)).all() == []
        assert connection.execute(select(orders.c.service)).scalar_one() is None


def test_a_label_that_comes_after_its_people_were_erased_is_not_kept(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    kept = desk.confirm(id_)
    erasure_of(desk).erase(desk.merchant, id_, desk.clock())
    desk.book.keep_labels({kept.parcels[0].reference: Label(content=b"name and address")})
    with desk.records.read() as connection:
        assert connection.execute(select(order_parcels.c.label)).scalars().all() == [None]


def test_what_is_erased_is_not_packed_otherwise(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    set_order(desk, id_, body=None)
    with pytest.raises(Conflict, match="erased"):
        desk.book.split(desk.merchant, id_, [PlannedParcel(weight_g=900)], desk.clock())


def test_those_that_came_back_are_erased_again_though_one_does_not_open(desk: Desk) -> None:
    bad, good = desk.enter(desk.draft("SALE-1"), desk.draft("SALE-2"))
    set_order(desk, bad, body=b"\1damaged")
    with pytest.raises(StoreDamaged, match="1 orders that are to be erased do not open"):
        erasure_of(desk).erase_again([bad, good], desk.clock())
    assert desk.book.get(desk.merchant, good).erased_ms == desk.clock()
