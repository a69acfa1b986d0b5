"""A made-up network, and what is learnt of its first forty days: once for all tests of a process."""

import functools

import numpy as np

from waypost.forecast.ahead import AheadModel
from waypost.forecast.eta import learn_eta
from waypost.forecast.silence import SilenceModel, learn_silence
from waypost.forecast.steps import Steps
from waypost.forecast.trips import Ints
from waypost.forecast.watch import Watch
from waypost.testing.trips import FIRST_DAY, Halt, Imagined, imagine_trips

#: Learnt from what was known then; what comes after is held against it.
KNOWN = FIRST_DAY + 40.0
DAYS = 62
HALT = Halt(hub=3, begins=FIRST_DAY + 51.0, ends=FIRST_DAY + 53.0)


@functools.cache
def imagined() -> Imagined:
    return imagine_trips(15_000, DAYS, hubs=7, stuck=4, halt=HALT, lost=0.01, seed=4)


@functools.cache
def steps() -> Steps:
    return imagined().steps()


@functools.cache
def eta() -> AheadModel:
    return learn_eta(steps(), KNOWN)


@functools.cache
def silence() -> SilenceModel:
    return learn_silence(steps(), KNOWN)


@functools.cache
def watch() -> Watch:
    return Watch(eta(), silence())


def parcels(known: Steps) -> Ints:
    """The number that each row's parcel has among the imagined ones."""
    return np.array([int(number[1:]) for number in known.table.column("number").to_pylist()], np.int64)
