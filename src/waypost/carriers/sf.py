"""SF Express (顺丰速运): the services of bspgw.sf-express.com.

How a request is signed is chosen in the console: `mode` is standard_md5, simple_md5 or sm3. For sm3 the sources
contradict each other and none has an example: here the digest is of the text as it is, and one open client writes the
text as a form first. Times are ours in milliseconds.

Pushes of routes bear no signature at all. So the address that SF is given has to hold a secret, `?key=` and the
`push_key` of the account, and over TLS that is all that tells SF's pushes from others. `push_format` is json or form
(XML in a form), as chosen at SF.
"""

import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode

import msgspec

from waypost.booking.issuing import Address, Issued, Label, WaybillOrder
from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.answers import T, is_true, read, read_text, write
from waypost.carriers.booked import Booked
from waypost.carriers.calling import Call, Caller
from waypost.carriers.domestic import write_yuan
from waypost.carriers.rows import Scan, rows_of, seen_of
from waypost.carriers.signatures import SfMode, is_same, sign_sf
from waypost.model.carriage import Waybill
from waypost.model.decoding import convert, decode
from waypost.model.errors import BadInput, SettingsError, WaypostError
from waypost.track.carriers import (
    Asked,
    CarrierError,
    CarrierPuzzling,
    CarrierRefused,
    CarrierUnreachable,
    Forged,
    InDoubt,
    Push,
    Pushed,
    Reply,
    Seen,
    Unsupported,
)

_BOOK, _UPDATE, _FIND, _TRACK = (
    "EXP_RECE_CREATE_ORDER",
    "EXP_RECE_UPDATE_ORDER",
    "EXP_RECE_SEARCH_ORDER_RESP",
    "EXP_RECE_SEARCH_ROUTES",
)
_MODES: Mapping[str, SfMode] = {"standard_md5": "standard_md5", "simple_md5": "simple_md5", "sm3": "sm3"}
_FORM = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
_LANGUAGE = "zh-CN"
_TAKEN, _DONE = "A1000", "S0000"
#: Too many calls, of the gateway and of what is behind it.
_QUOTAS = {"A1005", "8005"}
#: Nothing behind the gateway, or something inside: what was asked may have been done.
_BROKEN = {"A1009", "A1099", "S0004"}
#: Booked before: as an answer to the order, and to the very same request sent twice.
_BOOKED_BEFORE = {"8016", "A1007"}
_CANCELLED_BEFORE = "8037"
_CANCEL, _IS_CANCELLED = 2, "2"
_MOTHER = "1"
_SENDER, _CONSIGNEE = 1, 2
_STANDARD_SERVICE = "2"
_CODES = "opcode"


class _Outer(msgspec.Struct, frozen=True):
    apiResultCode: str
    apiErrorMsg: str | None = None
    apiResultData: str | None = None


class _Inner(msgspec.Struct, frozen=True):
    """JSON that stands in a text of the outer JSON."""

    success: bool | str
    errorCode: str | None = None
    errorMsg: str | None = None
    msgData: msgspec.Raw = msgspec.Raw(b"null")


class _Number(msgspec.Struct, frozen=True):
    waybillNo: str
    waybillType: str | int = 1


class _RouteLabel(msgspec.Struct, frozen=True):
    class Data(msgspec.Struct, frozen=True):
        destRouteLabel: str | None = None

    routeLabelData: Data | None = None


class _Order(msgspec.Struct, frozen=True):
    waybillNoInfoList: list[_Number] | None = None
    routeLabelInfo: list[_RouteLabel] | None = None
    resStatus: str | int | None = None


class _Route(msgspec.Struct, frozen=True, gc=False):
    acceptTime: str
    opCode: str
    acceptAddress: str | None = None


class _Routes(msgspec.Struct, frozen=True):
    class Of(msgspec.Struct, frozen=True):
        mailNo: str
        routes: list[_Route] | None = None

    routeResps: list[Of] | None = None


class _PushedRoute(msgspec.Struct, frozen=True, gc=False):
    mailno: str
    acceptTime: str
    opCode: str
    acceptAddress: str | None = None


class _Told(msgspec.Struct, frozen=True):
    class Holding(msgspec.Struct, frozen=True):
        WaybillRoute: list[_PushedRoute] | _PushedRoute

    Body: Holding


