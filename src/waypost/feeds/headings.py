"""What people write above the columns of a sheet of scans, beside the names of the neutral format."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

_WORDS = {
    "carrier": ("courier", "承运商", "快递公司"),
    "number": ("waybill", "waybill number", "tracking number", "运单号", "快递单号", "单号"),
    "code": ("status", "event", "状态", "事件"),
    "at": ("time", "date and time", "scan time", "时间", "扫描时间"),
    "facility": ("place", "station", "outlet", "网点", "站点"),
    "note": ("remark", "remarks", "备注"),
    "zone": ("time zone", "时区"),
}

#: By word, in small letters, which field it means.
HEADINGS: Mapping[str, str] = MappingProxyType({word: field for field, words in _WORDS.items() for word in words})


def name_columns(header: Sequence[str]) -> list[str]:
    """The header with fields for words that mean them; other columns keep their names."""
    plain = [" ".join(column.replace("_", " ").split()).casefold() for column in header]
    return [HEADINGS.get(word, word if word in _WORDS else column) for word, column in zip(plain, header, strict=True)]
