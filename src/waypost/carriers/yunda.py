"""Yunda Express (韵达快递): the open platform of openapi.yundaex.com.

A whole answer of success says nothing of its orders: each has a status of its own. Nothing public shows a push of
Yunda's: the reader is inferred from its other interfaces, and whoever depends on scans asks for them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from waypost.booking.issuing import Address, Issued, Label, WaybillOrder
from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.answers import is_true, read, read_text, tells_of_cancelling, write
from waypost.carriers.booked import Booked
from waypost.carriers.calling import Call, Caller
from waypost.carriers.domestic import declared_minor, write_kilograms, write_yuan
from waypost.carriers.pushes import read_signed
from waypost.carriers.rows import Scan, rows_of
from waypost.carriers.signatures import is_same, sign_yunda
from waypost.model.carriage import Waybill
from waypost.model.decoding import decode
from waypost.model.errors import WaypostError
from waypost.track.carriers import (
    Asked,
    CarrierPuzzling,
    CarrierRefused,
    Forged,
    Push,
    Pushed,
    Reply,
    Seen,
    Unsupported,
)

_BOOK, _UPDATE, _CANCEL, _TRACK, _SUBSCRIBE = (
    "/openapi-api/v1/accountOrder/createBmOrder",
    "/openapi-api/v1/accountOrder/updateBmOrder",
    "/openapi-api/v1/accountOrder/cancelBmOrder",
    "/openapi/outer/logictis/query",  # as Yunda spells it
    "/openapi/outer/logictis/subscribe",
)
#: Said of an order that is there already: it is to be updated, and that tells its number again.
_EXISTS = "更新订单请使用更新接口"
_NODE = "350"


class _Told(msgspec.Struct, frozen=True):
    """What stands around every answer."""

    result: bool | str = False
    code: str | int | None = None
    message: str | None = None
    sub_msg: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Order(msgspec.Struct, frozen=True):
    """What became of one order; the number has one of two names."""

    order_serial_no: str | None = None
    mail_no: str | None = None
    mailno: str | None = None
    status: str | int | None = None
    msg: str | None = None
    pdf_info: Any = None

    @property
    def number(self) -> str:
        return self.mail_no or self.mailno or ""

    @property
    def is_well(self) -> bool:
        return str(self.status) == "1" and "ERROR" not in (self.msg or "")


class _Step(msgspec.Struct, frozen=True, gc=False):
    time: str | None = None
    action: str | None = None
    station: str | int | None = None
    station_name: str | None = None
    city: str | None = None


class _Steps(msgspec.Struct, frozen=True):
    steps: list[_Step] | None = None


_FOUND: Any = _Steps | None


class _Event(_Step, frozen=True):
    """A push: a parcel with steps as in answers, or with one step in the same object."""

    mailno: str | None = None
    steps: list[_Step] | None = None


class Yunda:
    """Books, cancels, asks, subscribes and reads pushes at one account."""

    carrier = "yunda"
    most_at_once = 1

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account
        self._booked = Booked(caller, is_named=True)

    def book(self, order: WaybillOrder) -> Issued:
        """See `WaybillIssuer`. Yunda's `order_serial_no` has letters, digits and underscores only."""
        asked: dict[str, Any] = {
            "order_serial_no": order.reference,
            "khddh": order.reference,
            "order_type": order.service or "common",
            "node_id": _NODE,
            "sender": _person(order.sender),
            "receiver": _person(order.consignee),
            "items": [{"name": item.description, "number": item.quantity} for item in order.items],
            "weight": float(write_kilograms(order.weight_g)),
            "remark": order.remark,
        }
        if order.length_mm and order.width_mm and order.height_mm:
            sizes = (order.length_mm, order.width_mm, order.height_mm)
            asked["size"] = ",".join(f"{size / 1000:g}" for size in sizes)
        if worth := declared_minor(order):
            asked["value"] = float(write_yuan(order, worth))
        if order.cod_minor:
            amount = float(write_yuan(order, order.cod_minor))
            asked["collection_value"] = amount
            asked["markingInfos"] = [{"type": "COD", "markingValue": {"value": amount}}]
        return self._booked.book(order, _name(_BOOK), lambda: self._buy(order, asked))

    def _buy(self, order: WaybillOrder, asked: Mapping[str, Any]) -> Issued:
        operation, row = _BOOK, self._order(_BOOK, asked)
        if _EXISTS in (row.msg or ""):
            operation, row = _UPDATE, self._order(_UPDATE, asked)
        self._see_well(operation, row)
        if not row.number:
            raise CarrierPuzzling("the order is well and has no number", channel=self._channel(operation))
        return Issued(
            waybill=Waybill(self.carrier, row.number),
            reference=order.reference,
            sort_code=_sort_code(row.pdf_info),
            channel=self._channel(operation),
        )

    def cancel(self, issued: Issued, reason: str) -> None:
        """See `WaybillIssuer`. Yunda asks for no reason."""
        row = self._order(_CANCEL, {"order_serial_no": issued.reference, "mailno": issued.waybill.number})
        if not tells_of_cancelling(row.msg or ""):
            self._see_well(_CANCEL, row)
        self._booked.take_back(issued)

    def print_label(self, issued: Issued) -> Label:
        """See `WaybillIssuer`."""
        raise Unsupported("Yunda leaves printing to its customers, who have the marks of the label from booking")

    def track(self, asked: Sequence[Asked]) -> Seen:
        """See `TrackSource`. Yunda knows only what was subscribed to: what it does not know is, and asked for again."""
        scans: list[Scan] = []
        unknown: dict[str, str] = {}
        for each in asked:
            steps, why = self._query(each)
            if not steps:
                self._subscribe(each)
                steps, why = self._query(each)
            scans += [_scan(each.number, step) for step in steps]
            if not steps:
                unknown[each.number] = why
        return Seen(rows=rows_of(self.carrier, scans), unknown=unknown, channel=self._channel(_TRACK))

    def subscribe(self, asked: Sequence[Asked]) -> Mapping[str, str]:
        """See `TrackSource`. What Yunda answers of single numbers is not known: a refusal is one of the whole call."""
        for each in asked:
            self._subscribe(each)
        return {}

    def read(self, push: Push) -> Pushed:
        """See `PushReader`. Unverified: inferred from Yunda's requests and answers."""
        if push.headers.get("app-key") != self._account.get("app_key"):
            raise Forged("the push is not of this account")
        try:
            expected = sign_yunda(push.body.decode(), self._account.secret("app_secret"))
        except UnicodeDecodeError:
            raise Forged("the push is no text") from None
        if not is_same(push.headers.get("sign", ""), expected):
            raise Forged("the push is not signed as by Yunda")
        event = read_signed(push.body, _Event)
        steps = [event] if event.steps is None else event.steps
        rows = rows_of(self.carrier, [_scan(event.mailno, step) for step in steps])
        return Pushed(rows=rows, reply=_reply(True, "0000", "请求成功"))

    def refuse(self, error: WaypostError) -> Reply:
        """See `PushReader`."""
        return _reply(False, error.code, error.code)

    def _order(self, path: str, order: Mapping[str, Any]) -> _Order:
        """Ask something of one order: what became of it. A refusal of the whole that says so is one of the order."""
        body = {
            "appid": self._account.get("app_key"),
            "partner_id": self._account.get("partner_id"),
            "secret": self._account.secret(),
            "orders": [order],
        }
        told = self._send(path, body)
        if _EXISTS in (told.message or ""):
            return _Order(msg=told.message)
        self._see_result(path, told)
        rows = read_text(bytes(told.data), list[_Order], self._channel(path))
        if len(rows) != 1:
            raise CarrierPuzzling(f"asked of one order, told of {len(rows)}", channel=self._channel(path))
        return rows[0]

    def _query(self, asked: Asked) -> tuple[list[_Step], str]:
        told = self._send(_TRACK, {"mailno": asked.number})
        if not is_true(told.result):
            return [], self._caller.mask(told.sub_msg or told.message or "no reason given")
        found: _Steps | None = read_text(bytes(told.data), _FOUND, self._channel(_TRACK))
        return (found.steps if found else None) or [], "no scans"

    def _subscribe(self, asked: Asked) -> None:
        told = self._send(_SUBSCRIBE, {"orders": [{"orderid": asked.number, "mailno": asked.number}]})
        self._see_result(_SUBSCRIBE, told)

    def _send(self, path: str, asked: Mapping[str, Any]) -> _Told:
        body = write(asked)
        headers = {
            "content-type": "application/json;charset=UTF-8",
            "app-key": self._account.get("app_key"),
            "sign": sign_yunda(body, self._account.secret("app_secret")),
            "req-time": str(self._caller.hours.now_ms()),
        }
        answer = self._caller.call(
            Call(
                operation=_name(path),
                path=path,
                headers=headers,
                body=body.encode(),
                is_repeatable=path not in (_BOOK, _UPDATE),
            )
        )
        return read(answer, _Told, self._channel(path))

    def _see_result(self, path: str, told: _Told) -> None:
        if not is_true(told.result):
            code = None if told.code is None else str(told.code)
            why = self._caller.mask(told.sub_msg or told.message or "no reason given")
            raise CarrierRefused(f"refused: {why}", channel=self._channel(path), carrier_code=code)

    def _see_well(self, path: str, row: _Order) -> None:
        if not row.is_well:
            why = f"refused: {self._caller.mask(row.msg or 'no reason given')}"
            raise CarrierRefused(why, channel=self._channel(path), carrier_code=str(row.status))

    def _channel(self, path: str) -> str:
        return self._caller.channel(_name(path))


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _person(address: Address) -> dict[str, str]:
    return {
        "name": address.name,
        "mobile": address.phone,
        "province": address.province,
        "city": address.city,
        "county": address.county,
        # Yunda wants the divisions once more in front of the street
        "address": ",".join((address.province, address.city, address.county, address.street)) if address.street else "",
        "company": address.company,
    }


