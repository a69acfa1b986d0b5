"""Live counts as bytes, so that a start need not count everything anew."""

import zlib
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from waypost.model.decoding import convert
from waypost.model.errors import BadInput, WrongFormat
from waypost.track.live_counts import MOST_FLOWS, MOST_PLACES, LiveCounts
from waypost.track.rows import Rows

#: Raised whenever these bytes, or what is counted, mean something else.
LIVE_FORMAT = 2

_MAGIC = b"wplive%02d" % LIVE_FORMAT
_CODEC = pa.Codec("zstd", 1)
_RINGS = ("arrived_1h", "departed_1h", "arrived_24h", "moved_24h")
_PACES = ("lately", "usual")


class _Column(msgspec.Struct, frozen=True):
    kind: str
    shape: tuple[int, ...]
    data: bytes


class _Kept(msgspec.Struct, frozen=True):
    edition: str
    position: int
    since_ms: int | None
    tables: str
    carriers: list[str]
    facilities: list[str]
    starts: dict[str, int]
    columns: dict[str, _Column]


def write_counts(counts: LiveCounts, tables: str) -> bytes:
    """Counts as bytes. `tables` is the version of the code tables, by which statuses were read."""
    rings, paces = ({name: getattr(counts, name) for name in names} for names in (_RINGS, _PACES))
    columns = {"statuses": counts.statuses, "hours": counts.hours}
    columns |= {"inside": counts.inside, "last_ms": counts.last_ms}
    columns |= {"places": counts.places.keys, "flows": counts.flows.keys}
    columns |= {name: ring.counts for name, ring in rings.items()} | {
        name: each.weights for name, each in paces.items()
    }
    kept = _Kept(
        edition=counts.edition,
        position=counts.position,
        since_ms=counts.since_ms,
        tables=tables,
        carriers=list(counts.carriers),
        facilities=list(counts.facilities),
        starts={name: ring.first for name, ring in rings.items()} | {name: p.since_ms for name, p in paces.items()},
        columns={name: _Column(column.dtype.str, column.shape, column.tobytes()) for name, column in columns.items()},
    )
    data = msgspec.msgpack.encode(kept)
    packed: bytes = _CODEC.compress(data, asbytes=True)
    size = len(data).to_bytes(8, "little")
    return _MAGIC + size + _check(size, packed) + packed


def read_counts(data: bytes, tables: str, now_ms: int) -> LiveCounts:
    """The counts again.

    Raises:
        WrongFormat: another release wrote them, or they were counted by other code tables.
        BadInput: they are not what was written.
    """
    if data[: len(_MAGIC)] != _MAGIC:
        raise WrongFormat("the live counts were kept in another format", mend="They are counted anew.")
    size, check, packed = data[8:16], data[16:20], data[20:]
    if _check(size, packed) != check:
        raise BadInput("the live counts are not what was written", mend="They are counted anew.")
    told = _CODEC.decompress(packed, int.from_bytes(size, "little"), asbytes=True)
    kept = convert(msgspec.msgpack.decode(told), _Kept)
    if kept.tables != tables:
        raise WrongFormat("the live counts were counted by other code tables", mend="They are counted anew.")
    counts = LiveCounts(kept.edition, now_ms)
    counts.position, counts.since_ms = kept.position, kept.since_ms
    counts.carriers = {text: number for number, text in enumerate(kept.carriers)}
    counts.facilities = {text: number for number, text in enumerate(kept.facilities)}
    columns = {name: _array(column) for name, column in kept.columns.items()}
    for name in ("statuses", "hours", "inside", "last_ms"):
        setattr(counts, name, columns[name])
    counts.places, counts.flows = Rows(MOST_PLACES, columns["places"]), Rows(MOST_FLOWS, columns["flows"])
    for name in _RINGS:
        ring = getattr(counts, name)
        ring.first, ring.counts = kept.starts[name], columns[name]
    for name in _PACES:
        paces = getattr(counts, name)
        paces.since_ms, paces.weights = kept.starts[name], columns[name]
    counts.advance(now_ms)
    return counts


def _check(size: bytes, packed: bytes) -> bytes:
    """Of the size too: so much memory is asked for."""
    return zlib.crc32(packed, zlib.crc32(size)).to_bytes(4, "little")


def _array(column: _Column) -> np.ndarray[Any, Any]:
    return np.frombuffer(column.data, np.dtype(column.kind)).reshape(column.shape).copy()
