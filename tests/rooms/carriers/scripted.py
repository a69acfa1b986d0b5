"""A server that answers as a test says, and a clock that a test moves."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from waypost.carriers.accounts import Account, Secret
from waypost.carriers.calling import Caller, Hours


class Got(msgspec.Struct, frozen=True, kw_only=True):
    """A request; names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


#: Status, type and body; None cuts the line.
Told = tuple[int, str, bytes] | None


def told(value: object, status: int = 200) -> Told:
    return status, "application/json", msgspec.json.encode(value)


class Clock:
    """Stands still but for pauses."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds

    @property
    def hours(self) -> Hours:
        return Hours(
            now_ms=lambda: int(self.now_s * 1000), ticks=lambda: self.now_s, pause=self.pause, chance=lambda: 0.5
        )


class Scripted:
    """What a test holds: what was asked, the clock, the caller."""

    def __init__(self, caller: Caller, clock: Clock, got: list[Got]) -> None:
        self.caller, self.clock, self.got = caller, clock, got

    def paths(self) -> list[str]:
        return [f"{each.method} {each.path.split('?')[0]}" for each in self.got]


@contextmanager
def scripted(
    carrier: str, answer: Callable[[Got], Told], settings: Mapping[str, str], secrets: Mapping[str, str]
) -> Iterator[Scripted]:
    """An account at a carrier that answers so."""
    got: list[Got] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Got(method=self.command, path=self.path, headers=headers, body=body)
            got.append(asked)
            told = answer(asked)
            if told is None:
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(told[0])
            self.send_header("content-type", told[1])
            self.send_header("content-length", str(len(told[2])))
            self.end_headers()
            self.wfile.write(told[2])

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    clock = Clock()
    account = Account(
        name="mine",
        carrier=carrier,
        url=f"http://127.0.0.1:{server.server_address[1]}",
        settings=settings,
        secrets={name: Secret(text) for name, text in secrets.items()},
        per_minute=60_000,
        timeout_s=5,
    )
    caller = Caller(account, clock.hours)
    try:
        yield Scripted(caller, clock, got)
    finally:
        caller.close()
        server.shutdown()
        server.server_close()
        thread.join()
