from collections.abc import Callable
from typing import Any

import pytest
from tests.rooms.web.test_people import FIREFOX, FORM

from waypost.access.keys import Role
from waypost.model.parties import PartyKind
from waypost.web.desk import Guide
from waypost.web.pages import start

VISITORS = {Role.OPERATOR: "olive", Role.MERCHANT: "mei", Role.CARRIER: "carl"}


@pytest.fixture
def demo(make_world: Callable[..., Any]) -> Any:
    made: list[Any] = []

    def enter(role: Role, browser: str) -> str:
        world = made[0]
        visitor = world.people.find_login(VISITORS[role])
        if visitor is None:
            party = world.parties.add(PartyKind.MERCHANT, "Shop", world.now_ms).id if role is Role.MERCHANT else None
            visitor = world.people.add(VISITORS[role], "V", [role], world.now_ms, party=party)
        token: str = world.people.let_in(visitor.id, browser, world.now_ms, "demo")
        return token

    guide = Guide(roles=tuple(VISITORS), enter=enter, numbers=("SHARED01", "WP100000003BR", "NOBODY1"))
    made.append(make_world(guide=guide))
    return made[0]


def test_it_shows_where_parcels_stand(demo: Any) -> None:
    text = demo.get("/start").text
    assert '<a class="number" href="/track/WP100000003BR">' in text
    assert "/track/SHARED01" in text
    assert "NOBODY1" not in text
    assert "以运营方身份进入" in demo.get("/start?lang=zh").text


@pytest.mark.parametrize(
    ("role", "is_built", "home"),
    [
        ("operator", True, "/console"),
        ("operator", False, "/operator"),
        ("carrier", True, "/carrier"),
        ("merchant", True, "/merchant"),
    ],
)
def test_one_click_leads_into_each_role(
    demo: Any, monkeypatch: pytest.MonkeyPatch, role: str, is_built: bool, home: str
) -> None:
    monkeypatch.setattr(start, "is_built", lambda: is_built)
    entered = demo.ask("POST", f"/start/{role}", headers=FORM | {"user-agent": FIREFOX}, body=b"")
    assert (entered.status, entered.headers["location"]) == (303, home)
    [cookie] = entered.cookies
    session = {"cookie": cookie.split(";")[0]}
    if role != "merchant":  # whose page may not be built where this runs
        assert demo.get(f"/{role}", headers=session).status == 200
    assert demo.get("/account", headers=session).status == 200


def test_who_has_not_entered_is_asked_for_a_key_and_shown_the_way_there(demo: Any) -> None:
    for role in VISITORS:
        demo.ask("POST", f"/start/{role.value}", headers=FORM, body=b"")  # from now on there are people
    sent = demo.get("/operator/parcels?status=delivered")
    assert (sent.status, sent.headers["location"].partition("?")[0]) == (303, "/operator/login")
    assert '<a href="/start">Look around without a key</a>' in demo.get("/operator/login").text


def test_who_signs_out_is_out(demo: Any) -> None:
    [cookie] = demo.ask("POST", "/start/operator", headers=FORM, body=b"").cookies
    session = {"cookie": cookie.split(";")[0]}
    left = demo.ask("POST", "/operator/logout", headers=FORM | session, body=b"")
    assert left.headers["location"] == "/operator/login"
    assert any(each.startswith("waypost_person=;") for each in left.cookies)
    assert demo.get("/operator", headers=session).status == 303


def test_no_other_site_lets_anybody_in(demo: Any) -> None:
    for strange in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        refused = demo.ask("POST", "/start/operator", headers=FORM | strange, body=b"")
        assert (refused.status, refused.cookies) == (403, [])


def test_there_is_none_but_in_a_demo(world: Any) -> None:
    assert world.get("/start").status == 404
    assert world.ask("POST", "/start/operator", headers=FORM, body=b"").status in (404, 405)


def test_only_roles_that_are_shown_can_be_entered(demo: Any) -> None:
    assert demo.ask("POST", "/start/consignee", headers=FORM, body=b"").status in (404, 405)
