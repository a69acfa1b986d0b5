"""Rate cards: what an account pays for a service, as its operator writes it down.

Amounts are decimals of the card's currency here, as they stand in the file; `tariffs` counts them in minor units.
"""

import hashlib
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from waypost.booking.issuing import whole

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Grams = Annotated[int, msgspec.Meta(ge=1, le=2_000_000)]
Millimetres = Annotated[int, msgspec.Meta(ge=1, le=60_000)]
Days = Annotated[int, msgspec.Meta(ge=0, le=365)]


class Weigh(StrEnum):
    """What is weighed together."""

    PARCEL = "parcel"  #: each parcel by itself
    CONSIGNMENT = "consignment"  #: all parcels of an order at once


class Of(StrEnum):
    """What a percentage is of."""

    CARRIAGE = "carriage"  #: the weight's price, with what the minima add
    SUBTOTAL = "subtotal"  #: all lines before this one
    COD = "cod"  #: what is collected at the door
    VALUE = "value"  #: the declared value


class Mode(StrEnum):
    """How most of the way is made."""

    ROAD = "road"
    RAIL = "rail"
    AIR = "air"
    SEA = "sea"
    WATER = "water"  #: inland


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Places. All that is told has to fit; of each list one entry.

    Attributes:
        country: ISO 3166-1 alpha-2.
        postcodes: one (`90210`), all that begin so (`01*`), or from one to another (`200000-209999`).
    """

    country: Annotated[str, msgspec.Meta(pattern=whole("[A-Z]{2}"))]
    provinces: tuple[Name, ...] = ()
    cities: tuple[Name, ...] = ()
    postcodes: tuple[Name, ...] = ()


class Bracket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price of what weighs more than the bracket before and no more than this one."""

    up_to_g: Grams
    price: Decimal


class Continued(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each begun step beyond the last bracket adds."""

    step_g: Grams
    price: Decimal


class Transit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days under way, by the carrier's table."""

    least: Days
    usual: Days
    most: Days


class Zone(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """What some ways cost. Of a card's zones the first that fits holds.

    Attributes:
        from_, to: the places at the ends; none: anywhere.
        served: False: these ways are not carried, and `why` tells the merchant.
        continued: beyond the last bracket; without it what is heavier is not carried.
        distance_km: for CO2 where the cities are not known.
    """

    name: Name
    from_: tuple[Area, ...] = ()
    to: tuple[Area, ...] = ()
    served: bool = True
    why: Annotated[str, msgspec.Meta(max_length=200)] = ""
    brackets: tuple[Bracket, ...] = ()
    continued: Continued | None = None
    transit: Transit | None = None
    distance_km: Annotated[int, msgspec.Meta(ge=0, le=25_000)] | None = None


class Volumetric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weight of room: cubic centimetres that count as a kilogram.

    Attributes:
        from_mm: only of parcels with a side at least so long.
    """

    divisor: Annotated[int, msgspec.Meta(ge=100, le=100_000)]
    from_mm: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 0


class Surcharge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is added, under all the conditions that it names.

    Attributes:
        kind: `fuel`, `remote`, `oversize`, `peak`, `residential`, `cod`, `insurance` or a word of the carrier's: how
            bills and disputes name it.
        amount: flat, once or for each parcel that fits (`each`).
        percent: of `of`; both may be given. `minimum` and `maximum` hold for the percentage.
        free_up_to: of what the percentage is of, so much is free.
        valid_from, valid_until: days on which it holds, both with.
        to: only there.
        residential: only to consignees without a company.
        weight_over_g, side_over_mm, girth_over_mm: only of parcels with more than that; girth is the longest side
            and twice each of the others.
    """

    kind: Annotated[str, msgspec.Meta(pattern=whole("[a-z][a-z_]{0,31}"))]
    amount: Decimal | None = None
    each: Weigh = Weigh.PARCEL
    percent: Decimal | None = None
    of: Of = Of.CARRIAGE
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    free_up_to: Decimal | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    to: tuple[Area, ...] = ()
    residential: bool = False
    weight_over_g: Grams | None = None
    side_over_mm: Millimetres | None = None
    girth_over_mm: Millimetres | None = None


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not carried at all. `most_*` of one parcel, but for `most_parcels`."""

    most_weight_g: Grams | None = None
    most_side_mm: Millimetres | None = None
    most_girth_mm: Millimetres | None = None
    most_parcels: Annotated[int, msgspec.Meta(ge=1)] | None = None
    cod: bool = False
    most_cod: Decimal | None = None
    most_value: Decimal | None = None


class Tax(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Added to all lines."""

    name: Name
    percent: Decimal


class Handover(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the carrier takes parcels: `cut_off` on its clock, days of the week from Monday (1), days it rests."""

    cut_off: time | None = None
    weekdays: tuple[Annotated[int, msgspec.Meta(ge=1, le=7)], ...] = (1, 2, 3, 4, 5, 6, 7)
    closed: tuple[date, ...] = ()


class Carbon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it is carried, for CO2. `g_per_tkm` needs the `source` that it is from; without it the mode tells."""

    mode: Mode = Mode.ROAD
    g_per_tkm: Decimal | None = None
    source: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an account pays for a service from a day on.

    On a day that several cover, the one that begins last holds; one that ends lets the one below it hold again.

    Attributes:
        account: of the settings. `service`: the carrier's own name of it, "" for its usual one.
        version: the operator's name of this card, given once for a service.
        valid_from, valid_until: days on the clock of `time_zone`, both with; no end if there is none.
        corrects: the version that this one takes the place of, which then never held.
        round_up_g: the billed weight is rounded up to a multiple of it.
        minimum_parcel, minimum_consignment: carriage costs at least so much.
    """

    account: Name
    version: Name
    currency: Annotated[str, msgspec.Meta(pattern=whole("[A-Z]{3}"))]
    valid_from: date
    time_zone: Name
    zones: Annotated[tuple[Zone, ...], msgspec.Meta(min_length=1, max_length=2000)]
    service: Annotated[str, msgspec.Meta(max_length=64)] = ""
    valid_until: date | None = None
    corrects: Annotated[str, msgspec.Meta(max_length=64)] = ""
    weigh: Weigh = Weigh.PARCEL
    round_up_g: Grams = 1
    volumetric: Volumetric | None = None
    minimum_parcel: Decimal | None = None
    minimum_consignment: Decimal | None = None
    surcharges: tuple[Surcharge, ...] = ()
    tax: Tax | None = None
    bounds: Bounds = Bounds()
    handover: Handover = Handover()
    carbon: Carbon = Carbon()

    def covers(self, day: date) -> bool:
        """Whether its days have this one."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


def write_card(card: Card) -> bytes:
    """As it is kept."""
    return msgspec.json.encode(card, order="deterministic")


def digest_of(card: Card) -> str:
    """By which a card that comes again is known to be the same."""
    return hashlib.blake2b(write_card(card), digest_size=16).hexdigest()


def find_standing(cards: list[Card]) -> list[Card]:
    """Of one service's cards those that were not corrected, by the day on which they begin."""
    corrected = {card.corrects for card in cards if card.corrects}
    return sorted((card for card in cards if card.version not in corrected), key=lambda card: card.valid_from)


def find_holding(standing: list[Card], day: date) -> Card | None:
    """Of these the one that holds on a day."""
    return next((card for card in reversed(standing) if card.covers(day)), None)
