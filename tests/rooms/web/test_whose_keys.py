"""Every route with everybody's key: nobody sees or changes what is another's, nor learns that it is there."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.rooms.web.everybody import House, open_house

from waypost.access.keys import Role, Scope

#: Who may ask what. A route that is not here fails the test until somebody says whose it is.
ANYBODY = frozenset({"nobody", "operator", "carrier", "bound", "strange carrier", "merchant", "other merchant"})
OPERATOR = frozenset({"operator"})
SENDERS = frozenset({"operator", "carrier", "bound"})
#: Operators see all, keys of carriers that speak for some what is theirs.
TELLERS = frozenset({"operator", "bound", "strange carrier"})
MERCHANTS = frozenset({"merchant", "other merchant"})
#: Merchants of their own, operators of all.
BOTH = MERCHANTS | OPERATOR

WHO_MAY = {
    "get /v1/carriers": OPERATOR,
    "get /v1/carriers/scorecards": OPERATOR,
    "get /v1/carriers/{account}/watches": OPERATOR,
    "put /v1/carriers/{account}/watches": OPERATOR,
    "delete /v1/carriers/{account}/watches/{number}": OPERATOR,
    "post /v1/carriers/{account}/files": SENDERS,
    "post /v1/carriers/{account}/labels": ANYBODY,  # who pushes is known by the signature
    "post /v1/carriers/{account}/push": ANYBODY,
    "get /v1/facilities": OPERATOR,
    "put /v1/facilities": OPERATOR,
    "get /v1/arrivals": OPERATOR,
    "get /v1/alerts": OPERATOR,
    "get /v1/alerts/{alert}": OPERATOR,
    "get /v1/alerts/{alert}/parcels": OPERATOR,
    "post /v1/alerts/{alert}/acknowledge": OPERATOR,
    "post /v1/alerts/{alert}/assign": OPERATOR,
    "post /v1/alerts/{alert}/snooze": OPERATOR,
    "post /v1/alerts/{alert}/resolve": OPERATOR,
    "post /v1/alerts/{alert}/reopen": OPERATOR,
    "get /v1/what-ifs": OPERATOR,
    "post /v1/what-ifs": OPERATOR,
    "get /v1/what-ifs/{what_if}": OPERATOR,
    "delete /v1/what-ifs/{what_if}": OPERATOR,
    "get /v1/lanes": TELLERS,
    "get /v1/forecasts": TELLERS,
    "get /v1/forecasts/volume": TELLERS,
    "post /v1/paths": TELLERS,
    "get /v1/timetable-changes": TELLERS,
    "post /v1/timetable-changes": TELLERS,
    "delete /v1/timetable-changes/{change}": TELLERS,
    "get /v1/lanes/times": TELLERS,
    "get /v1/jobs/{job}": MERCHANTS,
    "post /v1/jobs": MERCHANTS,
    "get /v1/orders": MERCHANTS,
    "post /v1/orders": MERCHANTS,
    "post /v1/orders/files": MERCHANTS,
    "get /v1/orders/{order}": MERCHANTS,
    "put /v1/orders/{order}": MERCHANTS,
    "post /v1/orders/{order}/cancel": MERCHANTS,
    "post /v1/orders/{order}/confirm": MERCHANTS,
    "get /v1/orders/{order}/parcels/{piece}/label": MERCHANTS,
    "post /v1/orders/{order}/return": MERCHANTS,
    "get /v1/orders/{order}/slip": MERCHANTS,
    "put /v1/orders/{order}/parcels": MERCHANTS,
    "get /v1/orders/{order}/quote": MERCHANTS,
    "delete /v1/orders/{order}/people": MERCHANTS,
    "get /v1/orders/{order}/parcels/{piece}/page": MERCHANTS,
    "post /v1/orders/{order}/parcels/{piece}/page/renew": MERCHANTS,
    "post /v1/carriers/{account}/proofs": SENDERS,
    "get /v1/proofs": BOTH,
    "get /v1/proofs/{proof}/picture": BOTH,
    "get /v1/proofs/{proof}/signature": BOTH,
    "get /v1/jobs/{job}/labels": MERCHANTS,
    "post /v1/manifests": MERCHANTS,
    "get /v1/manifests": MERCHANTS,
    "get /v1/manifests/{manifest}": MERCHANTS,
    "post /v1/quotes": MERCHANTS,
    "post /v1/promises": MERCHANTS,
    "post /v1/pickups": MERCHANTS,
    "get /v1/pickups": MERCHANTS,
    "get /v1/pickups/{pickup}": MERCHANTS,
    "post /v1/pickups/{pickup}/cancel": MERCHANTS,
    "post /v1/webhooks": MERCHANTS,
    "get /v1/webhooks": MERCHANTS,
    "get /v1/webhooks/{webhook}": MERCHANTS,
    "patch /v1/webhooks/{webhook}": MERCHANTS,
    "delete /v1/webhooks/{webhook}": MERCHANTS,
    "post /v1/webhooks/{webhook}/rotate": MERCHANTS,
    "post /v1/webhooks/{webhook}/test": MERCHANTS,
    "get /v1/webhooks/{webhook}/deliveries": MERCHANTS,
    "post /v1/webhooks/{webhook}/deliveries/{delivery}/retry": MERCHANTS,
    "post /v1/webhooks/{webhook}/replay": MERCHANTS,
    "get /v1/mail": MERCHANTS,
    "patch /v1/mail": MERCHANTS,
    "get /v1/mail/notices": MERCHANTS,
    "post /v1/mail/notices/{notice}/retry": MERCHANTS,
    "get /v1/overview": OPERATOR,
    "get /v1/live": OPERATOR,
    "get /v1/live/stream": OPERATOR,
    "get /v1/parcels": ANYBODY,  # by number, at city level; the list is the operator's
    "get /v1/parcels/{number}": ANYBODY,
    "get /v1/parcels/{number}/arrival": ANYBODY,
    "get /v1/parcels/{number}/timeline": ANYBODY,
    "get /v1/audit": OPERATOR,
    "get /v1/me": ANYBODY - {"nobody"},
    "get /v1/pushes": OPERATOR,
    "get /v1/pushes/{push}": OPERATOR,
    "get /v1/scans": OPERATOR,
    "post /v1/scans": SENDERS | {"strange carrier"},  # of its own carrier alone; see below
    "get /v1/sort-codes": OPERATOR,
    "put /v1/sort-codes/{parcel}": OPERATOR,
    "get /v1/statuses": ANYBODY,
    "get /healthz": ANYBODY,
    "get /readyz": ANYBODY,
    "get /metrics": OPERATOR,
}

#: What a path is about, the nearest first.
_NAMED = ("alert", "change", "job", "proof", "push", "manifest", "webhook", "notice", "parcel", "pickup", "account")

#: What an answer calls a key that somebody may use, or one that speaks for a carrier.
WHOSE = {"operator": "operator's", "carrier": "a carrier's", "bound": "--carrier", "merchant": "a merchant's"}

#: Keys that open nothing, whatever they once were.
DEAD = ("wrong", "ended", "of an ended party", "withdrawn")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


@pytest.fixture(scope="module")
def operations(house: House) -> dict[str, Any]:
    document = house.world.get("/v1/openapi.json").json
    return {f"{method} {path}": told for path, found in document["paths"].items() for method, told in found.items()}


def requests_of(house: House, name: str, operation: Any) -> list[tuple[str, str, bytes, str, tuple[str, str]]]:
    """Method, path, body, its kind: about what is there, with its id and another as long that nothing has."""
    method, _, path = name.partition(" ")
    ids = {"account": "rural", "number": "WP100000001BR", "push": house.push, "job": house.job, "piece": "1"}
    ids |= {"parcel": house.parcel, "pickup": house.pickup, "proof": house.proof}
    ids |= {"manifest": house.manifest, "webhook": house.webhook, "delivery": house.delivery, "notice": house.notice}
    ids |= {"change": house.change, "alert": house.alert}
    sent: list[bytes] = [b""]
    kind = "application/json"
    if content := operation.get("requestBody", {}).get("content"):
        kind, told = next(iter(content.items()))
        if "binary" in json.dumps(told):
            sent = [b"number,code,at\nRP2,picked_up,2026-11-20T10:00:00Z\n"]
        else:
            sent = [json.dumps(next(iter(told["examples"].values()))["value"]).encode()]
    found = []
    orders = [house.booked, house.drafted] if "{order}" in path else [""]
    for order in orders:
        now = path
        for parameter, value in (ids | {"order": order}).items():
            now = now.replace("{" + parameter + "}", value)
        asked = order or next((ids[each] for each in _NAMED if "{" + each + "}" in path), "")
        now += f"?number={house.number}" if name == "get /v1/proofs" else ""
        now += "?origin=CN-GD&destination=BR-SP" if name == "get /v1/lanes/times" else ""
        now += "?since=2026-11-01T00:00:00Z" if path.endswith("/replay") else ""
        body = msgspec.json.encode(house.draft) if name == "put /v1/orders/{order}" else sent[0]
        found.append((method, now, body, kind, (asked, asked[:-3] + "0zz" if len(asked) > 10 else asked[::-1])))
    if name == "get /v1/orders":
        found.append((method, f"{path}?job={house.job}", b"", kind, (house.job, house.job[:-3] + "0zz")))
    if name == "post /v1/jobs":
        body = json.dumps({"orders": [house.drafted]}).encode()
        found.append((method, path, body, kind, (house.drafted, house.drafted[:-3] + "0zz")))
    return found


def plain(reply: Any, id_: str) -> tuple[int, str]:
    """An answer without what differs from request to request."""
    text = reply.text.replace(reply.headers["x-request-id"], "REQUEST")
    return reply.status, text.replace(id_, "ID") if id_ else text


def test_of_every_route_it_is_said_whose_it_is(operations: dict[str, Any]) -> None:
    assert set(operations) == set(WHO_MAY)


@pytest.mark.parametrize("name", sorted(WHO_MAY))
def test_nobody_sees_or_changes_what_is_anothers(house: House, operations: dict[str, Any], name: str) -> None:
    operation, may = operations[name], WHO_MAY[name]
    for method, path, body, kind, (id_, nothing) in requests_of(house, name, operation):
        for who in house.keys:
            if who == "merchant" or (who in may and (not id_ or who in SENDERS)):
                continue
            before = house.state(of_owner=who in may)
            reply = house.ask(who, method, path, body, kind)
            said = (who, path, reply.status, reply.text[:300])
            assert house.state(of_owner=who in may) == before, said
            assert str(reply.status) in operation["responses"], said
            if may is not ANYBODY:
                expected = 401 if who in DEAD or who == "nobody" else 404 if who in may else 403
                if name != "get /v1/orders" or who not in may:
                    assert reply.status == expected, said
            if reply.status == 403:
                mend = reply.json["mend"]
                assert any(whose in mend for each, whose in WHOSE.items() if each in may), (said, mend)
            shown = reply.text.replace(id_, "") if id_ else reply.text
            assert not [secret for secret in house.secrets if secret in shown], said
            if id_ and may is not ANYBODY:
                about_nothing = path.replace(id_, nothing), body.replace(id_.encode(), nothing.encode())
                other = house.ask(who, method, *about_nothing, kind)
                assert plain(other, nothing) == plain(reply, id_), said


@pytest.mark.parametrize("name", sorted(WHO_MAY))
def test_a_browser_in_which_somebody_is_signed_in_is_nobody_to_the_api(
    house: House, operations: dict[str, Any], name: str
) -> None:
    """So no page of another site can do with a cookie what a program may with a key."""
    for method, path, body, kind, _ in requests_of(house, name, operations[name]):
        alone = house.ask("nobody", method, path, body, kind)
        for role, cookie in house.people.items():
            before = house.state()
            reply = house.world.ask(method.upper(), path, headers={"content-type": kind, "cookie": cookie}, body=body)
            assert plain(reply, "") == plain(alone, ""), (role, path, reply.text[:300])
            assert house.state() == before, (role, path)


#: What keys of merchants with a scope may ask; those that look alone may ask whatever is a GET, too.
SCOPED = {
    "read": {"post /v1/quotes", "post /v1/promises"},
    "orders": {
        name
        for name in WHO_MAY
        if re.search(r" /v1/(orders|jobs|manifests|quotes|promises|pickups|proofs|parcels|statuses)\b", name)
    },
}


@pytest.mark.parametrize("scope", list(SCOPED))
def test_a_key_with_a_scope_does_no_more(house: House, operations: dict[str, Any], scope: str) -> None:
    party, now = house.owner, house.world.now_ms
    key = house.world.keys.make(Role.MERCHANT, "k", now, party=party, scope=Scope(scope))
    house.keys["scoped"] = key
    house.world.keys.find(key, now)
    tried = set()
    try:
        for name in sorted(name for name in WHO_MAY if WHO_MAY[name] is MERCHANTS):
            may = name in SCOPED[scope] or (scope == "read" and name.startswith("get "))
            if may and not name.startswith("get "):
                continue  # it would change what other tests look at
            tried.add(may)
            for method, path, body, kind, _ in requests_of(house, name, operations[name]):
                before = house.state()
                reply = house.ask("scoped", method, path, body, kind)
                if not may:
                    assert (reply.status, reply.json["code"]) == (403, "forbidden"), (name, reply.text)
                    assert reply.json["mend"] == "Use one with the scope full."
                    assert house.state() == before, name
                else:
                    assert reply.status not in (401, 403, 404), (name, reply.text)
    finally:
        del house.keys["scoped"]
    assert tried == {True, False}
    quoted = house.world.ask("POST", "/v1/quotes", key=key, headers={"content-type": "application/json"}, body=b"[]")
    assert quoted.status == 200


def test_each_may_ask_what_is_its_own(house: House, operations: dict[str, Any]) -> None:
    """Or the test above would be content with a door that lets nobody in."""
    for name, operation in sorted(operations.items(), key=lambda each: each[0].startswith("delete")):
        owner = "merchant" if WHO_MAY[name] in (MERCHANTS, BOTH) else "operator"
        for method, path, body, kind, _ in requests_of(house, name, operation)[-1:]:
            reply = house.ask(owner, method, path, body, kind)
            assert reply.status not in (401, 403), (name, reply.text)
            assert str(reply.status) in operation["responses"], (name, reply.text)
            if owner == "merchant":
                assert reply.status != 404, (name, reply.text)


def test_a_carriers_key_speaks_for_its_carrier_alone(house: House) -> None:
    row = {"carrier": "ruralpost", "number": "RP9", "code": "picked_up", "at": "2026-11-20T10:00:00Z"}
    before = house.state()
    reply = house.ask("strange carrier", "post", "/v1/scans", json.dumps([row]).encode())
    assert (reply.status, [each["field"] for each in reply.json["refusals"]]) == (422, ["carrier"])
    assert house.state() == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_other_methods_do_nothing(house: House, operations: dict[str, Any], method: str) -> None:
    for path in ("/v1/orders/{}", "/v1/orders/{}/confirm", "/v1/orders/{}/parcels/1/label"):
        if f"{method.lower()} {path.format('{order}')}" in operations:
            continue
        before = house.state()
        replies = [house.ask("other merchant", method, path.format(id_)) for id_ in (house.booked, "ord_0")]
        assert {reply.status for reply in replies} == {405}
        assert house.state() == before


def test_a_merchant_finds_proofs_of_its_own_alone(house: House) -> None:
    asked = f"/v1/proofs?number={house.number}"
    assert house.ask("other merchant", "get", asked).json == {"proofs": []}
    for who in ("merchant", "operator"):
        [proof] = house.ask(who, "get", asked).json["proofs"]
        assert (proof["id"], proof["received_by"]) == (house.proof, "Vizinha Secreta")
