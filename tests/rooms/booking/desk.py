"""A merchant's desk over real records and a carrier's fake."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from waypost.access.parties import Parties
from waypost.access.sealing import Seal
from waypost.app.carriers import contract_at
from waypost.booking.bookings import Bookings
from waypost.booking.issuing import Item, WaybillIssuer
from waypost.booking.labels import Labels
from waypost.booking.order_book import OrderBook
from waypost.booking.orders import KeptOrder, Order
from waypost.booking.papers import Papers
from waypost.booking.printing import Masking, Printer, load_fonts
from waypost.carriers.adapters import list_adapters
from waypost.engines.sql.records import SqlRecords
from waypost.model.parties import PartyKind
from waypost.testing import Clock
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Fake
from waypost.track.outlook import Outlook
from waypost.track.watches import Watches


class Desk:
    """Bookings of two merchants with one carrier. `restart` is what a crash leaves: the records, and nothing else."""

    def __init__(self, fake: Fake) -> None:
        self.clock = Clock()
        self.fake = fake
        self._nonces = iter(range(1 << 60))
        self.records = SqlRecords("sqlite://")
        self.seal = Seal({1: b"k" * 32}, lambda size: next(self._nonces).to_bytes(size))
        self.parties = Parties(self.records, lambda size: next(self._nonces).to_bytes(size))
        self.merchant = self.parties.add(PartyKind.MERCHANT, "Estrela", 1).id
        self.other = self.parties.add(PartyKind.MERCHANT, "Ming", 1).id
        self.contracts: list[Any] = []
        self.restart()

    def restart(self) -> None:
        contract = contract_at(self.fake, list_adapters()[self.fake.name])
        assert contract.issuer is not None
        self.contracts.append(contract)
        self.issuers: dict[str, WaybillIssuer] = {self.fake.name: contract.issuer}
        self.book = OrderBook(self.records, lambda: self.seal)
        self.outlook = Outlook(Watches(self.records, lambda: self.seal), {})
        labels = Labels({}, self.records, lambda: self.seal)
        self.bookings = Bookings(self.book, self.records, self.issuers, self.outlook, labels, self.clock)
        self.papers = Papers(self.bookings, lambda: Printer(load_fonts(), Masking(names=False)), "100x150", self.clock)
        self.book.release_all()

    def draft(self, reference: str = "SALE-1", **changed: Any) -> Order:
        sample = self.fake.sample
        told: dict[str, Any] = {
            "reference": reference,
            "sender": sample.sender,
            "consignee": sample.consignee,
            "items": (Item(description="Book", quantity=2, weight_g=400, value_minor=2599),),
            "currency": sample.currency,
            "mailing_date": "2026-11-23",
        }
        return Order(**told | changed)

    def enter(self, *orders: Order) -> list[str]:
        receipt = self.bookings.enter(self.merchant, list(enumerate(orders)))
        assert receipt.refusals == []
        return [entry.id for entry in receipt.entries]

    def confirm(self, id_: str) -> KeptOrder:
        self.book.confirm(self.merchant, id_, self.fake.name, self.clock())
        return self.carry_out(id_)

    def carry_out(self, id_: str) -> KeptOrder:
        """Book one that waits; how far it is then."""
        assert self.bookings.carry_out([id_]) == [id_]
        return self.book.get(self.merchant, id_)

    def close(self) -> None:
        for contract in self.contracts:
            contract.caller.close()
        self.records.close()


@contextmanager
def open_desk(carrier: str = "yto") -> Iterator[Desk]:
    with FAKES[carrier].kind() as fake:
        desk = Desk(fake)
        yield desk
        desk.close()


def shown(value: msgspec.Struct) -> str:
    """As a journal or a traceback would show it."""
    return repr(value)
