"""Mail through the door: a merchant's switch and notices, and the page by which a consignee ends it."""

from typing import Any

import msgspec
import pytest
from tests.rooms.web.test_webhooks import Shop

from waypost.booking.issuing import Address, Item
from waypost.booking.order_book import OrderBook
from waypost.booking.orders import Order
from waypost.care.notices import Notice, NoticeState, keep_notices
from waypost.care.tally import MailStanding
from waypost.model.carriage import Waybill

ANA = "ana@example.org"


@pytest.fixture
def shop(world: Any) -> Shop:
    return Shop(world, "Estrela")


def fill(shop: Shop, count: int = 1, **changed: Any) -> list[str]:
    """Orders of a merchant, of which a consignee is to be told; the ids of the notices."""
    world = shop.world
    home = Address(name="Ana Exemplo", country="BR", street="Rua 1", city="Rio", email=ANA)
    order = Order(reference="S-1", sender=home, consignee=home, items=(Item(description="Hat"),))
    book = OrderBook(world.memory.records, world._desk.post.terms._seal)
    [entry] = book.enter(shop.id, [(0, order)], world.now_ms).entries
    told = {"made_ms": world.now_ms, "next_ms": world.now_ms, "begun_ms": world.now_ms} | changed
    notices = [
        Notice(
            id=f"ntc_{shop.id}_{piece}",
            party=shop.id,
            order=entry.id,
            piece=piece,
            position=piece,
            waybill=Waybill("correios", f"OS{piece}"),
            milestone="delivered",
            status="delivered",
            at_ms=world.now_ms,
            offset_min=-180,
            facility="",
            **told,
        )
        for piece in range(count)
    ]
    with world.memory.records.begin() as connection:
        assert keep_notices(connection, notices, world.now_ms) == count
    return [each.id for each in notices]


def test_a_merchant_switches_mail_on_and_off(shop: Shop) -> None:
    off = {"is_served": True, "milestones": [], "changed_at": None, "missed_at": None}
    assert shop.ask("GET", "/v1/mail").json == off
    changed = shop.ask("PATCH", "/v1/mail", {"milestones": ["delivered", "accepted"]}).json
    assert changed["milestones"] == ["accepted", "delivered"]
    assert shop.ask("GET", "/v1/mail").json == changed
    assert shop.ask("PATCH", "/v1/mail", {"milestones": []}).json["milestones"] == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [({"milestones": ["departed"]}, 400), ({}, 422), ({"milestones": "delivered"}, 422), ({"on": True}, 422)],
)
def test_what_is_no_switch_is_refused(shop: Shop, sent: Any, status: int) -> None:
    answer = shop.ask("PATCH", "/v1/mail", sent)
    assert answer.status == status
    assert answer.json["mend"]
    assert shop.ask("GET", "/v1/mail").json["milestones"] == []


def test_notices_are_paged_and_masked(shop: Shop) -> None:
    ids = fill(shop, 3)
    first = shop.ask("GET", "/v1/mail/notices?limit=2").json
    rest = shop.ask("GET", f"/v1/mail/notices?limit=2&after={first['next']}").json
    assert sorted(each["id"] for each in first["notices"] + rest["notices"]) == ids
    assert rest["next"] is None
    shown = first["notices"][0]
    assert (shown["to"], shown["language"], shown["state"]) == ("a***@***.org", "pt", "waiting")
    assert shop.ask("GET", "/v1/mail/notices?state=sent").json == {"notices": [], "next": None}
    assert shop.ask("GET", "/v1/mail/notices?state=lost").status == 422
    assert ANA not in shop.ask("GET", "/v1/mail/notices").text
    other = Shop(shop.world, "Ming")
    assert other.ask("GET", "/v1/mail/notices").json["notices"] == []


def test_one_that_was_given_up_is_tried_again(shop: Shop) -> None:
    [dead] = fill(shop, state=NoticeState.DEAD, why="refused with 550")
    path = f"/v1/mail/notices/{dead}/retry"
    assert Shop(shop.world, "Ming").ask("POST", path).status == 404
    told = shop.ask("POST", path)
    assert (told.status, told.json["state"], told.json["to"]) == (200, "waiting", "a***@***.org")
    assert shop.ask("POST", path).status == 409


def test_a_consignee_ends_the_mail_of_a_merchant(shop: Shop) -> None:
    world, terms = shop.world, shop.world._desk.post.terms
    path = f"/mail/stop/{terms.write_stop(shop.id, ANA)}"
    page = world.get(path, headers={"accept-language": "pt"})
    assert page.status == 200
    assert "Não receber mais e-mails sobre pacotes de Estrela?" in page.text
    assert page.headers["x-robots-tag"] == "noindex"
    assert not terms.is_refused(shop.id, ANA)  # a program that only looks ends nothing
    done = world.ask("POST", path + "?lang=zh")
    assert done.status == 200
    assert "不再发送邮件" in done.text
    assert terms.is_refused(shop.id, ANA)
    assert world.ask("POST", path).status == 200  # twice is well


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_one_click_of_a_mail_program_does_it(shop: Shop, kind: str) -> None:
    terms = shop.world._desk.post.terms
    path = f"/mail/stop/{terms.write_stop(shop.id, ANA)}"
    headers = {"content-type": kind, "origin": "https://mail.example"}
    done = shop.world.ask("POST", path, headers=headers, body=b"List-Unsubscribe=One-Click")
    assert done.status == 200  # no redirect, which RFC 8058 does not follow
    assert terms.is_refused(shop.id, ANA)
    assert not terms.is_refused(shop.id, "bea@example.org")


def test_a_link_of_nobody_ends_nothing(shop: Shop) -> None:
    terms = shop.world._desk.post.terms
    good = terms.write_stop(shop.id, ANA)
    for bad in (good[:-2] + "xx", "a.b.c", "x" * 4000, shop.id):
        for method in ("GET", "POST"):
            answer = shop.world.ask(method, f"/mail/stop/{bad}", headers={"accept": "text/html"})
            assert answer.status == 404
    assert shop.world.ask("POST", f"/mail/stop/{good}", body=b"x" * (1 << 20)).status == 413
    assert not terms.is_refused(shop.id, ANA)


def test_no_link_and_no_address_stands_in_the_journal(shop: Shop) -> None:
    token = shop.world._desk.post.terms.write_stop(shop.id, ANA)
    shop.world.ask("POST", f"/mail/stop/{token}")
    fill(shop)
    shop.ask("GET", "/v1/mail/notices")
    told = shop.world.journal.getvalue()
    assert "/mail/stop/{token}" in told
    assert token not in told
    assert ANA not in told


def test_the_numbers_tell_how_mail_is(make_world: Any) -> None:
    standing = MailStanding(sent=3, failed=2, dead=1, seconds=0.5, waiting=4, is_held=True)
    post = msgspec.structs.replace(make_world()._desk.post, standing=lambda: standing)
    world = make_world(post=post)
    numbers = world.get("/metrics", key=world.operator).text
    for line in (
        'waypost_mail_tries_total{outcome="sent"} 3.0',
        'waypost_mail_tries_total{outcome="dead"} 1.0',
        "waypost_mail_seconds_total 0.5",
        "waypost_mail_waiting 4.0",
        "waypost_mail_held 1.0",
    ):
        assert line in numbers
