"""Parties: what they may be called."""

from collections.abc import Iterator

import pytest

from waypost.access.parties import Parties
from waypost.engines.sql.records import SqlRecords
from waypost.model.errors import BadInput
from waypost.model.parties import PartyKind


@pytest.fixture
def parties() -> Iterator[Parties]:
    records, nonces = SqlRecords("sqlite://"), iter(range(99))
    yield Parties(records, lambda size: next(nonces).to_bytes(size))
    records.close()


@pytest.mark.parametrize("name", ["", " ", "a" * 121, "Shop\x1b[31m", "A\x85b", "\u202eelaS", "A\u2069", "a\u2028b"])
def test_a_name_shows_what_it_says(parties: Parties, name: str) -> None:
    with pytest.raises(BadInput, match="without control characters"):
        parties.add(PartyKind.MERCHANT, name, 1)
    assert parties.list_all() == []


@pytest.mark.parametrize("name", ["متجر الكتب", "חנות \u200fספרים", "فروشگاه می\u200cخواهم", "义乌小店"])
def test_a_name_may_be_of_any_script(parties: Parties, name: str) -> None:
    assert parties.add(PartyKind.MERCHANT, name, 1).name == name
