"""What this door needs from the house, in one place. `app` fills it in."""

import time
from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from structlog.typing import FilteringBoundLogger

from waypost.access.keys import Keys, Role
from waypost.access.people import People
from waypost.access.sessions import Sessions
from waypost.access.trail import Trail
from waypost.booking.bookings import Bookings
from waypost.booking.choosing import Chooser
from waypost.booking.erasure import Erasure
from waypost.booking.labels import Labels
from waypost.booking.links import Links
from waypost.booking.manifests import Manifests
from waypost.booking.papers import Papers
from waypost.booking.pickups import Pickups
from waypost.booking.pools import Pools
from waypost.booking.proofs import Proofs
from waypost.booking.rating.quoting import Quotes
from waypost.booking.sheets import TableReader
from waypost.booking.sorting.codes import SortCodes
from waypost.care.alerts.book import AlertBook
from waypost.care.consignees import Consignees
from waypost.care.deliveries import Deliveries
from waypost.care.mail_terms import MailTerms
from waypost.care.notices import Notices
from waypost.care.sending import Sender
from waypost.care.subscriptions import Subscriptions
from waypost.care.tally import MailStanding, Standing
from waypost.forecast.counts import By, Counts
from waypost.forecast.lanes import LaneDetail, Lanes
from waypost.forecast.present import Lookouts, Promises
from waypost.forecast.volume_shelf import KeptForecast
from waypost.network.change_book import ChangeBook
from waypost.network.facilities import Facilities
from waypost.network.ways import Ways
from waypost.track.feed import BULK_LAG
from waypost.track.files import Files
from waypost.track.live_views import LiveView
from waypost.track.outlook import Outlook
from waypost.track.overview import Overview
from waypost.track.parcels import Tracker
from waypost.track.pushes import Pushes
from waypost.track.reception import Reception
from waypost.track.scan_search import ScanSearch
from waypost.track.scorecards import Scorecards
from waypost.web.openid import OpenId
from waypost.web.what_ifs import WhatIfs

