"""The records of a home, for commands that work beside a running server too."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waypost.app.console import tell_cut
from waypost.app.settings import Settings, read_settings
from waypost.app.wiring import open_house
from waypost.engines.local.formats import read_formats
from waypost.engines.local.home import open_records
from waypost.model.errors import HomeInUse, NotFound
from waypost.store.protocols import Records


@contextmanager
def records_of(home: Path | None, *, make: bool = False) -> Iterator[tuple[Settings, Records]]:
    """The records of a home, whether a server runs over it or not; `make` a home if there is none."""
    settings = read_settings(home=home)
    if not make and not read_formats(settings.home):
        raise NotFound(f"nothing is kept in {settings.home}", mend="Name the folder by --home.")
    try:
        with open_house(settings) as house:
            tell_cut(house.home.health().cut)
            yield settings, house.memory.records
    except HomeInUse:
        records = open_records(settings.home)
        try:
            yield settings, records
        finally:
            records.close()
