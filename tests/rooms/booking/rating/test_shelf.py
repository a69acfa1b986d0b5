from collections.abc import Iterator
from datetime import date

import pytest
from tests.rooms.booking.rating.cards import example, parcel, plain_card

from waypost.booking.rating.cards import write_card
from waypost.booking.rating.quoting import Quotes
from waypost.booking.rating.records import rate_cards
from waypost.booking.rating.shelf import Kept, Shelf
from waypost.engines.sql.records import SqlRecords
from waypost.model.errors import Conflict, NotFound, StoreDamaged


@pytest.fixture
def records() -> Iterator[SqlRecords]:
    records = SqlRecords("sqlite://")
    yield records
    records.close()


def test_cards_are_kept_as_they_came(records: SqlRecords) -> None:
    shelf = Shelf(records)
    cards = [example(name) for name in ("estrela-encomenda", "hangzhou-express", "union-ground")]
    assert [shelf.keep(card, 1, dry_run=True) for card in cards] == [Kept.NEW] * 3
    assert shelf.count() == 0
    assert [shelf.keep(card, 1) for card in cards] == [Kept.NEW] * 3
    assert [shelf.keep(card, 2) for card in cards] == [Kept.KNOWN] * 3
    assert sorted(shelf.list_all(), key=lambda card: card.currency) == cards
    assert shelf.get("usps", "GROUND", "2026-07") == cards[2]
    assert shelf.list_all("correios") == cards[:1]
    with pytest.raises(NotFound, match="no card '1' of"):
        shelf.get("usps", "GROUND", "1")


def test_a_version_is_given_once(records: SqlRecords) -> None:
    shelf = Shelf(records)
    shelf.keep(plain_card(), 1)
    with pytest.raises(Conflict, match="version '1' of it is there with other contents"):
        shelf.keep(plain_card(round_up_g=100), 1)
    assert shelf.keep(plain_card(service="air"), 1) is Kept.NEW


def test_two_that_begin_on_a_day_are_refused_unless_one_corrects_the_other(records: SqlRecords) -> None:
    shelf = Shelf(records)
    shelf.keep(plain_card(), 1)
    with pytest.raises(Conflict, match="version '1' of it begins on 2026-01-01 too"):
        shelf.keep(plain_card(version="2"), 1)
    with pytest.raises(Conflict, match="corrects '3', which is no version that stands"):
        shelf.keep(plain_card(version="2", corrects="3"), 1)
    shelf.keep(plain_card(version="2", corrects="1"), 2)
    with pytest.raises(Conflict, match="corrects '1', which is no version that stands"):
        shelf.keep(plain_card(version="3", corrects="1"), 1)
    shelf.keep(plain_card(version="4", valid_from=date(2026, 2, 1)), 1)
    assert [card.version for card in shelf.list_all()] == ["1", "2", "4"]


def test_quotes_see_cards_that_are_added(records: SqlRecords) -> None:
    shelf = Shelf(records)
    quotes = Quotes(shelf, lambda: lambda *_: None)
    assert quotes.open().quote(parcel(), 1).quotes == []
    shelf.keep(plain_card(valid_from=date(1970, 1, 1)), 1)
    assert len(quotes.open().quote(parcel(), 1).quotes) == 1
    assert quotes.open() is quotes.open()


def test_a_card_that_is_not_what_was_kept(records: SqlRecords) -> None:
    shelf = Shelf(records)
    shelf.keep(plain_card(), 1)
    for content in (b"{", shelf.list_all()[0].version.encode().join([b'"', b'"'])):
        with records.begin() as connection:
            connection.execute(rate_cards.update().values(content=content))
        with pytest.raises(StoreDamaged, match="cannot be read"):
            shelf.list_all()
    with records.begin() as connection:
        connection.execute(rate_cards.update().values(content=write_card(plain_card(round_up_g=2))))
    with pytest.raises(StoreDamaged, match="is not what was kept"):
        shelf.list_all()
