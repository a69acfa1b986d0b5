"""How long after a scan something comes, the door or the next scan: learnt from every scan of parcels before.

At each scan boosted trees say the middle and the spread of the logarithm of the days until then (see `transit.py`,
which does the same at the order); parcels to which it has not come yet count as longer than so far. What is left over
takes its shape from parcels that the trees had not seen, by milestone. Between scans no tree is asked: `passing.py`
works in that nothing happened.
"""

from collections.abc import Callable, Collection
from datetime import date

import msgspec
import numpy as np
import pyarrow as pa

from waypost.forecast.censored import quantiles_of_times
from waypost.forecast.forest import Forest
from waypost.forecast.neighbours import Lately, Where, lately_now, lately_then
from waypost.forecast.passing import LEVELS, chance_of_longer, remaining
from waypost.forecast.steps import Steps
from waypost.forecast.survival import TREES, Growth, Learner
from waypost.forecast.trips import Flags, Floats, Ints
from waypost.forecast.words import frequent, places
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, WrongFormat
from waypost.model.instants import DAY_MS
from waypost.network.areas import plain_area
from waypost.network.distances import great_circle_km
from waypost.track.statuses import MILESTONES, list_statuses

AHEAD_FORMAT = 1

#: From fewer steps that it came after nothing is learnt.
LEAST_STEPS = 500

#: What is told of each instant.
TOLD = (0.5, 0.8, 0.9)

#: So many facilities and areas have a name of their own to the trees.
_MOST_FACILITIES, _MOST_AREAS = 300, 100
_LEAST_DAYS = 0.01
#: A milestone has a shape of its own from so many steps on; older steps count less, half after so many days.
_LEAST_SHAPED, _HALF_DAYS = 300, 30.0

_TREES = {**TREES, "learning_rate": 0.1, "feature_fraction": 0.7, "cat_smooth": 20.0}
_MIDDLE, _QUICK = Growth(_TREES, 120), Growth({**_TREES, "learning_rate": 0.15}, 60)
_SPREAD = Growth({**_TREES, "num_leaves": 7, "min_data_in_leaf": 200}, 40)

_WORDS = ["status", "facility", "area", "destination", "carrier"]


class Vocabulary(msgspec.Struct, frozen=True):
    """The words that a model knows, each list sorted."""

    facilities: list[str]
    areas: list[str]
    carriers: list[str]

    def where(self, steps: Steps, rows: Ints) -> Where:
        """Where some steps are."""
        sizes = len(list_statuses()), len(self.facilities) + 1, len(self.areas) + 1
        facility = places(steps, "facility", self.facilities)[rows]
        return Where(
            steps.status[rows], facility, places(steps, "destination_area", self.areas, plain_area)[rows], sizes
        )


class Expected(msgspec.Struct, frozen=True):
    """What was expected at the last scan of each of some parcels, to be asked as time passes.

    Attributes:
        at: the instant of the scan, in days since 1970.
        middle, spread: of the logarithm of the days until it comes.
        shape: which shape what is left over has.
    """

    at: Floats
    middle: Floats
    spread: Floats
    shape: Ints


