"""Imagined addresses in real divisions of China, and the sort code of each.

A city is a hub. Its counties have outlets, each serving some roads; a road is cut into stretches of house numbers, each
with a courier, and an estate stands at one house of one road. Some roads of the same name run in several counties.
People write the same place in many ways: they leave out the province or the city, or say 浙江 for 浙江省, swap the
order, name only the estate, mistype a letter of the road. Some estates are new: nothing was delivered there before the
last weeks. A small part of past deliveries bears a wrong code, as it does where people sort; what is tested against is
the true one.
"""

import csv
from pathlib import Path
from random import Random

import msgspec

_ROAD_FIRST = "中人解建文和新长朝东西南北光华平安福永兴金玉龙凤春江湖海山云天星德学府科创"
_ROAD_LAST = "山民放设化平风城阳方苑湖江明华安宁康乐盛昌源泉河林园景辉泰和信义仁礼智达"
_ROAD_KINDS = ("路", "路", "路", "街", "大道", "巷")
_SIDES = ("", "", "", "东", "西", "南", "北", "中")
_ESTATE_FIRST = "世纪阳光碧桂万科绿地金色香江锦绣东方翠湖紫荆银河保利龙湖中海华润融创恒大新城"
_ESTATE_KINDS = ("花园", "小区", "家园", "公寓", "大厦", "广场", "苑", "府")
_SURNAMES, _GIVEN = "王李张刘陈杨赵黄周吴", "伟芳娜敏静磊强洋艳勇军杰娟涛明超霞平刚"
_NUMBERS_PER_COURIER = 120
_LETTERS = "一丁上下中丰主久之乐九了二云五亚交京亮人"


class Estate(msgspec.Struct, frozen=True):
    """A group of houses. `is_new`: nothing was delivered there before the last weeks."""

    name: str
    number: int
    is_new: bool


