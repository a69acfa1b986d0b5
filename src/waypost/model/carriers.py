"""Carriers that Waypost knows by name: express couriers, posts, networks, and the data sets it can read."""

import csv
import functools
import importlib.resources
import re
from typing import Literal

import msgspec

from waypost.model.decoding import convert

#: What may stand for a carrier in scans, links and file names. Not every such code is a known carrier.
CARRIER_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")

CarrierKind = Literal["express", "post", "airline", "marketplace", "network", "data_set"]


class Carrier(msgspec.Struct, frozen=True, kw_only=True):
    """A known carrier.

    Attributes:
        code: as in scans; see `CARRIER_CODE`.
        name: in Latin letters.
        name_zh: in Chinese, where it has one.
        country: ISO 3166-1 alpha-2, of its seat.
        zone: the IANA zone in which it writes stamps without a zone; None where they are local to the place of the
            scan or always bear an offset.
        kind: express, post, airline, marketplace, network (joins others), data_set (a public set of past parcels).
    """

    code: str
    name: str
    name_zh: str | None
    country: str
    zone: str | None
    kind: CarrierKind


@functools.cache
def _by_code() -> dict[str, Carrier]:
    text = importlib.resources.files("waypost.model").joinpath("carriers.csv").read_text("utf-8")
    carriers = (
        convert({name: value or None for name, value in row.items()}, Carrier)
        for row in csv.DictReader(text.splitlines(), strict=True)
    )
    return {carrier.code: carrier for carrier in carriers}


def find_carrier(code: str) -> Carrier | None:
    """The carrier of that code, or None: a network may have carriers that nobody else knows."""
    return _by_code().get(code)


def list_carriers() -> list[Carrier]:
    """All known carriers, by code."""
    return sorted(_by_code().values(), key=lambda carrier: carrier.code)
