"""A round of detectors."""

from collections.abc import Iterator

import pytest

from waypost.care.alerts.book import AlertBook
from waypost.care.alerts.findings import AlertKind, Finding, Severity, judge
from waypost.care.alerts.rounds import make_round
from waypost.care.alerts.words import Wanted
from waypost.engines.sql.records import SqlRecords

NOW = 1_780_000_000_000


@pytest.fixture
def book() -> Iterator[AlertBook]:
    records = SqlRecords("sqlite://")
    yield AlertBook(records, 1000)
    records.close()


def found(kind: AlertKind) -> list[Finding]:
    return [Finding(kind=kind, subject="x", severity=Severity.INFO, since_ms=NOW, parcels=1)]


def kinds(book: AlertBook) -> list[AlertKind]:
    return sorted(each.kind for each in book.list_page(Wanted(), None, 10)[0])


def test_one_that_fails_or_cannot_say_hinders_no_other_and_keeps_what_it_found(book: AlertBook) -> None:
    def fail(now_ms: int) -> list[Finding]:
        raise ValueError("no")

    slow, silence, codes = AlertKind.LANE_SLOW, AlertKind.SILENCE, AlertKind.UNKNOWN_CODES
    every = {kind: lambda now_ms, kind=kind: found(kind) for kind in (slow, silence, codes)}
    assert len(make_round(every, book, NOW).noted.raised) == 3
    done = make_round({slow: fail, silence: lambda now_ms: None, codes: lambda now_ms: []}, book, NOW + 5000)
    assert list(done.failed) == [slow]
    assert len(done.noted.ended) == 1
    assert kinds(book) == [slow, silence]


def test_how_much_it_matters_goes_by_the_parcels() -> None:
    told = [judge(parcels, 10, 100) for parcels in (9, 10, 99, 100)]
    assert told == [Severity.INFO, Severity.WARNING, Severity.WARNING, Severity.CRITICAL]
