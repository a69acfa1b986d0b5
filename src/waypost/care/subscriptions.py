"""Webhooks: which merchant wants to be told of which statuses, where, and how it knows that it is us."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from waypost.access.records import parties
from waypost.access.sealing import Seal
from waypost.care.records import deliveries, webhooks
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.model.guarded import Guarded
from waypost.model.instants import DAY_MS
from waypost.model.standard_webhooks import write_secret
from waypost.store.protocols import Records
from waypost.store.repeats import reused
from waypost.track.statuses import find_status_by_code

MOST_URL = 2000
#: Of one merchant.
MOST_WEBHOOKS = 20
#: So long an old secret signs beside the new one.
OVERLAP_MS = DAY_MS
_KEY_BYTES = 32
_MOST_WHY = 200
#: For so long a request that is repeated gets the secret again; so much of what was asked stands in the id.
_REPEAT_MS = DAY_MS
_ASKED_DIGITS = 12


class Webhook(Guarded, frozen=True, kw_only=True):
    """Where a merchant is told of its parcels. Addresses may hold keys of the merchant's, so they are not shown.

    Attributes:
        statuses: those that it is told of; none: all.
        paused_ms: since when nothing is sent; what happens meanwhile waits.
        why: it is paused.
        old_until_ms: until then the secret before this one signs too.
        missed_ms: when it came out that some changes had gone, of which it was never told.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("id", "party", "statuses", "made_ms", "paused_ms", "why", "missed_ms")

    id: str
    party: str
    url: str
    statuses: tuple[str, ...]
    made_ms: int
    paused_ms: int | None = None
    why: str = ""
    old_until_ms: int | None = None
    missed_ms: int | None = None


class Subscriptions:
    """The webhooks in `Records`. What a merchant does not own is not found.

    Args:
        check_url: raises BadInput for an address that nothing may be sent to.
        seal: for secrets.
        token: gives some bytes that nobody can guess.
    """

    def __init__(
        self,
        records: Records,
        seal: Callable[[], Seal],
        token: Callable[[int], bytes],
        check_url: Callable[[str], None],
    ) -> None:
        self._records = records
        self._seal = seal
        self._token = token
        self._check_url = check_url

    def add(
        self, party: str, url: str, statuses: Sequence[str], now_ms: int, *, id_: str = "", asked: str = ""
    ) -> tuple[Webhook, str]:
        """A new one, which is told of what changes from now on; and its secret, of which this is the only copy.

        Args:
            id_, asked: under which it is made once, and by what a repeat is known; for a day that gets the secret too.
                Its own id holds both.

        Raises:
            BadInput: nothing may be sent to that address, or a status is none.
            KeyReused: another request made something under the id.
            Conflict: the merchant has as many as it may; or it was made already, and the secret is told no more.
        """
        self._check_url(url)
        own = f"{id_}{asked[:_ASKED_DIGITS]}" if id_ and asked else f"whk_{self._token(10).hex()}"
        made = Webhook(id=own, party=party, url=url, statuses=_check_statuses(statuses), made_ms=now_ms)
        secret = self._token(_KEY_BYTES)
        row = {
            "id": made.id,
            "party": party,
            "url": url,
            "statuses": ",".join(made.statuses),
            "secret": self._seal().seal(secret, made.id),
            "made_ms": now_ms,
            "why": "",
        }
        with self._records.begin() as connection:
            if id_ and asked and (found := _find_made(connection, party, id_)) is not None:
                return self._tell_again(found, own, now_ms)
            if connection.execute(select(func.count()).where(webhooks.c.party == party)).scalar_one() >= MOST_WEBHOOKS:
                raise Conflict(f"there are {MOST_WEBHOOKS} webhooks already", mend="Remove one first.")
            connection.execute(insert(webhooks).values(row))
        return made, write_secret(secret)

    def _tell_again(self, row: Row[Any], own: str, now_ms: int) -> tuple[Webhook, str]:
        if row.id != own:
            raise reused()
        if row.old_secret is not None or now_ms >= row.made_ms + _REPEAT_MS:
            mend = f"Make another by POST /v1/webhooks/{row.id}/rotate."
            raise Conflict("it was made already, and its secret is told no more", mend=mend)
        return _webhook(row), write_secret(self._seal().open(row.secret, row.id))

    def get(self, party: str, id_: str) -> Webhook:
        """One of a merchant's.

        Raises:
            NotFound: it has none of that id.
        """
        with self._records.read() as connection:
            return _get(connection, party, id_)

    def list_all(self, party: str) -> list[Webhook]:
        """All of a merchant's, the oldest first."""
        asked = select(webhooks).where(webhooks.c.party == party).order_by(webhooks.c.made_ms, webhooks.c.id)
        with self._records.read() as connection:
            return [_webhook(row) for row in connection.execute(asked)]

    def change(
        self,
        party: str,
        id_: str,
        now_ms: int,
        *,
        url: str | None = None,
        statuses: Sequence[str] | None = None,
        is_paused: bool | None = None,
    ) -> Webhook:
        """Another address or other statuses from now on, a pause or its end; None leaves it as it is.

        Raises:
            NotFound: the merchant has none of that id.
            BadInput: nothing may be sent to that address, or a status is none.
        """
        values: dict[str, Any] = {}
        if url is not None:
            self._check_url(url)
            values["url"] = url
        if statuses is not None:
            values["statuses"] = ",".join(_check_statuses(statuses))
        if is_paused is not None:
            values |= {"paused_ms": now_ms if is_paused else None, "why": "its merchant asked for it" * is_paused}
        with self._records.begin() as connection:
            _get(connection, party, id_)
            if values:
                connection.execute(update(webhooks).where(webhooks.c.id == id_).values(values))
            if is_paused is False:  # what was tried before the pause has all its time again
                waiting = update(deliveries).where(deliveries.c.webhook == id_, deliveries.c.state == "waiting")
                connection.execute(waiting.values(next_ms=now_ms, begun_ms=None, tries=0))
            return _get(connection, party, id_)

    def rotate(self, party: str, id_: str, now_ms: int) -> tuple[Webhook, str]:
        """Another secret, shown this once; the one before signs beside it for `OVERLAP_MS`.

        Raises:
            NotFound: the merchant has none of that id.
        """
        secret = self._token(_KEY_BYTES)
        sealed = self._seal().seal(secret, id_)
        with self._records.begin() as connection:
            _get(connection, party, id_)
            changing = update(webhooks).where(webhooks.c.id == id_)
            values = {"old_secret": webhooks.c.secret, "old_until_ms": now_ms + OVERLAP_MS, "secret": sealed}
            connection.execute(changing.values(values))
            return _get(connection, party, id_), write_secret(secret)

    def remove(self, party: str, id_: str) -> None:
        """Tell it nothing more, and forget what it was told.

        Raises:
            NotFound: the merchant has none of that id.
        """
        with self._records.begin() as connection:
            _get(connection, party, id_)
            connection.execute(delete(webhooks).where(webhooks.c.id == id_))

    def pause(self, id_: str, why: str, now_ms: int) -> None:
        """Send it nothing until its merchant ends that."""
        values = {"paused_ms": now_ms, "why": why[:_MOST_WHY]}
        with self._records.begin() as connection:
            connection.execute(
                update(webhooks).where(webhooks.c.id == id_, webhooks.c.paused_ms.is_(None)).values(values)
            )

    def open_secrets(self, id_: str, now_ms: int) -> list[str]:
        """Those that sign now, the newest first.

        Raises:
            NotFound: it was removed.
            StoreDamaged: one does not open.
        """
        asked = select(webhooks.c.secret, webhooks.c.old_secret, webhooks.c.old_until_ms).where(webhooks.c.id == id_)
        with self._records.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            raise _no_such(id_)
        sealed = [row.secret]
        if row.old_secret is not None and now_ms < (row.old_until_ms or 0):
            sealed.append(row.old_secret)
        return [write_secret(self._seal().open(each, id_)) for each in sealed]


