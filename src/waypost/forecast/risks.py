"""What may go wrong with parcels that are on their way: lost or stuck, or later than promised."""

import msgspec
import numpy as np

from waypost.forecast.neighbours import Lately
from waypost.forecast.steps import Steps
from waypost.forecast.trips import Floats, Ints
from waypost.forecast.watch import Watch, Watched


class Risks(msgspec.Struct, frozen=True):
    """Of some parcels, by row; instants in days since 1970.

    Attributes:
        rows: the last step of each.
        due: by when nine in ten of those that are scanned again have been.
        silent: the share of all parcels that would be silent for so long.
        wrong: how likely it is lost or stuck.
        late: how likely it breaks its promise; NaN where none was made.
    """

    rows: Ints
    due: Floats
    silent: Floats
    wrong: Floats
    late: Floats


def find_risks(watch: Watch, steps: Steps, now: float, lately: Lately | None = None) -> Risks:
    """The risks of all parcels on their way at an instant, in days since 1970, by the steps that are known then.

    `lately` is how things go now, if these are not the steps of all parcels.
    """
    rows = steps.on_their_way()
    watched = watch.watch(steps, watch.lately(steps, now) if lately is None else lately, rows)
    wrong = watch.silence.wrong(watched.scan, now)
    late = risk_of_late(watch, watched, now, steps.promised[rows])
    return Risks(rows, watch.silence.due(watched.scan), watch.silence.silent(watched.scan, now), wrong, late)


def risk_of_late(watch: Watch, watched: Watched, now: Floats | float, promised: Floats) -> Floats:
    """How likely parcels not scanned by now break their promise, by being lost, stuck or late; NaN without one."""
    wrong = watch.silence.wrong(watched.scan, now)
    return np.asarray(wrong + (1 - wrong) * watch.chance_of_later(watched, now, promised))
