"""The ledger behind the log: runs of scans in the order of their keys, the state of every parcel, and what changed.

Of the next frames of the log

1. the scans are brought into the order of their keys;
2. those that came before are left out: a print of each scan is kept beside the state of its parcel, and where that
   leaves doubt, the runs are asked;
3. the others are folded, and merged into the states;
4. what changed, the scans as a run, and the catalogue that names both are written: now look-ups show them;
5. the states are kept for the next time.

What a crash leaves half done is done again from the log. Runs of like size are merged beside all this.
"""

import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from waypost.engines.local.arrays import I32, I64, U64, Flags, States
from waypost.engines.local.catalogue import (
    RAW_ROWS,
    Catalogue,
    Listed,
    Watch,
    find_mergeable,
    read_catalogue,
    sync_catalogue,
    write_catalogue,
)
from waypost.engines.local.changes import CHANGES_FORMAT, ChangeFiles, Files
from waypost.engines.local.disk import Disk
from waypost.engines.local.entries import Entries, arrange, entries_of, gather_places, join
from waypost.engines.local.keys import KEY_VERSION, SEED_BYTES
from waypost.engines.local.runs import RUN_FORMAT, Run, Runs, RunWriter, cut_together, damaged_run, write_raw
from waypost.engines.local.shares import Shares
from waypost.engines.local.slots import MEMORY_BYTES, Slots, parcels_of
from waypost.engines.local.start import mend_made
from waypost.engines.local.views import keyed, scans_of
from waypost.engines.local.vocabulary import WordFile
from waypost.model.errors import BadInput, StoreDamaged, StoreError, WrongFormat
from waypost.model.scans import surviving
from waypost.store.compiled import compiled
from waypost.store.fold import Fold, key_scans
from waypost.store.protocols import Frame
from waypost.store.words import Vocabulary

INDEX_FORMAT = 2
_ATTEMPTS = 10
#: From this share of the words that there may be on, the log takes no scans with new ones.
_NEARLY = 0.9


#: Writes entries that come in order into a piece of history; how many, and the check of the file.
PieceWriter = Callable[[str, Iterator[Entries]], tuple[int, int]]


