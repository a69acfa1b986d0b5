"""What the twin's carriers send: columns of scans, in the order of sending, made by a compiled loop."""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.instants import OffsetSource
from waypost.model.scans import SCAN_SCHEMA
from waypost.store.compiled import Number, compiled, inlined
from waypost.twin.state import I32, Told
from waypost.twin.vocabulary import find_code

MINUTE_MS = 60_000
#: Waybill numbers begin so, and thirteen digits follow.
PREFIXES = {"zto": "78", "yto": "YT", "yunda": "46", "sto": "77", "best": "55"}
_DIGITS = 13
_LENGTH = 2 + _DIGITS
#: 2020-01-01T00:00Z, from which minutes of birth are counted in numbers: there are 23 bits of them.
NUMBERS_SINCE_MIN = 26_297_280
_ORDINAL_BITS = 20
_HALF = (1 << 43) - 1
_SPREAD_A, _SPREAD_B = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F

_STATUSES = {
    Told.PICKED_UP: ("picked_up",),
    Told.DEPARTED: ("departed_from_hub",),
    Told.ARRIVED: ("arrived_at_hub",),
    Told.AT_OUTLET: ("arrived_at_destination", "arrived_at_hub"),
    Told.OUT: ("out_for_delivery",),
    Told.DELIVERED: ("delivered",),
    Told.LOCKER: ("delivery_to_locker",),
    Told.ATTEMPTED: ("delivery_attempted", "exception"),
    Told.DAMAGED: ("damaged", "exception"),
    Told.WRONG_ADDRESS: ("address_issue", "exception"),
    Told.HELD: ("customs_held",),
    Told.RELEASED: ("customs_released",),
}


@functools.cache
def codes_of(carriers: tuple[str, ...]) -> tuple[list[str], npt.NDArray[np.int32]]:
    """The words of all carriers, and by carrier and `Told` which of them it says.

    What a carrier has no code for is said in the unified one, as in the sample.
    """
    words: dict[str, int] = {}
    table = np.zeros((len(carriers), len(Told)), np.int32)
    for number, carrier in enumerate(carriers):
        for told in Told:
            found = [code for status in _STATUSES[told] if (code := find_code(carrier, status))]
            code = found[0] if found else _STATUSES[told][0]
            table[number, told] = words.setdefault(code, len(words))
    return list(words), table


class Teller:
    """Turns what the run notes into batches of scans (`SCAN_SCHEMA`)."""

    def __init__(self, carriers: tuple[str, ...], facilities: tuple[str, ...], seed: int) -> None:
        words, self._codes = codes_of(carriers)
        self._words, self._carriers = pa.array(words, pa.string()), pa.array(carriers, pa.string())
        self._facilities = pa.array(facilities, pa.string())
        prefixes = "".join(PREFIXES[carrier] for carrier in carriers)
        self._prefixes = np.frombuffer(prefixes.encode(), np.uint8).reshape(-1, 2)
        self._seed = seed & _HALF

    def batch(self, notes: I32, order: npt.NDArray[np.int64]) -> pa.RecordBatch:
        """Some notes as scans, in an order."""
        count = len(order)
        text = np.empty(count * _LENGTH, np.uint8)
        carrier, code, facility = (np.empty(count, np.int32) for _ in range(3))
        at, recorded = np.empty(count, np.int64), np.empty(count, np.int64)
        offset = np.empty(count, np.int16)
        _write(
            notes, order, self._seed, self._codes, self._prefixes, text, carrier, code, facility, at, recorded, offset
        )
        ends = np.arange(count + 1, dtype=np.int32) * np.int32(_LENGTH)
        numbers = pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(text))
        nothing = pa.nulls(count, pa.string())
        columns: dict[str, Any] = {
            "carrier": pa.DictionaryArray.from_arrays(carrier, self._carriers),
            "number": numbers,
            "code": pa.DictionaryArray.from_arrays(code, self._words),
            "at": pa.array(at).cast(pa.timestamp("ms", "UTC")),
            "offset_min": pa.array(offset),
            "offset_source": pa.array(np.full(count, OffsetSource.REPORTED, np.uint8)),
            "time_flags": pa.array(np.zeros(count, np.uint8)),
            "facility": pa.DictionaryArray.from_arrays(facility, self._facilities),
            "note": nothing,
            "corrects": nothing,
            "recorded_at": pa.array(recorded).cast(pa.timestamp("ms", "UTC")),
        }
        return pa.record_batch([columns[field.name] for field in SCAN_SCHEMA], schema=SCAN_SCHEMA)

    def numbers(self, carrier: I32, born: I32, ordinal: I32) -> pa.StringArray:
        """The waybill numbers of parcels."""
        count = len(born)
        text = np.empty(count * _LENGTH, np.uint8)
        _write_numbers(carrier, born, ordinal, self._seed, self._prefixes, text)
        ends = np.arange(count + 1, dtype=np.int32) * np.int32(_LENGTH)
        return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(text))


