"""The shelf: rate cards as they are kept, all versions of them."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import func, insert, select

from waypost.booking.rating.cards import Card, digest_of, find_standing, write_card
from waypost.booking.rating.records import rate_cards
from waypost.model.decoding import decode
from waypost.model.errors import Conflict, NotFound, StoreDamaged
from waypost.store.protocols import Records


class Kept(StrEnum):
    """What became of a card that was handed in."""

    NEW = "new"
    KNOWN = "known"  #: it is there already, just so


class Shelf:
    """Reads and writes rate cards."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def keep(self, card: Card, now_ms: int, *, dry_run: bool = False, tried: Sequence[Card] = ()) -> Kept:
        """Keep a card, which has no flaws.

        Args:
            dry_run: say what would become of it, and keep nothing.
            tried: cards that would be there by then.

        Raises:
            Conflict: another card has its version, or its first day and is not corrected by it; or it corrects none.
        """
        known = [*self.list_all(card.account), *tried]
        others = [each for each in known if (each.account, each.service) == (card.account, card.service)]
        for other in others:
            if other.version == card.version:
                if digest_of(other) == digest_of(card):
                    return Kept.KNOWN
                mend = "A card is never changed: give a new `version` that `corrects` it."
                raise Conflict(f"version {card.version!r} of it is there with other contents", mend=mend)
        if card.corrects and card.corrects not in {other.version for other in find_standing(others)}:
            raise Conflict(f"it corrects {card.corrects!r}, which is no version that stands")
        for other in find_standing([*others, card]):
            if other.valid_from == card.valid_from and other.version != card.version:
                mend = f"Begin on another day, or say `corrects = {other.version!r}`."
                raise Conflict(f"version {other.version!r} of it begins on {card.valid_from} too", mend=mend)
        if not dry_run:
            digest = digest_of(card)
            row = {
                "id": f"rat_{digest[:28]}",
                "account": card.account,
                "service": card.service,
                "version": card.version,
                "valid_from": card.valid_from.isoformat(),
                "made_ms": now_ms,
                "digest": digest,
                "content": write_card(card),
            }
            with self._records.begin() as connection:
                connection.execute(insert(rate_cards).values(row))
        return Kept.NEW

    def list_all(self, account: str = "") -> list[Card]:
        """All cards, or those of an account, by service and first day."""
        asked = select(rate_cards).order_by(
            rate_cards.c.account, rate_cards.c.service, rate_cards.c.valid_from, rate_cards.c.made_ms, rate_cards.c.id
        )
        if account:
            asked = asked.where(rate_cards.c.account == account)
        with self._records.read() as connection:
            rows = connection.execute(asked).all()
        return [_read(row.content, row.digest) for row in rows]

    def get(self, account: str, service: str, version: str) -> Card:
        """One card.

        Raises:
            NotFound: there is none.
        """
        for card in self.list_all(account):
            if (card.service, card.version) == (service, version):
                return card
        raise NotFound(f"no card {version[:64]!r} of {account[:64]!r} {service[:64]!r}", mend="`waypost rates list`.")

    def count(self) -> int:
        """How many there are: as cards are never changed, an equal number is the same cards."""
        with self._records.read() as connection:
            return int(connection.execute(select(func.count()).select_from(rate_cards)).scalar_one())


def _read(content: bytes, digest: str) -> Card:
    try:
        card = decode(content, Card)
    except msgspec.MsgspecError as error:
        raise StoreDamaged(f"a rate card in the records cannot be read: {error}") from None
    if digest_of(card) != digest:
        raise StoreDamaged(f"the rate card {card.version!r} of {card.account} is not what was kept")
    return card
