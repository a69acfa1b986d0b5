"""What all fakes share: a server, parcels that move, pushes that are sent, and traps."""

import datetime as dt
import json
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit
from zoneinfo import ZoneInfo

import httpx
import msgspec

from waypost.booking.issuing import Address

_MOST_BODY = 4 << 20
_POLL_S = 0.02  # how long `stop` may take
_KEPT = 32
_FORM = "application/x-www-form-urlencoded"


class Trap(StrEnum):
    """What a carrier does on a bad day, once for each time that it is set."""

    SLOW = "slow"  #: the answer comes after `Fake.slow_s`
    RESET = "reset"  #: it is done, and the line is cut before the answer
    DOWN = "down"  #: 503 without a word
    QUOTA = "quota"  #: too many calls, in the carrier's own words
    EXPIRED = "expired"  #: the token is no good any more
    EMPTY = "empty"  #: an answer of no bytes
    HTML = "html"  #: a page of some gateway where JSON was promised
    FORBIDDEN = "forbidden"  #: 403 and a page: it never came to the carrier
    TIMED_OUT = "timed out"  #: it is done, and the answer is that it took too long, in the carrier's own words
    ECHO = "echo"  #: a refusal that writes down all that was sent


class Repeat(StrEnum):
    """What a carrier does with an order whose reference it has already."""

    SAME = "same"  #: gives the waybill that there is
    REFUSED = "refused"  #: says that it has it, and not under which number
    ANOTHER = "another"  #: makes another waybill


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
        code: the carrier's, as its pushes write it.
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


def as_json(value: Any, status: int = 200) -> Told:
    """An answer in JSON, without blanks and with letters of all scripts as they are."""
    return Told(
        body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"), status=status
    )


def read_json(text: str | bytes) -> Any:
    """What a text says, as strictly as JSON is written down.

    Raises:
        ValueError: it is no JSON: NaN, nested too deep, not UTF-8.
    """

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None


