"""The bar and the sentences, on parcels in a few words: `picked@11-18` is a milestone on that day, `picked` any day."""

import datetime as dt
from typing import Any

import pytest

from waypost.model.instants import parse_instant
from waypost.track.statuses import get_status
from waypost.track.views import MilestoneView, ParcelView, PlaceView, ScanView, WaybillView
from waypost.web.pages.journey import make_card, make_days, make_steps, place_text
from waypost.web.pages.languages import get_language

EN = get_language("en")
NOW = parse_instant("2026-11-22T12:00:00Z").at_ms


def parcel(status: str, milestones: str, **more: Any) -> ParcelView:
    reached = [
        MilestoneView(name, f"2026-{day}T10:00:00-03:00" if day else None)
        for name, _, day in (each.partition("@") for each in milestones.split())
    ]
    known = get_status(status)
    fields: dict[str, Any] = {
        "id": "par_1",
        "carrier": "yto",
        "carrier_name": "YTO Express",
        "number": "YT1",
        "numbers": [WaybillView("yto", "YT1")],
        "order_number": None,
        "status": status,
        "status_at": reached[-1].at if reached else None,
        "group": known.group,
        "shape": known.shape,
        "place": None,
        "origin": None,
        "destination": None,
        "first_at": reached[0].at if reached else None,
        "last_at": reached[-1].at if reached else None,
        "promised_by": None,
        "milestones": reached,
        "scans": len(reached),
        "weight_g": None,
        "note": None,
        "flags": [],
        "complete": True,
    }
    return ParcelView(**fields | more)


def scan(code: str, at: str, carrier: str = "yto", **more: Any) -> ScanView:
    fields: dict[str, Any] = {
        "id": "0" * 16,
        "at": at,
        "utc": "2026-11-20T00:00:00Z",
        "offset_source": "reported",
        "zone": None,
        "carrier": carrier,
        "number": "YT1",
        "code": code,
        "status": code,
        "place": None,
        "note": None,
        "corrects": None,
        "recorded_at": None,
        "flags": [],
    }
    return ScanView(**fields | more)


def bar(view: ParcelView) -> str:
    """`[x]` done, `[o]` now, `[ ]` ahead."""
    signs = {"done": "x", "now": "o", "ahead": " "}
    return " ".join(f"{step.label}[{signs[step.state]}]" for step in make_steps(view, EN))


BR, CN = PlaceView(city="São Paulo", country="BR"), PlaceView(city="Guangzhou", country="CN")


@pytest.mark.parametrize(
    ("status", "milestones", "more", "drawn"),
    [
        ("unknown", "", {}, "Created[o] Picked up[ ] Moving[ ] Out for delivery[ ] Delivered[ ]"),
        ("unknown", "", {"scans": 1}, "Created[ ] Picked up[ ] Moving[ ] Out for delivery[ ] Delivered[ ]"),
        ("order_created", "created@11-10", {}, "Created[o] Picked up[ ] Moving[ ] Out for delivery[ ] Delivered[ ]"),
        (
            "in_transit",
            "accepted@11-11 departed@11-12",
            {"origin": CN, "destination": BR},
            "Created[x] Picked up[x] Moving[o] Customs[ ] Out for delivery[ ] Delivered[ ]",
        ),
        (
            "in_transit",
            "accepted@11-11 departed@11-12",
            {"origin": BR, "destination": BR},
            "Created[x] Picked up[x] Moving[o] Out for delivery[ ] Delivered[ ]",
        ),
        (  # moving on behind the customs does not go back before them
            "in_transit",
            "accepted@11-11 departed@11-12 customs@11-13",
            {},
            "Created[x] Picked up[x] Moving[x] Customs[o] Out for delivery[ ] Delivered[ ]",
        ),
        (  # sent back to the hub after a stray scan: it is not out for delivery any more
            "arrived_at_hub",
            "accepted@11-11 out_for_delivery@11-12 arrived@11-13",
            {},
            "Created[x] Picked up[x] Moving[o] Out for delivery[ ] Delivered[ ]",
        ),
        (
            "delivery_attempted",
            "accepted@11-11 out_for_delivery@11-12 exception@11-12",
            {},
            "Created[x] Picked up[x] Moving[x] Out for delivery[o] Delivered[ ]",
        ),
        (
            "awaiting_pickup",
            "accepted@11-11 ready_to_collect@11-12",
            {},
            "Created[x] Picked up[x] Moving[x] Ready to collect[o] Delivered[ ]",
        ),
        ("delivered", "delivered@11-13", {}, "Created[x] Picked up[x] Moving[x] Out for delivery[x] Delivered[x]"),
        (
            "in_return_transit",
            "accepted@11-11 out_for_delivery@11-12 returning@11-14",
            {},
            "Created[x] Picked up[x] Moving[x] Out for delivery[o] Back with sender[ ]",
        ),
        (
            "returned_to_sender",
            "accepted@11-11 returning@11-14 returned@11-15",
            {},
            "Created[x] Picked up[x] Moving[x] Out for delivery[x] Back with sender[x]",
        ),
        (
            "order_cancelled",
            "created@11-10 cancelled@11-11",
            {},
            "Created[x] Picked up[x] Moving[x] Out for delivery[x] Cancelled[x]",
        ),
    ],
)
def test_the_bar(status: str, milestones: str, more: dict[str, Any], drawn: str) -> None:
    assert bar(parcel(status, milestones, **more)) == drawn


