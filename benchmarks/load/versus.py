"""The same scans through a peer: how fast, beside how fast we were over as many."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.load.course import Course
from benchmarks.load.machine import cpu_s, folder_bytes
from benchmarks.peers import LeftOut, Peer, open_peer
from benchmarks.worlds import STEPS, World

_SAMPLE = 200


class WrongPeer(Exception):
    """A peer has something else than it was given, so its speed says nothing."""


def run_peer(
    name: str, world: World, rows: int, own: Course, lookups: int, limit_s: float, tell: Callable[[int], None]
) -> dict[str, Any]:
    """Load a peer with batches until all are in or its time is up, and look parcels up in it.

    Making the batches is not counted, and nothing but loading runs meanwhile; it is not asked to read JSON.

    Args:
        name: of the peer.
        world: what is loaded.
        rows: scans in a batch.
        own: our course over the same scans.
        lookups: how many parcels to look up in the end.
        limit_s: so long it may load.
        tell: is told of each batch how many scans it has.

    Returns:
        Its figures; `left_out` alone, with the reason, if it cannot run here.

    Raises:
        WrongPeer: it does not hold what it was given.
    """
    with tempfile.TemporaryDirectory(prefix="waypost-peer-") as path:
        folder = Path(path)
        try:
            peer = open_peer(name, folder)
        except LeftOut as reason:
            return {"left_out": str(reason)}
        try:
            empty_bytes = folder_bytes(folder)
            course, loaded = _load(peer, world, rows, limit_s, tell)
            took_ms = _look_up(peer, world, loaded, lookups)
            _check(peer, loaded)
        finally:
            peer.close()
        scans = course.scans[-1]
        per_s, own_per_s = course.per_s(0, scans), own.per_s(0, scans)
        return {
            "scans": scans,
            "per_s": per_s,
            "own_per_s": own_per_s,
            "times_as_fast": round(own_per_s / per_s, 2),
            "first_tenth_per_s": course.per_s(0, scans / 10),
            "last_tenth_per_s": course.per_s(scans * 0.9, scans),
            "cpu_us_per_scan": course.cpu_us(0, scans),
            "lookup_p50_ms": round(float(np.percentile(took_ms, 50)), 3),
            "lookup_p99_ms": round(float(np.percentile(took_ms, 99)), 3),
            "bytes_per_scan": round((folder_bytes(folder) - empty_bytes) / scans, 1),
            "course": course.stretches(20),
        }


def _load(
    peer: Peer, world: World, rows: int, limit_s: float, tell: Callable[[int], None]
) -> tuple[Course, npt.NDArray[np.bool_]]:
    """The course, and for each scan of each parcel whether it was loaded."""
    course, loaded = Course(), np.zeros((world.parcels, STEPS), np.bool_)
    loading_s = used_s = 0.0
    for ids in world.blocks(rows):
        batch = world.batch(ids)
        mark, mark_cpu = time.perf_counter(), cpu_s()
        peer.load(batch)
        loading_s += time.perf_counter() - mark
        used_s += cpu_s() - mark_cpu
        loaded.reshape(-1)[ids] = True
        course.note(loading_s, course.scans[-1] + len(ids), used_s)
        tell(len(ids))
        if loading_s >= limit_s:
            break
    return course, loaded


def _look_up(peer: Peer, world: World, loaded: npt.NDArray[np.bool_], lookups: int) -> list[float]:
    """The milliseconds of each look-up. Of the first, all that they tell is checked."""
    there = np.flatnonzero(loaded.any(axis=1))
    chosen = np.random.default_rng(world.seed + 3).choice(there, lookups)
    newest = chosen * STEPS + STEPS - 1 - loaded[chosen, ::-1].argmax(axis=1)
    last_ms = world.batch(newest[:_SAMPLE]).column("at").cast("int64").to_pylist()
    took = []
    for place, number in enumerate(world.numbers(chosen).to_pylist()):
        mark = time.perf_counter()
        told = peer.look_up(number)
        took.append((time.perf_counter() - mark) * 1e3)
        if place < _SAMPLE and told != (sent := (int(loaded[chosen[place]].sum()), last_ms[place])):
            raise WrongPeer(f"It says of {number} {told}, but was given {sent}: scans, and the newest instant.")
    return took


def _check(peer: Peer, loaded: npt.NDArray[np.bool_]) -> None:
    given = (int(loaded.sum()), int(loaded.any(axis=1).sum()))
    if peer.counts() != given:
        raise WrongPeer(f"It has {peer.counts()}, but was given {given}: scans, and parcels.")
