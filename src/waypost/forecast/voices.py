"""Simple forecasts of one series, all in one pass over it: what the trees of `boosting.py` choose from.

The voices are the last value; smoothed levels; damped trends; for each season a smoothed level with a profile, the
last value moved as it moved over the same span one, two and three seasons ago, the mean of the same hour or day of
four seasons, and that of the last two. Each has a few fixed rates instead of fitted ones: which of them suits a series
is learnt over all series together. A voice whose season is longer than the past is silent (nan).

Beside them stand facts: the newest values, how restless the series is now and over all, whether steps go on or turn
back, and what is known of the day ahead (`events`) and of the same day a season before.
"""

import numpy as np
import numpy.typing as npt

from waypost.store.compiled import Number, compiled, inlined

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

#: Rates: of levels; of damped trends (level, trend, how much of the trend is left a step later); of seasons (level,
#: profile).
_LEVELS = np.array([0.1, 0.3, 0.6])
_TRENDS = np.array([[0.3, 0.05, 0.9], [0.7, 0.1, 0.9], [0.9, 0.3, 0.8]])
_SEASONS = np.array([[0.05, 0.15], [0.2, 0.3], [0.5, 0.2]])
_RATES = 3

#: How far back single values are told, beside those of a season before.
_BACK = np.array([1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 17, 26, 39])

#: Over so many steps it is looked whether steps go on or turn back.
_TURNS = 104


def count_voices(periods: Ints) -> int:
    """How many simple forecasts there are; they stand first in a row."""
    return 1 + 2 * _RATES + len(periods) * (_RATES + 6)


def count_columns(periods: Ints, events: int) -> int:
    """How long a row is."""
    return count_voices(periods) + len(_BACK) + 2 * len(periods) + 5 + 1 + len(periods) + 3 * events


@compiled
def tell_voices(
    series: Floats, events: Rows, origins: Ints, ahead: Ints, periods: Ints, step: int, rows: Rows, scales: Floats
) -> None:
    """Fill a row for each origin and each step ahead of it, from what was known at the origin alone.

    Args:
        series: values.
        events: for each value, and each one ahead, what is known of its day beforehand.
        origins: places of the last known value, ascending.
        ahead: by origin, which steps ahead are asked.
        periods: lengths of the seasons, the shortest first.
        step: a scale is the mean move over so many steps.
        rows: filled; all that is a value is told as its distance from the last one, in scales.
        scales: filled, by origin.
    """
    longest = periods.max()
    levels = np.full(_RATES, series[0])
    trends = np.zeros((_RATES, 2))
    trends[:, 0] = series[0]
    bases = np.full((len(periods), _RATES), series[0])
    profiles = np.zeros((len(periods), _RATES, longest))
    _begin_seasons(series, periods, bases, profiles)
    moves, seasonal, total = 0.0, 0.0, 0.0
    place, row = 0, 0
    for at in range(len(series)):
        value = series[at]
        total += abs(value)
        if at:
            moves += abs(value - series[at - 1])
        if at >= step:
            seasonal += abs(value - series[at - step])
        _follow(value, levels, trends)
        _follow_seasons(value, at, periods, bases, profiles)
        while place < len(origins) and origins[place] == at:
            scale = _scale(value, seasonal / max(at + 1 - step, 1), moves / max(at, 1))
            scales[place] = scale
            facts = _facts(series, at, periods, scale, moves / max(at, 1), total / (at + 1))
            for many in ahead[place]:
                told = _tell_plain(value, many, levels, trends, scale, rows[row])
                told = _tell_seasons(series, at, many, periods, bases, profiles, scale, rows[row], told)
                told = _tell_past(series, at, periods, scale, rows[row], told)
                rows[row, told] = many
                rows[row, told + 1 : told + 1 + len(facts)] = facts
                _tell_events(events, at, many, periods[0], rows[row], told + 1 + len(facts))
                row += 1
            place += 1


@inlined
def _begin_seasons(series: Floats, periods: Ints, bases: Floats, profiles: Floats) -> None:
    """A profile begins as the first season shows it."""
    for which in range(len(periods)):
        period = periods[which]
        if len(series) > period:
            mean = series[:period].mean()
            bases[which, :] = mean
            for phase in range(period):
                profiles[which, :, phase] = series[phase] - mean


@inlined
def _follow(value: Number, levels: Floats, trends: Floats) -> None:
    for which in range(_RATES):
        levels[which] += _LEVELS[which] * (value - levels[which])
        fast, slow, damping = _TRENDS[which]
        before, trend = trends[which, 0], damping * trends[which, 1]
        trends[which, 0] = before + trend + fast * (value - before - trend)
        trends[which, 1] = trend + slow * (trends[which, 0] - before - trend)


