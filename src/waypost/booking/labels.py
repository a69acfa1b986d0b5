"""Labels that carriers push when they are ready: verified, sealed, kept until somebody prints them."""

import hashlib
from collections.abc import Callable, Mapping

import msgspec
from sqlalchemy import delete, select

from waypost.access.sealing import Seal
from waypost.booking.issuing import Label, LabelReader
from waypost.booking.records import labels
from waypost.model.carriage import Waybill
from waypost.model.errors import NotFound, WaypostError
from waypost.store.protocols import Records
from waypost.store.upsert import upsert
from waypost.track.carriers import Forged, Push, Reply


class TakenLabel(msgspec.Struct, frozen=True, kw_only=True):
    """How a push went: `why` says, for operators, what was wrong with it."""

    reply: Reply
    why: str = ""
    is_forged: bool = False


class Labels:
    """Takes labels for all accounts, and has them by waybill.

    Args:
        readers: by account.
    """

    def __init__(self, readers: Mapping[str, LabelReader], records: Records, seal: Callable[[], Seal]) -> None:
        self._readers = readers
        self._records = records
        self._seal = seal

    def take(self, account: str, push: Push) -> TakenLabel:
        """Keep a label; it is on disk when the carrier is thanked. One that comes again takes the place of the first.

        Raises:
            NotFound: there is no such account.
        """
        reader = self._readers.get(account)
        if reader is None:
            raise NotFound(f"there is no account {account[:60]!r} that is pushed labels")
        try:
            told = reader.read_label(push)
            self._keep(account, told.waybill, told.label, push.received_ms)
        except WaypostError as error:
            is_forged = isinstance(error, Forged)
            return TakenLabel(reply=reader.refuse(error), why=error.message, is_forged=is_forged)
        return TakenLabel(reply=told.reply)

    def find(self, account: str, waybill: Waybill) -> Label | None:
        """The label of a waybill, if it came.

        Raises:
            StoreDamaged: it does not open.
        """
        id_ = _id(account, waybill)
        asked = select(labels.c.content_type, labels.c.body).where(labels.c.id == id_)
        with self._records.read() as connection:
            row = connection.execute(asked).first()
        if row is None:
            return None
        return Label(content=self._seal().open(row.body, id_), content_type=row.content_type)

    def forget(self, before_ms: int) -> int:
        """Remove those received before an instant; how many there were."""
        with self._records.begin() as connection:
            return connection.execute(delete(labels).where(labels.c.received_ms < before_ms)).rowcount

    def _keep(self, account: str, waybill: Waybill, label: Label, received_ms: int) -> None:
        id_ = _id(account, waybill)
        row = {
            "id": id_,
            "account": account,
            "carrier": waybill.carrier,
            "number": waybill.number,
            "received_ms": received_ms,
            "content_type": label.content_type,
            "body": self._seal().seal(label.content, id_),
        }
        with self._records.begin() as connection:
            upsert(connection, labels, [row])


def _id(account: str, waybill: Waybill) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in (account, waybill.carrier, waybill.number):
        digest.update(len(part).to_bytes(8) + part.encode())
    return digest.hexdigest()
