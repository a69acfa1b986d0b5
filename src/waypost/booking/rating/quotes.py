"""Quotes: an order priced with every contracted service, sorted, and why those are missing that are."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from waypost.booking.rating.areas import Spot
from waypost.booking.rating.asking import CarrierRate, RateSource
from waypost.booking.rating.carbon import CityFinder, Emission, emit, factor_of, great_circle_km
from waypost.booking.rating.cards import Card, find_holding, find_standing
from waypost.booking.rating.promised import Basis, Promised
from waypost.booking.rating.shipments import Shipment
from waypost.booking.rating.tariffs import Declined, Line, Tariff
from waypost.booking.rating.windows import Window, find_window
from waypost.forecast.promising import Promise
from waypost.model.errors import WaypostError
from waypost.model.instants import get_zone

#: So long carriers that tell their own rates are waited for, all together; and so many are asked at one time.
CARRIERS_S = 8.0
_AT_ONCE = 16
#: Answers about places and days that are remembered.
_MOST_KNOWN = 100_000
#: `best` takes so many days more than the fastest for a lower price.
_PATIENCE = timedelta(days=1)
_UNASKED: Any = object()


class Source(StrEnum):
    """Who says what it costs."""

    CARD = "card"  #: the contract, as the operator wrote it down
    CARRIER = "carrier"  #: the carrier, asked now


class Prefer(StrEnum):
    """By what quotes are sorted."""

    PRICE = "price"
    ARRIVAL = "arrival"
    CO2 = "co2"
    BEST = "best"


class Quote(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one service asks.

    Attributes:
        minor: the total, in minor units of `currency`; what `lines` sum to.
        card, zone, billed_g: the version that holds, the zone of it, the weight that was priced; none of a carrier's.
        window: days of arrival by the carrier's own table; None if it has none.
        promise: when it arrives by what was learnt; None if nothing was, see `Quoted.promised`.
        co2: well to wheel.
    """

    account: str
    service: str
    source: Source
    currency: str
    minor: int
    lines: Sequence[Line]
    card: str = ""
    zone: str = ""
    billed_g: int | None = None
    window: Window | None = None
    promise: Promise | None = None
    co2: Emission
    notes: tuple[str, ...] = ()

    @property
    def arrives(self) -> date | None:
        """The usual day of arrival, as likely earlier as later if it is promised."""
        if self.promise is not None:
            return date.fromisoformat(self.promise.p50_at[:10])
        return self.window.usual if self.window is not None else None


