"""What open towers cost: scans come in over HTTP with and without others who watch the network live, in turns.

`waypost serve` runs as a process of its own on the same machine, in a new home. Towers are streams of server-sent
events, read by a process of their own as fast as they come. In each turn scans are sent for some seconds as fast as
it goes, then the index is awaited: what counts is how many were indexed, in all of that time. Turns with and without
towers alternate, so that a machine that gets slower or faster meanwhile does so for both. What the towers' own process
uses is told beside: on one machine it takes its share of the processors too.
"""

import argparse
import asyncio
import multiprocessing as mp
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console

from benchmarks.http import Server, Stock, await_index, running, send
from benchmarks.load.machine import cpu_s_of


class Watched(msgspec.Struct):
    """What towers were sent in a turn."""

    events: int = 0
    bytes: int = 0
    cpu_s: float = 0.0


@contextmanager
def towers(server: Server, count: int) -> Iterator[Watched]:
    """Towers that are open meanwhile; none with 0."""
    watched = Watched()
    if not count:
        yield watched
        return
    context = mp.get_context("spawn")
    ready, events, size = (context.Value("q", 0) for _ in range(3))
    process = context.Process(target=_watch, args=(server.host, server.key, count, ready, events, size), daemon=True)
    process.start()
    assert process.pid is not None
    while ready.value < count:
        if not process.is_alive():
            raise SystemExit("The towers could not be opened.")
        time.sleep(0.05)
    before = events.value, size.value, cpu_s_of(process.pid)
    try:
        yield watched
        watched.events, watched.bytes = events.value - before[0], size.value - before[1]
        watched.cpu_s = round(cpu_s_of(process.pid) - before[2], 2)
    finally:
        process.terminate()
        process.join()


def _watch(host: str, key: str, count: int, ready: Any, events: Any, size: Any) -> None:
    asyncio.run(_watch_all(host, key, count, ready, events, size))


async def _watch_all(
    host: str, key: str, count: int, ready: "Synchronized[int]", events: "Synchronized[int]", size: "Synchronized[int]"
) -> None:
    name, port = host.rsplit(":", 1)
    asked = f"GET /v1/live/stream HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n\r\n".encode()

    async def watch() -> None:
        is_new = True
        while True:
            reader, writer = await asyncio.open_connection(name, int(port))
            writer.write(asked)
            while read := await reader.read(1 << 20):
                size.value += len(read)
                found = read.count(b"\nevent: ")
                events.value += found
                if found and is_new:
                    ready.value, is_new = ready.value + 1, False
            writer.close()  # a stream lasts only so long

    await asyncio.gather(*(watch() for _ in range(count)))


def measure(server: Server, stock: Stock, args: argparse.Namespace, aside: Console) -> dict[str, Any]:
    """All turns."""
    turns: dict[str, list[dict[str, Any]]] = {"without": [], "with": []}
    for turn in range(args.turns):
        for kind in ("without", "with") if turn % 2 == 0 else ("with", "without"):
            with towers(server, args.towers if kind == "with" else 0) as watched:
                sent = send(server, stock, args.seconds, args.connections, None)
                left_s = await_index(server)
            accepted = sent.answers[200]
            turns[kind].append(
                {
                    "indexed_per_s": round(accepted / (sent.seconds + left_s)),
                    "acknowledged_per_s": round(accepted / sent.seconds),
                    "server_cpu_us_per_scan": round(sent.server_cpu_s / accepted * 1e6, 2),
                    "towers": msgspec.to_builtins(watched),
                }
            )
            aside.print(f"{kind}: {turns[kind][-1]['indexed_per_s']:,} scans a second")
    rates = {kind: float(np.median([each["indexed_per_s"] for each in told])) for kind, told in turns.items()}
    return {
        "towers": args.towers,
        "indexed_per_s": {kind: round(rate) for kind, rate in rates.items()},
        "cost_percent": round(100 * (1 - rates["with"] / rates["without"]), 1),
        "turns": turns,
    }


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    aside = Console(stderr=True)
    aside.print(f"making {args.stock:,} scans of JSON")
    stock = Stock(args.stock, args.batch, args.seed)
    with (
        tempfile.TemporaryDirectory(prefix="waypost-towers-", dir=args.folder) as folder,
        running(Path(folder), args.most_lag) as server,
    ):
        aside.print("warming up")
        send(server, stock, args.warm_up_s, args.connections, None)
        await_index(server)
        figures = measure(server, stock, args, aside)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
        return
    rates = figures["indexed_per_s"]
    print(f"{rates['without']:,} scans a second without, {rates['with']:,} with {args.towers} towers: ", end="")
    print(f"they cost {figures['cost_percent']} %.")


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench towers", description=__doc__)
    add = parser.add_argument
    add("--towers", type=int, default=200, help="that are open (default: %(default)s)")
    add("--turns", type=int, default=3, help="with and without, each (default: %(default)s)")
    add("--seconds", type=float, default=15.0, help="of sending in a turn (default: %(default)s)")
    add("--stock", type=int, default=1_000_000, help="scans to make at first (default: %(default)s)")
    add("--batch", type=int, default=5_000, help="scans in a body (default: %(default)s)")
    add("--connections", type=int, default=4, help="that send at one time (default: %(default)s)")
    add("--warm-up-s", type=float, default=5.0, help="seconds before it counts (default: %(default)s)")
    add("--most-lag", type=int, default=40_000_000, help="scans to lag before bulk is turned away")
    add("--seed", type=int, default=1)
    add("--folder", type=Path, default=None, help="where the home lies while it runs")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
