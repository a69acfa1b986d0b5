"""Neutral parcels: NDJSON or CSV with the fields of `FIELDS`, plain or packed.

`carrier` and `number` are the waybill and have to be there. `promised_by` is RFC 3339 with an offset. The weight stands
in `weight_g`, or in `weight` with its `unit` (g, kg, lb, oz). `origin_*` and `destination_*` are at city level. `also`
names further numbers of the same parcel, `carrier:number` with a semicolon between them (in NDJSON also as a list);
`usps:LZ123456785CN@2026-11-10T08:00:00+08:00` holds from that instant on, for numbers are used again.
"""

from collections.abc import Iterator
from pathlib import Path

from waypost.feeds.choosing import choose_files
from waypost.feeds.fields import (
    NOTE,
    BadFieldError,
    parse_carrier,
    parse_field,
    parse_number,
    parse_words,
    read_area,
    read_words,
)
from waypost.feeds.master import ENDINGS, Row, read_master
from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.instants import parse_instant
from waypost.model.measures import parse_weight_g
from waypost.track.feed import Portion
from waypost.track.intake import MAX_NUMBER
from waypost.track.records import Link

NEEDED = ("carrier", "number")
FIELDS = (
    *NEEDED,
    *("order_number", "promised_by", "weight_g", "weight", "unit"),
    *(f"{end}_{part}" for end in ("origin", "destination") for part in ("city", "region", "country")),
    *("note", "also"),
)


class ParcelsFeed:
    """A `ScanFeed` of one file or a folder of files with parcels, and no scans.

    Raises:
        BadInput: nothing there.
    """

    def __init__(self, path: Path) -> None:
        self._paths = choose_files(path, "parcels", ENDINGS)

    def portions(self) -> Iterator[Portion]:
        """See `ScanFeed.portions`."""
        for batch in read_master(self._paths, NEEDED, FIELDS, read_parcel):
            yield Portion(
                source=batch.source,
                parcels=[parcel for parcel, _ in batch.made],
                links=[link for _, links in batch.made for link in links],
                refusals=batch.refusals,
                share=batch.share,
            )


def read_parcel(row: Row) -> tuple[Parcel, list[Link]]:
    """One parcel and its further numbers from a row of texts.

    Raises:
        BadFieldError: a field is missing or wrong.
    """
    waybill = Waybill(parse_carrier(row.get("carrier")), parse_number(row.get("number")))
    promised = parse_field(parse_instant, row.get("promised_by"), "promised_by")
    parcel = Parcel(
        id=parcel_id(waybill),
        waybill=waybill,
        order_number=read_words(row.get("order_number"), "order_number", MAX_NUMBER),
        origin=read_area(row, "origin_"),
        destination=read_area(row, "destination_"),
        promised_ms=None if promised is None else promised.at_ms,
        weight_g=_read_weight(row),
        note=read_words(row.get("note"), "note", NOTE),
    )
    also = (row.get("also") or "").split(";")
    return parcel, [_parse_link(parcel.id, text.strip()) for text in also if text.strip()]


def _read_weight(row: Row) -> int | None:
    if row.get("weight_g") and row.get("weight"):
        raise BadFieldError("weight", "stands beside weight_g: give one of them", row["weight"])
    if row.get("weight"):
        unit = parse_words(row.get("unit"), "unit", NOTE)
        return parse_field(lambda text: parse_weight_g(text, unit), row["weight"], "weight")
    return parse_field(parse_weight_g, row.get("weight_g"), "weight_g")


def _parse_link(parcel: str, text: str) -> Link:
    carrier, colon, rest = text.partition(":")
    number, at, since = rest.rpartition("@") if "@" in rest else (rest, "", "")
    if not colon:
        raise BadFieldError("also", "is no further number: write it as usps:LZ123456785CN", text)
    waybill = Waybill(parse_carrier(carrier, "also"), parse_number(number, "also"))
    instant = parse_field(parse_instant, since, "also")
    if at and instant is None:
        raise BadFieldError("also", "has no instant behind the @", text)
    return Link(parcel, waybill, None if instant is None else instant.at_ms, None)
