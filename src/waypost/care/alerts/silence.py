"""Parcels that fell silent together, or took much longer than expected: by the groups of a lookout."""

from collections.abc import Callable

from waypost.care.alerts.findings import AlertKind, Detector, Finding, judge
from waypost.forecast.arrivals import LateGroup
from waypost.forecast.lookout import Lookout
from waypost.model.instants import parse_instant


def watch_silence(find_lookout: Callable[[], Lookout | None], least: int, critical: int) -> Detector:
    """A detector of groups of late parcels.

    Args:
        find_lookout: the one that is ready; nobody waits for it.
        least: of fewer parcels nothing is told.
        critical: so many are critical.
    """

    def detect(now_ms: int) -> list[Finding] | None:
        lookout = find_lookout()
        if lookout is None:
            return None
        found = [_tell(each, lookout.shares, critical) for each in lookout.together]
        return [each for each in found if each.parcels >= least]

    return detect


def _tell(group: LateGroup, shares: int, critical: int) -> Finding:
    """Where only some parcels are looked at, each stands for others that are as late."""
    cause, parcels = group.causes[0], group.parcels * shares
    words = [cause.kind, cause.carrier, cause.facility, cause.towards, cause.vehicle, cause.departed_at, cause.weather]
    return Finding(
        kind=AlertKind.SILENCE,
        subject=" ".join(word or "-" for word in words),
        severity=judge(parcels, 1, critical),
        carrier=cause.carrier,
        facility=cause.facility,
        towards=cause.towards,
        since_ms=parse_instant(group.since).at_ms,
        parcels=parcels,
        numbers=group.numbers,
        causes=group.causes,
        figures={"silent": group.silent * shares, "expected": group.expected * shares},
    )
