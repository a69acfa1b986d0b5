"""SSIM: legs become flights, in UTC, on the days of their first departure."""

import datetime as dt
from pathlib import Path

import pytest

from waypost.feeds.ssim import SsimFeed
from waypost.model.instants import format_utc
from waypost.network.feed import Found
from waypost.network.timetable import expand

TOO_EARLY = "service ca/CA1041.1, iata/PVG to iata/FRA: its times lie from the day before its own to 60 days behind it"


def leg(
    flight: str = "CA 1041",
    variation: str = "01",
    sequence: str = "01",
    period: str = "01NOV2630NOV26",
    days: str = "1234567",
    rate: str = " ",
    origin: str = "PVG",
    std: str = "0030",
    origin_utc: str = "+0800",
    destination: str = "FRA",
    sta: str = "0515",
    destination_utc: str = "+0100",
    moved: str = "00",
) -> str:
    text = f"3 {flight}{variation}{sequence}F{period}{days}{rate}{origin}{std}{std}{origin_utc}  "
    text += f"{destination}{sta}{sta}{destination_utc}  74F"
    return f"{text:192}{moved}{1:06}"


def read(tmp_path: Path, *records: str, mode: str = "L") -> Found:
    path = tmp_path / "schedule.ssim"
    path.write_text("\r\n".join([f"1{'AIRLINE STANDARD SCHEDULE DATA SET':199}", f"2{mode}CA{'':196}", *records, ""]))
    return SsimFeed(path).read()


def departures(found: Found, first: int, last: int) -> list[str]:
    timetable = expand(found.services, dt.date(2026, 11, first), dt.date(2026, 11, last), {}, 0)
    each, names = timetable.connections, timetable.facilities
    rows = zip(each.origin, each.departs_ms.tolist(), each.destination, each.arrives_ms.tolist(), strict=True)
    return [f"{names[o]} {format_utc(d)[8:16]} {names[t]} {format_utc(a)[8:16]}" for o, d, t, a in rows]


def told(found: Found) -> list[tuple[int, str, str]]:
    return [(each.line, each.field, each.reason) for each in found.refused]


def test_a_flight_runs_on_its_local_days(tmp_path: Path) -> None:
    found = read(tmp_path, leg(days="1  4   "))
    assert found.refused == []
    [service] = found.services
    assert (service.carrier, service.code) == ("ca", "CA1041.1")
    assert departures(found, 2, 5) == [
        "iata/PVG 01T16:30 iata/FRA 02T04:15",
        "iata/PVG 04T16:30 iata/FRA 05T04:15",
    ]


def test_legs_follow_one_another_over_days(tmp_path: Path) -> None:
    onward = leg(sequence="02", origin="FRA", origin_utc="+0100", std="0700", destination="JFK", sta="0930",
                 destination_utc="-0500")  # fmt: skip
    late = leg(sequence="03", origin="JFK", origin_utc="-0500", std="2300", destination="ANC", sta="0330",
               destination_utc="-0900", moved="01")  # fmt: skip
    found = read(tmp_path, late, leg(), onward)
    assert departures(found, 2, 2) == [
        "iata/PVG 01T16:30 iata/FRA 02T04:15",
        "iata/FRA 02T06:00 iata/JFK 02T14:30",
        "iata/JFK 03T04:00 iata/ANC 03T12:30",
    ]


def test_times_may_be_utc_already(tmp_path: Path) -> None:
    assert departures(read(tmp_path, leg(), mode="U"), 2, 2) == ["iata/PVG 02T00:30 iata/FRA 02T05:15"]


def test_variations_of_an_itinerary_are_services_of_their_own(tmp_path: Path) -> None:
    other = leg(variation="12", period="01DEC2600XXX00")
    found = read(tmp_path, leg(), other, leg(flight="CA   77"))
    assert [service.code for service in found.services] == ["CA1041.1", "CA1041.12", "CA77.1"]
    assert found.services[1].days.last > dt.date(2049, 1, 1)


def test_every_other_week_counts_from_the_first(tmp_path: Path) -> None:
    found = read(tmp_path, leg(period="03NOV2630NOV26", days=" 2  5  ", rate="2"))
    assert [day.day for day in found.services[0].days.added] == [3, 6, 17, 20]
    assert len(departures(found, 1, 30)) == 4


@pytest.mark.parametrize(
    ("record", "field", "reason"),
    [
        (leg()[:-1], "record", "has 199 characters, not 200"),
        (leg(sequence="A1"), "leg sequence number", "is no number"),
        (leg(period="01NOV2631NOV26"), "period to", "is no day as 22NOV26"),
        (leg(days="123456X"), "days of operation", "are no weekdays as 12 45 7"),
        (leg(rate="4"), "frequency rate", "is neither a blank nor 2, every other week"),
        (leg(rate="2", period="01NOV2600XXX00"), "period to", "is needed where a flight runs every other week"),
        (leg(origin="PV "), "departure station", "is no code of an airport: three letters"),
        (leg(std="0060"), "STD", "is no time of day as 0805"),
        (leg(destination_utc="01:00"), "UTC variation of STA", "is not written as +0800"),
        (leg(moved="0X"), "date variation of STA", "is none of A, 0 to 7 or a blank"),
        (leg(sta="0000", moved="0A"), "", TOO_EARLY),
    ],
)  # fmt: skip
def test_a_leg_that_cannot_be_is_refused(tmp_path: Path, record: str, field: str, reason: str) -> None:
    found = read(tmp_path, record, leg(flight="CA   77"))
    assert [service.code for service in found.services] == ["CA77.1"]
    assert told(found) == [(3, field, reason)]


ONWARD = leg(sequence="02", origin="FRA", origin_utc="+0100", std="0700", destination="JFK", sta="0930")


@pytest.mark.parametrize(
    ("record", "left"),
    [
        (ONWARD[:-1], ["CA77.1"]),
        (ONWARD[:60] + " " + ONWARD[60:], ["CA77.1"]),
        (ONWARD[:3] + ONWARD[4:], []),  # nobody knows of which flight
        (ONWARD[1:], []),
        (ONWARD[:9], []),
        ("3" * (1 << 21), []),
    ],
)
def test_a_record_that_cannot_be_read_leaves_no_half_flight(tmp_path: Path, record: str, left: list[str]) -> None:
    found = read(tmp_path, leg(), record, leg(flight="CA   77"))
    assert [service.code for service in found.services] == left
    assert {3, 4} <= {each.line for each in found.refused}


def test_a_leg_spoils_its_flight(tmp_path: Path) -> None:
    onward = leg(sequence="02", origin="FRA", origin_utc="+0100", std="7000")
    assert told(read(tmp_path, leg(), onward)) == [
        (3, "leg", "another leg of this flight was refused"),
        (4, "STD", "is no time of day as 0805"),
    ]
    elsewhere = leg(sequence="02", origin="HHN")
    assert told(read(tmp_path, leg(), elsewhere))[0] == (3, "leg", "leg 2 does not go on from leg 1")
    other_days = leg(sequence="02", origin="FRA", origin_utc="+0100", std="0700", sta="0900", days="1      ")
    assert told(read(tmp_path, leg(), other_days))[0][2] == "the legs of a flight have one period and one set of days"
