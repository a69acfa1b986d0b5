"""A sample world, made once, and read back by the same readers as any other files."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from waypost.model.instants import parse_instant
from waypost.twin.sample import Sample, make_sample

NOW_MS = parse_instant("2026-11-22T04:00:00Z").at_ms


class World(msgspec.Struct):
    """A sample with its rows."""

    sample: Sample
    parcels: list[dict[str, Any]]
    scans: list[dict[str, Any]]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    sample = make_sample(tmp_path_factory.mktemp("world") / "sample", seed=7, now_ms=NOW_MS)
    parcels = [json.loads(line) for line in Path(sample.files["parcels"]).read_bytes().splitlines()]
    with gzip.open(sample.files["scans"]) as file:
        scans = [json.loads(line) for line in file]
    return World(sample, parcels, scans)
