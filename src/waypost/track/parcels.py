"""Parcels as people look them up: by any number they bear, one by one, many at once, or as a list."""

import base64
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.carriers import find_carrier
from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import format_instant, parse_instant
from waypost.model.places import Facility, Place
from waypost.model.scans import VOID
from waypost.network.facilities import Facilities
from waypost.store.protocols import TIMELINE_SCHEMA, Memory
from waypost.track.records import Link, find_parcels, list_links
from waypost.track.statuses import UNKNOWN, Status, get_status, list_statuses, status_arrays
from waypost.track.tables import CodeTables
from waypost.track.timeline import Judged, judge_timeline, view_scans
from waypost.track.views import (
    Found,
    Freshness,
    MilestoneView,
    ParcelPage,
    ParcelView,
    PlaceView,
    ScanView,
    WaybillView,
)

#: A look-up or a filtered list gives up after so many parcels and hands out a cursor instead.
_MOST_EXAMINED = 200_000
_STEP = 5_000
MAX_TEXT = 64

#: Of the parcels that bear one number so many are shown, and of the scans of one parcel so many: the newest.
MOST_PARCELS = 50
MOST_SCANS = 2_000


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which parcels a list shows. Instants are UTC milliseconds of the newest scan."""

    carrier: str | None = None
    status: str | None = None
    group: str | None = None
    prefix: str | None = None
    facility: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class _Bundle(msgspec.Struct):
    """A parcel on its way to a view: what the records say of it, its waybills, and its scans."""

    waybills: list[Waybill]
    timeline: pa.Table = TIMELINE_SCHEMA.empty_table()
    parcel: Parcel | None = None

    @property
    def id(self) -> str:
        return self.parcel.id if self.parcel else parcel_id(self.waybills[0])

    @property
    def key(self) -> tuple[str, str]:
        """Parcels stand in this order."""
        return self.waybills[0].number, self.waybills[0].carrier

    def bears(self, numbers: set[str]) -> bool:
        """Whether one of the numbers is its order's or on one of its waybills."""
        if self.parcel is not None and self.parcel.order_number in numbers:
            return True
        return any(waybill.number in numbers for waybill in self.waybills)


