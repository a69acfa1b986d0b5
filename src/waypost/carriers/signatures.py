"""How carriers sign: one function each, over the exact text that is sent.

Sign what goes over the wire, never what some other program would write for the same value: another order of keys or
another way to escape a character is another text. Each function gives the signature as it stands in the request.

================  ==============================================  =========================================
carrier           formula                                         how well it is known
================  ==============================================  =========================================
yto               base64 md5 (param + method + version + secret)  the vendor's package and its examples
sto               base64 md5 (content + secret)                   two open clients that agree
zto               digest ([time +] body + secret): `sign_zto`     the vendor's package
best              hex md5 (body + secret)                         six open clients that agree
cainiao_link      base64 md5 (body + secret)                      two open clients that agree
sf                base64 md5 or sm3, see `sign_sf`                two open clients that agree
jt                base64 md5 (body + secret)                      two open clients that agree
yunda             hex md5 (body + "_" + secret)                   the vendor's package, at second hand
kuaidi100         HEX md5 (param + secret + customer)             the vendor's examples
kdniao            base64 of hex md5 (data + secret)               two open clients that agree
neutral           `v1,` base64 hmac-sha256, see `standard_webhooks`   the specification and its examples
================  ==============================================  =========================================
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote_plus

import msgspec
from cryptography.hazmat.primitives.hashes import SM3, Hash

from waypost.model.checks import Check, ObjectCheck
from waypost.model.decoding import convert
from waypost.model.errors import BadInput

ZtoMode = Literal["md5", "sha256", "hmac_sha256"]
SfMode = Literal["simple_md5", "standard_md5", "sm3"]


def sign_yto(param: str, method: str, version: str, secret: str) -> str:
    """YTO; `method` and `version` as they stand in the path."""
    return _base64_md5(param + method + version + secret)


def sign_sto(content: str, secret: str) -> str:
    """STO's `data_digest`."""
    return _base64_md5(content + secret)


def sign_zto(
    body: str,
    secret: str,
    mode: ZtoMode = "md5",
    timestamp: str = "",
    *,
    key: str = "",
    is_base64: bool = True,
) -> str:
    """ZTO's `x-dataDigest`; `mode` is chosen in its console, `timestamp` (`x-timestamp`, ms) stands in front.

    The secret ends the text in all modes. `key` is that of `hmac_sha256`, a second secret of its own. Either way it is
    written as base64, or as hexadecimal digits in small letters.
    """
    text = (timestamp + body + secret).encode()
    if mode == "hmac_sha256":
        digest = hmac.digest(key.encode(), text, "sha256")
    else:
        digest = hashlib.new(mode, text, usedforsecurity=False).digest()
    return _base64(digest) if is_base64 else digest.hex()


def sign_best(body: str, secret: str) -> str:
    """BEST's `sign` of `bizData`."""
    return _md5(body + secret).hex()


def sign_cainiao_link(body: str, secret: str) -> str:
    """Cainiao LINK's `data_digest` of `logistics_interface`."""
    return _base64_md5(body + secret)


def sign_sf(body: str, timestamp: str, secret: str, mode: SfMode = "standard_md5") -> str:
    """SF's `msgDigest` of `msgData`: of the text as it is, or as a form writes it (`standard_md5`)."""
    text = body + timestamp + secret
    if mode == "sm3":
        digest = Hash(SM3())
        digest.update(text.encode())
        return _base64(digest.finalize())
    return _base64_md5(_as_java_writes_forms(text) if mode == "standard_md5" else text)


def sign_jt(body: str, secret: str) -> str:
    """J&T's `digest` of `bizContent`."""
    return _base64_md5(body + secret)


def sign_yunda(body: str, secret: str) -> str:
    """Yunda's `sign`. The time beside it (`req-time`) is not signed."""
    return _md5(f"{body}_{secret}").hex()


def sign_kuaidi100(param: str, secret: str, customer: str) -> str:
    """Kuaidi100's `sign` of a query."""
    return _md5(param + secret + customer).hex().upper()


def sign_kdniao(data: str, secret: str) -> str:
    """Kdniao's `DataSign`: base64 of the hexadecimal digits, not of the bytes."""
    return _base64(_md5(data + secret).hex().encode())


def is_same(told: str, expected: str) -> bool:
    """Whether a signature is the expected one, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(told.encode("utf-8", "surrogatepass"), expected.encode())


class Digest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The signature, or the reason why there is none."""

    digest: str | None
    reason: str | None = None


class _Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a check of a signature is asked."""

    payload: str
    secret: str
    method: str = ""
    version: str = ""
    timestamp: str | int = ""
    customer: str = ""
    mode: str = ""


def _check(sign: Callable[[_Signed], str]) -> Check:
    def check(asked: Mapping[str, Any]) -> Digest:
        try:
            return Digest(digest=sign(convert(asked, _Signed)))
        except (msgspec.ValidationError, BadInput, UnicodeEncodeError) as fault:
            return Digest(digest=None, reason=str(fault))

    return ObjectCheck(check)


def _mode(asked: _Signed, known: tuple[str, ...]) -> str:
    mode = asked.mode or known[0]
    if mode not in known:
        raise BadInput(f"mode has to be one of {', '.join(known)}")
    return mode


def _check_zto(asked: _Signed) -> str:
    mode = _mode(asked, ("md5", "sha256", "hmac_sha256"))
    # a check has one secret: it is the key as well
    return sign_zto(asked.payload, asked.secret, mode, str(asked.timestamp), key=asked.secret)  # type: ignore[arg-type]


def _check_sf(asked: _Signed) -> str:
    mode = _mode(asked, ("standard_md5", "simple_md5", "sm3"))
    return sign_sf(asked.payload, str(asked.timestamp), asked.secret, mode)  # type: ignore[arg-type]


#: The kinds of check of this room.
CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "yto.sign": _check(lambda asked: sign_yto(asked.payload, asked.method, asked.version, asked.secret)),
        "sto.sign": _check(lambda asked: sign_sto(asked.payload, asked.secret)),
        "zto.sign": _check(_check_zto),
        "sf.sign": _check(_check_sf),
        "cainiao_link.sign": _check(lambda asked: sign_cainiao_link(asked.payload, asked.secret)),
        "best.sign": _check(lambda asked: sign_best(asked.payload, asked.secret)),
        "jt.sign": _check(lambda asked: sign_jt(asked.payload, asked.secret)),
        "yunda.sign": _check(lambda asked: sign_yunda(asked.payload, asked.secret)),
        "kuaidi100.sign": _check(lambda asked: sign_kuaidi100(asked.payload, asked.secret, asked.customer)),
        "kdniao.sign": _check(lambda asked: sign_kdniao(asked.payload, asked.secret)),
    }
)


def _as_java_writes_forms(text: str) -> str:
    """As Java's URLEncoder: a blank becomes `+`, an asterisk stays, and a tilde does not."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def _md5(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def _base64_md5(text: str) -> str:
    return _base64(_md5(text))


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
