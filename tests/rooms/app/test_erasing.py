"""`waypost admin export-person | erase-person | list-erased`, over a home with orders, pushes and files of carriers."""

import json
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, update
from tests.rooms.app.commands import Commands

from waypost.app.housekeeping import chores_of
from waypost.app.settings import Retention, Settings
from waypost.app.wiring import House, now_ms, open_house
from waypost.booking.issuing import Address, Issued, Item, Label
from waypost.booking.orders import Order, OrderState, parcel_reference
from waypost.booking.pickups import Fetched, PickupOrder, Pickups
from waypost.booking.proofs import ProofSent
from waypost.booking.records import order_parcels
from waypost.booking.records import pickups as pickup_table
from waypost.booking.records import proofs as proof_table
from waypost.model.carriage import Waybill
from waypost.model.errors import NotFound
from waypost.model.instants import DAY_MS
from waypost.model.parties import PartyKind
from waypost.track.carriers import CarrierRefused, Push
from waypost.track.pushes import Arrived, Outcome
from waypost.track.wire import read_json_array
from waypost.web.api.answers import PROOF_SENT

LI = Address(name="李雷", country="CN", province="浙江省", city="杭州市", street="文三路 9 号", phone="138 0000 1111")
HAN = Address(name="韩梅梅", country="CN", province="浙江省", city="宁波市", street="中山路 1 号", phone="13900002222")
SHOP = Address(name="Shop", country="CN", province="浙江省", city="杭州市", street="Road 1", email="shop@example.org")


def order(reference: str, to: Address) -> Order:
    return Order(reference=reference, sender=SHOP, consignee=to, items=(Item(description="茶", weight_g=500),))


def keep_push(house: House, body: str) -> str:
    push = Push(headers={}, query="", body=body.encode(), received_ms=now_ms())
    arrived = Arrived("yto-main", push, Outcome.TAKEN, scans=1)
    house.pushes.raw.keep([arrived])
    return arrived.id


def fill(house: House) -> dict[str, str]:
    """Two orders for Li, one of them delivered, one for Han; two pushes and a file in which Li stands."""
    merchant = house.parties.add(PartyKind.MERCHANT, "Tea", now_ms()).id
    book = house.bookings.book
    receipt = book.enter(merchant, list(enumerate([order("A-1", LI), order("A-2", LI), order("A-3", HAN)])), now_ms())
    ids = {entry.reference: entry.id for entry in receipt.entries}
    with house.memory.records.begin() as connection:
        reference = parcel_reference(ids["A-1"], 0)
        label = Label(content=b"%PDF for Li")
        issued = Issued(waybill=Waybill("yto", "YT77"), reference=reference, channel="test", label=label)
        book.note_booked(connection, issued, now_ms())
        book.settle(connection, ids["A-1"], OrderState.BOOKED, now_ms())
    at = "2026-11-03T10:00:00+08:00"
    proof = ProofSent(number="YT77", at=at, received_by="门卫", signature=PROOF_SENT.signature)
    house.proofs.add("", proof, "pod_1", now_ms() + 400 * DAY_MS)  # no account was named
    rows = [
        {"carrier": "yto", "number": "YT77", "code": code, "at": at}
        for code, at in (("GOT", "2026-11-01T10:00:00+08:00"), ("SIGNED", "2026-11-03T10:00:00+08:00"))
    ]
    receipt_of_scans = house.reception.receive(read_json_array(json.dumps(rows).encode(), 10))
    assert house.memory.index.catch_up(receipt_of_scans.end, 20)
    by_name = keep_push(house, json.dumps({"name": "李雷"}))
    by_number = keep_push(house, "<waybillNo>YT77</waybillNo>")
    keep_push(house, json.dumps({"name": "韩梅梅", "no": "YT78"}))
    sheet = house.settings.home / "scans.csv"
    sheet.write_text("number,code,at,note\nX1,nonsense,yesterday,call 13800001111\n")
    house.files.take(sheet, name="scans.csv", carrier="own", source="own", now_ms=now_ms())
    return ids | {"by name": by_name, "by number": by_number}


