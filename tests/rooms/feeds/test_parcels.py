import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.errors import BadInput
from waypost.model.instants import parse_instant
from waypost.model.places import Place
from waypost.track.records import Link

WAYBILL = Waybill("yunda", "463112345678901")
GOOD: dict[str, Any] = {
    "carrier": "yunda",
    "number": "4631 1234 5678 901",
    "order_number": "TEA-1",
    "promised_by": "2026-11-22T23:59:59-08:00",
    "weight": 1.25,
    "unit": "kg",
    "origin_city": "义乌",
    "origin_country": "CN",
    "destination_city": "Seattle",
    "destination_region": "WA",
    "destination_country": "US",
    "note": "fragile",
    "also": ["usps:LX473124829HK@2026-11-15T09:36:18+08:00", "order:77"],
}
PARCEL = Parcel(
    id=parcel_id(WAYBILL),
    waybill=WAYBILL,
    order_number="TEA-1",
    origin=Place(city="义乌", country="CN"),
    destination=Place(city="Seattle", region="WA", country="US"),
    promised_ms=parse_instant("2026-11-23T07:59:59Z").at_ms,
    weight_g=1250,
    note="fragile",
)
LINKS = [
    Link(PARCEL.id, Waybill("usps", "LX473124829HK"), parse_instant("2026-11-15T01:36:18Z").at_ms, None),
    Link(PARCEL.id, Waybill("order", "77"), None, None),
]


def test_ndjson(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "parcels.ndjson"
    path.write_text(json.dumps(GOOD) + "\n", "utf-8")
    found = read("parcels", path)
    assert (found.parcels, found.links, found.refusals) == ([PARCEL], LINKS, [])


def test_csv(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "parcels.csv"
    row = GOOD | {"also": "; ".join(GOOD["also"])}
    path.write_text(f"{','.join(row)}\n{','.join(map(str, row.values()))}\n", "utf-8")
    found = read("parcels", path)
    assert (found.parcels, found.links, found.refusals) == ([PARCEL], LINKS, [])


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"carrier": None}, "carrier", "is missing"),
        ({"number": "x" * 10_000}, "number", "is longer than 64 characters"),
        ({"number": "ä"}, "number", "has characters that no waybill number has (printable ASCII only)"),
        ({"weight": -1}, "weight", "'-1' is negative"),
        ({"weight": "heavy"}, "weight", "'heavy' is no number"),
        ({"unit": "stone"}, "weight", "unknown unit of weight 'stone'; known: g, kg, lb, oz"),
        ({"unit": None}, "unit", "is missing"),
        ({"weight_g": 5}, "weight", "stands beside weight_g: give one of them"),
        (
            {"promised_by": "2026-11-22 23:59:59"},
            "promised_by",
            "'2026-11-22 23:59:59' has no offset: write it as 2026-11-22T10:00:00+08:00",
        ),
        (
            {"promised_by": "2026-02-30T10:00:00Z"},
            "promised_by",
            "'2026-02-30T10:00:00Z' names a date that does not exist",
        ),
        ({"origin_country": "cn"}, "origin_country", "is no ISO 3166-1 alpha-2 country code: two letters such as CN"),
        ({"destination_city": "x" * 121}, "destination_city", "is longer than 120 characters"),
        ({"note": "two\nlines"}, "note", "has control characters"),
        ({"note": True}, "note", "is neither text nor a number"),
        ({"also": "LX473124829HK"}, "also", "is no further number: write it as usps:LZ123456785CN"),
        ({"also": "usps:LX473124829HK@"}, "also", "has no instant behind the @"),
        ({"also": "usps:LX473124829HK@soon"}, "also", "'soon' is not a date and time; write it as"),
        ({"wieght": 5}, "wieght", "is no known field; known: carrier, number, order_number"),
    ],
)
def test_bad_rows(tmp_path: Path, read: Callable, change: dict[str, Any], field: str, reason: str) -> None:
    path = tmp_path / "parcels.ndjson"
    path.write_text(f"{json.dumps(GOOD | change)}\n\n{json.dumps(GOOD)}\n", "utf-8")
    found = read("parcels", path)
    ((line, name, told),) = found.told()
    assert (line, name) == (1, field)
    assert told.startswith(reason)
    assert found.parcels == [PARCEL]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1]", "is no JSON object"),
        (b'{"carrier":"yto"', "input data was truncated"),
        (b'{"carrier":"\xff"}', "is not UTF-8"),
        (b'{"weight_g":' + b"9" * 5000 + b"}", "integer value out of range"),
    ],
)
def test_lines_that_are_no_json(tmp_path: Path, read: Callable, line: bytes, reason: str) -> None:
    path = tmp_path / "parcels.ndjson"
    path.write_bytes(json.dumps(GOOD).encode() + b"\n" + line + b"\n")
    found = read("parcels", path)
    assert found.told() == [(2, "", reason)]
    assert found.parcels == [PARCEL]


def test_text_that_looks_like_code_stays_text(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "parcels.ndjson"
    hostile = "'); DROP TABLE parcels; -- <script>alert(1)</script>"
    path.write_text(json.dumps(GOOD | {"note": hostile, "origin_city": hostile}) + "\n", "utf-8")
    (parcel,) = read("parcels", path).parcels
    assert (parcel.note, parcel.origin.city) == (hostile, hostile)


def test_a_json_array(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "parcels.json"
    path.write_text(json.dumps([GOOD]), "utf-8")
    with pytest.raises(BadInput, match=r"parcels\.json: is one JSON array\."):
        read("parcels", path)
