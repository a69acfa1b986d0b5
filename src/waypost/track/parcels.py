"""Parcels as people look them up: by any number they bear, one by one, many at once, or as a list."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.carriage import Waybill
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.errors import BadInput, NotFound
from waypost.model.places import Facility
from waypost.network.facilities import Facilities
from waypost.store.protocols import Memory
from waypost.track.bundles import MOST_BEARING, Bundle, gather, read_states, waybills_of
from waypost.track.following import Followed, follow
from waypost.track.statuses import Status, list_statuses
from waypost.track.summary import telling_rows, view_parcel
from waypost.track.tables import CodeTables
from waypost.track.timeline import Judged, judge_timeline, view_scans
from waypost.track.views import (
    Found,
    Freshness,
    ParcelPage,
    ParcelView,
    ScanView,
    Timeline,
)

#: A look-up or a filtered list gives up after so many parcels and hands out a cursor instead.
_MOST_EXAMINED = 200_000
_STEP = 5_000
MAX_TEXT = 64

#: Of the parcels that bear one number so many are shown.
MOST_PARCELS = 20

#: Of all parcels of a look-up together so many scans are shown: each has an equal share.
MOST_SHOWN = 2_000


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which parcels a list shows. Instants are UTC milliseconds of the newest scan."""

    carrier: str | None = None
    status: str | None = None
    group: str | None = None
    prefix: str | None = None
    facility: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class _Read(msgspec.Struct, frozen=True):
    """A parcel that was read, and its scans as they are shown."""

    bundle: Bundle
    judged: Judged
    view: ParcelView
    scans: list[ScanView]


