"""The versions of what was learnt: kept, promoted, rolled back.

A version is never changed. Promises are made with the one that was promoted last; rolling back leads to the one that
was in use before it.
"""

from typing import Any

import msgspec
from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from waypost.forecast.keeping import read_learnt, write_learnt
from waypost.forecast.records import models, promotions
from waypost.forecast.training import Card, Trained
from waypost.model.decoding import decode
from waypost.model.errors import Conflict, NotFound, StoreDamaged
from waypost.store.protocols import Records

#: So many versions are kept, the newest, and those that are in use or were before it.
KEPT = 8
_TRIES = 5


class KeptModel(msgspec.Struct, frozen=True, kw_only=True):
    """One version.

    Attributes:
        in_use: promises are made with it.
        promoted_ms: since when it is; None if it is not.
        card: None in a list if it cannot be read.
    """

    version: int
    made_ms: int
    bytes: int
    in_use: bool
    promoted_ms: int | None
    card: Card | None


class Models:
    """Reads and writes versions."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._known: tuple[int, Trained] | None = None

    def keep(self, trained: Trained, now_ms: int) -> int:
        """Keep the next version; it is not in use before it is promoted.

        Raises:
            Conflict: others keep versions all the time.
        """
        body, card = write_learnt(trained), msgspec.json.encode(trained.card)
        for _ in range(_TRIES):
            try:
                with self._records.begin() as connection:
                    newest = connection.execute(select(func.max(models.c.version))).scalar() or 0
                    newest = max(newest, connection.execute(select(func.max(promotions.c.version))).scalar() or 0)
                    row = {"version": newest + 1, "made_ms": now_ms, "card": card, "body": body}
                    connection.execute(insert(models).values(row))
                    _drop_old(connection)
            except IntegrityError:
                continue
            return newest + 1
        raise Conflict("others train all the time", mend="Try again.")

    def promote(self, version: int, now_ms: int) -> None:
        """Make promises with a version from now on.

        Raises:
            NotFound: it is not kept.
            Conflict: it is in use.
            StoreError: it cannot be read.
        """
        with self._records.begin() as connection:
            body = connection.execute(select(models.c.body).where(models.c.version == version)).scalar()
            if body is None:
                raise NotFound(f"there is no version {version}", mend="`waypost models list` tells which there are.")
            read_learnt(body, Trained)  # what cannot be read would end all promises
            if _in_use(connection) == version:
                raise Conflict(f"version {version} is in use")
            number = connection.execute(select(func.max(promotions.c.number))).scalar() or 0
            row = {"number": number + 1, "version": version, "at_ms": now_ms}
            connection.execute(insert(promotions).values(row))

    def roll_back(self, now_ms: int) -> int:
        """Make promises with the version again that was in use before this one; which that is.

        Raises:
            Conflict: there was none before.
        """
        with self._records.begin() as connection:
            standing = connection.execute(_standing().limit(2)).all()
            if len(standing) < 2:
                raise Conflict("no version was in use before", mend="`waypost models promote` another one.")
            now, before = standing
            if connection.execute(select(models.c.version).where(models.c.version == before.version)).first() is None:
                mend = "`waypost models promote` another one."
                raise Conflict(f"version {before.version}, which was in use before, is not kept any more", mend=mend)
            undo = update(promotions).where(promotions.c.number == now.number)
            connection.execute(undo.values(undone_ms=now_ms))
            return int(before.version)

    def list_all(self) -> list[KeptModel]:
        """All versions that are kept, the newest first."""
        columns = (models.c.version, models.c.made_ms, models.c.card, func.length(models.c.body).label("bytes"))
        with self._records.read() as connection:
            standing = connection.execute(_standing().limit(1)).first()
            rows = connection.execute(select(*columns).order_by(models.c.version.desc())).all()
        return [_kept(row, standing) for row in rows]

    def get(self, version: int) -> KeptModel:
        """One version.

        Raises:
            NotFound: it is not kept.
            StoreDamaged: its card cannot be read.
        """
        for kept in self.list_all():
            if kept.version == version:
                if kept.card is None:
                    raise StoreDamaged(f"the card of version {version} cannot be read", mend="`waypost train`.")
                return kept
        raise NotFound(f"there is no version {version}", mend="`waypost models list` tells which there are.")

    def find_version(self) -> int | None:
        """Which version promises are made with now."""
        with self._records.read() as connection:
            return _in_use(connection)

    def find_in_use(self) -> tuple[int, Trained] | None:
        """What promises are made with now, read once; None if nothing was promoted.

        Raises:
            WrongFormat: another version of Waypost learnt it.
            StoreDamaged: it cannot be read.
        """
        with self._records.read() as connection:
            version = _in_use(connection)
            if version is None:
                return None
            known = self._known
            if known is not None and known[0] == version:
                return known
            body = connection.execute(select(models.c.body).where(models.c.version == version)).scalar()
        if body is None:
            raise StoreDamaged(f"version {version} of what was learnt is in use and gone", mend="`waypost train`.")
        found = self._known = (version, read_learnt(body, Trained))
        return found


def _kept(row: Any, standing: Any) -> KeptModel:
    try:
        card = decode(row.card, Card)
    except msgspec.MsgspecError:
        card = None
    in_use = standing is not None and standing.version == row.version
    return KeptModel(
        version=row.version,
        made_ms=row.made_ms,
        bytes=row.bytes,
        in_use=in_use,
        promoted_ms=standing.at_ms if in_use else None,
        card=card,
    )


def _standing() -> Select[Any]:
    """Promotions that were not undone, the last first."""
    return select(promotions).where(promotions.c.undone_ms.is_(None)).order_by(promotions.c.number.desc())


def _in_use(connection: Connection) -> int | None:
    standing = connection.execute(_standing().limit(1)).first()
    return None if standing is None else int(standing.version)


def _drop_old(connection: Connection) -> None:
    """Let versions go that are neither new nor in use, nor would be if this one were rolled back."""
    newest = connection.execute(select(models.c.version).order_by(models.c.version.desc()).limit(KEPT)).scalars()
    needed = [row.version for row in connection.execute(_standing().limit(2))]
    connection.execute(delete(models).where(models.c.version.not_in([*newest, *needed])))
