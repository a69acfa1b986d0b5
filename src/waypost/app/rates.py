"""`waypost rates import | list | show`: they work beside a running server, which quotes by new cards at once."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from waypost.app.console import legible, line, out, results
from waypost.app.records import records_of
from waypost.app.wiring import now_ms
from waypost.booking.rating.cards import Card
from waypost.booking.rating.reading import Fault, Unreadable, read_card
from waypost.booking.rating.shelf import Kept, Shelf
from waypost.model.errors import BadInput, Conflict

_MOST_BYTES = 16 << 20


def import_rates(files: Sequence[Path], *, dry_run: bool, home: Path | None, as_json: bool) -> int:
    """Keep cards; one that is wrong hinders no other. The exit code: 1 if a file was refused."""
    taken: list[dict[str, str]] = []
    faults: list[Fault] = []
    tried: list[Card] = []
    with records_of(home, make=True) as (_, records):
        shelf = Shelf(records)
        for file in files:
            try:
                card = _open_card(file)
                kept = shelf.keep(card, now_ms(), dry_run=dry_run, tried=tried)
            except Unreadable as error:
                faults += error.faults
            except Conflict as error:
                faults.append(Fault(str(file), 1, "version", error.message, error.mend))
            else:
                if dry_run and kept is Kept.NEW:
                    tried.append(card)
                taken.append({"file": str(file), "outcome": kept.value, **_name(card)})
    if as_json:
        out({"dry_run": dry_run, "cards": taken, "faults": faults})
        return 1 if faults else 0
    for each in taken:
        what = f"{each['account']} {each['service']} {each['version']} from {each['valid_from']}"
        print(legible(f"{each['outcome']}: {what} ({each['file']})"))
    for fault in faults:
        results().print(line((str(fault), "red")), soft_wrap=True)
    return 1 if faults else 0


def list_rates(*, home: Path | None, as_json: bool) -> None:
    """Print the cards, those that were corrected too."""
    with records_of(home) as (_, records):
        cards = Shelf(records).list_all()
    corrected = {(card.account, card.service, card.corrects) for card in cards if card.corrects}
    rows = [
        _name(card) | {"holds": "no" if (card.account, card.service, card.version) in corrected else "yes"}
        for card in cards
    ]
    if as_json:
        out(rows)
        return
    for row in rows:
        days = f"{row['valid_from']} to {row['valid_until'] or '…'}"
        note = "" if row["holds"] == "yes" else "  corrected"
        print(legible(f"{row['account']:20} {row['service']:16} {row['version']:16} {days}  {row['currency']}{note}"))


def show_rates(account: str, version: str, service: str, *, home: Path | None, as_json: bool) -> None:
    """Print a card as it is kept."""
    with records_of(home) as (_, records):
        card = Shelf(records).get(account, service, version)
    if as_json:
        out(card)
        return
    print(legible(f"{card.account} {card.service} {card.version}: {card.currency}, from {card.valid_from}"))
    for zone in card.zones:
        told = [f"to {each.up_to_g} g {each.price}" for each in zone.brackets]
        if zone.continued:
            told.append(f"each {zone.continued.step_g} g more {zone.continued.price}")
        print(legible(f"  {zone.name}: {', '.join(told) if zone.served else f'not served. {zone.why}'}"))
    for surcharge in card.surcharges:
        said = {
            name: value for name, value in msgspec.structs.asdict(surcharge).items() if value not in (None, (), False)
        }
        print(legible(f"  {said.pop('kind')}: {', '.join(f'{name} {value}' for name, value in said.items())}"))


def _open_card(file: Path) -> Card:
    def read(path: Path) -> bytes:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"is larger than {_MOST_BYTES >> 20} MiB")
        return path.read_bytes()

    try:
        content = read(file)
    except (OSError, BadInput) as error:
        raise Unreadable([Fault(str(file), 1, "", f"cannot be read: {error}")]) from None
    return read_card(str(file), content, lambda name: read(file.parent / name))


def _name(card: Card) -> dict[str, str]:
    return {
        "account": card.account,
        "service": card.service,
        "version": card.version,
        "valid_from": str(card.valid_from),
        "valid_until": str(card.valid_until or ""),
        "currency": card.currency,
    }
