"""A strict fake of YTO's open platform."""

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from waypost.testing.carriers.faking import Asked, Fake, FakeParcel, FakeScan, Refused, Told

_PATH = re.compile(r"/open/(?P<method>[a-z_]+)/(?P<version>v[0-9])/(?P<token>[A-Za-z0-9]{6})/(?P<customer>[A-Z0-9]+)")
_CLOCK_MS = 10 * 60 * 1000
_ZONE = ZoneInfo("Asia/Shanghai")
_PDF = b"%PDF-1.4\n%fake waybill of YTO\n%%EOF\n"
_PEOPLE = ("Name", "ProvinceName", "CityName", "CountyName", "Address", "Mobile")
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]{1,3})?")


class FakeYto(Fake):
    """See `Fake`. Its numbers are `YT` and thirteen digits."""

    name: ClassVar[str] = "yto"

    def __init__(
        self, *, customer: str = "K99000001", token: str = "aB3dE6", secret: str = "of-the-fake", **more: Any
    ) -> None:
        super().__init__(**more)
        self.customer, self.token, self.secret = customer, token, secret

    @property
    def api_url(self) -> str:
        """See `Fake`."""
        return f"{self.url}/open"

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        return {"customer": self.customer, "token": self.token, "secret": self.secret}

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        if asked.method != "POST":
            raise self._no("S02", "只支持POST", f"{asked.method} instead of POST")
        path = _PATH.fullmatch(asked.path)
        if path is None or (path["token"], path["customer"]) != (self.token, self.customer):
            raise self._no("S03", "无权限", f"no such interface: {asked.path}")
        envelope = self._read(asked.body, "the body")
        if missing := {"param", "sign", "timestamp", "format"} - envelope.keys():
            raise self._no("S04", "缺少参数", f"the body lacks {', '.join(sorted(missing))}")
        param, method = envelope["param"], path["method"]
        if not isinstance(param, str):
            raise self._no("S04", "param格式错误", "param has to be a text that holds JSON")
        if envelope["format"] != "JSON":
            raise self._no("S04", "format错误", "format has to be JSON")
        self._check_clock(envelope["timestamp"])
        signed = hashlib.md5((param + method + path["version"] + self.secret).encode(), usedforsecurity=False).digest()
        if envelope["sign"] != base64.b64encode(signed).decode():
            raise self._no("S01", "签名错误", "the signature is not that of the param which was sent")
        act = getattr(self, f"_do_{method}", None)
        if act is None:
            raise self._no("S03", "接口不存在", f"no interface {method}")
        return _json(act(self._read(param.encode(), "param")))

    def _do_privacy_create_adapter(self, param: dict[str, Any]) -> Any:
        reference = param.get("logisticsNo")
        if not isinstance(reference, str) or not 7 <= len(reference) <= 50:
            raise self._no("B01", "物流单号长度错误", "logisticsNo has 7 to 50 characters")
        for who in ("sender", "recipient"):
            for part in _PEOPLE:
                if not isinstance(param.get(who + part), str) or not param[who + part].strip():
                    raise self._no("B02", f"{who}{part}不能为空", f"{who}{part} is missing")
        if not _DECIMAL.fullmatch(str(param.get("weight", "0"))):
            raise self._no("B03", "重量格式错误", "weight is in kilograms with three decimals at most")
        if param.get("productCode", "PK") not in ("PK", "YZD"):
            raise self._no("B04", "产品编号错误", "productCode is PK or YZD")
        if len(param.get("goods", [])) > 20:
            raise self._no("B05", "商品数量超限", "at most 20 goods")
        parcel = self.make(reference)
        if parcel.is_cancelled:
            raise self._no("B06", "订单已取消", f"{reference} was cancelled")
        return {
            "logisticsNo": reference,
            "mailNo": parcel.number,
            "customerCode": self.customer,
            "shortAddress": "300-571-000",
        }

    def _do_korder_cancel_adapter(self, param: dict[str, Any]) -> Any:
        parcel = self._find_reference(param.get("logisticsNo"))
        if not param.get("cancelDesc"):
            raise self._no("B02", "取消原因不能为空", "cancelDesc is missing")
        if parcel.scans:
            raise self._no("B07", "已揽收，不能取消", "it was picked up already")
        parcel.is_cancelled = True
        return {"logisticsNo": parcel.reference}

    def _do_waybill_print_adapter(self, param: dict[str, Any]) -> Any:
        parcel = self.parcels.get(str(param.get("waybillNo")))
        if parcel is None or parcel.is_cancelled:
            raise self._no("B08", "运单不存在", "no such waybill to print")
        return {"data": {"pdfBase64": base64.b64encode(_PDF).decode()}}

    def _do_track_query_adapter(self, param: dict[str, Any]) -> Any:
        number = param.get("NUMBER")
        if not isinstance(number, str):
            raise self._no("B02", "NUMBER不能为空", "NUMBER has to be one number")
        parcel = self.parcels.get(number)
        if parcel is None or not parcel.scans:
            return {"map": {}, "code": "1001", "success": "true", "message": "查询结果为空。"}
        return [
            {
                "waybill_No": number,
                "upload_Time": _local(scan),
                "infoContent": scan.code,
                "processInfo": f"【{scan.city}】快件 {scan.code}，联系电话 057187654321",
                "city": scan.city,
                "district": "萧山区",
                "weight": "1.20",
            }
            for scan in sorted(parcel.scans, key=lambda scan: scan.at_ms)
        ]

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return f"YT{2_800_000_000_000 + count}"

    def over_quota(self) -> Told:
        """See `Fake`: under status 200."""
        return self._no("S05", "访问频率超限", "").told

    def _check_clock(self, stamp: Any) -> None:
        if not re.fullmatch(r"[0-9]{13}", str(stamp)):
            raise self._no("S06", "时间戳错误", "timestamp has to be milliseconds")
        if abs(int(stamp) - self.clock()) > _CLOCK_MS:
            raise self._no("S06", "时间戳过期", "timestamp is more than ten minutes off")

    def _find_reference(self, reference: Any) -> FakeParcel:
        for parcel in self.parcels.values():
            if parcel.reference == reference:
                return parcel
        raise self._no("B09", "订单不存在", f"no order {reference}")

    def _read(self, text: bytes, what: str) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError:
            raise self._no("S04", "JSON格式错误", f"{what} is no JSON") from None
        if not isinstance(found, dict):
            raise self._no("S04", "JSON格式错误", f"{what} is no object")
        return found

    def _no(self, code: str, message: str, why: str) -> Refused:
        return Refused(_json({"success": False, "code": code, "message": message}), why)


def _json(value: Any) -> Told:
    return Told(body=json.dumps(value, ensure_ascii=False).encode())


def _local(scan: FakeScan) -> str:
    return dt.datetime.fromtimestamp(scan.at_ms / 1000, _ZONE).strftime("%Y-%m-%d %H:%M:%S")
