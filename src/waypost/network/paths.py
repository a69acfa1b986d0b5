"""Paths: the ways of something through a timetable, leg by leg."""

from collections.abc import Collection

import msgspec
import numpy as np

from waypost.model.errors import BadInput
from waypost.model.measures import Money
from waypost.network.scanning import (
    ALWAYS,
    NEVER,
    Marks,
    Numbers,
    scan_backward,
    scan_forward,
    tell_legs,
    trace_back,
    trace_forth,
)
from waypost.network.services import Mode
from waypost.network.timetable import Timetable

_ALL = np.empty(0, np.bool_)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What may be used.

    Attributes:
        carriers, modes: none but these; None for any.
        services: none but these, as (carrier, code).
        weight_g: only departures that can carry so much; those of unknown capacity can.
    """

    carriers: frozenset[str] | None = None
    modes: frozenset[Mode] | None = None
    services: frozenset[tuple[str, str]] | None = None
    weight_g: int = 0


ANY = Terms()


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One move between two facilities by one departure, which may call at others between.

    Attributes:
        carrier, service, mode: what moves it.
        origin, destination: facilities, as `carrier/code`.
        departs_ms, arrives_ms: UTC.
        closes_ms: the cut-off at the origin.
        cost, co2_g: of one parcel.
        boarded, left: the connections of the timetable with which it begins and ends.
    """

    carrier: str
    service: str
    mode: Mode
    origin: str
    destination: str
    departs_ms: int
    arrives_ms: int
    closes_ms: int
    cost: Money
    co2_g: int
    boarded: int
    left: int


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """Legs one after another; none where something is there already."""

    legs: tuple[Leg, ...]


class Arrivals:
    """How early everything can be reached from one facility."""

    def __init__(self, timetable: Timetable, start: int, start_ms: int, boarded: Numbers, left: Numbers) -> None:
        self._timetable, self._start, self._start_ms = timetable, start, start_ms
        self._boarded, self._left = boarded, left

    def list_arrivals_ms(self) -> dict[str, int]:
        """When each facility that can be reached is reached."""
        rows = np.flatnonzero(self._left >= 0)
        arrives_ms = self._timetable.connections.arrives_ms[self._left[rows]]
        found = {self._timetable.facilities[self._start]: self._start_ms}
        names = self._timetable.facilities
        found |= {names[row]: at for row, at in zip(rows.tolist(), arrives_ms.tolist(), strict=True)}
        return found

    def find_path(self, destination: str) -> Path | None:
        """The way on which a facility is reached first; None if it cannot be.

        Raises:
            NotFound: nothing calls there.
        """
        target = self._timetable.place(destination)
        if target != self._start and self._left[target] < 0:
            return None
        origin = self._timetable.connections.origin
        return tell_path(self._timetable, trace_back(origin, self._boarded, self._left, self._start, target))


def find_earliest(
    timetable: Timetable, origin: str, destination: str, ready_ms: int, terms: Terms = ANY, until_ms: int = NEVER
) -> Path | None:
    """The path that arrives first; None if there is none.

    Args:
        timetable: what departs.
        origin, destination: facilities, as `carrier/code`.
        ready_ms: from when on it can be handed over at the origin.
        terms: what may be used.
        until_ms: only by departures up to then.

    Raises:
        NotFound: nothing calls at one of the facilities.
    """
    arrivals = _scan(timetable, origin, timetable.place(destination), ready_ms, terms, until_ms)
    return arrivals.find_path(destination)


def find_arrivals(
    timetable: Timetable, origin: str, ready_ms: int, terms: Terms = ANY, until_ms: int = NEVER
) -> Arrivals:
    """As `find_earliest`, to all facilities at once."""
    return _scan(timetable, origin, -1, ready_ms, terms, until_ms)


def find_latest(
    timetable: Timetable, origin: str, destination: str, due_ms: int, terms: Terms = ANY, since_ms: int = ALWAYS
) -> Path | None:
    """The path that can be begun last, by its cut-off, and arrives in time; None if there is none.

    Args:
        timetable: what departs.
        origin, destination: facilities, as `carrier/code`.
        due_ms: until when it has to arrive.
        terms: what may be used.
        since_ms: only by departures from then on.

    Raises:
        NotFound: nothing calls at one of the facilities.
    """
    start, target = timetable.place(origin), timetable.place(destination)
    each = timetable.connections
    boarded, left = np.empty(len(timetable.facilities), np.int32), np.empty(len(timetable.facilities), np.int32)
    scan_backward(
        each.departs_ms,
        each.ready_ms,
        each.closes_ms,
        each.origin,
        each.destination,
        each.section,
        each.following,
        list_allowed(timetable, terms),
        target,
        due_ms + int(timetable.dwell_ms[target]),
        start,
        since_ms,
        boarded,
        left,
    )
    if start != target and left[start] < 0:
        return None
    return tell_path(timetable, trace_forth(each.destination, boarded, left, start, target))


def list_allowed(timetable: Timetable, terms: Terms) -> Marks:
    """For each section whether it may be used; empty where all may."""
    if terms == ANY:
        return _ALL
    services, sections = timetable.services, timetable.sections

    def among(wanted: Collection[object] | None, given: list[object]) -> Marks:
        return np.array([wanted is None or each in wanted for each in given], np.bool_)

    good = among(terms.carriers, [service.carrier for service in services])
    good &= among(terms.modes, [service.mode for service in services])
    good &= among(terms.services, [(service.carrier, service.code) for service in services])
    allowed: Marks = good[sections.service] & (sections.capacity_g >= terms.weight_g)
    return allowed


def tell_path(timetable: Timetable, legs: Numbers) -> Path:
    """The path of legs given as connections, two each: boarded and left."""
    each, sections, facilities = timetable.connections, timetable.sections, timetable.facilities
    rows = np.empty((len(legs) // 2, 10), np.int64)
    tell_legs(
        legs,
        each.departs_ms,
        each.arrives_ms,
        each.closes_ms,
        each.origin,
        each.destination,
        each.section,
        sections.cost_minor,
        sections.co2_g,
        rows,
    )
    told: list[Leg] = []
    for boarded, left, departs, arrives, closes, section, origin, destination, cost, co2 in rows.tolist():
        service = timetable.services[sections.service[section]]
        told.append(
            Leg(
                carrier=service.carrier,
                service=service.code,
                mode=service.mode,
                origin=facilities[origin],
                destination=facilities[destination],
                departs_ms=departs,
                arrives_ms=arrives,
                closes_ms=closes,
                cost=Money(cost, service.currency),
                co2_g=co2,
                boarded=boarded,
                left=left,
            )
        )
    return Path(legs=tuple(told))


def _scan(timetable: Timetable, origin: str, target: int, ready_ms: int, terms: Terms, until_ms: int) -> Arrivals:
    start = timetable.place(origin)
    if not ALWAYS < ready_ms < NEVER:
        raise BadInput(f"{ready_ms} is no instant", where="ready_ms")
    each = timetable.connections
    boarded, left = np.empty(len(timetable.facilities), np.int32), np.empty(len(timetable.facilities), np.int32)
    scan_forward(
        each.departs_ms,
        each.arrives_ms,
        each.ready_ms,
        each.closes_ms,
        each.origin,
        each.destination,
        each.section,
        each.previous,
        list_allowed(timetable, terms),
        start,
        ready_ms,
        target,
        until_ms,
        boarded,
        left,
    )
    return Arrivals(timetable, start, ready_ms, boarded, left)
