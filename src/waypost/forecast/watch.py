"""Watching parcels on their way: the ETA moves with every scan, and with time passing.

Time passing says two things: that the parcel has not arrived, and that it has not even been scanned. As far as its next
scan is held up beyond what was thought, so is all that comes after: for so long the parcel's own clock stands still.
"""

from collections.abc import Collection
from datetime import date

import msgspec
import numpy as np

from waypost.forecast.ahead import TOLD, AheadModel, Expected
from waypost.forecast.eta import learn_eta
from waypost.forecast.neighbours import Lately
from waypost.forecast.silence import Awaited, SilenceModel, learn_silence
from waypost.forecast.steps import Steps
from waypost.forecast.trips import Floats, Ints
from waypost.model.decoding import decode
from waypost.model.errors import WrongFormat
from waypost.model.instants import DAY_MS

WATCH_FORMAT = 1


class Watched(msgspec.Struct, frozen=True):
    """What is thought of some parcels since their last scans, to be asked as time passes.

    Attributes:
        door: what was expected of the way to the door.
        scan: what was awaited of the next scan.
    """

    door: Expected
    scan: Awaited


class Watch(msgspec.Struct, frozen=True):
    """Both that was learnt: the way to the door, and the time until the next scan."""

    eta: AheadModel
    silence: SilenceModel

    def lately(self, steps: Steps, now: float) -> Lately:
        """How things go now, in days since 1970; good for some minutes."""
        return self.eta.lately(steps, now)

    def watch(self, steps: Steps, lately: Lately, rows: Ints | None = None) -> Watched:
        """What is thought after each of some steps, all of them unless rows are given."""
        return Watched(self.eta.expect(steps, lately, rows), self.silence.await_scans(steps, lately, rows))

    def arrivals(self, watched: Watched, now: Floats | float, levels: tuple[float, ...] = TOLD) -> Floats:
        """When parcels not scanned by now arrive, in days since 1970: a row a parcel, a column a level."""
        later = self.silence.held_up(watched.scan, now)
        return np.asarray(self.eta.instants(watched.door, now - later, levels) + later[:, None])

    def arrivals_ms(self, watched: Watched, now_ms: int, levels: tuple[float, ...] = TOLD) -> Ints:
        """The same in milliseconds since 1970."""
        return np.round(self.arrivals(watched, now_ms / DAY_MS, levels) * DAY_MS).astype(np.int64)

    def chance_of_later(self, watched: Watched, now: Floats | float, than: Floats) -> Floats:
        """How likely parcels arrive later than an instant, if they arrive; NaN where there is none."""
        later = self.silence.held_up(watched.scan, now)
        return self.eta.chance_of_later(watched.door, now - later, than - later)

    def to_bytes(self) -> bytes:
        """As it is kept."""
        return msgspec.json.encode(_Kept(WATCH_FORMAT, self.eta.to_bytes(), self.silence.to_bytes()))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Watch":
        """What `to_bytes` gave.

        Raises:
            WrongFormat: it, or a part of it, is of another version.
        """
        version = decode(data, _Version).format
        if version != WATCH_FORMAT:
            raise WrongFormat(f"this model of arrivals has format {version}, not {WATCH_FORMAT}", mend="Train it anew.")
        kept = decode(data, _Kept)
        return cls(AheadModel.from_bytes(kept.eta), SilenceModel.from_bytes(kept.silence))


class _Version(msgspec.Struct):
    format: int


class _Kept(_Version):
    eta: bytes
    silence: bytes


def learn_watch(
    steps: Steps, known: float, *, free_days: Collection[date] = (), seed: int = 0, threads: int = 1
) -> Watch:
    """Learn from the steps that are known at an instant, in days since 1970.

    Args:
        steps: of all parcels; what came later is left out.
        known: the instant.
        free_days: public holidays where parcels go.
        seed, threads: of the trees.

    Raises:
        BadInput: too few of them are of parcels that arrived.
    """
    steps = steps.known_at(known)
    return Watch(
        learn_eta(steps, known, free_days=free_days, seed=seed, threads=threads),
        learn_silence(steps, known, free_days=free_days, seed=seed, threads=threads),
    )
