"""BEST Express (百世快递): the process interface of 800best.com, as its customers in China and South East Asia call it.

Its answers may have `SYSTEM_ERROR` glued before the JSON. What it says to an order that it has already is not public;
since orders are cancelled by our reference alone, it is taken that there can be but one of each.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec

from waypost.booking.issuing import Address, Issued, Label, WaybillOrder
from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.answers import T, is_true, read_text, write
from waypost.carriers.booked import Booked
from waypost.carriers.calling import Call, Caller
from waypost.carriers.money import write_amount
from waypost.carriers.pushes import read_form
from waypost.carriers.rows import Scan, rows_of, seen_of
from waypost.carriers.signatures import is_same, sign_best
from waypost.model.carriage import Waybill
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, WaypostError
from waypost.track.carriers import (
    Asked,
    CarrierRefused,
    Forged,
    Push,
    Pushed,
    Reply,
    Seen,
    Unsupported,
)

_BOOK, _CANCEL, _TRACK, _PUSH = (
    "KD_CREATE_WAYBILL_ORDER_PDF_NOTIFY",
    "KD_CANCEL_ORDER_NOTIFY",
    "KD_TRACE_QUERY",
    "KD_ORDER_STATUS_PUSH",
)
_FORM = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
_GLUED = b"SYSTEM_ERROR"
_USUAL_SERVICE = "1"
#: BEST numbers countries, and only this one is sure. `country` of an account names the number of another one.
_COUNTRIES = {"TH": "06"}
_CURRENCIES = {"CN": "CNY", "TH": "THB"}
_ZONE = ZoneInfo("Asia/Shanghai")


class _Refusal(msgspec.Struct, frozen=True):
    result: bool | str
    errorCode: str | int | None = None
    errorDescription: str | None = None
    remark: str | None = None


class _Booked(msgspec.Struct, frozen=True):
    mailNo: str
    triSortCode: str | None = None
    pdfStream: bytes | None = None
    pdfStreamList: list[bytes] | None = None


class _Done(msgspec.Struct, frozen=True):
    result: bool | str


class _Trace(msgspec.Struct, frozen=True, gc=False):
    acceptTime: str
    scanType: str
    acceptAddress: str | None = None


class _Log(msgspec.Struct, frozen=True):
    class Traces(msgspec.Struct, frozen=True):
        trace: list[_Trace] | _Trace | None = None

    mailNo: str
    traces: Traces | None = None

    @property
    def steps(self) -> list[_Trace]:
        told = self.traces.trace if self.traces else None
        return [told] if isinstance(told, _Trace) else told or []


class _Logs(msgspec.Struct, frozen=True):
    traceLogs: list[_Log] | None = None


class _Told(msgspec.Struct, frozen=True):
    mailNo: str
    packageStatusCode: str
    operateTime: int | str
    currentCity: str | None = None


class Best:
    """Books, cancels, prints, asks and is pushed at one account."""

    carrier = "best"
    #: Nothing says how many it takes.
    most_at_once = 10

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account
        self._booked = Booked(caller, is_named=True)

    def book(self, order: WaybillOrder) -> Issued:
        """See `WaybillIssuer`. The reference is BEST's `txLogisticId`; the label comes along."""
        asked: dict[str, Any] = {
            "customerName": self._account.get("customer", order.sender.company or order.sender.name),
            "txLogisticId": order.reference,
            "serviceType": order.service or _USUAL_SERVICE,
            "special": "0",
            "sender": self._person(order.sender),
            "receiver": self._person(order.consignee),
            "items": {"item": [{"itemName": item.description, "number": item.quantity} for item in order.items]},
            "itemsWeight": order.weight_g / 1000,
            "piece": 1,
            "remark": order.remark,
        }
        values = [item.value_minor * item.quantity for item in order.items if item.value_minor is not None]
        if values:
            asked["goodsValue"] = self._worth(order, sum(values))
        if order.cod_minor:
            asked["itemsValue"] = self._worth(order, order.cod_minor)
        return self._booked.book(order, _BOOK, lambda: self._buy(order, asked))

    def _buy(self, order: WaybillOrder, asked: Mapping[str, Any]) -> Issued:
        booked = self._ask(_BOOK, asked, _Booked, is_repeatable=False)
        papers = booked.pdfStreamList or ([booked.pdfStream] if booked.pdfStream else [])
        return Issued(
            waybill=Waybill(self.carrier, booked.mailNo),
            reference=order.reference,
            sort_code=booked.triSortCode or "",
            label=Label(content=papers[0]) if papers else None,
            channel=self._caller.channel(_BOOK),
        )

    def cancel(self, issued: Issued, reason: str) -> None:
        """See `WaybillIssuer`."""
        self._ask(_CANCEL, {"txLogisticId": issued.reference, "reason": reason}, _Done)
        self._booked.take_back(issued)

    def print_label(self, issued: Issued) -> Label:
        """See `WaybillIssuer`. The label came with the booking."""
        if issued.label is None:
            raise Unsupported("BEST gives a label when it is booked", mend="Keep what was issued.")
        return issued.label

    def track(self, asked: Sequence[Asked]) -> Seen:
        """See `TrackSource`."""
        told = self._ask(_TRACK, {"mailNos": {"mailNo": [each.number for each in asked]}}, _Logs)
        scans: list[Scan] = [
            (log.mailNo, step.scanType, step.acceptTime, step.acceptAddress or None)
            for log in told.traceLogs or ()
            for step in log.steps
        ]
        return seen_of(self.carrier, asked, scans, self._caller.channel(_TRACK))

    def subscribe(self, asked: Sequence[Asked]) -> Mapping[str, str]:
        """See `TrackSource`."""
        raise Unsupported("BEST wants the people of a waybill to push its scans; it pushes those of its own orders")

    def read(self, push: Push) -> Pushed:
        """See `PushReader`. The text is signed as it came: BEST escapes in ways of its own."""
        form = read_form(push)
        text = form.get("bizData", "")
        if not is_same(form.get("sign", ""), sign_best(text, self._account.secret("partner_key"))):
            raise Forged("the push is not signed by BEST for this account")
        if form.get("partnerID", "") != self._account.get("partner_id"):
            raise Forged("the push is for another account")
        if form.get("serviceType", "") != _PUSH:
            raise BadInput(f"a push of the type {form.get('serviceType', '')[:40]!r}, which is not known")
        if form.get("messageType", "JSON") != "JSON" or form.keys() - {
            "bizData",
            "sign",
            "partnerID",
            "serviceType",
            "messageType",
        }:
            raise BadInput("the push has fields that are not known")
        try:
            told = decode(text, _Told)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise BadInput(f"the push cannot be read: {error}") from None
        scan = (told.mailNo, told.packageStatusCode, _stamp(told.operateTime), told.currentCity or None)
        return Pushed(rows=rows_of(self.carrier, [scan]), reply=Reply(body=b'{"result":true}'))

    def refuse(self, error: WaypostError) -> Reply:
        """See `PushReader`."""
        told = {"result": False, "remark": "", "errorCode": error.code, "errorDescription": error.code}
        return Reply(body=write(told).encode())

    def _worth(self, order: WaybillOrder, minor: int) -> float:
        currency = self._account.get("currency", _CURRENCIES.get(order.sender.country, ""))
        if not currency:
            raise BadInput(
                f"what BEST counts in is not known in {order.sender.country[:2]}",
                where="sender country",
                mend="Give the account a currency, one of two decimals.",
            )
        return float(write_amount(order, minor, currency))

    def _person(self, address: Address) -> dict[str, str]:
        told = {
            "name": address.name,
            "postCode": address.postcode,
            "mobile": address.phone,
            "prov": address.province,
            "city": address.city,
            "county": address.county,
            "address": address.street,
            "email": address.email,
            "country": self._account.get("country", _COUNTRIES.get(address.country, "")),
        }
        return {name: value for name, value in told.items() if value}

    def _ask(self, operation: str, data: Mapping[str, Any], kind: type[T], *, is_repeatable: bool = True) -> T:
        text, channel = write(data), self._caller.channel(operation)
        body = {
            "serviceType": operation,
            "bizData": text,
            "partnerID": self._account.get("partner_id"),
            "messageType": "JSON",
            "sign": sign_best(text, self._account.secret("partner_key")),
        }
        answer = self._caller.call(
            Call(
                operation=operation,
                headers=_FORM,
                body=urlencode(body).encode(),
                is_repeatable=is_repeatable,
            )
        )
        told = answer.body.strip().removeprefix(_GLUED)
        refusal = read_text(told, _Refusal, channel, f" (status {answer.status})")
        if not is_true(refusal.result):
            code = None if refusal.errorCode is None else str(refusal.errorCode)
            why = self._caller.mask(refusal.errorDescription or refusal.remark or "no reason given")
            raise CarrierRefused(f"refused: {why}", channel=channel, carrier_code=code)
        return read_text(told, kind, channel)


