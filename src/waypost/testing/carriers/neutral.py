"""A carrier without an API, which pushes scans in Waypost's own format, signed as Standard Webhooks has it.

It has nothing that could be asked: it refuses whatever comes.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from waypost.testing.carriers.faking import Asked, Fake, FakeParcel, FakeScan, Refused, Told, local_stamp

_ZONE = ZoneInfo("Asia/Shanghai")
_SECRET = "whsec_" + base64.b64encode(b"made up for an imagined carrier!").decode()
_RECEIPT = {"accepted", "refused", "refusals"}


class FakeNeutral(Fake):
    """See `Fake`. Its numbers are `NE` and eleven digits; it tells of many scans at once, one object a line.

    Attributes:
        secrets: with each of which it signs, the newest first.
    """

    name: ClassVar[str] = "neutral"
    signs_time: ClassVar[bool] = True
    most_a_push: ClassVar[int] = 100

    def __init__(self, *, secret: str = _SECRET, **more: Any) -> None:
        super().__init__(**more)
        self.secrets = [secret]
        self._pushed = 0

    @property
    def api_url(self) -> str:
        """None: nobody calls it."""
        return ""

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        return {"secret": self.secrets[0]}

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        raise Refused(Told(status=404, body=b""), f"it has no API, and was asked {asked.method} {asked.path}")

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`."""
        return self.sign("\n".join(json.dumps(self._row(parcel, scan), ensure_ascii=False) for scan in scans).encode())

    def sign(self, body: bytes, content_type: str = "application/x-ndjson") -> Asked:
        """The push of any body, rightly signed."""
        with self._lock:
            self._pushed += 1
            id_ = f"msg_{self._pushed:09d}"
        stamp = str(self.clock() // 1000)
        headers = {
            "content-type": content_type,
            "webhook-id": id_,
            "webhook-timestamp": stamp,
            "webhook-signature": " ".join(_sign(secret, id_, stamp, body) for secret in self.secrets),
        }
        return Asked(method="POST", path="", query={}, headers=headers, body=body)

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`: only for a receipt that refuses nothing."""
        try:
            receipt = json.loads(body)
        except ValueError:
            return False
        return status == 200 and isinstance(receipt, dict) and receipt.keys() >= _RECEIPT and receipt["refused"] == 0

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return f"NE{count:011d}"

    def _row(self, parcel: FakeParcel, scan: FakeScan) -> dict[str, str]:
        return {
            "carrier": self.name,
            "number": parcel.number,
            "code": scan.code,
            "at": local_stamp(scan.at_ms, _ZONE),
            "zone": str(_ZONE),
            "facility": scan.facility_code,
        }


def _sign(secret: str, id_: str, stamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b".".join((id_.encode(), stamp.encode(), body)), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
