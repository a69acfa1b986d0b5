"""The fakes of USPS and Correios, held by requests that are written out by hand."""

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.rooms.testing.listening import NOW, Clock, Listener, changed

from waypost.model.identifiers.carriers import list_matches
from waypost.model.identifiers.s10 import parse_s10
from waypost.testing.carriers.correios import FakeCorreios
from waypost.testing.carriers.faking import FakeScan, Trap
from waypost.testing.carriers.usps import FakeUsps

HOUR = 3_600_000


# USPS


@pytest.fixture
def usps(clock: Clock) -> Iterator[FakeUsps]:
    with FakeUsps(clock=clock) as fake:
        yield fake  # type: ignore[misc]


def usps_token(fake: FakeUsps, **more: str) -> httpx.Response:
    given = {"client_id": fake.client, "client_secret": fake.secret, "grant_type": "client_credentials", **more}
    return httpx.post(f"{fake.url}/oauth2/v3/token", json=given)


def usps_bearer(fake: FakeUsps) -> dict[str, str]:
    return {"authorization": f"Bearer {usps_token(fake).json()['access_token']}"}


ROLES = [
    {
        "roleName": name,
        "CRID": "11112222",
        "MID": "900000001",
        "manifestMID": "900000001",
        "accountType": "EPS",
        "accountNumber": "1000000001",
    }
    for name in ("PAYER", "LABEL_OWNER")
]
LABEL: dict[str, Any] = {
    "toAddress": {
        "firstName": "Ann",
        "lastName": "Example",
        "streetAddress": "1 Example Plaza",
        "city": "New York",
        "state": "NY",
        "ZIPCode": "10001",
    },
    "fromAddress": {
        "firm": "Example & Co",
        "streetAddress": "100 Example St",
        "city": "Boise",
        "state": "ID",
        "ZIPCode": "83702",
    },
    "packageDescription": {
        "mailClass": "USPS_GROUND_ADVANTAGE",
        "rateIndicator": "SP",
        "weightUOM": "lb",
        "weight": 2.5,
        "dimensionsUOM": "in",
        "length": 10,
        "height": 3,
        "width": 6,
        "processingCategory": "MACHINABLE",
        "mailingDate": "2026-11-20",
        "destinationEntryFacilityType": "NONE",
        "customerReference": [{"referenceNumber": "T-1", "printReferenceNumber": True}],
    },
}


def usps_payer(fake: FakeUsps) -> dict[str, str]:
    headers = usps_bearer(fake)
    told = httpx.post(f"{fake.url}/payments/v3/payment-authorization", json={"roles": ROLES}, headers=headers)
    assert told.status_code == 200
    assert told.json()["roles"] == ROLES
    return {**headers, "X-Payment-Authorization-Token": told.json()["paymentAuthorizationToken"]}


def usps_label(fake: FakeUsps, headers: dict[str, str], label: Any = LABEL) -> httpx.Response:
    return httpx.post(f"{fake.url}/labels/v3/label", json=label, headers=headers)


def usps_number(fake: FakeUsps) -> str:
    accept = {"accept": "application/vnd.usps.labels+json"}
    return str(usps_label(fake, usps_payer(fake) | accept).json()["trackingNumber"])


def usps_scan(code: str, at: str, city: str) -> FakeScan:
    return FakeScan(code=code, at_ms=int(dt.datetime.fromisoformat(at).timestamp() * 1000), city=city)


def test_usps_gives_tokens_as_json_and_as_a_form(usps: FakeUsps) -> None:
    told = usps_token(usps).json()
    assert (told["token_type"], told["expires_in"], told["issued_at"]) == ("Bearer", 28_799, NOW)
    assert told["access_token"].count(".") == 2
    form = {"client_id": usps.client, "client_secret": usps.secret, "grant_type": "client_credentials"}
    assert httpx.post(f"{usps.url}/oauth2/v3/token", data=form).status_code == 200


def test_usps_refuses_wrong_clients_in_its_flat_shape(usps: FakeUsps) -> None:
    told = usps_token(usps, client_secret="wrong")
    assert (told.status_code, told.json()["error"]) == (401, "invalid_client")
    told = usps_token(usps, grant_type="password")
    assert (told.status_code, told.json()["error"]) == (400, "unsupported_grant_type")
    assert len(usps.refused) == 2


def test_usps_refuses_what_bears_no_good_token(usps: FakeUsps, clock: Clock) -> None:
    url = f"{usps.url}/tracking/v3/tracking/9400100000000000000012"
    good = usps_bearer(usps)
    clock.now_ms += 28_798_000
    assert httpx.get(url, headers=good).json()["error"]["message"] != "Missing or malformed access token."
    clock.now_ms += 1_000
    for headers in (good, {}, {"authorization": "Bearer a.b.c"}, {"authorization": "Basic YTpi"}):
        told = httpx.get(url, headers=headers)
        assert told.status_code == 401
        assert told.headers["www-authenticate"].startswith("Bearer realm=")
        assert told.json()["error"]["errors"][0]["title"] == "invalid_token"


