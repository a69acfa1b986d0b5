"""The reference pages name what there is, and nothing else."""

import ast
import importlib
import inspect
import json
import pkgutil
import re
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_origin, get_type_hints

import msgspec
import pytest
import typer
import typer.main

import waypost
import waypost.client
from waypost.app.checking import REGISTRY
from waypost.app.cli import cli
from waypost.app.serving import insight_of
from waypost.app.settings import (
    Alerts,
    Forecast,
    Labels,
    Login,
    Mail,
    OwnCarrier,
    Retention,
    Roads,
    Serve,
    Settings,
    Sorting,
    Store,
    Track,
    Weather,
    Webhooks,
    read_settings,
)
from waypost.app.wiring import open_house
from waypost.booking.sheets import FIELDS as FIELDS_OF_ORDERS
from waypost.booking.sheets import NEEDED
from waypost.care.tally import Standing
from waypost.carriers.accounts import Terms
from waypost.carriers.adapter import Operation
from waypost.carriers.adapters import list_adapters
from waypost.engines.local.home import FORMATS
from waypost.feeds import facilities, parcels
from waypost.feeds.kinds import FEEDS
from waypost.feeds.order_sheets import OrderSheets
from waypost.model.carriers import list_carriers
from waypost.model.errors import WaypostError
from waypost.model.instants import OffsetSource, TimeFlag
from waypost.model.places import FacilityKind
from waypost.model.scans import IDENTITY, SCAN_SCHEMA
from waypost.store import protocols
from waypost.track import wire
from waypost.track.statuses import list_statuses, list_transitions
from waypost.track.tables import CONFIDENCES, bundled_tables
from waypost.web.application import make_app
from waypost.web.desk import Desk, Health, Limits, Post, Site
from waypost.web.journal import open_journal
from waypost.web.openid import Provider
from waypost.web.problems import KINDS
from waypost.web.webhooks import WebhookSender

Rows = list[dict[str, str]]

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "[serve]": Serve,
    "[site]": Site,
    "[limits]": Limits,
    "[track]": Track,
    "[store]": Store,
    "[labels]": Labels,
    "[webhooks]": Webhooks,
    "[mail]": Mail,
    "[sorting]": Sorting,
    "[forecast]": Forecast,
    "[alerts]": Alerts,
    "[weather]": Weather,
    "[roads]": Roads,
    "[retention]": Retention,
    "[login]": Login,
    "[login.openid]": Provider,
    "[carriers.CODE]": OwnCarrier,
    "[accounts.NAME]": Terms,
}
TYPES = {"str": "string", "int": "integer", "float": "float", "bool": "boolean", "Path": "string"}
TYPES |= {"dict": "table", "Provider": "table"}


@pytest.fixture(scope="module")
def docs(repo_folder: Path) -> Path:
    return repo_folder / "docs"


