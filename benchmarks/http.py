"""How many scans a second a server takes over HTTP: a burst as fast as it goes, then a steady rate with look-ups.

`waypost serve` runs as a process of its own on the same machine, in a new home. Bodies of NDJSON are made first; every
time that all are sent, the two letters of each number are set anew, so that no scan is sent twice. A body counts when
its 200 has come: its scans are on disk then. In the burst the index may fall behind; then it is awaited. At the steady
rate the lag is noted twice a second, and random parcels are looked up.
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.load.machine import cpu_s_of, list_indexers
from benchmarks.worlds import STEPS, World
from waypost.app.serving import take_short_turns

_LETTERS = b"ABCDEFGHJKLMNPQRSTUVWXYZ"
_NUMBER = re.compile(rb'"number":"')
_LOOK_S = 0.5
_DRAIN_S = 1800.0
_TIMEOUT_S = 120.0


@dataclass
class Sent:
    """What came of sending for a while.

    Attributes:
        answers: how many bodies got which status.
        ack_ms: how long each 200 took.
        lookup_ms: how long each look-up took, beside it.
        lags: scans that the index was behind, twice a second.
        seconds: of sending.
        own_cpu_s: that the sender itself used.
        server_cpu_s: that the server used.
        indexer_cpu_s: that its indexer used, up to the last answer.
    """

    answers: Counter[int] = field(default_factory=Counter)
    ack_ms: list[float] = field(default_factory=list)
    lookup_ms: list[float] = field(default_factory=list)
    lags: list[int] = field(default_factory=list)
    seconds: float = 0.0
    own_cpu_s: float = 0.0
    server_cpu_s: float = 0.0
    indexer_cpu_s: float = 0.0


class Stock:
    """Bodies that are made once and sent again and again, each time about other numbers. Any thread may take."""

    def __init__(self, scans: int, rows: int, seed: int) -> None:
        world = World(-(-scans // STEPS), seed, scans)
        self._bodies = [np.frombuffer(bytearray(world.body(ids)), np.uint8) for ids in world.blocks(rows)]
        self._places = [_number_places(body) for body in self._bodies]
        self._taken = 0
        self._lock = threading.Lock()
        self.rows = [len(places) for places in self._places]

    def take(self) -> tuple[bytes, int, str]:
        """The next body, how many scans are in it, and one of its numbers."""
        with self._lock:
            turn, place = divmod(self._taken, len(self._bodies))
            self._taken += 1
        body, places = self._bodies[place].copy(), self._places[place]
        first, second = divmod(turn % len(_LETTERS) ** 2, len(_LETTERS))
        body[places], body[places + 1] = _LETTERS[first], _LETTERS[second]
        data = body.tobytes()
        return data, len(places), data[places[0] : data.index(b'"', int(places[0]))].decode()


def _number_places(body: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    return np.array([found.end() for found in _NUMBER.finditer(body.tobytes())], np.int64)


@dataclass
class Server:
    """A server under test."""

    pid: int
    host: str
    key: str

    def connect(self) -> http.client.HTTPConnection:
        """A connection to it."""
        return http.client.HTTPConnection(self.host, timeout=_TIMEOUT_S)

    def ask(self, path: str, connection: http.client.HTTPConnection) -> tuple[int, bytes]:
        """Status and body of a GET with the operator's key."""
        connection.request("GET", path, headers={"authorization": f"Bearer {self.key}"})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def lag(self, connection: http.client.HTTPConnection) -> int:
        """How many scans the index is behind."""
        _, text = self.ask("/metrics", connection)
        found = re.search(rb"^waypost_index_lag_scans (\S+)", text, re.MULTILINE)
        assert found is not None
        return int(float(found[1]))

    def cpu_s(self) -> tuple[float, float]:
        """Seconds of CPU that it has used, and its indexer."""
        return cpu_s_of(self.pid), sum(map(cpu_s_of, list_indexers(self.pid)))


