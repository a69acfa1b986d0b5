"""The kinds of history files that can be read, by name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from waypost.feeds.delhivery import DelhiveryFeed
from waypost.feeds.facilities import FacilitiesFeed
from waypost.feeds.lade import YEAR, LadeFeed
from waypost.feeds.olist import OlistFeed
from waypost.feeds.parcels import ParcelsFeed
from waypost.feeds.scans import ScansFeed
from waypost.feeds.stream import is_folder
from waypost.model.errors import BadInput
from waypost.track.feed import ScanFeed

#: Options as people write them: name and value.
Options = Mapping[str, str]


class FeedKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of files.

    Attributes:
        name: as in `waypost import NAME PATH`.
        help: one line about it.
        files: what PATH has to be.
        options: for each option one line about it.
        open: makes the reader; raises `BadInput` when PATH is not what it has to be or an option has a wrong value.
    """

    name: str
    help: str
    files: str
    open: Callable[[Path, Options], ScanFeed]
    options: Mapping[str, str] = {}


def _open_lade(path: Path, options: Options) -> ScanFeed:
    text = options.get("year", str(YEAR))
    if not (text.isascii() and text.isdigit() and 2015 <= int(text) <= 2048):
        raise BadInput(f"{text[:20]!r} is no year from 2015 to 2048", where="option year")
    return LadeFeed(path, int(text))


_KINDS = (
    FeedKind(
        name="olist",
        help="Olist: orders of a Brazilian marketplace, with purchase, approval, handover, delivery and promise",
        files="the folder with the public CSV files (olist_orders_dataset.csv and five more), or one of them",
        open=lambda path, options: OlistFeed(path),
    ),
    FeedKind(
        name="delhivery",
        help="Delhivery: linehaul trips in India, departures and arrivals between centres",
        files="the public CSV file of 24 columns, or a folder with it",
        open=lambda path, options: DelhiveryFeed(path),
    ),
    FeedKind(
        name="lade",
        help="Cainiao's LaDe-P (pick-ups) or LaDe-D (deliveries), told apart by their columns",
        files="CSV or Parquet with the public columns, or a folder of them",
        options={"year": f"the year of its stamps, which have none (default {YEAR})"},
        open=_open_lade,
    ),
    FeedKind(
        name="scans",
        help="scans in the neutral format, of any carriers",
        files="NDJSON, CSV, XLSX, Parquet or Arrow, or a folder of them",
        open=lambda path, options: ScansFeed(path),
    ),
    FeedKind(
        name="facilities",
        help="facilities in the neutral format: codes, names, places, time zones",
        files="NDJSON or CSV, or a folder of them",
        open=lambda path, options: FacilitiesFeed(path),
    ),
    FeedKind(
        name="parcels",
        help="parcels in the neutral format: promise, weight, origin and destination, further numbers",
        files="NDJSON or CSV, or a folder of them",
        open=lambda path, options: ParcelsFeed(path),
    ),
)

#: All kinds by name. Text files may be plain or packed with gzip, xz or zstd; their content tells, not their name.
FEEDS: Mapping[str, FeedKind] = MappingProxyType({kind.name: kind for kind in _KINDS})


def open_feed(name: str, path: Path, options: Options = MappingProxyType({})) -> ScanFeed:
    """A reader for some files.

    Raises:
        BadInput: no such kind, option or file.
    """
    kind = FEEDS.get(name)
    if kind is None:
        raise BadInput(f"unknown kind of files {name[:40]!r}.", mend=f"Known: {', '.join(FEEDS)}.")
    for option in options:
        if option not in kind.options:
            known = ", ".join(kind.options) or "none"
            raise BadInput(f"{name} has no option {option[:40]!r}.", mend=f"Its options: {known}.")
    is_folder(path)  # or it is refused for what it is
    return kind.open(path, options)