@pytest.fixture
def home(commands: Commands) -> tuple[Commands, dict[str, str]]:
    with open_house(Settings(home=commands.home)) as house:
        ids = fill(house)
    return commands, ids


PERSON = ("--name", "李 雷", "--phone", "+86 13800001111")


def test_all_that_is_kept_of_a_person_is_written_out(home: tuple[Commands, dict[str, str]], tmp_path: Path) -> None:
    commands, ids = home
    to = tmp_path / "export"
    told = commands.ask("admin", "export-person", str(to), *PERSON)
    assert told == {"exported": str(to), "orders": 2, "pickups": 0, "papers": 2, "pushes": 2, "files": 1, "proofs": 0}
    person = json.loads((to / "person.json").read_text())
    found = {each["order"]["reference"]: each for each in person["orders"]}
    assert found["A-1"]["order"]["consignee"]["street"] == LI.street
    [parcel] = found["A-1"]["parcels"]
    assert (parcel["number"], parcel["tracked"]["status"], len(parcel["scans"])) == ("YT77", "delivered", 2)
    assert (to / parcel["label"]).read_bytes() == b"%PDF for Li"
    [proof] = parcel["proofs"]
    assert proof["received_by"] == "门卫"
    assert (to / proof["signature"]).read_bytes().startswith(b"\x89PNG")
    assert set(person["handed_in_by_carriers"]["pushes"]) == {ids["by name"], ids["by number"]}
    assert "韩梅梅" not in (to / "person.json").read_text()
    assert to.stat().st_mode & 0o077 == 0
    assert "there already" in commands.fail("admin", "export-person", str(to), *PERSON, code=2)
    inside = commands.home / "exports" / "li"
    assert "lies in the home" in commands.fail("admin", "export-person", str(inside), *PERSON, code=2)
    assert not inside.parent.exists()


def test_a_person_is_erased_wherever_it_is(home: tuple[Commands, dict[str, str]], tmp_path: Path) -> None:
    commands, ids = home
    would = commands.ask("admin", "erase-person", *PERSON, "--dry-run")
    assert ({each["id"] for each in would["orders"]}, would["dry_run"]) == ({ids["A-1"], ids["A-2"]}, True)
    assert would["erased"] == {"orders": 0, "pickups": 0, "pushes": 0, "files": 0, "proofs": 0}
    assert would["kept"] == {"orders": 0, "pickups": 0}
    assert (len(would["pushes"]), len(would["files"]), would["does_not_open"]) == (2, 1, [])
    assert "李雷" not in json.dumps(would, ensure_ascii=False)  # nor whom it is about: a terminal has a memory
    done = commands.ask("admin", "erase-person", *PERSON)
    assert [each["stays"] for each in done["orders"]] == [None, None]
    assert done["erased"] == {"orders": 2, "pickups": 0, "pushes": 2, "files": 1, "proofs": 0}
    assert (done["kept"], done["dry_run"]) == ({"orders": 0, "pickups": 0}, False)
    nobody = commands.ask("admin", "erase-person", *PERSON, code=1)
    assert (nobody["orders"], set(nobody), set(nobody["erased"].values())) == ([], set(done), {0})
    assert commands.ask("admin", "export-person", str(tmp_path / "x"), *PERSON, code=1)["orders"] == []
    assert not (tmp_path / "x").exists()
    with open_house(Settings(home=commands.home)) as house:
        assert house.pushes.raw.count() == 1
        left = house.bookings.book.get(None, ids["A-1"])
        assert (left.order.consignee.name, left.parcels[0].number) == ("…", "YT77")
        assert house.bookings.book.get(None, ids["A-3"]).order.consignee == HAN
        [view] = house.tracker.find(["YT77"])[0].parcels
        assert view.status == "delivered"  # its scans stay