class Sf:
    """Books, cancels, asks and is pushed at one account."""

    carrier = "sf"
    most_at_once = 10

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account
        self._booked = Booked(caller, is_named=True)
        mode = self._account.get("mode", "standard_md5")
        if mode not in _MODES:
            raise SettingsError(f"[accounts.{self._account.name}] mode is one of {', '.join(_MODES)}")
        self._mode = _MODES[mode]

    def book(self, order: WaybillOrder) -> Issued:
        """See `WaybillIssuer`. The reference is SF's `orderId`."""
        service = order.service or _STANDARD_SERVICE
        if not (service.isascii() and service.isdigit()):
            raise BadInput("SF numbers its services (expressTypeId)", where="service")
        asked: dict[str, Any] = {
            "language": _LANGUAGE,
            "orderId": order.reference,
            "contactInfoList": [_person(_SENDER, order.sender), _person(_CONSIGNEE, order.consignee)],
            "cargoDetails": [
                {"name": item.description, "count": item.quantity}
                | ({"weight": item.weight_g / 1000} if item.weight_g is not None else {})
                for item in order.items
            ],
            "expressTypeId": int(service),
            "payMethod": 1,
            "parcelQty": 1,
            "totalWeight": order.weight_g / 1000,
            "isReturnRoutelabel": 1,
            "remark": order.remark,
        }
        if card := self._account.get("monthly_card", ""):
            asked["monthlyCard"] = card
        if order.cod_minor:
            asked["serviceList"] = [{"name": "COD", "value": write_yuan(order, order.cod_minor)}]
        return self._booked.book(order, _BOOK, lambda: self._buy(order, asked))

    def _buy(self, order: WaybillOrder, asked: Mapping[str, Any]) -> Issued:
        try:
            told, operation = self._ask(_BOOK, asked, _Order, is_repeatable=False), _BOOK
        except CarrierRefused as error:
            if error.carrier_code not in _BOOKED_BEFORE:
                raise
            told, operation = self._ask(_FIND, _named(order.reference), _Order), _FIND
        channel = self._caller.channel(operation)
        numbers = [each.waybillNo for each in told.waybillNoInfoList or () if str(each.waybillType) == _MOTHER]
        if not numbers:
            raise CarrierRefused("no waybill: SF does not deliver there, or wants to look first", channel=channel)
        labels = [each.routeLabelData for each in told.routeLabelInfo or () if each.routeLabelData]
        return Issued(
            waybill=Waybill(self.carrier, numbers[0]),
            reference=order.reference,
            sort_code=(labels[0].destRouteLabel if labels else None) or "",
            channel=channel,
        )

    def cancel(self, issued: Issued, reason: str) -> None:
        """See `WaybillIssuer`."""
        try:
            told = self._ask(_UPDATE, {"orderId": issued.reference, "dealType": _CANCEL}, _Order)
        except CarrierRefused as error:
            if error.carrier_code != _CANCELLED_BEFORE:
                raise
        else:
            if told.resStatus is not None and str(told.resStatus) != _IS_CANCELLED:
                raise CarrierRefused(
                    f"not cancelled: resStatus {told.resStatus}",
                    channel=self._caller.channel(_UPDATE),
                    carrier_code=str(told.resStatus),
                )
        self._booked.take_back(issued)

    def print_label(self, issued: Issued) -> Label:
        """See `WaybillIssuer`."""
        raise Unsupported("SF's cloud print gives an address elsewhere, which is not fetched yet")

    def track(self, asked: Sequence[Asked]) -> Seen:
        """See `TrackSource`. One call for all that have the same last digits of a telephone number."""
        by_phone: dict[str | None, list[str]] = {}
        for each in asked:
            by_phone.setdefault(each.phone_tail, []).append(each.number)
        scans: list[Scan] = []
        for phone, numbers in by_phone.items():
            query: dict[str, Any] = {
                "language": _LANGUAGE,
                "trackingType": 1,
                "trackingNumber": numbers,
                "methodType": 1,
            }
            if phone:
                query["checkPhoneNo"] = phone
            for told in self._ask(_TRACK, query, _Routes).routeResps or ():
                scans += [
                    (told.mailNo, f"{_CODES}:{each.opCode}", each.acceptTime, each.acceptAddress or None)
                    for each in told.routes or ()
                ]
        return seen_of(self.carrier, asked, scans, self._caller.channel(_TRACK))

    def subscribe(self, asked: Sequence[Asked]) -> Mapping[str, str]:
        """See `TrackSource`."""
        raise Unsupported("SF pushes all orders of an account by itself", mend="Have it switched on in SF's console.")

    def read(self, push: Push) -> Pushed:
        """See `PushReader`. At most ten routes; the same ones come again after a no."""
        told = parse_qs(push.query).get("key", [])
        if len(told) != 1 or not is_same(told[0], self._account.secret("push_key")):
            raise Forged("the address of the push lacks the key of this account")
        routes = _read_xml(push.body) if self._is_form() else _read_json(push.body)
        scans: list[Scan] = [
            (each.mailno, f"{_CODES}:{each.opCode}", each.acceptTime, each.acceptAddress or None) for each in routes
        ]
        return Pushed(rows=rows_of(self.carrier, scans), reply=self._reply("0000", "成功", "<Head>OK</Head>"))

    def refuse(self, error: WaypostError) -> Reply:
        """See `PushReader`."""
        return self._reply("1000", error.code, '<Head>ERR</Head><ERROR code="4001">refused</ERROR>')

    def _reply(self, code: str, message: str, xml: str) -> Reply:
        if self._is_form():
            text = f'<?xml version="1.0" encoding="UTF-8"?><Response service="RoutePushService">{xml}</Response>'
            return Reply(body=text.encode(), content_type="text/xml;charset=UTF-8")
        return Reply(body=write({"return_code": code, "return_msg": message}).encode())

    def _is_form(self) -> bool:
        form = self._account.get("push_format", "json")
        if form not in ("json", "form"):
            raise SettingsError(f"[accounts.{self._account.name}] push_format is json or form, not {form[:20]!r}")
        return form == "form"

    def _ask(self, operation: str, data: Mapping[str, Any], kind: type[T], *, is_repeatable: bool = True) -> T:
        text, timestamp = write(data), str(self._caller.hours.now_ms())
        body = {
            "partnerID": self._account.get("partner_id"),
            "requestID": str(uuid.uuid4()),
            "serviceCode": operation,
            "timestamp": timestamp,
            "msgDigest": sign_sf(text, timestamp, self._account.secret("checkword"), self._mode),
            "msgData": text,
        }
        call = Call(
            operation=operation,
            headers=_FORM,
            body=urlencode(body).encode(),
            is_repeatable=is_repeatable,
        )
        channel = self._caller.channel(operation)
        outer = read(self._caller.call(call), _Outer, channel)
        if outer.apiResultCode != _TAKEN:
            raise self._refused(channel, outer.apiResultCode, outer.apiErrorMsg, is_repeatable=is_repeatable)
        if outer.apiResultData is None:
            raise CarrierPuzzling("taken, and no apiResultData", channel=channel)
        inner = read_text(outer.apiResultData, _Inner, channel)
        if not is_true(inner.success) or (inner.errorCode or _DONE) != _DONE:
            raise self._refused(channel, inner.errorCode, inner.errorMsg, is_repeatable=is_repeatable)
        return read_text(bytes(inner.msgData), kind, channel)

    def _refused(self, channel: str, code: str | None, why: str | None, *, is_repeatable: bool) -> CarrierError:
        told = f"refused: {self._caller.mask(why or 'no reason given')} ({code})"
        if code in _QUOTAS:
            return CarrierUnreachable(told, channel=channel, carrier_code=code, mend="Try again later.")
        if code in _BROKEN:
            kind = CarrierUnreachable if is_repeatable else InDoubt
            return kind(told, channel=channel, carrier_code=code, mend="Try again later.")
        return CarrierRefused(told, channel=channel, carrier_code=code)


