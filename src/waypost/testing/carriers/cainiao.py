"""A strict fake of Cainiao LINK: electronic waybills.

How LINK answers a question for tracks, and how it pushes them, is not public. Questions for tracks are refused; a push
is a mirror of LINK's own envelope, by guess.
"""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from waypost.testing.carriers.faking import Asked, Fake, FakeParcel, FakeScan, Refused, Told

_ZONE = ZoneInfo("Asia/Shanghai")
_FORM = ("msg_type", "logistic_provider_id", "data_digest", "logistics_interface")


class FakeCainiao(Fake):
    """See `Fake`. Its waybills are those of STO: `77` and thirteen digits.

    Attributes:
        guesses: it pushes, though nobody outside knows how Cainiao does it; else it refuses to.
        turns_true: success is the text "true", as LINK mostly has it, or else the boolean.
    """

    name: ClassVar[str] = "cainiao"

    def __init__(
        self,
        *,
        token: str = "00000000000000000000000000000fab",
        secret: str = "of-the-fake",
        cp_code: str = "STO",
        guesses: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.token, self.secret, self.cp_code, self.guesses = token, secret, cp_code, guesses
        self.turns_true = True

    @property
    def api_url(self) -> str:
        """See `Fake`."""
        return f"{self.url}/gateway/link.do"

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        return {
            "token": self.token,
            "secret": self.secret,
            "cp_code": self.cp_code,
            "template_url": "http://cloudprint.cainiao.com/template/standard/0",
            "user_id": "10000",
        }

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        if (asked.method, asked.path) != ("POST", "/gateway/link.do"):
            raise self._no("S01", "请求地址错误", f"no such service: {asked.method} {asked.path}")
        if "application/x-www-form-urlencoded" not in asked.headers.get("content-type", ""):
            raise self._no("S01", "请求格式错误", "the body is no form")
        form = dict(parse_qsl(asked.body.decode(errors="replace"), keep_blank_values=True))
        for part in _FORM:
            if not form.get(part):
                raise self._no("S01", f"{part}不能为空", f"the form lacks {part}")
        if form["logistic_provider_id"] != self.token:
            raise self._no("S01", "资源code不存在", "logistic_provider_id is not the token of the customer")
        if form["data_digest"] != self._sign(form["logistics_interface"]):
            why = "data_digest is not that of the text which was sent"
            if " " in form["data_digest"]:
                why += ": a + was not percent-encoded"
            message = "验签或加密失败:digist sign check not pass"
            raise Refused(_json({"success": False, "errorCode": "S02", "errorMsg": message}), why)
        act = _TYPES.get(form["msg_type"])
        if act is None:
            raise self._no("S03", "msg_type不支持", f"it is not public what {form['msg_type']!r} answers")
        try:
            given = json.loads(form["logistics_interface"])
        except ValueError:
            raise self._no("S04", "报文格式错误", "logistics_interface is no JSON") from None
        if not isinstance(given, dict):
            raise self._no("S04", "报文格式错误", "logistics_interface is no object")
        if given.get("cpCode") != self.cp_code:
            raise self._no("S04", "cpCode错误", f"no contract with {given.get('cpCode')!r}")
        return _json({"success": "true" if self.turns_true else True, **getattr(self, act)(given)})

    def _sign(self, text: str) -> str:
        digest = hashlib.md5((text + self.secret).encode(), usedforsecurity=False).digest()
        return base64.b64encode(digest).decode()

    def _get(self, given: dict[str, Any]) -> dict[str, Any]:
        self._check_person(given.get("sender"), "sender")
        orders = given.get("tradeOrderInfoDtos")
        if not isinstance(orders, list) or not 1 <= len(orders) <= 10 or not all(isinstance(o, dict) for o in orders):
            raise self._no("S04", "tradeOrderInfoDtos错误", "tradeOrderInfoDtos has 1 to 10 orders")
        for order in orders:
            self._check_order(order)
        told = []
        for order in orders:
            parcel = self.make(str(order["orderInfo"]["tradeOrderList"][0]))
            if parcel.is_cancelled:
                raise self._no("S05", "面单已取消", f"{parcel.number} was given back")
            printed = {
                "encryptedData": base64.b64encode(parcel.number.encode()).decode(),
                "signature": "MD:fake",
                "templateURL": order["templateUrl"],
                "ver": "waybill_print_secret_version_1",
            }
            data = json.dumps(printed, ensure_ascii=False)
            told.append({"objectId": order["objectId"], "waybillCode": parcel.number, "printData": data})
        return {"waybillCloudPrintResponseList": told}

    def _check_person(self, given: Any, who: str) -> None:
        if not isinstance(given, dict) or not str(given.get("name") or "").strip():
            raise self._no("S04", f"{who}.name不能为空", f"{who}.name is missing")
        if not given.get("mobile") and not given.get("phone"):
            raise self._no("S04", f"{who}.mobile不能为空", f"{who} has neither mobile nor phone")
        place = given.get("address")
        if not isinstance(place, dict):
            raise self._no("S04", f"{who}.address不能为空", f"{who}.address is missing")
        for part in ("province", "detail"):
            if not str(place.get(part) or "").strip():
                raise self._no("S04", f"{who}.address.{part}不能为空", f"{who}.address.{part} is missing")

    def _check_order(self, given: dict[str, Any]) -> None:
        for part in ("objectId", "userId", "templateUrl"):
            if not given.get(part):
                raise self._no("S04", f"{part}不能为空", f"an order lacks {part}")
        self._check_person(given.get("recipient"), "recipient")
        about = given.get("orderInfo")
        if not isinstance(about, dict) or not about.get("orderChannelsType"):
            raise self._no("S04", "orderInfo错误", "orderInfo.orderChannelsType is missing")
        numbers = about.get("tradeOrderList")
        if not isinstance(numbers, list) or not 1 <= len(numbers) <= 100:
            raise self._no("S04", "tradeOrderList错误", "tradeOrderList has 1 to 100 numbers")
        piece = given.get("packageInfo")
        if not isinstance(piece, dict):
            raise self._no("S04", "packageInfo错误", "packageInfo is missing")
        goods = piece.get("items")
        if not isinstance(goods, list) or not goods:
            raise self._no("S04", "packageInfo错误", "packageInfo.items is missing")
        if not all(isinstance(one, dict) and one.get("name") and one.get("count") for one in goods):
            raise self._no("S04", "packageInfo错误", "an item has name and count")
        for part in ("weight", "volume"):
            size = piece.get(part, 1)
            if isinstance(size, bool) or not isinstance(size, int) or size < 0:
                raise self._no("S04", f"{part}错误", f"{part} is whole grams or millilitres")

    def _discard(self, given: dict[str, Any]) -> dict[str, Any]:
        parcel = self.parcels.get(str(given.get("waybillCode")))
        if parcel is None:
            raise self._no("S05", "面单不存在", f"no waybill {given.get('waybillCode')!r}")
        if parcel.scans:
            raise self._no("S05", "面单已揽收", f"{parcel.number} was picked up")
        parcel.is_cancelled = True
        return {"discardResult": "true" if self.turns_true else True}

    def _list_contracts(self, given: dict[str, Any]) -> dict[str, Any]:
        branch = {
            "branchCode": "571001",
            "branchName": "萧山网点",
            "branchStatus": 2,
            "allocatedQuantity": 1000 + len(self.parcels),
            "printQuantity": len(self.parcels),
            "cancelQuantity": sum(parcel.is_cancelled for parcel in self.parcels.values()),
            "shippAddressCols": [{"province": "浙江省", "city": "杭州市", "district": "萧山区", "detail": "建设一路"}],
            "serviceInfoCols": [{"serviceCode": "SVC-COD", "serviceName": "代收货款"}],
        }
        contract = {"cpCode": given["cpCode"], "cpType": 1, "branchAccountCols": [branch]}
        return {"waybillApplySubscriptionCols": [contract]}

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`: one scan; envelope and fields are a guess.

        Raises:
            NotImplementedError: it does not guess.
        """
        if not self.guesses:
            raise NotImplementedError("it is not public how Cainiao LINK pushes")
        (scan,) = scans
        data = {
            "cpCode": self.cp_code,
            "mailNo": parcel.number,
            "action": scan.code,
            "time": dt.datetime.fromtimestamp(scan.at_ms / 1000, _ZONE).strftime("%Y-%m-%d %H:%M:%S"),
            "city": scan.city,
            "facilityName": scan.facility,
            "desc": "联系电话 057187654321",
        }
        text = json.dumps(data, ensure_ascii=False)
        form = {
            "msg_type": "TMS_PRACTICE_TRACE_INFO",
            "logistic_provider_id": self.token,
            "data_digest": self._sign(text),
            "logistics_interface": text,
        }
        return Asked(
            method="POST",
            path="",
            query={},
            headers={"content-type": "application/x-www-form-urlencoded;charset=UTF-8"},
            body=urlencode(form).encode(),
        )

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`."""
        try:
            told = json.loads(body)
        except ValueError:
            return False
        return status == 200 and isinstance(told, dict) and told.get("success") in ("true", True)

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return f"77{count:013d}"

    def over_quota(self) -> Told:
        """See `Fake`: in words of our own."""
        return self._no("S06", "流量受控", "").told

    def _no(self, code: str, message: str, why: str) -> Refused:
        """A refusal. Of the codes only S02 is public."""
        return Refused(
            _json({"success": "false" if self.turns_true else False, "errorCode": code, "errorMsg": message}), why
        )


_TYPES = {
    "TMS_WAYBILL_GET": "_get",
    "TMS_WAYBILL_DISCARD": "_discard",
    "TMS_WAYBILL_SUBSCRIPTION_QUERY": "_list_contracts",
}


def _json(value: Any) -> Told:
    return Told(body=json.dumps(value, ensure_ascii=False).encode())
