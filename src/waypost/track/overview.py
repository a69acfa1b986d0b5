"""The network at a glance, from `History`."""

from typing import Any

import ibis
import msgspec
import pyarrow as pa

from waypost.model.instants import format_utc
from waypost.network.areas import Areas
from waypost.network.facilities import Facilities
from waypost.store.protocols import History
from waypost.track.standing import Ask, in_milliseconds, instant, read_standing
from waypost.track.statuses import get_status
from waypost.track.tables import CodeTables

HOURS_BACK = 72
MOST_ROWS = 20

#: Lanes with fewer delivered parcels say nothing.
FEWEST_ON_A_LANE = 5


class StatusCount(msgspec.Struct, frozen=True):
    """How many parcels stand in a status now."""

    status: str
    shape: str
    parcels: int


class HourCount(msgspec.Struct, frozen=True):
    """Scans in one hour, which begins at that instant (RFC 3339, UTC)."""

    hour: str
    scans: int


class FacilityCount(msgspec.Struct, frozen=True):
    """What went through a facility: its scans and distinct parcels, and the instant of its newest scan."""

    carrier: str
    facility: str
    name: str
    city: str | None
    scans: int
    parcels: int
    last_at: str


class LaneTime(msgspec.Struct, frozen=True):
    """How long parcels of a lane took, in hours (median and 90th percentile).

    From pick-up to delivery; linehaul trips, which know neither, from the first departure to the last arrival. An area
    is `COUNTRY-region`.
    """

    carrier: str
    origin: str
    destination: str
    parcels: int
    p50_h: float
    p90_h: float


