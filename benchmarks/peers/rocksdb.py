"""RocksDB from Python: timeline and state in one map, its own log synced once a batch.

Duplicates fall on the same key. The state of each parcel is read, folded and written back.
"""

import importlib
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.peers.peer import CACHE_MB, LeftOut, plain_scans

_TIMELINE, _STATE = b"t", b"s"
_instant = struct.Struct(">q").pack
_pair = struct.Struct(">qq")


class RocksDb:
    """See `Peer`."""

    def __init__(self, folder: Path, rocksdict: Any) -> None:
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(64 << 20)
        options.set_max_background_jobs(2)
        options.set_compression_type(rocksdict.DBCompressionType.lz4())
        table = rocksdict.BlockBasedOptions()
        table.set_bloom_filter(10, False)
        table.set_block_cache(rocksdict.Cache(CACHE_MB << 20))
        options.set_block_based_table_factory(table)
        self._map = rocksdict.Rdict(str(folder / "map"), options)
        self._new_batch = rocksdict.WriteBatch
        self._synced = rocksdict.WriteOptions()
        self._synced.sync = True

    def load(self, scans: pa.RecordBatch) -> None:
        """See `Peer.load`."""
        batch = self._new_batch(raw_mode=True)
        folded: dict[bytes, tuple[int, int, bytes]] = {}
        columns = (column.to_pylist() for column in plain_scans(scans).columns)
        for number, carrier, at, code, facility, note in zip(*columns, strict=True):
            key = f"{number}\0{carrier}\0".encode()
            words = f"{code}\0{facility}".encode()
            batch.put(_TIMELINE + key + _instant(at) + words, (note or "").encode())
            known = folded.get(key)
            folded[key] = (at, at, words) if known is None else _merge(known, (at, at, words))
        keys = list(folded)
        for key, value in zip(keys, self._map.get([_STATE + key for key in keys]), strict=True):
            state = folded[key]
            if value is not None:
                state = _merge((*_pair.unpack_from(value), value[_pair.size :]), state)
            batch.put(_STATE + key, _pair.pack(*state[:2]) + state[2])
        self._map.write(batch, write_opt=self._synced)

    def look_up(self, number: str) -> tuple[int, int]:
        """See `Peer.look_up`."""
        ((_, state),) = self._items(_STATE + f"{number}\0".encode())
        return len(self._items(_TIMELINE + f"{number}\0".encode())), _pair.unpack_from(state)[1]

    def counts(self) -> tuple[int, int]:
        """See `Peer.counts`."""
        return sum(1 for _ in self._each(_TIMELINE)), sum(1 for _ in self._each(_STATE))

    def close(self) -> None:
        """See `Peer.close`."""
        self._map.close()

    def _items(self, prefix: bytes) -> list[tuple[bytes, bytes]]:
        return list(self._each(prefix))

    def _each(self, prefix: bytes) -> Any:
        for pair in self._map.items(from_key=prefix):
            if not pair[0].startswith(prefix):
                return
            yield pair


def _merge(a: tuple[int, int, bytes], b: tuple[int, int, bytes]) -> tuple[int, int, bytes]:
    """First instant, last instant, and the words of the scan at the last."""
    return min(a[0], b[0]), max(a[1], b[1]), b[2] if b[1] > a[1] else a[2]


def start(folder: Path) -> RocksDb:
    """See `open_peer`."""
    try:
        rocksdict = importlib.import_module("rocksdict")
    except ImportError:
        raise LeftOut("rocksdict is not installed (.venv/bin/pip install rocksdict)") from None
    return RocksDb(folder, rocksdict)
