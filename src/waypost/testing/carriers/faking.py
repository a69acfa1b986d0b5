"""What all fakes share: a server, parcels that move, pushes that are sent, and traps."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec

from waypost.booking.issuing import Address

_MOST_BODY = 4 << 20


class Trap(StrEnum):
    """What a carrier does on a bad day, once for each time that it is set."""

    SLOW = "slow"  #: the answer comes after `Fake.slow_s`
    RESET = "reset"  #: it is done, and the line is cut before the answer
    DOWN = "down"  #: 503 without a word
    QUOTA = "quota"  #: too many calls, in the carrier's own words
    EXPIRED = "expired"  #: the token is no good any more
    EMPTY = "empty"  #: an answer of no bytes
    HTML = "html"  #: a page of some gateway where JSON was promised


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came; names of headers in lower case. `raw_query` holds what is repeated in the query."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    raw_query: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An answer."""

    body: bytes
    status: int = 200
    content_type: str = "application/json;charset=UTF-8"
    headers: Mapping[str, str] = {}


class FakeScan(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a parcel.

    Attributes:
        code: the carrier's.
        at_ms: UTC milliseconds; each carrier writes it as it likes.
        city, facility, facility_code: where.
    """

    code: str
    at_ms: int
    city: str = "杭州市"
    facility: str = "杭州转运中心"
    facility_code: str = "571901"


class FakeParcel(msgspec.Struct, kw_only=True):
    """A parcel as the carrier knows it."""

    number: str
    reference: str
    scans: list[FakeScan] = []
    phone: str = ""
    is_cancelled: bool = False
    is_subscribed: bool = False
    told: Told | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Where a carrier works: two people that it serves, and places where it scans."""

    sender: Address
    consignee: Address
    currency: str
    cities: tuple[str, ...]


_SENDER = Address(
    name="发件 O'Neil",
    country="CN",
    province="浙江省",
    city="杭州市",
    county="萧山区",
    street="建设一路 1 号 “A&B”",
    phone="057187650000",
    postcode="311200",
)
IN_CHINA = Sample(
    sender=_SENDER,
    consignee=msgspec.structs.replace(
        _SENDER, name="收件 <甲>", province="北京市", city="北京市", county="朝阳区", postcode="100020"
    ),
    currency="CNY",
    cities=("杭州市",),
)


class Refused(Exception):
    """The carrier says no; holds how it says so."""

    def __init__(self, told: Told, why: str) -> None:
        super().__init__(why)
        self.told = told
        self.why = why


class Fake:
    """One carrier. Use it as a context: it serves on `url` while that lasts.

    Attributes:
        name: the carrier's code.
        parcels: by number.
        refused: why requests were refused, the newest last: what a test that failed wants to see.
        push_url: where its pushes go.
        slow_s: how long `Trap.SLOW` takes.
        has_tokens: it gives tokens that expire. `signs_time`: its pushes bear a signed time. `signs_pushes`: they
            are signed at all.
        is_idempotent: it knows a reference again; else the same order twice is two waybills, and nobody can ask.
        scans_a_push: how many it tells of in one.
        push_codes: as `FakeCarrier.codes`, for a carrier whose pushes have other codes than its answers.
        sample: whom and where it serves.
    """

    name: ClassVar[str]
    has_tokens: ClassVar[bool] = False
    signs_time: ClassVar[bool] = False
    signs_pushes: ClassVar[bool] = True
    is_idempotent: ClassVar[bool] = True
    scans_a_push: ClassVar[int] = 100
    push_codes: ClassVar[tuple[str, str, str] | None] = None
    sample: ClassVar[Sample] = IN_CHINA

    def __init__(self, *, clock: Callable[[], int] | None = None, port: int = 0) -> None:
        self.clock = clock or (lambda: time.time_ns() // 1_000_000)
        self.parcels: dict[str, FakeParcel] = {}
        self.refused: list[str] = []
        self.calls: list[str] = []
        self.push_url = ""
        self.slow_s = 3.0
        self._traps: deque[Trap] = deque()
        self._issued = 0
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"fake {self.name}", daemon=True)

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def api_url(self) -> str:
        """What an account has as `url`."""
        return self.url

    def account(self) -> Mapping[str, str]:
        """What the carrier gave its customer, secrets included."""
        raise NotImplementedError

    def __enter__(self) -> "Fake":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Serve no longer."""
        self._server.shutdown()
        self._server.server_close()

    def serve_forever(self) -> None:
        """Serve in this thread."""
        self._server.serve_forever()

    # What a carrier's own people do

    def set(self, *traps: Trap) -> None:
        """Set traps: the next requests fall into them, one each."""
        self._traps.extend(traps)

    def clear(self) -> None:
        """Take away the traps that nobody fell into."""
        self._traps.clear()

    def move(self, number: str, *scans: FakeScan) -> None:
        """Something happens to a parcel."""
        with self._lock:
            self.parcels[number].scans.extend(scans)

    def push(self, number: str, *scans: FakeScan) -> httpx.Response:
        """Tell whoever subscribed; all scans of the parcel if none are given. The answer to the last request."""
        told = list(scans) or self.parcels[number].scans
        for begin in range(0, max(len(told), 1), self.scans_a_push):
            answer = self.send(self.write_push(self.parcels[number], told[begin : begin + self.scans_a_push]))
        return answer

    def send(self, asked: Asked) -> httpx.Response:
        """Send a push as it stands: a test may have tampered with it."""
        with httpx.Client(trust_env=False, timeout=30) as client:
            return client.request(
                asked.method,
                self.push_url + asked.path,
                params=dict(asked.query) or None,
                headers=dict(asked.headers),
                content=asked.body,
            )

    # What each carrier does in its own way

    def answer(self, asked: Asked) -> Told:
        """Check a request as the carrier does, and do what it asks.

        Raises:
            Refused: as the carrier refuses it.
        """
        raise NotImplementedError

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """The request by which this carrier tells of scans."""
        raise NotImplementedError

    def is_thanked(self, status: int, body: bytes) -> bool:
        """Whether the carrier takes this answer to its push for a yes, after which it does not send it again."""
        raise NotImplementedError

    def over_quota(self) -> Told:
        """How it says that there were too many calls."""
        return Told(status=429, body=b"")

    def expired(self) -> Told:
        """How it says that a token is no good any more."""
        return Told(status=401, body=b"")

    def write_number(self, count: int) -> str:
        """The number of its so-manieth waybill, in its own form."""
        raise NotImplementedError

    # For those ways

    def make(self, reference: str) -> FakeParcel:
        """A new parcel, or that of the reference if there is one."""
        with self._lock:
            for parcel in self.parcels.values():
                if parcel.reference == reference:
                    return parcel
            return self.make_another(reference)

    def make_another(self, reference: str) -> FakeParcel:
        """A new parcel, whether or not there is one of the reference."""
        with self._lock:
            self._issued += 1
            parcel = FakeParcel(number=self.write_number(self._issued), reference=reference)
            self.parcels[parcel.number] = parcel
            return parcel

    def handle(self, asked: Asked) -> Told | None:
        """An answer, or None for a line that is cut."""
        trap = self._traps.popleft() if self._traps else None
        if trap in _INSTEAD:
            return _INSTEAD[trap]
        if trap is Trap.QUOTA:
            return self.over_quota()
        if trap is Trap.EXPIRED:
            return self.expired()
        try:
            with self._lock:
                self.calls.append(asked.path)
                told = self.answer(asked)
        except Refused as refused:
            self.refused.append(refused.why)
            told = refused.told
        if trap is Trap.SLOW:
            time.sleep(self.slow_s)
        return None if trap is Trap.RESET else told


_INSTEAD = {
    Trap.DOWN: Told(status=503, body=b""),
    Trap.EMPTY: Told(body=b""),
    Trap.HTML: Told(body=b"<html><body>Bad Gateway</body></html>", content_type="text/html"),
}


def _handler_of(fake: Fake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            if size > _MOST_BODY:
                self.send_error(413)
                return
            body, parts = self.rfile.read(size), urlsplit(self.path)
            told = fake.handle(
                Asked(
                    method=self.command,
                    path=parts.path,
                    query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=body,
                    raw_query=parts.query,
                )
            )
            if told is None:
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(told.status)
            self.send_header("content-type", told.content_type)
            self.send_header("content-length", str(len(told.body)))
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the lines of a request hold numbers and keys."""

    return Handler
