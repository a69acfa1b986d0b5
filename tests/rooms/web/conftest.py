"""A small network in memory, and a caller that speaks ASGI to the door above it."""

import asyncio
import io
import itertools
import json
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import msgspec
import pyarrow as pa
import pytest

from waypost.access.guesses import Rate
from waypost.access.keys import Keys, Role
from waypost.access.parties import Parties
from waypost.access.passwords import Cost, Passwords
from waypost.access.people import People
from waypost.access.sealing import Seal
from waypost.access.sessions import Sessions
from waypost.access.trail import Trail
from waypost.booking.bookings import Bookings
from waypost.booking.choosing import Chooser
from waypost.booking.erasure import Erasure
from waypost.booking.issuing import LabelReader, WaybillIssuer
from waypost.booking.labels import Labels
from waypost.booking.lane_costs import list_costs
from waypost.booking.links import Links
from waypost.booking.manifests import Manifests
from waypost.booking.order_book import OrderBook
from waypost.booking.papers import Papers
from waypost.booking.pickups import PickupIssuer, Pickups
from waypost.booking.pools import Pools
from waypost.booking.printing import Printer, load_fonts
from waypost.booking.proofs import Proofs
from waypost.booking.rating.promised import Promised
from waypost.booking.rating.quoting import Quotes
from waypost.booking.rating.shelf import Shelf
from waypost.booking.sorting.codes import SortCodes
from waypost.booking.sorting.shelf import Sorters
from waypost.care.alerts.book import AlertBook
from waypost.care.consignees import Consignees
from waypost.care.deliveries import Deliveries
from waypost.care.mail_terms import MailTerms
from waypost.care.notices import Notices
from waypost.care.patience import Patience
from waypost.care.subscriptions import Subscriptions
from waypost.care.tally import MailStanding, Standing
from waypost.engines.reference import open_reference
from waypost.feeds.order_sheets import OrderSheets
from waypost.feeds.sheets import Sheets
from waypost.forecast.counts import OVER_MS, By, Counts, read_counts
from waypost.forecast.lane_trips import TripReader
from waypost.forecast.lanes import LaneDetail, Lanes, read_lane, read_lanes
from waypost.forecast.models import Models
from waypost.forecast.past import read_past
from waypost.forecast.present import Lookouts, Promises
from waypost.forecast.steps import LATELY_DAYS, Steps, read_booked, read_steps
from waypost.forecast.training import TRAINED_DAYS
from waypost.forecast.trips import Trips
from waypost.forecast.volume_shelf import KeptForecast, VolumeShelf
from waypost.forecast.volumes_since import count_until
from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.carriers import find_carrier
from waypost.model.identifiers.carriers import detect_carriers
from waypost.model.instants import DAY_MS, OffsetSource, parse_instant
from waypost.model.places import Facility, FacilityKind, Place
from waypost.network.areas import Areas
from waypost.network.change_book import ChangeBook
from waypost.network.facilities import Facilities
from waypost.network.shelf import Timetables
from waypost.network.ways import Ways
from waypost.track.carriers import PushReader
from waypost.track.endings import Endings
from waypost.track.files import Files
from waypost.track.fold import StatusFold
from waypost.track.live import Live
from waypost.track.outlook import Outlook
from waypost.track.overview import read_overview
from waypost.track.parcels import Tracker
from waypost.track.polling import Poller
from waypost.track.pushes import Pushes, RawPushes
from waypost.track.reception import Receipt, Reception
from waypost.track.records import keep_link, keep_parcels, list_all_links, list_told
from waypost.track.scan_search import ScanSearch
from waypost.track.scorecards import Scorecards, read_scorecards
from waypost.track.tables import bundled_tables
from waypost.track.watches import Watches
from waypost.track.wire import read_json_array
from waypost.web.application import make_app
from waypost.web.desk import Desk, Health, Insight, Limits, Post, Site
from waypost.web.destinations import Places
from waypost.web.door import Door
from waypost.web.journal import open_journal
from waypost.web.webhooks import WebhookSender

NOW = parse_instant("2026-11-22T15:00:00Z").at_ms


class Reply(msgspec.Struct):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[str]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def _call(app: Door, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]]) -> Reply:
    reply = Reply(0, {}, b"", [])

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            for name, value in message["headers"]:
                if name == b"set-cookie":
                    reply.cookies.append(value.decode())
                reply.headers[name.decode()] = value.decode("latin-1")
        else:
            reply.body += message.get("body", b"")

    await app(scope, receive, send)
    return reply


_IDS = itertools.count(1)
SEAL = Seal({1: bytes(32)}, bytes)


