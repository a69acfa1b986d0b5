"""Two merchants with booked parcels over real records, and changes that a test makes happen."""

import itertools
from typing import Any

import msgspec

from waypost.access.parties import Parties
from waypost.access.sealing import Seal
from waypost.booking.issuing import Address, Issued, Item
from waypost.booking.order_book import OrderBook
from waypost.booking.orders import Order
from waypost.care.consignees import Consignees, MailAudience
from waypost.care.deliveries import Deliveries, Delivery
from waypost.care.mail_terms import MailTerms
from waypost.care.messages import WebhookAudience
from waypost.care.notices import Notices
from waypost.care.patience import Patience
from waypost.care.subscriptions import Subscriptions
from waypost.care.teller import Teller
from waypost.engines.reference import open_reference
from waypost.model.carriage import Waybill
from waypost.model.instants import Instant, OffsetSource
from waypost.model.parties import PartyKind
from waypost.model.places import Facility, FacilityKind, Place
from waypost.model.scans import ScanEvent, batch_of
from waypost.network.facilities import Facilities
from waypost.testing import Clock
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables
from waypost.web.destinations import Places

HOME = Address(name="Ana Exemplo", country="BR", street="Rua das Laranjeiras 1", city="Rio")
DAY_MS = 86_400_000
#: What happened longer ago is not told by mail.
NEWS_MS = 12 * 3_600_000


class World:
    """`move` lets something happen to a parcel; `tell` reads it for webhooks."""

    def __init__(self, **more: Any) -> None:
        self.clock = Clock()
        self._nonces = itertools.count(1)
        self.memory = open_reference(StatusFold(bundled_tables()))
        self.records = self.memory.records
        self.seal = Seal({1: b"k" * 32}, self.token)
        parties = Parties(self.records, self.token)
        self.estrela = parties.add(PartyKind.MERCHANT, "Estrela", 1).id
        self.ming = parties.add(PartyKind.MERCHANT, "Ming", 1).id
        self.parties = parties
        self.book = OrderBook(self.records, lambda: self.seal)
        self.facilities = Facilities(self.records)
        self.facilities.keep(
            [
                Facility(
                    carrier="waypost",
                    code="GIG",
                    name="Galeão hub",
                    kind=FacilityKind.HUB,
                    place=Place(city="Rio de Janeiro", region="RJ", country="BR", zone="America/Sao_Paulo"),
                )
            ]
        )
        self.subscriptions = Subscriptions(
            self.records, lambda: self.seal, self.token, Places(allow_http=True, allow_private=True).check_url
        )
        self.terms = MailTerms(self.records, lambda: self.seal, self.token)
        self.notices = Notices(self.records, Patience(more.get("patience_ms", DAY_MS), lambda: 0.5))
        self.consignees = Consignees(self.records, lambda: self.seal, self.terms, self.facilities)
        self.deliveries = Deliveries(self.records, more.get("patience_ms", DAY_MS), lambda: 0.5)
        self.restart()

    def restart(self) -> None:
        """What a crash leaves: the records, and nothing else."""
        audiences = [WebhookAudience(), MailAudience(lambda: self.seal, NEWS_MS)]
        self.teller = Teller(self.memory.changes, self.memory.index, self.records, self.facilities, audiences)
        self.teller.settle()

    def token(self, size: int) -> bytes:
        return next(self._nonces).to_bytes(size)

    def ship(self, merchant: str, reference: str, number: str, carrier: str = "waypost", **told: Any) -> None:
        """`told`: of the order; `email` and `country` of its consignee."""
        person = {name: told.pop(name) for name in ("email", "country") if name in told}
        home = msgspec.structs.replace(HOME, **person)
        order = Order(reference=reference, sender=HOME, consignee=home, items=(Item(description="Hat"),), **told)
        [entry] = self.book.enter(merchant, [(0, order)], self.clock()).entries
        [parcel] = self.book.get(merchant, entry.id).parcels
        issued = Issued(waybill=Waybill(carrier, number), reference=parcel.reference, channel="test")
        with self.records.begin() as connection:
            self.book.note_booked(connection, issued, self.clock())

    def move(self, number: str, code: str, facility: str | None = "GIG", carrier: str = "waypost") -> None:
        """Indexed when this returns."""
        self.clock.move(minutes=1)
        at = Instant(self.clock(), -180, OffsetSource.REPORTED)
        scan = ScanEvent(
            carrier=carrier, number=number, code=code, at=at, facility=facility, recorded_at_ms=self.clock()
        )
        self.memory.log.append(batch_of([scan]))
        assert self.memory.index.catch_up(self.memory.log.position(), 5)

    def tell(self, most: int = 1000) -> int:
        """How many deliveries come of what changed."""
        told = 0
        while (read := self.teller.turn(self.clock(), most)).changes:
            told += read.told
        return told

    def subscribe(self, merchant: str | None = None, url: str = "http://127.0.0.1:1/", *statuses: str) -> str:
        return self.subscriptions.add(merchant or self.estrela, url, statuses, self.clock())[0].id

    def list_due(self, webhook: str, most: int = 100) -> list[Delivery]:
        return self.deliveries.list_due(webhook, self.clock(), most)

    def close(self) -> None:
        self.memory.close()
