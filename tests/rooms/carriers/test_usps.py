"""USPS: units, offsets, labels in parts, tokens, and pushes."""

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from tests.rooms.carriers.orders import US, order
from tests.rooms.carriers.scripted import Got, Scripted, Told, scripted, told

from waypost.booking.issuing import Issued
from waypost.carriers.usps import Usps
from waypost.carriers.usps_labels import inches, pounds
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput, SettingsError
from waypost.track.carriers import Asked, CarrierPuzzling, CarrierRefused, Forged, InDoubt, Push, Unsupported

SETTINGS = {
    "client_id": "app",
    "crid": "11112222",
    "mid": "333344445",
    "account_number": "1000000001",
    "listener_url": "https://example.org/push",
    "admin_email": "ops@example.org",
}
SECRETS = {"client_secret": "of-the-app", "push_secret": "0123456789abcdef0123456789abcdef"}
PDF = b"%PDF-1.4 a label"
LABEL = {"trackingNumber": "9205500000000000000016", "routingInformation": "420114001234", "postage": 7.64}
PARTS = (
    b"--726UYUDSQB6JWJXFDY\r\nContent-type: application/json\r\n\r\n"
    + json.dumps(LABEL).encode()
    + b"\r\n--726UYUDSQB6JWJXFDY\r\nFile Name: label.pdf\r\nContent-Type: application/pdf\r\nContent-Encoding: gzip\r\n"
    b"Content-Transfer-Encoding: encode\r\n\r\n" + base64.b64encode(PDF) + b"\r\n--726UYUDSQB6JWJXFDY--\r\n"
)
NAMED = (
    b'--x\nContent-Disposition: form-data; name="receiptImage"\nContent-Type: application/pdf\n\n'
    + base64.b64encode(b"receipt")
    + b'\n--x\nContent-Disposition: form-data; name="labelImage"\nContent-Type: application/pdf\n\n'
    + base64.b64encode(PDF)
    + b'\n--x\nContent-Disposition: form-data; name="labelMetadata"\nContent-Type: application/json\n\n'
    + json.dumps(LABEL, indent=1).encode()
    + b"\n--x--"
)
AS_JSON = msgspec.json.encode({**LABEL, "labelImage": base64.b64encode(PDF).decode()})


@contextmanager
def usps(answer: Callable[[Got], Told], **settings: str) -> Iterator[tuple[Usps, Scripted]]:
    """An account whose tokens are in order."""
    lent = 0

    def all_of_it(got: Got) -> Told:
        nonlocal lent
        if got.path == "/oauth2/v3/token":
            lent += 1
            return told({"access_token": f"bearer-{lent}", "issued_at": "1", "expires_in": "28799"})
        if got.path == "/payments/v3/payment-authorization":
            return told({"paymentAuthorizationToken": f"pay-{lent}", "roles": got.json["roles"]})
        return answer(got)

    with scripted("usps", all_of_it, SETTINGS | settings, SECRETS) as carrier:
        yield Usps(carrier.caller), carrier


def fault(status: int, message: str, *details: dict[str, Any]) -> Told:
    return told({"apiVersion": "/v3", "error": {"code": str(status), "message": message, "errors": details}}, status)


@pytest.mark.parametrize(
    ("weight_g", "lb"), [(0, 0.0), (1, 0.0022), (454, 1.0009), (1250, 2.7558), (45_359_237, 100_000.0)]
)
def test_grams_are_pounds(weight_g: int, lb: float) -> None:
    assert pounds(weight_g) == lb


