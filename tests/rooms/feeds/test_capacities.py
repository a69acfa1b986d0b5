"""Files of what hubs can take."""

from pathlib import Path

import pytest

from waypost.feeds.capacities import read_capacities
from waypost.model.errors import BadInput

HEAD = "carrier,facility,parcels_per_hour\n"


def test_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "capacities.csv"
    file.write_text(HEAD + "yto,Hangzhou,1200\nyto,Shanghai,80.5\n")
    assert read_capacities(file) == {("yto", "Hangzhou"): 1200.0, ("yto", "Shanghai"): 80.5}


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("yto,Hangzhou,many\n", r"capacities.csv:2, parcels_per_hour: is no number above zero"),
        ("yto,A,1\nyto,B,0\n", r"capacities.csv:3, parcels_per_hour"),
        ("yto,A,nan\n", r"capacities.csv:2, parcels_per_hour"),
        ("YTO!,A,1\n", r"capacities.csv:2, carrier"),
        ("yto,,1\n", r"capacities.csv:2, facility"),
        ("yto,A,1\nyto,A,2\n", r"yto/A stands there twice"),
    ],
)
def test_a_bad_row_refuses_it(tmp_path: Path, rows: str, complaint: str) -> None:
    file = tmp_path / "capacities.csv"
    file.write_text(HEAD + rows)
    with pytest.raises(BadInput, match=complaint):
        read_capacities(file)
