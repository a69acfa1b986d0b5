"""Sends webhooks: signed, to the very address that was looked at, within a time, and believing nothing that comes back.

Each message has a connection of its own. Redirects are not followed, of an answer no more is read than its head and
some of its body, and nothing of it is written down but the status.
"""

import asyncio
import datetime as dt
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from socket import SOCK_STREAM, getaddrinfo
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from waypost.care.sending import Answer, Message
from waypost.care.turns import OF_MERCHANT
from waypost.model.errors import BadInput
from waypost.model.standard_webhooks import sign_standard
from waypost.web.destinations import Places

#: Of the body of an answer so much is read, out of politeness.
MOST_READ = 16 << 10
CONNECT_S = 5.0
#: An endpoint that asks to be left alone for longer is asked whether it still means it.
_LONGEST_HOLD_S = 3600.0
#: More than one merchant has messages under way: names of its own that are slow to look up hold up no others.
_RESOLVERS = 4 * OF_MERCHANT
_FAULTS = (
    *(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol),
    *(OSError, TimeoutError, ssl.SSLError),
)

Resolver = Callable[[str, int], list[str]]


class Refused(httpcore.ConnectError):
    """The name leads where nothing may be sent."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system has them."""
    return list(dict.fromkeys(str(address[0]) for *_, address in getaddrinfo(host, port, type=SOCK_STREAM)))


class WebhookSender:
    """Answers `care.sending.Sender`.

    Args:
        places: where anything may be sent.
        timeout_s: for all of it, from the look-up of the name to the end of the answer.
        clock: now, in UTC milliseconds.
        look_up: the addresses of a name.
    """

    def __init__(self, places: Places, timeout_s: float, clock: Callable[[], int], look_up: Resolver = resolve) -> None:
        self._places = places
        self._timeout_s = timeout_s
        self._clock = clock
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="look up")
        self._network = _Network(places, look_up, self._resolvers)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Whom to trust: takes some 20 ms to read, which no start has to wait for."""
        return httpx.create_ssl_context(trust_env=False)

    async def send(self, message: Message) -> Answer:
        """See `care.sending.Sender`."""
        begun_s = time.perf_counter()
        try:
            self._places.check_url(message.url)  # the settings may be others now than when it was given
            async with asyncio.timeout(self._timeout_s):
                status, retry_s = await self._post(message)
        except BadInput as error:
            return Answer(status=None, why=error.message)
        except Refused as error:
            return Answer(status=None, why=str(error), seconds=time.perf_counter() - begun_s)
        except _FAULTS as error:
            why = f"no answer ({type(error).__name__})"
            return Answer(status=None, why=why, seconds=time.perf_counter() - begun_s)
        why = "" if 200 <= status < 300 else f"answers {status}"
        if 300 <= status < 400:
            why += ", and redirects are not followed"
        return Answer(status=status, why=why, retry_s=retry_s, seconds=time.perf_counter() - begun_s)

    def close(self) -> None:
        """Look no more names up."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def _post(self, message: Message) -> tuple[int, float | None]:
        now_s = self._clock() // 1000
        signatures = " ".join(sign_standard(message.id, now_s, message.body, secret) for secret in message.secrets)
        headers: dict[str | bytes, str | bytes] = {
            "host": urlsplit(message.url).netloc,
            "content-type": "application/json",
            "content-length": str(len(message.body)),
            "user-agent": "waypost",
            "accept": "*/*",
            "connection": "close",
            "webhook-id": message.id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": signatures,
        }
        limits = {"connect": CONNECT_S, "read": self._timeout_s, "write": self._timeout_s, "pool": CONNECT_S}
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=self._context, max_connections=1, network_backend=self._network
            ) as pool,
            pool.stream(
                "POST", message.url, headers=headers, content=message.body, extensions={"timeout": limits}
            ) as answer,
        ):
            read = 0
            async for piece in answer.aiter_stream():
                read += len(piece)
                if read >= MOST_READ:
                    break
            told = {name.lower(): value for name, value in answer.headers}
            return answer.status, _retry_s(told.get(b"retry-after", b""), self._clock())


class _Network(httpcore.AsyncNetworkBackend):
    """Connects to where names lead, if anything may be sent there."""

    def __init__(self, places: Places, look_up: Resolver, resolvers: ThreadPoolExecutor) -> None:
        self._places = places
        self._look_up = look_up
        self._resolvers = resolvers
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._resolvers, partial(self._look_up, host, port))
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name has no address") from error
        addresses = self._places.allow(found)
        if not addresses:
            raise Refused("the name leads into a private network, or to no single host")
        failed: Exception = httpcore.ConnectError()
        for others, address in zip(reversed(range(len(addresses))), addresses, strict=True):
            each_s = None if timeout is None else timeout / (others + 1)  # a deaf one leaves some time for others
            begun_s = loop.time()
            try:
                return await self._real.connect_tcp(address, port, each_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            timeout = None if timeout is None else max(timeout - (loop.time() - begun_s), 0.01)
        raise failed


def _retry_s(text: bytes, now_ms: int) -> float | None:
    """`Retry-After`: seconds, or a date."""
    told = text.decode("latin-1").strip()
    if told.isascii() and told.isdigit() and len(told) < 10:
        return min(float(told), _LONGEST_HOLD_S)
    try:
        until = parsedate_to_datetime(told)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return min(max(until.timestamp() - now_ms / 1000, 0.0), _LONGEST_HOLD_S)
