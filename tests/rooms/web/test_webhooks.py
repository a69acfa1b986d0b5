"""The sender over real sockets, and webhooks through the door."""

import asyncio
import datetime as dt
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpcore
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.rooms.care.endpoints import (
    drip,
    open_endpoint,
    open_rude,
    pour,
    reset,
    say_nothing,
    shout,
    speak_no_http,
)

from waypost.access.keys import Role
from waypost.booking.issuing import Address, Issued, Item
from waypost.booking.orders import Order
from waypost.care.messages import WebhookAudience
from waypost.care.sending import Answer, Message
from waypost.care.teller import Teller
from waypost.model.carriage import Waybill
from waypost.model.parties import PartyKind
from waypost.model.standard_webhooks import write_secret
from waypost.web.destinations import Places
from waypost.web.webhooks import MOST_READ, WebhookSender

SECRET, OLD = write_secret(b"n" * 32), write_secret(b"o" * 32)
BODY = '{"type":"ping","data":"São Paulo"}'.encode()
JSON = {"content-type": "application/json"}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def send(url: str, *, timeout_s: float = 5, places: Places | None = None, **more: Any) -> Answer:
    sender = WebhookSender(places or Places(allow_http=True, allow_private=True), timeout_s, now_ms, **more)
    try:
        return asyncio.run(sender.send(Message(id="msg_1", url=url, body=BODY, secrets=(SECRET, OLD))))
    finally:
        sender.close()


def test_a_message_is_signed_by_both_secrets() -> None:
    with open_endpoint() as endpoint:
        answer = send(endpoint.url)
        [got] = endpoint.wait_for(1)
    assert (answer.status, answer.why, answer.is_well) == (204, "", True)
    assert answer.seconds > 0
    for secret in (SECRET, OLD):
        assert got.is_signed_by(secret) == {"type": "ping", "data": "São Paulo"}
    assert got.headers["content-type"] == "application/json"
    assert got.id == "msg_1"
    assert got.path == "/hook?shop=1"
    with pytest.raises(Exception, match="signature"):
        got.is_signed_by(write_secret(b"x" * 32))


@pytest.mark.parametrize("status", [200, 201, 400, 404, 410, 429, 500, 503])
def test_what_it_answers_is_told(status: int) -> None:
    with open_endpoint(lambda got: (status, {"retry-after": "7"})) as endpoint:
        answer = send(endpoint.url)
    assert (answer.status, answer.is_well, answer.retry_s) == (status, status < 300, 7.0)
    assert answer.why == ("" if status < 300 else f"answers {status}")


def test_redirects_are_not_followed() -> None:
    with open_endpoint() as other, open_endpoint(lambda got: (307, {"location": other.url})) as endpoint:
        answer = send(endpoint.url)
    assert (answer.status, answer.is_well) == (307, False)
    assert "redirects are not followed" in answer.why
    assert other.got == []


@pytest.mark.parametrize("act", [say_nothing, drip])
def test_a_slow_one_is_given_up_in_time(act: Callable[[socket.socket], None]) -> None:
    begun_s = time.monotonic()
    with open_rude(act) as url:
        answer = send(url, timeout_s=0.5)
    assert (answer.status, answer.why) == (None, "no answer (TimeoutError)")
    assert time.monotonic() - begun_s < 5


@pytest.mark.parametrize("act", [reset, speak_no_http, shout])
def test_what_is_no_answer_is_told_as_none(act: Callable[[socket.socket], None]) -> None:
    with open_rude(act) as url:
        answer = send(url)
    assert answer.status is None
    assert answer.why.startswith("no answer (")


def test_of_a_body_without_an_end_only_the_beginning_is_read() -> None:
    taken = 0

    def count(line: socket.socket) -> None:
        nonlocal taken
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 12)
        line.recv(1 << 16)
        taken += line.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            taken += line.send(b"x" * 4096)

    with open_rude(count) as url:
        assert send(url).is_well
    assert taken < 100 * MOST_READ
    with open_rude(pour) as url:
        assert send(url, timeout_s=5).status == 200


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as claimed:
        url = f"http://127.0.0.1:{claimed.getsockname()[1]}/"
    assert send(url).why == "no answer (ConnectError)"


