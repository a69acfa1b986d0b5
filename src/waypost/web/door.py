"""The outermost layer: what holds for every request, whatever it asks for.

It gives each request an id, a client address and a time limit, puts the security headers on every answer, turns every
error into a problem document and writes the journal. Inside are the application and, before it, the few paths that
are served bare because their speed counts.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec

from waypost.access.keys import Key
from waypost.model.errors import StorageFull, WaypostError
from waypost.web.addresses import client_of, is_trusted, journal_name, parse_networks, rate_name
from waypost.web.desk import Desk
from waypost.web.metrics import Metrics
from waypost.web.problems import (
    MEDIA_TYPE,
    Busy,
    HeadersTooLarge,
    Misdirected,
    NotBuilt,
    NotReady,
    Problem,
    Unexpected,
    describe,
    headers_of,
    known_error,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Where programs ask; they get problem documents even if they claim to read HTML.
_FOR_PROGRAMS = ("/v1/", "/healthz", "/readyz", "/metrics")

#: Whoever has such an address sees what is one person's: it is told to no other site, kept nowhere, found by nobody.
PRIVATE = "/p/"

_SECURITY = [
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"x-frame-options", b"DENY"),
]
#: The console is a program: it runs scripts of this host, and asks this host.
_CONSOLE = "/console"
_SECURITY_OF_CONSOLE = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    *_SECURITY[1:],
]
_SECURITY_OF_PRIVATE = [
    *((name, value) for name, value in _SECURITY if name != b"referrer-policy"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow, noarchive"),
]


class Call(msgspec.Struct):
    """What is known of one request.

    Attributes:
        id: stands in the answer, in problem documents and in the journal.
        address: whose bucket the request is counted in.
        shown_address: what the journal gets of it.
        secure: it came over TLS, as far as the server or a trusted proxy knows.
        method: of the request, HEAD being a GET (`is_head`). `path` that it is for.
        route: the pattern of the path that answered.
        key: whose request it is, once that was asked.
        code: of the problem that was answered.
        error: what the framework inside handed out instead of answering it (`HandErrorsOut`).
    """

    id: str
    address: str
    shown_address: str
    secure: bool
    method: str = "GET"
    path: str = "/"
    is_head: bool = False
    route: str = "other"
    key: Key | None = None
    code: str | None = None
    error: Exception | None = None


def call_of(scope: Scope) -> Call:
    """What is known of the request with that scope."""
    call: Call = scope["waypost.call"]
    return call


def headers_in(scope: Scope) -> dict[str, str]:
    """The headers of a request under lower-case names; repeated ones are joined as RFC 9110 says."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joint = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{joint}{value}" if name in headers else value
    return headers


