"""Unified statuses: what any carrier's scan can mean, and which may follow which.

Codes, groups and most transitions are those of the Open Logistics Tracking Standard (CC BY 4.0); phases, precedence,
milestones, shapes and the extra transitions are ours. All of it is data, in `data/`.

A status is chosen among the scans of a parcel by (phase, instant, precedence), which `standing_order` says for arrays
and `standing_rank` for expressions over a history: a closing status is not overruled by a stray ordinary scan after it,
an ordinary one not by a code that nobody knows.
"""

import csv
import functools
import importlib.resources
import json
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.model.decoding import convert
from waypost.model.errors import NotFound
from waypost.model.instants import EARLIEST_MS

#: Numbers without a status. They and all others are stored on disk and never change.
UNKNOWN = 0  #: a code that no table knows
VOID = 33  #: a scan that only withdraws another one
NOTICE = 34  #: a message that says nothing about where the parcel is

#: Lookup arrays have room for every uint8, so that a damaged number cannot reach beyond them.
NUMBERS = 256

Shape = Literal["moving", "done", "risk", "late", "stop", "idle"]
Kind = Literal["same", "normal", "exception", "universal", "direct", "return_leg"]

#: Milestones in the order of their bits. Bits are stored; a new milestone gets the next one.
MILESTONES = (
    "created",
    "accepted",
    "departed",
    "arrived",
    "customs",
    "out_for_delivery",
    "ready_to_collect",
    "delivered",
    "exception",
    "returning",
    "returned",
    "cancelled",
)

#: The languages of `phrase`: English, simplified Chinese, Spanish, Brazilian Portuguese.
LANGUAGES = ("en", "zh", "es", "pt")


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """One unified status.

    Attributes:
        number: what is stored, 0 to 255.
        code: its public name.
        group: pre_shipment, pickup, transit, customs, delivery, exception, return; none for those without a status.
        phase: 1 closing (delivered, cancelled, returning), 0 ordinary, -1 bears no status. The higher one wins.
        precedence: of two at the same instant the higher one is later in a parcel's life. All differ.
        milestone: the one that it reaches, or None.
        shape: how it is drawn: moving, done, risk, stop, idle; late is never a status but a broken promise.
    """

    number: int
    code: str
    group: str
    phase: int
    precedence: int
    milestone: str | None
    shape: Shape


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """A way from one status to another.

    Attributes:
        from_code: `*` stands for any.
        kind: normal; exception (what the consignee starts after delivery); universal (mishaps, from any status);
            direct and return_leg (allowed as they stand, but no step of a longer way).
        why: our reason for what the standard lacks, else empty.
    """

    from_code: str
    to_code: str
    kind: Kind
    why: str


class StatusArrays(msgspec.Struct, frozen=True):
    """Statuses as columns, indexed by number, 256 entries each; free numbers are like `unknown`.

    Attributes:
        phase: int8.
        precedence: uint8.
        milestone_bit: a power of two as in `MILESTONES`, 0 for none. uint16.
    """

    phase: npt.NDArray[np.int8]
    precedence: npt.NDArray[np.uint8]
    milestone_bit: npt.NDArray[np.uint16]


class Phrase(msgspec.Struct, frozen=True):
    """A status in the words of a consignee: a short label and one sentence."""

    label: str
    sentence: str


def _read_data(name: str) -> str:
    return importlib.resources.files("waypost.track").joinpath("data", name).read_text("utf-8")


@functools.cache
def list_statuses() -> tuple[Status, ...]:
    """All statuses, indexed by number: `unknown`, the 32 unified ones, `void`, `notice`."""
    rows = csv.DictReader(_read_data("statuses.csv").splitlines(), strict=True)
    statuses = tuple(convert({**row, "milestone": row["milestone"] or None}, Status, strict=False) for row in rows)
    assert [status.number for status in statuses] == list(range(len(statuses)))
    return statuses


@functools.cache
def _by_code() -> dict[str, Status]:
    return {status.code: status for status in list_statuses()}


def find_status_by_code(code: str) -> Status | None:
    """The status of that unified code, or None."""
    return _by_code().get(code)


def get_status(status: str | int) -> Status:
    """The status of that unified code or number.

    Raises:
        NotFound: there is none.
    """
    if isinstance(status, str):
        found = _by_code().get(status)
    else:
        found = list_statuses()[status] if 0 <= status < len(list_statuses()) else None
    if found is None:
        raise NotFound(f"no status {status!r:.60}", mend="The codes stand in track/data/statuses.csv.")
    return found


