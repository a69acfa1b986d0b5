"""`waypost arrivals`: when parcels on their way arrive, what may go wrong, and where they fell silent together."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from waypost.app.console import aside, line, out, results
from waypost.app.tracking import open_to_read
from waypost.app.wiring import now_ms
from waypost.forecast.arrivals import Arrivals, SilentGroup
from waypost.forecast.lookout import Lookout, Wanted
from waypost.forecast.reasons import Reason
from waypost.model.errors import BadInput
from waypost.model.instants import parse_instant

_REASONS = {
    "late_handover": "handed over late",
    "waited": "waited at {place}",
    "slow_leg": "slow from {place}",
    "missed_cutoff": "missed the cut-off at {place}",
    "left_behind": "not loaded at {place}",
    "customs": "held by customs",
    "failed_attempt": "a delivery attempt failed",
    "storm": "storm at {place}",
    "snow": "snow at {place}",
    "flood": "flood at {place}",
    "heat": "heat at {place}",
    "silent": "no scan since {place}",
}


def run_arrivals(numbers: Sequence[str], most: int, *, at: str | None, home: Path | None, as_json: bool) -> int:
    """Say what is thought of some parcels, or of the most endangered ones; 1 if a number is not on its way."""
    at_ms = now_ms() if at is None else parse_instant(at).at_ms
    if at_ms > now_ms():
        raise BadInput("nothing is known of what comes", where="--at", mend="Give an instant that has been.")
    with open_to_read(home) as house:
        found = look(house.lookouts.at(at_ms), numbers, most)
    missing = sorted(set(numbers) - {each.number for each in found.parcels})
    if as_json:
        out(found)
    else:
        _print(found, is_list=not numbers)
    unless = "" if found.shares == 1 else f", or not of the one in {found.shares} parcels that are looked at"
    for number in missing:
        aside.print(line((f"{number[:80]} is not on its way{unless}", "yellow")))
    return 1 if missing else 0


def look(lookout: Lookout, numbers: Sequence[str], most: int) -> Arrivals:
    """What is thought of some parcels, or of the most endangered ones and of those who fell silent together."""
    return Arrivals(
        as_of=lookout.as_of,
        version=lookout.version,
        learnt_at=lookout.learnt_at,
        on_their_way=lookout.on_their_way,
        shares=lookout.shares,
        parcels=lookout.find(numbers) if numbers else lookout.page(Wanted(), None, most)[0],
        groups=[] if numbers else lookout.groups,
    )


def _print(found: Arrivals, *, is_list: bool) -> None:
    console = results()
    for group in found.groups:
        console.print(line(_say_group(group)))
    if is_list:
        share = "" if found.shares == 1 else f" of the one in {found.shares} that are looked at"
        console.print(line(f"{found.on_their_way} parcels{share} are on their way; the most endangered first"))
    if not found.parcels:
        return
    table = Table("parcel", "last scan", "as likely before as after", "nine of ten by", "lost or stuck", "late", "why")
    for each in found.parcels:
        table.add_row(
            f"{each.carrier}/{each.number}",
            f"{each.status} {_minute(each.scanned_at)}",
            _minute(each.p50_at),
            _minute(each.p90_at),
            f"{each.wrong:.0%}",
            "-" if each.late is None else f"{each.late:.0%}",
            "; ".join(_say(reason) for reason in each.reasons[-3:]),
        )
    console.print(table)


def _say(reason: Reason) -> str:
    words = _REASONS[reason.code.value].format(place=reason.facility or "a facility")
    return f"{words} +{reason.hours:.0f} h"


def _say_group(group: SilentGroup) -> str:
    where = group.facility if group.towards is None else f"{group.facility} to {group.towards}"
    on = "" if group.vehicle is None else f" on {group.vehicle}"
    return f"{group.silent} parcels silent since {_minute(group.since)} at {where}{on}; {group.expected:g} expected"


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")
