"""Scans of imagined parcels, as columns, by the million: the same ones for the same seed."""

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.scans import SCAN_SCHEMA, join_batches

SCANS_A_PARCEL = 10
DUPLICATES = 0.02
LATE = 0.05

_START_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z
_STEP_MS = 5 * 3_600_000
_COHORT = 20_000
_FACILITIES = 2_000
_LETTERS = np.frombuffer(b"ABCDEFGHJKLMNPQRSTUVWXYZ", np.uint8)
_CODES = ["50", "30", "31", "36", "30", "31", "44", "204", "70", "80"]  # SF Express, picked up to delivered
_CARRIER = "sf"


def scans_of(seed: int, scans: int) -> Iterator[pa.RecordBatch]:
    """That many scans, in waves: in each, several cohorts of parcels take one step of their way, all mixed.

    One in fifty is sent twice, half of these at once and half a wave later; one in twenty comes a wave late.
    """
    cohort = max(1, min(_COHORT, scans // (20 * SCANS_A_PARCEL)))
    under_way: deque[tuple[int, pa.Array]] = deque()
    held_back: list[pa.RecordBatch] = []
    left, wave = scans, 0
    while left > 0:
        rng = np.random.default_rng((seed, wave))
        under_way.append((wave, _numbers(rng, cohort)))
        if len(under_way) > SCANS_A_PARCEL:
            under_way.popleft()
        steps = [_step(rng, numbers, begun, wave - begun) for begun, numbers in under_way]
        batch = join_batches(steps)
        late = rng.random(batch.num_rows) < LATE
        again = rng.random(batch.num_rows)
        on_time = pa.array(~late)
        now = [batch.filter(on_time), batch.filter(pa.array((again < DUPLICATES / 2) & ~late)), *held_back]
        held_back = [batch.filter(pa.array(late)), batch.filter(pa.array((again > 1 - DUPLICATES / 2) & ~late))]
        mixed = join_batches(now)
        mixed = mixed.take(pa.array(rng.permutation(mixed.num_rows))).slice(0, left)
        left, wave = left - mixed.num_rows, wave + 1
        yield mixed


def batches_of(seed: int, scans: int, rows: int) -> Iterator[pa.RecordBatch]:
    """The same, cut into batches of that many."""
    rest: list[pa.RecordBatch] = []
    for wave in scans_of(seed, scans):
        rest = [join_batches([*rest, wave])]
        while rest[0].num_rows >= rows:
            yield rest[0].slice(0, rows)
            rest = [rest[0].slice(rows)]
    if rest and rest[0].num_rows:
        yield rest[0]


def _numbers(rng: np.random.Generator, count: int) -> pa.Array:
    digits = rng.integers(48, 58, (count, 14), np.uint8)
    digits[:, :2] = _LETTERS[rng.integers(0, len(_LETTERS), (count, 2))]
    return pa.array(digits.reshape(-1).view("S14")).cast(pa.string())


def _step(rng: np.random.Generator, numbers: pa.Array, begun: int, step: int) -> pa.RecordBatch:
    rows = len(numbers)
    at = _START_MS + (begun + step) * _STEP_MS + rng.integers(0, _STEP_MS // 1000, rows) * 1000
    notes = rng.integers(0, 5_000, rows)
    columns = {
        "carrier": _words(np.zeros(rows, np.int32), [_CARRIER]),
        "number": numbers,
        "code": _words(np.full(rows, step, np.int32), _CODES),
        "at": pa.array(at),
        "offset_min": pa.array(np.full(rows, 480, np.int16)),
        "offset_source": pa.array(np.zeros(rows, np.uint8)),
        "time_flags": pa.array(np.zeros(rows, np.uint8)),
        "facility": _words(
            rng.integers(0, _FACILITIES, rows).astype(np.int32), [f"H{n:05d}" for n in range(_FACILITIES)]
        ),
        "note": pa.array(notes, mask=rng.random(rows) < 0.5).cast(pa.string()),
        "corrects": pa.nulls(rows, pa.string()),
        "recorded_at": pa.array(at + 60_000),
    }
    return pa.record_batch([columns[field.name].cast(field.type) for field in SCAN_SCHEMA], schema=SCAN_SCHEMA)


def _words(ids: npt.NDArray[np.int32], texts: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(ids), pa.array(texts))
