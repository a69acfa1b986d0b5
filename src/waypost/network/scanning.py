"""The connection scan: one pass over the connections in the order of their departures answers a question.

The algorithm is that of J. Dibbelt, T. Pajor, B. Strasser and D. Wagner, "Connection Scan Algorithm" (ACM Journal of
Experimental Algorithmics 23, 2018). A connection can be taken if the departure it is of was boarded before, or if
something is ready at its origin in time; then it may bring its destination forward. As every connection takes time,
all that leads to one stands before it, so one look at each is enough. There is no queue and no graph: memory is read
from front to back, which is what makes it fast.

To tell the legs, each connection that is taken remembers with which one its departure was boarded, and each facility by
which connection it was reached. What a connection remembers stands in a column that is written as the scan goes, so
nothing has to be cleared before it. Places are unsigned, which spares the compiled loops to look whether one is counted
from the end: that alone is a third of their time.
"""

import numpy as np
import numpy.typing as npt

from waypost.store.compiled import Number, compiled

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]
Marks = npt.NDArray[np.bool_]

#: Later than anything, and earlier; far from where sums would run over.
NEVER, ALWAYS = 1 << 61, -(1 << 61)


@compiled
def scan_forward(
    departs_ms: Ints,
    arrives_ms: Ints,
    ready_ms: Ints,
    closes_ms: Ints,
    origin: Numbers,
    destination: Numbers,
    section: Numbers,
    previous: Numbers,
    allowed: Marks,
    start: int,
    start_ms: int,
    target: int,
    until_ms: int,
    boarded: Numbers,
    left: Numbers,
) -> None:
    """How early each facility can be reached.

    Args:
        allowed: for each section whether it may be used; empty where all may.
        ready_ms: when what a connection brings can go on: its arrival and the dwell.
        start, start_ms: where something is ready, and from when on.
        target: the scan ends when nothing can bring it forward any more; -1 to reach all.
        until_ms: what departs later is not looked at.
        boarded, left: for each facility the connections with which the last leg to it begins and ends; -1 where there
            is none. Filled in.
    """
    first: Number = np.searchsorted(departs_ms, start_ms)
    last: Number = np.searchsorted(departs_ms, until_ms, side="right")
    reached_ms = np.full(len(boarded), NEVER, np.int64)
    reached_ms[start] = start_ms
    # One place before the first stands for all connections that depart before the scan begins: nothing is aboard.
    entered = np.empty(max(int(last - first), 0) + 1, np.int32)
    entered[0] = -1
    boarded[:], left[:] = -1, -1
    all_allowed = len(allowed) == 0
    best_ms = NEVER
    for number in range(first, last):
        row = np.uintp(number)
        if departs_ms[row] >= best_ms:
            break
        board = entered[np.uintp(max(previous[row] - first, -1) + 1)]
        if board < 0 and reached_ms[np.uintp(origin[row])] <= closes_ms[row]:
            board = np.int32(number)
        if not all_allowed and not allowed[np.uintp(section[row])]:
            board = np.int32(-1)
        entered[np.uintp(number - first + 1)] = board
        there = np.uintp(destination[row])
        if board >= 0 and ready_ms[row] < reached_ms[there]:
            reached_ms[there] = ready_ms[row]
            boarded[there], left[there] = board, number
            if there == target:
                best_ms = arrives_ms[row]


