"""When the next scan was due, and what silence means."""

import json

import numpy as np
import pytest
from tests.rooms.forecast.watching import DAYS, KNOWN, imagined, parcels, silence, steps, watch

from waypost.forecast.risks import find_risks, risk_of_late
from waypost.forecast.silence import SILENCE_FORMAT, Awaited, SilenceModel, learn_silence
from waypost.forecast.trips import Floats
from waypost.model.errors import WrongFormat
from waypost.testing.trips import FIRST_DAY, imagine_trips


def await_after(day: float) -> tuple[np.ndarray, Awaited]:
    """What is awaited after the scans of four days."""
    rows = np.flatnonzero((steps().at > day) & (steps().at < day + 4) & (steps().at < steps().ended))
    return rows, silence().await_scans(steps(), silence().lately(steps(), day), rows)


def hours_until(wrong: Floats, hours: Floats, than: float) -> Floats:
    """After how many hours a risk, a row an hour, goes beyond."""
    return np.where((wrong > than).any(0), hours[np.argmax(wrong > than, axis=0)], np.inf)


def test_the_next_scan_is_due_when_it_comes() -> None:
    rows, awaited = await_after(KNOWN + 2)
    came = np.isfinite(steps().following[rows])
    held = [(steps().following[rows] <= silence().due(awaited, share))[came].mean() for share in (0.5, 0.8, 0.9)]
    assert held == pytest.approx([0.5, 0.8, 0.9], abs=0.05)
    assert (silence().due(awaited, 0.9) > silence().due(awaited, 0.5)).all()


def test_quiet_and_due_say_the_same() -> None:
    _, awaited = await_after(KNOWN + 2)
    assert silence().quiet(awaited, silence().due(awaited, 0.9)) == pytest.approx(0.1, abs=0.02)
    assert silence().quiet(awaited, awaited.gap.at).tolist() == [1.0] * len(awaited.never)


def test_the_share_that_is_never_scanned_again_is_learnt() -> None:
    rows, awaited = await_after(KNOWN)
    truth = np.isfinite(imagined().lost_after).sum() / len(steps())
    assert 0.5 * truth < awaited.never.mean() < 2 * truth
    assert len(rows) == len(awaited.never)


def test_silence_after_a_hub_that_loses_many_means_more() -> None:
    world = imagine_trips(5000, 50, hubs=5, lost=0.0, stuck=0, seed=8)
    known = FIRST_DAY + 50.0
    told = world.steps()
    here = np.array(told.table.column("facility").to_pylist()) == "imagined/H1"
    number = parcels(told)
    gone = np.unique(number[here & (told.status == 8)])[::12]
    cut = np.full(number.max() + 1, np.inf)
    cut[gone] = [told.at[(number == one) & here & (told.status == 8)].max() for one in gone]
    learnt = learn_silence(type(told)(told.take(told.at <= cut[number])), known)
    worse = dict(zip(learnt.gaps.vocabulary.facilities, learnt.facilities, strict=False))
    assert worse["imagined/H1"] > 2
    assert max(share for name, share in worse.items() if name != "imagined/H1") < 1


def test_silence_raises_the_risk_hour_by_hour() -> None:
    _, awaited = await_after(KNOWN + 2)
    risks = np.stack([silence().wrong(awaited, awaited.gap.at + hours / 24) for hours in (0, 6, 12, 24, 48, 96, 240)])
    assert (np.diff(risks, axis=0) >= -1e-12).all()
    assert risks[0] == pytest.approx(awaited.never)
    assert np.median(risks[-1]) > 0.95


def test_injected_losses_are_found_and_little_else() -> None:
    """On each day, of the parcels silent for up to two weeks: those with a risk above one half."""
    truth = np.isfinite(imagined().lost_after)
    alarms = right = there = 0
    for day in np.arange(KNOWN + 6, FIRST_DAY + DAYS - 2, 2):
        known = steps().known_at(day)
        risks = find_risks(watch(), known, day)
        silent = day - known.at[risks.rows]
        lost = truth[parcels(known)[risks.rows]]
        told = (risks.wrong > 0.5) & (silent < 14)
        alarms, right = alarms + told.sum(), right + (told & lost).sum()
        there = there + (lost & (silent > 4) & (silent < 14)).sum()
    assert alarms > 50
    assert right / alarms > 0.85  # precision
    assert right / there > 0.85  # recall, of those lost for four days; younger alarms count beside them


def test_the_risk_rises_before_the_promise_breaks() -> None:
    """Of parcels lost before day 55, all within their promise when they were scanned last."""
    lost_at = imagined().lost_after
    rows = np.flatnonzero(steps().is_last & (steps().at > KNOWN) & (steps().at < FIRST_DAY + 55))
    rows = rows[np.isfinite(lost_at[parcels(steps())[rows]]) & (steps().at[rows] < steps().promised[rows] - 1)]
    assert len(rows) > 10
    watched = watch().watch(steps(), watch().lately(steps(), KNOWN), rows)
    hours = np.arange(0, 400.0)
    promised = steps().promised[rows]
    late = [risk_of_late(watch(), watched, steps().at[rows] + hour / 24, promised) for hour in hours]
    warned = hours_until(np.stack(late), hours, 0.5) / 24 + steps().at[rows]
    assert (warned < steps().promised[rows]).mean() > 0.95
    assert np.median(steps().promised[rows] - warned) * 24 > 12


def test_a_model_is_kept_and_read_back() -> None:
    rows, awaited = await_after(KNOWN)
    kept = silence().to_bytes()
    again = SilenceModel.from_bytes(kept)
    other = again.await_scans(steps(), again.lately(steps(), KNOWN), rows)
    assert again.wrong(other, KNOWN + 5) == pytest.approx(silence().wrong(awaited, KNOWN + 5))
    strange = json.dumps(json.loads(kept) | {"format": SILENCE_FORMAT + 1}).encode()
    with pytest.raises(WrongFormat, match=r"has format 2, not 1\. Train it anew"):
        SilenceModel.from_bytes(strange)
