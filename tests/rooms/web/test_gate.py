import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from waypost.access.keys import Key, Role
from waypost.model.errors import NotAllowed, TooMany
from waypost.model.parties import PartyKind
from waypost.web.door import Call
from waypost.web.gate import Gate
from waypost.web.pools import Pool
from waypost.web.rates import Rates

BURST = 3


class Clocks:
    """The time of day and the ticks, moved one without the other."""

    now_ms = 1_000_000
    ticks_ms = 0

    def ticks(self) -> int:
        return self.ticks_ms

    def day(self) -> int:
        return self.now_ms


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def gate(world: Any, clocks: Clocks) -> Iterator[Gate]:
    pool = Pool("keys", threads=2, waiting=100)
    rates = Rates("wrong keys", per_min=6, burst=BURST, addresses=10, ticks=clocks.ticks)
    yield Gate(world.keys, world.sessions, pool, rates, clocks.day, clocks.ticks)
    pool.close()


async def show(gate: Gate, key: str, address: str = "203.0.113.7") -> Key | None:
    call = Call("request", address, address, secure=False)
    found = await gate.find_key(call, {"authorization": f"Bearer {key}"})
    assert call.key == found
    return found


def test_many_at_once_with_a_right_key(world: Any, gate: Gate) -> None:
    async def burst() -> list[Key | None]:
        return await asyncio.gather(*(show(gate, world.carrier) for _ in range(16)))

    assert [key and key.role for key in asyncio.run(burst())] == [Role.CARRIER] * 16


def test_wrong_keys_run_out_and_a_right_one_works_all_the_same(world: Any, gate: Gate, clocks: Clocks) -> None:
    for place in range(BURST):
        with pytest.raises(NotAllowed, match="not known here"):
            asyncio.run(show(gate, f"wp_{place}"))
    with pytest.raises(TooMany, match="too many wrong keys") as refused:
        asyncio.run(show(gate, "wp_other"))
    assert refused.value.retry_after_s == 10
    assert asyncio.run(show(gate, world.operator)) is not None
    with pytest.raises(NotAllowed):
        asyncio.run(show(gate, "wp_other", address="198.51.100.1"))
    clocks.now_ms += 3_600_000  # somebody sets the clock of the machine: that forgives nothing
    with pytest.raises(TooMany):
        asyncio.run(show(gate, "wp_other"))
    clocks.ticks_ms += 10_000
    with pytest.raises(NotAllowed):
        asyncio.run(show(gate, "wp_other"))


def test_signing_in_costs_only_who_has_a_wrong_key(world: Any, gate: Gate) -> None:
    def sign_in(key: str) -> str | None:
        return asyncio.run(gate.open_session(Call("request", "203.0.113.7", "", secure=False), key))

    for _ in range(2 * BURST):
        assert sign_in(world.operator) is not None
        assert sign_in(world.carrier) is None  # a right key, though not for this
    for place in range(BURST):
        assert sign_in(f"wp_{place}") is None
    with pytest.raises(TooMany):
        sign_in("wp_other")
    assert sign_in(world.operator) is not None


def test_a_cookie_that_ran_out_is_no_guess(world: Any, gate: Gate) -> None:
    call = Call("request", "203.0.113.7", "", secure=False)
    for _ in range(2 * BURST):
        assert asyncio.run(gate.find_session(call, {"cookie": "waypost_session=00"})) is None
    with pytest.raises(NotAllowed):
        asyncio.run(show(gate, "wp_wrong"))


def test_a_withdrawn_key_works_for_some_seconds_at_most(world: Any, gate: Gate, clocks: Clocks) -> None:
    key = asyncio.run(show(gate, world.carrier))
    assert key is not None
    world.keys.withdraw(key.id, world.now_ms)
    clocks.ticks_ms += 9_999
    clocks.now_ms -= 3_600_000
    assert asyncio.run(show(gate, world.carrier)) == key
    clocks.ticks_ms += 1
    with pytest.raises(NotAllowed):
        asyncio.run(show(gate, world.carrier))


@pytest.mark.parametrize(
    "others",
    [
        "{ours}",
        "a b=c; {ours}",
        "foo; {ours}",
        'prefs={{"theme":"dark","list":[1,2]}}; {ours}',
        "{ours}; foo; =; ;",
        "x=é; a=b=c;{ours}",
        "waypost_session2=no; {ours}; waypost_session=second",
    ],
)
def test_other_cookies_do_not_hide_ours(world: Any, gate: Gate, others: str) -> None:
    call = Call("request", "203.0.113.7", "", secure=False)
    token = asyncio.run(gate.open_session(call, world.operator))
    key = asyncio.run(gate.find_session(call, {"cookie": others.format(ours=f"waypost_session={token}")}))
    assert key is not None
    assert key.role is Role.OPERATOR


@pytest.mark.parametrize("cookie", ["", "foo", "waypost_session", "waypost_session=", "a=waypost_session=00"])
def test_no_cookie_of_ours(gate: Gate, cookie: str) -> None:
    call = Call("request", "203.0.113.7", "", secure=False)
    assert asyncio.run(gate.find_session(call, {"cookie": cookie})) is None


