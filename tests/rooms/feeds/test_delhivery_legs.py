"""Delhivery's legs with what others foretold, corridors, and rows of the public file."""

from pathlib import Path

import pytest

from waypost.feeds.delhivery_legs import PREDICTIONS, read_delhivery_legs
from waypost.model.errors import BadInput

LEGS = f"trip_uuid,source_center,destination_center,route_type,osrm_time,actual_time,{','.join(PREDICTIONS)}\n"
LEG = "trip-9,A,B,FTL,31.0,40.0,31.0,54.237059062035,52.8,54.7,52.6\n"
CORRIDORS = "source_center,destination_center,major_route_type,n_legs,median_ratio,median_osrm_min\n"
CORRIDOR = "A,B,FTL,14,2.5,30\n"
ROWS = "data,trip_uuid,source_center,destination_center,route_type,od_start_time,cutoff_factor,osrm_time,actual_time\n"
ROW = "training,trip-1,A,B,FTL,2018-09-12 00:00:16,{},{},{}\n"


def write(folder: Path, legs: str = LEG, corridors: str = CORRIDOR, rows: str = "") -> Path:
    rows = rows or ROW.format(9, 9, 20) + ROW.format(22, 29, 70)
    for name, text in (("legs", LEGS + legs), ("corridors", CORRIDORS + corridors), ("rows", ROWS + rows)):
        (folder / f"{name}.csv").write_text(text)
    return folder


def test_the_three_kinds_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    read = read_delhivery_legs(write(tmp_path))
    assert read.refused == []
    assert (read.trips, read.test.source.tolist(), read.test.is_direct.tolist()) == (["trip-9"], ["A"], [True])
    assert (read.test.road_min.tolist(), read.test.minutes.tolist()) == ([31], [40])
    assert read.foretold["M1_lookup"].tolist() == [54.237059062035]
    assert (read.corridors.minutes.tolist(), read.counts.tolist()) == ([75], [14])
    assert (read.training.road_min.tolist(), read.training.minutes.tolist()) == ([29], [70])


def test_of_training_legs_only_whole_ones_count(tmp_path: Path) -> None:
    short = ROW.format(9, 9, 20).replace("trip-1", "trip-2")
    elsewhere = ROW.format(9, 90, 200).replace(",A,B", ",B,A")
    tested = ROW.format(22, 29, 70).replace("training,trip-1", "test,trip-9")
    read = read_delhivery_legs(write(tmp_path, rows=short + elsewhere + tested))
    assert len(read.training) == 0
    assert len(read_delhivery_legs(write(tmp_path, rows=tested)).training) == 0


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"legs": LEG + LEG.replace(",40.0,", ",0,")}, "actual_time"),
        ({"corridors": CORRIDOR + "B,A,FTL,14,many,30\n"}, "median_ratio"),
        ({"rows": ROW.format(22, 29, 70) + ROW.format(22, "", 70)}, "osrm_time"),
        ({"rows": ROW.format(22, 29, 70) + "training,trip-1,A\n"}, "destination_center"),
    ],
)
def test_a_bad_row_is_refused_and_costs_no_other(tmp_path: Path, bad: dict[str, str], field: str) -> None:
    read = read_delhivery_legs(write(tmp_path, **bad))
    [refusal] = read.refused
    assert (refusal.line, refusal.field) == (3, field)
    assert (len(read.test), len(read.corridors), len(read.training)) == (1, 1, 1)


def test_what_would_spoil_the_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="trip trip-1 is trained and tested on"):
        read_delhivery_legs(write(tmp_path, legs=LEG.replace("trip-9", "trip-1")))
    with pytest.raises(BadInput, match="corridor A to B stands there twice"):
        read_delhivery_legs(write(tmp_path, corridors=CORRIDOR * 2))
    (tmp_path / "corridors.csv").unlink()
    with pytest.raises(BadInput, match="no file with the columns"):
        read_delhivery_legs(tmp_path)


def test_the_real_files_are_divided_by_when_trips_were_made(data_folder: Path) -> None:
    read = read_delhivery_legs(data_folder / "delhivery")
    assert read.refused == []
    assert (len(read.test), len(set(read.trips)), len(read.corridors)) == (7421, 4163, 2508)
    assert read.counts.sum() == 18_948
