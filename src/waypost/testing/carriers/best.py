"""A strict fake of Best's kd interface, JSON form.

Its error codes, its limits and what it answers to a cancellation are not public: the words for them here are our own.
"""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from waypost.testing.carriers.faking import Asked, Fake, FakeParcel, FakeScan, Refused, Repeat, Told
from waypost.testing.carriers.paper import write_pdf

_ZONE = ZoneInfo("Asia/Shanghai")
_PDF = write_pdf("fake waybill of Best")
_FIELDS = ("serviceType", "bizData", "partnerID", "messageType", "sign")


class FakeBest(Fake):
    """See `Fake`. Its numbers have fourteen digits.

    Attributes:
        glues: it writes `SYSTEM_ERROR` before the JSON of every answer.
        pushes_text: times of pushes are local texts, and not milliseconds.
    """

    name: ClassVar[str] = "best"
    repeats: ClassVar[tuple[Repeat, ...]] = (Repeat.SAME, Repeat.REFUSED)

    def __init__(self, *, partner: str = "FAKEPARTNER", secret: str = "of-the-fake", **more: Any) -> None:
        super().__init__(**more)
        self.partner, self.secret = partner, secret
        self.glues, self.pushes_text = False, False

    @property
    def api_url(self) -> str:
        """See `Fake`."""
        return f"{self.url}/kd/api/process"

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        return {"partner_id": self.partner, "partner_key": self.secret}

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        try:
            told = _json(self._act(asked))
        except Refused as refused:
            if not self.glues:
                raise
            raise Refused(_glue(refused.told), refused.why) from None
        return _glue(told) if self.glues else told

    def _act(self, asked: Asked) -> Any:
        if (asked.method, asked.path) != ("POST", "/kd/api/process"):
            raise _no("NO_SUCH_SERVICE", f"no such service: {asked.method} {asked.path}")
        if "application/x-www-form-urlencoded" not in asked.headers.get("content-type", ""):
            raise _no("NO_FORM", "the body is no form")
        form = dict(parse_qsl(asked.body.decode(errors="replace"), keep_blank_values=True))
        for part in _FIELDS:
            if not form.get(part):
                raise _no("MISSING", f"the form lacks {part}")
        if form["partnerID"] != self.partner:
            raise _no("NO_SUCH_PARTNER", f"no partner {form['partnerID']!r}")
        if form["messageType"] != "JSON":
            raise _no("MESSAGE_TYPE", "this fake reads JSON only")
        if form["sign"] != self._sign(form["bizData"]):
            raise _no("SIGN", "sign is not that of the bizData which was sent")
        act = _SERVICES.get(form["serviceType"])
        if act is None:
            raise _no("NO_SUCH_SERVICE", f"no service {form['serviceType']!r}")
        try:
            given = json.loads(form["bizData"])
        except ValueError:
            raise _no("NO_JSON", "bizData is no JSON") from None
        if not isinstance(given, dict):
            raise _no("NO_JSON", "bizData is no object")
        return getattr(self, act)(given)

    def _sign(self, text: str) -> str:
        return hashlib.md5((text + self.secret).encode(), usedforsecurity=False).hexdigest()

    def _create(self, given: dict[str, Any]) -> dict[str, Any]:
        reference = given.get("txLogisticId")
        if not isinstance(reference, str) or not reference:
            raise _no("TX_LOGISTIC_ID", "txLogisticId is missing")
        for who in ("sender", "receiver"):
            person = given.get(who)
            if not isinstance(person, dict):
                raise _no("PEOPLE", f"{who} is missing")
            for part in ("name", "mobile", "prov", "city", "county", "address"):
                if not str(person.get(part) or "").strip():
                    raise _no("PEOPLE", f"{who}.{part} is missing")
        goods = given.get("items")
        listed = goods.get("item") if isinstance(goods, dict) else None
        listed = [listed] if isinstance(listed, dict) else listed
        if (
            not isinstance(listed, list)
            or not listed
            or not all(isinstance(g, dict) and g.get("itemName") for g in listed)
        ):
            raise _no("ITEMS", "items.item is one thing with an itemName, or a list of them")
        weight = given.get("itemsWeight", given.get("itemWeight"))
        try:
            if not 0 < float(weight) <= 1000:  # type: ignore[arg-type]
                raise ValueError(weight)
        except (TypeError, ValueError):
            raise _no("WEIGHT", "itemsWeight is in kilograms") from None
        if self.find_reference(reference) and self.on_repeat is Repeat.REFUSED:
            raise _no("EXISTS", f"{reference} was used already")
        parcel = self.make(reference)
        if parcel.is_cancelled:
            raise _no("CANCELLED", f"{reference} was cancelled")
        return {"result": True, "txLogisticId": reference, "triSortCode": "571-00-00", "mailNo": parcel.number}

    def _create_with_pdf(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**self._create(given), "pdfStream": base64.b64encode(_PDF).decode()}

    def _cancel(self, given: dict[str, Any]) -> dict[str, Any]:
        reference = given.get("txLogisticId")
        parcel = next((parcel for parcel in self.parcels.values() if parcel.reference == reference), None)
        if parcel is None:
            raise _no("NO_SUCH_ORDER", f"no order {reference!r}")
        if not given.get("reason"):
            raise _no("REASON", "reason is missing")
        if parcel.scans:
            raise _no("PICKED_UP", f"{reference} was picked up")
        parcel.is_cancelled = True
        return {"result": True, "txLogisticId": reference}

    def _trace(self, given: dict[str, Any]) -> dict[str, Any]:
        listed = given.get("mailNos")
        numbers = listed.get("mailNo") if isinstance(listed, dict) else None
        if not isinstance(numbers, list) or not numbers or not all(isinstance(one, str) for one in numbers):
            raise _no("MAIL_NOS", "mailNos.mailNo is a list of numbers")
        logs = [
            {
                "mailNo": number,
                "check": True,
                "problems": {"problem": []},
                "traces": {"trace": [_step(scan) for scan in sorted(parcel.scans, key=lambda scan: -scan.at_ms)]},
            }
            for number in numbers
            if (parcel := self.parcels.get(number)) and parcel.scans
        ]
        return {"result": True, "remark": None, "errorCode": None, "errorDescription": None, "traceLogs": logs}

    def _subscribe(self, given: dict[str, Any]) -> dict[str, Any]:
        parcel = self.parcels.get(str(given.get("mailNo")))
        if parcel is None:
            raise _no("NO_SUCH_WAYBILL", f"no waybill {given.get('mailNo')!r}")
        parcel.is_subscribed = True
        return {"result": True}

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`: one scan. What is signed escapes what JSON need not."""
        (scan,) = scans
        data = {
            "txLogisticId": parcel.reference,
            "mailNo": parcel.number,
            "packageStatusCode": scan.code,
            "statusCodeDesc": scan.code.replace("_", " "),
            "operateTime": _local(scan.at_ms) if self.pushes_text else scan.at_ms,
            "currentCity": scan.city,
            "nextCity": None,
            "weight": "1.0",
            "pushTime": _local(self.clock()) if self.pushes_text else self.clock(),
            "remark": f"{scan.city}【{scan.facility}】 1/1",
            "receiverType": None,
            "receiverName": None,
            "receiverSignature": None,
            "receiverImage": None,
        }
        text = json.dumps(data).replace("/", "\\/")
        form = {
            "serviceType": "KD_ORDER_STATUS_PUSH",
            "partnerID": self.partner,
            "bizData": text,
            "sign": self._sign(text),
        }
        return Asked(
            method="POST",
            path="",
            query={},
            headers={"content-type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
        )

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`."""
        try:
            told = json.loads(body)
        except ValueError:
            return False
        return status == 200 and isinstance(told, dict) and told.get("result") is True

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return f"6{count:013d}"

    def asked_code(self, code: str) -> str:
        """See `Fake`: pushes have words of the order, answers those of the trade."""
        return _SCAN_TYPES.get(code, code)

    def over_quota(self) -> Told:
        """See `Fake`."""
        return _no("TOO_MANY_CALLS", "").told


_SERVICES = {
    "KD_CREATE_WAYBILL_ORDER_NOTIFY": "_create",
    "KD_CREATE_WAYBILL_ORDER_PDF_NOTIFY": "_create_with_pdf",
    "KD_CANCEL_ORDER_NOTIFY": "_cancel",
    "KD_TRACE_QUERY": "_trace",
    "KD_SCAN_REGISTER_NOTIFY": "_subscribe",
}


_SCAN_TYPES = {"order_success": "收件", "out_for_delivery": "派件", "delivered": "签收"}


def _step(scan: FakeScan) -> dict[str, Any]:
    code = _SCAN_TYPES.get(scan.code, scan.code)
    remark = f"{scan.city}【{scan.facility}】{code}，联系电话 057187654321"
    return {
        "acceptTime": _local(scan.at_ms),
        "acceptAddress": scan.city,
        "scanType": code,
        "remark": remark,
    }


def _local(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000, _ZONE).strftime("%Y-%m-%d %H:%M:%S")


def _no(code: str, why: str) -> Refused:
    return Refused(_json({"result": False, "remark": why, "errorCode": code, "errorDescription": why}), why)


def _glue(told: Told) -> Told:
    return Told(body=b"SYSTEM_ERROR" + told.body)


def _json(value: Any) -> Told:
    return Told(body=json.dumps(value, ensure_ascii=False).encode())
