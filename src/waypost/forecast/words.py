"""Words as numbers: a list learnt once, and by it the place of each word that comes later."""

from collections.abc import Callable, Sequence

import numpy as np

from waypost.forecast.steps import Steps
from waypost.forecast.trips import Ints


def frequent(steps: Steps, name: str, most: int) -> list[str]:
    """The words of a column that come most often, sorted; the missing one is not among them."""
    place, words = steps.words(name)
    counts = np.bincount(place, minlength=len(words))
    ranked = sorted((-int(count), word) for count, word in zip(counts, words, strict=True) if word and count)
    return sorted(word for _, word in ranked[:most])


def places(steps: Steps, name: str, known: Sequence[str], plain: Callable[[str], str] = str) -> Ints:
    """Of each row where its word stands in a list; the length of the list where it does not.

    Args:
        plain: words are the same of which this says the same.
    """
    place, words = steps.words(name)
    of = {plain(word): number for number, word in enumerate(known)}
    found = np.array([of.get(plain(word), len(known)) for word in words], np.int64)
    return found[place] if len(words) else place
