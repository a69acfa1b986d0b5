"""The divisions of China, and the names by which people call them.

Codes are those of GB/T 2260 as the National Bureau of Statistics used them in mid-2023, six digits; the tables beside
this file are written by scripts/make_divisions.
"""

import csv
import functools
import re
from collections import defaultdict
from collections.abc import Iterable
from enum import IntEnum
from importlib.resources import files

import msgspec

#: Cities that are provinces: what stands below them are counties.
_MUNICIPALITIES = ("11", "12", "31", "50", "81", "82")
_PEOPLES = (
    "壮 回 维吾尔 哈萨克 蒙古 朝鲜 土家 苗 彝 傣 白 哈尼 侗 布依 藏 羌 景颇 傈僳 柯尔克孜 满 瑶 黎 畲 水 仡佬 拉祜 佤 "
    "纳西 布朗 独龙 怒 普米 毛南 仫佬 土 撒拉 裕固 保安 东乡 锡伯 塔吉克 达斡尔 鄂温克 俄罗斯 各"
)
_AUTONOMOUS = re.compile(f"(.{{2,}}?)(?:(?:{'|'.join(_PEOPLES.split())})族?)+自治([州县旗])")
_OF_ONE_PEOPLE = re.compile("(.{2,3}?)族?自治([州县旗])")
_PLAIN = re.compile("(.{2,}?)(?:特别行政区|自治区|地区|林区|特区|新区|[省市盟区县旗])")
_ZONE = re.compile(".*?(高新?技术(?:产业)?开发区|经济技术开发区|经济开发区|工业园区)")
_CALLED = {
    "高": ("高新区", "高新技术开发区", "高新技术产业开发区", "高新开发区"),
    "经": ("经开区", "开发区", "经济开发区", "经济技术开发区"),
    "工": ("工业园区",),
}
_PROVINCES = {
    "150000": ("内蒙古", "内蒙"),
    "450000": ("广西", "广西省"),
    "540000": ("西藏", "西藏省"),
    "640000": ("宁夏", "宁夏省"),
    "650000": ("新疆", "新疆省"),
}


class Sort(IntEnum):
    """How sure one can be that a division is meant by what is written."""

    INSIDE = 0  #: means something only after the city or province that it is in
    SHORT = 1  #: without its last characters; streets are called so too
    FULL = 2


class Division(msgspec.Struct, frozen=True):
    """A province, a city or a county. `level` is 1, 2 or 3; `parent` is "" for a province."""

    code: str
    name: str
    level: int
    parent: str


class Called(msgspec.Struct, frozen=True):
    """What a name may mean."""

    sort: Sort
    codes: frozenset[str]


class Divisions(msgspec.Struct, frozen=True):
    """All of them.

    Attributes:
        by_code: every division by its code.
        names: what each name may mean.
        towns: in which counties (or cities without counties) there is a town, township or subdistrict of that name.
        short_towns: in a city without counties, the town by the city's code and its name without 镇 or 街道.
        reach: characters of the longest name that begins with these two.
        longest_town: characters of the longest town.
    """

    by_code: dict[str, Division]
    names: dict[str, Called]
    towns: dict[str, tuple[str, ...]]
    short_towns: dict[tuple[str, str], str]
    reach: dict[str, int]
    longest_town: int

    def is_within(self, code: str, other: str) -> bool:
        """Whether a division is another one, or a part of it."""
        while code and code != other:
            code = self.by_code[code].parent
        return code == other

    def list_levels(self, code: str) -> tuple[str | None, str | None, str | None]:
        """Names of the province, the city and the county; a municipality is its own city."""
        names: list[str | None] = [None, None, None]
        if code[:2] in _MUNICIPALITIES:
            names[1] = self.by_code[code[:2] + "0000"].name
        while code:
            division = self.by_code[code]
            names[division.level - 1] = division.name
            code = division.parent
        return names[0], names[1], names[2]

    def narrow(self, known: frozenset[str], told: Iterable[str]) -> frozenset[str]:
        """What both can mean: the smaller ones of the two, none where they contradict each other."""
        smaller = frozenset(code for code in told if any(self.is_within(code, other) for other in known))
        return smaller or frozenset(code for code in known if any(self.is_within(code, other) for other in told))

    def share(self, codes: Iterable[str]) -> str:
        """The smallest division that all of them are in, "" if there is none."""
        paths = [self._path(code) for code in codes]
        shared = ""
        for levels in zip(*paths, strict=False):
            if len(set(levels)) > 1:
                break
            shared = levels[0]
        return shared

    def _path(self, code: str) -> list[str]:
        path = []
        while code:
            path.append(code)
            code = self.by_code[code].parent
        return path[::-1]


@functools.cache
def read_divisions() -> Divisions:
    """The tables, read once."""
    rows = _read("divisions.csv")
    codes = {row["code"] for row in rows}
    by_code = {}
    called: dict[Sort, dict[str, set[str]]] = {sort: defaultdict(set) for sort in Sort}
    for row in rows:
        code, name = row["code"], row["name"]
        level = 1 if code.endswith("0000") else 2 if code.endswith("00") else 3
        city = code[:4] + "00"
        parent = "" if level == 1 else city if level == 3 and city in codes else code[:2] + "0000"
        by_code[code] = Division(code, name, level, parent)
        for full in (name, *row["formerly"].split()):
            called[Sort.FULL if len(full) > 2 else Sort.INSIDE][full].add(code)
        for sort, short in _list_short(code, name, level):
            called[sort][short].add(code)
    names: dict[str, Called] = {}
    for sort in Sort:  # the surer ones last: 朝阳市 is the city, whatever else was one once
        for name, meant in called[sort].items():
            names[name] = Called(sort, frozenset(meant))
    reach: dict[str, int] = {}
    for name in names:
        reach[name[:2]] = max(len(name), reach.get(name[:2], 0))
    towns: dict[str, list[str]] = defaultdict(list)
    short_towns: dict[tuple[str, str], str] = {}
    for row in _read("towns.csv"):
        for town in row["towns"].split():
            towns[town].append(row["code"])
            short = town.removesuffix("街道").removesuffix("镇")
            if row["code"].endswith("00") and short != town and len(short) > 1:
                short_towns |= {(row["code"], called_so): town for called_so in (short, short + "区")}
    return Divisions(
        by_code,
        names,
        {town: tuple(places) for town, places in towns.items()},
        short_towns,
        reach,
        max(map(len, towns)),
    )


def _list_short(code: str, name: str, level: int) -> Iterable[tuple[Sort, str]]:
    """What else it is called."""
    if code in _PROVINCES:
        yield from ((Sort.SHORT, short) for short in _PROVINCES[code])
        return
    if level == 3 and code[4] == "7" and (zone := _ZONE.fullmatch(name)):
        yield from ((Sort.INSIDE, short) for short in _CALLED[zone[1][0]])
        return
    found = _AUTONOMOUS.fullmatch(name) or _OF_ONE_PEOPLE.fullmatch(name)
    if found:
        yield Sort.FULL, found[1] + found[2]
    else:
        found = _PLAIN.fullmatch(name)
    if not found:
        return
    yield Sort.SHORT, found[1]
    if level == 3:  # it may have been a county before it was a district
        yield from ((Sort.INSIDE, found[1] + suffix) for suffix in "市县区" if found[1] + suffix != name)


def _read(name: str) -> list[dict[str, str]]:
    text = files("waypost.model.addresses").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))