async def send_whole(send: Send, status: int, content_type: str, body: bytes) -> None:
    """An answer of a bare application."""
    headers = [(b"content-type", content_type.encode("latin-1")), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Door:
    """The ASGI application that a server runs.

    Args:
        inside: answers whatever is not in `bare`.
        bare: applications by method and path, called without any framework around them.
        show: an HTML page for a problem, for people, given the query and the headers of the request.
        close: called once when the server stops.
        end: called before, so that answers that would go on for long end.
    """

    def __init__(
        self,
        inside: App,
        bare: Mapping[tuple[str, str], App],
        desk: Desk,
        metrics: Metrics,
        show: Callable[[Problem, str, Mapping[str, str]], bytes],
        close: Callable[[], None],
        end: Callable[[], None],
    ) -> None:
        self._inside = inside
        self._bare = bare
        self._desk = desk
        self._metrics = metrics
        self._show = show
        self.close = close
        self.end = end
        self._trusted = parse_networks(desk.site.trusted_proxies)
        self._hosts = {host.lower() for host in desk.site.allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.to_thread(self.close)  # the loop goes on, so that whoever waits for this can give up
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        headers = headers_in(scope)
        call = self._greet(scope, headers)
        scope["waypost.call"] = call
        answer = _Answer(send, call, _security_of(scope["path"]), is_head=call.is_head)
        if answer.is_head:
            scope["method"] = "GET"
        try:
            await self._answer(scope, receive, answer, headers)
        except Exception as error:
            await self._confess(error, scope, answer, headers)
        self._write_down(scope, call, answer, time.perf_counter() - began)

    def _greet(self, scope: Scope, headers: Mapping[str, str]) -> Call:
        peer = scope["client"][0] if scope.get("client") else None
        client = client_of(peer, headers.get("x-forwarded-for", ""), self._trusted)
        scheme = scope.get("scheme", "http")
        if is_trusted(client_of(peer, "", ()), self._trusted):
            scheme = headers.get("x-forwarded-proto", scheme).split(",")[-1].strip()
        is_head = scope["method"] == "HEAD"
        method = "GET" if is_head else scope["method"]
        shown = journal_name(client)
        return Call(uuid.uuid4().hex, rate_name(client), shown, scheme == "https", method, scope["path"], is_head)

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer", headers: Mapping[str, str]) -> None:
        limits = self._desk.limits
        if sum(len(name) + len(value) for name, value in scope["headers"]) > limits.header_bytes:
            raise HeadersTooLarge(f"more than {limits.header_bytes} bytes of headers")
        if self._hosts and _host(headers) not in self._hosts:
            raise Misdirected("this server does not answer for that host")
        app = self._bare.get((scope["method"], scope["path"]), self._inside)
        seconds = limits.request_s + (limits.body_s if scope["method"] in ("POST", "PUT") else 0)
        try:
            async with asyncio.timeout(seconds) as deadline:
                answer.on_start = lambda: deadline.reschedule(asyncio.get_running_loop().time() + limits.stream_s)
                await app(scope, receive, answer)
        except TimeoutError:
            raise Busy(f"no answer within {seconds:g} s") from None
        finally:
            answer.on_start = _nothing
        error = call_of(scope).error
        if error is not None:
            raise error

    async def _confess(self, error: Exception, scope: Scope, answer: "_Answer", headers: Mapping[str, str]) -> None:
        """Answer an error with its problem document, or, if the answer has begun, break it off."""
        call = call_of(scope)
        known = known_error(error)
        self._note(error, known, call, _route_of(scope))
        known = known or Unexpected(str(error))
        call.code = known.code
        if answer.status:
            raise error
        problem = describe(known, call.id)
        own_headers = headers_of(known)
        if is_for_people(scope["path"], headers):
            body, kind = (
                self._show(problem, scope["query_string"].decode("latin-1"), headers),
                b"text/html; charset=utf-8",
            )
        else:
            body, kind = msgspec.json.encode(problem), MEDIA_TYPE.encode()
        own_headers += [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await answer({"type": "http.response.start", "status": known.status, "headers": own_headers})
        await answer({"type": "http.response.body", "body": body})

    def _note(self, error: Exception, known: WaypostError | None, call: Call, route: str) -> None:
        """What went wrong on our side, for the journal: with its traceback, unless it was to be expected."""
        if isinstance(error, (Busy, NotBuilt, StorageFull)):
            self._desk.journal.warning("refused", request=call.id, route=route, problem=error.code, detail=str(error))
        elif isinstance(error, NotReady):
            pass  # whoever found the reasons has written more than they say in public
        elif known is None or known.status >= 500:
            self._desk.journal.error("failure", request=call.id, route=route, exc_info=error)

    def _write_down(self, scope: Scope, call: Call, answer: "_Answer", seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = _route_of(scope)
        self._metrics.requests.labels(method, route, str(answer.status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if call.code:
            self._metrics.problems.labels(call.code).inc()
        if self._desk.site.access_log:
            self._desk.journal.info(
                "request",
                id=call.id,
                method=method,
                route=route,
                status=answer.status,
                problem=call.code,
                ms=round(seconds * 1000, 2),
                bytes=answer.size,
                address=call.shown_address,
                key=call.key.id if call.key else None,
            )


class HandErrorsOut:
    """Middleware for the framework inside, which would answer errors itself: this door does."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            call_of(scope).error = error


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def is_for_people(path: str, headers: Mapping[str, str]) -> bool:
    """Whether an error at that path should be a page."""
    return "text/html" in headers.get("accept", "") and not path.startswith(_FOR_PROGRAMS)


def _route_of(scope: Scope) -> str:
    """The pattern of the path that answered: of the framework inside, or what a bare application says of itself."""
    route: str = getattr(scope.get("route"), "path", call_of(scope).route)
    return route


def _security_of(path: str) -> list[tuple[bytes, bytes]]:
    if path.startswith(PRIVATE):
        return _SECURITY_OF_PRIVATE
    return _SECURITY_OF_CONSOLE if path == _CONSOLE or path.startswith(f"{_CONSOLE}/") else _SECURITY


def _nothing() -> None:
    pass


def _host(headers: Mapping[str, str]) -> str:
    host = headers.get("host", "").lower()
    return host if host.endswith("]") else host.rsplit(":", 1)[0]


class _Answer:
    """Sends an answer on, with the headers that all have; leaves out the body for HEAD."""

    def __init__(self, send: Send, call: Call, security: list[tuple[bytes, bytes]], *, is_head: bool) -> None:
        self._send = send
        self._call = call
        self._security = security
        self.is_head = is_head
        self.on_start: Callable[[], None] = _nothing
        self.status = 0
        self.size = 0

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.on_start()
            headers = [*message.get("headers", []), *self._security, (b"x-request-id", self._call.id.encode())]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
            if self.is_head:
                message = {**message, "body": b""}
        await self._send(message)
