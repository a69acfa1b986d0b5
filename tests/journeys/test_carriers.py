"""For each carrier: a parcel is booked, moves by pushes as they really come, and the tracking page follows it.

The server, its indexer and the carrier's fake are real processes and servers that speak HTTP; the account stands in the
settings file. J&T only tells of parcels that were booked elsewhere.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.journeys.conftest import Server, starting

from waypost.app.carriers import contract_at
from waypost.app.settings import read_settings
from waypost.app.wiring import open_house
from waypost.booking.issuing import LabelComesLater
from waypost.carriers.accounts import Secret
from waypost.carriers.adapters import Contract, list_adapters
from waypost.testing.carriers.exam import write_order
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Fake, FakeScan, Trap
from waypost.testing.carriers.zto import FakeZto
from waypost.track.carriers import Asked, CarrierRefused

HOUR_MS = 3_600_000
ADAPTERS = list_adapters()
PUSHING = [name for name, each in ADAPTERS.items() if "push" in each.operations]


def write_settings(home: Path, *fakes: Fake) -> None:
    home.mkdir()
    lines = []
    for fake in fakes:
        lines += [f"[accounts.{fake.name}]", f'carrier = "{fake.name}"']
        lines += [f'url = "{fake.api_url}"'] if fake.api_url else []
        lines += [f'"{name}" = "{value}"' for name, value in fake.account().items()]
    (home / "waypost.toml").write_text("\n".join(lines), "utf-8")


def book(fake: Fake, contract: Contract) -> str:
    if contract.issuer is None:
        return fake.make(f"ELSEWHERE{PUSHING.index(fake.name):04}").number
    return contract.issuer.book(write_order(fake)).waybill.number


def status_of(server: Any, number: str) -> str:
    answer = server.operator.get(f"/v1/parcels/{number}", params={"min_position": server_position(server)})
    assert answer.status_code == 200, answer.text
    [parcel] = answer.json()["parcels"]
    return str(parcel["status"])


def server_position(server: Any) -> int:
    metrics = server.operator.get("/metrics").text
    [line] = [line for line in metrics.splitlines() if line.startswith("waypost_log_position ")]
    return int(float(line.split()[1]))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, Fake]]]:
    """One server of all carriers that push, for it takes longer to start than a parcel to move."""
    folder = tmp_path_factory.mktemp("carriers")
    with ExitStack() as stack:
        fakes = {name: stack.enter_context(FAKES[name].kind()) for name in PUSHING}
        write_settings(folder / "home", *fakes.values())
        yield stack.enter_context(starting(folder))(), fakes


@pytest.mark.parametrize("carrier", PUSHING)
def test_a_parcel_moves_by_pushes(carrier: str, network: tuple[Server, dict[str, Fake]]) -> None:
    server, fake = network[0], network[1][carrier]
    contract = contract_at(fake, ADAPTERS[carrier])
    fake.push_url = f"{server.address}/v1/carriers/{carrier}/push"
    number = book(fake, contract)
    asked = [Asked(number=number, phone_tail=fake.parcels[number].phone[-4:] or None)]
    if contract.source is not None and "subscribe" in ADAPTERS[carrier].operations:
        assert not contract.source.subscribe(asked)
    begun_ms = fake.clock() // 1000 * 1000 - 40 * HOUR_MS
    first, second, third = FAKES[carrier].codes
    got = FakeScan(code=first, at_ms=begun_ms)
    way = FakeScan(code=second, at_ms=begun_ms + 5 * HOUR_MS)
    late = FakeScan(code=second, at_ms=begun_ms + 9 * HOUR_MS)
    end = FakeScan(code=third, at_ms=begun_ms + 30 * HOUR_MS)
    fake.move(number, got, way, late, end)

    for scan in (way, got, got):  # out of order, and one twice
        answer = fake.push(number, scan)
        assert fake.is_thanked(answer.status_code, answer.content), answer.text
    before = status_of(server, number)
    assert before not in ("delivered", "unknown")
    answer = fake.push(number, end)
    assert fake.is_thanked(answer.status_code, answer.content)
    assert status_of(server, number) == "delivered"
    answer = fake.push(number, late)  # one comes after the delivery
    assert fake.is_thanked(answer.status_code, answer.content)
    assert status_of(server, number) == "delivered"
    page = server.public.get(f"/track/{number}", params={"lang": "en"})
    assert page.status_code == 200
    assert "Delivered" in page.text

    forged = fake.write_push(fake.parcels[number], [end])
    place = forged.body.index(number.encode()) + len(number) - 1
    digit = b"1" if forged.body[place : place + 1] != b"1" else b"2"
    body = forged.body[:place] + digit + forged.body[place + 1 :]
    # what is signed nowhere is known by a key in the address
    query = forged.query if fake.signs_pushes else {name: "another" for name in forged.query}
    answer = fake.send(msgspec.structs.replace(forged, body=body, query=query))
    assert not fake.is_thanked(answer.status_code, answer.content)

    if contract.source is not None:  # asked for, all of it is there as well, and changes nothing
        assert contract.source.track(asked).rows.sent == 4
    if contract.issuer is not None and "cancel" in ADAPTERS[carrier].operations:
        issued = contract.issuer.book(write_order(fake))
        contract.issuer.cancel(issued, "customer")
        assert fake.parcels[issued.waybill.number].is_cancelled
    contract.caller.close()


def test_a_label_that_is_made_later_comes_by_a_push(tmp_path: Path, start_server: Callable[..., Any]) -> None:
    home = tmp_path / "home"
    with FakeZto() as fake:
        contract = contract_at(fake, ADAPTERS["zto"])
        write_settings(home, fake)
        server = start_server(home)
        fake.print_url = f"{server.address}/v1/carriers/zto/labels"
        assert contract.issuer is not None
        issued = contract.issuer.book(write_order(fake))
        with pytest.raises(LabelComesLater):
            contract.issuer.print_label(issued)
        answer = fake.push_label(issued.waybill.number)  # and once more by itself
        assert fake.is_thanked(answer.status_code, answer.content)
        contract.caller.close()
        assert fake.refused == []
    server.stop()
    with open_house(read_settings(home=home)) as house:
        label = house.labels.find("zto", issued.waybill)
        assert label is not None
        assert label.content.startswith(b"%PDF-")


def test_a_wrong_secret_is_told_by_the_carrier_and_never_shown(tmp_path: Path) -> None:
    with FAKES["yto"].kind() as fake:
        fake.secret = "another"  # type: ignore[attr-defined]
        contract = contract_at(fake, ADAPTERS["yto"])
        fake.secret = "the right one"  # type: ignore[attr-defined]
        assert contract.issuer is not None
        with pytest.raises(CarrierRefused) as refused:
            contract.issuer.book(write_order(fake))
        assert "another" not in f"{refused.value!r} {refused.value} {contract!r}"
        assert isinstance(contract.account.secrets["secret"], Secret)
        contract.caller.close()


@pytest.mark.heavy
def test_a_parcel_that_nobody_pushes_is_asked_after(tmp_path: Path, start_server: Callable[..., Any]) -> None:
    """J&T tells only who asks. A back-log of carriers that do not answer meanwhile holds up no push."""
    with FAKES["jtexpress"].kind() as fake, FAKES["yto"].kind() as slow:
        write_settings(tmp_path / "home", fake)
        with (tmp_path / "home" / "waypost.toml").open("a") as file:
            file.write(
                f'\n[accounts.yto]\ncarrier = "yto"\nurl = "{slow.api_url}"\npolls_per_hour = 3600000\ntimeout_s = 4\n'
            )
            file.writelines(f'"{name}" = "{value}"\n' for name, value in slow.account().items())
        first, _, last = FAKES["jtexpress"].codes
        begun_ms = fake.clock() // 1000 * 1000 - 40 * HOUR_MS
        way, done = fake.make("ELSEWHERE0001").number, fake.make("ELSEWHERE0002").number
        fake.move(way, FakeScan(code=first, at_ms=begun_ms))
        fake.move(done, FakeScan(code=first, at_ms=begun_ms), FakeScan(code=last, at_ms=begun_ms + 30 * HOUR_MS))

        backlog = [slow.make(f"SLOW{place:06}").number for place in range(50)]
        slow.slow_s = 20.0
        slow.set(*[Trap.SLOW] * len(backlog))
        server = start_server(tmp_path / "home")
        slow.push_url = f"{server.address}/v1/carriers/yto/push"
        for account, numbers in (("yto", backlog), ("jtexpress", [way, done, way])):
            asked_for = [{"number": number} for number in numbers]
            answer = server.operator.put(f"/v1/carriers/{account}/watches", json=asked_for)
            assert answer.json() == {"begun": len(set(numbers)), "known": 0}, answer.text

        wait_until(lambda: status_of(server, done) == "delivered" if knows(server, done) else False)
        assert status_of(server, way) not in ("delivered", "unknown")

        def read_why() -> dict[str, str]:
            watches = server.operator.get("/v1/carriers/jtexpress/watches").json()["watches"]
            return {each["number"]: each["why"] for each in watches}

        # what was answered is on disk before it is written down when to ask again
        wait_until(lambda: read_why() == {way: "likely", done: "over"})

        wait_until(lambda: len(slow.calls) >= 1)  # its threads hang now
        pushed = slow.push(backlog[0], FakeScan(code="GOT", at_ms=begun_ms))
        assert slow.is_thanked(pushed.status_code, pushed.content)
        assert pushed.elapsed.total_seconds() < 5
        assert status_of(server, backlog[0]) == "picked_up"


def knows(server: Any, number: str) -> bool:
    return bool(server.operator.get(f"/v1/parcels/{number}").status_code == 200)


def wait_until(is_so: Callable[[], bool], within_s: float = 60.0) -> None:
    until_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.2)
