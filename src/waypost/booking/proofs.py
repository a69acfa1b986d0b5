"""Proofs of delivery: who took a parcel, a picture of where it lies, a signature. Sealed, and shown to few.

A carrier hands them in for what was booked with it. They are seen by operators, by the merchant whose order it is, and
by the consignee through its link; by nobody else, not even by the carrier again.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, ClassVar

import msgspec
from sqlalchemy import Select, and_, delete, func, insert, select
from sqlalchemy.engine import Row

from waypost.access.sealed import SealedColumn, search_sealed
from waypost.access.sealing import Seal
from waypost.booking.images import Picture, read_picture, read_signature
from waypost.booking.orders import ParcelState
from waypost.booking.people import Sought
from waypost.booking.records import order_parcels, orders, proofs
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.model.guarded import Guarded
from waypost.model.instants import parse_instant
from waypost.model.texts import refuse_control
from waypost.store.protocols import Records
from waypost.store.repeats import is_made

#: Of one parcel so many are kept: a second try, a neighbour, a correction.
MOST_PROOFS = 10
#: A clock of a courier may be fast by so much.
_AHEAD_MS = 10 * 60_000


class Relation(StrEnum):
    """Who took a parcel, to the consignee. The words are kept; they never change."""

    UNTOLD = ""
    CONSIGNEE = "consignee"
    HOUSEHOLD = "household"
    NEIGHBOUR = "neighbour"
    RECEPTION = "reception"  #: or a gatekeeper, a mail room
    LOCKER = "locker"
    SAFE_PLACE = "safe_place"  #: nobody: it was left where that had been agreed
    OTHER = "other"


class ProofSent(Guarded, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a carrier says of a delivery. At least one of name, picture and signature is there.

    Attributes:
        number: of the waybill.
        at: RFC 3339 with the offset of the place.
        received_by: the name of who took it; `relation` who that is to the consignee.
        picture: JPEG, PNG or WebP, in base64. `signature` a PNG.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("number", "at")

    number: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    at: Annotated[str, msgspec.Meta(max_length=40)]
    received_by: Annotated[str, msgspec.Meta(max_length=120)] = ""
    relation: Relation = Relation.UNTOLD
    picture: bytes | None = None
    signature: bytes | None = None


class Proof(Guarded, frozen=True, kw_only=True):
    """A proof as it is kept, without its images.

    Attributes:
        order, piece: of which parcel it is; `merchant` whose order that is.
        at_ms, offset_min: when it was delivered, and the offset of the place.
        picture_type, has_signature: which images there are; "" for no picture.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("id", "order", "piece", "at_ms", "picture_type", "has_signature")

    id: str
    merchant: str
    order: str
    piece: int
    carrier: str
    number: str
    at_ms: int
    offset_min: int
    received_ms: int
    received_by: str
    relation: Relation
    picture_type: str
    has_signature: bool


class _Body(msgspec.Struct, frozen=True):
    """What is sealed of it beside the images."""

    offset_min: int
    received_by: str
    relation: Relation


