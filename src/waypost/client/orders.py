"""Orders: handed in one by one, many at once or as a sheet; booked, printed, taken back."""

import datetime as dt
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

from waypost.client.calling import Caller, part, read
from waypost.client.problems import RowRefusal
from waypost.client.saving import Saved, Target, save
from waypost.model.errors import BadInput
from waypost.model.guarded import Guarded

#: So many orders go with one request: an answer in seconds, and far from the limits of a server.
_AT_ONCE = 1_000
_SHEETS = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

Format = Literal["pdf", "zpl", "png"]
Size = Literal["100x150", "100x180"]
Paper = Literal["a4", "a6"]


class Address(Guarded, frozen=True, kw_only=True, omit_defaults=True):
    """Where somebody is.

    Attributes:
        country: ISO 3166-1 alpha-2.
        province, city, county: divisions from the largest down, as the country's post writes them.
        street: the rest, with the house.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("country",)

    name: str
    country: str
    street: str
    city: str
    province: str = ""
    county: str = ""
    postcode: str = ""
    phone: str = ""
    company: str = ""
    email: str = ""


class Item(Guarded, frozen=True, kw_only=True, omit_defaults=True):
    """What is in a parcel. `weight_g` and `value_minor` are of one piece, the value in minor units of the currency."""

    SHOWN: ClassVar[tuple[str, ...]] = ("quantity", "weight_g")

    description: str
    quantity: int = 1
    weight_g: int | None = None
    value_minor: int | None = None
    sku: str = ""
    hs_code: str = ""
    origin: str = ""


class PlannedParcel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One physical piece. Sizes are 0 if nobody measured.

    Attributes:
        items: the lines of the order that are in it, from 0; none: those that are in no other.
        quantities: of each of these lines how many pieces are in it; none: all.
    """

    weight_g: int
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    items: tuple[int, ...] = ()
    quantities: tuple[int, ...] = ()


