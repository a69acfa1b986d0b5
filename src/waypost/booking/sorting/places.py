"""What is told of a place: columns of text, and the keys under which deliveries to it are counted.

A key is a number for a stretch of the address, from the very door to the whole country. They are made for whole
columns: by expressions of Arrow, and one compiled loop that hashes texts.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.addresses.chinese import ChineseAddress
from waypost.model.errors import BadInput
from waypost.store.compiled import compiled

U64 = npt.NDArray[np.uint64]

#: Where something goes, as text; what is not known is null or empty. `street` is the rest: town, road, house, estate.
PLACES = pa.schema([(name, pa.string()) for name in ("country", "postcode", "province", "city", "county", "street")])
#: A delivery that was made: `code` is `hub-outlet-courier`, or only the hub, or hub and outlet.
DELIVERIES = PLACES.append(pa.field("code", pa.string())).append(pa.field("delivered_ms", pa.int64()))


class Stretch(IntEnum):
    """What a key stands for, the closest first."""

    DOOR = 0
    HOUSE = 1
    ESTATE = 2
    BLOCK = 3  #: one side of a road, for twenty numbers
    REACH = 4  #: a road, for sixty numbers
    ROAD = 5
    POSTCODE = 6
    ROAD_END = 7  #: the last characters of its name: what stands before may be anything
    TOWN = 8
    POSTCODE_1 = 9  #: without its last character
    COUNTY = 10
    CITY = 11
    POSTCODE_2 = 12
    POSTCODE_3 = 13
    PROVINCE = 14
    COUNTRY = 15


_PER_BLOCK, _PER_REACH = 20, 60
_TOWN = r"^(?P<town>\p{Han}{1,10}?(?:街道|镇|乡|苏木))(?P<rest>[^路街道巷弄口].*|)$"
_ROAD = r"(?P<road>[\p{Han}A-Z]{1,12}?(?:路|大街|街|大道|道|巷|弄|胡同|村))(?P<side>\D{0,2})(?P<number>\d{1,5})"
_ESTATE = (
    r"(?P<estate>\p{Han}{2,10}?"
    r"(?:小区|花园|家园|公寓|大厦|广场|中心|新村|苑|新城|府|庭|园区|工业园|市场|学校|医院|大学))"
)
_FRONT = r"^(?P<front>\d*[^\d]+)"
_HOUSE = r"^(?P<house>.*?\d+)"


def place_of(address: ChineseAddress) -> dict[str, str]:
    """The row of `PLACES` of a Chinese address."""
    return {
        "country": "CN",
        "postcode": address.postcode or "",
        "province": address.province or "",
        "city": address.city or "",
        "county": address.county or "",
        "street": (address.street or "") + address.detail,
    }


def make_keys(places: pa.Table) -> U64:
    """A row of keys for each place, one for each `Stretch`; 0 where the place does not tell it.

    Raises:
        BadInput: a column is missing or no text.
    """
    columns = {name: _tidy(places, name) for name in PLACES.names}
    country, postcode, province, city, county = (_hash(columns[name]) for name in PLACES.names[:5])
    town, street = _cut_town(columns["street"])
    road, number = _find_road(street)
    area = _mix(country, city, county)
    length = pc.utf8_length(columns["postcode"])
    keys = np.zeros((len(places), len(Stretch)), np.uint64)

    def put(stretch: Stretch, told: npt.NDArray[np.bool_], *parts: U64) -> None:
        keys[:, stretch] = np.where(told, _mix(np.full(len(places), stretch + 1, np.uint64), *parts), 0)

    has_street, has_road = _is_told(street), _is_told(road)
    house, estate = _extract(street, _HOUSE, "house"), _extract(street, _ESTATE, "estate")
    put(Stretch.DOOR, has_street, area, postcode, _hash(street))
    put(Stretch.HOUSE, _is_told(house), area, _hash(house))
    put(Stretch.ESTATE, _is_told(estate), area, _hash(estate))
    block = (number // _PER_BLOCK * 2 + number % 2).astype(np.uint64)
    put(Stretch.BLOCK, has_road & (number >= 0), area, _hash(road), block)
    put(Stretch.REACH, has_road & (number >= 0), area, _hash(road), (number // _PER_REACH).astype(np.uint64))
    put(Stretch.ROAD, has_road, area, _hash(road))
    put(Stretch.ROAD_END, has_road, area, _hash(pc.utf8_slice_codeunits(road, -3)))
    put(Stretch.POSTCODE, _is_told(columns["postcode"]), country, postcode)
    put(Stretch.TOWN, _is_told(town), area, _hash(town))
    for cut, stretch in enumerate((Stretch.POSTCODE_1, Stretch.POSTCODE_2, Stretch.POSTCODE_3), 1):
        shorter = _hash(pc.utf8_slice_codeunits(columns["postcode"], 0, -cut))
        put(stretch, _numbers(length) > cut, country, shorter)
    put(Stretch.COUNTY, _is_told(columns["county"]), area, province)
    put(Stretch.CITY, _is_told(columns["city"]), country, province, city)
    put(Stretch.PROVINCE, _is_told(columns["province"]), country, province)
    put(Stretch.COUNTRY, _is_told(columns["country"]), country)
    return keys


def _tidy(places: pa.Table, name: str) -> pa.Array:
    """In capitals, one way of writing for the same letter, single blanks."""
    if name not in places.column_names:
        raise BadInput("the column is missing", where=name)
    column = places[name].combine_chunks()
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        raise BadInput(f"is {column.type}, not text", where=name)
    text = pc.utf8_upper(pc.utf8_normalize(pc.fill_null(column.cast(pa.large_string()), ""), "NFKC"))
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(text, r"[\s,;，。、]+", " "))


def _cut_town(street: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The town in front, if there is one, and what follows."""
    found = pc.extract_regex(street, _TOWN)
    town = pc.fill_null(pc.struct_field(found, "town"), "")
    return town, pc.coalesce(pc.struct_field(found, "rest"), street)


