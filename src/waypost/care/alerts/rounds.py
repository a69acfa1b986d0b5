"""A round: every detector looks at the network once, and what they find goes into the book."""

from collections.abc import Mapping

import msgspec

from waypost.care.alerts.book import AlertBook, Noted
from waypost.care.alerts.findings import AlertKind, Detector, Finding


class Round(msgspec.Struct, frozen=True):
    """What came of one: what was noted, and by kind what went wrong with those who looked."""

    noted: Noted
    failed: dict[AlertKind, Exception]


def make_round(detectors: Mapping[AlertKind, Detector], book: AlertBook, now_ms: int) -> Round:
    """Look once. A detector that fails hinders no other, and what it found before stays."""
    looked: set[AlertKind] = set()
    findings: list[Finding] = []
    failed: dict[AlertKind, Exception] = {}
    for kind, detect in detectors.items():
        try:
            found = detect(now_ms)
        except Exception as error:  # told by the caller; the next round may go well
            failed[kind] = error
            continue
        if found is not None:
            looked.add(kind)
            findings += found
    return Round(book.note(looked, findings, now_ms), failed)


def seldom(detect: Detector, every_ms: int) -> Detector:
    """One that looks no more often than that; meanwhile what it found last is so."""
    last: tuple[int, list[Finding] | None] | None = None

    def look(now_ms: int) -> list[Finding] | None:
        nonlocal last
        if last is None or last[1] is None or not 0 <= now_ms - last[0] < every_ms:
            last = now_ms, detect(now_ms)
        return last[1]

    return look
