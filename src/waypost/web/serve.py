"""The server: one process, one event loop, and the store behind it; only the index is written by another process."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from waypost.model.errors import SettingsError, WaypostError
from waypost.web.door import Door

_BACKLOG = 1024
_HEADER_MS = 15_000

#: Far above `Limits.header_bytes`, so that those headers are answered with a problem document.
_BUFFER_BYTES = 256 << 10


def serve(
    app: Door,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    ready: Callable[[str], None] = lambda address: None,
    halt: Callable[[], None] = lambda: None,
    close: Callable[[], None] = lambda: None,
    grace_s: float = 20.0,
) -> None:
    """Serve until SIGINT or SIGTERM, then let running requests end, and close what is behind them.

    Args:
        host: an address of this machine; the default is seen by nobody else.
        port: 0 for any that is free.
        ready: told the address once requests are answered.
        halt: called once no request is waited for any more: it breaks off what takes long and loses nothing by that.
        close: called after the last request; it closes the store.
        grace_s: how long running requests may take to end.

    Raises:
        SettingsError: the address cannot be used.
    """

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sort in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sort, stop.set)
        try:
            await serve_until(stop, app, host, port, ready=ready, grace_s=grace_s)
        finally:
            halt()

    try:
        asyncio.run(run())
    finally:
        app.close()
        close()


async def serve_until(
    stop: asyncio.Event,
    app: Door,
    host: str,
    port: int,
    *,
    ready: Callable[[str], None],
    grace_s: float = 20.0,
) -> None:
    """Serve in the running loop until an event is set. See `serve`."""
    port = claim_port(host, port)
    logging.getLogger("_granian").addHandler(logging.NullHandler())
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_MS, max_buffer_size=_BUFFER_BYTES),
        websockets=False,
        backlog=_BACKLOG,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    try:
        await _until_listening(serving, host, port)
        ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
            raise WaypostError("the server stopped by itself", mend="Look into the journal, and start it again.")
    finally:
        stopping.cancel()
        app.end()
        if not serving.done():
            server.stop()  # type: ignore[no-untyped-call]
            with contextlib.suppress(TimeoutError):  # whatever is still running then is cut off
                await asyncio.wait_for(serving, grace_s)


def claim_port(host: str, port: int) -> int:
    """The port, if it can be used: the server shares ports, so two of them would not notice each other.

    Raises:
        SettingsError: it cannot.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            return int(trial.getsockname()[1])
    except (OSError, UnicodeError) as error:  # the second says that it can be no name of a host
        raise SettingsError(
            f"cannot listen at {host[:80]}:{port}: {getattr(error, 'strerror', None) or error}",
            mend="Choose another --port or end the program that uses it; --host is an address of this machine.",
        ) from None


async def _until_listening(serving: "asyncio.Task[None]", host: str, port: int) -> None:
    reached = "127.0.0.1" if host == "0.0.0.0" else "::1" if host == "::" else host
    while not serving.done():
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(reached, port)
            writer.close()
            return
        await asyncio.sleep(0.01)
