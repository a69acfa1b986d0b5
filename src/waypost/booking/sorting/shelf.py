"""The sorters as they are kept: one for each carrier, for its codes are its own, and of each the newest versions.

A version is never changed. Who has learnt more puts the next one there; of two who do so at the same time one begins
again, so that nothing that was learnt is lost.
"""

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
from sqlalchemy import ColumnElement, Select, delete, func, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from waypost.access.sealed import lies_under
from waypost.access.sealing import Seal
from waypost.booking.sorting.records import sort_codes, sort_files, sort_lessons, sorters
from waypost.booking.sorting.sorter import Sorter
from waypost.model.errors import Conflict
from waypost.store.protocols import Records

#: So many versions of a sorter are kept.
KEPT = 3
_TRIES = 5


class KeptSorter(msgspec.Struct, frozen=True, kw_only=True):
    """One version of what is known of the places of a carrier; `deliveries` is how many were learnt."""

    carrier: str
    version: int
    made_ms: int
    deliveries: int
    bytes: int


class Sorters:
    """The sorters in `Records`, remembered once they were read."""

    def __init__(self, records: Records, seal: Callable[[], Seal]) -> None:
        self._records = records
        self._seal = seal
        self._known: dict[str, tuple[int, Sorter]] = {}
        self._lock = threading.Lock()

    def get(self, carrier: str) -> Sorter:
        """What is known of the places of a carrier now; a sorter that knows nothing if nothing was learnt.

        Raises:
            WrongFormat: another version of Waypost wrote it.
            StoreDamaged: it does not open.
        """
        return self._read(carrier)[1]

    def learn(
        self, carrier: str, deliveries: pa.Table, now_ms: int, note: Callable[[Connection], None]
    ) -> KeptSorter | None:
        """Keep the next version, which knows these deliveries too.

        Args:
            deliveries: columns of `places.DELIVERIES`; each is to be given once.
            note: writes down, in the same transaction, what was learnt.

        Returns:
            what was kept; None if `note` says that it was learnt already, by raising `Known`.

        Raises:
            BadInput: see `Sorter.learn`.
            WrongFormat: another version of Waypost wrote what is there.
            Conflict: others learn all the time.
        """
        for _ in range(_TRIES):
            version, sorter = self._read(carrier)
            learnt = sorter.learn(deliveries)
            id_, body = f"{carrier}/{version + 1}", learnt.to_bytes()
            kept = KeptSorter(
                carrier=carrier,
                version=version + 1,
                made_ms=now_ms,
                deliveries=self._count(carrier, version) + len(deliveries),
                bytes=len(body),
            )
            values = {name: getattr(kept, name) for name in ("carrier", "version", "made_ms", "deliveries")}
            sealed = self._seal().seal(body, id_)
            try:
                with self._records.begin() as connection:
                    note(connection)
                    connection.execute(insert(sorters).values(id=id_, body=sealed, **values))
                    old = (sorters.c.carrier == carrier, sorters.c.version <= kept.version - KEPT)
                    connection.execute(delete(sorters).where(*old))
            except Known:
                return None
            except IntegrityError:
                continue
            with self._lock:
                self._known[carrier] = (kept.version, learnt)
            return kept
        raise Conflict(f"others teach the sorter of {carrier} all the time", mend="Try again.")

    def list_all(self) -> list[KeptSorter]:
        """The newest version of each, by carrier."""
        is_known = sorters.c.deliveries > 0  # the version that `forget` left knows nothing
        columns = (sorters.c.carrier, sorters.c.version, sorters.c.made_ms, sorters.c.deliveries)
        asked = _of_newest(*columns, func.length(sorters.c.body).label("bytes"))
        with self._records.read() as connection:
            rows = connection.execute(asked.where(is_known).order_by(sorters.c.carrier)).mappings()
            return [KeptSorter(**row) for row in rows]

    def forget(self, carrier: str, now_ms: int) -> None:
        """Forget all that was learnt of a carrier, and that it was: what is here still can be learnt anew.

        A version that knows nothing comes next: if versions began again at 1, those who remember an old 1 would go on
        with it, and teach it. No key is needed for it.

        Raises:
            Conflict: others learn all the time.
        """
        for _ in range(_TRIES):
            newest = select(func.max(sorters.c.version)).where(sorters.c.carrier == carrier)
            with self._records.read() as connection:
                version = connection.execute(newest).scalar() or 0
            id_ = f"{carrier}/{version + 1}"
            values = {"carrier": carrier, "version": version + 1, "made_ms": now_ms, "deliveries": 0, "body": b""}
            try:
                with self._records.begin() as connection:
                    # first, so that nobody else puts that version there meanwhile
                    connection.execute(insert(sorters).values(id=id_, **values))
                    old = (sorters.c.carrier == carrier, sorters.c.version <= version)
                    connection.execute(delete(sorters).where(*old))
                    for table in (sort_lessons, sort_files):
                        connection.execute(delete(table).where(table.c.carrier == carrier))
            except IntegrityError:
                continue
            return
        raise Conflict(f"others teach the sorter of {carrier} all the time", mend="Try again.")

    def forget_under(self, number: int, now_ms: int) -> None:
        """Forget those whose newest version lies under a key that is let go of; see `forget`."""
        asked = _of_newest(sorters.c.carrier).where(lies_under(sorters.c.body, number))
        with self._records.read() as connection:
            carriers = list(connection.execute(asked.order_by(sorters.c.carrier)).scalars())
        for carrier in carriers:
            self.forget(carrier, now_ms)

    def count_waiting(self) -> dict[str, int]:
        """How many parcels wait for a person, by carrier."""
        asked = select(sort_codes.c.carrier, func.count()).where(sort_codes.c.state == "manual")
        with self._records.read() as connection:
            return {row[0]: row[1] for row in connection.execute(asked.group_by(sort_codes.c.carrier))}

    def _read(self, carrier: str) -> tuple[int, Sorter]:
        """Its newest version; what was read once is not read again."""
        newest = select(func.max(sorters.c.version)).where(sorters.c.carrier == carrier)
        with self._records.read() as connection:
            version = connection.execute(newest).scalar() or 0
            known = self._known.get(carrier)
            if known is not None and known[0] == version:
                return known
            body = select(sorters.c.id, sorters.c.body).where(
                sorters.c.carrier == carrier, sorters.c.version == version
            )
            row = connection.execute(body).one_or_none()
        if row is None or not row.body:
            found = (version, Sorter.empty())
        else:
            found = (version, Sorter.from_bytes(self._seal().open(row.body, row.id)))
        with self._lock:
            self._known[carrier] = found
        return found

    def _count(self, carrier: str, version: int) -> int:
        asked = select(sorters.c.deliveries).where(sorters.c.carrier == carrier, sorters.c.version == version)
        with self._records.read() as connection:
            return connection.execute(asked).scalar() or 0


def _of_newest(*columns: ColumnElement[Any]) -> Select[Any]:
    """Something of the newest version of each."""
    newest = select(sorters.c.carrier, func.max(sorters.c.version).label("version")).group_by(sorters.c.carrier)
    last = newest.subquery()
    return select(*columns).join(last, (sorters.c.carrier == last.c.carrier) & (sorters.c.version == last.c.version))


class Known(Exception):
    """What was to be learnt is known already."""