def test_usps_gives_a_token_without_a_scope_and_refuses_it_later(usps: FakeUsps) -> None:
    given = usps_token(usps, scope="labels").json()
    assert given["scope"] == "labels"
    headers = {"authorization": f"Bearer {given['access_token']}"}
    told = httpx.get(f"{usps.url}/tracking/v3/tracking/9400100000000000000012", headers=headers)
    assert told.status_code == 401
    assert told.json() == {
        "apiVersion": "/tracking/v3",
        "error": {"code": "401", "message": "The client application identifier is invalid.", "errors": []},
    }


def test_usps_tokens_are_all_old_after_the_trap(usps: FakeUsps) -> None:
    number, headers = usps_number(usps), usps_bearer(usps)
    usps.move(number, usps_scan("03", "2026-11-19T15:00:00Z", "BOISE"))
    url = f"{usps.url}/tracking/v3/tracking/{number}"
    usps.set(Trap.EXPIRED)
    assert [httpx.get(url, headers=headers).status_code for _ in range(2)] == [401, 401]
    assert httpx.get(url, headers=usps_bearer(usps)).status_code == 200


def test_usps_counts_calls_by_product(usps: FakeUsps, clock: Clock) -> None:
    headers, usps.quota = usps_bearer(usps), 2
    url = f"{usps.url}/tracking/v3/tracking/9400100000000000000012"
    told = [httpx.get(url, headers=headers) for _ in range(3)]
    assert [one.status_code for one in told] == [403, 403, 429]
    assert told[2].headers["retry-after"] == "30"
    assert told[2].json()["error"]["errors"][0]["title"] == "Too Many Requests."
    payment = httpx.post(f"{usps.url}/payments/v3/payment-authorization", json={"roles": ROLES}, headers=headers)
    assert payment.status_code == 200
    clock.now_ms += HOUR + 1
    assert httpx.get(url, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("0.CRID", "1"),
        ("0.MID", "333344445"),
        ("0.manifestMID", ...),
        ("0.accountType", "PERMIT"),
        ("0.accountNumber", 1000000001),
        ("0.roleName", "LABEL_OWNER"),
    ],
)
def test_usps_pays_for_nobody_else(usps: FakeUsps, path: str, to: Any) -> None:
    roles = {"roles": changed(ROLES, path, to)}
    url = f"{usps.url}/payments/v3/payment-authorization"
    told = httpx.post(url, json=roles, headers=usps_bearer(usps))
    assert (told.status_code, told.json()["apiVersion"]) == (400, "/payments/v3")


def test_usps_answers_a_label_in_parts_with_odd_headers(usps: FakeUsps) -> None:
    headers = usps_payer(usps)
    told = usps_label(usps, headers)
    assert told.status_code == 200
    line = told.headers["content-type"].split("boundary=")[1].encode()
    _, described, image, end = told.content.split(b"--" + line)
    assert end == b"--\r\n"
    assert described.startswith(b"\r\nContent-type: application/json\r\n\r\n{")
    metadata = json.loads(described.split(b"\r\n\r\n", 1)[1])
    assert (metadata["routingInformation"], metadata["weight"]) == ("42010001", 2.5)
    head, coded = image.split(b"\r\n\r\n", 1)
    assert b"Content-Encoding: gzip" in head
    assert b"Content-Disposition" not in head
    assert base64.b64decode(coded).startswith(b"%PDF-")
    assert usps.parcels[metadata["trackingNumber"]].reference == "T-1"
    again = usps_label(usps, headers | {"accept": "application/vnd.usps.labels+json"}).json()
    assert again["trackingNumber"] != metadata["trackingNumber"]
    assert base64.b64decode(again["labelImage"]).startswith(b"%PDF-")


def test_usps_numbers_are_valid(usps: FakeUsps) -> None:
    for count in range(1, 40):
        (match,) = [one for one in list_matches(usps.write_number(count)) if one.carrier == "usps" and one.valid]
        assert match.format == "usps_impb_n"


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("toAddress", ...),
        ("toAddress.firstName", ""),
        ("toAddress.streetAddress", " "),
        ("toAddress.city", ...),
        ("toAddress.state", "Idaho"),
        ("toAddress.state", "XX"),
        ("toAddress.ZIPCode", "1000"),
        ("toAddress.ZIPPlus4", "12"),
        ("fromAddress.firm", ...),
        ("packageDescription", ...),
        ("packageDescription.mailClass", "GROUND"),
        ("packageDescription.rateIndicator", ...),
        ("packageDescription.weight", "2.5"),
        ("packageDescription.weight", 0),
        ("packageDescription.weight", 71),
        ("packageDescription.weightUOM", "g"),
        ("packageDescription.dimensionsUOM", "cm"),
        ("packageDescription.length", ...),
        ("packageDescription.length", 120),
        ("packageDescription.processingCategory", "BOX"),
        ("packageDescription.mailingDate", "11/20/2026"),
        ("packageDescription.mailingDate", "2026-11-19"),
        ("packageDescription.mailingDate", "2026-12-20"),
        ("packageDescription.mailingDate", "2026-11-31"),
        ("packageDescription.destinationEntryFacilityType", ...),
        ("packageDescription.customerReference", [{"referenceNumber": "T"}] * 5),
        ("packageDescription.customerReference", [{"reference": "T"}]),
        ("referenceNumber", "T-1"),
        ("imageInfo", {"imageType": "BMP"}),
    ],
)
def test_usps_refuses_bad_labels(usps: FakeUsps, path: str, to: Any) -> None:
    told = usps_label(usps, usps_payer(usps), changed(LABEL, path, to))
    assert told.status_code == 400
    assert told.json()["apiVersion"] == "/labels/v3"
    assert told.json()["error"]["code"] == "400"
    assert told.json()["error"]["errors"][0]["source"]["parameter"]
    assert len(usps.refused) == 1
    assert not usps.parcels


