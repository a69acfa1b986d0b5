"""A strict fake of ZTO's open platform."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import httpx
import msgspec

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
    read_json,
    rewrite,
    write_form,
)
from waypost.testing.carriers.paper import write_pdf

_ZONE = ZoneInfo("Asia/Shanghai")
_CLOCK_MS = 10 * 60 * 1000
_FILES = {"0": b"\xff\xd8\xff\xe0fake label of ZTO\xff\xd9", "1": write_pdf("fake label of ZTO")}
_LABEL_TRIES = 16
# What the answers to queries say for the actions of pushes; the words in Latin are of pick-up lockers there.
_SCAN_TYPES = {
    "GOT": "收件",
    "DEPARTURE": "发件",
    "ARRIVAL": "到件",
    "DISPATCH": "派件",
    "SIGNED": "签收",
    "RETURN_SCAN": "退件",
    "PROBLEM": "问题件",
    "INBOUND": "ARRIVAL",
    "DEPARTURE_SIGNED": "SIGNED",
}
_SERVICES = ("COD", "vip", "insured", "receiveReturnService", "twoHour", "standardExpress")
_ACTS = {
    "zto.open.createOrder": "_create",
    "zto.open.cancelPreOrder": "_cancel",
    "zto.open.order.print": "_print",
    "zto.merchant.waybill.track.query": "_query",
    "zto.merchant.waybill.track.subsrcibe": "_subscribe",
}


class FakeZto(Fake):
    """See `Fake`. Its numbers are fourteen digits from 7 on; the codes of its scans are the actions of its pushes.

    Attributes:
        print_url: where it pushes labels, which is the only way to have one.
        pushes_json: the envelope of a push of tracks is JSON and no form.
        is_newest_first: the order of the rows that a query gives.
    """

    name: ClassVar[str] = "zto"
    repeats: ClassVar[tuple[Repeat, ...]] = (Repeat.SAME, Repeat.REFUSED, Repeat.ANOTHER)

    def __init__(
        self,
        *,
        app_key: str = "fake0app0key0of0zto",
        app_secret: str = "of-the-fake",
        digest: str = "md5",
        hmac_key: str = "hmac-of-the-fake",
        is_base64: bool = True,
        use_timestamp: bool = False,
        account_id: str = "KDGJ990000001",
        account_password: str = "word-of-the-fake",
        **more: Any,
    ) -> None:
        if digest not in ("md5", "sha256", "hmac_sha256"):
            raise ValueError(f"ZTO has no digest {digest!r}")
        super().__init__(**more)
        self.app_key, self.app_secret, self.hmac_key = app_key, app_secret, hmac_key
        self.digest, self.is_base64, self.use_timestamp = digest, is_base64, use_timestamp
        self.account_id, self.account_password = account_id, account_password
        self.print_url = ""
        #: Behind the question mark of that address.
        self.label_key = "in-the-address-of-labels"
        self.pushes_json = False
        self.is_newest_first = False
        self._orders: dict[str, FakeParcel] = {}
        self._kinds: dict[str, str] = {}

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        told = {
            "app_key": self.app_key,
            "app_secret": self.app_secret,
            "digest": self.digest,
            "account_id": self.account_id,
            "account_password": self.account_password,
            "label_key": self.label_key,
        }
        if self.digest == "hmac_sha256":
            told["hmac_key"] = self.hmac_key
        if not self.is_base64:
            told["base64"] = "false"
        if self.use_timestamp:
            told["use_timestamp"] = "true"
        return told

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        act = _ACTS.get(asked.path.removeprefix("/"))
        if act is None or asked.method != "POST":
            raise self._no("S207", "API不存在", f"no interface {asked.method} {asked.path}")
        key = asked.headers.get("x-appkey", asked.headers.get("x-companyid", ""))
        if key != self.app_key:
            raise self._no("S210", "无权限访问", "x-appKey is not that of the account")
        if not asked.headers.get("content-type", "").startswith("application/json"):
            raise self._no("S202", "Content-Type错误", "the content type is not application/json")
        self._check_digest(asked)
        try:
            param = read_json(asked.body)
        except ValueError:
            raise self._no("S202", "JSON格式错误", "the body is no JSON") from None
        if not isinstance(param, dict):
            raise self._no("S202", "JSON格式错误", "the body is no object")
        told: Told = getattr(self, act)(param)
        return told

    def _check_digest(self, asked: Asked) -> None:
        given = asked.headers.get("x-datadigest")
        if not given:
            raise self._no("S208", "x-dataDigest不能为空", "x-dataDigest is missing")
        stamp = asked.headers.get("x-timestamp", "")
        if self.use_timestamp:
            if not re.fullmatch("[0-9]{13}", stamp) or abs(int(stamp) - self.clock()) > _CLOCK_MS:
                raise self._no("S214", "时间戳非法", "x-timestamp is no milliseconds of now")
        elif stamp:
            raise self._no("S211", "签名错误", "x-timestamp is sent to an interface that does not want it")
        body = asked.body.decode(errors="replace")
        if given == self._digest_of(stamp + body + self.app_secret):
            return
        why = "x-dataDigest is not that of the body"
        if given == self._digest_of(stamp + body):
            why = "the text that was digested lacks the app secret"
        elif given == self._digest_of(stamp + body + self.app_secret, key=self.app_secret):
            why = "the app secret was taken for the key of the HMAC, which is another"
        elif stamp and given == self._digest_of(body + self.app_secret):
            why = "the text that was digested lacks the timestamp"
        for done, text in rewrite(body):
            if given == self._digest_of(stamp + text + self.app_secret):
                why = f"x-dataDigest is that of the body {done}, which is not what was sent"
        raise self._no("S211", "签名错误", why)

    def _digest_of(self, text: str, *, key: str | None = None) -> str:
        plain = text.encode(errors="replace")
        if self.digest == "hmac_sha256":
            raw = hmac.new((self.hmac_key if key is None else key).encode(), plain, hashlib.sha256).digest()
        elif self.digest == "sha256":
            raw = hashlib.sha256(plain).digest()
        else:
            raw = hashlib.md5(plain, usedforsecurity=False).digest()
        return base64.b64encode(raw).decode() if self.is_base64 else raw.hex()

    def _create(self, param: dict[str, Any]) -> Told:
        partner, kind = str(param.get("partnerType")), str(param.get("orderType"))
        if (partner, kind) not in {("1", "1"), ("1", "2"), ("2", "1"), ("2", "2"), ("2", "3"), ("2", "4")}:
            raise self._no("S208", "orderType错误", f"partnerType {partner} has no orderType {kind}")
        reference = self._text(param, "partnerOrderCode")
        self._check_account(partner, kind, param.get("accountInfo", {}))
        phones = [
            self._check_side(param.get(side), prefix)
            for side, prefix in (("senderInfo", "sender"), ("receiveInfo", "receiver"))
        ]
        self._check_sums(param.get("summaryInfo", {}))
        self._check_items(param.get("orderItems", []))
        self._check_services(param)
        known = self.find_reference(reference)
        if known and self.on_repeat is not Repeat.ANOTHER:
            if known.is_cancelled or self.on_repeat is Repeat.REFUSED:
                raise self._no("S202", "合作商订单号重复", f"{reference} was used already")
            parcel = known
        else:
            parcel = self.make_another(reference)
        parcel.phone = phones[1]
        code = f"26{int(parcel.number):016d}"
        self._orders[code] = parcel
        self._kinds.setdefault(parcel.number, kind)
        result: dict[str, Any] = {
            "bigMarkInfo": {"bagAddr": "杭州", "mark": "300- A00 00"},
            "verifyCode": None,
            "siteCode": "57190",
            "signBillInfo": None,
            "siteName": "杭州萧山",
            "orderCode": code,
            "partnerOrderCode": reference,
        }
        if kind != "3":  # whose number comes with the courier
            result["billCode"] = parcel.number
        return as_json({"result": result, "message": "成功", "status": True, "statusCode": "0000"})

    def _check_account(self, partner: str, kind: str, account: Any) -> None:
        if not isinstance(account, dict):
            raise self._no("S208", "accountInfo格式错误", "accountInfo is no object")
        if partner == "1" and not account.get("customerId"):
            raise self._no("S208", "customerId不能为空", "partnerType 1 wants accountInfo.customerId")
        if partner == "2" and kind != "3" and not account.get("accountId"):
            raise self._no("S208", "accountId不能为空", "accountInfo.accountId is missing")
        if account.get("accountId", self.account_id) != self.account_id:
            raise self._no("E404", "电子面单账号未绑定", "accountInfo.accountId is not that of the account")
        if account.get("accountPassword", self.account_password) != self.account_password:
            raise self._no("E404", "电子面单账号密码错误", "accountInfo.accountPassword is wrong")

    def _check_side(self, side: Any, prefix: str) -> str:
        """A sender or a receiver; its telephone number."""
        if not isinstance(side, dict):
            raise self._no("S208", f"{prefix}不能为空", f"the {prefix} is missing")
        for part in ("Name", "Province", "City", "District", "Address"):
            self._text(side, prefix + part)
        phone = side.get(f"{prefix}Mobile") or side.get(f"{prefix}Phone")
        if not isinstance(phone, str):
            raise self._no("S208", f"{prefix}Mobile不能为空", f"the {prefix} has neither mobile nor phone")
        return phone

    def _check_sums(self, sums: Any) -> None:
        if not isinstance(sums, dict):
            raise self._no("S208", "summaryInfo格式错误", "summaryInfo is no object")
        for part in ("price", "freight", "premium"):
            if sums.get(part) is not None and not is_decimal(sums[part], 2, most=1_000_000):
                raise self._no("S208", f"{part}格式错误", f"{part} is in yuan with two decimals at most")
        self._check_size(sums.get("size"))

    def _check_items(self, items: Any) -> None:
        if not isinstance(items, list):
            raise self._no("S208", "orderItems格式错误", "orderItems is no list")
        for each in items:
            if not isinstance(each, dict):
                raise self._no("S208", "orderItems格式错误", "an item is no object")
            self._text(each, "name")
            weight = each.get("weight")
            if weight is not None and (not is_decimal(weight, 1, most=300_000) or "." in str(weight)):
                raise self._no("S208", "weight格式错误", "the weight of an item is a whole number of grams")
            price = each.get("unitprice")
            if price is not None and (not is_decimal(price, 1, most=1_000_000) or "." in str(price)):
                raise self._no("S208", "unitprice格式错误", "unitprice is a whole number of yuan")
            self._check_size(each.get("size"))

    def _check_size(self, size: Any) -> None:
        if size in (None, ""):
            return
        sides = str(size).split(",")
        if len(sides) != 3 or not all(is_decimal(side, 2, most=500) for side in sides):
            raise self._no("S208", "size格式错误", "size is length, width and height in centimetres, with commas")

    def _check_services(self, param: dict[str, Any]) -> None:
        services = param.get("orderVasList") or []
        if not isinstance(services, list):
            raise self._no("S208", "orderVasList格式错误", "orderVasList is no list")
        for each in services:
            kind = each.get("vasType") if isinstance(each, dict) else None
            if kind not in _SERVICES:
                raise self._no("S208", "vasType错误", f"there is no service {kind!r}")
            if kind in ("COD", "insured") and (type(each.get("vasAmount")) is not int or each["vasAmount"] < 1):
                raise self._no("S208", "vasAmount不能为空", "vasAmount is a whole number of fen")
            if kind == "COD" and not each.get("accountNo"):
                raise self._no("S208", "accountNo不能为空", "COD wants accountNo")
            if kind == "receiveReturnService" and not (param.get("siteCode") and param.get("siteName")):
                raise self._no("S208", "siteCode不能为空", "receiveReturnService wants siteCode and siteName")

    def _cancel(self, param: dict[str, Any]) -> Told:
        if str(param.get("cancelType")) not in tuple("1234567"):
            raise self._no("S208", "cancelType不能为空", "cancelType is 1 to 7")
        code = param.get("orderCode")
        parcel = self._orders.get(code) if isinstance(code, str) and code else self.find_number(param.get("billCode"))
        if parcel is None:
            raise self._no("S202", "查询不到该订单", "no such order")
        if self._kinds.get(parcel.number) not in ("2", "3"):
            raise self._no("S202", "全网件不支持取消", "only orders with a pick-up (orderType 2, 3) can be cancelled")
        if parcel.scans:
            raise self._no("S202", "订单已揽收，不能取消", "it was picked up already")
        parcel.is_cancelled = True
        return as_json({"result": {}, "message": "请求成功", "status": True, "statusCode": "SYS000"})

    def _print(self, param: dict[str, Any]) -> Told:
        kind = str(param.get("printType"))
        if kind not in _FILES:
            raise self._no("S208", "printType错误", "printType is 0 for JPG, 1 for PDF")
        if not isinstance(param.get("printLogo", True), bool):
            raise self._no("S208", "printLogo错误", "printLogo is true or false")
        parcel = self.find_number(param.get("billCode"))
        if parcel is None or parcel.is_cancelled:
            raise self._no("S202", "运单不存在", "no such waybill to print")
        number = parcel.number
        if self.print_url:
            self.later(lambda: self.push_label(number, kind))
        return _done()

    def _query(self, param: dict[str, Any]) -> Told:
        number = param.get("billCode")
        if not isinstance(number, str) or not re.fullmatch("[0-9]{12}|[0-9]{14}", number):
            raise self._no("E416", "单号不符合中通规则", f"{number!r} is no number of ZTO")
        parcel = self.parcels.get(number)
        if parcel is None:
            return as_json({"result": None, "message": "成功", "status": True, "statusCode": "SYS000"})
        self._check_phone(parcel, param.get("mobilePhone"))
        scans = sorted(parcel.scans, key=lambda scan: scan.at_ms, reverse=self.is_newest_first)
        rows = [self._row(number, scan, place) for place, scan in enumerate(scans)]
        return as_json({"result": rows, "message": "成功", "status": True, "statusCode": "SYS000"})

    def _row(self, number: str, scan: FakeScan, place: int) -> dict[str, Any]:
        site = {
            "isCenter": "F",
            "code": scan.facility_code,
            "phone": "057187654321",
            "prov": "浙江省",
            "city": scan.city,
            "isTransfer": 1,
            "name": scan.facility,
            "siteId": 1,
            "id": 1,
        }
        return {
            "billCode": number,
            "scanType": self.asked_code(scan.code),
            "scanDate": str(scan.at_ms) if place % 2 else scan.at_ms,  # both are seen
            "scanSite": site,
            "preOrNextSite": None,
            "signMan": "收件人" if scan.code == "SIGNED" else None,
            "operateUser": "快递员",
            "operateUserPhone": "057187654321",
            "desc": f"【{scan.city}】 快递员 联系电话 057187654321",
        }

    def _subscribe(self, param: dict[str, Any]) -> Told:
        parcel = self.find_number(param.get("billCode"))
        if parcel is None:
            raise self._no("E416", "单号不符合中通规则", f"no waybill {param.get('billCode')!r}")
        # A parcel of the account's own needs none.
        if parcel.number not in self._kinds or param.get("mobilePhone"):
            self._check_phone(parcel, param.get("mobilePhone"))
        parcel.is_subscribed = True
        return _done()

    def _check_phone(self, parcel: FakeParcel, tail: Any) -> None:
        if not tail:
            raise self._no("E413", "需要手机号后四位", "mobilePhone, the last four digits, is missing")
        if tail != parcel.phone[-4:]:
            raise self._no("E409", "手机号不匹配", "mobilePhone is not the last four digits of the consignee's")

    def make(self, reference: str) -> FakeParcel:
        """See `Fake`: with a telephone number, without which nobody can ask for scans."""
        parcel = super().make(reference)
        parcel.phone = parcel.phone or f"0571{int(parcel.number) % 10**8:08d}"
        return parcel

    def push_label(self, number: str, kind: str = "1") -> httpx.Response:
        """Push a label to `print_url`, sixteen times at most until it is thanked for; the answer to the last push.

        Args:
            number: of the waybill.
            kind: `0` for JPG, `1` for PDF.
        """
        asked = self.write_label(number, kind)
        for _ in range(_LABEL_TRIES):
            answer = self.send(asked, self.print_url)
            if self.is_thanked(answer.status_code, answer.content):
                break
        return answer

    def write_label(self, number: str, kind: str = "1") -> Asked:
        """The push of a label. Its digest holds no secret: it proves nothing of who sent it."""
        result = base64.b64encode(_FILES[kind]).decode()
        told = {"billCode": number, "printType": kind, "result": result, "dataDigest": _b64md5(result + number)}
        return msgspec.structs.replace(_json_push(told), query={"key": self.label_key})

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`. The keys come in another order each second time, and those without a value are left out."""
        (scan,) = scans
        told = {
            "billCode": parcel.number,
            "action": scan.code,
            "actionTime": local_stamp(scan.at_ms, _ZONE),
            "facilityCode": scan.facility_code,
            "facilityName": scan.facility,
            "facilityContactPhone": "057187654321",
            "city": scan.city,
            "dist": "萧山区",
            "courier": "快递员",
            "courierPhone": "057187654321",
            "desc": f"【{scan.city}】 快递员 & 联系电话 057187654321 “+”",
        }
        if scan.at_ms // 1000 % 2:
            told = dict(reversed(told.items()))
        # Neither the blanks nor the letters are those that a JSON writer of most languages would put there.
        data = json.dumps(told, ensure_ascii=False, separators=(", ", ":"))
        envelope = {
            "data": data,
            "data_digest": _b64md5(data + self.app_secret),
            "msg_type": "Traces",
            "company_id": self.app_key,
        }
        return _json_push(envelope) if self.pushes_json else write_form("", envelope | {"token": ""})

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`: `status` is true."""
        try:
            told = read_json(body)
        except ValueError:
            return False
        return status == 200 and isinstance(told, dict) and told.get("status") is True

    def asked_code(self, code: str) -> str:
        """See `Fake`."""
        return _SCAN_TYPES.get(code, code)

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return str(73_100_000_000_000 + count)

    def timed_out(self) -> Told:
        """See `Fake`: under status 200."""
        return self._no("S200", "请求超时", "").told

    def over_quota(self) -> Told:
        """See `Fake`: under status 200."""
        return self._no("S206", "api qos limit", "").told

    def _text(self, param: Mapping[str, Any], name: str) -> str:
        value = param.get(name)
        if not isinstance(value, str) or not value.strip():
            raise self._no("S208", f"{name}不能为空", f"{name} is missing")
        return value

    def _no(self, code: str, message: str, why: str) -> Refused:
        return Refused(as_json({"result": None, "message": message, "statusCode": code, "status": False}), why)


def _done() -> Told:
    return as_json({"result": None, "message": "操作成功", "statusCode": "SYS000", "status": True})


def _b64md5(text: str) -> str:
    return base64.b64encode(hashlib.md5(text.encode(), usedforsecurity=False).digest()).decode()


def _json_push(told: Mapping[str, str]) -> Asked:
    headers = {"content-type": "application/json;charset=UTF-8"}
    return Asked(method="POST", path="", query={}, headers=headers, body=as_json(told).body)
