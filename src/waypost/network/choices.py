"""Choices: the paths that none other beats in arrival, cost and CO2 at once.

The connection scan of `scanning`, with many labels where there was one instant. A facility holds a bag of labels, none
of which another beats; so does each connection for what is aboard. A connection takes the bag of the one before it in
its departure, adds what may board at its origin, and hands on what its destination does not have better. What cannot
beat a path that was found already is dropped on the way. Labels know where they came from, so the legs are told from
the last to the first.

Multi-criteria searches with bags of labels go back to P. Hansen, "Bicriterion path problems" (1980); in timetables they
are used by D. Delling, T. Pajor and R. Werneck, "Round-Based Public Transit Routing" (2012).
"""

import numpy as np
import numpy.typing as npt

from waypost.model.errors import BadInput
from waypost.network.paths import ANY, Path, Terms, find_earliest, list_allowed, tell_path
from waypost.network.scanning import Ints, Marks, Numbers
from waypost.network.timetable import Timetable
from waypost.store.compiled import Number, compiled, inlined

Bags = npt.NDArray[np.int64]

#: Columns of a label at a facility.
_READY, _COST, _CO2, _FROM, _BOARDED, _LEFT, _NEXT = range(7)
#: Columns of a label aboard.
_ON_COST, _ON_CO2, _ON_FROM, _ON_BOARDED, _ON_NEXT = range(5)


def find_choices(
    timetable: Timetable, origin: str, destination: str, ready_ms: int, within_ms: int, terms: Terms = ANY
) -> list[Path]:
    """The paths of which none arrives as early, costs as little and adds as little CO2 as another, by arrival.

    Args:
        timetable: what departs.
        origin, destination: facilities, as `carrier/code`.
        ready_ms: from when on it can be handed over at the origin.
        within_ms: only those that arrive so long after the first one at the most.
        terms: what may be used.

    Raises:
        NotFound: nothing calls at one of the facilities.
        BadInput: what may be used is paid in several currencies.
    """
    first = find_earliest(timetable, origin, destination, ready_ms, terms)
    if first is None or not first.legs:
        return [] if first is None else [first]
    allowed = list_allowed(timetable, terms)
    _check_currency(timetable, allowed)
    each, sections = timetable.connections, timetable.sections
    start, target = timetable.place(origin), timetable.place(destination)
    labels, found = _scan_bags(
        each.departs_ms,
        each.arrives_ms,
        each.ready_ms,
        each.closes_ms,
        each.origin,
        each.destination,
        each.section,
        each.previous,
        sections.cost_minor,
        sections.co2_g,
        allowed,
        len(timetable.facilities),
        start,
        ready_ms,
        target,
        first.legs[-1].arrives_ms + within_ms,
    )
    paths = []
    while found >= 0:
        legs: list[tuple[int, int]] = []
        label = found
        while labels[label, _FROM] >= 0:
            legs.append((int(labels[label, _BOARDED]), int(labels[label, _LEFT])))
            label = labels[label, _FROM]
        paths.append(tell_path(timetable, np.array(legs[::-1], np.int32).reshape(-1)))
        found = labels[found, _NEXT]
    return sorted(paths, key=lambda path: (path.legs[-1].arrives_ms, sum(leg.cost.minor for leg in path.legs)))


def _check_currency(timetable: Timetable, allowed: Marks) -> None:
    sections = timetable.sections
    paid = sections.cost_minor > 0
    services = np.unique(sections.service[paid & allowed if len(allowed) else paid])
    currencies = sorted({timetable.services[service].currency for service in services.tolist()})
    if len(currencies) > 1:
        mend = "Allow carriers or services of one currency alone."
        raise BadInput(f"costs in {', '.join(currencies)} cannot be held against one another", mend=mend)


@inlined
def _is_beaten(labels: Bags, label: Number, arrives: Number, cost: Number, co2: Number) -> Number:
    """Whether a label of a bag is as good in all three; times are compared as they are ready."""
    while label >= 0:
        if labels[label, _READY] <= arrives and labels[label, _COST] <= cost and labels[label, _CO2] <= co2:
            return True
        label = labels[label, _NEXT]
    return False


