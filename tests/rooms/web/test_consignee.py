"""The consignee's page: what it shows, whom it is shown to, and that its address gets nowhere else."""

import base64
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from tests.rooms.web.conftest import Reply
from tests.rooms.web.everybody import House, open_house

from waypost.access.keys import Role
from waypost.booking.proofs import Relation
from waypost.web.desk import Limits
from waypost.web.pages.languages import get_language

KINDS = ("picture", "signature")


def png(colour: str = "navy") -> str:
    to = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(to, "PNG")
    return base64.b64encode(to.getvalue()).decode()


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        opened.world.accounts["correios"] = "correios"
        yield opened


def page_of(house: House, who: str = "merchant") -> str:
    path: str = house.ask(who, "get", f"/v1/orders/{house.booked}/parcels/1/page").json["path"]
    return path


def prove(house: House, who: str = "operator", account: str = "correios", key: str = "", **more: Any) -> Reply:
    body = {"number": house.number, "at": "2026-11-22T11:00:00-03:00", "received_by": "Vizinha Rosa"} | more
    headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
    sent = json.dumps(body).encode()
    reply: Reply = house.world.ask(
        "POST", f"/v1/carriers/{account}/proofs", headers=headers, body=sent, key=house.keys[who]
    )
    return reply


def open_page(house: House, path: str, language: str = "en", **more: Any) -> Reply:
    reply: Reply = house.world.get(f"{path}?lang={language}", headers={"accept": "text/html"}, **more)
    return reply


@pytest.mark.parametrize("language", ["en", "zh", "es", "pt"])
def test_it_shows_the_parcel_and_its_own(house: House, language: str) -> None:
    person = house.draft.consignee
    reply = open_page(house, page_of(house), language)
    assert reply.status == 200
    assert house.number in reply.text
    assert "From Li" in reply.text or language != "en"
    assert f"<strong>{person.name[0]}***</strong>" in reply.text
    for hidden in (person.name, person.street, person.phone, "".join(filter(str.isdigit, person.phone))[-8:]):
        assert hidden not in reply.text
    assert person.city in reply.text
    assert "SECRET-2" in reply.text  # the number of the order, which the consignee knows from the shop
    assert f'lang="{ {"zh": "zh-Hans", "pt": "pt-BR"}.get(language, language) }"' in reply.text


@pytest.mark.parametrize("language", ["en", "zh", "es", "pt"])
def test_what_nobody_has_scanned_is_said_to_have_a_label(house: House, language: str) -> None:
    words = get_language(language)
    for path in (page_of(house), f"/track/{house.number}"):
        text = open_page(house, path, language).text
        assert f">{words.say('unscanned')}</h2>" in text
        assert words.say("unscanned_more") in text
        assert words.phrase("unknown").label not in text
    row = {"carrier": "correios", "number": house.number, "code": "never heard", "at": "2026-11-22T10:00:00Z"}
    house.world.keep(row)
    text = open_page(house, f"/track/{house.number}", language).text
    assert words.say("unscanned") not in text
    assert words.phrase("unknown").label in text


def test_nobody_else_learns_of_its_address(house: House) -> None:
    path = page_of(house)
    for reply in (open_page(house, path), open_page(house, path + "x"), open_page(house, "/p/a/b/c")):
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in reply.headers["x-robots-tag"]
        assert "no-store" in reply.headers["cache-control"]
    assert open_page(house, "/").headers["referrer-policy"] == "same-origin"
    assert "/p/" not in house.world.get("/robots.txt").text
    token = path.removeprefix("/p/")
    assert token not in house.world.journal.getvalue()
    assert '"route": "/p/{token}"' in house.world.journal.getvalue().replace('":"', '": "')
    assert token not in house.world.get("/metrics", key=house.world.operator).text


def test_what_leads_nowhere_is_all_the_same(house: House) -> None:
    path = page_of(house)
    new = house.ask("merchant", "post", f"/v1/orders/{house.booked}/parcels/1/page/renew").json["path"]
    assert open_page(house, new).status == 200

    def plain(reply: Reply) -> tuple[int, str]:
        return reply.status, re.sub("[0-9a-f]{32}", "REQUEST", reply.text)

    renewed, never = plain(open_page(house, path)), plain(open_page(house, "/p/" + "a" * 32))
    assert renewed == never
    assert renewed[0] == 404
    erased = house.ask("merchant", "delete", f"/v1/orders/{house.booked}/people?on_the_way=true")
    assert (erased.status, erased.json["erased_at"] is None) == (200, False)
    assert plain(open_page(house, new)) == never
    assert house.ask("merchant", "get", f"/v1/orders/{house.booked}/parcels/1/page").status == 409


def test_trying_costs_as_much_as_looking() -> None:
    limits = Limits(numbers_per_min=1, numbers_burst=30, numbers_at_once=30)
    with open_house() as house:
        path = page_of(house)
        world = type(house.world)(limits=limits)
        try:
            for place in range(30):
                assert open_page_of(world, "/p/" + f"{place:032d}").status == 404
            assert open_page_of(world, "/p/" + "a" * 32).status == 429
            assert open_page_of(world, "/track/X1").status == 429  # of the same purse
        finally:
            world.close()
        assert open_page(house, path).status == 200


