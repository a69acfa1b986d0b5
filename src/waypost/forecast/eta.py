"""When a parcel that is on its way arrives, as learnt from every scan of those before it.

How it is learnt stands in `ahead.py`; here it is the door that is ahead. Who was sent back, lost or cancelled was on
its way until then and would have been for longer. Who is given up (`Steps.find_patience`) is left out: the ETA is of
parcels that arrive, and `silence.py` says how likely one does not.
"""

from collections.abc import Collection
from datetime import date

import numpy as np

from waypost.forecast.ahead import AheadModel, learn_ahead
from waypost.forecast.steps import Steps


def learn_eta(
    steps: Steps, known: float, *, free_days: Collection[date] = (), seed: int = 0, threads: int = 1
) -> AheadModel:
    """Learn from the steps that are known at an instant, in days since 1970.

    Raises:
        BadInput: too few of them are of parcels that arrived.
    """
    steps = steps.known_at(known)
    rows = np.flatnonzero((steps.at < steps.ended) & ~steps.is_given_up(known))
    until = np.minimum(steps.stopped[rows], known)
    came = np.where(steps.delivered[rows] <= until, steps.delivered[rows], np.inf)
    return learn_ahead(steps, rows, came, until, free_days=free_days, seed=seed, threads=threads)