def list_subscribed(connection: Connection, merchants: Sequence[str] | None = None) -> list[Webhook]:
    """The webhooks of merchants that take part, or of some of them, paused ones too."""
    asked = select(webhooks).join(parties, parties.c.id == webhooks.c.party).where(parties.c.ended_ms.is_(None))
    if merchants is not None:
        asked = asked.where(webhooks.c.party.in_(list(merchants)))
    return [_webhook(row) for row in connection.execute(asked.order_by(webhooks.c.id))]


def _check_statuses(statuses: Sequence[str]) -> tuple[str, ...]:
    for status in statuses:
        found = find_status_by_code(status)
        if found is None or found.phase < 0:
            raise BadInput(f"{status[:40]!r} is no status of a parcel", where="statuses", mend="See GET /v1/statuses.")
    return tuple(dict.fromkeys(statuses))


def _get(connection: Connection, party: str, id_: str) -> Webhook:
    row = connection.execute(select(webhooks).where(webhooks.c.id == id_, webhooks.c.party == party)).one_or_none()
    if row is None:
        raise _no_such(id_)
    return _webhook(row)


def _find_made(connection: Connection, party: str, id_: str) -> Row[Any] | None:
    """The one whose id begins so."""
    asked = select(webhooks).where(webhooks.c.party == party, webhooks.c.id.startswith(id_, autoescape=True))
    return connection.execute(asked).one_or_none()


def _no_such(id_: str) -> NotFound:
    return NotFound(f"no webhook has the id {id_[:40]!r}", mend="`GET /v1/webhooks` lists them.")


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        party=row.party,
        url=row.url,
        statuses=tuple(row.statuses.split(",")) if row.statuses else (),
        made_ms=row.made_ms,
        paused_ms=row.paused_ms,
        why=row.why,
        old_until_ms=row.old_until_ms,
        missed_ms=row.missed_ms,
    )
