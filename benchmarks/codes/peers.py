"""Plain ways to a sort code, to compare with: the nearest centroid, and the longest prefix."""

from collections import Counter, defaultdict

import numpy as np
import numpy.typing as npt

from benchmarks.codes.brazil import distances_km

Floats = npt.NDArray[np.float64]


def nearest_centroid(known: Floats, codes: list[str], asked: Floats) -> list[str]:
    """The code whose deliveries have the nearest middle, on the map."""
    names, place = np.unique(codes, return_inverse=True)
    sizes = np.bincount(place)
    middles = np.stack([np.bincount(place, known[:, axis]) / sizes for axis in (0, 1)], axis=1)
    return [
        str(names[each])
        for part in np.array_split(asked, 20)
        for each in np.argmin(distances_km(part, middles), axis=1)
    ]


def nearest_text_centroid(known: list[str], codes: list[str], asked: list[str]) -> list[str]:
    """The code whose addresses share most with it: pairs of letters side by side, rare ones counting more."""
    texts = [_pairs(text) for text in known]
    seen = Counter(pair for text in texts for pair in set(text))
    worth = {pair: np.log(len(known) / count) for pair, count in seen.items()}
    centroids: dict[str, Counter[str]] = defaultdict(Counter)
    for text, code in zip(texts, codes, strict=True):
        centroids[code].update(text)
    holders: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for code, counts in centroids.items():
        weights = {pair: count * worth[pair] for pair, count in counts.items()}
        size = sum(weight**2 for weight in weights.values()) ** 0.5 or 1.0
        for pair, weight in weights.items():
            holders[pair].append((code, weight / size))
    answers = []
    for each in asked:
        likeness: dict[str, float] = defaultdict(float)
        for pair in _pairs(each):
            if worth.get(pair, 0.0) > 2.0:  # what stands everywhere tells nothing, and costs most
                for code, weight in holders[pair]:
                    likeness[code] += weight * worth[pair]
        answers.append(max(likeness, key=likeness.__getitem__, default=""))
    return answers


def longest_prefix(known: list[str], codes: list[str], asked: list[str]) -> list[str]:
    """The code that most of those have which begin alike, over the longest beginning that was seen."""
    begun: dict[str, Counter[str]] = defaultdict(Counter)
    for text, code in zip(known, codes, strict=True):
        for length in range(len(text) + 1):
            begun[text[:length]][code] += 1
    answers = []
    for text in asked:
        length = next(length for length in range(len(text), -1, -1) if text[:length] in begun)
        answers.append(begun[text[:length]].most_common(1)[0][0])
    return answers


def _pairs(text: str) -> list[str]:
    return [text[place : place + 2] for place in range(len(text) - 1)]
