"""Formulas are written here once more, from the description: only YTO has public examples."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.carriers.signatures import (
    CHECKS,
    is_same,
    sign_best,
    sign_cainiao_link,
    sign_jt,
    sign_kdniao,
    sign_kuaidi100,
    sign_sf,
    sign_sto,
    sign_yto,
    sign_yunda,
    sign_zto,
)
from waypost.model.checks import ObjectCheck

BODY = '{"收件人":"O\'Neil “A&B” <甲>","n":[1,2.50],"slash":"a/b\\\\c"}'
SECRET = "made up for this test"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def md5(*parts: str) -> bytes:
    return hashlib.md5("".join(parts).encode()).digest()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    ("param", "method", "version", "signature"),
    [
        ("opentest", "", "", "YLstCNa3x8ijQx16e/jqOA=="),
        (
            '{"logisticsNo":"QXiRbXUhMCI","cancelDesc":"测试取消"}',
            "order_cancel_adapter",
            "v2",
            "mFLNEP0/ZOYuRGJqfkGRtA==",
        ),
    ],
)
def test_yto_as_its_own_examples(param: str, method: str, version: str, signature: str) -> None:
    assert sign_yto(param, method, version, "123456") == signature
    asked = {"payload": param, "method": method, "version": version, "secret": "123456"}
    assert ask("yto.sign", asked) == {"digest": signature}


@given(texts, texts)
def test_those_that_sign_body_and_secret(body: str, secret: str) -> None:
    signed = hashlib.md5(body.encode() + secret.encode())
    assert sign_sto(body, secret) == b64(signed.digest())
    assert sign_cainiao_link(body, secret) == b64(signed.digest())
    assert sign_jt(body, secret) == b64(signed.digest())
    assert sign_best(body, secret) == signed.hexdigest()
    assert sign_kdniao(body, secret) == b64(signed.hexdigest().encode())
    assert sign_kuaidi100(body, secret, "C1") == md5(body, secret, "C1").hex().upper()
    assert sign_yunda(body, secret) == hashlib.md5(f"{body}_{secret}".encode()).hexdigest()


@given(texts, texts, st.sampled_from(["", "1767323045000"]))
def test_zto_in_all_its_modes(body: str, key: str, stamp: str) -> None:
    text = f"{stamp}{body}{SECRET}".encode()
    assert sign_zto(body, SECRET, "md5", stamp) == b64(hashlib.md5(text).digest())
    assert sign_zto(body, SECRET, "sha256", stamp, key=key) == b64(hashlib.sha256(text).digest())
    by_key = hmac.new(key.encode(), text, hashlib.sha256)
    assert sign_zto(body, SECRET, "hmac_sha256", stamp, key=key) == b64(by_key.digest())
    assert sign_zto(body, SECRET, "hmac_sha256", stamp, key=key, is_base64=False) == by_key.hexdigest()


def test_the_key_of_zto_is_not_its_secret() -> None:
    assert sign_zto(BODY, SECRET, "hmac_sha256", key="other") != sign_zto(BODY, SECRET, "hmac_sha256", key=SECRET)
    assert sign_zto(BODY, SECRET, "hmac_sha256") == sign_zto(BODY, SECRET, "hmac_sha256", key="")


def test_sf_signs_the_text_or_what_a_form_makes_of_it() -> None:
    stamp = "1767323045000"
    assert sign_sf(BODY, stamp, SECRET, "simple_md5") == b64(md5(BODY, stamp, SECRET))
    as_form = quote_plus(BODY + stamp + SECRET)
    assert "~" not in BODY + SECRET
    assert sign_sf(BODY, stamp, SECRET) == b64(md5(as_form))
    # what differs between Java's forms and Python's
    assert sign_sf("a b*c~d", "", "") == b64(md5("a+b*c%7Ed"))


def test_sf_by_the_published_example_of_sm3() -> None:
    # GB/T 32905-2016, example 1: the digest of "abc"
    digest = bytes.fromhex("66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0")
    assert sign_sf("a", "b", "c", "sm3") == b64(digest)


def ask(kind: str, asked: dict[str, Any]) -> dict[str, Any]:
    """As `waypost check` asks, by JSON."""
    check = CHECKS[kind]
    assert isinstance(check, ObjectCheck)
    told: dict[str, Any] = json.loads(msgspec.json.encode(check.verdict(asked)))
    return told


def test_every_kind_of_check_answers() -> None:
    asked = {"payload": BODY, "secret": SECRET}
    signed = md5(BODY, SECRET)
    assert ask("sto.sign", asked) == ask("cainiao_link.sign", asked) == ask("jt.sign", asked) == {"digest": b64(signed)}
    assert ask("best.sign", asked) == {"digest": signed.hex()}
    assert ask("kdniao.sign", asked) == {"digest": b64(signed.hex().encode())}
    assert ask("yunda.sign", asked) == {"digest": md5(BODY, "_", SECRET).hex()}
    assert ask("kuaidi100.sign", {**asked, "customer": "C"}) == {"digest": md5(BODY, SECRET, "C").hex().upper()}
    for mode, hash_ in (("md5", hashlib.md5), ("sha256", hashlib.sha256)):
        digest = hash_(("1767323045000" + BODY + SECRET).encode()).digest()
        assert ask("zto.sign", {**asked, "mode": mode, "timestamp": 1767323045000}) == {"digest": b64(digest)}
    assert ask("zto.sign", {**asked, "mode": "hmac_sha256"}) == {
        "digest": b64(hmac.new(SECRET.encode(), (BODY + SECRET).encode(), hashlib.sha256).digest())
    }
    assert ask("sf.sign", {**asked, "timestamp": "1", "mode": "simple_md5"}) == {"digest": b64(md5(BODY, "1", SECRET))}


@pytest.mark.parametrize(
    ("kind", "asked", "reason"),
    [
        ("yto.sign", {"payload": "x"}, "secret"),
        ("zto.sign", {"payload": "x", "secret": "y", "mode": "md4"}, "one of md5, sha256, hmac_sha256"),
        ("sf.sign", {"payload": "x", "secret": "y", "mode": "md5"}, "one of standard_md5, simple_md5, sm3"),
        ("sto.sign", {"payload": "x", "secret": "y", "sekret": "z"}, "sekret"),
        ("sto.sign", {"payload": 1, "secret": "y"}, "payload"),
        ("sto.sign", {"payload": "\ud800", "secret": "y"}, "surrogate"),
    ],
)
def test_a_check_says_why_there_is_no_signature(kind: str, asked: dict[str, Any], reason: str) -> None:
    told = ask(kind, asked)
    assert told["digest"] is None
    assert reason in told["reason"]


def test_signatures_are_compared_whatever_was_sent() -> None:
    assert is_same("abc=", "abc=")
    assert not is_same("", "abc=")
    assert not is_same("ａbc=", "abc=")
    assert not is_same("\ud800", "abc=")
