"""What the shape of a card alone does not tell."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from waypost.booking.rating.amounts import millionths_of, minor_of
from waypost.booking.rating.areas import Places
from waypost.booking.rating.cards import Area, Card, Surcharge, Zone
from waypost.model.errors import BadInput
from waypost.model.instants import get_zone

#: Where in a card, what is wrong, how to mend it.
Flaw = tuple[str, str, str | None]


def find_flaws(card: Card) -> list[Flaw]:
    """All that keeps a card from being used; none if it can be."""
    flaws = list(_of_frame(card))
    for name, times in Counter(zone.name for zone in card.zones).items():
        if times > 1:
            flaws.append(("zones", f"{times} zones are named {name!r}", "Name each once: bills and quotes tell it."))
    for number, zone in enumerate(card.zones):
        flaws += _of_zone(card, zone, f"zones[{number}]")
    for number, surcharge in enumerate(card.surcharges):
        flaws += _of_surcharge(card, surcharge, f"surcharges[{number}]")
    return flaws


def _of_frame(card: Card) -> Iterator[Flaw]:
    yield from _of_days("", card.valid_from, card.valid_until)
    try:
        get_zone(card.time_zone)
    except BadInput as error:
        yield "time_zone", error.message, "Give an IANA name, such as Asia/Shanghai."
    if card.corrects == card.version:
        yield "corrects", "is the version itself", "Name the version that it takes the place of."
    for where, amount in (
        ("minimum_parcel", card.minimum_parcel),
        ("minimum_consignment", card.minimum_consignment),
        ("bounds.most_cod", card.bounds.most_cod),
        ("bounds.most_value", card.bounds.most_value),
    ):
        yield from _of_amount(card, where, amount)
    if card.tax is not None:
        yield from _of_percent("tax.percent", card.tax.percent)
    carbon = card.carbon
    if carbon.g_per_tkm is not None:
        if not carbon.g_per_tkm.is_finite() or not 0 <= carbon.g_per_tkm <= 100_000:
            yield "carbon.g_per_tkm", f"{carbon.g_per_tkm} is no figure from 0 to 100000", None
        if not carbon.source:
            yield "carbon.source", "is missing", "Say from where the figure is, and of which year."


def _of_zone(card: Card, zone: Zone, where: str) -> Iterator[Flaw]:
    yield from _of_areas(f"{where}.from", zone.from_)
    yield from _of_areas(f"{where}.to", zone.to)
    if zone.served and not zone.brackets:
        yield f"{where}.brackets", "has none", "Give the price of the first weight, or `served = false`."
    if not zone.served and (zone.brackets or zone.continued):
        yield f"{where}.served", "is false, and yet there are prices", "Take one of them away."
    last_g = 0
    for number, bracket in enumerate(zone.brackets):
        if bracket.up_to_g <= last_g:
            yield (
                f"{where}.brackets[{number}].up_to_g",
                f"{bracket.up_to_g} is not above {last_g}",
                "Begin with the least.",
            )
        last_g = bracket.up_to_g
        yield from _of_amount(card, f"{where}.brackets[{number}].price", bracket.price)
    if zone.continued is not None:
        yield from _of_amount(card, f"{where}.continued.price", zone.continued.price)
    if zone.transit is not None and not zone.transit.least <= zone.transit.usual <= zone.transit.most:
        yield f"{where}.transit", "its days fall", "Give `least`, `usual` and `most`, none below the one before."


def _of_surcharge(card: Card, surcharge: Surcharge, where: str) -> Iterator[Flaw]:
    if surcharge.amount is None and surcharge.percent is None:
        yield where, "adds nothing", "Give `amount`, `percent`, or both."
    yield from _of_days(f"{where}.", surcharge.valid_from, surcharge.valid_until)
    yield from _of_areas(f"{where}.to", surcharge.to)
    for name in ("amount", "minimum", "maximum", "free_up_to"):
        yield from _of_amount(card, f"{where}.{name}", getattr(surcharge, name))
    if surcharge.percent is not None:
        yield from _of_percent(f"{where}.percent", surcharge.percent)
    else:
        for name in ("minimum", "maximum", "free_up_to"):
            if getattr(surcharge, name) is not None:
                yield f"{where}.{name}", "bounds a percentage, and there is none", "Give `percent`, or take it away."
    if surcharge.minimum is not None and surcharge.maximum is not None and surcharge.minimum > surcharge.maximum:
        yield f"{where}.minimum", "is above `maximum`", None


def _of_days(prefix: str, first: date | None, last: date | None) -> Iterator[Flaw]:
    if first is not None and last is not None and last < first:
        yield f"{prefix}valid_until", f"{last} is before {first}, when it begins", None


def _of_areas(where: str, areas: Sequence[Area]) -> Iterator[Flaw]:
    for number, area in enumerate(areas):
        try:
            Places([area])
        except BadInput as error:
            yield f"{where}[{number}].postcodes", error.message, error.mend


def _of_amount(card: Card, where: str, amount: Decimal | None) -> Iterator[Flaw]:
    if amount is not None:
        try:
            minor_of(amount, card.currency)
        except BadInput as error:
            yield where, error.message, "Write it in the card's currency, such as 12.50."


def _of_percent(where: str, percent: Decimal) -> Iterator[Flaw]:
    try:
        millionths_of(percent)
    except BadInput as error:
        yield where, error.message, "Write 12.5 for 12.5 %."