class World:
    """A network with a door. `ask` is one request."""

    def __init__(self, limits: Limits = Limits(), site: Site = Site(), **desk: Any) -> None:  # noqa: B008
        self.now_ms = NOW
        self.tables = bundled_tables()
        self.memory = open_reference(StatusFold(self.tables))
        self.facilities = Facilities(self.memory.records)
        self.keys = Keys(self.memory.records, _Tokens())
        self.sessions = Sessions(
            self.memory.records, lambda: SEAL, _Tokens(), idle_ms=2 * 3_600_000, lasting_ms=12 * 3_600_000
        )
        self.people = People(
            self.memory.records,
            lambda: SEAL,
            _Tokens(),
            Passwords(_Tokens(), Cost(memory_kib=8)),
            self.sessions,
            Rate(limits.guesses_per_min, limits.guesses_burst),
        )
        self.trail = Trail(self.memory.records)
        self.volumes = VolumeShelf(self.memory.records)
        self.timetables = Timetables(self.memory.records)
        self.timetable_changes = ChangeBook(self.memory.records)
        self.alerts = AlertBook(self.memory.records, 1_800_000)
        self.tracker = Tracker(self.memory, self.tables, self.facilities, detect_carriers)
        self.reception = Reception(self.memory, self.zone_of, lambda: self.now_ms)
        self.readers: dict[str, PushReader] = {}
        self.watches = Watches(self.memory.records, lambda: SEAL)
        self.pollers: dict[str, Poller] = {}
        self.label_readers: dict[str, LabelReader] = {}
        self.issuers: dict[str, WaybillIssuer] = {}
        self.pickup_issuers: dict[str, PickupIssuer] = {}
        self.wakes = 0
        self.woken: list[str] = []
        self.parties = Parties(self.memory.records, _Tokens())
        self.accounts = {"rural": "ruralpost"}
        self.pushes = Pushes(self.readers, self.reception, RawPushes(self.memory.records, lambda: SEAL))
        self.proofs = Proofs(self.memory.records, lambda: SEAL)
        self.journal = io.StringIO()
        self.incoming = TemporaryDirectory()
        self.live = Live(self.memory, self.tables, self.facilities, {("waypost", "GRU"): 40.0}, lambda: None)
        book = OrderBook(self.memory.records, lambda: SEAL)
        self.models = Models(self.memory.records)
        promises = Promises(self.models, self.read_trips, lambda: self.now_ms, 1_800_000)
        promised = Promised(promises.find, self.accounts)
        quotes = Quotes(Shelf(self.memory.records), lambda: lambda *_: None, ["bare"], promised=promised)
        chooser = Chooser(book, self.memory.records, quotes, self.issuers.keys(), lambda: self.now_ms)
        parts: dict[str, Any] = {
            "tracker": self.tracker,
            "scan_search": ScanSearch(self.memory, self.tables, self.facilities),
            "reception": self.reception,
            "labels": (labels := Labels(self.label_readers, self.memory.records, lambda: SEAL)),
            "outlook": (outlook := Outlook(self.watches, self.pollers)),
            "sort_codes": (
                sort_codes := SortCodes(
                    Sorters(self.memory.records, lambda: SEAL), book, self.memory.records, ["correios"], 0.9
                )
            ),
            "bookings": (
                bookings := Bookings(
                    book,
                    self.memory.records,
                    self.issuers,
                    outlook,
                    labels,
                    lambda: self.now_ms,
                    sort_codes,
                    chooser,
                )
            ),
            "erasure": Erasure(self.memory.records, bookings.book, lambda: SEAL, Endings(self.tracker).find),
            "links": Links(
                self.memory.records,
                bookings.book,
                lambda: SEAL,
                _Tokens(),
                Endings(self.tracker).find,
                30 * 86_400_000,
            ),
            "proofs": self.proofs,
            "manifests": Manifests(self.memory.records),
            "papers": Papers(bookings, lambda: Printer(load_fonts()), "100x150", lambda: self.now_ms),
            "pools": Pools(self.memory.records),
            "order_sheets": OrderSheets(),
            "wake_booking": self.wake,
            "subscriptions": Subscriptions(
                self.memory.records, lambda: SEAL, _Tokens(), Places(allow_http=True, allow_private=True).check_url
            ),
            "deliveries": Deliveries(self.memory.records, 24 * 3_600_000, lambda: 0.5),
            "sender": WebhookSender(Places(allow_http=True, allow_private=True), 2, lambda: self.now_ms),
            "wake_telling": self.woken.append,
            "telling": Standing,
            "post": Post(
                terms=(terms := MailTerms(self.memory.records, lambda: SEAL, _Tokens())),
                notices=Notices(self.memory.records, Patience(24 * 3_600_000, lambda: 0.5)),
                consignees=Consignees(self.memory.records, lambda: SEAL, terms, self.facilities),
                standing=MailStanding,
            ),
            "quotes": quotes,
            "promises": promises,
            "lookouts": Lookouts(
                self.models,
                self.read_steps,
                lambda: Areas(self.facilities.list_all()),
                lambda at_ms: None,
                lambda at_ms: None,
                lambda: self.now_ms,
                1_800_000,
            ),
            "chooser": chooser,
            "pickups": Pickups(self.memory.records, self.pickup_issuers, lambda: SEAL, lambda: self.now_ms),
            "new_id": lambda kind: f"{kind}_{next(_IDS):016x}",
            "files": Files(self.memory.records, Sheets(), self.reception, lambda: SEAL, Path(self.incoming.name)),
            "carriers": self.accounts,
            "has_carrier": lambda code: find_carrier(code) is not None,
            "pushes": self.pushes,
            "overview": lambda: read_overview(self.memory.history, self.tables, self.facilities),
            "live": lambda: self.live.look(self.now_ms),
            "insight": Insight(
                scorecards=self.scorecards,
                lanes=self.lanes,
                lane=self.lane,
                volume=self.volume,
                list_volumes=self.volumes.list_all,
            ),
            "keys": self.keys,
            "people": self.people,
            "sessions": self.sessions,
            "trail": self.trail,
            "facilities": self.facilities,
            "ways": Ways(self.timetables.open, self.timetable_changes),
            "timetable_changes": self.timetable_changes,
            "alerts": self.alerts,
            "clock": lambda: self.now_ms,
            "ticks": lambda: self.now_ms,
            "health": self.health,
            "journal": open_journal(self.journal),
            "limits": limits,
            "site": site,
        }
        self._desk = Desk(**parts | desk)
        self.operator = self.keys.make(Role.OPERATOR, "tests", NOW)
        self.carrier = self.keys.make(Role.CARRIER, "tests", NOW)

    def read_trips(self, at_ms: int) -> Trips:
        """What promises are learnt from."""
        since_ms = at_ms - round(TRAINED_DAYS * DAY_MS)
        return read_past(self.memory.history, self.tables, self.facilities, since_ms, at_ms).trips

    def read_steps(self, at_ms: int) -> Steps:
        """What arrivals are told by."""
        with self.memory.records.read() as connection:
            booked, links = read_booked(list_told(connection)), list_all_links(connection)
        history, days = self.memory.history, LATELY_DAYS
        return read_steps(history, self.tables, self.facilities, now_ms=at_ms, days=days, booked=booked, links=links)

    @cached_property
    def app(self) -> Door:
        """Made when it is asked first: by then the test has opened its accounts."""
        return make_app(self._desk)

    def zone_of(self, pairs: Iterable[tuple[str, str | None]]) -> list[tuple[str, OffsetSource] | None]:
        return [("Asia/Shanghai", OffsetSource.CARRIER) if carrier == "yto" else None for carrier, _ in pairs]

    def scorecards(self, since_ms: int, until_ms: int | None) -> Scorecards:
        history = self.memory.history
        return read_scorecards(history, self.tables, since_ms=since_ms, until_ms=until_ms, now_ms=self.now_ms)

    def trips(self, since_ms: int | None, until_ms: int | None) -> TripReader:
        with self.memory.records.read() as connection:
            told, links = list_told(connection), list_all_links(connection)
        history = self.memory.history
        stretch = {"since_ms": since_ms, "until_ms": until_ms, "now_ms": self.now_ms}
        return TripReader(history, self.tables, self.facilities, told, links, **stretch)

    def lanes(self, since_ms: int | None, until_ms: int | None) -> Lanes:
        return read_lanes(self.trips(since_ms, until_ms), self.prices())

    def lane(
        self, origin: str, destination: str, carriers: tuple[str, ...], since_ms: int | None, until_ms: int | None
    ) -> LaneDetail:
        return read_lane(self.trips(since_ms, until_ms), origin, destination, carriers, self.prices())

    def prices(self) -> pa.Table:
        """What parcels were booked for."""
        with self.memory.records.read() as connection:
            return list_costs(connection)

    def volume(self, by: By, id_: str | None) -> tuple[KeptForecast, Counts]:
        kept = self.volumes.get(by, id_)
        until = count_until(kept, self.now_ms, OVER_MS)
        names = [(each.carrier or "", each.name or "") for each in kept.forecast.lines]
        history = self.memory.history
        return kept, read_counts(
            history, self.tables, self.facilities, by, until=until, now_ms=self.now_ms, most=0, named=names
        )

    def health(self) -> Health:
        return Health(log_position=self.memory.log.position(), index_position=self.memory.index.position())

    def wake(self) -> None:
        self.wakes += 1

    def close(self) -> None:
        self.app.close()
        self.memory.close()
        self.incoming.cleanup()

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
        key: str | None = None,
        client: tuple[str, int] | None = ("203.0.113.7", 4711),
        stall: bool = False,
    ) -> Reply:
        """One request. Pieces of a body come one by one; after them a body that `stall`s sends no end."""
        path, _, query = path.partition("?")
        sent = {"host": "test"} | (headers or {}) | ({"authorization": f"Bearer {key}"} if key else {})
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": client,
            "server": ("test", 80),
        }
        pieces = iter([body] if isinstance(body, bytes) else body)
        ended = False

        async def receive() -> dict[str, Any]:
            nonlocal ended
            piece = next(pieces, None)
            if ended or (piece is None and stall):
                await asyncio.Event().wait()  # a client that neither sends more nor goes away
            ended = piece is None
            return {"type": "http.request", "body": piece or b"", "more_body": not ended}

        return asyncio.run(_call(self.app, scope, receive))

    def get(self, path: str, **more: Any) -> Reply:
        return self.ask("GET", path, **more)

    def post_scans(self, rows: object, query: str = "", **more: Any) -> Reply:
        headers = {"content-type": "application/json"} | more.pop("headers", {})
        more = {"key": self.operator, "headers": headers, "body": json.dumps(rows).encode()} | more
        with self.indexing() if "wait=" in query else nullcontext():
            return self.ask("POST", f"/v1/scans{query}", **more)

    @contextmanager
    def indexing(self) -> Iterator[None]:
        """Meanwhile the index follows the log; the reference does so only when somebody waits for it."""
        ended = threading.Event()

        def follow() -> None:
            while not ended.wait(0.005):
                self.memory.index.catch_up(self.memory.log.position(), 5)

        thread = threading.Thread(target=follow)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def keep(self, *rows: dict[str, Any]) -> Receipt:
        """Scans that are there before the test begins; all good."""
        receipt = self.reception.receive(read_json_array(json.dumps(rows).encode(), 10_000))
        assert receipt.refusals == []
        assert self.memory.index.catch_up(receipt.end, 5)
        return receipt


