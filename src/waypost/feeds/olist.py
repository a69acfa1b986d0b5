"""The Brazilian e-commerce data set of Olist, in the layout of its public CSV files.

One order is one parcel, under the key (olist, order_id): the marketplace gives no carrier's waybill. Its stamps are
Brasilia time wherever the buyer lives, as the table of carriers says; places carry their own zones, to show them by.

- `purchased` and `approved` happen on the marketplace and so have no place; `handed_over` has the seller's area,
  `delivered` the buyer's. An area is a zip code prefix.
- For an order that ended as canceled or unavailable the source does not say when. Its closing scan stands at the last
  instant that the source does give, which it cannot be earlier than, and says so in its note, as does the parcel.
- A status without a stamp of its own (invoiced, processing) only stands in the parcel's note.
- The promise is the end of the estimated day in Brasilia.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from waypost.feeds.choosing import PACKINGS
from waypost.feeds.fields import BadFieldError, parse_field, parse_number
from waypost.feeds.gathering import Gathering
from waypost.feeds.olist_places import Area, Areas, facility_code, parse_area
from waypost.feeds.stream import Meter, is_folder, list_folder
from waypost.feeds.tables import Part, read_table
from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS, MS, TimeFlag, read_in_zone, read_stamps
from waypost.model.measures import parse_weight_g
from waypost.track.feed import FileRefusal, Portion

CARRIER = "olist"
ZONE = "America/Sao_Paulo"

#: Orders in a portion: four scans each make about fifty thousand.
ORDERS = 12_500

_NAMES = ("geolocation", "customers", "sellers", "products", "order_items", "orders")
_COLUMNS = {
    "geolocation": tuple(f"geolocation_{name}" for name in ("zip_code_prefix", "lat", "lng", "city", "state")),
    "customers": ("customer_id", "customer_zip_code_prefix", "customer_city", "customer_state"),
    "sellers": ("seller_id", "seller_zip_code_prefix", "seller_city", "seller_state"),
    "products": ("product_id", "product_weight_g"),
    "order_items": ("order_id", "product_id", "seller_id"),
}
#: What happens to an order, and the column that says when.
_STAMPS = {
    "purchased": "order_purchase_timestamp",
    "approved": "order_approved_at",
    "handed_over": "order_delivered_carrier_date",
    "delivered": "order_delivered_customer_date",
}
_PROMISE = "order_estimated_delivery_date"
_COLUMNS["orders"] = ("order_id", "customer_id", "order_status", *_STAMPS.values(), _PROMISE)

#: The stamp that a status must have set.
_STAMP_OF = {"created": "purchased", "approved": "approved", "shipped": "handed_over", "delivered": "delivered"}
_CLOSING = ("canceled", "unavailable")
_UNDATED = "the source does not say when"


class OlistFeed:
    """A `ScanFeed` of a folder with Olist's files, each plain or packed.

    Raises:
        BadInput: a file is missing.
    """

    def __init__(self, path: Path) -> None:
        folder = path if is_folder(path) else path.parent
        self._paths = find_tables(folder, path)
        self._areas = Areas()
        self._customers: dict[str, Area] = {}
        self._sellers: dict[str, Area] = {}
        self._weights: dict[str, int] = {}
        self._sellers_of: dict[str, set[str]] = {}
        self._weight_of: dict[str, int | None] = {}

    def portions(self) -> Iterator[Portion]:
        """See `ScanFeed.portions`: first the areas, then the orders."""
        meter = Meter(list(self._paths.values()))
        takers = {
            "geolocation": self._take_geolocation,
            "customers": self._take_customers,
            "sellers": self._take_sellers,
            "products": self._take_products,
            "order_items": self._take_order_items,
        }
        for name, take in takers.items():
            source = self._paths[name].name
            for part in self._read(name, meter):
                refusals = [*part.refusals, *take(part, source)]
                yield Portion(source=source, refusals=refusals, share=part.share)
        facilities = self._areas.facilities(CARRIER)
        yield Portion(source=self._paths["customers"].name, facilities=facilities, share=meter.share)
        for part in self._read("orders", meter, ORDERS):
            yield from self._take_orders(part, self._paths["orders"].name)

    def _read(self, name: str, meter: Meter, lines: int = 50_000) -> Iterator[Part]:
        return read_table(self._paths[name], meter, _COLUMNS[name], lines=lines)

    def _take_geolocation(self, part: Part, source: str) -> Iterator[FileRefusal]:
        columns = [part.columns[name] for name in _COLUMNS["geolocation"]]
        for line, prefix, latitude, longitude, city, state in zip(part.lines, *columns, strict=True):
            try:
                area = parse_area(prefix, city, state, "geolocation")
                try:
                    self._areas.locate(area[0], float(latitude), float(longitude))
                except ValueError:
                    raise BadFieldError("geolocation_lat", "is no pair of degrees", f"{latitude},{longitude}") from None
                self._areas.name(area)
            except BadFieldError as error:
                yield error.refusal(source, line)

    def _take_customers(self, part: Part, source: str) -> Iterator[FileRefusal]:
        return self._take_people(part, source, "customer", self._customers)

    def _take_sellers(self, part: Part, source: str) -> Iterator[FileRefusal]:
        return self._take_people(part, source, "seller", self._sellers)

    def _take_people(self, part: Part, source: str, who: str, found: dict[str, Area]) -> Iterator[FileRefusal]:
        columns = [part.columns[name] for name in _COLUMNS[f"{who}s"]]
        for line, number, prefix, city, state in zip(part.lines, *columns, strict=True):
            try:
                area = found[parse_number(number, f"{who}_id")] = parse_area(prefix, city, state, who)
                self._areas.use(area)
            except BadFieldError as error:
                yield error.refusal(source, line)

    def _take_products(self, part: Part, source: str) -> Iterator[FileRefusal]:
        columns = [part.columns[name] for name in _COLUMNS["products"]]
        for line, number, text in zip(part.lines, *columns, strict=True):
            try:
                weight_g = parse_field(parse_weight_g, text, "product_weight_g")
                if weight_g is not None:
                    self._weights[number] = weight_g
            except BadFieldError as error:
                yield error.refusal(source, line)

    def _take_order_items(self, part: Part, source: str) -> Iterator[FileRefusal]:
        columns = [part.columns[name] for name in _COLUMNS["order_items"]]
        for line, order, product, seller in zip(part.lines, *columns, strict=True):
            if not order or not seller:
                yield FileRefusal(source, line, "seller_id" if order else "order_id", "is missing")
                continue
            self._sellers_of.setdefault(order, set()).add(seller)
            weight_g, sum_g = self._weights.get(product), self._weight_of.get(order, 0)
            self._weight_of[order] = None if weight_g is None or sum_g is None else sum_g + weight_g

    def _take_orders(self, part: Part, source: str) -> Iterator[Portion]:
        refusals, rows = list(part.refusals), list[int]()
        for row, (line, number) in enumerate(zip(part.lines, part.columns["order_id"], strict=True)):
            try:
                parse_number(number, "order_id")
                rows.append(row)
            except BadFieldError as error:
                refusals.append(error.refusal(source, line))
        lines = [part.lines[row] for row in rows]
        columns = {name: [part.columns[name][row] for row in rows] for name in _COLUMNS["orders"]}
        numbers = columns["order_id"]

        scans = Gathering(source, CARRIER)
        where = {
            "handed_over": [self._find_handover(number) for number in numbers],
            "delivered": [
                facility_code(area[0]) if (area := self._customers.get(customer)) else None
                for customer in columns["customer_id"]
            ],
        }
        for code, field in _STAMPS.items():
            scans.add(code, field, columns[field], numbers, lines, facilities=where.get(code))
        promises = _read_promises(columns[_PROMISE], lines, source, refusals)
        parcels = [
            self._parcel(dict(zip(columns, values, strict=True)), promised_ms)
            for *values, promised_ms in zip(*columns.values(), promises, strict=True)
        ]
        refusals += scans.refusals
        yield Portion(source=source, rows=scans.rows(), parcels=parcels, refusals=refusals, share=part.share)
        yield Portion(
            source=source, rows=_close(columns, lines, source).rows(), time_flags=TimeFlag.NOT_BEFORE, share=part.share
        )

    def _find_handover(self, order: str) -> str | None:
        """Where an order was handed over: the area of its sellers, if it is the same one."""
        areas = {self._sellers.get(seller) for seller in self._sellers_of.get(order, ())}
        prefixes = {area and area[0] for area in areas}
        prefix = prefixes.pop() if len(prefixes) == 1 else None
        return facility_code(prefix) if prefix else None

    def _parcel(self, order: dict[str, str], promised_ms: int | None) -> Parcel:
        number, customer = order["order_id"], self._customers.get(order["customer_id"])
        sellers = self._sellers_of.get(number, set())
        origins = {self._areas.find_place(area) if (area := self._sellers.get(each)) else None for each in sellers}
        waybill = Waybill(CARRIER, number)
        return Parcel(
            id=parcel_id(waybill),
            waybill=waybill,
            order_number=number,
            origin=origins.pop() if len(origins) == 1 else None,
            destination=self._areas.find_place(customer) if customer else None,
            promised_ms=promised_ms,
            weight_g=self._weight_of.get(number),
            note=_note(order, len(sellers)),
        )


def find_tables(folder: Path, path: Path) -> dict[str, Path]:
    """The files of the data set in a folder by name, each plain or packed.

    Raises:
        BadInput: one is missing, or there twice; `path` is what somebody gave.
    """
    found: dict[str, Path] = {}
    missing = []
    there = list_folder(folder)
    for name in _NAMES:
        plain = f"olist_{name}_dataset.csv"
        paths = [each for each in there if each.name in (plain, *(f"{plain}{packing}" for packing in PACKINGS))]
        if len(paths) > 1:
            names = " and ".join(each.name for each in paths)
            raise BadInput(f"has the same table twice: {names}.", where=str(folder), mend="Keep one of them.")
        if paths:
            found[name] = paths[0]
        else:
            missing.append(plain)
    if missing:
        raise BadInput(
            f"no {', '.join(missing)} (or packed: .gz, .xz, .zst).",
            where=str(path),
            mend="Give the folder that holds the CSV files of the public data set.",
        )
    return found


def _note(order: dict[str, str], sellers: int) -> str | None:
    notes = []
    if sellers > 1:
        notes.append(f"{sellers} sellers, one handover")
    status = order["order_status"].strip()
    stamp = _STAMP_OF.get(status)
    if status and (stamp is None or not order[_STAMPS[stamp]]):
        notes.append(f"{status if status.isprintable() else 'status unreadable'}: {_UNDATED}")
    return "; ".join(notes)[:400] or None


def _read_promises(
    texts: Sequence[str], lines: Sequence[int], source: str, refusals: list[FileRefusal]
) -> list[int | None]:
    """The end of the promised day, one second before the next one begins."""
    days = read_stamps(pa.array(texts, pa.string()))
    starts = read_in_zone(days.at_ms // DAY_MS * DAY_MS + DAY_MS, ZONE).at_ms
    promises: list[int | None] = []
    for row, (text, start) in enumerate(zip(texts, starts.tolist(), strict=True)):
        problem = days.problem(row)
        if text and problem:
            refusals.append(FileRefusal(source, lines[row], _PROMISE, problem, text[:60]))
        promises.append(None if problem else start - MS)
    return promises


def _close(columns: dict[str, list[str]], lines: Sequence[int], source: str) -> Gathering:
    """The closing scans of orders that ended without a stamp, at the last one that they have."""
    scans = Gathering(source, CARRIER)
    for status in _CLOSING:
        rows = [row for row, text in enumerate(columns["order_status"]) if text == status]
        stamps = [[columns[field][row] for row in rows] for field in _STAMPS.values()]
        read = [read_stamps(pa.array(texts, pa.string())) for texts in stamps]
        at_ms = np.array([np.where(each.verdict == 0, each.at_ms, -1) for each in read])
        latest = np.argmax(at_ms, axis=0)
        last = [stamps[field][row] if at_ms[field, row] >= 0 else "" for row, field in enumerate(latest.tolist())]
        numbers = [columns["order_id"][row] for row in rows]
        note = f"{_UNDATED}; not before this"
        scans.add(status, "order_status", last, numbers, [lines[row] for row in rows], note=note)
    return scans
