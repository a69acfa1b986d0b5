"""Training: what promises rest on is learnt from the trips of a network, and held against what came, on a model card.

The last weeks are lived through once more as in a back-test, each week with what was learnt before it. How those
promises turned out gives the windows of the next ones, and says on the card how well promises like these held.
"""

import collections
import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from waypost.forecast.calendars import list_free_days
from waypost.forecast.circumstances import Circumstances, describe
from waypost.forecast.counts import EPOCH
from waypost.forecast.lately import look_back
from waypost.forecast.promises import MOST_DAYS, WARM_UP_DAYS, Foreseen
from waypost.forecast.rolling import LEARN_EVERY_DAYS
from waypost.forecast.scores import LEVELS, score
from waypost.forecast.steps import Steps
from waypost.forecast.transit import LEARNT_DAYS, LEAST_TRIPS, TransitModel, learn_transit
from waypost.forecast.trips import Floats, Ints, Trips
from waypost.forecast.watch import learn_watch
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS, format_utc
from waypost.network.areas import Areas

#: The card scores the promises of so many days.
TESTED_DAYS = 28
#: Those are tested that were made so long ago that nearly all of their parcels have come.
_SETTLED_DAYS = 30.0
#: Trips of so many days are looked at.
TRAINED_DAYS = LEARNT_DAYS + 30
#: Groups of lanes with fewer tested promises are not told apart.
_LEAST_TOLD = 50

