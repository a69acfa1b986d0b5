"""Kill a server again and again while it books a batch of orders, and prove that each was booked once.

The server is a process of its own over a new home, and YTO's fake runs in this one, so that it is known what the
carrier was asked. Orders are entered and confirmed over HTTP as one job. Then come kills -9, at random moments over the
whole batch; after each the server is started again. In the end every order has to be booked, no number stand twice, and
the numbers be those, and only those, that the fake has given. It ends with 1 if anything is wrong.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from rich.console import Console
from rich.progress import Progress

from waypost.access.keys import Role
from waypost.app.settings import read_settings
from waypost.app.wiring import now_ms, open_house
from waypost.booking.issuing import Item
from waypost.booking.orders import Order, PlannedParcel
from waypost.model.parties import PartyKind
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Fake

_AT_ONCE = 2_500
_PATIENCE_S = 600.0
_LOOK_S = 0.002
_DONE_S = 0.2


class Wrong(Exception):
    """An order was lost, or booked twice."""


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="waypost-batch-") as folder:
            told = go_through(Path(folder), args.orders, args.kills, args.seed)
    except Wrong as error:
        print(f"WRONG: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        print("  ".join(f"{name} {value:,}" for name, value in told.items()))


def go_through(folder: Path, count: int, kills: int, seed: int) -> dict[str, Any]:
    """Book so many orders with so many kills between.

    Raises:
        Wrong: an order was lost or booked twice, or nothing got on.
    """
    rng = random.Random(seed)
    goals = sorted(rng.randrange(1, count) for _ in range(kills))
    home = folder / "home"
    with FAKES["yto"].kind() as fake, Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{count:,} orders, {kills} kills", total=count)
        _write_settings(home, fake)
        headers = _make_merchant(home)
        begun_s = time.monotonic()
        job = ""
        for goal in (*goals, None):
            with _serving(home, folder) as address, _shop(address, headers) as shop:
                if not job:
                    job = _begin(shop, fake, count)
                    entered_s = time.monotonic() - begun_s
                if goal is not None:  # and then comes the kill
                    _await(fake, goal, progress, task)
                else:
                    _await_end(shop, job, fake, progress, task)
                    numbers = _list_numbers(shop)
    given = set(fake.parcels)
    if len(numbers) != count or len(set(numbers)) != count or set(numbers) != given:
        raise Wrong(
            f"{count} orders have {len(numbers)} numbers, {len(set(numbers))} of them different; the carrier gave "
            f"{len(given)}, {len(given - set(numbers))} of which nobody knows"
        )
    seconds = time.monotonic() - begun_s
    return {"orders": count, "kills": kills, "entered_s": round(entered_s, 1), "seconds": round(seconds, 1)}


def _begin(shop: httpx.Client, fake: Fake, count: int) -> str:
    """Enter the orders, and confirm them as a job."""
    for start in range(0, count, _AT_ONCE):
        orders = [_draft(fake, number) for number in range(start, min(start + _AT_ONCE, count))]
        kind = {"content-type": "application/json"}
        answer = shop.post("/v1/orders", content=msgspec.json.encode(orders), headers=kind)
        if answer.status_code != 200 or answer.json()["refusals"]:
            raise Wrong(f"orders were not taken: {answer.text[:500]}")
    job: str = shop.post("/v1/jobs", json={}, headers={"idempotency-key": "tonight"}).json()["id"]
    return job


def _await(fake: Fake, goal: int, progress: Progress, task: Any) -> None:
    until = time.monotonic() + _PATIENCE_S
    while len(fake.parcels) < goal:
        if time.monotonic() > until:
            raise Wrong(f"after {_PATIENCE_S:.0f} s no more than {len(fake.parcels)} are booked")
        progress.update(task, completed=len(fake.parcels))
        time.sleep(_LOOK_S)


def _await_end(shop: httpx.Client, job: str, fake: Fake, progress: Progress, task: Any) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not (told := shop.get(f"/v1/jobs/{job}").json())["is_done"]:
        if time.monotonic() > until:
            raise Wrong(f"after {_PATIENCE_S:.0f} s the job stands at {told['states']}")
        progress.update(task, completed=len(fake.parcels))
        time.sleep(_DONE_S)
    progress.update(task, completed=len(fake.parcels))
    if told["states"].keys() != {"booked"}:
        raise Wrong(f"the job ended with {told['states']}")


def _list_numbers(shop: httpx.Client) -> list[str]:
    numbers: list[str] = []
    after: str | None = None
    while True:
        page = shop.get("/v1/orders", params={"limit": 500} | ({"after": after} if after else {})).json()
        numbers += [parcel["waybill"]["number"] for order in page["orders"] for parcel in order["parcels"]]
        if (after := page["next"]) is None:
            return numbers


@contextmanager
def _serving(home: Path, folder: Path) -> Iterator[str]:
    """A server, killed in the end; where it is."""
    command = [sys.executable, "-c", "from waypost.app.cli import main; main()", "serve", "--port", "0", "--json"]
    with (folder / "journal").open("ab") as journal:
        environ = os.environ | {"WAYPOST_HOME": str(home)}
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=journal)
    try:
        assert process.stdout is not None
        told = b"".join(iter(process.stdout.readline, b"}\n")) + b"}"
        try:
            said = msgspec.json.decode(told)
        except msgspec.DecodeError:
            raise Wrong(f"the server did not start: {(folder / 'journal').read_text()[-1_000:]}") from None
        yield said["address"]
        if process.poll() is not None:
            raise Wrong(f"the server ended by itself: {(folder / 'journal').read_text()[-3_000:]}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _shop(address: str, headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=address, headers=headers, timeout=60)


def _write_settings(home: Path, fake: Fake) -> None:
    home.mkdir()
    lines = ["[accounts.yto]", 'carrier = "yto"', "per_minute = 60000", f'url = "{fake.api_url}"']
    lines += [f'"{name}" = "{value}"' for name, value in fake.account().items()]
    (home / "waypost.toml").write_text("\n".join(lines), "utf-8")


def _make_merchant(home: Path) -> dict[str, str]:
    with open_house(read_settings(home=home)) as house:
        party = house.parties.add(PartyKind.MERCHANT, "Estrela", now_ms())
        secret = house.keys.make(Role.MERCHANT, "shop", now_ms(), party=party.id)
    return {"authorization": f"Bearer {secret}"}


def _draft(fake: Fake, number: int) -> Order:
    return Order(
        reference=f"SALE-{number}",
        sender=fake.sample.sender,
        consignee=fake.sample.consignee,
        items=(Item(description="Book", quantity=1, weight_g=400, value_minor=2599),),
        parcels=(PlannedParcel(weight_g=450, length_mm=300, width_mm=200, height_mm=60),),
        account=fake.name,
        currency=fake.sample.currency,
        mailing_date=time.strftime("%Y-%m-%d", time.gmtime()),
    )


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench batch", description=__doc__)
    add = parser.add_argument
    add("--orders", type=int, default=10_000, help="in the batch (default: %(default)s)")
    add("--kills", type=int, default=20, help="while it is booked (default: %(default)s)")
    add("--seed", type=int, default=1, help="of the moments at which they come (default: %(default)s)")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
