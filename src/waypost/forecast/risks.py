"""What may go wrong with parcels that are on their way: lost or stuck, or later than promised."""

import msgspec

from waypost.forecast.ahead import AheadModel
from waypost.forecast.silence import SilenceModel
from waypost.forecast.steps import Steps
from waypost.forecast.trips import Floats, Ints


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


def find_risks(eta: AheadModel, silence: SilenceModel, steps: Steps, now: float) -> Risks:
    """The risks of all parcels on their way at an instant, in days since 1970, by the steps that are known then."""
    rows = steps.on_their_way()
    awaited = silence.await_scans(steps, silence.lately(steps, now), rows)
    wrong = silence.wrong(awaited, now)
    expected = eta.expect(steps, eta.lately(steps, now), rows)
    late = eta.chance_of_later(expected, now, steps.promised[rows])
    return Risks(rows, silence.due(awaited), silence.silent(awaited, now), wrong, wrong + (1 - wrong) * late)
