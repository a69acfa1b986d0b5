"""J&T Express in China (极兔速递): tracks only.

A scan is known by `scanType`, words in China (快件揽收), and a scan of trouble by `problemType` besides. The numbers
of other countries (`scanTypeCode`) are another set: a 10 there is no delivery.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.answers import read, write
from waypost.carriers.calling import Call, Caller
from waypost.carriers.rows import Scan, seen_of
from waypost.carriers.signatures import sign_jt
from waypost.track.carriers import Asked, CarrierRefused, Seen, Unsupported

_TRACK = "logistics/trace"
_DONE = "1"
#: No data; and, of one that was asked for, no such number or order.
_NOTHING, _STRANGE = "999002000", ("145003100", "145003101")


class _Detail(msgspec.Struct, frozen=True, gc=False):
    scanTime: str
    scanType: str | int | None = None
    scanTypeCode: str | int | None = None
    problemType: str | None = None
    scanNetworkId: str | int | None = None
    scanNetworkName: str | None = None
    scanNetworkCity: str | None = None


class _Of(msgspec.Struct, frozen=True):
    billCode: str
    details: list[_Detail] | _Detail | None = None

    @property
    def scans(self) -> list[Scan]:
        told = [self.details] if isinstance(self.details, _Detail) else self.details or []
        return [(self.billCode, _code(each), each.scanTime, _place(each)) for each in told]


class _Answer(msgspec.Struct, frozen=True):
    code: str | int
    msg: str | None = None
    data: list[_Of] | None = None


class Jt:
    """Asks at one account."""

    carrier = "jtexpress"
    most_at_once = 30

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account

    def track(self, asked: Sequence[Asked]) -> Seen:
        """See `TrackSource`."""
        channel = self._caller.channel(_TRACK)
        told = self._ask({"billCodes": ",".join(each.number for each in asked)})
        if str(told.code) == _DONE:
            return seen_of(self.carrier, asked, [scan for each in told.data or () for scan in each.scans], channel)
        why = self._caller.mask(told.msg or "no reason given")
        if str(told.code) == _NOTHING or (len(asked) == 1 and str(told.code) in _STRANGE):
            return seen_of(self.carrier, asked, [], channel, {each.number: why for each in asked})
        raise CarrierRefused(f"refused: {why}", channel=channel, carrier_code=str(told.code))

    def subscribe(self, asked: Sequence[Asked]) -> Mapping[str, str]:
        """See `TrackSource`."""
        raise Unsupported("how J&T is asked to push in China is not public")

    def _ask(self, content: Mapping[str, Any]) -> _Answer:
        text = write(content)
        answer = self._caller.call(
            Call(
                operation=_TRACK,
                path=f"/{_TRACK}",
                query={"uuid": uuid} if (uuid := self._account.get("uuid", "")) else {},
                headers={
                    "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
                    "apiAccount": self._account.get("api_account"),
                    "digest": sign_jt(text, self._account.secret("private_key")),
                    "timestamp": str(self._caller.hours.now_ms()),
                },
                body=urlencode({"bizContent": text}).encode(),
                is_repeatable=True,
            )
        )
        return read(answer, _Answer, self._caller.channel(_TRACK))


def _code(detail: _Detail) -> str | None:
    if detail.problemType:
        return f"problem:{detail.problemType}"
    if detail.scanType not in (None, ""):
        return f"scan:{detail.scanType}"
    return None if detail.scanTypeCode in (None, "") else f"type:{detail.scanTypeCode}"


def _place(detail: _Detail) -> str | None:
    told = detail.scanNetworkId or detail.scanNetworkName or detail.scanNetworkCity
    return str(told) if told else None


ADAPTER = Adapter(
    carrier="jtexpress",
    make=Jt,
    settings={"api_account": "apiAccount", "uuid": "of the test console, at its host alone"},
    secrets={"private_key": "privateKey (私钥)"},
    optional=frozenset({"uuid"}),
    operations={Operation.TRACK: Evidence.TWO_SOURCES},
    url="https://openapi.jtexpress.com.cn/webopenplatformapi/api",
    test_url="https://uat-openapi.jtexpress.com.cn/webopenplatformapi/api",
)