def split(text: str, level: int) -> dict[str, str]:
    """What stands under each heading of that level, code blocks left out."""
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)
    parts = re.split(rf"^#{{{level}}} (.*)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def section(page: Path, heading: str) -> str:
    return split(page.read_text("utf-8"), 2)[heading]


def list_rows(text: str, first: str) -> Rows:
    """The rows of the table whose first column has that name; back ticks are left out."""
    rows: Rows = []
    names: list[str] | None = None
    for line in text.splitlines():
        cells = [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            names = None
        elif names is None:
            names = cells
        elif names[0] == first and set(cells[0]) != {"-"}:
            rows.append(dict(zip(names, cells, strict=True)))
    assert rows, f"no table begins with the column {first}"
    return rows


def type_name(kind: Any) -> str:
    if isinstance(kind, types.UnionType):
        [kind] = [each for each in kind.__args__ if each is not types.NoneType]
    if get_origin(kind) is Literal:
        return TYPES[type(kind.__args__[0]).__name__]
    return "array of strings" if get_origin(kind) is tuple else TYPES[kind.__name__]


def write_default(value: Any) -> str:
    if value is msgspec.NODEFAULT:
        return "needed"
    return "" if value is None else json.dumps(list(value) if isinstance(value, tuple) else value)


# Settings


def test_the_sections_are_those_of_the_settings() -> None:
    fields = {field.name for field in msgspec.structs.fields(Settings)} - {"home"}
    assert {name.strip("[]").split(".")[0] for name in SECTIONS} == fields


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_setting_has_its_row(docs: Path, heading: str) -> None:
    told = list_rows(section(docs / "reference/settings.md", heading), "setting")
    kind, hints = SECTIONS[heading], get_type_hints(SECTIONS[heading])
    prefix = "" if "." in heading else f"WAYPOST_{heading.strip('[]').upper()}_"
    assert [(row["setting"], row["type"], row["default"], row["environment"]) for row in told] == [
        (
            field.encode_name,
            type_name(hints[field.name]),
            write_default(field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()),
            prefix and prefix + field.encode_name.upper(),
        )
        for field in msgspec.structs.fields(kind)
    ]
    assert all(row["meaning"] for row in told)


def test_the_page_has_no_other_sections(docs: Path) -> None:
    assert list(split((docs / "reference/settings.md").read_text("utf-8"), 2)) == list(SECTIONS)


def list_toml(repo: Path) -> dict[str, str]:
    pages = [*repo.glob("*.md"), *(repo / "docs").rglob("*.md")]
    return {
        f"{page.relative_to(repo)}-{number}": text
        for page in sorted(pages)
        for number, text in enumerate(re.findall(r"^```toml\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S))
    }


SHOWN = list_toml(Path(__file__).parents[2])


@pytest.mark.parametrize("name", SHOWN)
def test_every_settings_file_shown_is_one(name: str, tmp_path: Path) -> None:
    text = SHOWN[name]
    assert tomllib.loads(text)
    (tmp_path / "waypost.toml").write_text(text)
    assert read_settings({}, home=tmp_path) != Settings(home=tmp_path)


# Commands


def list_commands() -> dict[str, set[str]]:
    """The options of every command, under its whole name; a group is none."""
    found: dict[str, set[str]] = {}

    def add(command: Any, name: str) -> None:
        for sub, each in getattr(command, "commands", {}).items():
            add(each, f"{name} {sub}")
        if not getattr(command, "commands", {}):
            options = [each for each in command.params if each.param_type_name == "option"]
            found[name] = {text for option in options for text in option.opts} - {"--help"}

    add(typer.main.get_command(cli), "waypost")
    return found


def test_every_command_and_option_is_there(docs: Path) -> None:
    told = {}
    for heading, text in split((docs / "reference/commands.md").read_text("utf-8"), 2).items():
        name = re.sub(r" +[A-Z\[].*", "", heading.strip("`"))
        options = list_rows(text, "option") if "| option |" in text else []
        told[name] = {each for row in options for each in row["option"].split(", ")}
    assert told == list_commands()


def test_every_kind_of_file_is_there(docs: Path) -> None:
    page = docs / "how-to/import-history.md"
    assert [row["kind"] for row in list_rows(page.read_text("utf-8").split("## ")[0], "kind")] == list(FEEDS)
    options = {option for kind in FEEDS.values() for option in kind.options}
    assert set(re.findall(r"--option (\w+)=", page.read_text("utf-8"))) == options


def test_every_kind_of_check_is_there(docs: Path) -> None:
    rows = list_rows((docs / "how-to/check-numbers.md").read_text("utf-8"), "kind")
    assert {row["kind"] for row in rows} == set(REGISTRY)


def test_every_adapter_says_how_well_it_is_known(docs: Path) -> None:
    told = list_rows(section(docs / "reference/carriers.md", "What they can be asked"), "adapter")
    assert told == [
        {"adapter": carrier}
        | {each.value: adapter.operations[each].value if each in adapter.operations else "" for each in Operation}
        for carrier, adapter in sorted(list_adapters().items())
    ]


# HTTP


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with (
        open_house(Settings(home=tmp_path_factory.mktemp("home"))) as house,
        (house.home.path / "journal").open("w") as to,
    ):
        desk = Desk(
            tracker=house.tracker,
            scan_search=house.scans,
            reception=house.reception,
            pushes=house.pushes,
            outlook=house.outlook,
            labels=house.labels,
            bookings=house.bookings,
            papers=house.papers,
            manifests=house.manifests,
            pools=house.pools,
            order_sheets=OrderSheets(),
            wake_booking=lambda: None,
            erasure=house.erasure,
            links=house.links,
            proofs=house.proofs,
            subscriptions=house.subscriptions,
            deliveries=house.deliveries,
            sender=WebhookSender(house.places, 1, lambda: 0),
            wake_telling=lambda webhook: None,
            telling=Standing,
            post=Post(terms=house.mail_terms, notices=house.notices, consignees=house.consignees),
            quotes=house.quotes,
            promises=house.promises,
            lookouts=house.lookouts,
            chooser=house.chooser,
            pickups=house.pickups,
            sort_codes=house.sort_codes,
            new_id=lambda kind: kind,
            files=house.files,
            carriers={},
            has_carrier=house.has_carrier,
            overview=house.overview,
            live=lambda: house.live.look(0),
            insight=insight_of(house),
            keys=house.keys,
            people=house.people,
            sessions=house.sessions,
            trail=house.trail,
            facilities=house.facilities,
            ways=house.ways,
            timetable_changes=house.timetable_changes,
            alerts=house.alerts,
            clock=lambda: 0,
            health=lambda: Health(log_position=0, index_position=0),
            journal=open_journal(to),
        )
        made = make_app(desk)
        yield made
        made.close()


def list_parameters(operation: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["name"], each["in"]) for each in operation.get("parameters", [])}


def list_operations(door: Any) -> dict[str, dict[str, Any]]:
    paths = door._inside.openapi()["paths"]
    return {f"{method.upper()} {path}": each for path, methods in paths.items() for method, each in methods.items()}


def list_routes(door: Any) -> set[str]:
    """Every method and path that is answered, whether the OpenAPI document has it or not."""
    routes = {
        f"{method} {re.sub(r':path}', '}', route.path)}" for route in door._inside.routes for method in route.methods
    }
    return routes | {f"{method} {path}" for method, path in door._bare}


def told_endpoints(docs: Path) -> dict[str, str]:
    return split((docs / "reference/http.md").read_text("utf-8").split("\n## Pages")[0].replace("\n## ", "\n### "), 3)


def test_every_endpoint_is_there(door: Any, docs: Path) -> None:
    endpoints = {heading for heading in told_endpoints(docs) if "/" in heading}
    pages = {row["address"] for row in list_rows(section(docs / "reference/http.md", "Pages"), "address")}
    assert endpoints & pages == set()
    assert endpoints | pages == list_routes(door)
    assert endpoints >= set(list_operations(door))


def test_every_parameter_is_there(door: Any, docs: Path) -> None:
    told = told_endpoints(docs)
    for name, operation in list_operations(door).items():
        rows = list_rows(told[name], "parameter") if "| parameter |" in told[name] else []
        assert {(row["parameter"], row["where"]) for row in rows} == list_parameters(operation), name


def test_every_endpoint_says_whose_key_it_needs(door: Any, docs: Path) -> None:
    told = told_endpoints(docs)
    words = {(): "none", ("key",): "an operator's", ("", "key"): "optional", ("merchant",): "a merchant's"}
    words |= {("key", "merchant"): "an operator's or a merchant's"}
    for name, operation in list_operations(door).items():
        needed = tuple(next(iter(each), "") for each in operation["security"])
        assert f"Key: {words[needed]}" in told[name], name


def list_errors() -> dict[str, int]:
    """The codes of all errors of all rooms, with their statuses."""
    for module in pkgutil.walk_packages(waypost.__path__, "waypost."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    found: dict[str, int] = {}

    def add(kind: type[WaypostError]) -> None:
        assert found.setdefault(kind.code, kind.status) == kind.status
        for each in kind.__subclasses__():
            if each.__module__.startswith("waypost."):
                add(each)

    add(WaypostError)
    return found


def test_every_problem_is_there(docs: Path) -> None:
    rows = list_rows(section(docs / "reference/http.md", "Problems"), "code")
    assert {row["code"]: int(row["status"]) for row in rows} == list_errors()
    assert len(rows) == len(list_errors())
    assert [row["code"] for row in rows[: len(KINDS)]] == sorted(KINDS)


# Formats


def test_every_field_of_the_neutral_formats_is_there(docs: Path) -> None:
    page = docs / "reference/scan-format.md"
    for heading, fields, needed in (
        ("Scans", wire.FIELDS, ("carrier", "number", "code", "at")),
        ("Facilities", facilities.FIELDS, facilities.NEEDED),
        ("Parcels", parcels.FIELDS, parcels.NEEDED),
    ):
        rows = list_rows(section(page, heading), "field")
        assert [row["field"] for row in rows] == list(fields)
        assert tuple(row["field"] for row in rows if row["needed"]) == needed


def test_every_column_of_order_sheets_is_there(docs: Path) -> None:
    told = set(re.findall(r"`([a-z_]+)`", (docs / "reference/order-sheets.md").read_text("utf-8")))
    assert {field for field in FIELDS_OF_ORDERS if not field.startswith("sender_")} <= told
    assert all(f"`{field}`" in (docs / "reference/order-sheets.md").read_text("utf-8") for field in NEEDED)


def test_every_kind_of_facility_is_there(docs: Path) -> None:
    [row] = [
        row
        for row in list_rows(section(docs / "reference/scan-format.md", "Facilities"), "field")
        if row["field"] == "kind"
    ]
    assert re.findall(r"\w+", row["meaning"].replace(" or ", " ")) == [kind.value for kind in FacilityKind]


def test_every_column_is_there(docs: Path) -> None:
    rows = list_rows(section(docs / "reference/scan-format.md", "Columns"), "column")
    assert [(row["column"], row["null"] == "yes") for row in rows] == [(f.name, f.nullable) for f in SCAN_SCHEMA]
    meaning = {row["column"]: row["meaning"] for row in rows}
    assert re.findall(r"\d", meaning["offset_source"]) == [str(source.value) for source in OffsetSource]
    assert re.findall(r"\d", meaning["time_flags"]) == [str(flag.value) for flag in TimeFlag]


def test_the_identity_is_told(docs: Path) -> None:
    text = section(docs / "reference/scan-format.md", "Identity").split(". ")[0]
    assert set(re.findall(r"`(\w+)`", text)) == set(IDENTITY)


def test_every_flag_is_there(docs: Path, repo_folder: Path) -> None:
    source = (repo_folder / "src/waypost/track/timeline.py").read_text("utf-8")
    flags = set(re.findall(r'^        "(\w+)": ', source, re.M)) | {str(flag.name).lower() for flag in TimeFlag}
    assert len(flags) > len(TimeFlag)
    assert {row["flag"] for row in list_rows(section(docs / "reference/scan-format.md", "Flags"), "flag")} == flags


def test_every_status_is_there(docs: Path) -> None:
    rows = list_rows((docs / "reference/statuses.md").read_text("utf-8"), "number")
    assert [tuple(row.values()) for row in rows] == [
        (str(s.number), s.code, s.group, str(s.phase), str(s.precedence), s.milestone or "", s.shape)
        for s in list_statuses()
    ]


def test_every_kind_of_transition_is_there(docs: Path) -> None:
    rows = list_rows(section(docs / "reference/statuses.md", "Transitions"), "kind")
    assert {row["kind"] for row in rows} == {way.kind for way in list_transitions()}


def test_every_carrier_is_there(docs: Path) -> None:
    tables = bundled_tables()

    def counts(code: str) -> list[str]:
        rows = tables.list_rows(code)
        sure = [sum(str(row.confidence) == each for row in rows) for each in reversed(CONFIDENCES)]
        return [str(count) for count in (len(rows), *sure)] if rows else [""] * 4

    told = list_rows((docs / "reference/carriers.md").read_text("utf-8"), "carrier")
    known = list_carriers()
    assert [list(row.values()) for row in told[: len(known)]] == [
        [each.code, each.name, each.country, each.zone or "", each.kind, *counts(each.code)] for each in known
    ]
    assert set(tables.list_carriers()) <= {each.code for each in known}
    sets = {row["carrier"]: row["a code without a prefix is of"] for row in told[len(known) :]}
    assert sets == tables._default_sets


def test_the_format_versions_are_told(docs: Path) -> None:
    rows = list_rows(section(docs / "reference/home.md", "Format versions"), "part")
    assert {row["part"]: int(row["version"]) for row in rows} == FORMATS


def test_every_protocol_is_there(docs: Path) -> None:
    rows = list_rows((docs / "reference/protocols.md").read_text("utf-8"), "protocol")
    told = {row["protocol"]: set(row["methods"].split(", ")) for row in rows}
    known = {
        name: {each for each in vars(kind) if not each.startswith("_")}
        for name, kind in vars(protocols).items()
        if getattr(kind, "_is_protocol", False) and kind.__module__ == protocols.__name__
    }
    assert told == known


# Python


def test_every_public_name_is_there(docs: Path) -> None:
    rows = list_rows((docs / "reference/python.md").read_text("utf-8"), "name")
    told = {re.match(r"waypost\.(\w+)", row["name"])[1] for row in rows}  # type: ignore[index]
    assert told == set(waypost.__all__)
    assert waypost.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'moon'"):
        _ = waypost.moon


def test_what_is_told_of_a_house_is_there(docs: Path, tmp_path: Path) -> None:
    rows = list_rows((docs / "reference/python.md").read_text("utf-8"), "on a house")
    with waypost.open_house(tmp_path, read_only=False) as house:
        for row in rows:
            _, *names = row["on a house"].split("(")[0].split(".")
            found: Any = house
            for name in names:
                found = getattr(found, name)
            assert callable(found), row
        with waypost.open_house(tmp_path) as looking_on:
            assert looking_on.overview().scans == 0


def list_calls(text: str) -> dict[str, list[str]]:
    """What is called in a cell, with the names of its parameters."""
    found = {}
    for name, parameters in re.findall(r"([\w.]+)(?:\(((?:[^()]|\(\))*)\))?(?:, |$)", text):
        told = ast.parse(f"def f({parameters}): pass").body[0]
        assert isinstance(told, ast.FunctionDef)
        found[name] = [each.arg for each in (*told.args.args, *told.args.kwonlyargs)]
    return found


def list_methods(room: object, prefix: str = "") -> dict[str, list[str]]:
    methods = {name: each for name, each in vars(type(room)).items() if name[0] != "_" and callable(each)}
    return {f"{prefix}{name}": list(inspect.signature(each).parameters)[1:] for name, each in methods.items()}


def test_what_is_told_of_the_client_is_all_that_it_has(docs: Path) -> None:
    page = (docs / "reference/python.md").read_text("utf-8")
    rows = list_rows(page, "from waypost.client")
    told = {name: each for row in rows for name, each in list_calls(row["from waypost.client"]).items()}
    assert set(told) == set(waypost.client.__all__)
    for name, parameters in told.items():
        assert parameters in ([], list(inspect.signature(getattr(waypost.client, name)).parameters))
    calls = {
        name: each for row in list_rows(page, "on a Waypost") for name, each in list_calls(row["on a Waypost"]).items()
    }
    with waypost.client.Waypost("http://127.0.0.1:1") as asked:
        known = list_methods(asked)
        for name, room in vars(asked).items():
            known |= list_methods(room, f"{name}.") if name[0] != "_" else {}
    known = {name: [each.removesuffix("_") for each in parameters] for name, parameters in known.items()}
    assert calls == known


# Links


def anchor(heading: str) -> str:
    """As hosts of Markdown make them."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_link_to_a_heading_leads_to_one(repo_folder: Path) -> None:
    broken = []
    for page in [*repo_folder.glob("*.md"), *(repo_folder / "docs").rglob("*.md")]:
        for target, heading in re.findall(r"\]\((?!\w+:)([^)#\s]*)#([^)\s]+)\)", page.read_text("utf-8")):
            other = page.parent / target if target else page
            headings = re.findall(r"^#+ (.*)$", other.read_text("utf-8"), re.M)
            if heading not in map(anchor, headings):
                broken.append(f"{page.name}: {target}#{heading}")
    assert broken == []


def test_every_page_is_on_the_map(docs: Path) -> None:
    pages = {str(path.relative_to(docs)) for path in docs.rglob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\((?!\.\.)([^)#\s]+\.md)\)", (docs / "README.md").read_text("utf-8"))) == pages
