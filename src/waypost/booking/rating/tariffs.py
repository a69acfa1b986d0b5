"""A rate card made ready to price: every amount in minor units, every rule with the words that explain it."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from waypost.booking.rating.amounts import millionths_of, minor_of, part_of, write_minor
from waypost.booking.rating.areas import Places, Spot
from waypost.booking.rating.cards import Card, Of, Surcharge, Weigh, Zone
from waypost.booking.rating.shipments import Piece, Shipment

#: Ways whose zone is remembered.
_MOST_WAYS = 10_000
_UNASKED: Any = object()


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a price. The lines of a price sum to its total, in minor units of its currency.

    Attributes:
        kind: `carriage`, `continued`, `minimum`, `tax`, or the kind of a surcharge.
        rule: where in the card it stands, and what it says.
        quantity, unit: of what, and how much of it.
        rate: what one is charged at, as people read it.
        card: the version of the card.
    """

    kind: str
    rule: str
    quantity: int
    unit: str
    rate: str
    minor: int
    card: str


class Priced(msgspec.Struct, frozen=True, gc=False):
    """What a card asks for a shipment.

    Attributes:
        billed_g: the weight that was priced, of all parcels.
        notes: what was not known.
    """

    zone: Zone
    lines: list[Line]
    minor: int
    billed_g: int
    notes: tuple[str, ...]


class Declined(msgspec.Struct, frozen=True, gc=False):
    """Why there is no price: a code that stays (`not_served`, `too_heavy` ...), and words."""

    code: str
    why: str


class _Rates(msgspec.Struct, frozen=True):
    """The prices of a zone, by their brackets."""

    ups: list[int]
    prices: list[int]
    rules: list[str]
    rates: list[str]
    step_g: int
    step_minor: int
    step_rule: str
    step_rate: str


class _Added(msgspec.Struct, frozen=True):
    """A surcharge, ready."""

    said: Surcharge
    to: Places
    rule: str
    amount: int | None
    amount_rate: str
    millionths: int | None
    percent_rate: str
    least: int | None
    most: int | None
    free: int
    is_of_parcels: bool


