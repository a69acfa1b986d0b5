"""The register of facilities: who is where, and in which time zone."""

import threading
from collections.abc import Iterable

from waypost.model.errors import BadInput
from waypost.model.places import Facility, check_place
from waypost.network.records import find_facilities, keep_facilities, list_facilities
from waypost.store.protocols import Records


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
        checked = []
        for facility in facilities:
            where = f"facility {facility.carrier}/{facility.code}"
            if not facility.code or len(facility.code) > 128 or not facility.name or len(facility.name) > 200:
                raise BadInput("the code has 1 to 128 and the name 1 to 200 characters", where=where)
            check_place(facility.place, where)
            checked.append(facility)
        with self._records.begin() as connection:
            keep_facilities(connection, checked)
        with self._lock:
            self._known.clear()
        return len(checked)

    def find(self, carrier: str, code: str | None) -> Facility | None:
        """The facility of that carrier under that code."""
        return None if code is None else self.find_many([(carrier, code)]).get((carrier, code))

    def find_many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Facility]:
        """The known ones among some (carrier, code)."""
        wanted = list(dict.fromkeys(keys))
        with self._lock:
            missing = [key for key in wanted if key not in self._known]
        if missing:
            with self._records.begin() as connection:
                found = find_facilities(connection, missing)
            with self._lock:
                self._known |= {key: found.get(key) for key in missing}
        with self._lock:
            return {key: facility for key in wanted if (facility := self._known.get(key)) is not None}

    def list_all(self) -> list[Facility]:
        """All of them, by carrier and code."""
        with self._records.begin() as connection:
            return list_facilities(connection)
