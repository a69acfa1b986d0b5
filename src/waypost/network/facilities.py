"""The register of facilities: who is where, and in which time zone."""

import threading
from collections.abc import Iterable

from waypost.model.carriers import CARRIER_CODE
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.errors import BadInput
from waypost.model.places import Facility, check_place
from waypost.model.texts import has_control
from waypost.network.records import find_facilities, keep_facilities, list_facilities
from waypost.store.protocols import Records

#: Known and unknown ones; a sender may make up any number of codes.
_REMEMBERED = 200_000


class Facilities:
    """The facilities in `Records`, remembered once they were looked up.

    A facility that was asked for and not known is remembered as well, until some are kept anew: scans of unknown
    facilities come in thousands.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._known: dict[tuple[str, str], Facility | None] = {}
        self._lock = threading.Lock()

    def keep(self, facilities: Iterable[Facility]) -> int:
        """Add facilities, or bring known ones up to date; how many.

        Raises:
            BadInput: one of them cannot be; none is kept.
        """
        checked = [check_facility(facility) for facility in facilities]
        with self._records.begin() as connection:
            keep_facilities(connection, checked)
        with self._lock:
            self._known = {}
        return len(checked)

    def find(self, carrier: str, code: str | None) -> Facility | None:
        """The facility of that carrier under that code."""
        return None if code is None else self.find_many([(carrier, code)]).get((carrier, code))

    def find_many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Facility]:
        """The known ones among some (carrier, code)."""
        with self._lock:
            known = self._known  # `keep` puts another in its place: what was read before it is not remembered after
            answer = {key: known.get(key) for key in keys}
            missing = [key for key, facility in answer.items() if facility is None and key not in known]
        if missing:
            with self._records.read() as connection:
                found = find_facilities(connection, missing)
            answer |= found
            with self._lock:
                if len(known) + len(missing) > _REMEMBERED:
                    known.clear()
                known.update((key, found.get(key)) for key in missing)
        return {key: facility for key, facility in answer.items() if facility is not None}

    def list_all(self) -> list[Facility]:
        """All of them, by carrier and code."""
        with self._records.read() as connection:
            return list_facilities(connection)

    def list_page(self, carrier: str | None, after: str | None, limit: int) -> tuple[list[Facility], str | None]:
        """Some of them, by carrier and code, and the cursor for more, None at the end.

        Args:
            carrier: only its own.
            after: the cursor that the page before gave.
            limit: so many at most.

        Raises:
            BadInput: the cursor is none of ours.
        """
        key = read_cursor(after, tuple[str, str])
        with self._records.read() as connection:
            found = list_facilities(connection, carrier, key, limit + 1)
        page = found[:limit]
        return page, write_cursor((page[-1].carrier, page[-1].code)) if len(found) > limit else None


def check_facility(facility: Facility) -> Facility:
    """The same facility, if it can be one.

    Raises:
        BadInput: the carrier is no carrier code, the code or the name is missing or too long, a text has control
            characters, or the place cannot be (see `check_place`).
    """
    name = f"{facility.carrier[:40]}/{facility.code[:40]}"
    where = f"facility {name!r}" if has_control(name) else f"facility {name}"
    if not CARRIER_CODE.fullmatch(facility.carrier):
        raise BadInput(f"{facility.carrier[:40]!r} is no carrier code: up to 32 of a-z, 0-9, _ and -", where=where)
    if not facility.code or len(facility.code) > 128 or not facility.name or len(facility.name) > 200:
        raise BadInput("the code has 1 to 128 and the name 1 to 200 characters", where=where)
    place = facility.place
    texts = {"code": facility.code, "name": facility.name, "city": place.city, "region": place.region}
    for field, text in texts.items():
        if text is not None and has_control(text):
            raise BadInput(f"the {field} has control characters: {text[:40]!r}", where=where)
    check_place(place, where)
    return facility