class Unquoted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A service without a price. `code` stays: `not_served`, `too_heavy`, `no_card` ..."""

    account: str
    service: str
    code: str
    why: str


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """All services for one shipment.

    Attributes:
        quotes: the preferred one first. `sorted_by` says why.
        unquoted: the others, with the reason.
        promised: what promises rest on.
    """

    quotes: list[Quote]
    unquoted: list[Unquoted]
    sorted_by: str
    promised: Basis


class Quoter:
    """Quotes over the cards of all accounts. Cheap to ask, so keep one while the cards stay as they are.

    Args:
        find_city: where a city lies.
        sources: carriers that tell their own rates, by account.
        promised: says when what is quoted arrives.
    """

    def __init__(
        self,
        cards: Sequence[Card],
        find_city: CityFinder,
        sources: Mapping[str, RateSource] | None = None,
        accounts: Sequence[str] = (),
        promised: Promised | None = None,
    ) -> None:
        by_service: dict[tuple[str, str], list[Card]] = defaultdict(list)
        for card in cards:
            by_service[card.account, card.service].append(card)
        self._services = {key: _Service(*key, some, self._find_km) for key, some in sorted(by_service.items())}
        self.find_city = find_city
        self._sources = sources or {}
        self._promised = promised or Promised.by_nothing()
        self._bare = sorted({*accounts} - {account for account, _ in by_service} - {*self._sources})
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ask rates") if self._sources else None
        self._km: dict[tuple[str, str, str, str, str, str], int | None] = {}

    def quote(
        self, shipment: Shipment, at_ms: int, prefer: Prefer = Prefer.BEST, *, account: str = "", service: str = ""
    ) -> Quoted:
        """What every service asks at an instant, UTC milliseconds, or why it asks nothing.

        Args:
            account, service: only that one, as an order names them; "" for any.
        """
        found: list[Quote] = []
        missing: list[Unquoted] = []
        for key, each in self._services.items():
            if (not account or key[0] == account) and (not service or key[1] == service):
                answer = each.quote(shipment, at_ms)
                (found if type(answer) is Quote else missing).append(answer)  # type: ignore[arg-type]
        for name in self._bare:
            if not account or name == account:
                missing.append(_unquoted(name, service, "no_card", "no rate card was imported for this account"))
        for quotes, unquoted in self._ask_carriers(shipment, account, service):
            found += quotes
            missing += unquoted
        if not found and not missing:
            missing.append(_unquoted(account, service, "no_card", "no rate card is there for what the order names"))
        found, basis = self._promise(found, shipment, at_ms)
        return Quoted(quotes=sort_quotes(found, prefer), unquoted=missing, sorted_by=_explain(prefer), promised=basis)

    def _promise(self, quotes: list[Quote], shipment: Shipment, at_ms: int) -> tuple[list[Quote], Basis]:
        """The same quotes with what was learnt of when they arrive."""
        told, basis = self._promised.promise(shipment, [quote.account for quote in quotes], at_ms, self.find_city)
        return [msgspec.structs.replace(quote, promise=told.get(quote.account)) for quote in quotes], basis

    def _ask_carriers(self, shipment: Shipment, account: str, service: str) -> list[tuple[list[Quote], list[Unquoted]]]:
        """What carriers tell themselves, asked at the same time; one that takes too long is left out, and told."""
        asked = [(name, source) for name, source in self._sources.items() if not account or name == account]
        if not asked or self._pool is None:
            return []
        begun = [(name, self._pool.submit(_ask, name, source, shipment, service)) for name, source in asked]
        _, late = wait([future for _, future in begun], CARRIERS_S)
        answers: list[tuple[list[Quote], list[Unquoted]]] = []
        for name, future in begun:
            if future in late:
                future.cancel()
                why = f"the carrier did not tell its rates within {CARRIERS_S:g} s"
                answers.append(([], [_unquoted(name, service, "carrier_unreachable", why)]))
            else:
                answers.append(future.result())
        return answers

    def _find_km(self, sender: Spot, consignee: Spot) -> int | None:
        way = (sender.country, sender.province, sender.city, consignee.country, consignee.province, consignee.city)
        known: int | None = self._km.get(way, _UNASKED)
        if known is _UNASKED:
            if len(self._km) >= _MOST_KNOWN:
                self._km.clear()
            start, end = self.find_city(*way[:3]), self.find_city(*way[3:])
            known = self._km[way] = None if start is None or end is None else great_circle_km(start, end)
        return known


class _Service:
    """One account's service, over all versions of its card."""

    def __init__(
        self, account: str, service: str, cards: list[Card], find_km: Callable[[Spot, Spot], int | None]
    ) -> None:
        self._account = account
        self._service = service
        self._standing = find_standing(cards)
        self._tariffs = {card.version: Tariff(card) for card in self._standing}
        self._factors = {card.version: factor_of(card.carbon) for card in self._standing}
        self._find_km = find_km
        self._now: dict[tuple[int, str], datetime] = {}
        self._windows: dict[tuple[str, str, date, datetime], Window | None] = {}

    def quote(self, shipment: Shipment, at_ms: int) -> Quote | Unquoted:
        now = self._clock(at_ms, self._standing[-1].time_zone)
        day = shipment.day or now.date()
        card = find_holding(self._standing, day)
        if card is None:
            return _unquoted(self._account, self._service, "no_card", f"no card of it holds on {day}")
        priced = self._tariffs[card.version].price(shipment, day)
        if type(priced) is Declined:
            return _unquoted(self._account, self._service, priced.code, priced.why)
        assert not isinstance(priced, Declined)
        zone = priced.zone
        window = None
        if zone.transit is not None:
            key = (card.version, zone.name, day, now)
            window = self._windows.get(key, _UNASKED)
            if window is _UNASKED:
                window = self._windows[key] = find_window(card.handover, zone.transit, day, now)
        return Quote(
            account=self._account,
            service=self._service,
            source=Source.CARD,
            currency=card.currency,
            minor=priced.minor,
            lines=priced.lines,
            card=card.version,
            zone=zone.name,
            billed_g=priced.billed_g,
            window=window,
            co2=self._emission(card, shipment, zone.distance_km),
            notes=priced.notes,
        )

    def _clock(self, at_ms: int, zone: str) -> datetime:
        """The time there; remembered, for many orders are quoted for one instant."""
        now = self._now.get((at_ms, zone))
        if now is None:
            self._now.clear()
            self._windows.clear()
            now = datetime.fromtimestamp(at_ms / 1000, get_zone(zone)).replace(tzinfo=None)
            self._now[at_ms, zone] = now
        return now

    def _emission(self, card: Card, shipment: Shipment, zone_km: int | None) -> Emission:
        factor = self._factors[card.version]
        if factor is None:
            return Emission(None, f"no figure is known for {card.carbon.mode}")
        km, how = self._find_km(shipment.sender, shipment.consignee), "great circle"
        if km is None:
            km, how = zone_km, "distance of the zone"
        if km is None:
            return Emission(None, "neither the cities nor the zone tell how far it is")
        grams = emit(sum(piece.weight_g for piece in shipment.pieces), km, factor[0])
        return Emission(grams, f"{km} km ({how}), {factor[0] / 1000:g} g/t·km: {factor[1]}")


