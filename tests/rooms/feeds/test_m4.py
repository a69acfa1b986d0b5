"""The files of the M4 competition, whole and broken."""

import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from waypost.feeds.m4 import read_m4
from waypost.model.errors import BadInput, NotFound

HEAD = '"V1","V2","V3"\n'


def line(name: str, many: int, empty: int = 0) -> str:
    return ",".join([f'"{name}"', *(f'"{value}"' for value in range(1, many + 1)), *["" for _ in range(empty)]]) + "\n"


def test_the_test_file_is_what_it_is_held_against(tmp_path: Path) -> None:
    (tmp_path / "Weekly-train.csv.xz").write_bytes(lzma.compress((HEAD + line("W1", 40, 5) + line("W2", 45)).encode()))
    (tmp_path / "Weekly-test.csv.gz").write_bytes(gzip.compress((HEAD + line("W2", 13) + line("W1", 13)).encode()))
    found = read_m4(tmp_path, "weekly")
    assert found.ids == ["W1", "W2"]
    assert [len(past) for past in found.pasts] == [40, 45]
    assert (found.truths == np.arange(1.0, 14.0)).all()
    assert found.held_out == "Weekly-test.csv.gz"


def test_without_a_test_file_the_end_is_held_out(tmp_path: Path) -> None:
    (tmp_path / "Hourly-train.csv").write_text(HEAD + line("H1", 100) + line("H2", 120))
    found = read_m4(tmp_path, "hourly")
    assert [len(past) for past in found.pasts] == [52, 72]
    assert found.truths[:, 0].tolist() == [53.0, 73.0]
    assert found.held_out == "the last 48 values of each series of Hourly-train.csv"


@pytest.mark.parametrize(
    ("train", "complaint"),
    [
        (HEAD + line("W1", 40) + '"W2","1","x"\n', r"Weekly-train.csv:3, column 3: 'x' is no number"),
        (HEAD + '"W1","1","-2"\n', r"Weekly-train.csv:2, column 3: '-2'"),
        (HEAD + '"W1","1","0"\n', r"Weekly-train.csv:2, column 3: '0'"),
        (HEAD + '"W1","1","","3"\n', r"Weekly-train.csv:2, column 3: ''"),
        (HEAD + '"W1","1","inf"\n', r"Weekly-train.csv:2, column 3: 'inf'"),
        (HEAD + line("W1", 40) + line("W1", 40), r"Weekly-train.csv:3: series W1 stands there twice"),
        (HEAD + '"W1","",""\n', r"Weekly-train.csv:2: series W1 has no value"),
        (HEAD + line("W1", 20), r"Weekly-train.csv: series W1 has fewer than 26 values"),
        (HEAD, r"Weekly-train.csv: holds no series"),
        ('V1,V2\nW1,"' + "1," * 100_000 + "\n", r"Weekly-train.csv:2: cannot be read: field larger"),
        ("V1,V2\nW1,1,1e300\n", r"Weekly-train.csv:2, column 3: '1e300' is no number above zero and up to 1e\+12"),
    ],
)
def test_a_bad_file_is_refused_by_position(tmp_path: Path, train: str, complaint: str) -> None:
    (tmp_path / "Weekly-train.csv").write_text(train)
    with pytest.raises(BadInput, match=complaint):
        read_m4(tmp_path, "weekly")


def test_a_test_file_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Weekly-train.csv").write_text(HEAD + line("W1", 40))
    (tmp_path / "Weekly-test.csv").write_text(HEAD + line("W1", 13) + line("W2", 13))
    with pytest.raises(BadInput, match=r"Weekly-test.csv: .*only one has W2"):
        read_m4(tmp_path, "weekly")
    (tmp_path / "Weekly-test.csv").write_text(HEAD + line("W1", 12))
    with pytest.raises(BadInput, match=r"Weekly-test.csv: series W1 has 12 values and not 13"):
        read_m4(tmp_path, "weekly")


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(1, 10**6, 4000)
    text = HEAD + "W1," + ",".join(map(str, noise)) + "\n"
    (tmp_path / "Weekly-train.csv.xz").write_bytes(lzma.compress(text.encode())[:-2000])
    with pytest.raises(BadInput, match="breaks off"):
        read_m4(tmp_path, "weekly")


def test_a_folder_without_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"Hourly-train.csv"):
        read_m4(tmp_path, "hourly")
