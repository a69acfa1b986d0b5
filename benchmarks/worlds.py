"""Scans of imagined parcels, by the million: the same ones for the same seed, as JSON and as columns.

Every scan has a number, `parcel * 10 + step`, from which all its fields follow, so nothing is kept: neither the scans
that are still to come nor those that were. Parcels set out in cohorts, one cohort a wave; in each wave the cohorts that
are under way take one step each, all mixed: so the ten scans of a parcel are spread over a window of ten waves. One
scan in twenty comes two waves late, after its successor; one in a hundred is sent twice in its wave, and one in a
hundred again half a window later.
"""

import argparse
import functools
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.scans import SCAN_SCHEMA

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

STEPS = 10
WINDOW = 5_000_000
LATE = 0.05
TWICE = 0.02
FACILITIES = 2_000
CARRIERS = ("sf", "zto", "yto", "sto", "yunda", "best", "jtexpress", "deppon")

#: When the network is said to have got the scans of a batch; not told in the JSON.
RECORDED_MS = 1_760_000_000_000

_PART = 1 << 18
_BODY_ROWS = 50_000
_LATE_WAVES, _AGAIN_WAVES = 2, STEPS // 2
_MIDNIGHT_S = 1_735_660_800  # 2025-01-01T00:00:00+08:00
_OFFSET_MIN = 480
_STEP_S = 5 * 3_600
_DAY_S = 86_400
CODES = {  # picked up, departed, arrived, out for delivery, delivered
    "sf": ("50", "36", "31", "204", "80"),
    "zto": ("收件", "发件", "到件", "派件", "签收"),
    "yto": ("GOT", "DEPARTURE", "ARRIVAL", "SENT_SCAN", "SIGNED"),
    "sto": ("收件", "发件", "到件", "派件", "签收"),
    "yunda": ("GOT", "DEPARTURE", "ARRIVAL", "SENT", "SIGNED"),
    "best": ("收件", "发件", "到件", "派件", "签收"),
    "jtexpress": ("1", "3", "2", "8", "10"),
    "deppon": ("trace:GOT", "trace:DEPARTURE", "trace:ARRIVAL", "trace:SENT_SCAN", "trace:SIGNED"),
}
_WAY = (0, 1, 2, 1, 2, 1, 2, 2, 3, 4)
_DOINGS = ("loaded on truck", "unloaded at dock", "sorted on belt", "weighed on scale", "handed over at gate")
_NOTES = 139_000
_LETTERS = np.frombuffer(b"ABCDEFGHJKLMNPQRSTUVWXYZ", np.uint8)
_SHORTEST, _LONGEST = 13, 18
_NUMBER_BITS = np.uint64((1 << 36) - 1)  # fewer than eleven digits hold, so that no two parcels share a number
_SPREAD_A, _SPREAD_B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


@dataclass(frozen=True)
class Counts:
    """What a world holds, exactly.

    Attributes:
        rows: scans that are sent, duplicates among them.
        distinct: scans that are left without duplicates.
        duplicates: rows less distinct.
        parcels: how many; each has `STEPS` scans.
    """

    rows: int
    distinct: int
    duplicates: int
    parcels: int