@pytest.mark.parametrize(("length_mm", "inch"), [(254, 10.0), (1, 0.039), (101, 3.976)])
def test_millimetres_are_inches(length_mm: int, inch: float) -> None:
    assert inches(length_mm) == inch


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=726UYUDSQB6JWJXFDY", PARTS),
        ("multipart/mixed", NAMED),
        ("application/vnd.usps.labels+json", AS_JSON),
    ],
)
def test_labels_come_in_parts_or_as_json(kind: str, body: bytes) -> None:
    with usps(lambda got: (200, kind, body)) as (post, carrier):
        issued = post.book(order(US))
        assert issued.waybill == Waybill("usps", "9205500000000000000016")
        assert post.print_label(issued).content == PDF
        assert post.book(order(US)) == issued
    asked = carrier.got[-1]
    assert carrier.paths().count("POST /labels/v3/label") == 1
    assert asked.headers["x-payment-authorization-token"] == "pay-1"
    assert asked.headers["authorization"] == "Bearer bearer-1"
    assert asked.json["toAddress"] == {
        "firstName": "Ada",
        "lastName": "Example",
        "streetAddress": "1 Main St",
        "city": "Exampleville",
        "state": "NY",
        "ZIPCode": "11400",
        "ZIPPlus4": "1234",
    }
    parcel = asked.json["packageDescription"]
    assert (parcel["weight"], parcel["length"], parcel["width"]) == (2.7558, 10.0, 7.874)


def test_what_may_have_been_booked_is_not_booked_again() -> None:
    with usps(lambda got: None) as (post, carrier):
        for _ in range(2):
            with pytest.raises(InDoubt):
                post.book(order(US))
        assert carrier.paths().count("POST /labels/v3/label") == 1


def test_a_refused_order_can_be_mended() -> None:
    answers = [fault(400, "Bad Request", {"title": "Bad Request", "detail": "no such state"}), (200, "x/json", AS_JSON)]
    with usps(lambda got: answers.pop(0)) as (post, _):
        with pytest.raises(CarrierRefused, match="no such state"):
            post.book(order(US))
        assert post.book(order(US)).reference == "T-1"


@pytest.mark.parametrize(
    "changed",
    [
        {"mailing_date": ""},
        {"width_mm": 0},
        {"consignee": msgspec.structs.replace(US, postcode="1140")},
    ],
)
def test_what_usps_needs_is_asked_for(changed: dict[str, Any]) -> None:
    with usps(lambda got: None) as (post, carrier):
        with pytest.raises(BadInput):
            post.book(order(US, **changed))
        assert not carrier.got


def test_only_domestic_parcels() -> None:
    with usps(lambda got: None) as (post, _), pytest.raises(Unsupported):
        post.book(order(US, consignee=msgspec.structs.replace(US, country="CA")))


@pytest.mark.parametrize(
    ("answer", "is_well"),
    [
        (told({"trackingNumber": "9205500000000000000016", "status": "CANCELED"}), True),
        (told({"trackingNumber": "9205500000000000000016", "status": "DISPUTED", "disputeId": "1"}), True),
        (fault(400, "Bad Request", {"detail": "A refund request has already been submitted today"}), True),
        (fault(400, "Bad Request", {"title": "Bad Request", "detail": "Order not found", "source": "x"}), False),
        (fault(400, "Bad Request", {"detail": "A refund request for this order cannot be submitted"}), False),
    ],
)
def test_cancelling(answer: Told, is_well: bool) -> None:
    issued = Issued(waybill=Waybill("usps", "9205500000000000000016"), reference="T-1", channel="")
    with usps(lambda got: answer) as (post, carrier):
        if is_well:
            post.cancel(issued, "why")
        else:
            with pytest.raises(CarrierRefused, match=r"cannot be submitted|not found"):
                post.cancel(issued, "why")
    assert carrier.paths()[-1] == "DELETE /labels/v3/label/9205500000000000000016"


def test_a_label_that_was_cancelled_here_may_be_not_found() -> None:
    answers = [
        told({"trackingNumber": "9205500000000000000016", "status": "CANCELED"}),
        fault(400, "Bad Request", {"title": "Bad Request", "detail": "Order not found", "source": "x"}),
    ]
    issued = Issued(waybill=Waybill("usps", "9205500000000000000016"), reference="T-1", channel="")
    with usps(lambda got: answers.pop(0)) as (post, _):
        post.cancel(issued, "why")
        post.cancel(issued, "why")
    assert answers == []


