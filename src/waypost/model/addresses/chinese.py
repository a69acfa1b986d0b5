"""Addresses that people in China write: one text, in which everything stands in any order.

A division is found by its name or by what people call it, read from left to right. What was read before bounds what
comes next: of the districts called 鼓楼区 only one is left after 福州. Where a text contradicts itself the smaller
division counts, and that is told.
"""

import re

from waypost.model.addresses.contacts import GAP, Contacts, find_contacts, is_name
from waypost.model.addresses.divisions import Called, Divisions, Sort, read_divisions
from waypost.model.guarded import Guarded

#: A longer text is no address.
LONGEST = 500

#: A street, not a city: 南京路 is one of 上海市.
_STREET = re.compile(
    "[东南西北中]?[一二三四五六七八九十]?(?:路|街(?!道)|大道|大街|道(?!里|外|县|真|孚)|巷|弄|胡同)"
    "|[东南西北中](?:大?街|站)"
)
#: What may stand before a division, and is none itself.
_OF_NO_MEANING = ("中国", "中华人民共和国", "市辖区", "省直辖县级行政区划", "自治区直辖县级行政区划", "雄安新区")
_OFFICE = re.compile("办事处|街道办事处|人民政府")
_TOWN = re.compile("([\u3400-\u9fff]{1,7}?(?:街道|镇|乡|苏木))(?![路街道巷弄口东西南北大政卫])")
_SAYS_STREET = re.compile("[号弄巷栋]|路(?!街道)")
_BETWEEN = re.compile("(?<=[^\x20-\x7e]) | (?=[^\x20-\x7e])")


class ChineseAddress(Guarded, frozen=True, kw_only=True):
    """What stands in a text. Personal data.

    Attributes:
        province, city, county: full names as they are now; a municipality is its own city. None: not told, or not to be
            told from it.
        street: town, township or subdistrict.
        detail: the rest, with the road and the house.
        code: of the smallest division that is sure (GB/T 2260, six digits).
        mobile: eleven digits; stars stay.
        extension: of a lent number.
        phone: a fixed line.
        doubt: what contradicts, or is not sure; None if nothing.
    """

    SHOWN = ("province", "city", "county", "code")

    province: str | None = None
    city: str | None = None
    county: str | None = None
    street: str | None = None
    detail: str = ""
    name: str | None = None
    mobile: str | None = None
    extension: str | None = None
    phone: str | None = None
    postcode: str | None = None
    code: str | None = None
    doubt: str | None = None


class _Reading(Guarded, frozen=True):
    """A way to read a text from some place on: what it can mean, how far it goes, how much speaks for it."""

    codes: frozenset[str] = frozenset()
    end: int = 0
    weight: int = 0
    contradicts: str = ""


def parse_chinese_address(text: str) -> ChineseAddress:
    """Read an address; what is not told stays None, and nothing is refused.

    A text over `LONGEST` characters is read as far as that.
    """
    contacts = find_contacts(text[:LONGEST])
    return _Reader(read_divisions()).read(contacts.rest, contacts)


