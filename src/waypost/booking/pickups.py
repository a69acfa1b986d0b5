"""Pick-ups: a carrier is asked to come for parcels on a day, once, and told when it need not.

Before it is asked that is written down, and its answer before anybody is told. What ended in doubt is never asked again
by itself: a second courier may come.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Protocol

import msgspec
from sqlalchemy import and_, insert, not_, or_, select, update
from sqlalchemy.engine import Row

from waypost.access.sealed import SealedColumn, search_sealed
from waypost.access.sealing import Seal
from waypost.booking.issuing import Address, Grams, Line, whole
from waypost.booking.people import Sought
from waypost.booking.records import pickups
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, Conflict, NotFound, WaypostError
from waypost.model.guarded import Guarded
from waypost.model.texts import refuse_control
from waypost.store.protocols import Records
from waypost.store.repeats import is_made
from waypost.track.carriers import CarrierPuzzling, InDoubt

#: So long whoever asks has it for itself; who died meanwhile leaves it in doubt.
_LEASE_MS = 5 * 60_000
_MOST_WHY = 400
#: So many are looked up, or erased, at one time.
_AT_ONCE = 300
_LOOK = "Look for it at the carrier; if nobody comes, ask for another one."


class PickupState(StrEnum):
    """How far a pick-up is. The words are kept; they never change."""

    ASKED = "asked"  #: its carrier was asked, and what became of that is not known yet
    BOOKED = "booked"
    REFUSED = "refused"  #: the carrier will not; says why
    DOUBTFUL = "doubtful"  #: a courier may come, and nobody knows
    CANCELLED = "cancelled"


class PickupOrder(Guarded, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a merchant wants fetched.

    Attributes:
        address: where the courier comes to, and who hands over.
        day: `YYYY-MM-DD` of that place.
        parcels, weight_g: how many, and together.
        remark: for the courier.
        account: with the carrier, or "" for the only one whose carrier can be asked.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("day", "parcels", "weight_g", "account")

    address: Address
    day: Annotated[str, msgspec.Meta(pattern=whole("[0-9]{4}-[0-9]{2}-[0-9]{2}"))]
    parcels: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    weight_g: Grams
    remark: Line = ""
    account: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """That a courier comes: the carrier's number of the pick-up, its day, and who answered."""

    number: str
    day: str
    channel: str


class PickupIssuer(Protocol):
    """Asks one account's carrier to come."""

    def fetch(self, order: PickupOrder) -> Fetched:
        """Have it come.

        Raises:
            track.carriers.InDoubt: it may come, and nobody knows.
            track.carriers.CarrierError: says why it does not come.
        """

    def cancel_pickup(self, number: str) -> None:
        """Have it not come.

        Raises:
            track.carriers.CarrierError: the carrier will not, or does not know it.
        """


class Pickup(Guarded, frozen=True, kw_only=True):
    """A pick-up as it is kept. `number` is the carrier's, "" before there is one; `why` of one that is not booked."""

    SHOWN: ClassVar[tuple[str, ...]] = ("id", "state", "account", "number", "day", "made_ms")

    id: str
    state: PickupState
    account: str
    number: str
    day: str
    channel: str
    why: str
    made_ms: int
    order: PickupOrder


