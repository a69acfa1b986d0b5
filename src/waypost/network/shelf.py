"""The shelf of timetables: services as they are kept, and the departures of the next days."""

import datetime as dt
from collections.abc import Collection, Mapping

from waypost.model.errors import BadInput
from waypost.network.records import drop_services, keep_dwells, keep_services, list_dwells, list_services
from waypost.network.services import MOST_FACILITY, MOST_MIN, Service, check_service
from waypost.network.timetable import Timetable, expand
from waypost.store.protocols import Records

#: Minimum dwell of facilities of which nobody said another.
USUAL_DWELL_MIN = 60


class Timetables:
    """Reads and writes services."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def keep(
        self, services: Collection[Service], dwell_min: Mapping[str, int], *, replace: Collection[str] = ()
    ) -> None:
        """Add services, or bring known ones up to date; all or none.

        Args:
            services: each under another carrier and code.
            dwell_min: minimum dwell of facilities.
            replace: carriers of which nothing stays but these.

        Raises:
            BadInput: one of them cannot be.
        """
        checked = [check_service(service) for service in services]
        for facility, minutes in dwell_min.items():
            if not 0 <= minutes <= MOST_MIN or len(facility) > MOST_FACILITY:
                raise BadInput(f"a minimum dwell is 0 to {MOST_MIN} minutes, not {minutes}", where=facility[:80])
        with self._records.begin() as connection:
            drop_services(connection, replace)
            keep_services(connection, checked)
            keep_dwells(connection, dwell_min)

    def list_all(self, carrier: str | None = None) -> list[Service]:
        """All services, or those of a carrier, by carrier and code."""
        with self._records.read() as connection:
            return list_services(connection, carrier=carrier)

    def open(self, first: dt.date, last: dt.date) -> Timetable:
        """The departures of the services that begin on some days, both of them too."""
        with self._records.read() as connection:
            services, dwells = list_services(connection, first, last), list_dwells(connection)
        return expand(services, first, last, dwells, USUAL_DWELL_MIN)
