"""Trouble is looked for beside the server: one thread, every minute or so, and what it finds becomes alerts."""

import threading
from collections.abc import Callable, Mapping

from structlog.typing import FilteringBoundLogger

from waypost.app.wiring import House
from waypost.care.alerts.book import AlertBook
from waypost.care.alerts.findings import AlertKind, Detector
from waypost.care.alerts.rounds import make_round
from waypost.care.alerts.silence import watch_silence
from waypost.model.errors import Closed, WaypostError

_PATIENCE_S = 10.0


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


def detectors_of(house: House) -> dict[AlertKind, Detector]:
    """Those of a house, by what its settings want told."""
    told = house.settings.alerts
    return {
        AlertKind.SILENCE: watch_silence(house.lookouts.find, told.least_parcels, told.critical_parcels),
    }
