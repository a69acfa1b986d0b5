"""A sample to look at: parcels of an imagined fortnight, in the neutral formats that `waypost import` reads.

Merchants in Chinese cities send parcels at home, and by way of Hong Kong to the United States and Brazil. What carriers
send is as in life: stamps without an offset, scans twice, late, out of order, corrected, in unknown codes. The same
seed and the same present always give the same bytes.
"""

import csv
import datetime as dt
import gzip
import random
import zoneinfo
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from waypost.model.instants import DAY_MS, format_instant, offset_in_zone
from waypost.twin import mishaps, stories
from waypost.twin.cities import CITIES, City, distance_km, get_city
from waypost.twin.journey import CHINA, HOUR_MS, Journey, Scan
from waypost.twin.numbers import Numbers
from waypost.twin.sites import EXPORTERS, all_sites
from waypost.twin.stories import Story

DAYS = 12
_FACILITY = ("carrier", "code", "name", "kind", "city", "region", "country", "latitude", "longitude", "zone")

_CARRIERS = {"yto": 24, "zto": 26, "sto": 20, "yunda": 18, "best": 8, "cainiao": 4}
_MERCHANTS = ("TEA", "LAMP", "SHOE", "TOY", "SILK", "CASE", "BIKE", "FAN")
_STORIES: dict[Story, float] = {
    stories.door: 50,
    stories.locker: 24,
    stories.second_try: 4,
    stories.gatekeeper: 2.5,
    stories.forwarded: 1,
    stories.held_up: 1.2,
    stories.wrong_address: 1,
    stories.refused: 1,
    stories.called_off: 1.2,
    stories.missed_pick_up: 0.8,
    stories.america: 7,
    stories.america_missed: 0.6,
    stories.brazil: 3.5,
    stories.brazil_taxed: 1.8,
    stories.brazil_missed: 0.4,
}
#: At which hour of the day people order, roughly.
_HOURS = (2, 1, 1, 0, 0, 0, 1, 2, 4, 6, 8, 8, 7, 6, 7, 7, 6, 6, 6, 7, 9, 10, 8, 5)


class Look(msgspec.Struct, frozen=True):
    """A number worth looking at, and why."""

    number: str
    why: str


class Sample(msgspec.Struct, frozen=True):
    """What was made.

    Attributes:
        files: for each kind of `waypost import` its file, in the order in which they should be imported.
        worth_a_look: some numbers.
        parcels, scans: how many; scans that were sent twice count twice.
    """

    files: dict[str, str]
    worth_a_look: list[Look]
    parcels: int
    scans: int


class _Feature(msgspec.Struct, frozen=True):
    """A parcel that has to be there, and how far it has come.

    Attributes:
        story: what happens to it.
        until: the status that it has reached; None for the end of the story.
        carrier: the first one.
        to: where it goes; None for anywhere.
        mishap: what else happens.
        why: what is worth looking at; "" if it only has to be there.
    """

    story: Story
    until: str | None = None
    carrier: str = "yto"
    to: str | None = None
    mishap: Callable[[Journey], None] | None = None
    why: str = ""