class _Reader:
    """Reads one text by the tables."""

    def __init__(self, tables: Divisions) -> None:
        self._tables = tables

    def read(self, text: str, contacts: Contacts) -> ChineseAddress:
        """All of an address but who it is for, which is known."""
        begin, reading = self._find(text)
        before, codes = text[:begin].strip(), reading.codes
        doubts = [reading.contradicts]
        name = contacts.name
        if name is None and begin and is_name(before):
            name, before = before, ""
        parts = []
        for part in text[reading.end :].split(GAP):  # the larger division may come after the street
            further = self._follow(part, 0, codes)
            if further.weight > 0 and not further.contradicts and further.end == len(part):
                codes = further.codes
            else:
                parts.append(part)
        rest = GAP.join(parts).strip(GAP)
        street, codes, length, doubt = self._take_town(rest, codes)
        doubts.append(doubt)
        province, city, county, code, doubt = self._settle(codes)
        doubts.append(doubt)
        return ChineseAddress(
            province=province,
            city=city,
            county=county,
            street=street,
            detail=_tidy(f"{before} {rest[length:]}"),
            name=name,
            mobile=contacts.mobile,
            extension=contacts.extension,
            phone=contacts.phone,
            postcode=contacts.postcode,
            code=code,
            doubt="; ".join(doubt for doubt in doubts if doubt) or None,
        )

    def _find(self, text: str) -> tuple[int, _Reading]:
        """Where divisions begin: in front, after a gap, or else where a full name stands."""
        nothing = frozenset[str]()
        found: tuple[int, _Reading] | None = None
        for begin in (0, *(place + 1 for place, sign in enumerate(text) if sign == GAP)):
            reading = self._follow(text, begin, nothing)
            if reading.weight == 0:
                continue
            if found is None:
                found = begin, reading
            elif reading.weight > found[1].weight and not self._tables.narrow(found[1].codes, reading.codes):
                found = begin, reading  # 黄平 is a county, and here a person
        if found:
            return found
        for begin in range(1, len(text)):
            if self._has_full_name(text, begin):
                reading = self._follow(text, begin, nothing)
                if reading.weight > 0:
                    return begin, reading
        return 0, _Reading()

    def _has_full_name(self, text: str, begin: int) -> bool:
        return any(
            (called := self._tables.names.get(text[begin : begin + length])) and called.sort is Sort.FULL
            for length in range(3, self._tables.reach.get(text[begin : begin + 2], 0) + 1)
        )

    def _follow(self, text: str, begin: int, codes: frozenset[str]) -> _Reading:
        """The way to read divisions from a place on for which most speaks."""
        best = _Reading(codes, begin)
        at = _pass_over(text, begin)
        for end in range(min(at + self._tables.reach.get(text[at : at + 2], 0), len(text)), at + 1, -1):
            called = self._tables.names.get(text[at:end])
            taken = self._take(text, at, end, called, codes) if called else None
            if taken is None:
                continue
            further = self._follow(text, end, taken.codes)
            weight = taken.weight + further.weight
            if weight > best.weight:
                best = _Reading(further.codes, further.end, weight, taken.contradicts or further.contradicts)
        return best

    def _take(self, text: str, at: int, end: int, called: Called, codes: frozenset[str]) -> _Reading | None:
        """What one name makes of what is known; None where it is none there."""
        meant = called.codes
        by_code = self._tables.by_code
        stands_alone = (at == 0 or text[at - 1] == GAP) and (end == len(text) or text[end] == GAP)
        if called.sort is not Sort.FULL:
            if codes and all(by_code[code].level == 3 for code in codes):
                larger = self._tables.narrow(codes, meant) if stands_alone else frozenset()
                return _Reading(larger, end, 4 * (end - at)) if larger and larger <= codes else None
            if _STREET.match(text, end) and not self._has_full_name(text, end):  # 路桥区 is a district
                return None
            if not codes:
                if called.sort is Sort.INSIDE and not (stands_alone and text[at:end].endswith("县")):
                    return None
                meant = frozenset(code for code in meant if by_code[code].level < 3 or self._ends(text, end, code))
        if not codes:
            return _Reading(meant, end, 4 * (end - at)) if meant else None
        narrowed = self._tables.narrow(codes, meant)
        if called.sort is Sort.INSIDE and not narrowed <= meant:
            return None
        if narrowed:
            return _Reading(narrowed, end, 4 * (end - at))
        if called.sort is not Sort.FULL:
            return None
        known = by_code[min(codes)].name
        return _Reading(meant, end, 4 * (end - at) - 8, f"{text[at:end]} is not in {known}")

    def _ends(self, text: str, end: int, code: str) -> bool:
        """Whether a county's short name stands by itself, or before one of its towns."""
        if end == len(text) or text[end] == GAP:
            return True
        return any(
            code in self._tables.towns.get(text[end : end + length], ())
            for length in range(2, self._tables.longest_town + 1)
        )

    def _take_town(self, text: str, codes: frozenset[str]) -> tuple[str | None, frozenset[str], int, str]:
        """The town that a text begins with, what it says of the county, and how long it is."""
        elsewhere = ""
        for length in range(min(self._tables.longest_town, len(text)), 1, -1):
            town = text[:length]
            places = self._tables.towns.get(town)
            if not places or (not codes and (len(places) > 1 or not town.endswith("街道"))):
                continue
            narrowed = self._tables.narrow(codes, places) if codes else frozenset(places)
            if narrowed:
                office = _OFFICE.match(text, length)
                return town, narrowed, office.end() if office else length, ""
            if not elsewhere and any(place[:4] == code[:4] for place in places for code in codes):
                elsewhere = town
        if len(codes) == 1 and (short := self._find_short_town(text, min(codes))):
            return *short, ""
        found = _TOWN.match(text) if codes else None
        if not found or len(found[1]) < 3 or _SAYS_STREET.search(found[1]):
            return None, codes, 0, ""
        if found[1].endswith("乡") and "村" not in text[found.end() :]:  # 水乡花园 is no town
            return None, codes, 0, ""
        office = _OFFICE.match(text, found.end())
        doubt = f"{found[1]} is in another county of that city" if elsewhere == found[1] else ""
        return found[1], codes, office.end() if office else found.end(), doubt

    def _find_short_town(self, text: str, code: str) -> tuple[str, frozenset[str], int] | None:
        """In a city without counties, such as 东莞市, people call a town without its last characters."""
        for length in range(min(4, len(text)), 1, -1):
            town = self._tables.short_towns.get((code, text[:length]))
            if town and not _STREET.match(text, length):
                return town, frozenset((code,)), length
        return None

    def _settle(self, codes: frozenset[str]) -> tuple[str | None, str | None, str | None, str | None, str]:
        """The names and the code of what is sure, and what is not."""
        if not codes:
            return None, None, None, None, "no division of China was found"
        by_code = self._tables.by_code
        largest = min(by_code[code].level for code in codes)
        chosen = [code for code in sorted(codes) if by_code[code].level == largest]
        if len(chosen) == 1:
            return *self._tables.list_levels(chosen[0]), chosen[0], ""
        shared = self._tables.share(chosen)
        names: list[str | None] = [*self._tables.list_levels(shared)] if shared else [None, None, None]
        called = {by_code[code].name for code in chosen}
        if len(called) == 1:
            names[largest - 1] = min(called)
        some = ", ".join("".join(name for name in self._tables.list_levels(code) if name) for code in chosen[:4])
        doubt = f"it may be any of {len(chosen)} divisions: {some}" + (" ..." if len(chosen) > 4 else "")
        return names[0], names[1], names[2], shared or None, doubt


def _tidy(detail: str) -> str:
    """Without blanks between Chinese letters, and without what stood around a name that was taken out."""
    return _BETWEEN.sub("", detail.replace("()", "").strip(" -:,.").rstrip("(").lstrip(")"))


def _pass_over(text: str, at: int) -> int:
    """Past gaps and words that name no division."""
    while at < len(text):
        if text[at] == GAP:
            at += 1
            continue
        empty = next((word for word in _OF_NO_MEANING if text.startswith(word, at)), None)
        if empty is None:
            break
        at += len(empty)
    return at