Tell = Callable[[float], None]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model: what it was learnt from, and how its promises held.

    Attributes:
        learnt_at: RFC 3339.
        trips, delivered: learnt from; and of these had come.
        first, last: the days on which they were ordered, UTC.
        shares: one of so many parcels was looked at.
        kinds: of circumstances that it learnt from.
        weights: the circumstances that say most, with the share of the gain of all.
        tested: from when to when promises were made that `scores` are of; none if it is too early to say.
        scores: as `scores.score` tells them; `undecided` are still on their way, in their windows.
        medians: the same of a plain peer: the median of the lane in the 45 days before.
        regions: how often P90 held by where they went, with how many there were.
        steps: scans that ETAs of parcels on their way were learnt from; `unwatched` says why there are none.
        before: the scores of the model that was in use when this one was learnt, on the promises that were made since
            that was learnt; `beside` are those of this one on the same; `uncompared` says why there are none.
    """

    learnt_at: str
    trips: int
    delivered: int
    first: str
    last: str
    shares: int
    kinds: list[str]
    weights: dict[str, float]
    tested: tuple[str, str] | None = None
    scores: dict[str, Any] | None = None
    medians: dict[str, Any] | None = None
    regions: dict[str, tuple[float, int]] = {}
    before: dict[str, Any] | None = None
    beside: dict[str, Any] | None = None
    uncompared: str = ""
    steps: int = 0
    unwatched: str = ""


class Trained(msgspec.Struct, frozen=True):
    """What promises are made with.

    Attributes:
        transit: how long parcels take.
        words: what the numbers of words stand for.
        watch: what ETAs of parcels on their way are made with (`Watch.to_bytes`); empty if nothing was learnt.
        foreseen: of trips before it was learnt, `number` and the fields of `Foresight` as it was then.
        card: see `Card`.
    """

    transit: TransitModel
    words: dict[str, list[str]]
    foreseen: pa.Table
    card: Card
    watch: bytes = b""

    def foresee(self, trips: Trips) -> Foreseen:
        """What was foreseen of trips: as it was then, and of those ordered since it was learnt by what was learnt."""
        foreseen = Foreseen(trips)
        foreseen.recall(self.foreseen)
        learnt = dt.datetime.fromisoformat(self.card.learnt_at).timestamp() * 1000 / DAY_MS
        since = trips.between(learnt, np.inf)
        if len(since):
            newer = Trips(trips.table.take(pa.array(since)))
            facts = describe(newer, recents=look_back(trips, newer), words=self.words)
            foreseen.put(since, self.transit.foresee(facts, np.arange(len(newer))))
        return foreseen


def train(
    trips: Trips,
    now: float,
    *,
    shares: int = 1,
    areas: Areas | None = None,
    before: Trained | None = None,
    seed: int = 0,
    threads: int = 1,
    tell: Tell = lambda share: None,
) -> Trained:
    """Learn from all trips what is known of them at an instant, in days since 1970.

    Args:
        shares: each trip stands for so many parcels.
        areas: how the card spells their regions.
        before: what is in use, to be compared with.
        tell: is told how much is done.

    Raises:
        BadInput: too few trips have come to their end.
    """
    _check(trips, now)
    facts = describe(trips)
    foreseen = _live_through(facts, trips, now, seed, threads, lambda share: tell(0.9 * share))
    transit = learn_transit(facts, trips, now, seed=seed, threads=threads)
    card = _write_card(facts, trips, now, transit, foreseen, shares, areas or Areas([]), before)
    tell(1.0)
    rows = trips.between(now - MOST_DAYS, now)
    rows = rows[np.isfinite(foreseen.middle[rows])]
    words = {name: list(found) for name, found in facts.words.items()}
    return Trained(transit, words, foreseen.table(rows), card)


def with_watch(trained: Trained, steps: Steps, now: float, *, seed: int = 0, threads: int = 1) -> Trained:
    """The same, and what ETAs are made with, learnt from the scans of parcels until an instant, in days since 1970."""
    countries = collections.Counter(area[:2] for area in steps.table.column("area").to_pylist() if area)
    year = EPOCH.year + int(now / 365.25)
    free = [EPOCH + dt.timedelta(days=day) for name, _ in countries.most_common(1) for day in _free_days(name, year)]
    try:
        watch = learn_watch(steps, now, free_days=free, seed=seed, threads=threads).to_bytes()
    except BadInput as error:
        card = msgspec.structs.replace(trained.card, unwatched=error.message)
        return msgspec.structs.replace(trained, card=card)
    return msgspec.structs.replace(trained, card=msgspec.structs.replace(trained.card, steps=len(steps)), watch=watch)


def _free_days(country: str, year: int) -> list[int]:
    return [day for each in (year - 1, year, year + 1) for day in list_free_days(country, each)]


def _check(trips: Trips, now: float) -> None:
    ended = int((trips.delivered[~trips.is_void] < now).sum())
    if ended < LEAST_TRIPS:
        raise BadInput(
            f"{ended} parcels were delivered so far; it takes {LEAST_TRIPS} to learn from.",
            mend="Import more history: `waypost import`.",
        )


def _live_through(facts: Circumstances, trips: Trips, now: float, seed: int, threads: int, tell: Tell) -> Foreseen:
    """What would have been foreseen of the trips of the last months, each week from what was known at its beginning."""
    foreseen = Foreseen(trips)
    first = now - WARM_UP_DAYS - _SETTLED_DAYS - TESTED_DAYS
    weeks = np.arange(first, now, LEARN_EVERY_DAYS)
    for done, week in enumerate(weeks.tolist()):
        rows = trips.between(week, min(week + LEARN_EVERY_DAYS, now))
        if len(rows) and (trips.delivered[~trips.is_void] < week).sum() >= LEAST_TRIPS:
            model = learn_transit(facts, trips, week, seed=seed, threads=threads)
            foreseen.put(rows, model.foresee(facts, rows))
        tell((done + 1) / len(weeks))
    return foreseen


def _write_card(
    facts: Circumstances,
    trips: Trips,
    now: float,
    transit: TransitModel,
    foreseen: Foreseen,
    shares: int,
    areas: Areas,
    before: Trained | None,
) -> Card:
    rows = trips.between(now - LEARNT_DAYS, now)
    gains = transit.weigh()
    card = Card(
        learnt_at=format_utc(round(now * DAY_MS)),
        trips=len(rows),
        delivered=int((trips.delivered[rows] < now).sum()),
        first=_day(trips.ordered[rows[0]]),
        last=_day(trips.ordered[rows[-1]]),
        shares=shares,
        kinds=sorted({str(facts.kinds[name]) for name in transit.names}),
        weights={name: round(gains[name], 4) for name in sorted(gains, key=lambda name: -gains[name])[:15]},
    )
    start, end = now - _SETTLED_DAYS - TESTED_DAYS, now - _SETTLED_DAYS
    tested = trips.between(start, end)
    windows = _promise_daily(foreseen, tested, trips)
    tested, windows = _decided(trips, tested, windows, now)
    if len(tested) < _LEAST_TOLD:
        return card
    taken = np.minimum(trips.delivered[tested], now) - trips.ordered[tested]
    return msgspec.structs.replace(
        card,
        tested=(_day(start), _day(end)),
        scores=score(taken, windows),
        medians=_score_medians(trips, tested, taken),
        regions=_by_region(trips, tested, taken, windows[:, -1], areas),
        **({} if before is None else _compare(before, trips, tested, taken, windows)),
    )


def _promise_daily(foreseen: Foreseen, rows: Ints, trips: Trips) -> Floats:
    """The windows that would have been promised, a row a trip and a column a level of `LEVELS`."""
    windows = np.full((len(rows), len(LEVELS)), np.nan)
    days = np.floor(trips.ordered[rows])
    for day in np.unique(days).tolist():
        of_day = days == day
        windows[of_day] = foreseen.windows(rows[of_day], foreseen.shape(day, LEVELS))
    return windows


def _decided(trips: Trips, rows: Ints, windows: Floats, now: float) -> tuple[Ints, Floats]:
    """Those that have come, or that are late already."""
    known = np.isfinite(windows).all(axis=1)
    is_late = now - trips.ordered[rows] > windows[:, -1]
    kept = known & ((trips.delivered[rows] < now) | is_late)
    return rows[kept], windows[kept]


def _score_medians(trips: Trips, rows: Ints, taken: Floats) -> dict[str, Any]:
    from waypost.forecast.baselines import lane_medians

    return score(taken, np.repeat(lane_medians(trips, rows)[:, None], len(LEVELS), axis=1))


def _by_region(trips: Trips, rows: Ints, taken: Floats, latest: Floats, areas: Areas) -> dict[str, tuple[float, int]]:
    place, names = trips.words("destination_region")
    found = {}
    for region in np.unique(place[rows]).tolist():
        of_region = place[rows] == region
        if of_region.sum() >= _LEAST_TOLD:
            held = float((taken[of_region] <= latest[of_region]).mean())
            found[areas.spell(names[region])] = (round(held, 4), int(of_region.sum()))
    return found


def _compare(before: Trained, trips: Trips, rows: Ints, taken: Floats, windows: Floats) -> dict[str, Any]:
    """How the model in use does on the trips that were ordered after it was learnt, beside this one."""
    learnt = dt.datetime.fromisoformat(before.card.learnt_at).timestamp() * 1000 / DAY_MS
    since = trips.ordered[rows] >= learnt
    if since.sum() < _LEAST_TOLD:
        many = f"{int(since.sum())} of the promises that are tested were made since"
        why = f"the version in use was learnt at {before.card.learnt_at}: {many}, and it takes {_LEAST_TOLD}"
        return {"uncompared": why}
    theirs = _promise_daily(before.foresee(trips), rows[since], trips)
    if not np.isfinite(theirs).all():
        return {"uncompared": "too few promises of the version in use came to their end to say how wide they would be"}
    return {"before": score(taken[since], theirs), "beside": score(taken[since], windows[since])}


def _day(instant: float) -> str:
    return dt.datetime.fromtimestamp(instant * DAY_MS / 1000, dt.UTC).date().isoformat()
