"""The audit trail: it is added to, read page by page, and never changed."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, delete, update
from sqlalchemy.exc import IntegrityError

from waypost.access.records import audit_trail
from waypost.access.trail import COMMAND, Trail, Wanted
from waypost.engines.sql.records import SqlRecords
from waypost.model.errors import BadInput
from waypost.store.protocols import Records


@pytest.fixture
def records() -> Iterator[Records]:
    records = SqlRecords("sqlite://")
    yield records
    records.close()


def all_of(trail: Trail, limit: int, **wanted: object) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page, after = trail.list_page(Wanted(**wanted), after, limit)  # type: ignore[arg-type]
        found += [f"{each.what} {each.of}" for each in page]
        if after is None:
            return found
        assert len(page) == limit


def test_the_newest_first_page_by_page_and_filtered(records: Records) -> None:
    trail = Trail(records)
    for place in range(10):
        trail.note(f"key:{place % 2}", ("key.made", "key.rotated", "keys.x")[place % 3], f"k{place % 5}", 100 + place)
    everything = all_of(trail, 100)
    assert everything[0] == "key.made k4"
    assert len(everything) == 10
    for limit in (1, 3, 5, 10):
        assert all_of(trail, limit) == everything
    assert all_of(trail, 2, what="key.") == [each for each in everything if each.startswith("key.")]
    assert all_of(trail, 2, what="key.made") == [each for each in everything if each.startswith("key.made")]
    assert all_of(trail, 2, of="k4") == ["key.made k4", "key.rotated k4"]
    assert all_of(trail, 2, who="key:1") == everything[::2]
    assert all_of(trail, 2, since_ms=103, until_ms=107) == everything[3:7]
    assert all_of(trail, 2, who="nobody") == []


def test_a_line_holds_what_was_told(records: Records) -> None:
    trail = Trail(records)
    trail.note(COMMAND, "parcel.erased", "x" * 200, 5, why="asked", table="orders")
    [[deed], after] = trail.list_page(Wanted(), None, 5)
    assert (deed.at_ms, deed.who, deed.what, deed.of, after) == (5, "command", "parcel.erased", "x" * 128, None)
    assert deed.details == {"why": "asked", "table": "orders"}


def test_what_is_not_kept_leaves_no_line(records: Records) -> None:
    def fail(connection: Connection) -> None:
        Trail.write(connection, COMMAND, "key.made", "k", 5)
        raise KeyError

    with pytest.raises(KeyError), records.begin() as connection:
        fail(connection)
    assert all_of(Trail(records), 5) == []


@pytest.mark.parametrize("what", ["", "made", "Key.made", "key made", "key.made.twice", "key." + "x" * 24])
def test_words_that_are_none_are_a_bug(records: Records, what: str) -> None:
    with pytest.raises(ValueError, match="no line"):
        Trail(records).note(COMMAND, what, "k", 5)


def test_too_many_details_are_a_bug(records: Records) -> None:
    with pytest.raises(ValueError, match="no line"):
        Trail(records).note(COMMAND, "key.made", "k", 5, why="x" * 2000)


@pytest.mark.parametrize("cursor", ["", "0", "-1", "1x", "9" * 19, "١"])
def test_cursors_that_are_none(records: Records, cursor: str) -> None:
    with pytest.raises(BadInput, match="no cursor"):
        Trail(records).list_page(Wanted(), cursor, 5)


def test_nobody_changes_or_removes_a_line(records: Records) -> None:
    trail = Trail(records)
    trail.note(COMMAND, "key.made", "k", 5)
    for statement in (update(audit_trail).values(who="another"), delete(audit_trail)):
        with pytest.raises(IntegrityError, match="only added to"), records.begin() as connection:
            connection.execute(statement)
    assert all_of(trail, 5) == ["key.made k"]
