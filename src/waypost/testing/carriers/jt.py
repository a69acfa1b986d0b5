"""A strict fake of J&T's open platform in China: tracks, their pushes, and orders with the inner digest.

The pages of its pushes in China are not public; they are those of its sister platforms abroad, unverified.
"""

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from waypost.testing.carriers.faking import Asked, Fake, FakeParcel, FakeScan, Refused, Told

_ZONE = ZoneInfo("Asia/Shanghai")
_CLOCK_MS = 10 * 60 * 1000
_SALT = "jadada236t2"
_ROOT = "/webopenplatformapi/api/"
_PEOPLE = ("name", "prov", "city", "area", "address")
#: What the sister platforms abroad call the same scans.
_ABROAD = {"快件揽收": 10, "发件扫描": 50, "到件扫描": 92, "出仓扫描": 94, "快件签收": 100}


class FakeJt(Fake):
    """See `Fake`. Its numbers are `JT` and thirteen digits.

    Attributes:
        pushes_object: the scan of a push is an object, and not a list of one.
    """

    name: ClassVar[str] = "jtexpress"

    def __init__(
        self,
        *,
        account: str = "100000000000000001",
        secret: str = "of-the-fake",
        customer: str = "J0000000001",
        password: str = "password-of-the-fake",
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.api_account, self.secret, self.customer, self.password = account, secret, customer, password
        self.pushes_object = False

    @property
    def api_url(self) -> str:
        """See `Fake`."""
        return f"{self.url}{_ROOT}".rstrip("/")

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        return {
            "api_account": self.api_account,
            "private_key": self.secret,
        }

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        if asked.method != "POST" or not asked.path.startswith(_ROOT):
            raise _no("145003012", "no interface permission", f"no such service: {asked.method} {asked.path}")
        for header, code in (("apiaccount", "145003051"), ("digest", "145003052"), ("timestamp", "145003053")):
            if not asked.headers.get(header):
                raise _no(code, f"{header} is empty", f"the header {header} is missing")
        if asked.headers["apiaccount"] != self.api_account:
            raise _no("145003010", "account does not exist", "apiAccount is not the customer's")
        act = _INTERFACES.get(asked.path.removeprefix(_ROOT))
        if act is None:
            raise _no("145003012", "no interface permission", f"no interface {asked.path}")
        stamp = asked.headers["timestamp"]
        if not re.fullmatch(r"[0-9]{13}", stamp) or abs(int(stamp) - self.clock()) > _CLOCK_MS:
            raise _no("145003050", "illegal parameters", "timestamp is no milliseconds, or more than ten minutes off")
        form = dict(parse_qsl(asked.body.decode(errors="replace"), keep_blank_values=True))
        text = form.get("bizContent", "")
        if not text or "application/x-www-form-urlencoded" not in asked.headers.get("content-type", ""):
            raise _no("145003050", "illegal parameters", "the body is no form with bizContent")
        if asked.headers["digest"] != _digest(text + self.secret):
            why = "digest is not that of the bizContent which was sent"
            raise _no("145003030", "headers signature verification failed", why)
        try:
            given = json.loads(text)
        except ValueError:
            raise _no("999001010", "input error", "bizContent is no JSON") from None
        if not isinstance(given, dict):
            raise _no("999001010", "input error", "bizContent is no object")
        return _json({"code": "1", "msg": "success", "data": getattr(self, act)(given)})

    def _check_inner(self, given: dict[str, Any]) -> None:
        """The second digest, that of the customer and its password."""
        password = hashlib.md5((self.password + _SALT).encode(), usedforsecurity=False).hexdigest().upper()
        wanted = _digest((self.customer + password).upper() + self.secret)
        if given.get("customerCode") != self.customer or given.get("digest") != wanted:
            raise _no("999001030", "customerCode or password is wrong", "customerCode or the inner digest is wrong")

    def _trace(self, given: dict[str, Any]) -> Any:
        codes = given.get("billCodes")
        if not isinstance(codes, str) or not codes:
            raise _no("145003050", "illegal parameters", "billCodes is a text with commas")
        numbers = codes.split(",")
        if len(numbers) > 30:
            raise _no("145003502", "more than 30 numbers", f"{len(numbers)} numbers: at most 30")
        for number in numbers:
            if not re.fullmatch(r"(JT|UT)[0-9]{13}", number):
                raise _no("145003100", "illegal waybill number", f"{number!r} is no number of J&T")
        return [
            {"billCode": number, "details": [_detail(scan) for scan in _newest_first(self.parcels[number].scans)]}
            for number in numbers
            if number in self.parcels and self.parcels[number].scans
        ]

    def _subscribe(self, given: dict[str, Any]) -> Any:
        if given.get("id") != self.api_account:
            raise _no("999001010", "input error", "id is the apiAccount")
        wanted = given.get("list")
        if not isinstance(wanted, list) or not wanted:
            raise _no("145003050", "illegal parameters", "list is a list of waybills")
        for one in wanted:
            if not isinstance(one, dict) or str(one.get("waybillCode")) not in self.parcels:
                raise _no("999002000", "data not found", f"no such waybill: {one!r:.60}")
            if not re.fullmatch(r"[0-9]{1,2}(&[0-9]{1,2})*", str(one.get("traceNode"))):
                raise _no("145003050", "illegal parameters", "traceNode is numbers with & between them")
        for one in wanted:
            self.parcels[one["waybillCode"]].is_subscribed = True
        return None

    def _order(self, given: dict[str, Any]) -> Any:
        self._check_inner(given)
        reference = given.get("txlogisticId")
        if not isinstance(reference, str) or not reference:
            raise _no("145003083", "missing fields", "txlogisticId is missing")
        for who in ("sender", "receiver"):
            person = given.get(who)
            if not isinstance(person, dict) or not (person.get("mobile") or person.get("phone")):
                raise _no("145003084", "missing fields", f"{who} has no telephone")
            for part in _PEOPLE:
                if not str(person.get(part) or "").strip():
                    raise _no("145003084", "missing fields", f"{who}.{part} is missing")
        if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2})?", str(given.get("weight"))):
            raise _no("145003050", "illegal parameters", "weight is in kilograms, 0.01 to 30")
        if not 0.01 <= float(given["weight"]) <= 30:
            raise _no("145003050", "illegal parameters", "weight is in kilograms, 0.01 to 30")
        if any(parcel.reference == reference for parcel in self.parcels.values()):
            raise _no("145003204", "duplicate order", f"{reference} was used")
        return {"txlogisticId": reference, "billCode": self.make(reference).number}

    def _orders(self, given: dict[str, Any]) -> Any:
        self._check_inner(given)
        wanted = given.get("serialNumber")
        if given.get("command") not in (1, 2) or not isinstance(wanted, list):
            raise _no("145003050", "illegal parameters", "command is 1 or 2, serialNumber a list")
        found = [
            parcel
            for parcel in self.parcels.values()
            if (parcel.reference if given["command"] == 1 else parcel.number) in wanted
        ]
        if not found:
            raise _no("145003101", "order not found", f"none of {wanted!r:.60}")
        return [{"txlogisticId": parcel.reference, "billCode": parcel.number} for parcel in found]

    def _cancel(self, given: dict[str, Any]) -> Any:
        self._check_inner(given)
        if not given.get("reason"):
            raise _no("145003092", "missing fields", "reason is missing")
        for parcel in self.parcels.values():
            if parcel.reference == given.get("txlogisticId"):
                if parcel.is_cancelled or parcel.scans:
                    raise _no("999010010", "order status can not be cancel", "it was picked up or cancelled")
                parcel.is_cancelled = True
                return {"txlogisticId": parcel.reference, "billCode": parcel.number}
        raise _no("999002000", "data not found", f"no order {given.get('txlogisticId')!r}")

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`. Signed is the text of the form; not the time in the head."""
        details: Any = [
            {
                **_detail(scan),
                "billCode": parcel.number,
                "scanTypeCode": _ABROAD.get(scan.code),
                "scanTypeName": scan.code,
                "scanByName": "小哥",
                "weight": 1.2,
            }
            for scan in scans
        ]
        if self.pushes_object and len(details) == 1:
            (details,) = details
        data = {"billCode": parcel.number, "txlogisticId": parcel.reference, "details": details}
        text = json.dumps(data, ensure_ascii=False)
        return Asked(
            method="POST",
            path="",
            query={},
            headers={
                "content-type": "application/x-www-form-urlencoded",
                "apiaccount": self.api_account,
                "digest": _digest(text + self.secret),
                "timestamp": str(self.clock()),
            },
            body=urlencode({"bizContent": text}).encode(),
        )

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`."""
        try:
            told = json.loads(body)
        except ValueError:
            return False
        return status == 200 and isinstance(told, dict) and told.get("code") == "1"

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return f"JT{count:013d}"

    def over_quota(self) -> Told:
        """See `Fake`: its code for it is not public."""
        return _no("145003050", "too many calls", "").told


_INTERFACES = {
    "logistics/trace": "_trace",
    "trace/subscribe": "_subscribe",
    "order/v2/addOrder": "_order",
    "order/addOrder": "_order",
    "order/getOrders": "_orders",
    "order/cancelOrder": "_cancel",
}


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.md5(text.encode(), usedforsecurity=False).digest()).decode()


def _newest_first(scans: list[FakeScan]) -> list[FakeScan]:
    return sorted(scans, key=lambda scan: -scan.at_ms)


def _detail(scan: FakeScan) -> dict[str, Any]:
    local = dt.datetime.fromtimestamp(scan.at_ms / 1000, _ZONE).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "scanTime": local,
        "desc": f"【{scan.city}】【{scan.facility}】{scan.code}，联系电话 057187654321",
        "scanType": scan.code,
        "problemType": None,
        "scanNetworkName": scan.facility,
        "scanNetworkId": scan.facility_code,
        "scanNetworkProvince": "浙江省",
        "scanNetworkCity": scan.city,
        "scanNetworkArea": "萧山区",
        "staffName": "小哥",
        "staffContact": "057187654321",
        "scanNetworkContact": "057187654321",
    }


def _no(code: str, message: str, why: str) -> Refused:
    return Refused(_json({"code": code, "msg": message, "data": None}), why)


def _json(value: Any) -> Told:
    return Told(body=json.dumps(value, ensure_ascii=False).encode())