def test_steps_have_the_day_on_which_they_were_reached_first() -> None:
    steps = make_steps(parcel("in_transit", "accepted@11-11 arrived@11-13 departed@11-12 out_for_delivery@11-14"), EN)
    assert [step.day for step in steps] == [None, "11 Nov", "12 Nov", None, None]


def test_a_step_that_was_reached_nobody_knows_when_has_no_day() -> None:
    view = parcel("out_for_delivery", "accepted@11-11 departed@11-12 arrived out_for_delivery")
    assert [(step.state, step.day) for step in make_steps(view, EN)] == [
        ("done", None),
        ("done", "11 Nov"),
        ("done", None),  # it may have arrived before it is known to have departed
        ("now", None),
        ("ahead", None),
    ]


@pytest.mark.parametrize(
    ("status", "milestones", "promised", "sentence", "kept"),
    [
        ("in_transit", "departed@11-20", "2026-11-25T18:00:00-03:00", "Promised by Wed, 25 Nov 2026", True),
        ("in_transit", "departed@11-20", "2026-11-19T12:00:00Z", "Was promised by Thu, 19 Nov 2026, 3 days ago", False),
        (
            "delivered",
            "delivered@11-20",
            "2026-11-20T08:00:00-03:00",
            "Delivered on the promised day, Fri, 20 Nov 2026",
            True,
        ),
        (
            "delivered",
            "delivered@11-20",
            "2026-11-21T08:00:00-03:00",
            "Delivered 1 day before the promised Sat, 21 Nov 2026",
            True,
        ),
        (
            "delivered",
            "delivered@11-20",
            "2026-11-18T08:00:00-03:00",
            "Delivered 2 days after the promised Wed, 18 Nov 2026",
            False,
        ),
        ("delivered", "delivered", "2026-11-18T08:00:00-03:00", "Promised by Wed, 18 Nov 2026", True),
        ("returned_to_sender", "returned@11-20", "2026-11-18T08:00:00-03:00", None, True),
        ("order_cancelled", "cancelled@11-20", "2026-11-18T08:00:00-03:00", None, True),
        ("in_transit", "departed@11-20", None, None, True),
    ],
)
def test_the_promise(status: str, milestones: str, promised: str | None, sentence: str | None, kept: bool) -> None:
    card = make_card(parcel(status, milestones, promised_by=promised), [], EN, NOW, 10)
    assert (card.promise, card.promise_kept) == (sentence, kept)


def test_what_is_overdue_is_drawn_late_but_a_trouble_stays_a_trouble() -> None:
    past = "2026-11-19T12:00:00Z"
    assert make_card(parcel("in_transit", "departed@11-20", promised_by=past), [], EN, NOW, 9).shape == "late"
    assert make_card(parcel("lost", "exception@11-20", promised_by=past), [], EN, NOW, 9).shape == "stop"
    assert make_card(parcel("delivered", "delivered@11-20", promised_by=past), [], EN, NOW, 9).shape == "done"


