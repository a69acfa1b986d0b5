"""Signatures of Standard Webhooks, held against the library of the specification."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from waypost.app.checking import REGISTRY
from waypost.model.checks import run_lines
from waypost.model.errors import BadInput
from waypost.model.standard_webhooks import LONGEST, SHORTEST, read_secret, sign_standard, write_secret


def check(asked: Any) -> Any:
    line = msgspec.json.encode({"id": 1, "kind": "standard_webhooks.sign", "input": asked})
    return msgspec.json.decode(next(iter(run_lines([line], REGISTRY))))["verdict"]


@given(
    id_=st.text(st.characters(codec="utf-8"), max_size=40),
    timestamp_s=st.integers(0, 1 << 32),
    body=st.text(st.characters(codec="utf-8")),
    key=st.binary(min_size=SHORTEST, max_size=LONGEST),
)
def test_we_sign_as_the_library_does(id_: str, timestamp_s: int, body: str, key: bytes) -> None:
    secret = write_secret(key)
    expected = Webhook(secret).sign(id_, dt.datetime.fromtimestamp(timestamp_s, dt.UTC), body)
    assert sign_standard(id_, timestamp_s, body.encode(), secret) == expected
    for given_secret in (secret, secret.removeprefix("whsec_"), secret.rstrip("=")):
        asked = {"id": id_, "timestamp": timestamp_s, "payload": body, "secret": given_secret}
        assert check(asked) == {"signature": expected}
    assert check({"id": id_, "timestamp": str(timestamp_s), "payload": body, "secret": secret}) == {
        "signature": expected
    }


def test_the_published_example_holds() -> None:
    asked = {
        "id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "timestamp": 1_614_265_330,
        "payload": '{"test": 2432232314}',
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
    assert check(asked) == {"signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}


@pytest.mark.parametrize(
    "changed", [{"secret": ""}, {"secret": "whsec_"}, {"secret": "no base64"}, {"timestamp": "soon"}, {"more": 1}]
)
def test_what_cannot_be_signed_gets_a_reason(changed: dict[str, Any]) -> None:
    verdict = check({"id": "m", "timestamp": 1, "payload": "", "secret": "c2VjcmV0IHNlY3JldCBzZWNyZXQ="} | changed)
    assert verdict["signature"] is None
    assert verdict["reason"]


@pytest.mark.parametrize("length", [0, SHORTEST - 1, LONGEST + 1])
def test_a_secret_of_ours_has_a_sensible_length(length: int) -> None:
    with pytest.raises(BadInput, match="16 to 64"):
        sign_standard("m", 1, b"", write_secret(b"k" * length))
    if length:
        assert read_secret(write_secret(b"k" * length)) == b"k" * length