def choose(quotes: Sequence[Quote], prefer: Prefer = Prefer.BEST) -> Quote | None:
    """The one to book; None if there is none."""
    return next(iter(sort_quotes(quotes, prefer)), None)


def sort_quotes(quotes: Sequence[Quote], prefer: Prefer) -> list[Quote]:
    """The preferred first. What is unknown comes last; prices are compared within one currency only.

    Which currency comes first is a matter of how many quotes are in it, then of its name: there are no exchange rates.
    """
    many: dict[str, int] = defaultdict(int)
    for quote in quotes:
        many[quote.currency] += 1
    days = [quote.arrives for quote in quotes if quote.arrives is not None]
    soon = min(days) + _PATIENCE if days else date.max

    def key(quote: Quote) -> tuple[int | str | date | bool, ...]:
        price = (-many[quote.currency], quote.currency, quote.minor)
        usual = quote.arrives or date.max
        co2 = quote.co2.grams if quote.co2.grams is not None else 1 << 62
        name = (quote.account, quote.service, quote.source.value)
        if prefer is Prefer.PRICE:
            return (*price, usual, co2, *name)
        if prefer is Prefer.ARRIVAL:
            return (usual, *price, co2, *name)
        if prefer is Prefer.CO2:
            return (co2, *price, usual, *name)
        return (usual > soon, *price, usual, co2, *name)

    return sorted(quotes, key=key)


def _explain(prefer: Prefer) -> str:
    return {
        Prefer.PRICE: "the lowest price first",
        Prefer.ARRIVAL: "the earliest usual day of arrival first, then the lowest price",
        Prefer.CO2: "the least CO2e first, then the lowest price; unknown last",
        Prefer.BEST: "the lowest price first of those that usually come within a day of the earliest; then the others",
    }[prefer]


def _ask(account: str, source: RateSource, shipment: Shipment, service: str) -> tuple[list[Quote], list[Unquoted]]:
    """What a carrier says. One that cannot say it hinders no other."""
    try:
        rates = source.ask_rates(shipment)
    except WaypostError as error:
        return [], [_unquoted(account, service, error.code, str(error))]
    return [_told(account, rate, shipment) for rate in rates if not service or rate.service == service], []


def _told(account: str, rate: CarrierRate, shipment: Shipment) -> Quote:
    lines = [Line(kind, "the carrier's own", 1, "charges", "", minor, "") for kind, minor in rate.charges]
    window = None
    if rate.usual_days is not None and shipment.day is not None:
        usual = shipment.day + timedelta(days=rate.usual_days)
        window = Window(shipment.day, usual, usual, usual)
    return Quote(
        account=account,
        service=rate.service,
        source=Source.CARRIER,
        currency=rate.currency,
        minor=rate.minor,
        lines=lines,
        window=window,
        co2=Emission(None, "the carrier does not say"),
    )


def _unquoted(account: str, service: str, code: str, why: str) -> Unquoted:
    return Unquoted(account=account, service=service, code=code, why=why)
