"""`waypost ship` and `waypost label`: an order is booked, and its paper fetched."""

import json
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from waypost.app.asking import Server, as_json, get_order, naming, open_server, print_order
from waypost.app.console import aside, line, out, results
from waypost.client import Problem, Waypost
from waypost.client.orders import Format, KeptOrder, Size
from waypost.client.saving import Saved
from waypost.model.errors import BadInput, Conflict

_FILES = (".json", ".toml")
_WHOLE = re.compile(r"(.*_(g|mm|minor)|quantity)")
_EXTENSIONS = {"application/pdf": "pdf", "application/zpl": "zpl", "image/png": "png"}
_LATER = frozenset({"label_comes_later"})


def ship(
    named: str | None,
    fields: Sequence[str],
    *,
    label: Path | None,
    format: Format,
    size: Size | None,
    no_label: bool,
    server: Server,
    in_json: bool,
) -> int:
    """Book an order that is there, or one that is told; fetch its labels. The exit code: 1 if it is not booked."""
    is_file = named is not None and (named == "-" or Path(named).suffix.lower() in _FILES)
    if fields and named is not None and not is_file:
        raise BadInput("an order that is there is not changed by --set", mend="Name a file, or leave --set out.")
    if named is None and not fields:
        raise BadInput("there is nothing to ship", mend="Name a file, an order, or its fields by --set.")
    told = None if named is not None and not is_file else _set(_read(named) if named else {}, fields)
    with open_server(server) as waypost:
        kept = get_order(waypost, named) if told is None and named else _enter(waypost, told, named)
        kept = waypost.orders.confirm(kept.id)
        labels: list[Saved] = []
        if kept.state == "booked" and not no_label:
            labels = _save_labels(
                waypost, kept, label, [each.piece for each in kept.parcels], format, size, may_wait=True
            )
    if in_json:
        out(as_json(kept) | {"labels": [str(each.path) for each in labels]})
    else:
        print_order(kept)
        _print_saved(labels)
    return 0 if kept.state == "booked" else 1


def print_label(
    named: str,
    to: str | None,
    *,
    piece: int | None,
    format: Format,
    size: Size | None,
    server: Server,
    in_json: bool,
) -> int:
    """The labels of an order, or of a job as one file."""
    if to == "-" and in_json:
        raise BadInput("the label and JSON cannot both go to standard output", mend="Name a file.")
    with open_server(server) as waypost:
        if named.startswith("job_"):
            if format != "pdf" or piece is not None:
                raise BadInput("a job is printed as PDF, all of it", mend="Name an order for the other ways.")
            target = sys.stdout.buffer if to == "-" else Path(to or f"{named}.pdf")
            saved = [waypost.jobs.save_labels(named, target, size=size)]
        else:
            kept = get_order(waypost, named)
            pieces = [each.piece for each in kept.parcels] if piece is None else [piece]
            if to == "-":
                saved = [
                    waypost.orders.save_label(kept.id, sys.stdout.buffer, piece=each, format=format, size=size)
                    for each in _only(pieces, format)
                ]
            else:
                saved = _save_labels(waypost, kept, Path(to) if to else None, pieces, format, size)
    left_out = sum(each.left_out for each in saved)
    if left_out:
        aside.print(line((f"{left_out} parcels are not in it: not booked, or their paper is not here yet", "yellow")))
    if in_json:
        out({"labels": [str(each.path) for each in saved], "left_out": left_out})
    elif to != "-":
        _print_saved(saved)
    return 1 if left_out else 0


def _only(pieces: Sequence[int], format: Format) -> Sequence[int]:
    """What may go to one stream: ZPL stands in a row, PDF and PNG do not."""
    if len(pieces) > 1 and format != "zpl":
        raise BadInput(f"the order has {len(pieces)} labels", mend="Choose one by --piece, or name a file.")
    return pieces


def _save_labels(
    waypost: Waypost,
    kept: KeptOrder,
    to: Path | None,
    pieces: Sequence[int],
    format: Format,
    size: Size | None,
    *,
    may_wait: bool = False,
) -> list[Saved]:
    """One file a parcel, numbered where there are several."""
    if kept.state != "booked":
        raise Conflict(
            f"the order is {kept.state}, not booked", mend=f"`waypost ship {kept.order.reference}` books it."
        )
    name = re.sub(r"[^\w.-]", "_", kept.order.reference).lstrip(".") or kept.id
    path = to or Path(f"{name}.{format}")
    saved: list[Saved] = []
    for piece in pieces:
        one = path if len(pieces) == 1 else path.with_name(f"{path.stem}-{piece}{path.suffix}")
        try:
            found = waypost.orders.save_label(kept.id, one, piece=piece, format=format, size=size)
        except Problem as error:
            if not may_wait or error.code not in _LATER:
                raise
            told = f"its carrier makes the label later: `waypost label {kept.order.reference}` fetches it then"
            aside.print(line((told, "yellow")), soft_wrap=True)
            return saved
        if (kind := _EXTENSIONS.get(found.content_type, found.content_type)) != format:
            aside.print(line((f"{one} is {kind}: as its carrier makes it", "yellow")), soft_wrap=True)
        saved.append(found)
    return saved


def _print_saved(saved: Sequence[Saved]) -> None:
    for each in saved:
        results().print(line(str(each.path)), soft_wrap=True)


def _read(named: str) -> dict[str, Any]:
    with naming(Path(named)):
        content = sys.stdin.buffer.read() if named == "-" else Path(named).read_bytes()
    try:
        told = tomllib.loads(content.decode()) if named.lower().endswith(".toml") else json.loads(content)
    except (ValueError, RecursionError) as error:  # of both readers, and of text that is none
        raise BadInput(f"{named}: {error}", mend="Write it as JSON, or as TOML in a file that ends so.") from None
    if not isinstance(told, dict):
        raise BadInput(f"{named}: holds no order", mend="`waypost orders import` takes many.")
    return told


def _set(told: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """An order with fields over it: `consignee.city=Manaus`, `items.0.quantity=2`."""
    for each in fields:
        where, equals, text = each.partition("=")
        *path, name = where.split(".")
        if not equals or not name or not all(path):
            raise BadInput(f"{each[:80]!r} is not FIELD=VALUE", mend="Such as consignee.city=Manaus.")
        found: Any = told
        for part in path:
            found = _step(found, part, where)
        if not isinstance(found, dict):
            raise BadInput(f"{where}: there is no such field")
        is_number = _WHOLE.fullmatch(name) and text.isascii() and text.isdecimal() and len(text) < 16
        found[name] = int(text) if is_number else text
    return told


def _step(found: Any, part: str, where: str) -> Any:
    if part.isascii() and part.isdecimal() and len(part) < 4 and isinstance(found, list) and int(part) <= len(found):
        if int(part) == len(found):
            found.append({})
        return found[int(part)]
    if not isinstance(found, dict) or part.isdecimal():
        raise BadInput(f"{where}: there is no such field", mend="Lists are counted from 0, as items.0.description.")
    return found.setdefault(part, [] if part in ("items", "parcels") else {})


def _enter(waypost: Waypost, told: dict[str, Any] | None, named: str | None) -> KeptOrder:
    entered = waypost.orders.enter([told or {}])
    for each in entered.advice:
        aside.print(line((f"{each.field}: {each.reason}", "yellow")), soft_wrap=True)
    if entered.refusals:
        first = entered.refusals[0]
        mend = "Mend it, or set it by --set; docs/reference/http.md has every field."
        raise BadInput(first.reason, where=" ".join(each for each in (named, first.field) if each) or None, mend=mend)
    return waypost.orders.get(entered.entries[0].id)