def test_days_are_local_and_newest_first() -> None:
    scans = [scan("arrived_at_hub", "2026-11-20T00:30:00+08:00"), scan("picked_up", "2026-11-19T23:50:00+08:00")]
    days = make_days(scans, EN)
    assert [(day.heading, [row.time for row in day.rows]) for day in days] == [
        ("Friday, 20 November 2026", ["00:30"]),
        ("Thursday, 19 November 2026", ["23:50"]),
    ]


def test_a_handover_stands_between_the_scans_of_two_carriers() -> None:
    scans = [
        scan("delivered", "2026-11-20T12:00:00-03:00", "acme"),
        scan("picked_up", "2026-11-20T10:00:00-03:00", "yto"),
    ]
    [day] = make_days(scans, EN)
    assert [(row.kind, row.label) for row in day.rows] == [
        ("scan", "Delivered"),
        ("handover", "Handed over from YTO Express to acme"),
        ("scan", "Picked up"),
    ]


def test_corrected_and_withdrawing_scans_are_hidden_in_public_but_told_of() -> None:
    scans = [
        scan("void", "2026-11-20T13:00:00-03:00"),
        scan("delivered", "2026-11-20T12:00:00-03:00", flags=["corrected"]),
        scan("picked_up", "2026-11-20T10:00:00-03:00", flags=["late", "repeated_hour", "impossible"]),
    ]
    card = make_card(parcel("picked_up", "accepted@11-20"), scans, EN, NOW, 10)
    [row] = card.days[0].rows
    assert row.label == "Picked up"
    assert row.details == ["The clocks were set back in this hour; it may have been an hour later."]
    assert card.notes == ["The carrier corrected 1 earlier scan, which is not shown."]


def test_a_long_timeline_says_how_much_is_left_out() -> None:
    scans = [scan("in_transit", f"2026-11-20T{hour:02d}:00:00-03:00") for hour in range(20, 0, -1)]
    card = make_card(parcel("in_transit", "departed@11-20"), scans, EN, NOW, 5)
    assert (sum(len(day.rows) for day in card.days), card.scans, card.left_out) == (5, 20, 15)


def test_scans_that_were_not_even_read_are_left_out_too() -> None:
    scans = [scan("in_transit", f"2026-11-20T{hour:02d}:00:00-03:00") for hour in range(20, 10, -1)]
    scans[3] = scan("in_transit", "2026-11-20T17:00:00-03:00", flags=["corrected"])
    card = make_card(parcel("in_transit", "departed@11-20", scans=70_000), scans, EN, NOW, 8)
    assert (sum(len(day.rows) for day in card.days), card.scans, card.left_out) == (8, 69_999, 69_991)


def test_a_parcel_that_is_not_complete_is_told_to_be_so() -> None:
    view = parcel("in_transit", "departed@11-20", complete=False)
    assert make_card(view, [], EN, NOW, 10).notes == ["Older scans of this parcel may be missing here."]


def test_places() -> None:
    hub = PlaceView(facility="GRU", name="Guarulhos gateway", city="São Paulo", region="SP", country="BR")
    assert place_text(hub, EN) == "São Paulo, Brazil"
    assert place_text(hub, EN, everything=True) == "Guarulhos gateway, São Paulo, Brazil"
    assert place_text(None, EN) == ""
    assert place_text(PlaceView(facility="X9"), EN, everything=True) == "X9"


def test_the_age_of_the_news_is_the_age_of_the_newest_scan() -> None:
    view = parcel("in_transit", "departed@11-20")
    assert make_card(view, [], EN, NOW, 1).age == "Last scan 2 days ago"
    view_now = parcel("in_transit", "", last_at=dt.datetime.fromtimestamp(NOW / 1000, dt.UTC).isoformat())
    assert make_card(view_now, [], EN, NOW, 1).age == "Last scan just now"
