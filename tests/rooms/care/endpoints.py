"""Merchants' endpoints on loopback: real HTTP servers that behave, or not."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook


class Got(msgspec.Struct, frozen=True):
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> Any:
        return msgspec.json.decode(self.body)["data"]

    def is_signed_by(self, secret: str) -> Any:
        """What was sent, as the library has it, which raises if the signature is another."""
        return Webhook(secret).verify(self.body, self.headers)


class Endpoint:
    """Keeps what it gets. `answer` is told each request and gives a status, or headers besides."""

    def __init__(self, answer: Callable[[Got], int | tuple[int, dict[str, str]]] = lambda got: 204) -> None:
        self.answer = answer
        self.got: list[Got] = []
        self._more = threading.Condition()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Got(self.path, headers, self.rfile.read(length))
                answer = endpoint.answer(got)
                endpoint.keep(got)
                status, more = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?shop=1"

    def keep(self, got: Got) -> None:
        with self._more:
            self.got.append(got)
            self._more.notify_all()

    def wait_for(self, count: int, seconds: float = 30) -> list[Got]:
        """What it got, once that is so many."""
        with self._more:
            assert self._more.wait_for(lambda: len(self.got) >= count, seconds), [got.data for got in self.got]
            return list(self.got)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def open_endpoint(answer: Callable[[Got], int | tuple[int, dict[str, str]]] = lambda got: 204) -> Iterator[Endpoint]:
    endpoint = Endpoint(answer)
    try:
        yield endpoint
    finally:
        endpoint.close()


@contextmanager
def open_rude(act: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each connection as it likes; the address of it."""
    listening = socket.create_server(("127.0.0.1", 0))
    open_lines: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            open_lines.append(line)
            threading.Thread(target=_act, args=(act, line), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)
        for line in open_lines:
            line.close()


def _act(act: Callable[[socket.socket], None], line: socket.socket) -> None:
    with contextlib.suppress(OSError):  # whoever called has gone
        act(line)


def say_nothing(line: socket.socket) -> None:
    line.recv(1 << 16)
    threading.Event().wait(60)


def drip(line: socket.socket) -> None:
    """A head that never ends."""
    line.recv(1 << 16)
    line.sendall(b"HTTP/1.1 200 OK\r\nx-long: ")
    while True:
        line.sendall(b"a")
        time.sleep(0.02)


def reset(line: socket.socket) -> None:
    line.recv(1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def speak_no_http(line: socket.socket) -> None:
    line.recv(1 << 16)
    line.sendall(b"220 mail.example ESMTP\r\n")
    line.close()


def pour(line: socket.socket) -> None:
    """A good answer whose body has no end."""
    line.recv(1 << 16)
    line.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
    while True:
        line.sendall(b"x" * (1 << 16))


def shout(line: socket.socket) -> None:
    """Headers without an end, as fast as they go."""
    line.recv(1 << 16)
    line.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        line.sendall(b"x-more: " + b"y" * 8000 + b"\r\n")