class Tariff:
    """Prices shipments by one card, which has no flaws (`checking.find_flaws`)."""

    def __init__(self, card: Card) -> None:
        self.card = card
        currency = card.currency
        self._ends = [(Places(zone.from_), Places(zone.to), zone) for zone in card.zones]
        self._rates = {zone.name: _rates_of(zone, f"zone {zone.name}", currency) for zone in card.zones}
        self._added = [_added_of(each, number, currency) for number, each in enumerate(card.surcharges)]
        self._found: dict[tuple[Spot, Spot], Zone | None] = {}
        self._ways: dict[Spot, list[tuple[Places, Zone]]] = {}
        self._least_parcel = _find_minor(card.minimum_parcel, currency) or 0
        self._least_all = _find_minor(card.minimum_consignment, currency) or 0
        self._tax = millionths_of(card.tax.percent) if card.tax else 0
        self._most_cod = _find_minor(card.bounds.most_cod, currency)
        self._most_value = _find_minor(card.bounds.most_value, currency)

    def find_zone(self, sender: Spot, consignee: Spot) -> Zone | None:
        """The first zone of the card that has the way; None if none has."""
        way = (sender, consignee)
        found: Zone | None = self._found.get(way, _UNASKED)
        if found is not _UNASKED:
            return found
        if len(self._found) >= _MOST_WAYS:
            self._found.clear()
            self._ways.clear()
        ways = self._ways.get(sender)
        if ways is None:
            ways = self._ways[sender] = [(to, zone) for start, to, zone in self._ends if sender in start]
        zone = self._found[way] = next((zone for to, zone in ways if consignee in to), None)
        return zone

    def price(self, shipment: Shipment, day: date) -> Priced | Declined:
        """The lines of a price for what is handed over on a day that the card covers, or why there is none."""
        zone = self.find_zone(shipment.sender, shipment.consignee)
        if zone is None:
            return Declined("not_served", "no zone of the card has this way")
        if not zone.served:
            return Declined("not_served", zone.why or f"zone {zone.name} is not served")
        if declined := self._find_bound(shipment):
            return declined
        billed = self._weigh(shipment.pieces)
        lines: list[Line] = []
        for weight_g in billed:
            if declined := self._carry(self._rates[zone.name], weight_g, lines):
                return declined
        carriage = 0
        for line in lines:
            carriage += line.minor
        if carriage < self._least_all:
            self._raise(lines, "a consignment", self._least_all, carriage)
            carriage = self._least_all
        total = carriage
        for added in self._added:
            total += self._add(added, shipment, day, carriage, total, lines)
        if self.card.tax is not None:
            rate = f"{_plain(self.card.tax.percent)} %"
            tax = part_of(total, self._tax)
            lines.append(Line("tax", self.card.tax.name, total, "minor units", rate, tax, self.card.version))
            total += tax
        return Priced(zone, lines, total, sum(billed), self._notes(shipment))

    def _find_bound(self, shipment: Shipment) -> Declined | None:
        bounds, currency = self.card.bounds, self.card.currency
        if bounds.most_parcels is not None and len(shipment.pieces) > bounds.most_parcels:
            return Declined("too_many_parcels", f"at most {bounds.most_parcels} parcels")
        for piece in shipment.pieces:
            if bounds.most_weight_g is not None and piece.weight_g > bounds.most_weight_g:
                return Declined("too_heavy", f"{piece.weight_g} g; at most {bounds.most_weight_g} g a parcel")
            if bounds.most_side_mm is not None and piece.longest_mm > bounds.most_side_mm:
                return Declined("too_large", f"{piece.longest_mm} mm; no side above {bounds.most_side_mm} mm")
            if bounds.most_girth_mm is not None and piece.girth_mm > bounds.most_girth_mm:
                return Declined("too_large", f"a girth of {piece.girth_mm} mm; at most {bounds.most_girth_mm} mm")
        told = shipment.cod_minor or shipment.value_minor
        if shipment.cod_minor and not bounds.cod:
            return Declined("no_cod", "collects nothing at the door")
        if told and shipment.currency != currency:
            return Declined("other_currency", f"amounts are in {shipment.currency}, and the card in {currency}")
        if self._most_cod is not None and shipment.cod_minor > self._most_cod:
            return Declined("cod_too_high", f"collects at most {write_minor(self._most_cod, currency)}")
        if self._most_value is not None and shipment.value_minor > self._most_value:
            return Declined("value_too_high", f"is liable for at most {write_minor(self._most_value, currency)}")
        return None

    def _weigh(self, pieces: Sequence[Piece]) -> list[int]:
        """What is billed: of each parcel, or of all at once, the greater of weight and room, rounded up."""
        volumetric, step = self.card.volumetric, self.card.round_up_g
        if self.card.weigh is Weigh.CONSIGNMENT:
            room = sum(self._room_g(piece) for piece in pieces) if volumetric is not None else 0
            weights = [max(sum(piece.weight_g for piece in pieces), room)]
        elif volumetric is not None:
            weights = [max(piece.weight_g, self._room_g(piece)) for piece in pieces]
        else:
            weights = [piece.weight_g for piece in pieces]
        return weights if step == 1 else [-(-weight // step) * step for weight in weights]

    def _room_g(self, piece: Piece) -> int:
        """A cubic millimetre is a thousandth of a cubic centimetre, and a gram of a kilogram: the thousands go."""
        volumetric = self.card.volumetric
        if volumetric is None or piece.longest_mm < volumetric.from_mm:
            return 0
        return -(-piece.room_mm3 // volumetric.divisor)

    def _carry(self, rates: _Rates, weight_g: int, lines: list[Line]) -> Declined | None:
        version = self.card.version
        at = bisect_left(rates.ups, weight_g)
        if at < len(rates.ups):
            price = rates.prices[at]
            lines.append(Line("carriage", rates.rules[at], weight_g, "g", rates.rates[at], price, version))
        elif not rates.step_g:
            return Declined("too_heavy", f"{weight_g} g are billed; its prices end at {rates.ups[-1]} g")
        else:
            price = rates.prices[-1]
            steps = -(-(weight_g - rates.ups[-1]) // rates.step_g)
            lines.append(Line("carriage", rates.rules[-1], rates.ups[-1], "g", rates.rates[-1], price, version))
            more = steps * rates.step_minor
            lines.append(Line("continued", rates.step_rule, steps, "steps", rates.step_rate, more, version))
            price += more
        if price < self._least_parcel:
            self._raise(lines, "a parcel", self._least_parcel, price)
        return None

    def _raise(self, lines: list[Line], what: str, least: int, minor: int) -> None:
        """Add what is missing to a minimum."""
        rate = write_minor(least, self.card.currency)
        lines.append(Line("minimum", f"least for {what}", 1, what, rate, least - minor, self.card.version))

    def _add(self, added: _Added, shipment: Shipment, day: date, carriage: int, total: int, lines: list[Line]) -> int:
        """Add the lines of one surcharge, if its conditions hold; what they come to."""
        said, version = added.said, self.card.version
        if (said.valid_from and day < said.valid_from) or (said.valid_until and day > said.valid_until):
            return 0
        if (said.residential and not shipment.is_residence) or (said.to and shipment.consignee not in added.to):
            return 0
        fitting = len(shipment.pieces)
        if added.is_of_parcels:
            fitting = sum(_fits(said, piece) for piece in shipment.pieces)
        base = _base(said.of, shipment, carriage, total)
        if not fitting or (not base and said.of in (Of.COD, Of.VALUE)):
            return 0
        sum_minor = 0
        if added.amount is not None:
            is_each = said.each is Weigh.PARCEL
            times, unit = (fitting, "parcels") if is_each else (1, "consignments")
            sum_minor = times * added.amount
            lines.append(Line(said.kind, added.rule, times, unit, added.amount_rate, sum_minor, version))
        charged = base - added.free
        if added.millionths is not None and charged > 0:
            minor = part_of(charged, added.millionths)
            if added.least is not None:
                minor = max(minor, added.least)
            if added.most is not None:
                minor = min(minor, added.most)
            lines.append(Line(said.kind, added.rule, charged, "minor units", added.percent_rate, minor, version))
            sum_minor += minor
        return sum_minor

    def _notes(self, shipment: Shipment) -> tuple[str, ...]:
        """Sizes matter to this card, and nobody measured."""
        is_asked = self.card.volumetric is not None or self.card.bounds.most_girth_mm is not None
        if is_asked and any(not piece.room_mm3 for piece in shipment.pieces):
            return ("not all sides are known: the price may rise with the room it takes",)
        return ()


def _fits(said: Surcharge, piece: Piece) -> bool:
    return (
        (said.weight_over_g is None or piece.weight_g > said.weight_over_g)
        and (said.side_over_mm is None or piece.longest_mm > said.side_over_mm)
        and (said.girth_over_mm is None or piece.girth_mm > said.girth_over_mm)
    )


def _base(of: Of, shipment: Shipment, carriage: int, total: int) -> int:
    """What a percentage is of."""
    if of is Of.CARRIAGE:
        return carriage
    if of is Of.SUBTOTAL:
        return total
    return shipment.cod_minor if of is Of.COD else shipment.value_minor


def _rates_of(zone: Zone, where: str, currency: str) -> _Rates:
    prices = [minor_of(bracket.price, currency) for bracket in zone.brackets]
    step = zone.continued
    step_minor = minor_of(step.price, currency) if step else 0
    return _Rates(
        [bracket.up_to_g for bracket in zone.brackets],
        prices,
        [f"{where}: up to {bracket.up_to_g} g" for bracket in zone.brackets],
        [write_minor(price, currency) for price in prices],
        step.step_g if step else 0,
        step_minor,
        f"{where}: each {step.step_g} g beyond {zone.brackets[-1].up_to_g} g" if step and zone.brackets else "",
        write_minor(step_minor, currency),
    )


def _added_of(said: Surcharge, number: int, currency: str) -> _Added:
    amount = _find_minor(said.amount, currency)
    least, most = _find_minor(said.minimum, currency), _find_minor(said.maximum, currency)
    bounds = f", at least {write_minor(least, currency)}" if least is not None else ""
    bounds += f", at most {write_minor(most, currency)}" if most is not None else ""
    return _Added(
        said,
        Places(said.to),
        f"surcharge {number + 1}: {said.kind}",
        amount,
        "" if amount is None else write_minor(amount, currency),
        None if said.percent is None else millionths_of(said.percent),
        "" if said.percent is None else f"{_plain(said.percent)} % of {said.of.value}{bounds}",
        least,
        most,
        _find_minor(said.free_up_to, currency) or 0,
        any(each is not None for each in (said.weight_over_g, said.side_over_mm, said.girth_over_mm)),
    )


def _find_minor(amount: Decimal | None, currency: str) -> int | None:
    return None if amount is None else minor_of(amount, currency)


def _plain(percent: Decimal) -> str:
    return f"{percent.normalize():f}"