def test_a_label_that_does_not_open_keeps_nothing_else_back(
    home: tuple[Commands, dict[str, str]], tmp_path: Path
) -> None:
    commands, ids = home
    reference = parcel_reference(ids["A-1"], 0)
    with open_house(Settings(home=commands.home)) as house, house.memory.records.begin() as connection:
        assert connection.execute(select(order_parcels.c.label).where(order_parcels.c.id == reference)).scalar()
        connection.execute(update(order_parcels).where(order_parcels.c.id == reference).values(label=b"\0\1 torn"))
        connection.execute(update(proof_table).values(signature=b"\0\1 torn"))
    told = commands.ask("admin", "export-person", str(tmp_path / "export"), *PERSON)
    assert (told["orders"], told["papers"], told["pushes"]) == (2, 0, 2)
    person = json.loads((tmp_path / "export" / "person.json").read_text())
    assert person["does_not_open"] == [reference, "pod_1"]
    [parcel] = next(each["parcels"] for each in person["orders"] if each["order"]["reference"] == "A-1")
    assert ("label" in parcel, len(parcel["scans"]), parcel["proofs"][0]["received_by"]) == (False, 2, "门卫")


def test_a_short_name_removes_no_push_of_others(home: tuple[Commands, dict[str, str]]) -> None:
    commands, _ = home
    merchant = Address(name="Li", country="BR", street="Rua 1", city="Rio", phone="+55 21 95000-1234")
    with open_house(Settings(home=commands.home)) as house:
        of = house.parties.add(PartyKind.MERCHANT, "Wu", now_ms()).id
        house.bookings.book.enter(of, [(0, order("B-1", merchant))], now_ms())
        keep_push(house, json.dumps({"number": "YT5", "status": "DELIVERED", "to": "Li Wei", "tel": "139"}))
        own = keep_push(house, json.dumps({"to": "LI", "tel": "(21) 95000-1234"}))
    told = commands.ask("admin", "erase-person", "--name", "Li", "--dry-run")
    assert (len(told["orders"]), told["pushes"], told["files"]) == (1, [own], [])


def test_who_took_the_parcel_of_another_is_found_too(home: tuple[Commands, dict[str, str]], tmp_path: Path) -> None:
    commands, _ = home
    told = commands.ask("admin", "export-person", str(tmp_path / "export"), "--name", "门 卫")
    assert (told["orders"], told["proofs"]) == (0, 1)
    assert commands.ask("admin", "erase-person", "--name", "门卫", "--dry-run")["proofs"] == ["pod_1"]
    assert commands.ask("admin", "erase-person", "--name", "门卫")["proofs"] == ["pod_1"]
    with open_house(Settings(home=commands.home)) as house:
        assert house.proofs.list_of(None, ["YT77"]) == []


class Courier:
    def fetch(self, order: PickupOrder) -> Fetched:
        raise CarrierRefused(f"nobody drives to {order.address.street}", channel="test")

    def cancel_pickup(self, number: str) -> None:
        raise AssertionError(number)


def test_who_hands_parcels_over_is_exported_and_erased(home: tuple[Commands, dict[str, str]], tmp_path: Path) -> None:
    commands, _ = home
    with open_house(Settings(home=commands.home)) as house:
        merchant = house.parties.add(PartyKind.MERCHANT, "Wu", now_ms()).id
        pickups = Pickups(house.memory.records, {"own": Courier()}, house.seals, now_ms)
        for id_, who in (("pic_li", LI), ("pic_han", HAN)):
            pickups.ask(merchant, id_, PickupOrder(address=who, day="2026-11-24", parcels=2, weight_g=900))
    assert commands.ask("admin", "export-person", str(tmp_path / "export"), *PERSON)["pickups"] == 1
    [pickup] = json.loads((tmp_path / "export" / "person.json").read_text())["pickups"]
    assert (pickup["id"], pickup["state"], pickup["order"]["address"]["name"]) == ("pic_li", "refused", "李雷")
    by_order = ("--order", "A-1", "--name", "李雷")  # a pick-up says not of which order it is
    assert commands.ask("admin", "erase-person", *by_order, "--dry-run")["pickups"] == []
    would = commands.ask("admin", "erase-person", *PERSON, "--dry-run")
    assert would["pickups"] == [{"id": "pic_li", "stays": None}]
    assert b"pick-up pic_li" in commands.call("admin", "erase-person", *PERSON).stdout
    with open_house(Settings(home=commands.home)) as house:
        with house.memory.records.read() as connection:
            rows = {row.id: row for row in connection.execute(select(pickup_table))}
        assert (rows["pic_li"].body, rows["pic_li"].why, rows["pic_li"].state) == (None, "", "refused")
        assert house.pickups.get(merchant, "pic_han").order.address == HAN
        with pytest.raises(NotFound):
            house.pickups.get(merchant, "pic_li")