@inlined
def _without_beaten(labels: Bags, head: Number, ready: Number, cost: Number, co2: Number) -> Number:
    """The bag without what a new label beats."""
    before = -1
    label = head
    while label >= 0:
        after = labels[label, _NEXT]
        if labels[label, _READY] >= ready and labels[label, _COST] >= cost and labels[label, _CO2] >= co2:
            if before < 0:
                head = after
            else:
                labels[before, _NEXT] = after
        else:
            before = label
        label = after
    return head


@inlined
def _is_beaten_aboard(aboard: Bags, head: Number, cost: Number, co2: Number) -> Number:
    while head >= 0:
        if aboard[head, _ON_COST] <= cost and aboard[head, _ON_CO2] <= co2:
            return True
        head = aboard[head, _ON_NEXT]
    return False


@compiled
def _with_room(bags: Bags, count: int) -> Bags:
    """The same, with room for one more."""
    if count < len(bags):
        return bags
    larger = np.empty((2 * len(bags), bags.shape[1]), np.int64)
    larger[:count] = bags
    return larger


@compiled
def _scan_bags(
    departs_ms: Ints,
    arrives_ms: Ints,
    ready_ms: Ints,
    closes_ms: Ints,
    origin: Numbers,
    destination: Numbers,
    section: Numbers,
    previous: Numbers,
    cost_minor: Ints,
    co2_g: Ints,
    allowed: Marks,
    facilities: int,
    start: int,
    start_ms: int,
    target: int,
    until_ms: int,
) -> tuple[Bags, int]:
    """All labels, and the first of the bag of the target, -1 if that is empty."""
    first: Number = np.searchsorted(departs_ms, start_ms)
    last: Number = np.searchsorted(departs_ms, until_ms, side="right")
    bag = np.full(facilities, -1, np.int64)  # of each facility
    on = np.full(max(int(last - first), 0), -1, np.int64)  # of each connection
    labels, count = np.empty((1024, 7), np.int64), 1
    labels[0] = np.array([start_ms, 0, 0, -1, -1, -1, -1])
    bag[start] = 0
    aboard, boarders = np.empty((1024, 5), np.int64), 0
    for row in range(first, last):
        if arrives_ms[row] > until_ms or (len(allowed) > 0 and not allowed[section[row]]):
            continue
        cost_here, co2_here, there = cost_minor[section[row]], co2_g[section[row]], destination[row]
        # At the target no dwell counts: there is nothing to go on by.
        ready = arrives_ms[row] if there == target else ready_ms[row]
        before = previous[row]
        stays = on[before - first] if before >= first else -1
        enters = bag[origin[row]]
        head = -1
        while stays >= 0 or enters >= 0:
            if stays >= 0:
                cost, co2 = aboard[stays, _ON_COST], aboard[stays, _ON_CO2]
                whence, board = aboard[stays, _ON_FROM], aboard[stays, _ON_BOARDED]
                stays = aboard[stays, _ON_NEXT]
            else:
                cost, co2, whence, board = labels[enters, _COST], labels[enters, _CO2], enters, row
                is_late = labels[enters, _READY] > closes_ms[row]
                enters = labels[enters, _NEXT]
                if is_late:
                    continue
            cost, co2 = cost + cost_here, co2 + co2_here
            if _is_beaten_aboard(aboard, head, cost, co2) or _is_beaten(
                labels, bag[target], arrives_ms[row], cost, co2
            ):
                continue
            aboard = _with_room(aboard, boarders)
            aboard[boarders, _ON_COST], aboard[boarders, _ON_CO2] = cost, co2
            aboard[boarders, _ON_FROM], aboard[boarders, _ON_BOARDED] = whence, board
            aboard[boarders, _ON_NEXT] = head
            head = boarders
            boarders += 1
            if _is_beaten(labels, bag[there], ready, cost, co2):
                continue
            labels = _with_room(labels, count)
            labels[count, _READY], labels[count, _COST], labels[count, _CO2] = ready, cost, co2
            labels[count, _FROM], labels[count, _BOARDED], labels[count, _LEFT] = whence, board, row
            labels[count, _NEXT] = _without_beaten(labels, bag[there], ready, cost, co2)
            bag[there] = count
            count += 1
        on[row - first] = head
    return labels, bag[target]
