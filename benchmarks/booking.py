"""How fast a sheet of orders becomes waybills and a print file, and how much memory that takes.

The sheet is entered, confirmed as a job, carried out as a server does it, and printed as one PDF; over SQLite and over
PostgreSQL, with a carrier's fake, which is a process of its own on the same machine, and with a pool of numbers, for
which nobody is asked and whose labels are ours. Beside the fake its adapter is asked by as many threads with nothing
written down: what is left is the price of never booking twice. In the end each order has to have one waybill, no two
the same, and one page.
"""

import argparse
import csv
import io
import resource
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy
from pypdf import PdfReader
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import URL

from benchmarks.load.machine import cpu_s_of
from benchmarks.peers.peer import LeftOut
from benchmarks.peers.postgres import start
from waypost.app.booking import Booking
from waypost.app.settings import read_settings
from waypost.app.wiring import House, now_ms, open_house
from waypost.booking.issuing import Address, WaybillIssuer
from waypost.booking.jobs import Progress
from waypost.booking.order_book import Filters
from waypost.booking.orders import OrderState
from waypost.booking.pools import Pool, PoolKind
from waypost.booking.sheets import Headings
from waypost.engines.sql.records import SqlRecords
from waypost.feeds.order_sheets import OrderSheets
from waypost.model.parties import PartyKind
from waypost.testing.carriers.candidate import write_order
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Fake
from waypost.web.journal import open_journal

DATABASES = ("sqlite", "postgresql")
#: The account that asks nobody.
POOL = "pool"
_LOOK_S = 0.02


class Wrong(Exception):
    """An order has no waybill or no page, or two have the same waybill."""


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    if args.alone:
        print(msgspec.json.encode(run(args.alone, args)).decode())
        return
    found = []
    for database in args.records:
        for account in (args.carrier, POOL):
            if not args.json:
                print(f"{args.orders:,} orders over {database} with {account} ...", file=sys.stderr)
            found.append(_run_apart(f"{database}:{account}"))
    if args.json:
        print(msgspec.json.format(msgspec.json.encode({"orders": args.orders, "runs": found})).decode())
    else:
        _print(args.orders, found)


