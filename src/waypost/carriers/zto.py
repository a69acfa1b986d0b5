"""ZTO Express (中通快递): the open platform of japi.zto.com.

The console chooses how calls are signed: `digest` md5, sha256 or hmac_sha256, the last with a key of its own
(`hmac_key`); `base64` = "false" for hexadecimal digits; `use_timestamp` = "true" for the interfaces whose page asks for
a signed time, best as `use_timestamp.INTERFACE`, for the others fail with one.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from waypost.booking.issuing import Address, Issued, Label, LabelComesLater, PushedLabel, WaybillOrder
from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.answers import is_true, read, read_text, tells_of_cancelling, write
from waypost.carriers.booked import Booked
from waypost.carriers.calling import Call, Caller
from waypost.carriers.domestic import ZONE, declared_minor, is_mobile, write_yuan
from waypost.carriers.pushes import expect, read_form, read_object, read_signed
from waypost.carriers.rows import Scan, local_stamp, rows_of
from waypost.carriers.signatures import ZtoMode, is_same, sign_zto
from waypost.model.carriage import Waybill
from waypost.model.errors import SettingsError, WaypostError
from waypost.track.carriers import (
    Asked,
    CarrierError,
    CarrierRefused,
    CarrierUnreachable,
    Forged,
    InDoubt,
    Push,
    Pushed,
    Reply,
    Seen,
)

_BOOK, _CANCEL, _PRINT, _ORDER, _TRACK, _SUBSCRIBE = (
    "zto.open.createOrder",
    "zto.open.cancelPreOrder",
    "zto.open.order.print",
    "zto.open.getOrderInfo",
    "zto.merchant.waybill.track.query",
    "zto.merchant.waybill.track.subsrcibe",  # as ZTO spells it
)
#: It took too long, or a service is down: what was asked may have been done.
_BROKEN = frozenset({"S200", "S203"})
#: Too many calls, in a minute or in a second, and after how long there may be more.
_QUOTAS = {"S206": 60.0, "S221": 1.0}
#: Codes of a single number, by their beginning: no account, no such phone, no such form.
_OF_A_NUMBER = "E4"
_NO_PHONE_MATCH = "E413"
#: An order by appointment, to which ZTO gives a number at once. Those that go by a standing arrangement (1) cannot be
#: taken back; those of type 3 have no number yet.
_BY_APPOINTMENT = "2"
_NO_GROUP = "2"
_CHANGED_MIND = "1"
_PDF = 1
_CANCELLED = -2
_MODES: Mapping[str, ZtoMode] = {"md5": "md5", "sha256": "sha256", "hmac_sha256": "hmac_sha256"}


class _Told(msgspec.Struct, frozen=True):
    """What stands around every answer. `statusCode` differs among successes; `status` counts."""

    status: bool | str = False
    statusCode: str | int | None = None
    message: str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")


class _Booked(msgspec.Struct, frozen=True):
    class Mark(msgspec.Struct, frozen=True):
        mark: str | None = None

    billCode: str
    orderCode: str | None = None
    bigMarkInfo: Mark | None = None


class _Order(msgspec.Struct, frozen=True):
    orderStatus: int | None = None


class _Site(msgspec.Struct, frozen=True, gc=False):
    code: str | None = None
    name: str | None = None
    city: str | None = None


class _Step(msgspec.Struct, frozen=True, gc=False):
    scanType: str | None = None
    scanDate: str | int | None = None
    billCode: str | None = None
    scanSite: _Site | None = None


class _Event(msgspec.Struct, frozen=True):
    billCode: str | None = None
    action: str | None = None
    actionTime: str | None = None
    facilityCode: str | None = None
    facilityName: str | None = None
    city: str | None = None


class _Paper(msgspec.Struct, frozen=True):
    billCode: str
    printType: str | int
    result: str
    dataDigest: str


class Zto:
    """Books, cancels, has labels printed, asks, subscribes and reads pushes at one account."""

    carrier = "zto"
    most_at_once = 1

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account
        # whether ZTO gives one waybill for one reference is not known
        self._booked = Booked(caller, is_named=False)
        mode = self._account.get("digest", "md5")
        if mode not in _MODES:
            raise SettingsError(f"[accounts.{self._account.name}] digest has to be one of {', '.join(_MODES)}")
        self._mode = _MODES[mode]
        self._key = self._account.secret("hmac_key") if mode == "hmac_sha256" else ""
        self._is_base64 = self._read_switch("base64", "true")

    def book(self, order: WaybillOrder) -> Issued:
        """See `WaybillIssuer`. A service is a `vasType` of ZTO's, such as `standardExpress`."""
        account = {"accountId": "account_id", "customerId": "customer_id"}
        info = {name: self._account.get(setting, "") for name, setting in account.items()}
        if "account_password" in self._account.secrets:
            info["accountPassword"] = self._account.secret("account_password")
        summary: dict[str, Any] = {"quantity": 1}
        if worth := declared_minor(order):
            summary["price"] = float(write_yuan(order, worth))
        if order.length_mm and order.width_mm and order.height_mm:
            size = (order.length_mm, order.width_mm, order.height_mm)
            summary["size"] = ",".join(f"{each / 10:g}" for each in size)
        asked: dict[str, Any] = {
            "partnerType": self._account.get("partner_type", _NO_GROUP),
            "orderType": self._account.get("order_type", _BY_APPOINTMENT),
            "partnerOrderCode": order.reference,
            "accountInfo": {name: value for name, value in info.items() if value},
            "senderInfo": _person("sender", order.sender),
            "receiveInfo": _person("receiver", order.consignee),
            "orderItems": [
                {"name": item.description, "quantity": item.quantity}
                | ({"weight": item.weight_g} if item.weight_g is not None else {})
                for item in order.items
            ],
            "summaryInfo": summary,
            "remark": order.remark,
        }
        services: list[dict[str, Any]] = [{"vasType": order.service}] if order.service else []
        if order.cod_minor:
            write_yuan(order, order.cod_minor)  # it has to be of this country, though ZTO wants it in fen
            cod_account = self._account.get("cod_account", "")
            services.append(
                {"vasType": "COD", "vasAmount": order.cod_minor} | ({"accountNo": cod_account} if cod_account else {})
            )
        if services:
            asked["orderVasList"] = services
        return self._booked.book(order, _BOOK, lambda: self._buy(order, asked))

    def _buy(self, order: WaybillOrder, asked: Mapping[str, Any]) -> Issued:
        booked = self._ask(_BOOK, asked, _Booked, is_repeatable=False)
        return Issued(
            waybill=Waybill(self.carrier, booked.billCode),
            reference=order.reference,
            carrier_reference=booked.orderCode or "",
            sort_code=(booked.bigMarkInfo.mark or "") if booked.bigMarkInfo else "",
            channel=self._caller.channel(_BOOK),
        )

    def cancel(self, issued: Issued, reason: str) -> None:
        """See `WaybillIssuer`. ZTO takes a reason by its number only."""
        which = (
            {"orderCode": issued.carrier_reference} if issued.carrier_reference else {"billCode": issued.waybill.number}
        )
        try:
            self._ask(_CANCEL, {"cancelType": _CHANGED_MIND, **which}, Any)
        except CarrierRefused as refused:
            if not tells_of_cancelling(refused.message) and not self._is_cancelled(issued):
                raise
        self._booked.take_back(issued)

    def print_label(self, issued: Issued) -> Label:
        """See `WaybillIssuer`. ZTO only takes note, and pushes the PDF to the address that its console knows."""
        self._ask(_PRINT, {"printType": _PDF, "billCode": issued.waybill.number, "printLogo": True}, Any)
        raise LabelComesLater(
            f"{self._caller.channel(_PRINT)}: the label of {issued.waybill.number} was asked for and will be pushed",
            mend="ZTO sends it to the print address of its console.",
        )

    def read_label(self, push: Push) -> PushedLabel:
        """See `LabelReader`. The digest bears no secret: it shows damage and not the sender, and the address does."""
        told = parse_qs(push.query).get("key", [])
        if len(told) != 1 or not is_same(told[0], self._account.secret("label_key")):
            raise Forged("the address of the label lacks the key of this account")
        paper = read_object(push, _Paper)
        digest = hashlib.md5((paper.result + paper.billCode).encode(), usedforsecurity=False).digest()
        if not is_same(paper.dataDigest, base64.b64encode(digest).decode()):
            raise Forged("the label is not as ZTO sent it")
        try:
            content = base64.b64decode(paper.result, validate=True)
        except ValueError:
            raise Forged("the label is no base64") from None
        kind = "application/pdf" if str(paper.printType) == str(_PDF) else "image/jpeg"
        return PushedLabel(
            waybill=Waybill(self.carrier, paper.billCode),
            label=Label(content=content, content_type=kind),
            reply=_THANKS,
        )

    def track(self, asked: Sequence[Asked]) -> Seen:
        """See `TrackSource`. ZTO wants the last four digits of a telephone unless the account sent the parcel."""
        scans: list[Scan] = []
        unknown: dict[str, str] = {}
        for each in asked:
            try:
                steps = self._ask(_TRACK, _name(each), list[_Step] | None) or []
            except CarrierRefused as refused:
                if not (refused.carrier_code or "").startswith(_OF_A_NUMBER):
                    raise
                unknown[each.number] = refused.message
                continue
            scans += [_read_step(step, each.number) for step in steps]
            if not steps:
                unknown[each.number] = "no scans"
        return Seen(rows=rows_of(self.carrier, scans), unknown=unknown, channel=self._caller.channel(_TRACK))

    def subscribe(self, asked: Sequence[Asked]) -> Mapping[str, str]:
        """See `TrackSource`."""
        refused = {}
        for each in asked:
            try:
                self._ask(_SUBSCRIBE, _name(each), Any)
            except CarrierRefused as no:
                if not (no.carrier_code or "").startswith(_OF_A_NUMBER):
                    raise
                refused[each.number] = no.message
        return refused

    def read(self, push: Push) -> Pushed:
        """See `PushReader`. One scan a push, as a form or as JSON with the same fields."""
        is_object = push.body.lstrip().startswith(b"{")
        form = read_object(push, dict[str, str]) if is_object else read_form(push)
        data = form.get("data", "")
        if not is_same(form.get("data_digest", ""), sign_zto(data, self._account.secret("app_secret"))):
            raise Forged("the push is not signed as by ZTO")
        beside = {"company_id": {self._account.get("app_key")}, "msg_type": {"Traces"}, "token": {""}}
        expect(form, beside, read=("data", "data_digest"))
        event = read_signed(data, _Event)
        place = event.facilityCode or event.facilityName or event.city
        rows = rows_of(self.carrier, [(event.billCode, event.action, event.actionTime, place)])
        return Pushed(rows=rows, reply=_THANKS)

    def refuse(self, error: WaypostError) -> Reply:
        """See `PushReader`."""
        return _reply(status=False, message=error.code, result=None, statusCode="500")

    def _ask(self, operation: str, asked: Mapping[str, Any], kind: Any, *, is_repeatable: bool = True) -> Any:
        body, channel = write(asked), self._caller.channel(operation)
        stamp = str(self._caller.hours.now_ms()) if self._read_switch("use_timestamp", "false", operation) else ""
        digest = sign_zto(
            body,
            self._account.secret("app_secret"),
            self._mode,
            stamp,
            key=self._key,
            is_base64=self._is_base64,
        )
        headers = {
            "content-type": "application/json;charset=UTF-8",
            "x-appKey": self._account.get("app_key"),
            "x-dataDigest": digest,
        }
        answer = self._caller.call(
            Call(
                operation=operation,
                path=f"/{operation}",
                headers=headers | ({"x-timestamp": stamp} if stamp else {}),
                body=body.encode(),
                is_repeatable=is_repeatable,
            )
        )
        told = read(answer, _Told, channel)
        if is_true(told.status):
            return read_text(bytes(told.result), kind, channel)
        code = None if told.statusCode is None else str(told.statusCode)
        why = f"refused: {self._caller.mask(told.message or 'no reason given')}"
        if code in _BROKEN and not is_repeatable:
            raise InDoubt(why, channel=channel, carrier_code=code, mend="It may have been done all the same.")
        if code in _BROKEN or code in _QUOTAS:
            raise CarrierUnreachable(
                why, channel=channel, carrier_code=code, mend="Try again later.", retry_s=_QUOTAS.get(code)
            )
        mend = "Ask with the last four digits of a telephone number." if code == _NO_PHONE_MATCH else None
        raise CarrierRefused(why, channel=channel, carrier_code=code, mend=mend)

    def _is_cancelled(self, issued: Issued) -> bool:
        """Whether ZTO says so of an order: it has no public code for what was taken back before."""
        if not issued.carrier_reference:
            return False
        try:
            orders = self._ask(_ORDER, {"type": 0, "orderCode": issued.carrier_reference}, list[_Order])
        except CarrierError:
            return False
        return any(order.orderStatus == _CANCELLED for order in orders)

    def _read_switch(self, name: str, default: str, interface: str = "") -> bool:
        told = self._account.get(name, default, interface=interface)
        if told not in ("true", "false"):
            raise SettingsError(f'[accounts.{self._account.name}] {name} has to be "true" or "false"')
        return told == "true"


