"""A strict fake of YTO's open platform."""

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from xml.etree import ElementTree
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from waypost.testing.carriers.faking import (
    Asked,
    Fake,
    FakeParcel,
    FakeScan,
    Refused,
    Repeat,
    Told,
    as_json,
    is_decimal,
    local_stamp,
    read_form,
    read_json,
    rewrite,
    write_form,
)
from waypost.testing.carriers.paper import write_pdf

_PATH = re.compile(r"/open/(?P<method>[a-z_]+)/(?P<version>v[0-9])/(?P<token>[A-Za-z0-9]{6})/(?P<customer>[A-Z0-9]+)")
_VERSIONS = {
    "privacy_create_adapter": "v1",
    "korder_cancel_adapter": "v1",
    "waybill_print_adapter": "v1",
    "track_query_adapter": "v1",
    "subscribe_adapter": "v1",
}
_CLOCK_MS = 10 * 60 * 1000
_ZONE = ZoneInfo("Asia/Shanghai")
_PDF = write_pdf("fake waybill of YTO")
_PEOPLE = ("Name", "ProvinceName", "CityName", "CountyName", "Address", "Mobile")
_MOST_KG = 300  # more is no parcel: somebody means grams
_MOST_M = 5  # and here millimetres or centimetres
# What is to be had for the extra services, in yuan: COD, freight collect, insured.
_INCREMENTS = {"1": (3, 20_000), "2": (1, 5_000), "4": (100, 30_000)}


