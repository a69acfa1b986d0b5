"""Sums that agree: what is forecast of a network, its carriers and their hubs or lanes, made to add up.

Every level sees something: single hubs their own weekdays, the network the trend that drowns in the noise of each. So
all are forecast, and all give way, each by how unsure it is: minimum-trace reconciliation with variances alone
(Wickramasuriya, Athanasopoulos and Hyndman, 2019; "WLS"). On a tree that takes two passes: upwards, what the children
say together is weighed against what is said of the parent; downwards, what the parent ends at is dealt out by
variance.
"""

from collections.abc import Sequence

import numpy as np

from waypost.forecast.voices import Floats

#: A variance is at least this, so that what is told without any doubt can still be dealt out.
_LEAST = 1e-9


def reconcile(means: Floats, variances: Floats, parents: Sequence[int]) -> Floats:
    """Make a tree of forecasts add up, and none of them less than zero.

    Args:
        means, variances: by node and step ahead.
        parents: the place of each node's parent, which stands before it; -1 at the top.

    Returns:
        By node and step: each parent is the sum of its children.
    """
    variances = np.maximum(variances, _LEAST)
    children: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(node)
    seen, doubt = means.astype(np.float64), variances.copy()
    for node in reversed(range(len(parents))):
        if children[node]:
            together, unsure = seen[children[node]].sum(axis=0), doubt[children[node]].sum(axis=0)
            trust = unsure / (unsure + variances[node])
            seen[node] = together + trust * (means[node] - together)
            doubt[node] = unsure * (1.0 - trust)
    final = seen.copy()
    for node, below in enumerate(children):
        if below:
            missing = final[node] - seen[below].sum(axis=0)
            final[below] = seen[below] + missing * doubt[below] / doubt[below].sum(axis=0)
    return _add_up(np.maximum(final, 0.0), children)


def _add_up(values: Floats, children: Sequence[Sequence[int]]) -> Floats:
    """Parents as the sums of their children, from the bottom up."""
    for node in reversed(range(len(children))):
        if children[node]:
            values[node] = values[list(children[node])].sum(axis=0)
    return values