class AheadModel(msgspec.Struct, frozen=True):
    """What was learnt.

    Attributes:
        vocabulary: the words it knows.
        free_days: public holidays, as days since 1970.
        start: the logarithm of days that the trees of the middle begin at.
        middle_trees, spread_trees: see `TransitModel`.
        shapes: quantiles of what is left over at `passing.LEVELS`: of each milestone, then of all.
    """

    vocabulary: Vocabulary
    free_days: Ints
    start: float
    middle_trees: Forest
    spread_trees: Forest
    shapes: Floats

    def lately(self, steps: Steps, now: float) -> Lately:
        """How things go now, in days since 1970; good for some minutes."""
        return lately_now(steps, self.vocabulary.where(steps, np.arange(len(steps))), now)

    def expect(self, steps: Steps, lately: Lately, rows: Ints | None = None) -> Expected:
        """What is expected at each of some steps, all of them unless rows are given."""
        rows = np.arange(len(steps)) if rows is None else rows
        told = lately.of(self.vocabulary.where(steps, rows))
        table = _facts(steps, rows, self.vocabulary, self.free_days, told)
        middle = self.middle_trees.foretell(table) + self.start
        return Expected(steps.at[rows], middle, np.exp(self.spread_trees.foretell(table)), steps.milestone[rows])

    def instants(self, expected: Expected, now: Floats | float, levels: tuple[float, ...] = TOLD) -> Floats:
        """When it comes if it has not by now, in days since 1970: a row a parcel, a column a level."""
        passed = np.broadcast_to(np.maximum(now - expected.at, 0.0), expected.at.shape)
        left = remaining(expected.middle, expected.spread, expected.shape, self.shapes, passed, levels)
        return np.asarray((expected.at + passed)[:, None] + left)

    def instants_ms(self, expected: Expected, now_ms: int, levels: tuple[float, ...] = TOLD) -> Ints:
        """The same in milliseconds since 1970."""
        return np.asarray(np.round(self.instants(expected, now_ms / DAY_MS, levels) * DAY_MS)).astype(np.int64)

    def chance_of_later(self, expected: Expected, now: Floats | float, than: Floats) -> Floats:
        """How likely it comes later than an instant if it has not by now; NaN where there is none."""
        passed = np.broadcast_to(np.maximum(now - expected.at, 0.0), expected.at.shape)
        after = np.nan_to_num(than - expected.at, nan=1.0)
        told = chance_of_longer(expected.middle, expected.spread, expected.shape, self.shapes, passed, after)
        return np.where(np.isnan(than), np.nan, told)

    def to_bytes(self) -> bytes:
        """As it is kept."""
        kept = _Kept(
            format=AHEAD_FORMAT,
            vocabulary=self.vocabulary,
            free_days=self.free_days.tolist(),
            start=self.start,
            middle_trees=self.middle_trees.text,
            spread_trees=self.spread_trees.text,
            levels=LEVELS.tolist(),
            shapes=self.shapes.tolist(),
        )
        return msgspec.json.encode(kept)

    @classmethod
    def from_bytes(cls, data: bytes) -> "AheadModel":
        """What `to_bytes` gave.

        Raises:
            WrongFormat: it is of another version.
        """
        version = decode(data, _Version).format
        kept = decode(data, _Kept) if version == AHEAD_FORMAT else None
        if kept is None or kept.levels != LEVELS.tolist():
            raise WrongFormat(
                f"this model of what is ahead has format {version}, not {AHEAD_FORMAT}", mend="Train it anew."
            )
        return cls(
            vocabulary=kept.vocabulary,
            free_days=np.array(kept.free_days, np.int64),
            start=kept.start,
            middle_trees=Forest(kept.middle_trees),
            spread_trees=Forest(kept.spread_trees),
            shapes=np.array(kept.shapes, np.float64),
        )


class _Version(msgspec.Struct):
    format: int


class _Kept(_Version):
    vocabulary: Vocabulary
    free_days: list[int]
    start: float
    middle_trees: str
    spread_trees: str
    levels: list[float]
    shapes: list[list[float]]