#: A limit of 0 would shut the door for good, which nobody means, and without a bound infinity would be a number.
Count = Annotated[int, msgspec.Meta(gt=0)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of everything is taken.

    Attributes:
        body_bytes: of one request body, packed and unpacked.
        bodies_bytes: of all bodies that are being read at one time.
        push_bytes: of one push of a carrier. `file_bytes` of one file of scans that is uploaded.
        form_bytes: of one body of a form.
        header_bytes: of all headers of one request.
        batch_rows: scans in one request. `facilities_at_once` and `orders_at_once` the same for facilities and orders,
            `quotes_at_once` for orders that are quoted, `promises_at_once` for promises that are asked for.
        body_s: until a body has to be here. `request_s` until an answer begins, `stream_s` until a long one ends.
        bulk_lag: scans between log and index up to which bulk is taken; beyond, only small batches are.
        bulk_bytes: of a body that is no bulk; packed ones count eightfold, those of untold length as bulk.
        wait_s: the longest `wait` that a sender of scans may ask for, and how long look-ups wait for `min_position`.
        numbers_at_once: looked up in one request, in public and with a key.
        page_rows: of one page of a list. `export_rows` of one file.
        numbers_per_min, numbers_burst: public look-ups by client address. `guesses_*` the same for keys that are wrong.
        addresses: client addresses that are remembered for that.
        lookup_threads, intake_threads, history_threads: store calls at one time. `waiting` more may stand in line.
        booking_threads: orders that are booked at one time, of each account as many again from batches.
        live_listeners: who may watch the network live at one time.
        most_lag: scans between log and index up to which the service is ready.
        least_disk_bytes: free bytes down to which it is.
    """

    body_bytes: Count = 16 << 20
    bodies_bytes: Count = 256 << 20
    push_bytes: Count = 1 << 20
    file_bytes: Count = 16 << 20
    form_bytes: Count = 16 << 10
    header_bytes: Count = 32 << 10
    batch_rows: Count = 50_000
    facilities_at_once: Count = 20_000
    orders_at_once: Count = 10_000
    quotes_at_once: Count = 100
    promises_at_once: Count = 1_000
    bulk_lag: Count = BULK_LAG
    bulk_bytes: Count = 64 << 10
    body_s: Seconds = 30.0
    request_s: Seconds = 30.0
    stream_s: Seconds = 300.0
    wait_s: Seconds = 10.0
    numbers_at_once: Count = 30
    numbers_at_once_with_key: Count = 100
    page_rows: Count = 500
    export_rows: Count = 100_000
    numbers_per_min: Count = 120
    numbers_burst: Count = 60
    guesses_per_min: Count = 10
    guesses_burst: Count = 10
    addresses: Count = 50_000
    lookup_threads: Count = 8
    intake_threads: Count = 16
    history_threads: Count = 2
    booking_threads: Count = 8
    waiting: Count = 256
    live_listeners: Count = 500
    most_lag: Count = 5_000_000
    least_disk_bytes: Count = 100 << 20


class Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the service presents itself and whom it believes.

    Attributes:
        name: of the network, as people read it.
        url: under which people reach these pages, such as `https://parcels.example`; links in mail, and links that are
            handed on, need it.
        trusted_proxies: addresses or networks (CIDR) whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
        allowed_hosts: names in the `Host` header that are answered; empty: any.
        open_metrics: `/metrics` needs no key.
        access_log: one line a request.
        basemap: a GeoJSON file that is drawn under the network and under a parcel's way; empty: Natural Earth.
    """

    name: str = "Waypost"
    url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    open_metrics: bool = False
    access_log: bool = True
    basemap: str = ""


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """Mail to consignees.

    Attributes:
        terms: which merchants have it sent, and who wants none.
        notices: what is to be told, and was.
        consignees: for whom that is.
        standing: how far it is behind; None if the network has no mail server.
    """

    terms: MailTerms
    notices: Notices
    consignees: Consignees
    standing: Callable[[], MailStanding] | None = None


class Insight(msgspec.Struct, frozen=True, kw_only=True):
    """What is learnt from scans of the past; each may be some minutes old.

    Attributes:
        scorecards: of carriers, over the scans from an instant to before another or to the end.
        lanes: of parcels that were handed over from an instant to before another; without them the newest.
        lane: one of them, from an area to another, of some carriers or of all.
        volume: a forecast that is kept, the newest or the one of an id, and what came since. `list_volumes` all.
    """

    scorecards: Callable[[int, int | None], Scorecards]
    lanes: Callable[[int | None, int | None], Lanes]
    lane: Callable[[str, str, tuple[str, ...], int | None, int | None], LaneDetail]
    volume: Callable[[By, str | None], tuple[KeptForecast, Counts]]
    list_volumes: Callable[[], list[KeptForecast]]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the machines under the service are.

    Attributes:
        log_position: scans in the log.
        index_position: of these, how many look-ups see.
        disk_free_bytes: room left where the log grows; None where that cannot be told.
        failures: what is broken, in words; empty if nothing is.
        trimming: why old scans do not leave the log as they should, which holds up no answer; None if they do.
        unwatched: for which alerts nobody can look, and why; nor does that hold up an answer.
    """

    log_position: int
    index_position: int
    disk_free_bytes: int | None = None
    failures: list[str] = []
    trimming: str | None = None
    unwatched: list[str] = []

    @property
    def lag(self) -> int:
        """How many scans the index is behind."""
        return max(self.log_position - self.index_position, 0)


class Guide(msgspec.Struct, frozen=True, kw_only=True):
    """Shows a demo to whoever comes: it lets anybody in.

    Attributes:
        roles: which there are to look through.
        enter: the token of a new session of somebody in a role; the second argument is roughly which browser it is for.
        numbers: of parcels worth a look.
    """

    roles: tuple[Role, ...]
    enter: Callable[[Role, str], str]
    numbers: tuple[str, ...]


def _ticks() -> int:
    return time.monotonic_ns() // 1_000_000


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What the door works with.

    Attributes:
        tracker: parcels by number, and lists of them.
        scan_search: scans by place and time.
        reception: takes scans in.
        pushes: takes those that carriers push.
        outlook: what carriers are asked after.
        labels: the same of labels.
        bookings: merchants' orders, and the carriers that they are booked with. `wake_booking` when many wait.
        erasure: erases what they say of people.
        links: by which consignees see their parcels. `proofs` of delivery.
        papers: prints what was booked.
        manifests: what was handed over to carriers.
        pools: of waybill numbers.
        order_sheets: reads sheets of orders.
        subscriptions: webhooks of merchants. `deliveries` what they are told, `sender` sends a ping.
        wake_telling: when more is to be told at once to a webhook. `telling` how far that is behind.
        post: mail to consignees.
        quotes: what their orders would cost. `promises`: when they would arrive. `lookouts`: when those arrive that
            are on their way.
        chooser: why they go by the service that they go by.
        pickups: carriers that were asked to come.
        sort_codes: of what was booked, where carriers give none.
        new_id: an id of some kind that nobody has.
        files: takes files that they hand in.
        carriers: by account, whose it is. `has_carrier` whether a code is a carrier's at all, of ours or by name.
        overview: the network at a glance; may be some seconds old. `live` the same now, in counts.
        insight: what is learnt from scans of the past.
        keys: who may what. `people` the same of those who log in, and `sessions` theirs.
        trail: who did what.
        openid: another provider that says who people are.
        facilities: the register of facilities.
        ways: through the timetables. `timetable_changes` closures and delays.
        alerts: trouble in the network.
        clock: now, in UTC milliseconds.
        ticks: milliseconds of a clock that nobody sets, for rates; its zero means nothing.
        health: how the machines are; cheap to ask.
        journal: where requests and failures are written down (`journal.open_journal`).
        guide: of a demo, which has a start page.
        what_ifs: tries changes on an imagined network, where there is one.
    """

    tracker: Tracker
    scan_search: ScanSearch
    reception: Reception
    pushes: Pushes
    outlook: Outlook
    labels: Labels
    bookings: Bookings
    wake_booking: Callable[[], None]
    erasure: Erasure
    links: Links
    proofs: Proofs
    papers: Papers
    manifests: Manifests
    pools: Pools
    order_sheets: TableReader
    subscriptions: Subscriptions
    deliveries: Deliveries
    sender: Sender
    wake_telling: Callable[[str], None]
    telling: Callable[[], Standing]
    post: Post
    quotes: Quotes
    promises: Promises
    lookouts: Lookouts
    chooser: Chooser
    pickups: Pickups
    sort_codes: SortCodes
    new_id: Callable[[str], str]
    files: Files
    carriers: Mapping[str, str]
    has_carrier: Callable[[str], bool]
    overview: Callable[[], Overview]
    live: Callable[[], LiveView]
    insight: Insight
    keys: Keys
    people: People
    sessions: Sessions
    trail: Trail
    facilities: Facilities
    ways: Ways
    timetable_changes: ChangeBook
    alerts: AlertBook
    clock: Callable[[], int]
    health: Callable[[], Health]
    journal: FilteringBoundLogger
    openid: OpenId | None = None
    guide: Guide | None = None
    what_ifs: WhatIfs | None = None
    limits: Limits = Limits()
    site: Site = Site()
    ticks: Callable[[], int] = _ticks
