"""Hubs that have more than they can take, and lanes that take much longer than usual: by counts that are kept live."""

from collections.abc import Callable, Sequence

from waypost.care.alerts.findings import AlertKind, Detector, Finding, Severity
from waypost.track.live_views import LiveFacility, LiveFlow


def watch_hubs(list_hubs: Callable[[], Sequence[LiveFacility] | None], load: float, critical_load: float) -> Detector:
    """A detector of hubs in which more arrive in an hour than such a share of what they can take."""

    def detect(now_ms: int) -> list[Finding] | None:
        hubs = list_hubs()
        return None if hubs is None else [found for each in hubs if (found := judge_hub(each, now_ms)) is not None]

    def judge_hub(hub: LiveFacility, now_ms: int) -> Finding | None:
        if not hub.capacity_per_hour or hub.arrived_1h < load * hub.capacity_per_hour:
            return None
        share = hub.arrived_1h / hub.capacity_per_hour
        figures = {"load": round(share, 3), "capacity_per_hour": hub.capacity_per_hour, "inside": float(hub.inside)}
        place = f"{hub.carrier}/{hub.facility}"
        return Finding(
            kind=AlertKind.HUB_OVERLOAD,
            subject=place,
            severity=Severity.CRITICAL if share >= critical_load else Severity.WARNING,
            carrier=hub.carrier,
            facility=place,
            since_ms=now_ms,
            parcels=hub.inside,
            figures=figures | {"arrived_1h": float(hub.arrived_1h), "departed_1h": float(hub.departed_1h)},
        )

    return detect


def watch_lanes(
    list_lanes: Callable[[], Sequence[LiveFlow] | None], least: int, slower: float, critical: int
) -> Detector:
    """A detector of lanes on which at least so many parcels a day take so many times as long as usual."""

    def detect(now_ms: int) -> list[Finding] | None:
        lanes = list_lanes()
        return None if lanes is None else [found for each in lanes if (found := judge_lane(each, now_ms)) is not None]

    def judge_lane(lane: LiveFlow, now_ms: int) -> Finding | None:
        if not lane.hours or not lane.usual_hours or lane.moved_24h < least:
            return None
        if lane.hours < slower * lane.usual_hours:
            return None
        hit = round(lane.moved_24h * (1.0 if lane.delayed is None else lane.delayed))
        ends = f"{lane.carrier}/{lane.origin}", f"{lane.carrier}/{lane.destination}"
        figures = {"hours": lane.hours, "usual_hours": lane.usual_hours, "moved_24h": float(lane.moved_24h)}
        return Finding(
            kind=AlertKind.LANE_SLOW,
            subject=" ".join(ends),
            severity=Severity.CRITICAL if hit >= critical else Severity.WARNING,
            carrier=lane.carrier,
            facility=ends[0],
            towards=ends[1],
            since_ms=now_ms,
            parcels=hit,
            figures=figures | ({} if lane.delayed is None else {"delayed": lane.delayed}),
        )

    return detect
