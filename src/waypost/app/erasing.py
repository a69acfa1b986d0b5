"""`waypost admin export-person | erase-person | list-erased`: what is kept of one person, and that it goes."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import Table, delete, func, select

from waypost.access.sealed import SealedColumn, search_sealed
from waypost.access.trail import COMMAND, Trail
from waypost.app.console import aside, legible, line, out, tell_cut
from waypost.app.housekeeping import day_ms
from waypost.app.seals import Seals
from waypost.app.settings import read_settings
from waypost.app.tracking import open_to_read
from waypost.app.wiring import House, now_ms, open_house
from waypost.booking.erasure import Erasure
from waypost.booking.images import Picture
from waypost.booking.labels import Labels
from waypost.booking.mentions import Mentions
from waypost.booking.order_book import OrderBook
from waypost.booking.orders import KeptOrder, OrderParcel
from waypost.booking.people import Sought
from waypost.booking.pickups import Pickup, Pickups
from waypost.booking.proofs import Proof, Proofs
from waypost.booking.records import proofs
from waypost.engines.local.formats import read_formats
from waypost.engines.local.home import open_records
from waypost.model.carriage import Waybill
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, Conflict, HomeInUse, NotFound, StoreDamaged
from waypost.model.instants import format_instant, format_utc
from waypost.store.protocols import Records
from waypost.track.records import SEALED, files, pushes

#: What is removed at one time.
_AT_ONCE = 300
#: What carriers handed in, as it came, by what it is called here.
_HANDED_IN = {"pushes": SealedColumn(pushes), "files": SealedColumn(files, "report")}
assert all(each in SEALED for each in _HANDED_IN.values())
#: Where each of that lies, with proofs of delivery that name the person.
_TABLES: dict[str, Table] = {name: column.table for name, column in _HANDED_IN.items()} | {"proofs": proofs}
_ENDINGS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


class _Kept(msgspec.Struct):
    """What is kept of a person: orders; pick-ups; pushes, files and proofs of carriers by ids; what does not open."""

    orders: list[KeptOrder]
    pickups: list[Pickup]
    handed_in: dict[str, list[str]]
    damaged: list[str]

    @property
    def is_nothing(self) -> bool:
        return not self.orders and not self.pickups and not any(self.handed_in.values())


class _Shelves(msgspec.Struct):
    """Where people are looked for."""

    records: Records
    seals: Seals
    erasure: Erasure

    def find(self, sought: Sought) -> _Kept:
        """Look through everything that is sealed: each order and each body once, some at a time."""
        damaged: list[str] = []
        with _looking("orders", self.erasure.count()) as tell:
            orders = list(self.erasure.find(sought, damaged, tell))
        numbers = [parcel.number for kept in orders for parcel in kept.parcels if parcel.number]
        mentions = sought.mentions((kept.order for kept in orders), numbers)
        handed_in = {name: self._search(name, mentions, damaged) for name in _HANDED_IN}
        handed_in["proofs"] = Proofs(self.records, self.seals).find(sought, damaged)
        return _Kept(orders, self.pickups.find(sought, damaged), handed_in, damaged)

    @property
    def pickups(self) -> Pickups:
        """Those of all merchants; no carrier is asked from here."""
        return Pickups(self.records, {}, self.seals, now_ms)

    def erase_orders(self, orders: Sequence[KeptOrder], *, on_the_way: bool, dry_run: bool) -> dict[str, str]:
        """Erase the people of some orders, or only look whether that can be; of those that stay why, by id."""
        stayed: dict[str, str] = {}
        for each in orders:
            try:
                if dry_run:
                    self.erasure.check(each.id, now_ms(), on_the_way=on_the_way)
                else:
                    self.erasure.erase(None, each.id, now_ms(), on_the_way=on_the_way)
            except Conflict as error:
                stayed[each.id] = str(error)
        return stayed

    def remove(self, name: str, ids: Sequence[str]) -> int:
        """Remove what carriers handed in; how many there were."""
        table, removed = _TABLES[name], 0
        for start in range(0, len(ids), _AT_ONCE):
            with self.records.begin() as connection:
                some = ids[start : start + _AT_ONCE]
                removed += connection.execute(delete(table).where(table.c.id.in_(some))).rowcount
        return removed

    def _search(self, name: str, mentions: Mentions, damaged: list[str]) -> list[str]:
        column = _HANDED_IN[name]
        with self.records.read() as connection:
            count = connection.execute(select(func.count()).select_from(column.table)).scalar_one()
        if not count or mentions.is_nothing:
            return []
        with _looking(name, count) as tell:

            def is_meant(body: bytes) -> bool:
                tell()
                return mentions.is_in(body)

            return list(search_sealed(self.records, column, self.seals(), is_meant, damaged))


def export_person(sought: Sought, to: Path, *, home: Path | None, as_json: bool) -> int:
    """Write all that is kept of a person into a new folder; 1 if that is nothing."""
    sought.check()
    if to.exists():
        raise Conflict(f"{to} is there already", mend="Name a folder that is not: nothing is written over.")
    house = open_to_read(home)
    if to.resolve().is_relative_to(house.settings.home.resolve()):
        house.close()
        mend = "Name a folder elsewhere: erasing the person later would not reach it there."
        raise Conflict(f"{to} lies in the home {house.settings.home}", mend=mend)
    try:
        shelves = _Shelves(house.memory.records, house.seals, house.erasure)
        kept = shelves.find(sought)
        if kept.is_nothing:
            return _tell_nobody(kept, as_json)
        to.mkdir(mode=0o700, parents=True)
        told = {
            "made_at": format_utc(now_ms()),
            "sought": {name: value for name, value in msgspec.structs.asdict(sought).items() if value},
            "orders": [_export_order(house, each, to, kept.damaged) for each in kept.orders],
            "pickups": [_export_pickup(each) for each in kept.pickups],
            "handed_in_by_carriers": kept.handed_in,
            "does_not_open": kept.damaged,
        }
        (to / "person.json").write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
    finally:
        house.close()
    with _beside(home) as shelves:
        Trail(shelves.records).note(COMMAND, "person.exported", "orders", now_ms(), orders=str(len(kept.orders)))
    _tell_damaged(kept.damaged)
    papers = sum(1 for path in to.iterdir() if path.name != "person.json")
    counts = {name: len(ids) for name, ids in kept.handed_in.items()}
    if as_json:
        found = {"orders": len(kept.orders), "pickups": len(kept.pickups), "papers": papers}
        out({"exported": str(to)} | found | counts)
    else:
        print(
            f"{len(kept.orders)} orders, {len(kept.pickups)} pick-ups and {papers} papers are in {legible(str(to))}: "
            "person.json says what is what."
        )
        if any(counts.values()):
            print("Of what carriers handed in it has the ids alone: others may stand in it. Operators can open them.")
    return 0


def erase_person(
    sought: Sought, *, again: Path | None, on_the_way: bool, dry_run: bool, home: Path | None, as_json: bool
) -> int:
    """Erase a person wherever it is found, or say where that is; 1 if it is nowhere, or something had to stay."""
    if again is not None:
        return _erase_again(again, dry_run=dry_run, home=home, as_json=as_json)
    sought.check()
    with _beside(home) as shelves:
        kept = shelves.find(sought)
        if kept.is_nothing and not as_json:
            return _tell_nobody(kept, as_json)
        stayed = shelves.erase_orders(kept.orders, on_the_way=on_the_way, dry_run=dry_run)
        picked = [each.id for each in kept.pickups]
        asked = [] if dry_run else shelves.pickups.erase(picked)
        stayed |= dict.fromkeys(asked, "the carrier is being asked this moment: try again soon")
        removed = {name: 0 if dry_run else shelves.remove(name, ids) for name, ids in kept.handed_in.items()}
    _tell_damaged(kept.damaged)
    if as_json:
        found = {"orders": [each.id for each in kept.orders], "pickups": picked}
        stays = {name: sum(id_ in stayed for id_ in ids) for name, ids in found.items()}
        erased = {name: 0 if dry_run else len(ids) - stays[name] for name, ids in found.items()}
        orders = [_outline(each) | {"stays": stayed.get(each.id)} for each in kept.orders]
        pickups = [{"id": id_, "stays": stayed.get(id_)} for id_ in picked]
        told = {"orders": orders, "pickups": pickups, **kept.handed_in, "does_not_open": kept.damaged}
        out(told | {"dry_run": dry_run, "erased": erased | removed, "kept": stays})
    else:
        _print_erased(kept, stayed, dry_run=dry_run)
    return 1 if stayed or kept.damaged or kept.is_nothing else 0


def list_erased(since: str | None, *, home: Path | None, as_json: bool) -> None:
    """Print which orders were erased, from a day on: to be erased again where a backup is brought back."""
    since_ms = 0 if since is None else day_ms(since, "--since")
    with _beside(home) as shelves:
        listed = [
            {"id": each.id, "erased_at": format_utc(each.erased_ms)} for each in shelves.erasure.list_erased(since_ms)
        ]
    if as_json:
        out(listed)
        return
    for each in listed:
        print(f"{each['id']}  {each['erased_at']}")


def _erase_again(again: Path, *, dry_run: bool, home: Path | None, as_json: bool) -> int:
    if dry_run:
        raise BadInput("--again has no --dry-run", mend="Leave one of them out: the list says what it would do.")
    try:
        listed = decode(again.read_bytes(), list[dict[str, str]])
        ids = [each["id"] for each in listed]
    except (OSError, msgspec.DecodeError, KeyError) as error:
        mend = "Give what `waypost admin list-erased --json` printed before."
        raise BadInput(f"{again} is no list of orders that were erased: {error}", where="--again", mend=mend) from None
    with _beside(home) as shelves:
        done = shelves.erasure.erase_again(ids, now_ms())
    if as_json:
        out({"listed": len(ids), "erased": done})
    else:
        print(f"{done} of {len(ids)} had come back, and are erased again.")
    return 0


def _export_order(house: House, kept: KeptOrder, to: Path, damaged: list[str]) -> dict[str, Any]:
    return {
        "id": kept.id,
        "merchant": kept.merchant,
        "state": kept.state.value,
        "made_at": format_utc(kept.made_ms),
        "why": kept.why,
        "order": kept.order,
        "parcels": [_export_parcel(house, kept, each, to, damaged) for each in kept.parcels],
    }


def _export_parcel(house: House, kept: KeptOrder, parcel: OrderParcel, to: Path, damaged: list[str]) -> dict[str, Any]:
    """What is kept of a parcel; `damaged` gets the ids of papers and pictures that do not open."""
    told: dict[str, Any] = {"piece": parcel.piece + 1, "state": parcel.state.value, "weight_g": parcel.weight_g}
    if not parcel.number:
        return told
    waybill = Waybill(parcel.carrier, parcel.number)
    told |= {"carrier": parcel.carrier, "number": parcel.number}
    pushed = Labels({}, house.memory.records, house.seals)
    label = house.bookings.book.find_labels([parcel]).get(parcel.reference)
    try:
        label = label or pushed.find(kept.account, waybill)
    except StoreDamaged as error:
        label = error
    if isinstance(label, StoreDamaged):
        damaged.append(parcel.reference)
    elif label is not None:
        name = f"{kept.id}-{parcel.piece + 1}-label.{_ENDINGS.get(label.content_type, 'bin')}"
        (to / name).write_bytes(label.content)
        told |= {"label": name}
    told |= {
        "proofs": [_export_proof(house, each, to, damaged) for each in house.proofs.list_of_parcel(parcel.reference)]
    }
    try:
        told["tracked"], told["scans"] = house.tracker.get_parcel(parcel.carrier, parcel.number)
    except NotFound:  # no scan of it came yet
        told["scans"] = []
    return told


def _export_proof(house: House, proof: Proof, to: Path, damaged: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"at": format_instant(proof.at_ms, proof.offset_min), "received_by": proof.received_by}
    told |= {"relation": proof.relation}
    images: dict[str, Callable[[Proof], Picture]] = {}
    if proof.picture_type:
        images["picture"] = house.proofs.open_picture
    if proof.has_signature:
        images["signature"] = house.proofs.open_signature
    for which, open_ in images.items():
        try:
            image = open_(proof)
        except StoreDamaged:
            damaged.append(proof.id)
            continue
        name = f"{proof.order}-{proof.piece + 1}-{which}-{proof.id}.{_ENDINGS[image.content_type]}"
        (to / name).write_bytes(image.content)
        told |= {which: name}
    return told


def _export_pickup(kept: Pickup) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(kept, name) for name in ("id", "account", "number", "day", "why", "order")}
    return told | {"state": kept.state.value, "made_at": format_utc(kept.made_ms)}


def _outline(kept: KeptOrder) -> dict[str, Any]:
    """Which order it is, without who it is to: a terminal has a memory."""
    return {
        "id": kept.id,
        "merchant": kept.merchant,
        "reference": kept.order.reference,
        "state": kept.state.value,
        "made_at": format_utc(kept.made_ms),
    }


def _print_erased(kept: _Kept, stayed: dict[str, str], *, dry_run: bool) -> None:
    for each in kept.orders:
        told = _outline(each)
        done = "would be erased" if dry_run else "erased"
        what = f"{'would stay' if dry_run else 'stays'}: {stayed[each.id]}" if each.id in stayed else done
        words = (told["id"], told["merchant"], legible(told["reference"]), told["state"], told["made_at"])
        print("  ".join(words), what, sep="  ")
    for pickup in kept.pickups:
        what = "would be erased" if dry_run else f"stays: {stayed[pickup.id]}" if pickup.id in stayed else "erased"
        print(f"pick-up {pickup.id}  {pickup.day}  {what}")
    for name, ids in kept.handed_in.items():
        if ids:
            what = "that would be removed" if dry_run else "removed"
            print(f"{name} of carriers {what}, their scans stay: {len(ids)}")
    if not dry_run:
        print("Backups from before still have it: see docs/how-to/keep-the-law.md.")


def _tell_nobody(kept: _Kept, as_json: bool) -> int:
    _tell_damaged(kept.damaged)
    if as_json:
        out({"orders": [], "pickups": [], **kept.handed_in, "does_not_open": kept.damaged})
    else:
        print("Nothing is kept of that person, as far as it can be told by what was given.")
    return 1


def _tell_damaged(damaged: Sequence[str]) -> None:
    if damaged:
        told = f"{len(damaged)} texts do not open, and nobody knows who is in them: `waypost admin seal list`."
        aside.print(line((told, "yellow")), soft_wrap=True)


@contextmanager
def _looking(what: str, count: int) -> Iterator[Callable[[], None]]:
    """A bar for what takes long; to be called for each that was looked at."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    done, told_s = 0, time.monotonic()
    with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as progress:
        task = progress.add_task(what, total=count)

        def tell() -> None:
            nonlocal done, told_s
            done += 1
            if (now_s := time.monotonic()) - told_s > 0.1:  # to draw takes longer than to look
                progress.update(task, completed=done)
                told_s = now_s

        yield tell


@contextmanager
def _beside(home: Path | None) -> Iterator[_Shelves]:
    """The shelves of a home, to be written to whether a server runs over it or not."""
    settings = read_settings(home=home)
    if not read_formats(settings.home):
        raise NotFound(f"nothing is kept in {settings.home}", mend="Name the folder by --home.")
    try:
        house = open_house(settings)
    except HomeInUse:
        house, records = open_house(settings, read_only=True), open_records(settings.home)
        try:
            seals = Seals(settings.home, records)
            erasure = Erasure(records, OrderBook(records, seals), seals, house.endings.find)
            yield _Shelves(records, seals, erasure)
        finally:
            records.close()
            house.close()
        return
    with house:
        tell_cut(house.home.health().cut)
        yield _Shelves(house.memory.records, house.seals, house.erasure)