def _named(reference: str) -> dict[str, Any]:
    return {"language": _LANGUAGE, "orderId": reference, "searchType": 1}


def _person(kind: int, address: Address) -> dict[str, Any]:
    told = {
        "contactType": kind,
        "contact": address.name,
        "company": address.company,
        "mobile": address.phone,
        "country": address.country,
        "province": address.province,
        "city": address.city,
        "county": address.county,
        "address": address.street,
        "postCode": address.postcode,
    }
    return {name: value for name, value in told.items() if value}


def _read_json(body: bytes) -> list[_PushedRoute]:
    try:
        told = decode(body, _Told, strict=False).Body.WaybillRoute
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadInput(f"the push cannot be read: {error}") from None
    return told if isinstance(told, list) else [told]


def _read_xml(body: bytes) -> list[_PushedRoute]:
    """Of a form's field `content`, where everything stands in attributes."""
    try:
        (content,) = parse_qs(body.decode("utf-8"), strict_parsing=True)["content"]
        # No document of theirs declares anything; entities of one could grow without end.
        if re.search(r"<!\s*(DOCTYPE|ENTITY)", content, re.IGNORECASE):
            raise BadInput("the push declares entities")
        routes = [dict(element.attrib) for element in ET.fromstring(content).iter("WaybillRoute")]
        told = convert(routes, list[_PushedRoute], strict=False)
    except (ValueError, KeyError, ET.ParseError, msgspec.ValidationError) as error:
        raise BadInput(f"the push cannot be read: {error}") from None
    if not told:
        raise BadInput("the push has no WaybillRoute")
    return told


ADAPTER = Adapter(
    carrier="sf",
    make=Sf,
    settings={
        "partner_id": "customer code (顾客编码)",
        "mode": "how requests are signed: standard_md5 (usual), simple_md5 or sm3 (unverified)",
        "monthly_card": "monthly account (月结卡号)",
        "push_format": "json (usual) or form, as chosen for the push of routes",
    },
    secrets={
        "checkword": "check word (校验码)",
        "push_key": "of your own, behind ?key= in the address that SF pushes to",
    },
    optional=frozenset({"mode", "monthly_card", "push_format", "push_key"}),
    push_needs=frozenset({"push_key"}),
    operations={
        Operation.BOOK: Evidence.VENDOR,
        Operation.CANCEL: Evidence.ONE_SOURCE,
        Operation.TRACK: Evidence.TWO_SOURCES,
        Operation.PUSH: Evidence.VENDOR,
    },
    url="https://bspgw.sf-express.com/std/service",
    test_url="https://sfapi-sbox.sf-express.com/std/service",
)