def _name(asked: Asked) -> dict[str, str]:
    return {"billCode": asked.number} | ({"mobilePhone": asked.phone_tail} if asked.phone_tail else {})


def _person(who: str, address: Address) -> dict[str, str]:
    return {
        f"{who}Name": address.name,
        f"{who}{'Mobile' if is_mobile(address.phone) else 'Phone'}": address.phone,
        f"{who}Province": address.province,
        f"{who}City": address.city,
        f"{who}District": address.county,
        f"{who}Address": address.street,
    }


def _read_step(step: _Step, number: str) -> Scan:
    code, at = step.scanType, step.scanDate
    # words in Latin letters mean other things in answers than in pushes: they are a set of their own
    if code and code.isascii() and not code.isdigit():
        code = f"scan:{code}"
    if isinstance(at, str) and at.isascii() and at.isdigit():
        at = int(at[:18])
    stamp = local_stamp(at, ZONE) if isinstance(at, int) else at
    site = step.scanSite or _Site()
    return step.billCode or number, code, stamp, site.code or site.name or site.city


def _reply(**told: Any) -> Reply:
    return Reply(body=write(told).encode())


_THANKS = _reply(status=True, message="调用成功", result="成功", statusCode="200")


ADAPTER = Adapter(
    carrier="zto",
    make=Zto,
    settings={
        "app_key": "key of the application, which its pushes name as company_id",
        "account_id": "electronic waybill account (电子面单账号)",
        "customer_id": "of a group customer (partner_type 1), in place of account_id",
        "partner_type": "1 group customer, 2 other (2 if not given)",
        "order_type": "1 by standing arrangement, 2 by appointment with a number (2 if not given)",
        "cod_account": "where what is collected at the door is paid to",
        "digest": "md5, sha256 or hmac_sha256, as the console has it (md5 if not given)",
        "base64": "whether digests are base64 and not hexadecimal digits: true or false (true if not given)",
        "use_timestamp": "whether the time is sent and signed: true or false (false if not given)",
    },
    secrets={
        "app_secret": "secret of the application",
        "hmac_key": "key of hmac_sha256, which is not the app_secret",
        "account_password": "of the electronic waybill account",
        "label_key": "of your own, behind ?key= in the address that ZTO pushes labels to",
    },
    optional=frozenset(
        {
            *("account_id", "customer_id", "partner_type", "order_type", "cod_account"),
            *("digest", "base64", "use_timestamp", "hmac_key", "account_password", "label_key"),
        }
    ),
    label_needs=frozenset({"label_key"}),
    operations={
        Operation.BOOK: Evidence.TWO_SOURCES,
        Operation.CANCEL: Evidence.ONE_SOURCE,
        Operation.PRINT: Evidence.ONE_SOURCE,
        Operation.TRACK: Evidence.TWO_SOURCES,
        Operation.SUBSCRIBE: Evidence.ONE_SOURCE,
        Operation.PUSH: Evidence.ONE_SOURCE,
    },
    url="https://japi.zto.com",
    test_url="https://japi-test.zto.com",
)
