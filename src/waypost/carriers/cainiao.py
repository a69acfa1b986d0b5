"""Cainiao LINK (菜鸟): electronic waybills of the couriers that it joins.

A number is lent by a courier (`cp_code`), which carries the parcel and scans it: who wants its scans asks that courier,
for LINK's own answers and pushes of scans are not public. The paper is printed by Cainiao's agent beside the printer,
out of the print data that come with the number: these are the label.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from waypost.booking.issuing import Address, Issued, Label, WaybillOrder
from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.answers import T, is_true, read, write
from waypost.carriers.booked import Booked
from waypost.carriers.calling import Call, Caller
from waypost.carriers.signatures import sign_cainiao_link
from waypost.model.carriage import Waybill
from waypost.track.carriers import CarrierPuzzling, CarrierRefused, Unsupported

_BOOK, _CANCEL = "TMS_WAYBILL_GET", "TMS_WAYBILL_DISCARD"
_FORM = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}


class _Refusal(msgspec.Struct, frozen=True):
    success: bool | str
    errorCode: str | int | None = None
    errorMsg: str | None = None


class _Lent(msgspec.Struct, frozen=True):
    class Waybill(msgspec.Struct, frozen=True):
        waybillCode: str
        objectId: str | None = None
        printData: str | None = None

    waybillCloudPrintResponseList: list[Waybill]


class _Discarded(msgspec.Struct, frozen=True):
    discardResult: bool | str | None = None


class Cainiao:
    """Books and cancels at one account, for one courier."""

    carrier = "cainiao"

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account
        self._booked = Booked(caller, is_named=True)

    def book(self, order: WaybillOrder) -> Issued:
        """See `WaybillIssuer`. The reference is both the trade order and the object that a number is lent for."""
        if order.cod_minor:
            raise Unsupported("cash on delivery over LINK is not known well enough")
        asked: dict[str, Any] = {
            "cpCode": self._account.get("cp_code"),
            "sender": _person(order.sender),
            "tradeOrderInfoDtos": [
                {
                    "objectId": order.reference,
                    "userId": self._account.get("user_id"),
                    "templateUrl": self._account.get("template_url"),
                    "orderInfo": {"orderChannelsType": "OTHERS", "tradeOrderList": [order.reference]},
                    "packageInfo": {
                        "id": order.reference,
                        "items": [{"name": item.description, "count": item.quantity} for item in order.items],
                        "weight": order.weight_g,
                    },
                    "recipient": _person(order.consignee),
                }
            ],
        }
        return self._booked.book(order, _BOOK, lambda: self._buy(order, asked))

    def _buy(self, order: WaybillOrder, asked: Mapping[str, Any]) -> Issued:
        channel = self._caller.channel(_BOOK)
        lent = self._ask(_BOOK, asked, _Lent, is_repeatable=False).waybillCloudPrintResponseList
        if len(lent) != 1 or lent[0].objectId not in (None, order.reference):
            raise CarrierPuzzling("the answer is not for what was asked", channel=channel)
        data = lent[0].printData
        return Issued(
            waybill=Waybill(self.carrier, lent[0].waybillCode),
            reference=order.reference,
            label=Label(content=data.encode(), content_type="application/json") if data else None,
            channel=channel,
        )

    def cancel(self, issued: Issued, reason: str) -> None:
        """See `WaybillIssuer`."""
        asked = {"cpCode": self._account.get("cp_code"), "waybillCode": issued.waybill.number}
        told = self._ask(_CANCEL, asked, _Discarded)
        if told.discardResult is not None and not is_true(told.discardResult):
            raise CarrierRefused("not discarded", channel=self._caller.channel(_CANCEL))
        self._booked.take_back(issued)

    def print_label(self, issued: Issued) -> Label:
        """See `WaybillIssuer`. What Cainiao's print agent is given."""
        if issued.label is None:
            raise Unsupported("Cainiao gives print data when a number is lent", mend="Keep what was issued.")
        return issued.label

    def _ask(self, operation: str, data: Mapping[str, Any], kind: type[T], *, is_repeatable: bool = True) -> T:
        text, channel = write(data), self._caller.channel(operation)
        body = {
            "msg_type": operation,
            "logistic_provider_id": self._account.secret("token"),
            "data_digest": sign_cainiao_link(text, self._account.secret()),
            "logistics_interface": text,
        }
        if to_code := self._account.get("to_code", ""):
            body["to_code"] = to_code
        answer = self._caller.call(
            Call(
                operation=operation,
                headers=_FORM,
                body=urlencode(body).encode(),
                is_repeatable=is_repeatable,
            )
        )
        refusal = read(answer, _Refusal, channel)
        if not is_true(refusal.success):
            code = None if refusal.errorCode is None else str(refusal.errorCode)
            why = self._caller.mask(refusal.errorMsg or "no reason given")
            raise CarrierRefused(f"refused: {why}", channel=channel, carrier_code=code)
        return read(answer, kind, channel)


def _person(address: Address) -> dict[str, Any]:
    place = {
        "province": address.province,
        "city": address.city,
        "district": address.county,
        "detail": address.street,
    }
    told = {
        "name": address.name,
        "mobile": address.phone,
        "address": {name: value for name, value in place.items() if value},
    }
    return {name: value for name, value in told.items() if value}


ADAPTER = Adapter(
    carrier="cainiao",
    make=Cainiao,
    settings={
        "cp_code": "courier that lends the numbers, as STO",
        "user_id": "user of the application",
        "template_url": "template of the paper",
        "to_code": "to_code, where one is asked for",
    },
    secrets={"secret": "appSecret (密钥)", "token": "logistic_provider_id (资源编码或授权 token)"},
    optional=frozenset({"to_code"}),
    operations={
        Operation.BOOK: Evidence.TWO_SOURCES,
        Operation.CANCEL: Evidence.TWO_SOURCES,
        Operation.PRINT: Evidence.TWO_SOURCES,
    },
    url="http://link.cainiao.com/gateway/link.do",
    test_url="http://linkdaily.tbsandbox.com/gateway/link.do",
)
