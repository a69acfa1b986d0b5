"""What a server sees to now and then, beside serving; and `waypost admin forget-pushes`."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from waypost.app.console import legible, out, tell_cut
from waypost.app.seals import Seals
from waypost.app.settings import read_settings
from waypost.app.wiring import House, open_house
from waypost.engines.local.formats import read_formats
from waypost.engines.local.home import open_records
from waypost.model.errors import BadInput, HomeInUse, NotFound
from waypost.model.instants import DAY_MS, EARLIEST_MS
from waypost.track.pushes import RawPushes

_EVERY_S = 3600.0
_PATIENCE_S = 10.0


class Housekeeping:
    """Does all chores at once and then every hour, in a thread of its own, until it is stopped.

    Args:
        chores: by what they are called in the journal; each says how much there was to do.
    """

    def __init__(
        self, chores: Mapping[str, Callable[[], int]], journal: FilteringBoundLogger, every_s: float = _EVERY_S
    ) -> None:
        self._chores = chores
        self._journal = journal
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="housekeeping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Do no more. What is under way ends within reason: it goes on another time."""
        self._stopping.set()
        self._thread.join(_PATIENCE_S)

    def _go_on(self) -> None:
        while not self._stopping.is_set():
            for name, chore in self._chores.items():
                self._do(name, chore)
            self._stopping.wait(self._every_s)

    def _do(self, name: str, chore: Callable[[], int]) -> None:
        try:
            done = chore()
        except Exception as error:  # the next time it may do
            self._journal.error("a chore failed", chore=name, exc_info=error)
            return
        if done:
            self._journal.info("chore", chore=name, done=done)


def chores_of(house: House, clock: Callable[[], int]) -> dict[str, Callable[[], int]]:
    """What the settings of a house ask for."""
    told_ms = round(house.settings.webhooks.keep_days * DAY_MS)
    mailed_ms = round(house.settings.mail.keep_days * DAY_MS)
    alerts_ms = round(house.settings.alerts.keep_days * DAY_MS)
    chores = {
        "forget old deliveries": lambda: house.deliveries.forget(clock() - told_ms),
        "forget old notices": lambda: house.notices.forget(clock() - mailed_ms),
        "forget old alerts": lambda: house.alerts.forget(clock() - alerts_ms),
        "learn sort codes": lambda: house.lessons.learn(clock()),
    }
    order_days = house.settings.retention.order_days
    if order_days:
        order_ms = round(order_days * DAY_MS)
        chores["erase people from old orders"] = lambda: house.erasure.erase_old(clock(), order_ms)
    proof_days = house.settings.retention.proof_days
    if proof_days:
        proof_ms = round(proof_days * DAY_MS)
        chores["forget old proofs"] = lambda: house.proofs.forget(clock() - proof_ms)
    days = house.settings.track.push_days
    if not days:
        return chores
    keep_ms = round(days * DAY_MS)
    return chores | {
        "forget old pushes": lambda: house.pushes.raw.forget(clock() - keep_ms),
        "forget old labels": lambda: house.labels.forget(clock() - keep_ms),
        "forget old files": lambda: house.files.forget(clock() - keep_ms),
        "forget watches that have ended": lambda: house.watches.forget_ended(clock() - keep_ms),
    }


def forget_pushes(before: str | None, account: str | None, *, dry_run: bool, home: Path | None, as_json: bool) -> None:
    """Remove the bodies of pushes that came before a day, or of an account; or say how many there are."""
    if before is None and account is None:
        raise BadInput("neither --before nor --account is given", mend="Say which pushes are meant.")
    before_ms = None if before is None else day_ms(before, "--before")
    with _raw_pushes(home) as raw:
        found = raw.count(before_ms, account) if dry_run else raw.forget(before_ms, account)
    if as_json:
        out({"pushes": found, "before": before, "account": account, "forgotten": not dry_run})
        return
    of = "" if account is None else f" of {legible(account)}"
    until = "" if before is None else f" from before {before}"
    print(f"{'would forget' if dry_run else 'forgot'} {found} pushes{of}{until}")


@contextmanager
def _raw_pushes(home: Path | None) -> Iterator[RawPushes]:
    """The pushes that a home keeps, whether a server runs over it or not."""
    settings = read_settings(home=home)
    if not read_formats(settings.home):
        raise NotFound(f"nothing is kept in {settings.home}", mend="Name the folder by --home.")
    try:
        with open_house(settings) as house:
            tell_cut(house.home.health().cut)
            yield house.pushes.raw
    except HomeInUse:
        records = open_records(settings.home)
        try:
            yield RawPushes(records, Seals(settings.home, records))
        finally:
            records.close()


def day_ms(text: str, where: str) -> int:
    """When a day begins that somebody wrote, in UTC.

    Raises:
        BadInput: it is none.
    """
    try:
        day = dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC)
    except ValueError:
        raise BadInput(f"{text[:40]!r} is no day", where=where, mend="Write it as 2026-11-22.") from None
    return max(int(day.timestamp() * 1000), EARLIEST_MS)
