"""Wiring: the one place that knows every room and joins those who ask with those who answer."""

import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from waypost.access.guesses import Rate
from waypost.access.keys import Keys
from waypost.access.parties import Parties
from waypost.access.passwords import Passwords
from waypost.access.people import People
from waypost.access.sealing import Seal
from waypost.access.sessions import Sessions
from waypost.access.trail import Trail
from waypost.app.cities import open_cities
from waypost.app.live import foresee_by
from waypost.app.remembering import Remembered
from waypost.app.seals import Seals
from waypost.app.settings import Settings
from waypost.booking.bookings import Bookings
from waypost.booking.choosing import Chooser
from waypost.booking.erasure import Erasure
from waypost.booking.issuing import LabelReader, WaybillIssuer
from waypost.booking.labels import Labels
from waypost.booking.links import Links
from waypost.booking.manifests import Manifests
from waypost.booking.order_book import OrderBook
from waypost.booking.papers import Papers
from waypost.booking.pickups import PickupIssuer, Pickups
from waypost.booking.pools import PoolIssuer, Pools
from waypost.booking.printing import Masking, Printer, load_fonts
from waypost.booking.proofs import Proofs
from waypost.booking.rating.asking import RateSource
from waypost.booking.rating.carbon import CityFinder
from waypost.booking.rating.promised import Promised
from waypost.booking.rating.quoting import Quotes
from waypost.booking.rating.shelf import Shelf
from waypost.booking.sorting.codes import SortCodes
from waypost.booking.sorting.lessons import Lessons
from waypost.booking.sorting.shelf import Sorters
from waypost.booking.told import list_booked
from waypost.care.alerts.book import AlertBook
from waypost.care.consignees import Consignees, MailAudience
from waypost.care.deliveries import Deliveries
from waypost.care.mail_terms import MailTerms
from waypost.care.messages import WebhookAudience
from waypost.care.news import Audience
from waypost.care.notices import Notices
from waypost.care.patience import Patience
from waypost.care.subscriptions import Subscriptions
from waypost.care.teller import Teller
from waypost.carriers.accounts import read_account
from waypost.carriers.adapter import Operation
from waypost.carriers.adapters import Contract, list_adapters, open_contract
from waypost.engines.local.home import LocalHome, open_home
from waypost.engines.local.retention import Retention
from waypost.engines.sql.records import SqlRecords
from waypost.feeds.capacities import read_capacities
from waypost.feeds.folder import Folder, Leave, Watch, Watched
from waypost.feeds.sheets import Sheets
from waypost.forecast.foul_weather import blame_weather
from waypost.forecast.models import Models
from waypost.forecast.past import MOST_TRIPS, Past, read_past
from waypost.forecast.present import Lookouts, Promises
from waypost.forecast.reasons import Weather
from waypost.forecast.records import read_weather
from waypost.forecast.steps import LATELY_DAYS, MOST_SCANS, WATCHED_DAYS, Steps, read_booked, read_steps
from waypost.forecast.training import TRAINED_DAYS
from waypost.forecast.weather import Weather as WeatherKept
from waypost.model.carriers import find_carrier
from waypost.model.errors import Conflict, NotFound, SettingsError
from waypost.model.identifiers.carriers import detect_carriers
from waypost.model.instants import DAY_MS, OffsetSource
from waypost.network.areas import Areas
from waypost.network.change_book import ChangeBook
from waypost.network.facilities import Facilities
from waypost.network.shelf import Timetables
from waypost.network.timetable import Timetable
from waypost.network.ways import Ways
from waypost.store.protocols import Memory, Records
from waypost.track.carriers import PushReader, TrackSource
from waypost.track.endings import Endings
from waypost.track.files import Files
from waypost.track.fold import StatusFold
from waypost.track.gaps import Gaps, read_gaps
from waypost.track.intake import ZoneFinder
from waypost.track.live import Live
from waypost.track.outlook import Outlook
from waypost.track.overview import Overview, read_overview
from waypost.track.parcels import Tracker
from waypost.track.polling import Poller
from waypost.track.pushes import Pushes, RawPushes
from waypost.track.reception import Reception
from waypost.track.records import list_all_links, list_told
from waypost.track.scan_search import ScanSearch
from waypost.track.tables import CodeTables
from waypost.track.watches import Watches
from waypost.web.destinations import Places