def _stamp(at: int | str) -> str:
    """Epoch milliseconds in some versions, a local stamp in others."""
    if isinstance(at, str):
        return at
    try:
        moment = dt.datetime.fromtimestamp(at // 1000, tz=_ZONE).replace(microsecond=at % 1000 * 1000)
    except (ValueError, OverflowError, OSError):
        return str(at)
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds" if at % 1000 else "seconds")


ADAPTER = Adapter(
    carrier="best",
    make=Best,
    settings={
        "partner_id": "partnerID (合作商编码)",
        "customer": "name of the customer; the sender's without it",
        "country": "number by which BEST calls the country",
        "currency": "in which it counts there: CNY in China, THB in Thailand without it",
    },
    secrets={"partner_key": "partnerKey (密钥)"},
    optional=frozenset({"customer", "country", "currency"}),
    operations={
        Operation.BOOK: Evidence.TWO_SOURCES,
        Operation.CANCEL: Evidence.ONE_SOURCE,
        Operation.PRINT: Evidence.TWO_SOURCES,
        Operation.TRACK: Evidence.VENDOR,
        Operation.PUSH: Evidence.TWO_SOURCES,
    },
    url="http://edi-q9.ns.800best.com/kd/api/process",
    test_url="http://kdtest.800best.com/kd/api/process",
)
