"""People sign in to the pages with a login and a password, and see to their own account."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import update

from waypost.access.keys import Role
from waypost.access.records import people
from waypost.access.trail import Wanted
from waypost.model.parties import PartyKind
from waypost.web.desk import Limits, Site

FORM = {"content-type": "application/x-www-form-urlencoded"}
GOOD, BETTER = "correct horse battery", "staple of the horses"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
HOUR_MS = 3_600_000


def post(world: Any, path: str, headers: dict[str, str] | None = None, more: Any = None, **fields: str) -> Any:
    body = urlencode(fields).encode()
    return world.ask("POST", path, headers=FORM | (headers or {}), body=body, **(more or {}))


def add(world: Any, login: str = "ann@example.org", *roles: Role, **more: Any) -> str:
    person = world.people.add(login, "Ann Li", roles or (Role.OPERATOR,), world.now_ms, **more)
    world.people.set_password(person.id, GOOD, world.now_ms)
    id_: str = person.id
    return id_


def log_in(world: Any, login: str = "ann@example.org", password: str = GOOD, target: str = "", **headers: str) -> Any:
    return post(world, "/login", headers, login=login, password=password, next=target)


class Browser:
    """Somebody who has signed in."""

    def __init__(self, world: Any, login: str = "ann@example.org", password: str = GOOD) -> None:
        self._world = world
        [cookie] = log_in(world, login, password, **{"user-agent": FIREFOX}).cookies
        self.cookie = {"cookie": cookie.split(";")[0]}

    def get(self, path: str) -> Any:
        return self._world.get(path, headers=self.cookie)

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> Any:
        return post(self._world, path, self.cookie | (headers or {}), **fields)


def deeds(world: Any, **wanted: Any) -> list[str]:
    return [each.what for each in reversed(world.trail.list_page(Wanted(**wanted), None, 100)[0])]


# Signing in and out


def test_a_page_asks_people_for_a_password_and_without_any_for_a_key(world: Any) -> None:
    assert world.get("/operator/pushes").headers["location"] == "/operator/login?next=%2Foperator%2Fpushes"
    assert world.get("/account").headers["location"] == "/login?next=%2Faccount"
    add(world)
    assert world.get("/operator/pushes").headers["location"] == "/login?next=%2Foperator%2Fpushes"
    assert world.get("/carrier").headers["location"] == "/login?next=%2Fcarrier"
    assert world.get("/account").headers["location"] == "/login?next=%2Faccount"


def test_one_is_sent_back_to_what_can_be_asked_for_alone(world: Any) -> None:
    id_ = add(world)
    for target in (
        "/account/password",
        f"/account/sessions/{id_}/end",
        "/operator/nothing/here/at/all",
        "/operator/logout",
    ):
        assert log_in(world, target=target).headers["location"] == "/operator"
    for target in ("/account", "/operator/parcels?prefix=A%2FB", "/operator/parcels/waypost/WP1"):
        assert log_in(world, target=target).headers["location"] == target
    late = post(world, "/account/password", {}, old=GOOD, new=GOOD, again=GOOD)  # the session has ended meanwhile
    assert (late.status, late.headers["location"]) == (303, "/login?next=%2Faccount")


def test_signing_in_and_out(world: Any) -> None:
    id_ = add(world)
    form = world.get("/login?next=/operator/pushes")
    assert 'name="next" value="/operator/pushes"' in form.text
    assert form.text.count('type="password"') == 1
    reply = log_in(world, target="/operator/pushes")
    assert (reply.status, reply.headers["location"]) == (303, "/operator/pushes")
    [cookie] = reply.cookies
    assert re.fullmatch(r"waypost_person=[0-9a-f]{64}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax", cookie)
    sent = {"cookie": cookie.split(";")[0]}
    page = world.get("/operator", headers=sent)
    assert page.status == 200
    assert '<a href="/account">Ann Li</a>' in page.text
    assert f'"key":"{id_}"' in world.journal.getvalue()
    left = post(world, "/operator/logout", sent)
    assert (left.status, left.headers["location"]) == (303, "/login")
    assert "waypost_person=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" in left.cookies
    assert world.get("/operator", headers=sent).status == 303
    assert deeds(world, who=f"person:{id_}") == ["person.logged_in", "session.ended"]


def test_over_tls_the_cookie_is_for_tls_only(make_world: Callable[..., Any]) -> None:
    world = make_world(site=Site(trusted_proxies=("10.0.0.1",)))
    add(world)
    by_proxy = {"client": ("10.0.0.1", 1)}
    given = {"login": "ann@example.org", "password": GOOD}
    [cookie] = post(world, "/login", {"x-forwarded-proto": "https"}, by_proxy, **given).cookies
    assert cookie.endswith("; Secure")
    [gone] = post(world, "/logout", {"x-forwarded-proto": "https"}, by_proxy).cookies
    assert gone.endswith("; Secure")


@pytest.mark.parametrize(("login", "password"), [("ann@example.org", BETTER), ("bob", GOOD), ("", ""), ("a\x00", GOOD)])
def test_what_is_wrong_is_not_told(world: Any, login: str, password: str) -> None:
    add(world)
    reply = log_in(world, login, password)
    assert (reply.status, reply.cookies) == (401, [])
    assert "This login and password are not known together." in reply.text
    assert password not in reply.text or not password


def test_a_typed_login_is_shown_again_as_text(world: Any) -> None:
    reply = log_in(world, '"><script>alert(1)</script>', target='"><script>')
    assert "<script>" not in reply.text
    assert "&lt;script&gt;alert" in reply.text


def test_guessing_is_slow(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(guesses_burst=3, guesses_per_min=6))
    add(world)
    wrong = [log_in(world, password=f"wrong {place}") for place in range(4)]
    assert [each.status for each in wrong] == [401, 401, 401, 429]
    assert wrong[-1].headers["retry-after"] == "10"
    assert log_in(world).status == 429
    world.now_ms += 10_000
    assert log_in(world).status == 303


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/operator",
        "//evil.example",
        "/\\evil",
        "/track",
        "/operatorevil",
        "/accounts",
        "/login",
        "",
    ],
)
def test_after_signing_in_nobody_is_sent_elsewhere(world: Any, target: str) -> None:
    add(world)
    assert log_in(world, target=target).headers["location"] == "/operator"
    assert not target or f'value="{target}"' not in world.get(f"/login?next={quote(target)}").text


@pytest.mark.parametrize(
    ("roles", "home", "operator", "carrier"),
    [
        ((Role.OPERATOR,), "/operator", 200, 403),
        ((Role.CARRIER,), "/carrier", 403, 200),
        ((Role.CARRIER, Role.OPERATOR), "/operator", 200, 200),
        ((Role.MERCHANT,), "/merchant", 403, 403),
    ],
)
def test_each_sees_the_pages_of_their_roles(
    world: Any, roles: tuple[Role, ...], home: str, operator: int, carrier: int
) -> None:
    party = world.parties.add(PartyKind.MERCHANT, "Estrela", world.now_ms).id if Role.MERCHANT in roles else None
    add(world, "ann@example.org", *roles, party=party)
    assert log_in(world).headers["location"] == home
    browser = Browser(world)
    assert [browser.get(path).status for path in ("/operator", "/carrier", "/account")] == [operator, carrier, 200]


def test_who_speaks_for_one_carrier_sees_no_other(world: Any) -> None:
    add(world, "ann@example.org", Role.CARRIER, carriers=["ruralpost"])
    text = Browser(world).get("/carrier").text
    assert 'name="carrier" value="ruralpost"' in text
    reply = Browser(world).post("/carrier/scans", carrier="yto", code="picked_up", numbers="YT1")
    assert (reply.status, "no carrier that this key speaks for" in reply.text) == (422, True)


def test_a_session_ends_at_once_when_its_person_does(world: Any) -> None:
    id_ = add(world)
    add(world, "bob@example.org")
    browser = Browser(world)
    assert browser.get("/operator").status == 200
    world.people.end(id_, world.now_ms)
    assert browser.get("/operator").headers["location"].startswith("/login?")


def test_a_session_ends_when_it_is_not_used(world: Any) -> None:
    add(world)
    browser = Browser(world)
    world.now_ms += 2 * HOUR_MS - 1
    assert browser.get("/operator").status == 200
    world.now_ms += 2 * HOUR_MS
    assert browser.get("/operator").status == 303


def test_a_session_opens_pages_and_nothing_of_the_api(world: Any) -> None:
    add(world)
    browser = Browser(world)
    token = browser.cookie["cookie"].partition("=")[2]
    assert browser.get("/v1/overview").status == 401
    assert world.get("/v1/overview", key=token).status == 401


def test_a_person_and_a_key_in_one_browser(world: Any) -> None:
    """The key opens what the person may not, as it would alone."""
    add(world, "ann@example.org", Role.CARRIER)
    [cookie] = post(world, "/operator/login", key=world.operator, next="/operator").cookies
    both = {"cookie": f"{Browser(world).cookie['cookie']}; {cookie.split(';')[0]}"}
    assert world.get("/operator", headers=both).status == 200
    assert len(post(world, "/operator/logout", both).cookies) == 2
    assert [world.get(path, headers=both).status for path in ("/operator", "/carrier")] == [303, 303]


# Forms of other sites


def list_forms(world: Any) -> list[str]:
    routes = world.app._inside.routes
    found = [each.path for each in routes if "POST" in each.methods and not each.path.startswith("/v1/")]
    assert len(found) > 8
    return sorted(found)


#: Mail programs post it from wherever they are (RFC 8058); its token is all that counts, and no cookie does.
ONE_CLICK = "/mail/stop/{token}"


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_no_form_of_another_site_does_anything(world: Any, headers: dict[str, str]) -> None:
    add(world, "ann@example.org", Role.OPERATOR, Role.CARRIER)
    browser = Browser(world)
    cookies = browser.cookie["cookie"]
    for home, key in (("/operator", world.operator), ("/carrier", world.carrier)):
        [cookie] = post(world, f"{home}/login", key=key, next=home).cookies
        cookies += f"; {cookie.split(';')[0]}"
    forms = [path for path in list_forms(world) if path != ONE_CLICK]
    assert len(forms) > 5
    for path in forms:
        before = deeds(world)
        for sent in (browser.cookie["cookie"], cookies):
            reply = post(world, path.replace("{id}", "x").replace("{token}", "x"), {"cookie": sent} | headers, key="k")
            assert (reply.status, reply.json["code"]) == (403, "foreign_form"), path
        assert deeds(world) == before, path
    assert browser.get("/operator").status == 200


def test_a_form_of_another_site_is_refused_of_a_key_alone(world: Any) -> None:
    [cookie] = post(world, "/carrier/login", key=world.carrier, next="/carrier").cookies
    sent = {"cookie": cookie.split(";")[0], "origin": "https://evil.example"}
    assert post(world, "/carrier/scans", sent, numbers="A").json["code"] == "foreign_form"


# Invitations


def invite(world: Any, name: str = "Bo") -> str:
    person = world.people.add("bo", name, [Role.OPERATOR], world.now_ms)
    return f"/welcome/{world.people.invite(person.id, world.now_ms, HOUR_MS)}"


def test_an_invitation_is_good_for_once(world: Any) -> None:
    path = invite(world, "<b>Bo</b>")
    for _ in range(2):  # looking at it, as programs that check mails do, does not use it up
        form = world.get(path)
        assert form.status == 200
        assert "Welcome, &lt;b&gt;Bo&lt;/b&gt;." in form.text
    assert form.headers["referrer-policy"] == "same-origin"
    for fields, why in (
        ({"new": GOOD, "again": BETTER}, "two different passwords"),
        ({"new": "short", "again": "short"}, "too short"),
        ({}, "too short"),
    ):
        reply = post(world, path, **fields)
        assert (reply.status, reply.cookies, why in reply.text) == (422, [], True)
    reply = post(world, path, new=GOOD, again=GOOD)
    assert (reply.status, reply.headers["location"]) == (303, "/operator")
    [cookie] = reply.cookies
    assert world.get("/operator", headers={"cookie": cookie.split(";")[0]}).status == 200
    for reply in (world.get(path), post(world, path, new=BETTER, again=BETTER)):
        assert (reply.status, reply.cookies, "was used, or has ended" in reply.text) == (404, [], True)
    assert log_in(world, "bo").status == 303


def test_an_invitation_ends(world: Any) -> None:
    path = invite(world)
    world.now_ms += HOUR_MS
    assert world.get(path).status == 404
    assert post(world, path, new=GOOD, again=GOOD).status == 404


@pytest.mark.parametrize("token", ["x", "0" * 48, "%00", "%ED%A0%80", "a" * 3000])
def test_no_invitation(world: Any, token: str) -> None:
    assert world.get(f"/welcome/{token}").status == 404


def test_tokens_stand_in_no_journal(world: Any) -> None:
    path = invite(world)
    post(world, path, new=GOOD, again=GOOD)
    token = Browser(world, "bo").cookie["cookie"].partition("=")[2]
    told = world.journal.getvalue()
    assert "/welcome/{token}" in told
    for secret in (path.rpartition("/")[2], token, GOOD, '"bo"'):
        assert secret not in told


# One's account


def test_the_account_says_who_one_is_and_where_one_is_signed_in(world: Any) -> None:
    add(world)
    one, other = Browser(world), Browser(world)
    page = one.get("/account?lang=en")
    assert "ann@example.org · operator" in page.text
    assert page.text.count("Firefox, Linux") == 3  # in two rows, and on the button of the other one
    [ends] = re.findall(r'action="(/account/sessions/[0-9a-f]{16}/end)\?lang=en"', page.text)
    assert one.post(ends).headers["location"] == "/account"
    assert (one.get("/operator").status, other.get("/operator").status) == (200, 303)
    assert one.post(ends).status == 404
    third = Browser(world)
    assert one.post("/account/sessions/end?lang=zh").headers["location"] == "/account?lang=zh"
    assert (one.get("/operator").status, third.get("/operator").status) == (200, 303)
    assert one.post("/logout").headers["location"] == "/login"
    assert one.get("/account").status == 303


def test_nobody_ends_the_session_of_another(world: Any) -> None:
    bob = add(world, "bob@example.org")
    add(world)
    bobs = Browser(world, "bob@example.org")
    [session] = world.sessions.list_of(bob, world.now_ms)
    ann = Browser(world)
    assert session.id not in ann.get("/account").text
    assert ann.post(f"/account/sessions/{session.id}/end").status == 404
    ann.post("/account/sessions/end")
    assert bobs.get("/operator").status == 200


def test_changing_ones_password(world: Any) -> None:
    add(world)
    here, there = Browser(world), Browser(world)
    for fields, why in (
        ({"old": "wrong", "new": BETTER, "again": BETTER}, "This is not the password so far."),
        ({"old": GOOD, "new": BETTER, "again": GOOD}, "These are two different passwords."),
        ({"old": GOOD, "new": "short", "again": "short"}, "This password is too short."),
        ({"old": GOOD, "new": "ab" * 9, "again": "ab" * 9}, "over and over"),
        ({"old": GOOD, "new": "annann" * 3, "again": "annann" * 3}, "over and over"),
        ({"old": GOOD, "new": "x" * 201, "again": "x" * 201}, "longer than 200"),
        ({}, "too short"),
    ):
        reply = here.post("/account/password", **fields)
        assert (reply.status, why in reply.text) == (422, True), fields
    changed = here.post("/account/password", old=GOOD, new=BETTER, again=BETTER)
    assert (changed.status, changed.headers["location"]) == (303, "/account?changed=")
    assert "The password is changed" in here.get("/account?changed=").text
    assert there.get("/operator").status == 303
    assert (log_in(world).status, log_in(world, password=BETTER).status) == (401, 303)


def test_the_account_in_each_language(world: Any) -> None:
    add(world)
    browser = Browser(world)
    for code, heading in (("zh", "我的账户"), ("es", "Su cuenta"), ("pt", "Sua conta")):
        assert heading in browser.get(f"/account?lang={code}").text
        assert f'lang="{code}' in world.get(f"/login?lang={code}").text


@pytest.mark.parametrize("sent", [b"\xff\xfe=%ff&login=%ff&password=%ff", b"login=a&login=b", b"%", b""])
def test_forms_that_nobody_fills_in(world: Any, sent: bytes) -> None:
    assert world.ask("POST", "/login", headers=FORM, body=sent).status == 401
    assert world.ask("POST", "/login", headers={"content-type": "application/json"}, body=b"{}").status == 415


# Who did what


def test_the_trail_has_a_page_with_names_beside_the_ids(world: Any) -> None:
    id_ = add(world)
    browser = Browser(world)
    for place in range(60):
        world.trail.note("waypost", "push.opened", f"p{place}", world.now_ms, account="<b>yto</b>")
    page = browser.get("/operator/audit")
    assert page.text.count("push.opened</code>") == 50
    assert "&lt;b&gt;yto&lt;/b&gt;" in page.text
    [after] = set(re.findall(r"after=(\d+)", page.text))
    assert browser.get(f"/operator/audit?after={after}").text.count("push.opened</code>") == 10
    of_ann = browser.get(f"/operator/audit?who=person:{id_}")
    assert f"<code>person:{id_}</code></a><small>Ann Li</small>" in of_ann.text
    assert of_ann.text.count("<time") == 1
    world.people.end(id_, world.now_ms, forget=True)
    add(world, "bob@example.org")
    assert "Ann Li" in Browser(world, "bob@example.org").get("/operator/audit?what=person.").text  # it is bob's name
    assert "<small>Ann Li" not in Browser(world, "bob@example.org").get(f"/operator/audit?of={id_}").text
    assert "Nothing of that kind" in Browser(world, "bob@example.org").get("/operator/audit?of=x").text
    broken = Browser(world, "bob@example.org").get("/operator/audit?after=x")
    assert (broken.status, "no cursor" in broken.text) == (400, True)


def test_the_trail_opens_only_those_who_stand_on_its_page(world: Any) -> None:
    add(world)
    browser = Browser(world)
    other = add(world, "bob@example.org")
    with world.memory.records.begin() as connection:
        connection.execute(update(people).where(people.c.id == other).values(words=b"\0\1 torn"))
    assert "Ann Li" in browser.get("/operator/audit?what=person.logged_in").text
    key = world.keys.list_all()[0].key
    world.trail.note(f"key:{key.id}", "key.logged_in", key.id, world.now_ms)
    assert browser.get("/operator/audit?what=key.logged_in").text.count(f"<small>{key.name}") == 2


def test_on_a_merchants_page_who_is_an_operator_too_asks_as_a_merchant(world: Any) -> None:
    party = world.parties.add(PartyKind.MERCHANT, "Estrela", world.now_ms).id
    add(world, "ann@example.org", Role.OPERATOR, Role.MERCHANT, party=party)
    cookie = log_in(world).cookies[0].split(";")[0]

    def ask(path: str, page: str) -> int:
        return int(world.get(path, headers={"cookie": cookie, "x-waypost-page": page}).status)

    assert [ask(path, "console") for path in ("/v1/orders", "/v1/live")] == [200, 200]
    assert [ask(path, "merchant") for path in ("/v1/orders", "/v1/live")] == [200, 403]
    elsewhere = {"cookie": cookie, "x-waypost-page": "merchant", "sec-fetch-site": "cross-site"}
    assert world.get("/v1/orders", headers=elsewhere).status == 401