class Order(Guarded, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be shipped; docs/reference/http.md has every field.

    Attributes:
        reference: your own number of it: the same again is the same order.
        parcels: how it is packed; none: one parcel as heavy as its items.
        account: the contract with a carrier to ship by, or "" for the only one.
        service: the carrier's own name of it, or "" for its usual one.
        currency: ISO 4217, needed where amounts are told. `cod_minor` is to collect at the door.
        mailing_date: on which it is handed over, `YYYY-MM-DD`.
        return_of: the reference of the order of which this is the way back.
        language: in which the consignee is written to: `en`, `zh`, `es` or `pt`; "" for that of the country.
        choose: by what the service is chosen when it is booked: `price`, `arrival`, `co2` or `best`.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("reference", "account", "service", "parcels", "currency", "mailing_date")

    reference: str
    sender: Address
    consignee: Address
    items: Sequence[Item]
    parcels: Sequence[PlannedParcel] = ()
    account: str = ""
    service: str = ""
    currency: str = ""
    cod_minor: int = 0
    remark: str = ""
    mailing_date: str = ""
    return_of: str = ""
    language: str = ""
    choose: str = ""


class Waybill(msgspec.Struct, frozen=True):
    """A number, and whose it is."""

    carrier: str
    number: str


class OrderParcel(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel of an order: `planned`, `asked`, `booked`, `cancelled`.

    `piece` counts them from 1. `why` is what its carrier said against it.
    """

    piece: int
    state: str
    waybill: Waybill | None
    sort_code: str
    weight_g: int
    booked_at: dt.datetime | None
    channel: str
    why: str


class KeptOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order with how far it is: `draft`, `queued`, `booked`, `refused`, `doubtful`, `cancelled`.

    Attributes:
        why: of one that is refused, doubtful, or tried again.
        next_try: of one that is queued, when its carrier is asked again.
        job: by which it was confirmed.
    """

    id: str
    state: str
    account: str
    why: str
    made_at: dt.datetime
    changed_at: dt.datetime
    next_try: dt.datetime | None
    job: str | None
    parcels: Sequence[OrderParcel]
    order: Order

    @property
    def waybills(self) -> list[Waybill]:
        """The numbers that its parcels have got."""
        return [each.waybill for each in self.parcels if each.waybill is not None]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one order: its id, and `new` or `known`. `row` is its place in what was sent, or its line."""

    row: int
    reference: str
    id: str
    outcome: str


class Entered(msgspec.Struct, frozen=True):
    """What became of orders: each is in one of the first two, by its place from 0.

    `advice` is what looks wrong in addresses of orders that were taken.
    """

    entries: Sequence[Entry]
    refusals: Sequence[RowRefusal]
    advice: Sequence[RowRefusal]


class SheetRefusal(msgspec.Struct, frozen=True):
    """Why a row of a sheet was not taken. `line` counts from 1, the headings included; 0 is the sheet as a whole."""

    file: str
    line: int
    field: str
    reason: str
    value: str | None = None


class EnteredSheet(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a sheet, by lines: `orders` taken, `rows` of it, `refused` of them.

    Attributes:
        refusals: the first 1,000. `advice` on addresses of orders that were taken, too.
        ignored: headings that mean nothing there.
    """

    orders: int
    rows: int
    refused: int
    entries: Sequence[Entry]
    refusals: Sequence[SheetRefusal]
    advice: Sequence[RowRefusal]
    ignored: Sequence[str]


class _Page(msgspec.Struct, frozen=True):
    orders: Sequence[KeptOrder]
    next: str | None


class Orders:
    """A merchant's orders. What goes wrong is a `Problem`, or `Unreachable`; repeating any of it is safe."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def enter(self, orders: Iterable[Order | Mapping[str, Any]], *, dry_run: bool = False) -> Entered:
        """Hand orders in as drafts. One that is wrong hinders no other; one that is known already stays as it is."""
        entries: list[Entry] = []
        refusals: list[RowRefusal] = []
        advice: list[RowRefusal] = []
        told, first = iter(orders), 0
        while some := list(itertools.islice(told, _AT_ONCE)):
            answer = self._caller.send("POST", "/v1/orders", Entered, some, {"dry_run": dry_run or None})
            entries += [msgspec.structs.replace(each, row=first + each.row) for each in answer.entries]
            refusals += [msgspec.structs.replace(each, row=first + each.row) for each in answer.refusals]
            advice += [msgspec.structs.replace(each, row=first + each.row) for each in answer.advice]
            first += len(some)
        return Entered(entries, refusals, advice)

    def enter_sheet(
        self,
        path: str | os.PathLike[str],
        *,
        columns: Mapping[str, str] | None = None,
        fixed: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> EnteredSheet:
        """Hand a sheet in, CSV or XLSX by its name.

        Args:
            columns: field to heading, where a column is called otherwise there.
            fixed: field to value, what holds for all rows.

        Raises:
            BadInput: its name ends otherwise.
        """
        file = Path(path)
        kind = _SHEETS.get(file.suffix.lower())
        if kind is None:
            raise BadInput(f"{file.name}: is no sheet", mend="Name a file that ends in .csv or .xlsx.")
        params = {
            "name": file.name[:200],
            "column": [f"{field}:{heading}" for field, heading in (columns or {}).items()],
            "fixed": [f"{field}:{value}" for field, value in (fixed or {}).items()],
            "dry_run": dry_run or None,
        }
        answer = self._caller.ask("POST", "/v1/orders/files", params, body=file.read_bytes(), media_type=kind)
        return read(answer, EnteredSheet)

    def get(self, id_: str) -> KeptOrder:
        """One of them."""
        return self._caller.get(f"/v1/orders/{part(id_)}", KeptOrder)

    def find(self, reference: str) -> KeptOrder | None:
        """The one of your own number."""
        page = self._caller.get("/v1/orders", _Page, {"reference": reference})
        return page.orders[0] if page.orders else None

    def list(
        self,
        *,
        state: str | None = None,
        job: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[KeptOrder]:
        """Those that fit, newest first, fetched page by page; `limit` is of a page."""
        params = {"state": state, "job": job, "since": since, "until": until}
        for page in self._caller.list_pages("/v1/orders", _Page, params, limit):
            yield from page.orders

    def change(self, id_: str, order: Order | Mapping[str, Any]) -> KeptOrder:
        """Put another in the place of a draft of the same reference."""
        return self._caller.send("PUT", f"/v1/orders/{part(id_)}", KeptOrder, order)

    def confirm(self, id_: str, *, not_there: bool = False) -> KeptOrder:
        """Book it. A carrier that cannot be reached is asked again by the server: it is `queued` as long.

        Args:
            not_there: of a doubtful one, somebody looked and its carrier has no waybill of it.
        """
        params = {"not_there": not_there or None}
        return self._caller.send("POST", f"/v1/orders/{part(id_)}/confirm", KeptOrder, None, params)

    def cancel(self, id_: str, *, reason: str | None = None) -> KeptOrder:
        """Take it back, with every waybill of it."""
        return self._caller.send("POST", f"/v1/orders/{part(id_)}/cancel", KeptOrder, None, {"reason": reason})

    def draft_return(self, id_: str, *, reference: str | None = None) -> KeptOrder:
        """Draft the way back, to be looked at and confirmed."""
        return self._caller.send("POST", f"/v1/orders/{part(id_)}/return", KeptOrder, None, {"reference": reference})

    def save_label(
        self, id_: str, to: Target, *, piece: int = 1, format: Format = "pdf", size: Size | None = None
    ) -> Saved:
        """Fetch the paper of a parcel (from 1) into a file: the carrier's or, in that format and size, Waypost's."""
        path = f"/v1/orders/{part(id_)}/parcels/{piece}/label"
        return save(self._caller, path, {"format": format, "size": size}, to)

    def save_slip(self, id_: str, to: Target, *, paper: Paper = "a4") -> Saved:
        """Fetch the packing slip, a PDF, into a file."""
        return save(self._caller, f"/v1/orders/{part(id_)}/slip", {"paper": paper}, to)