def read_form(asked: Asked) -> dict[str, str]:
    """The fields of a form.

    Raises:
        ValueError: it is no form, or has a field twice.
    """
    if asked.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        raise ValueError(f"the content type is not {_FORM}")
    pairs = parse_qsl(asked.body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict")
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field stands there twice")
    return fields


def write_form(path: str, fields: Mapping[str, str]) -> "Asked":
    """A form to be sent."""
    headers = {"content-type": f"{_FORM};charset=UTF-8"}
    return Asked(method="POST", path=path, query={}, headers=headers, body=urlencode(fields).encode())


def rewrite(text: str) -> Iterator[tuple[str, str]]:
    """What a JSON text becomes if it is read and written again before it is signed, and what was done to it.

    This is how most signatures go wrong; a fake that finds one of these signed can say so.
    """
    try:
        value = read_json(text)
    except ValueError:
        return
    for done, options in _REWRITINGS.items():
        yield done, json.dumps(value, **options)


_REWRITINGS: Mapping[str, Mapping[str, Any]] = {
    "with blanks after commas and colons": {"ensure_ascii": False},
    "without blanks": {"ensure_ascii": False, "separators": (",", ":")},
    "with \\u in place of letters": {},
    "with \\u in place of letters, without blanks": {"separators": (",", ":")},
    "with its keys sorted": {"ensure_ascii": False, "separators": (",", ":"), "sort_keys": True},
}


def local_stamp(at_ms: int, zone: ZoneInfo, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """An instant as clocks of a zone showed it, without the zone."""
    return dt.datetime.fromtimestamp(at_ms / 1000, zone).strftime(form)


def is_decimal(value: Any, places: int, *, most: float) -> bool:
    """Whether a number, or a text that holds one, is not negative, has no more places, and is no larger than `most`.

    The largest that makes sense tells grams from kilograms.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    found = re.fullmatch(rf"[0-9]{{1,12}}(\.[0-9]{{1,{places}}})?", str(value), re.ASCII)
    return found is not None and float(value) <= most


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
        repeats: what it may do with an order whose reference it has already. Where nobody says which, the exam tries
            all of them; `on_repeat` is what it does now.
        sent: the bodies of the newest requests, as they came.
        most_a_push: how many scans one push of it tells.
        sample: whom and where it serves.
    """

    name: ClassVar[str]
    has_tokens: ClassVar[bool] = False
    signs_time: ClassVar[bool] = False
    signs_pushes: ClassVar[bool] = True
    repeats: ClassVar[tuple[Repeat, ...]] = (Repeat.SAME,)
    most_a_push: ClassVar[int] = 1
    sample: ClassVar[Sample] = IN_CHINA

    def __init__(self, *, clock: Callable[[], int] | None = None, port: int = 0) -> None:
        self.clock = clock or (lambda: time.time_ns() // 1_000_000)
        self.parcels: dict[str, FakeParcel] = {}
        self.refused: list[str] = []
        self.calls: list[str] = []
        self.push_url = ""
        self.slow_s = 3.0
        self.on_repeat = self.repeats[0]
        self.sent: deque[bytes] = deque(maxlen=_KEPT)
        self._traps: deque[Trap] = deque()
        self._later: deque[Callable[[], object]] = deque()
        self._by_reference: dict[str, FakeParcel] = {}
        self._issued = 0
        self._is_serving = False
        self._sender: httpx.Client | None = None  # made when it is wanted: it reads certificates
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", port), _handler_of(self))
        self._thread = threading.Thread(target=self.serve_forever, name=f"fake {self.name}", daemon=True)

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

    def __enter__(self) -> Self:
        self._is_serving = True
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Serve no longer."""
        if self._is_serving:  # or there is no loop that could end
            self._server.shutdown()
        self._server.server_close()
        if self._sender is not None:
            self._sender.close()

    def serve_forever(self) -> None:
        """Serve in this thread."""
        self._is_serving = True
        self._server.serve_forever(poll_interval=_POLL_S)

    # What a carrier's own people do

    def set(self, *traps: Trap) -> None:
        """Set traps: the next requests fall into them, one each."""
        with self._lock:
            self._traps.extend(traps)

    def clear(self) -> None:
        """Take away the traps that nobody fell into."""
        with self._lock:
            self._traps.clear()

    def move(self, number: str, *scans: FakeScan) -> None:
        """Something happens to a parcel."""
        with self._lock:
            self.parcels[number].scans.extend(scans)

    def push(self, number: str, *scans: FakeScan) -> httpx.Response:
        """Tell of scans, in as many requests as it takes; of all of the parcel if none are given.

        Returns the answer to the last one, which is the first that is no thanks if there is such an answer.
        """
        asked = self.write_pushes(number, *scans)
        for each in asked[:-1]:
            answer = self.send(each)
            if not self.is_thanked(answer.status_code, answer.content):
                return answer
        return self.send(asked[-1])

    def write_pushes(self, number: str, *scans: FakeScan) -> list[Asked]:
        """The requests by which it tells of scans; of all of the parcel if none are given."""
        with self._lock:
            parcel = self.parcels[number]
            told = list(scans) or list(parcel.scans)
        if not told:
            raise ValueError(f"nothing happened to {number} yet")
        starts = range(0, len(told), self.most_a_push)
        return [self.write_push(parcel, told[start : start + self.most_a_push]) for start in starts]

    def send(self, asked: Asked, url: str = "") -> httpx.Response:
        """Send a push as it stands: a test may have tampered with it. To `url`, or to `push_url`."""
        with self._lock:
            if self._sender is None:
                self._sender = httpx.Client(trust_env=False, timeout=30)
        return self._sender.request(
            asked.method,
            (url or self.push_url) + asked.path,
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
        """The request by which this carrier tells of scans, `most_a_push` at most."""
        raise NotImplementedError

    def write_label(self, number: str) -> Asked | None:
        """The request by which it sends the paper of a waybill, if it does so by itself."""
        return None

    def is_thanked(self, status: int, body: bytes) -> bool:
        """Whether the carrier takes this answer to its push for a yes, after which it does not send it again."""
        raise NotImplementedError

    def asked_code(self, code: str) -> str:
        """How its answers to queries write what its pushes write as `code`."""
        return code

    def over_quota(self) -> Told:
        """How it says that there were too many calls."""
        return Told(status=429, body=b"")

    def timed_out(self) -> Told:
        """How it says that it took too long, whether or not it is done."""
        return Told(status=504, body=b"")

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
            parcel = self._by_reference.get(reference)
            return self.make_another(reference) if parcel is None else parcel

    def make_another(self, reference: str) -> FakeParcel:
        """A new parcel, whether or not there is one of the reference."""
        with self._lock:
            self._issued += 1
            parcel = FakeParcel(number=self.write_number(self._issued), reference=reference)
            self.keep(parcel)
            return parcel

    def keep(self, parcel: FakeParcel) -> None:
        """Know a parcel from now on."""
        with self._lock:
            self.parcels[parcel.number] = self._by_reference[parcel.reference] = parcel

    def find_reference(self, reference: Any) -> FakeParcel | None:
        """The parcel of a reference, which may be anything that a request held."""
        return self._by_reference.get(reference) if isinstance(reference, str) else None

    def find_number(self, number: Any) -> FakeParcel | None:
        """The parcel of a number, which may be anything that a request held."""
        return self.parcels.get(number) if isinstance(number, str) else None

    def later(self, act: Callable[[], object]) -> None:
        """Do something when the answer is on its way, in the thread that gave it."""
        self._later.append(act)

    def handle(self, asked: Asked) -> Told | None:
        """An answer, or None for a line that is cut."""
        with self._lock:
            trap = self._traps.popleft() if self._traps else None
            self.sent.append(asked.body)
        if trap in _INSTEAD:
            return _INSTEAD[trap]
        if trap is Trap.QUOTA:
            return self.over_quota()
        if trap is Trap.EXPIRED:
            return self.expired()
        if trap is Trap.ECHO:
            return _echo(asked)
        try:
            with self._lock:
                self.calls.append(asked.path)
                told = self.answer(asked)
        except Refused as refused:
            self.refused.append(refused.why)
            told = refused.told
        except Exception as error:
            # What the fake did not think of; silence would pass for a bad line.
            self.refused.append(f"the fake broke: {type(error).__name__}: {error}")
            told = Told(status=500, body=b"")
        if trap is Trap.TIMED_OUT:
            return self.timed_out()
        if trap is Trap.SLOW:
            time.sleep(self.slow_s)
        return None if trap is Trap.RESET else told

    def finish(self) -> None:
        """Do what was put off until the answer was given."""
        while self._later:
            try:
                act = self._later.popleft()
            except IndexError:  # another thread took it
                return
            try:
                act()
            except httpx.HTTPError as error:
                self.refused.append(f"a push did not get through: {type(error).__name__}")


_INSTEAD = {
    Trap.DOWN: Told(status=503, body=b""),
    Trap.EMPTY: Told(body=b""),
    Trap.HTML: Told(body=b"<html><body>Bad Gateway</body></html>", content_type="text/html"),
    Trap.FORBIDDEN: Told(status=403, body=b"<html><body>Forbidden</body></html>", content_type="text/html"),
}


def _echo(asked: Asked) -> Told:
    """In the words of all carriers at once: each reads its own of them."""
    sent = [asked.path, asked.raw_query, *asked.headers.values(), asked.body.decode(errors="replace")]
    text = "no: " + unquote_plus(" ".join(sent))
    words = ("message", "msg", "reason", "errorMsg", "errorDescription", "apiErrorMsg")
    told = dict.fromkeys(words, text) | dict.fromkeys(("success", "status", "result"), False)
    told |= {"code": "500", "statusCode": "S202", "apiResultCode": "A1001", "errorCode": "500"}
    return as_json(told | {"error": {"code": "400", "message": text}, "msgs": [text]}, status=400)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked may go while it is answered; everything else is a fault of the fake."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _handler_of(fake: Fake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else an answer in two writes waits for an acknowledgement of the first

        def _answer(self) -> None:
            body = self._read_body()
            if body is None:
                return
            parts = urlsplit(self.path)
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
            else:
                self._tell(told)
            fake.finish()

        def _read_body(self) -> bytes | None:
            """The body, or None if the request was refused for it."""
            told = self.headers.get("content-length", "0")
            status = 0
            if "transfer-encoding" in self.headers:
                status = 411
            elif not (told.isascii() and told.isdigit()):
                status = 400
            elif int(told) > _MOST_BODY:
                status = 413
                left = int(told)  # who is still sending would not hear the answer
                while left > 0 and (part := self.rfile.read(min(left, 1 << 16))):
                    left -= len(part)
            if not status:
                return self.rfile.read(int(told))
            self.close_connection = True
            fake.refused.append(f"HTTP {status} for the body")
            self._tell(Told(status=status, body=b""))
            return None

        def _tell(self, told: Told) -> None:
            self.send_response(told.status)
            self.send_header("content-type", told.content_type)
            self.send_header("content-length", str(len(told.body)))
            for name, value in told.headers.items():
                self.send_header(name, value)
            if self.close_connection:
                self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the lines of a request hold numbers and keys."""

    return Handler
