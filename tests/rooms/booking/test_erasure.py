"""Erasure: people go from orders when their time is over or somebody asks; what accounts need stays."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import pytest
from sqlalchemy import select, update
from tests.rooms.booking.desk import Desk, open_desk

from waypost.access.sealed import drop_sealed
from waypost.access.trail import Trail, Wanted
from waypost.booking.bookings import draft_return
from waypost.booking.erasure import Erasure
from waypost.booking.issuing import Label
from waypost.booking.manifests import Manifests
from waypost.booking.order_book import Entered, Filters
from waypost.booking.orders import KeptOrder, OrderState
from waypost.booking.people import Sought
from waypost.booking.records import SEALED, labels, order_parcels, orders
from waypost.model.carriage import Waybill
from waypost.model.errors import Conflict, NotFound, StoreDamaged
from waypost.model.instants import DAY_MS
from waypost.track.carriers import Asked
from waypost.track.endings import Ending
from waypost.track.records import watches

KEEP_MS = 90 * DAY_MS


class Ended(dict[Waybill, Ending]):
    """What is known of parcels, as a test says."""

    def find(self, waybills: Sequence[Waybill]) -> Mapping[Waybill, Ending]:
        return {each: self[each] for each in waybills if each in self}


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


@pytest.fixture
def ended() -> Ended:
    return Ended()


@pytest.fixture
def erasure(desk: Desk, ended: Ended) -> Erasure:
    return Erasure(desk.records, desk.book, lambda: desk.seal, ended.find)


def book(desk: Desk, reference: str = "SALE-1") -> tuple[KeptOrder, Waybill]:
    [id_] = desk.enter(desk.draft(reference, remark="ring twice"))
    kept = desk.confirm(id_)
    assert kept.state is OrderState.BOOKED
    [parcel] = kept.parcels
    return kept, Waybill(parcel.carrier, parcel.number)


def all_kept(desk: Desk) -> bytes:
    """Every sealed text that opens, and every other one."""
    found = []
    with desk.records.read() as connection:
        for table in (orders, order_parcels, labels, watches):
            for row in connection.execute(select(table)).mappings():
                found += [str(value).encode() for value in row.values() if not isinstance(value, bytes)]
                sealed = [value for value in row.values() if isinstance(value, bytes)]
                found += [desk.seal.open(value, row["id"]) for value in sealed]
    return b"\n".join(found)


def test_everything_that_says_who_it_is_goes(desk: Desk, ended: Ended, erasure: Erasure) -> None:
    kept, waybill = book(desk)
    desk.book.keep_labels(
        {kept.parcels[0].reference: Label(content=b"paper for " + kept.order.consignee.name.encode())}
    )
    desk.outlook._watches.begin("yto", [Asked(number=waybill.number, phone_tail="9876")], desk.clock())
    ended[waybill] = Ending(True, desk.clock())
    person = kept.order.consignee
    secrets = [person.name, person.street, person.phone, "9876", "ring twice", "paper for", "Book"]
    assert all(secret.encode() in all_kept(desk) for secret in secrets)
    desk.clock.move(minutes=1)
    left = erasure.erase(desk.merchant, kept.id, desk.clock(), by="key:shop")
    [deed], _ = Trail(desk.records).list_page(Wanted(what="order."), None, 9)
    assert (deed.who, deed.what, deed.of) == ("key:shop", "order.erased", kept.id)
    assert [secret for secret in secrets if secret.encode() in all_kept(desk)] == []
    assert left.erased_ms == desk.clock()
    assert (left.state, left.order.reference, left.order.consignee.city) == (OrderState.BOOKED, "SALE-1", person.city)
    assert (left.parcels[0].number, left.parcels[0].weight_g) == (waybill.number, 800)
    desk.clock.move(minutes=1)
    assert erasure.erase(desk.merchant, kept.id, desk.clock()) == left  # once more changes nothing


def test_what_needs_the_people_is_refused_afterwards(desk: Desk, erasure: Erasure) -> None:
    kept, _ = book(desk)
    erasure.erase(desk.merchant, kept.id, desk.clock(), on_the_way=True)
    [draft] = desk.enter(desk.draft("SALE-2"))
    erasure.erase(desk.merchant, draft, desk.clock())
    left = desk.book.get(desk.merchant, kept.id)
    for act in (
        lambda: desk.papers.print_label(desk.merchant, kept.id, 0),
        lambda: desk.papers.print_slip(desk.merchant, kept.id),
        lambda: draft_return(left, "SALE-1-R"),
        lambda: desk.book.confirm(desk.merchant, draft, "yto", desk.clock()),
        lambda: desk.book.change(desk.merchant, draft, desk.draft("SALE-2"), desk.clock()),
    ):
        with pytest.raises(Conflict, match="erased"):
            act()
    assert desk.bookings.begin_job(desk.merchant, None, "yto", "job_1").orders == 0
    named = desk.bookings.begin_job(desk.merchant, [draft], "yto", "job_2")
    assert (named.orders, [each.order for each in named.left]) == (0, [draft])
    assert "erased" in named.left[0].why
    [refusal] = desk.bookings.enter(desk.merchant, [(0, desk.draft("SALE-2"))]).refusals
    assert "erased" in refusal.reason
    assert Manifests(desk.records).close(desk.merchant, "yto", "man_1", desk.clock()).parcels == 1
    assert desk.bookings.cancel(desk.merchant, kept.id, "late").state is OrderState.CANCELLED  # needs the number alone


def test_nobody_erases_anothers_or_what_is_on_its_way(desk: Desk, ended: Ended, erasure: Erasure) -> None:
    kept, waybill = book(desk)
    with pytest.raises(NotFound):
        erasure.erase(desk.other, kept.id, desk.clock())
    with pytest.raises(NotFound):
        erasure.erase(None, "ord_none", desk.clock())
    with pytest.raises(Conflict, match="on its way"):
        erasure.erase(desk.merchant, kept.id, desk.clock())
    ended[waybill] = Ending(False, desk.clock())
    with pytest.raises(Conflict, match="on its way"):
        erasure.erase(desk.merchant, kept.id, desk.clock())
    assert desk.book.get(desk.merchant, kept.id) == kept
    [waiting] = desk.enter(desk.draft("SALE-2"))
    desk.book.confirm(desk.merchant, waiting, "yto", desk.clock())
    with pytest.raises(Conflict, match="about to be booked"):
        erasure.erase(desk.merchant, waiting, desk.clock(), on_the_way=True)
    assert erasure.erase_again([waiting, "ord_none"], desk.clock()) == 0


def test_orders_are_erased_when_they_ended_long_enough_ago(
    desk: Desk, ended: Ended, erasure: Erasure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.booking.erasure._AT_ONCE", 2)
    delivered, first = book(desk, "DELIVERED")
    moving, second = book(desk, "MOVING")
    silent, _ = book(desk, "SILENT")
    [draft] = desk.enter(desk.draft("DRAFT"))
    begun = desk.clock()
    desk.clock.move(days=10)
    ended[first] = Ending(True, desk.clock())

    def list_left() -> list[str]:
        page, _ = desk.book.list_page(desk.merchant, Filters(), None, 10)
        return sorted(kept.order.reference for kept in page if kept.erased_ms is None)

    desk.clock.now_ms = begun + KEEP_MS - 1
    assert erasure.erase_old(desk.clock(), KEEP_MS) == 0
    ended[second] = Ending(False, desk.clock())
    desk.clock.now_ms = begun + KEEP_MS
    assert erasure.erase_old(desk.clock(), KEEP_MS) == 2
    assert list_left() == ["DELIVERED", "MOVING"]  # a silent one ended when it was last heard of
    desk.clock.now_ms = begun + 10 * DAY_MS + KEEP_MS
    assert erasure.erase_old(desk.clock(), KEEP_MS) == 1
    assert list_left() == ["MOVING"]
    desk.clock.now_ms = begun + 2 * KEEP_MS
    assert erasure.erase_old(desk.clock(), KEEP_MS) == 1
    assert erasure.erase_old(desk.clock(), KEEP_MS) == 0
    assert list(erasure.list_erased(0)) == sorted(
        erasure.list_erased(begun), key=lambda each: (each.erased_ms, each.id)
    )
    assert {each.id for each in erasure.list_erased(0)} == {delivered.id, moving.id, silent.id, draft}


def test_what_goes_on_in_silence_has_two_months(desk: Desk, erasure: Erasure) -> None:
    book(desk)
    desk.clock.move(days=59)
    assert erasure.erase_old(desk.clock(), DAY_MS) == 0
    desk.clock.move(days=1)
    assert erasure.erase_old(desk.clock(), DAY_MS) == 1


def test_a_person_is_found_in_all_orders_of_all_merchants(
    desk: Desk, erasure: Erasure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.access.sealed._SEARCHED", 2)
    other = msgspec.structs.replace(desk.draft().consignee, name="Somebody Else", phone="13999990000")
    ids = desk.enter(*(desk.draft(f"SALE-{place}") for place in range(3)), desk.draft("SALE-X", consignee=other))
    [theirs] = [entry.id for entry in desk.bookings.enter(desk.other, [(0, desk.draft("SALE-1"))]).entries]
    sought, looked, damaged = Sought(name=desk.draft().consignee.name), [], list[str]()
    found = list(erasure.find(sought, damaged, lambda: looked.append(1)))
    assert sorted(kept.id for kept in found) == sorted([*ids[:3], theirs])
    assert (len(looked), erasure.count(), damaged) == (5, 5, [])
    assert [kept.merchant for kept in erasure.find(Sought(reference="SALE-X"), damaged)] == [desk.merchant]
    erasure.erase(None, ids[0], desk.clock())
    assert len(list(erasure.find(sought, damaged))) == 3
    with desk.records.begin() as connection:
        connection.execute(update(orders).where(orders.c.id == ids[1]).values(body=b"\0\1damaged"))
    assert len(list(erasure.find(sought, damaged))) == 2
    assert damaged == [ids[1]]


def test_what_came_back_with_a_backup_is_erased_again(desk: Desk, erasure: Erasure) -> None:
    [id_] = desk.enter(desk.draft())
    with desk.records.read() as connection:
        before = dict(connection.execute(select(orders).where(orders.c.id == id_)).mappings().one())
    erasure.erase(None, id_, desk.clock())
    listed = [each.id for each in erasure.list_erased(0)]
    with desk.records.begin() as connection:
        connection.execute(update(orders).where(orders.c.id == id_).values(before))
    assert desk.book.get(None, id_).erased_ms is None
    assert erasure.erase_again(listed, desk.clock()) == 1
    assert erasure.erase_again(listed, desk.clock()) == 0
    assert desk.book.get(None, id_).erased_ms == desk.clock()


def test_one_that_does_not_open_hinders_no_other_and_is_told(desk: Desk, erasure: Erasure) -> None:
    bad, good = desk.enter(desk.draft("SALE-1"), desk.draft("SALE-2"))
    with desk.records.begin() as connection:
        connection.execute(update(orders).where(orders.c.id == bad).values(body=b"\0\7damaged by whatever it was"))
    desk.clock.move(days=100)
    with pytest.raises(StoreDamaged, match="1 orders"):
        erasure.erase_old(desk.clock(), KEEP_MS)
    assert desk.book.get(None, good).erased_ms == desk.clock()
    assert drop_sealed(desk.records, SEALED, 7) == 1
    assert erasure.erase_old(desk.clock(), KEEP_MS) == 1  # nothing is left of it to be read
    page, _ = desk.book.list_page(desk.merchant, Filters(), None, 10)  # those beside it are shown, and it as erased
    assert [(kept.order.reference, kept.erased_ms is None) for kept in page] == [("SALE-1", False), ("SALE-2", False)]
    assert erasure.erase(None, bad, desk.clock()).order.consignee.country == "ZZ"
    again = desk.bookings.enter(desk.merchant, [(0, desk.draft("SALE-3"))])
    assert [entry.outcome for entry in again.entries] == [Entered.NEW]