def _run_apart(what: str) -> dict[str, Any]:
    """In a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.booking", *sys.argv[1:], "--alone", what]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = msgspec.json.decode(done.stdout)
    return told


def _print(orders: int, found: Sequence[dict[str, Any]]) -> None:
    table = Table("", *(f"{run['records']}\n{run['account']}" for run in found), title=f"{orders:,} orders")
    for name in dict.fromkeys(name for run in found for name in run if name not in ("records", "account")):
        values = (run.get(name, "") for run in found)
        table.add_row(name, *(f"{value:,}" if isinstance(value, int | float) else str(value) for value in values))
    Console().print(table)


def run(what: str, args: argparse.Namespace) -> dict[str, Any]:
    """The figures of one database and account, or why it is left out."""
    database, _, account = what.partition(":")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waypost-booking-", dir=args.folder)))
        folder.chmod(0o755)  # PostgreSQL runs as another user
        try:
            elsewhere = None if database == "sqlite" else stack.enter_context(_postgres(folder))
        except LeftOut as why:
            return {"records": database, "account": account, "left_out": str(why)}
        (home := folder / "home").mkdir()
        fake_pid = None
        if account == POOL:
            settings = f'[accounts.{POOL}]\ncarrier = "ruralpost"\nadapter = "neutral"\npool = "rural"\n'
        else:
            settings, fake_pid = stack.enter_context(serving(account))
        (home / "waypost.toml").write_text(f"{settings}\nper_minute = 60000\n", "utf-8")
        house = stack.enter_context(open_house(read_settings(home=home), elsewhere=elsewhere))
        if account == POOL:
            house.pools.add(_pool(args.orders), now_ms())
        house.open_accounts()
        figures = measure(house, account, args, fake_pid, folder)
    return {"records": database, "account": account} | figures


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


@contextmanager
def _postgres(folder: Path) -> Iterator[SqlRecords]:
    (cluster := folder / "postgres").mkdir()
    server = start(cluster)
    try:
        where = URL.create("postgresql+psycopg", username="postgres", query={"host": str(cluster)})
        engine = sqlalchemy.create_engine(where.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE waypost")
        engine.dispose()
        yield SqlRecords(where.set(database="waypost"))
    finally:
        server.close()


def _pool(count: int) -> Pool:
    return Pool(
        name="rural",
        carrier="ruralpost",
        branch="",
        kind=PoolKind.PLAIN,
        prefix="RP",
        suffix="CN",
        width=9,
        first=1,
        last=count,
        next=1,
        alarm=0,
    )


def measure(house: House, account: str, args: argparse.Namespace, fake_pid: int | None, folder: Path) -> dict[str, Any]:
    """From a sheet to a print file; how fast each step was, and how fast the carrier alone answers."""
    count = args.orders
    with FAKES["yto" if account == POOL else account].kind() as fake:
        sheet = folder / "orders.csv"
        sheet.write_text(write_sheet(fake, account, count), "utf-8")
        issuer = house.contracts[account].issuer
        alone_s = None if issuer is None else ask_alone(issuer, fake, count // 4, args.at_once)
    merchant = house.parties.add(PartyKind.MERCHANT, "bench", now_ms()).id
    before_mb = _peak_mb()
    begun_s = time.perf_counter()
    entered = house.bookings.enter_sheet(merchant, sheet.name, OrderSheets().read(sheet), Headings())
    if entered.refusals:
        raise Wrong(f"{len(entered.refusals)} rows were refused, the first: {entered.refusals[0]}")
    entered_s = time.perf_counter() - begun_s
    own_s, fake_s = time.process_time(), cpu_s_of(fake_pid) if fake_pid else 0.0
    job = house.bookings.begin_job(merchant, None, "", "job_1")
    booking = Booking(house.bookings, args.at_once, now_ms, open_journal(sys.stderr))
    booking.start()
    done = wait_for(house, merchant, job.id)
    booked_s = time.perf_counter() - begun_s - entered_s
    own_s, fake_s = time.process_time() - own_s, (cpu_s_of(fake_pid) if fake_pid else 0.0) - fake_s
    booking.stop()
    if done.states != {OrderState.BOOKED: count}:
        raise Wrong(f"of {count} orders: {dict(done.states)}")
    printing_s = time.perf_counter()
    printed = house.papers.print_job(merchant, job.id)
    ended_s = time.perf_counter()
    peak_mb = _peak_mb()
    check(house, merchant, count)
    if (pages := len(PdfReader(io.BytesIO(printed.content)).pages)) != count:
        raise Wrong(f"{count} orders have {pages} pages; left out: {printed.left[:3]}")
    figures = {
        "entered_per_s": round(count / entered_s),
        "booked_per_s": round(count / booked_s, 1),
        "printed_per_s": round(count / (ended_s - printing_s)),
        "sheet_to_print_file_s": round(ended_s - begun_s, 2),
        "print_file_mb": round(len(printed.content) / 1e6, 2),
        "peak_mb": round(peak_mb),
        "of_that_for_the_orders_mb": round(peak_mb - before_mb),
        "own_cpu_ms_a_booking": round(own_s / count * 1e3, 2),
    }
    if alone_s is not None:
        figures["asked_alone_per_s"] = round(count // 4 / alone_s, 1)
        figures["booked_of_asked_alone"] = round(count / booked_s * alone_s / (count // 4), 2)
        figures["fake_cpu_ms_a_booking"] = round(fake_s / count * 1e3, 2)
    return figures


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ask_alone(issuer: WaybillIssuer, sample: Fake, count: int, at_once: int) -> float:
    """Seconds for so many waybills with nothing written down."""
    orders = [write_order(sample) for _ in range(count)]
    begun_s = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(issuer.book, orders))
    return time.perf_counter() - begun_s


def write_sheet(fake: Fake, account: str, count: int) -> str:
    """As merchants keep them: a row for each order, of one item and one parcel."""
    order = write_order(fake)
    item = order.items[0]
    ends = {
        f"{end}_{part}": value
        for end, address in (("sender", order.sender), ("consignee", order.consignee))
        for part, value in _parts(address).items()
    }
    row = ends | {
        "account": account,
        "currency": order.currency,
        "mailing_date": order.mailing_date,
        "weight_g": order.weight_g,
        "length_cm": 25,
        "width_cm": 16,
        "height_cm": 6,
        "item_description": item.description,
        "item_quantity": item.quantity,
    }
    text = io.StringIO()
    rows = csv.DictWriter(text, ["reference", *row])
    rows.writeheader()
    rows.writerows({"reference": f"BENCH-{number:07d}"} | row for number in range(count))
    return text.getvalue()


def _parts(address: Address) -> dict[str, str]:
    return {name: value for name, value in msgspec.structs.asdict(address).items() if value}


def wait_for(house: House, merchant: str, job: str) -> Progress:
    """How far a job is once nothing of it waits."""
    waiting = threading.Event()
    while not (progress := house.bookings.jobs.get(merchant, job)).is_done:
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
    add("--orders", type=int, default=10_000, help="that the sheet has (default: %(default)s)")
    add("--records", nargs="+", choices=DATABASES, default=DATABASES, help="where they are kept (default: both)")
    add("--carrier", default="yto", choices=sorted(FAKES), help="whose fake books them (default: %(default)s)")
    add("--at-once", type=int, default=8, help="orders that are booked at the same time (default: %(default)s)")
    add("--folder", type=Path, default=None, help="where the home lies while it runs (default: the temporary folder)")
    add("--json", action="store_true", help="print JSON")
    add("--alone", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
