"""The unified statuses as data, what may follow what, and their words."""

import csv
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from waypost.model.errors import NotFound
from waypost.track import statuses
from waypost.track.statuses import (
    LANGUAGES,
    MILESTONES,
    allowed,
    find_status_by_code,
    find_transition,
    get_status,
    impossible,
    impossible_pairs,
    list_statuses,
    list_transitions,
    phrase,
    status_arrays,
)

# Stored in states on disk. A number here never changes; a new status gets a new one.
NUMBERS = {
    "unknown": 0,
    "order_created": 1,
    "order_cancelled": 2,
    "label_printed": 3,
    "pickup_scheduled": 4,
    "picked_up": 5,
    "pickup_failed": 6,
    "arrived_at_hub": 7,
    "departed_from_hub": 8,
    "in_transit": 9,
    "transferred_to_carrier": 10,
    "arrived_at_destination": 11,
    "customs_declared": 12,
    "customs_held": 13,
    "customs_inspection": 14,
    "customs_released": 15,
    "customs_duty_paid": 16,
    "clearance_completed": 17,
    "out_for_delivery": 18,
    "delivery_attempted": 19,
    "delivered": 20,
    "delivery_to_locker": 21,
    "awaiting_pickup": 22,
    "signed_by_third_party": 23,
    "exception": 24,
    "damaged": 25,
    "lost": 26,
    "address_issue": 27,
    "recipient_unavailable": 28,
    "refused": 29,
    "return_initiated": 30,
    "in_return_transit": 31,
    "returned_to_sender": 32,
    "void": 33,
    "notice": 34,
}
MILESTONE_BITS = {
    "created": 1,
    "accepted": 2,
    "departed": 4,
    "arrived": 8,
    "customs": 16,
    "out_for_delivery": 32,
    "ready_to_collect": 64,
    "delivered": 128,
    "exception": 256,
    "returning": 512,
    "returned": 1024,
    "cancelled": 2048,
}
CLOSING = {
    "delivered",
    "signed_by_third_party",
    "order_cancelled",
    "return_initiated",
    "in_return_transit",
    "returned_to_sender",
}
NO_STATUS = {"unknown", "void", "notice"}
BEARING = sorted(set(NUMBERS) - NO_STATUS)
BEFORE_PICK_UP = {"order_created", "label_printed", "pickup_scheduled", "pickup_failed"}
MISHAPS = {"exception", "damaged", "lost"}


def test_numbers_never_change() -> None:
    assert {status.code: status.number for status in list_statuses()} == NUMBERS
    assert [status.number for status in list_statuses()] == list(range(35))
    assert (statuses.UNKNOWN, statuses.VOID, statuses.NOTICE) == (0, 33, 34)


def test_milestone_bits_never_change() -> None:
    assert {name: 1 << bit for bit, name in enumerate(MILESTONES)} == MILESTONE_BITS


def test_a_status_is_found_by_code_and_by_number() -> None:
    assert get_status("delivered") is get_status(20)
    assert find_status_by_code("delivered") is get_status(20)
    assert find_status_by_code("Delivered") is None
    for wrong in ("arrived", "", "DELIVERED", 35, -1, 255):
        with pytest.raises(NotFound, match="no status"):
            get_status(wrong)


def test_phases() -> None:
    assert {s.code for s in list_statuses() if s.phase == 1} == CLOSING
    assert {s.code for s in list_statuses() if s.phase == -1} == NO_STATUS
    assert get_status("lost").phase == 0  # what was lost can be found
    assert {s.phase for s in list_statuses()} == {-1, 0, 1}


def test_precedence_follows_life() -> None:
    precedence = {s.code: s.precedence for s in list_statuses()}
    assert len(set(precedence.values())) == len(precedence)
    life = ["order_created", "label_printed", "picked_up", "in_transit", "arrived_at_hub", "departed_from_hub"]
    life += ["customs_declared", "customs_inspection", "customs_held", "customs_duty_paid", "customs_released"]
    life += ["clearance_completed", "arrived_at_destination", "out_for_delivery", "exception", "delivery_attempted"]
    life += ["recipient_unavailable", "delivery_to_locker", "awaiting_pickup", "lost", "delivered"]
    life += ["signed_by_third_party", "return_initiated", "in_return_transit", "returned_to_sender"]
    assert [precedence[code] for code in life] == sorted(precedence[code] for code in life)
    # Whatever closes a life comes after whatever does not, and what bears no status before all.
    assert min(precedence[code] for code in CLOSING) > max(precedence[code] for code in set(BEARING) - CLOSING)
    assert max(precedence[code] for code in NO_STATUS) < min(precedence[code] for code in BEARING)


