"""Olist's orders as trips: what was known of each when it was bought, and how long it took.

The same files as `olist.py` reads for scans; here with what was in the order. Of an order with several sellers the
seller of its first item counts. By when sellers have to hand over is left out: it is set when a payment is approved, a
day and a half after the purchase on average, and so would say when that will be.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.feeds.fields import BadFieldError, parse_number
from waypost.feeds.olist import ZONE, find_tables
from waypost.feeds.olist_places import Area, Areas, parse_area
from waypost.feeds.stream import Meter, is_folder
from waypost.feeds.tables import Part, read_table
from waypost.forecast.trips import Trips, make_trips
from waypost.model.instants import DAY_MS, offsets_in_zone, read_in_zone, read_stamps
from waypost.model.places import Place
from waypost.track.feed import FileRefusal

_STAMP = pa.timestamp("ms", "UTC")
_SIDES = tuple(f"product_{side}_cm" for side in ("length", "height", "width"))
_VOID = ("canceled", "unavailable")


class _Columns:
    """What is read of a table: the columns that are words, numbers and stamps of Brasilia."""

    def __init__(self, words: tuple[str, ...], numbers: tuple[str, ...] = (), stamps: tuple[str, ...] = ()) -> None:
        self.words, self.numbers, self.stamps = words, numbers, stamps
        self.names = (*words, *numbers, *stamps)


_ORDERS = _Columns(
    words=("order_id", "customer_id", "order_status"),
    stamps=(
        "order_purchase_timestamp",
        "order_delivered_carrier_date",
        "order_delivered_customer_date",
        "order_estimated_delivery_date",
    ),
)
_ITEMS = _Columns(
    words=("order_id", "product_id", "seller_id"),
    numbers=("order_item_id", "price", "freight_value"),
)
_PRODUCTS = _Columns(words=("product_id", "product_category_name"), numbers=("product_weight_g", *_SIDES))


def read_olist_trips(path: Path) -> tuple[Trips, list[FileRefusal]]:
    """All orders of a folder with Olist's files, and the rows and fields that could not be read.

    Raises:
        BadInput: a file is missing, or has other columns.
    """
    reader = _Reader(path)
    return reader.read(), reader.refusals


class _Reader:
    def __init__(self, path: Path) -> None:
        self._paths = find_tables(path if is_folder(path) else path.parent, path)
        self._meter = Meter(list(self._paths.values()))
        self._areas = Areas()
        self.refusals: list[FileRefusal] = []

    def read(self) -> Trips:
        self._read_positions()
        people = {who: self._read_people(who) for who in ("customer", "seller")}
        orders = self._read("orders", _ORDERS)
        orders = orders.filter(pc.is_valid(orders.column("order_purchase_timestamp")))
        orders = orders.join(self._contents(), "order_id").combine_chunks()
        return _make_trips(orders, self._ends(orders, people))

    def _contents(self) -> pa.Table:
        """What is in each order."""
        items = self._read("order_items", _ITEMS).join(self._read("products", _PRODUCTS), "product_id")
        volume = np.prod([np.asarray(items.column(side), np.float64) for side in _SIDES], axis=0)
        items = items.append_column("volume", pa.array(volume, from_pandas=True)).sort_by(
            [("order_id", "ascending"), ("order_item_id", "ascending")]
        )
        return items.group_by("order_id", use_threads=False).aggregate(
            [
                ("seller_id", "first"),
                ("product_category_name", "first"),
                ("product_id", "count"),
                *((name, "sum") for name in ("price", "freight_value", "product_weight_g", "volume")),
            ]
        )

    def _ends(self, orders: pa.Table, people: Mapping[str, Mapping[str, Area]]) -> dict[str, Any]:
        """Where each order goes from and to."""
        columns: dict[str, Any] = {}
        for end, who, column in (("origin", "seller", "seller_id_first"), ("destination", "customer", "customer_id")):
            areas = [people[who].get(number) for number in orders.column(column).to_pylist()]
            found = [self._areas.locate_area(area) if area else Place() for area in areas]
            columns[f"{end}_region"] = [area[2] if area else None for area in areas]
            columns[f"{end}_area"] = [area[0][:3] if area else None for area in areas]
            columns[f"{end}_latitude"] = [place.latitude for place in found]
            columns[f"{end}_longitude"] = [place.longitude for place in found]
        return columns

    def _read_positions(self) -> None:
        names = tuple(f"geolocation_{name}" for name in ("zip_code_prefix", "lat", "lng", "city", "state"))
        for source, part in self._parts("geolocation", names):
            for line, prefix, latitude, longitude, city, state in _rows(part, names):
                try:
                    area = parse_area(prefix, city, state, "geolocation")
                    self._areas.locate(area[0], _parse_degrees(latitude), _parse_degrees(longitude))
                    self._areas.name(area)
                except BadFieldError as error:
                    self.refusals.append(error.refusal(source, int(line)))

    def _read_people(self, who: str) -> dict[str, Area]:
        names = tuple(f"{who}_{name}" for name in ("id", "zip_code_prefix", "city", "state"))
        found: dict[str, Area] = {}
        for source, part in self._parts(f"{who}s", names):
            for line, number, prefix, city, state in _rows(part, names):
                try:
                    found[parse_number(number, names[0])] = area = parse_area(prefix, city, state, who)
                    self._areas.use(area)
                except BadFieldError as error:
                    self.refusals.append(error.refusal(source, int(line)))
        return found

    def _parts(self, name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, Part]]:
        for part in read_table(self._paths[name], self._meter, columns):
            self.refusals += part.refusals
            yield self._paths[name].name, part

    def _read(self, name: str, columns: _Columns) -> pa.Table:
        """A table as columns; a field that cannot be read is refused, and null."""
        schema = pa.schema(
            [
                *((word, pa.string()) for word in columns.words),
                *((number, pa.float64()) for number in columns.numbers),
                *((stamp, _STAMP) for stamp in columns.stamps),
            ]
        )
        parts = [pa.table([[]] * len(schema), schema=schema)]
        for source, part in self._parts(name, columns.names):
            texts = {each: pa.array(part.columns[each], pa.string()) for each in columns.names}
            read: list[pa.Array] = [_null_if_empty(texts[word]) for word in columns.words]
            read += [self._numbers(source, part, number, texts[number]) for number in columns.numbers]
            read += [self._instants(source, part, stamp, texts[stamp]) for stamp in columns.stamps]
            parts.append(pa.table(read, schema=schema))
        return pa.concat_tables(parts)

    def _numbers(self, source: str, part: Part, name: str, texts: pa.Array) -> pa.Array:
        good = pc.match_substring_regex(texts, r"^\d{1,12}(\.\d{1,9})?$")
        self._refuse(source, part, name, texts, pc.or_(good, pc.equal(texts, "")), "is no number")
        return pc.if_else(good, texts, None).cast(pa.float64())

    def _instants(self, source: str, part: Part, name: str, texts: pa.Array) -> pa.Array:
        stamps = read_stamps(texts)
        good = pa.array(stamps.verdict == 0)
        self._refuse(source, part, name, texts, pc.or_(good, pc.equal(texts, "")), "is no instant")
        at_ms = read_in_zone(stamps.at_ms, ZONE).at_ms
        return pc.if_else(good, pa.array(at_ms, pa.int64()), None).cast(_STAMP)

    def _refuse(self, source: str, part: Part, name: str, texts: pa.Array, good: pa.Array, problem: str) -> None:
        for row in np.flatnonzero(~np.asarray(good)).tolist():
            self.refusals.append(FileRefusal(source, part.lines[row], name, problem, texts[row].as_py()[:60]))


def _make_trips(orders: pa.Table, ends: Mapping[str, Any]) -> Trips:
    ordered = orders.column("order_purchase_timestamp")
    ordered_ms = np.asarray(ordered.cast(pa.int64()))
    promised = np.asarray(orders.column("order_estimated_delivery_date").cast(pa.int64()).fill_null(0))
    columns = {
        "number": orders.column("order_id"),
        "ordered_at": ordered,
        "offset_min": offsets_in_zone(ordered_ms, ZONE),
        "handed_over_at": orders.column("order_delivered_carrier_date"),
        "delivered_at": orders.column("order_delivered_customer_date"),
        "is_void": pc.is_in(orders.column("order_status"), pa.array(_VOID)),
        "shipper": orders.column("seller_id_first"),
        "goods": orders.column("product_category_name_first"),
        "destination_country": pa.array(np.full(len(orders), "BR")),
        **ends,
        "pieces": orders.column("product_id_count").cast(pa.int32()),
        "weight_g": orders.column("product_weight_g_sum"),
        "volume_cm3": orders.column("volume_sum"),
        "value": orders.column("price_sum"),
        "freight": orders.column("freight_value_sum"),
        # A day is promised: its end is what counts.
        "promised_at": pa.array(promised + DAY_MS, mask=promised == 0).cast(_STAMP),
    }
    return make_trips(columns)


def _rows(part: Part, names: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    return zip(part.lines, *(part.columns[name] for name in names), strict=True)


def _null_if_empty(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _parse_degrees(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadFieldError("geolocation_lat", "is no pair of degrees", text) from None
