"""How often something goes wrong in the twin, and how well carriers tell of what happens.

Rates are guesses of ours within what is published; docs/explanation/how-the-twin-works.md says beside which figures.
"""

import msgspec
import numpy as np
import numpy.typing as npt


class Luck(msgspec.Struct, frozen=True, kw_only=True):
    """Chances.

    Attributes:
        lost: on each leg, never to be seen again.
        missorted: at each hub, onto a truck to somewhere else.
        damaged: at each hub, repacked half a day.
        held: at each border, for days.
        wrong_address: of deliveries, cleared up for one to three days.
        not_home: of first tries at the door.
        locker: of deliveries, put into a locker or a shop and fetched from there.
        village: of parcels for a county, to a village: a day more.
        second_try: of tries after the first, fails too.
    """

    lost: float = 0.00002
    missorted: float = 0.0015
    damaged: float = 0.0002
    held: float = 0.05
    wrong_address: float = 0.006
    not_home: float = 0.025
    locker: float = 0.55
    village: float = 0.30
    second_try: float = 0.10

    def row(self) -> npt.NDArray[np.float64]:
        """In the order of their fields."""
        return np.array(msgspec.structs.astuple(self), np.float64)


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """How a carrier tells of its parcels.

    Attributes:
        late: the share of scans that are sent long after they happened.
        late_min: how many minutes these are late in the middle; some ten times as much.
        missing: the share that is never sent.
        wrong_zone: the share whose local time is sent as if it were UTC.
    """

    late: float
    late_min: float
    missing: float
    wrong_zone: float


QUALITY = {
    "zto": Quality(late=0.01, late_min=45, missing=0.004, wrong_zone=0.0),
    "yto": Quality(late=0.02, late_min=60, missing=0.008, wrong_zone=0.0),
    "yunda": Quality(late=0.03, late_min=90, missing=0.012, wrong_zone=0.002),
    "sto": Quality(late=0.03, late_min=120, missing=0.015, wrong_zone=0.0),
    "best": Quality(late=0.08, late_min=240, missing=0.04, wrong_zone=0.01),
}