class Pickups:
    """The pick-ups of merchants. What a merchant does not own is not found.

    Args:
        issuers: by account.
        seal: for what merchants send, which names people.
    """

    def __init__(
        self,
        records: Records,
        issuers: Mapping[str, PickupIssuer],
        seal: Callable[[], Seal],
        clock: Callable[[], int],
    ) -> None:
        self._records = records
        self._issuers = issuers
        self._seal = seal
        self._clock = clock

    def ask(self, merchant: str, id_: str, order: PickupOrder, asked: str = "") -> Pickup:
        """Have a courier come. The same id again changes nothing.

        Args:
            asked: by what a repeat is known; see `repeats.is_made`.

        Raises:
            BadInput: it cannot be; or it names no account whose carrier can be asked.
            KeyReused: under that id something else was asked for.
            Conflict: it is being asked for this moment.
        """
        account = self._choose_account(order.account)
        _check(order)
        now_ms = self._clock()
        row = {
            "id": id_,
            "merchant": merchant,
            "account": account,
            "state": PickupState.ASKED.value,
            "day": order.day,
            "made_ms": now_ms,
            "until_ms": now_ms + _LEASE_MS,
            "body": self._seal().seal(msgspec.json.encode(order), id_),
            "asked": asked,
        } | dict.fromkeys(("number", "channel", "why"), "")
        with self._records.begin() as connection:
            if not (was_asked := is_made(connection, pickups, id_, asked)):
                connection.execute(insert(pickups).values(row))
        if was_asked:
            return self._get_settled(merchant, id_)
        state, told = PickupState.DOUBTFUL, {"why": _LOOK}
        try:
            fetched = self._issuers[account].fetch(order)
            state = PickupState.BOOKED
            told = {"number": fetched.number[:64], "day": fetched.day, "channel": fetched.channel[:120]}
        except (InDoubt, CarrierPuzzling) as error:
            told = {"why": f"{error.message}. {_LOOK}"}
        except WaypostError as error:
            state, told = PickupState.REFUSED, {"why": str(error)}
        finally:
            self._settle(id_, state, told, order)
        return self.get(merchant, id_)

    def cancel(self, merchant: str, id_: str) -> Pickup:
        """Have the courier not come; one that was cancelled or never booked stays as it is.

        Its carrier is told by one at a time: who comes second would be refused what was done.

        Raises:
            NotFound: the merchant has none of that id.
            Conflict: it is being asked for or cancelled, or nobody knows whether a courier comes.
            CarrierError: the carrier will not.
        """
        self._get_settled(merchant, id_)
        with self._holding(id_) as is_held:
            kept = self.get(merchant, id_)
            if kept.state is PickupState.DOUBTFUL:
                raise Conflict("nobody knows whether a courier comes", mend="See to it at the carrier.")
            if kept.state is not PickupState.BOOKED:
                return kept
            if not is_held:
                raise Conflict("it is being cancelled this moment", mend="Try again soon.")
            if kept.account not in self._issuers:
                raise Conflict(f"the account {kept.account!r} is not there any more")
            self._issuers[kept.account].cancel_pickup(kept.number)
            self._settle(id_, PickupState.CANCELLED, {}, kept.order)
        return self.get(merchant, id_)

    def get(self, merchant: str, id_: str) -> Pickup:
        """One of them.

        Raises:
            NotFound: the merchant has none of that id.
        """
        is_meant = and_(pickups.c.id == id_, pickups.c.merchant == merchant)
        with self._records.read() as connection:
            row = connection.execute(select(pickups).where(is_meant, pickups.c.body.is_not(None))).one_or_none()
        if row is None:
            raise NotFound(f"no pick-up has the id {id_[:40]!r}", mend="`GET /v1/pickups` lists them.")
        return self._open(row)

    def list_page(self, merchant: str, after: str | None, limit: int) -> tuple[list[Pickup], str | None]:
        """Some of them, newest first, and the cursor for more, None at the end.

        Raises:
            BadInput: the cursor is none of ours.
        """
        key = read_cursor(after, tuple[int, str])
        made, id_ = pickups.c.made_ms, pickups.c.id
        asked = select(pickups).where(pickups.c.merchant == merchant, pickups.c.body.is_not(None))
        if key is not None:
            asked = asked.where(or_(made < key[0], and_(made == key[0], id_ > key[1])))
        with self._records.read() as connection:
            rows = connection.execute(asked.order_by(made.desc(), id_).limit(limit + 1)).all()
        page = [self._open(row) for row in rows[:limit]]
        return page, write_cursor((page[-1].made_ms, page[-1].id)) if len(rows) > limit else None

    def find(self, sought: Sought, damaged: list[str]) -> list[Pickup]:
        """Those, whosever, at which a person hands over. None for the number of an order: a pick-up has none.

        Args:
            damaged: gets the ids of those that do not open.
        """
        if sought.reference.strip():
            return []

        def is_meant(body: bytes) -> bool:
            return sought.is_at(decode(body, PickupOrder).address)

        ids = list(search_sealed(self._records, SealedColumn(pickups, is_all=False), self._seal(), is_meant, damaged))
        found: list[Pickup] = []
        for start in range(0, len(ids), _AT_ONCE):
            some = and_(pickups.c.id.in_(ids[start : start + _AT_ONCE]), pickups.c.body.is_not(None))
            with self._records.read() as connection:
                found += [
                    self._open(row) for row in connection.execute(select(pickups).where(some).order_by(pickups.c.id))
                ]
        return found

    def erase(self, ids: Sequence[str]) -> list[str]:
        """Erase who hands over, and where; that a carrier was asked stays. Those of which one is told now are left.

        Returns:
            the ids of what was left.
        """
        is_held = pickups.c.until_ms > self._clock()
        left: list[str] = []
        for start in range(0, len(ids), _AT_ONCE):
            some = pickups.c.id.in_(ids[start : start + _AT_ONCE])
            with self._records.begin() as connection:
                connection.execute(update(pickups).where(some, not_(is_held)).values(body=None, why="", asked=None))
                left += connection.execute(select(pickups.c.id).where(some, pickups.c.body.is_not(None))).scalars()
        return left

    @contextmanager
    def _holding(self, id_: str) -> Iterator[bool]:
        """Have one for oneself; False if another has it."""
        now_ms = self._clock()
        is_free = and_(pickups.c.id == id_, pickups.c.until_ms <= now_ms)
        with self._records.begin() as connection:
            taking = update(pickups).where(is_free).values(until_ms=now_ms + _LEASE_MS)
            is_held = bool(connection.execute(taking).rowcount)
        try:
            yield is_held
        finally:
            if is_held:
                with self._records.begin() as connection:
                    connection.execute(update(pickups).where(pickups.c.id == id_).values(until_ms=0))

    def _get_settled(self, merchant: str, id_: str) -> Pickup:
        """One that nobody asks for this moment; who died while asking left it in doubt."""
        dead = and_(
            pickups.c.id == id_,
            pickups.c.merchant == merchant,
            pickups.c.state == PickupState.ASKED.value,
            pickups.c.until_ms <= self._clock(),
        )
        with self._records.begin() as connection:
            left = {"state": PickupState.DOUBTFUL.value, "why": f"the answer was lost. {_LOOK}"}
            connection.execute(update(pickups).where(dead).values(left))
        kept = self.get(merchant, id_)
        if kept.state is PickupState.ASKED:
            raise Conflict("the carrier is being asked this moment", mend="Try again soon.")
        return kept

    def _settle(self, id_: str, state: PickupState, told: Mapping[str, str], order: PickupOrder) -> None:
        values: dict[str, str | int] = {"state": state.value, "until_ms": 0, **told}
        if "why" in told:
            values["why"] = _scrub(told["why"], order.address)[:_MOST_WHY]
        with self._records.begin() as connection:
            connection.execute(update(pickups).where(pickups.c.id == id_).values(values))

    def _choose_account(self, named: str) -> str:
        accounts = sorted(self._issuers)
        if named in accounts or (not named and len(accounts) == 1):
            return named or accounts[0]
        wrong = f"the carrier of {named[:64]!r} cannot be asked to come" if named else "is missing"
        raise BadInput(wrong, where="account", mend=f"Those that can be: {', '.join(accounts) or 'none'}.")

    def _open(self, row: Row[Any]) -> Pickup:
        state, why = PickupState(row.state), row.why
        if state is PickupState.ASKED and row.until_ms <= self._clock():  # who asked died over it
            state, why = PickupState.DOUBTFUL, _LOOK
        return Pickup(
            id=row.id,
            state=state,
            account=row.account,
            number=row.number,
            day=row.day,
            channel=row.channel,
            why=why,
            made_ms=row.made_ms,
            order=decode(self._seal().open(row.body, row.id), PickupOrder),
        )


def _check(order: PickupOrder) -> None:
    refuse_control(order.remark, "remark")
    for name in Address.__struct_fields__:
        refuse_control(getattr(order.address, name), f"address.{name}")
    try:
        dt.date.fromisoformat(order.day)
    except ValueError:
        raise BadInput("is no day of the calendar", where="day") from None


def _scrub(why: str, address: Address) -> str:
    """What a carrier said, without what it repeated of people."""
    for name in ("email", "street", "company", "name", "phone"):
        if len(text := getattr(address, name).strip()) > 1:
            why = why.replace(text, "…")
    return why