#: Of the parcels that bear a number, those whose scans are read; for all others nothing but the record is known.
_Choose = Callable[[list[_Bundle]], list[_Bundle]]


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
        position, end = self._memory.index.position(), self._memory.log.position()
        return Freshness(min(position, end), end, max(end - position, 0))

    def find(self, texts: Sequence[str]) -> list[Found]:
        """What is known under each of some numbers: waybills, order numbers, linked numbers.

        Of each number the first `MOST_PARCELS` parcels are told.
        """
        spellings = {text: _spellings(text) for text in texts}
        wanted = {text: set(forms) for text, forms in spellings.items()}

        def choose(bundles: list[_Bundle]) -> list[_Bundle]:
            chosen: dict[str, _Bundle] = {}
            for numbers in wanted.values():
                bearing = [bundle for bundle in bundles if bundle.bears(numbers)]
                chosen.update((bundle.id, bundle) for bundle in bearing[:MOST_PARCELS])
            return list(chosen.values())

        bundles = self._gather([form for forms in spellings.values() for form in forms], choose)
        bearing = {text: [bundle for bundle in bundles if bundle.bears(numbers)] for text, numbers in wanted.items()}
        shown = {bundle.id: bundle for found in bearing.values() for bundle in found[:MOST_PARCELS]}
        views = dict(zip(shown, self._views(list(shown.values())), strict=True))
        answers = []
        for text in texts:
            found = bearing[text]
            plain = spellings[text][0] if spellings[text] else ""
            carriers = self._carriers_of(plain) if plain.isascii() and plain and not found else []
            parcels = [views[bundle.id] for bundle in found[:MOST_PARCELS]]
            answers.append(Found(asked=text, parcels=parcels, carriers=carriers, more=len(found) - len(parcels)))
        return answers

    def timeline(self, carrier: str, number: str) -> list[ScanView]:
        """The scans of one parcel, newest first: of the one that was accepted under that number, if others bear it too.

        Of more than `MOST_SCANS` the newest; they are judged by all.

        Raises:
            NotFound: no parcel of that carrier bears the number.
        """
        waybill = Waybill(carrier, number)

        def choose(bundles: list[_Bundle]) -> list[_Bundle]:
            bearing = [bundle for bundle in bundles if waybill in bundle.waybills]
            return sorted(bearing, key=lambda bundle: bundle.waybills.index(waybill) > 0)[:1]

        bundles = [bundle for bundle in self._gather([number], choose) if waybill in bundle.waybills]
        if not bundles:
            raise NotFound(f"no parcel of {carrier!r} bears the number {number[:MAX_TEXT]!r}")
        bundle = min(bundles, key=lambda bundle: bundle.waybills.index(waybill) > 0)
        judged = judge_timeline(bundle.timeline, self._tables)
        rows = range(judged.scans.num_rows - 1, -1, -1)[:MOST_SCANS]
        return view_scans(judged, rows, self._places([judged.scans.take(pa.array(rows, pa.int64()))]))

    def list_parcels(self, filters: Filters, after: str | None, limit: int) -> ParcelPage:
        """The parcels that fit, by number; `after` is the cursor that the page before gave.

        Raises:
            BadInput: the cursor or a filter is not understood.
        """
        as_of = self.freshness()
        keys, cursor = self._select(filters, _read_cursor(after), limit)
        bundles = self._gather([number for number, _ in keys])
        wanted = {Waybill(carrier, number) for number, carrier in keys}
        leading = self._leading([bundle for bundle in bundles if len(bundle.waybills) > 1], filters)
        shown = [bundle for bundle in bundles if leading.get(bundle.id, bundle.waybills[0]) in wanted]
        return ParcelPage(self._views(shown), cursor and _write_cursor(cursor), as_of)

    def _leading(self, bundles: Sequence[_Bundle], filters: Filters) -> dict[str, Waybill]:
        """For parcels of several numbers the one under which a list shows them: of those that fit, the first."""
        if not bundles:
            return {}
        states = self._memory.index.states([waybill.number for bundle in bundles for waybill in bundle.waybills])
        fitting = _waybills_of(states.filter(pa.array(_fits(states, filters, _numbers_of(filters)))))
        return {
            bundle.id: next((waybill for waybill in fitting if waybill in bundle.waybills), bundle.waybills[0])
            for bundle in bundles
        }

    def _select(
        self, filters: Filters, after: tuple[str, str] | None, limit: int
    ) -> tuple[list[tuple[str, str]], tuple[str, str] | None]:
        """The next keys that fit, and the key behind which to go on, None at the end."""
        if filters.prefix and (after is None or after < (filters.prefix, "")):
            after = (filters.prefix, "")
        statuses = _numbers_of(filters)
        step = limit + 1 if filters == Filters(prefix=filters.prefix) else _STEP
        found: list[tuple[str, str]] = []
        examined = 0
        while examined < _MOST_EXAMINED:
            page = self._memory.index.page(after, step)
            for waybill in _waybills_of(page.filter(pa.array(_fits(page, filters, statuses)))):
                if len(found) == limit:
                    return found, found[-1]
                found.append((waybill.number, waybill.carrier))
            if page.num_rows < step:
                return found, None
            [last] = _waybills_of(page.slice(page.num_rows - 1))
            if filters.prefix and not last.number.startswith(filters.prefix):
                return found, None
            examined += page.num_rows
            after = last.number, last.carrier
        return found, after

    def _gather(self, numbers: Sequence[str], choose: _Choose = list) -> list[_Bundle]:
        """All parcels that bear one of the numbers, by first number; those that are chosen, each with all its scans."""
        numbers = list(dict.fromkeys(numbers))
        asked = set(numbers)
        with self._memory.records.read() as connection:
            parcels = find_parcels(connection, numbers)
            links = list_links(connection, [parcel.id for parcel in parcels])
            bundles = _bundles(parcels, links)
            borne = [waybill.number for bundle in choose(bundles) for waybill in bundle.waybills]
            further = list(dict.fromkeys(number for number in borne if number not in asked))
            if further:  # other parcels may bear the same numbers at other times
                others = [parcel.id for parcel in find_parcels(connection, further)]
                links = list_links(connection, list(dict.fromkeys([*(parcel.id for parcel in parcels), *others])))
        timelines = _split(self._memory.index.timelines([*numbers, *further]))

        claimed: dict[str, list[pa.Table]] = {}
        for link in links:  # before anyone takes all under a waybill
            if link.waybill in timelines:
                claimed.setdefault(link.parcel_id, []).append(_claim(link, timelines))
        for bundle in bundles:
            own = timelines.pop(bundle.waybills[0], bundle.timeline)
            if own.num_rows or bundle.id in claimed:
                bundle.timeline = pa.concat_tables([own, *claimed.get(bundle.id, [])]).unify_dictionaries()
        for waybill, timeline in timelines.items():  # what no record claims is a parcel of its own
            if timeline.num_rows and waybill.number in asked:
                bundles.append(_Bundle([waybill], timeline))
        return sorted(bundles, key=lambda bundle: bundle.key)

    def _views(self, bundles: Sequence[_Bundle]) -> list[ParcelView]:
        found = [judge_timeline(bundle.timeline, self._tables) for bundle in bundles]
        rows = [_telling_rows(judged) for judged in found]
        telling = [judged.scans.take(pa.array(each, pa.int64())) for judged, each in zip(found, rows, strict=True)]
        places = self._places(telling)
        return [
            _view(bundle, judged, dict(zip(each, view_scans(judged, each, places), strict=True)))
            for bundle, judged, each in zip(bundles, found, rows, strict=True)
        ]

    def _places(self, timelines: Sequence[pa.Table]) -> dict[tuple[str, str], Facility]:
        keys: set[tuple[str, str]] = set()
        for timeline in timelines:
            pairs = zip(timeline.column("carrier").to_pylist(), timeline.column("facility").to_pylist(), strict=True)
            keys.update((carrier, facility) for carrier, facility in pairs if facility)
        return self._facilities.find_many(keys)