@pytest.mark.parametrize(
    ("code", "milestone", "shape"),
    [
        ("order_created", "created", "idle"),
        ("picked_up", "accepted", "moving"),
        ("departed_from_hub", "departed", "moving"),
        ("in_transit", "departed", "moving"),
        ("arrived_at_destination", "arrived", "moving"),
        ("customs_released", "customs", "moving"),
        ("customs_held", "customs", "stop"),
        ("out_for_delivery", "out_for_delivery", "moving"),
        ("awaiting_pickup", "ready_to_collect", "moving"),
        ("delivered", "delivered", "done"),
        ("signed_by_third_party", "delivered", "done"),
        ("delivery_attempted", "exception", "risk"),
        ("refused", "exception", "stop"),
        ("lost", "exception", "stop"),
        ("return_initiated", "returning", "stop"),
        ("returned_to_sender", "returned", "stop"),
        ("order_cancelled", "cancelled", "stop"),
        ("unknown", None, "idle"),
        ("void", None, "idle"),
    ],
)
def test_milestones_and_shapes(code: str, milestone: str | None, shape: str) -> None:
    assert (get_status(code).milestone, get_status(code).shape) == (milestone, shape)


def test_every_milestone_is_reached_by_some_status() -> None:
    assert {s.milestone for s in list_statuses() if s.milestone} == set(MILESTONES)
    assert all((s.milestone is None) == (s.code in NO_STATUS) for s in list_statuses())


def test_arrays_say_what_the_statuses_say() -> None:
    arrays = status_arrays()
    assert arrays.phase.dtype == np.int8
    assert arrays.precedence.dtype == np.uint8
    assert arrays.milestone_bit.dtype == np.uint16
    for status in list_statuses():
        assert arrays.phase[status.number] == status.phase
        assert arrays.precedence[status.number] == status.precedence
        assert arrays.milestone_bit[status.number] == (MILESTONE_BITS[status.milestone] if status.milestone else 0)
    # Free numbers are like unknown, up to the last that a uint8 can hold.
    assert len(arrays.phase) == len(arrays.precedence) == len(arrays.milestone_bit) == 256
    assert set(arrays.phase[35:]) == {-1}
    assert set(arrays.milestone_bit[35:]) == {0}
    with pytest.raises(ValueError, match="read-only"):
        arrays.phase[0] = 1


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("order_created", "label_printed", "normal"),
        ("delivered", "return_initiated", "exception"),
        ("in_transit", "lost", "universal"),
        ("delivered", "damaged", "universal"),
        ("lost", "in_transit", "normal"),
        ("delivered", "delivered", "same"),
        ("return_initiated", "arrived_at_hub", "return_leg"),
        ("transferred_to_carrier", "picked_up", "direct"),
        ("damaged", "exception", "normal"),  # its own row, not the universal one
        ("picked_up", "delivered", None),
        ("delivered", "arrived_at_hub", None),
        ("unknown", "delivered", None),
        ("unknown", "exception", None),
    ],
)
def test_transitions(before: str, after: str, kind: str | None) -> None:
    assert find_transition(before, after) == kind
    assert allowed(before, after) is (kind is not None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("picked_up", "delivered"),
        ("order_created", "delivered"),
        ("order_created", "returned_to_sender"),
        ("picked_up", "customs_held"),
        ("customs_held", "delivered"),
        ("out_for_delivery", "arrived_at_hub"),
        ("delivered", "return_initiated"),
        ("delivered", "returned_to_sender"),
        ("signed_by_third_party", "delivered"),
        ("lost", "delivered"),
        ("damaged", "delivered"),
        ("refused", "delivered"),
        ("return_initiated", "out_for_delivery"),
        ("in_return_transit", "arrived_at_hub"),
        ("delivery_to_locker", "out_for_delivery"),
        ("exception", "picked_up"),
        ("delivered", "lost"),
        ("returned_to_sender", "damaged"),
    ],
)
def test_missing_scans_make_nothing_impossible(before: str, after: str) -> None:
    assert not impossible(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("delivered", "arrived_at_hub"),
        ("delivered", "picked_up"),
        ("delivered", "out_for_delivery"),
        ("signed_by_third_party", "in_transit"),
        ("returned_to_sender", "out_for_delivery"),
        ("returned_to_sender", "return_initiated"),
        ("out_for_delivery", "picked_up"),
        ("in_transit", "order_created"),
        ("order_cancelled", "delivered"),
        ("customs_released", "label_printed"),
    ],
)
def test_what_no_missing_scan_explains(before: str, after: str) -> None:
    assert impossible(before, after)
    assert not allowed(before, after)


