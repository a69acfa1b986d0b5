"""What `booking` asks of carriers: a waybill, to take it back, to print it. The door `carriers` answers."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Protocol, runtime_checkable

import msgspec

from waypost.model.carriage import Waybill
from waypost.model.errors import WaypostError
from waypost.model.guarded import Guarded
from waypost.track.carriers import Push, Reply, Unsupported


def whole(pattern: str) -> str:
    """A pattern for all of a text and not a line of it; `$` alone lets a newline follow."""
    return f"^{pattern}$(?!\\n)"


Line = Annotated[str, msgspec.Meta(max_length=120)]
Long = Annotated[str, msgspec.Meta(max_length=300)]
#: The heaviest parcel.
MOST_G = 2_000_000
Grams = Annotated[int, msgspec.Meta(ge=1, le=MOST_G)]
Millimetres = Annotated[int, msgspec.Meta(ge=0, le=20_000)]
Minor = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class Address(Guarded, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where somebody is. Personal data: kept encrypted, never in the scan log.

    Attributes:
        country: ISO 3166-1 alpha-2.
        province, city, county: divisions from the largest down, as the country's post writes them; `province` of the
            United States and Brazil is the abbreviation of the state.
        street: the rest, with the house.
        phone: in E.164 or as written there.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("country",)

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    country: Annotated[str, msgspec.Meta(pattern=whole("[A-Z]{2}"))]
    street: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    city: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    province: Line = ""
    county: Line = ""
    postcode: Annotated[str, msgspec.Meta(max_length=16)] = ""
    phone: Annotated[str, msgspec.Meta(max_length=32)] = ""
    company: Line = ""
    email: Annotated[str, msgspec.Meta(max_length=254)] = ""


class Item(Guarded, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is in a parcel.

    Attributes:
        weight_g, value_minor: of one piece; the value in minor units of the currency of the order.
        sku: as the merchant calls it.
        hs_code: of the Harmonized System, 6 to 10 digits; borders want it.
        origin: the country in which it was made, ISO 3166-1 alpha-2.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("quantity", "weight_g")

    description: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1
    weight_g: Grams | None = None
    value_minor: Minor | None = None
    sku: Annotated[str, msgspec.Meta(max_length=64)] = ""
    hs_code: Annotated[str, msgspec.Meta(pattern=whole("([0-9]{6,10})?"))] = ""
    origin: Annotated[str, msgspec.Meta(pattern=whole("([A-Z]{2})?"))] = ""


class WaybillOrder(Guarded, frozen=True, kw_only=True):
    """One parcel to book.

    Attributes:
        reference: ours; the same one again gives the same waybill.
        service: the carrier's own name of it, or "" for its usual one.
        length_mm, width_mm, height_mm: 0 if nobody measured.
        cod_minor: to collect at the door.
        mailing_date: on which it is handed over, `YYYY-MM-DD` of the sender's day; carriers that print it ask for it.
        may_exist: whether an earlier try, perhaps of another process, ended in doubt: if so, whoever cannot find out
            what became of it makes no other. False: somebody looked, and it is not there. None: nothing is known but
            what the issuer remembers.
    """

    SHOWN: ClassVar[tuple[str, ...]] = (
        "reference",
        "weight_g",
        "service",
        "length_mm",
        "width_mm",
        "height_mm",
        "currency",
        "mailing_date",
        "may_exist",
    )

    reference: str
    sender: Address
    consignee: Address
    items: Sequence[Item]
    weight_g: int
    service: str = ""
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    cod_minor: int = 0
    currency: str = ""
    remark: str = ""
    mailing_date: str = ""
    may_exist: bool | None = None


class Label(Guarded, frozen=True, kw_only=True):
    """A printed waybill as the carrier made it."""

    SHOWN: ClassVar[tuple[str, ...]] = ("content_type",)

    content: bytes
    content_type: str = "application/pdf"


class Issued(Guarded, frozen=True, kw_only=True):
    """A waybill.

    Attributes:
        reference: of the order.
        carrier_reference: what the carrier calls the order, where it is not called by the number: cancelling and
            printing want it.
        sort_code: what sorters read, such as the three segments of Chinese couriers.
        label: where booking prints at once.
        channel: who answered: carrier and operation.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("waybill", "reference", "channel", "carrier_reference", "sort_code")

    waybill: Waybill
    reference: str
    channel: str
    carrier_reference: str = ""
    sort_code: str = ""
    label: Label | None = None


class LabelComesLater(Unsupported):
    """This carrier was asked for the paper and gives it by a push of its own, not now: see `LabelReader`."""

    code = "label_comes_later"


class PushedLabel(Guarded, frozen=True, kw_only=True):
    """A label that a carrier sent by itself.

    Attributes:
        waybill: whose.
        reply: for when it is kept.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("waybill",)

    waybill: Waybill
    label: Label
    reply: Reply


class WaybillIssuer(Protocol):
    """Books at one account with a carrier."""

    carrier: str

    def book(self, order: WaybillOrder) -> Issued:
        """A waybill. The same reference again gives the same one, unless that was taken back.

        Raises:
            track.carriers.InDoubt: there may be one, and nobody knows its number. The same reference again finds out,
                if the carrier can be asked; until then no other is made.
            track.carriers.CarrierError: says why there is none.
        """

    def cancel(self, issued: Issued, reason: str) -> None:
        """Take it back, if it was not handed over yet. One that was taken back already is well.

        Raises:
            track.carriers.CarrierError: the carrier will not.
        """

    def print_label(self, issued: Issued) -> Label:
        """The paper.

        Raises:
            track.carriers.Unsupported: this carrier leaves printing to its customers.
            LabelComesLater: it was asked for, and comes by a push.
        """


@runtime_checkable
class LabelReader(Protocol):
    """Reads the labels that one account is pushed."""

    def read_label(self, push: Push) -> PushedLabel:
        """The paper. Where it is not signed, it is the carrier's if its address holds what only the carrier was told.

        Raises:
            track.carriers.Forged: it was changed on the way, is no label, or is not the carrier's.
        """

    def refuse(self, error: WaypostError) -> Reply:
        """How this carrier is told that its label was not taken."""