_LOOK_S = 0.5


def now_ms() -> int:
    """The present, in UTC milliseconds. Rooms below the doors are given it; they never look."""
    return time.time_ns() // 1_000_000


#: For so long services that came in are not seen by who asks a server for ways.
_TIMETABLE_AGE_S = 60.0


class House:
    """A running Waypost without its doors. `clock` is the present of all that goes on in it, in UTC milliseconds."""

    def __init__(
        self, settings: Settings, home: LocalHome, tables: CodeTables, clock: Callable[[], int] = now_ms
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.home = home
        self.tables = tables
        self.facilities = Facilities(self.memory.records)
        self.keys = Keys(self.memory.records, secrets.token_bytes)
        self.tracker = Tracker(self.memory, tables, self.facilities, detect_carriers)
        self.scans = ScanSearch(self.memory, tables, self.facilities)
        self.reception = Reception(self.memory, self.zone_of, clock)
        self.overview = Remembered(self._read_overview, settings.track.overview_age_s)
        self.contracts: dict[str, Contract] = {}
        self._readers: dict[str, PushReader] = {}
        self._label_readers: dict[str, LabelReader] = {}
        self.seals = Seals(settings.home, self.memory.records)
        self.pushes = Pushes(self._readers, self.reception, RawPushes(self.memory.records, self.seals))
        self.labels = Labels(self._label_readers, self.memory.records, self.seals)
        self.watches = Watches(self.memory.records, self.seals)
        self.pollers: dict[str, Poller] = {}
        self.outlook = Outlook(self.watches, self.pollers)
        self.files = Files(self.memory.records, Sheets(), self.reception, self.seals, home.incoming)
        self._issuers: dict[str, WaybillIssuer] = {}
        self._rate_sources: dict[str, RateSource] = {}
        self._pickup_issuers: dict[str, PickupIssuer] = {}
        self.pickups = Pickups(self.memory.records, self._pickup_issuers, self.seals, clock)
        self.timetable_changes = ChangeBook(self.memory.records)
        timetables = Timetables(self.memory.records)
        self.has_timetable = timetables.has_any
        self.ways = Ways(Remembered(timetables.open, _TIMETABLE_AGE_S), self.timetable_changes)
        self.alerts = open_alerts(settings, self.memory.records)
        self.parties = Parties(self.memory.records, secrets.token_bytes)
        self.trail = Trail(self.memory.records)
        self.people, self.sessions = join_people(settings, self.memory.records, self.seals)
        self._printer: Printer | None = None
        self.manifests = Manifests(self.memory.records)
        self.pools = Pools(self.memory.records)
        order_book = OrderBook(self.memory.records, self.seals)
        self.sorters = Sorters(self.memory.records, self.seals)
        sorted_by_us, threshold = settings.sorting.carriers, settings.sorting.threshold
        self.sort_codes = SortCodes(self.sorters, order_book, self.memory.records, sorted_by_us, threshold)
        self.lessons = Lessons(self.sorters, order_book, self.memory, tables, self.facilities, sorted_by_us)
        self.models = Models(self.memory.records)
        age_ms = round(settings.forecast.age_min * 60_000)
        self.promises = Promises(self.models, lambda at_ms: self.read_past(at_ms).trips, clock, age_ms)
        self.lookouts = Lookouts(
            self.models,
            lambda at_ms: self.read_steps(at_ms, LATELY_DAYS),
            lambda: Areas(self.facilities.list_all()),
            self.read_departures,
            self.read_foul_weather,
            clock,
            age_ms,
        )
        self.quotes = Quotes(
            Shelf(self.memory.records),
            self._open_cities,
            list(settings.accounts),
            self._rate_sources,
            Promised(self.promises.find, carriers_of(settings)),
        )
        self.chooser = Chooser(order_book, self.memory.records, self.quotes, self._issuers.keys(), clock)
        self.endings = Endings(self.tracker)
        self.erasure = Erasure(self.memory.records, order_book, self.seals, self.endings.find)
        self.proofs = Proofs(self.memory.records, self.seals)
        self.links = Links(
            self.memory.records,
            order_book,
            self.seals,
            secrets.token_bytes,
            self.endings.find,
            round(settings.retention.page_days * DAY_MS),
        )
        self.bookings = Bookings(
            order_book,
            self.memory.records,
            self._issuers,
            self.outlook,
            self.labels,
            clock,
            self.sort_codes,
            self.chooser,
        )
        self.papers = Papers(self.bookings, self._open_printer, settings.labels.size, clock)
        told = settings.webhooks
        self.places = Places(allow_http=told.allow_http, allow_private=told.allow_private)
        self.subscriptions = Subscriptions(self.memory.records, self.seals, secrets.token_bytes, self.places.check_url)
        self.deliveries = Deliveries(self.memory.records, round(told.retry_hours * 3_600_000), random.random)
        mail = settings.mail
        self.mail_terms = MailTerms(self.memory.records, self.seals, secrets.token_bytes)
        self.notices = Notices(self.memory.records, Patience(round(mail.retry_hours * 3_600_000), random.random))
        self.consignees = Consignees(self.memory.records, self.seals, self.mail_terms, self.facilities, self._find_page)
        audiences: list[Audience] = [WebhookAudience()]
        if mail.host:
            audiences.append(MailAudience(self.seals, round(mail.news_hours * 3_600_000)))
        self.teller = Teller(self.memory.changes, self.memory.index, self.memory.records, self.facilities, audiences)
        file = settings.track.capacities
        capacities = {} if file is None else read_capacities(file)
        self.live = Live(self.memory, tables, self.facilities, capacities, foresee_by(self.lookouts))
        self._stopping = threading.Event()
        self._watch: Watch | None = None

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

    def has_carrier(self, code: str) -> bool:
        """Whether it is the code of a carrier: of the settings, of the register of facilities, or known by name."""
        own = {*self.settings.carriers, *carriers_of(self.settings).values()}
        return code in own or find_carrier(code) is not None or bool(self.facilities.list_page(code, None, 1)[0])

    def _find_page(self, merchant: str, order: str, piece: int) -> str | None:
        """The token of a consignee's page, if its parcel has one."""
        try:
            return self.links.tell(merchant, order, piece, self.clock())
        except (NotFound, Conflict):
            return None

    def _open_cities(self) -> CityFinder:
        return open_cities(self.facilities)

    def _read_overview(self) -> Overview:
        with self.memory.records.read() as connection:
            links = list_all_links(connection)
        return read_overview(self.memory.history, self.tables, self.facilities, links)

    def read_past(self, at_ms: int, most: int = MOST_TRIPS) -> Past:
        """The trips that promises are learnt from, as they were known at an instant; of more a share."""
        with self.memory.records.read() as connection:
            links, told, booked = list_all_links(connection), list_told(connection), list_booked(connection)
        since_ms = at_ms - round(TRAINED_DAYS * DAY_MS)
        return read_past(
            self.memory.history, self.tables, self.facilities, since_ms, at_ms, links, told, booked, most=most
        )

    def read_steps(self, at_ms: int, days: int = WATCHED_DAYS, most: int = MOST_SCANS) -> Steps:
        """The scans of the last weeks one after another, as they were known at an instant, and what was booked.

        Of more than so many those of a share of the numbers.
        """
        with self.memory.records.read() as connection:
            links, told = list_all_links(connection), list_told(connection)
        history, tables = self.memory.history, self.tables
        return read_steps(
            history,
            tables,
            self.facilities,
            now_ms=at_ms,
            days=days,
            booked=read_booked(told),
            links=links,
            most=most,
        )

    def read_departures(self, at_ms: int) -> Timetable | None:
        """What departed in the last weeks until an instant, as far as it is known now; None without a timetable."""
        timetable, _ = self.ways.open_around(at_ms - LATELY_DAYS * DAY_MS, LATELY_DAYS, self.clock())
        return timetable if timetable.facilities else None

    def read_foul_weather(self, at_ms: int) -> Weather | None:
        """What is asked of the weather why parcels lost time, as it was known at an instant; None if none is kept."""
        with self.memory.records.read() as connection:
            rows = read_weather(connection, at_ms - LATELY_DAYS * DAY_MS)
        return blame_weather(WeatherKept(rows), self.facilities, at_ms) if rows.num_rows else None

    def read_weather_ahead(self, at_ms: int) -> Weather | None:
        """The same of what was foretold from an instant on; None if nothing is kept of that."""
        with self.memory.records.read() as connection:
            rows = read_weather(connection, at_ms)
        return blame_weather(WeatherKept(rows), self.facilities, at_ms) if rows.num_rows else None

    def read_gaps(self) -> Gaps:
        """When parcels are scanned next, as history has it."""
        return read_gaps(self.memory.history, self.tables, self.clock())

    def open_accounts(self) -> None:
        """Get the accounts with carriers ready, which only a server uses.

        Raises:
            SettingsError: one cannot be used; says which setting of it. Or a key is gone that rows are sealed under.
        """
        self.seals.check()
        if self.seals.file.exists():
            self.seals()  # from now on it is noticed if the file goes
        adapters = list_adapters()
        for name, values in self.settings.accounts.items():
            adapter = adapters.get(str(values.get("adapter", values.get("carrier"))))
            account = read_account(name, values, frozenset(adapter.secrets) if adapter else frozenset())
            contract = self.contracts[name] = open_contract(account, adapters=adapters)
            if contract.reader is not None:
                self._readers[name] = contract.reader
            if contract.labels is not None:
                self._label_readers[name] = contract.labels
            if contract.issuer is not None:
                self._issuers[name] = contract.issuer
            if contract.pickups is not None:
                self._pickup_issuers[name] = contract.pickups
            if contract.rates is not None:
                self._rate_sources[name] = contract.rates
            if account.pool:
                self._issuers[name] = self._open_pool(contract)
            if contract.source is not None:
                self.pollers[name] = self._poller(contract, contract.source)

    def _open_printer(self) -> Printer:
        """What prints our own labels; fonts are read when the first is printed."""
        labels = self.settings.labels
        if self._printer is None:
            masking = Masking(names=labels.mask_names, phone_digits=labels.phone_digits)
            hides = labels.mask_names or labels.phone_digits > 0
            self._printer = Printer(load_fonts(labels.font, labels.bold), masking if hides else None)
        return self._printer

    def _open_pool(self, contract: Contract) -> WaybillIssuer:
        account, where = contract.account, f"[accounts.{contract.account.name}] pool"
        if contract.issuer is not None:
            raise SettingsError(f"{where}: {account.carrier} is asked for its numbers", mend="Leave the pool out.")
        try:
            pool = self.pools.get(account.pool)
        except NotFound as error:
            raise SettingsError(f"{where}: {error.message}", mend="`waypost admin pool add` makes one.") from None
        if pool.carrier != account.carrier:
            raise SettingsError(f"{where}: {pool.name!r} has numbers of {pool.carrier}, not of {account.carrier}")
        return PoolIssuer(self.pools, pool.name, account.carrier, self.clock)

    def _poller(self, contract: Contract, source: TrackSource) -> Poller:
        return Poller(
            contract.account.name,
            source,
            contract.account.polls_per_hour,
            subscribes=contract.reader is not None and Operation.SUBSCRIBE in contract.adapter.operations,
            memory=self.memory,
            tables=self.tables,
            reception=self.reception,
            watches=self.watches,
            clock=self.clock,
        )

    def watch_folders(self, tell: Callable[[str, str], None]) -> None:
        """Take the files that carriers put into the folders of their accounts, from now on until the house closes.

        Args:
            tell: told what cannot be done, and with which file.

        Raises:
            SettingsError: such a folder is none.
        """
        folders: list[Folder] = []
        archive = self.settings.store.archive
        others = {Path(self.settings.home): "the home"} | ({archive: "the archive"} if archive else {})
        for name, contract in self.contracts.items():
            if contract.account.folder:
                path = _folder_of(name, contract.account.folder, others)
                others[path] = f"the folder of {name}"
                watched = Watched(account=name, carrier=contract.account.carrier, path=path)
                folders.append(Folder(watched, self.files, self.clock, self._let_index_go_on, tell))
        self._watch = Watch(folders, self._stopping, tell)
        self._watch.start()

    def _let_index_go_on(self) -> None:
        """Files wait where senders of bulk are refused, so that those who look up are not kept waiting."""
        while not self._stopping.is_set():
            if self.memory.index.catch_up(self.memory.log.position() - self.settings.limits.bulk_lag, _LOOK_S):
                return
        raise Leave

    def close(self) -> None:
        """Finish what is under way and let go of the folder."""
        self._stopping.set()
        if self._watch is not None:
            self._watch.stop()
        for contract in self.contracts.values():
            contract.caller.close()
        self.home.close()

    def __enter__(self) -> "House":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def join_people(settings: Settings, records: Records, seal: Callable[[], Seal]) -> tuple[People, Sessions]:
    """Those who log in, and their sessions."""
    told = settings.login
    sessions = Sessions(
        records,
        seal,
        secrets.token_bytes,
        idle_ms=round(told.idle_hours * 3_600_000),
        lasting_ms=round(told.session_hours * 3_600_000),
    )
    of_addresses = Rate(settings.limits.guesses_per_min, settings.limits.guesses_burst)
    passwords = Passwords(secrets.token_bytes)
    return People(records, seal, secrets.token_bytes, passwords, sessions, of_addresses), sessions


def open_alerts(settings: Settings, records: Records) -> AlertBook:
    """The book of alerts."""
    return AlertBook(records, round(settings.alerts.ends_after_min * 60_000))


def open_house(
    settings: Settings,
    *,
    read_only: bool = False,
    indexer: str | None = None,
    elsewhere: SqlRecords | None = None,
    clock: Callable[[], int] = now_ms,
) -> House:
    """Open the home folder and everything on it. `indexer` and `elsewhere` as for `open_home`, `clock` as for `House`.

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
        elsewhere=elsewhere,
    )
    return House(settings, home, tables, clock)


def carriers_of(settings: Settings) -> dict[str, str]:
    """By account whose carrier it is with, as scans name it."""
    return {name: str(values.get("carrier", name)) for name, values in settings.accounts.items()}


def retention_of(settings: Settings) -> Retention:
    """How long the log keeps scans, and where older ones are."""
    store = settings.store
    return Retention(
        seconds=store.log_days * 86_400 or None,
        bytes=store.log_gb * 1e9 or None,
        archive=store.archive,
    )


def _folder_of(account: str, named: str, others: Mapping[Path, str]) -> Path:
    """A folder to take files from. What lies in it is moved about, so nothing else may be there.

    Raises:
        SettingsError: it is no folder, or not alone.
    """
    where = f"[accounts.{account}] folder"
    try:
        path = Path(named).expanduser()
        is_folder = path.is_absolute() and path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise SettingsError(f"{where}: {named!r} names none: {error}", mend="Name it whole.") from None
    if not is_folder:
        raise SettingsError(f"{where}: {path} is no folder", mend="Make it; name it whole.")
    for other, what in others.items():
        if path.resolve().is_relative_to(other.resolve()) or other.resolve().is_relative_to(path.resolve()):
            raise SettingsError(
                f"{where}: {path} is {what}, or one lies in the other", mend="Give it a place of its own."
            )
    return path
