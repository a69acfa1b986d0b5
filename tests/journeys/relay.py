"""A stretch of network between a client and a server, on which things go wrong when a test says so."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Relay:
    """Passes bytes on to `target`; the next answer may be lost, cut, or be somebody else's.

    Attributes:
        target: host and port; another one holds from the next connection on.
        seen: how many requests began to pass.
    """

    def __init__(self, address: str) -> None:
        self.aim(address)
        self.seen = 0
        self._before: list[Callable[[], None]] = []
        self._cuts: list[tuple[int, Callable[[], None]]] = []
        self._instead: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def aim(self, address: str) -> None:
        """Pass on to another server from now on."""
        host, _, port = address.removeprefix("http://").partition(":")
        self.target = host, int(port)

    def cut_next(self, after: int, then: Callable[[], None] = lambda: None) -> None:
        """Of the next answer only so many bytes get through."""
        self._cuts.append((after, then))

    def when_asked(self, then: Callable[[], None]) -> None:
        """Do something once the next request has been passed on; its answer is lost."""
        self._before.append(then)

    def answer_next(self, *answers: bytes) -> None:
        """Answer the next requests, as a proxy does whose server is away."""
        self._instead += answers

    def forget(self) -> None:
        """Let nothing more go wrong of what did not yet."""
        for waiting in (self._before, self._cuts, self._instead):
            waiting.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One connection, which is made to end behind one request: whatever was said holds for the next one."""
        with client, contextlib.suppress(OSError):
            request = client.recv(1 << 20)
            kept = b"\r\nConnection: keep-alive\r\n"
            assert kept in request
            self.seen += 1
            if self._instead:
                client.sendall(self._instead.pop(0))
                return
            with socket.create_connection(self.target) as server:
                server.sendall(request.replace(kept, b"\r\nConnection: close\r\n", 1))
                if self._before:
                    self._before.pop(0)()
                    return
                self._answer(server, client)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        server.settimeout(30)
        cut, then = self._cuts.pop(0) if self._cuts else (None, lambda: None)
        threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
        passed = 0
        while answer := server.recv(1 << 16):
            if cut is not None and passed + len(answer) > cut:
                client.sendall(answer[: cut - passed])
                then()
                client.shutdown(socket.SHUT_RDWR)
                return
            client.sendall(answer)
            passed += len(answer)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        """What comes behind the first piece: the rest of a long body."""
        with contextlib.suppress(OSError):
            while more := client.recv(1 << 16):
                server.sendall(more)