def test_impossible_over_all_pairs() -> None:
    for before in NUMBERS:
        for after in NUMBERS:
            found = impossible(before, after)
            if before in NO_STATUS or after in NO_STATUS or before == after or after in MISHAPS:
                assert not found, (before, after)
            if allowed(before, after):
                assert not found, (before, after)
    middle = set(BEARING) - CLOSING - BEFORE_PICK_UP - MISHAPS - {"picked_up"}
    for before in middle:
        # Everything between pick-up and delivery can follow everything there; scans go missing, vans come back.
        assert not any(impossible(before, after) for after in middle), before
        assert not impossible(before, "delivered")
        assert not impossible(before, "returned_to_sender")
    for after in middle:
        assert impossible("delivered", after)
        assert impossible("returned_to_sender", after)
        assert not impossible("order_created", after)
        assert not impossible("return_initiated", after)
    for before in middle - {"transferred_to_carrier", "address_issue"}:
        assert all(impossible(before, after) for after in BEFORE_PICK_UP), before


def test_no_status_but_the_last_is_a_dead_end() -> None:
    for code in BEARING:
        onward = {way.to_code for way in list_transitions() if way.from_code == code}
        assert bool(onward) == (code != "returned_to_sender"), code


def test_impossible_pairs_as_an_array() -> None:
    pairs = impossible_pairs()
    assert pairs.shape == (256, 256)
    assert pairs[NUMBERS["delivered"], NUMBERS["arrived_at_hub"]]
    assert not pairs[NUMBERS["arrived_at_hub"], NUMBERS["delivered"]]
    assert not pairs[0].any()
    assert not pairs[:, 0].any()
    assert not pairs[33:].any()


def test_unknown_codes_are_refused_in_transitions() -> None:
    for ask in (find_transition, allowed, impossible):
        with pytest.raises(NotFound, match="no status 'nowhere'"):
            ask("delivered", "nowhere")
        with pytest.raises(NotFound, match="no status 'nowhere'"):
            ask("nowhere", "delivered")


def test_transitions_are_well_formed() -> None:
    ways = [(way.from_code, way.to_code) for way in list_transitions()]
    assert len(set(ways)) == len(ways)
    assert all(before == "*" or before in BEARING for before, _ in ways)
    assert {after for _, after in ways} <= set(BEARING)
    assert {way.kind for way in list_transitions() if way.from_code == "*"} == {"universal"}


def test_the_standard_is_kept_whole(data_folder: Path) -> None:
    folder = data_folder / "status_codes"
    with (folder / "unified_codes.csv").open(encoding="utf-8", newline="") as file:
        groups = {row["code"]: row["category"] for row in csv.DictReader(file)}
    assert {s.code: s.group for s in list_statuses() if s.code not in NO_STATUS} == groups
    with (folder / "transitions.csv").open(encoding="utf-8", newline="") as file:
        theirs = {(row["from_code"], row["to_code"]): row["kind"] for row in csv.DictReader(file)}
    ours = {(way.from_code, way.to_code): way for way in list_transitions()}
    assert len(theirs) == 69
    assert {pair: ours[pair].kind for pair in theirs} == theirs
    assert all(bool(way.why) == (pair not in theirs) for pair, way in ours.items())


def test_every_status_has_words_in_every_language() -> None:
    stored = json.loads(files("waypost.track").joinpath("data", "phrases.json").read_text("utf-8"))
    assert set(stored) == set(NUMBERS)
    for language in LANGUAGES:
        spoken = {code: phrase(code, language) for code in NUMBERS}
        assert len({words.label for words in spoken.values()}) == len(spoken), language
        assert len({words.sentence for words in spoken.values()}) == len(spoken), language
        for code, words in spoken.items():
            assert words.label.strip() == words.label != "", (code, language)
            assert len(words.label) <= 34, (code, language)
            assert words.sentence.endswith("。" if language == "zh" else "."), (code, language)
            assert words.label not in NUMBERS, (code, language)
            chinese = any("一" <= letter <= "鿿" for letter in words.label + words.sentence)
            assert chinese == (language == "zh"), (code, language)


def test_words() -> None:
    assert phrase("delivered", "en").label == "Delivered"
    assert phrase("delivered", "zh").label == "已签收"
    assert phrase("customs_held", "es").label == "Retenido en aduana"
    assert phrase("out_for_delivery", "pt").label == "Saiu para entrega"
    with pytest.raises(NotFound, match="'de'"):
        phrase("delivered", "de")
    with pytest.raises(NotFound, match="'arrived'"):
        phrase("arrived", "en")
