"""The keys under which what is personal lies in the records: the file `seal` of the home.

The file is kept apart from backups, for who has both can read all that is sealed. So it can be lost: that is told
before anything is sealed under a new key.
"""

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from waypost.access.records import SEALED as _PEOPLE
from waypost.access.sealed import count_sealed, list_gone
from waypost.access.sealing import KEY_BYTES, NUMBER_BYTES, Seal
from waypost.booking.records import SEALED as _LABELS
from waypost.booking.sorting.records import SEALED as _SORTERS
from waypost.care.records import SEALED as _WEBHOOKS
from waypost.engines.local.disk import Disk
from waypost.model.errors import SettingsError
from waypost.store.protocols import Records
from waypost.track.records import SEALED as _PUSHES

#: All that lies sealed in the records.
SEALED = (*_PUSHES, *_LABELS, *_SORTERS, *_WEBHOOKS, *_PEOPLE)

#: Rows of each table that a start looks at.
_SAMPLE = 1000
#: A server that seals looks after the file at most so often.
_LOOK_S = 1.0
FILE = "seal"


class Seals:
    """The keys of a home. The file is made when something is sealed first.

    If it goes while a server runs, nothing more is sealed until it is back: after the next start nobody could open it.

    Args:
        ticks: seconds of a clock that nobody sets.
    """

    def __init__(self, home: Path, records: Records, ticks: Callable[[], float] = time.monotonic) -> None:
        self.file = home / FILE
        self._records = records
        self._seal: Seal | None = None
        self._lock = threading.Lock()
        self._ticks = ticks
        self._own_key = b""
        self._mark: tuple[int, ...] | None = None
        self._loss: SettingsError | None = None
        self._next_look_s = 0.0
        self._one_looks = threading.Lock()

    def __call__(self) -> Seal:
        """What seals and opens.

        Raises:
            SettingsError: the file cannot be read, or lacks a key that rows lie under.
        """
        with self._lock:
            if self._seal is None:
                self.check()
                if not self.file.exists():
                    self.add()
                keys = self.read()
                self._own_key = keys[max(keys)]
                self._seal = Seal(keys, secrets.token_bytes, self._refuse_lost)
            return self._seal

    def find_loss(self) -> SettingsError | None:
        """Why nothing can be sealed: the file does not hold the key any more under which that is done here."""
        seal = self._seal
        if seal is None:
            return None
        with self._one_looks:
            now_s = self._ticks()
            if now_s >= self._next_look_s:
                self._next_look_s = now_s + _LOOK_S
                mark = _mark_of(self.file)
                if mark is None or mark != self._mark or self._loss is not None:
                    self._loss = self._look(seal.newest)
                    self._mark = mark
            return self._loss

    def _refuse_lost(self) -> None:
        if (loss := self.find_loss()) is not None:
            raise SettingsError(loss.message, mend=loss.mend)

    def _look(self, number: int) -> SettingsError | None:
        try:
            keys = self.read()
        except SettingsError as error:
            return error
        if keys.get(number) == self._own_key:
            return None
        how = f"holds no such key {number} any more, or another one of that number" if keys else "is gone"
        return SettingsError(
            f"nothing is sealed any more: {self.file} {how}, and after the next start nobody could open it",
            mend="Bring the file back from where you keep it, before you start anew; then it goes on.",
        )

    def check(self) -> None:
        """See that what lies sealed can be opened: of some rows a table, so that a start is no slower for many.

        Raises:
            SettingsError: a key is gone; says which.
        """
        if not self.list_gone(_SAMPLE):
            return
        for number, rows in self.list_gone().items():
            raise SettingsError(
                f"{rows} texts in the records are sealed under key {number}, and {self.file} holds no such key, or "
                "another one of that number",
                mend="Bring the file back from where you keep it. If that key is lost for good, "
                f"`waypost admin seal drop {number} --with-rows` removes what nobody can read.",
            )

    def list_gone(self, sample: int | None = None) -> dict[int, int]:
        """Of the keys that rows lie under, those that are gone; by number, how many texts of a sample, or of all."""
        keys = self.read()
        seal = Seal(keys, secrets.token_bytes) if keys else None
        with self._records.read() as connection:
            return list_gone(connection, SEALED, seal, sample)

    def count(self) -> dict[int, int]:
        """How many texts lie under each key."""
        with self._records.read() as connection:
            return count_sealed(connection, SEALED)

    def read(self) -> dict[int, bytes]:
        """The keys by number, none without a file.

        Raises:
            SettingsError: the file is none of keys.
        """
        return read_keys(self.file)

    def add(self) -> int:
        """Make a new key, under which all is sealed from then on; its number, which none of another key ever had."""
        keys = self.read()
        number = max((*keys, *self.count()), default=0) + 1
        if number >= 1 << (8 * NUMBER_BYTES):
            raise SettingsError(f"{self.file} has no number left for another key")
        write_keys(self.file, keys | {number: secrets.token_bytes(KEY_BYTES)})
        return number


def _mark_of(file: Path) -> tuple[int, ...] | None:
    """By which it shows that a file is another one, or was written to; None without one."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read_keys(file: Path) -> dict[int, bytes]:
    """One key a line: its number, and hexadecimal digits."""
    try:
        lines = [line.split() for line in file.read_text("ascii").splitlines() if line.strip()]
        keys = {int(number): bytes.fromhex(key) for number, key in lines}
        if not keys or len(keys) < len(lines):
            raise ValueError
        if any(len(key) != KEY_BYTES or not 1 <= number < 1 << 8 * NUMBER_BYTES for number, key in keys.items()):
            raise ValueError
        return keys
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):  # what stands in it is told to nobody
        mend = "It has a number and 64 hexadecimal digits a line; bring it back from where you keep it."
        raise SettingsError(f"{file} cannot be read as keys", mend=mend) from None


def write_keys(file: Path, keys: Mapping[int, bytes]) -> None:
    """A crash leaves the whole file as it was, or as it is to be."""
    new = file.with_name(f"{file.name}.tmp")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.writelines(f"{number} {key.hex()}\n" for number, key in sorted(keys.items()))
        opened.flush()
        os.fsync(opened.fileno())
    new.rename(file)
    Disk().sync_folder(file.parent)


def fingerprint(key: bytes) -> str:
    """By which a key is told from another of its number, without telling it."""
    return hashlib.blake2b(key, digest_size=4, person=b"waypost seal").hexdigest()