@dataclass(frozen=True)
class World:
    """So many parcels of one seed, their scans spread over a window of so many (over less if there are few)."""

    parcels: int
    seed: int = 1
    window: int = WINDOW

    @property
    def cohort(self) -> int:
        """How many parcels set out in one wave."""
        return max(1, min(self.window // STEPS**2, self.parcels // (2 * STEPS)))

    def counts(self) -> Counts:
        """How many of each there are; looks at every scan once, at little cost."""
        distinct, again = self.parcels * STEPS, 0
        for start in range(0, distinct, _PART):
            _, at_once, later = self._fates(np.arange(start, min(start + _PART, distinct)))
            again += int(np.count_nonzero(at_once)) + int(np.count_nonzero(later))
        return Counts(distinct + again, distinct, again, self.parcels)

    def blocks(self, rows: int) -> Iterator[I64]:
        """The numbers of all scans in the order of their coming, in blocks of so many; the last one may be shorter."""
        rest = np.empty(0, np.int64)
        for wave in self._waves():
            rest = np.concatenate([rest, wave])
            whole = len(rest) // rows * rows
            yield from np.split(rest[:whole], range(rows, whole, rows)) if whole else ()
            rest = rest[whole:]
        if len(rest):
            yield rest

    def numbers(self, parcels: I64) -> pa.StringArray:
        """The waybill numbers of some parcels: two letters and 11 to 16 digits, anywhere in the number space."""
        drawn = _mixed(parcels, self.seed, 1)
        # Odd factors and shifts undo themselves: the first eleven digits are a permutation of the parcels.
        spread = (parcels.astype(np.uint64) ^ np.uint64(self.seed)) * _SPREAD_A & _NUMBER_BITS
        spread = (spread ^ (spread >> np.uint64(18))) * _SPREAD_B & _NUMBER_BITS
        spread ^= spread >> np.uint64(18)
        thousands = spread // np.uint64(1_000)
        upper = thousands // np.uint64(10_000)
        more = _below(drawn, 0, 100_000)
        tens = more // 10_000
        texts = np.empty(len(parcels), [("letters", "<u2"), ("digits", "<u4", 4)])
        texts["letters"] = _letter_pairs()[_below(drawn, 21, len(_LETTERS) ** 2)]
        digits = texts["digits"]
        digits[:, 0] = _four_digits()[upper]
        digits[:, 1] = _four_digits()[thousands - upper * np.uint64(10_000)]
        digits[:, 2] = _four_digits()[(spread - thousands * np.uint64(1_000)).astype(np.int64) * 10 + tens]
        digits[:, 3] = _four_digits()[more - tens * 10_000]
        lengths = _SHORTEST + _below(drawn, 41, _LONGEST - _SHORTEST + 1)
        kept = np.arange(_LONGEST) < lengths[:, None]
        ends = np.zeros(len(parcels) + 1, np.int32)
        np.cumsum(lengths, out=ends[1:])
        letters = texts.view(np.uint8).reshape(-1, _LONGEST)[kept]
        return pa.StringArray.from_buffers(len(parcels), pa.py_buffer(ends), pa.py_buffer(letters))

    def batch(self, ids: I64) -> pa.RecordBatch:
        """Some scans as columns of `SCAN_SCHEMA`."""
        fields, rows = self._fields(ids), len(ids)
        columns = {
            "carrier": pa.DictionaryArray.from_arrays(pa.array(fields.carrier, pa.int32()), list(CARRIERS)),
            "number": self.numbers(fields.parcel),
            "code": pa.DictionaryArray.from_arrays(pa.array(_code_ids()[fields.doing]), _codes()),
            "at": pa.array((fields.local_s + _MIDNIGHT_S) * 1000).cast(pa.timestamp("ms", "UTC")),
            "offset_min": pa.array(np.full(rows, _OFFSET_MIN, np.int16)),
            "offset_source": pa.array(np.zeros(rows, np.uint8)),
            "time_flags": pa.array(np.zeros(rows, np.uint8)),
            "facility": pa.DictionaryArray.from_arrays(pa.array(fields.facility, pa.int32()), _facilities()),
            "note": _notes().take(pa.array(fields.note)),
            "corrects": pa.nulls(rows, pa.string()),
            "recorded_at": pa.array(np.full(rows, RECORDED_MS)).cast(pa.timestamp("ms", "UTC")),
        }
        return pa.record_batch([columns[field.name] for field in SCAN_SCHEMA], schema=SCAN_SCHEMA)

    def body(self, ids: I64) -> bytes:
        """The same scans as NDJSON."""
        fields, pieces = self._fields(ids), _pieces()
        rows = pc.binary_join_element_wise(
            '{"number":"',
            self.numbers(fields.parcel),
            pieces.doings.take(pa.array(fields.doing)),
            pieces.days.take(pa.array(fields.local_s // _DAY_S)),
            pieces.clocks.take(pa.array(fields.local_s % _DAY_S)),
            _facilities().take(pa.array(fields.facility)),
            pieces.notes.take(pa.array(fields.note)),
            "",
        )
        ends = np.frombuffer(rows.buffers()[1], np.int32)
        return bytes(rows.buffers()[2].slice(0, int(ends[len(rows)])))

    def _waves(self) -> Iterator[I64]:
        cohort = self.cohort
        cohorts = -(-self.parcels // cohort)
        held: defaultdict[int, list[I64]] = defaultdict(list)
        wave = 0
        while wave < cohorts + STEPS - 1 or held:
            setting_out = range(max(0, wave - STEPS + 1), min(wave + 1, cohorts))
            steps = [
                np.arange(at * cohort, min((at + 1) * cohort, self.parcels)) * STEPS + wave - at for at in setting_out
            ]
            ids = np.concatenate([np.empty(0, np.int64), *steps])
            late, at_once, later = self._fates(ids)
            for waves, chosen in ((_LATE_WAVES, late), (_LATE_WAVES, late & at_once), (_AGAIN_WAVES, later)):
                if chosen.any():
                    held[wave + waves].append(ids[chosen])
            now = np.concatenate([ids[~late], ids[at_once & ~late], *held.pop(wave, [])])
            yield np.random.default_rng((self.seed, wave)).permutation(now)
            wave += 1

    def _fates(self, ids: I64) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which scans come late, which are sent again at once, and which half a window later.

        The last scan of a parcel has none after it, so it cannot come out of order.
        """
        drawn = _mixed(ids, self.seed, 2)
        late = (_below(drawn, 0, 1 << 20) < LATE * STEPS / (STEPS - 1) * (1 << 20)) & (ids % STEPS < STEPS - 1)
        again = _below(drawn, 20, 1 << 20)
        half = TWICE / 2 * (1 << 20)
        return late, again < half, again >= (1 << 20) - half

    def _fields(self, ids: I64) -> "_Fields":
        parcel = ids // STEPS
        step = ids - parcel * STEPS
        drawn = _mixed(ids, self.seed, 3)
        carrier = _below(_mixed(parcel, self.seed, 4), 0, len(CARRIERS))
        note = _below(drawn, 40, 2 * _NOTES)
        return _Fields(
            parcel=parcel,
            carrier=carrier,
            doing=carrier * STEPS + step,
            local_s=(parcel // self.cohort + step) * _STEP_S + _below(drawn, 0, _STEP_S),
            facility=_below(drawn, 20, FACILITIES),
            note=np.minimum(note, _NOTES),
        )


@dataclass(frozen=True)
class _Fields:
    """Of each scan: its parcel, the numbers of its words, the seconds of local time since the beginning."""

    parcel: I64
    carrier: I64
    doing: I64
    local_s: I64
    facility: I64
    note: I64


@dataclass(frozen=True)
class _Pieces:
    """What a line of JSON is put together from."""

    doings: pa.StringArray
    days: pa.StringArray
    clocks: pa.StringArray
    notes: pa.StringArray


def _mixed(ids: I64, seed: int, purpose: int) -> U64:
    """SplitMix64: 64 bits that follow from a number, and look drawn."""
    start = np.uint64((seed * 16 + purpose) * 0x632BE59BD9B4E019 % (1 << 64))
    bits = ids.astype(np.uint64) * _SPREAD_A + start
    bits ^= bits >> np.uint64(30)
    bits *= np.uint64(0xBF58476D1CE4E5B9)
    bits ^= bits >> np.uint64(27)
    bits *= np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return bits


def _below(bits: U64, shift: int, many: int) -> I64:
    """Numbers below `many`, from some of the bits: twenty, or four more than `many` has."""
    width = max(20, many.bit_length() + 4)
    taken = (bits >> np.uint64(shift)) & np.uint64((1 << width) - 1)
    return ((taken * np.uint64(many)) >> np.uint64(width)).astype(np.int64)


@functools.cache
def _four_digits() -> npt.NDArray[np.uint32]:
    return np.frombuffer("".join(f"{number:04d}" for number in range(10_000)).encode(), np.uint32)


@functools.cache
def _letter_pairs() -> npt.NDArray[np.uint16]:
    return np.stack(np.meshgrid(_LETTERS, _LETTERS), -1).reshape(-1, 2).copy().view(np.uint16)[:, 0]


def _story(carrier: str) -> list[str]:
    return [CODES[carrier][doing] for doing in _WAY]


@functools.cache
def _codes() -> pa.StringArray:
    return pa.array(sorted({code for codes in CODES.values() for code in codes}))


@functools.cache
def _code_ids() -> npt.NDArray[np.int32]:
    """By carrier and step."""
    places = {code: place for place, code in enumerate(_codes().to_pylist())}
    return np.array([places[code] for carrier in CARRIERS for code in _story(carrier)], np.int32)


@functools.cache
def _facilities() -> pa.StringArray:
    return pa.array([f"H{number:05d}" for number in range(FACILITIES)])


@functools.cache
def _notes() -> pa.StringArray:
    """The notes, and none behind the last."""
    per_doing = _NOTES // len(_DOINGS)
    return pa.array([f"{doing} {number:05d}" for doing in _DOINGS for number in range(per_doing)] + [None])


@functools.cache
def _pieces() -> _Pieces:
    doings = [f'","carrier":"{carrier}","code":"{code}","at":"' for carrier in CARRIERS for code in _story(carrier)]
    days = np.datetime64("2025-01-01") + np.arange(4_000)
    clocks = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(_DAY_S)]
    return _Pieces(
        doings=pa.array(doings),
        days=pa.array([f"{day}T" for day in days]),
        clocks=pa.array([f'{clock}+08:00","facility":"' for clock in clocks]),
        notes=pa.array(['"}\n' if note is None else f'","note":"{note}"}}\n' for note in _notes().to_pylist()]),
    )


def main() -> None:
    """Write a world down as NDJSON, and print what is in it and what it took to make."""
    parser = argparse.ArgumentParser(
        prog="./scripts/bench worlds", description=main.__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--scans", type=int, default=1_000_000, help="how many different ones; some are sent twice")
    parser.add_argument("--window", type=int, default=WINDOW, help="over so many scans the ten of a parcel are spread")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path, help="a file for them; without it they are made and thrown away")
    args = parser.parse_args()
    if min(args.scans, args.window) < 1 or args.seed < 0:
        parser.error("--scans and --window are at least 1, --seed at least 0")
    world, size = World(-(-args.scans // STEPS), args.seed, args.window), 0
    world.body(np.arange(1))  # makes the tables of words
    begun_s = time.process_time()
    with args.to.open("wb") if args.to else open(os.devnull, "wb") as file:
        for ids in world.blocks(_BODY_ROWS):
            size += file.write(world.body(ids))
    took_s, counts = time.process_time() - begun_s, world.counts()
    figures = asdict(counts) | {"bytes": size, "cpu_us_per_scan": round(took_s / counts.rows * 1e6, 3)}
    print(msgspec.json.format(msgspec.json.encode(figures)).decode())


if __name__ == "__main__":
    main()
