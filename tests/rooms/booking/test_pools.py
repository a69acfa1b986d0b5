"""Pools of numbers: each once, the same again for the same reference, whoever asks at the same moment."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from waypost.booking.pools import Pool, PoolEmpty, PoolIssuer, PoolKind, Pools
from waypost.engines.sql.records import SqlRecords
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.model.identifiers import identify
from waypost.testing.carriers.candidate import write_order
from waypost.testing.carriers.fakes import FAKES
from waypost.track.carriers import Unsupported


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    records = SqlRecords(f"sqlite:///{tmp_path / 'records.sqlite'}")
    yield records
    records.close()


def write_pool(**changed: Any) -> Pool:
    told: dict[str, Any] = {
        "name": "rural",
        "carrier": "ruralpost",
        "branch": "",
        "kind": PoolKind.PLAIN,
        "prefix": "RP",
        "suffix": "CN",
        "width": 6,
        "first": 10,
        "last": 12,
        "next": 10,
        "alarm": 1,
    }
    return Pool(**told | changed)


def test_numbers_are_given_in_order_until_there_are_none(records: SqlRecords) -> None:
    pools = Pools(records)
    pools.add(write_pool(), 1)
    assert [pools.give("rural", f"W{each}", 2) for each in range(3)] == ["RP000010CN", "RP000011CN", "RP000012CN"]
    with pytest.raises(PoolEmpty, match="no number left"):
        pools.give("rural", "W3", 2)
    assert pools.give("rural", "W1", 3) == "RP000011CN"
    [pool] = pools.list_all()
    assert (pool.left, pool.is_low) == (0, True)
    with pytest.raises(NotFound):
        pools.give("city", "W9", 2)


def test_many_at_once_get_a_number_each(records: SqlRecords) -> None:
    pools = Pools(records)
    pools.add(write_pool(last=5_000), 1)
    references = [f"W{each % 150}" for each in range(300)]
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda reference: pools.give("rural", reference, 2), references))
    assert len(set(numbers)) == 150
    assert dict(zip(references, numbers, strict=True)) == dict(zip(references[150:], numbers[150:], strict=True))
    assert pools.get("rural").left == 4_991 - 150


def test_numbers_outlive_the_process(records: SqlRecords, tmp_path: Path) -> None:
    Pools(records).add(write_pool(), 1)
    first = Pools(records).give("rural", "W1", 2)
    again = SqlRecords(f"sqlite:///{tmp_path / 'records.sqlite'}")
    assert Pools(again).give("rural", "W1", 3) == first
    assert Pools(again).give("rural", "W2", 3) != first
    again.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": PoolKind.S10, "prefix": "RB", "suffix": "CN", "width": 8, "last": 99_999_999},
        {"kind": PoolKind.SSCC, "prefix": "0401234", "suffix": "", "width": 10, "last": 9_999_999_999},
    ],
)
def test_numbers_of_standards_are_what_they_say(records: SqlRecords, changed: dict[str, Any]) -> None:
    pools = Pools(records)
    pools.add(write_pool(**changed), 1)
    for each in range(20):
        number = pools.give("rural", f"W{each}", 2)
        kinds = {finding.kind for finding in identify(number) if finding.valid}
        assert changed["kind"].value in kinds, number


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"name": ""}, "name"),
        ({"carrier": "Rural Post"}, "carrier"),
        ({"first": 13}, "first"),
        ({"last": 1_000_000}, "first"),
        ({"alarm": 4}, "alarm"),
        ({"prefix": "R P"}, "prefix"),
        ({"kind": PoolKind.S10, "width": 8, "prefix": "R"}, "prefix"),
        ({"kind": PoolKind.S10, "width": 8, "prefix": "RB", "suffix": "ZZ"}, "prefix"),
        ({"kind": PoolKind.S10, "width": 7, "prefix": "RB"}, "width"),
        ({"kind": PoolKind.SSCC, "prefix": "RB"}, "prefix"),
    ],
)
def test_what_would_be_no_numbers_is_refused(records: SqlRecords, changed: dict[str, Any], where: str) -> None:
    with pytest.raises(BadInput) as caught:
        Pools(records).add(write_pool(**changed), 1)
    assert caught.value.where == where


def test_ranges_lie_apart(records: SqlRecords) -> None:
    pools = Pools(records)
    pools.add(write_pool(), 1)
    for changed in ({}, {"name": "other"}, {"name": "other", "first": 12, "last": 20}):
        with pytest.raises(Conflict):
            pools.add(write_pool(**changed), 1)
    pools.add(write_pool(name="next", first=13, last=20), 1)
    pools.add(write_pool(name="city", carrier="citypost"), 1)
    assert pools.give("city", "W1", 2) == "RP000010CN"


def test_numbers_that_another_shape_of_range_gave_are_passed_over(records: SqlRecords) -> None:
    """A1 with 3 digits and A with 4 write the same numbers."""
    pools = Pools(records)
    pools.add(write_pool(name="short", prefix="A1", suffix="", width=3, first=0, last=2), 1)
    pools.add(write_pool(name="long", prefix="A", suffix="", width=4, first=999, last=1004), 1)
    given = [pools.give("short", f"S{each}", 2) for each in range(3)]
    given += [pools.give("long", f"L{each}", 2) for each in range(3)]
    assert given == ["A1000", "A1001", "A1002", "A0999", "A1003", "A1004"]
    with pytest.raises(PoolEmpty, match="no number left"):
        pools.give("long", "L9", 2)


def test_a_carrier_without_an_api_is_booked(records: SqlRecords) -> None:
    pools = Pools(records)
    pools.add(write_pool(), 1)
    issuer = PoolIssuer(pools, "rural", "ruralpost", lambda: 5)
    with FAKES["yto"].kind() as fake:
        order = write_order(fake)
    issued = issuer.book(order)
    assert (issued.waybill, issued.channel) == (Waybill("ruralpost", "RP000010CN"), "pool rural")
    assert issuer.book(order) == issued
    issuer.cancel(issued, "customer")
    with pytest.raises(Unsupported):
        issuer.print_label(issued)
