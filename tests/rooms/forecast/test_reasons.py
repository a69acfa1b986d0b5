"""Why parcels are late."""

import datetime as dt

import numpy as np
import pytest
from tests.rooms.forecast.watching import HALT, KNOWN, imagined, parcels, silence, steps

from waypost.forecast.reasons import Reason, ReasonCode, Weather, find_reasons
from waypost.forecast.steps import Steps, make_steps
from waypost.model.instants import DAY_MS
from waypost.network.services import Call, Days, Mode, Service, Stretch
from waypost.network.timetable import Timetable, expand
from waypost.testing.trips import OFFSET_MIN

#: A Monday, two days behind those that the models learnt from.
DAY = dt.datetime(1970, 1, 1, tzinfo=dt.timezone(dt.timedelta(minutes=OFFSET_MIN))) + dt.timedelta(days=KNOWN + 2)
DAY = DAY.replace(hour=0, minute=0)
_STATUSES = {
    "created": "order_created",
    "accepted": "picked_up",
    "arrived": "arrived_at_hub",
    "departed": "departed_from_hub",
    "customs": "customs_held",
    "out": "out_for_delivery",
    "failed": "delivery_attempted",
}


def at(text: str) -> float:
    """`2 13:45` as days since 1970: the clock there, on the second day."""
    day, clock = text.split()
    hour, minute = clock.split(":")
    return (DAY + dt.timedelta(days=int(day), hours=int(hour), minutes=int(minute))).timestamp() * 1000 / DAY_MS


def timeline(text: str) -> Steps:
    """Steps of one parcel from lines of day, time, what it said and hub."""
    rows = [line.split() for line in text.strip().splitlines()]
    return make_steps(
        {
            "carrier": ["imagined"] * len(rows),
            "number": ["P1"] * len(rows),
            "status": [_STATUSES[row[2]] for row in rows],
            "facility": [f"imagined/{row[3]}" for row in rows],
            "area": [f"XX-R{row[3][1:]}" for row in rows],
            "at": np.array([round(at(f"{row[0]} {row[1]}") * DAY_MS) for row in rows], "datetime64[ms]"),
            "offset_min": np.full(len(rows), OFFSET_MIN, np.int16),
            "destination_area": ["XX-R2"] * len(rows),
        }
    )


def tell(
    text: str, now: str, timetable: Timetable | None = None, weather: Weather | None = None
) -> list[tuple[str, str | None]]:
    [found] = reasons(text, now, timetable, weather)
    return [(reason.code.value, reason.facility) for reason in found]


def reasons(
    text: str, now: str, timetable: Timetable | None = None, weather: Weather | None = None
) -> list[list[Reason]]:
    return find_reasons(silence(), timeline(text), at(now), timetable=timetable, weather=weather)


USUAL = """
    0 15:00 accepted H1
    0 18:00 arrived H1
    0 22:40 departed H1
"""


def test_what_goes_as_usual_has_no_reason() -> None:
    assert tell(USUAL, "1 02:00") == []


def test_a_long_wait_at_a_hub() -> None:
    late = USUAL.replace("0 22:40", "2 22:40")
    assert tell(late, "3 01:00") == [("waited", "imagined/H1")]
    [[reason]] = reasons(late, "3 01:00")
    assert reason.hours == pytest.approx(48, abs=12)
    assert reason.at_ms == round(at("0 18:00") * DAY_MS)


@pytest.mark.parametrize(
    ("scan", "code"),
    [
        ("0 10:00 created H1", "late_handover"),
        ("0 10:00 departed H1", "slow_leg"),
        ("0 10:00 customs H1", "customs"),
        ("0 10:00 failed H1", "failed_attempt"),
    ],
)
def test_what_the_scan_before_the_gap_says(scan: str, code: str) -> None:
    assert tell(f"{scan}\n9 10:00 arrived H2", "9 10:10") == [(code, "imagined/H1")]


def test_silence_is_told_with_its_hours() -> None:
    [[reason]] = reasons(USUAL, "6 22:40")
    assert (reason.code, reason.facility, reason.hours) == (ReasonCode.SILENT, "imagined/H1", 144.0)


