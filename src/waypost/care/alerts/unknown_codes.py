"""Codes that no table knows: each scan with one is shown as it came, and moves no parcel on."""

from collections.abc import Callable, Sequence

from waypost.care.alerts.findings import AlertKind, Detector, Finding, Severity
from waypost.model.instants import DAY_MS, parse_instant
from waypost.track.overview import UnknownCode


def watch_unknown_codes(list_codes: Callable[[int], Sequence[UnknownCode]], least: int, hours: float) -> Detector:
    """A detector of codes that no table knows.

    Args:
        list_codes: those of scans from an instant on, the newest first.
        least: seldomer ones are no alert.
        hours: so far back scans count.
    """

    def detect(now_ms: int) -> list[Finding] | None:
        since_ms = now_ms - round(hours * DAY_MS / 24)
        return [_tell(each) for each in list_codes(since_ms) if each.scans >= least]

    return detect


def _tell(code: UnknownCode) -> Finding:
    return Finding(
        kind=AlertKind.UNKNOWN_CODES,
        subject=f"{code.carrier} {code.code}",
        severity=Severity.WARNING,
        carrier=code.carrier,
        since_ms=parse_instant(code.last_at).at_ms,
        parcels=0,
        figures={"scans": code.scans},
        words={"code": code.code},
    )