class Ledger:
    """One thread takes frames in (`apply`), another may arrange those that come next, and another merge (`merge`).

    Any may read `runs` and `changes`.

    Attributes:
        catalogue: what is published.
        runs: the runs that it names.
        words: what the numbers in entries and states stand for.
        shares: what the runs say of busy numbers.
        changes: what is published of them.
        rebuilding: why it was begun anew at opening; None if it was not.

    Raises:
        StoreDamaged: bytes on disk are not what was written.
        WrongFormat: reading only, and it is of another format or fold.
    """

    def __init__(
        self,
        folder: Path,
        fold: Fold,
        *,
        read_only: bool = False,
        is_told: bool = False,
        memory_bytes: int = MEMORY_BYTES,
        disk: Disk | None = None,
        refuse_anew: Callable[[str], None] | None = None,
    ) -> None:
        """One who only reads looks for what is new whenever it is asked, unless it `is_told` of it: by `refresh`.

        `memory_bytes` are for the states of parcels; what goes beyond lies in a file.

        `refuse_anew` is told why it has to be begun anew, before anything goes, and may refuse.
        """
        self.rebuilding: str | None = None
        self._folder = folder
        self._fold = fold
        self._read_only = read_only
        self._looks = read_only and not is_told
        self._memory_bytes = memory_bytes
        self._refuse_anew = refuse_anew
        self._disk = disk or Disk()
        self._lock, self._one_refreshes = threading.Lock(), threading.Lock()
        self._slots: Slots | None = None
        self.catalogue = self._take_up()
        self._watch = Watch(folder) if read_only else None
        self.words, self.runs = Vocabulary(), Runs()
        self.shares = Shares(fold)
        self._retry(self._open)
        if not read_only:
            self._sweep()

    def arrange(self, frames: Sequence[Frame]) -> tuple[Entries, I64]:
        """The scans of some frames in order, and where each came. A thread may do so ahead of the one that applies."""
        return arrange(entries_of([frame.scans for frame in frames], self.words, self.catalogue.seed))

    def apply(self, frames: Sequence[Frame], arranged: tuple[Entries, I64] | None = None) -> None:
        """Take in the next frames of the log, which may have been arranged already."""
        slots = self._slots = self._slots or self._open_slots()
        start, end = frames[0].position, frames[-1].end
        if start != self.catalogue.position:
            raise StoreError(f"The index is at {self.catalogue.position} and cannot take in scans from {start} on.")
        entries, came = arranged or self.arrange(frames)
        entries, came = self._leave_out_known(slots, entries, came)
        keys, parcel_of = parcels_of(entries.words)
        places = slots.find(keys)
        before = slots.states(places)
        after = self._fold_in(entries, keys, parcel_of, before)
        changes = self._tell(before, after, places < 0, parcel_of, start + came, start, end)
        self._publish(entries, changes, start, end)
        try:
            slots.put(keys, places, after, entries, parcel_of)
        except BaseException:
            self._slots = None  # what is published is not in them: they are made anew
            raise

    def admit(self, scans: pa.RecordBatch) -> None:
        """Refuse words that would be too many.

        Raises:
            BadInput: names the column.
        """
        for name in self.words.full(_NEARLY):
            words = self.words.of(name)
            unknown = [text for text in scans.column(name).dictionary.to_pylist() if not words.find(text)]
            if unknown:
                raise BadInput(
                    f"This home knows {len(words)} different words of this kind, and takes no further ones, such as "
                    f"{unknown[0]!r}.",
                    where=name,
                    mend="See whether somebody sends numbers or texts where codes belong; else begin another home.",
                )

    def merge(self, write_piece: PieceWriter) -> bool:
        """Make some runs one, if there are enough of a size; False if there were not."""
        with self._lock:
            chosen = find_mergeable(self.catalogue.runs)
            if chosen is None:
                return False
            listed, runs = self.catalogue.runs[chosen], self.runs.all[chosen]
            name = self._new_name()
        start, end, rows = listed[0].start, listed[-1].end, sum(run.rows for run in listed)
        pieces: tuple[Listed, ...] = ()
        raw = listed[0].raw and rows < RAW_ROWS
        if raw:
            merged, _ = arrange(join([run.slice(0, None) for run in runs]))
            write_raw(self._folder / name, merged, start, end, self._disk)
        else:
            check = self._write_packed(name, runs, start, end, write_piece if listed[0].raw else None)
            if listed[0].raw:
                pieces = (Listed(name, start, end, rows, check=check),)
        opened = Run(self._folder / name)
        try:
            with self._lock:
                now, after = self.catalogue, chosen.start + len(listed)
                one = Listed(name, start, end, rows, raw)
                self._set(runs=(*now.runs[: chosen.start], one, *now.runs[after:]), pieces=(*now.pieces, *pieces))
                rest = self.runs.all
                self.runs = Runs([*rest[: chosen.start], opened, *rest[after:]])
        except BaseException:
            self._remove_unless_named([opened])
            raise
        for run in runs:
            run.path.unlink()  # who reads it has it open
        return True

    def snapshot(self) -> tuple[Catalogue, "Runs"]:
        """The catalogue and the runs that go with it, as they are now; one that is told, as it was told last."""
        if self._looks:
            self.refresh()
        with self._lock:
            return self.catalogue, self.runs

    def refresh(self) -> None:
        """See what another process has published since. Meanwhile others read what was there before."""
        with self._one_refreshes:
            while self._watch is not None and self._watch.is_over():
                watch = Watch(self._folder)
                try:
                    self._retry(self._read_on)
                except BaseException:
                    watch.close()
                    raise
                self._watch.close()
                self._watch = watch

    def kept_to(self) -> int:
        """Everything below is in packed runs and in history, whatever comes; the log is not needed for it any more."""
        with self._lock:
            position = next((run.start for run in self.catalogue.runs if run.raw), self.catalogue.position)
        # Look-ups need not wait for this: the catalogue in the folder says as much, or more, for it only grows.
        sync_catalogue(self._folder, self._disk)
        return position

    def forget_changes(self, below: int) -> None:
        """Remove the files that hold only changes before a position."""
        with self._lock:
            before = self.changes.files
            start, files = self.changes.find_before(below)
            if files != before:
                self._set(changes=files, changes_start=start)
                self.changes.forget(files)
        for name, _ in before[: len(before) - len(files)]:
            (self._folder / name).unlink()

    def named_pieces(self) -> set[str]:
        """The pieces that count, also by the catalogue on disk, which is the newer one where writing it failed late."""
        kept = read_catalogue(self._folder) or self.catalogue
        return {piece.name for piece in (*kept.pieces, *self.catalogue.pieces)}

    def close(self) -> None:
        """Keep what makes the next opening quick, and let go of the files."""
        if self._slots is not None:
            with suppress(OSError):  # without room for them, they are made from the runs the next time
                self._slots.keep(self.catalogue.position, self._disk)
            self._slots.close()
            self._slots = None
        if self._watch is not None:
            self._watch.close()
        self.changes.close()

    # Opening

    def _open(self) -> None:
        self.catalogue = self._take_up()
        words = Vocabulary()
        self._word_file = WordFile(self._folder / "words", words, self.catalogue.words, self._disk)
        news, earlier = self._fold.news, self._fold.earlier_news
        self.changes = ChangeFiles(self._folder, news, self.catalogue.changes, self._disk, earlier)
        self.runs = Runs(self._open_runs({}, self.catalogue))
        self.words = words

    def _take_up(self) -> Catalogue:
        made = f"format {INDEX_FORMAT}, runs {RUN_FORMAT}, changes {CHANGES_FORMAT}, keys {KEY_VERSION}"
        earlier = {f"{made}, news {news.descr}" for news in self._fold.earlier_news}
        made += f", news {self._fold.news.descr}"
        kept = read_catalogue(self._folder)
        if kept is not None and (kept.made == made or (self._read_only and kept.made in earlier)):
            return kept
        if kept is not None and kept.made in earlier:  # from now on more is told; what was told stays as it is
            kept = msgspec.structs.replace(kept, made=made)
            write_catalogue(self._folder, kept, self._disk)
            return kept
        if self._read_only:
            mend = "Open this home once for writing: the index is then made anew from the log."
            raise WrongFormat(
                f"{self._folder} was made in another format ({kept.made if kept else 'none'}).",
                mend=mend_made(self._folder.parent, mend),
            )
        if self._refuse_anew is not None:
            self._refuse_anew(f"{kept.made} → {made}" if kept else f"{self._folder} names no runs")
        if kept is not None:
            self.rebuilding = f"the index is made anew from the log: {kept.made} → {made}"
            shutil.rmtree(self._folder)
            self._folder.mkdir(mode=0o700)
        catalogue = Catalogue(secrets.token_bytes(SEED_BYTES), made)
        write_catalogue(self._folder, catalogue, self._disk)
        return catalogue

    def _retry(self, read: Callable[[], None]) -> None:
        """One who only reads may find runs removed that a newer catalogue does not name any more."""
        for attempt in range(_ATTEMPTS):
            try:
                read()
                break
            except StoreDamaged:
                if not self._read_only or attempt + 1 == _ATTEMPTS:
                    raise

    def _read_on(self) -> None:
        kept = self._take_up()
        if (kept.made, kept.seed, kept.turn) != (self.catalogue.made, self.catalogue.seed, self.catalogue.turn):
            before = self.catalogue, self.words, self._word_file, self.changes, self.runs
            with self._lock:
                try:
                    self._open()
                except BaseException:
                    self.catalogue, self.words, self._word_file, self.changes, self.runs = before
                    raise
            return
        runs = Runs(self._open_runs({run.path.name: run for run in self.runs.all}, kept))
        self._word_file.read_on(kept.words)
        chunks = self.changes.find(kept.changes)
        with self._lock:
            self.catalogue, self.runs = kept, runs
            # With the position, as where they are written: who reads up to it misses none. And behind the runs: who
            # reads of a change finds what it led to.
            self.changes.show(kept.changes, chunks)

    def _open_runs(self, known: Mapping[str, Run], catalogue: Catalogue) -> list[Run]:
        """Open what a catalogue names. Raw runs may not be on disk: from the first bad one on all comes again."""
        opened = []
        for place, listed in enumerate(catalogue.runs):
            try:
                opened.append(known.get(listed.name) or Run(self._folder / listed.name))
            except (StoreDamaged, FileNotFoundError) as error:
                rest = catalogue.runs[place:]
                if self._read_only or not all(run.raw for run in rest):
                    if isinstance(error, FileNotFoundError):
                        raise damaged_run(self._folder / listed.name, "it is missing") from None
                    raise
                changes, turn = self.changes.cut_back(listed.start), catalogue.turn + 1
                self._set(runs=catalogue.runs[:place], position=listed.start, changes=changes, turn=turn)
                break
        return opened

    def _sweep(self) -> None:
        """Remove what the catalogue does not name: a crash left it."""
        named = {listed.name for listed in self.catalogue.runs} | {name for name, _ in self.catalogue.changes}
        for path in (*self._folder.glob("*.run"), *self._folder.glob("*.chg")):
            if path.name not in named:
                path.unlink()

    def _open_slots(self) -> Slots:
        """The states and prints of all parcels: as they were kept, or else from the runs."""
        made, position = f"{self._fold.version} {self.catalogue.seed.hex()}", self.catalogue.position
        slots = Slots(self._folder / "slots", self._fold.blank(1), made, position, memory_bytes=self._memory_bytes)
        if slots.was_kept:
            return slots
        for low, high in cut_together(self.runs.all):
            entries = self.runs.slice(low, high)
            keys, parcel_of = parcels_of(entries.words)
            states = fold_timelines(entries, parcel_of, self._fold, self.words)
            slots.put(keys, np.full(len(keys), -1, np.int64), states, entries, parcel_of)
        return slots

    # Taking in

    def _leave_out_known(self, slots: Slots, entries: Entries, came: I64) -> tuple[Entries, I64]:
        keys, parcel_of = parcels_of(entries.words)
        doubtful = slots.doubtful(entries, parcel_of, slots.find(keys))
        if not doubtful.any():
            return entries, came
        fresh = np.flatnonzero(~self.runs.present(entries, doubtful))
        return gather_places(entries, fresh), came[fresh]

    def _fold_in(self, entries: Entries, keys: U64, parcel_of: I32, before: States) -> States:
        """The states of the parcels after."""
        after = self._fold.fold(keyed(entries, parcel_of, self.words), before)
        corrected = np.flatnonzero(self._fold.needs_timeline(after))
        if len(corrected):
            after[corrected] = self._fold_again(entries, keys[corrected])
        return after

    def _fold_again(self, entries: Entries, keys: U64) -> States:
        """The states of some parcels from all their scans that still stand."""
        hashes = np.unique(keys[:, 0])
        is_busy = np.isin(hashes, self.runs.busy)
        state_of: dict[tuple[int, int], States] = {}
        for hashed in hashes[is_busy]:
            mine = gather_places(entries, np.flatnonzero(entries.words[:, 0] == hashed))
            for parcel in self.shares.standing(int(hashed), self.runs, self.words, mine):
                state_of[parcel.key] = parcel.state[0]
        if not is_busy.all():
            mine = gather_places(entries, np.flatnonzero(np.isin(entries.words[:, 0], hashes[~is_busy])))
            whole, _ = arrange(join([self.runs.of(hashes[~is_busy]), mine]))
            found, of_found = parcels_of(whole.words)
            states = fold_timelines(whole, of_found, self._fold, self.words)
            state_of |= {(first, second): states[place] for place, (first, second) in enumerate(found.tolist())}
        return np.array([state_of[first, second] for first, second in keys.tolist()], self._fold.dtype)

    def _tell(
        self,
        before: States,
        after: States,
        is_new: Flags,
        parcel_of: I32,
        positions: I64,
        start: int,
        end: int,
    ) -> Files:
        """Write what changed, each under the position of the last scan that did it."""
        news = self._fold.tell(before, after, is_new)
        last = np.full(len(after), -1, np.int64)
        _last_of(parcel_of, positions, last)
        told = np.flatnonzero(news["told"])
        told = told[np.argsort(last[told])]
        return self.changes.append(last[told], news[told], start, end)

    def _publish(self, entries: Entries, changes: Files, start: int, end: int) -> None:
        self._word_file.save()
        runs, opened = [], []
        if len(entries):
            with self._lock:
                name = self._new_name()
            path = self._folder / name
            write_raw(path, entries, start, end, self._disk)
            runs, opened = [Listed(name, start, end, len(entries), raw=True)], [Run(path)]
        try:
            with self._lock:
                words, changes = self._word_file.extent, self.changes.kept(changes)
                self._set(runs=(*self.catalogue.runs, *runs), position=end, words=words, changes=changes)
                self.runs = Runs([*self.runs.all, *opened])
                self.changes.publish(changes)
        except BaseException:
            self._remove_unless_named(opened)
            raise

    # Merging

    def _write_packed(
        self, name: str, runs: Sequence[Run], start: int, end: int, write_piece: PieceWriter | None
    ) -> int:
        writer = RunWriter(self._folder / name, self._disk, sum(run.foot.numbers for run in runs))

        def merged() -> Iterator[Entries]:
            for low, high in cut_together(runs):
                entries, _ = arrange(join([run.slice(low, high) for run in runs]))
                writer.add(entries)
                yield entries

        try:
            check = 0
            if write_piece is not None:
                _, check = write_piece(name, merged())
            else:
                for _ in merged():
                    pass
            writer.end(start, end)
            self._disk.sync_folder(self._folder)
        except BaseException:
            writer.give_up()
            raise
        for run in runs:
            run.let_go()
        return check

    def _remove_unless_named(self, runs: Sequence[Run]) -> None:
        """Of runs that could not be published nothing is to be left, unless the catalogue got to the disk after all."""
        kept = read_catalogue(self._folder)
        named = {listed.name for listed in kept.runs} if kept else set()
        for run in runs:
            if run.path.name not in named:
                run.path.unlink()

    def _new_name(self) -> str:
        number = self.catalogue.next_name
        self.catalogue = msgspec.structs.replace(self.catalogue, next_name=number + 1)
        return f"{number:010d}.run"

    def _set(self, **changed: object) -> None:
        catalogue = msgspec.structs.replace(self.catalogue, **changed)
        write_catalogue(self._folder, catalogue, self._disk)
        self.catalogue = catalogue


@compiled
def _last_of(parcel_of: I32, positions: I64, last: I64) -> None:
    for row in range(len(parcel_of)):
        last[parcel_of[row]] = max(last[parcel_of[row]], positions[row])


def fold_timelines(entries: Entries, parcel_of: I32, fold: Fold, words: Vocabulary) -> States:
    """States from whole timelines; of parcels with corrected scans from those that still stand."""
    states = fold.fold(keyed(entries, parcel_of, words))
    corrected = fold.needs_timeline(states)
    if not corrected.any():
        return states
    rows = np.flatnonzero(corrected[parcel_of])
    mine, of_rows = gather_places(entries, rows), parcel_of[rows]
    group = np.cumsum(np.diff(of_rows, prepend=of_rows[0]) != 0)
    scans = scans_of(mine, words)
    stands = surviving(scans)
    # Where every scan was withdrawn, only what the corrections themselves say is left.
    bare = np.bincount(group[stands], minlength=int(group[-1]) + 1) == 0
    stands |= bare[group] & np.asarray(scans.column("corrects").combine_chunks().is_valid())
    states[corrected] = fold.fold(key_scans(scans.filter(pa.array(stands)), group[stands], words))
    return states