def test_a_key_is_looked_up_once_to_sign_in(make_world: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """In one transaction: nobody can withdraw it between look-up and session."""
    world = make_world()
    asked: list[str] = []

    def noting(kind: str, open_: Callable[[], Any]) -> Callable[[], Any]:
        def opened() -> Any:
            asked.append(kind)
            return open_()

        return opened

    for kind in ("read", "begin"):
        monkeypatch.setattr(world.memory.records, kind, noting(kind, getattr(world.memory.records, kind)))
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answers = []
    for key in (world.operator, world.carrier, "wp_wrong"):
        reply = world.ask("POST", "/operator/login", headers=headers, body=f"key={key}".encode())
        answers.append((reply.status, len(reply.cookies)))
    assert answers == [(303, 1), (401, 0), (401, 0)]
    assert asked == ["begin"] * 3


# Pages of ours ask the API with the session of their browser

OURS = {"sec-fetch-site": "same-origin"}
#: What a browser says where the address is not safe, so that it tells of no site; our scripts then say it.
OURS_PLAIN = {"x-waypost-page": "1"}
FOREIGN = [
    {},  # a link from anywhere, in a browser that tells nothing
    {"sec-fetch-site": "none"},  # typed by hand
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "cross-site", "x-waypost-page": "1"},
    {"sec-fetch-site": "same-origin", "origin": "https://elsewhere.example"},
    {"x-waypost-page": "1", "origin": "https://elsewhere.example"},
    {"x-waypost-page": "1", "origin": "null"},
    {"origin": "http://test"},
]


def signed_in(world: Any, home: str, secret: str) -> dict[str, str]:
    form = {"content-type": "application/x-www-form-urlencoded"}
    body = urlencode({"key": secret, "next": home}).encode()
    [cookie] = world.ask("POST", f"{home}/login", headers=form, body=body).cookies
    return {"cookie": cookie.split(";")[0]}


@pytest.mark.parametrize("said", [OURS, OURS_PLAIN, OURS | {"origin": "http://test"}])
def test_a_page_of_ours_asks_with_the_session(world: Any, said: dict[str, str]) -> None:
    headers = signed_in(world, "/operator", world.operator) | said
    assert world.get("/v1/overview", headers=headers).status == 200
    assert world.get("/v1/me", headers=headers).json["roles"] == ["operator"]
    assert world.get("/v1/orders", headers=headers).status == 403  # a merchant's
    sent = headers | {"content-type": "application/json"}
    assert world.ask("PUT", "/v1/facilities", headers=sent, body=b"[]").status == 200


@pytest.mark.parametrize("said", FOREIGN)
def test_what_another_site_has_asked_is_nobodys(world: Any, said: dict[str, str]) -> None:
    headers = signed_in(world, "/operator", world.operator) | said
    assert world.get("/v1/overview", headers=headers).status == 401
    assert world.get("/v1/me", headers=headers).status == 401
    sent = headers | {"content-type": "application/json"}
    assert world.ask("PUT", "/v1/facilities", headers=sent, body=b"[]").status == 401
    public = world.get("/v1/parcels/WP100000001BR", headers=headers).json["parcels"]
    assert public == world.get("/v1/parcels/WP100000001BR").json["parcels"]


def test_a_session_sees_of_a_number_what_its_key_sees(world: Any) -> None:
    headers = signed_in(world, "/operator", world.operator) | OURS
    path = "/v1/parcels/WP100000001BR/timeline"
    told = world.get(path, headers=headers).json["timelines"]
    assert told == world.get(path, key=world.operator).json["timelines"]
    assert told != world.get(path).json["timelines"]


def test_no_session_and_one_that_is_guessed_open_nothing(world: Any) -> None:
    assert world.get("/v1/overview", headers=OURS).status == 401
    assert world.get("/v1/overview", headers=OURS | {"cookie": "waypost_session=guessed"}).status == 401
    assert world.get("/v1/overview", headers=OURS | {"cookie": "waypost_person=guessed"}).status == 401


def test_a_wrong_key_is_not_helped_by_a_session(world: Any) -> None:
    headers = signed_in(world, "/operator", world.operator) | OURS
    assert world.get("/v1/overview", headers=headers, key="wp_wrong").status == 401


@pytest.mark.parametrize(
    ("roles", "statuses"),
    [
        ((Role.OPERATOR,), {"/v1/overview": 200, "/v1/orders": 403, "/v1/lanes": 200}),
        ((Role.MERCHANT,), {"/v1/overview": 403, "/v1/orders": 200, "/v1/lanes": 403}),
        ((Role.CARRIER,), {"/v1/overview": 403, "/v1/orders": 403, "/v1/lanes": 200}),
        ((Role.OPERATOR, Role.MERCHANT), {"/v1/overview": 200, "/v1/orders": 200, "/v1/lanes": 200}),
    ],
)
def test_a_person_asks_in_the_roles_that_are_theirs(
    world: Any, roles: tuple[Role, ...], statuses: dict[str, int]
) -> None:
    headers = {"cookie": f"waypost_person={log_in(world, roles)}"}
    assert {path: world.get(path, headers=headers | OURS).status for path in statuses} == statuses
    assert sorted(world.get("/v1/me", headers=headers | OURS).json["roles"]) == sorted(roles)
    assert {world.get(path, headers=headers | {"sec-fetch-site": "cross-site"}).status for path in statuses} == {401}


def log_in(world: Any, roles: tuple[Role, ...]) -> str:
    """The token of a session of somebody with some roles."""
    carriers = ("waypost",) if Role.CARRIER in roles else ()
    party = world.parties.add(PartyKind.MERCHANT, "Shop", world.now_ms).id if Role.MERCHANT in roles else None
    person = world.people.add("ann@example.org", "Ann Li", roles, world.now_ms, carriers=carriers, party=party)
    token: str = world.people.let_in(person.id, "Firefox", world.now_ms, "password")
    return token
