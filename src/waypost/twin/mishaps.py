"""What goes wrong on the way to the network: scans sent twice, late, out of order, wrongly, in unknown codes."""

import random
from collections.abc import Sequence

import msgspec

from waypost.model.scans import VOID
from waypost.twin.journey import HOUR_MS, Journey
from waypost.twin.vocabulary import UNKNOWN_CODES, find_code

_TWICE, _LATE = 0.01, 0.01


def trouble_the_wires(rng: random.Random, journeys: Sequence[Journey]) -> None:
    """Some scans of all journeys are sent twice, some only a day later."""
    for way in journeys:
        for scan in list(way.scans):
            chance = rng.random()
            if chance < _TWICE:
                again = msgspec.structs.replace(scan, heard_ms=scan.heard_ms + rng.randrange(10, 3600) * 1000)
                way.scans.append(again)
            elif chance < _TWICE + _LATE:
                scan.heard_ms += int(rng.uniform(20, 40) * HOUR_MS)


def send_end_first(way: Journey) -> None:
    """The last scan is heard of before all others."""
    way.scans[-1].heard_ms = way.scans[0].heard_ms - 1000


def correct_delivery(way: Journey) -> None:
    """The delivery was first recorded at the outlet of another tour, and then corrected."""
    right = way.scans[-1]
    other = "outlet1" if way.outlet(way.destination) == way.site("outlet0") else "outlet0"
    wrong = msgspec.structs.replace(
        right, facility=way.site(other).code, at_ms=right.at_ms - HOUR_MS // 2, heard_ms=right.at_ms - HOUR_MS // 3
    )
    way.scans.insert(-1, wrong)
    right.corrects = wrong


def withdraw_delivery(way: Journey) -> None:
    """The delivery was scanned by mistake and withdrawn; the parcel is still out."""
    wrong = way.scans[-1]
    at_ms = wrong.at_ms + HOUR_MS // 4
    void = msgspec.structs.replace(
        wrong, code=VOID, status=VOID, at_ms=at_ms, heard_ms=at_ms + 1000, note=None, corrects=wrong
    )
    way.scans.append(void)


def collect_again(way: Journey) -> None:
    """After the delivery comes a pick-up scan, which cannot be: someone used the number again."""
    last, first = way.scans[-1], way.outlet(way.origin)
    code = find_code(way.carrier, "picked_up")
    assert code is not None
    at_ms = last.at_ms + HOUR_MS
    stray = msgspec.structs.replace(
        last, code=code, status="picked_up", at_ms=at_ms, heard_ms=at_ms, facility=first.code, note=None
    )
    way.scans.append(stray)


def mumble(way: Journey) -> None:
    """In the middle of its way the carrier sends a code that nobody knows."""
    known = [scan for scan in way.scans if scan.facility is not None]
    before = known[len(known) // 2]
    codes = [code for carrier, code in UNKNOWN_CODES if carrier == before.carrier]
    strange = msgspec.structs.replace(
        before,
        code=codes[0] if codes else "X9",
        status="",
        at_ms=before.at_ms + 60_000,
        heard_ms=before.heard_ms + 60_000,
        note=None,
    )
    way.scans.append(strange)
