"""`waypost backtest volume`: the series of the M4 competition, by Waypost and by peers."""

import importlib
import importlib.util
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from waypost.app.console import aside, line, out, results
from waypost.feeds.m4 import M4, Group, read_m4
from waypost.forecast.accuracy import Accuracy, measure
from waypost.forecast.voices import Floats
from waypost.forecast.volume import HOURLY, WEEKLY, Pace, Panel, Volumes, forecast_volumes
from waypost.model.errors import BadInput

_PACES: dict[Group, Pace] = {"hourly": HOURLY, "weekly": WEEKLY}

#: The season that the competition measures by.
_SEASONS: dict[Group, int] = {"hourly": 24, "weekly": 1}

_PEERS = ("AutoETS", "AutoTheta")

#: A peer's model: a past and how many ahead to what is told.
_Model = Callable[[Floats, int], Floats]


class Coverage(msgspec.Struct, frozen=True):
    """How often the truth was at or below a quantile, over all and by step ahead."""

    level: float
    share: float
    by_step: list[float]


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """How well a way of forecasting did. CPU seconds are of all processors, learning and compiling included."""

    name: str
    smape: float
    mase: float
    owa: float
    cpu_s: float
    coverage: list[Coverage] = []
    within_p10_p90: float | None = None


class GroupScore(msgspec.Struct, frozen=True, kw_only=True):
    """All ways over one group. `held_out` says what they were held against."""

    group: Group
    series: int
    values: int
    horizon: int
    season: int
    held_out: str
    seed: int
    threads: int
    methods: list[Method]


def run_volume(
    data: Path, groups: Sequence[Group], *, with_peers: bool, seed: int, threads: int, as_json: bool
) -> None:
    """Score each group and say so."""
    if with_peers and importlib.util.find_spec("statsforecast") is None:
        raise BadInput(
            "The peers are not installed.", mend="Install them by `pip install statsforecast`, or add --without-peers."
        )
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    read = [(group, read_m4(data, group)) for group in groups]
    with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as progress:
        scores = [score(group, m4, progress, with_peers=with_peers, seed=seed, threads=threads) for group, m4 in read]
    if as_json:
        out({"groups": scores})
        return
    for each in scores:
        _print(each)


def score(group: Group, m4: M4, progress: Progress, *, with_peers: bool, seed: int, threads: int) -> GroupScore:
    """Score every method over a group."""
    season = _SEASONS[group]
    task = progress.add_task(f"{group}: waypost", total=3)

    def tell(doing: str) -> None:
        progress.update(task, description=f"{group}: waypost, {doing}", advance=1)

    began = time.process_time()
    panel = Panel(m4.pasts, _PACES[group])
    volumes = forecast_volumes(panel, m4.horizon, seed=seed, threads=threads, tell=tell)
    seconds = time.process_time() - began
    accuracy = measure(m4.pasts, m4.truths, volumes.medians, season)
    own = _method("waypost", accuracy, seconds, _cover(volumes, m4.truths))
    peers = [_peer(name, model, group, m4, progress) for name, model in _list_peers(season, with_peers).items()]
    return GroupScore(
        group=group,
        series=len(m4.pasts),
        values=sum(map(len, m4.pasts)),
        horizon=m4.horizon,
        season=season,
        held_out=m4.held_out,
        seed=seed,
        threads=threads,
        methods=[own, *peers],
    )


def _method(name: str, accuracy: Accuracy, seconds: float, coverage: Sequence[Coverage] = ()) -> Method:
    shares = {each.level: each.share for each in coverage}
    return Method(
        name=name,
        smape=round(accuracy.smape, 3),
        mase=round(accuracy.mase, 3),
        owa=round(accuracy.owa, 4),
        cpu_s=round(seconds, 1),
        coverage=list(coverage),
        within_p10_p90=round(shares[0.9] - shares[0.1], 4) if coverage else None,
    )


def _cover(volumes: Volumes, truths: Floats) -> list[Coverage]:
    below = truths[:, :, None] <= volumes.quantiles
    return [
        Coverage(level, round(float(each.mean()), 4), np.round(each.mean(axis=0), 3).tolist())
        for level, each in zip(volumes.levels, np.moveaxis(below, 2, 0), strict=True)
    ]


def _list_peers(season: int, with_peers: bool) -> dict[str, _Model]:
    """The seasonal naive, and models of statsforecast."""
    found: dict[str, _Model] = {"seasonal naive": lambda past, many: past[-season:][np.arange(many) % season]}
    if with_peers:
        models = importlib.import_module("statsforecast.models")  # a peer: not among what Waypost needs
        for name in _PEERS:
            model = getattr(models, name)(season_length=season)
            found[name] = lambda past, many, model=model: np.asarray(model.forecast(y=past, h=many)["mean"])  # type: ignore[misc]
    return found


def _peer(name: str, model: _Model, group: Group, m4: M4, progress: Progress) -> Method:
    began = time.process_time()
    pasts = progress.track(m4.pasts, description=f"{group}: {name}")
    told = np.stack([model(past, m4.horizon) for past in pasts])
    seconds = time.process_time() - began
    return _method(name, measure(m4.pasts, m4.truths, told, _SEASONS[group]), seconds)


def _print(score: GroupScore) -> None:
    console = results()
    console.print(line(f"{score.group}: {score.series} series, {score.horizon} ahead, against {score.held_out}"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("method")
    for heading in ("OWA", "sMAPE", "MASE", "P10 to P90", "CPU s"):
        table.add_column(heading, justify="right")
    for each in sorted(score.methods, key=lambda method: method.owa):
        within = "" if each.within_p10_p90 is None else f"{each.within_p10_p90:.1%}"
        table.add_row(
            each.name, f"{each.owa:.3f}", f"{each.smape:.2f}", f"{each.mase:.3f}", within, f"{each.cpu_s:,.0f}"
        )
    console.print(table)