class Road(msgspec.Struct, frozen=True):
    """A road in one county."""

    name: str
    outlet: str
    couriers: tuple[str, ...]
    estates: tuple[Estate, ...]

    def courier_at(self, number: int) -> str:
        """Who serves a house."""
        return self.couriers[min(number // _NUMBERS_PER_COURIER, len(self.couriers) - 1)]


class County(msgspec.Struct, frozen=True):
    """A county with its roads."""

    province: str
    city: str
    name: str
    code: str
    roads: tuple[Road, ...]


class Written(msgspec.Struct, frozen=True):
    """An address as somebody wrote it, where it is, what a delivery was sorted to (`code`) and belonged to (`true`)."""

    text: str
    county: County
    road: str
    is_new: bool
    code: str
    true: str


def read_counties(folder: Path) -> list[tuple[str, str, str, str]]:
    """Province, city, county and code of every county with a city above it, by code."""
    provinces = {row["code"]: row["name"] for row in _read(folder / "provinces.csv")}
    cities = {row["code"]: row["name"] for row in _read(folder / "cities.csv")}
    found = []
    for row in _read(folder / "areas.csv"):
        city = cities.get(row["cityCode"], "")
        if "直辖" in city or row["code"].endswith("00"):
            continue
        province = provinces[row["provinceCode"]]
        found.append((province, province if city in ("市辖区", "县", "") else city, row["name"], row["code"]))
    return found


def build(folder: Path, cities: int, roads: int, chance: Random) -> list[County]:
    """Counties of some cities, with roads, outlets, couriers and estates."""
    by_city: dict[tuple[str, str], list[tuple[str, str, str, str]]] = {}
    for each in read_counties(folder):
        by_city.setdefault(each[:2], []).append(each)
    built = []
    for city in chance.sample(sorted(by_city), cities):
        shared = [_name_road(chance) for _ in range(6)]
        for province, name, county, code in by_city[city]:
            hub = code[:4]
            outlets = [f"{code[4:]}{number}" for number in range(1, chance.randint(2, 4))]
            names = sorted({*chance.sample(shared, 2), *(_name_road(chance) for _ in range(roads - 2))})
            laid = tuple(_lay(road, f"{hub}-{chance.choice(outlets)}", chance) for road in names)
            built.append(County(province, name, county, code, laid))
    return built


def write(counties: list[County], count: int, wrong: float, is_late: bool, chance: Random) -> list[Written]:
    """Deliveries to them: some roads and estates get many, most few. New estates only if it is late."""
    roads = [(county, road) for county in counties for road in county.roads]
    Random(len(roads)).shuffle(roads)  # a busy road stays one
    weights = [1 / (place + 10) ** 0.7 for place in range(len(roads))]
    codes = sorted({f"{road.outlet}-{courier}" for _, road in roads for courier in road.couriers})
    written = []
    for county, road in chance.choices(roads, weights, k=count):
        estates = [estate for estate in road.estates if is_late or not estate.is_new]
        estate = chance.choice(estates) if estates and chance.random() < 0.6 else None
        number = estate.number if estate else chance.randrange(1, _NUMBERS_PER_COURIER * len(road.couriers))
        true = f"{road.outlet}-{road.courier_at(number)}"
        code = chance.choice(codes) if chance.random() < wrong else true
        text = _put_down(county, road, estate, number, chance)
        written.append(Written(text, county, road.name, estate is not None and estate.is_new, code, true))
    return written


def _name_road(chance: Random) -> str:
    return chance.choice(_ROAD_FIRST) + chance.choice(_ROAD_LAST) + chance.choice(_SIDES) + chance.choice(_ROAD_KINDS)


def _lay(name: str, outlet: str, chance: Random) -> Road:
    couriers = tuple(f"{chance.randrange(100):02}" for _ in range(chance.randint(1, 3)))
    length = _NUMBERS_PER_COURIER * len(couriers)
    estates = []
    for _ in range(chance.randrange(5)):
        first = chance.randrange(0, len(_ESTATE_FIRST) - 1, 2)
        called = _ESTATE_FIRST[first : first + 2] + chance.choice(_ROAD_LAST) + chance.choice(_ESTATE_KINDS)
        estates.append(Estate(called, chance.randrange(1, length), chance.random() < 0.1))
    return Road(name, outlet, couriers, tuple(estates))


def _put_down(county: County, road: Road, estate: Estate | None, number: int, chance: Random) -> str:
    province, city = county.province, county.city
    if chance.random() < 0.3:
        province = _shorten(province)
    if chance.random() < 0.15:
        city = city.removesuffix("市")
    way = chance.random()
    if way < 0.15 or province == city:
        province = ""
    elif way < 0.22:
        city = ""
    divisions = [part for part in (province, city, county.name) if part]
    name = road.name
    if chance.random() < 0.02:  # a letter of the road mistyped
        wrong = chance.randrange(2)
        name = name[:wrong] + chance.choice(_LETTERS) + name[wrong + 1 :]
    house = f"{name}{number}号"
    if estate and chance.random() < 0.15:
        house = ""  # the estate alone: everybody knows where that is
    block = f"{estate.name}{chance.randint(1, 30)}栋" if estate else ""
    room = f"{chance.randint(1, 30)}0{chance.randint(1, 6)}室"
    between = chance.choice(("", "", "", " "))
    place = house + block + room
    if chance.random() < 0.04:
        divisions.reverse()
        text = f"{place} {' '.join(divisions)}"
    else:
        text = between.join([*divisions, place])
    person = chance.choice(_SURNAMES) + "".join(chance.choices(_GIVEN, k=chance.randint(1, 2)))
    mobile = f"1{chance.choice('35789')}0{chance.randrange(10**8):08}"
    ways = (f"{person} {mobile} {text}", f"{text} {person} {mobile}", f"{text},{person},{mobile}", f"{text}")
    return chance.choice(ways)


def _shorten(province: str) -> str:
    if province.endswith("自治区"):
        return "内蒙古" if province.startswith("内") else province[:2]
    return province.removesuffix("省").removesuffix("市")


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
