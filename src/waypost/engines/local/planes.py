"""Planes: whole numbers byte by byte, and the other loops between the buffers of Arrow and the bytes of a frame."""

import numpy as np

from waypost.engines.local.arrays import I32, I64, U8
from waypost.store.compiled import Number, compiled, inlined

THOUSAND = 1000
_ASCII = 128


@compiled
def pack(numbers: I64, out: U8, place: Number) -> tuple[Number, Number, Number, Number]:
    """Put what numbers are above their least into `out`: the lowest byte of each, then the next one of each, and so on.

    Spoils the numbers.

    Returns:
        The place behind, the least, how many planes there are, and whether what they tell is in thousands.
    """
    if len(numbers) == 0:
        return place, 0, 0, False
    least, most = numbers[0], numbers[0]
    for row in range(len(numbers)):
        least, most = min(least, numbers[row]), max(most, numbers[row])
    spread = np.uint64(most) - np.uint64(least)
    for row in range(len(numbers)):
        numbers[row] -= least
    thousands = bool(spread >= np.uint64(THOUSAND))
    for row in range(len(numbers) if thousands else 0):
        if np.uint64(numbers[row]) % np.uint64(THOUSAND) != 0:
            thousands = False
            break
    if thousands:
        spread //= np.uint64(THOUSAND)
        for row in range(len(numbers)):
            numbers[row] = np.int64(np.uint64(numbers[row]) // np.uint64(THOUSAND))
    planes = 0
    while spread:
        plane = out[place : place + len(numbers)]
        for row in range(len(plane)):
            plane[row] = np.uint8(numbers[row] & 0xFF)
            numbers[row] >>= 8
        place += len(numbers)
        spread >>= np.uint64(8)
        planes += 1
    return place, least, planes, thousands


@compiled
def unpack(data: U8, planes: Number, thousands: Number, least: Number, numbers: I64) -> None:
    """The numbers whose planes `data` begins with."""
    rows = len(numbers)
    if planes == 0:
        numbers[:] = least
        return
    for plane in range(planes):
        part = data[plane * rows : (plane + 1) * rows]
        if plane == 0:
            for row in range(len(part)):
                numbers[row] = part[row]
        else:
            for row in range(len(part)):
                numbers[row] |= np.int64(part[row]) << np.int64(8 * plane)
    if thousands:
        for row in range(rows):
            numbers[row] *= THOUSAND
    for row in range(rows):
        numbers[row] += least


@inlined
def _is_null(bits: U8, first: Number, row: Number) -> Number:
    place = first + row
    return len(bits) > 0 and bits[place >> 3] >> np.uint8(place & 7) & 1 == 0


@compiled
def find_spoken(told: I32, bits: U8, first: Number, new: I32, spoken: I64, places: I64) -> Number:
    """From places in a dictionary to those among the words of it that are spoken; how many they are, -1 if amiss.

    `new` is -1 for the words of the dictionary that are null, else 0; `spoken` gets the places of the others.
    """
    for row in range(len(told)):
        if _is_null(bits, first, row):
            places[row] = -1
            continue
        if told[row] < 0 or told[row] >= len(new):
            return -1
        places[row] = told[row]
        if new[told[row]] == 0:
            new[told[row]] = 1
    count = 0
    for place in range(len(new)):
        if new[place] > 0:
            new[place] = count
            spoken[count] = place
            count += 1
    for row in range(len(told) if count < len(new) else 0):
        if places[row] >= 0:
            places[row] = new[places[row]]
    return count


@compiled
def measure(ends: I32, bits: U8, first: Number, lengths: I64) -> Number:
    """The lengths of texts, -1 for null; below 0 if one ends before it begins, above if there is text behind a null."""
    verdict = 0
    for row in range(len(lengths)):
        lengths[row] = np.int64(ends[row + 1]) - np.int64(ends[row])
        if lengths[row] < 0:
            return -1
        if _is_null(bits, first, row):
            if lengths[row] > 0:
                verdict = 1
            lengths[row] = -1
    return verdict


@compiled
def copy(data: U8, out: U8, place: Number) -> Number:
    """Copy texts to a place; whether they are ASCII."""
    found = np.uint8(0)
    into = out[place : place + len(data)]
    for at in range(len(into)):
        into[at] = data[at]
        found |= data[at]
    return found < _ASCII


@compiled
def is_ascii(data: U8) -> Number:
    """Whether texts need no look at how their letters are put into bytes."""
    found = np.uint8(0)
    for at in range(len(data)):
        found |= data[at]
    return found < _ASCII


@compiled
def narrow_places(places: I64, count: Number, narrow: I32) -> Number:
    """Places among so many words, those of null as 0; whether none is beyond them."""
    most = np.int64(-1)
    for row in range(len(places)):
        most = max(most, places[row])
        narrow[row] = np.int32(max(places[row], np.int64(0)))
    return most < count


@compiled
def sum_up(lengths: I64, ends: I32) -> Number:
    """Where texts of some lengths end, one behind the other; null has none. Their sum, by which to see if it holds."""
    total = np.int64(0)
    ends[0] = 0
    for row in range(len(lengths)):
        total += max(lengths[row], np.int64(0))
        ends[row + 1] = np.int32(total)
    return total