class UnknownCode(msgspec.Struct, frozen=True):
    """A code that no table knows: how often it came and when the newest happened."""

    carrier: str
    code: str
    scans: int
    last_at: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The network at a glance.

    Attributes:
        statuses: parcels by status, most first.
        hours: scans per hour over the last `HOURS_BACK` hours that have any, oldest first.
        facilities: by throughput, most first.
        lanes: slowest median first.
        unknown_codes: newest first.
        scans, parcels: in all; parcels of very many links (`records.MOST_LINKS`) once for each further number.
        position: everything below it is counted.
    """

    statuses: list[StatusCount]
    hours: list[HourCount]
    facilities: list[FacilityCount]
    lanes: list[LaneTime]
    unknown_codes: list[UnknownCode]
    scans: int
    parcels: int
    position: int


def read_overview(
    history: History, tables: CodeTables, facilities: Facilities, links: pa.Table | None = None
) -> Overview:
    """Ask the history for all of it. `links` are those of `list_all_links`, so that each parcel is counted once."""
    position = history.position()
    standing = read_standing(history, tables, links)
    statuses = _read_statuses(history, standing)
    scans = history.run(lambda scans: scans.aggregate(scans=scans.count())).to_pylist()[0]["scans"]
    return Overview(
        statuses=statuses,
        hours=_read_hours(history),
        facilities=_read_facilities(history, facilities),
        lanes=_read_lanes(history, standing, facilities),
        unknown_codes=_read_unknown_codes(history, standing),
        scans=scans,
        parcels=sum(count.parcels for count in statuses),
        position=position,
    )


def list_unknown_codes(history: History, tables: CodeTables, since_ms: int) -> list[UnknownCode]:
    """Codes that no table knows, of scans that happened from an instant on, the newest first."""
    standing = read_standing(history, tables)
    return _read_unknown_codes(history, lambda scans: standing(scans.filter(scans.at >= instant(since_ms))))


_PARCEL = ("parcel_carrier", "parcel_number")


def _waybill(scans: Any) -> Any:
    return scans.number.concat("\x1f", scans.carrier)


def _read_statuses(history: History, standing: Ask) -> list[StatusCount]:
    def ask(scans: Any) -> Any:
        bearing = standing(scans)
        said = ibis.ifelse(bearing.phase >= 0, bearing.status, "unknown")
        now = bearing.mutate(said=said).group_by(*_PARCEL).aggregate(status=ibis._.said.argmax(ibis._.rank))
        return now.group_by("status").aggregate(parcels=now.count()).order_by(ibis.desc("parcels"), "status")

    return [
        StatusCount(row["status"], get_status(row["status"]).shape, row["parcels"])
        for row in history.run(ask).to_pylist()
    ]


def _read_hours(history: History) -> list[HourCount]:
    def ask(scans: Any) -> Any:
        hours = scans.group_by(hour=scans.at.truncate("h")).aggregate(scans=scans.count())
        return hours.order_by(ibis.desc("hour")).limit(HOURS_BACK)

    found = history.run(ask)
    hours = found.column("hour").cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_pylist()
    counts = found.column("scans").to_pylist()
    return [HourCount(format_utc(hour), count) for hour, count in zip(hours, counts, strict=True)][::-1]


def _read_facilities(history: History, facilities: Facilities) -> list[FacilityCount]:
    def ask(scans: Any) -> Any:
        placed = scans.filter(scans.facility.notnull())
        counted = placed.group_by("carrier", "facility").aggregate(
            scans=placed.count(), parcels=_waybill(placed).nunique(), last_at=placed.at.max()
        )
        return counted.order_by(ibis.desc("scans"), "carrier", "facility").limit(MOST_ROWS)

    found = history.run(ask)
    last_at = found.column("last_at").cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_pylist()
    rows = found.drop_columns("last_at").to_pylist()
    known = facilities.find_many((row["carrier"], row["facility"]) for row in rows)
    counts = []
    for row, at_ms in zip(rows, last_at, strict=True):
        facility = known.get((row["carrier"], row["facility"]))
        name, city = (facility.name, facility.place.city) if facility else (row["facility"], None)
        counts.append(FacilityCount(**row, name=name, city=city, last_at=format_utc(at_ms)))
    return counts


def _read_lanes(history: History, standing: Ask, facilities: Facilities) -> list[LaneTime]:
    areas = Areas(facilities.list_all()).table()
    if not areas.num_rows:
        return []
    placed = ibis.memtable(areas)

    def ask(scans: Any) -> Any:
        moves = standing(scans).inner_join(placed, ["carrier", "facility"])
        accepted, departed = moves.milestone == "accepted", moves.milestone == "departed"
        arrived, delivered = moves.milestone == "arrived", moves.milestone == "delivered"
        ends = moves.group_by(*_PARCEL).aggregate(
            is_trip=(accepted | delivered).sum() == 0,
            accepted_in=moves.area.argmin(moves.at, where=accepted),
            accepted_at=moves.at.min(where=accepted),
            delivered_in=moves.area.argmin(moves.at, where=delivered),
            delivered_at=moves.at.min(where=delivered),
            departed_from=moves.area.argmin(moves.at, where=departed),
            departed_at=moves.at.min(where=departed),
            arrived_in=moves.area.argmax(moves.at, where=arrived),
            arrived_at=moves.at.max(where=arrived),
        )
        ways = ends.select(
            carrier=ends.parcel_carrier,
            origin=ibis.ifelse(ends.is_trip, ends.departed_from, ends.accepted_in),
            destination=ibis.ifelse(ends.is_trip, ends.arrived_in, ends.delivered_in),
            began=ibis.ifelse(ends.is_trip, ends.departed_at, ends.accepted_at),
            ended=ibis.ifelse(ends.is_trip, ends.arrived_at, ends.delivered_at),
        )
        ways = ways.filter(ways.origin.notnull(), ways.destination.notnull(), ways.ended > ways.began)
        took_h = (in_milliseconds(ways.ended) - in_milliseconds(ways.began)) / 3_600_000.0
        lanes = ways.group_by("carrier", "origin", "destination").aggregate(
            parcels=ways.count(), p50_h=took_h.quantile(0.5), p90_h=took_h.quantile(0.9)
        )
        busy = lanes.filter(lanes.parcels >= FEWEST_ON_A_LANE)
        return busy.order_by(ibis.desc("p50_h"), "carrier", "origin", "destination").limit(MOST_ROWS)

    rows = history.run(ask).to_pylist()
    return [LaneTime(**row | {"p50_h": round(row["p50_h"], 1), "p90_h": round(row["p90_h"], 1)}) for row in rows]


def _read_unknown_codes(history: History, standing: Ask) -> list[UnknownCode]:
    def ask(scans: Any) -> Any:
        unknown = standing(scans).filter(ibis._.status == "unknown")
        codes = unknown.group_by("carrier", "code").aggregate(scans=unknown.count(), last_at=unknown.at.max())
        return codes.order_by(ibis.desc("last_at"), "carrier", "code").limit(MOST_ROWS)

    found = history.run(ask)
    last_at = found.column("last_at").cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_pylist()
    rows = found.drop_columns("last_at").to_pylist()
    return [UnknownCode(**row, last_at=format_utc(at_ms)) for row, at_ms in zip(rows, last_at, strict=True)]
