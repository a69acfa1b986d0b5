"""The shelf of timetables: services as they are kept, and the departures of the next days."""

import datetime as dt
from collections.abc import Collection, Mapping

from waypost.model.errors import BadInput
from waypost.network.records import (
    drop_services,
    has_services,
    keep_dwells,
    keep_services,
    list_dwells,
    list_services,
)
from waypost.network.services import MOST_FACILITY, MOST_MIN, Service, check_service
from waypost.network.timetable import Timetable, expand
from waypost.store.protocols import Records

#: Minimum dwell of facilities of which nobody said another.
USUAL_DWELL_MIN = 60
_DAY = dt.timedelta(days=1)


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

    def has_any(self) -> bool:
        """Whether any service is kept."""
        with self._records.read() as connection:
            return has_services(connection)

    def open(self, first: dt.date, last: dt.date) -> Timetable:
        """The departures of some days (UTC), both of them too, those of services that began before among them."""
        with self._records.read() as connection:
            services = list_services(connection, first - dt.timedelta(minutes=MOST_MIN), last + _DAY)
            dwells = list_dwells(connection)
        longest = max((call.departs_min or 0 for service in services for call in service.calls), default=0)
        begin = first - dt.timedelta(minutes=longest) - _DAY  # a day more for zones east and west of UTC
        return expand(services, begin, last + _DAY, dwells, USUAL_DWELL_MIN)
