"""A strict fake of SF's Fengqiao platform.

What SF answers to an order-state push is not public, nor how it signs any push: this fake pushes routes only, unsigned,
to an address with a secret in its query, as those who read them do it.
"""

import base64
import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote_plus
from xml.sax.saxutils import quoteattr
from zoneinfo import ZoneInfo

from waypost.testing.carriers.faking import Asked, Fake, FakeParcel, FakeScan, Refused, Repeat, Told
from waypost.testing.carriers.paper import write_pdf

_ZONE = ZoneInfo("Asia/Shanghai")
_CLOCK_MS = 10 * 60 * 1000
_TOKEN_MS = 2 * 3_600_000
_PDF = write_pdf("fake waybill of SF")
_OUTER = {
    "A1001": "必传参数不可为空",
    "A1002": "请求时效已过期",
    "A1004": "无对应服务权限",
    "A1005": "流量受控",
    "A1006": "数字签名无效",
    "A1007": "重复请求",
    "A1099": "系统异常",
}
_WORDS = {"50": "已收取快件", "30": "快件完成分拣，准备发往下一站", "31": "快件到达中转场", "80": "已签收"}


class FakeSf(Fake):
    """See `Fake`. Its numbers are `SF` and thirteen digits.

    Attributes:
        mode: how the digest is made: `standard_md5`, `simple_md5`, `sm3` (unverified) or `oauth2`.
        repeat_code: with which code the same orderId again is refused: `8016` or `A1007`.
        checks_phone: it wants the last four digits of a telephone number for routes.
        pushes_form: routes are pushed as a form that holds XML, and not as JSON.
        push_query: behind the question mark of the address that the customer gave for pushes.
    """

    name: ClassVar[str] = "sf"
    repeats: ClassVar[tuple[Repeat, ...]] = (Repeat.REFUSED, Repeat.SAME)
    signs_pushes: ClassVar[bool] = False
    most_a_push: ClassVar[int] = 10

    def __init__(
        self,
        *,
        partner: str = "FAKE0001",
        secret: str = "of-the-fake",
        monthly_card: str = "7551234567",
        mode: str = "standard_md5",
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.partner, self.secret, self.monthly_card, self.mode = partner, secret, monthly_card, mode
        self.repeat_code, self.checks_phone, self.pushes_form = "8016", False, False
        self.push_query: Mapping[str, str] = {"key": "in-the-address-of-the-fake"}
        self._tokens: dict[str, int] = {}
        self._files: dict[str, str] = {}

    @property
    def api_url(self) -> str:
        """See `Fake`."""
        return f"{self.url}/std/service"

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        return {
            "partner_id": self.partner,
            "checkword": self.secret,
            "monthly_card": self.monthly_card,
            "mode": self.mode,
            "push_key": self.push_query["key"],
        }

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        if asked.path == "/oauth2/accessToken" and asked.method == "POST":
            return self._token(asked)
        if asked.path.startswith("/file/") and asked.method == "GET":
            return self._file(asked)
        if asked.path != "/std/service" or asked.method != "POST":
            raise self._no("A1004", f"no such service: {asked.method} {asked.path}")
        if "application/x-www-form-urlencoded" not in asked.headers.get("content-type", ""):
            raise self._no("A1001", "the body is no form")
        form = dict(parse_qsl(asked.body.decode(errors="replace"), keep_blank_values=True))
        proof = "accessToken" if self.mode == "oauth2" else "msgDigest"
        for part in ("partnerID", "requestID", "serviceCode", "timestamp", proof, "msgData"):
            if not form.get(part):
                raise self._no("A1001", f"the form lacks {part}")
        act = _SERVICES.get(form["serviceCode"])
        if form["partnerID"] != self.partner or act is None:
            raise self._no("A1004", f"no right to {form['serviceCode']} for {form['partnerID']!r}")
        self._check_clock(form["timestamp"])
        self._check_proof(form)
        try:
            given = json.loads(form["msgData"])
        except ValueError:
            raise self._inner("S0003", "报文格式错误", "msgData is no JSON") from None
        if not isinstance(given, dict):
            raise self._inner("S0003", "报文格式错误", "msgData is no object")
        return self._done(getattr(self, act)(given))

    def _check_clock(self, stamp: str) -> None:
        if not re.fullmatch(r"[0-9]{10}([0-9]{3})?", stamp):
            raise self._no("A1001", f"timestamp is in seconds or milliseconds: {stamp[:20]!r}")
        at_ms = int(stamp) * (1000 if len(stamp) == 10 else 1)
        if abs(at_ms - self.clock()) > _CLOCK_MS:
            raise self._no("A1002", "timestamp is more than ten minutes off")

    def _check_proof(self, form: Mapping[str, str]) -> None:
        if self.mode == "oauth2":
            if self._tokens.get(form["accessToken"], 0) <= self.clock():
                raise self._no("A1002", "no such token, or it is older than two hours")
            return
        text = form["msgData"] + form["timestamp"] + self.secret
        if self.mode != "simple_md5":  # as Java's URLEncoder does it
            text = quote_plus(text, safe="*").replace("~", "%7E")
        digest = hashlib.new("sm3" if self.mode == "sm3" else "md5", text.encode(), usedforsecurity=False).digest()
        if form["msgDigest"] != base64.b64encode(digest).decode():
            raise self._no("A1006", f"msgDigest is not that of {self.mode} over what was sent")

    def _token(self, asked: Asked) -> Told:
        form = dict(parse_qsl(asked.body.decode(errors="replace"))) | dict(asked.query)
        if (form.get("partnerID"), form.get("secret")) != (self.partner, self.secret):
            raise self._no("A1006", "partnerID or secret is wrong")
        if form.get("grantType") != "password":
            raise self._no("A1001", "grantType has to be password")
        token = uuid.uuid4().hex.upper()
        self._tokens[token] = self.clock() + _TOKEN_MS
        return _json({"apiResultCode": "A1000", "accessToken": token, "expiresIn": _TOKEN_MS // 1000})

    # Orders

    def _create(self, given: dict[str, Any]) -> Any:
        reference = given.get("orderId")
        if not isinstance(reference, str) or not 1 <= len(reference) <= 64:
            raise self._inner("S0003", "orderId格式错误", "orderId has 1 to 64 characters")
        if given.get("language") != "zh-CN":
            raise self._inner("S0003", "language格式错误", "language has to be zh-CN")
        contacts = given.get("contactInfoList")
        if not isinstance(contacts, list) or not all(isinstance(one, dict) for one in contacts):
            raise self._inner("S0003", "contactInfoList格式错误", "contactInfoList is a list of objects")
        people = {one.get("contactType"): one for one in contacts}
        for kind, code in ((1, "8039"), (2, "8040")):
            self._check_contact(people.get(kind), code)
        goods = given.get("cargoDetails")
        if not isinstance(goods, list) or not goods or not all(isinstance(g, dict) and g.get("name") for g in goods):
            raise self._inner("S0003", "cargoDetails格式错误", "cargoDetails is a list of goods with names")
        if given.get("payMethod") not in (1, 2, 3):
            raise self._inner("S0003", "payMethod格式错误", "payMethod is 1, 2 or 3")
        if given.get("monthlyCard", self.monthly_card) != self.monthly_card:
            raise self._inner("6126", "月结卡号不合法", "monthlyCard is not the customer's")
        if not isinstance(given.get("expressTypeId"), int):
            raise self._inner("S0003", "expressTypeId格式错误", "expressTypeId is a number")
        weight = given.get("totalWeight", 1)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 100_000:
            raise self._inner("S0003", "totalWeight格式错误", "totalWeight is a number of kilograms")
        if self._find(reference) is not None and self.on_repeat is Repeat.REFUSED:
            if self.repeat_code == "A1007":
                raise self._no("A1007", f"orderId {reference} was used")
            raise self._inner("8016", "重复下单", f"orderId {reference} was used")
        parcel = self.make(reference)
        parcel.phone = str(people[2].get("mobile") or people[2].get("tel"))
        parcel.is_subscribed = True
        label = {"destRouteLabel": "020W-F0-CK", "codingMapping": "K35", "proName": "顺丰标快", "limitTypeCode": "T4"}
        return {
            "orderId": reference,
            "originCode": "571",
            "destCode": "010",
            "filterResult": 2,
            "remark": "",
            "url": None,
            "paymentLink": None,
            "waybillNoInfoList": [{"waybillType": 1, "waybillNo": parcel.number}],
            "routeLabelInfo": [{"code": "1000", "routeLabelData": {**label, "waybillNo": parcel.number}}],
        }

    def _check_contact(self, given: Any, code: str) -> None:
        who = "sender" if code == "8039" else "receiver"
        if not isinstance(given, dict) or not str(given.get("contact") or given.get("company") or "").strip():
            raise self._inner("S0003", "联系人不能为空", f"the {who} has no name")
        if not given.get("mobile") and not given.get("tel"):
            raise self._inner("S0003", "联系电话不能为空", f"the {who} has no telephone")
        for part in ("province", "city", "address"):
            if not str(given.get(part) or "").strip():
                raise self._inner(code, "地址信息错误", f"the {who} has no {part}")

    def _update(self, given: dict[str, Any]) -> Any:
        if not given.get("orderId"):
            raise self._inner("6118", "订单号不能为空", "orderId is missing")
        parcel = self._get(given["orderId"])
        if given.get("waybillNoInfoList"):
            numbers = [one.get("waybillNo") for one in given["waybillNoInfoList"]]
            if numbers != [parcel.number]:
                raise self._inner("8017", "订单号与运单号不匹配", "the waybill is not of the order")
        if str(given.get("dealType")) != "2":
            raise self._inner("8252", "订单已确认", "orders of a monthly card are confirmed when they are made")
        if parcel.is_cancelled:
            raise self._inner("8037", "已消单", f"{parcel.reference} was cancelled")
        if parcel.scans:  # which code SF has for it is not public
            raise self._inner("8019", "订单已揽收，不能取消", f"{parcel.reference} was picked up")
        parcel.is_cancelled = True
        return self._in_short(parcel) | {"resStatus": 2}

    def _search(self, given: dict[str, Any]) -> Any:
        if str(given.get("searchType", 1)) not in ("1", "2"):
            raise self._inner("S0003", "searchType格式错误", "searchType is 1 or 2")
        parcel = self._get(given.get("orderId"))
        return self._in_short(parcel) | {"originCode": "571", "destCode": "010", "filterResult": "2"}

    def _in_short(self, parcel: FakeParcel) -> dict[str, Any]:
        number = {"waybillType": 1, "waybillNo": parcel.number}
        return {"orderId": parcel.reference, "waybillNoInfoList": [number]}

    def _find(self, reference: str) -> FakeParcel | None:
        return next((parcel for parcel in self.parcels.values() if parcel.reference == reference), None)

    def _get(self, reference: Any) -> FakeParcel:
        parcel = self._find(reference)
        if parcel is None:
            raise self._inner("8018", "未获取到订单信息", f"no order {reference!r}")
        return parcel

    # Routes and paper

    def _routes(self, given: dict[str, Any]) -> Any:
        numbers = given.get("trackingNumber")
        if not isinstance(numbers, list) or not numbers:
            raise self._inner("S0003", "trackingNumber格式错误", "trackingNumber is a list")
        if len(numbers) > 10:
            raise self._inner("8003", "查询单号过多", f"{len(numbers)} numbers: at most 10")
        if str(given.get("trackingType")) != "1" or str(given.get("methodType", 1)) != "1":
            raise self._inner("S0003", "trackingType格式错误", "trackingType and methodType are 1")
        told = []
        for number in numbers:
            parcel = self.parcels.get(number)
            if parcel and self.checks_phone and given.get("checkPhoneNo") != parcel.phone[-4:]:
                raise self._inner("S0005", "手机号校验不通过", "checkPhoneNo is not the end of a telephone number")
            scans = sorted(parcel.scans, key=lambda scan: scan.at_ms) if parcel else []
            told.append({"mailNo": number, "routes": [_route(scan) for scan in scans]})
        return {"routeResps": told}

    def _print(self, given: dict[str, Any]) -> Any:
        documents = given.get("documents")
        if given.get("templateCode") != f"fm_76130_standard_{self.partner}":
            raise self._unprinted("模板不存在", f"no template {given.get('templateCode')!r}")
        if given.get("fileType") != "pdf" or given.get("version") != "2.0":
            raise self._unprinted("参数错误", "fileType is pdf and version 2.0")
        if not isinstance(documents, list) or not 1 <= len(documents) <= 20:
            raise self._unprinted("单次打印数量超限", "1 to 20 documents")
        files = []
        for place, document in enumerate(documents, 1):
            number = str(document.get("masterWaybillNo")) if isinstance(document, dict) else ""
            if number not in self.parcels or self.parcels[number].is_cancelled:
                raise self._unprinted("运单不存在", f"no waybill {number!r} to print")
            token = f"AUTH_tk{uuid.uuid4().hex}"
            self._files[number] = token
            where = {"areaNo": place, "pageNo": 1, "seqNo": place, "waybillNo": number}
            files.append({**where, "url": f"{self.url}/file/{number}.pdf", "token": token})
        about = {"clientCode": self.partner, "templateCode": given["templateCode"], "fileType": "pdf", "files": files}
        return {"success": True, "requestId": uuid.uuid4().hex, "obj": about}

    def _file(self, asked: Asked) -> Told:
        number = asked.path.removeprefix("/file/").removesuffix(".pdf")
        if asked.headers.get("x-auth-token") != self._files.get(number, ""):
            raise Refused(Told(status=401, body=b""), "X-Auth-token is not that of the file")
        return Told(body=_PDF, content_type="application/pdf")

    # Pushes

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`: at most ten routes, in the order in which they are given."""
        routes = [
            {
                "mailno": parcel.number,
                "orderid": parcel.reference,
                **_route(scan),
                "id": str(int(hashlib.sha256(f"{parcel.number}{scan.code}{scan.at_ms}".encode()).hexdigest()[:12], 16)),
                "reasonCode": "",
                "reasonName": "",
            }
            for scan in scans
        ]
        if self.pushes_form:
            rows = "".join(
                f"<WaybillRoute {' '.join(f'{name}={quoteattr(text)}' for name, text in route.items())}/>"
                for route in routes
            )
            text = f'<Request service="RoutePushService" lang="zh-CN"><Body>{rows}</Body></Request>'
            body, kind = f"content={quote_plus(text)}", "application/x-www-form-urlencoded;charset=UTF-8"
        else:
            body = json.dumps({"Body": {"WaybillRoute": routes}}, ensure_ascii=False)
            kind = "application/json;charset=UTF-8"
        return Asked(method="POST", path="", query=self.push_query, headers={"content-type": kind}, body=body.encode())

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`."""
        if status != 200:
            return False
        if self.pushes_form:
            return b"<Head>OK</Head>" in body
        try:
            told = json.loads(body)
        except ValueError:
            return False
        return isinstance(told, dict) and told.get("return_code") == "0000"

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return f"SF{1_000_000_000_000 + count}"

    def timed_out(self) -> Told:
        """See `Fake`: under status 200."""
        return self._no("A1099", "").told

    def over_quota(self) -> Told:
        """See `Fake`."""
        return self._no("A1005", "").told

    # How it answers

    def _done(self, told: dict[str, Any]) -> Told:
        whole = told if "obj" in told else {"success": True, "errorCode": "S0000", "errorMsg": None, "msgData": told}
        return _outer("A1000", "", whole)

    def _inner(self, code: str, message: str, why: str) -> Refused:
        told = {"success": False, "errorCode": code, "errorMsg": message, "msgData": None}
        return Refused(_outer("A1000", "", told), why)

    def _unprinted(self, message: str, why: str) -> Refused:
        return Refused(_outer("A1000", "", {"success": False, "requestId": "", "errorMessage": message}), why)

    def _no(self, code: str, why: str) -> Refused:
        return Refused(_outer(code, _OUTER[code], None), why)


_SERVICES = {
    "EXP_RECE_CREATE_ORDER": "_create",
    "EXP_RECE_UPDATE_ORDER": "_update",
    "EXP_RECE_SEARCH_ORDER_RESP": "_search",
    "EXP_RECE_SEARCH_ROUTES": "_routes",
    "COM_RECE_CLOUD_PRINT_WAYBILLS": "_print",
}


def _route(scan: FakeScan) -> dict[str, str]:
    local = dt.datetime.fromtimestamp(scan.at_ms / 1000, _ZONE).strftime("%Y-%m-%d %H:%M:%S")
    remark = f"顺丰速运 {_WORDS.get(scan.code, '运送中')}，联系电话 057187654321"
    return {"acceptAddress": scan.city, "acceptTime": local, "remark": remark, "opCode": scan.code}


def _outer(code: str, message: str, data: Any) -> Told:
    text = None if data is None else json.dumps(data, ensure_ascii=False)
    return _json(
        {
            "apiErrorMsg": message,
            "apiResponseID": uuid.uuid4().hex.upper(),
            "apiResultCode": code,
            "apiResultData": text,
        }
    )


def _json(value: Any) -> Told:
    return Told(body=json.dumps(value, ensure_ascii=False).encode())
