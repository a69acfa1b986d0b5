"""Legs of Delhivery's linehaul with what others foretold for them, and the corridors that they had learnt from.

Three kinds of files, told apart by their columns: test legs with predictions (`M0_osrm`, `M1_lookup` ...), medians by
corridor of the training legs, and rows of the public file of 24 columns. Of the last only those marked `training` are
read; a row there is a leg up to a cut-off, so that of a leg the row that has come farthest counts.
"""

from collections.abc import Collection
from pathlib import Path

import msgspec
import numpy as np

from waypost.feeds.choosing import choose_tables
from waypost.feeds.readings import read_numbers
from waypost.feeds.stream import Meter
from waypost.feeds.tables import read_table
from waypost.forecast.legs import Legs
from waypost.forecast.trips import Flags, Floats, Ints
from waypost.model.errors import BadInput
from waypost.track.feed import FileRefusal

#: What others foretold, by the columns of the file.
PREDICTIONS = ("M0_osrm", "M1_lookup", "M2_tabular", "M3_graph", "M3_leaky")

_ENDS = ("source_center", "destination_center")
_TEST = ("trip_uuid", *_ENDS, "route_type", "osrm_time", "actual_time", *PREDICTIONS)
_CORRIDORS = (*_ENDS, "major_route_type", "n_legs", "median_ratio", "median_osrm_min")
_ROWS = ("data", "trip_uuid", *_ENDS, "route_type", "od_start_time", "cutoff_factor", "osrm_time", "actual_time")
_WORDS = ("data", "trip_uuid", *_ENDS, "route_type", "major_route_type", "od_start_time")
_DIRECT = "FTL"

#: A leg whose last row is nearer than that to its corridor's length is not whole.
_LEAST_WHOLE = 0.8


class DelhiveryLegs(msgspec.Struct, frozen=True):
    """What the files hold.

    Attributes:
        test: the legs to be foretold, never to be learnt from.
        trips: of each of them the trip that it belongs to.
        foretold: by the names of `PREDICTIONS`, in minutes.
        corridors: medians of training legs; `counts` says of how many.
        training: single training legs.
        refused: rows that could not be read.
    """

    test: Legs
    trips: list[str]
    foretold: dict[str, Floats]
    corridors: Legs
    counts: Floats
    training: Legs
    refused: list[FileRefusal]


def read_delhivery_legs(folder: Path) -> DelhiveryLegs:
    """Read all three kinds of a folder.

    Raises:
        BadInput: one of them is missing, a corridor comes twice, or a training leg is of a trip that is tested.
    """
    refused: list[FileRefusal] = []
    test = _Columns(folder, _TEST, ("osrm_time", "actual_time", *PREDICTIONS), refused)
    corridors = _Columns(folder, _CORRIDORS, ("n_legs", "median_ratio", "median_osrm_min"), refused)
    rows = _Columns(folder, _ROWS, ("cutoff_factor", "osrm_time", "actual_time"), refused)
    rows.keep(rows.words["data"] == "training")
    mixed = set(rows.words["trip_uuid"].tolist()) & set(test.words["trip_uuid"].tolist())
    if mixed:
        raise BadInput(f"trip {min(mixed)} is trained and tested on.", where=str(folder), mend="Divide them by trips.")
    keys = np.char.add(np.char.add(corridors.words[_ENDS[0]], " to "), corridors.words[_ENDS[1]])
    names, times = np.unique(keys, return_counts=True)
    if (times > 1).any():
        raise BadInput(f"the corridor {names[times > 1][0]} stands there twice.", where=str(folder))
    road_min = corridors.numbers["median_osrm_min"]
    return DelhiveryLegs(
        test=test.legs(test.numbers["osrm_time"], test.numbers["actual_time"]),
        trips=test.words["trip_uuid"].tolist(),
        foretold={name: test.numbers[name] for name in PREDICTIONS},
        corridors=corridors.legs(road_min, road_min * corridors.numbers["median_ratio"], "major_route_type"),
        counts=corridors.numbers["n_legs"],
        training=_whole(rows, corridors),
        refused=refused,
    )


class _Columns:
    """Columns of all files of a folder that have them; numbers are above zero."""

    def __init__(
        self, folder: Path, names: Collection[str], numbers: Collection[str], refused: list[FileRefusal]
    ) -> None:
        paths = choose_tables(folder, names)
        meter = Meter(paths)
        texts: dict[str, list[str]] = {name: [] for name in names}
        lines: list[tuple[str, int]] = []
        for path in paths:
            for part in read_table(path, meter, names):
                refused += part.refusals
                lines += [(path.name, line) for line in part.lines]
                for name in names:
                    texts[name] += part.columns[name]
        good: Flags = np.ones(len(lines), np.bool_)
        self.numbers: dict[str, Floats] = {}
        for name in numbers:
            self.numbers[name], bad = read_numbers(texts[name], ())
            bad |= ~(self.numbers[name] > 0)
            for row in np.flatnonzero(bad & good).tolist():
                refused.append(FileRefusal(*lines[row], name, "is no number above zero", texts[name][row][:60]))
            good &= ~bad
        self.words = {name: np.asarray(texts[name], np.str_) for name in names if name in _WORDS}
        self.keep(good)

    def keep(self, rows: Flags | Ints) -> None:
        """Only these rows go on, by flags or by numbers."""
        self.words = {name: values[rows] for name, values in self.words.items()}
        self.numbers = {name: values[rows] for name, values in self.numbers.items()}

    def legs(self, road_min: Floats, minutes: Floats, route: str = "route_type") -> Legs:
        """These rows as legs."""
        return Legs(self.words[_ENDS[0]], self.words[_ENDS[1]], self.words[route] == _DIRECT, road_min, minutes)


def _whole(rows: _Columns, corridors: _Columns) -> Legs:
    """Training legs, of each the row that has come farthest, if that is near to the length of its corridor."""
    leg = [rows.words[name] for name in ("trip_uuid", *_ENDS, "od_start_time")]
    _, place = np.unique(np.stack(leg), axis=1, return_inverse=True)
    place = place.reshape(-1)
    order = np.lexsort((rows.numbers["cutoff_factor"], place)).astype(np.int64)
    rows.keep(order[np.diff(place[order], append=-1) != 0])
    lengths = dict(
        zip(
            zip(*(corridors.words[end].tolist() for end in _ENDS), strict=True),
            corridors.numbers["median_osrm_min"].tolist(),
            strict=True,
        )
    )
    pairs = zip(*(rows.words[end].tolist() for end in _ENDS), strict=True)
    usual = np.array([lengths.get(pair, np.inf) for pair in pairs], np.float64)
    rows.keep(rows.numbers["osrm_time"] > _LEAST_WHOLE * usual)
    return rows.legs(rows.numbers["osrm_time"], rows.numbers["actual_time"])
