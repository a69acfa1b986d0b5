"""Parcels to come: of the network, of each carrier, and of its hubs or lanes, so that they add up."""

import datetime as dt
from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from waypost.forecast.calendars import know_days
from waypost.forecast.coherence import reconcile
from waypost.forecast.counts import By, Counts
from waypost.forecast.voices import Floats
from waypost.forecast.volume import DAILY, Panel, forecast_volumes
from waypost.model.errors import NotFound

_LEVELS = (0.1, 0.5, 0.9)

#: By carrier and name of a hub or lane, the country whose calendar it follows.
Countries = Mapping[tuple[str, str], str]


class DayForecast(msgspec.Struct, frozen=True):
    """Parcels of one day: their mean, their median (`p50`), and what one day in ten stays below, or goes beyond.

    `parcels`, the means, add up over hubs and carriers; quantiles do not, since not all have their bad day at once.
    """

    day: str
    parcels: float
    p10: float
    p50: float
    p90: float

    def times(self, factor: float) -> "DayForecast":
        """The same day if so many times as many came."""
        figures = (round(each * factor, 2) for each in (self.parcels, self.p10, self.p50, self.p90))
        return DayForecast(self.day, *figures)


class Line(msgspec.Struct, frozen=True):
    """What is to come at one place of the tree.

    Attributes:
        level: `network`, `carrier`, or `hub` or `lane`.
        carrier: None for the network.
        name: of the hub or lane; None above.
        days: one after the other.
    """

    level: str
    carrier: str | None
    name: str | None
    days: list[DayForecast]


class ParcelForecast(msgspec.Struct, frozen=True, kw_only=True):
    """Parcels to come.

    Attributes:
        by: what is at the bottom of the tree.
        learnt_from, learnt_to: the first and the last day that were counted; forecasts begin on the next.
        position: every scan below it was counted.
        lines: the network, then each carrier followed by what is below it.
    """

    by: By
    learnt_from: str
    learnt_to: str
    position: int
    lines: list[Line]


def suppose(forecast: ParcelForecast, more_pct: float) -> ParcelForecast:
    """The same forecast if so many percent more came, everywhere and every day."""
    factor = 1 + more_pct / 100
    lines = [
        Line(each.level, each.carrier, each.name, [day.times(factor) for day in each.days]) for each in forecast.lines
    ]
    return msgspec.structs.replace(forecast, lines=lines)


def forecast_parcels(
    counts: Counts,
    by: By,
    days: int,
    *,
    countries: Countries,
    seed: int = 0,
    threads: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> ParcelForecast:
    """Forecast the days behind those that were counted.

    Args:
        counts: parcels a day.
        by: what they were counted by.
        days: how many.
        countries: whose calendar a row follows.
        seed: of what is left to chance.
        threads: how many processors to use.
        tell: is told what is done now.

    Raises:
        NotFound: there are no parcels to learn from.
        BadInput: they are of too few days.
    """
    if not counts.names:
        raise NotFound(f"No parcel was counted by {by}.", mend="Import scans first; lanes need facilities with places.")
    nodes, parents, sums = build_tree(counts, by)
    begins = [int(np.flatnonzero(each)[0]) if each.any() else 0 for each in sums]
    shares = _country_shares(counts, nodes, countries)
    calendar = {share: know_days(counts.first, counts.days + days, dict(share)) for share in set(shares)}
    panel = Panel(
        [each[begin:] for each, begin in zip(sums, begins, strict=True)],
        DAILY,
        [calendar[share][begin:] for share, begin in zip(shares, begins, strict=True)],
    )
    told = forecast_volumes(panel, days, levels=_LEVELS, seed=seed, threads=threads, tell=tell)
    means = reconcile(told.means, np.repeat(told.variances[:, None], days, axis=1), parents)
    moved = np.maximum(told.quantiles + (means - told.means)[:, :, None], 0.0)
    first = counts.last + dt.timedelta(days=1)
    return ParcelForecast(
        by=by,
        learnt_from=counts.first.isoformat(),
        learnt_to=counts.last.isoformat(),
        position=counts.position,
        lines=[Line(*node, _days(first, means[place], moved[place])) for place, node in enumerate(nodes)],
    )


Node = tuple[str, str | None, str | None]


def build_tree(counts: Counts, by: By) -> tuple[list[Node], list[int], Floats]:
    """The nodes as (level, carrier, name), each behind its parent; the place of that; and the parcels a day of each."""
    nodes: list[Node] = [("network", None, None)]
    parents, members = [-1], [list(range(len(counts.names)))]
    for carrier in sorted({carrier for carrier, _ in counts.names}):
        own = [place for place, (whose, _) in enumerate(counts.names) if whose == carrier]
        top = len(nodes)
        nodes.append(("carrier", carrier, None))
        parents.append(0)
        members.append(own)
        if by != "carrier":
            nodes += [(by, carrier, counts.names[place][1]) for place in own]
            parents += [top] * len(own)
            members += [[place] for place in own]
    return nodes, parents, np.stack([counts.parcels[each].sum(axis=0) for each in members])


def _country_shares(counts: Counts, nodes: list[Node], countries: Countries) -> list[tuple[tuple[str, float], ...]]:
    """For each node which countries' calendars it follows, each with its share of the parcels in hundredths."""
    totals = counts.parcels.sum(axis=1)
    found = []
    for _, carrier, name in nodes:
        shares: dict[str, float] = {}
        for row, key in enumerate(counts.names):
            country = countries.get(key)
            if country and carrier in (None, key[0]) and name in (None, key[1]):
                shares[country] = shares.get(country, 0.0) + float(totals[row])
        whole = sum(shares.values())
        found.append(tuple((country, round(part / whole, 2)) for country, part in sorted(shares.items())))
    return found


def _days(first: dt.date, means: Floats, quantiles: Floats) -> list[DayForecast]:
    days = [(first + dt.timedelta(days=place)).isoformat() for place in range(len(means))]
    rows = zip(days, means.tolist(), quantiles.tolist(), strict=True)
    return [DayForecast(day, round(mean, 6), *(round(each, 2) for each in bands)) for day, mean, bands in rows]