def test_bad_weather_is_named_where_it_was() -> None:
    asked = []

    def weather(facility: str, since_ms: int, until_ms: int) -> ReasonCode | None:
        asked.append((facility, since_ms, until_ms))
        return ReasonCode.STORM

    late = USUAL.replace("0 22:40", "2 22:40")
    assert tell(late, "3 01:00", weather=weather) == [("storm", "imagined/H1")]
    assert asked == [("imagined/H1", round(at("0 18:00") * DAY_MS), round(at("2 22:40") * DAY_MS))]
    assert tell(late, "3 01:00", weather=lambda *_: None) == [("waited", "imagined/H1")]
    assert tell(USUAL, "7 00:00", weather=weather) == [("storm", "imagined/H1")], "also of who is silent since"


@pytest.fixture(scope="module")
def timetable() -> Timetable:
    """From H1 by H5 to H2 at five and at ten in the evening, loaded until an hour before."""
    first = DAY.date() - dt.timedelta(days=1)
    days = Days(weekdays=(1, 2, 3, 4, 5, 6, 7), first=first, last=first + dt.timedelta(days=20))

    def truck(code: str, hour: int) -> Service:
        calls = [
            Call(facility="imagined/H1", zone="Etc/GMT+3", departs_min=hour * 60),
            Call(facility="imagined/H5", zone="Etc/GMT+3", arrives_min=hour * 60 + 60, departs_min=hour * 60 + 70),
            Call(facility="imagined/H2", zone="Etc/GMT+3", arrives_min=hour * 60 + 300),
        ]
        stretches = (Stretch(cut_off_min=60), Stretch())
        return Service(
            carrier="imagined", code=code, mode=Mode.TRUCK, days=days, calls=tuple(calls), stretches=stretches
        )

    services = [truck("early", 5), truck("late", 22)]
    return expand(services, first, first + dt.timedelta(days=15), {}, 0)


def test_a_missed_cut_off(timetable: Timetable) -> None:
    """Accepted in the afternoon, it should have come by evening; it came at half past nine."""
    late = """
        0 15:00 accepted H1
        0 21:30 arrived H1
        1 05:10 departed H1
        1 10:30 arrived H2
    """.replace("0 15:00 accepted H1", "0 12:00 accepted H7")
    [found] = reasons(late, "1 11:00", timetable)
    told = [reason for reason in found if reason.code is ReasonCode.MISSED_CUTOFF]
    assert [(each.facility, each.hours, each.at_ms) for each in told] == [
        ("imagined/H1", 7.0, round(at("0 21:00") * DAY_MS))
    ]


def test_left_behind(timetable: Timetable) -> None:
    late = """
        0 12:00 accepted H7
        0 16:00 arrived H1
        3 05:10 departed H1
        3 10:30 arrived H2
    """
    [found] = reasons(late, "3 11:00", timetable)
    [told] = [reason for reason in found if reason.facility == "imagined/H1"]
    assert (told.code, told.hours, told.at_ms) == (ReasonCode.LEFT_BEHIND, 55.0, round(at("0 22:00") * DAY_MS))


def test_a_departure_that_no_timetable_knows_misses_nothing(timetable: Timetable) -> None:
    late = """
        0 12:00 accepted H7
        0 16:00 arrived H1
        3 13:10 departed H1
        3 18:30 arrived H2
    """
    assert ("waited", "imagined/H1") in tell(late, "3 19:00", timetable)
    assert ("waited", "imagined/H1") in tell(late.replace("H2", "H6"), "3 19:00", timetable)


def test_parcels_of_a_hub_that_halted_are_told_so() -> None:
    """Of those that came to it while it stood, nearly all; of those that came a week before, few."""
    here = np.array(steps().table.column("facility").to_pylist()) == f"imagined/H{HALT.hub}"
    arrived = here & (steps().status == 7)
    shares = []
    for begin in (HALT.begins, HALT.begins - 7):
        rows = np.flatnonzero(arrived & (steps().at > begin) & (steps().at < begin + 1))
        rows = rows[steps().status[rows + 1] == 8]  # it was to leave from there
        some = Steps(steps().take(np.isin(steps().parcel, steps().parcel[rows])))
        told = find_reasons(silence(), some, HALT.ends + 8)
        which = [{reason.facility for reason in each if reason.code is ReasonCode.WAITED} for each in told]
        shares.append(np.mean([f"imagined/H{HALT.hub}" in each for each in which]))
        assert len(told) == len(set(parcels(some))) > 5
    assert imagined().halt is HALT
    assert shares[0] > 0.8
    assert shares[1] < 0.4


def test_of_nothing() -> None:
    assert find_reasons(silence(), Steps(steps().table.slice(0, 0)), KNOWN) == []
