"""The fold from scans to the state of a parcel.

Each field of a state is the greatest or least of something over the scans of a parcel, under an order that depends on
the scans alone. Such a fold is commutative, associative and idempotent, field by field:

- `status`: of the scan that is greatest in the `standing_order`: by phase, then instant, then precedence. Closing
  statuses (delivered, returned) have the higher phase, so a stray hub scan sent after the delivery does not bring the
  parcel back on its way; codes that nobody knows have the lowest, so they never hide what is known; mere notices count
  as unknown here.
- `last_at`, `facility`, `code`, `offset_min`: of the newest scan, ties broken by its digest.
- `first_at`: of the oldest.
- `milestones`, `flags`: united bits.

Scans that only withdraw another (`void`) leave nothing but the flag that tells to fold the parcel from its timeline.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from waypost.store.compiled import Number, compiled, distinct, inlined
from waypost.store.fold import KeyedScans
from waypost.track.statuses import UNKNOWN, VOID, status_arrays
from waypost.track.tables import CodeTables

States = npt.NDArray[np.void]

#: What `first_at`, `last_at` and `status_at` say when there is no scan that they could come from.
NEVER_FIRST = np.iinfo(np.int64).max
NEVER_LAST = np.iinfo(np.int64).min

#: Bits of `flags`; the lower eight are `model.instants.TimeFlag`.
CORRECTED = 1 << 8  #: a scan of this parcel replaces or withdraws another
UNKNOWN_CODE = 1 << 9  #: a scan has a code that no table knows

STATE = np.dtype(
    [
        ("first_at", "<i8"),
        ("last_at", "<i8"),
        ("_last_digest", "<u8"),
        ("status_at", "<i8"),
        ("facility", "<i4"),
        ("code", "<i4"),
        ("offset_min", "<i2"),
        ("milestones", "<u2"),
        ("flags", "<u2"),
        ("status", "u1"),
        ("_spare", "u1"),
    ]
)

#: What is told of a change: the status now and before (`UNKNOWN` for a new parcel), which of these bits moved, and
#: where and when the parcel was scanned last, now and before (nowhere and `NEVER_LAST` for a new one). Where `now_ms`
#: is 0, an earlier release told it, which knew neither.
NEWS = np.dtype(
    [
        ("status", "u1"),
        ("before_status", "u1"),
        ("told", "u1"),
        ("now_facility", "<i4"),
        ("before_facility", "<i4"),
        ("now_ms", "<i8"),
        ("before_ms", "<i8"),
    ]
)
NEW_PARCEL, NEW_STATUS, NEW_LAST, NEW_MILESTONE, NEW_FLAG, NEW_FIRST = 1, 2, 4, 8, 16, 32

#: Raised whenever this file would fold the same scans into another state.
_FOLD_VERSION = 1


class StatusFold:
    """`store.fold.Fold` over the unified status codes. See the head of this file for what each field means."""

    dtype: np.dtype[np.void] = STATE
    news: np.dtype[np.void] = NEWS
    earlier_news: tuple[np.dtype[np.void], ...] = (np.dtype(NEWS.descr[:3]),)
    words = ("facility", "code")
    news_words: Mapping[str, str] = MappingProxyType({"now_facility": "facility", "before_facility": "facility"})

    def __init__(self, tables: CodeTables) -> None:
        self._tables = tables
        self._ranks = status_arrays()

    @property
    def version(self) -> str:
        """Follows the code tables: a corrected table changes states."""
        return f"{_FOLD_VERSION}-{self._tables.version}"

    def blank(self, count: int) -> States:
        """See `Fold.blank`."""
        states = np.zeros(count, STATE)
        states["first_at"] = NEVER_FIRST
        states["last_at"] = NEVER_LAST
        states["status_at"] = NEVER_LAST
        return states

    def fold(self, scans: KeyedScans, onto: States | None = None) -> States:
        """See `Fold.fold`."""
        groups = int(scans.group[-1]) + 1 if len(scans.group) else 0
        states = self.blank(groups) if onto is None else onto.copy()
        status = self._classify(scans)
        ranks = self._ranks
        flags = scans.time_flags | np.where(scans.corrects, CORRECTED, 0) | np.where(status == UNKNOWN, UNKNOWN_CODE, 0)
        _fold_rows(
            states, scans.group, status, flags.astype(np.uint16), scans.at_ms, scans.digest, scans.facility, scans.code,
            scans.offset_min, ranks.phase, ranks.precedence, ranks.milestone_bit,
        )  # fmt: skip
        return states

    def merge(self, a: States, b: States) -> States:
        """See `Fold.merge`."""
        merged = a.copy()
        _merge_rows(merged, np.ascontiguousarray(b), self._ranks.phase, self._ranks.precedence)
        return merged

    def needs_timeline(self, states: States) -> npt.NDArray[np.bool_]:
        """See `Fold.needs_timeline`."""
        whole: npt.NDArray[np.bool_] = (states["flags"] & CORRECTED) != 0
        return whole

    def tell(self, before: States, after: States, is_new: npt.NDArray[np.bool_]) -> npt.NDArray[np.void]:
        """See `Fold.tell`."""
        news = np.empty(len(after), NEWS)
        _tell_rows(before, after, is_new, news)
        return news

    def _classify(self, scans: KeyedScans) -> npt.NDArray[np.uint8]:
        """The status of each scan, looked up once for each pair of carrier and code."""
        pairs = (scans.carrier.astype(np.int64) << 32) | scans.code
        places, unique = distinct(pairs)
        carriers = [scans.words.carrier.text(int(pair >> 32)) or "" for pair in unique]
        codes = [scans.words.code.text(int(pair & 0xFFFFFFFF)) or "" for pair in unique]
        status: npt.NDArray[np.uint8] = self._tables.classify(carriers, codes)[places]
        return status


@compiled
def _fold_rows(
    states: States,
    group: npt.NDArray[np.int64],
    status: npt.NDArray[np.uint8],
    flags: npt.NDArray[np.uint16],
    at_ms: npt.NDArray[np.int64],
    digest: npt.NDArray[np.uint64],
    facility: npt.NDArray[np.int32],
    code: npt.NDArray[np.int32],
    offset_min: npt.NDArray[np.int16],
    phase: npt.NDArray[np.int8],
    precedence: npt.NDArray[np.uint8],
    milestone_bit: npt.NDArray[np.uint16],
) -> None:
    for row in range(len(group)):
        state = states[group[row]]
        now, at = status[row], at_ms[row]
        state.milestones |= milestone_bit[now]
        state.flags |= flags[row]
        if now == VOID:
            continue
        state.first_at = min(state.first_at, at)
        if at > state.last_at or (at == state.last_at and digest[row] >= state._last_digest):
            state.last_at, state._last_digest = at, digest[row]
            state.facility, state.code, state.offset_min = facility[row], code[row], offset_min[row]
        if phase[now] < 0:  # it says nothing of how the parcel stands
            now = np.uint8(UNKNOWN)
        if _is_higher(phase, precedence, now, at, state.status, state.status_at):
            state.status, state.status_at = now, at


@compiled
def _merge_rows(merged: States, others: States, phase: npt.NDArray[np.int8], precedence: npt.NDArray[np.uint8]) -> None:
    for row in range(len(merged)):
        state, other = merged[row], others[row]
        state.milestones |= other.milestones
        state.flags |= other.flags
        state.first_at = min(state.first_at, other.first_at)
        is_newer = other.last_at == state.last_at and other._last_digest > state._last_digest
        if other.last_at > state.last_at or is_newer:
            state.last_at, state._last_digest = other.last_at, other._last_digest
            state.facility, state.code, state.offset_min = other.facility, other.code, other.offset_min
        if _is_higher(phase, precedence, other.status, other.status_at, state.status, state.status_at):
            state.status, state.status_at = other.status, other.status_at


@compiled
def _tell_rows(before: States, after: States, is_new: npt.NDArray[np.bool_], news: npt.NDArray[np.void]) -> None:
    for row in range(len(after)):
        was, now = before[row], after[row]
        told = NEW_PARCEL
        if not is_new[row]:
            told = NEW_STATUS * (was.status != now.status)
            told |= NEW_LAST * (was.last_at != now.last_at or was._last_digest != now._last_digest)
            told |= NEW_MILESTONE * (was.milestones != now.milestones)
            told |= NEW_FLAG * (was.flags != now.flags)
            told |= NEW_FIRST * (was.first_at != now.first_at)
        news[row].status = now.status
        news[row].before_status = UNKNOWN if is_new[row] else was.status
        news[row].told = told
        news[row].now_facility, news[row].now_ms = now.facility, now.last_at
        news[row].before_facility = 0 if is_new[row] else was.facility
        news[row].before_ms = NEVER_LAST if is_new[row] else was.last_at


@inlined
def _is_higher(
    phase: npt.NDArray[np.int8], precedence: npt.NDArray[np.uint8], a: Number, a_at: Number, b: Number, b_at: Number
) -> Number:
    """Whether the first status stands above the second by `statuses.standing_order`; where they tie, by its number."""
    if phase[a] != phase[b]:
        return phase[a] > phase[b]
    if a_at != b_at:
        return a_at > b_at
    if precedence[a] != precedence[b]:
        return precedence[a] > precedence[b]
    return a > b
