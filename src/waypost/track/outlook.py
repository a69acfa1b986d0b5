"""When a parcel was asked after, when it will be again and why then, as people and programs are told it."""

import contextlib
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from waypost.model.errors import NotFound
from waypost.model.instants import format_known, format_utc
from waypost.track.carriers import Asked
from waypost.track.polling import Poller, Round
from waypost.track.watches import Pushing, Told, Watch, Watches


class Why(StrEnum):
    """Why a waybill is asked after when it is, or not at all. The words are kept; they never change."""

    LIKELY = "likely"  #: by then it has a scan that nobody has seen with a chance of `chance` per cent
    PUSHED = "pushed"  #: its scans are pushed; with that chance one is there by then, and may have been lost
    TURN = "turn"  #: it could be asked now; calls go to parcels first for which they are worth more
    REFUSED = "refused"  #: the carrier refused it; it is tried again, alone, later each time
    RESTING = "resting"  #: its account could not be asked, and rests
    BUDGET = "budget"  #: its account has no calls to ask with
    OVER = "over"  #: it is delivered, returned or cancelled
    SILENT = "silent"  #: nothing was heard of it for two months


class WatchView(msgspec.Struct, frozen=True, kw_only=True):
    """A watched waybill. Instants are UTC.

    Attributes:
        since: when the watch began.
        last_checked: when its carrier last answered for it; None if it never did.
        next_check: when it is asked after next; None if it is not.
        why: that is so; `chance` per cent where it is about one.
        told: what the last check gave.
        pushing: whether the carrier pushes its scans.
    """

    account: str
    carrier: str
    number: str
    since: str
    last_checked: str | None
    next_check: str | None
    why: Why
    chance: int | None
    told: Told
    pushing: Pushing


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """How the polling through an account goes.

    Attributes:
        polls_per_hour: its budget, in calls; `at_once` waybills in each.
        watched: waybills whose watch goes on, `due` those of them whose time has come, `ended` those that are over.
        trouble: why it cannot be asked now, and `rests_until` when it is tried again; None if all is well.
    """

    account: str
    carrier: str
    polls_per_hour: int
    at_once: int
    watched: int
    due: int
    ended: int
    trouble: str | None
    rests_until: str | None


class WatchPage(msgspec.Struct, frozen=True):
    """Some waybills that an account watches, by number; `next` is the cursor for more, None at the end.

    How the account stands is told with the first page alone.
    """

    account: AccountView | None
    watches: list[WatchView]
    next: str | None


class Outlook:
    """What is asked after, through which account.

    Args:
        pollers: by account; they may come later.
    """

    def __init__(self, watches: Watches, pollers: Mapping[str, Poller]) -> None:
        self._watches = watches
        self._pollers = pollers

    def watch(self, account: str, wanted: Sequence[Asked], now_ms: int) -> int:
        """Begin to ask after some waybills; how many were not watched yet.

        Raises:
            NotFound: there is no such account, or its carrier cannot be asked.
        """
        self._get(account)
        return self._watches.begin(account, wanted, now_ms)

    def follow(self, account: str, booked: Sequence[Asked], now_ms: int) -> None:
        """Begin to ask after waybills that were just booked, if their carrier can be asked."""
        if account in self._pollers:
            self._watches.begin(account, booked, now_ms)

    def forget(self, account: str, number: str) -> None:
        """Ask no more after a waybill, if anybody did."""
        with contextlib.suppress(NotFound):
            self._watches.end(account, number)

    def end(self, account: str, number: str) -> None:
        """Ask no more.

        Raises:
            NotFound: it is not asked after.
        """
        self._get(account)
        self._watches.end(account, number)

    def list_accounts(self, now_ms: int) -> list[AccountView]:
        """The accounts that can be asked."""
        return [self._view_account(poller, now_ms) for _, poller in sorted(self._pollers.items())]

    def list_page(self, account: str, after: str | None, limit: int, now_ms: int) -> WatchPage:
        """A page of what an account watches.

        Raises:
            NotFound: there is no such account, or its carrier cannot be asked.
            BadInput: the cursor is none of ours.
        """
        poller = self._get(account)
        found, cursor = self._watches.list_page(account, after, limit)
        of_account = None if after else self._view_account(poller, now_ms)
        return WatchPage(of_account, [_view(each, poller, now_ms) for each in found], cursor)

    def find(self, carrier: str, number: str, now_ms: int) -> list[WatchView]:
        """How a waybill is asked after, through each account that does."""
        found = []
        for account, poller in sorted(self._pollers.items()):
            if poller.carrier == carrier:
                found += [_view(each, poller, now_ms) for each in self._watches.find(account, [number])]
        return found

    def list_counts(self) -> list[tuple[str, Round, bool]]:
        """By account what all rounds since the start did together, and whether it cannot be asked now."""
        return [(account, each.all, each.trouble is not None) for account, each in sorted(self._pollers.items())]

    def _get(self, account: str) -> Poller:
        poller = self._pollers.get(account)
        if poller is None:
            raise NotFound(
                f"there is no account {account[:64]!r} with a carrier that can be asked",
                mend="Accounts stand in waypost.toml under [accounts.NAME].",
            )
        return poller

    def _view_account(self, poller: Poller, now_ms: int) -> AccountView:
        counts = self._watches.count(poller.account, now_ms)
        is_resting = poller.rests_until_ms > now_ms
        return AccountView(
            account=poller.account,
            carrier=poller.carrier,
            polls_per_hour=int(poller.turns.per_hour),
            at_once=poller.turns.at_once,
            watched=counts.watched,
            due=counts.due,
            ended=counts.ended,
            trouble=poller.trouble,
            rests_until=format_utc(poller.rests_until_ms) if is_resting else None,
        )


def _view(watch: Watch, poller: Poller, now_ms: int) -> WatchView:
    why = _why(watch, poller, now_ms)
    is_asked = why not in (Why.BUDGET, Why.OVER, Why.SILENT) and watch.next_ms is not None
    next_ms = max(watch.next_ms or 0, now_ms, poller.rests_until_ms)
    return WatchView(
        account=watch.account,
        carrier=poller.carrier,
        number=watch.number,
        since=format_utc(watch.since_ms),
        last_checked=format_known(watch.asked_ms),
        next_check=format_utc(next_ms) if is_asked else None,
        why=why,
        chance=watch.chance if why in (Why.LIKELY, Why.PUSHED) else None,
        told=watch.told,
        pushing=watch.pushing,
    )


def _why(watch: Watch, poller: Poller, now_ms: int) -> Why:
    if watch.next_ms is None:
        return Why.SILENT if watch.told is Told.SILENT else Why.OVER
    if not poller.turns.per_hour:
        return Why.BUDGET
    if poller.rests_until_ms > now_ms:
        return Why.RESTING
    if watch.failures:
        return Why.REFUSED
    if watch.next_ms <= now_ms:
        return Why.TURN
    return Why.PUSHED if watch.pushing is Pushing.PROMISED else Why.LIKELY
