"""Carriers without an API: their pushes are signed as Standard Webhooks has it, and speak for their carrier alone."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.carriers.accounts import Account, Secret
from waypost.carriers.adapters import Contract, list_adapters, open_contract
from waypost.model.errors import BadInput, SettingsError
from waypost.model.standard_webhooks import sign_standard
from waypost.testing.carriers.neutral import FakeNeutral
from waypost.track.carriers import Forged, Push
from waypost.track.reception import Receipt
from waypost.track.wire import Refusal

NOW_MS = 1_767_323_045_000
OLD, NEW = (f"whsec_{letter * 43}=" for letter in "Ab")
ROW = {"number": "X1", "code": "delivered", "at": "2026-01-02T03:04:05+08:00"}


def contract(**secrets: str) -> Contract:
    account = Account(
        name="rural",
        carrier="ruralpost",
        adapter="neutral",
        secrets={name: Secret(text) for name, text in secrets.items()},
    )
    return open_contract(account)


HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
READER = contract(secret=NEW)


def push(body: bytes, *secrets: str, at_ms: int = NOW_MS) -> Push:
    fake = FakeNeutral(clock=lambda: at_ms)
    fake.secrets = list(secrets)
    asked = fake.sign(body)
    fake.stop()
    return Push(headers=asked.headers, query="", body=asked.body, received_ms=NOW_MS)


@pytest.mark.parametrize(
    ("secret", "id_", "timestamp_s", "body", "signature"),
    [  # the first is of the specification, the second of its libraries' tests
        (
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1_731_705_121,
            b'{"event_type":"ping","data":{"success":true}}',
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ],
)
def test_published_signatures_hold(secret: str, id_: str, timestamp_s: int, body: bytes, signature: str) -> None:
    assert sign_standard(id_, timestamp_s, body, secret) == signature
    assert sign_standard(id_, timestamp_s, body, secret.removeprefix("whsec_")) == signature
    assert sign_standard(id_, timestamp_s + 1, body, secret) != signature


@pytest.mark.parametrize("secret", ["", "whsec_", "short", "whsec_not base64 at all, whatever it is", "A" * 100])
def test_a_secret_that_is_none_is_refused_at_the_start(secret: str) -> None:
    with pytest.raises(BadInput, match="base64"):
        sign_standard("id", 1, b"", secret)
    with pytest.raises(SettingsError, match="rural") as error:
        contract(secret=secret)
    assert len(secret) < 8 or secret not in str(error.value)


@pytest.mark.parametrize("body", [json.dumps([ROW, ROW]), f"{json.dumps(ROW)}\n{json.dumps(ROW)}\n"])
def test_an_array_and_lines_are_read_alike(body: str) -> None:
    reader = contract(secret=NEW).reader
    assert reader is not None
    assert reader.carrier == "ruralpost"
    pushed = reader.read(push(body.encode(), NEW))
    assert pushed.rows.sent == 2
    assert json.loads(pushed.reply.body) == {"accepted": 2, "refused": 0, "refusals": [], "repeated": True}


def test_secrets_can_be_changed_without_a_gap() -> None:
    body = json.dumps([ROW]).encode()
    changing, changed = contract(secret=NEW, old_secret=OLD).reader, contract(secret=NEW).reader
    assert changing is not None
    assert changed is not None
    for signed in (push(body, OLD), push(body, NEW), push(body, OLD, NEW)):
        assert changing.read(signed).rows.sent == 1
    assert changed.read(push(body, OLD, NEW)).rows.sent == 1
    with pytest.raises(Forged, match="signature"):
        changed.read(push(body, OLD))


@pytest.mark.parametrize("off_ms", [-301_000, 301_000])
def test_a_time_far_off_is_refused(off_ms: int) -> None:
    reader = contract(secret=NEW).reader
    assert reader is not None
    with pytest.raises(Forged, match="5 minutes"):
        reader.read(push(b"[]", NEW, at_ms=NOW_MS + off_ms))
    assert reader.read(push(b"[]", NEW, at_ms=NOW_MS + off_ms * 299 // 301)).rows.sent == 0


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", ["", "１７６７３２３０４５", "9" * 400, "-1"])
def test_headers_that_are_none_are_refused(missing: str, value: str) -> None:
    reader = contract(secret=NEW).reader
    assert reader is not None
    signed = push(b"[]", NEW)
    with pytest.raises(Forged):
        reader.read(msgspec.structs.replace(signed, headers={**signed.headers, missing: value}))


def test_what_is_signed_and_no_json_is_told() -> None:
    reader = contract(secret=NEW).reader
    assert reader is not None
    with pytest.raises(BadInput, match="JSON array") as error:
        reader.read(push(b"[nonsense", NEW))
    reply = reader.refuse(error.value)
    told: Any = json.loads(reply.body)
    assert (reply.status, told["code"], told["status"]) == (400, "bad_input", 400)
    assert reader.refuse(Forged("no")).status == 401


def test_the_answer_is_the_receipt() -> None:
    reader = contract(secret=NEW).reader
    assert reader is not None
    pushed = reader.read(push(json.dumps([ROW]).encode(), NEW))
    assert pushed.receipt is not None
    refusal = Refusal(0, "carrier", "is another's", "yto")
    receipt = Receipt(position=7, accepted=1, refused=1, refusals=[refusal], indexed=False)
    reply = pushed.receipt(receipt)
    assert reply.status == 200
    assert json.loads(reply.body)["refusals"][0]["field"] == "carrier"
    assert pushed.receipt(msgspec.structs.replace(receipt, accepted=0)).status == 422


def test_an_account_without_a_secret_is_pushed_nothing_and_none_has_a_url() -> None:
    assert contract().reader is None
    with pytest.raises(SettingsError, match="calls nobody"):
        open_contract(Account(name="rural", carrier="ruralpost", adapter="neutral", url="https://x.example"))
    with pytest.raises(SettingsError, match="has no url"):
        open_contract(Account(name="yto", carrier="yto"))
    with pytest.raises(SettingsError, match='adapter = "neutral"'):
        open_contract(Account(name="rural", carrier="ruralpost"), adapters=list_adapters())


@given(body=st.binary(max_size=200), headers=st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=60)))
def test_anything_may_come_and_nothing_unsigned_is_believed(body: bytes, headers: dict[str, str]) -> None:
    reader = READER.reader
    assert reader is not None
    with pytest.raises(Forged):
        reader.read(Push(headers=headers, query="", body=body, received_ms=NOW_MS))


@given(body=st.binary(max_size=200) | st.text(alphabet='[]{}",:carietumbcod1 \n', max_size=80).map(str.encode))
def test_anything_that_is_signed_is_read_or_told(body: bytes) -> None:
    reader = READER.reader
    assert reader is not None
    headers = {"webhook-id": "m", "webhook-timestamp": str(NOW_MS // 1000)}
    headers["webhook-signature"] = sign_standard("m", NOW_MS // 1000, body, NEW)
    try:
        reply = reader.read(Push(headers=headers, query="", body=body, received_ms=NOW_MS)).reply
    except BadInput as error:
        reply = reader.refuse(error)
    assert reply.status in (200, 400, 413)
