"""The network now, followed beside the server by a thread of its own, and kept for the next start."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from waypost.engines.local.disk import Disk
from waypost.forecast.present import Lookouts
from waypost.model.errors import StoreError, WaypostError
from waypost.model.instants import DAY_MS
from waypost.track.live import Live
from waypost.track.live_views import Foreseen

#: What is kept lies in the home under this name; without it the counts are made anew.
KEPT = "live.counts"

_LOOK_S, _TROUBLE_S, _PATIENCE_S = 0.2, 15.0, 20.0
_KEEP_S = 60.0


class Following:
    """Runs until it is stopped. After kill -9 it goes on from what was kept last, and counts nothing twice."""

    def __init__(
        self, live: Live, home: Path, clock: Callable[[], int], journal: FilteringBoundLogger, keep_s: float = _KEEP_S
    ) -> None:
        self._live = live
        self._path = home / KEPT
        self._clock = clock
        self._journal = journal
        self._keep_s = keep_s
        self._kept = b""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="live", daemon=True)

    def start(self) -> None:
        """Begin, with what was kept if it can be used."""
        try:
            if self._path.exists():
                self._live.open(self._path.read_bytes(), self._clock())
        except (OSError, WaypostError) as error:
            self._journal.info("live counts are made anew", why=str(error))
        except Exception as error:  # whatever lies there: a server starts without it
            self._journal.warning("live counts are made anew", exc_info=error)
        self._thread.start()

    def stop(self) -> None:
        """Keep what was counted, and count no more."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE_S)

    def _go_on(self) -> None:
        kept_s = time.monotonic()
        while not self._stopping.is_set():
            try:
                pause_s = 0.0 if self._live.turn(self._clock()) else _LOOK_S
                if time.monotonic() - kept_s >= self._keep_s:
                    kept_s = time.monotonic()
                    self._keep()
            except Exception as error:  # nothing is lost: it goes on from where it was
                self._journal.error("the network is not followed live", exc_info=error)
                pause_s = _TROUBLE_S
            self._stopping.wait(pause_s)
        try:
            self._keep()
        except (OSError, StoreError) as error:
            self._journal.error("live counts are not kept", why=str(error))

    def _keep(self) -> None:
        kept = self._live.keep()
        if kept is not None and kept != self._kept:
            Disk().replace(self._path, kept)
            self._kept = kept


def foresee_by(lookouts: Lookouts) -> Callable[[], Foreseen | None]:
    """Who is at risk and late, by how things go; None if that is not known just now."""

    def foresee() -> Foreseen | None:
        found = lookouts.find()
        return None if found is None else Foreseen(found.at_risk, found.late, round(found.now * DAY_MS))

    return foresee