def open_page_of(world: Any, path: str) -> Reply:
    reply: Reply = world.get(path, headers={"accept": "text/html"})
    return reply


def test_a_proof_is_seen_by_consignee_merchant_and_operator_alone(house: House) -> None:
    done = prove(house, picture=png(), signature=png("black"), relation="neighbour")
    assert done.status == 200, done.text
    path, id_ = page_of(house), done.json["id"]
    page = open_page(house, path)
    assert "Vizinha Rosa" in page.text
    assert "A neighbour" in page.text
    for language in ("zh", "es", "pt"):
        for relation in list(Relation)[1:]:
            assert get_language(language).say(f"relation_{relation}") != get_language("en").say(f"relation_{relation}")
    for which in KINDS:
        shown = house.world.get(f"{path}/proofs/{id_}/{which}")
        assert (shown.status, shown.headers["content-type"]) == (200, "image/png")
        assert f'src="{path}/proofs/{id_}/{which}"' in page.text
        assert shown.headers["referrer-policy"] == "no-referrer"
        for who, status in (
            ("merchant", 200),
            ("operator", 200),
            ("other merchant", 404),
            ("carrier", 403),
            ("bound", 403),
            ("nobody", 401),
        ):
            assert house.ask(who, "get", f"/v1/proofs/{id_}/{which}").status == status, who
    assert house.world.get(f"{path}/proofs/{id_}/body").status == 404
    assert house.world.get(f"/p/{'a' * 32}/proofs/{id_}/picture").status == 404
    assert "Vizinha" not in house.world.journal.getvalue()


def test_a_link_opens_no_proof_of_another_parcel(house: House) -> None:
    other = house._hand_in("SECRET-3")
    booked = house.ask("merchant", "post", f"/v1/orders/{other}/confirm").json
    number = booked["parcels"][0]["waybill"]["number"]
    theirs = prove(house, number=number, picture=png()).json["id"]
    path = page_of(house)
    assert house.world.get(f"{path}/proofs/{theirs}/picture").status == 404
    assert theirs not in open_page(house, path).text


def test_who_may_prove_what(house: House) -> None:
    bound = house.world.keys.make(Role.CARRIER, "k", house.world.now_ms, ["correios"])
    house.keys["correios"] = bound
    assert prove(house, "correios").status == 200
    assert prove(house, "bound").status == 403  # speaks for another carrier
    assert prove(house, "bound", account="rural").status == 404  # its own account did not book that
    assert prove(house, "strange carrier", account="none").status == 403
    assert prove(house, "operator", account="none").status == 404
    assert prove(house, "merchant").status == 403
    assert prove(house, "nobody").status == 401


def test_repeating_a_proof_keeps_one(house: House) -> None:
    first, again = prove(house, key="1"), prove(house, key="1")
    assert first.json == again.json
    assert prove(house, key="1", received_by="Another").status == 422
    assert prove(house, key="2").json != first.json
    found = house.ask("merchant", "get", f"/v1/proofs?number={house.number}").json["proofs"]
    assert [each["received_by"] for each in found].count("Another") == 0
    assert len(found) == 3  # with the one that was there


@pytest.mark.parametrize(
    ("more", "status", "why"),
    [
        ({"picture": base64.b64encode(b"<svg/>").decode()}, 400, "picture"),
        ({"picture": "no base64"}, 422, "picture"),
        ({"at": "yesterday"}, 400, "yesterday"),
        ({"received_by": ""}, 400, "proves nothing"),
        ({"more": 1}, 422, "more"),
        ({"relation": "dog"}, 422, "relation"),
        ({"number": "OS0"}, 404, "OS0"),
    ],
)
def test_what_is_wrong_with_a_proof_is_told(house: House, more: dict[str, Any], status: int, why: str) -> None:
    reply = prove(house, **more)
    assert (reply.status, why in reply.text) == (status, True), reply.text


def test_operators_see_proofs_on_the_page_of_a_parcel(house: House) -> None:
    id_ = prove(house, picture=png()).json["id"]
    image = f"/operator/proofs/{id_}/picture"
    page = f"/operator/parcels/correios/{house.number}"
    form = f"key={house.keys['operator']}".encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "origin": "http://test", "host": "test"}
    login = house.world.ask("POST", "/operator/login", headers=headers, body=form)
    cookie = {"cookie": login.cookies[0].split(";")[0]}
    shown = house.world.get(page, headers=cookie).text
    assert "Vizinha Rosa" in shown
    assert f'src="{image}"' in shown
    assert house.world.get(image, headers=cookie).headers["content-type"] == "image/png"
    assert house.world.get(f"/operator/proofs/{id_}/signature", headers=cookie).status == 404
    for path in (image, page):
        assert house.world.get(path).status != 200
