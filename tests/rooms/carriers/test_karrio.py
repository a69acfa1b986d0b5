"""The bridge to karrio: answers in the carriers' shapes come out with their own codes and the right instants.

The answers are of our own making, in the shapes that carriers send. karrio's own connectors ask for them, over HTTP.
"""

import base64
import contextlib
import datetime as dt
import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import pytest
from tests.rooms.carriers.conftest import NOW_MS, Canned, HandClock, contract_with

from waypost.carriers.accounts import Account, Secret
from waypost.carriers.adapters import Contract, list_adapters, open_contract
from waypost.carriers.shapes import SHAPES
from waypost.model.errors import SettingsError
from waypost.model.instants import OffsetSource
from waypost.model.scans import SCAN_SCHEMA
from waypost.testing.carriers.faking import Told
from waypost.track.carriers import Asked, CarrierPuzzling, CarrierRefused, CarrierUnreachable, Seen, Unsupported
from waypost.track.intake import ZoneFinder, take_in
from waypost.track.tables import bundled_tables

ACCOUNTS: dict[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "dhl_express": ({"site_id": "SITE"}, {"password": "of-nobody"}),
    "canadapost": ({"username": "KEY"}, {"password": "of-nobody"}),
    "laposte": ({}, {"api_key": "of-nobody"}),
}
USPS = json.dumps({"client_id": "ID", "client_secret": "of-nobody"})

DHL_EXPRESS = """<?xml version="1.0" encoding="UTF-8"?>
<req:TrackingResponse xmlns:req="http://www.dhl.com">
  <Response><ServiceHeader><MessageTime>2025-12-30T10:00:00+01:00</MessageTime></ServiceHeader></Response>
  <AWBInfo>
    <AWBNumber>4000000016</AWBNumber>
    <Status><ActionStatus>success</ActionStatus></Status>
    <ShipmentInfo>
      <ShipmentDate>2025-12-28T13:26:00</ShipmentDate>
      <ShipmentEvent>
        <Date>2025-12-28</Date><Time>18:05:00</Time>
        <ServiceEvent><EventCode>PU</EventCode><Description>Shipment picked up</Description></ServiceEvent>
        <Signatory/>
        <ServiceArea><ServiceAreaCode>LIS</ServiceAreaCode><Description>Lisbon - Portugal</Description></ServiceArea>
      </ShipmentEvent>
      <ShipmentEvent>
        <Date>2025-12-29</Date><Time>09:41:00</Time>
        <ServiceEvent><EventCode>OK</EventCode><Description>Delivered</Description></ServiceEvent>
        <Signatory>A. NYONE</Signatory>
        <ServiceArea><ServiceAreaCode>MAD</ServiceAreaCode><Description>Madrid - Spain</Description></ServiceArea>
      </ShipmentEvent>
    </ShipmentInfo>
  </AWBInfo>
  <AWBInfo>
    <AWBNumber>4000000020</AWBNumber>
    <Status>
      <ActionStatus>No Shipments Found</ActionStatus>
      <Condition><ConditionCode>209</ConditionCode><ConditionData>No Shipments Found</ConditionData></Condition>
    </Status>
  </AWBInfo>
</req:TrackingResponse>"""

CANADAPOST = """<?xml version="1.0" encoding="UTF-8"?>
<tracking-detail xmlns="http://www.canadapost.ca/ws/track-v2">
  <pin>1000000000000016</pin>
  <significant-events>
    <occurrence>
      <event-identifier>1496</event-identifier><event-date>2025-12-29</event-date><event-time>15:07:31</event-time>
      <event-time-zone>EST</event-time-zone><event-description>Item successfully delivered</event-description>
      <signatory-name>A. NYONE</signatory-name><event-site>OTTAWA</event-site><event-province>ON</event-province>
    </occurrence>
    <occurrence>
      <event-identifier>0174</event-identifier><event-date>2025-12-29</event-date><event-time>08:27:43</event-time>
      <event-time-zone>EST</event-time-zone><event-site>OTTAWA</event-site><event-province>ON</event-province>
    </occurrence>
    <occurrence>
      <event-identifier>0100</event-identifier><event-date>2025-07-01</event-date><event-time>06:19:57</event-time>
      <event-time-zone>NDT</event-time-zone><event-site>ST. JOHN'S</event-site><event-province>NL</event-province>
    </occurrence>
    <occurrence>
      <event-identifier>0102</event-identifier><event-date>2025-12-28</event-date><event-time>06:00:00</event-time>
      <event-time-zone>XYZ</event-time-zone><event-site>VANCOUVER</event-site><event-province>BC</event-province>
    </occurrence>
  </significant-events>
</tracking-detail>"""
NO_HISTORY = """<messages xmlns="http://www.canadapost.ca/ws/messages">
  <message><code>004</code><description>No Pin History</description></message></messages>"""

