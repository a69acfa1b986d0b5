"""Polling: carriers are asked after the parcels whose next scan must be there, as far as each account's budget goes.

What is pushed need not be asked for, so a carrier is first asked to push; parcels whose scans it promised to push are
asked after only where a push seems to be lost. All compete for the calls by what each is worth (`rhythm.py`). Scans
that an answer brings go the way of all others, and when the index is far behind nobody is asked: pushes come first.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.model.errors import WaypostError
from waypost.model.instants import DAY_MS, MINUTE_MS
from waypost.store.protocols import Memory
from waypost.track.carriers import CarrierError, CarrierPuzzling, CarrierUnreachable, Seen, TrackSource
from waypost.track.feed import BULK_LAG
from waypost.track.gaps import NO_SCAN, Gaps
from waypost.track.reception import Reception
from waypost.track.rests import Rest, Rests
from waypost.track.rhythm import HOUR_MS, Floats, Ints
from waypost.track.statuses import list_statuses
from waypost.track.tables import CodeTables
from waypost.track.turns import Turns
from waypost.track.watches import Pushing, Told, Watch, Watches

#: A parcel is asked after at least so often, and one of which nothing was heard for so long no more.
LONGEST_MS = DAY_MS
SILENT_MS = 60 * DAY_MS

#: Of the scans that a carrier promised to push so many are lost.
_LOST = 0.02

#: When a watch begins nobody knows what happened before: as if the parcel had been asked after so long ago.
_BEFORE_MS = DAY_MS // 2

#: Parcels among which the ones to ask are chosen, for each that can be asked, and at least.
_CANDIDATES, _LEAST_CANDIDATES = 4, 1_000

#: So many calls run at one time. After so many that were refused one behind another, it is the account that is refused.
_CALLS_AT_ONCE = 4
_MOST_REFUSED = 3

#: How long an account rests that cannot be asked, doubled each time; and a waybill that was refused.
_REST_MS, _LONGEST_REST_MS = MINUTE_MS, 15 * MINUTE_MS
#: A rest that was begun by an earlier server lasts so long at the most, whatever its clock said.
_LONGEST_KEPT_MS = HOUR_MS
_REFUSED_MS, _LONGEST_REFUSED_MS = HOUR_MS, DAY_MS

#: How long a round waits until look-ups show what it brought, to work out the next checks with.
_INDEX_S = 10.0

T = TypeVar("T")

_OVER = [status.number for status in list_statuses() if status.milestone in ("delivered", "returned", "cancelled")]


class Round(msgspec.Struct, kw_only=True):
    """What a round did.

    Attributes:
        calls: that were made, those to have scans pushed included.
        checked: waybills that the carrier answered for; `scans` the scans that came with that.
        refused: scans that could not be read.
        trouble: why it ended early, if it did.
    """

    calls: int = 0
    checked: int = 0
    scans: int = 0
    refused: int = 0
    trouble: str | None = None

    def add(self, other: "Round") -> None:
        """Count another one in."""
        self.calls += other.calls
        self.checked += other.checked
        self.scans += other.scans
        self.refused += other.refused


class Standing(msgspec.Struct, frozen=True):
    """How some watched parcels stand, by row.

    Attributes:
        status: numbers of what their last scans said, `NO_SCAN` without one.
        last_ms: when these were, or since when one is waited for.
        asked_ms: up to when it is known that there was no other.
        is_over: delivered, returned or cancelled.
        is_scanned_since: it has a scan that was made after it was asked after.
    """

    status: Ints
    last_ms: Ints
    asked_ms: Ints
    is_over: npt.NDArray[np.bool_]
    is_scanned_since: npt.NDArray[np.bool_]


class _Checked(msgspec.Struct, frozen=True):
    """A waybill that was asked after, and what that gave; None if it is only due to be looked at anew."""

    watch: Watch
    told: Told | None = None


class Poller:
    """Polls through one account.

    Args:
        per_hour: so many calls it may make.
        subscribes: whether the carrier can be asked to push scans, and its pushes can be read.
        clock: UTC milliseconds.
        is_stopping: whether a round is to end early.

    Attributes:
        all: what all rounds did together.
        trouble: why the account cannot be asked now; it rests until `rests_until_ms`.
    """

    def __init__(
        self,
        account: str,
        source: TrackSource,
        per_hour: float,
        *,
        subscribes: bool,
        memory: Memory,
        tables: CodeTables,
        reception: Reception,
        watches: Watches,
        clock: Callable[[], int],
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.is_stopping = is_stopping
        self.account = account
        self.carrier = source.carrier
        self.subscribes = subscribes
        now_ms = clock()
        self.turns = Turns(per_hour, source.most_at_once, now_ms)
        self.all = Round()
        self.trouble: str | None = None
        self.rests_until_ms = 0
        self._rest_ms = _REST_MS
        self._rests = Rests(memory.records)
        self._rest_on(now_ms)
        self._is_odd = False
        self._subscribes_from_ms = 0
        self._source = source
        self._memory = memory
        self._tables = tables
        self._reception = reception
        self._watches = watches
        self._clock = clock

    def round(self, gaps: Gaps) -> Round:
        """Spend the calls that there are on the parcels for which they are worth most.

        Raises:
            StorageFull, StoreError: what came could not be kept; it is asked for again.
        """
        done, now_ms = Round(), self._clock()
        calls = self.turns.calls(now_ms)
        if not calls or now_ms < self.rests_until_ms or self._is_behind():
            return done
        try:
            self._have_pushed(calls, done)
            for checked in self._ask(self._choose(calls - done.calls, gaps), done):
                self._settle(checked, gaps)
        except CarrierError as error:
            self._rest(error, done)
        else:
            self._recover()
        finally:
            self.turns.spend(done.calls)
            self.all.add(done)
        return done

    def _is_behind(self) -> bool:
        """Whether enough scans wait to be shown already."""
        return self._memory.log.position() - self._memory.index.position() > BULK_LAG

    def _have_pushed(self, calls: int, done: Round) -> None:
        """Ask for pushes. At most every second call goes to that, so that it does not hold up the checks.

        If the carrier refuses the call, that says nothing of the waybills: they are asked after, and it is tried again
        some time later.
        """
        self._is_odd = not self._is_odd
        is_time = self.subscribes and self._clock() >= self._subscribes_from_ms
        most = (calls + self._is_odd) // 2 if is_time else 0
        unasked = self._watches.list_unasked(self.account, most * self.turns.at_once) if most else []
        for batch in _batches(unasked, self.turns.at_once):
            done.calls += 1
            try:
                refused = self._source.subscribe([self._watches.ask_for(watch) for watch in batch])
            except CarrierUnreachable:
                raise
            except CarrierError:
                self._subscribes_from_ms = self._clock() + _REFUSED_MS
                return
            self._watches.keep(
                [
                    msgspec.structs.replace(
                        watch, pushing=Pushing.REFUSED if watch.number in refused else Pushing.PROMISED
                    )
                    for watch in batch
                ]
            )

    def _choose(self, calls: int, gaps: Gaps) -> list[Watch]:
        """Whom to ask now. Checks that scans made needless which came by themselves are put off."""
        now_ms = self._clock()
        watched = self._watches.list_next(
            self.account, max(calls * self.turns.at_once * _CANDIDATES, _LEAST_CANDIDATES)
        )
        standing = self._look_at(watched)
        is_due = np.array([watch.next_ms is not None and watch.next_ms <= now_ms for watch in watched], np.bool_)
        is_refused = np.array([watch.failures > 0 for watch in watched], np.bool_)
        worth = gaps.of(self.carrier).worth(standing.status, standing.last_ms, standing.asked_ms, now_ms)
        worth *= _weights(watched)
        worth[standing.is_over | (is_refused & ~is_due)] = 0.0
        chosen = self.turns.choose(worth, calls)
        is_needless = is_due & (standing.is_over | (worth < self.turns.price))
        is_needless[chosen] = False
        self._settle([_Checked(watched[row]) for row in np.flatnonzero(is_needless)], gaps)
        return [watched[row] for row in chosen]

    def _ask(self, chosen: Sequence[Watch], done: Round) -> Iterator[list[_Checked]]:
        """Ask the carrier and keep the scans that it tells; give those that were checked.

        A waybill that was refused is asked alone from then on, so that it takes no others with it. If nothing else is
        answered either, it is the account that is refused, and nothing is said of the waybills.
        """
        batches: list[Sequence[Watch]] = [[watch] for watch in chosen if watch.failures]
        batches += _batches([watch for watch in chosen if not watch.failures], self.turns.at_once)
        refused: list[_Checked] = []
        in_a_row = 0
        with ThreadPoolExecutor(_CALLS_AT_ONCE) as pool:
            for wave in _batches(batches, _CALLS_AT_ONCE):
                done.calls += len(wave)
                error: CarrierError | None = None
                checked: list[_Checked] = []
                for batch, answer in zip(wave, pool.map(self._call, wave), strict=True):
                    if isinstance(answer, Seen):
                        checked += [*self._take(batch, answer, done), *refused]
                        refused, in_a_row = [], 0
                    elif isinstance(answer, CarrierUnreachable):
                        error = answer
                    else:
                        refused += [_Checked(watch, Told.REFUSED) for watch in batch]
                        in_a_row += 1
                        error = answer if in_a_row >= _MOST_REFUSED else error
                yield checked
                if error is not None:
                    raise error
                if self.is_stopping():
                    return
        yield refused

    def _call(self, batch: Sequence[Watch]) -> Seen | CarrierError:
        try:
            return self._source.track([self._watches.ask_for(watch) for watch in batch])
        except CarrierError as error:
            return error
        except WaypostError:  # of the house
            raise
        except Exception as error:  # the adapter stumbled: it takes no other answers with it
            return CarrierPuzzling(
                f"the adapter cannot read the answer ({type(error).__name__})", channel=f"{self.carrier} {self.account}"
            )

    def _take(self, batch: Sequence[Watch], seen: Seen, done: Round) -> list[_Checked]:
        receipt = self._reception.receive(seen.rows)
        done.checked += len(batch)
        done.scans += receipt.accepted
        done.refused += receipt.refused
        return [_Checked(watch, Told.UNKNOWN if watch.number in seen.unknown else Told.NOTHING) for watch in batch]

    def _settle(self, checked: Sequence[_Checked], gaps: Gaps) -> None:
        """Write down what checks gave, and when the next ones will be."""
        if not checked:
            return
        self._memory.index.catch_up(self._memory.log.position(), _INDEX_S)
        now_ms = self._clock()
        standing = self._look_at([each.watch for each in checked])
        is_answered = np.array([each.told in (Told.NOTHING, Told.UNKNOWN) for each in checked], np.bool_)
        asked_ms = np.where(is_answered, now_ms, standing.asked_ms)
        rhythm = gaps.of(self.carrier)
        price = self.turns.price / _weights([each.watch for each in checked])
        next_ms = rhythm.when(standing.status, standing.last_ms, asked_ms, price, LONGEST_MS)
        chance = rhythm.chance(standing.status, standing.last_ms, asked_ms, next_ms)
        rows = zip(checked, next_ms.tolist(), np.rint(chance * 100).astype(int).tolist(), strict=True)
        settled = [_noted(each, now_ms, due_ms, per_cent) for each, due_ms, per_cent in rows]
        for row in np.flatnonzero(is_answered & standing.is_scanned_since):
            settled[row] = msgspec.structs.replace(settled[row], told=Told.SCANS)
        for row in np.flatnonzero(now_ms - standing.last_ms > SILENT_MS):
            settled[row] = _ended(settled[row], Told.SILENT)
        for row in np.flatnonzero(standing.is_over):
            settled[row] = _ended(settled[row], Told.ENDED)
        self._watches.keep(settled)

    def _look_at(self, watched: Sequence[Watch]) -> Standing:
        """How watched parcels stand, as look-ups show them."""
        carrier = self.carrier
        states = self._memory.index.states([watch.number for watch in watched], carrier)
        rows = {number: row for row, number in enumerate(states.column("number").to_pylist())}
        place = np.array([rows.get(watch.number, -1) for watch in watched], np.int64)
        has_scans = place >= 0
        codes = [str(code) for code in states.column("code").to_pylist()]
        said = self._tables.classify([carrier] * len(codes), codes).astype(np.int64)
        since_ms = np.array([watch.since_ms for watch in watched], np.int64)
        asked_ms = np.array([watch.asked_ms or watch.since_ms - _BEFORE_MS for watch in watched], np.int64)
        last_ms = _at(np.asarray(states.column("last_at")).astype(np.int64), place, np.minimum(since_ms, asked_ms))
        return Standing(
            status=_at(said, place, np.full(len(watched), NO_SCAN)),
            last_ms=last_ms,
            asked_ms=np.maximum(asked_ms, last_ms),
            is_over=has_scans & np.isin(_at(np.asarray(states.column("status")), place, np.zeros(len(watched))), _OVER),
            is_scanned_since=has_scans & (last_ms > asked_ms),
        )

    def _rest(self, error: CarrierError, done: Round) -> None:
        """Leave the account alone for a while."""
        self.trouble = done.trouble = str(error)
        said_s = error.retry_s if isinstance(error, CarrierUnreachable) else None
        self.rests_until_ms = self._clock() + max(self._rest_ms, int((said_s or 0) * 1000))
        self._rest_ms = min(2 * self._rest_ms, _LONGEST_REST_MS)
        rest = Rest(until_ms=self.rests_until_ms, next_rest_ms=self._rest_ms, why=self.trouble)
        self._rests.keep(self.account, rest)

    def _rest_on(self, now_ms: int) -> None:
        """Keep to a rest that was begun before the server started."""
        if (rest := self._rests.find(self.account)) is not None:
            self.trouble, self._rest_ms = rest.why, rest.next_rest_ms
            self.rests_until_ms = min(rest.until_ms, now_ms + _LONGEST_KEPT_MS)

    def _recover(self) -> None:
        """Nothing is wrong with the account any more."""
        if self.trouble is not None:
            self._rests.end(self.account)
        self.trouble, self._rest_ms = None, _REST_MS


def _weights(watched: Sequence[Watch]) -> Floats:
    return np.array([_LOST if watch.pushing is Pushing.PROMISED else 1.0 for watch in watched])


def _at(column: npt.NDArray[Any], place: Ints, else_: npt.NDArray[Any]) -> Ints:
    """The values of a column at some places; where a place is -1, others."""
    found = else_.astype(np.int64)
    found[place >= 0] = column[place[place >= 0]]
    return found


def _noted(checked: _Checked, now_ms: int, next_ms: int, chance: int) -> Watch:
    """A watch behind its check."""
    watch = checked.watch
    match checked.told:
        case None:
            return msgspec.structs.replace(watch, next_ms=next_ms, chance=chance)
        case Told.REFUSED:
            rest_ms = min(_REFUSED_MS << min(watch.failures, 8), _LONGEST_REFUSED_MS)
            return msgspec.structs.replace(
                watch, told=Told.REFUSED, failures=watch.failures + 1, next_ms=now_ms + rest_ms, chance=None
            )
        case told:
            return msgspec.structs.replace(
                watch, told=told, asked_ms=now_ms, failures=0, next_ms=next_ms, chance=chance
            )


def _ended(watch: Watch, why: Told) -> Watch:
    return msgspec.structs.replace(watch, told=why, next_ms=None, chance=None)


def _batches(all_: Sequence[T], most: int) -> list[Sequence[T]]:
    return [all_[start : start + most] for start in range(0, len(all_), most)]