def test_usps_knows_no_such_address(usps: FakeUsps) -> None:
    told = usps_label(usps, usps_payer(usps), changed(LABEL, "toAddress.ZIPCode", "00000"))
    assert (told.status_code, told.json()["error"]["errors"]) == (404, [])
    assert told.json()["error"]["message"] == "There is no match for the address requested."


def test_usps_wants_to_be_paid(usps: FakeUsps, clock: Clock) -> None:
    headers = usps_payer(usps)
    assert usps_label(usps, usps_bearer(usps)).status_code == 400
    bad = headers | {"X-Payment-Authorization-Token": "e.y.J"}
    assert usps_label(usps, bad).status_code == 401
    clock.now_ms += 8 * HOUR
    old = usps_bearer(usps) | {"X-Payment-Authorization-Token": headers["X-Payment-Authorization-Token"]}
    assert usps_label(usps, old).status_code == 401
    assert not usps.parcels


def test_usps_wants_json(usps: FakeUsps) -> None:
    headers = usps_payer(usps)
    url = f"{usps.url}/labels/v3/label"
    assert httpx.post(url, content=b"{", headers=headers | {"content-type": "application/json"}).status_code == 400
    assert httpx.post(url, content=b"[]", headers=headers | {"content-type": "application/json"}).status_code == 400
    assert httpx.post(url, data={"a": "b"}, headers=headers).status_code == 415


def test_usps_cancels_disputes_and_refuses(usps: FakeUsps, clock: Clock) -> None:
    number, late, moved = usps_number(usps), usps_number(usps), usps_number(usps)

    def cancel(number: str) -> httpx.Response:
        return httpx.delete(f"{usps.url}/labels/v3/label/{number}", headers=usps_payer(usps))

    def detail(told: httpx.Response) -> str:
        assert told.status_code == 400
        return str(told.json()["error"]["errors"][0]["detail"])

    assert cancel(number).json() == {"trackingNumber": number, "status": "CANCELED"}
    assert usps.parcels[number].is_cancelled
    assert detail(cancel(number)) == "Order not found"
    assert detail(cancel("9400100000000000000012")) == "Order not found"
    usps.move(moved, usps_scan("03", "2026-11-20T15:00:00Z", "BOISE"))
    assert detail(cancel(moved)) == "A refund request for this order cannot be submitted"
    # 00:30 in Chicago of the day after the mailing date
    clock.now_ms = int(dt.datetime(2026, 11, 21, 6, 30, tzinfo=dt.UTC).timestamp() * 1000)
    assert cancel(late).json() == {"trackingNumber": late, "status": "DISPUTED", "disputeId": "100001"}
    assert "already been submitted" in detail(cancel(late))
    assert httpx.delete(f"{usps.url}/labels/v3/label/{late}", headers=usps_bearer(usps)).status_code == 400