LAPOSTE = {
    "returnCode": 200,
    "lang": "fr_FR",
    "scope": "open",
    "idShip": "LA000000016FR",
    "shipment": {
        "idShip": "LA000000016FR",
        "product": "Lettre suivie",
        "isFinal": True,
        "event": [
            {"code": "DI1", "label": "Distribué à M. UNTEL", "date": "2025-12-29T11:05:00+01:00", "order": 3},
            {"code": "DO3", "label": "Retenu en douane", "date": "2025-12-28T22:30:00+01:00", "order": 2},
            {"code": "PC1", "label": "Pris en charge", "date": "2025-07-01T00:30:00+02:00", "order": 1},
        ],
    },
}
NO_SHIPMENT = {"returnCode": 404, "returnMessage": "Ressource non trouvée", "lang": "fr_FR", "idShip": "LA000000020FR"}

USPS_TRACK = {
    "trackingNumber": "9200000000000000000016",
    "status": "Delivered",
    "statusCategory": "Delivered",
    "trackingEvents": [
        {
            "eventType": "DELIVERED, LEFT WITH INDIVIDUAL",
            "eventCode": "01",
            "eventTimestamp": "2025-12-29T13:58:00Z",
            "GMTTimestamp": "2025-12-29T18:58:40Z",
            "GMTOffset": "-05:00",
            "eventCity": "ALBANY",
            "eventState": "NY",
            "eventZIP": "12207",
        },
        {
            "eventType": "PICKED UP",
            "eventCode": "03",
            "eventTimestamp": "2025-12-28T09:00:00",
            "GMTOffset": "-08:00",
            "eventCity": "RENO",
            "eventState": "NV",
        },
        {"eventCode": "10", "eventTimestamp": "2025-12-28T23:00:00", "eventCity": "DENVER", "eventState": "CO"},
    ],
}
TOKEN = {"access_token": "lent", "expires_in": 28800}

Asking = Callable[..., Seen]


@pytest.fixture(autouse=True)
def needs_karrio(request: pytest.FixtureRequest) -> None:
    if "carrier" in request.fixturenames and find_spec("karrio") is None:
        pytest.skip("karrio is not installed")


@pytest.fixture
def ask() -> Asking:
    def ask(contract: Contract, *numbers: str) -> Seen:
        assert contract.source is not None
        return contract.source.track([Asked(number=number) for number in numbers])

    return ask


def contract_of(carrier: Canned, clock: HandClock, name: str) -> Contract:
    return contract_with(carrier, clock, name, *ACCOUNTS[name])


def by_setting(carrier: Canned, clock: HandClock, connection: str, of: str = "usps", **settings: str) -> Contract:
    return contract_with(carrier, clock, of, settings, {"connection": connection}, adapter="karrio")


def nowhere(pairs: Any) -> list[None]:
    return [None] * len(pairs)


def rows(seen: Seen, zone_of: ZoneFinder = nowhere) -> list[dict[str, Any]]:
    intake = take_in(seen.rows, zone_of, now_ms=NOW_MS, recorded_at_ms=NOW_MS)
    assert intake.refusals == []
    return list(intake.scans.select(SCAN_SCHEMA.names).to_pylist())