def test_it_connects_to_the_very_address_that_was_looked_at() -> None:
    asked: list[tuple[str, int]] = []

    def look_up(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    with open_endpoint() as endpoint:
        port = int(endpoint.url.split(":")[2].split("/")[0])
        answer = send(f"http://shop.invalid:{port}/hook", look_up=look_up)
        [got] = endpoint.wait_for(1)
    assert answer.is_well
    assert got.headers["host"] == f"shop.invalid:{port}"
    assert asked == [("shop.invalid", port)]  # once: nothing asks again before it connects


def test_an_address_that_is_deaf_leaves_time_for_the_next() -> None:
    with open_endpoint() as endpoint:
        port = int(endpoint.url.split(":")[2].split("/")[0])
        answer = send(f"http://shop.invalid:{port}/", look_up=lambda host, port: ["127.0.0.2", "127.0.0.1"])
        assert answer.is_well  # the first of them refuses


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "192.168.0.1"], ["::1"], ["::ffff:169.254.169.254"], ["0.0.0.0"], []]
)
def test_a_name_that_leads_inside_is_not_connected_to(addresses: list[str]) -> None:
    answer = send("https://rebound.example/", places=Places(), look_up=lambda host, port: addresses)
    assert answer.why == "the name leads into a private network, or to no single host"


