"""A strict fake of STO's open platform."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar
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

_PATH = "/gateway/link.do"
_ZONE = ZoneInfo("Asia/Shanghai")
_FIELDS = frozenset(
    ("content", "data_digest", "api_name", "from_appkey", "from_code", "to_appkey", "to_code"),
)
# By interface: whom it is sent to, and who answers it.
_ACTS = {
    "OMS_EXPRESS_ORDER_CREATE": ("sto_oms", "_create"),
    "EDI_MODIFY_ORDER_CANCEL": ("edi_modify_order", "_cancel"),
    "STO_TRACE_QUERY_COMMON": ("sto_trace_query", "_query"),
    "STO_TRACE_PLATFORM_SUBSCRIBE": ("sto_trace_platform", "_subscribe"),
}
_NUMBER = re.compile("77[0-9]{13}|[0-9]{13}")
_MOST_KG = 300  # more is no parcel: somebody means grams
_MOST_CM = 300
_SERVICES = ("DELIVER_CONTACT", "TRACE_PUSH", "PRIVACY_SURFACE_SINGLE")
_YUAN = ("codValue", "freightCollectValue", "insuredValue", "goodsValue")


class FakeSto(Fake):
    """See `Fake`. Its numbers are 77 and thirteen digits.

    Attributes:
        fails_softly: it says that it cannot cancel under `success`, in `data`.
    """

    name: ClassVar[str] = "sto"
    repeats: ClassVar[tuple[Repeat, ...]] = (Repeat.SAME, Repeat.REFUSED)

    def __init__(
        self,
        *,
        app_key: str = "CAKFAKEOFSTO",
        code: str = "CAKFAKEOFSTO",
        secret: str = "of-the-fake",
        order_source: str = "FAKESOURCE",
        site_code: str = "990001",
        customer_name: str = "990001000001",
        site_password: str = "word-of-the-fake",
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.app_key, self.code, self.secret, self.order_source = app_key, code, secret, order_source
        self.site_code, self.customer_name, self.site_password = site_code, customer_name, site_password
        self.fails_softly = True
        self._kinds: dict[str, str] = {}

    @property
    def api_url(self) -> str:
        """See `Fake`."""
        return self.url + _PATH

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        return {
            "from_appkey": self.app_key,
            "from_code": self.code,
            "secret": self.secret,
            "order_source": self.order_source,
            "site_code": self.site_code,
            "customer_name": self.customer_name,
            "site_pwd": self.site_password,
        }

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        if (asked.method, asked.path) != ("POST", _PATH):
            raise self._no("008", "请求路径错误", f"{asked.method} {asked.path} instead of POST {_PATH}")
        try:
            form = read_form(asked)
        except ValueError as error:
            raise self._no("008", "参数错误", f"the body is no form: {error}") from None
        if missing := sorted(_FIELDS - form.keys()):
            raise self._no("008", "缺少参数", f"the form lacks {', '.join(missing)}")
        if (form["from_appkey"], form["from_code"]) != (self.app_key, self.code):
            raise self._no("006", "没有权限", "from_appkey and from_code are not those of the account")
        to, act = _ACTS.get(form["api_name"], ("", ""))
        if not act:
            raise self._no("006", "没有权限", f"no interface {form['api_name']}")
        if (form["to_appkey"], form["to_code"]) != (to, to):
            raise self._no("006", "没有权限", f"{form['api_name']} is sent to {to}, in to_appkey and to_code")
        content = form["content"]
        if form["data_digest"] != _digest(content + self.secret):
            why = "data_digest is not that of the content which was sent"
            for done, text in rewrite(content):
                if form["data_digest"] == _digest(text + self.secret):
                    why = f"data_digest is that of the content {done}, which is not what was sent"
            raise self._no("007", "签名错误", why)
        try:
            param = read_json(content)
        except ValueError:
            raise self._no("008", "参数错误", "content is no JSON") from None
        if not isinstance(param, dict):
            raise self._no("008", "参数错误", "content is no object")
        return self._yes(getattr(self, act)(param))

    def _create(self, param: dict[str, Any]) -> Any:
        reference = self._text(param, "orderNo")
        self._check_source(param)
        kind = self._one_of(param, "orderType", "01", ("01", "02"))
        bill = self._one_of(param, "billType", None, ("00", "01", "02", "03", "04"))
        self._one_of(param, "payModel", "1", ("1", "2", "3"))
        for side in ("sender", "receiver"):
            self._check_side(param.get(side), side)
        self._check_cargo(param.get("cargo"))
        if "waybillNo" not in param:
            self._check_customer(param.get("customer"))
        for value in _YUAN:
            if value in param and not (isinstance(param[value], str) and is_decimal(param[value], 2, most=1_000_000)):
                raise self._no("008", f"{value}格式错误", f"{value} is a text, in yuan with two decimals at most")
        wanted = {"01": "codValue", "02": "freightCollectValue"}.get(bill)
        if wanted and wanted not in param:
            raise self._no("008", f"{wanted}不能为空", f"billType {bill} wants {wanted}")
        services = self._read_services(param.get("serviceTypeList", []))
        known = self.find_reference(reference)
        if known and (known.is_cancelled or self.on_repeat is Repeat.REFUSED):
            raise self._no("008", "订单号重复", f"{reference} was used already")
        parcel = known or self._make_as(reference, param.get("waybillNo"))
        self._kinds.setdefault(parcel.number, kind)
        parcel.is_subscribed |= "TRACE_PUSH" in services
        return {
            "orderNo": reference,
            "waybillNo": parcel.number,
            "bigWord": "877-342-213",
            "packagePlace": "杭州转运中心",
            "sourceOrderId": f"S{parcel.number}" if kind == "02" else None,
            "safeNo": None,
            "newBlockCode": "877-342-213",
        }

    def _make_as(self, reference: str, number: Any) -> FakeParcel:
        """A parcel with a number that the customer holds already, if it names one."""
        if number is None:
            return self.make(reference)
        if not isinstance(number, str) or not _NUMBER.fullmatch(number) or number in self.parcels:
            raise self._no("005", "运单号错误", f"{number!r} is no number of STO, or is taken")
        parcel = FakeParcel(number=number, reference=reference)
        self.keep(parcel)
        return parcel

    def _check_source(self, param: dict[str, Any]) -> None:
        if self._text(param, "orderSource") != self.order_source:
            raise self._no("006", "没有权限", "orderSource is not that of the account")

    def _check_side(self, side: Any, which: str) -> None:
        if not isinstance(side, dict):
            raise self._no("008", f"{which}不能为空", f"the {which} is missing")
        for part in ("name", "province", "city", "area", "address"):
            self._text(side, part)
        if not (side.get("mobile") or side.get("tel")):
            raise self._no("008", f"{which}.mobile不能为空", f"the {which} has neither mobile nor tel")

    def _check_cargo(self, cargo: Any) -> None:
        if not isinstance(cargo, dict):
            raise self._no("008", "cargo不能为空", "cargo is missing")
        self._one_of(cargo, "battery", None, ("10", "20", "30"))
        self._text(cargo, "goodsType")
        self._text(cargo, "goodsName")
        if "weight" in cargo and not is_decimal(cargo["weight"], 3, most=_MOST_KG):
            raise self._no("008", "weight格式错误", "weight is in kilograms with three decimals at most")
        for side in ("spaceX", "spaceY", "spaceZ"):
            if side in cargo and not is_decimal(cargo[side], 2, most=_MOST_CM):
                raise self._no("008", f"{side}格式错误", f"{side} is in centimetres")

    def _check_customer(self, customer: Any) -> None:
        ours = {"siteCode": self.site_code, "customerName": self.customer_name, "sitePwd": self.site_password}
        if not isinstance(customer, dict):
            raise self._no("008", "customer不能为空", "a number is drawn for a customer, which is missing")
        for part, value in ours.items():
            if customer.get(part) != value:
                raise self._no("006", "没有权限", f"customer.{part} is not that of the account")

    def _read_services(self, told: Any) -> list[str]:
        """Services, each a text or a text in an object: both were seen."""
        if not isinstance(told, list):
            raise self._no("008", "serviceTypeList错误", "serviceTypeList is no list")
        services = [each.get("listItem") if isinstance(each, dict) else each for each in told]
        if not all(each in _SERVICES for each in services):
            raise self._no("008", "serviceTypeList错误", f"unknown services among {services}")
        return [str(each) for each in services]

    def _cancel(self, param: dict[str, Any]) -> Any:
        self._check_source(param)
        kind = self._one_of(param, "orderType", "02", ("01", "02"))
        number, source = param.get("billCode"), param.get("sourceOrderId")
        if not number and not source:
            raise self._no("008", "billCode不能为空", "billCode or sourceOrderId is needed")
        parcel = self.find_number(number or str(source).removeprefix("S"))
        if parcel is None:
            raise self._no("005", "运单号错误", f"no order {number or source}")
        if kind != self._kinds.get(parcel.number, kind):
            raise self._no("008", "orderType错误", f"orderType {kind} is not that by which it was created")
        if parcel.scans:
            why = "it was picked up already"
            if self.fails_softly:
                raise Refused(self._yes("订单已揽收，取消失败"), why)
            raise self._no("008", "订单已揽收，取消失败", why)
        parcel.is_cancelled = True
        return "成功"

    def _query(self, param: dict[str, Any]) -> Any:
        order = self._one_of(param, "order", "asc", ("asc", "desc"))
        numbers = param.get("waybillNoList")
        if not isinstance(numbers, list) or not 1 <= len(numbers) <= 100:
            raise self._no("008", "waybillNoList错误", "waybillNoList is a list of 1 to 100 numbers")
        for number in numbers:
            if not isinstance(number, str) or not _NUMBER.fullmatch(number):
                raise self._no("005", "运单号错误", f"{number!r} is no number of STO")
        told = {}
        for number in numbers:
            if (parcel := self.parcels.get(number)) is not None:
                scans = sorted(parcel.scans, key=lambda scan: scan.at_ms, reverse=order == "desc")
                told[number] = [{"waybillNo": number} | _describe(scan) for scan in scans]
        return told

    def _subscribe(self, param: dict[str, Any]) -> Any:
        asked = param.get("subscribeInfoList")
        if not isinstance(asked, list) or not asked or not all(isinstance(each, dict) for each in asked):
            raise self._no("008", "subscribeInfoList错误", "subscribeInfoList is a list of objects")
        told = []
        for each in asked:
            number, parcel = each.get("waybillNo"), self.find_number(each.get("waybillNo"))
            if parcel is not None:
                parcel.is_subscribed = True
            else:
                self.refused.append(f"no waybill {number!r} to subscribe to")
            status, message = ("false", "运单号不存在") if parcel is None else ("true", "")
            told.append({"waybillNo": number, "status": status, "message": message})
        return told

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`. `outBizCode` is the same whenever a scan is told again."""
        (scan,) = scans
        trace = _describe(scan) | {
            "outBizCode": hashlib.sha1(f"{parcel.number}{scan}".encode(), usedforsecurity=False).hexdigest(),
            "opOrgType": "2",
            "address": "",
            "nextOrgType": "1",
            "weight": 1.2,
            "tz": "",
            "remark": "",
        }
        told = {"waybillNo": parcel.number, "linkCode": parcel.reference, "trace": trace}
        # The blanks are not those of most JSON writers: who writes it again has another digest.
        content = json.dumps(told, ensure_ascii=False, separators=(", ", ":"))
        return write_form(
            "",
            {
                "content": content,
                "data_digest": _digest(content + self.secret),
                "api_name": "STO_TRACE_PLATFORM_PUSH",
                "from_appkey": "sto_trace_platform",
                "from_code": "sto_trace_platform",
                "to_appkey": self.app_key,
                "to_code": self.code,
            },
        )

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`: `success` is true, and no text as in its own answers."""
        try:
            told = read_json(body)
        except ValueError:
            return False
        return status == 200 and isinstance(told, dict) and told.get("success") is True

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return str(770_100_000_000_000 + count)

    def over_quota(self) -> Told:
        """See `Fake`: under status 200."""
        return self._told("false", "009", "系统繁忙", None, needs_retry="true")

    def _one_of(self, param: dict[str, Any], name: str, default: str | None, values: tuple[str, ...]) -> str:
        value = param.get(name, default)
        if value not in values:
            raise self._no("008", f"{name}错误", f"{name} is {value!r} and none of {', '.join(values)}")
        return str(value)

    def _text(self, param: Mapping[str, Any], name: str) -> str:
        value = param.get(name)
        if not isinstance(value, str) or not value.strip():
            raise self._no("008", f"{name}不能为空", f"{name} is missing")
        return value

    def _yes(self, data: Any) -> Told:
        return self._told("true", "", "", data)

    def _no(self, code: str, message: str, why: str) -> Refused:
        return Refused(self._told("false", code, message, None), why)

    def _told(self, success: str, code: str, message: str, data: Any, *, needs_retry: str = "false") -> Told:
        return as_json(
            {
                "success": success,
                "errorCode": code,
                "errorMsg": message,
                "needRetry": needs_retry,
                "requestId": f"fake{len(self.calls):012d}",
                "expInfo": None,
                "data": data,
            }
        )


def _describe(scan: FakeScan) -> dict[str, Any]:
    """What a query and a push both say of a scan."""
    return {
        "opTime": local_stamp(scan.at_ms, _ZONE),
        "scanType": scan.code,
        "opOrgCode": scan.facility_code,
        "opOrgName": scan.facility,
        "opOrgProvinceName": "浙江省",
        "opOrgCityName": scan.city,
        "opOrgTel": "057187654321",
        "opEmpCode": "0001",
        "opEmpName": "操作员",
        "memo": f"【{scan.city}】 快递员 & 联系电话 057187654321 “+”",
        "weight": "1.20",
        "bizEmpCode": "0002",
        "bizEmpName": "快递员",
        "bizEmpPhone": "057187654321",
        "bizEmpTel": "057187654321",
        "nextOrgName": "北京转运中心",
        "nextOrgCode": "010901",
        "issueName": "",
        "signoffPeople": "收件人",
    }


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.md5(text.encode(errors="replace"), usedforsecurity=False).digest()).decode()