@contextmanager
def running(folder: Path, most_lag: int) -> Iterator[Server]:
    """A server in a new home, which takes bulk until the index lags so far behind."""
    environ = os.environ | {
        "WAYPOST_HOME": str(folder / "home"),
        "WAYPOST_SITE_ACCESS_LOG": "false",
        "WAYPOST_LIMITS_BULK_LAG": str(most_lag),
        "WAYPOST_LIMITS_MOST_LAG": str(most_lag + 1),
    }
    command = [sys.executable, "-c", "from waypost.app.cli import main; main()", "serve", "--port", "0", "--json"]
    with (folder / "journal").open("wb") as journal:
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=journal)
    try:
        assert process.stdout is not None
        told = b"".join(iter(process.stdout.readline, b"}\n")) + b"}"
        try:
            said = json.loads(told)
        except ValueError:
            raise SystemExit(f"The server did not start: {(folder / 'journal').read_text()[-2000:]}") from None
        yield Server(process.pid, said["address"].removeprefix("http://"), said["key"])
    finally:
        process.terminate()
        process.wait(_TIMEOUT_S)


def send(server: Server, stock: Stock, seconds: float, connections: int, rate: float | None) -> Sent:
    """Send for some seconds: as fast as it goes, or so many scans a second, with look-ups beside it."""
    sent, lock = Sent(), threading.Lock()
    begun_s, own_cpu_s, (server_cpu_s, indexer_cpu_s) = time.perf_counter(), time.process_time(), server.cpu_s()
    until_s = begun_s + seconds
    numbers: list[str] = []
    due = [0]

    def post() -> None:
        connection = server.connect()
        headers = {"authorization": f"Bearer {server.key}", "content-type": "application/x-ndjson"}
        while time.perf_counter() < until_s:
            body, rows, number = stock.take()
            if rate is not None:
                with lock:
                    due[0] += rows
                    start_s = begun_s + due[0] / rate
                time.sleep(max(0.0, start_s - time.perf_counter()))
            mark = time.perf_counter()
            connection.request("POST", "/v1/scans", body, headers)
            answer = connection.getresponse()
            told = answer.read()
            with lock:
                sent.answers[answer.status] += rows
                if answer.status == 200:
                    sent.ack_ms.append((time.perf_counter() - mark) * 1e3)
                    numbers.append(number)
            if answer.status == 429:
                time.sleep(float(answer.headers["retry-after"]))
            elif answer.status != 200 or json.loads(told)["accepted"] != rows:
                raise RuntimeError(f"{answer.status}: {told[:500]!r}")

    def look_up() -> None:
        connection, rng = server.connect(), np.random.default_rng(1)
        while time.perf_counter() < until_s:
            if numbers:
                number = numbers[int(rng.integers(0, len(numbers)))]
                mark = time.perf_counter()
                status, _ = server.ask(f"/v1/parcels/{number}", connection)
                if status == 200:  # the last ones may not be shown yet
                    sent.lookup_ms.append((time.perf_counter() - mark) * 1e3)
            time.sleep(0.02)

    def watch() -> None:
        connection = server.connect()
        while time.perf_counter() < until_s:
            sent.lags.append(server.lag(connection))
            time.sleep(_LOOK_S)

    _together([post] * connections + [watch] + ([look_up] if rate is not None else []))
    sent.seconds = time.perf_counter() - begun_s
    sent.own_cpu_s = time.process_time() - own_cpu_s
    sent.server_cpu_s, sent.indexer_cpu_s = (
        now - before for now, before in zip(server.cpu_s(), (server_cpu_s, indexer_cpu_s), strict=True)
    )
    return sent


