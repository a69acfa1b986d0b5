"""GTFS: the timetables of buses, trains and ferries as their operators publish them, a folder or a zip archive.

Read are agency, stops, routes, trips, stop_times, calendar, calendar_dates, frequencies and transfers. A trip becomes a
service; with frequencies, one for each time at which it begins. Platforms count as their station. Times are whole
minutes: what is faster takes one. Calls without times are passed over.

See https://gtfs.org/documentation/schedule/reference/.
"""

import contextlib
import datetime as dt
import itertools
import lzma
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import msgspec

from waypost.feeds.fields import CODE, NAME, NOTE, BadFieldError, parse_field, parse_words, read_words
from waypost.feeds.master import Row
from waypost.feeds.stream import Meter, is_folder
from waypost.feeds.tables import Remains, read_table
from waypost.feeds.timetables import refused_of
from waypost.model.errors import BadInput
from waypost.model.instants import get_zone
from waypost.model.places import Facility, FacilityKind, Place
from waypost.network.feed import Found, Refused
from waypost.network.services import MOST_CODE, Call, Clock, Days, Mode, Service, Stretch, check_service

#: What each file that is read has to have; the second ones may be missing.
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NEEDED = {
    "agency.txt": ("agency_timezone",),
    "stops.txt": ("stop_id",),
    "routes.txt": ("route_id", "route_type"),
    "trips.txt": ("route_id", "service_id", "trip_id"),
    "stop_times.txt": ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"),
}
_OPTIONAL = {
    "calendar.txt": ("service_id", *_WEEK, "start_date", "end_date"),
    "calendar_dates.txt": ("service_id", "date", "exception_type"),
    "frequencies.txt": ("trip_id", "start_time", "end_time", "headway_secs"),
    "transfers.txt": ("from_stop_id", "to_stop_id", "transfer_type"),
}
_TIME = re.compile(r" *([0-9]{1,3}):([0-9]{2}):([0-9]{2}) *")
#: An archive whose files are larger in all is refused before it is unpacked.
_MOST_BYTES = 8 << 30
_MOST_STARTS = 2000
_MOST_STARTS_IN_ALL = 200_000


class GtfsFeed:
    """A `TimetableFeed` of a folder or a zip archive.

    Args:
        path: where it is.
        carrier: under which carrier its stops and trips are kept.
    """

    def __init__(self, path: Path, carrier: str) -> None:
        self._path, self._carrier = path, carrier

    def read(self) -> Found:
        """See `TimetableFeed.read`."""
        with _unpacked(self._path) as folder:
            return _Reading(folder, self._carrier).read()


class _Trip(msgspec.Struct, frozen=True):
    mode: Mode
    days: Days
    zone: str
    line: int


class _Stop(msgspec.Struct, frozen=True):
    """One row of stop_times: seconds of its day, None where it has no time."""

    sequence: int
    stop: str
    arrives_s: int | None
    departs_s: int | None


class _Spoilt:
    """What refused rows of one file may have been of: then a part of it is missing.

    Args:
        name: the file.
        column: which names what a row is of.
    """

    def __init__(self, name: str, column: str) -> None:
        self.name, self._column = name, column
        self._known: set[str] = set()
        self._any = False

    def add(self, remains: Remains) -> None:
        """One more row was refused. Of which it was that cannot be told, may have been of any."""
        names = remains.may_say(self._column)
        self._known.update(names)
        self._any |= not names

    def check(self, name: str, field: str) -> None:
        """See that no row of this one was refused.

        Raises:
            BadFieldError: one was, or may have been.
        """
        if name in self._known:
            raise BadFieldError(field, f"a row of {self.name} of it was refused", name)
        if self._any:
            raise BadFieldError(field, f"a row of {self.name} was refused that may be of it: mend that row", name)