def _sort_code(pdf_info: Any) -> str:
    """The first line of the label; "" where Yunda hides what is printed, as it does on wish."""
    try:
        label = decode(pdf_info)[0][0]
        return f"{label['position']} {label['position_no']}"
    except (msgspec.MsgspecError, TypeError, LookupError, RecursionError):
        return ""


def _scan(number: str | None, step: _Step) -> Scan:
    place = step.station or step.station_name or step.city
    return number, step.action and f"action:{step.action}", step.time, None if place is None else str(place)


def _reply(is_taken: bool, code: str, message: str) -> Reply:
    return Reply(body=write({"result": is_taken, "code": code, "message": message, "data": None}).encode())


ADAPTER = Adapter(
    carrier="yunda",
    make=Yunda,
    settings={"app_key": "key of the application", "partner_id": "electronic waybill account"},
    secrets={"app_secret": "secret of the application", "secret": "password of the electronic waybill account"},
    operations={
        Operation.BOOK: Evidence.TWO_SOURCES,
        Operation.CANCEL: Evidence.TWO_SOURCES,
        Operation.TRACK: Evidence.TWO_SOURCES,
        Operation.SUBSCRIBE: Evidence.UNVERIFIED,
        Operation.PUSH: Evidence.UNVERIFIED,
    },
    url="https://openapi.yundaex.com",
    test_url="https://u-openapi.yundasys.com",
)