def test_usps_tells_of_one_in_local_time_that_looks_like_utc(usps: FakeUsps) -> None:
    number, headers = usps_number(usps), usps_bearer(usps)
    url = f"{usps.url}/tracking/v3/tracking/{number}"
    usps.move(
        number,
        usps_scan("03", "2026-11-19T22:10:20Z", "BOISE"),
        usps_scan("01", "2026-11-20T18:58:40Z", "NEW YORK"),
        usps_scan("TL", "2026-11-20T06:00:00Z", "DENVER CO DISTRIBUTION CENTER"),
        usps_scan("10", "2026-11-20T05:00:00Z", "DENVER CO DISTRIBUTION CENTER"),
    )
    told = httpx.get(url, params={"expand": "detail"}, headers=headers).json()
    assert (told["status"], told["statusCategory"], told["emailEnabled"]) == (
        "Delivered, Left with Individual",
        "Delivered",
        "true",
    )
    assert [event["eventCode"] for event in told["trackingEvents"]] == ["01", "TL", "10", "03"]
    first, nowhere, plant, last = told["trackingEvents"]
    assert first["eventTimestamp"] == "2026-11-20T13:58:00Z"
    assert (first["GMTTimestamp"], first["GMTOffset"]) == ("2026-11-20T18:58:40Z", "-05:00")
    assert (first["eventCity"], first["eventState"], first["eventZIP"]) == ("NEW YORK", "NY", "10001")
    assert first["authorizedAgent"] == "false"
    assert (nowhere["eventCity"], nowhere["eventState"]) == (None, None)
    assert (plant["eventCity"], plant["eventState"]) == ("DENVER CO DISTRIBUTION CENTER", None)
    assert (last["eventTimestamp"], last["GMTOffset"]) == ("2026-11-19T15:10:00Z", "-07:00")
    usps.says_z = False
    told = httpx.get(url, params={"expand": "DETAIL"}, headers=headers).json()
    assert told["trackingEvents"][0]["eventTimestamp"] == "2026-11-20T13:58:00"
    short = httpx.get(url, headers=headers).json()
    assert "trackingEvents" not in short
    assert short["eventSummaries"][0] == "Delivered, Left with Individual, November 20, 2026, 01:58 PM, NEW YORK"


def test_usps_tells_of_one_what_is_wrong(usps: FakeUsps) -> None:
    number, headers = usps_number(usps), usps_bearer(usps)
    url = f"{usps.url}/tracking/v3/tracking"

    def ask(number: str, **query: str) -> httpx.Response:
        return httpx.get(f"{url}/{number}", params=query, headers=headers)

    told = ask(number)
    assert (told.status_code, told.json()["error"]["errors"][0]["code"]) == (400, "150001")
    assert told.json()["error"]["message"].startswith("12: A status update is not yet available")
    told = ask("9400190000000200000017")
    assert told.status_code == 403
    assert "not authorized to access /tracking/9400" in told.json()["error"]["message"]
    assert "errors" not in told.json()["error"]
    for bad in (ask("short"), ask(number, language="en"), ask(number, expand="ALL")):
        assert bad.status_code == 400
        assert "OASValidation" in bad.json()["error"]["message"]
    usps.move(number, usps_scan("03", "2026-11-19T22:10:20Z", "BOISE"))
    usps.has_get = False
    assert "OASValidation" in ask(number).json()["error"]["message"]
    assert httpx.get(f"{usps.url}/tracking/v4/tracking/{number}", headers=headers).status_code == 404


def test_usps_tells_of_many(usps: FakeUsps) -> None:
    number, quiet, headers = usps_number(usps), usps_number(usps), usps_bearer(usps)
    usps.move(number, usps_scan("01", "2026-11-20T18:58:40Z", "NEW YORK"))

    def ask(body: Any, **query: str) -> httpx.Response:
        return httpx.post(f"{usps.url}/tracking/v3r2/tracking", json=body, params=query, headers=headers)

    told = ask([{"trackingNumber": number}])
    assert told.status_code == 200
    assert told.json()[0]["trackingEvents"][0]["eventZIPCode"] == "10001"
    assert "eventZIP" not in told.json()[0]["trackingEvents"][0]
    told = ask([{"trackingNumber": number}, {"trackingNumber": quiet, "destinationZIPCode": "10001"}])
    assert told.status_code == 207
    assert [one["trackingNumber"] for one in told.json()] == [number, quiet]
    assert told.json()[1]["errors"][0]["code"] == "150001"
    assert "trackingEvents" not in told.json()[1]
    for bad in (
        [],
        {"trackingNumber": number},
        [number],
        [{"trackingNumber": 1}],
        [{"trackingNumber": "x"}],
        [{"trackingNumber": number, "expand": "DETAIL"}],
        [{"trackingNumber": number}] * 36,
    ):
        assert ask(bad).status_code == 400
    assert ask([{"trackingNumber": number}], language="en").status_code == 400


SUBSCRIPTION: dict[str, Any] = {
    "listenerURL": "https://listener.example/usps",
    "secret": "0123456789abcdef0123456789abcdef",
    "adminNotification": [{"email": "operator@listener.example"}],
    "filterProperties": {"MID": "900000001", "trackingEventTypes": ["ALL_UPDATES"]},
}