def _bundles(parcels: Sequence[Parcel], links: Sequence[Link]) -> list[_Bundle]:
    """Parcels by first number with all numbers that they bear, without scans as yet."""
    further: dict[str, list[Waybill]] = {}
    for link in links:
        further.setdefault(link.parcel_id, []).append(link.waybill)
    bundles = [
        _Bundle(list(dict.fromkeys([parcel.waybill, *further.get(parcel.id, [])])), parcel=parcel) for parcel in parcels
    ]
    return sorted(bundles, key=lambda bundle: bundle.key)


def _claim(link: Link, timelines: dict[Waybill, pa.Table]) -> pa.Table:
    """Take the scans that a link holds out of the timelines."""
    whole = timelines[link.waybill]
    at_ms = np.asarray(whole.column("at").cast(pa.int64()))
    holds = np.ones(len(at_ms), np.bool_)
    if link.since_ms is not None:
        holds &= at_ms >= link.since_ms
    if link.until_ms is not None:
        holds &= at_ms < link.until_ms
    timelines[link.waybill] = whole.filter(pa.array(~holds))
    return whole.filter(pa.array(holds))


def _standing_rows(judged: Judged) -> npt.NDArray[np.int64]:
    return np.flatnonzero(judged.stands & (judged.statuses != get_status(VOID).number))


def _current_row(judged: Judged) -> int | None:
    """The scan that says the status, by the order of `track.fold`: phase first, then the newest."""
    rows = _standing_rows(judged)
    phase = status_arrays().phase[judged.statuses[rows]]
    top = phase.max(initial=-1)
    return int(rows[phase == top][-1]) if top >= 0 else None


def _milestone_rows(judged: Judged) -> list[int]:
    """The scans that first reached a milestone, oldest first."""
    rows = _standing_rows(judged)
    bits, first = np.unique(status_arrays().milestone_bit[judged.statuses[rows]], return_index=True)
    return sorted(rows[first[bits != 0]].tolist())