_FEATURES = (
    _Feature(stories.door, carrier="zto", why="delivered within China"),
    _Feature(stories.door, "out_for_delivery", "yto", why="out for delivery"),
    _Feature(
        stories.america, None, "yunda", "Seattle", why="from China to Seattle: two carriers, two numbers, one way"
    ),
    _Feature(
        stories.brazil_taxed, "customs_held", "sto", "Salvador", why="held by Brazilian customs until duty is paid"
    ),
    _Feature(stories.locker, "delivery_to_locker", "sto", why="waits in a locker or a pick-up station"),
    _Feature(stories.refused, carrier="cainiao", why="refused at the door and returned to the sender"),
    _Feature(stories.held_up, carrier="best", why="held up on the way, delivered after the promised day"),
    _Feature(stories.door, carrier="yto", mishap=mishaps.correct_delivery, why="a delivery scan that was corrected"),
    _Feature(stories.door, carrier="zto", mishap=mishaps.withdraw_delivery, why="a delivery scan that was withdrawn"),
    _Feature(stories.door, carrier="sto", mishap=mishaps.collect_again, why="an impossible scan after the delivery"),
    _Feature(stories.door, carrier="zto", mishap=mishaps.send_end_first),
    _Feature(stories.brazil_lost, carrier="sto", to="Recife", why="lost behind the border"),
    _Feature(stories.brazil, carrier="yunda", to="Manaus"),
    _Feature(stories.brazil_missed, "recipient_unavailable", "sto"),
    _Feature(stories.brazil_missed, "awaiting_pickup", "sto", "Cuiabá"),
    _Feature(stories.brazil_taxed, "customs_inspection", "yunda"),
    _Feature(stories.brazil_taxed, "customs_duty_paid", "sto"),
    _Feature(stories.brazil_taxed, "customs_released", "sto"),
    _Feature(stories.america, "transferred_to_carrier", "yunda"),
    _Feature(stories.america, "customs_declared", "sto"),
    _Feature(stories.america, "arrived_at_destination", "yunda"),
    _Feature(stories.america_cleared, carrier="sto"),
    _Feature(stories.america_damaged, carrier="yunda"),
    _Feature(stories.missed_pick_up, "pickup_scheduled", "zto"),
    _Feature(stories.missed_pick_up, "pickup_failed", "zto"),
    _Feature(stories.second_try, "delivery_attempted", "yto"),
    _Feature(stories.gatekeeper, carrier="zto"),
    _Feature(stories.forwarded, "in_transit", "yto"),
    _Feature(stories.held_up, "exception", "sto"),
    _Feature(stories.wrong_address, "address_issue", "sto"),
    _Feature(stories.refused, "refused", "yunda"),
    _Feature(stories.refused, "return_initiated", "zto"),
    _Feature(stories.refused, "in_return_transit", "cainiao"),
    _Feature(stories.called_off, "label_printed", "best"),
    _Feature(stories.called_off, "order_created", "best"),
    _Feature(stories.called_off, carrier="best"),
    _Feature(stories.door, "picked_up", "yto"),
    _Feature(stories.door, "departed_from_hub", "zto"),
    _Feature(stories.door, "arrived_at_hub", "sto"),
    *(_Feature(stories.door, carrier=carrier, mishap=mishaps.mumble) for carrier in ("zto", "yto", "sto") * 2),
)


def make_sample(folder: Path, *, seed: int, now_ms: int, parcels: int = 2000) -> Sample:
    """Write a sample world into a folder.

    Args:
        folder: made if it is not there; files of an older sample in it are replaced.
        seed: of the one source of chance.
        now_ms: the present; nothing happens after it.
        parcels: how many there should be; those that show something special are always there.
    """
    rng = random.Random(seed)
    numbers = Numbers(rng)
    featured = [_feature(rng, numbers, feature, now_ms) for feature in _FEATURES]
    ordinary = [_wander(rng, numbers, now_ms) for _ in range(parcels - len(featured))]
    mishaps.trouble_the_wires(rng, ordinary)
    journeys = featured + ordinary
    for way in journeys:
        way.cut(now_ms)
    journeys = [way for way in journeys if way.scans]
    scans = sorted((scan for way in journeys for scan in way.scans), key=lambda scan: (scan.heard_ms, scan.number))

    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "facilities": _write_facilities(folder / "facilities.csv"),
        "parcels": _write_lines(folder / "parcels.ndjson", (_parcel_row(rng, way) for way in journeys)),
        "scans": _write_packed(folder / "scans.ndjson.gz", (_scan_row(scan) for scan in scans)),
    }
    looks = [
        Look(way.scans[0].number, feature.why) for way, feature in zip(featured, _FEATURES, strict=True) if feature.why
    ]
    return Sample(files, looks, len(journeys), len(scans))


