"""Signatures of Standard Webhooks, as both those who send and those who receive reckon them.

What is signed is `id.timestamp.body`, the body byte by byte as it goes over the wire; the timestamp is Unix seconds.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from waypost.model.checks import Check, ObjectCheck
from waypost.model.decoding import convert
from waypost.model.errors import BadInput

PREFIX = "whsec_"
#: Bytes of a key. The specification wants 24 at the least, and its own examples have 18.
SHORTEST, LONGEST = 16, 64


def sign_standard(id_: str, timestamp_s: int, body: bytes, secret: str) -> str:
    """One `webhook-signature`; the secret is base64, with or without `whsec_` before it.

    Raises:
        BadInput: the secret is no base64 of 16 to 64 bytes.
    """
    key = read_secret(secret)
    if not SHORTEST <= len(key) <= LONGEST:
        raise _no_secret()
    return sign_with(key, id_, timestamp_s, body)


def sign_with(key: bytes, id_: str, timestamp_s: int, body: bytes) -> str:
    """The same under the bytes of a key, however many."""
    digest = hmac.digest(key, f"{id_}.{timestamp_s}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def read_secret(secret: str) -> bytes:
    """The bytes of a key, from base64 with or without `whsec_` before it and `=` behind it.

    Raises:
        BadInput: it is no base64, or nothing.
    """
    text = secret.removeprefix(PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _no_secret() from None
    if not key:
        raise _no_secret()
    return key


def write_secret(key: bytes) -> str:
    """A key as people pass it on."""
    return PREFIX + base64.b64encode(key).decode()


class SignatureVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The signature, or the reason why there is none."""

    signature: str | None
    reason: str | None = None


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a check of a webhook's signature is asked; `timestamp` is Unix seconds."""

    id: str
    timestamp: int
    payload: str
    secret: str


def check_standard_signature(asked: Mapping[str, Any]) -> SignatureVerdict:
    """The `webhook-signature` of Standard Webhooks."""
    try:
        signed = convert(asked, Signed, strict=False)
        key = read_secret(signed.secret)
        signature = sign_with(key, signed.id, signed.timestamp, signed.payload.encode())
    except (msgspec.ValidationError, BadInput, UnicodeEncodeError) as fault:
        return SignatureVerdict(signature=None, reason=str(fault))
    return SignatureVerdict(signature=signature)


#: What can be checked of them.
CHECKS: Mapping[str, Check] = MappingProxyType({"standard_webhooks.sign": ObjectCheck(check_standard_signature)})


def _no_secret() -> BadInput:
    return BadInput(
        f"the secret is no base64 of {SHORTEST} to {LONGEST} bytes",
        mend='Make one by: echo "whsec_$(openssl rand -base64 32)".',
    )