def meanings(told: list[dict[str, Any]]) -> list[str]:
    found = [bundled_tables().find_row(row["carrier"], row["code"]) for row in told]
    return [row.status if row else "unknown" for row in found]


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def test_usps_local_times_are_no_utc(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    contract = by_setting(carrier, clock, USPS, connector="usps")
    carrier.will_answer(TOKEN, USPS_TRACK)
    told = rows(ask(contract, "9200000000000000000016"), lambda pairs: [("America/Denver", OffsetSource.FACILITY)])
    assert [row["at"] for row in told] == [
        utc("2025-12-29T18:58:40Z"),
        utc("2025-12-28T17:00:00Z"),
        utc("2025-12-29T06:00:00Z"),  # without an offset: by the zone of the place
    ]
    assert [row["offset_min"] for row in told] == [-300, -480, -420]
    assert [row["offset_source"] for row in told] == [0, 0, 1]
    assert {row["carrier"] for row in told} == {"usps"}
    assert meanings(told) == ["delivered", "picked_up", "in_transit"]
    assert [row["facility"] for row in told] == ["ALBANY NY 12207", "RENO NV", "DENVER CO"]
    assert [asked.path for asked in carrier.asked] == [
        "/oauth2/v3/token",
        "/tracking/v3/tracking/9200000000000000000016",
    ]


def test_dhl_express_times_are_of_the_service_area(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    zones = {"LIS": "Europe/Lisbon", "MAD": "Europe/Madrid"}

    def zone_of(pairs: Any) -> list[tuple[str, OffsetSource]]:
        return [(zones[place], OffsetSource.FACILITY) for _, place in pairs]

    carrier.will_answer(DHL_EXPRESS.encode())
    seen = ask(contract_of(carrier, clock, "dhl_express"), "4000000016", "4000000020")
    told = rows(seen, zone_of)
    assert [row["at"] for row in told] == [utc("2025-12-28T18:05:00Z"), utc("2025-12-29T08:41:00Z")]
    assert {row["offset_source"] for row in told} == {1}
    assert meanings(told) == ["picked_up", "delivered"]
    assert [(row["carrier"], row["number"], row["facility"]) for row in told] == [
        ("dhl_express", "4000000016", "LIS"),
        ("dhl_express", "4000000016", "MAD"),
    ]
    assert seen.unknown == {"4000000020": "No Shipments Found"}
    assert "NYONE" not in str(seen.rows.table.to_pylist())
    assert carrier.asked[0].path == "/XMLShippingServlet"
    assert b"<SiteID>SITE</SiteID>" in carrier.asked[0].body
    assert b"4000000020" in carrier.asked[0].body


def test_a_stamp_of_a_place_that_nobody_knows_is_refused(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    carrier.will_answer(DHL_EXPRESS.encode())
    seen = ask(contract_of(carrier, clock, "dhl_express"), "4000000016")
    intake = take_in(seen.rows, nowhere, now_ms=NOW_MS, recorded_at_ms=NOW_MS)
    assert intake.scans.num_rows == 0
    assert {each.field for each in intake.refusals} == {"at"}
    assert "no offset" in intake.refusals[0].reason


def test_canada_post_names_its_zones(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    carrier.will_answer(CANADAPOST.encode())
    seen = ask(contract_of(carrier, clock, "canadapost"), "1000000000000016")
    told = rows(seen, lambda pairs: [("America/Vancouver", OffsetSource.FACILITY)] * len(pairs))
    assert [row["at"] for row in told] == [
        utc("2025-12-29T20:07:31Z"),
        utc("2025-12-29T13:27:43Z"),
        utc("2025-07-01T08:49:57Z"),
        utc("2025-12-28T14:00:00Z"),  # letters that Canada does not have: by the zone of the place
    ]
    assert [row["offset_min"] for row in told] == [-300, -300, -150, -480]
    assert [row["offset_source"] for row in told] == [0, 0, 0, 1]
    assert meanings(told) == ["delivered", "out_for_delivery", "arrived_at_hub", "arrived_at_hub"]
    assert told[0]["facility"] == "OTTAWA ON"
    assert "NYONE" not in str(seen.rows.table.to_pylist())
    assert carrier.asked[0].path == "/vis/track/pin/1000000000000016/detail"
    assert carrier.asked[0].headers["authorization"].startswith("Basic ")


def test_canada_post_asks_for_each_and_says_why_not(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    carrier.answers += [Told(status=404, body=NO_HISTORY.encode(), content_type="application/xml")] * 2
    seen = ask(contract_of(carrier, clock, "canadapost"), "1000000000000020", "1000000000000034")
    assert seen.unknown == dict.fromkeys(("1000000000000020", "1000000000000034"), "No Pin History")
    assert seen.rows.sent == 0


def test_la_poste_gives_offsets(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    carrier.will_answer([LAPOSTE, NO_SHIPMENT])
    seen = ask(contract_of(carrier, clock, "laposte"), "LA000000016FR", "LA000000020FR")
    told = rows(seen)
    assert [row["at"] for row in told] == [
        utc("2025-12-29T10:05:00Z"),
        utc("2025-12-28T21:30:00Z"),
        utc("2025-06-30T22:30:00Z"),
    ]
    assert [row["offset_min"] for row in told] == [60, 60, 120]
    assert meanings(told) == ["delivered", "customs_held", "picked_up"]
    assert seen.unknown == {"LA000000020FR": "Ressource non trouvée"}
    assert "UNTEL" not in str(seen.rows.table.to_pylist())
    assert carrier.asked[0].path == "/idships/LA000000016FR,LA000000020FR"
    assert carrier.asked[0].query == {"lang": "fr_FR"}
    assert carrier.asked[0].headers["x-okapi-key"] == "of-nobody"


def test_la_poste_may_answer_one_without_a_list(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    carrier.will_answer(LAPOSTE)
    assert len(rows(ask(contract_of(carrier, clock, "laposte"), "LA000000016FR"))) == 3


def test_times_of_a_shape_that_is_not_known_are_as_the_account_says(
    carrier: Canned, clock: HandClock, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(SHAPES, "laposte")
    connection = json.dumps({"api_key": "of-nobody"})

    def zone(pairs: Any) -> list[tuple[str, OffsetSource]]:
        return [("Europe/Paris", OffsetSource.CARRIER)] * len(pairs)

    found = {}
    for times in ("local", "utc"):
        carrier.will_answer(LAPOSTE)
        contract = by_setting(carrier, clock, connection, connector="laposte", times=times, of="poste")
        assert contract.source is not None
        assert contract.source.carrier == contract.account.carrier == "poste"  # uploads and keys go by the account's
        found[times] = rows(ask(contract, "LA000000016FR"), zone)
    assert found["local"][0]["at"] == utc("2025-12-29T10:05:00Z")
    assert found["utc"][0]["at"] == utc("2025-12-29T11:05:00Z")
    assert found["local"][0]["carrier"] == "poste"
    assert found["local"][0]["code"] == "DI1"
    with pytest.raises(SettingsError, match=r"times is missing.*Write local for the time of the place, or utc"):
        by_setting(carrier, clock, connection, connector="laposte")


def test_calls_are_tried_again_and_fail_as_all_calls_do(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    contract = contract_of(carrier, clock, "laposte")
    carrier.answers += [Told(status=503, body=b"")]
    carrier.will_answer(LAPOSTE)
    assert len(rows(ask(contract, "LA000000016FR"))) == 3
    carrier.answers += [Told(status=503, body=b"")] * 3
    with pytest.raises(CarrierUnreachable, match=r"laposte tracking by karrio \(test\): answers 503, 3 times"):
        ask(contract, "LA000000016FR")


def test_calls_keep_the_rate_of_the_account(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    account = Account(
        name="slow",
        carrier="canadapost",
        url=carrier.url,
        settings=ACCOUNTS["canadapost"][0],
        secrets={"password": Secret("of-nobody")},
        per_minute=60,
    )
    contract = open_contract(account, clock.hours(), {"canadapost": list_adapters()["canadapost"]})
    clock.callers.append(contract.caller)
    carrier.answers += [Told(body=CANADAPOST.encode())] * 3
    ask(contract, "1000000000000016", "1000000000000020", "1000000000000034")
    assert sum(clock.pauses) >= 1.9


@pytest.mark.parametrize(
    ("name", "answer", "why"),
    [
        (
            "laposte",
            Told(status=401, body=b'{"code":"401","message":"Unauthorized"}'),
            "refused: Unauthorized",
        ),
        ("canadapost", Told(status=403, body=b"<messages/>"), "refused: no reason given"),
    ],
)
def test_who_is_not_let_in_is_told(
    carrier: Canned, clock: HandClock, ask: Asking, name: str, answer: Told, why: str
) -> None:
    carrier.answers.append(answer)
    with pytest.raises(CarrierRefused, match=why):
        ask(contract_of(carrier, clock, name), "LA000000016FR")


def test_a_secret_that_a_carrier_writes_back_is_kept_out_of_what_is_told(
    carrier: Canned, clock: HandClock, ask: Asking
) -> None:
    contract = contract_of(carrier, clock, "laposte")
    carrier.will_answer([LAPOSTE, NO_SHIPMENT | {"returnMessage": "key of-nobody may not see it"}])
    assert ask(contract, "LA000000016FR", "LA000000020FR").unknown == {"LA000000020FR": "key … may not see it"}
    carrier.will_answer({"code": "500", "message": "of-nobody has no tracks"})
    assert ask(contract, "LA000000020FR").unknown == {"LA000000020FR": "… has no tracks"}
    carrier.answers.append(Told(status=401, body=b'{"code":"401","message":"no such key: of-nobody"}'))
    with pytest.raises(CarrierRefused, match="refused: no such key: …"):
        ask(contract, "LA000000016FR")


def test_what_a_connection_holds_is_hidden_piece_by_piece(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    """And the token that the connector was lent, and what it is sent on as."""
    connection = json.dumps(
        {"client_id": "ID-of-nobody", "client_secret": "secret-of-nobody", "config": {"more": ["deep-of-nobody"]}}
    )
    contract = by_setting(carrier, clock, connection, connector="usps")
    fault = "deep-of-nobody, secret-of-nobody, ID-of-nobody, lent-for-hours"
    carrier.will_answer(TOKEN | {"access_token": "lent-for-hours"}, {"error": {"code": "400", "message": fault}})
    assert ask(contract, "9200000000000000000016").unknown == {"9200000000000000000016": "…, …, …, …"}


def test_the_words_by_which_one_is_let_in_are_hidden(carrier: Canned, clock: HandClock, ask: Asking) -> None:
    """They are not the account's own, but made of them."""
    words = base64.b64encode(b"KEY:of-nobody").decode()
    body = NO_HISTORY.replace("No Pin History", f"Basic {words} may not")
    carrier.answers.append(Told(status=404, body=body.encode(), content_type="application/xml"))
    seen = ask(contract_of(carrier, clock, "canadapost"), "1000000000000020")
    assert seen.unknown == {"1000000000000020": "Basic … may not"}


@pytest.mark.parametrize("name", ACCOUNTS)
@pytest.mark.parametrize("body", [b"", b"<html><body>Bad Gateway</body></html>", b"[1]", b"{", b"null", b"\xff\xfe"])
def test_a_strange_answer_is_no_scans(carrier: Canned, clock: HandClock, ask: Asking, name: str, body: bytes) -> None:
    carrier.will_answer(body)
    seen = None
    with contextlib.suppress(CarrierPuzzling):
        seen = ask(contract_of(carrier, clock, name), "LA000000016FR")
    if seen is not None:
        assert seen.rows.sent == 0
        assert set(seen.unknown) == {"LA000000016FR"}


def test_it_pushes_nothing(carrier: Canned, clock: HandClock) -> None:
    contract = contract_of(carrier, clock, "laposte")
    assert contract.source is not None
    with pytest.raises(Unsupported):
        contract.source.subscribe([Asked(number="LA000000016FR")])
    assert contract.reader is None
    assert contract.issuer is None


@pytest.mark.parametrize(
    ("settings", "connection", "why"),
    [
        (
            {"connector": "moonpost", "times": "utc"},
            "{}",
            "moonpost is not installed.*pip install karrio-moonpost",
        ),
        ({"connector": "../x"}, "{}", "is no name of a connector"),
        ({"connector": "usps"}, "[]", "connection is no JSON object"),
        ({"connector": "usps"}, '{"client_id": "x"}', "cannot be set up.*client_secret"),
        ({"connector": "usps"}, '{"moon": "x"}', "moon is no setting of karrio's connector usps.*client_id"),
        ({"connector": "usps", "times": "utc"}, USPS, "those of usps are known"),
        ({"connector": "usps", "of": "U S"}, USPS, "'U S' is no carrier code"),
        ({"connector": "usps", "of": "karrio"}, USPS, 'nobody.s carrier.*adapter = "karrio"'),
        ({"connector": "usps", "scans_of": "auspost"}, USPS, "scans_of is no setting of usps"),
    ],
)
def test_what_the_account_lacks_is_said(
    carrier: Canned, clock: HandClock, settings: dict[str, str], connection: str, why: str
) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        by_setting(carrier, clock, connection, **settings)
    assert "of-nobody" not in str(caught.value)


def test_certificates_are_checked_as_before(carrier: Canned, clock: HandClock) -> None:
    contract_of(carrier, clock, "laposte")
    assert ssl._create_default_https_context is ssl.create_default_context


def test_nothing_of_karrio_is_loaded_without_an_account() -> None:
    program = "import sys, waypost.app.wiring; sys.exit(any(name.split('.')[0] == 'karrio' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_who_lacks_karrio_is_told_how_to_get_it() -> None:
    program = """
import sys
sys.modules["karrio"] = None
sys.modules["loguru"] = None
from waypost.carriers.accounts import Account, Secret
from waypost.carriers.adapters import open_contract
try:
    open_contract(Account(name="p", carrier="laposte", url="x", secrets={"api_key": Secret("of-nobody")}))
except Exception as error:
    print(type(error).__name__, error)
"""
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told.startswith("SettingsError [accounts.p] needs karrio")
    assert 'pip install "waypost[karrio]"' in told