@pytest.mark.parametrize(
    ("event", "at"),
    [
        # karrio takes these for 13:58 UTC.
        (("2024-11-22T13:58:00", "2024-11-22T18:58:40Z", "-05:00"), "2024-11-22T13:58:40-05:00"),
        (("2024-11-22T13:58:00Z", "2024-11-22T18:58:40Z", "-5:00"), "2024-11-22T13:58:40-05:00"),
        (("2024-11-22T12:28:00", "2024-11-22T18:58:00", "-0630"), "2024-11-22T12:28:00-06:30"),
        (("2024-11-22T13:58:00", None, "-05:00"), "2024-11-22T13:58:00-05:00"),
        (("2024-11-22T13:58:00", "2024-11-22T18:58:40Z", None), "2024-11-22T13:58:00"),
        (("2024-11-22T13:58:00Z", None, None), "2024-11-22T13:58:00"),
        ((None, None, None), None),
    ],
)
def test_instants_bear_the_offset_of_the_place(event: tuple[str | None, ...], at: str | None) -> None:
    scan = dict(zip(("eventTimestamp", "GMTTimestamp", "GMTOffset"), event, strict=True), eventCode="01")
    place = {"eventCity": "EXAMPLE", "eventState": "FL", "eventZIPCode": "34400", "name": "A Name"}
    with usps(lambda got: told([{"trackingNumber": "94", "trackingEvents": [scan | place]}])) as (post, _):
        (row,) = post.track([Asked(number="94")]).rows.table.to_pylist()
    assert (row["at"], row["facility"], row["note"]) == (at, "EXAMPLE FL 34400", None)


def test_a_batch_says_of_each_how_it_went() -> None:
    scan = {"eventCode": "03", "eventTimestamp": "2024-11-22T13:58:00"}
    items = [
        {"trackingNumber": "1", "trackingEvents": [scan]},
        {"errors": [{"title": "not yet", "code": "150001"}]},
        {"trackingNumber": "3", "error": {"code": "403", "message": "MID is not authorized"}},
    ]
    with usps(lambda got: told(items, 207)) as (post, carrier):
        seen = post.track([Asked(number=number) for number in "123"])
    assert seen.unknown == {"2": "not yet", "3": "MID is not authorized"}
    assert seen.rows.table["number"].to_pylist() == ["1"]
    assert carrier.got[-1].json == [{"trackingNumber": number} for number in "123"]


def test_one_by_one_where_the_batch_is_not_open() -> None:
    def answer(got: Got) -> Told:
        if got.path.startswith("/tracking/v3/tracking/2"):
            return fault(400, "12: A status update is not yet available", {"title": "12", "code": "150001"})
        return told({"trackingNumber": "1", "trackingEvents": [{"eventCode": "03", "eventTimestamp": "x"}]})

    with usps(answer, tracking="v3") as (post, carrier):
        seen = post.track([Asked(number="1"), Asked(number="2")])
    assert list(seen.unknown) == ["2"]
    assert carrier.got[-1].path.endswith("?expand=DETAIL")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (fault(400, "OASValidation failed: required field missing"), CarrierRefused),
        (fault(403, "The requested MID is not authorized"), CarrierRefused),
        (told({"trackingNumber": "1"}), CarrierPuzzling),
        ((200, "text/html", b"<html>"), CarrierPuzzling),
        ((200, "", b""), CarrierPuzzling),
    ],
)
def test_an_answer_to_nothing_is_an_error(answer: Told, error: type[Exception]) -> None:
    with usps(lambda got: answer) as (post, _), pytest.raises(error):
        post.track([Asked(number="1")])


def test_bad_credentials_say_so() -> None:
    refusal = told({"error": "invalid_client", "error_description": "Client authentication failed."}, 401)
    with scripted("usps", lambda got: refusal, SETTINGS, SECRETS) as carrier:
        with pytest.raises(CarrierRefused, match="Client authentication failed") as caught:
            Usps(carrier.caller).track([Asked(number="1")])
        assert caught.value.carrier_code == "invalid_client"
        assert len(carrier.got) == 1