def _find_road(street: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The road, and the house's number on it or -1."""
    found = pc.extract_regex(street, _ROAD)
    front = pc.utf8_trim(_extract(street, _FRONT, "front"), " .-#0123456789")
    road = pc.coalesce(pc.struct_field(found, "road"), front)
    first = _extract(street, r"(?P<first>\d{1,6})", "first")
    number = pc.coalesce(pc.struct_field(found, "number"), pc.if_else(pc.equal(first, ""), None, first))
    return road, _numbers(pc.fill_null(number.cast(pa.int64()), -1))


def _extract(text: pa.Array, pattern: str, name: str) -> pa.Array:
    return pc.fill_null(pc.struct_field(pc.extract_regex(text, pattern), name), "")


def _numbers(column: pa.Array) -> npt.NDArray[np.int64]:
    return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)


def _is_told(text: pa.Array) -> npt.NDArray[np.bool_]:
    told: npt.NDArray[np.bool_] = np.asarray(pc.not_equal(text, "").to_numpy(zero_copy_only=False), bool)
    return told


def _mix(*parts: U64) -> U64:
    """One number of several, in their order; never 0."""
    mixed = np.zeros(len(parts[0]), np.uint64)
    for part in parts:
        mixed = (mixed ^ part) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
    return np.maximum(mixed, 1)


def _hash(text: pa.Array) -> U64:
    """64 bits for each text (FNV-1a)."""
    if len(text) == 0:
        return np.empty(0, np.uint64)
    text = pa.concat_arrays([text.cast(pa.large_string())])  # from its first byte on
    _, offsets, data = text.buffers()
    bounds = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    signs = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    hashed = np.empty(len(text), np.uint64)
    _hash_texts(signs, bounds, hashed)
    return hashed


@compiled
def _hash_texts(signs: npt.NDArray[np.uint8], bounds: npt.NDArray[np.int64], hashed: U64) -> None:
    for row in range(len(hashed)):
        word = np.uint64(0xCBF29CE484222325)
        for place in range(bounds[row], bounds[row + 1]):
            word = (word ^ np.uint64(signs[place])) * np.uint64(0x100000001B3)
        hashed[row] = word
