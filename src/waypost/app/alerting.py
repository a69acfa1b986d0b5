"""Trouble is looked for beside the server: one thread, every minute or so, and what it finds becomes alerts."""

import threading
from collections.abc import Callable, Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from waypost.app.wiring import House
from waypost.care.alerts.book import AlertBook
from waypost.care.alerts.findings import AlertKind, Detector
from waypost.care.alerts.loads import watch_hubs, watch_lanes
from waypost.care.alerts.rounds import make_round, seldom
from waypost.care.alerts.silence import watch_silence
from waypost.care.alerts.unknown_codes import watch_unknown_codes
from waypost.care.alerts.weather_ahead import watch_weather_ahead
from waypost.model.errors import Closed, WaypostError
from waypost.track.live_views import LiveFacility, LiveFlow, LiveView
from waypost.track.overview import UnknownCode, list_unknown_codes

_PATIENCE_S = 10.0
#: What asks history, or the weather of every facility, looks so often; and scans of so many hours count.
_SELDOM_MS, _CODES_HOURS = 600_000, 24.0
#: An overload is critical at so many times the load from which on it is one.
_CRITICAL_LOAD = 1.25


class Alerting:
    """Makes rounds until it is stopped.

    Args:
        every_s: how often; 0 for never.
        clock: now, in UTC milliseconds.
    """

    def __init__(
        self,
        detectors: Mapping[AlertKind, Detector],
        book: AlertBook,
        every_s: float,
        clock: Callable[[], int],
        journal: FilteringBoundLogger,
    ) -> None:
        self._detectors = detectors
        self._book = book
        self._every_s = every_s
        self._clock = clock
        self._journal = journal
        self._failing: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin, if it is wanted."""
        if self._every_s > 0:
            self._thread.start()

    def stop(self) -> None:
        """Look no more. What is under way ends within reason."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE_S)

    def list_failures(self) -> list[str]:
        """What could not be looked for in the last round, and why."""
        return [f"{kind}: {why}" for kind, why in sorted(self._failing.items())]

    def look(self) -> None:
        """One round. What goes wrong is written down once, until it goes well again."""
        try:
            done = make_round(self._detectors, self._book, self._clock())
        except Closed:
            return
        except Exception as error:  # nothing is lost: the next round finds it again
            self._tell({"anything": error})
            return
        for id_ in done.noted.raised:
            self._journal.info("an alert was raised", alert=id_)
        self._tell({kind.value: error for kind, error in done.failed.items() if not isinstance(error, Closed)})

    def _tell(self, failed: Mapping[str, Exception]) -> None:
        failing = {}
        for kind, error in failed.items():
            is_ours = isinstance(error, WaypostError)
            failing[kind] = str(error) if is_ours else type(error).__name__
            if self._failing.get(kind) != failing[kind]:
                told = None if is_ours else error
                self._journal.error("alerts are not looked for", kind=kind, why=failing[kind], exc_info=told)
        self._failing = failing

    def _go_on(self) -> None:
        while True:
            self.look()
            if self._stopping.wait(self._every_s):
                return


Hubs = Callable[[], Sequence[LiveFacility] | None]
Lanes = Callable[[], Sequence[LiveFlow] | None]


def loads_of(house: House) -> tuple[Hubs, Lanes]:
    """The live counts of a server's hubs and lanes; None until all is counted once."""

    def look() -> LiveView | None:
        view = house.live.look(house.clock())
        return None if view.ages.counts_s is None else view

    def list_hubs() -> Sequence[LiveFacility] | None:
        view = look()
        return None if view is None else view.facilities

    def list_lanes() -> Sequence[LiveFlow] | None:
        view = look()
        return None if view is None else view.flows

    return list_hubs, list_lanes


def detectors_of(
    house: House,
    list_hubs: Hubs | None = None,
    list_lanes: Lanes | None = None,
) -> dict[AlertKind, Detector]:
    """Those of a house, by what its settings want told.

    Args:
        list_hubs, list_lanes: live counts of the network, where somebody keeps them.
    """
    told, memory = house.settings.alerts, house.memory
    least, critical = told.least_parcels, told.critical_parcels

    def list_codes(since_ms: int) -> list[UnknownCode]:
        return list_unknown_codes(memory.history, house.tables, since_ms)

    codes = watch_unknown_codes(list_codes, told.unknown_scans, _CODES_HOURS)
    ahead = watch_weather_ahead(
        house.lookouts.find, house.read_weather_ahead, least, critical, told.weather_hours
    )  # fmt: skip
    found = {
        AlertKind.SILENCE: watch_silence(house.lookouts.find, least, critical),
        AlertKind.UNKNOWN_CODES: seldom(codes, _SELDOM_MS),
        AlertKind.WEATHER_AHEAD: seldom(ahead, _SELDOM_MS),
    }
    if list_hubs is not None:
        found[AlertKind.HUB_OVERLOAD] = watch_hubs(list_hubs, told.hub_load, _CRITICAL_LOAD * told.hub_load)
    if list_lanes is not None:
        found[AlertKind.LANE_SLOW] = watch_lanes(list_lanes, told.lane_parcels, told.lane_slower, critical)
    return found