def _together(acts: list[Callable[[], None]]) -> None:
    failures: list[BaseException] = []

    def run(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def await_index(server: Server) -> float:
    """Seconds until nothing lags."""
    begun_s, connection = time.perf_counter(), server.connect()
    while server.lag(connection):
        if time.perf_counter() - begun_s > _DRAIN_S:
            raise RuntimeError(f"After {_DRAIN_S:.0f} s the index still lags.")
        time.sleep(0.1)
    return time.perf_counter() - begun_s


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    aside = Console(stderr=True)
    aside.print(f"making {args.stock:,} scans of JSON")
    stock = Stock(args.stock, args.batch, args.seed)
    take_short_turns()  # the look-ups share this process with those who send
    with (
        tempfile.TemporaryDirectory(prefix="waypost-http-", dir=args.folder) as folder,
        running(Path(folder), args.most_lag) as server,
    ):
        aside.print("warming up")
        send(server, stock, args.warm_up_s, args.connections, None)
        await_index(server)
        aside.print(f"a burst of {args.burst_s:g} s")
        burst = send(server, stock, args.burst_s, args.connections, None)
        drain_s = await_index(server)
        aside.print(f"{args.rate:,} a second for {args.steady_s:g} s")
        steady = send(server, stock, args.steady_s, args.connections, args.rate)
        left_s = await_index(server)
    accepted = burst.answers[200]
    figures = {
        "burst": _figures(burst) | {"indexed_per_s": round(accepted / (burst.seconds + drain_s))},
        "steady": _figures(steady) | {"asked_per_s": args.rate, "indexed_after_s": round(left_s, 2)},
    }
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        _print_table(figures)


def _figures(sent: Sent) -> dict[str, Any]:
    accepted = sent.answers[200]
    return {
        "acknowledged_per_s": round(accepted / sent.seconds),
        "accepted": accepted,
        "turned_away": sum(sent.answers.values()) - accepted,
        **{f"ack_p{share}_ms": _percentile(sent.ack_ms, share) for share in (50, 99)},
        **{f"lookup_p{share}_ms": _percentile(sent.lookup_ms, share) for share in (50, 99)},
        "lag_most": max(sent.lags, default=0),
        "lag_last": sent.lags[-1] if sent.lags else 0,
        "server_cpu_us_per_scan": round(sent.server_cpu_s / max(accepted, 1) * 1e6, 2),
        "indexer_cpu_us_per_scan": round(sent.indexer_cpu_s / max(accepted, 1) * 1e6, 2),
        "sender_cpu_us_per_scan": round(sent.own_cpu_s / max(accepted, 1) * 1e6, 2),
    }


def _percentile(values: list[float], share: float) -> float | None:
    return round(float(np.percentile(values, share)), 2) if values else None


def _print_table(figures: dict[str, dict[str, Any]]) -> None:
    table = Table("figure", *figures, title="scans over HTTP")
    for name in dict.fromkeys(name for each in figures.values() for name in each):
        values = [each.get(name) for each in figures.values()]
        table.add_row(name, *("" if value is None else f"{value:,}" for value in values))
    Console().print(table)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench http", description=__doc__)
    add = parser.add_argument
    add("--stock", type=int, default=1_000_000, help="scans to make at first (default: %(default)s)")
    add("--batch", type=int, default=5_000, help="scans in a body (default: %(default)s)")
    add("--connections", type=int, default=4, help="that send at one time (default: %(default)s)")
    add("--warm-up-s", type=float, default=3.0, help="seconds before it counts (default: %(default)s)")
    add("--burst-s", type=float, default=30.0, help="seconds of the burst (default: %(default)s)")
    add("--rate", type=int, default=400_000, help="scans a second after it (default: %(default)s)")
    add("--steady-s", type=float, default=60.0, help="seconds at that rate (default: %(default)s)")
    add(
        "--most-lag",
        type=int,
        default=40_000_000,
        help="scans to lag before bulk is turned away (default: %(default)s)",
    )
    add("--seed", type=int, default=1)
    add("--folder", type=Path, default=None, help="where the home lies while it runs (default: the temporary folder)")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
