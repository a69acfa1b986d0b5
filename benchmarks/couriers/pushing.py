"""Pushes of carriers over HTTP to a real server: verified, logged, kept sealed, thanked for; in the end all there."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np

from benchmarks.couriers.samples import list_scans
from benchmarks.http import Server, running
from benchmarks.load.machine import cpu_s_of
from waypost.access.sealing import Seal
from waypost.app.notebook import open_house
from waypost.store.protocols import Frame
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Asked as Sent
from waypost.testing.carriers.faking import Fake
from waypost.track.pushes import RawPushes

_MOST_LAG = 40_000_000
_TIMEOUT_S = 60.0

#: A scan as carriers tell it: whose, of which waybill, what, when.
Told = tuple[str, str, str, int]


class Load(msgspec.Struct, frozen=True):
    """What one carrier sends: requests as they stand on the wire, whether an answer thanks, and what they tell."""

    requests: Sequence[bytes]
    is_thanked: Callable[[int, bytes], bool]
    told: set[Told]


class Wrong(Exception):
    """Something was lost, or is there twice."""


def measure_pushes(names: Sequence[str], count: int, connections: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Send `count` pushes of each carrier over some connections that stay open, one carrier after the other.

    Raises:
        Wrong: the log does not hold each scan once, or a body was not kept.
    """
    figures: dict[str, dict[str, Any]] = {}
    (folder / "home").mkdir(parents=True)
    fakes = {name: FAKES[name].kind() for name in names}
    (folder / "home/waypost.toml").write_text("\n".join(_account(fake) for fake in fakes.values()), "utf-8")
    told: set[Told] = set()
    with running(folder, _MOST_LAG) as server:
        for name, fake in fakes.items():
            _send(server, make_load(fake, connections * 8, server.host, "WARM"), connections, told)
            load = make_load(fake, count, server.host)
            figures[name] = _send(server, load, connections, told)
            fake.stop()
    figures["all"] = check(folder / "home", told, count=(count + connections * 8) * len(fakes))
    return figures


def make_load(fake: Fake, count: int, host: str, word: str = "PUSH") -> Load:
    """So many pushes of a carrier, each about a scan of its own; twelve are of one parcel."""
    requests: list[bytes] = []
    told: set[Told] = set()
    parcel = 0
    while len(requests) < count:
        number = fake.make(f"{word}{parcel:08d}").number
        scans = [
            msgspec.structs.replace(scan, at_ms=fake.clock() // 1000 * 1000 - (12 - step) * 3_600_000)
            for step, scan in enumerate(list_scans(fake.name, parcel))
        ]
        for scan in scans[: count - len(requests)]:
            (sent,) = fake.write_pushes(number, scan)
            requests.append(_write(sent, f"/v1/carriers/{fake.name}/push", host))
            told.add((fake.name, number, scan.code, scan.at_ms))
        parcel += 1
    return Load(requests, fake.is_thanked, told)


def check(home: Path, told: set[Told], count: int) -> dict[str, Any]:
    """See that the log holds each scan once, and that each body was kept."""
    with open_house(home) as house:
        found = [each for frame in house.memory.log.read(0) for each in _scans_of(frame)]
        kept = RawPushes(house.memory.records, _nothing).count()
    if len(found) != count or set(found) != told:
        lost, strange = len(told - set(found)), len(set(found) - told)
        raise Wrong(f"{count} scans were thanked for, {len(found)} are in the log: {lost} lost, {strange} strange")
    if kept != count:
        raise Wrong(f"{count} pushes were thanked for, {kept} were kept")
    return {"in_the_log": len(found), "kept_sealed": kept}


def _nothing() -> Seal:
    raise Wrong("a body was opened, and only counting was asked for")


def _scans_of(frame: Frame) -> list[Told]:
    columns = [frame.scans.column(name).to_pylist() for name in ("carrier", "number", "code")]
    at_ms = np.asarray(frame.scans.column("at").cast("int64")).tolist()
    return list(zip(*columns, at_ms, strict=True))


def _send(server: Server, load: Load, connections: int, told: set[Told]) -> dict[str, Any]:
    answered: list[list[float]] = [[] for _ in range(connections)]
    failures: list[BaseException] = []

    def post(turn: int) -> None:
        try:
            line = _Line(server.host)
            for request in load.requests[turn::connections]:
                begun_s = time.perf_counter()
                status, body = line.ask(request)
                answered[turn].append((time.perf_counter() - begun_s) * 1e3)
                if not load.is_thanked(status, body):
                    raise Wrong(f"a push was answered {status}: {body[:200]!r}")
            line.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=post, args=(turn,), daemon=True) for turn in range(connections)]
    begun_s, own_s, server_s = time.perf_counter(), time.process_time(), cpu_s_of(server.pid)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun_s
    own_s, server_s = time.process_time() - own_s, cpu_s_of(server.pid) - server_s
    if failures:
        raise failures[0]
    told |= load.told
    ack_ms = [each for part in answered for each in part]
    return {
        "pushes": len(ack_ms),
        "acknowledged_per_s": round(len(ack_ms) / seconds),
        "ack_p50_ms": round(float(np.percentile(ack_ms, 50)), 2),
        "ack_p99_ms": round(float(np.percentile(ack_ms, 99)), 2),
        "server_cpu_us_per_push": round(server_s / len(ack_ms) * 1e6),
        "sender_cpu_us_per_push": round(own_s / len(ack_ms) * 1e6),
    }


class _Line:
    """A connection that stays open. Requests are made beforehand: the sender shares the machine with the server."""

    def __init__(self, host: str) -> None:
        name, _, port = host.rpartition(":")
        self._socket = socket.create_connection((name, int(port)), timeout=_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self._socket.sendall(request)
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += self._hear()
        head, _, body = heard.partition(b"\r\n\r\n")
        status, *headers = head.split(b"\r\n")
        (size,) = [int(each.split(b":")[1]) for each in headers if each.lower().startswith(b"content-length:")]
        while len(body) < size:
            body += self._hear()
        return int(status.split()[1]), body

    def close(self) -> None:
        self._socket.close()

    def _hear(self) -> bytes:
        part = self._socket.recv(1 << 16)
        if not part:
            raise Wrong("the line was cut")
        return part


def _account(fake: Fake) -> str:
    lines = [f"[accounts.{fake.name}]", f'carrier = "{fake.name}"', f'url = "{fake.api_url}"']
    return "\n".join([*lines, *(f'"{name}" = "{value}"' for name, value in fake.account().items())])


def _write(sent: Sent, path: str, host: str) -> bytes:
    query = f"?{urlencode(sent.query)}" if sent.query else ""
    headers = {**sent.headers, "host": host, "content-length": str(len(sent.body))}
    lines = [f"POST {path}{query} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + sent.body