@inlined
def _follow_seasons(value: Number, at: Number, periods: Ints, bases: Floats, profiles: Floats) -> None:
    for which in range(len(periods)):
        if at < periods[which]:
            continue
        phase = at % periods[which]
        for rate in range(_RATES):
            fast, slow = _SEASONS[rate]
            surprise = value - bases[which, rate] - profiles[which, rate, phase]
            bases[which, rate] += fast * surprise
            profiles[which, rate, phase] += slow * (1.0 - fast) * surprise


@inlined
def _scale(value: Number, seasonal: Number, moves: Number) -> Number:
    """What a usual move is: over `step`, or if that never moved over one; never nothing."""
    if seasonal > 0.0:
        return seasonal
    return moves if moves > 0.0 else max(abs(value), 1.0) * 0.01


@inlined
def _facts(series: Floats, at: Number, periods: Ints, scale: Number, moves: Number, mean: Number) -> Floats:
    """How the series has been up to now: the same for each step ahead."""
    facts = np.zeros(5 + len(periods))
    recent, since = 0.0, max(at + 1 - max(periods[0] // 4, 13), 1)
    for place in range(since, at + 1):
        recent += abs(series[place] - series[place - 1])
    facts[0] = np.log(recent / max(at + 1 - since, 1) / scale + 1e-6)
    facts[1] = np.log(moves / scale + 1e-6)
    facts[2] = np.log(scale / (mean + scale))
    facts[3] = at
    both, each = 0.0, 1e-9
    for place in range(max(2, at + 1 - _TURNS), at + 1):
        move = series[place] - series[place - 1]
        both += move * (series[place - 1] - series[place - 2])
        each += move * move
    facts[4] = both / each
    for which in range(len(periods)):
        period = periods[which]
        both, each = 0.0, 1e-9
        for place in range(max(period + 1, at - 2 * period), at + 1):
            move, before = series[place] - series[place - 1], series[place - period] - series[place - period - 1]
            both += move * before
            each += 0.5 * (move * move + before * before)
        facts[5 + which] = both / each
    return facts


@inlined
def _tell_plain(value: Number, many: Number, levels: Floats, trends: Floats, scale: Number, row: Rows) -> Number:
    row[0] = 0.0
    told = 1
    for which in range(_RATES):
        row[told] = (levels[which] - value) / scale
        damping = _TRENDS[which, 2]
        left = damping * (1.0 - damping**many) / (1.0 - damping)
        row[told + _RATES] = (trends[which, 0] + left * trends[which, 1] - value) / scale
        told += 1
    return told + _RATES


@inlined
def _tell_seasons(
    series: Floats,
    at: Number,
    many: Number,
    periods: Ints,
    bases: Floats,
    profiles: Floats,
    scale: Number,
    row: Rows,
    told: Number,
) -> Number:
    value = series[at]
    for which in range(len(periods)):
        period = periods[which]
        back = ((many - 1) // period + 1) * period
        for rate in range(_RATES):
            known = bases[which, rate] + profiles[which, rate, (at + many) % period]
            row[told] = (known - value) / scale if at + 1 >= 2 * period else np.nan
            told += 1
        for ago in range(3):  # as it moved over the same span then
            begun = at - back - ago * period
            row[told] = (series[begun + many] - series[begun]) / scale if begun >= 0 else np.nan
            told += 1
        total, seen = 0.0, 0
        for ago in range(4):
            same = at + many - back - ago * period
            if same >= 0:
                total += series[same]
                seen += 1
        row[told] = (total / seen - value) / scale if seen else np.nan
        told += 1
        for ago in range(2):
            same = at + many - back - ago * period
            row[told] = (series[same] - value) / scale if same >= 0 else np.nan
            told += 1
    return told


@inlined
def _tell_past(series: Floats, at: Number, periods: Ints, scale: Number, row: Rows, told: Number) -> Number:
    for back in _BACK:
        row[told] = (series[at - back] - series[at]) / scale if at >= back else np.nan
        told += 1
    for period in periods:
        for back in (period - 1, 2 * period - 1):
            row[told] = (series[at - back] - series[at]) / scale if at >= back else np.nan
            told += 1
    return told


@inlined
def _tell_events(events: Rows, at: Number, many: Number, period: Number, row: Rows, told: Number) -> None:
    """What is known of the day ahead, of the same day of the last season, and of the last known one."""
    same = at + many - ((many - 1) // period + 1) * period
    for which in range(events.shape[1]):
        row[told] = events[at + many, which]
        row[told + 1] = events[same, which] if same >= 0 else np.nan
        row[told + 2] = events[at, which]
        told += 3
