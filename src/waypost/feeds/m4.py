"""Series of the M4 competition, as its organisers give them: `Hourly-train.csv`, `Weekly-test.csv` and their like.

A line is a series: its id, then its values, oldest first; cells behind its end are empty. One bad cell refuses the
file, since what a forecast is held against has to be whole.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.feeds.choosing import PACKINGS
from waypost.feeds.stream import MEND_CUT, ByteStream, Meter
from waypost.model.errors import BadInput, NotFound, TooLarge

Group = Literal["hourly", "weekly"]
Series = npt.NDArray[np.float64]

#: How many values ahead the competition asked.
HORIZONS: Mapping[Group, int] = MappingProxyType({"hourly": 48, "weekly": 13})

_MOST_BYTES = 1 << 27


class M4(msgspec.Struct, frozen=True):
    """A group of the competition.

    Attributes:
        horizon: so many values are asked.
        ids: the names of the series.
        pasts: what may be known.
        truths: what was to be forecast, by series and step.
        held_out: where the truths are from, for people.
    """

    horizon: int
    ids: list[str]
    pasts: list[Series]
    truths: Series
    held_out: str


#: A greater value is a slip, and its squares would be no numbers.
_MOST = 1e12


def read_m4(folder: Path, group: Group) -> M4:
    """Read a group; without a test file the last values of its training file are held out.

    Raises:
        NotFound: the folder has no training file of the group.
        BadInput: a file cannot be read; says the line and the column.
    """
    horizon = HORIZONS[group]
    train, test = _find(folder, group, "train"), _find(folder, group, "test")
    if train is None:
        name = f"{group.capitalize()}-train.csv"
        raise NotFound(f"{folder} holds no {name}.", mend=f"Put it there; it may be packed: {', '.join(PACKINGS)}.")
    pasts = dict(_read(train))
    if test is None:
        least = 2 * horizon
        short = next((name for name, values in pasts.items() if len(values) < least), None)
        if short is not None:
            raise BadInput(f"series {short} has fewer than {least} values.", where=train.name)
        truths = np.stack([values[-horizon:] for values in pasts.values()])
        told = [values[:-horizon] for values in pasts.values()]
        return M4(horizon, list(pasts), told, truths, f"the last {horizon} values of each series of {train.name}")
    futures = dict(_read(test))
    if set(futures) != set(pasts):
        odd = min(set(futures) ^ set(pasts))
        raise BadInput(f"it and {train.name} are not of the same series: only one has {odd}.", where=test.name)
    short = next((name for name, values in futures.items() if len(values) != horizon), None)
    if short is not None:
        raise BadInput(f"series {short} has {len(futures[short])} values and not {horizon}.", where=test.name)
    return M4(horizon, list(pasts), list(pasts.values()), np.stack([futures[name] for name in pasts]), test.name)


def _find(folder: Path, group: Group, part: str) -> Path | None:
    names = [f"{group.capitalize()}-{part}.csv{packing}" for packing in ("", *PACKINGS)]
    return next((folder / name for name in names if (folder / name).exists()), None)


def _read(path: Path) -> Iterator[tuple[str, Series]]:
    seen: set[str] = set()
    for line, cells in _rows(path):
        if line == 1 or not cells:
            continue
        name, where = cells[0], f"{path.name}:{line}"
        if name in seen:
            raise BadInput(f"series {name} stands there twice.", where=where)
        seen.add(name)
        values = cells[1:]
        while values and values[-1].strip() in ("", "NA"):
            values.pop()
        if not values:
            raise BadInput(f"series {name} has no value.", where=where)
        yield name, _numbers(values, where)
    if not seen:
        raise BadInput("holds no series.", where=path.name, mend="A line is a series: its id, then its values.")


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    line = 0
    try:
        for line, cells in enumerate(csv.reader(_text(path).splitlines()), 1):
            yield line, cells
    except csv.Error as error:
        raise BadInput(f"cannot be read: {error}.", where=f"{path.name}:{line + 1}") from None


def _numbers(values: list[str], where: str) -> Series:
    try:
        numbers = np.array(values, np.float64)
    except ValueError:
        numbers = np.array([_number(value) for value in values])
    bad = np.flatnonzero(~((numbers > 0) & (numbers <= _MOST)))
    if len(bad):
        raise BadInput(
            f"{values[bad[0]][:40]!r} is no number above zero and up to {_MOST:.0e}.",
            where=f"{where}, column {bad[0] + 2}",
        )
    return numbers


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _text(path: Path) -> str:
    blocks, size = [], 0
    with ByteStream(path, Meter([path])) as stream:
        for block in stream.blocks():
            size += len(block)
            if size > _MOST_BYTES:
                raise TooLarge(f"has more than {_MOST_BYTES >> 20} MiB.", where=path.name)
            blocks.append(block)
        if stream.cut:
            raise BadInput(f"breaks off: {stream.cut}", where=path.name, mend=MEND_CUT)
    try:
        return b"".join(blocks).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("is not UTF-8 text.", where=f"{path.name}, byte {error.start}") from None