def _telling_rows(judged: Judged) -> list[int]:
    """The few scans that the view of a parcel is made of."""
    current = _current_row(judged)
    ends = _standing_rows(judged)[[0, -1]].tolist() if _standing_rows(judged).size else []
    return sorted({*ends, *_milestone_rows(judged), *([] if current is None else [current])})


def _view(bundle: _Bundle, judged: Judged, views: dict[int, ScanView]) -> ParcelView:
    """A parcel as it stands; `views` are those of its telling rows."""
    current, standing = _current_row(judged), _standing_rows(judged)
    now = None if current is None else views[current]
    oldest, newest = (views[int(standing[0])], views[int(standing[-1])]) if standing.size else (None, None)
    status = get_status(now.status if now else UNKNOWN)
    waybill, parcel = bundle.waybills[0], bundle.parcel
    carrier = find_carrier(waybill.carrier)
    return ParcelView(
        id=bundle.id,
        carrier=waybill.carrier,
        carrier_name=carrier.name if carrier else waybill.carrier,
        number=waybill.number,
        numbers=[WaybillView(each.carrier, each.number) for each in bundle.waybills],
        order_number=parcel.order_number if parcel else None,
        status=status.code,
        status_at=now.at if now else None,
        group=status.group,
        shape=status.shape,
        place=newest.place if newest else None,
        origin=_end(parcel.origin if parcel else None),
        destination=_end(parcel.destination if parcel else None),
        first_at=oldest.at if oldest else None,
        last_at=newest.at if newest else None,
        promised_by=_promise(parcel, newest),
        milestones=[
            MilestoneView(milestone, views[row].at)
            for row in _milestone_rows(judged)
            if (milestone := get_status(views[row].status).milestone)
        ],
        scans=judged.scans.num_rows,
        weight_g=parcel.weight_g if parcel else None,
        note=parcel.note if parcel else None,
        flags=judged.all_flags(),
    )


def _promise(parcel: Parcel | None, newest: ScanView | None) -> str | None:
    """The promised instant; it is kept in UTC and told with the offset of the newest scan, for want of a better one."""
    if parcel is None or parcel.promised_ms is None:
        return None
    offset_min = parse_instant(newest.at).offset_min if newest else 0
    return format_instant(parcel.promised_ms, offset_min)


def _end(place: Place | None) -> PlaceView | None:
    return None if place is None else PlaceView(city=place.city, region=place.region, country=place.country)


def _spellings(text: str) -> list[str]:
    """The ways in which a number may be kept: as typed, in capitals or small letters, without hyphens and dots.

    The first is as typed, without blanks. None for what is no number.
    """
    plain = "".join(text.split())
    if len(plain) > MAX_TEXT or not plain.isprintable():
        return []
    bare = plain.replace("-", "").replace(".", "")
    return list(dict.fromkeys(form for each in (plain, bare) for form in (each, each.upper(), each.lower()) if form))


def _waybills_of(states: pa.Table) -> list[Waybill]:
    pairs = zip(states.column("carrier").to_pylist(), states.column("number").to_pylist(), strict=True)
    return [Waybill(carrier, number) for carrier, number in pairs]


def _split(timelines: pa.Table) -> dict[Waybill, pa.Table]:
    """One table for each parcel of a table that is sorted by number and carrier."""
    numbers, carriers = timelines.column("number").to_pylist(), timelines.column("carrier").to_pylist()
    split: dict[Waybill, pa.Table] = {}
    start = 0
    for row in range(1, len(numbers) + 1):
        if row == len(numbers) or (numbers[row], carriers[row]) != (numbers[start], carriers[start]):
            split[Waybill(carriers[start], numbers[start])] = timelines.slice(start, row - start)
            start = row
    return split


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


def _write_cursor(key: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode("\0".join(key).encode()).decode().rstrip("=")


def _read_cursor(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    try:
        number, carrier = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split("\0")
    except ValueError:
        raise BadInput("this cursor is none of ours", where="cursor", mend="Use `next` of the page before.") from None
    return number, carrier
