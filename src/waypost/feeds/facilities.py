"""Neutral facilities: NDJSON or CSV with the fields of `FIELDS`, plain or packed.

`carrier` and `code` are as the carrier's scans name them; `name` is for people; `kind` is one of `FacilityKind`;
`country` is ISO 3166-1 alpha-2, `latitude` and `longitude` are degrees (WGS 84), `zone` is an IANA time zone. The first
four have to be there.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from waypost.feeds.choosing import choose_files
from waypost.feeds.fields import CODE, NAME, BadFieldError, parse_carrier, parse_field, parse_words, read_area
from waypost.feeds.master import ENDINGS, Row, read_master
from waypost.model.errors import BadInput
from waypost.model.instants import get_zone
from waypost.model.places import Facility, FacilityKind, Place
from waypost.track.feed import Portion

NEEDED = ("carrier", "code", "name", "kind")
FIELDS = (*NEEDED, "city", "region", "country", "latitude", "longitude", "zone")


class FacilitiesFeed:
    """A `ScanFeed` of one file or a folder of files with facilities, and no scans.

    Raises:
        BadInput: nothing there.
    """

    def __init__(self, path: Path) -> None:
        self._paths = choose_files(path, "facilities", ENDINGS)

    def portions(self) -> Iterator[Portion]:
        """See `ScanFeed.portions`."""
        for batch in read_master(self._paths, NEEDED, FIELDS, read_facility):
            yield Portion(source=batch.source, facilities=batch.made, refusals=batch.refusals, share=batch.share)


def read_facility(row: Row) -> Facility:
    """One facility from a row of texts.

    Raises:
        BadFieldError: a field is missing or wrong.
    """
    kind = parse_words(row.get("kind"), "kind", NAME)
    if kind not in FacilityKind.__members__.values():
        raise BadFieldError("kind", f"is none of {', '.join(FacilityKind)}", kind)
    return Facility(
        carrier=parse_carrier(row.get("carrier")),
        code=parse_words(row.get("code"), "code", CODE),
        name=parse_words(row.get("name"), "name", NAME),
        kind=FacilityKind(kind),
        place=msgspec.structs.replace(
            read_area(row) or Place(),
            latitude=parse_field(lambda text: _parse_degrees(text, 90), row.get("latitude"), "latitude"),
            longitude=parse_field(lambda text: _parse_degrees(text, 180), row.get("longitude"), "longitude"),
            zone=parse_field(_parse_zone, row.get("zone"), "zone"),
        ),
    )


def _parse_degrees(text: str, most: int) -> float:
    try:
        degrees = float(text)
    except ValueError:
        raise BadInput("is no number of degrees") from None
    if not abs(degrees) <= most:
        raise BadInput(f"is off the globe: it lies between -{most} and {most}")
    return degrees


def _parse_zone(text: str) -> str:
    get_zone(text)
    return text