class FakeYto(Fake):
    """See `Fake`. Its numbers are `YT` and thirteen digits.

    Attributes:
        says_success: its "wrong signature" has the key `success`; both were seen.
        refusal_status: the HTTP status of refusals, which nobody says.
        stamp_tail: what stands behind the times of its pushes; older ones had `.0 CST`.
    """

    name: ClassVar[str] = "yto"
    repeats: ClassVar[tuple[Repeat, ...]] = (Repeat.SAME, Repeat.REFUSED)

    def __init__(
        self,
        *,
        customer: str = "K99000001",
        token: str = "aB3dE6",
        secret: str = "of-the-fake",
        push_secret: str = "",
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.customer, self.token, self.secret = customer, token, secret
        # Each interface has a secret of its own; that of the subscription signs the pushes.
        self.push_secret = push_secret or secret
        self.says_success = True
        self.refusal_status = 200
        self.stamp_tail = ""

    @property
    def api_url(self) -> str:
        """See `Fake`."""
        return f"{self.url}/open"

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        told = {"customer": self.customer, "token": self.token, "secret": self.secret}
        if self.push_secret != self.secret:
            told["secret.subscribe_adapter"] = self.push_secret
        return told

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        if asked.method != "POST":
            raise self._no("S02", "只支持POST", f"{asked.method} instead of POST")
        path = _PATH.fullmatch(asked.path)
        if path is None or path["token"] != self.token or not self._is_customer(path["method"], path["customer"]):
            raise self._no("S03", "无权限", f"no such interface: {asked.path}")
        method = path["method"]
        if _VERSIONS.get(method) != path["version"]:
            raise self._no("S03", "接口不存在", f"no interface {method}/{path['version']}")
        envelope = self._open(asked)
        param = envelope["param"]
        if not isinstance(param, str):
            raise self._no("S04", "param格式错误", "param has to be a text that holds JSON")
        if envelope["format"] != "JSON":
            raise self._no("S04", "format错误", "format has to be JSON")
        self._check_clock(envelope["timestamp"])
        secret = self.push_secret if method == "subscribe_adapter" else self.secret
        tail = method + path["version"] + secret
        if envelope["sign"] != _digest(param + tail):
            raise self._unsigned(param, tail, envelope["sign"])
        act = getattr(self, f"_do_{method}")
        return as_json(act(self._read(param, "param")))

    def _is_customer(self, method: str, customer: str) -> bool:
        """Tracks may be asked for under a word that is the same for everybody."""
        return customer == self.customer or (method == "track_query_adapter" and customer == "TEST")

    def _open(self, asked: Asked) -> dict[str, Any]:
        """The envelope, in JSON or as a form, with its four keys and no other."""
        if asked.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            try:
                envelope: dict[str, Any] = dict(read_form(asked))
            except ValueError as error:
                raise self._no("S04", "表单格式错误", f"the body is no form: {error}") from None
        else:
            envelope = self._read(asked.body, "the body")
        wanted = {"param", "sign", "timestamp", "format"}
        if envelope.keys() != wanted:
            missing, extra = sorted(wanted - envelope.keys()), sorted(envelope.keys() - wanted)
            raise self._no("S04", "参数错误", f"the body lacks {missing}, and has {extra} beside the four keys")
        return envelope

    def _do_privacy_create_adapter(self, param: dict[str, Any]) -> Any:
        reference = param.get("logisticsNo")
        if not isinstance(reference, str) or not 7 <= len(reference) <= 50:
            raise self._no("B01", "物流单号长度错误", "logisticsNo has 7 to 50 characters")
        for who in ("sender", "recipient"):
            for part in _PEOPLE:
                if not isinstance(param.get(who + part), str) or not param[who + part].strip():
                    raise self._no("B02", f"{who}{part}不能为空", f"{who}{part} is missing")
        if "weight" in param and not is_decimal(param["weight"], 3, most=_MOST_KG):
            raise self._no("B03", "重量格式错误", "weight is in kilograms with three decimals at most")
        if param.get("productCode", "PK") not in ("PK", "YZD"):
            raise self._no("B04", "产品编号错误", "productCode is PK or YZD")
        self._check_goods(param.get("goods", []))
        self._check_increments(param.get("increments", []))
        self._check_times(param)
        known = self.find_reference(reference)
        if known and (known.is_cancelled or self.on_repeat is Repeat.REFUSED):
            raise self._no("B06", "订单已存在", f"{reference} was used already")
        return {
            "logisticsNo": reference,
            "mailNo": self.make(reference).number,
            "customerCode": self.customer,
            "shortAddress": "300-571-000",
            "secretWaybills": [{"code": "recipientMobile", "name": "收件人电话", "value": "138****0000"}],
        }

    def _check_goods(self, goods: Any) -> None:
        if not isinstance(goods, list) or len(goods) > 20:
            raise self._no("B05", "商品数量超限", "goods is a list of 20 at most")
        for each in goods:
            if not isinstance(each, dict) or not each.get("name"):
                raise self._no("B02", "商品名称不能为空", "a piece of goods has no name")
            if type(each.get("quantity", 1)) is not int or each.get("quantity", 1) < 1:
                raise self._no("B05", "商品数量错误", "quantity is a number of pieces")
            if "weight" in each and not is_decimal(each["weight"], 3, most=_MOST_KG):
                raise self._no("B03", "商品重量错误", "the weight of goods is in kilograms")
            if "price" in each and not is_decimal(each["price"], 2, most=1_000_000):
                raise self._no("B03", "商品价格错误", "price is in yuan with two decimals at most")
            for side in ("length", "width", "height"):
                if side in each and not is_decimal(each[side], 3, most=_MOST_M):
                    raise self._no("B03", "商品尺寸错误", f"{side} is in metres")

    def _check_increments(self, increments: Any) -> None:
        if not isinstance(increments, list) or not all(isinstance(each, dict) for each in increments):
            raise self._no("B10", "增值服务格式错误", "increments is a list of objects")
        kinds = [str(each.get("type")) for each in increments]
        if {"1", "2"} <= set(kinds):
            raise self._no("B10", "代收货款与到付不能同时使用", "COD and freight collect exclude each other")
        for kind, each in zip(kinds, increments, strict=True):
            if kind not in _INCREMENTS:
                raise self._no("B10", "增值服务类型错误", "the type of an increment is 1, 2 or 4")
            least, most = _INCREMENTS[kind]
            if not is_decimal(each.get("amount"), 2, most=most) or float(each["amount"]) < least:
                raise self._no("B10", "增值服务金额错误", f"the amount of type {kind} is {least} to {most} yuan")

    def _check_times(self, param: dict[str, Any]) -> None:
        """The hours for the pick-up: both or none, from today to six days on."""
        if not {"startTime", "endTime"} & param.keys():
            return
        try:
            start, end = (
                dt.datetime.strptime(param[each], "%Y-%m-%d %H:%M:%S").replace(tzinfo=_ZONE)
                for each in ("startTime", "endTime")
            )
        except (KeyError, TypeError, ValueError):
            raise self._no("B11", "取件时间格式错误", "startTime and endTime are local, yyyy-MM-dd HH:mm:ss") from None
        today = dt.datetime.fromtimestamp(self.clock() / 1000, _ZONE).date()
        if not today <= start.date() <= end.date() <= today + dt.timedelta(days=6) or end <= start:
            raise self._no("B11", "取件时间超出范围", "the pick-up is from today to six days on")

    def _do_korder_cancel_adapter(self, param: dict[str, Any]) -> Any:
        parcel = self.find_reference(param.get("logisticsNo"))
        if parcel is None:
            raise self._no("B09", "订单不存在", f"no order {param.get('logisticsNo')!r}")
        if not param.get("cancelDesc"):
            raise self._no("B02", "取消原因不能为空", "cancelDesc is missing")
        if parcel.scans:
            raise self._no("B07", "已揽收，不能取消", "it was picked up already")
        parcel.is_cancelled = True
        return {"customerCode": self.customer, "logisticsNo": parcel.reference}

    def _do_waybill_print_adapter(self, param: dict[str, Any]) -> Any:
        parcel = self.find_number(param.get("waybillNo"))
        if parcel is None or parcel.is_cancelled:
            raise self._no_print("运单不存在", "no such waybill to print")
        if len(str(param.get("remark", ""))) > 130:
            raise self._no_print("备注过长", "remark has at most 130 characters")
        return {"code": 0, "data": {"pdfBase64": base64.b64encode(_PDF).decode()}}

    def _do_track_query_adapter(self, param: dict[str, Any]) -> Any:
        number = param.get("NUMBER", param.get("Number"))
        if not isinstance(number, str):
            raise self._no("B02", "NUMBER不能为空", "NUMBER has to be one number")
        parcel = self.find_number(number)
        if parcel is None or not parcel.scans:
            return {"map": {number: []}, "code": "1001", "success": "true", "message": "查询结果为空。"}
        return [
            {
                "waybill_No": number,
                "upload_Time": local_stamp(scan.at_ms, _ZONE),
                "infoContent": scan.code,
                "processInfo": f"【{scan.city}】快件 {scan.code}，联系电话 057187654321",
                "city": scan.city,
                "district": "萧山区",
            }
            | ({"weight": 1.2} if place == 0 else {})
            for place, scan in enumerate(sorted(parcel.scans, key=lambda scan: scan.at_ms))
        ]

    def _do_subscribe_adapter(self, param: dict[str, Any]) -> Any:
        if param.get("client_id") != self.customer:
            raise self._no("B12", "client_id错误", "client_id is not that of the account")
        if param.get("msg_type") not in ("online", "offline"):
            raise self._no("B12", "msg_type错误", "msg_type is online or offline")
        inner = param.get("logistics_interface")
        if not isinstance(inner, str):
            raise self._no("B12", "logistics_interface格式错误", "logistics_interface is a text that holds JSON")
        told = self._read(inner, "logistics_interface")
        if told.get("clientId") != self.customer:
            raise self._no("B12", "clientId错误", "clientId is not that of the account")
        parcel = self.find_number(told.get("waybillNo"))
        if parcel is None:
            raise self._no("B08", "运单不存在", f"no waybill {told.get('waybillNo')!r}")
        if told.get("txLogisticId", parcel.reference) != parcel.reference:
            raise self._no("B09", "订单不存在", "txLogisticId is not the reference of that waybill")
        parcel.is_subscribed = True
        return {"waybillNo": parcel.number, "success": True}

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`: XML in a form, signed as it reads before it is encoded."""
        (scan,) = scans
        told = {
            "logisticProviderID": "YTO",
            "clientID": self.customer,
            "mailNo": parcel.number,
            "txLogisticID": parcel.reference,
            "infoType": "STATUS",
            "infoContent": scan.code,
            "acceptTime": local_stamp(scan.at_ms, _ZONE) + self.stamp_tail,
            "remark": f"【{scan.city}】快件 {scan.code} & 联系电话 <057187654321>",
            "weight": "1.200",
            "orgName": scan.facility,
            "orgCode": scan.facility_code,
            "orgPhone": "057187654321",
            "empName": "快递员",
            "empCode": "0001",
            "city": scan.city,
            "district": "萧山区",
            "signedName": "",
            "deliveryName": "",
            "contactInfo": "",
            "questionCause": "",
            "bookingStartTime": "",
            "bookingEndTime": "",
            "extendFields": "",
        }
        inner = "".join(f"<{name}>{escape(text)}</{name}>" if text else f"<{name}/>" for name, text in told.items())
        message = f"<UpdateInfo>{inner}</UpdateInfo>"
        return write_form(
            "",
            {
                "logistics_interface": message,
                "data_digest": _digest(message + self.push_secret),
                "clientId": self.customer,
                "type": "online",
            },
        )

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`: in XML."""
        try:
            root = ElementTree.fromstring(body)
        except ElementTree.ParseError:
            return False
        return status == 200 and root.tag == "Response" and root.findtext("success") == "true"

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return f"YT{2_800_000_000_000 + count}"

    def over_quota(self) -> Told:
        """See `Fake`: under status 200."""
        return self._no("S05", "访问频率超限", "").told

    def _check_clock(self, stamp: Any) -> None:
        if isinstance(stamp, bool) or not re.fullmatch(r"[0-9]{13}", str(stamp), re.ASCII):
            raise self._no("S06", "时间戳错误", "timestamp has to be milliseconds")
        if abs(int(stamp) - self.clock()) > _CLOCK_MS:
            raise self._no("S06", "时间戳过期", "timestamp is more than ten minutes off")

    def _read(self, text: str | bytes, what: str) -> dict[str, Any]:
        try:
            found = read_json(text)
        except ValueError:
            raise self._no("S04", "JSON格式错误", f"{what} is no JSON") from None
        if not isinstance(found, dict):
            raise self._no("S04", "JSON格式错误", f"{what} is no object")
        return found

    def _no(self, code: str, reason: str, why: str) -> Refused:
        return Refused(as_json({"success": False, "code": code, "reason": reason}, self.refusal_status), why)

    def _no_print(self, message: str, why: str) -> Refused:
        return Refused(as_json({"code": -1, "message": message}, self.refusal_status), why)

    def _unsigned(self, param: str, tail: str, sign: Any) -> Refused:
        why = "the signature is not that of the param which was sent"
        for done, text in rewrite(param):
            if _digest(text + tail) == sign:
                why = f"the signature is that of the param {done}, which is not what was sent"
        told: dict[str, Any] = {"success": False, "code": 401, "reason": "请求加密校验失败"}
        if not self.says_success:
            del told["success"]
        return Refused(as_json(told, self.refusal_status), why)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.md5(text.encode(errors="replace"), usedforsecurity=False).digest()).decode()
