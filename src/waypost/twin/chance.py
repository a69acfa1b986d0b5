"""Chance that is counted, not drawn: a number follows from the seed, what it is about and why it is asked.

So a parcel has the same luck in every run of a seed, whatever happens to others before it: two runs that differ in one
change can be compared parcel by parcel (common random numbers).
"""

import numpy as np

from waypost.store.compiled import Number, compiled, woven

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


@woven
def mixed(seed: Number, minute: Number, ordinal: Number, why: Number) -> Number:
    """64 bits (two rounds of splitmix64) of a parcel, which is the `ordinal`th of its minute, for one purpose."""
    word = np.uint64(seed) + np.uint64(minute) * np.uint64(_GOLDEN)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(_FIRST)
    word += (np.uint64(ordinal) << np.uint64(16)) + np.uint64(why) + np.uint64(1)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(_FIRST)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(_SECOND)
    return word ^ (word >> np.uint64(31))


@woven
def share(seed: Number, minute: Number, ordinal: Number, why: Number) -> Number:
    """The same as a number from 0 to below 1."""
    return np.float64(mixed(seed, minute, ordinal, why) >> np.uint64(11)) * (1.0 / (1 << 53))


@compiled
def draw_shares(seed: int, minute: int, count: int, why: int) -> np.ndarray:
    """The shares of the first parcels of a minute: for tests and for what is drawn once."""
    found = np.empty(count, np.float64)
    for ordinal in range(count):
        found[ordinal] = share(seed, minute, ordinal, why)
    return found