class Tracker:
    """Answers questions about parcels from the index and the records."""

    def __init__(
        self,
        memory: Memory,
        tables: CodeTables,
        facilities: Facilities,
        carriers_of: Callable[[str], list[str]],
    ) -> None:
        """`carriers_of` names the carriers whose number format a text of printable ASCII has."""
        self._memory = memory
        self._tables = tables
        self._facilities = facilities
        self._carriers_of = carriers_of

    def freshness(self) -> Freshness:
        """How far the index is behind the log. Ask before you look up: what is read later holds at least that much."""
        return Freshness.between(self._memory.index.position(), self._memory.log.position())

    def find(self, texts: Sequence[str]) -> list[Found]:
        """What is known under each of some numbers: waybills, order numbers, linked numbers.

        Of each number the first `MOST_PARCELS` parcels are told.
        """
        return [found for found, _ in self._find(texts, None, MOST_PARCELS, 0)[0]]

    def find_timelines(
        self, texts: Sequence[str], carrier: str | None = None, most: int | None = None
    ) -> list[tuple[Found, list[Timeline]]]:
        """The same with the timelines of the parcels, from one reading.

        Of each parcel the newest scans: at most `MOST_SCANS`, and all parcels together at most `MOST_SHOWN`.

        Args:
            texts: the numbers.
            carrier: only parcels that bear a number of it.
            most: parcels of each number, `MOST_PARCELS` unless told.
        """
        return self._find(texts, carrier, MOST_PARCELS if most is None else most, MOST_SHOWN)[0]

    def find_followed(
        self, texts: Sequence[str], carrier: str | None = None, most: int | None = None
    ) -> tuple[list[tuple[Found, list[Timeline]]], Followed]:
        """The same, and from the same reading what forecasts follow these parcels by."""
        answers, read = self._find(texts, carrier, MOST_PARCELS if most is None else most, MOST_SHOWN)
        return answers, _follow(read)

    def _find(
        self, texts: Sequence[str], carrier: str | None, most: int, scans: int
    ) -> tuple[list[tuple[Found, list[Timeline]]], list[_Read]]:
        spellings = {text: _spellings(text) for text in texts}
        wanted = {text: set(forms) for text, forms in spellings.items()}

        def choose(bundles: list[Bundle]) -> list[Bundle]:
            chosen: dict[str, Bundle] = {}
            for numbers in wanted.values():
                bearing = [bundle for bundle in bundles if bundle.bears(numbers, carrier)]
                chosen.update((bundle.id, bundle) for bundle in bearing[:most])
            return list(chosen.values())

        numbers = [form for forms in spellings.values() for form in forms]
        scanned = waybills_of(self._memory.index.states(numbers, carrier, MOST_BEARING))
        bundles = gather(self._memory, numbers, scanned, choose)
        shown = [bundle for bundle in bundles if bundle.is_read]
        read = self._tell(shown, scans)
        told = {each.bundle.id: (each.view, each.scans) for each in read}
        answers = []
        for text in texts:
            bearing = [bundle for bundle in bundles if bundle.bears(wanted[text], carrier)]
            plain = spellings[text][0] if spellings[text] else ""
            carriers = self._carriers_of(plain) if plain.isascii() and plain and not bearing else []
            views = [told[bundle.id] for bundle in bearing if bundle.is_read][:most]
            more = len(bearing) - len(views)
            found = Found(asked=text, parcels=[view for view, _ in views], carriers=carriers, more=more)
            answers.append((found, [Timeline(view.id, view.carrier, view.number, own) for view, own in views]))
        return answers, read

    def get_parcel(self, carrier: str, number: str) -> tuple[ParcelView, list[ScanView]]:
        """One parcel and its scans, newest first: the one that was accepted under that number, if others bear it too.

        Of more than `MOST_SCANS` the newest.

        Raises:
            NotFound: no parcel of that carrier bears the number.
        """
        read = self._get(carrier, number)
        return read.view, read.scans

    def get_followed(self, carrier: str, number: str) -> tuple[ParcelView, list[ScanView], Followed]:
        """The same, and what forecasts follow it by."""
        read = self._get(carrier, number)
        return read.view, read.scans, _follow([read])

    def _get(self, carrier: str, number: str) -> _Read:
        waybill = Waybill(carrier, number)

        def choose(bundles: list[Bundle]) -> list[Bundle]:
            return [bundle for bundle in bundles if waybill in bundle.waybills]

        scanned = waybills_of(self._memory.index.states([number], carrier))
        bearing = choose(gather(self._memory, [number], scanned, choose))
        if not bearing:
            raise NotFound(f"no parcel of {carrier!r:.40} bears the number {number[:MAX_TEXT]!r}")
        bundle = min(bearing, key=lambda bundle: bundle.waybills.index(waybill) > 0)
        [read] = self._tell([bundle], MOST_SHOWN)
        return read

    def timeline(self, carrier: str, number: str) -> list[ScanView]:
        """The scans of one parcel: see `get_parcel`."""
        return self.get_parcel(carrier, number)[1]

    def list_parcels(self, filters: Filters, after: str | None, limit: int) -> ParcelPage:
        """The parcels that fit, in the order of the index; `after` is the cursor of the page before.

        Raises:
            BadInput: the cursor or a filter is not understood.
        """
        as_of = self.freshness()
        keys, cursor = self._select(filters, read_cursor(after, tuple[str, str]), limit)
        scanned = [Waybill(carrier, number) for number, carrier in keys]
        wanted = set(scanned)

        def choose(bundles: list[Bundle]) -> list[Bundle]:
            leading = self._leading([bundle for bundle in bundles if len(bundle.waybills) > 1], filters)
            return [bundle for bundle in bundles if leading.get(bundle.id, bundle.waybills[0]) in wanted]

        bundles = gather(self._memory, [number for number, _ in keys], scanned, choose)
        views = [read.view for read in self._tell([bundle for bundle in bundles if bundle.is_read], 0)]
        return ParcelPage(views, cursor and write_cursor(cursor), as_of)

    def _leading(self, bundles: Sequence[Bundle], filters: Filters) -> dict[str, Waybill]:
        """For parcels of several numbers the one under which a list shows them: of those that fit, the first."""
        if not bundles:
            return {}
        states = read_states(self._memory.index, [waybill for bundle in bundles for waybill in bundle.waybills])
        fitting = waybills_of(states.filter(pa.array(_fits(states, filters, _numbers_of(filters)))))
        return {
            bundle.id: next((waybill for waybill in fitting if waybill in bundle.waybills), bundle.waybills[0])
            for bundle in bundles
        }

    def _select(
        self, filters: Filters, after: tuple[str, str] | None, limit: int
    ) -> tuple[list[tuple[str, str]], tuple[str, str] | None]:
        """The next keys that fit, and the key behind which to go on, None at the end."""
        statuses = _numbers_of(filters)
        step = limit + 1 if filters == Filters(prefix=filters.prefix) else _STEP
        found: list[tuple[str, str]] = []
        examined = 0
        while examined < _MOST_EXAMINED:
            page = self._page(filters.prefix, after, step)
            for waybill in waybills_of(page.filter(pa.array(_fits(page, filters, statuses)))):
                if len(found) == limit:
                    return found, found[-1]
                found.append((waybill.number, waybill.carrier))
            if page.num_rows < step:
                return found, None
            [last] = waybills_of(page.slice(page.num_rows - 1))
            examined += page.num_rows
            after = last.number, last.carrier
        return found, after

    def _page(self, prefix: str | None, after: tuple[str, str] | None, step: int) -> pa.Table:
        """The next states: in the order of the index, or of the numbers that begin alike, which history knows."""
        if not prefix:
            return self._memory.index.page(after, step)

        def begin_alike(scans: Any) -> Any:
            found = scans.filter(scans.number.startswith(prefix)).select("number", "carrier").distinct()
            if after is not None:
                number, carrier = after
                found = found.filter((found.number > number) | ((found.number == number) & (found.carrier > carrier)))
            return found.order_by("number", "carrier").limit(step)

        return read_states(self._memory.index, waybills_of(self._memory.history.run(begin_alike)))

    def _tell(self, bundles: Sequence[Bundle], scans: int) -> list[_Read]:
        """Parcels as they stand, and with them so many scans in all, of each parcel the newest first."""
        share = max(scans // len(bundles), min(scans, 1)) if bundles else 0
        found = [judge_timeline(bundle.timeline, self._tables) for bundle in bundles]
        newest = [range(judged.scans.num_rows - 1, -1, -1)[:share] for judged in found]
        rows = [sorted({*telling_rows(judged), *own}) for judged, own in zip(found, newest, strict=True)]
        telling = [judged.scans.take(pa.array(each, pa.int64())) for judged, each in zip(found, rows, strict=True)]
        places = self._places([*telling, *(bundle.states for bundle in bundles if bundle.states is not None)])
        told = []
        for bundle, judged, each, own in zip(bundles, found, rows, newest, strict=True):
            views = dict(zip(each, view_scans(judged, each, places), strict=True))
            view = view_parcel(bundle, judged, views, places)
            told.append(_Read(bundle, judged, view, [views[row] for row in own]))
        return told

    def _places(self, tables: Sequence[pa.Table]) -> dict[tuple[str, str], Facility]:
        keys: set[tuple[str, str]] = set()
        for table in tables:
            pairs = zip(table.column("carrier").to_pylist(), table.column("facility").to_pylist(), strict=True)
            keys.update((carrier, facility) for carrier, facility in pairs if facility)
        return self._facilities.find_many(keys)


def _follow(read: Sequence[_Read]) -> Followed:
    return follow(
        [(each.bundle.waybills[0], each.judged) for each in read],
        [each.bundle.parcel for each in read if each.bundle.parcel is not None],
    )


def _spellings(text: str) -> list[str]:
    """The ways in which a number may be kept: with its blanks, without them, without hyphens and dots as well.

    Each of them as typed, in capitals and in small letters. The first is as typed, without blanks. None for what is no
    number.
    """
    plain = "".join(text.split())
    if len(plain) > MAX_TEXT or not plain.isprintable():
        return []
    bare = plain.replace("-", "").replace(".", "")
    forms = [plain, bare]
    if len(trimmed := text.strip()) <= MAX_TEXT:
        forms.append(trimmed)  # orders are kept with the blanks inside
    return list(dict.fromkeys(form for each in forms for form in (each, each.upper(), each.lower()) if form))


def _numbers_of(filters: Filters) -> list[int] | None:
    """The stored numbers of the statuses that fit, None for all."""
    if filters.status is None and filters.group is None:
        return None

    def fits(status: Status) -> bool:
        return filters.status in (None, status.code) and filters.group in (None, status.group)

    found = [status.number for status in list_statuses() if fits(status)]
    if not found:
        raise BadInput(f"no status fits status={filters.status!r:.40} group={filters.group!r:.40}", where="filter")
    return found


def _fits(page: pa.Table, filters: Filters, statuses: list[int] | None) -> npt.NDArray[np.bool_]:
    fits = np.ones(page.num_rows, np.bool_)
    if filters.prefix:
        fits &= np.asarray(pc.starts_with(page.column("number"), filters.prefix))
    for name in ("carrier", "facility"):
        wanted = getattr(filters, name)
        if wanted is not None:
            fits &= np.asarray(pc.fill_null(pc.equal(page.column(name), wanted), False))
    if statuses is not None:
        fits &= np.isin(np.asarray(page.column("status")), statuses)
    last_at = np.asarray(page.column("last_at"))
    if filters.since_ms is not None:
        fits &= last_at >= filters.since_ms
    if filters.until_ms is not None:
        fits &= last_at < filters.until_ms
    return fits