def test_a_name_that_leads_elsewhere_the_next_time_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look-up is of a public host, as a hostile name server would have it; all others are of this machine."""
    told = iter([["8.8.4.4"]])
    connected: list[str] = []

    async def connect(self: object, host: str, *_: object) -> Any:
        connected.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    look_up = lambda host, port: next(told, ["127.0.0.1"])  # noqa: E731
    answer = send("https://rebound.example/", places=Places(), look_up=look_up)
    assert answer.status is None
    assert connected == ["8.8.4.4"]
    assert send("https://rebound.example/", places=Places(), look_up=look_up).why.startswith("the name leads into")


def test_an_address_that_may_not_be_any_more_is_not_sent_to() -> None:
    with open_endpoint() as endpoint:
        answer = send(endpoint.url, places=Places())
        assert answer.status is None
        assert "https" in answer.why
        assert endpoint.got == []


def test_names_that_are_none() -> None:
    def fail(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such host")

    assert send("https://nowhere.example/", places=Places(), look_up=fail).why == "no answer (ConnectError)"


def make_certificate(folder: Path, host: str) -> Path:
    """A certificate that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(1).not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(days=1))
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "certificate.pem"
    file.write_bytes(secret + made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return file


def test_the_certificate_has_to_be_of_the_name_and_not_of_the_address(tmp_path: Path) -> None:
    file = make_certificate(tmp_path, "shop.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    names: list[str | None] = []
    context.sni_callback = lambda line, name, _: names.append(name)

    def speak(line: socket.socket) -> None:
        with context.wrap_socket(line, server_side=True) as safe:
            got = b""
            while not got.endswith(BODY) and (more := safe.recv(1 << 16)):
                got += more  # to the end: a line closed with something unread is reset, and the answer may go with it
            safe.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with open_rude(speak) as url:
        port = int(url.split(":")[2].strip("/"))

        def tell(host: str, *, is_known: bool) -> Answer:
            sender = WebhookSender(Places(allow_private=True), 5, now_ms, lambda host, port: ["127.0.0.1"])
            if is_known:
                sender._context.load_verify_locations(file)
            message = Message(id="msg_1", url=f"https://{host}:{port}/", body=BODY, secrets=(SECRET,))
            try:
                return asyncio.run(sender.send(message))
            finally:
                sender.close()

        assert tell("shop.example", is_known=True).status == 204
        assert tell("other.example", is_known=True).why == "no answer (ConnectError)"
        assert tell("shop.example", is_known=False).why == "no answer (ConnectError)"
    assert names == ["shop.example", "other.example", "shop.example"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("120", 120.0), ("99999999", 3600.0), ("soon", None), ("-3", None), ("", None)]
)
def test_when_it_wants_to_be_asked_again(text: str, seconds: float | None) -> None:
    with open_endpoint(lambda got: (503, {"retry-after": text})) as endpoint:
        assert send(endpoint.url).retry_s == seconds


# Through the door


class Shop:
    """A merchant with a key, before a door."""

    def __init__(self, world: Any, name: str) -> None:
        self.world = world
        self.id = world.parties.add(PartyKind.MERCHANT, name, world.now_ms).id
        self.key = world.keys.make(Role.MERCHANT, "shop", world.now_ms, party=self.id)

    def ask(self, method: str, path: str, sent: Any = None) -> Any:
        body = b"" if sent is None else msgspec.json.encode(sent)
        return self.world.ask(method, path, key=self.key, headers=JSON if sent is not None else {}, body=body)

    def make(self, url: str, *statuses: str) -> tuple[str, str]:
        answer = self.ask("POST", "/v1/webhooks", {"url": url, "statuses": statuses})
        assert answer.status == 200, answer.text
        return answer.json["webhook"]["id"], answer.json["secret"]


@pytest.fixture
def shop(world: Any) -> Shop:
    world.now_ms = now_ms()  # the library looks at the time of signatures
    return Shop(world, "Estrela")


def test_a_webhook_is_made_shown_changed_and_taken_away(shop: Shop) -> None:
    id_, secret = shop.make("http://127.0.0.1:9/hook", "delivered")
    shown = shop.ask("GET", f"/v1/webhooks/{id_}")
    assert secret not in shown.text
    assert (shown.json["url"], shown.json["statuses"]) == ("http://127.0.0.1:9/hook", ["delivered"])
    assert shop.ask("GET", "/v1/webhooks").json == {"webhooks": [shown.json]}
    changed = shop.ask("PATCH", f"/v1/webhooks/{id_}", {"paused": True, "statuses": []}).json
    assert (changed["statuses"], changed["why"]) == ([], "its merchant asked for it")
    assert changed["paused_at"] is not None
    resumed = shop.ask("PATCH", f"/v1/webhooks/{id_}", {"paused": False, "url": "http://127.0.0.1:10/"}).json
    assert (resumed["paused_at"], resumed["why"], resumed["url"]) == (None, "", "http://127.0.0.1:10/")
    assert shop.world.woken == [id_, id_]
    rotated = shop.ask("POST", f"/v1/webhooks/{id_}/rotate").json
    assert rotated["secret"] != secret
    assert rotated["webhook"]["old_secret_until"] is not None
    assert shop.ask("DELETE", f"/v1/webhooks/{id_}").status == 204
    assert shop.ask("GET", f"/v1/webhooks/{id_}").status == 404
    assert secret not in shop.world.journal.getvalue()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"url": "ftp://shop.example/"}, 400),
        ({"url": "http://me:pw@shop.example/"}, 400),
        ({"url": "http://shop.example/", "statuses": ["warped"]}, 400),
        ({"url": ""}, 422),
        ({"url": 7}, 422),
        ({}, 422),
        ({"url": "http://shop.example/", "secret": "mine"}, 422),
        ([], 422),
    ],
)
def test_what_is_no_webhook_is_refused(shop: Shop, sent: Any, status: int) -> None:
    answer = shop.ask("POST", "/v1/webhooks", sent)
    assert answer.status == status, answer.text
    assert answer.json["mend"]
    assert shop.ask("GET", "/v1/webhooks").json == {"webhooks": []}


def test_a_ping_is_signed_and_its_answer_told(shop: Shop) -> None:
    with open_endpoint() as endpoint:
        id_, secret = shop.make(endpoint.url)
        told = shop.ask("POST", f"/v1/webhooks/{id_}/test").json
        [got] = endpoint.wait_for(1)
        news = got.is_signed_by(secret)
        assert (news["type"], news["data"]) == ("ping", {"webhook": id_})
        assert (told["is_well"], told["status"], told["why"]) == (True, 204, "")
        endpoint.answer = lambda got: 500
        told = shop.ask("POST", f"/v1/webhooks/{id_}/test").json
        assert (told["is_well"], told["status"], told["why"]) == (False, 500, "answers 500")
    assert shop.ask("GET", f"/v1/webhooks/{id_}/deliveries").json == {"deliveries": [], "next": None}


