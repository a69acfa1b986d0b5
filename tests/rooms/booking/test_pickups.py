"""Pick-ups: asked once for an id, kept with what became of them, and cancelled; over the strict fake of USPS."""

from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import update
from tests.rooms.booking.desk import Desk, open_desk, shown

from waypost.booking.pickups import PickupOrder, Pickups, PickupState
from waypost.booking.records import pickups as table
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.store.repeats import KeyReused
from waypost.testing.carriers.faking import Trap
from waypost.testing.carriers.usps import FakeUsps
from waypost.track.carriers import CarrierRefused


class Room:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        assert isinstance(desk.fake, FakeUsps)
        self.fake = desk.fake
        self.fake.clock = lambda: desk.clock.now_ms
        self.contract = desk.contracts[0]
        self.pickups = Pickups(desk.records, {"usps": self.contract.pickups}, lambda: desk.seal, desk.clock)
        self.order = PickupOrder(
            address=self.fake.sample.sender, day="2027-01-04", parcels=3, weight_g=4_200, remark="Ring twice"
        )

    def ask(self, id_: str = "pic_1", **changed: object) -> object:
        return self.pickups.ask(self.desk.merchant, id_, msgspec.structs.replace(self.order, **changed))


@pytest.fixture
def room() -> Iterator[Room]:
    with open_desk("usps") as desk:
        yield Room(desk)


def test_a_courier_is_asked_once_and_told_to_stay_away(room: Room) -> None:
    asked = room.pickups.ask(room.desk.merchant, "pic_1", room.order)
    assert (asked.state, asked.day, asked.account) == (PickupState.BOOKED, "2027-01-04", "usps")
    assert list(room.fake.pickups) == [asked.number]
    sent = room.fake.pickups[asked.number]
    assert sent["packages"] == [{"packageType": "OTHER", "packageCount": 3}]
    assert sent["estimatedWeight"] == 10  # 9.26 pounds
    assert room.ask() == asked
    assert len(room.fake.pickups) == 1
    assert room.order.address.street not in shown(asked)
    with pytest.raises(NotFound):
        room.pickups.get(room.desk.other, "pic_1")
    with pytest.raises(NotFound):
        room.pickups.cancel(room.desk.other, "pic_1")
    cancelled = room.pickups.cancel(room.desk.merchant, "pic_1")
    assert cancelled.state is PickupState.CANCELLED
    assert room.fake.pickups == {}
    assert room.pickups.cancel(room.desk.merchant, "pic_1") == cancelled


def test_two_who_cancel_at_once_tell_the_carrier_once(room: Room) -> None:
    room.ask()
    told: list[str] = []
    second: list[object] = []

    class Slow:
        """Takes so long that somebody else comes meanwhile; told twice it would refuse."""

        def cancel_pickup(self, number: str) -> None:
            told.append(number)
            try:
                second.append(pickups.cancel(room.desk.merchant, "pic_1"))
            except Conflict as error:
                second.append(error)

    pickups = Pickups(room.desk.records, {"usps": Slow()}, lambda: room.desk.seal, room.desk.clock)  # type: ignore[dict-item]
    assert pickups.cancel(room.desk.merchant, "pic_1").state is PickupState.CANCELLED
    assert len(told) == 1
    [conflict] = second
    assert isinstance(conflict, Conflict)
    assert "this moment" in conflict.message
    assert pickups.cancel(room.desk.merchant, "pic_1").state is PickupState.CANCELLED
    assert len(told) == 1


def test_a_carrier_that_will_not_cancel_is_asked_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = room.pickups.ask(room.desk.merchant, "pic_1", room.order)

    def refuse(number: str) -> None:
        raise CarrierRefused(f"{number} cannot be cancelled now", channel="usps cancel")

    with monkeypatch.context() as patch:
        patch.setattr(room.contract.pickups, "cancel_pickup", refuse)
        with pytest.raises(CarrierRefused):
            room.pickups.cancel(room.desk.merchant, "pic_1")
    assert room.pickups.get(room.desk.merchant, "pic_1") == asked
    assert room.pickups.cancel(room.desk.merchant, "pic_1").state is PickupState.CANCELLED


