"""Cities of the imagined world: real places, with their coordinates and time zones, and how much trade they have."""

import math

import msgspec

from waypost.model.places import EARTH_KM


class City(msgspec.Struct, frozen=True):
    """One city.

    Attributes:
        name, region: in local writing.
        country: ISO 3166-1 alpha-2.
        code: its dialling or postal code, of which facility codes are made.
        latitude, longitude: degrees, WGS 84.
        zone: IANA time zone.
        sends, receives: how often parcels come from and go to it.
        is_hub: whether carriers sort here.
    """

    name: str
    region: str
    country: str
    code: str
    latitude: float
    longitude: float
    zone: str
    sends: int
    receives: int
    is_hub: bool


def _china(name: str, region: str, code: str, at: tuple[float, float], sends: int, receives: int, hub: bool) -> City:
    return City(name, region, "CN", code, *at, "Asia/Shanghai", sends, receives, hub)


def _america(name: str, state: str, code: str, at: tuple[float, float], zone: str, receives: int, hub: bool) -> City:
    return City(name, state, "US", code, *at, f"America/{zone}", 0, receives, hub)


def _brazil(name: str, state: str, code: str, at: tuple[float, float], zone: str, receives: int, hub: bool) -> City:
    return City(name, state, "BR", code, *at, f"America/{zone}", 0, receives, hub)


CITIES = (
    _china("杭州", "浙江", "571", (30.27, 120.16), 12, 6, True),
    _china("桐庐", "浙江", "5716", (29.79, 119.69), 2, 1, False),
    _china("义乌", "浙江", "5796", (29.31, 120.08), 16, 2, True),
    _china("宁波", "浙江", "574", (29.87, 121.54), 4, 3, False),
    _china("上海", "上海", "21", (31.23, 121.47), 9, 9, True),
    _china("苏州", "江苏", "512", (31.30, 120.59), 4, 4, False),
    _china("南京", "江苏", "25", (32.06, 118.80), 3, 4, True),
    _china("合肥", "安徽", "551", (31.82, 117.23), 2, 3, False),
    _china("广州", "广东", "20", (23.13, 113.26), 14, 8, True),
    _china("深圳", "广东", "755", (22.54, 114.06), 12, 8, True),
    _china("东莞", "广东", "769", (23.02, 113.75), 6, 4, False),
    _china("厦门", "福建", "592", (24.48, 118.09), 2, 2, False),
    _china("泉州", "福建", "595", (24.87, 118.68), 5, 2, True),
    _china("武汉", "湖北", "27", (30.59, 114.31), 3, 5, True),
    _china("长沙", "湖南", "731", (28.23, 112.94), 2, 4, False),
    _china("郑州", "河南", "371", (34.75, 113.63), 3, 5, True),
    _china("北京", "北京", "10", (39.90, 116.41), 3, 9, True),
    _china("天津", "天津", "22", (39.13, 117.20), 1, 3, False),
    _china("石家庄", "河北", "311", (38.04, 114.51), 2, 3, False),
    _china("济南", "山东", "531", (36.65, 117.12), 1, 3, True),
    _china("青岛", "山东", "532", (36.07, 120.38), 2, 3, False),
    _china("西安", "陕西", "29", (34.34, 108.94), 1, 4, True),
    _china("成都", "四川", "28", (30.57, 104.07), 3, 6, True),
    _china("重庆", "重庆", "23", (29.56, 106.55), 1, 5, False),
    _china("昆明", "云南", "871", (25.04, 102.71), 1, 2, True),
    _china("贵阳", "贵州", "851", (26.65, 106.63), 0, 2, False),
    _china("南宁", "广西", "771", (22.82, 108.32), 1, 2, False),
    _china("沈阳", "辽宁", "24", (41.81, 123.43), 1, 3, True),
    _china("哈尔滨", "黑龙江", "451", (45.80, 126.53), 0, 2, False),
    _china("兰州", "甘肃", "931", (36.06, 103.83), 0, 1, True),
    _china("乌鲁木齐", "新疆", "991", (43.83, 87.62), 0, 1, False),
    City("香港", "香港", "HK", "852", 22.31, 113.91, "Asia/Hong_Kong", 0, 0, True),
    _america("Los Angeles", "CA", "90009", (33.94, -118.40), "Los_Angeles", 6, True),
    _america("San Francisco", "CA", "94128", (37.62, -122.38), "Los_Angeles", 4, False),
    _america("Seattle", "WA", "98134", (47.58, -122.33), "Los_Angeles", 3, False),
    _america("Phoenix", "AZ", "85034", (33.43, -112.02), "Phoenix", 2, False),
    _america("Denver", "CO", "80266", (39.77, -104.88), "Denver", 2, False),
    _america("Dallas", "TX", "75099", (32.95, -96.99), "Chicago", 4, True),
    _america("Chicago", "IL", "60666", (41.98, -87.90), "Chicago", 4, True),
    _america("Atlanta", "GA", "30320", (33.64, -84.43), "New_York", 3, False),
    _america("Miami", "FL", "33152", (25.80, -80.29), "New_York", 3, False),
    _america("New York", "NY", "11430", (40.66, -73.79), "New_York", 7, True),
    _america("Boston", "MA", "02205", (42.34, -71.05), "New_York", 2, False),
    City("Honolulu", "HI", "US", "96820", 21.33, -157.92, "Pacific/Honolulu", 0, 1, False),
    _brazil("Curitiba", "PR", "81350", (-25.50, -49.33), "Sao_Paulo", 2, True),
    _brazil("São Paulo", "SP", "05311", (-23.53, -46.73), "Sao_Paulo", 9, True),
    _brazil("Campinas", "SP", "13050", (-22.94, -47.11), "Sao_Paulo", 2, False),
    _brazil("Rio de Janeiro", "RJ", "21040", (-22.86, -43.25), "Sao_Paulo", 6, True),
    _brazil("Belo Horizonte", "MG", "31275", (-19.86, -43.95), "Sao_Paulo", 4, False),
    _brazil("Porto Alegre", "RS", "90200", (-29.99, -51.19), "Sao_Paulo", 3, False),
    _brazil("Brasília", "DF", "70040", (-15.79, -47.88), "Sao_Paulo", 3, False),
    _brazil("Salvador", "BA", "40301", (-12.95, -38.49), "Bahia", 2, False),
    _brazil("Recife", "PE", "50010", (-8.06, -34.88), "Recife", 2, True),
    _brazil("Cuiabá", "MT", "78005", (-15.60, -56.10), "Cuiaba", 1, False),
    _brazil("Manaus", "AM", "69005", (-3.13, -60.02), "Manaus", 1, False),
)


def get_city(name: str) -> City:
    """The city of that name; KeyError if there is none."""
    return _BY_NAME[name]


def distance_km(a: City, b: City) -> float:
    """The great-circle distance."""
    north_a, north_b = math.radians(a.latitude), math.radians(b.latitude)
    half_north = math.sin((north_b - north_a) / 2) ** 2
    half_east = math.sin(math.radians(b.longitude - a.longitude) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half_north + math.cos(north_a) * math.cos(north_b) * half_east))


def nearest_hub(city: City) -> City:
    """Where the parcels of a city are sorted: itself, if it is a hub, else the nearest one of its country."""
    hubs = [each for each in CITIES if each.is_hub and each.country == city.country]
    return min(hubs, key=lambda hub: distance_km(city, hub))


_BY_NAME = {city.name: city for city in CITIES}