def test_usps_subscribes_once_and_lets_go_by_its_tag(usps: FakeUsps) -> None:
    number, headers = usps_number(usps), usps_bearer(usps)
    url = f"{usps.url}/subscriptions-tracking/v3/subscriptions"
    assert httpx.get(url, headers=headers).status_code == 400
    none = httpx.get(url, params={"MID": "900000001"}, headers=headers)
    assert (none.status_code, none.json()["error"]["message"]) == (404, "No Subscriptions were found")
    made = httpx.post(url, json=SUBSCRIPTION, headers=headers)
    name = made.json()["subscriptionId"]
    assert (made.status_code, made.json()["status"]) == (201, "ENABLED")
    assert usps.parcels[number].is_subscribed
    assert usps.parcels[usps_number(usps)].is_subscribed
    again = httpx.post(url, json=SUBSCRIPTION, headers=headers)
    assert again.status_code == 400
    assert f"subscriptionId : {name}" in again.json()["error"]["message"]
    found = httpx.get(url, params={"MID": "900000001"}, headers=headers).json()
    assert [one["subscriptionId"] for one in found] == [name]
    tag = httpx.get(f"{url}/{name}", headers=headers).headers["etag"]
    assert httpx.delete(f"{url}/{name}", headers=headers).status_code == 412
    assert httpx.delete(f"{url}/{name}", headers=headers | {"if-match": '"old"'}).status_code == 412
    assert httpx.delete(f"{url}/{name}", headers=headers | {"if-match": tag}).status_code == 200
    assert httpx.get(f"{url}/{name}", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("path", "to", "status"),
    [
        ("listenerURL", "http://listener.example/usps", 400),
        ("secret", "short", 400),
        ("secret", ..., 400),
        ("adminNotification", [], 400),
        ("adminNotification", [{"mail": "a"}], 400),
        ("filterProperties", {}, 400),
        ("filterProperties.trackingNumber", "9400100000000000000012", 400),
        ("filterProperties.trackingEventTypes", ["DELIVERED"], 400),
        ("filterProperties.MID", "900000002", 403),
    ],
)
def test_usps_refuses_bad_subscriptions(usps: FakeUsps, path: str, to: Any, status: int) -> None:
    url = f"{usps.url}/subscriptions-tracking/v3/subscriptions"
    told = httpx.post(url, json=changed(SUBSCRIPTION, path, to), headers=usps_bearer(usps))
    assert told.status_code == status
    assert not usps.subscriptions


def test_usps_signs_the_stamp_and_the_inner_text(usps: FakeUsps, listener: Listener) -> None:
    number, headers = usps_number(usps), usps_bearer(usps)
    chosen = {"filterProperties": {"trackingNumber": number}}
    url = f"{usps.url}/subscriptions-tracking/v3/subscriptions"
    httpx.post(url, json=SUBSCRIPTION | chosen, headers=headers)
    usps.move(number, usps_scan("OF", "2026-11-20T13:00:05Z", "NEW YORK"))
    usps.push_url = listener.url
    assert usps.push(number).status_code == 200
    ((_, headers, body),) = listener.heard
    told = json.loads(body)
    assert (told["subscriptionType"], told["timestamp"]) == ("TRACKING", "2026-11-20T18:00:00Z")
    key = SUBSCRIPTION["secret"].encode()
    signed = hmac.new(key, (told["timestamp"] + told["payload"]).encode(), hashlib.sha256).digest()
    assert headers["x-hmac"] == base64.b64encode(signed).decode()
    assert isinstance(told["payload"], str)
    inner = json.loads(told["payload"])
    assert (inner["trackingNumber"], inner["trackingEvents"][0]["eventCode"]) == (number, "OF")
    assert usps.is_thanked(204, b"")
    assert not usps.is_thanked(401, b"")


# Correios


@pytest.fixture
def correios(clock: Clock) -> Iterator[FakeCorreios]:
    with FakeCorreios(clock=clock) as fake:
        yield fake  # type: ignore[misc]


def correios_token(
    fake: FakeCorreios,
    kind: str = "/cartaopostagem",
    number: Any = "0070000001",
    auth: str = "usuario1:code-of-the-fake",
) -> httpx.Response:
    coded = base64.b64encode(auth.encode()).decode()
    url = f"{fake.url}/token/v1/autentica{kind}"
    return httpx.post(url, json={"numero": number}, headers={"authorization": f"Basic {coded}"})


def correios_bearer(fake: FakeCorreios) -> dict[str, str]:
    return {"authorization": f"Bearer {correios_token(fake).json()['token']}", "accept-language": "pt-BR"}


def person(name: str, cep: str, state: str) -> dict[str, Any]:
    return {
        "nome": name,
        "cpfCnpj": "00000000000191",
        "dddTelefone": "11",
        "telefone": "30000000",
        "dddCelular": "11",
        "celular": "900000000",
        "endereco": {
            "cep": cep,
            "logradouro": "Praça da Sé",
            "numero": "1",
            "bairro": "Sé",
            "cidade": "São Paulo",
            "uf": state,
        },
    }


POSTING: dict[str, Any] = {
    "codigoServico": "03298",
    "numeroCartaoPostagem": "0070000001",
    "remetente": person("Remetente", "01001000", "SP"),
    "destinatario": person("Destinatário", "69900901", "AC"),
    "itensDeclaracaoConteudo": [{"conteudo": "Livro", "quantidade": 1, "valor": 19.9}],
    "pesoInformado": "1000",
    "alturaInformada": "10",
    "larguraInformada": "20",
    "comprimentoInformado": "25",
    "diametroInformado": "0",
    "codigoFormatoObjetoInformado": "2",
    "cienteObjetoNaoProibido": 1,
    "solicitarColeta": "N",
    "logisticaReversa": "N",
}


