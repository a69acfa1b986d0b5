"""What every `Records` does."""

import threading

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from tests.conformance.engines import ForgetsError, Opened

from waypost.network.records import facilities
from waypost.store.protocols import Memory
from waypost.store.upsert import upsert
from waypost.track.records import links, parcels


def facility(code: str, name: str = "") -> dict[str, str]:
    return {"carrier": "sf", "code": code, "name": name, "kind": "hub"}


def names(memory: Memory) -> list[tuple[str, str]]:
    with memory.records.read() as connection:
        found = connection.execute(select(facilities.c.code, facilities.c.name).order_by(facilities.c.code))
        return [tuple(row) for row in found]


def test_what_a_block_does_is_kept(memory: Memory) -> None:
    with memory.records.begin() as connection:
        connection.execute(insert(facilities), [facility("B", "two"), facility("A", "one")])
        assert connection.scalar(select(func.count()).select_from(facilities)) == 2
    assert names(memory) == [("A", "one"), ("B", "two")]


def test_an_error_takes_everything_back(memory: Memory) -> None:
    class OddError(Exception):
        pass

    def fail() -> None:
        with memory.records.begin() as connection:
            connection.execute(insert(facilities), [facility("A")])
            raise OddError

    with pytest.raises(OddError):
        fail()
    assert names(memory) == []


def test_what_contradicts_is_refused_as_a_whole(memory: Memory) -> None:
    def twice() -> None:
        with memory.records.begin() as connection:
            connection.execute(insert(facilities), [facility("A"), facility("A")])

    with pytest.raises(IntegrityError):
        twice()
    assert names(memory) == []


def test_a_link_needs_its_parcel(memory: Memory) -> None:
    def link() -> None:
        with memory.records.begin() as connection:
            connection.execute(insert(links), [{"parcel_id": "nobody", "carrier": "sf", "number": "1"}])

    with pytest.raises(IntegrityError):
        link()


def test_upsert_adds_and_replaces_what_it_names(memory: Memory) -> None:
    with memory.records.begin() as connection:
        upsert(connection, facilities, [facility("A", "old") | {"city": "杭州"}, facility("B") | {"city": None}])
        upsert(connection, facilities, [facility("A", "new"), facility("C", "c"), facility("C", "newer c")])
        upsert(connection, facilities, [])
        found = connection.execute(select(facilities.c.code, facilities.c.name, facilities.c.city).order_by("code"))
        assert [tuple(row) for row in found] == [("A", "new", "杭州"), ("B", "", None), ("C", "newer c", None)]


def test_upsert_of_keys_alone_keeps_what_is_there(memory: Memory) -> None:
    with memory.records.begin() as connection:
        upsert(connection, parcels, [{"id": "p", "carrier": "sf", "number": "1"}])
        row = {"parcel_id": "p", "carrier": "sf", "number": "1", "since_ms": 5}
        upsert(connection, links, [row])
        upsert(connection, links, [{name: row[name] for name in ("parcel_id", "carrier", "number")}])
        assert connection.scalar(select(links.c.since_ms)) == 5


def test_upsert_wants_rows_alike_with_the_whole_key(memory: Memory) -> None:
    with memory.records.begin() as connection:
        with pytest.raises(ValueError, match="facilities must all name the same columns, among them carrier, code"):
            upsert(connection, facilities, [facility("A"), facility("B") | {"city": "x"}])
        with pytest.raises(ValueError, match="carrier, code"):
            upsert(connection, facilities, [{"code": "A", "name": "", "kind": "hub"}])


def test_writers_take_turns(memory: Memory) -> None:
    """Each reads, then writes what it read and one more: nothing is lost, nobody is turned away."""
    with memory.records.begin() as connection:
        connection.execute(insert(facilities), [facility("A", "0")])
    failures: list[Exception] = []

    def count() -> None:
        try:
            for _ in range(25):
                with memory.records.begin() as connection:
                    seen = connection.scalar(select(facilities.c.name))
                    connection.execute(update(facilities).values(name=str(int(seen) + 1)))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=count) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert names(memory) == [("A", "150")]


@pytest.mark.gap("reference", raises=ForgetsError)
def test_records_are_there_after_a_restart(opened: Opened) -> None:
    with opened.memory.records.begin() as connection:
        connection.execute(insert(facilities), [facility("A", "one")])
    opened.restart()
    assert names(opened.memory) == [("A", "one")]
