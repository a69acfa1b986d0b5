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
from waypost.track.statuses import UNKNOWN, Status, get_status, list_statuses
from waypost.track.tables import CodeTables
from waypost.track.timeline import Places, read_timeline
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
    timeline: pa.Table
    parcel: Parcel | None = None

    @property
    def id(self) -> str:
        return self.parcel.id if self.parcel else parcel_id(self.waybills[0])


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
        """How far the index is behind the log."""
        position, end = self._memory.index.position(), self._memory.log.position()
        return Freshness(min(position, end), end, max(end - position, 0))

    def find(self, texts: Sequence[str]) -> list[Found]:
        """What is known under each of some numbers: waybills, order numbers, linked numbers."""
        spellings = {text: _spellings(text) for text in texts}
        bundles = self._gather([spelling for found in spellings.values() for spelling in found])
        views = self._views(bundles)
        answers = []
        for text in texts:
            wanted = spellings[text]
            parcels = [view for view in views if not _names_of(view).isdisjoint(wanted)]
            plain = wanted[0] if wanted else ""
            carriers = self._carriers_of(plain) if plain.isascii() and plain and not parcels else []
            answers.append(Found(asked=text, parcels=parcels, carriers=carriers))
        return answers

    def timeline(self, carrier: str, number: str) -> list[ScanView]:
        """The scans of one parcel, newest first: of the one that was accepted under that number, if others bear it too.

        Raises:
            NotFound: no parcel of that carrier bears the number.
        """
        waybill = Waybill(carrier, number)
        bundles = [bundle for bundle in self._gather([number]) if waybill in bundle.waybills]
        if not bundles:
            raise NotFound(f"no parcel of {carrier!r} bears the number {number[:MAX_TEXT]!r}")
        bundle = min(bundles, key=lambda bundle: bundle.waybills.index(waybill))
        return read_timeline(bundle.timeline, self._tables, self._places([bundle.timeline]))

    def list_parcels(self, filters: Filters, after: str | None, limit: int) -> ParcelPage:
        """The parcels that fit, by number; `after` is the cursor that the page before gave.

        Raises:
            BadInput: the cursor or a filter is not understood.
        """
        keys, cursor = self._select(filters, _read_cursor(after), limit)
        bundles = self._gather([number for number, _ in keys])
        wanted = {Waybill(carrier, number) for number, carrier in keys}
        leading = self._leading([bundle for bundle in bundles if len(bundle.waybills) > 1], filters)
        shown = [bundle for bundle in bundles if leading.get(bundle.id, bundle.waybills[0]) in wanted]
        return ParcelPage(self._views(shown), cursor and _write_cursor(cursor), self.freshness())

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

    def _gather(self, numbers: Sequence[str]) -> list[_Bundle]:
        """All parcels that bear one of the numbers, each with all its scans, by first number."""
        numbers = list(dict.fromkeys(numbers))
        asked = set(numbers)
        with self._memory.records.read() as connection:
            parcels = find_parcels(connection, numbers)
            links = list_links(connection, [parcel.id for parcel in parcels])
            borne = [parcel.waybill.number for parcel in parcels] + [link.waybill.number for link in links]
            further = list(dict.fromkeys(number for number in borne if number not in asked))
            if further:  # other parcels may bear the same numbers at other times
                others = [parcel.id for parcel in find_parcels(connection, further)]
                links = list_links(connection, list(dict.fromkeys([*(parcel.id for parcel in parcels), *others])))
        timelines = _split(self._memory.index.timelines([*numbers, *further]))

        linked = [(link, _claim(link, timelines)) for link in links]  # before anyone takes all under a waybill
        bundles = [_bundle(parcel, linked, timelines) for parcel in parcels]
        for waybill, timeline in timelines.items():  # what no record claims is a parcel of its own
            if timeline.num_rows and waybill.number in asked:
                bundles.append(_Bundle([waybill], timeline))
        return sorted(bundles, key=lambda bundle: (bundle.waybills[0].number, bundle.waybills[0].carrier))

    def _views(self, bundles: Sequence[_Bundle]) -> list[ParcelView]:
        places = self._places([bundle.timeline for bundle in bundles])
        return [self._view(bundle, places) for bundle in bundles]

    def _view(self, bundle: _Bundle, places: Places) -> ParcelView:
        scans = read_timeline(bundle.timeline, self._tables, places)
        standing = [scan for scan in scans if "corrected" not in scan.flags and scan.status != VOID]
        now = _current(standing)
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
            place=standing[0].place if standing else None,
            origin=_end(parcel.origin if parcel else None),
            destination=_end(parcel.destination if parcel else None),
            first_at=standing[-1].at if standing else None,
            last_at=standing[0].at if standing else None,
            promised_by=_promise(parcel, standing),
            milestones=_milestones(standing),
            scans=len(scans),
            weight_g=parcel.weight_g if parcel else None,
            note=parcel.note if parcel else None,
            flags=sorted({flag for scan in scans for flag in scan.flags}),
        )

    def _places(self, timelines: Sequence[pa.Table]) -> dict[tuple[str, str], Facility]:
        keys: set[tuple[str, str]] = set()
        for timeline in timelines:
            pairs = zip(timeline.column("carrier").to_pylist(), timeline.column("facility").to_pylist(), strict=True)
            keys.update((carrier, facility) for carrier, facility in pairs if facility)
        return self._facilities.find_many(keys)


