"""Worlds of every kind of trouble, from a seed."""

import random

from waypost.model.instants import Instant, OffsetSource, parse_instant
from waypost.model.scans import VOID, ScanEvent
from waypost.store.protocols import Memory
from waypost.testing import World, scan

CODES = [
    "GOT",
    "ARRIVAL",
    "DEPARTURE",
    "SENT_SCAN",
    "SIGNED",
    "FAILED",
    "TMS_RETURN",
    "customs_held",
    "WHO_KNOWS",
    "lost",
    "notice",
]


def random_world(memory: Memory, seed: int) -> World:
    """Parcels of two carriers with codes known and unknown, equal instants, parts of seconds, corrections and voids."""
    rng = random.Random(seed)
    noon = parse_instant("2026-11-21T12:00:00Z").at_ms
    scans = [
        ScanEvent(
            carrier=rng.choice(["yto", "sto"]),
            number=f"N{rng.randrange(12)}",
            code=rng.choice(CODES),
            at=Instant(
                noon + rng.choice([0, 1, 499, 500, 999, 1000, 60_000, 3_600_000]),
                rng.choice([480, 0]),
                OffsetSource.CARRIER,
            ),
            facility=rng.choice([None, "HGH", "PVG"]),
        )
        for _ in range(rng.choice([5, 60, 120]))
    ]
    for wrong in rng.sample(scans, len(scans) // 4):
        scans.append(
            ScanEvent(
                carrier=wrong.carrier,
                number=rng.choice([wrong.number, wrong.number, "N0"]),
                code=rng.choice([VOID, VOID, *CODES]),
                at=wrong.at,
                corrects=wrong.id,
            )
        )
    scans += [scan("VOID-ONLY", VOID, "2026-11-20 10:00", corrects="0" * 16)]
    rng.shuffle(scans)
    scans += rng.choices(scans, k=10)
    world = World(memory)
    cuts = sorted(rng.sample(range(len(scans)), 3))
    for begin, end in zip([0, *cuts], [*cuts, len(scans)], strict=True):
        world.keep(scans[begin:end])
    return world