def test_what_another_request_asked_for_is_not_handed_back(room: Room) -> None:
    asked = room.pickups.ask(room.desk.merchant, "pic_1", room.order, "one")
    assert room.pickups.ask(room.desk.merchant, "pic_1", room.order, "one") == asked
    with pytest.raises(KeyReused, match="another content"):
        room.pickups.ask(room.desk.merchant, "pic_1", msgspec.structs.replace(room.order, parcels=9), "other")
    assert len(room.fake.pickups) == 1


def test_what_a_carrier_will_not_is_refused_and_kept(room: Room) -> None:
    refused = room.pickups.ask(room.desk.merchant, "pic_1", msgspec.structs.replace(room.order, day="2020-01-06"))
    assert refused.state is PickupState.REFUSED
    assert "pickup date has passed" in refused.why
    assert room.pickups.cancel(room.desk.merchant, "pic_1").state is PickupState.REFUSED
    nobody = msgspec.structs.replace(room.order.address, phone="")
    without = room.pickups.ask(room.desk.merchant, "pic_2", msgspec.structs.replace(room.order, address=nobody))
    assert (without.state, "email" in without.why) == (PickupState.REFUSED, True)


def test_what_ended_in_doubt_is_not_asked_again(room: Room) -> None:
    room.pickups.ask(room.desk.merchant, "pic_0", room.order)  # it has its token now
    room.fake.set(Trap.RESET)
    doubtful = room.pickups.ask(room.desk.merchant, "pic_1", room.order)
    room.fake.clear()
    assert doubtful.state is PickupState.DOUBTFUL
    assert "Look for it at the carrier" in doubtful.why
    before = len(room.fake.pickups)
    assert room.ask() == doubtful
    assert len(room.fake.pickups) == before
    with pytest.raises(Conflict, match="nobody knows"):
        room.pickups.cancel(room.desk.merchant, "pic_1")


def test_who_dies_while_asking_leaves_it_in_doubt(room: Room) -> None:
    room.pickups.ask(room.desk.merchant, "pic_1", room.order)
    with room.desk.records.begin() as connection:
        until_ms = room.desk.clock.now_ms + 60_000
        connection.execute(update(table).values(state="asked", number="", until_ms=until_ms))
    with pytest.raises(Conflict, match="this moment"):
        room.ask()
    room.desk.clock.now_ms += 10 * 60_000
    left = room.pickups.ask(room.desk.merchant, "pic_1", room.order)
    assert (left.state, len(room.fake.pickups)) == (PickupState.DOUBTFUL, 1)


def test_an_adapter_that_breaks_leaves_it_in_doubt(room: Room) -> None:
    class Broken:
        def fetch(self, order: PickupOrder) -> None:
            raise ZeroDivisionError

    pickups = Pickups(room.desk.records, {"usps": Broken()}, lambda: room.desk.seal, room.desk.clock)  # type: ignore[dict-item]
    with pytest.raises(ZeroDivisionError):
        pickups.ask(room.desk.merchant, "pic_1", room.order)
    assert pickups.get(room.desk.merchant, "pic_1").state is PickupState.DOUBTFUL


def test_what_cannot_be_is_said_and_nothing_is_kept(room: Room) -> None:
    for changed, where in (
        ({"day": "2027-02-30"}, "day"),
        ({"remark": "a\x07b"}, "remark"),
        ({"account": "yto"}, "account"),
    ):
        with pytest.raises(BadInput) as caught:
            room.ask(**changed)
        assert caught.value.where == where
    assert room.pickups.list_page(room.desk.merchant, None, 9) == ([], None)


def test_they_are_paged_newest_first(room: Room) -> None:
    for each in range(3):
        room.desk.clock.now_ms += 1000
        room.ask(f"pic_{each}")
    first, cursor = room.pickups.list_page(room.desk.merchant, None, 2)
    rest, end = room.pickups.list_page(room.desk.merchant, cursor, 2)
    assert ([each.id for each in first + rest], end) == (["pic_2", "pic_1", "pic_0"], None)
    assert room.pickups.list_page(room.desk.other, None, 9)[0] == []
