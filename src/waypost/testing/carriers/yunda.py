"""A strict fake of Yunda's open platform."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
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
    read_json,
    rewrite,
)

_ZONE = ZoneInfo("Asia/Shanghai")
_CLOCK_MS = 10 * 60 * 1000
_ORDERS = "/openapi-api/v1/accountOrder/"
_TRACKS = "/openapi/outer/logictis/"  # the slip of the pen is theirs
_ACTS = {
    f"{_ORDERS}createBmOrder": "_create",
    f"{_ORDERS}updateBmOrder": "_update",
    f"{_ORDERS}cancelBmOrder": "_cancel",
    f"{_TRACKS}query": "_query",
    f"{_TRACKS}subscribe": "_subscribe",
}
_REFERENCE = re.compile("[A-Za-z0-9_]{1,50}", re.ASCII)
_MOST_KG = 300  # more is no parcel: somebody means grams
_MOST_M = 5  # and here millimetres or centimetres
_MARKINGS = ("INSURED", "COD", "DF", "RETURN", "YXZ", "MUL", "CONTACT")
# The state of a parcel after a step.
_STATES = {"GOT": "GOT", "SIGNED": "SIGNED", "RETURN": "RETURN", "SIGNFAIL": "SIGNFAIL"}


class _Row(Exception):
    """An order among others is refused: with what text, and why."""

    def __init__(self, message: str, why: str) -> None:
        super().__init__(why)
        self.message = message


class FakeYunda(Fake):
    """See `Fake`. Its numbers have thirteen digits. How it pushes is a guess: nobody has shown a push of Yunda's.

    Attributes:
        checks_time: `req-time` has to be now, in milliseconds. It is not signed.
        repeat_in_row: that an order is there already stands in its row, else in the answer around the rows.
        names_number_oddly: booking gives `mailno`, as the other operations do, and not `mail_no`.
    """

    name: ClassVar[str] = "yunda"
    repeats: ClassVar[tuple[Repeat, ...]] = (Repeat.REFUSED,)
    most_a_push: ClassVar[int] = 100

    def __init__(
        self,
        *,
        app_key: str = "990001",
        app_secret: str = "of-the-fake",
        partner_id: str = "9900010001",
        partner_secret: str = "word-of-the-fake",
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.app_key, self.app_secret = app_key, app_secret
        self.partner_id, self.partner_secret = partner_id, partner_secret
        self.checks_time = True
        self.repeat_in_row = True
        self.names_number_oddly = False

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        return {
            "app_key": self.app_key,
            "app_secret": self.app_secret,
            "partner_id": self.partner_id,
            "secret": self.partner_secret,
        }

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        act = _ACTS.get(asked.path)
        if act is None or asked.method != "POST":
            raise self._no("1001", "接口不存在", f"no interface {asked.method} {asked.path}")
        if not asked.headers.get("content-type", "").startswith("application/json"):
            raise self._no("1002", "Content-Type错误", "the content type is not application/json")
        if asked.headers.get("app-key") != self.app_key:
            raise self._no("1003", "app-key错误", "app-key is not that of the account")
        self._check_time(asked.headers.get("req-time", ""))
        self._check_sign(asked.headers.get("sign", ""), asked.body.decode(errors="replace"))
        try:
            param = read_json(asked.body)
        except ValueError:
            raise self._no("1002", "JSON格式错误", "the body is no JSON") from None
        if not isinstance(param, dict):
            raise self._no("1002", "JSON格式错误", "the body is no object")
        return self._told("0000", "请求成功", getattr(self, act)(param), result=True)

    def _check_time(self, stamp: str) -> None:
        if not self.checks_time:
            return
        if not re.fullmatch("[0-9]{13}", stamp, re.ASCII):
            raise self._no("1004", "req-time错误", "req-time has to be milliseconds")
        if abs(int(stamp) - self.clock()) > _CLOCK_MS:
            raise self._no("1004", "req-time过期", "req-time is more than ten minutes off")

    def _check_sign(self, sign: str, body: str) -> None:
        right = _sign(body, self.app_secret)
        if sign == right:
            return
        why = "sign is not that of the body which was sent"
        if sign == right.upper():
            why = "sign is in capital letters"
        elif sign == _sign(body, self.partner_secret):
            why = "sign is made with the partner's password, not with the app secret"
        for done, text in rewrite(body):
            if sign == _sign(text, self.app_secret):
                why = f"sign is that of the body {done}, which is not what was sent"
        raise self._no("1005", "签名错误", why)

    # Orders: whether one was done stands in its row, and the answer around them says yes all the same.

    def _create(self, param: dict[str, Any]) -> Any:
        return self._each_order(param, self._create_one)

    def _create_one(self, order: dict[str, Any]) -> dict[str, Any]:
        reference = self._check_order(order)
        if self.find_reference(reference) is not None:
            message = f"订单{reference}已存在，更新订单请使用更新接口"
            if not self.repeat_in_row:
                raise self._no("2001", message, f"{reference} was booked already: updateBmOrder is for that")
            raise _Row(message, f"{reference} was booked already: updateBmOrder is for that")
        parcel = self.make(reference)
        key = "mailno" if self.names_number_oddly else "mail_no"
        row = self._row_of(parcel, key, "订单创建成功")
        return row | {"remark": None, "orderId": parcel.number[-6:]}

    def _update(self, param: dict[str, Any]) -> Any:
        return self._each_order(param, self._update_one)

    def _update_one(self, order: dict[str, Any]) -> dict[str, Any]:
        parcel = self.find_reference(self._check_order(order))
        if parcel is None or parcel.is_cancelled:
            raise _Row("ERROR:订单不存在", "there is no such order to update")
        if parcel.scans:
            raise _Row("ERROR:订单已揽收，不能更新", "it was picked up already")
        return self._row_of(parcel, "mailno", "订单更新成功")

    def _cancel(self, param: dict[str, Any]) -> Any:
        return self._each_order(param, self._cancel_one)

    def _cancel_one(self, order: dict[str, Any]) -> dict[str, Any]:
        parcel = self.find_reference(order.get("order_serial_no"))
        if parcel is None or parcel.number != order.get("mailno"):
            raise _Row("ERROR:订单不存在", "no order has that order_serial_no and that mailno")
        if parcel.scans:
            raise _Row("ERROR:订单已揽收，不能取消", "it was picked up already")
        parcel.is_cancelled = True
        return {"order_serial_no": parcel.reference, "mailno": parcel.number, "status": "1", "msg": "取消成功"}

    def _each_order(self, param: dict[str, Any], act: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
        ours = {"appid": self.app_key, "partner_id": self.partner_id, "secret": self.partner_secret}
        for name, value in ours.items():
            if param.get(name) != value:
                raise self._no("1006", f"{name}错误", f"{name} in the body is not that of the account")
        orders = param.get("orders")
        if not isinstance(orders, list) or not orders or not all(isinstance(order, dict) for order in orders):
            raise self._no("1002", "orders不能为空", "orders is a list of objects")
        rows = []
        for order in orders:
            try:
                rows.append(act(order))
            except _Row as refused:
                self.refused.append(str(refused))
                rows.append(
                    {
                        "order_serial_no": order.get("order_serial_no"),
                        "mail_no": "",
                        "pdf_info": "",
                        "status": "0",
                        "msg": refused.message,
                        "remark": None,
                        "orderId": "",
                    }
                )
        return rows

    def _check_order(self, order: dict[str, Any]) -> str:
        """Its reference, if nothing is wrong with the order."""
        reference = order.get("order_serial_no")
        if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
            raise _Row("订单号格式错误", "order_serial_no is letters, digits and underscores")
        if not isinstance(order.get("khddh", reference), str) or not order.get("khddh", reference):
            raise _Row("khddh格式错误", "khddh is the customer's order number")
        if order.get("node_id") != "350" or order.get("order_type") != "common":
            raise _Row("node_id或order_type错误", "node_id is 350 and order_type common, both texts")
        for side in ("sender", "receiver"):
            self._check_side(order.get(side), side)
        items = order.get("items", [])
        if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("name") for item in items):
            raise _Row("items格式错误", "items is a list of objects with a name each")
        if "weight" in order and not is_decimal(order["weight"], 3, most=_MOST_KG):
            raise _Row("weight格式错误", "weight is in kilograms with three decimals at most")
        self._check_size(order.get("size"))
        for part in ("value", "collection_value"):
            if part in order and not is_decimal(order[part], 2, most=1_000_000):
                raise _Row(f"{part}格式错误", f"{part} is in yuan with two decimals at most")
        markings = order.get("markingInfos", [])
        if not isinstance(markings, list) or not all(
            isinstance(each, dict) and each.get("type") in _MARKINGS for each in markings
        ):
            raise _Row("markingInfos格式错误", f"markingInfos is a list of objects, each of a type of {_MARKINGS}")
        return reference

    def _check_side(self, side: Any, which: str) -> None:
        if not isinstance(side, dict):
            raise _Row(f"{which}不能为空", f"the {which} is missing")
        for part in ("name", "province", "city", "county", "address"):
            if not isinstance(side.get(part), str) or not side[part].strip():
                raise _Row(f"{which}.{part}不能为空", f"{which}.{part} is missing")
        if not (side.get("mobile") or side.get("phone")):
            raise _Row(f"{which}.mobile不能为空", f"the {which} has neither mobile nor phone")
        front = re.split("[,，]", side["address"])[:4]
        if len(front) < 4 or front[:3] != [side["province"], side["city"], side["county"]] or not front[3].strip():
            raise _Row(f"{which}.address格式错误", f"{which}.address begins with province, city, county and commas")

    def _check_size(self, size: Any) -> None:
        if size in (None, ""):
            return
        sides = str(size).split(",")
        if len(sides) != 3 or not all(is_decimal(side, 3, most=_MOST_M) for side in sides):
            raise _Row("size格式错误", "size is length, width and height in metres, with commas")

    def _row_of(self, parcel: FakeParcel, key: str, message: str) -> dict[str, Any]:
        label = {
            "order_id": parcel.number[-6:],
            "order_serial_no": parcel.reference,
            "mailno": parcel.number,
            "order_type": "common",
            "status": "rs10",
            "time": local_stamp(self.clock(), _ZONE, "%Y-%m-%d%H:%M:%S"),
            "position": "300",
            "position_no": "A000-00 00",
            "package_wdjc": "杭州",
            "weight": "1.00",
        }
        # Lists in a list, and the second thing in the inner one is no object.
        pdf_info = json.dumps([[label, ["0424", 0]]], ensure_ascii=False)
        told = {"order_serial_no": parcel.reference, "pdf_info": pdf_info, key: parcel.number}
        return told | {"status": "1", "msg": message}

    # Tracks: nobody may ask who did not subscribe.

    def _subscribe(self, param: dict[str, Any]) -> Any:
        orders = param.get("orders")
        if not isinstance(orders, list) or not orders or not all(isinstance(order, dict) for order in orders):
            raise self._no("1002", "orders不能为空", "orders is a list of objects")
        parcels = []
        for order in orders:
            parcel = self.find_number(order.get("mailno"))
            if parcel is None:
                raise self._no("3001", "运单号不存在", f"no waybill {order.get('mailno')!r}")
            if not isinstance(order.get("orderid"), str) or not order["orderid"]:
                raise self._no("1002", "orderid不能为空", "orderid is missing")
            parcels.append(parcel)
        for parcel in parcels:
            parcel.is_subscribed = True
        return None

    def _query(self, param: dict[str, Any]) -> Any:
        parcel = self.find_number(param.get("mailno"))
        if parcel is None:
            raise self._no("3001", "运单号不存在", f"no waybill {param.get('mailno')!r}")
        if not parcel.is_subscribed:
            raise self._no("3002", "运单未订阅", f"nobody subscribed to {parcel.number}")
        return self._describe(parcel, parcel.scans)

    def _describe(self, parcel: FakeParcel, scans: list[FakeScan]) -> dict[str, Any]:
        """Scans as they came in, which is no order: nobody says that there is one."""
        last = max(scans, key=lambda scan: scan.at_ms, default=None)
        return {
            "mailno": parcel.number,
            "result": "true",
            "time": local_stamp(last.at_ms, _ZONE) if last else None,
            "remark": "",
            "status": _STATES.get(last.code, "TRANSIT") if last else None,
            "steps": [
                {
                    "time": local_stamp(scan.at_ms, _ZONE),
                    "station": scan.facility_code,
                    "station_name": scan.facility,
                    "station_type": "2",
                    "action": scan.code,
                    "description": f"【{scan.city}】 快递员 & 联系电话 057187654321 “+”",
                    "next": "",
                    "next_type": "",
                    "next_name": "",
                    "phone": "057187654321",
                    "signer": "收件人",
                    "status": _STATES.get(scan.code, "TRANSIT"),
                    "city": scan.city,
                    "next_city": "",
                }
                for scan in scans
            ],
        }

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`: a guess, by its requests and by what it answers to a query."""
        told = {"orderid": parcel.reference} | self._describe(parcel, scans)
        # The blanks are not those of most JSON writers: who writes it again has another sign.
        body = json.dumps(told, ensure_ascii=False, separators=(", ", ":"))
        headers = {
            "content-type": "application/json;charset=UTF-8",
            "app-key": self.app_key,
            "sign": _sign(body, self.app_secret),
            "req-time": str(self.clock()),
        }
        return Asked(method="POST", path="", query={}, headers=headers, body=body.encode())

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`: in the shape of its own answers."""
        try:
            told = read_json(body)
        except ValueError:
            return False
        if status != 200 or not isinstance(told, dict):
            return False
        return told.get("result") is True and told.get("code") == "0000"

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return str(4_300_000_000_000 + count)

    def over_quota(self) -> Told:
        """See `Fake`: under status 200."""
        return self._told("1007", "访问频率超限", None, result=False)

    def _no(self, code: str, message: str, why: str) -> Refused:
        return Refused(self._told(code, message, None, result=False), why)

    def _told(self, code: str, message: str, data: Any, *, result: bool) -> Told:
        return as_json(
            {"result": result, "code": code, "message": message, "data": data, "sub_code": None, "sub_msg": None}
        )


def _sign(body: str, secret: str) -> str:
    return hashlib.md5(f"{body}_{secret}".encode(errors="replace"), usedforsecurity=False).hexdigest()
