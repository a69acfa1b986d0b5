"""The benchmark of polling, on a small world: both ways spend the same calls, and see the same scans."""

import pytest
from benchmarks.polling import BUDGETS, NETWORKS, measure

from waypost.model.instants import MINUTE_MS


@pytest.mark.heavy
def test_scans_are_seen_sooner_at_the_same_number_of_calls() -> None:
    steps: list[int] = []
    figures = measure(1_000, 30 * MINUTE_MS, 1, steps.append)
    assert [(each["account"], each["budget"]) for each in figures] == list(
        zip((network.name for network in NETWORKS), BUDGETS, strict=True)
    )
    for each in figures:
        assert each["due"]["calls"] <= each["fixed"]["calls"] * 1.01
        assert each["due"]["scans"] == each["fixed"]["scans"] > 500
    assert figures[-1]["times_sooner"] > 1.1  # where a round of all takes the two hours that it is meant to take