def correios_post(fake: FakeCorreios, posting: Any = POSTING) -> httpx.Response:
    return httpx.post(f"{fake.url}/prepostagem/v1/prepostagens", json=posting, headers=correios_bearer(fake))


def correios_scan(code: str, at: str, city: str = "SAO PAULO") -> FakeScan:
    return FakeScan(code=code, at_ms=int(dt.datetime.fromisoformat(at).timestamp() * 1000), city=city)


def test_correios_gives_tokens_for_a_day_in_brasilia(correios: FakeCorreios, clock: Clock) -> None:
    told = correios_token(correios)
    assert told.status_code == 201
    assert (told.json()["emissao"], told.json()["expiraEm"]) == ("2026-11-20T15:00:00", "2026-11-21T15:00:00")
    assert told.json()["cartaoPostagem"]["contrato"] == "9912000001"
    assert correios_token(correios, "/contrato", "9912000001").status_code == 201
    headers = {"authorization": f"Bearer {told.json()['token']}", "accept-language": "pt-BR"}
    url = f"{correios.url}/srorastro/v1/objetos/AA000000014BR"
    clock.now_ms += 24 * HOUR - 1
    assert httpx.get(url, headers=headers).status_code == 200
    clock.now_ms += 1
    old = httpx.get(url, headers=headers)
    assert old.status_code == 403
    assert old.json() == {
        "msgs": ["GTW-008: Token não válido para este ambiente."],
        "date": "2026-11-21T15:00:00",
        "method": "GET",
        "path": "/srorastro/v1/objetos/AA000000014BR",
    }


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"auth": "usuario1:"}, 401, "Senha não foi informada"),
        ({"auth": "usuario1:wrong"}, 401, "Usuário e/ou código de acesso inválidos"),
        ({"number": "0070000002"}, 400, "cartaopostagem inválido"),
        ({"number": 70000001}, 400, "cartaopostagem inválido"),
        ({"kind": "/outra"}, 404, "Recurso não encontrado"),
    ],
)
def test_correios_refuses_wrong_users(
    correios: FakeCorreios, changes: dict[str, Any], status: int, message: str
) -> None:
    told = correios_token(correios, **changes)
    assert (told.status_code, told.json()["msgs"]) == (status, [message])


def test_correios_wants_a_token_that_is_good_for_the_api(correios: FakeCorreios) -> None:
    url = f"{correios.url}/srorastro/v1/objetos/AA000000014BR"
    bad = httpx.get(url, headers={"authorization": "Bearer eyJ", "accept-language": "pt-BR"})
    assert bad.status_code == 401
    assert httpx.post(f"{correios.url}/token/v1/autentica/cartaopostagem", json={}).status_code == 401
    user = correios_token(correios, "").json()["token"]
    assert httpx.get(url, headers={"authorization": f"Bearer {user}"}).status_code == 403
    correios.apis = (36,)
    assert httpx.get(url, headers=correios_bearer(correios)).status_code == 403
    assert correios_post(correios).status_code == 200


def test_correios_makes_finds_and_cancels(correios: FakeCorreios) -> None:
    made = correios_post(correios)
    told, headers = made.json(), correios_bearer(correios)
    url = f"{correios.url}/prepostagem"
    assert made.status_code == 200
    assert (len(told["id"]), told["id"][:2], told["descStatusAtual"]) == (24, "PR", "Pré-postado")
    assert told["prazoPostagem"] == "27/11/2026"
    assert correios_post(correios).json()["codigoObjeto"] != told["codigoObjeto"]
    found = httpx.get(f"{url}/v2/prepostagens", params={"codigoObjeto": told["codigoObjeto"]}, headers=headers).json()
    assert [one["id"] for one in found["itens"]] == [told["id"]]
    assert httpx.get(f"{url}/v2/prepostagens", headers=headers).status_code == 400
    gone = httpx.delete(f"{url}/v1/prepostagens/{told['id']}", headers=headers)
    assert gone.json() == {"resultadoCancelamento": "Cancelamento realizado com sucesso!"}
    assert httpx.delete(f"{url}/v1/prepostagens/{told['id']}", headers=headers).status_code == 400
    found = httpx.get(f"{url}/v2/prepostagens", params={"idPrePostagem": told["id"]}, headers=headers).json()
    assert found["itens"][0]["descStatusAtual"] == "Cancelado"
    assert httpx.delete(f"{url}/v1/prepostagens/PRnobody", headers=headers).status_code == 404
    posted = correios_post(correios).json()
    correios.move(posted["codigoObjeto"], correios_scan("PO01", "2026-11-20T12:00:00Z"))
    late = httpx.delete(f"{url}/v1/prepostagens/{posted['id']}", headers=headers)
    assert (late.status_code, "postado" in late.json()["msgs"][0]) == (400, True)