class _Reading:
    """One pass over the files, in the order in which they speak of one another."""

    def __init__(self, folder: Path, carrier: str) -> None:
        self._folder, self._carrier = folder, carrier
        self._refused: list[Refused] = []
        self._lost_agencies = False
        self._starts = 0
        self._told: set[str] = set()  # trips of which it is said already why they do not run
        self._spoilt_days = (_Spoilt("calendar.txt", "service_id"), _Spoilt("calendar_dates.txt", "service_id"))

    def read(self) -> Found:
        zones = self._read_zones()
        stations, facilities = self._read_stops(zones)
        modes = self._read_routes(zones)
        calendars = self._read_calendars()
        trips = self._read_trips(modes, calendars)
        stops = self._read_stop_times(trips, stations)
        starts = self._read_frequencies(trips, stops)
        services = list(self._make_services(trips, stops, starts))
        dwell_min = self._read_transfers(stations)
        used = {call.facility for service in services for call in service.calls}
        return Found(
            services=services,
            dwell_min={facility: minutes for facility, minutes in dwell_min.items() if facility in used},
            facilities=[each for each in facilities if f"{each.carrier}/{each.code}" in used],
            refused=self._refused,
        )

    def _read_zones(self) -> dict[str, str]:
        """The zone of each agency."""
        zones: dict[str, str] = {}

        def take(row: Row, line: int) -> None:
            zone = parse_words(row.get("agency_timezone"), "agency_timezone", NAME)
            try:
                get_zone(zone)
            except BadInput:
                raise BadFieldError("agency_timezone", "is no IANA time zone", zone) from None
            zones[(row.get("agency_id") or "").strip()] = zone

        self._each("agency.txt", take)
        self._lost_agencies = bool(self._refused)
        if not zones:
            first = f": line {self._refused[0].line}, {self._refused[0].reason}" if self._refused else ""
            mend = "Give each agency its agency_timezone, such as Europe/Paris."
            raise BadInput(f"names no agency with a time zone{first}", where="agency.txt", mend=mend)
        return zones

    def _read_stops(self, zones: dict[str, str]) -> tuple[dict[str, str], list[Facility]]:
        """The facility of each stop: its station, where it has one; and all of them."""
        own: dict[str, Facility] = {}
        parents: dict[str, str] = {}
        named = {*zones.values()}
        usual = named.pop() if len(named) == 1 and not self._lost_agencies else None

        def take(row: Row, line: int) -> None:
            stop = parse_words(row.get("stop_id"), "stop_id", CODE)
            _check_new(stop, "stop_id", own)
            if parent := read_words(row.get("parent_station"), "parent_station", CODE):
                parents[stop] = parent
            own[stop] = Facility(
                carrier=self._carrier,
                code=stop,
                name=read_words(row.get("stop_name"), "stop_name", NAME) or stop,
                kind=FacilityKind.HUB,
                place=Place(
                    latitude=_parse_degrees(row, "stop_lat", 90),
                    longitude=_parse_degrees(row, "stop_lon", 180),
                    zone=parse_field(lambda text: get_zone(text).key, row.get("stop_timezone"), "stop_timezone"),
                ),
            )

        self._each("stops.txt", take)
        station = {stop: parents[stop] if parents.get(stop) in own else stop for stop in own}
        facilities = []
        for stop, each in own.items():
            zone = own[station[stop]].place.zone or each.place.zone or usual
            facilities.append(msgspec.structs.replace(each, place=msgspec.structs.replace(each.place, zone=zone)))
        return {stop: f"{self._carrier}/{code}" for stop, code in station.items()}, facilities

    def _read_routes(self, zones: dict[str, str]) -> dict[str, tuple[Mode, str]]:
        """By what each route moves, and in which zone its times are."""
        routes: dict[str, tuple[Mode, str]] = {}

        def take(row: Row, line: int) -> None:
            agency = (row.get("agency_id") or "").strip()
            if agency not in zones and (len(zones) > 1 or self._lost_agencies):
                raise BadFieldError("agency_id", "is in no row of agency.txt that could be read", agency)
            route = parse_words(row.get("route_id"), "route_id", NOTE)
            _check_new(route, "route_id", routes)
            routes[route] = _mode_of(row), zones.get(agency, next(iter(zones.values())))

        self._each("routes.txt", take)
        return routes

    def _read_calendars(self) -> dict[str, Days]:
        """The days of each service_id."""
        weeks: dict[str, Days] = {}
        added: dict[str, set[dt.date]] = {}
        left_out: dict[str, set[dt.date]] = {}

        def take_week(row: Row, line: int) -> None:
            weekdays = tuple(number for number, name in enumerate(_WEEK, 1) if _parse_flag(row, name))
            days = (_parse_date(row, "start_date"), _parse_date(row, "end_date"))
            name = parse_words(row.get("service_id"), "service_id", NOTE)
            _check_new(name, "service_id", weeks)
            weeks[name] = Days(weekdays=weekdays, first=days[0], last=days[1])

        def take_date(row: Row, line: int) -> None:
            name, day = parse_words(row.get("service_id"), "service_id", NOTE), _parse_date(row, "date")
            kind = row.get("exception_type", "").strip()
            if kind not in ("1", "2"):
                raise BadFieldError("exception_type", "is neither 1 (added) nor 2 (removed)", kind)
            (added if kind == "1" else left_out).setdefault(name, set()).add(day)

        for spoilt, take in zip(self._spoilt_days, (take_week, take_date), strict=True):
            self._each(spoilt.name, take, spoilt)
        for name, days in added.items():  # of those that have dates alone
            weeks.setdefault(name, Days(weekdays=(), first=min(days), last=max(days)))
        return {
            name: msgspec.structs.replace(
                week, added=tuple(sorted(added.get(name, ()))), left_out=tuple(sorted(left_out.get(name, ())))
            )
            for name, week in weeks.items()
        }

    def _read_trips(self, routes: dict[str, tuple[Mode, str]], calendars: dict[str, Days]) -> dict[str, _Trip]:
        trips: dict[str, _Trip] = {}
        twice: set[str] = set()

        def take(row: Row, line: int) -> None:
            trip = parse_words(row.get("trip_id"), "trip_id", MOST_CODE)
            if trip in trips:  # nobody knows which is meant
                del trips[trip]
                twice.add(trip)
            if trip in twice:
                raise BadFieldError("trip_id", "stands there twice, so neither is taken", trip)
            route, days = row.get("route_id", "").strip(), row.get("service_id", "").strip()
            if route not in routes:
                raise BadFieldError("route_id", "is in no row of routes.txt that could be read", route)
            for spoilt in self._spoilt_days:  # nobody knows then on which days it runs
                spoilt.check(days, "service_id")
            if days not in calendars:
                raise BadFieldError("service_id", "runs on no day: it is in neither of the calendars", days)
            trips[trip] = _Trip(routes[route][0], calendars[days], routes[route][1], line)

        self._each("trips.txt", take)
        return trips

    def _read_stop_times(self, trips: dict[str, _Trip], stations: dict[str, str]) -> dict[str, list[_Stop]]:
        stops: dict[str, list[_Stop]] = {}

        def take(row: Row, line: int) -> None:
            trip = row.get("trip_id", "").strip()
            if trip not in trips:
                raise BadFieldError("trip_id", "is in no row of trips.txt that could be read", trip)
            stop = row.get("stop_id", "").strip()
            if stop not in stations:
                raise BadFieldError("stop_id", "is in no row of stops.txt that could be read", stop)
            sequence = row.get("stop_sequence", "").strip()
            if not re.fullmatch("[0-9]{1,9}", sequence):
                raise BadFieldError("stop_sequence", "is no whole number", sequence)
            came, leaves = (_parse_time(row, field) for field in ("arrival_time", "departure_time"))
            calls = stops.setdefault(trip, [])
            calls.append(
                _Stop(
                    int(sequence), stations[stop], leaves if came is None else came, came if leaves is None else leaves
                )
            )

        self._each_of_trips("stop_times.txt", take, trips, stops)
        return stops

    def _read_frequencies(self, trips: dict[str, _Trip], stops: dict[str, list[_Stop]]) -> dict[str, list[int]]:
        """At which seconds of the day trips begin that are told by how often they run."""
        starts: dict[str, list[int]] = {}

        def take(row: Row, line: int) -> None:
            trip = row.get("trip_id", "").strip()
            if trip not in trips:
                raise BadFieldError("trip_id", "is in no row of trips.txt that could be read", trip)
            first, last = (_parse_time(row, field) for field in ("start_time", "end_time"))
            headway = row.get("headway_secs", "").strip()
            if first is None or last is None:
                raise BadFieldError("start_time", "is missing, or end_time is")
            if not re.fullmatch("[0-9]{1,6}", headway) or not int(headway):
                raise BadFieldError("headway_secs", "is no whole number of seconds from 1 on", headway)
            if last <= first:
                raise BadFieldError("end_time", "is not behind start_time", row.get("end_time", ""))
            begins, more = starts.setdefault(trip, []), range(first, last, int(headway))
            self._starts += len(more)
            if self._starts > _MOST_STARTS_IN_ALL:
                raise BadInput(
                    f"makes more than {_MOST_STARTS_IN_ALL} departures a day in all", where="frequencies.txt"
                )
            if len(begins) + len(more) > _MOST_STARTS:
                raise BadFieldError("headway_secs", f"makes more than {_MOST_STARTS} departures a day", headway)
            begins += more

        self._each_of_trips("frequencies.txt", take, trips, stops)
        return {trip: sorted(set(begins)) for trip, begins in starts.items()}

    def _read_transfers(self, stations: dict[str, str]) -> dict[str, int]:
        """How long a change takes at least, where that is told of a stop itself."""
        dwell_min: dict[str, int] = {}

        def take(row: Row, line: int) -> None:
            here, there = (stations.get(row.get(field, "").strip()) for field in ("from_stop_id", "to_stop_id"))
            seconds = row.get("min_transfer_time", "").strip()
            if here is None or here != there or row.get("transfer_type", "").strip() != "2" or not seconds:
                return  # of ways between stations, and of what is guaranteed, nothing is kept
            if not re.fullmatch("[0-9]{1,6}", seconds):
                raise BadFieldError("min_transfer_time", "is no whole number of seconds", seconds)
            dwell_min[here] = max(dwell_min.get(here, 0), -(-int(seconds) // 60))

        self._each("transfers.txt", take)
        return dwell_min

    def _make_services(
        self, trips: dict[str, _Trip], stops: dict[str, list[_Stop]], starts: dict[str, list[int]]
    ) -> Iterator[Service]:
        for name, trip in trips.items():
            if name not in stops:
                if name not in self._told:
                    self._refuse(
                        "trips.txt",
                        trip.line,
                        BadFieldError("trip_id", "has no row of stop_times.txt that could be read", name),
                    )
                continue
            calls = sorted(stops[name], key=lambda call: call.sequence)
            timed = [call for call in calls if call.departs_s is not None]
            try:
                _check_stops(calls)
            except BadFieldError as error:
                self._refuse("trips.txt", trip.line, error)
                continue
            begin = timed[0].departs_s
            for start in starts.get(name, [begin]):
                code = name if start == begin else f"{name}@{_clock(start or 0)}"
                shift = (start or 0) - (begin or 0)
                try:
                    yield check_service(_service(self._carrier, code, trip, timed, shift))
                except BadInput as error:
                    self._refuse("trips.txt", trip.line, BadFieldError("trip_id", error.message, name))
                    break

    def _each_of_trips(
        self, name: str, take: Callable[[Row, int], None], trips: dict[str, _Trip], stops: dict[str, list[_Stop]]
    ) -> None:
        """As `_each`, of a file about trips: those of which a row is refused lose their stops, and run no more."""
        spoilt = _Spoilt(name, "trip_id")
        self._each(name, take, spoilt)
        for trip in list(stops):
            try:
                spoilt.check(trip, "trip_id")
            except BadFieldError as error:
                self._refuse("trips.txt", trips[trip].line, error)
                self._told.add(trip)
                del stops[trip]

    def _each(self, name: str, take: Callable[[Row, int], None], spoilt: _Spoilt | None = None) -> None:
        """Hand each row of a file on with its line; those that cannot be used are refused, and told to `spoilt`."""
        path = self._folder / name
        needed = _NEEDED.get(name) or _OPTIONAL[name]
        if name in _OPTIONAL and not path.exists():
            return
        for part in read_table(path, Meter([path]), needed):
            self._refused += [refused_of(each) for each in part.refusals]
            if spoilt:
                for remains in part.remains:
                    spoilt.add(remains)
            names = tuple(part.columns)
            for line, values in zip(part.lines, zip(*part.columns.values(), strict=True), strict=True):
                try:
                    take(dict(zip(names, values, strict=True)), line)
                except BadFieldError as error:
                    self._refuse(name, line, error)
                    if spoilt:
                        spoilt.add(Remains(names, values))

    def _refuse(self, name: str, line: int, error: BadFieldError) -> None:
        self._refused.append(refused_of(error.refusal(name, line)))


def _check_stops(calls: list[_Stop]) -> None:
    """See that a trip can be driven as told.

    Raises:
        BadFieldError: two calls stand at one place of the order, the first or last has no time, or time goes back.
    """
    if len({call.sequence for call in calls}) < len(calls):
        raise BadFieldError("stop_sequence", "stands there twice of one trip")
    if calls[0].departs_s is None or calls[-1].arrives_s is None:
        raise BadFieldError("arrival_time", "is missing at the first or the last stop of a trip")
    seconds = [second for call in calls for second in (call.arrives_s, call.departs_s) if second is not None]
    if any(later < sooner for sooner, later in itertools.pairwise(seconds)):
        raise BadFieldError("arrival_time", "goes back along a trip; what is after midnight is 24:00:00 and on")


def _check_new(name: str, field: str, known: Collection[str]) -> None:
    if name in known:
        raise BadFieldError(field, "stands there twice", name)


def _parse_flag(row: Row, field: str) -> bool:
    text = row.get(field, "").strip()
    if text not in ("0", "1"):
        raise BadFieldError(field, "is neither 0 nor 1", text)
    return text == "1"


def _service(carrier: str, code: str, trip: _Trip, stops: list[_Stop], shift_s: int) -> Service:
    """A trip as a service. Minutes are rounded down, and each leg takes one at least."""
    calls: list[Call] = []
    minute: int | None = None
    for stop in stops:
        assert stop.arrives_s is not None
        assert stop.departs_s is not None
        came, leaves = ((second + shift_s) // 60 for second in (stop.arrives_s, stop.departs_s))
        if calls and calls[-1].facility == stop.stop:  # another platform of the station
            minute = max(leaves, minute or 0)
            calls[-1] = msgspec.structs.replace(calls[-1], departs_min=minute)
            continue
        came = came if minute is None else max(came, minute + 1)  # seconds apart, within one minute
        minute = max(leaves, came)
        calls.append(Call(facility=stop.stop, zone=trip.zone, arrives_min=came, departs_min=minute))
    return Service(
        carrier=carrier,
        code=code,
        mode=trip.mode,
        days=trip.days,
        calls=tuple(calls),
        stretches=(Stretch(),) * max(len(calls) - 1, 0),
        clock=Clock.NOON,
    )


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """The folder of the files; of an archive a copy of those that are read, for a while."""
    if is_folder(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="waypost-gtfs-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(path) as archive:
                members = [each for each in archive.infolist() if each.filename in _NEEDED | _OPTIONAL]
                if sum(each.file_size for each in members) > _MOST_BYTES:
                    raise BadInput(f"unpacks to more than {_MOST_BYTES >> 30} GiB", where=path.name)
                for member in members:
                    archive.extract(member, folder)
        except (
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            EOFError,
            NotImplementedError,
            RuntimeError,
            OSError,
        ) as error:
            raise BadInput(f"is no zip archive that can be read: {error}", where=path.name) from None
        missing = [each for each in _NEEDED if not (folder / each).exists()]
        if missing:
            mend = "The files of GTFS lie at the top of the archive."
            raise BadInput(f"lacks {', '.join(missing)}", where=path.name, mend=mend)
        yield folder


def _mode_of(row: Row) -> Mode:
    """By the route types of GTFS and their extension by hundreds."""
    text = row.get("route_type", "").strip()
    if not re.fullmatch("[0-9]{1,4}", text):
        raise BadFieldError("route_type", "is no number of a kind of route", text)
    kind = int(text)
    if kind in (4, 1000, 1200):
        return Mode.SHIP
    if 1100 <= kind < 1200:
        return Mode.FLIGHT
    if kind in (3, 11) or 200 <= kind < 300 or 700 <= kind < 900:
        return Mode.BUS
    if kind in (0, 1, 2, 5, 6, 7, 12) or 100 <= kind < 200 or 400 <= kind < 700 or 900 <= kind < 1000:
        return Mode.RAIL
    raise BadFieldError("route_type", "is no kind of route that timetables know", text)


def _parse_time(row: Row, field: str) -> int | None:
    """Seconds of a time that may be of the day behind; None where there is none."""
    text = row.get(field, "")
    if not text.strip():
        return None
    found = _TIME.fullmatch(text)
    if found is None or int(found[2]) > 59 or int(found[3]) > 59:
        raise BadFieldError(field, "is no time: it is written 08:05:00, and of the next day 25:10:00", text)
    return (int(found[1]) * 60 + int(found[2])) * 60 + int(found[3])


def _parse_date(row: Row, field: str) -> dt.date:
    text = row.get(field, "").strip()
    try:
        if not re.fullmatch("[0-9]{8}", text):
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BadFieldError(field, "is no day: it is written 20261122", text) from None


def _parse_degrees(row: Row, field: str, most: int) -> float | None:
    text = row.get(field, "").strip()
    if not text:
        return None
    try:
        degrees = float(text)
    except ValueError:
        raise BadFieldError(field, "is no number of degrees", text) from None
    if not abs(degrees) <= most:
        raise BadFieldError(field, f"is off the globe: it lies between -{most} and {most}", text)
    return degrees


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
