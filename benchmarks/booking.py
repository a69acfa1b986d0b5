"""How fast orders are booked: entered, confirmed as a job, and carried out as a server does it, with a carrier's fake.

The fake is a process of its own on the same machine. Beside it, in the same run, its adapter is asked by as many
threads with nothing written down: what is left is the price of never booking twice. In the end each order has to have
one waybill, and no two the same.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.load.machine import cpu_s_of
from waypost.app.booking import Booking
from waypost.app.settings import read_settings
from waypost.app.wiring import House, now_ms, open_house
from waypost.booking.issuing import WaybillIssuer
from waypost.booking.order_book import Filters, Progress
from waypost.booking.orders import Order, OrderState, PlannedParcel
from waypost.model.parties import PartyKind
from waypost.testing.carriers.candidate import write_order
from waypost.testing.carriers.fakes import FAKES
from waypost.web.journal import open_journal

_LOOK_S = 0.02
_AT_ONCE = 1000


class Wrong(Exception):
    """An order has no waybill, or two have the same."""


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    with (
        tempfile.TemporaryDirectory(prefix="waypost-booking-", dir=args.folder) as folder,
        serving(args.carrier) as (account, pid),
    ):
        (home := Path(folder) / "home").mkdir()
        (home / "waypost.toml").write_text(f"{account}\nper_minute = 60000\n", "utf-8")
        with open_house(read_settings(home=home)) as house:
            house.open_accounts()
            figures = measure(house, args.carrier, args.orders, args.at_once, pid)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        table = Table("figure", "", title=f"{args.orders:,} orders with the fake of {args.carrier}")
        for name, value in figures.items():
            table.add_row(name, f"{value:,}" if isinstance(value, int | float) else str(value))
        Console().print(table)


@contextmanager
def serving(carrier: str) -> Iterator[tuple[str, int]]:
    """A fake in a process of its own: the account to write into the settings, and its process."""
    command = [sys.executable, "-c", "from waypost.app.cli import main; main()", "carriers", "fake", carrier, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            text = ""
            for line in process.stdout:
                text += line
                if line.startswith("}"):
                    break
            told = msgspec.json.decode(text)
            lines = [f"[accounts.{carrier}]", f'carrier = "{carrier}"', f'url = "{told["url"]}"']
            lines += [f'"{name}" = "{value}"' for name, value in told["account"].items()]
            account = "\n".join(lines)
            assert tomllib.loads(account)
            yield account, process.pid
        finally:
            process.terminate()


def measure(house: House, carrier: str, count: int, at_once: int, fake_pid: int) -> dict[str, Any]:
    """Book so many orders; how fast that was, and how fast the carrier alone answers."""
    issuer = house.contracts[carrier].issuer
    assert issuer is not None
    bare_s = ask_alone(issuer, carrier, count // 4, at_once)
    merchant = house.parties.add(PartyKind.MERCHANT, "bench", now_ms()).id
    orders = draft_orders(carrier, count)
    begun_s = time.perf_counter()
    for start in range(0, count, _AT_ONCE):
        house.bookings.enter(merchant, list(enumerate(orders[start : start + _AT_ONCE])))
    entered_s = time.perf_counter() - begun_s
    own_s, fake_s, begun_s = time.process_time(), cpu_s_of(fake_pid), time.perf_counter()
    job = house.bookings.begin_job(merchant, None, "", "job_1")
    booking = Booking(house.bookings, at_once, now_ms, open_journal(sys.stderr))
    booking.start()
    done = wait_for(house, merchant, job.id)
    booked_s = time.perf_counter() - begun_s
    own_s, fake_s = time.process_time() - own_s, cpu_s_of(fake_pid) - fake_s
    booking.stop()
    if done.states != {OrderState.BOOKED: count}:
        raise Wrong(f"of {count} orders: {dict(done.states)}")
    check(house, merchant, count)
    return {
        "orders": count,
        "entered_per_s": round(count / entered_s),
        "booked_per_s": round(count / booked_s, 1),
        "asked_alone_per_s": round(count // 4 / bare_s, 1),
        "of_asking_alone": round(count / booked_s * bare_s / (count // 4), 2),
        "own_cpu_ms_an_order": round(own_s / count * 1e3, 2),
        "fake_cpu_ms_an_order": round(fake_s / count * 1e3, 2),
    }


def ask_alone(issuer: WaybillIssuer, carrier: str, count: int, at_once: int) -> float:
    """Seconds for so many waybills with nothing written down."""
    with FAKES[carrier].kind() as sample:
        orders = [write_order(sample) for _ in range(count)]
    begun_s = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(issuer.book, orders))
    return time.perf_counter() - begun_s


def draft_orders(carrier: str, count: int) -> list[Order]:
    """As merchants send them, of one item and one parcel each."""
    with FAKES[carrier].kind() as fake:
        like = write_order(fake)
    return [
        Order(
            reference=f"BENCH-{number:07d}",
            sender=like.sender,
            consignee=like.consignee,
            items=tuple(like.items),
            parcels=(PlannedParcel(weight_g=like.weight_g, length_mm=250, width_mm=160, height_mm=60),),
            currency=like.currency,
            mailing_date=like.mailing_date,
        )
        for number in range(count)
    ]


def wait_for(house: House, merchant: str, job: str) -> Progress:
    """How far a job is once nothing of it waits."""
    waiting = threading.Event()
    while not (progress := house.bookings.book.get_job(merchant, job)).is_done:
        waiting.wait(_LOOK_S)
    return progress


def check(house: House, merchant: str, count: int) -> None:
    """See that each order has a waybill of its own."""
    numbers: list[str] = []
    after: str | None = None
    while True:
        page, after = house.bookings.book.list_page(merchant, Filters(), after, 500)
        numbers += [parcel.number for kept in page for parcel in kept.parcels]
        if after is None:
            break
    if len(numbers) != count or len(set(numbers)) != count or "" in numbers:
        raise Wrong(f"{count} orders have {len(numbers)} waybills, {len(set(numbers))} of them different")


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench booking", description=__doc__)
    add = parser.add_argument
    add("--orders", type=int, default=4_000, help="that are booked (default: %(default)s)")
    add("--carrier", default="yto", help="whose fake books them (default: %(default)s)")
    add("--at-once", type=int, default=8, help="orders that are booked at the same time (default: %(default)s)")
    add("--folder", type=Path, default=None, help="where the home lies while it runs (default: the temporary folder)")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