def test_correios_numbers_are_valid(correios: FakeCorreios) -> None:
    for count in range(1, 100):
        assert parse_s10(correios.write_number(count)).country_code == "BR"


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("codigoServico", "99999"),
        ("numeroCartaoPostagem", "0070000002"),
        ("remetente", ...),
        ("destinatario.nome", ""),
        ("destinatario.endereco", ...),
        ("destinatario.endereco.cep", "69900-901"),
        ("destinatario.endereco.logradouro", ""),
        ("destinatario.endereco.uf", "Acre"),
        ("destinatario.telefone", "900000000"),
        ("destinatario.celular", ""),
        ("destinatario.dddCelular", ...),
        ("destinatario.cpfCnpj", "12"),
        ("pesoInformado", 1000),
        ("pesoInformado", "1.0"),
        ("pesoInformado", "30001"),
        ("alturaInformada", ...),
        ("larguraInformada", "0"),
        ("codigoFormatoObjetoInformado", "9"),
        ("cienteObjetoNaoProibido", "S"),
        ("solicitarColeta", False),
        ("itensDeclaracaoConteudo", []),
        ("itensDeclaracaoConteudo.0.conteudo", ""),
        ("itensDeclaracaoConteudo.0.quantidade", 0),
        ("itensDeclaracaoConteudo.0.valor", "nada"),
    ],
)
def test_correios_refuses_bad_postings(correios: FakeCorreios, path: str, to: Any) -> None:
    told = correios_post(correios, changed(POSTING, path, to))
    assert told.status_code == 400
    assert len(told.json()["msgs"]) == 1
    assert (len(correios.refused), len(correios.parcels)) == (1, 0)


def test_correios_labels_take_time(correios: FakeCorreios) -> None:
    made, headers = correios_post(correios).json(), correios_bearer(correios)
    url = f"{correios.url}/prepostagem/v1/prepostagens/rotulo"
    wanted = {"idsPrePostagem": [made["id"]], "tipoRotulo": "P", "formatoRotulo": "ET", "imprimeRemetente": "S"}

    def ask() -> str:
        return str(httpx.post(f"{url}/assincrono/pdf", json=wanted, headers=headers).json()["idRecibo"])

    def fetch(receipt: str) -> Any:
        return httpx.get(f"{url}/download/assincrono/{receipt}", headers=headers).json()

    receipt = ask()
    assert fetch(receipt)["mensagem"].startswith("PPN-291")
    told = fetch(receipt)
    assert (told["nome"], base64.b64decode(told["dados"])[:5]) == ("etiqueta.pdf", b"%PDF-")
    other = ask()
    assert [fetch(one)["mensagem"][:7] for one in (receipt, other)] == ["PPN-291", "PPN-291"]
    correios.fails_labels = 1
    assert fetch(other)["mensagem"].startswith("PPN-295")
    assert "msgs" in fetch(other)
    for path, to in (
        ("idsPrePostagem", []),
        ("idsPrePostagem", ["PRnobody"]),
        ("tipoRotulo", "X"),
        ("formatoRotulo", ...),
        ("imprimeRemetente", True),
    ):
        told = httpx.post(f"{url}/assincrono/pdf", json=changed(wanted, path, to), headers=headers)
        assert told.status_code in (400, 404)


def test_correios_tells_the_newest_first_in_the_time_of_brasilia(correios: FakeCorreios) -> None:
    number, headers = correios_post(correios).json()["codigoObjeto"], correios_bearer(correios)
    correios.move(
        number,
        correios_scan("PO01", "2026-11-19T22:10:36Z"),
        correios_scan("BDE01", "2026-11-20T15:03:00Z", "RIO BRANCO"),
        correios_scan("RO01", "2026-11-20T02:30:00Z", "BRASILIA"),
    )
    url = f"{correios.url}/srorastro/v1/objetos/{number}"
    (told,) = httpx.get(url, params={"resultado": "T"}, headers=headers).json()["objetos"]
    assert [(event["codigo"], event["tipo"], event["dtHrCriado"]) for event in told["eventos"]] == [
        ("BDE", "01", "2026-11-20T12:03:00"),
        ("RO", "01", "2026-11-19T23:30:00"),
        ("PO", "01", "2026-11-19T19:10:36"),
    ]
    assert told["eventos"][0]["unidade"]["endereco"] == {"uf": "AC", "cidade": "RIO BRANCO"}
    assert "unidadeDestino" in told["eventos"][1]
    (told,) = httpx.get(url, params={"resultado": "U"}, headers=headers).json()["objetos"]
    assert [event["codigo"] for event in told["eventos"]] == ["BDE"]


