"""Orders become waybills once each, whatever the carrier does and whatever crashes."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update
from tests.rooms.booking.desk import Desk, open_desk

from waypost.booking.bookings import LEASE_MS, draft_return
from waypost.booking.issuing import Issued, Item, WaybillOrder
from waypost.booking.order_book import Entered, Filters
from waypost.booking.orders import OrderState, ParcelState, PlannedParcel
from waypost.booking.records import order_parcels, orders
from waypost.model.errors import BadInput, Conflict, NotFound, StorageFull
from waypost.store.repeats import KeyReused
from waypost.testing.carriers.faking import Trap
from waypost.track.carriers import CarrierRefused
from waypost.track.records import find_parcels


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


def test_an_order_is_booked_and_tracked(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    assert desk.book.get(desk.merchant, id_).state is OrderState.DRAFT
    assert desk.fake.parcels == {}
    kept = desk.confirm(id_)
    assert kept.state is OrderState.BOOKED
    [parcel] = kept.parcels
    assert (parcel.state, parcel.carrier, parcel.weight_g) == (ParcelState.BOOKED, "yto", 800)
    assert list(desk.fake.parcels) == [parcel.number]
    with desk.records.read() as connection:
        [tracked] = find_parcels(connection, ["SALE-1"])
    assert (tracked.waybill.number, tracked.weight_g) == (parcel.number, 800)
    assert tracked.destination is not None
    assert tracked.destination.country == "CN"


def test_the_same_order_again_is_known_and_another_under_its_number_refused(desk: Desk) -> None:
    order = desk.draft()
    changed = msgspec.structs.replace(order, remark="Leave at the door")
    desk.enter(order)
    receipt = desk.bookings.enter(desk.merchant, [(0, order), (1, changed), (2, desk.draft("SALE-2"))])
    assert [(entry.row, entry.outcome) for entry in receipt.entries] == [(0, Entered.KNOWN), (2, Entered.NEW)]
    [refusal] = receipt.refusals
    assert (refusal.row, refusal.field, refusal.reason) == (1, "reference", "stands here twice")
    again = desk.bookings.enter(desk.merchant, [(7, changed)])
    assert [refusal.row for refusal in again.refusals] == [7]
    assert "another order" in again.refusals[0].reason


def test_a_dry_run_keeps_nothing(desk: Desk) -> None:
    receipt = desk.bookings.enter(desk.merchant, [(0, desk.draft())], dry_run=True)
    assert [entry.outcome for entry in receipt.entries] == [Entered.NEW]
    assert desk.book.list_page(desk.merchant, Filters(), None, 10) == ([], None)


def test_one_merchant_sees_nothing_of_another(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    with pytest.raises(NotFound):
        desk.book.get(desk.other, id_)
    with pytest.raises(NotFound):
        desk.bookings.cancel(desk.other, id_, "mine")
    with pytest.raises(NotFound):
        desk.papers.print_label(desk.other, id_, 0)
    with pytest.raises(NotFound):
        desk.bookings.begin_job(desk.other, [id_], "", "job_1")
    with pytest.raises(NotFound):
        desk.book.change(desk.other, id_, desk.draft(), 5)
    assert desk.book.list_page(desk.other, Filters(), None, 10)[0] == []
    [theirs] = desk.bookings.enter(desk.other, [(0, desk.draft())]).entries
    assert theirs.id != id_


def test_confirming_twice_books_once(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    first = desk.confirm(id_)
    assert desk.book.confirm(desk.merchant, id_, "yto", desk.clock()).state is OrderState.BOOKED
    assert desk.bookings.carry_out([id_]) == []
    assert desk.book.get(desk.merchant, id_).parcels == first.parcels
    assert len(desk.fake.parcels) == 1


BOX = PlannedParcel(weight_g=400, length_mm=250, width_mm=160, height_mm=60)


class Crash(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("moment", ["before it is asked", "after it is asked", "before it is written down"])
def test_a_crash_books_nothing_twice(desk: Desk, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [id_] = desk.enter(desk.draft())
    issuer, book = desk.issuers["yto"], desk.book

    def crash(*_: object, **__: object) -> None:
        raise Crash

    def book_and_crash(order: WaybillOrder) -> Issued:
        type(issuer).book(issuer, order)
        raise Crash

    with monkeypatch.context() as patch:
        if moment == "before it is asked":
            patch.setattr(issuer, "book", crash)
        elif moment == "after it is asked":
            patch.setattr(issuer, "book", book_and_crash)
        else:
            patch.setattr(book, "note_booked", crash)
        with pytest.raises(Crash):
            desk.confirm(id_)
    assert desk.book.get(desk.merchant, id_).parcels[0].state is ParcelState.ASKED
    desk.restart()
    kept = desk.carry_out(id_)
    assert kept.state is OrderState.BOOKED
    assert list(desk.fake.parcels) == [kept.parcels[0].number]


def test_what_another_has_is_left_alone_until_its_lease_ends(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    desk.book.confirm(desk.merchant, id_, "yto", desk.clock())
    now = desk.clock()
    assert [each.id for each in desk.book.claim([id_], now, now + LEASE_MS)] == [id_]
    assert desk.bookings.carry_out([id_]) == []
    with pytest.raises(Conflict, match="this moment"):
        desk.bookings.cancel(desk.merchant, id_, "customer")
    assert desk.book.list_due("yto", now, 10) == []
    desk.clock.move(hours=1)
    assert desk.book.list_due("yto", desk.clock(), 10) == [id_]
    kept = desk.carry_out(id_)
    assert kept.state is OrderState.BOOKED


def test_a_carrier_that_is_down_is_asked_again_later(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    desk.fake.set(*[Trap.DOWN] * 12)
    kept = desk.confirm(id_)
    assert kept.state in (OrderState.QUEUED, OrderState.DOUBTFUL)
    assert kept.why
    desk.fake.clear()
    desk.clock.move(hours=1)
    if kept.state is OrderState.QUEUED:
        assert kept.next_ms is not None
        assert desk.book.list_due("yto", kept.next_ms - 1, 10) == []
        [id_] = desk.book.list_due("yto", desk.clock(), 10)
    else:
        desk.book.confirm(desk.merchant, id_, "yto", desk.clock())
    kept_now = desk.carry_out(id_)
    assert (kept_now.state, kept_now.why, kept_now.next_ms) == (OrderState.BOOKED, "", None)
    assert len(desk.fake.parcels) == 1


def test_a_refusal_is_told_and_can_be_tried_again(desk: Desk) -> None:
    order = desk.draft(currency="USD", cod_minor=500)
    [id_] = desk.enter(order)
    kept = desk.confirm(id_)
    assert kept.state is OrderState.REFUSED
    assert "USD" in kept.why
    assert kept.parcels[0].state is ParcelState.PLANNED
    assert desk.confirm(id_).tries == 1


def test_an_adapter_that_fails_leaves_doubt(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    [id_] = desk.enter(desk.draft())

    def fail(_: WaybillOrder) -> Issued:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(desk.issuers["yto"], "book", fail)
        desk.book.confirm(desk.merchant, id_, "yto", desk.clock())
        with pytest.raises(ZeroDivisionError):
            desk.bookings.carry_out([id_])
    kept = desk.book.get(desk.merchant, id_)
    assert (kept.state, kept.parcels[0].state) == (OrderState.DOUBTFUL, ParcelState.ASKED)
    with pytest.raises(Conflict, match="nobody knows"):
        desk.bookings.cancel(desk.merchant, id_, "customer")
    assert desk.confirm(id_).state is OrderState.BOOKED


def test_a_doubt_is_settled_by_who_looked() -> None:
    """USPS does not know our references: after a crash nobody can ask it."""
    with open_desk("usps") as desk:
        desk.fake.clock = desk.clock  # the day of the order is one of its days
        [id_] = desk.enter(desk.draft(parcels=(BOX,)))
        desk.book.confirm(desk.merchant, id_, "usps", desk.clock())
        assert desk.book.claim([id_], desk.clock(), desk.clock() + LEASE_MS)  # and then the process died
        desk.restart()
        doubtful = desk.carry_out(id_)
        assert (doubtful.state, doubtful.parcels[0].state) == (OrderState.DOUBTFUL, ParcelState.ASKED), doubtful.why
        assert desk.fake.parcels == {}
        desk.book.confirm(desk.merchant, id_, "usps", desk.clock(), is_not_there=True)
        booked = desk.carry_out(id_)
        assert booked.state is OrderState.BOOKED, booked.why
        assert len(desk.fake.parcels) == 1
        label = desk.papers.print_label(desk.merchant, id_, 0)
        assert label.content.startswith(b"%PDF-")


def test_several_parcels_have_a_waybill_each_and_the_first_collects(desk: Desk) -> None:
    items = (Item(description="Book"), Item(description="Pen"))
    parcels = (PlannedParcel(weight_g=900, items=(0,)), PlannedParcel(weight_g=300, items=(1,)))
    [id_] = desk.enter(desk.draft(items=items, parcels=parcels, cod_minor=5_000))
    asked: list[WaybillOrder] = []
    issuer = desk.issuers["yto"]
    desk.issuers["yto"] = Watching(issuer, asked)
    kept = desk.confirm(id_)
    assert [parcel.weight_g for parcel in kept.parcels] == [900, 300]
    assert len({parcel.number for parcel in kept.parcels}) == 2
    assert [(each.cod_minor, [item.description for item in each.items]) for each in asked] == [
        (5_000, ["Book"]),
        (0, ["Pen"]),
    ]


class Watching:
    """An issuer that is looked at."""

    carrier = "yto"

    def __init__(self, issuer: Any, asked: list[WaybillOrder]) -> None:
        self._issuer, self._asked = issuer, asked

    def book(self, order: WaybillOrder) -> Issued:
        self._asked.append(order)
        issued: Issued = self._issuer.book(order)
        return issued

    def __getattr__(self, name: str) -> Any:
        return getattr(self._issuer, name)


def test_an_order_that_takes_too_long_goes_on_in_another_turn(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has it has it for some time only; then another might ask for the same parcels."""
    [id_] = desk.enter(desk.draft(parcels=tuple(PlannedParcel(weight_g=each) for each in (100, 200, 300))))
    issuer = desk.issuers["yto"]
    book = issuer.book

    def book_slowly(order: WaybillOrder) -> Issued:
        desk.clock.move(minutes=LEASE_MS / 60_000 / 3)
        return book(order)

    monkeypatch.setattr(issuer, "book", book_slowly)
    kept = desk.confirm(id_)
    assert (kept.state, [each.state for each in kept.parcels]) == (
        OrderState.QUEUED,
        [ParcelState.BOOKED, ParcelState.BOOKED, ParcelState.PLANNED],
    )
    assert desk.book.list_due("yto", desk.clock(), 9) == [id_]
    assert desk.carry_out(id_).state is OrderState.BOOKED
    assert len(desk.fake.parcels) == 3