class _Tokens:
    """Tokens that are different, but the same in each run."""

    def __init__(self) -> None:
        self._made = 0

    def __call__(self, size: int) -> bytes:
        self._made += 1
        return self._made.to_bytes(size, "little")


def scan(number: str, code: str, at: str, facility: str | None = None, carrier: str = "waypost", **more: Any) -> Any:
    return {"carrier": carrier, "number": number, "code": code, "at": at, "facility": facility} | more


def fill(world: World) -> None:
    """Two facilities in two countries, and some parcels."""
    sites = [
        ("CAN", "Guangzhou hub", "Guangzhou", "GD", "CN", "Asia/Shanghai"),
        ("GRU", "Guarulhos gateway", "São Paulo", "SP", "BR", "America/Sao_Paulo"),
    ]
    world.facilities.keep(
        Facility(
            carrier="waypost",
            code=code,
            name=name,
            kind=FacilityKind.HUB,
            place=Place(city=city, region=region, country=country, zone=zone),
        )
        for code, name, city, region, country, zone in sites
    )
    waybill = Waybill("waypost", "WP100000001BR")
    with world.memory.records.begin() as connection:
        keep_parcels(
            connection,
            [
                Parcel(
                    id=parcel_id(waybill),
                    waybill=waybill,
                    order_number="ORDER-77",
                    origin=Place(city="Guangzhou", region="GD", country="CN"),
                    destination=Place(city="São Paulo", region="SP", country="BR"),
                    promised_ms=parse_instant("2026-11-25T18:00:00-03:00").at_ms,
                    weight_g=1250,
                    note="fragile, for the operator only",
                )
            ],
        )
        keep_link(connection, parcel_id(waybill), Waybill("yto", "YT8800000000001"))
    world.keep(
        scan("WP100000001BR", "order_created", "2026-11-10T09:00:00+08:00", "CAN"),
        scan("WP100000001BR", "picked_up", "2026-11-11T10:30:00+08:00", "CAN", note="by courier Li 13800001111"),
        scan("YT8800000000001", "SENT_SCAN", "2026-11-12 08:00:00", carrier="yto"),
        scan("WP100000001BR", "customs_declared", "2026-11-20T07:15:00-03:00", "GRU"),
        scan("WP100000001BR", "customs_released", "2026-11-21T16:45:00-03:00", "GRU"),
        scan("WP100000002BR", "picked_up", "2026-11-18T10:30:00-03:00", "GRU"),
        scan("WP100000002BR", "delivered", "2026-11-20T14:03:00-03:00", "GRU"),
        scan("SHARED01", "picked_up", "2026-11-20T14:03:00-03:00"),
        scan("SHARED01", "delivered", "2026-11-20T14:03:00+08:00", carrier="yto"),
        scan("WP100000003BR", "warp_drive_engaged", "2026-11-21T10:00:00-03:00", "GRU"),
    )


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(**more: Any) -> World:
        made.append(World(**more))
        fill(made[-1])
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
