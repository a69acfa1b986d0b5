"""What carriers answer through karrio's connectors, read for number, code, stamp and place.

A shape takes what a connector opened: objects of JSON, or an element of XML. USPS and La Poste give an offset with each
stamp, Canada Post the letters of a Canadian zone, DHL Express nothing: its stamps are local to the service area, whose
zone the house knows if its facility does.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from waypost.carriers.rows import Scan
from waypost.carriers.usps import read_tracked
from waypost.model.decoding import convert


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says.

    Attributes:
        why: of single waybills, why there are no scans of them.
        faults: what else the carrier complains of; which waybill it means it does not say.
    """

    scans: list[Scan]
    why: dict[str, str] = {}
    faults: list[str] = []


class Understanding(Protocol):
    """Who can be asked what karrio makes of the same answer."""

    def understand(self) -> tuple[Sequence[Any], Sequence[Any]]:
        """Details of waybills, and messages."""


Shape = Callable[[Any, Understanding], Told]

#: What Canada Post calls its zones; right only because they are Canada's.
_CANADIAN_HOURS = {
    "NST": -3.5,
    "NDT": -2.5,
    "AST": -4,
    "ADT": -3,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}


def read_usps(native: Any, _: Understanding) -> Told:
    """Pairs of number and object."""
    scans: list[Scan] = []
    why: dict[str, str] = {}
    for number, told in native:
        found, fault = read_tracked(number, told)
        scans += found
        if fault:
            why[number] = fault
    return Told(scans=scans, why=why)


def read_dhl_express(native: Any, _: Understanding) -> Told:
    """An element with an `AWBInfo` for each waybill."""
    scans: list[Scan] = []
    why: dict[str, str] = {}
    waybills = list(_each(native, "AWBInfo"))
    for waybill in waybills:
        number = _text(waybill, "AWBNumber")
        for event in _each(waybill, "ShipmentEvent"):
            place = _text(event, "ServiceAreaCode") or _text(event, "ServiceArea", "Description")
            stamp = _joined(_text(event, "Date"), _text(event, "Time"))
            scans.append((number, _text(event, "EventCode"), stamp, place))
        if number and (faults := _conditions(waybill)):
            why[number] = "; ".join(faults)
    return Told(scans=scans, why=why, faults=[] if waybills else _conditions(native))


def read_canadapost(native: Any, _: Understanding) -> Told:
    """An element with a `tracking-detail` for each waybill, and `messages` for those that it does not know."""
    scans: list[Scan] = []
    for waybill in _each(native, "tracking-detail"):
        number = _text(waybill, "pin")
        for event in _each(waybill, "occurrence"):
            stamp = _joined(_text(event, "event-date"), _text(event, "event-time"))
            away = _CANADIAN_HOURS.get((_text(event, "event-time-zone") or "").upper())
            if stamp and away is not None:
                stamp += _offset(away)
            place = " ".join(filter(None, (_text(event, "event-site"), _text(event, "event-province"))))
            scans.append((number, _text(event, "event-identifier"), stamp, place or None))
    faults = [_text(each, "description") or _text(each, "code") or "" for each in _each(native, "message")]
    return Told(scans=scans, faults=[fault for fault in faults if fault])


class _PosteEvent(msgspec.Struct, frozen=True):
    code: str | None = None
    date: str | None = None


class _PosteShipment(msgspec.Struct, frozen=True):
    idShip: str | None = None
    event: list[_PosteEvent] | None = None


class _PosteAnswer(msgspec.Struct, frozen=True):
    idShip: str | None = None
    returnMessage: str | None = None
    message: str | None = None
    shipment: _PosteShipment | None = None


def read_laposte(native: Any, _: Understanding) -> Told:
    """One object, or a list of them."""
    scans: list[Scan] = []
    why: dict[str, str] = {}
    faults: list[str] = []
    for answer in convert(native if isinstance(native, list) else [native], list[_PosteAnswer], strict=False):
        shipment = answer.shipment or _PosteShipment()
        number = shipment.idShip or answer.idShip
        events = shipment.event or []
        scans += [(number, event.code, event.date, None) for event in events]
        if fault := answer.returnMessage or answer.message or "":
            if number is None:
                faults.append(fault)
            elif not events:
                why[number] = fault
    return Told(scans=scans, why=why, faults=faults)


def read_details(understood: tuple[Sequence[Any], Sequence[Any]], *, is_utc: bool) -> Told:
    """What karrio understood, for carriers whose own shape is not known here.

    Args:
        is_utc: whether the carrier means its stamps so. karrio writes a Z behind all of them.
    """
    details, messages = understood
    scans: list[Scan] = []
    for detail in details:
        for event in detail.events:
            stamp = (event.timestamp or "").removesuffix("Z")
            stamp = f"{stamp}Z" if stamp and is_utc else stamp
            scans.append((detail.tracking_number, event.code, stamp or None, event.location or None))
    return Told(scans=scans, faults=[str(each.message or each.code) for each in messages])


SHAPES: dict[str, Shape] = {
    "usps": read_usps,
    "dhl_express": read_dhl_express,
    "canadapost": read_canadapost,
    "laposte": read_laposte,
}


def _each(element: Any, name: str) -> Iterator[Any]:
    """What is called so below an element, in whatever namespace."""
    return (each for each in element.iter() if _is_called(each, name))


def _is_called(element: Any, name: str) -> bool:
    return isinstance(element.tag, str) and element.tag.rpartition("}")[2] == name


def _text(element: Any, *names: str) -> str | None:
    """The text of the first that is called so, each below the one before."""
    for name in names:
        element = next(_each(element, name), None)
        if element is None:
            return None
    return (element.text or "").strip() or None


def _conditions(element: Any) -> list[str]:
    told = [_text(each, "ConditionData") or _text(each, "ConditionCode") for each in _each(element, "Condition")]
    return [text for text in told if text]


def _joined(day: str | None, time: str | None) -> str | None:
    return f"{day} {time}" if day and time else None


def _offset(away_hours: float) -> str:
    return dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=away_hours))).isoformat()[-6:]
