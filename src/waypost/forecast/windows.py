"""Windows over many series: from which past which future was to be told."""

from collections.abc import Sequence

import msgspec
import numpy as np

from waypost.forecast.voices import Floats, Ints, Rows, count_columns, tell_voices


class Pace(msgspec.Struct, frozen=True):
    """How series of a kind repeat themselves.

    Attributes:
        periods: lengths of their seasons in steps, the shortest first.
        step: moves over so many steps say how large a move is; a whole short season, or 1.
    """

    periods: tuple[int, ...]
    step: int


HOURLY, DAILY, WEEKLY = Pace((24, 168), 24), Pace((7, 364), 7), Pace((52,), 1)


class Panel(msgspec.Struct, frozen=True):
    """Series that are forecast together.

    Attributes:
        series: values, oldest first, none missing.
        pace: how they repeat themselves.
        events: for each series what is known beforehand of the day of each value and of those ahead of it, in the same
            columns; none if nothing is.
    """

    series: Sequence[Floats]
    pace: Pace
    events: Sequence[Rows] = ()

    def events_of(self, place: int, ahead: int) -> Rows:
        """What is known of the days of a series."""
        if self.events:
            return self.events[place]
        return np.empty((len(self.series[place]) + ahead, 0), np.float32)


class Windows(msgspec.Struct, frozen=True):
    """Rows of `voices.py`, with whose they are. The future of the last window of a series is not known (nan).

    Attributes:
        rows: as `tell_voices` fills them.
        owner: the place of the series.
        ends: the place of the value that is asked.
        ahead: how many steps that lies ahead of the last known one.
        last: the last known value.
        scale: what a usual move is.
        level: what a usual value is.
        truth: the value that is asked.
    """

    rows: Rows
    owner: Ints
    ends: Ints
    ahead: Ints
    last: Floats
    scale: Floats
    level: Floats
    truth: Floats

    def of(self, chosen: np.ndarray) -> "Windows":
        """Some of them."""
        return Windows(*(getattr(self, name)[chosen] for name in self.__struct_fields__))


def cut_windows(panel: Panel, horizon: int, origins: Sequence[Ints], share: int) -> Windows:
    """The windows of some origins of each series.

    Args:
        panel: the series.
        horizon: so many steps ahead are asked.
        origins: by series the places of the last known value, ascending.
        share: of each origin one in so many of the steps is asked, in turns.
    """
    periods = np.array(panel.pace.periods, np.int64)
    parts = []
    for place, (series, chosen) in enumerate(zip(panel.series, origins, strict=True)):
        if not len(chosen):
            continue
        steps = np.arange(0, horizon, share)[: horizon // share][None, :]
        ahead = 1 + (steps + (place + 7 * np.arange(len(chosen)))[:, None]) % horizon
        events = panel.events_of(place, horizon)
        rows = np.empty((ahead.size, count_columns(periods, events.shape[1])), np.float32)
        scales = np.empty(len(chosen))
        tell_voices(series, events, chosen, ahead, periods, panel.pace.step, rows, scales)
        ends = (chosen[:, None] + ahead).ravel()
        truth = np.append(series, np.full(horizon, np.nan))[ends]
        levels = np.cumsum(np.abs(series))[chosen] / (chosen + 1)
        wide = ahead.shape[1]
        whose = np.full(ahead.size, place)
        known = (np.repeat(each, wide) for each in (series[chosen], scales, levels))
        parts.append((rows, whose, ends, ahead.ravel(), *known, truth))
    return Windows(*(np.concatenate(each) for each in zip(*parts, strict=True)))
