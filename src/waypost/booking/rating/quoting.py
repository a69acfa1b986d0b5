"""Quotes as a house gives them: over the cards on the shelf, which may grow meanwhile."""

from collections.abc import Callable, Mapping, Sequence

from waypost.booking.rating.asking import RateSource
from waypost.booking.rating.carbon import CityFinder
from waypost.booking.rating.promised import Promised
from waypost.booking.rating.quotes import Quoter
from waypost.booking.rating.shelf import Shelf


class Quotes:
    """Keeps a quoter ready, and makes another when cards were added, also by another process.

    Args:
        open_cities: what knows cities then.
        accounts: those of the settings; one without a card is told.
        promised: says when what is quoted arrives.
    """

    def __init__(
        self,
        shelf: Shelf,
        open_cities: Callable[[], CityFinder],
        accounts: Sequence[str] = (),
        sources: Mapping[str, RateSource] | None = None,
        promised: Promised | None = None,
    ) -> None:
        self._shelf = shelf
        self._open_cities = open_cities
        self._accounts = accounts
        self._sources = sources
        self._promised = promised
        self._ready: tuple[int, Quoter] | None = None

    def open(self) -> Quoter:
        """What quotes now."""
        count = self._shelf.count()
        ready = self._ready
        if ready is None or ready[0] != count:
            cards = self._shelf.list_all()
            quoter = Quoter(cards, self._open_cities(), self._sources, self._accounts, self._promised)
            ready = self._ready = (len(cards), quoter)
        return ready[1]