def test_correios_says_of_each_object_what_is_wrong(correios: FakeCorreios) -> None:
    number, headers = correios_post(correios).json()["codigoObjeto"], correios_bearer(correios)
    foreign = correios.write_number(500)
    correios.foreign.add(foreign)
    numbers = [number, "AA000000011BR", "nothing", foreign]
    url = f"{correios.url}/srorastro/v1/objetos"
    query = [("codigosObjetos", one) for one in numbers]
    told = httpx.get(url, params=[*query, ("resultado", "T")], headers=headers).json()["objetos"]
    assert [(one["codObjeto"], one["mensagem"][:7]) for one in told] == [
        (number, "SRO-020"),
        ("AA000000011BR", "SRO-019"),
        ("nothing", "SRO-019"),
        (foreign, "SRO-009"),
    ]
    joined = httpx.get(url, params={"codigosObjetos": ",".join(numbers)}, headers=headers).json()
    assert joined["quantidade"] == 4
    many = [("codigosObjetos", correios.write_number(count)) for count in range(1, 52)]
    assert httpx.get(url, params=many, headers=headers).status_code == 400
    assert httpx.get(url, params=many[:50], headers=headers).status_code == 200
    assert httpx.get(url, headers=headers).status_code == 400
    assert httpx.get(f"{url}/{number}", params={"resultado": "X"}, headers=headers).status_code == 400


@pytest.mark.parametrize("language", ["", "pt", "*", "zh-CN"])
def test_correios_wants_one_of_its_languages(correios: FakeCorreios, language: str) -> None:
    headers = correios_bearer(correios) | {"accept-language": language}
    told = httpx.get(f"{correios.url}/srorastro/v1/objetos/AA000000014BR", headers=headers)
    assert told.status_code == 400
    assert told.json()["msgs"][0].startswith("SRO-018")


def test_correios_wants_the_language_in_the_head(correios: FakeCorreios) -> None:
    url = f"{correios.url}/srorastro/v1/objetos/AA000000014BR"
    told = httpx.get(url, params={"Accept-Language": "pt-BR"}, headers=correios_bearer(correios))
    assert told.status_code == 400


def test_correios_says_no_word_of_its_quota(correios: FakeCorreios) -> None:
    correios.set(Trap.QUOTA)
    told = httpx.get(f"{correios.url}/srorastro/v1/objetos/AA000000014BR")
    assert (told.status_code, told.content, told.headers["x-ratelimit-burst-capacity"]) == (429, b"", "55")


def test_correios_tokens_are_all_old_after_the_trap(correios: FakeCorreios) -> None:
    headers = correios_bearer(correios)
    url = f"{correios.url}/srorastro/v1/objetos/AA000000014BR"
    correios.set(Trap.EXPIRED)
    assert [httpx.get(url, headers=headers).status_code for _ in range(2)] == [403, 403]
    assert httpx.get(url, headers=correios_bearer(correios)).status_code == 200


def test_correios_subscribes_and_signs_its_pushes(correios: FakeCorreios, listener: Listener) -> None:
    number, headers = correios_post(correios).json()["codigoObjeto"], correios_bearer(correios)
    url = f"{correios.url}/webhook/v1/servicos/wh-rastro/assinaturas"
    place = {
        "nome": "x",
        "url": "https://listener.example/correios",
        "secret": "told-to-correios",
        "tipoEventos": [{"tipo": "PO-1"}, {"tipo": "BDE-1"}],
    }
    wanted: dict[str, Any] = {"descricao": "x", "email": "a@b.example", "language": "PT", "enderecos": [place]}
    for path, to in (
        ("email", ""),
        ("enderecos", []),
        ("enderecos.0.url", "http://listener.example"),
        ("enderecos.0.secret", ...),
        ("enderecos.0.tipoEventos", []),
        ("enderecos.0.tipoEventos.0.tipo", "BDE01"),
        ("enderecos.0.tipoEventos.0.tipo", "BDE-01"),
    ):
        assert httpx.post(url, json=changed(wanted, path, to), headers=headers).status_code == 400
    name = httpx.post(url, json=wanted, headers=headers).json()["id"]
    assert [one["id"] for one in httpx.get(url, headers=headers).json()] == [name]
    assert not correios.parcels[number].is_subscribed
    assert httpx.post(f"{url}/{name}/contratos", json={"numero": "1"}, headers=headers).status_code == 400
    bound = httpx.post(f"{url}/{name}/contratos", json={"numero": "9912000001"}, headers=headers)
    assert bound.status_code == 201
    assert correios.parcels[number].is_subscribed
    correios.push_url = listener.url
    correios.move(number, correios_scan("PO01", "2026-11-19T22:10:36Z"), correios_scan("BDE01", "2026-11-20T15:03:00Z"))
    correios.push(number)
    assert [headers["x-correios-hook-event"] for _, headers, _ in listener.heard] == ["PO-1", "BDE-1"]
    for _, headers, body in listener.heard:
        assert headers["x-correios-signature"] == hmac.new(b"told-to-correios", body, "sha256").hexdigest()
    inner = json.loads(json.loads(listener.heard[1][2])["payload"])
    assert (inner["codigoObjeto"], inner["tipoEvento"], inner["dtEvento"]) == (number, "BDE-1", "2026-11-20T12:03:00")
    assert correios.is_thanked(200, b"")
    assert not correios.is_thanked(204, b"")