def test_tokens_are_renewed_by_the_clock() -> None:
    with usps(lambda got: told([{"trackingNumber": "1", "trackingEvents": []}])) as (post, carrier):
        for later_s in (0, 3600, 28_799 - 300 - 3600):
            carrier.clock.now_s += later_s
            post.track([Asked(number="1")])
    bearers = [each.headers["authorization"] for each in carrier.got if "authorization" in each.headers]
    assert bearers == ["Bearer bearer-1", "Bearer bearer-1", "Bearer bearer-2"]


def test_a_second_subscription_is_the_first() -> None:
    answers = [
        told({"subscriptionId": "s"}, 201),
        fault(400, "Duplicate", {"detail": "subscriptionId : 00000000-0000-4000-8000-000000000001"}),
        fault(400, f"bad secret {SECRETS['push_secret']}"),
    ]
    with usps(lambda got: answers.pop(0)) as (post, carrier):
        refused = post.subscribe([Asked(number=number) for number in "123"])
    assert list(refused) == ["3"]
    assert SECRETS["push_secret"] not in refused["3"]
    assert carrier.got[-1].json["filterProperties"]["trackingNumber"] == "3"


def pushed(payload: str, *, timestamp: str = "2026-07-23T14:32:00Z", secret: str = SECRETS["push_secret"]) -> Push:
    told = {"subscriptionId": "s", "subscriptionType": "TRACKING", "timestamp": timestamp, "payload": payload}
    digest = hmac.new(secret.encode(), (timestamp + payload).encode(), hashlib.sha256).digest()
    at = dt.datetime(2026, 7, 23, 14, 33, tzinfo=dt.UTC)
    return Push(
        headers={"x-hmac": base64.b64encode(digest).decode()},
        query="",
        body=json.dumps(told).encode(),
        received_ms=int(at.timestamp() * 1000),
    )


PAYLOAD = json.dumps(
    {
        "trackingNumber": "94",
        "trackingEvents": [
            {
                "eventCode": "01",
                "eventTimestamp": "2026-07-23T09:31:00",
                "GMTTimestamp": "2026-07-23T14:31:00Z",
                "GMTOffset": "-05:00",
            }
        ],
    },
    indent=1,
)


def test_a_push_is_signed_over_the_text_as_it_came() -> None:
    with usps(lambda got: None) as (post, _):
        (row,) = post.read(pushed(PAYLOAD)).rows.table.to_pylist()
    assert (row["number"], row["code"], row["at"]) == ("94", "01", "2026-07-23T09:31:00-05:00")


@pytest.mark.parametrize(
    "push",
    [
        pushed(PAYLOAD, secret="x" * 32),
        pushed(PAYLOAD, timestamp="2026-07-23T13:32:00Z"),
        pushed(PAYLOAD, timestamp="2026-07-23T14:39:00Z"),
        msgspec.structs.replace(pushed(PAYLOAD), headers={}),
        msgspec.structs.replace(pushed(PAYLOAD), body=pushed(PAYLOAD.replace("94", "95")).body),
    ],
)
def test_forged_and_old_pushes_are_refused(push: Push) -> None:
    with usps(lambda got: None) as (post, _):
        with pytest.raises(Forged) as caught:
            post.read(push)
        assert post.refuse(caught.value).status == 401


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"challenge": "x"}', '{"trackingNumber": "94"}'])
def test_signed_nonsense_is_unreadable(payload: str) -> None:
    with usps(lambda got: None) as (post, _):
        with pytest.raises(BadInput) as caught:
            post.read(pushed(payload))
        assert post.refuse(caught.value).status == 400


def test_the_secret_has_the_length_that_usps_wants() -> None:
    secrets = SECRETS | {"push_secret": "short"}
    with scripted("usps", lambda got: None, SETTINGS, secrets) as carrier, pytest.raises(SettingsError):
        Usps(carrier.caller).read(pushed(PAYLOAD))