def test_what_is_on_its_way_stays_unless_it_is_said(home: tuple[Commands, dict[str, str]]) -> None:
    commands, ids = home
    with open_house(Settings(home=commands.home)) as house, house.memory.records.begin() as connection:
        issued = Issued(waybill=Waybill("yto", "YT99"), reference=parcel_reference(ids["A-3"], 0), channel="test")
        house.bookings.book.note_booked(connection, issued, now_ms())
    for dry_run in ((), ("--dry-run",)):
        told = commands.ask("admin", "erase-person", "--order", "A-3", *dry_run, code=1)
        [stays] = [each["stays"] for each in told["orders"]]
        assert "on its way" in stays
        assert told["erased"]["orders"] == 0
        assert told["kept"] == {"orders": 1, "pickups": 0}
    said = commands.call("admin", "erase-person", "--order", "A-3", "--dry-run").stdout.decode()
    assert "would stay: YT99 of yto is on its way" in said
    done = commands.call("admin", "erase-person", "--order", "A-3", "--on-the-way")
    assert done.returncode == 0
    assert b"erased" in done.stdout
    assert b"keep-the-law" in done.stdout


def test_beside_a_server_and_once_more_after_a_restore(home: tuple[Commands, dict[str, str]], tmp_path: Path) -> None:
    commands, ids = home
    backup, listed = tmp_path / "backup", tmp_path / "erased.json"
    commands.ask("admin", "backup", str(backup))
    with open_house(Settings(home=commands.home)):
        assert len(commands.ask("admin", "erase-person", *PERSON)["orders"]) == 2
        told = commands.ask("admin", "list-erased", "--since", "2020-01-01")
    assert {each["id"] for each in told} == {ids["A-1"], ids["A-2"]}
    assert commands.ask("admin", "list-erased", "--since", "2999-01-01") == []
    listed.write_text(json.dumps(told))
    restored = Commands(tmp_path / "restored")
    restored.ask("admin", "restore", str(backup))
    (tmp_path / "restored" / "seal").write_bytes((commands.home / "seal").read_bytes())
    assert len(restored.ask("admin", "export-person", str(tmp_path / "back"), *PERSON)) == 7
    assert restored.ask("admin", "erase-person", "--again", str(listed)) == {"listed": 2, "erased": 2}
    assert restored.ask("admin", "erase-person", "--again", str(listed)) == {"listed": 2, "erased": 0}
    with open_house(Settings(home=restored.home)) as house:
        assert house.bookings.book.get(None, ids["A-2"]).erased_ms is not None


def test_who_is_meant_has_to_be_said(home: tuple[Commands, dict[str, str]], tmp_path: Path) -> None:
    commands, _ = home
    assert "nobody is named" in commands.fail("admin", "erase-person", code=2)
    assert "fewer than 7 digits" in commands.fail("admin", "erase-person", "--phone", "1234", code=2)
    (tmp_path / "list").write_text("{}")
    assert "no list of orders" in commands.fail("admin", "erase-person", "--again", str(tmp_path / "list"), code=2)
    assert "no day" in commands.fail("admin", "list-erased", "--since", "soon", code=2)


def test_old_orders_are_erased_by_themselves(home: tuple[Commands, dict[str, str]]) -> None:
    commands, ids = home
    settings = Settings(home=commands.home, retention=Retention(order_days=90))
    with open_house(settings) as house:
        began = now_ms()
        assert chores_of(house, lambda: began + 89 * DAY_MS)["erase people from old orders"]() == 0
        assert chores_of(house, lambda: began + 91 * DAY_MS)["erase people from old orders"]() == 3
        assert {each.id for each in house.erasure.list_erased(0)} == {ids[name] for name in ("A-1", "A-2", "A-3")}
        never = msgspec.structs.replace(settings, retention=Retention(order_days=0))
        house.settings = never
        assert "erase people from old orders" not in chores_of(house, now_ms)