def _feature(rng: random.Random, numbers: Numbers, feature: _Feature, now_ms: int) -> Journey:
    """A journey that ends within the last day."""
    start_ms = now_ms - 60 * DAY_MS
    start_ms += (rng.randrange(9, 16) * HOUR_MS - start_ms) % DAY_MS - 8 * HOUR_MS  # in the daytime of China
    ends = _choose_ends(rng, feature.story, feature.to)
    way = _make(rng, numbers, feature.story, feature.carrier, ends, start_ms)
    if feature.until is not None:
        last = next(number for number, scan in enumerate(way.scans) if scan.status == feature.until)
        del way.scans[last + 1 :]
    if feature.mishap is not None:
        feature.mishap(way)
    newest_ms = max(max(scan.at_ms, scan.heard_ms) for scan in way.scans)
    way.shift((now_ms - newest_ms) // DAY_MS)
    return way


def _wander(rng: random.Random, numbers: Numbers, now_ms: int) -> Journey:
    """A journey of any kind that begins within the last days."""
    story = rng.choices(list(_STORIES), list(_STORIES.values()))[0]
    carriers = dict.fromkeys(EXPORTERS, 1) if story in stories.COUNTRIES else _CARRIERS
    carrier = rng.choices(list(carriers), list(carriers.values()))[0]
    midnight_ms = (now_ms + 8 * HOUR_MS) // DAY_MS * DAY_MS - 8 * HOUR_MS
    while True:
        hour = rng.choices(range(24), _HOURS)[0] + rng.random()
        start_ms = midnight_ms - rng.randrange(DAYS + 1) * DAY_MS + int(hour * HOUR_MS)
        if start_ms < now_ms:
            return _make(rng, numbers, story, carrier, _choose_ends(rng, story, None), start_ms)


def _make(
    rng: random.Random, numbers: Numbers, story: Story, carrier: str, ends: tuple[City, City], start_ms: int
) -> Journey:
    second = None
    if ends[1].country == "BR":
        second = ("correios", numbers.postal())
    elif ends[1].country == "US":
        second = ("usps", numbers.postal() if rng.random() < 0.4 else numbers.american())
    way = Journey(rng, (carrier, numbers.chinese(carrier)), ends, start_ms, second)
    story(way)
    return way


def _choose_ends(rng: random.Random, story: Story, to: str | None) -> tuple[City, City]:
    origin = rng.choices(CITIES, [city.sends for city in CITIES])[0]
    if to is not None:
        return origin, get_city(to)
    country = stories.COUNTRIES.get(story, "CN")
    weights = [city.receives * (city.country == country and city is not origin) for city in CITIES]
    return origin, rng.choices(CITIES, weights)[0]


def _parcel_row(rng: random.Random, way: Journey) -> dict[str, object]:
    origin, destination = way.origin, way.destination
    day = dt.datetime.fromtimestamp(way.start_ms / 1000, zoneinfo.ZoneInfo(CHINA))
    row: dict[str, object] = {
        "carrier": way.scans[0].carrier,
        "number": way.scans[0].number,
        "order_number": f"{rng.choice(_MERCHANTS)}-{day:%y%m%d}-{rng.randrange(100_000):05}",
        "promised_by": _promise(way),
        "weight_g": min(max(int(rng.lognormvariate(6.3, 0.8)), 60), 20_000),
    }
    for end, city in (("origin", origin), ("destination", destination)):
        row |= {f"{end}_city": city.name, f"{end}_region": city.region, f"{end}_country": city.country}
    if way.second is not None and way.handed_ms is not None:
        carrier, number = way.second
        row["also"] = [f"{carrier}:{number}@{format_instant(way.handed_ms, 8 * 60)}"]
    return row


def _promise(way: Journey) -> str:
    """The end of the day, where the parcel goes, by which nine in ten parcels are there."""
    if way.destination.country == "CN":
        hours = 44 + distance_km(way.origin, way.destination) / 45
    else:
        hours = (10 if way.destination.country == "US" else 14) * 24
    zone = zoneinfo.ZoneInfo(way.destination.zone)
    day = dt.datetime.fromtimestamp(way.start_ms / 1000 + hours * 3600, zone)
    return day.replace(hour=23, minute=59, second=59, microsecond=0).isoformat()


def _scan_row(scan: Scan) -> dict[str, object]:
    offset_min = offset_in_zone(scan.at_ms, scan.zone)
    stamp = format_instant(scan.at_ms, offset_min)
    row = {
        "carrier": scan.carrier,
        "number": scan.number,
        "code": scan.code,
        "at": stamp if scan.with_offset else stamp[:19].replace("T", " "),
        "facility": scan.facility,
        "note": scan.note,
        "corrects": scan.corrects.id if scan.corrects else None,
    }
    return {name: value for name, value in row.items() if value is not None}


def _write_facilities(path: Path) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_FACILITY)
        for each in all_sites().list():
            place = (getattr(each.place, name) for name in _FACILITY[4:])
            table.writerow((each.carrier, each.code, each.name, each.kind.value, *place))
    return str(path)


def _write_lines(path: Path, rows: Iterable[dict[str, object]]) -> str:
    path.write_bytes(msgspec.json.Encoder().encode_lines(rows))
    return str(path)


def _write_packed(path: Path, rows: Iterable[dict[str, object]]) -> str:
    data = msgspec.json.Encoder().encode_lines(rows)
    path.write_bytes(gzip.compress(data, 6, mtime=0))
    return str(path)
