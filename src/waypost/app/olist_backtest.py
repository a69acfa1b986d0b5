"""`waypost backtest olist`: real orders, each promised at the moment of purchase with only what was known then."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from waypost.app.console import aside, line, out, results
from waypost.feeds.inmet import InmetFiles
from waypost.feeds.olist import ZONE
from waypost.feeds.olist_trips import read_olist_trips
from waypost.forecast.circumstances import LEARNT, Kind, describe
from waypost.forecast.promises import WARM_UP_DAYS
from waypost.forecast.scores import LEVELS, hold_levels, score
from waypost.forecast.trips import Floats, Ints, Trips
from waypost.forecast.weather import Weather
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS

#: With fewer orders delivered before the first promise there is nothing to learn from.
_LEAST_ORDERS = 1000

#: Of fewer orders to a state nothing is told apart.
_LEAST_IN_STATE = 100
_TREES = ("lightgbm", "lightgbm_conformal", "lightgbm_recalibrated")

Methods = Mapping[str, Floats]


def run_olist(
    data: Path,
    test_from: date,
    *,
    without: Collection[str],
    weather: Path | None,
    seed: int,
    threads: int,
    as_json: bool,
) -> None:
    """Score Waypost and plain peers on the orders bought from a day on, and say so."""
    stations = None if weather is None else InmetFiles(weather).read()
    kinds = _learnt(without, with_weather=weather is not None)
    trips, refusals = read_olist_trips(data)
    start = find_midnight(test_from)
    end = find_end(trips) if len(trips) else start
    _check(trips, start, data, test_from)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as progress:

        def follow(label: str) -> Callable[[float], None]:
            task = progress.add_task(label, total=1.0)
            return lambda share: progress.update(task, completed=share)

        seen = None if stations is None else Weather(stations.rows)
        found = backtest(trips, start, end, kinds, seen, seed, threads, follow)
    if stations is not None:
        refusals += stations.refused
    found |= {"test_from": test_from.isoformat(), "seed": seed, "refused_rows": len(refusals)}
    if as_json:
        out(found)
    else:
        _show(found)


def backtest(
    trips: Trips,
    start: float,
    end: float,
    kinds: Collection[Kind],
    weather: Weather | None,
    seed: int,
    threads: int,
    follow: Callable[[str], Callable[[float], None]],
) -> dict[str, Any]:
    """Promise what was ordered from `start` on and before `end` (midnights, in days since 1970), and score it.

    Returns:
        What `--json` tells, see docs/reference/commands.md.
    """
    from waypost.forecast.baselines import PlainTrees, global_median, lane_medians
    from waypost.forecast.rolling import LEVELS as EVERY_LEVEL
    from waypost.forecast.rolling import at_level, roll

    facts = describe(trips, weather=weather)
    windows = roll(facts, trips, start, end, kinds=kinds, seed=seed, threads=threads, tell=follow("Waypost promises"))
    asked = trips.between(start, end)
    rows = asked[np.isfinite(trips.delivered[asked])]
    if np.isnan(windows[rows]).any():
        raise BadInput(
            "on some days too few promises had come to their end to say how wide the next have to be.",
            mend="Give a later --test-from, or more orders.",
        )
    taken = (trips.delivered - trips.ordered)[rows]
    model = np.column_stack([at_level(windows[rows], level) for level in LEVELS])
    olist = (trips.promised - trips.ordered)[rows]
    tell = follow("LightGBM learns")
    trees = PlainTrees(facts, trips, start, seed, threads)
    baselines: dict[str, Floats] = {
        "olist_promise": _point(olist),
        "global_median": _point(global_median(trips, start, rows)),
        "lane_median_45d": _point(lane_medians(trips, rows)),
        **trees.promise_once(start, rows),
        "lightgbm_recalibrated": trees.promise_weekly(start, end, tell)[rows],
    }
    methods = {"model": model, **baselines}
    by_weather = {} if weather is None else {"by_weather": _by_weather(trips, rows, taken, methods, weather)}
    shorter = _shorter(taken, windows[rows], olist)
    return {
        "orders": len(rows),
        "not_delivered": len(asked) - len(rows),
        "model": score(taken, model)
        | {"shorter_than_olist": shorter["spent_evenly"]["shorter"], "learnt_from": list(kinds)},
        "baselines": {name: score(taken, days) for name, days in baselines.items()},
        "at_olists_late_rate": shorter,
        "reliability": {
            "model": hold_levels(taken, windows[rows], EVERY_LEVEL),
            **{name: hold_levels(taken, baselines[name], LEVELS) for name in _TREES},
        },
        "by_month": _by_month(trips, rows, taken, methods),
        "by_destination": _by_destination(trips, rows, taken, methods),
        **by_weather,
    }


def _learnt(without: Collection[str], *, with_weather: bool) -> list[Kind]:
    unknown = [name for name in without if name not in set(LEARNT)]
    if unknown:
        raise BadInput(f"there is no kind {unknown[0]}.", mend=f"--without takes: {', '.join(LEARNT)}.")
    kinds: list[Kind] = [kind for kind in LEARNT if kind not in without and (with_weather or kind is not Kind.WEATHER)]
    if not kinds:
        raise BadInput("nothing is left to learn from.", mend="Leave out fewer kinds.")
    return kinds


def _point(days: Floats) -> Floats:
    """A promise without levels is the same at each."""
    return np.repeat(days[:, None], len(LEVELS), axis=1)


def _shorter(taken: Floats, windows: Floats, olist: Floats) -> dict[str, Any]:
    """How much shorter promises are when no more of them come late than did by Olist's.

    That is said of promises at one level for all, and of those that spend lateness evenly. The level, and what a late
    one costs, are found in hindsight, as Olist's own rate is: it compares how well both tell orders apart.
    """
    from waypost.forecast.promises import spend_evenly
    from waypost.forecast.rolling import LEVELS as EVERY_LEVEL
    from waypost.forecast.rolling import at_level

    late = float((taken > olist).mean())

    def look(promise: Callable[[float], Floats], low: float, high: float) -> tuple[float, ...] | tuple[None, ...]:
        """The least number whose promises are kept as often, their mean, and how much shorter that is."""
        if (taken > promise(high)).mean() > late:
            return None, None, None
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if (taken > promise(middle)).mean() > late else (low, middle)
        days = promise(high).mean()
        return round(high, 4), round(float(days), 4), round(float(1 - days / olist.mean()), 4)

    level, days, shorter = look(lambda level: at_level(windows, level), 0.5, 0.995)
    cost, even_days, even_shorter = look(lambda cost: spend_evenly(windows, EVERY_LEVEL, cost), 1, 10_000)
    return {
        "late_rate": round(late, 4),
        "olist_mean_days": round(float(olist.mean()), 4),
        "level": level,
        "mean_days": days,
        "shorter": shorter,
        "spent_evenly": {"late_costs_days": cost, "mean_days": even_days, "shorter": even_shorter},
    }


def _by_month(trips: Trips, rows: Ints, taken: Floats, methods: Methods) -> dict[str, dict[str, Any]]:
    days = np.floor(trips.local[rows]).astype(np.int64).astype("datetime64[D]").astype("datetime64[M]")
    return {
        str(month): {name: score(taken[days == month], promised[days == month]) for name, promised in methods.items()}
        for month in np.unique(days)
    }


def _by_destination(trips: Trips, rows: Ints, taken: Floats, methods: Methods) -> dict[str, dict[str, Any]]:
    """The same by the state that it goes to, where there are enough of them."""
    place, states = trips.words("destination_region")
    parts = {state: place[rows] == number for number, state in enumerate(states)}
    return {
        state: {name: score(taken[part], days[part]) for name, days in methods.items()}
        for state, part in parts.items()
        if part.sum() >= _LEAST_IN_STATE
    }


def _by_weather(
    trips: Trips, rows: Ints, taken: Floats, methods: Methods, weather: Weather
) -> dict[str, dict[str, Any]]:
    """The same, where weather is known at the destination, and where it is at one end at least."""
    at = {
        end: weather.nearest(trips.numbers(f"{end}_latitude")[rows], trips.numbers(f"{end}_longitude")[rows]) >= 0
        for end in ("origin", "destination")
    }
    parts = {"at_destination": at["destination"], "at_either": at["destination"] | at["origin"]}
    return {
        part: {name: score(taken[seen], days[seen]) for name, days in methods.items()}
        for part, seen in parts.items()
        if seen.any()
    }


def find_midnight(day: date) -> float:
    """When a day begins in Brasilia, in days since 1970."""
    return datetime.combine(day, time(), ZoneInfo(ZONE)).timestamp() * 1000 / DAY_MS


def find_end(trips: Trips) -> float:
    """The midnight after the last order, in days since 1970."""
    return float(np.floor(trips.local[-1]) + 1 - (trips.local[-1] - trips.ordered[-1]))


def _day(instant: float) -> date:
    """The day in Brasilia of an instant, in days since 1970."""
    return datetime.fromtimestamp(instant * DAY_MS / 1000, ZoneInfo(ZONE)).date()


def _check(trips: Trips, start: float, data: Path, test_from: date) -> None:
    seen = np.sort(trips.delivered[np.isfinite(trips.delivered) & ~trips.is_void])
    if np.searchsorted(seen, start - WARM_UP_DAYS) < _LEAST_ORDERS:
        raise BadInput(
            f"promises begin {WARM_UP_DAYS} days before {test_from}, and it takes {_LEAST_ORDERS} orders "
            "that were delivered before that.",
            where=str(data),
            mend=f"Give a --test-from from {_day(seen[_LEAST_ORDERS - 1] + WARM_UP_DAYS + 1)} on."
            if len(seen) >= _LEAST_ORDERS
            else f"There are {len(seen)} in all: give a folder with more.",
        )
    if not (trips.ordered >= start).any():
        raise BadInput(
            f"no order was bought from {test_from} on; the last was on {_day(trips.ordered[-1])}.",
            where=str(data),
            mend="Give an earlier --test-from.",
        )


def _show(found: dict[str, Any]) -> None:
    console = results()
    table = Table("promise", "MAE days", "pinball", "P50 held", "P80 held", "P90 held", "mean P90 days", "late")
    for name, each in {"waypost": found["model"], **found["baselines"]}.items():
        held = [f"{each[f'coverage_p{round(level * 100)}']:.1%}" for level in LEVELS]
        figures = (f"{each['mae_days']:.2f}", f"{each['pinball']:.3f}", *held, f"{each['mean_p90_days']:.1f}")
        table.add_row(name, *figures, f"{each['late_rate']:.1%}")
    console.print(line(f"{found['orders']} orders bought from {found['test_from']} on, each promised as it was bought"))
    console.print(table)
    beside = found["at_olists_late_rate"]
    for way, each in (("at one level for all", beside), ("spent evenly", beside["spent_evenly"])):
        if each["shorter"] is not None:
            console.print(
                line(
                    f"At Olist's own late rate of {beside['late_rate']:.1%} promises {way} are {each['shorter']:.0%} "
                    f"shorter: {each['mean_days']:.1f} days instead of {beside['olist_mean_days']:.1f}"
                )
            )
    months = Table("month", "orders", "MAE days", "P90 held", "LightGBM's", "conformal's", "recalibrated")
    for month, each in found["by_month"].items():
        held = [f"{each[name]['coverage_p90']:.1%}" for name in ("model", *_TREES)]
        months.add_row(month, str(each["model"]["orders"]), f"{each['model']['mae_days']:.2f}", *held)
    console.print(months)
