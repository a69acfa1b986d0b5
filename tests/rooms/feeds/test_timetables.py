"""Neutral timetables: rows become legs, legs become services; what cannot be is refused where it stands."""

import datetime as dt
import json
from pathlib import Path

import pytest

from waypost.feeds.timetables import FIELDS, TimetablesFeed
from waypost.network.feed import Found
from waypost.network.services import Call, Days, Mode, Service, Stretch

HEAD = (
    "carrier,service,leg,mode,origin,destination,departs,arrives,days,first,last,left_out,"
    "cut_off_min,cost_minor,currency"
)
ONE = "sto,T1,1,truck,HGH,PVG,22:00,01:30+1,12345,2026-11-01,2026-12-31,2026-11-11;2026-12-25,30,250,CNY"
TWO = "sto,T1,2,truck,PVG,air/PEK,26:00,30:10,12345,2026-11-01,2026-12-31,2026-11-11;2026-12-25,,,CNY"
OF_FILE = "a row of timetable.csv was refused that may be of this service: mend it"
ZONES = {("sto", "HGH"): "Asia/Shanghai", ("sto", "PVG"): "Asia/Shanghai", ("air", "PEK"): "Asia/Shanghai"}


def read(tmp_path: Path, *rows: str, head: str = HEAD) -> Found:
    path = tmp_path / "timetable.csv"
    path.write_text("\n".join([head, *rows, ""]), "utf-8")
    return TimetablesFeed(path, lambda carrier, code: ZONES.get((carrier, code))).read()


def told(found: Found) -> list[tuple[int, str, str]]:
    return [(each.line, each.field, each.reason) for each in found.refused]


def test_legs_make_a_service(tmp_path: Path) -> None:
    def call(facility: str, arrives: int | None, departs: int | None) -> Call:
        return Call(facility=facility, zone="Asia/Shanghai", arrives_min=arrives, departs_min=departs)

    days = Days(
        weekdays=(1, 2, 3, 4, 5),
        first=dt.date(2026, 11, 1),
        last=dt.date(2026, 12, 31),
        left_out=(dt.date(2026, 11, 11), dt.date(2026, 12, 25)),
    )
    found = read(tmp_path, TWO, ONE)
    assert found == Found(
        services=[
            Service(
                carrier="sto",
                code="T1",
                mode=Mode.TRUCK,
                days=days,
                calls=(call("sto/HGH", None, 1320), call("sto/PVG", 1530, 1560), call("air/PEK", 1810, None)),
                stretches=(Stretch(cut_off_min=30, cost_minor=250), Stretch()),
                currency="CNY",
            )
        ]
    )


def test_objects_are_read_as_rows_are(tmp_path: Path) -> None:
    path = tmp_path / "timetable.ndjson"
    path.write_text(
        '{"carrier":"x","service":"1","mode":"flight","origin":"A","destination":"B","departs":"10:00","arrives":"09:00",'
        '"days":"-","first":"2026-11-01","last":"2026-11-01","added":["2026-11-03"],"origin_zone":"Asia/Tokyo",'
        '"destination_zone":"America/Los_Angeles","capacity_g":5000000,"co2_g":70}\n'
    )
    [service] = TimetablesFeed(path, lambda carrier, code: None).read().services
    assert service.days.added == (dt.date(2026, 11, 3),)
    assert [call.zone for call in service.calls] == ["Asia/Tokyo", "America/Los_Angeles"]
    assert service.stretches == (Stretch(capacity_g=5_000_000, co2_g=70),)


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ("sto,T1", "STO,T1", "carrier", "is no carrier code: up to 32 of a-z, 0-9, _ and -"),
        (",T1,", ",,", "service", "is missing"),
        ("truck", "lorry", "mode", "is none of truck, bus, rail, flight, ship"),
        ("HGH", "XXX", "origin", "has no time zone: register sto/XXX with one, or name it in origin_zone"),
        ("HGH", "X!/A", "origin", "is no facility: its code, or carrier/code where it is another carrier's"),
        ("22:00", "22.00", "departs", "is no time of day: write 22:00, and of the next day 06:10+1 or 30:10"),
        ("01:30+1", "25:30+1", "arrives", "is no time of day: write 22:00, and of the next day 06:10+1 or 30:10"),
        ("12345", "0123", "days", "are no weekdays: write 12345 for Monday to Friday, - for none but the `added` ones"),
        ("2026-11-01", "2026-11-31", "first", "is no day: write it as 2026-11-22"),
        ("2026-11-11;", "11.11.;", "left_out", "is no day: write it as 2026-11-22"),
        (",30,", ",soon,", "cut_off_min", "is no whole number from 0 on"),
    ],
)
def test_a_bad_row_is_refused_and_spoils_its_service(
    tmp_path: Path, old: str, new: str, field: str, reason: str
) -> None:
    other = ONE.replace("T1", "T2")
    found = read(tmp_path, ONE.replace(old, new, 1), TWO, other)
    kept = [service.code for service in found.services]
    assert kept == ([] if field == "service" else ["T2"])  # without a code it may be of any service of the carrier
    whose = OF_FILE if field in ("carrier", "service") else "another row of this service was refused"
    assert told(found)[:2] == [(2, field, reason), (3, "service", whose)]