def test_an_order_that_does_not_open_holds_up_no_other(desk: Desk) -> None:
    broken, good = desk.enter(desk.draft("SALE-1"), desk.draft("SALE-2"))
    desk.bookings.begin_job(desk.merchant, None, "", "job_1")
    with desk.records.begin() as connection:
        connection.execute(update(orders).where(orders.c.id == broken).values(body=b"no text of ours at all, and long"))
    assert desk.bookings.carry_out(desk.book.list_due("yto", desk.clock(), 9)) == [good]
    assert desk.book.get(desk.merchant, good).state is OrderState.BOOKED
    assert desk.book.list_due("yto", desk.clock(), 9) == []
    assert desk.bookings.jobs.get(desk.merchant, "job_1").states == {OrderState.BOOKED: 1, OrderState.QUEUED: 1}


def test_an_order_is_cancelled_at_the_carrier(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    number = desk.confirm(id_).parcels[0].number
    kept = desk.bookings.cancel(desk.merchant, id_, "customer")
    assert (kept.state, kept.parcels[0].state) == (OrderState.CANCELLED, ParcelState.CANCELLED)
    assert desk.fake.parcels[number].is_cancelled
    assert desk.bookings.cancel(desk.merchant, id_, "customer").state is OrderState.CANCELLED
    with pytest.raises(Conflict, match="cancelled"):
        desk.book.confirm(desk.merchant, id_, "yto", desk.clock())
    with pytest.raises(Conflict, match="only what was booked"):
        draft_return(kept, "SALE-1-R")


def test_a_draft_is_changed_and_a_booked_order_is_not(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    heavier = desk.draft(parcels=(PlannedParcel(weight_g=2_000),))
    with pytest.raises(BadInput, match="is no account that books; there are: yto"):
        desk.bookings.change(desk.merchant, id_, desk.draft(account="dhl"))
    assert desk.bookings.change(desk.merchant, id_, heavier).parcels[0].weight_g == 2_000
    with pytest.raises(BadInput, match="another number"):
        desk.book.change(desk.merchant, id_, desk.draft("SALE-9"), 9)
    assert desk.confirm(id_).state is OrderState.BOOKED
    with pytest.raises(Conflict, match="drafts"):
        desk.book.change(desk.merchant, id_, heavier, 10)


def test_no_draft_is_changed_to_an_account_that_books_nothing(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    with pytest.raises(BadInput, match="no account that books") as caught:
        desk.bookings.change(desk.merchant, id_, desk.draft(account="dhl"))
    assert caught.value.where == "account"
    assert desk.bookings.change(desk.merchant, id_, desk.draft(account="yto")).account == "yto"


def test_what_waits_for_an_account_that_is_gone_is_refused(desk: Desk) -> None:
    waiting, booked, fresh = desk.enter(*(desk.draft(f"SALE-{number}") for number in range(3)))
    desk.confirm(booked)
    for id_ in (waiting, fresh):
        desk.book.confirm(desk.merchant, id_, "yto", desk.clock())
    assert desk.book.list_stray(["yto"], desk.clock(), 9) == []
    issuer = desk.issuers.pop("yto")
    assert sorted(desk.bookings.carry_out(desk.book.list_stray([], desk.clock(), 9))) == sorted([waiting, fresh])
    kept = desk.book.get(desk.merchant, waiting)
    assert (kept.state, "no account that books" in kept.why) == (OrderState.REFUSED, True)
    assert [parcel.state for parcel in kept.parcels] == [ParcelState.PLANNED]
    assert desk.book.get(desk.merchant, booked).state is OrderState.BOOKED
    assert desk.book.list_stray([], desk.clock(), 9) == []
    desk.issuers["yto"] = issuer  # and once it is back they can be confirmed again
    assert desk.confirm(waiting).state is OrderState.BOOKED
    moved = desk.bookings.change(desk.merchant, fresh, desk.draft("SALE-2", account="yto"))  # or moved to another
    assert (moved.state, moved.account, moved.why) == (OrderState.DRAFT, "yto", "")
    assert desk.confirm(fresh).state is OrderState.BOOKED


def test_of_what_was_refused_in_part_nothing_is_changed(desk: Desk) -> None:
    """A parcel of it travels already."""
    two = (PlannedParcel(weight_g=450), PlannedParcel(weight_g=450))
    [id_] = desk.enter(desk.draft(parcels=two))
    desk.confirm(id_)
    with desk.records.begin() as connection:
        connection.execute(update(orders).values(state=OrderState.REFUSED.value))
        connection.execute(
            update(order_parcels).where(order_parcels.c.piece == 1).values(state=ParcelState.PLANNED.value)
        )
    with pytest.raises(Conflict, match="some of the order is booked"):
        desk.book.change(desk.merchant, id_, desk.draft(parcels=two), 10)


def test_a_job_confirms_all_drafts_and_says_how_far_it_is(desk: Desk) -> None:
    ids = desk.enter(*[desk.draft(f"SALE-{number}") for number in range(7)])
    begun = desk.bookings.begin_job(desk.merchant, None, "", "job_1")
    assert (begun.orders, dict(begun.states), begun.is_done) == (7, {OrderState.QUEUED: 7}, False)
    assert desk.bookings.begin_job(desk.merchant, None, "", "job_1").orders == 7  # repeated: the same
    assert sorted(desk.book.list_due("yto", desk.clock(), 100)) == sorted(ids)
    for id_ in ids:
        desk.bookings.carry_out([id_])
    done = desk.bookings.jobs.get(desk.merchant, "job_1")
    assert (dict(done.states), done.is_done) == ({OrderState.BOOKED: 7}, True)
    page, cursor = desk.book.list_page(desk.merchant, Filters(job="job_1", state=OrderState.BOOKED), None, 4)
    rest, end = desk.book.list_page(desk.merchant, Filters(job="job_1"), cursor, 4)
    assert sorted(each.id for each in page + rest) == sorted(ids)
    assert end is None


def test_an_order_that_names_no_account_needs_one_where_there_are_several(desk: Desk) -> None:
    desk.issuers["sto"] = desk.issuers["yto"]
    desk.enter(desk.draft())
    with pytest.raises(BadInput, match="names none"):
        desk.bookings.begin_job(desk.merchant, None, "", "job_1")
    with pytest.raises(BadInput, match="no account that books"):
        desk.bookings.begin_job(desk.merchant, None, "dhl", "job_1")
    receipt = desk.bookings.enter(desk.merchant, [(3, desk.draft("SALE-2", account="dhl"))])
    assert [(refusal.row, refusal.field) for refusal in receipt.refusals] == [(3, "account")]
    assert desk.bookings.begin_job(desk.merchant, None, "sto", "job_1").orders == 1


def test_people_lie_sealed_and_are_never_shown(desk: Desk) -> None:
    order = desk.draft()
    [id_] = desk.enter(order)
    kept = desk.confirm(id_)
    for word in (order.consignee.name, order.consignee.phone, order.consignee.street):
        assert word
        assert word not in repr(kept)
        assert word not in repr(kept.order)
        with desk.records.read() as connection:
            for table in (orders, order_parcels):
                for row in connection.execute(select(table)):
                    assert all(word.encode() not in each for each in row if isinstance(each, bytes))
                    assert all(word not in each for each in row if isinstance(each, str))


def test_what_a_carrier_repeats_of_people_is_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    order = desk.draft()
    [id_] = desk.enter(order)
    person = order.consignee

    def refuse(_: WaybillOrder) -> Issued:
        raise CarrierRefused(f"no such street: {person.name}, {person.street}, {person.phone}", channel="yto book")

    monkeypatch.setattr(desk.issuers["yto"], "book", refuse)
    kept = desk.confirm(id_)
    assert kept.state is OrderState.REFUSED
    for why in (kept.why, kept.parcels[0].why):
        assert "no such street" in why
        assert all(text not in why for text in (person.name, person.street, person.phone))


def test_a_store_that_is_full_is_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    [id_] = desk.enter(desk.draft())

    def fail(_: WaybillOrder) -> Issued:
        raise StorageFull("No room left.")

    with monkeypatch.context() as patch:
        patch.setattr(desk.issuers["yto"], "book", fail)
        assert desk.confirm(id_).state is OrderState.QUEUED
    desk.clock.move(hours=1)
    assert desk.carry_out(id_).state is OrderState.BOOKED


def test_a_later_job_takes_nothing_from_an_earlier_one(desk: Desk) -> None:
    first, second = desk.enter(desk.draft("SALE-1"), desk.draft("SALE-2"))
    desk.bookings.begin_job(desk.merchant, [first], "", "job_1")
    desk.carry_out(first)
    later = desk.bookings.begin_job(desk.merchant, [first, second], "", "job_2")
    assert (later.orders, dict(later.states)) == (1, {OrderState.QUEUED: 1})
    assert [(each.order, each.reference, each.state, each.why) for each in later.left] == [
        (first, "SALE-1", OrderState.BOOKED, "it is booked already")
    ]
    assert dict(desk.bookings.jobs.get(desk.merchant, "job_1").states) == {OrderState.BOOKED: 1}


def test_a_job_names_each_order_that_it_was_asked_for_and_does_not_book(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = desk.enter(*[desk.draft(f"SALE-{number}") for number in range(5)])
    cancelled, waiting, unwilling, drafted, _ = ids
    desk.bookings.cancel(desk.merchant, cancelled, "customer")
    desk.bookings.begin_job(desk.merchant, [waiting], "", "job_1")
    asked = [cancelled, waiting, unwilling, drafted, waiting]
    begun = desk.bookings.begin_job(desk.merchant, asked, "", "job_2")
    assert (begun.orders, dict(begun.states)) == (2, {OrderState.QUEUED: 2})
    assert [(each.order, each.state) for each in begun.left] == [
        (cancelled, OrderState.CANCELLED),
        (waiting, OrderState.QUEUED),
    ]
    assert all(each.why for each in begun.left)
    desk.carry_out(drafted)

    def refuse(_: WaybillOrder) -> Issued:
        raise CarrierRefused("no such street", channel="yto book")

    monkeypatch.setattr(desk.issuers["yto"], "book", refuse)
    desk.carry_out(unwilling)
    left = desk.bookings.jobs.get(desk.merchant, "job_2").left
    assert [(each.reference, each.state) for each in left[2:]] == [("SALE-2", OrderState.REFUSED)]
    assert "no such street" in left[2].why
    assert desk.bookings.begin_job(desk.merchant, None, "", "job_3").left == []  # drafts alone: nothing is passed over


def test_who_takes_part_no_more_is_booked_for_no_more(desk: Desk) -> None:
    orders = [desk.draft(f"SALE-{number}") for number in range(3)]
    booked, waiting, asked = desk.enter(*orders)
    desk.bookings.begin_job(desk.merchant, None, "", "job_1")
    desk.carry_out(booked)
    with desk.records.begin() as connection:  # of one of them the answer was lost
        of_it = order_parcels.c.order_id == asked
        connection.execute(update(order_parcels).where(of_it).values(state=ParcelState.ASKED.value))
    desk.parties.end(desk.merchant, desk.clock())
    due = desk.book.list_due("yto", desk.clock(), 9)
    assert sorted(due) == sorted([waiting, asked])
    assert desk.bookings.carry_out(due) == []
    assert len(desk.fake.parcels) == 1
    assert desk.book.list_due("yto", desk.clock(), 9) == []
    job = desk.bookings.jobs.get(None, "job_1")
    assert job.is_done
    assert {(each.order, each.state, each.why) for each in job.left} == {
        (waiting, OrderState.REFUSED, "its merchant takes part no more"),
        (asked, OrderState.DOUBTFUL, "its merchant takes part no more"),
    }
    assert (
        desk.bookings.confirm(desk.merchant, waiting).state is OrderState.REFUSED
    )  # a key may be believed for moments


def test_a_job_of_another_request_is_not_handed_back(desk: Desk) -> None:
    first, second = desk.enter(desk.draft("SALE-1"), desk.draft("SALE-2"))
    begun = desk.bookings.begin_job(desk.merchant, [first], "", "job_1", "one")
    assert desk.bookings.begin_job(desk.merchant, [first], "", "job_1", "one") == begun
    with pytest.raises(KeyReused):
        desk.bookings.begin_job(desk.merchant, [second], "", "job_1", "other")
    assert desk.book.get(desk.merchant, second).state is OrderState.DRAFT


def test_an_order_is_split_until_a_carrier_may_know_of_it() -> None:
    with open_desk("yto") as desk:
        [id_] = desk.enter(desk.draft())
        parcels = [
            PlannedParcel(weight_g=500, items=(0,), quantities=(1,)),
            PlannedParcel(weight_g=450, items=(0,), quantities=(1,)),
        ]
        with pytest.raises(NotFound):
            desk.book.split(desk.other, id_, parcels, 5)
        kept = desk.book.split(desk.merchant, id_, parcels, 5)
        assert [parcel.weight_g for parcel in kept.parcels] == [500, 450]
        assert desk.book.split(desk.merchant, id_, parcels, 6).parcels == kept.parcels
        [known] = desk.bookings.enter(desk.merchant, [(0, desk.draft())]).entries
        assert known.outcome is Entered.KNOWN
        booked = desk.confirm(id_)
        assert [each.state for each in booked.parcels] == [ParcelState.BOOKED] * 2
        assert len({each.number for each in booked.parcels}) == len(desk.fake.parcels) == 2
        with pytest.raises(Conflict, match="booked"):
            desk.book.split(desk.merchant, id_, parcels, 7)