@functools.cache
def status_arrays() -> StatusArrays:
    """Phase, precedence and milestone bit of each number, read-only."""
    phase = np.full(NUMBERS, -1, np.int8)
    precedence = np.zeros(NUMBERS, np.uint8)
    milestone_bit = np.zeros(NUMBERS, np.uint16)
    for status in list_statuses():
        phase[status.number] = status.phase
        precedence[status.number] = status.precedence
        if status.milestone is not None:
            milestone_bit[status.number] = 1 << MILESTONES.index(status.milestone)
    for column in (phase, precedence, milestone_bit):
        column.flags.writeable = False
    return StatusArrays(phase, precedence, milestone_bit)


def bears_status(statuses: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which of some statuses say how a parcel stands; `unknown`, `void` and `notice` do not."""
    return status_arrays().phase[statuses] >= 0


def standing_order(
    statuses: npt.NDArray[np.uint8], at_ms: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Columns, the first counting most, by which the scan that says how a parcel stands is the greatest."""
    arrays = status_arrays()
    return arrays.phase[statuses], at_ms, arrays.precedence[statuses]


def standing_rank(phase: Any, at_ms: Any, precedence: Any) -> Any:
    """The columns of `standing_order` as one int64, over arrays or expressions; negative where no status is borne.

    The instants must lie between `EARLIEST_MS` and `LATEST_MS`, as all that the doors let in do: 40 bits of time, 6 of
    precedence.
    """
    return phase * (1 << 47) + (at_ms - EARLIEST_MS) * 64 + precedence


@functools.cache
def list_transitions() -> tuple[Transition, ...]:
    """The transitions of the standard and ours."""
    rows = csv.DictReader(_read_data("transitions.csv").splitlines(), strict=True)
    return tuple(convert(row, Transition) for row in rows)


@functools.cache
def _kinds() -> dict[tuple[str, str], Kind]:
    kinds: dict[tuple[str, str], Kind] = {}
    for way in list_transitions():
        if way.from_code == "*":
            kinds.update(((status.code, way.to_code), way.kind) for status in list_statuses() if status.phase >= 0)
    kinds.update(((way.from_code, way.to_code), way.kind) for way in list_transitions() if way.from_code != "*")
    kinds.update(((status.code, status.code), "same") for status in list_statuses())
    return kinds


def find_transition(from_code: str, to_code: str) -> Kind | None:
    """The kind of the transition between two unified codes, `same` for one code twice, None if there is none.

    Raises:
        NotFound: no such code.
    """
    return _kinds().get((get_status(from_code).code, get_status(to_code).code))


def allowed(from_code: str, to_code: str) -> bool:
    """Whether one status may directly follow the other, no scan missing between them.

    Raises:
        NotFound: no such code.
    """
    return find_transition(from_code, to_code) is not None


def impossible(from_code: str, to_code: str) -> bool:
    """Whether one status cannot follow the other, however many scans are missing between them.

    Scans go missing all the time, so a pair without a transition is as a rule but skipped steps: picked up, then
    delivered. Impossible is what no chain of `normal` and `exception` transitions reaches and no single transition of
    any kind allows: delivered, then arrived at a hub. Universal transitions are no steps of a chain, for by way of
    `exception` everything could follow everything; neither are direct ones and those of the return leg. `unknown`,
    `void` and `notice` contradict nothing.

    Raises:
        NotFound: no such code.
    """
    return bool(impossible_pairs()[get_status(from_code).number, get_status(to_code).number])


@functools.cache
def impossible_pairs() -> npt.NDArray[np.bool_]:
    """`impossible` for all pairs of numbers: 256 x 256, from the row to the column, read-only."""
    steps: dict[str, set[str]] = {}
    for way in list_transitions():
        if way.kind in ("normal", "exception"):
            steps.setdefault(way.from_code, set()).add(way.to_code)
    pairs = np.zeros((NUMBERS, NUMBERS), np.bool_)
    known = [status for status in list_statuses() if status.phase >= 0]
    for start in known:
        reached, ahead = {start.code}, [start.code]
        while ahead:
            fresh = steps.get(ahead.pop(), set()) - reached
            reached |= fresh
            ahead.extend(fresh)
        for end in known:
            pairs[start.number, end.number] = end.code not in reached and (start.code, end.code) not in _kinds()
    pairs.flags.writeable = False
    return pairs


@functools.cache
def _phrases() -> dict[str, dict[str, Phrase]]:
    return convert(json.loads(_read_data("phrases.json")), dict[str, dict[str, Phrase]])


def phrase(status_code: str, language: str) -> Phrase:
    """A status in one of `LANGUAGES`.

    Raises:
        NotFound: no such status or language.
    """
    get_status(status_code)
    if language not in LANGUAGES:
        raise NotFound(f"no phrases in the language {language!r:.20}", mend=f"Languages: {', '.join(LANGUAGES)}.")
    return _phrases()[status_code][language]