class Proofs:
    """The proofs in `Records`. What somebody may not see is not found."""

    def __init__(self, records: Records, seal: Callable[[], Seal]) -> None:
        self._records = records
        self._seal = seal

    def add(self, account: str, sent: ProofSent, id_: str, now_ms: int, asked: str = "") -> Proof:
        """Keep one for a parcel that was booked through an account. The same id again gives what was kept under it.

        Args:
            asked: by what a repeat is known; see `repeats.is_made`.

        Raises:
            BadInput: it proves nothing, lies ahead, or an image is none.
            KeyReused: under that id another one is kept.
            NotFound: no parcel that was booked through the account has that number.
            Conflict: its people were erased, or it has as many as are kept.
        """
        moment = parse_instant(sent.at, "at")
        if moment.at_ms > now_ms + _AHEAD_MS:
            raise BadInput("lies ahead", where="at")
        for where in ("number", "received_by"):
            refuse_control(getattr(sent, where), where)
        if not sent.received_by.strip() and sent.picture is None and sent.signature is None:
            raise BadInput("it proves nothing", mend="Give a name (`received_by`), a picture or a signature.")
        reference, order = self._find_parcel(account, sent.number)
        picture = None if sent.picture is None else read_picture(sent.picture, "picture")
        signature = None if sent.signature is None else read_signature(sent.signature, "signature")
        body = _Body(moment.offset_min, sent.received_by.strip(), sent.relation)
        row = {
            "id": id_,
            "parcel_id": reference,
            "account": account,
            "at_ms": moment.at_ms,
            "received_ms": now_ms,
            "body": self._seal().seal(msgspec.json.encode(body), id_),
            "picture": None if picture is None else self._seal().seal(picture.content, id_),
            "picture_type": "" if picture is None else picture.content_type,
            "signature": None if signature is None else self._seal().seal(signature.content, id_),
            "asked": asked,
        }
        with self._records.begin() as connection:
            erased = select(orders.c.erased_ms).where(orders.c.id == order).with_for_update()  # not while it is erased
            if connection.execute(erased).scalar_one() is not None:
                raise Conflict("the people of that order were erased, so nothing more of them is kept")
            if not is_made(connection, proofs, id_, asked):
                count = select(func.count()).where(proofs.c.parcel_id == reference)
                if connection.execute(count).scalar_one() >= MOST_PROOFS:
                    raise Conflict(f"{MOST_PROOFS} proofs of that parcel are kept already")
                connection.execute(insert(proofs).values(row))
        return self.get(None, id_)

    def list_of(self, merchant: str | None, numbers: Sequence[str]) -> list[Proof]:
        """Those of some waybills, newest first; `merchant` None: whosever they are."""
        asked = _asked(merchant).where(order_parcels.c.number.in_(numbers))
        with self._records.read() as connection:
            rows = connection.execute(asked.order_by(proofs.c.at_ms.desc(), proofs.c.id)).all()
        return [self._read(row) for row in rows]

    def list_of_parcel(self, reference: str) -> list[Proof]:
        """Those of one parcel, newest first, for who came by its link."""
        asked = _asked(None).where(proofs.c.parcel_id == reference)
        with self._records.read() as connection:
            rows = connection.execute(asked.order_by(proofs.c.at_ms.desc(), proofs.c.id)).all()
        return [self._read(row) for row in rows]

    def get(self, merchant: str | None, id_: str) -> Proof:
        """One of them; `merchant` None: whosever it is.

        Raises:
            NotFound: the merchant has none of that id.
            StoreDamaged: it does not open.
        """
        with self._records.read() as connection:
            row = connection.execute(_asked(merchant).where(proofs.c.id == id_)).one_or_none()
        if row is None:
            raise NotFound(f"no proof has the id {id_[:48]!r}", mend="They are kept for some time only.")
        return self._read(row)

    def open_picture(self, proof: Proof) -> Picture:
        """Its picture.

        Raises:
            NotFound: it has none, or not any more.
            StoreDamaged: it does not open.
        """
        return Picture(self._open(proof, "picture"), proof.picture_type)

    def open_signature(self, proof: Proof) -> Picture:
        """Its signature. Errors as for `open_picture`."""
        return Picture(self._open(proof, "signature"), "image/png")

    def find(self, sought: Sought, damaged: list[str]) -> list[str]:
        """The ids of those that say that a person took a parcel, perhaps another's; it is known by its name alone.

        Args:
            damaged: gets the ids of those that do not open.
        """

        def is_meant(body: bytes) -> bool:
            return sought.is_named(decode(body, _Body).received_by)

        return list(search_sealed(self._records, SealedColumn(proofs), self._seal(), is_meant, damaged))

    def forget(self, before_ms: int) -> int:
        """Remove those received before an instant; how many there were."""
        with self._records.begin() as connection:
            return connection.execute(delete(proofs).where(proofs.c.received_ms < before_ms)).rowcount

    def _open(self, proof: Proof, which: str) -> bytes:
        asked = select(proofs.c[which]).where(proofs.c.id == proof.id)
        with self._records.read() as connection:
            found = connection.execute(asked).scalar_one_or_none()
        if found is None:
            raise NotFound(f"the proof has no {which}")
        return self._seal().open(found, proof.id)

    def _find_parcel(self, account: str, number: str) -> tuple[str, str]:
        """The reference of a parcel, and its order."""
        parcel = order_parcels.c
        asked = select(parcel.id, parcel.order_id).join(orders, orders.c.id == parcel.order_id)
        is_its = and_(orders.c.account == account, parcel.number == number, parcel.state == ParcelState.BOOKED.value)
        with self._records.read() as connection:
            row = connection.execute(asked.where(is_its)).first()
        if row is None:
            raise NotFound(f"no parcel that was booked through {account[:64]!r} has the number {number[:64]!r}")
        return row.id, row.order_id

    def _read(self, row: Row[Any]) -> Proof:
        body = decode(self._seal().open(row.body, row.id), _Body)
        return Proof(
            id=row.id,
            merchant=row.merchant,
            order=row.order_id,
            piece=row.piece,
            carrier=row.carrier,
            number=row.number,
            at_ms=row.at_ms,
            offset_min=body.offset_min,
            received_ms=row.received_ms,
            received_by=body.received_by,
            relation=body.relation,
            picture_type=row.picture_type if row.has_picture else "",
            has_signature=bool(row.has_signature),
        )


def _asked(merchant: str | None) -> Select[Any]:
    """Proofs without their images, of one merchant or of all."""
    parcel = order_parcels.c
    asked = select(
        proofs.c.id,
        proofs.c.body,
        proofs.c.at_ms,
        proofs.c.received_ms,
        proofs.c.picture_type,
        proofs.c.picture.is_not(None).label("has_picture"),
        proofs.c.signature.is_not(None).label("has_signature"),
        parcel.order_id,
        parcel.piece,
        parcel.carrier,
        parcel.number,
        orders.c.merchant,
    ).select_from(
        proofs.join(order_parcels, parcel.id == proofs.c.parcel_id).join(orders, orders.c.id == parcel.order_id)
    )
    return asked if merchant is None else asked.where(orders.c.merchant == merchant)
