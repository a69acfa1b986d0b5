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

from typing import Any

import numpy as np
import numpy.typing as npt

from waypost.store.fold import KeyedScans
from waypost.track.statuses import UNKNOWN, VOID, bears_status, standing_order, status_arrays
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

#: Raised whenever this file would fold the same scans into another state.
_FOLD_VERSION = 1


class StatusFold:
    """`store.fold.Fold` over the unified status codes. See the head of this file for what each field means."""

    dtype: np.dtype[np.void] = STATE
    words = ("facility", "code")

    def __init__(self, tables: CodeTables) -> None:
        self._tables = tables
        self._ranks = status_arrays()

    @property
    def version(self) -> str:
        """Follows the code tables: a corrected table changes states."""
        return f"{_FOLD_VERSION}-{self._tables.version}"

    def fold(self, scans: KeyedScans) -> States:
        """See `Fold.fold`."""
        groups = int(scans.group[-1]) + 1 if len(scans.group) else 0
        states = _blank(groups)
        status = self._classify(scans)
        self._fold_flags(states, scans, status)
        real = status != VOID
        if real.any():
            self._fold_instants(states, scans, status, np.flatnonzero(real))
        return states

    def merge(self, a: States, b: States) -> States:
        """See `Fold.merge`."""
        newer = np.where(_is_newer(b, a), b, a)
        higher = np.where(_is_higher(b, a), b, a)
        merged = newer.copy()
        merged["first_at"] = np.minimum(a["first_at"], b["first_at"])
        merged["status"], merged["status_at"] = higher["status"], higher["status_at"]
        merged["milestones"] = a["milestones"] | b["milestones"]
        merged["flags"] = a["flags"] | b["flags"]
        return merged

    def needs_timeline(self, states: States) -> npt.NDArray[np.bool_]:
        """See `Fold.needs_timeline`."""
        whole: npt.NDArray[np.bool_] = (states["flags"] & CORRECTED) != 0
        return whole

    def is_news(self, before: States, after: States) -> npt.NDArray[np.bool_]:
        """See `Fold.is_news`: whatever moved a field."""
        news: npt.NDArray[np.bool_] = before != after
        return news

    def _classify(self, scans: KeyedScans) -> npt.NDArray[np.uint8]:
        """The status of each scan, looked up once for each pair of carrier and code."""
        pairs = (scans.carrier.astype(np.int64) << 32) | scans.code
        unique, places = np.unique(pairs, return_inverse=True)
        carriers = [scans.words.text(int(pair >> 32)) or "" for pair in unique]
        codes = [scans.words.text(int(pair & 0xFFFFFFFF)) or "" for pair in unique]
        status: npt.NDArray[np.uint8] = self._tables.classify(carriers, codes)[places]
        return status

    def _fold_flags(self, states: States, scans: KeyedScans, status: npt.NDArray[np.uint8]) -> None:
        bits = self._ranks.milestone_bit[status]
        flags = scans.time_flags.astype(np.uint16)
        flags |= np.where(scans.corrects, CORRECTED, 0).astype(np.uint16)
        flags |= np.where(status == UNKNOWN, UNKNOWN_CODE, 0).astype(np.uint16)
        np.bitwise_or.at(states["milestones"], scans.group, bits)
        np.bitwise_or.at(states["flags"], scans.group, flags)

    def _fold_instants(
        self, states: States, scans: KeyedScans, status: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp]
    ) -> None:
        group, at_ms, digest = scans.group[rows], scans.at_ms[rows], scans.digest[rows]
        np.minimum.at(states["first_at"], group, at_ms)

        newest = rows[_greatest(group, at_ms, digest)]
        owner = scans.group[newest]
        states["last_at"][owner] = scans.at_ms[newest]
        states["_last_digest"][owner] = scans.digest[newest]
        for field in ("facility", "code", "offset_min"):
            states[field][owner] = getattr(scans, field)[newest]

        known = np.where(bears_status(status[rows]), status[rows], np.uint8(UNKNOWN))
        highest = _greatest(group, *standing_order(known, at_ms))
        states["status"][group[highest]] = known[highest]
        states["status_at"][group[highest]] = at_ms[highest]


def _blank(groups: int) -> States:
    states = np.zeros(groups, STATE)
    states["first_at"] = NEVER_FIRST
    states["last_at"] = NEVER_LAST
    states["status_at"] = NEVER_LAST
    return states


def _greatest(group: npt.NDArray[np.int64], *keys: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """For each group the row that is greatest by the keys, the first of them counting most."""
    order = np.lexsort((*reversed(keys), group))
    ends = np.flatnonzero(np.append(np.diff(group[order]) != 0, True))
    return order[ends]


def _is_newer(a: States, b: States) -> npt.NDArray[np.bool_]:
    return _is_greater((a["last_at"], b["last_at"]), (a["_last_digest"], b["_last_digest"]))


def _is_higher(a: States, b: States) -> npt.NDArray[np.bool_]:
    orders = (standing_order(states["status"], states["status_at"]) for states in (a, b))
    return _is_greater(*zip(*orders, strict=True))


def _is_greater(*pairs: tuple[npt.NDArray[Any], npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Element by element, whether the first of each pair is greater, compared pair after pair."""
    greater = np.zeros(pairs[0][0].shape, np.bool_)
    equal = np.ones(pairs[0][0].shape, np.bool_)
    for left, right in pairs:
        greater |= equal & (left > right)
        equal &= left == right
    return greater