def merge_order(scans: I32, late: I32) -> npt.NDArray[np.int64]:
    """The order of sending of what was sent at once (in order already) and, behind it, what was late."""
    waiting = np.argsort(late[:, 6], kind="stable")
    order = np.empty(len(scans) + len(late), np.int64)
    _merge(scans[:, 6], late[:, 6], waiting, order)
    return order


@compiled
def _merge(
    first: npt.NDArray[np.int32],
    second: npt.NDArray[np.int32],
    waiting: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
) -> None:
    a, b = 0, 0
    for place in range(len(order)):
        if b == len(waiting) or (a < len(first) and first[a] <= second[waiting[b]]):
            order[place] = a
            a += 1
        else:
            order[place] = len(first) + waiting[b]
            b += 1


@inlined
def _identity(born: Number, ordinal: Number, seed: Number) -> Number:
    """A permutation of the 43 bits of a birth, so that numbers do not follow one another."""
    half = np.uint64(_HALF)
    word = (np.uint64(born - NUMBERS_SINCE_MIN) << np.uint64(_ORDINAL_BITS) | np.uint64(ordinal)) ^ np.uint64(seed)
    word = (word & half) * np.uint64(_SPREAD_A) & half
    word = (word ^ (word >> np.uint64(22))) * np.uint64(_SPREAD_B) & half
    return word ^ (word >> np.uint64(22))


@inlined
def _write_number(word: Number, prefix: Number, text: Number, start: Number) -> None:
    text[start], text[start + 1] = prefix[0], prefix[1]
    for digit in range(_DIGITS):
        rest: Number = word // np.uint64(10)
        text[start + _LENGTH - 1 - digit] = np.uint8(48 + (word - rest * np.uint64(10)))
        word = rest


@compiled
def _write_numbers(
    carrier: I32, born: I32, ordinal: I32, seed: int, prefixes: npt.NDArray[np.uint8], text: npt.NDArray[np.uint8]
) -> None:
    for row in range(len(born)):
        _write_number(_identity(born[row], ordinal[row], seed), prefixes[carrier[row]], text, row * _LENGTH)


@compiled
def _write(
    notes: I32,
    order: npt.NDArray[np.int64],
    seed: int,
    codes: I32,
    prefixes: npt.NDArray[np.uint8],
    text: npt.NDArray[np.uint8],
    carrier: I32,
    code: I32,
    facility: I32,
    at: npt.NDArray[np.int64],
    recorded: npt.NDArray[np.int64],
    offset: npt.NDArray[np.int16],
) -> None:
    for row in range(len(order)):
        note = notes[order[row]]
        what = np.int64(note[3])
        whose, told, second, wrong = what & 0xFF, (what >> 8) & 0xFF, (what >> 16) & 0xFF, what >> 24
        carrier[row], code[row], facility[row] = whose, codes[whose, told], note[4]
        here: Number = np.int64(note[5])
        at[row] = np.int64(note[0]) * 60_000 + second * 1_000
        recorded[row] = np.int64(note[6]) * 60_000 + 59_999
        if wrong:  # the clock on the wall, sent as if it were UTC
            at[row] += here * 60_000
            here = 0
        offset[row] = here
        _write_number(_identity(note[1], note[2], seed), prefixes[whose], text, row * _LENGTH)
