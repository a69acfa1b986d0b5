"""When the next scan was due, and what it means that it has not come.

Of the parcels that are scanned at all again, the gap until then is learnt as the way to the door is (`ahead.py`). A
share of them never is: those that are given up (`Steps.find_patience`), by status, carrier and facility, drawn to wider
groups where few were seen (a cure model: Berkson and Gage, 1952). After a silence that a share S of the others would
keep too, the odds that something is wrong are by Bayes p to (1 - p) S.
"""

from collections.abc import Collection
from datetime import date

import msgspec
import numpy as np

from waypost.forecast.ahead import AheadModel, Expected, learn_ahead
from waypost.forecast.neighbours import Lately
from waypost.forecast.steps import Steps
from waypost.forecast.trips import Floats, Ints
from waypost.forecast.words import places
from waypost.model.decoding import decode
from waypost.model.errors import WrongFormat
from waypost.track.statuses import list_statuses

SILENCE_FORMAT = 1

#: So many steps all together, of the same status, of the same carrier, weigh what is expected of those of fewer; and so
#: many losses what is expected of a facility.
_ALL_WEIGHT, _STATUS_WEIGHT, _CARRIER_WEIGHT, _FACILITY_WEIGHT = 1000.0, 1000.0, 1000.0, 3.0
#: What is lost where nobody has seen anything, of all steps.
_USUALLY_NEVER = 0.001
_MOST_NEVER = 0.5


class Awaited(msgspec.Struct, frozen=True):
    """What was awaited at the last scan of each of some parcels, to be asked as time passes.

    Attributes:
        gap: until the next scan, of those that get one.
        never: the share that gets none.
    """

    gap: Expected
    never: Floats


class SilenceModel(msgspec.Struct, frozen=True):
    """What was learnt.

    Attributes:
        gaps: the time until the next scan.
        never: by carrier (the last row is that of all others) and status, the share that gets none.
        facilities: by how much more is lost at each; the last is that of all others.
    """

    gaps: AheadModel
    never: Floats
    facilities: Floats

    def lately(self, steps: Steps, now: float) -> Lately:
        """How things go now, in days since 1970; good for some minutes."""
        return self.gaps.lately(steps, now)

    def await_scans(self, steps: Steps, lately: Lately, rows: Ints | None = None) -> Awaited:
        """What is awaited after each of some steps, all of them unless rows are given."""
        rows = np.arange(len(steps)) if rows is None else rows
        words = self.gaps.vocabulary
        carrier = places(steps, "carrier", words.carriers)[rows]
        facility = places(steps, "facility", words.facilities)[rows]
        never = np.minimum(self.never[carrier, steps.status[rows]] * self.facilities[facility], _MOST_NEVER)
        return Awaited(self.gaps.expect(steps, lately, rows), never)

    def due(self, awaited: Awaited, share: float = 0.9) -> Floats:
        """By when so many of those that are scanned again have been, in days since 1970."""
        return self.gaps.instants(awaited.gap, awaited.gap.at, (share,))[:, 0]

    def held_up(self, awaited: Awaited, now: Floats | float) -> Floats:
        """By how many days the next scan is thought to come later than at the last one, as it has not come by now."""
        return np.asarray(self.gaps.instants(awaited.gap, now, (0.5,))[:, 0] - self.due(awaited, 0.5))

    def quiet(self, awaited: Awaited, now: Floats | float) -> Floats:
        """The share of those that are scanned again who have not been by now."""
        nows = np.broadcast_to(np.asarray(now, np.float64), awaited.never.shape)
        return self.gaps.chance_of_later(awaited.gap, awaited.gap.at, nows)

    def silent(self, awaited: Awaited, now: Floats | float) -> Floats:
        """The share of all that has not been scanned by now."""
        return awaited.never + (1 - awaited.never) * self.quiet(awaited, now)

    def wrong(self, awaited: Awaited, now: Floats | float) -> Floats:
        """How likely something is wrong with each parcel that has not been scanned by now: it is lost, or stuck."""
        return awaited.never / self.silent(awaited, now)

    def to_bytes(self) -> bytes:
        """As it is kept."""
        kept = _Kept(SILENCE_FORMAT, self.gaps.to_bytes(), self.never.tolist(), self.facilities.tolist())
        return msgspec.json.encode(kept)

    @classmethod
    def from_bytes(cls, data: bytes) -> "SilenceModel":
        """What `to_bytes` gave.

        Raises:
            WrongFormat: it is of another version.
        """
        version = decode(data, _Version).format
        if version != SILENCE_FORMAT:
            raise WrongFormat(
                f"this model of silence has format {version}, not {SILENCE_FORMAT}", mend="Train it anew."
            )
        kept = decode(data, _Kept)
        return cls(AheadModel.from_bytes(kept.gaps), np.array(kept.never), np.array(kept.facilities))


class _Version(msgspec.Struct):
    format: int


class _Kept(_Version):
    gaps: bytes
    never: list[list[float]]
    facilities: list[float]


def learn_silence(
    steps: Steps, known: float, *, free_days: Collection[date] = (), seed: int = 0, threads: int = 1
) -> SilenceModel:
    """Learn from the steps that are known at an instant, in days since 1970.

    Raises:
        BadInput: too few of them were followed by another.
    """
    steps = steps.known_at(known)
    patience = steps.find_patience()
    never = steps.is_given_up(known, patience) & steps.is_last
    rows = np.flatnonzero((steps.at < steps.ended) & ~never)
    gaps = learn_ahead(steps, rows, steps.following[rows], known, free_days=free_days, seed=seed, threads=threads)
    mature = np.flatnonzero((steps.at < steps.ended) & (steps.at < known - steps.patience(patience)))
    carrier = places(steps, "carrier", gaps.vocabulary.carriers)[mature]
    facility = places(steps, "facility", gaps.vocabulary.facilities)[mature]
    status, lost = steps.status[mature], never[mature].astype(np.float64)
    shares = _shares(status, carrier, lost, len(gaps.vocabulary.carriers) + 1)
    size = len(gaps.vocabulary.facilities) + 1
    at_each = np.bincount(facility, lost, minlength=size)
    usual = np.bincount(facility, shares[carrier, status], minlength=size)
    return SilenceModel(gaps, shares, (at_each + _FACILITY_WEIGHT) / (usual + _FACILITY_WEIGHT))


def _shares(status: Ints, carrier: Ints, lost: Floats, carriers: int) -> Floats:
    """The share that is lost, by carrier and status, each drawn to that of the status and this to that of all."""
    statuses = len(list_statuses())
    place = carrier * statuses + status
    found = np.bincount(place, lost, minlength=carriers * statuses).reshape(carriers, statuses)
    seen = np.bincount(place, minlength=carriers * statuses).reshape(carriers, statuses)
    whole = (found.sum() + _ALL_WEIGHT * _USUALLY_NEVER) / (seen.sum() + _ALL_WEIGHT)
    of_status = (found.sum(0) + _STATUS_WEIGHT * whole) / (seen.sum(0) + _STATUS_WEIGHT)
    return np.asarray((found + _CARRIER_WEIGHT * of_status) / (seen + _CARRIER_WEIGHT))
