"""`waypost sorting learn | list | rebuild`: they work beside a running server, which uses what was learnt at once."""

import hashlib
from pathlib import Path

from waypost.app.console import legible, out
from waypost.app.records import records_of
from waypost.app.seals import Seals
from waypost.app.settings import read_settings
from waypost.app.wiring import now_ms, open_house
from waypost.booking.sorting.lessons import learn_file
from waypost.booking.sorting.sheets import THRESHOLDS, Trial, read_deliveries, try_out
from waypost.booking.sorting.shelf import Sorters
from waypost.feeds.order_sheets import OrderSheets
from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput, HomeInUse
from waypost.model.instants import format_utc

_MOST_TOLD = 20


def learn(path: Path, carrier: str, country: str, *, dry_run: bool, home: Path | None, as_json: bool) -> int:
    """Learn the labelled addresses of a file, and say how well its later rows are told. 1 if a row was refused."""
    _check_carrier(carrier)
    now = now_ms()
    labelled = read_deliveries(path.name, OrderSheets().read(path), country.upper(), now)
    if not len(labelled.deliveries):
        why = f": {labelled.refusals[0].reason}" if labelled.refusals else ""
        raise BadInput(f"no row of it can be learnt{why}", where=path.name)
    digest = hashlib.blake2b(path.read_bytes(), digest_size=15).hexdigest()
    with records_of(home, make=True) as (settings, records):
        sorters = Sorters(records, Seals(settings.home, records))
        trial = try_out(sorters.get(carrier), labelled.deliveries, (*THRESHOLDS, settings.sorting.threshold))
        kept = None
        if not dry_run:
            kept = learn_file(sorters, carrier, path.name, digest, labelled.deliveries, now)
        is_used = carrier in settings.sorting.carriers
    outcome = "tried" if dry_run else "known" if kept is None else "learnt"
    if as_json:
        told = {"outcome": outcome, "carrier": carrier, "deliveries": len(labelled.deliveries), "trial": trial}
        told |= {"version": kept.version if kept else None, "is_used": is_used, "ignored": labelled.ignored}
        out(told | {"refused": len(labelled.refusals), "refusals": labelled.refusals[:1000]})
        return 1 if labelled.refusals else 0
    for refusal in labelled.refusals[:_MOST_TOLD]:
        print(legible(f"{refusal.file}:{refusal.line} {refusal.field}: {refusal.reason}"))
    if len(labelled.refusals) > _MOST_TOLD:
        print(f"... and {len(labelled.refusals) - _MOST_TOLD} more rows that were refused")
    _print_trial(trial, settings.sorting.threshold)
    print(legible(f"{outcome}: {len(labelled.deliveries)} deliveries of {carrier}"))
    if not is_used:
        print(legible(f"its parcels get no codes from here until `[sorting] carriers` names {carrier!r}"))
    return 1 if labelled.refusals else 0


def list_sorters(*, home: Path | None, as_json: bool) -> None:
    """Print what is known of each carrier, and how many parcels wait for a person."""
    with records_of(home) as (settings, records):
        sorters = Sorters(records, Seals(settings.home, records))
        kept, waiting = {each.carrier: each for each in sorters.list_all()}, sorters.count_waiting()
    carriers = sorted({*kept, *waiting, *settings.sorting.carriers})
    rows = [
        {
            "carrier": carrier,
            "is_used": carrier in settings.sorting.carriers,
            "version": kept[carrier].version if carrier in kept else 0,
            "deliveries": kept[carrier].deliveries if carrier in kept else 0,
            "bytes": kept[carrier].bytes if carrier in kept else 0,
            "made_at": format_utc(kept[carrier].made_ms) if carrier in kept else None,
            "waiting": waiting.get(carrier, 0),
        }
        for carrier in carriers
    ]
    if as_json:
        out({"threshold": settings.sorting.threshold, "sorters": rows})
        return
    for row in rows:
        what = f"version {row['version']}, {row['deliveries']} deliveries learnt, {row['waiting']} wait for a person"
        print(legible(f"{row['carrier']:16} {what}{'' if row['is_used'] else ', not used'}"))
    if not rows:
        print("nothing was learnt yet: `waypost sorting learn FILE --carrier CODE`")


def rebuild(carrier: str, *, home: Path | None, as_json: bool) -> None:
    """Forget what is known of a carrier, and learn what is here anew; a running server does that by itself."""
    _check_carrier(carrier)
    learnt: int | None = None
    try:
        with open_house(read_settings(home=home)) as house:
            house.sorters.forget(carrier, house.clock())
            house.memory.index.catch_up(house.memory.log.position(), 600)
            learnt = 0
            while more := house.lessons.learn_of(carrier, house.clock()):
                learnt += more
    except HomeInUse:
        with records_of(home) as (settings, records):
            Sorters(records, Seals(settings.home, records)).forget(carrier, now_ms())
    if as_json:
        out({"carrier": carrier, "learnt": learnt})
        return
    if learnt is None:
        print(legible(f"forgot what was known of {carrier}; the server learns what is here within the hour"))
    else:
        print(legible(f"learnt {learnt} parcels of {carrier} anew"))
    print("files are not kept: learn them again with `waypost sorting learn`")


def _print_trial(trial: Trial, threshold: float) -> None:
    if not trial.held_out:
        print("too few rows to hold any out: how well they are told is not known")
        return
    print(f"asked about the latest {trial.held_out} rows, knowing the {trial.learnt} before:")
    for point in trial.curve:
        right = "nothing" if point.right is None else f"{point.right:.1%} of it right"
        mark = "  <- the threshold" if point.threshold == threshold else ""
        print(f"  confidence from {point.threshold:<5g} {point.answered:6.1%} answered, {right}{mark}")
    if trial.new_codes:
        print(f"  {trial.new_codes} of them have codes that were never seen before")


def _check_carrier(carrier: str) -> None:
    if not CARRIER_CODE.fullmatch(carrier):
        raise BadInput(f"{carrier[:40]!r} is no carrier code: up to 32 of a-z, 0-9, _ and -", where="--carrier")
