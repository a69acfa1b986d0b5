"""The consignee's page in a browser: what it shows, that axe finds nothing, and that its address stays on it."""

import io
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, Request

from waypost.access.parties import Parties
from waypost.app.seals import Seals
from waypost.app.wiring import now_ms
from waypost.booking.issuing import Address, Issued, Item
from waypost.booking.links import Links
from waypost.booking.order_book import OrderBook
from waypost.booking.orders import Order, OrderState, PlannedParcel, parcel_reference
from waypost.booking.proofs import Proofs, ProofSent, Relation
from waypost.engines.local.home import open_records
from waypost.model.carriage import Waybill
from waypost.model.instants import format_instant
from waypost.model.parties import PartyKind
from waypost.track.records import find_parcels

Open = Callable[..., Page]

MARIA = Address(name="Maria Exemplo", country="BR", street="Avenida Atlântica 7", city="Rio", phone="+55 21 95000 1234")


def png() -> bytes:
    to = io.BytesIO()
    Image.new("RGB", (300, 200), "tan").save(to, "PNG")
    return to.getvalue()


@pytest.fixture(scope="module")
def path(demo: Any) -> str:
    """A consignee's page of a parcel of the demo, which is of an order from now on."""
    records = open_records(demo.home)
    seals = Seals(demo.home, records)
    book = OrderBook(records, seals)
    merchant = Parties(records, secrets.token_bytes).add(PartyKind.MERCHANT, "Estrela Comércio", now_ms()).id
    box = PlannedParcel(weight_g=500)
    order = Order(
        reference="E-1",
        sender=MARIA,
        consignee=MARIA,
        items=(Item(description="Hat"),),
        parcels=(box, box),
        account="x",
    )
    [entry] = book.enter(merchant, [(0, order)], now_ms()).entries
    with records.begin() as connection:
        [tracked, *_] = find_parcels(connection, [demo.find("corrected")])
        for piece, waybill in enumerate((tracked.waybill, Waybill("yto", "YT0"))):
            issued = Issued(waybill=waybill, reference=parcel_reference(entry.id, piece), channel="test")
            book.note_booked(connection, issued, now_ms())
        book.settle(connection, entry.id, OrderState.BOOKED, now_ms())
    sent = ProofSent(
        number=tracked.waybill.number,
        at=format_instant(now_ms() - 60_000, -180),
        received_by="Vizinha Rosa",
        relation=Relation.NEIGHBOUR,
        picture=png(),
        signature=png(),
    )
    Proofs(records, seals).add("x", sent, "pod_1", now_ms())
    links = Links(records, book, seals, secrets.token_bytes, lambda waybills: {}, 1)
    token = links.tell(merchant, entry.id, 0, now_ms())
    records.close()
    return f"/p/{token}"


@pytest.mark.parametrize(
    ("lang", "theme", "size", "said"),
    [
        ("en", "light", "desktop", "A neighbour"),
        ("zh", "dark", "phone", "邻居"),
        ("es", "dark", "desktop", "Un vecino"),
        ("pt", "light", "phone", "Um vizinho"),
    ],
)
def test_a_consignee_sees_its_parcel(open_page: Open, path: str, lang: str, theme: str, size: str, said: str) -> None:
    page = open_page(path, lang=lang, theme=theme, size=size)
    text = page.inner_text("main")
    for shown in ("M***", "Estrela Comércio", "E-1", "Vizinha Rosa", said):
        assert shown in text, shown
    assert "Exemplo" not in text
    assert "1234" not in text
    assert page.locator(".card .steps li").count() > 3
    assert page.evaluate("[...document.images].map(each => each.naturalWidth)") == [300, 300]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_its_address_is_told_to_nothing_that_it_leads_to(open_page: Open, path: str) -> None:
    page = open_page(path)
    referrers: list[str | None] = []

    def note(request: Request) -> None:
        referrers.append(request.headers.get("referer"))

    page.on("request", note)
    page.reload()
    page.click("a.mark")
    page.wait_for_selector("textarea")
    assert len(referrers) > 3
    assert [each for each in referrers if each and "/p/" in each] == []
    assert page.evaluate("document.referrer") == ""
