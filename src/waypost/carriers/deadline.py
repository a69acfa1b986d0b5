"""HTTP that ends when it has to: an answer that comes drop by drop does not hold up who asks.

The time-outs of HTTP clients are of one read each, and every drop begins a new one. Here connecting, sending and
reading share what is left until an instant. Looking up a name does not: the system's resolver has time-outs of its own.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

#: What goes wrong with a line; httpx knows the ends of texts of its own besides.
LINE_ERRORS = (httpx.HTTPError, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)
#: Of those, where nothing was sent yet.
UNSENT = (
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout),
    *(httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout),
)
_PIECE = 1 << 14


class Deadline(threading.local):
    """When what this thread asks has to be over, by `time.monotonic`."""

    ends_s = float("inf")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Everything in it has so long, all together."""
        self.ends_s = time.monotonic() + seconds
        try:
            yield
        finally:
            self.ends_s = float("inf")

    def left_s(self, late: type[httpcore.TimeoutException]) -> float:
        """How long there is.

        Raises:
            httpcore.TimeoutException: no time is left, of the kind that `late` names.
        """
        left_s = self.ends_s - time.monotonic()
        if left_s <= 0:
            raise late("the time is over")
        return left_s


class Transport(httpx.BaseTransport):
    """Connections that keep a deadline."""

    def __init__(self, deadline: Deadline, most: int) -> None:
        self._deadline = deadline
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=most,
            network_backend=_Network(deadline),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.BaseTransport`."""
        assert isinstance(request.stream, httpx.SyncByteStream)
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        asked = httpcore.Request(
            request.method,
            url,
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": {"pool": self._deadline.left_s(httpcore.PoolTimeout)}},
        )
        told = self._pool.handle_request(asked)
        return httpx.Response(told.status, headers=told.headers, stream=_Body(told.stream))

    def close(self) -> None:
        """See `httpx.BaseTransport`."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _Network(httpcore.NetworkBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError("the name has no address")
        addresses = _addresses(host, port)
        for others, address in zip(reversed(range(len(addresses))), addresses, strict=True):
            left_s = self._deadline.left_s(httpcore.ConnectTimeout) / (others + 1)  # a deaf one leaves some for others
            try:
                real = self._real.connect_tcp(address, port, left_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _Line(real, self._deadline)
        raise failed


def _addresses(host: str, port: int) -> list[str]:
    """Where a name leads; each is connected to for itself, for sockets begin their time-out anew with every one."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return [str(address[0]) for *_, address in found]


class _Line(httpcore.NetworkStream):
    def __init__(self, real: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._real = real
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._real.read(max_bytes, self._deadline.left_s(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            self._real.write(buffer[start : start + _PIECE], self._deadline.left_s(httpcore.WriteTimeout))

    def close(self) -> None:
        self._real.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left_s = self._deadline.left_s(httpcore.ConnectTimeout)
        return _Line(self._real.start_tls(ssl_context, server_hostname, left_s), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._real.get_extra_info(info)
