"""Alerts as they are kept and worked off."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from waypost.access.trail import Trail, Wanted
from waypost.care.alerts.book import MOST_OF_A_KIND, MOST_SNOOZED_MS, AlertBook
from waypost.care.alerts.findings import MOST_NAMED, AlertKind, Finding, Severity
from waypost.care.alerts.words import ActKind, Alert, Asked, State
from waypost.care.alerts.words import Wanted as WantedAlerts
from waypost.engines.sql.records import SqlRecords
from waypost.forecast.arrivals import LikelyCause
from waypost.model.errors import BadInput, Conflict, NotFound

NOW, MINUTE = 1_780_000_000_000, 60_000
SILENCE = {AlertKind.SILENCE}
EVERY = WantedAlerts(states=frozenset(State))


@pytest.fixture
def records() -> Iterator[SqlRecords]:
    opened = SqlRecords("sqlite://")
    yield opened
    opened.close()


@pytest.fixture
def book(records: SqlRecords) -> AlertBook:
    return AlertBook(records, 30 * MINUTE)


def late(subject: str = "hub yto/HZ-01", parcels: int = 10, **more: Any) -> Finding:
    told: dict[str, Any] = {
        "kind": AlertKind.SILENCE,
        "severity": Severity.WARNING,
        "carrier": "yto",
        "facility": subject.rpartition(" ")[2],
        "since_ms": NOW - MINUTE,
        "numbers": [f"yto/{subject}{number}" for number in range(parcels)],
    }
    return Finding(subject=subject, parcels=parcels, **told | more)


def raise_one(book: AlertBook, finding: Finding | None = None, now_ms: int = NOW) -> Alert:
    [id_] = book.note(SILENCE, [finding or late()], now_ms).raised
    return book.get(id_)[0]


def acts(book: AlertBook, id_: str) -> list[str]:
    return [act.what.value for act in book.get(id_)[1]]


def test_what_is_found_again_goes_on_being_one_alert(book: AlertBook) -> None:
    cause = LikelyCause(kind="hub", weight=0.9, facility="yto/HZ-01")
    first = raise_one(book, late(causes=[cause], figures={"expected": 0.5}, words={"code": "X"}))
    assert (first.state, first.parcels, first.causes) == (State.OPEN, 10, [cause])
    noted = book.note(SILENCE, [late(parcels=14)], NOW + MINUTE)
    assert noted.raised == noted.ended == noted.came_back == []
    book.note(SILENCE, [late(parcels=12)], NOW + 2 * MINUTE)
    [one], cursor = book.list_page(EVERY, None, 10)
    assert (one.id, one.first_ms, one.last_ms, cursor) == (first.id, NOW, NOW + 2 * MINUTE, None)
    assert (one.parcels, one.most_parcels, one.version, one.causes) == (12, 14, 1, [])


@pytest.mark.parametrize(
    ("kind", "since_ms"), [(AlertKind.SILENCE, NOW - 5 * MINUTE), (AlertKind.WEATHER_AHEAD, NOW + 60 * MINUTE)]
)
def test_trouble_began_when_it_began_and_foul_weather_when_it_is_foretold(
    book: AlertBook, kind: AlertKind, since_ms: int
) -> None:
    [id_] = book.note([kind], [late(kind=kind, since_ms=NOW - 5 * MINUTE)], NOW).raised
    book.note([kind], [late(kind=kind, since_ms=NOW + 60 * MINUTE)], NOW + MINUTE)
    assert book.get(id_)[0].since_ms == since_ms


def test_it_ends_by_itself_and_comes_back_as_a_new_one(book: AlertBook) -> None:
    first = raise_one(book)
    assert book.note(SILENCE, [], NOW + 30 * MINUTE).ended == []
    assert book.note(SILENCE, [], NOW + 31 * MINUTE).ended == [first.id]
    ended, done = book.get(first.id)
    assert (ended.state, ended.ended_ms, [act.who for act in done]) == (State.ENDED, NOW + 31 * MINUTE, ["waypost"] * 2)
    again = raise_one(book, now_ms=NOW + 32 * MINUTE)
    assert again.id != first.id
    assert {each.id for each in book.list_page(EVERY, None, 10)[0]} == {first.id, again.id}


def test_what_nobody_could_look_for_does_not_end(book: AlertBook) -> None:
    first = raise_one(book)
    assert book.note({AlertKind.LANE_SLOW}, [], NOW + 100 * MINUTE).ended == []
    assert book.get(first.id)[0].state is State.OPEN


def test_the_same_parcels_by_another_name_are_the_same_alert(book: AlertBook) -> None:
    first = raise_one(book)
    same = late("leg yto/HZ-01 yto/SH-02", numbers=[*late().numbers[:6], "yto/another"])
    assert book.note(SILENCE, [same], NOW + MINUTE).raised == []
    assert book.note(SILENCE, [late("hub yto/XX")], NOW + MINUTE).raised != []
    assert book.get(first.id)[0].last_ms == NOW + MINUTE


def test_somebody_sees_to_it_and_is_done_with_it(book: AlertBook, records: SqlRecords) -> None:
    one = raise_one(book)
    one = book.act(one.id, Asked(what=ActKind.ACKNOWLEDGED, version=1), "key:a", NOW + 1)
    one = book.act(one.id, Asked(what=ActKind.ASSIGNED, version=2, assignee="night"), "key:a", NOW + 2)
    assert (one.state, one.assignee, one.version) == (State.ACKNOWLEDGED, "night", 3)
    one = book.act(one.id, Asked(what=ActKind.RESOLVED, version=3, note="mended"), "key:b", NOW + 3)
    assert book.list_page(WantedAlerts(), None, 10)[0] == []
    one = book.act(one.id, Asked(what=ActKind.REOPENED, version=4), "key:b", NOW + 4)
    assert (one.state, one.assignee) == (State.OPEN, "night")
    told = book.get(one.id)[1]
    assert [act.version for act in told] == [1, 2, 3, 4, 5]
    assert (told[3].who, told[3].at_ms, told[3].note) == ("key:b", NOW + 3, "mended")
    trail, _ = Trail(records).list_page(Wanted(of=one.id), None, 10)
    assert [deed.what for deed in trail] == ["alert.reopened", "alert.resolved", "alert.assigned", "alert.acknowledged"]
    assert all(not deed.details for deed in trail)  # nobody's words stand in it


def test_who_saw_another_version_is_refused(book: AlertBook) -> None:
    one = raise_one(book)
    asked = Asked(what=ActKind.ACKNOWLEDGED, version=1)
    book.act(one.id, asked, "key:a", NOW + 1)
    with pytest.raises(Conflict, match="version 2"):
        book.act(one.id, asked, "key:b", NOW + 2)
    assert acts(book, one.id) == ["raised", "acknowledged"]


def test_the_same_again_by_the_same_changes_nothing(book: AlertBook) -> None:
    one = raise_one(book)
    asked = Asked(what=ActKind.SNOOZED, version=1, until_ms=NOW + 60 * MINUTE)
    first = book.act(one.id, asked, "key:a", NOW + 1)
    assert book.act(one.id, asked, "key:a", NOW + 2) == first
    assert acts(book, one.id) == ["raised", "snoozed"]
    with pytest.raises(Conflict):
        book.act(one.id, Asked(what=ActKind.SNOOZED, version=1, until_ms=NOW + 61 * MINUTE), "key:a", NOW + 2)


def test_a_snoozed_one_comes_back_when_its_time_is_up(book: AlertBook) -> None:
    one = raise_one(book)
    book.act(one.id, Asked(what=ActKind.SNOOZED, version=1, until_ms=NOW + 10 * MINUTE), "key:a", NOW + 1)
    assert book.note(SILENCE, [late()], NOW + 9 * MINUTE).came_back == []
    assert book.note(SILENCE, [late()], NOW + 10 * MINUTE).came_back == [one.id]
    assert acts(book, one.id) == ["raised", "snoozed", "woke"]
    assert book.get(one.id)[0].state is State.OPEN


@pytest.mark.parametrize("what", [ActKind.SNOOZED, ActKind.RESOLVED])
@pytest.mark.parametrize(
    ("then", "comes"),
    [(late(parcels=19), False), (late(parcels=20), True), (late(severity=Severity.CRITICAL), True)],
)
def test_what_was_put_aside_comes_back_once_it_is_clearly_worse(
    book: AlertBook, what: ActKind, then: Finding, comes: bool
) -> None:
    one = raise_one(book)
    book.act(one.id, Asked(what=what, version=1, note="x", until_ms=NOW + 600 * MINUTE), "key:a", NOW + 1)
    assert book.note(SILENCE, [then], NOW + MINUTE).came_back == [one.id] * comes
    assert ("worsened" in acts(book, one.id)) == comes


def test_what_ended_is_not_changed_but_may_be_told_the_reason_of(book: AlertBook) -> None:
    one = raise_one(book)
    book.note(SILENCE, [], NOW + 31 * MINUTE)
    for what in (ActKind.ACKNOWLEDGED, ActKind.REOPENED, ActKind.ASSIGNED, ActKind.SNOOZED):
        with pytest.raises(Conflict, match="has ended"):
            book.act(one.id, Asked(what=what, version=2, until_ms=NOW + 60 * MINUTE), "key:a", NOW + 32 * MINUTE)
    told = book.act(one.id, Asked(what=ActKind.RESOLVED, version=2, note="fog"), "key:a", NOW + 32 * MINUTE)
    assert (told.state, told.ended_ms) == (State.RESOLVED, NOW + 31 * MINUTE)


def test_what_was_resolved_and_is_over_stays_resolved(book: AlertBook) -> None:
    one = raise_one(book)
    book.act(one.id, Asked(what=ActKind.RESOLVED, version=1, note="fog"), "key:a", NOW)
    assert book.note(SILENCE, [], NOW + 31 * MINUTE).ended == [one.id]
    assert book.get(one.id)[0].state is State.RESOLVED


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"what": ActKind.RESOLVED}, "note"),
        ({"what": ActKind.RESOLVED, "note": "x" * 1001}, "note"),
        ({"what": ActKind.ACKNOWLEDGED, "note": "a\nb"}, "note"),
        ({"what": ActKind.ASSIGNED, "assignee": " "}, "assignee"),
        ({"what": ActKind.SNOOZED}, "until"),
        ({"what": ActKind.SNOOZED, "until_ms": NOW}, "until"),
        ({"what": ActKind.SNOOZED, "until_ms": NOW + MOST_SNOOZED_MS + 1}, "until"),
    ],
)
def test_what_cannot_be_asked_is_refused(book: AlertBook, asked: dict[str, Any], where: str) -> None:
    one = raise_one(book)
    with pytest.raises(BadInput) as told:
        book.act(one.id, Asked(version=1, **asked), "key:a", NOW)
    assert told.value.where == where
    assert acts(book, one.id) == ["raised"]


def test_what_is_acknowledged_is_not_acknowledged_again(book: AlertBook) -> None:
    one = raise_one(book)
    book.act(one.id, Asked(what=ActKind.ACKNOWLEDGED, version=1), "key:a", NOW)
    with pytest.raises(Conflict, match="is acknowledged"):
        book.act(one.id, Asked(what=ActKind.ACKNOWLEDGED, version=2), "key:b", NOW)


def test_pages_and_filters(book: AlertBook) -> None:
    found = [late(f"hub yto/H{number}", severity=Severity(1 + number % 3)) for number in range(7)]
    book.note(SILENCE, found, NOW)
    book.note(SILENCE, [*found, late("hub sto/H1", carrier="sto")], NOW + MINUTE)
    whole, _ = book.list_page(EVERY, None, 100)
    keys = [(-each.severity, -each.first_ms, each.id) for each in whole]
    assert (keys, len(keys)) == (sorted(keys), 8)
    paged: list[Alert] = []
    cursor = None
    while len(paged) < 8:
        page, cursor = book.list_page(EVERY, cursor, 3)
        paged += page
    assert (paged, cursor) == (whole, None)
    listed: Callable[..., list[str | None]] = lambda **more: sorted(  # noqa: E731
        each.facility or "" for each in book.list_page(WantedAlerts(**more), None, 100)[0]
    )
    assert listed(facility="H1") == ["sto/H1", "yto/H1"]
    assert listed(facility="yto/H1") == listed(facility="H1", carrier="yto") == ["yto/H1"]
    assert listed(facility="%") == listed(kind=AlertKind.LANE_SLOW) == listed(assignee="me") == []
    assert book.count() == {("silence", "open"): 8}


def test_parcels_that_are_hit(book: AlertBook) -> None:
    one = raise_one(book, late(numbers=["b/2", "a/1", "c/3/4", "a/1"]))
    first, cursor = book.list_parcels(one.id, None, 2)
    assert (first, book.list_parcels(one.id, cursor, 2)) == (["a/1", "b/2"], (["c/3/4"], None))
    book.note(SILENCE, [late(numbers=["b/2"])], NOW + 1)
    assert book.list_parcels(one.id, None, 9) == (["b/2"], None)


def test_very_many_are_not_all_kept(book: AlertBook) -> None:
    many = [late(f"hub yto/{number}", parcels=1 + number % 9, numbers=[]) for number in range(MOST_OF_A_KIND + 50)]
    book.note(SILENCE, many, NOW)
    whole, _ = book.list_page(EVERY, None, 1000)
    assert len(whole) == MOST_OF_A_KIND
    assert min(each.parcels for each in whole) == 2  # the smallest were left out
    huge = late("hub yto/huge", numbers=[f"yto/{number}" for number in range(MOST_NAMED + 5)], severity=Severity(3))
    book.note(SILENCE, [huge], NOW + 1)
    assert len(book.list_parcels(book.list_page(EVERY, None, 1)[0][0].id, None, 2 * MOST_NAMED)[0]) == MOST_NAMED


def test_old_ones_are_forgotten(book: AlertBook) -> None:
    one = raise_one(book)
    book.note(SILENCE, [], NOW + 31 * MINUTE)
    assert (book.forget(NOW + 31 * MINUTE), book.forget(NOW + 32 * MINUTE)) == (0, 1)
    for ask in (lambda: book.get(one.id), lambda: book.list_parcels(one.id, None, 1)):
        with pytest.raises(NotFound, match="no alert"):
            ask()
