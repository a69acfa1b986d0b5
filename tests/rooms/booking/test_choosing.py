"""Orders that leave their service open: the best quote is booked, kept, explained, and stays after a crash."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.rooms.booking.desk import Desk, open_desk
from tests.rooms.booking.rating.cards import plain_card

from waypost.booking.bookings import Bookings, draft_return
from waypost.booking.choosing import Chooser
from waypost.booking.issuing import Issued, Label, WaybillOrder
from waypost.booking.labels import Labels
from waypost.booking.orders import KeptOrder, OrderState, digest_of
from waypost.booking.rating.asking import CarrierRate
from waypost.booking.rating.auditing import Bill, Verdict, audit
from waypost.booking.rating.cards import Area, Bracket, Transit, Zone
from waypost.booking.rating.quotes import Quoter, Source
from waypost.booking.rating.quoting import Quotes
from waypost.booking.rating.shelf import Shelf
from waypost.booking.rating.shipments import Shipment
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.track.carriers import CarrierUnreachable
from waypost.web.api.answers import ORDERS_SENT, view_order


class Paper:
    """A carrier that books everything, or cannot be reached."""

    def __init__(self, carrier: str) -> None:
        self.carrier = carrier
        self.asked: list[WaybillOrder] = []
        self.is_away = False

    def book(self, order: WaybillOrder) -> Issued:
        self.asked.append(order)
        if self.is_away:
            raise CarrierUnreachable("it is away", channel=self.carrier)
        number = f"{self.carrier.upper()}{len(self.asked)}"
        return Issued(waybill=Waybill(self.carrier, number), reference=order.reference, channel=self.carrier)

    def cancel(self, issued: Issued, reason: str) -> None:
        raise AssertionError

    def print_label(self, issued: Issued) -> Label:
        raise AssertionError


class Room:
    """Three accounts: one is slow and cheap, one fast and dear, one has a price and books nothing."""

    def __init__(self, desk: Desk, sources: Any = None) -> None:
        self.desk = desk
        self.shelf = Shelf(desk.records)
        for account, service, price, days in (
            ("slow", "eco", "5.00", Transit(4, 5, 6)),
            ("fast", "air", "9.00", Transit(1, 1, 2)),
            ("none", "", "1.00", None),
        ):
            zone = Zone(name="all", to=(Area("CN"),), brackets=(Bracket(2000, Decimal(price)),), transit=days)
            card = plain_card(account=account, service=service, zones=(zone,))
            self.shelf.keep(card, 1)
        self.slow, self.fast = Paper("slow"), Paper("fast")
        self.issuers: Any = {"slow": self.slow, "fast": self.fast}
        quotes = Quotes(self.shelf, lambda: lambda *_: None, ["slow", "fast", "none"], sources)
        self.chooser = Chooser(desk.book, desk.records, quotes, self.issuers.keys(), desk.clock)
        labels = Labels({}, desk.records, lambda: desk.seal)
        self.bookings = Bookings(
            desk.book, desk.records, self.issuers, desk.outlook, labels, desk.clock, None, self.chooser
        )

    def draft(self, reference: str, **changed: Any) -> str:
        [entry] = self.bookings.enter(self.desk.merchant, [(0, self.desk.draft(reference, **changed))]).entries
        return entry.id

    def book(self, reference: str, **changed: Any) -> KeptOrder:
        return self.bookings.confirm(self.desk.merchant, self.draft(reference, **changed))


@pytest.fixture
def room() -> Iterator[Room]:
    with open_desk("yto") as desk:
        yield Room(desk)


@pytest.mark.parametrize(
    ("choose", "account", "service", "minor"),
    [("price", "slow", "eco", 500), ("arrival", "fast", "air", 900), ("best", "fast", "air", 900)],
)
def test_the_best_quote_that_can_be_booked_is_booked_and_kept(
    room: Room, choose: str, account: str, service: str, minor: int
) -> None:
    kept = room.book("SALE-1", choose=choose)
    assert (kept.state, kept.account, kept.service) == (OrderState.BOOKED, account, service)
    [asked] = room.issuers[account].asked
    assert asked.service == service
    chosen = room.chooser.get(room.desk.merchant, kept.id)
    assert (chosen.quote.account, chosen.quote.minor, chosen.quote.source) == (account, minor, Source.CARD)
    assert sum(line.minor for line in chosen.quote.lines) == minor
    assert chosen.quote.card == "1"
    assert [other.account for other in chosen.others] == [{"slow": "fast", "fast": "slow"}[account]]
    view = view_order(kept)
    assert (view.account, view.service) == (account, service)
    with pytest.raises(NotFound):
        room.chooser.get(room.desk.other, kept.id)


def test_what_an_order_names_bounds_the_choice(room: Room) -> None:
    assert room.book("SALE-1", choose="price", account="fast").account == "fast"
    with pytest.raises(Conflict, match="no service was chosen"):
        room.chooser.get(room.desk.merchant, room.book("SALE-2", account="slow").id)
    order = room.desk.draft("SALE-3", choose="price", account="slow", service="eco")
    [refusal] = room.bookings.enter(room.desk.merchant, [(0, order)]).refusals
    assert refusal.field == "choose"
    with pytest.raises(BadInput, match="several"):
        room.book("SALE-4")


def test_one_that_nobody_takes_is_refused_and_says_why_of_each(room: Room) -> None:
    heavy = room.desk.draft("x").items[0]
    kept = room.book("SALE-1", choose="price", items=(msgspec.structs.replace(heavy, weight_g=9_000),))
    assert kept.state is OrderState.REFUSED
    assert "fast air: " in kept.why
    assert "slow eco: " in kept.why
    assert view_order(kept).account == ""
    assert room.slow.asked == room.fast.asked == []
    del room.issuers["slow"], room.issuers["fast"]
    alone = room.book("SALE-2", choose="price")
    assert alone.state is OrderState.REFUSED
    assert "is no account that books" in alone.why


def test_a_batch_chooses_for_each(room: Room) -> None:
    ids = [room.draft("SALE-1", choose="price"), room.draft("SALE-2", choose="arrival")]
    room.bookings.begin_job(room.desk.merchant, None, "", "job_1")
    due = room.desk.book.list_stray(room.bookings.list_accounts(), room.desk.clock(), 9)
    assert sorted(due) == sorted(ids)
    assert sorted(room.bookings.carry_out(due)) == sorted(ids)
    assert [room.desk.book.get(None, id_).account for id_ in ids] == ["slow", "fast"]


def test_what_was_chosen_stays_though_prices_change_and_its_carrier_was_away(room: Room) -> None:
    room.slow.is_away = True
    kept = room.book("SALE-1", choose="price")
    assert (kept.state, kept.account) == (OrderState.QUEUED, "slow")
    zone = Zone(name="all", to=(Area("CN"),), brackets=(Bracket(2000, Decimal("0.10")),))
    card = plain_card(account="fast", service="air", version="2", zones=(zone,), corrects="1")
    room.shelf.keep(card, 2)
    room.slow.is_away = False
    room.desk.clock.now_ms += 3_600_000
    [id_] = room.bookings.carry_out([kept.id])
    again = room.desk.book.get(None, id_)
    assert (again.state, again.account, again.parcels[0].number) == (OrderState.BOOKED, "slow", "SLOW2")
    assert room.chooser.get(room.desk.merchant, kept.id).quote.minor == 500


def test_a_draft_that_is_changed_is_chosen_anew_and_the_way_back_goes_the_same_way(room: Room) -> None:
    id_ = room.draft("SALE-1", account="slow")
    order = room.desk.draft("SALE-1", choose="arrival")
    room.bookings.change(room.desk.merchant, id_, order)
    kept = room.bookings.confirm(room.desk.merchant, id_)
    assert kept.account == "fast"
    back = draft_return(kept, "SALE-1-R")
    assert (back.account, back.choose) == ("fast", "")


def test_the_bill_is_held_against_the_service_that_was_chosen(room: Room) -> None:
    kept = room.book("SALE-1", choose="arrival")
    bill = Bill(line=2, waybill=kept.parcels[0].number, minor=900, currency="CNY", charges={})
    quoter = Quoter(room.shelf.list_all("fast"), lambda *_: None)
    [finding] = audit([bill], lambda numbers: room.desk.book.list_by_numbers("fast", numbers), quoter, "fast")
    assert (finding.verdict, finding.service) == (Verdict.OK, "air")


class Rates:
    """A carrier that tells its own rates."""

    def ask_rates(self, shipment: Shipment) -> list[CarrierRate]:
        return [CarrierRate(service="post", currency="CNY", minor=100, charges=[("postage", 100)], usual_days=9)]


def test_a_carriers_own_rate_can_be_the_best() -> None:
    with open_desk("yto") as desk:
        room = Room(desk, {"fast": Rates()})
        kept = room.book("SALE-1", choose="price")
        assert (kept.account, kept.service) == ("fast", "post")
        chosen = room.chooser.get(desk.merchant, kept.id)
        assert (chosen.quote.source, chosen.quote.minor) == (Source.CARRIER, 100)


def test_orders_that_were_kept_before_there_was_a_choice_are_still_known() -> None:
    assert digest_of(ORDERS_SENT[0]) == "7b3ee0b36bf8a67ecdb37a639ed4a6bf"
    open_ = msgspec.structs.replace(ORDERS_SENT[0], choose="price", account="")
    assert digest_of(open_) != digest_of(msgspec.structs.replace(open_, choose=""))
