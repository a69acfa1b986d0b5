"""Messages are believed when they are signed, and by nobody else's library differently."""

import datetime as dt

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook as Theirs

from waypost.client import Untrue, verify
from waypost.model.errors import BadInput
from waypost.web.api.webhook_answers import NEWS

SECRET = "whsec_bm9ib2R5J3Mgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGU="
OTHER = "whsec_YW5vdGhlciBvbmUgdGhhdCBub2JvZHkgaGFzIHlldA=="
BODY = msgspec.json.encode(NEWS)
NOW = dt.datetime(2026, 11, 24, 17, 20, 5, tzinfo=dt.UTC)


def signed(body: bytes = BODY, secret: str = SECRET, at: dt.datetime = NOW) -> dict[str, str]:
    """As the PyPI library signs."""
    signature = Theirs(secret).sign("msg_1", at, body.decode())
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(int(at.timestamp())), "Webhook-Signature": signature}


def read(body: bytes, headers: dict[str, str], secret: str = SECRET, now: dt.datetime = NOW) -> object:
    return verify(body, headers, secret, now_s=now.timestamp())


def test_a_message_is_read() -> None:
    news = verify(BODY, signed(), SECRET, now_s=NOW.timestamp())
    assert (news.id, news.type, news.timestamp) == ("msg_1", "parcel.status", NOW)
    assert news.data is not None
    assert (news.data.order.reference, news.data.status) == ("2026-11-000417", "delivered")
    assert news.data.place is not None
    assert news.data.place.city == "Rio de Janeiro"


def test_a_ping_is_read() -> None:
    body = b'{"type": "ping", "timestamp": "2026-11-24T17:20:05Z", "data": {"webhook": "whk_1"}}'
    assert verify(body, signed(body), SECRET, now_s=NOW.timestamp()).data is None


def test_either_of_two_signatures_will_do() -> None:
    headers = signed()
    headers["Webhook-Signature"] = f"{signed(secret=OTHER)['Webhook-Signature']} {headers['Webhook-Signature']}"
    assert read(BODY, headers)
    assert read(BODY, headers, OTHER)


@pytest.mark.parametrize(
    "change",
    [
        {"Webhook-Id": "msg_2"},
        {"Webhook-Id": ""},
        {"Webhook-Timestamp": str(int(NOW.timestamp()) + 1)},
        {"Webhook-Timestamp": "soon"},
        {"Webhook-Timestamp": "9" * 400},
        {"Webhook-Timestamp": "-1"},
        {"Webhook-Signature": ""},
        {"Webhook-Signature": "v1,"},
        {"Webhook-Signature": "v1,AAAA v2,BBBB"},
        {"Webhook-Signature": "ü"},
    ],
)
def test_what_was_changed_is_not_believed(change: dict[str, str]) -> None:
    with pytest.raises(Untrue):
        read(BODY, signed() | change)


def test_another_body_another_secret_another_time_is_not_believed() -> None:
    with pytest.raises(Untrue, match="no signature"):
        read(BODY + b" ", signed())
    with pytest.raises(Untrue, match="no signature"):
        read(BODY, signed(), OTHER)
    for minutes in (-6, 6):
        with pytest.raises(Untrue, match="300 s from now"):
            read(BODY, signed(), now=NOW + dt.timedelta(minutes=minutes))
    with pytest.raises(Untrue):  # of this machine's clock
        verify(BODY, signed(at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)), SECRET)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"type": "parcel.status", "timestamp": "2026-11-24T17:20:05Z", "data": 1}']
)
def test_a_signed_body_that_is_no_message_says_so(body: bytes) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read(body, signed(body))


def test_a_secret_that_is_none() -> None:
    with pytest.raises(BadInput, match="the secret is no base64"):
        verify(BODY, signed(), "whsec_!", now_s=NOW.timestamp())