@compiled
def scan_backward(
    departs_ms: Ints,
    ready_ms: Ints,
    closes_ms: Ints,
    origin: Numbers,
    destination: Numbers,
    section: Numbers,
    following: Numbers,
    allowed: Marks,
    target: int,
    leave_ms: int,
    start: int,
    since_ms: int,
    boarded: Numbers,
    left: Numbers,
) -> None:
    """How late each facility can be left: as `scan_forward`, from the last departure to the first.

    Args:
        target, leave_ms: where something has to be, and until when it would have to be ready to go on there.
        start: the scan ends when nothing can leave it later any more; -1 for all.
        since_ms: what departs earlier is not looked at.
        boarded, left: for each facility the connections with which the first leg from it begins and ends.
    """
    first: Number = np.searchsorted(departs_ms, since_ms)
    last: Number = np.searchsorted(departs_ms, leave_ms, side="right")
    # Until when something has to be ready to go on from each facility.
    leaves_ms = np.full(len(boarded), ALWAYS, np.int64)
    leaves_ms[target] = leave_ms
    # One place behind the last stands for all connections that depart later: nothing is left by them.
    until = np.empty(max(int(last - first), 0) + 1, np.int32)
    until[-1] = -1
    boarded[:], left[:] = -1, -1
    all_allowed = len(allowed) == 0
    best_ms = ALWAYS
    for number in range(last - 1, first - 1, -1):
        row = np.uintp(number)
        if departs_ms[row] <= best_ms:
            break
        behind = following[row]
        leave = until[np.uintp(behind - first if 0 <= behind < last else last - first)]
        if leave < 0 and ready_ms[row] <= leaves_ms[np.uintp(destination[row])]:
            leave = np.int32(number)
        if not all_allowed and not allowed[np.uintp(section[row])]:
            leave = np.int32(-1)
        until[np.uintp(number - first)] = leave
        here = np.uintp(origin[row])
        if leave >= 0 and closes_ms[row] > leaves_ms[here] and here != target:
            leaves_ms[here] = closes_ms[row]
            boarded[here], left[here] = number, leave
            if here == start:
                best_ms = closes_ms[row]


@compiled
def trace_back(origin: Numbers, boarded: Numbers, left: Numbers, start: int, target: int) -> Numbers:
    """The legs from `start` to `target` after a scan forward, two connections each: boarded and left."""
    legs = np.empty(2 * len(left), np.int32)
    place, end = target, len(legs)
    while place != start:
        legs[end - 2], legs[end - 1] = boarded[place], left[place]
        end -= 2
        place = origin[boarded[place]]
    return legs[end:]


@compiled
def trace_forth(destination: Numbers, boarded: Numbers, left: Numbers, start: int, target: int) -> Numbers:
    """The legs from `start` to `target` after a scan backward, two connections each: boarded and left."""
    legs = np.empty(2 * len(left), np.int32)
    place, end = start, 0
    while place != target:
        legs[end], legs[end + 1] = boarded[place], left[place]
        end += 2
        place = destination[left[place]]
    return legs[:end]


@compiled
def tell_legs(
    legs: Numbers,
    departs_ms: Ints,
    arrives_ms: Ints,
    closes_ms: Ints,
    origin: Numbers,
    destination: Numbers,
    section: Numbers,
    cost_minor: Ints,
    co2_g: Ints,
    told: Ints,
) -> None:
    """What is known of legs given as connections, two each: a row of `told` for each leg, see `paths.tell_path`."""
    for leg in range(len(told)):
        boarded, left = legs[2 * leg], legs[2 * leg + 1]
        first, last = section[boarded], section[left]
        told[leg, 0], told[leg, 1] = boarded, left
        told[leg, 2], told[leg, 3] = departs_ms[boarded], arrives_ms[left]
        told[leg, 4], told[leg, 5] = closes_ms[boarded], first
        told[leg, 6], told[leg, 7] = origin[boarded], destination[left]
        told[leg, 8] = told[leg, 9] = 0
        for number in range(first, last + 1):  # the sections of a service stand one after another
            told[leg, 8] += cost_minor[number]
            told[leg, 9] += co2_g[number]


@compiled
def find_next(
    origin: Numbers,
    destination: Numbers,
    section: Numbers,
    following: Numbers,
    allowed: Marks,
    start: int,
    target: int,
    row: int,
) -> tuple[int, int]:
    """The first departure, from a row on, that brings something from one facility to another by itself.

    The connections with which that begins and ends; -1 and -1 if there is none.
    """
    for boarded in range(row, len(origin)):
        if origin[boarded] != start:
            continue
        left = boarded
        while left >= 0 and (len(allowed) == 0 or allowed[section[left]]):
            if destination[left] == target:
                return boarded, left
            left = following[left]
    return -1, -1