def _claim(link: Link, timelines: dict[Waybill, pa.Table]) -> pa.Table:
    """Take the scans that a link holds out of the timelines."""
    whole = timelines.get(link.waybill, TIMELINE_SCHEMA.empty_table())
    at_ms = whole.column("at").cast(pa.int64()).to_pylist()
    holds = pa.array([link.holds(at) for at in at_ms], pa.bool_())
    timelines[link.waybill] = whole.filter(pc.invert(holds))
    return whole.filter(holds)


def _bundle(parcel: Parcel, linked: Sequence[tuple[Link, pa.Table]], timelines: dict[Waybill, pa.Table]) -> _Bundle:
    """A parcel with its scans: those that its links hold, and out of the timelines what is left under its waybill."""
    own = [(link.waybill, scans) for link, scans in linked if link.parcel_id == parcel.id]
    parts = [timelines.pop(parcel.waybill, TIMELINE_SCHEMA.empty_table()), *(scans for _, scans in own)]
    waybills = list(dict.fromkeys([parcel.waybill, *(waybill for waybill, _ in own)]))
    return _Bundle(waybills, pa.concat_tables(parts).unify_dictionaries(), parcel)


def _current(standing: Sequence[ScanView]) -> ScanView | None:
    """The scan that says the status, by the order of `track.fold`: phase first, then the newest."""
    bearing = [scan for scan in standing if get_status(scan.status).phase >= 0]
    return max(bearing, key=lambda scan: get_status(scan.status).phase, default=None)


def _milestones(standing: Sequence[ScanView]) -> list[MilestoneView]:
    """The milestones in the order in which they were first reached."""
    first: dict[str, ScanView] = {}
    for scan in reversed(standing):
        milestone = get_status(scan.status).milestone
        if milestone is not None:
            first.setdefault(milestone, scan)
    return [MilestoneView(name, scan.at) for name, scan in first.items()]


def _promise(parcel: Parcel | None, standing: Sequence[ScanView]) -> str | None:
    """The promised instant; it is kept in UTC and told with the offset of the newest scan, for want of a better one."""
    if parcel is None or parcel.promised_ms is None:
        return None
    offset_min = parse_instant(standing[0].at).offset_min if standing else 0
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


def _names_of(view: ParcelView) -> set[str]:
    names = {waybill.number for waybill in view.numbers}
    return names | {view.order_number} if view.order_number else names


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
