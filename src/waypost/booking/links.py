"""Links for consignees: each booked parcel has one that nobody can guess, until some days after it arrived.

A token is 160 random bits. It is kept sealed, so that it can be told again to the merchant, and by its digest, so that
who comes with it is found; who reads the database alone can open no page. A link is made when it is asked for first.
"""

import base64
import hashlib
import re
from collections.abc import Callable

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from waypost.access.parties import find_name
from waypost.access.sealing import Seal
from waypost.access.trail import Trail
from waypost.booking.erasure import SILENT_MS, FindEndings
from waypost.booking.order_book import OrderBook
from waypost.booking.orders import KeptOrder, OrderParcel, ParcelState
from waypost.booking.people import refuse_erased
from waypost.booking.records import links, order_parcels
from waypost.model.carriage import Waybill
from waypost.model.errors import Conflict, NotFound
from waypost.store.protocols import Records

TOKEN_BYTES = 20
_TOKEN = re.compile("[a-z2-7]{32}")  # base32 of so many bytes, which no mail program breaks or changes


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What a link leads to: one parcel of an order, for the one who receives it.

    Attributes:
        merchant: its name.
    """

    kept: KeptOrder
    parcel: OrderParcel
    merchant: str

    @property
    def waybill(self) -> Waybill:
        """Of the parcel."""
        return Waybill(self.parcel.carrier, self.parcel.number)


class Links:
    """The links in `Records`.

    Args:
        token: gives some bytes that nobody can guess.
        find_endings: how far parcels are.
        days_ms: so long after a parcel arrived its link leads to it.
    """

    def __init__(
        self,
        records: Records,
        book: OrderBook,
        seal: Callable[[], Seal],
        token: Callable[[int], bytes],
        find_endings: FindEndings,
        days_ms: int,
    ) -> None:
        self._records = records
        self._book = book
        self._seal = seal
        self._token = token
        self._find_endings = find_endings
        self._days_ms = days_ms

    def tell(self, merchant: str, id_: str, piece: int, now_ms: int) -> str:
        """The token of one parcel, by its place in the order from 0; the same until it is made anew.

        Raises:
            NotFound: the merchant has no such order, or it has no such parcel.
            Conflict: it is not booked, or who it goes to was erased.
            StoreDamaged: it does not open.
        """
        parcel = self._get_parcel(merchant, id_, piece)
        with self._records.begin() as connection:
            return self.tell_in(connection, parcel.reference, now_ms)

    def tell_in(self, connection: Connection, reference: str, now_ms: int) -> str:
        """The same of a booked parcel, by its reference, in the transaction of whoever tells others of it."""
        connection.execute(select(order_parcels.c.id).where(order_parcels.c.id == reference).with_for_update())
        found = connection.execute(select(links.c.token).where(links.c.id == reference)).scalar_one_or_none()
        if found is not None:  # two who ask at once are told the same
            return self._seal().open(found, reference).decode()
        return self._make(connection, reference, now_ms)

    def renew(self, merchant: str, id_: str, piece: int, now_ms: int, by: str) -> str:
        """Another token for a parcel; the one before leads nowhere from now on. Errors as for `tell`.

        Args:
            by: who renews it, as in the audit trail.
        """
        parcel = self._get_parcel(merchant, id_, piece)
        with self._records.begin() as connection:
            connection.execute(delete(links).where(links.c.id == parcel.reference))
            Trail.write(connection, by, "page.renewed", parcel.reference, now_ms)
            return self._make(connection, parcel.reference, now_ms)

    def open(self, token: str, now_ms: int) -> Opened:
        """What a token leads to. What leads nowhere any more is not told from what never led anywhere.

        Raises:
            NotFound: nowhere.
            StoreDamaged: the order does not open.
        """
        digest = _digest(token)  # of whatever it is: each costs the same look
        joined = links.join(order_parcels, order_parcels.c.id == links.c.id)
        asked = select(order_parcels.c.order_id, order_parcels.c.piece).select_from(joined)
        with self._records.read() as connection:
            row = connection.execute(asked.where(links.c.digest == digest)).one_or_none()
        if row is not None and _TOKEN.fullmatch(token):
            kept = self._book.get(None, row.order_id)
            parcel = kept.parcels[row.piece]
            is_open = kept.erased_ms is None and parcel.state is ParcelState.BOOKED
            if is_open and now_ms < self._ends_ms(parcel):
                with self._records.read() as connection:
                    return Opened(kept=kept, parcel=parcel, merchant=find_name(connection, kept.merchant))
        raise NotFound("this link leads nowhere, or not any more")

    def _ends_ms(self, parcel: OrderParcel) -> int:
        waybill = Waybill(parcel.carrier, parcel.number)
        ending = self._find_endings([waybill]).get(waybill)
        if ending is not None and ending.is_over and ending.at_ms is not None:
            return ending.at_ms + self._days_ms
        heard_ms = ending.at_ms if ending is not None and ending.at_ms is not None else 0
        return max(parcel.booked_ms or 0, heard_ms) + SILENT_MS + self._days_ms

    def _get_parcel(self, merchant: str, id_: str, piece: int) -> OrderParcel:
        kept = self._book.get(merchant, id_)
        parcel = kept.get_parcel(piece)
        refuse_erased(kept.erased_ms)
        if parcel.state is not ParcelState.BOOKED:
            raise Conflict(f"the parcel is {parcel.state.value}, not booked")
        return parcel

    def _make(self, connection: Connection, reference: str, now_ms: int) -> str:
        token = base64.b32encode(self._token(TOKEN_BYTES)).decode().lower()
        sealed = self._seal().seal(token.encode(), reference)
        row = {"id": reference, "digest": _digest(token), "token": sealed, "made_ms": now_ms}
        connection.execute(insert(links).values(row))
        return token


def _digest(token: str) -> str:
    """Tokens are random and long, so a plain digest is as good as a slow one."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