@pytest.mark.parametrize(
    ("row", "left"),
    [
        (f"{TWO},", ["T2", "T3"]),  # a comma too many
        (TWO.replace(",1234", ",,1234"), ["T2", "T3"]),
        (TWO[:40], ["T2", "T3"]),  # breaks off
        (TWO.replace("truck", '"truck'), ["T2", "T3"]),
        (TWO.replace("truck", '"truck"x'), ["T2", "T3"]),
        (TWO.replace("PVG", "\udcff"), ["T2", "T3"]),
        ("sto", []),  # nobody knows of which service
        (f'"{TWO}', []),
        (TWO.replace("sto,T1", "sto,,T1"), []),
        (f",{TWO}", ["T2", "T3"]),  # of whichever carrier
        (TWO.replace("T1", "T9") + ",", ["T1", "T2", "T3"]),
    ],
)
def test_a_row_that_cannot_be_read_leaves_no_half_service(tmp_path: Path, row: str, left: list[str]) -> None:
    path = tmp_path / "timetable.csv"
    rows = [HEAD, ONE, row, ONE.replace("T1", "T2"), ONE.replace("T1", "T3"), ""]
    path.write_text("\n".join(rows), "utf-8", "surrogateescape")
    found = TimetablesFeed(path, lambda carrier, code: ZONES.get((carrier, code))).read()
    assert [service.code for service in found.services] == left
    assert 3 in {each.line for each in found.refused}
    assert (2 in {each.line for each in found.refused}) == ("T1" not in left)


def test_objects_that_cannot_be_read_leave_no_half_service(tmp_path: Path) -> None:
    def leg(service: str, number: int, origin: str, departs: str, **more: str) -> str:
        fields = {"carrier": "sto", "service": service, "leg": number, "mode": "truck", "origin": origin} | more
        fields |= {"destination": f"{origin}2", "departs": departs, "arrives": f"{departs}+1", "days": "1"}
        return json.dumps(fields | {"first": "2026-11-01", "last": "2026-12-31"})

    path = tmp_path / "timetable.ndjson"
    for bad, left in ((leg("T1", 2, "B", "10:00", color="red"), ["T2"]), ("{", []), ("[]", [])):
        path.write_text("\n".join([leg("T1", 1, "A", "08:00"), bad, leg("T2", 1, "A", "08:00")]))
        found = TimetablesFeed(path, lambda carrier, code: "UTC").read()
        assert [service.code for service in found.services] == left


@pytest.mark.parametrize(
    ("rows", "field", "reason"),
    [
        ([ONE, ONE], "leg", "the legs of a service are 1, 2, 3 ..., each once, not 1, 1"),
        ([TWO], "leg", "the legs of a service are 1, 2, 3 ..., each once, not 2"),
        ([ONE, TWO.replace("truck", "rail")], "leg", "the legs differ in mode, days or currency"),
        ([ONE, TWO.replace("PVG", "HGH")], "origin", "leg 2 does not begin where leg 1 ends"),
        (
            [ONE.replace("01:30+1", "22:00")],
            "",
            "service sto/T1, sto/HGH to sto/PVG: on 2026-11-01 it takes 0 minutes from zone to zone: at least one",
        ),
        (
            [ONE, TWO.replace("26:00", "25:00")],
            "",
            "service sto/T1, sto/PVG to air/PEK: it leaves before it has arrived there",
        ),
        ([ONE.replace("CNY", "yuan")], "", "service sto/T1: 'yuan' is no ISO 4217 currency code"),
        ([ONE.replace("CNY", "")], "", "service sto/T1: its costs need their currency, as CNY"),
        (
            [ONE.replace("2026-12-31", "2026-10-31")],
            "",
            "service sto/T1: it ends on 2026-10-31, before it begins on 2026-11-01",
        ),
    ],
)
def test_legs_that_are_no_service_are_refused(tmp_path: Path, rows: list[str], field: str, reason: str) -> None:
    found = read(tmp_path, *rows)
    assert found.services == []
    assert told(found) == [(line, field, reason) for line in range(2, 2 + len(rows))]


def test_all_fields_are_known_columns(tmp_path: Path) -> None:
    head = ",".join(FIELDS)
    assert read(tmp_path, head=head) == Found(services=[])
