"""Facilities in the records: one row each, found by carrier and code."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from waypost.engines.reference import open_reference
from waypost.model.places import FacilityKind
from waypost.network.records import facilities, find_facilities, keep_facilities, list_facilities
from waypost.store.protocols import Records
from waypost.testing import facility
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables


@pytest.fixture
def records() -> Iterator[Records]:
    memory = open_reference(StatusFold(bundled_tables()))
    yield memory.records
    memory.close()


def test_one_row_is_one_facility(records: Records) -> None:
    with records.begin() as connection:
        keep_facilities(connection, [facility("A", "BR-SP", city="Campinas", zone="America/Sao_Paulo"), facility("B")])
        keep_facilities(connection, [facility("B", kind=FacilityKind.LOCKER)])
        rows = connection.execute(select(facilities).order_by(facilities.c.code)).all()
    assert [tuple(row) for row in rows] == [
        ("yto", "A", "Campinas hub", "hub", "Campinas", "SP", "BR", None, None, "America/Sao_Paulo"),
        ("yto", "B", "B", "locker", None, None, None, None, None, None),
    ]


def test_all_kinds_come_back(records: Records) -> None:
    every = [facility(kind.value, kind=kind) for kind in sorted(FacilityKind)]
    with records.begin() as connection:
        keep_facilities(connection, every)
        assert list_facilities(connection) == every


def test_only_pairs_that_were_asked_for_are_found(records: Records) -> None:
    with records.begin() as connection:
        keep_facilities(connection, [facility(code, carrier=carrier) for code in "AB" for carrier in ("yto", "sto")])
        assert set(find_facilities(connection, [("yto", "A"), ("sto", "B"), ("yto", "C")])) == {
            ("yto", "A"),
            ("sto", "B"),
        }
        assert find_facilities(connection, []) == {}
