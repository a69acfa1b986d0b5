"""Shares: what the scans of busy numbers come to, run by run.

A bag or a ULD is scanned very often, and a number that somebody made up even more so. A run never changes, so what it
holds of such a number is folded once and kept as long as the run is: a state is the shares of all runs, merged. Where
scans were corrected, the ids of all are kept as well, and a share is folded again only when scans of its own are
corrected that were not before.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from weakref import WeakKeyDictionary

import msgspec
import numpy as np

from waypost.engines.local.arrays import I64, U64, Flags, States
from waypost.engines.local.entries import CORRECTS, Entries, gather_places
from waypost.engines.local.runs import NOTHING, Run, Runs
from waypost.engines.local.slots import parcels_of
from waypost.engines.local.views import keyed, numbers_of, scans_of
from waypost.model.scans import scan_ids
from waypost.store.fold import Fold
from waypost.store.words import Vocabulary

#: So many bytes may be kept, about; then all are forgotten, and made anew as they are asked for.
MOST_BYTES = 128 << 20

_SHARE_BYTES = 1_000

#: The first two words of an entry, without its instant.
Key = tuple[int, int]

#: Gives the scans of a number piece by piece, in order, as often as it is called.
Read = Callable[[], Iterable[Entries]]


class Share(msgspec.Struct):
    """What some scans of one parcel come to.

    Attributes:
        number: of the parcel.
        scans: how many.
        state: of all of them: one record.
        named: the ids that corrections among them name.
        ids: of the scans in order, once they were asked for.
        left: digests of what was named by corrections in all runs when it was last asked, and of which scans of its own
            these are, and the state of the others.
    """

    number: str
    scans: int
    state: States
    named: U64
    ids: U64 | None = None
    left: tuple[bytes, bytes, States] | None = None


class Standing(msgspec.Struct, frozen=True):
    """How a parcel stands: its key and number, how many scans it has, and its state, which is one record."""

    key: Key
    number: str
    scans: int
    state: States

    @property
    def carrier(self) -> int:
        """The number of the word."""
        return self.key[1] >> 24 & 0xFFFF


class Shares:
    """The shares of busy numbers in the runs that there are. Any thread may ask."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._lock = threading.Lock()
        self._kept: WeakKeyDictionary[Run, dict[int, dict[Key, Share]]] = WeakKeyDictionary()
        self._bytes = 0

    def standing(self, hashed: int, runs: Runs, words: Vocabulary, more: Entries = NOTHING) -> list[Standing]:
        """The parcels of the number with a hash, in order: from all scans in some runs, and `more` of them."""
        parts: list[tuple[dict[Key, Share], Read]] = []
        hashes, wanted = np.array([hashed], np.uint64), np.ones(1, np.bool_)
        for run in runs.all:
            if run.may_hold(hashes, wanted)[0]:
                parts.append(self._of_run(run, hashes, words))
        if len(more):
            parts.append((self._fold_shares([more], words), lambda: [more]))
        found = []
        for key in sorted({key for shares, _ in parts for key in shares}):
            own = [(shares[key], read) for shares, read in parts if key in shares]
            state = reduce(self._fold.merge, self._left(key, own, words))
            found.append(Standing(key, own[0][0].number, sum(share.scans for share, _ in own), state))
        return found

    def _of_run(self, run: Run, hashes: U64, words: Vocabulary) -> tuple[dict[Key, Share], Read]:
        hashed = int(hashes[0])

        def read() -> Iterator[Entries]:
            return run.pieces(hashes)

        with self._lock:
            shares = self._kept.get(run, {}).get(hashed)
        if shares is None:
            shares = self._fold_shares(read(), words)
            with self._lock:
                self._make_room(sum(_SHARE_BYTES + share.named.nbytes for share in shares.values()) + _SHARE_BYTES)
                self._kept.setdefault(run, {})[hashed] = shares
        return shares, read

    def _fold_shares(self, pieces: Iterable[Entries], words: Vocabulary) -> dict[Key, Share]:
        shares: dict[Key, Share] = {}
        for piece in pieces:
            keys, parcel_of = parcels_of(piece.words)
            states = self._fold.fold(keyed(piece, parcel_of, words))
            bounds = np.searchsorted(parcel_of, np.arange(len(keys) + 1))
            numbers = numbers_of(gather_places(piece, bounds[:-1])).to_pylist()
            named, of_named = _named(piece)
            cuts = np.searchsorted(of_named, bounds).tolist()
            for place, (first, second) in enumerate(keys.tolist()):
                start, stop = int(bounds[place]), int(bounds[place + 1])
                state, own = states[place : place + 1], named[cuts[place] : cuts[place + 1]]
                share = shares.get((first, second))
                if share is None:
                    shares[first, second] = Share(numbers[place], stop - start, state, own)
                else:
                    share.scans += stop - start
                    share.state = self._fold.merge(share.state, state)
                    share.named = np.concatenate([share.named, own]) if len(own) else share.named
        return shares

    def _left(self, key: Key, own: Sequence[tuple[Share, Read]], words: Vocabulary) -> list[States]:
        """The states of shares of one parcel, without what is corrected in any of them."""
        if not any(len(share.named) for share, _ in own):
            return [share.state for share, _ in own]
        named = np.unique(np.concatenate([share.named for share, _ in own]))
        asked = _digest(named)
        return [self._state_without(named, asked, key, share, read, words) for share, read in own]

    def _state_without(self, named: U64, asked: bytes, key: Key, share: Share, read: Read, words: Vocabulary) -> States:
        ids, left = share.ids, share.left
        if left is not None and left[0] == asked:
            return left[2]
        if ids is None:
            ids = np.concatenate([_ids_of(own, words) for own in _of_parcel(read(), key)])
            with self._lock:
                self._make_room(ids.nbytes)
            share.ids = ids
        is_corrected = np.isin(ids, named)
        corrected = _digest(ids[is_corrected])
        if left is None or left[1] != corrected:
            some = is_corrected.any()
            left = asked, corrected, self._fold_left(is_corrected, key, read, words) if some else share.state
        share.left = asked, *left[1:]
        return left[2]

    def _fold_left(self, is_corrected: Flags, key: Key, read: Read, words: Vocabulary) -> States:
        state, start = self._fold.blank(1), 0
        for own in _of_parcel(read(), key):
            stands = np.flatnonzero(~is_corrected[start : start + len(own)])
            start += len(own)
            scans = keyed(gather_places(own, stands), np.zeros(len(stands), np.int32), words)
            state = self._fold.fold(scans, state)
        return state

    def _make_room(self, bytes_: int) -> None:
        self._bytes += bytes_
        if self._bytes > MOST_BYTES:
            self._kept.clear()
            self._bytes = bytes_


def _named(entries: Entries) -> tuple[U64, I64]:
    """The ids that corrections among some entries name, and in which rows."""
    rows = np.flatnonzero(entries.words[:, 2] & CORRECTS)
    starts = entries.extras.ends[rows]
    return entries.extras.data[starts[:, None] + np.arange(8)].view("<u8")[:, 0], rows


def _digest(ids: U64) -> bytes:
    return hashlib.blake2b(ids.tobytes(), digest_size=16).digest()


def _of_parcel(pieces: Iterable[Entries], key: Key) -> Iterator[Entries]:
    """Of entries with one hash those of one parcel."""
    for piece in pieces:
        rows = np.flatnonzero(piece.words[:, 1] >> np.uint64(24) == np.uint64(key[1] >> 24))
        yield gather_places(piece, rows)


def _ids_of(entries: Entries, words: Vocabulary) -> U64:
    """The ids of some entries as `_named` tells them."""
    return np.frombuffer(bytes.fromhex("".join(scan_ids(scans_of(entries, words)))), "<u8")
