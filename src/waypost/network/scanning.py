"""The connection scan: one pass over the connections in the order of their departures answers a question.

The algorithm is that of J. Dibbelt, T. Pajor, B. Strasser and D. Wagner, "Connection Scan Algorithm" (ACM Journal of
Experimental Algorithmics 23, 2018). A connection can be taken if the departure it is of was boarded before, or if
something is ready at its origin in time; then it may bring its destination forward. As every connection takes time,
all that leads to one stands before it, so one look at each is enough. There is no queue and no graph: memory is read
from front to back, which is what makes it fast.

To tell the legs, each connection that is taken remembers with which one its departure was boarded, and each facility by
which connection it was reached. What a connection remembers stands in a column that is written as the scan goes, so
nothing has to be cleared before it.
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
    closes_ms: Ints,
    origin: Numbers,
    destination: Numbers,
    section: Numbers,
    previous: Numbers,
    allowed: Marks,
    dwell_ms: Ints,
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
        dwell_ms: minimum dwell of each facility.
        start, start_ms: where something is ready, and from when on.
        target: the scan ends when nothing can bring it forward any more; -1 to reach all.
        until_ms: what departs later is not looked at.
        boarded, left: for each facility the connections with which the last leg to it begins and ends; -1 where there
            is none. Filled in.
    """
    first: Number = np.searchsorted(departs_ms, start_ms)
    last: Number = np.searchsorted(departs_ms, until_ms, side="right")
    ready_ms = np.full(len(dwell_ms), NEVER, np.int64)
    ready_ms[start] = start_ms
    entered = np.empty(max(last - first, 0), np.int32)
    boarded[:], left[:] = -1, -1
    all_allowed = len(allowed) == 0
    best_ms = NEVER
    for row in range(first, last):
        if departs_ms[row] >= best_ms:
            break
        before = previous[row]
        board = entered[before - first] if before >= first else -1
        if board < 0 and ready_ms[origin[row]] <= closes_ms[row]:
            board = row
        if not all_allowed and not allowed[section[row]]:
            board = -1
        entered[row - first] = board
        if board >= 0:
            there = destination[row]
            ready = arrives_ms[row] + dwell_ms[there]
            if ready < ready_ms[there]:
                ready_ms[there] = ready
                boarded[there], left[there] = board, row
                if there == target:
                    best_ms = arrives_ms[row]


@compiled
def scan_backward(
    departs_ms: Ints,
    arrives_ms: Ints,
    closes_ms: Ints,
    origin: Numbers,
    destination: Numbers,
    section: Numbers,
    following: Numbers,
    allowed: Marks,
    dwell_ms: Ints,
    target: int,
    due_ms: int,
    start: int,
    since_ms: int,
    boarded: Numbers,
    left: Numbers,
) -> None:
    """How late each facility can be left: as `scan_forward`, from the last departure to the first.

    Args:
        target, due_ms: where something has to be, and until when.
        start: the scan ends when nothing can leave it later any more; -1 for all.
        since_ms: what departs earlier is not looked at.
        boarded, left: for each facility the connections with which the first leg from it begins and ends.
    """
    first: Number = np.searchsorted(departs_ms, since_ms)
    last: Number = np.searchsorted(departs_ms, due_ms, side="right")
    # Until when something has to have arrived at each facility, its dwell there included.
    leaves_ms = np.full(len(dwell_ms), ALWAYS, np.int64)
    leaves_ms[target] = due_ms + dwell_ms[target]
    until = np.empty(max(last - first, 0), np.int32)
    boarded[:], left[:] = -1, -1
    all_allowed = len(allowed) == 0
    best_ms = ALWAYS
    for row in range(last - 1, first - 1, -1):
        if departs_ms[row] <= best_ms:
            break
        there = destination[row]
        behind = following[row]
        leave = until[behind - first] if 0 <= behind < last else -1
        if leave < 0 and arrives_ms[row] + dwell_ms[there] <= leaves_ms[there]:
            leave = row
        if not all_allowed and not allowed[section[row]]:
            leave = -1
        until[row - first] = leave
        if leave >= 0:
            here = origin[row]
            if closes_ms[row] > leaves_ms[here] and here != target:
                leaves_ms[here] = closes_ms[row]
                boarded[here], left[here] = row, leave
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
