"""By which service an order goes that leaves that open: the best of its quotes, kept with the order and why.

The choice is on disk before the carrier is asked, so that after a crash the same one is asked again.
"""

from collections.abc import Callable, Collection, Sequence

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from waypost.booking.order_book import OrderBook
from waypost.booking.orders import KeptOrder
from waypost.booking.rating.amounts import write_minor
from waypost.booking.rating.quotes import Prefer, Quote, Quoted, Unquoted
from waypost.booking.rating.quoting import Quotes
from waypost.booking.rating.shipments import read_shipment
from waypost.booking.records import order_quotes
from waypost.model.decoding import decode
from waypost.model.errors import Conflict, WaypostError
from waypost.store.protocols import Records

#: So many services that were not chosen are kept beside the one that was.
_MOST_OTHERS = 50


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The quote by which an order goes.

    Attributes:
        others: the quotes that were not chosen, the next best first; `unquoted` services without a price, and why.
        prefer, sorted_by: what the order asked for, and what that means.
        made_ms: when it was chosen.
    """

    quote: Quote
    others: Sequence[Quote]
    unquoted: Sequence[Unquoted]
    prefer: Prefer
    sorted_by: str
    made_ms: int


class Chooser:
    """Chooses services for orders.

    Args:
        accounts: those through which can be booked.
    """

    def __init__(
        self, book: OrderBook, records: Records, quotes: Quotes, accounts: Collection[str], clock: Callable[[], int]
    ) -> None:
        self._book = book
        self._records = records
        self._quotes = quotes
        self._accounts = accounts
        self._clock = clock

    def choose(self, ids: Sequence[str]) -> None:
        """Choose for those of some orders that wait for it; those that no service takes are refused, and say why."""
        for kept in self._book.list_to_choose(ids, self._clock()):
            now_ms = self._clock()
            try:
                quoted = self._quote(kept, now_ms)
            except WaypostError as error:
                self._refuse(kept, str(error), now_ms)
                continue
            usable = [quote for quote in quoted.quotes if quote.account in self._accounts]
            if usable:
                self._keep(kept, usable, quoted, now_ms)
            else:
                self._refuse(kept, _why_none(quoted, self._accounts), now_ms)

    def get(self, merchant: str, id_: str) -> Chosen:
        """Why an order goes by the service that it goes by.

        Raises:
            NotFound: the merchant has no such order.
            Conflict: nothing was chosen for it, or not yet.
        """
        self._book.get(merchant, id_)
        with self._records.read() as connection:
            asked = select(order_quotes.c.content).where(order_quotes.c.order_id == id_)
            content = connection.execute(asked).scalar()
        if content is None:
            mend = "Say `choose` in the order and book it."
            raise Conflict("no service was chosen for this order", mend=mend)
        return decode(content, Chosen)

    def _quote(self, kept: KeptOrder, now_ms: int) -> Quoted:
        order = kept.order
        shipment = read_shipment(order, shipper=kept.merchant)
        return self._quotes.open().quote(
            shipment, now_ms, Prefer(order.choose), account=order.account, service=order.service
        )

    def _keep(self, kept: KeptOrder, usable: Sequence[Quote], quoted: Quoted, now_ms: int) -> None:
        quote, *others = usable
        chosen = Chosen(
            quote=quote,
            others=others[:_MOST_OTHERS],
            unquoted=quoted.unquoted[:_MOST_OTHERS],
            prefer=Prefer(kept.order.choose),
            sorted_by=quoted.sorted_by,
            made_ms=now_ms,
        )
        with self._records.begin() as connection:
            if self._book.note_choice(connection, kept.id, quote.account, quote.service):
                _insert(connection, kept.id, chosen)

    def _refuse(self, kept: KeptOrder, why: str, now_ms: int) -> None:
        with self._records.begin() as connection:
            self._book.note_no_choice(connection, kept.id, why, now_ms)


def _insert(connection: Connection, id_: str, chosen: Chosen) -> None:
    quote = chosen.quote
    connection.execute(delete(order_quotes).where(order_quotes.c.order_id == id_))
    row = {"order_id": id_, "made_ms": chosen.made_ms, "content": msgspec.json.encode(chosen)}
    row |= {name: getattr(quote, name) for name in ("account", "service", "currency", "minor")}
    connection.execute(insert(order_quotes).values(row))


def _why_none(quoted: Quoted, accounts: Collection[str]) -> str:
    if strange := [quote for quote in quoted.quotes if quote.account not in accounts]:
        quote = strange[0]
        price = write_minor(quote.minor, quote.currency)
        return f"no service can be booked: {quote.account} has a price ({price}), but is no account that books"
    whys = [f"{each.account} {each.service}".strip() + f": {each.why}" for each in quoted.unquoted]
    return f"no service takes it: {'; '.join(whys) or 'there is no rate card'}"
