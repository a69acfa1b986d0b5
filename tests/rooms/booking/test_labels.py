"""Labels that carriers push: verified, sealed, and there for who prints them."""

from collections.abc import Iterator
from urllib.parse import urlencode

import msgspec
import pytest
from sqlalchemy import select

from waypost.access.sealing import Seal
from waypost.app.carriers import contract_at
from waypost.booking.labels import Labels
from waypost.booking.records import labels
from waypost.carriers.adapters import list_adapters
from waypost.engines.sql.records import SqlRecords
from waypost.model.carriage import Waybill
from waypost.model.errors import NotFound, StoreDamaged
from waypost.testing.carriers.zto import FakeZto
from waypost.track.carriers import Push

NONCES = iter(range(1 << 60))
SEAL = Seal({1: b"k" * 32}, lambda size: next(NONCES).to_bytes(size))


class Desk:
    """ZTO's labels into records, without HTTP."""

    def __init__(self, fake: FakeZto, records: SqlRecords) -> None:
        self.fake, self.records = fake, records
        self.contract = contract_at(fake, list_adapters()["zto"])
        assert self.contract.labels is not None
        self.labels = Labels({"zto": self.contract.labels}, records, lambda: SEAL)
        self.number = fake.make("REFERENCE1").number

    def write(self, kind: str = "1", received_ms: int = 5) -> Push:
        asked = self.fake.write_label(self.number, kind)
        return Push(headers=asked.headers, query=urlencode(asked.query), body=asked.body, received_ms=received_ms)

    def is_thanked(self, push: Push) -> bool:
        reply = self.labels.take("zto", push).reply
        return self.fake.is_thanked(reply.status, reply.body)


@pytest.fixture
def desk() -> Iterator[Desk]:
    records = SqlRecords("sqlite://")
    with FakeZto() as fake:
        desk = Desk(fake, records)
        yield desk
        desk.contract.caller.close()
    records.close()


def test_a_label_is_there_for_who_prints_it(desk: Desk) -> None:
    waybill = Waybill("zto", desk.number)
    assert desk.labels.find("zto", waybill) is None
    assert desk.is_thanked(desk.write())
    label = desk.labels.find("zto", waybill)
    assert label is not None
    assert (label.content[:5], label.content_type) == (b"%PDF-", "application/pdf")
    assert desk.labels.find("other", waybill) is None


def test_the_newest_one_counts(desk: Desk) -> None:
    for kind in ("1", "0"):
        assert desk.is_thanked(desk.write(kind))
    label = desk.labels.find("zto", Waybill("zto", desk.number))
    assert label is not None
    assert label.content_type == "image/jpeg"
    with desk.records.read() as connection:
        assert len(connection.execute(select(labels)).all()) == 1


def test_it_lies_sealed(desk: Desk) -> None:
    assert desk.is_thanked(desk.write())
    with desk.records.read() as connection:
        row = connection.execute(select(labels)).one()
    assert b"PDF" not in row.body
    other = Labels({}, desk.records, lambda: Seal({1: b"x" * 32}, lambda size: bytes(size)))
    with pytest.raises(StoreDamaged):
        other.find("zto", Waybill("zto", desk.number))


@pytest.mark.parametrize(
    "changed", [{"query": ""}, {"query": "key=another"}, {"body": b"{}"}, {"query": "key=a&key=b"}]
)
def test_what_is_not_the_carriers_is_not_kept(desk: Desk, changed: dict[str, object]) -> None:
    taken = desk.labels.take("zto", msgspec.structs.replace(desk.write(), **changed))
    assert taken.is_forged
    assert not desk.fake.is_thanked(taken.reply.status, taken.reply.body)
    assert desk.labels.find("zto", Waybill("zto", desk.number)) is None


def test_nobody_is_pushed_labels_at_another_account(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.labels.take("yto", desk.write())


def test_old_ones_are_forgotten(desk: Desk) -> None:
    assert desk.is_thanked(desk.write(received_ms=5))
    assert desk.labels.forget(5) == 0
    assert desk.labels.forget(6) == 1


def test_an_account_without_a_key_of_its_own_is_pushed_none() -> None:
    """Its address would be known to everybody."""
    with FakeZto() as fake:
        account = dict(fake.account())
        del account["label_key"]
        fake.account = lambda: account  # type: ignore[method-assign]
        contract = contract_at(fake, list_adapters()["zto"])
        assert contract.labels is None
        contract.caller.close()
