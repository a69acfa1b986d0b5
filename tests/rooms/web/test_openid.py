"""Another provider says who somebody is: over real HTTP, against a strict fake that plays traps."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.rooms.web.test_people import add, deeds

from waypost.access.keys import Role
from waypost.model.errors import Conflict, SettingsError
from waypost.model.parties import PartyKind
from waypost.testing.openid import FakeOpenId, Trap
from waypost.web.desk import Limits
from waypost.web.openid import NotBelieved, OpenId, Provider, subject_of

ADDRESS = "https://parcels.example"
ROLES = {"wp-operators": "operator", "wp-carriers": "carrier", "wp-shops": "merchant"}


class Ticks:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def fake() -> Iterator[FakeOpenId]:
    with FakeOpenId(f"{ADDRESS}/login/openid/callback") as opened:
        yield opened


def provider(fake: FakeOpenId, **more: Any) -> Provider:
    told = {"issuer": fake.issuer, "client_id": fake.client_id, "client_secret": fake.client_secret}
    return Provider(**(told | {"allow_http": True, "name": "Hilltop"} | more))


@pytest.fixture
def open_id() -> Iterator[Callable[..., OpenId]]:
    opened: list[OpenId] = []

    def make(fake: FakeOpenId, ticks: Ticks | None = None, **more: Any) -> OpenId:
        opened.append(OpenId(provider(fake, **more), ADDRESS, ticks or Ticks()))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def open_world(make_world: Callable[..., Any], fake: FakeOpenId, open_id: Callable[..., OpenId]) -> Callable[..., Any]:
    return lambda **more: make_world(openid=open_id(fake, **more))


def sign_in(world: Any, target: str = "") -> Any:
    """What the browser of somebody is answered in the end, having been there and back."""
    gone = world.get(f"/login/openid?next={target}")
    if gone.status != 303:
        return gone
    [cookie] = gone.cookies
    return come_back(world, gone.headers["location"], cookie.split(";")[0])


def come_back(world: Any, there: str, cookie: str) -> Any:
    sent_back = httpx.get(there).headers["location"]
    assert sent_back.startswith(f"{ADDRESS}/login/openid/callback?")
    return world.get(sent_back.removeprefix(ADDRESS), headers={"cookie": cookie})


def person_cookie(reply: Any) -> str | None:
    return next((each.split(";")[0] for each in reply.cookies if each.startswith("waypost_person=")), None)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_somebody_who_is_known_signs_in(
    make_world: Callable[..., Any], open_id: Callable[..., OpenId], algorithm: str
) -> None:
    with FakeOpenId(f"{ADDRESS}/login/openid/callback", algorithm=algorithm) as fake:
        world = make_world(openid=open_id(fake))
        subject = subject_of(fake.issuer, "42")
        id_ = world.people.add("ann", "Ann", [Role.OPERATOR], world.now_ms, subject=subject).id
        assert '<a class="button" href="/login/openid">Sign in with Hilltop</a>' in world.get("/login").text
        reply = sign_in(world, "/operator/pushes")
        assert (reply.status, reply.headers["location"], fake.wrongs) == (303, "/operator/pushes", [])
        assert "waypost_openid=; Path=/login/openid; Max-Age=0; HttpOnly; SameSite=Lax" in reply.cookies
        cookie = person_cookie(reply)
        assert cookie is not None
        assert world.get("/operator", headers={"cookie": cookie}).status == 200
        assert "Change password" not in world.get("/account", headers={"cookie": cookie}).text
        assert deeds(world, who=f"person:{id_}") == ["person.logged_in"]


@pytest.mark.parametrize("trap", list(Trap))
def test_no_trap_lets_anybody_in(open_world: Callable[..., Any], fake: FakeOpenId, trap: Trap) -> None:
    world = open_world(roles=ROLES, makes_people=True)
    fake.claims["roles"] = ["wp-operators"]
    fake.trap = trap
    reply = sign_in(world)
    assert (reply.status, person_cookie(reply)) == (401, None)
    assert "The other provider did not sign you in here." in reply.text
    assert (world.people.list_all(), fake.wrongs) == ([], [])
    fake.trap = None  # the same provider without the trap is believed: so it was the trap
    world._desk.openid._about = world._desk.openid._keys = None
    assert person_cookie(sign_in(world)) is not None


def test_a_key_that_was_rotated_is_found(fake: FakeOpenId, open_id: Callable[..., OpenId]) -> None:
    ticks = Ticks()
    openid = open_id(fake, ticks)

    def ask() -> str:
        back = httpx.get(openid.begin("token")).headers["location"]
        answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return openid.finish("token", answer).subject

    assert ask() == ask() == f"{fake.issuer}\n42"
    assert fake.asked.count("/keys") == 1
    fake.rotate()
    with pytest.raises(NotBelieved, match="does not publish"):  # nobody makes us ask ever again
        ask()
    ticks.now += 11
    assert ask() == f"{fake.issuer}\n42"
    assert fake.asked.count("/keys") == 2
    ticks.now += 3700
    ask()
    assert (fake.asked.count("/keys"), fake.asked.count("/.well-known/openid-configuration")) == (3, 2)


def test_another_browser_gets_nothing(open_world: Callable[..., Any], fake: FakeOpenId) -> None:
    world = open_world(roles=ROLES, makes_people=True)
    fake.claims["roles"] = "wp-operators"
    gone, other = world.get("/login/openid"), world.get("/login/openid")
    there, cookie = gone.headers["location"], gone.cookies[0].split(";")[0]
    for wrong in ("", "waypost_openid=", other.cookies[0].split(";")[0], "waypost_openid=\xff.x"):
        assert (reply := come_back(world, there, wrong)).status == 401
        assert person_cookie(reply) is None
    back = httpx.get(there).headers["location"].removeprefix(ADDRESS)
    assert person_cookie(world.get(back, headers={"cookie": cookie})) is not None
    assert world.get(back, headers={"cookie": cookie}).status == 401  # a code is good for once
    assert fake.wrongs == ["grant"]


@pytest.mark.parametrize("query", ["", "error=access_denied&state={state}", "state={state}", "code=x&state="])
def test_answers_without_a_code(open_world: Callable[..., Any], fake: FakeOpenId, query: str) -> None:
    world = open_world()
    gone = world.get("/login/openid")
    [state] = parse_qs(urlsplit(gone.headers["location"]).query)["state"]
    cookie = gone.cookies[0].split(";")[0]
    assert state not in cookie
    reply = world.get(f"/login/openid/callback?{query.format(state=state)}", headers={"cookie": cookie})
    assert (reply.status, "/token" in fake.asked) == (401, False)


def test_nobody_is_sent_elsewhere_after(open_world: Callable[..., Any], fake: FakeOpenId) -> None:
    world = open_world(roles=ROLES, makes_people=True)
    fake.claims["roles"] = "wp-operators"
    for target in ("https://evil.example", "//evil.example"):
        assert sign_in(world, target).headers["location"] == "/operator"
    gone = world.get("/login/openid")
    cookie = gone.cookies[0].split(";")[0] + "https%3A%2F%2Fevil.example"
    assert come_back(world, gone.headers["location"], cookie).headers["location"] == "/operator"


def test_who_is_not_known_is_refused_unless_people_are_made(open_world: Callable[..., Any], fake: FakeOpenId) -> None:
    world = open_world(roles=ROLES)
    fake.claims["roles"] = ["wp-operators"]
    reply = sign_in(world)
    assert (reply.status, person_cookie(reply)) == (401, None)
    assert "nobody has let you in here yet" in reply.text
    assert deeds(world, who="unknown") == ["person.login_failed"]


def test_roles_follow_the_claims(open_world: Callable[..., Any], fake: FakeOpenId) -> None:
    world = open_world(roles=ROLES, makes_people=True, role_claim="groups")
    party = world.parties.add(PartyKind.MERCHANT, "Estrela", world.now_ms).id
    fake.claims |= {"groups": ["wp-carriers", "others"], "carriers": ["yto"]}
    assert sign_in(world).headers["location"] == "/carrier"
    [person] = world.people.list_all()
    assert (person.login, person.name, person.roles, person.carriers) == (
        "ann@example.org",
        "Ann Li",
        (Role.CARRIER,),
        ("yto",),
    )
    cookie = person_cookie(sign_in(world))
    fake.claims |= {"groups": ["wp-operators", "wp-shops"], "party": party}
    sign_in(world)
    [person] = world.people.list_all()
    assert (person.roles, person.carriers, person.party) == ((Role.OPERATOR, Role.MERCHANT), (), party)
    assert world.get("/carrier", headers={"cookie": cookie}).status == 403  # at once, in sessions that are open too
    assert "person.roles_changed" in deeds(world, who="waypost")
    for claims in ({"groups": []}, {"groups": "wp-carriers", "carriers": []}, {"groups": ["wp-shops"], "party": "x"}):
        fake.claims |= claims
        assert (sign_in(world).status, world.people.list_all()) == (401, [person]), claims
    fake.claims["groups"] = ["wp-operators"]
    world.people.end(person.id, world.now_ms)
    assert (sign_in(world).status, len(world.people.list_all())) == (401, 1)


@pytest.mark.parametrize("forget", [False, True])
def test_who_was_ended_is_kept_out_until_they_are_added_again(
    open_world: Callable[..., Any], fake: FakeOpenId, forget: bool
) -> None:
    world = open_world(roles=ROLES, makes_people=True)
    fake.claims["roles"] = ["wp-operators"]
    sign_in(world)
    [person] = world.people.list_all()
    world.people.end(person.id, world.now_ms, forget=forget)
    reply = sign_in(world)
    assert (reply.status, person_cookie(reply)) == (401, None)
    assert "nobody has let you in here yet" in reply.text
    assert "was ended here" in world.journal.getvalue()
    subject = subject_of(fake.issuer, "42")
    with pytest.raises(Conflict):
        world.people.add("ann", "Ann", [Role.OPERATOR], world.now_ms, subject=subject)
    again = world.people.add("ann", "Ann", [Role.OPERATOR], world.now_ms, subject=subject, again=True)
    assert person_cookie(sign_in(world)) is not None
    assert [each.id for each in world.people.list_all() if each.ended_ms is None] == [again.id]


def test_people_of_a_party_that_ended_may_come_for_another(open_world: Callable[..., Any], fake: FakeOpenId) -> None:
    world = open_world(roles=ROLES, makes_people=True)
    old, new = (world.parties.add(PartyKind.MERCHANT, name, world.now_ms).id for name in ("Estrela", "Lua"))
    fake.claims |= {"roles": ["wp-shops"], "party": old}
    assert person_cookie(sign_in(world)) is not None
    world.parties.end(old, world.now_ms)
    assert sign_in(world).status == 401
    fake.claims["party"] = new
    assert person_cookie(sign_in(world)) is not None


def test_nobody_becomes_another_by_an_address_alike(open_world: Callable[..., Any], fake: FakeOpenId) -> None:
    world = open_world(roles=ROLES, makes_people=True)
    add(world, "ann@example.org")
    fake.claims["roles"] = ["wp-operators"]
    reply = sign_in(world)
    assert (reply.status, person_cookie(reply), len(world.people.list_all())) == (401, None, 1)


def test_an_address_that_nobody_verified_names_nobody(open_world: Callable[..., Any], fake: FakeOpenId) -> None:
    world = open_world(roles=ROLES, makes_people=True)
    fake.claims |= {"roles": ["wp-operators"], "email_verified": False, "preferred_username": "annli"}
    sign_in(world)
    assert [each.login for each in world.people.list_all()] == ["annli"]


def test_what_is_not_believed_is_written_down_so_often_and_no_more(
    make_world: Callable[..., Any], fake: FakeOpenId, open_id: Callable[..., OpenId]
) -> None:
    world = make_world(openid=open_id(fake), limits=Limits(guesses_burst=3, guesses_per_min=1))
    fake.trap = Trap.EXPIRED
    assert [sign_in(world).status for _ in range(5)] == [401, 401, 401, 429, 429]
    assert deeds(world, who="unknown") == ["person.login_failed"] * 3
    world.now_ms += 60_000
    assert world.get("/login/openid/callback").status == 401
    assert deeds(world, who="unknown") == ["person.login_failed"] * 3


def test_a_provider_that_does_not_answer(make_world: Callable[..., Any], open_id: Callable[..., OpenId]) -> None:
    with FakeOpenId("x") as fake:
        openid = open_id(fake)
    reply = make_world(openid=openid).get("/login/openid")
    assert (reply.status, "did not sign you in" in reply.text) == (401, True)


def test_a_wrong_secret_is_told_in_the_journal_without_it(open_world: Callable[..., Any], fake: FakeOpenId) -> None:
    world = open_world(client_secret="wrong-secret")
    assert sign_in(world).status == 401
    assert fake.wrongs == ["client"]
    told = world.journal.getvalue()
    assert '"reason":"answer","detail":"the provider answers 401"' in told
    assert "wrong-secret" not in told


def test_without_a_provider_there_is_no_such_page(world: Any) -> None:
    assert [world.get(path).status for path in ("/login/openid", "/login/openid/callback")] == [404, 404]
    assert "/login/openid" not in world.get("/login").text


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"issuer": "http://id.example", "allow_http": False}, "no https address"),
        ({"issuer": "id.example"}, "no https address"),
        ({"roles": {"x": "king"}}, "Roles: operator"),
        ({"makes_people": True}, "makes_people needs roles"),
        ({"client_secret_file": Path("/nowhere")}, "client_secret stands there too"),
        ({"client_secret": "", "client_secret_file": Path("/nowhere")}, "cannot be read"),
    ],
)
def test_settings_that_cannot_be(fake: FakeOpenId, more: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        OpenId(provider(fake, **more), ADDRESS)
    assert why in str(refused.value)
    with pytest.raises(SettingsError, match=r"\[site\] url"):
        OpenId(provider(fake), "")


def test_a_secret_in_a_file(fake: FakeOpenId, tmp_path: Path, open_id: Callable[..., OpenId]) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{fake.client_secret}\n")
    openid = open_id(fake, client_secret="", client_secret_file=file)
    back = httpx.get(openid.begin("token")).headers["location"]
    answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    assert openid.finish("token", answer).name == "Ann Li"
