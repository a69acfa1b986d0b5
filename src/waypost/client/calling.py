"""HTTP to a server: a key that nobody sees, patience where repeating is safe, and errors in our words."""

import datetime as dt
import ipaddress
import logging
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from waypost.client.problems import Problem, Unreachable, Unreadable, problem_of
from waypost.model.decoding import decode
from waypost.model.errors import BadInput

T = TypeVar("T")

JSON = "application/json"

_journal = logging.getLogger("waypost.client")
_CONNECT_S = 10.0
#: Between tries, if the server does not say: doubled each time, up to the longest, less up to a half by chance.
_FIRST_S, _LONGEST_S = 0.25, 8.0
#: Answers of 5xx that are the same a moment later.
_LASTING = frozenset({"store_damaged", "storage_full", "carrier_puzzling", "unexpected"})
_PASSING = frozenset({502, 503, 504})
_ACCEPTED = 202
_MOST_PROBLEM = 1 << 20
_MOST_KEY = 512


class Answer(msgspec.Struct, frozen=True):
    """What a server answered; header names are in small letters."""

    content: bytes
    headers: Mapping[str, str]


class Caller:
    """Asks one server, from any thread.

    Args:
        url: of the server, as `https://waypost.example`.
        key: sent with each request; "" asks as the public.
        timeout_s: for the server to say anything.
        patience_s: so long after its beginning a call is tried again, where that is safe.
        allow_http: send the key without TLS to other machines too.
        tls: what TLS trusts; None for what this machine does.

    Raises:
        BadInput: the address or the key cannot be one.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float,
        patience_s: float,
        allow_http: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.url = _check_url(url, has_key=bool(key), allow_http=allow_http)
        self._patience_s = patience_s
        self._timeout_s = timeout_s
        headers = {"user-agent": f"waypost-python/{version('waypost')}", "accept-encoding": "identity"}
        if key:
            headers["authorization"] = f"Bearer {_check_key(key)}"
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)),
            verify=True if tls is None else tls,
        )

    def __repr__(self) -> str:
        return f"Caller({self.url!r})"

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        body: bytes | None = None,
        media_type: str = JSON,
        headers: Mapping[str, str] | None = None,
        repeats: bool = True,
    ) -> Answer:
        """Ask once, and again while there is patience and it is safe.

        Args:
            params: of the query; those that are None are left out.
            repeats: whether the server does the same when it is asked twice.

        Raises:
            Problem: the server said no.
            Unreachable: it said nothing.
        """
        sent = dict(headers or {})
        if body is not None:
            sent["content-type"] = media_type
        request = self._http.build_request(method, path, params=_told(params), content=body, headers=sent)

        def once() -> Answer:
            answer = self._http.send(request)
            if not answer.is_success:
                raise _problem(answer, answer.content)
            return Answer(answer.content, answer.headers)

        return self._patiently(once, f"{method} {path}", repeats=repeats)

    def get(self, path: str, kind: type[T], params: Mapping[str, Any] | None = None) -> T:
        """The answer to a GET as a record.

        Raises:
            Problem, Unreachable: as `ask`.
            Unreadable: the answer is of another shape.
        """
        return read(self.ask("GET", path, params), kind)

    def send(
        self,
        method: str,
        path: str,
        kind: type[T],
        sent: Any = None,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        repeats: bool = True,
    ) -> T:
        """The answer to something that is sent as JSON, None sending nothing. Raises as `get`."""
        body = None if sent is None else msgspec.json.encode(sent)
        return read(self.ask(method, path, params, body=body, headers=headers, repeats=repeats), kind)

    def list_pages(self, path: str, kind: type[T], params: Mapping[str, Any], limit: int | None) -> Iterator[T]:
        """Page after page, each asked for when the one before is used up. A page has `next`. Raises as `get`."""
        after: str | None = None
        while True:
            page = self.get(path, kind, {**params, "after": after, "limit": limit})
            yield page
            after = getattr(page, "next", None)
            if after is None:
                return

    def fetch(self, path: str, params: Mapping[str, Any] | None, to: BinaryIO) -> Mapping[str, str]:
        """Write what is answered into a file that can be rewound; gives the headers. Raises as `ask`.

        What breaks off is fetched anew, so the file holds all of it or, after an error, nothing that counts. What the
        server is still making (202) is asked for until it is there.
        """

        def once() -> tuple[int, Mapping[str, str]]:
            to.seek(0)
            to.truncate()
            with self._http.stream("GET", path, params=_told(params)) as answer:
                if not answer.is_success:
                    content = next(answer.iter_bytes(_MOST_PROBLEM), b"")
                    raise _problem(answer, content)
                for chunk in answer.iter_bytes():
                    to.write(chunk)
                return answer.status_code, dict(answer.headers)

        while True:
            status, headers = self._patiently(once, f"GET {path}", repeats=True)
            if status != _ACCEPTED:
                return headers
            time.sleep(min(float(headers.get("retry-after", _FIRST_S)), _LONGEST_S))

    def _patiently(self, once: Callable[[], T], what: str, *, repeats: bool) -> T:
        began, tries = time.monotonic(), 0
        while True:
            try:
                try:
                    return once()
                except httpx.TransportError as error:
                    raise self._unreachable(error) from error
            except (Problem, Unreachable) as error:
                wait_s = _wait_s(error, tries) if _may_repeat(error, repeats=repeats) else None
                if wait_s is None or time.monotonic() + wait_s > began + self._patience_s:
                    raise
                tries += 1
                _journal.info("%s: %s; asked again in %.1f s", what, error.message, wait_s)
                time.sleep(wait_s)

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        causes = list(_causes(error))
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
            return Unreachable(
                f"the certificate of {self.url} is not to be trusted: {error}",
                may_be_done=False,
                is_final=True,
                mend="If it is of your own authority, name a file of certificates in SSL_CERT_FILE.",
            )
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
            return Unreachable(f"{self.url} said nothing for {self._timeout_s:g} s", may_be_done=True)
        is_unknown = any(isinstance(each, socket.gaierror) and each.errno == socket.EAI_NONAME for each in causes)
        is_unsent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol))
        what = "cannot be reached" if is_unsent else "broke off"
        why = str(error) or type(error).__name__
        return Unreachable(f"{self.url} {what}: {why}", may_be_done=not is_unsent, is_final=is_unknown)


def read(answer: Answer, kind: type[T]) -> T:
    """An answer as a record.

    Raises:
        Unreadable: it is of another shape.
    """
    try:
        return decode(answer.content, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        mend = "See that the address is that of a Waypost, and of one as new as this client."
        raise Unreadable(f"the answer cannot be read: {error}", mend=mend) from None


def part(text: str) -> str:
    """A text as one part of a path.

    Raises:
        BadInput: it is empty, or steps.
    """
    if not text or text in (".", ".."):
        raise BadInput(f"{text!r} is no id")
    return quote(text, safe="")


def _problem(answer: httpx.Response, content: bytes) -> Problem:
    return problem_of(answer.status_code, answer.headers, content, dt.datetime.now(dt.UTC))


def _may_repeat(error: Problem | Unreachable, *, repeats: bool) -> bool:
    if isinstance(error, Unreachable):
        return not error.is_final and (repeats or not error.may_be_done)
    if error.status == 429:  # nothing was done yet
        return True
    return repeats and error.status in _PASSING and error.code not in _LASTING


def _wait_s(error: Problem | Unreachable, tries: int) -> float:
    """What the server asks for and a little more, so that all whom it sent away do not come back together."""
    longest: float = min(_FIRST_S * 2 ** min(tries, 16), _LONGEST_S)
    told = error.retry_after_s if isinstance(error, Problem) else None
    return longest * random.uniform(0.5, 1) if told is None else told + random.uniform(0, longest)


def _told(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: _write(value) for name, value in (params or {}).items() if value is not None}


def _write(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise BadInput(f"{value} has no zone", mend="Give an instant that has one, such as datetime.now(UTC).")
        return value.isoformat()
    return value


def _check_url(url: str, *, has_key: bool, allow_http: bool) -> str:
    try:
        read = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise BadInput("the address of the server is none", mend="Give it as https://waypost.example.") from None
    is_odd = read.userinfo or read.query or read.fragment or not 0 < (read.port or 443) < 65_536
    if read.scheme not in ("http", "https") or not read.host or is_odd:
        shown = str(read.copy_with(username=None, password=None, query=None, fragment=None))[:200]
        mend = "Give it as https://waypost.example, with a path at most."
        raise BadInput(f"{shown!r} is no address of a server", mend=mend)
    if read.scheme == "http" and has_key and not allow_http and not _is_here(read.host):
        mend = "Ask by https, or allow http where the network between is yours alone."
        raise BadInput(f"the key would go to {read.host} for everybody to read", mend=mend)
    return str(read).rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_key(key: str) -> str:
    if len(key) > _MOST_KEY or not all("!" <= each <= "~" for each in key):
        raise BadInput("the key has characters that no key has", mend="Give it as it was shown: wp_ and the rest.")
    return key


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
