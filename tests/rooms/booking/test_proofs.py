"""Proofs of delivery: of what was booked through the account, sealed, once each, for some time."""

import io
from collections.abc import Iterator

import msgspec
import pytest
from PIL import Image
from sqlalchemy import select
from tests.rooms.booking.desk import Desk, open_desk

from waypost.booking.erasure import Erasure
from waypost.booking.orders import KeptOrder
from waypost.booking.proofs import MOST_PROOFS, Proofs, ProofSent
from waypost.booking.records import proofs as table
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.model.instants import DAY_MS, format_instant
from waypost.store.repeats import KeyReused


def png() -> bytes:
    to = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(to, "PNG")
    return to.getvalue()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


@pytest.fixture
def proofs(desk: Desk) -> Proofs:
    return Proofs(desk.records, lambda: desk.seal)


@pytest.fixture
def kept(desk: Desk) -> KeptOrder:
    [id_] = desk.enter(desk.draft())
    return desk.confirm(id_)


def sent(desk: Desk, kept: KeptOrder, **more: object) -> ProofSent:
    at = format_instant(desk.clock(), 480)
    told = {"number": kept.parcels[0].number, "at": at, "received_by": " Wang Wu ", "relation": "neighbour"}
    return msgspec.convert(told | more, ProofSent)


def test_a_proof_is_kept_and_found_by_its_merchant(desk: Desk, proofs: Proofs, kept: KeptOrder) -> None:
    proof = proofs.add("yto", sent(desk, kept, picture=png(), signature=png()), "pod_1", desk.clock())
    assert (proof.order, proof.piece, proof.merchant) == (kept.id, 0, desk.merchant)
    assert (proof.received_by, proof.relation, proof.offset_min) == ("Wang Wu", "neighbour", 480)
    assert proofs.list_of(desk.merchant, [proof.number]) == proofs.list_of(None, [proof.number]) == [proof]
    assert proofs.list_of_parcel(kept.parcels[0].reference) == [proof]
    assert Image.open(io.BytesIO(proofs.open_picture(proof).content)).size == (40, 30)
    assert proofs.open_signature(proof).content_type == "image/png"
    assert proofs.list_of(desk.other, [proof.number]) == []
    with pytest.raises(NotFound):
        proofs.get(desk.other, "pod_1")
    assert "Wang" not in repr(proof) + repr(sent(desk, kept))


def test_what_is_in_it_lies_sealed(desk: Desk, proofs: Proofs, kept: KeptOrder) -> None:
    proofs.add("yto", sent(desk, kept, picture=png(), signature=png()), "pod_1", desk.clock())
    with desk.records.read() as connection:
        [row] = connection.execute(select(table)).mappings().all()
    assert "Wang" not in str({name: value for name, value in row.items() if not isinstance(value, bytes)})
    for name in ("body", "picture", "signature"):
        assert b"Wang" not in row[name]
        assert b"PNG" not in row[name]


def test_repeating_it_keeps_one(desk: Desk, proofs: Proofs, kept: KeptOrder) -> None:
    first = proofs.add("yto", sent(desk, kept), "pod_1", desk.clock(), "one")
    desk.clock.move(minutes=5)
    assert proofs.add("yto", sent(desk, kept), "pod_1", desk.clock(), "one") == first
    with pytest.raises(KeyReused):
        proofs.add("yto", sent(desk, kept, received_by="another"), "pod_1", desk.clock(), "other")
    for place in range(2, MOST_PROOFS + 1):
        proofs.add("yto", sent(desk, kept), f"pod_{place}", desk.clock())
    assert len(proofs.list_of(None, [first.number])) == MOST_PROOFS
    with pytest.raises(Conflict, match="kept already"):
        proofs.add("yto", sent(desk, kept), "pod_x", desk.clock())


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"received_by": " ", "relation": "other"}, "proves nothing"),
        ({"received_by": "a\x00b"}, "control"),
        ({"received_by": "Rosa \u202etoN"}, r"^received_by: has a control character \(U\+202E at character 6\)"),
        ({"at": "2049-01-01T00:00:00Z"}, "^at: lies ahead"),
        ({"at": "2026-11-22T12:00:00"}, "^at: .*no offset"),
        ({"picture": b"GIF89a"}, "is no JPEG"),
        ({"signature": b"x"}, "is no PNG"),
    ],
)
def test_what_proves_nothing_is_refused(
    desk: Desk, proofs: Proofs, kept: KeptOrder, more: dict[str, object], why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        proofs.add("yto", sent(desk, kept, **more), "pod_1", desk.clock())
    assert proofs.list_of(None, [kept.parcels[0].number]) == []


def test_an_account_proves_what_it_booked_alone(desk: Desk, proofs: Proofs, kept: KeptOrder) -> None:
    for account, number in (("sto", kept.parcels[0].number), ("yto", "YT0"), ("yto", "")):
        with pytest.raises(NotFound):
            proofs.add(account, msgspec.structs.replace(sent(desk, kept), number=number), "pod_1", desk.clock())
    desk.bookings.cancel(desk.merchant, kept.id, "no")
    with pytest.raises(NotFound):
        proofs.add("yto", sent(desk, kept), "pod_1", desk.clock())


def test_they_go_after_their_days_and_with_the_people(desk: Desk, proofs: Proofs, kept: KeptOrder) -> None:
    proof = proofs.add("yto", sent(desk, kept, picture=png()), "pod_1", desk.clock())
    assert proofs.forget(desk.clock()) == 0
    assert proofs.forget(desk.clock() + DAY_MS) == 1
    with pytest.raises(NotFound):
        proofs.open_picture(proof)
    proofs.add("yto", sent(desk, kept), "pod_2", desk.clock())
    erasure = Erasure(desk.records, desk.book, lambda: desk.seal, lambda waybills: {})
    erasure.erase(None, kept.id, desk.clock(), on_the_way=True)
    assert proofs.list_of(None, [kept.parcels[0].number]) == []
    with pytest.raises(Conflict, match="erased"):
        proofs.add("yto", sent(desk, kept), "pod_3", desk.clock())
