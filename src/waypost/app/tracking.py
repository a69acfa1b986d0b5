"""`waypost track`: where parcels are, and the newest scans of each."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from waypost.app.console import aside, legible, line, out, results, tell_cut
from waypost.app.settings import read_settings
from waypost.app.wiring import House, open_house
from waypost.model.errors import BadInput, HomeInUse, NotFound, StoreError
from waypost.track.statuses import phrase
from waypost.track.views import Found, ParcelView, PlaceView, ScanView

#: How long a look-up waits for the index, when this process is the one that brings it up to date.
CATCH_UP_S = 30.0

_COLOURS = {"moving": "blue", "done": "green", "risk": "yellow", "late": "red", "stop": "magenta", "idle": "dim"}


def track(numbers: list[str], *, home: Path | None, as_json: bool) -> int:
    """Show what is known under each number; 0 if there is something under each, else 1."""
    for number in numbers:
        if not number.strip():
            raise BadInput(f"{number[:80]!r} is no number", mend="Name a waybill or order number.")
    with open_to_read(home) as house:
        answers = house.tracker.find(numbers)
        timelines = {
            (parcel.carrier, parcel.number): house.tracker.timeline(parcel.carrier, parcel.number)
            for found in answers
            for parcel in found.parcels
            if parcel.scans
        }
        lag = house.tracker.freshness().lag
    if as_json:
        out([_as_json(found, timelines) for found in answers])
    else:
        console = results()
        for found in answers:
            _print(console, found, timelines)
        if lag:
            aside.print(f"[yellow]{lag} newer scans are not indexed yet.[/]")
    return 0 if all(found.parcels for found in answers) else 1


def open_to_read(home: Path | None) -> House:
    """A home to look at, as far as it is indexed; brought up to date first where nobody else does.

    Raises:
        NotFound: there is none.
    """
    settings = read_settings(home=home)
    if not settings.home.exists():
        raise NotFound(f"nothing is kept in {settings.home}", mend="Import something, or name the folder by --home.")
    with suppress(StoreError):  # look on, and leave the home to whoever wants to write to it
        house = open_house(settings, read_only=True)
        if not house.tracker.freshness().lag:
            return house
        house.close()
    try:  # no server brings the index up to date, or it has to be made anew
        house = open_house(settings)
        tell_cut(house.home.health().cut)
        house.memory.index.catch_up(house.memory.log.position(), CATCH_UP_S)
        return house
    except StoreError as error:
        house = open_house(settings, read_only=True)
        if not isinstance(error, HomeInUse):
            aside.print(line((f"Shown as far as it was indexed. {error}", "yellow")))
        return house


def _as_json(found: Found, timelines: dict[tuple[str, str], list[ScanView]]) -> dict[str, Any]:
    parcels = [
        msgspec.structs.asdict(parcel) | {"timeline": timelines.get((parcel.carrier, parcel.number), [])}
        for parcel in found.parcels
    ]
    return {"asked": found.asked, "parcels": parcels, "carriers": found.carriers}


def _print(console: Console, found: Found, timelines: dict[tuple[str, str], list[ScanView]]) -> None:
    if not found.parcels:
        console.print(line((found.asked[:80], "bold"), ": nothing is known under this number"))
        if found.carriers:
            console.print(line(f"  it has the form of numbers of: {', '.join(found.carriers)}"))
    for parcel in found.parcels:
        _print_parcel(console, parcel)
        if (scans := timelines.get((parcel.carrier, parcel.number))) is not None:
            _print_timeline(console, scans, parcel.carrier)
            if (older := parcel.scans - len(scans)) > 0:
                console.print(f"  {older} older scans are not shown", style="dim")


def _print_parcel(console: Console, parcel: ParcelView) -> None:
    label = phrase(parcel.status, "en").label
    since = f" since {parcel.status_at}" if parcel.status_at else ""
    state = (label, _COLOURS[parcel.shape])
    console.print(line((parcel.number, "bold"), f"  {parcel.carrier_name}  ", state, since))
    facts = [
        ("from", _place(parcel.origin)),
        ("to", _place(parcel.destination)),
        ("order", parcel.order_number),
        ("promised by", parcel.promised_by),
        ("also", ", ".join(f"{each.carrier} {each.number}" for each in parcel.numbers[1:])),
        ("note", parcel.note),
    ]
    for name, value in facts:
        if value:
            console.print(line("  ", (name, "dim"), f" {value}"))


def _print_timeline(console: Console, scans: list[ScanView], carrier: str) -> None:
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
    table.add_column("at", no_wrap=True)
    for heading in ("what", "where", "code", "remarks"):
        table.add_column(heading, overflow="fold")
    for scan in scans:
        remarks = ", ".join(flag.replace("_", " ") for flag in scan.flags)
        note = f"{remarks}; {scan.note}" if remarks and scan.note else remarks or scan.note or ""
        table.add_row(
            scan.at,
            phrase(scan.status, "en").label,
            line(_place(scan.place)),
            line((scan.code or "") if scan.carrier == carrier else f"{scan.carrier} {scan.code}"),
            Text("\n".join(legible(each) for each in note.splitlines())),
        )
    console.print(table)


def _place(place: PlaceView | None) -> str:
    if place is None:
        return ""
    city = ", ".join(part for part in (place.city, place.region, place.country) if part)
    return city or place.name or place.facility or ""