def learn_ahead(
    steps: Steps,
    rows: Ints,
    came: Floats,
    known: Floats | float,
    *,
    free_days: Collection[date] = (),
    seed: int = 0,
    threads: int = 1,
) -> AheadModel:
    """Learn how long after some steps it came.

    Args:
        steps: as they are known.
        rows: those to learn from.
        came: when it came after each of these, in days since 1970; `NEVER` if it had not by then.
        known: up to when it is known that it had not; an instant, or one for each row.
        free_days: public holidays where parcels go.
        seed, threads: of the trees.

    Raises:
        BadInput: it came after too few of them.
    """
    ended = np.isfinite(came)
    if ended.sum() < LEAST_STEPS:
        raise BadInput(f"{int(ended.sum())} scans came to their end; it takes {LEAST_STEPS} to learn from.")
    vocabulary = Vocabulary(
        frequent(steps, "facility", _MOST_FACILITIES),
        sorted({*frequent(steps, "area", _MOST_AREAS), *frequent(steps, "destination_area", _MOST_AREAS)}),
        frequent(steps, "carrier", _MOST_AREAS),
    )
    free = np.array(sorted(each.toordinal() - date(1970, 1, 1).toordinal() for each in free_days), np.int64)
    days = np.maximum(np.minimum(came, known) - steps.at[rows], _LEAST_DAYS)
    gaps, left = lately_then(steps, vocabulary.where(steps, np.arange(len(steps))))
    table = _facts(steps, rows, vocabulary, free, (gaps[rows], left[rows]))
    learner = Learner(table, _WORDS, middle=_MIDDLE, quick=_QUICK, spread=_SPREAD, seed=seed, threads=threads)
    every, logs = np.arange(len(rows)), np.log(days)
    start, middle = learner.middle(every, logs, ended)
    off = logs - learner.middle_unseen(every, logs, ended, steps.parcel[rows] % 2 == 1)
    spread = learner.spread(every[ended], off[ended])
    off = off / np.exp(spread.foretell(table))
    weights = 0.5 ** ((steps.at.max() - steps.at[rows]) / _HALF_DAYS)
    shapes = _shapes(off, ended, weights, steps.milestone[rows])
    return AheadModel(vocabulary, free, start, middle, spread, shapes)


def _shapes(off: Floats, ended: Flags, weights: Floats, milestone: Ints) -> Floats:
    """Quantiles of what is left over, of each milestone and of all; of a rare one those of all."""
    whole = _rising(quantiles_of_times(off, ended, weights, LEVELS))
    shapes = np.tile(whole, (len(MILESTONES) + 1, 1))
    for number in range(len(MILESTONES) + 1):
        own = milestone == number
        if ended[own].sum() >= _LEAST_SHAPED:
            shapes[number] = _rising(quantiles_of_times(off[own], ended[own], weights[own], LEVELS))
    return shapes


def _rising(quantiles: Floats) -> Floats:
    """The same with each greater than the one before, so that they can be read backwards."""
    return np.asarray(np.maximum.accumulate(quantiles) + 1e-6 * np.arange(len(quantiles)))


def _facts(
    steps: Steps, rows: Ints, vocabulary: Vocabulary, free_days: Ints, lately: tuple[Floats, Floats]
) -> pa.Table:
    """What the trees are told of some steps: all of it is known when the scan comes."""
    local = steps.local[rows]
    day = np.floor(local)
    ahead = day[:, None] + np.arange(1, 8)
    rests = ((ahead + 3) % 7 >= 5) | np.isin(ahead, free_days)
    ends = [steps.numbers(f"{end}{axis}")[rows] for end in ("", "destination_") for axis in ("latitude", "longitude")]

    def word(name: str, known: list[str], plain: Callable[[str], str] = str) -> Floats:
        place = places(steps, name, known, plain)[rows]
        return np.where(place == len(known), np.nan, place)

    return pa.table(
        {
            "status": steps.status[rows].astype(np.float64),
            "facility": word("facility", vocabulary.facilities),
            "area": word("area", vocabulary.areas, plain_area),
            "destination": word("destination_area", vocabulary.areas, plain_area),
            "carrier": word("carrier", vocabulary.carriers),
            "hour": (local - day) * 24,
            "weekday": (day + 3) % 7,  # 1970 began on a Thursday
            "rests_3": rests[:, :3].sum(1).astype(np.float64),
            "rests_7": rests.sum(1).astype(np.float64),
            "since_first_days": (steps.at - steps.first)[rows],
            "since_previous_days": (steps.at - steps.previous)[rows],
            "to_promise_days": (steps.promised - steps.at)[rows],
            "to_go_km": great_circle_km(*ends),
            "gap_lately": lately[0],
            "left_lately": lately[1],
        }
    )