def fill(shop: Shop, number: str = "WP900") -> tuple[str, list[dict[str, Any]]]:
    """A webhook with three deliveries, and how they are shown."""
    world = shop.world
    id_, _ = shop.make("http://127.0.0.1:9/")
    teller = Teller(
        world.memory.changes, world.memory.index, world.memory.records, world.facilities, [WebhookAudience()]
    )
    teller.settle()
    book_parcel(shop, number)
    for hour, code in enumerate(("picked_up", "arrived_at_hub", "delivered")):
        world.keep({"carrier": "waypost", "number": number, "code": code, "at": f"2026-11-20T{hour + 10}:00:00Z"})
    while teller.turn(world.now_ms).changes:
        pass
    shown: list[dict[str, Any]] = shop.ask("GET", f"/v1/webhooks/{id_}/deliveries").json["deliveries"]
    assert [each["status"] for each in shown] == ["delivered", "arrived_at_hub", "picked_up"]
    return id_, shown


def book_parcel(shop: Shop, number: str) -> None:
    book = shop.world._desk.bookings.book
    home = Address(name="Ana", country="BR", street="Rua 1", city="Rio")
    order = Order(reference=f"SALE-{number}", sender=home, consignee=home, items=(Item(description="Hat"),))
    [entry] = book.enter(shop.id, [(0, order)], shop.world.now_ms).entries
    [parcel] = book.get(shop.id, entry.id).parcels
    issued = Issued(waybill=Waybill("waypost", number), reference=parcel.reference, channel="test")
    with shop.world.memory.records.begin() as connection:
        book.note_booked(connection, issued, shop.world.now_ms)


def test_deliveries_are_paged_retried_and_replayed(shop: Shop) -> None:
    id_, shown = fill(shop)
    assert {each["state"] for each in shown} == {"waiting"}
    assert shown[0]["waybill"] == {"carrier": "waypost", "number": "WP900"}
    path = f"/v1/webhooks/{id_}/deliveries"
    first = shop.ask("GET", f"{path}?limit=2&state=waiting").json
    rest = shop.ask("GET", f"{path}?limit=2&state=waiting&after={first['next']}").json
    assert first["deliveries"] + rest["deliveries"] == shown
    assert shop.ask("GET", f"{path}?state=dead").json["deliveries"] == []
    assert shop.ask("POST", f"{path}/{shown[0]['id']}/retry").json["id"] == shown[0]["id"]
    replay = f"/v1/webhooks/{id_}/replay"
    assert shop.ask("POST", f"{replay}?after={shown[2]['id']}").json == {"replayed": 2}
    assert shop.ask("POST", f"{replay}?since=2026-11-20T00:00:00Z").json == {"replayed": 3}
    assert shop.ask("POST", replay).status == 422
    assert shop.ask("POST", f"{replay}?after=x&since=2026-11-20T00:00:00Z").status == 422
    assert shop.ask("POST", f"{replay}?after=msg_none").status == 404
    assert shop.world.woken == [id_] * 3


def test_other_merchants_see_and_change_nothing(shop: Shop) -> None:
    other = Shop(shop.world, "Ming")
    id_, shown = fill(shop)
    path = f"/v1/webhooks/{id_}"
    before = shop.ask("GET", path).json, shown
    assert other.ask("GET", "/v1/webhooks").json == {"webhooks": []}
    for method, asked, sent in [
        ("GET", path, None),
        ("PATCH", path, {"paused": True}),
        ("DELETE", path, None),
        ("POST", f"{path}/rotate", None),
        ("POST", f"{path}/test", None),
        ("GET", f"{path}/deliveries", None),
        ("POST", f"{path}/deliveries/{shown[0]['id']}/retry", None),
        ("POST", f"{path}/replay?since=2026-11-20T00:00:00Z", None),
    ]:
        assert other.ask(method, asked, sent).status == 404, asked
        assert shop.world.ask(method, asked).status == 401
        assert shop.world.ask(method, asked, key=shop.world.operator).status == 403
        assert shop.world.ask(method, asked, key=shop.world.carrier).status == 403
    after = shop.ask("GET", path).json, shop.ask("GET", f"{path}/deliveries").json["deliveries"]
    assert after == before


def test_the_description_says_what_is_sent(shop: Shop) -> None:
    told = shop.world.get("/v1/openapi.json").json["components"]["schemas"]["StatusTold"]["properties"]
    assert {"order", "waybill", "status", "before", "at", "place", "group", "piece"} == set(told)
