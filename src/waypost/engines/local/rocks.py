"""RocksDB as an ordered map of bytes, with errors of ours."""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rocksdict

from waypost.model.errors import StorageFull, StoreDamaged, StoreError

_ATTEMPTS = 5


class Rocks:
    """One RocksDB folder. Reads see whole batches only, and may run while another thread writes.

    Batches go to its own write-ahead log without a sync: they survive the end of the process; after a power cut the
    map comes back as it was some batches earlier.
    """

    def __init__(self, folder: Path, *, read_only: bool = False, cache_bytes: int = 64 << 20) -> None:
        self._folder = folder
        self._cache_bytes = cache_bytes
        self._has_failed = False
        self._map = self._open(read_only)

    def _open(self, read_only: bool) -> rocksdict.Rdict:
        access = rocksdict.AccessType.read_only(False) if read_only else rocksdict.AccessType.read_write()
        for _ in range(_ATTEMPTS):
            try:
                return rocksdict.Rdict(str(self._folder), _options(self._cache_bytes), access_type=access)
            except Exception as error:
                failed = error
                # The writer may have put files away in between, or a forgotten iterator still holds the lock.
                if not read_only and "lock hold by current process" not in str(error):
                    break
                gc.collect()
                time.sleep(0.05)
        raise _error(failed, self._folder, "opening") from failed

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values under some keys, None where there is none."""
        with self._guard("reading"):
            values: Any = self._map.get(list(keys)) if keys else []
            return list(values)

    def items(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The pairs from a key to before another, by key, as they are when the first is asked for."""
        with self._guard("reading"):
            bounds = rocksdict.ReadOptions()
            bounds.set_iterate_upper_bound(stop)
            pairs: Any = self._map.items(from_key=start, read_opt=bounds)
            yield from pairs

    def items_back(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The same pairs from the last to the first."""
        with self._guard("reading"):
            pairs: Any = self._map.items(backwards=True, from_key=stop)
            for pair in pairs:
                if pair[0] < start:
                    break
                if pair[0] < stop:
                    yield pair

    def before(self, key: bytes, start: bytes) -> tuple[bytes, bytes] | None:
        """The last pair at or before a key, and not before another."""
        with self._guard("reading"):
            return next(self.items_back(start, key + b"\0"), None)

    def write(self, pairs: Iterator[tuple[bytes, bytes]]) -> None:
        """Put all pairs, or none. After an error nothing can be written until `reopen`."""
        with self._guard("writing"):
            batch = rocksdict.WriteBatch(raw_mode=True)
            put = batch.put
            for key, value in pairs:
                put(key, value)
            self._has_failed = True
            self._map.write(batch)
            self._has_failed = False

    def reopen(self) -> bool:
        """After a failed write, make writing possible again. While that cannot be, reading still is.

        Returns:
            Whether it was needed. Then what the failed write brought may be there or not.
        """
        if not self._has_failed:
            return False
        self._let_go()
        try:
            self._map = self._open(read_only=False)
        except StoreError:
            self._map = self._open(read_only=True)
            raise
        self._has_failed = False
        return True

    def close(self) -> None:
        """Let go of the folder."""
        self._let_go()

    def _let_go(self) -> None:
        try:
            with self._guard("closing"):
                self._map.close()
        except StoreError:
            if not self._has_failed:  # else it only tells once more of the write that failed
                raise

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except rocksdict.DbClosedError as error:
            raise StoreError(f"{self._folder} is closed.") from error
        except Exception as error:
            if type(error) is not Exception:  # what RocksDB says comes as a plain one
                raise
            raise _error(error, self._folder, doing) from error


def _options(cache_bytes: int) -> rocksdict.Options:
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(64 << 20)
    options.set_max_background_jobs(2)
    options.set_max_open_files(-1)  # a reader in another process keeps the files that it saw
    options.set_keep_log_file_num(2)
    options.set_compression_type(rocksdict.DBCompressionType.lz4())
    options.set_wal_recovery_mode(rocksdict.DBRecoveryMode.point_in_time())
    table = rocksdict.BlockBasedOptions()
    table.set_bloom_filter(10, False)
    table.set_block_cache(rocksdict.Cache(cache_bytes))
    options.set_block_based_table_factory(table)
    return options


def _error(error: Exception, folder: Path, doing: str) -> StoreError:
    text = str(error)
    if "No space left" in text or "Disk quota" in text:
        return StorageFull(f"No room left: {doing} {folder} failed.", mend="Make room; then it goes on.")
    if "Corruption" in text or "No such file" in text:
        return StoreDamaged(f"{folder} is damaged: {text}.", mend="Remove this folder; it is made anew from the log.")
    return StoreError(f"{doing.capitalize()} {folder} failed: {text}.", mend="Look after the disk, then start again.")
