"""Wiring: the one place that knows every room and joins those who ask with those who answer."""

import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from waypost.access.keys import Keys
from waypost.access.sealing import KEY_BYTES, Seal
from waypost.app.settings import Settings
from waypost.carriers.accounts import read_account
from waypost.carriers.adapters import Contract, list_adapters, open_contract
from waypost.engines.local.disk import Disk
from waypost.engines.local.home import LocalHome, open_home
from waypost.engines.local.retention import Retention
from waypost.model.carriers import find_carrier
from waypost.model.errors import SettingsError
from waypost.model.identifiers.carriers import detect_carriers
from waypost.model.instants import OffsetSource
from waypost.network.facilities import Facilities
from waypost.store.protocols import Memory
from waypost.track.carriers import PushReader
from waypost.track.fold import StatusFold
from waypost.track.intake import ZoneFinder
from waypost.track.overview import Overview, read_overview
from waypost.track.parcels import Tracker
from waypost.track.pushes import Pushes, RawPushes
from waypost.track.reception import Reception
from waypost.track.records import list_all_links
from waypost.track.scan_search import ScanSearch
from waypost.track.tables import CodeTables


def now_ms() -> int:
    """The present, in UTC milliseconds. Rooms below the doors are given it; they never look."""
    return time.time_ns() // 1_000_000


class House:
    """A running Waypost without its doors."""

    def __init__(self, settings: Settings, home: LocalHome, tables: CodeTables) -> None:
        self.settings = settings
        self.home = home
        self.tables = tables
        self.facilities = Facilities(self.memory.records)
        self.keys = Keys(self.memory.records, secrets.token_bytes)
        self.tracker = Tracker(self.memory, tables, self.facilities, detect_carriers)
        self.scans = ScanSearch(self.memory, tables, self.facilities)
        self.reception = Reception(self.memory, self.zone_of, now_ms)
        self.overview = _Aged(self._read_overview, settings.track.overview_age_s)
        self.contracts: dict[str, Contract] = {}
        self._readers: dict[str, PushReader] = {}
        self.pushes = Pushes(self._readers, self.reception, RawPushes(self.memory.records, _Seals(settings.home)))

    @property
    def memory(self) -> Memory:
        """The machines."""
        return self.home.memory

    @property
    def zone_of(self) -> ZoneFinder:
        """In which zone a stamp without an offset was written: the carrier's if it has one, else the facility's."""
        own = self.settings.carriers

        def find_own(carrier: str) -> str | None:
            if carrier in own:
                return own[carrier].zone
            known = find_carrier(carrier)
            return known.zone if known else None

        def find(pairs: Sequence[tuple[str, str | None]]) -> list[tuple[str, OffsetSource] | None]:
            of_carriers = {carrier: find_own(carrier) for carrier, _ in pairs}
            places = self.facilities.find_many((who, code) for who, code in pairs if code and not of_carriers[who])
            found: list[tuple[str, OffsetSource] | None] = []
            for carrier, code in pairs:
                known = places.get((carrier, code)) if code else None
                if zone := of_carriers[carrier]:
                    found.append((zone, OffsetSource.CARRIER))
                else:
                    found.append((known.place.zone, OffsetSource.FACILITY) if known and known.place.zone else None)
            return found

        return find

    def _read_overview(self) -> Overview:
        with self.memory.records.read() as connection:
            links = list_all_links(connection)
        return read_overview(self.memory.history, self.tables, self.facilities, links)

    def open_accounts(self) -> None:
        """Get the accounts with carriers ready, which only a server uses.

        Raises:
            SettingsError: one cannot be used; says which setting of it.
        """
        adapters = list_adapters()
        for name, values in self.settings.accounts.items():
            adapter = adapters.get(str(values.get("carrier")))
            account = read_account(name, values, frozenset(adapter.secrets) if adapter else frozenset())
            contract = self.contracts[name] = open_contract(account, adapters=adapters)
            if contract.reader is not None:
                self._readers[name] = contract.reader

    def close(self) -> None:
        """Finish what is under way and let go of the folder."""
        for contract in self.contracts.values():
            contract.caller.close()
        self.home.close()

    def __enter__(self) -> "House":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_house(settings: Settings, *, read_only: bool = False, indexer: str | None = None) -> House:
    """Open the home folder and everything on it. `indexer` as for `open_home`.

    Raises:
        HomeInUse: another process writes to it.
        StoreError: it cannot be opened; says why.
    """
    tables = CodeTables.load(settings.track.tables)
    home = open_home(
        Path(settings.home),
        StatusFold(tables),
        read_only=read_only,
        states_bytes=settings.store.states_mb << 20,
        memory_limit=f"{settings.store.history_mb}MB",
        retention=retention_of(settings),
        indexer=indexer,
    )
    return House(settings, home, tables)


def retention_of(settings: Settings) -> Retention:
    """How long the log keeps scans, and where older ones are."""
    store = settings.store
    return Retention(
        seconds=store.log_days * 86_400 or None,
        bytes=store.log_gb * 1e9 or None,
        archive=store.archive,
    )


def seals_of(home: Path) -> Callable[[], Seal]:
    """The keys under which what is personal in a home is sealed, read when they are first needed."""
    return _Seals(home)


class _Seals:
    """The keys under which what is personal lies in the records. The file is made when something is sealed first."""

    def __init__(self, home: Path) -> None:
        self._file = home / "seal"
        self._seal: Seal | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Seal:
        with self._lock:
            if self._seal is None:
                self._seal = self._open()
            return self._seal

    def _open(self) -> Seal:
        """One key a line: its number, and hexadecimal digits."""
        if not self._file.exists():
            self._make()
        try:
            lines = [line.split() for line in self._file.read_text("ascii").splitlines() if line.strip()]
            return Seal({int(number): bytes.fromhex(key) for number, key in lines}, secrets.token_bytes)
        except (OSError, ValueError):  # what stands in it is told to nobody
            mend = "It has a number and 64 hexadecimal digits a line; bring it back from where you keep it."
            raise SettingsError(f"{self._file} cannot be read as keys", mend=mend) from None

    def _make(self) -> None:
        """A crash leaves the whole file or none."""
        new = self._file.with_name("seal.tmp")
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"1 {secrets.token_hex(KEY_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        new.rename(self._file)
        Disk().sync_folder(self._file.parent)


class _Aged:
    """Remembers an answer for some seconds; those who ask meanwhile wait for the one who works it out."""

    def __init__(self, ask: Callable[[], Overview], age_s: float) -> None:
        self._ask = ask
        self._age_s = age_s
        self._answer: Overview | None = None
        self._until = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> Overview:
        with self._lock:
            if self._answer is None or time.monotonic() >= self._until:
                self._answer = self._ask()
                self._until = time.monotonic() + self._age_s
            return self._answer
