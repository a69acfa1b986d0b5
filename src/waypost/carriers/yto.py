"""YTO Express (圆通速递): the open platform of openapi.yto.net.cn.

Every interface has a token and a secret of its own, which the console gives together: `token` and `secret` hold for all
of them, `token.track_query_adapter` and `secret.track_query_adapter` for that one alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from waypost.booking.issuing import Address, Issued, Label, WaybillOrder
from waypost.carriers.answers import T, read, write
from waypost.carriers.calling import Answer, Call, Caller
from waypost.carriers.rows import Scan, rows_of
from waypost.carriers.signatures import sign_yto
from waypost.model.carriage import Waybill
from waypost.track.carriers import Asked, CarrierPuzzling, CarrierRefused, Seen

_BOOK, _CANCEL, _PRINT, _TRACK, _SUBSCRIBE = (
    "privacy_create_adapter",
    "korder_cancel_adapter",
    "waybill_print_adapter",
    "track_query_adapter",
    "subscribe_adapter",
)
_VERSION = "v1"
#: "No result": a number that YTO has never seen.
_NOTHING = "1001"
_COD = 1


class _Refusal(msgspec.Struct, frozen=True):
    """How YTO says no, under status 200 as well; which of the fields it fills differs by interface."""

    success: bool | str | None = None
    code: str | int | None = None
    message: str | None = None
    reason: str | None = None

    @property
    def why(self) -> str:
        return self.message or self.reason or "no reason given"


class _Booked(msgspec.Struct, frozen=True):
    mailNo: str
    logisticsNo: str
    shortAddress: str | None = None


class _Cancelled(msgspec.Struct, frozen=True):
    logisticsNo: str


class _Printed(msgspec.Struct, frozen=True):
    class Data(msgspec.Struct, frozen=True):
        pdfBase64: bytes

    data: Data


class _Step(msgspec.Struct, frozen=True, gc=False):
    waybill_No: str
    upload_Time: str
    infoContent: str
    city: str | None = None
    district: str | None = None


class Yto:
    """Books, cancels, prints, asks and subscribes at one account."""

    carrier = "yto"
    most_at_once = 1

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account

    def book(self, order: WaybillOrder) -> Issued:
        """See `WaybillIssuer`. The reference is YTO's `logisticsNo`, 7 characters at the least."""
        asked: dict[str, Any] = {
            "logisticsNo": order.reference,
            **_person("sender", order.sender),
            **_person("recipient", order.consignee),
            "remark": order.remark,
            "weight": f"{order.weight_g / 1000:.3f}",
            "productCode": order.service or "PK",
            "goods": [
                {"name": item.description, "quantity": item.quantity}
                | ({"weight": f"{item.weight_g / 1000:.3f}"} if item.weight_g is not None else {})
                | ({"price": _yuan(item.value_minor)} if item.value_minor is not None else {})
                for item in order.items
            ],
        }
        if order.cod_minor:
            asked["increments"] = [{"type": _COD, "amount": _yuan(order.cod_minor)}]
        booked = self._ask(_BOOK, asked, _Booked)
        return Issued(
            waybill=Waybill(self.carrier, booked.mailNo),
            reference=order.reference,
            sort_code=booked.shortAddress or "",
            channel=self._caller.channel(_BOOK),
        )

    def cancel(self, issued: Issued, reason: str) -> None:
        """See `WaybillIssuer`."""
        self._ask(_CANCEL, {"logisticsNo": issued.reference, "cancelDesc": reason}, _Cancelled)

    def print_label(self, issued: Issued) -> Label:
        """See `WaybillIssuer`."""
        return Label(content=self._ask(_PRINT, {"waybillNo": issued.waybill.number}, _Printed).data.pdfBase64)

    def track(self, asked: Sequence[Asked]) -> Seen:
        """See `TrackSource`."""
        scans: list[Scan] = []
        unknown: dict[str, str] = {}
        for each in asked:
            answer = self._send(_TRACK, {"NUMBER": each.number})
            if answer.body.lstrip().startswith(b"["):
                steps = read(answer, list[_Step], self._caller.channel(_TRACK))
                scans += [(step.waybill_No, step.infoContent, step.upload_Time, _place(step)) for step in steps]
                continue
            refusal = self._read_refusal(_TRACK, answer)
            if str(refusal.code) != _NOTHING:
                raise self._refused(_TRACK, refusal)
            unknown[each.number] = refusal.why
        return Seen(rows=rows_of(self.carrier, scans), unknown=unknown, channel=self._caller.channel(_TRACK))

    def _ask(self, operation: str, param: Mapping[str, Any], kind: type[T]) -> T:
        answer = self._send(operation, param)
        try:
            return read(answer, kind, self._caller.channel(operation))
        except CarrierPuzzling:
            raise self._refused(operation, self._read_refusal(operation, answer)) from None

    def _send(self, operation: str, param: Mapping[str, Any]) -> Answer:
        text = write(param)
        secret = self._account.secrets.get(f"secret.{operation}")
        sign = sign_yto(text, operation, _VERSION, secret.text if secret else self._account.secret())
        token = self._account.settings.get(f"token.{operation}") or self._account.get("token")
        body = {"timestamp": str(self._caller.hours.now_ms()), "param": text, "sign": sign, "format": "JSON"}
        return self._caller.call(
            Call(
                operation=operation,
                path=f"/{operation}/{_VERSION}/{token}/{self._account.get('customer')}",
                headers={"content-type": "application/json;charset=UTF-8"},
                body=write(body).encode(),
                is_repeatable=True,  # all are named by our reference or a number
            )
        )

    def _read_refusal(self, operation: str, answer: Answer) -> _Refusal:
        return read(answer, _Refusal, self._caller.channel(operation))

    def _refused(self, operation: str, refusal: _Refusal) -> CarrierRefused:
        code = None if refusal.code is None else str(refusal.code)
        return CarrierRefused(f"refused: {refusal.why}", channel=self._caller.channel(operation), carrier_code=code)


def _person(who: str, address: Address) -> dict[str, str]:
    return {
        f"{who}Name": address.name,
        f"{who}ProvinceName": address.province,
        f"{who}CityName": address.city,
        f"{who}CountyName": address.county,
        f"{who}Address": address.street,
        f"{who}Mobile": address.phone,
    }


def _place(step: _Step) -> str | None:
    return " ".join(part for part in (step.city, step.district) if part) or None


def _yuan(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
