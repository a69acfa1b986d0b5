"""Pushes that were tampered with: what each carrier signs, how it signs it, and what can be done to a text.

The signing here is written down once more, from what is known of each carrier: an adapter that signs wrongly would
otherwise be asked by itself.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from hypothesis import strategies as st

from waypost.testing.carriers import Fake
from waypost.track.carriers import Push

#: What a text may be replaced by, or have put into it, to puzzle who reads it.
ODD_TEXTS = (
    *("", "\x00", "\ufeff", "\u202e", "’", "null", "true", "NaN", "-1", "1e400", "9" * 400, "0x1", "１２"),
    *("[" * 20_000, '{"a":' * 5_000, "<a>" * 5_000, "<!DOCTYPE a [<!ENTITY b 'c'>]>", "&b;", "<![CDATA[", "<!--"),
    *("\\", '"', "'", "%00", "%", "&", "=", "+", ";", "\r\n", "\\ud800", "1970-01-01 00:00:00", "9999-12-31 23:59:60"),
)
ODD_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        10**400,
        2**63,
        -(2**63) - 1,
        0.1,
        1e308,
        "",
        "x" * 5_000,
        [],
        {},
        [[]],
        [None],
        {"": ""},
    ),
    *({"a": {"b": [{}]}}, "\x00", "2026-02-30 25:61:61", 253402300800000, -62135596800001, "一", "\U0001f4a9"),
)


class Signing(msgspec.Struct, frozen=True):
    """How one carrier signs: the signed text of a push, and the push with another one in its place.

    Attributes:
        sign: of a push and a text, the same push with that text, signed as the carrier signs it. With the last
            argument false the signature stays what it was.
    """

    text: Callable[[Push], str]
    put: Callable[[Push, str, Fake, bool], Push]


def _fields(push: Push) -> dict[str, str]:
    return dict(parse_qsl(push.body.decode(), keep_blank_values=True))


def _form(name: str, signed_by: str, digest: Callable[[str, Any], str]) -> Signing:
    def put(push: Push, text: str, fake: Fake, signs: bool) -> Push:
        fields = _fields(push) | {name: text}
        if signs:
            fields[signed_by] = digest(text, fake)
        return msgspec.structs.replace(push, body=urlencode(fields).encode())

    return Signing(text=lambda push: _fields(push)[name], put=put)


def _whole(header: str, digest: Callable[[str, Any], str]) -> Signing:
    def put(push: Push, text: str, fake: Fake, signs: bool) -> Push:
        headers = {**push.headers, **({header: digest(text, fake)} if signs else {})}
        return msgspec.structs.replace(push, body=text.encode(), headers=headers)

    return Signing(text=lambda push: push.body.decode(), put=put)


def _put_usps(push: Push, text: str, fake: Any, signs: bool) -> Push:
    told = json.loads(push.body) | {"payload": text}
    digest = hmac.digest(fake.push_secret.encode(), (told["timestamp"] + text).encode(), "sha256")
    headers = {**push.headers, **({"x-hmac": base64.b64encode(digest).decode()} if signs else {})}
    return msgspec.structs.replace(push, body=json.dumps(told).encode(), headers=headers)


def _put_neutral(push: Push, text: str, fake: Any, signs: bool) -> Push:
    body = text.encode()
    key = base64.b64decode(fake.secrets[0].removeprefix("whsec_"))
    signed = b".".join((push.headers["webhook-id"].encode(), push.headers["webhook-timestamp"].encode(), body))
    signature = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    headers = {**push.headers, **({"webhook-signature": signature} if signs else {})}
    return msgspec.structs.replace(push, body=body, headers=headers)


def _md5(text: str) -> Any:
    return hashlib.md5(text.encode(), usedforsecurity=False)


def _base64_md5(text: str) -> str:
    return base64.b64encode(_md5(text).digest()).decode()


SIGNINGS: Mapping[str, Signing] = {
    "yto": _form("logistics_interface", "data_digest", lambda text, fake: _base64_md5(text + fake.push_secret)),
    "zto": _form("data", "data_digest", lambda text, fake: _base64_md5(text + fake.app_secret)),
    "sto": _form("content", "data_digest", lambda text, fake: _base64_md5(text + fake.secret)),
    "best": _form("bizData", "sign", lambda text, fake: _md5(text + fake.secret).hexdigest()),
    "yunda": _whole("sign", lambda text, fake: _md5(f"{text}_{fake.app_secret}").hexdigest()),
    "correios": _whole(
        "x-correios-signature",
        lambda text, fake: hmac.digest(fake.push_secret.encode(), text.encode(), "sha256").hex(),
    ),
    "usps": Signing(text=lambda push: str(json.loads(push.body)["payload"]), put=_put_usps),
    "neutral": Signing(text=lambda push: push.body.decode(), put=_put_neutral),
    # signs nothing: the key stands in the address
    "sf": Signing(
        text=lambda push: push.body.decode(),
        put=lambda push, text, fake, signs: msgspec.structs.replace(push, body=text.encode()),
    ),
}


# What can be done to a text


@st.composite
def changed_texts(draw: st.DrawFn, text: str) -> str:
    """The text with some things done to it: as letters, or as the JSON that it is."""
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from(_CHANGES))(draw, text)
    return text.encode(errors="replace").decode()


def _change_letters(draw: st.DrawFn, text: str) -> str:
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(start + 40, len(text))))
    put = draw(st.sampled_from([*ODD_TEXTS, text[start:end] * 2, ""]) | st.text(max_size=5))
    return text[:start] + put + text[end:]


def _cut(draw: st.DrawFn, text: str) -> str:
    return text[: draw(st.integers(0, len(text)))]


def _change_json(draw: st.DrawFn, text: str) -> str:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return _change_letters(draw, text)
    return _write(draw, _change_value(draw, told))


def _change_value(draw: st.DrawFn, value: Any) -> Any:
    inner = isinstance(value, (dict, list)) and value and draw(st.integers(0, 5))
    if isinstance(value, str) and value[:1] in ("{", "[") and draw(st.booleans()):
        return _change_json(draw, value)  # JSON in a text of JSON
    if not inner:
        return draw(st.sampled_from(ODD_VALUES) | _JSON)
    if isinstance(value, list):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], _change_value(draw, value[place]), *value[place + draw(st.integers(0, 1)) :]]
    name = draw(st.sampled_from(sorted(value)))
    how = draw(st.integers(0, 5))
    rest = {key: each for key, each in value.items() if key != name}
    if how == 0:
        return rest
    if how == 1:
        return {**rest, draw(st.sampled_from([name.upper(), name + " ", "", "__proto__"])): value[name]}
    return {**value, name: _change_value(draw, value[name])}


def _write(draw: st.DrawFn, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 4)) == 0 and text.startswith("{") and isinstance(value, dict) and value:
        name = draw(st.sampled_from(sorted(value)))  # a key that stands there twice
        return "{" + json.dumps(name) + ":" + json.dumps(draw(st.sampled_from(ODD_VALUES))) + "," + text[1:]
    return text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_CHANGES = (_change_letters, _cut, _change_json, _change_json)


@st.composite
def changed_bodies(draw: st.DrawFn, body: bytes) -> bytes:
    """The bytes of a push with some things done to them, and no regard for what they mean."""
    data = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        how = draw(st.integers(0, 5))
        if how == 0 and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif how == 1:
            del data[place:]
        elif how == 2:
            data[place:place] = draw(st.binary(max_size=6))
        elif how == 3:
            data[place:place] = data[: draw(st.integers(0, len(data)))]
        elif how == 4:
            data[place:place] = draw(st.sampled_from(ODD_TEXTS)).encode()
        else:
            pieces = bytes(data).split(b"&")
            one = draw(st.sampled_from(pieces))
            data = bytearray(
                b"&".join(draw(st.sampled_from([[*pieces, one], [one, *pieces], pieces[::-1], pieces[1:]])))
            )
    return bytes(data)
