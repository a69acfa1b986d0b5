"""Cainiao's LaDe data sets of pick-ups (LaDe-P) and deliveries (LaDe-D), as CSV or Parquet with their public columns.

The columns tell the two apart. Both count their orders from nought, so the number of a delivery gets a `D` before it:
order 12 of LaDe-P and order 12 of LaDe-D are two parcels, both found under 12 as the order's number.

Stamps such as `05-01 07:59:00` have no year; it is an option, and every scan is flagged `YEAR_ASSUMED`. They are local
time of China, as the table of carriers says. Who the couriers are and where exactly people live stays out: a facility
is an area of interest, its coordinates are medians rounded to about a kilometre. The courier accepts an order wherever
the courier is, so that scan has no place.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from waypost.feeds.choosing import choose_tables
from waypost.feeds.fields import CITY, CODE, BadFieldError, parse_number, parse_words
from waypost.feeds.gathering import Gathering
from waypost.feeds.parquet import read_parts
from waypost.feeds.stream import ByteStream, Meter
from waypost.feeds.tables import Part, read_stream
from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.errors import BadInput
from waypost.model.instants import TimeFlag
from waypost.model.places import Facility, FacilityKind, Place
from waypost.track.feed import Portion
from waypost.track.parquet import MAGIC

CARRIER = "lade"
ZONE = "Asia/Shanghai"
#: The data sets were gathered from May to October of 2022.
YEAR = 2022

#: Two scans an order, so that a portion has about fifty thousand.
ORDERS = 25_000

_COMMON = ("order_id", "region_id", "city", "lng", "lat", "aoi_id", "accept_time")
_OTHERS = ("pickup_time", "delivery_time", "time_window_start", "time_window_end")
_REGIONS = {
    "Chongqing": "Chongqing",
    "Hangzhou": "Zhejiang",
    "Jilin": "Jilin",
    "Shanghai": "Shanghai",
    "Yantai": "Shandong",
}
#: Around China; a point elsewhere is a fault of the satellite's.
_SOUTH, _NORTH, _WEST, _EAST = 18.0, 54.0, 73.0, 135.5


class _Kind(msgspec.Struct, frozen=True):
    """One of the two data sets: what is put before its order numbers, the column and the codes of its scans."""

    prefix: str
    accepted: str
    done: str
    done_field: str


_PICK_UPS = _Kind("", "accepted", "picked_up", "pickup_time")
_DELIVERIES = _Kind("D", "delivery_accepted", "delivered", "delivery_time")


class LadeFeed:
    """A `ScanFeed` of one file of LaDe-P or LaDe-D, or of the files of a folder that have their columns.

    Memory grows with the areas, not with the orders.

    Raises:
        BadInput: nothing there.
    """

    def __init__(self, path: Path, year: int = YEAR) -> None:
        self._paths, self._year = choose_tables(path, _COMMON), year
        #: For each area how often each cell of a hundredth of a degree was seen.
        self._cells: dict[str, Counter[tuple[int, int]]] = {}
        self._places: dict[str, Place] = {}

    def portions(self) -> Iterator[Portion]:
        """See `ScanFeed.portions`: the orders, then the areas, whose medians are known only then."""
        meter = Meter(self._paths)
        for path in self._paths:
            for part in _read(path, meter):
                yield self._take(part, _kind_of(path.name, part), path.name)
        facilities = [self._facility(code) for code in sorted(self._places)]
        yield Portion(source=self._paths[-1].name, facilities=facilities, share=1.0)

    def _take(self, part: Part, kind: _Kind, source: str) -> Portion:
        refusals, rows, areas = list(part.refusals), list[int](), list[str]()
        columns = [part.columns[name] for name in _COMMON]
        for row, (line, order, region, city, longitude, latitude, area, _) in enumerate(
            zip(part.lines, *columns, strict=True)
        ):
            try:
                parse_number(order, "order_id")
                areas.append(self._name_area(city, region, area))
                rows.append(row)
                self._locate(areas[-1], latitude, longitude)
            except BadFieldError as error:
                refusals.append(error.refusal(source, line))

        lines = [part.lines[row] for row in rows]
        orders = [part.columns["order_id"][row].strip() for row in rows]
        numbers = [kind.prefix + order for order in orders]
        scans = Gathering(source, CARRIER)
        for code, field, where in (
            (kind.accepted, "accept_time", None),
            (kind.done, kind.done_field, areas),
        ):
            shown = [part.columns[field][row] for row in rows]
            stamps = [f"{self._year}-{stamp}" if stamp else "" for stamp in shown]
            scans.add(code, field, stamps, numbers, lines, facilities=where, shown=shown)
        windows = [part.columns.get(f"time_window_{end}") for end in ("start", "end")]
        parcels = [
            self._parcel(number, order, area, kind, *(window[row] if window else "" for window in windows))
            for number, order, area, row in zip(numbers, orders, areas, rows, strict=True)
        ]
        return Portion(
            source=source,
            rows=scans.rows(),
            time_flags=TimeFlag.YEAR_ASSUMED,
            parcels=parcels,
            refusals=refusals + scans.refusals,
            share=part.share,
        )

    def _name_area(self, city: str, region: str, area: str) -> str:
        code = f"{city}/{region}/{area}".strip()
        if code not in self._places:
            name = parse_words(city, "city", CITY)
            parse_words(code, "aoi_id", CODE)
            self._places[code] = Place(city=name, region=_REGIONS.get(name), country="CN", zone=ZONE)
        return code

    def _locate(self, code: str, latitude: str, longitude: str) -> None:
        if not latitude or not longitude:
            return
        try:
            north, east = float(latitude), float(longitude)
        except ValueError:
            raise BadFieldError("lat", "is no pair of degrees", f"{latitude},{longitude}") from None
        if _SOUTH <= north <= _NORTH and _WEST <= east <= _EAST:
            self._cells.setdefault(code, Counter())[round(north * 100), round(east * 100)] += 1

    def _facility(self, code: str) -> Facility:
        city, region, area = code.rsplit("/", 2)
        place, cells = self._places[code], self._cells.get(code)
        if cells:
            latitude, longitude = (_median(sorted(cell[axis] for cell in cells.elements())) / 100 for axis in (0, 1))
            place = msgspec.structs.replace(place, latitude=latitude, longitude=longitude)
        name = f"{city.strip()}, region {region}, area {area}"
        return Facility(carrier=CARRIER, code=code, name=name, kind=FacilityKind.AREA, place=place)

    def _parcel(self, number: str, order: str, area: str, kind: _Kind, start: str, end: str) -> Parcel:
        waybill = Waybill(CARRIER, number)
        known = self._places[area]
        place = Place(city=known.city, region=known.region, country=known.country)
        window = f"pick-up window {start} to {end}" if start and end and (start + end).isprintable() else None
        return Parcel(
            id=parcel_id(waybill),
            waybill=waybill,
            order_number=order,
            origin=place if kind is _PICK_UPS else None,
            destination=place if kind is _DELIVERIES else None,
            note=window and window[:100],
        )


def _read(path: Path, meter: Meter) -> Iterator[Part]:
    before = meter.read
    with ByteStream(path, meter) as stream:
        if not stream.start.startswith(MAGIC):
            yield from read_stream(stream, _COMMON, lines=ORDERS)
            return
    meter.read = before
    yield from read_parts(path, meter, _COMMON, _OTHERS, ORDERS)


def _kind_of(source: str, part: Part) -> _Kind:
    found = [kind for kind in (_PICK_UPS, _DELIVERIES) if kind.done_field in part.columns]
    if len(found) != 1:
        shown = ", ".join(part.columns)
        raise BadInput(
            f"is neither LaDe-P nor LaDe-D; columns found: {shown[:400]}.",
            where=source,
            mend="LaDe-P has a column pickup_time, LaDe-D a column delivery_time.",
        )
    return found[0]


def _median(values: list[int]) -> int:
    return values[(len(values) - 1) // 2]
