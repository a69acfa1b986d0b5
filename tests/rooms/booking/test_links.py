"""Links for consignees: told to the merchant again and again, guessed by nobody, and over some days after the end."""

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import select
from tests.rooms.booking.desk import Desk, open_desk
from tests.rooms.booking.test_erasure import Ended

from waypost.access.sealed import reseal
from waypost.access.sealing import Seal
from waypost.booking.erasure import SILENT_MS, Erasure
from waypost.booking.links import TOKEN_BYTES, Links
from waypost.booking.orders import KeptOrder, PlannedParcel
from waypost.booking.records import SEALED
from waypost.booking.records import links as table
from waypost.model.carriage import Waybill
from waypost.model.errors import Conflict, NotFound
from waypost.model.instants import DAY_MS
from waypost.track.endings import Ending

BOX = PlannedParcel(weight_g=400, length_mm=250, width_mm=160, height_mm=60)
DAYS_MS = 30 * DAY_MS


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


@pytest.fixture
def ended() -> Ended:
    return Ended()


@pytest.fixture
def links(desk: Desk, ended: Ended) -> Links:
    return Links(desk.records, desk.book, lambda: desk.seal, secrets.token_bytes, ended.find, DAYS_MS)


@pytest.fixture
def kept(desk: Desk) -> KeptOrder:
    [id_] = desk.enter(desk.draft(parcels=(BOX, BOX)))
    return desk.confirm(id_)


def test_a_link_leads_to_its_parcel(desk: Desk, links: Links, kept: KeptOrder) -> None:
    tokens = [links.tell(desk.merchant, kept.id, piece, desk.clock()) for piece in (0, 1)]
    assert TOKEN_BYTES * 8 >= 128
    assert len(set(tokens)) == 2
    assert [links.tell(desk.merchant, kept.id, piece, desk.clock()) for piece in (0, 1)] == tokens
    for piece, token in enumerate(tokens):
        opened = links.open(token, desk.clock())
        assert (opened.kept.id, opened.parcel.piece, opened.merchant) == (kept.id, piece, "Estrela")
    with pytest.raises(NotFound):
        links.tell(desk.other, kept.id, 0, desk.clock())
    with pytest.raises(NotFound):
        links.tell(desk.merchant, kept.id, 2, desk.clock())
    [draft] = desk.enter(desk.draft("SALE-2"))
    with pytest.raises(Conflict, match="not booked"):
        links.tell(desk.merchant, draft, 0, desk.clock())


def test_who_reads_the_database_opens_no_page(desk: Desk, links: Links, kept: KeptOrder) -> None:
    token = links.tell(desk.merchant, kept.id, 0, desk.clock())
    with desk.records.read() as connection:
        [row] = connection.execute(select(table)).all()
    assert token.encode() not in row.token
    assert token not in str(row)
    again = Seal({1: b"k" * 32, 2: b"n" * 32}, secrets.token_bytes)
    assert reseal(desk.records, SEALED, again) > 1  # a new key seals it, and it can be told still
    desk.seal = Seal({2: b"n" * 32}, secrets.token_bytes)
    assert links.tell(desk.merchant, kept.id, 0, desk.clock()) == token


@pytest.mark.parametrize("token", ["", "a" * 32, "A" * 32, "a" * 4000, "../../etc", "ü", "\ud800", "a" * 31 + "\n"])
def test_what_is_no_link_leads_nowhere(links: Links, desk: Desk, kept: KeptOrder, token: str) -> None:
    links.tell(desk.merchant, kept.id, 0, desk.clock())
    with pytest.raises(NotFound, match="leads nowhere"):
        links.open(token, desk.clock())


def test_a_renewed_link_takes_the_place_of_the_old(desk: Desk, links: Links, kept: KeptOrder) -> None:
    old = links.tell(desk.merchant, kept.id, 0, desk.clock())
    new = links.renew(desk.merchant, kept.id, 0, desk.clock(), "key:k")
    assert links.tell(desk.merchant, kept.id, 0, desk.clock()) == new != old
    assert links.open(new, desk.clock()).kept.id == kept.id
    with pytest.raises(NotFound, match="leads nowhere"):
        links.open(old, desk.clock())
    with pytest.raises(NotFound):
        links.renew(desk.other, kept.id, 0, desk.clock(), "key:k")
    assert links.tell(desk.merchant, kept.id, 0, desk.clock()) == new


def test_a_link_ends_after_its_parcel(desk: Desk, links: Links, kept: KeptOrder, ended: Ended) -> None:
    token, begun = links.tell(desk.merchant, kept.id, 0, desk.clock()), desk.clock()
    waybill = Waybill("yto", kept.parcels[0].number)
    ended[waybill] = Ending(True, begun + 5 * DAY_MS)
    assert links.open(token, begun + 35 * DAY_MS - 1).waybill == waybill
    with pytest.raises(NotFound, match="leads nowhere"):
        links.open(token, begun + 35 * DAY_MS)
    ended[waybill] = Ending(False, begun + 5 * DAY_MS)  # it goes on, for as long as anything is heard of it
    assert links.open(token, begun + 5 * DAY_MS + SILENT_MS + DAYS_MS - 1).waybill == waybill
    with pytest.raises(NotFound):
        links.open(token, begun + 5 * DAY_MS + SILENT_MS + DAYS_MS)
    del ended[waybill]
    with pytest.raises(NotFound):
        links.open(token, begun + SILENT_MS + DAYS_MS + DAY_MS)


def test_an_erased_order_has_no_link(desk: Desk, links: Links, kept: KeptOrder, ended: Ended) -> None:
    token = links.tell(desk.merchant, kept.id, 0, desk.clock())
    Erasure(desk.records, desk.book, lambda: desk.seal, ended.find).erase(None, kept.id, desk.clock(), on_the_way=True)
    with pytest.raises(NotFound, match="leads nowhere"):
        links.open(token, desk.clock())
    with pytest.raises(Conflict, match="erased"):
        links.tell(desk.merchant, kept.id, 0, desk.clock())
    with desk.records.read() as connection:
        assert connection.execute(select(table)).all() == []
