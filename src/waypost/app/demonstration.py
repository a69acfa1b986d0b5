"""`waypost demo`: a server with a sample world to look at."""

import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from waypost.access.keys import Role
from waypost.app.console import aside, line, out, tell_cut
from waypost.app.importing import import_into
from waypost.app.living import CAPACITIES, SPEED, Living
from waypost.app.serving import is_loopback, serve_house, tell_addresses
from waypost.app.settings import Settings, read_settings
from waypost.app.shop import accounts, open_shop
from waypost.app.training import learn
from waypost.app.wiring import House, now_ms, open_house
from waypost.engines.local.disk import read_json
from waypost.feeds.kinds import open_feed
from waypost.model.errors import Conflict, StoreDamaged, WrongFormat
from waypost.twin.sample import Sample, make_sample
from waypost.web.desk import Guide
from waypost.web.pages.session import START

SEED = 2026
_KEY_NAME = "demo"
#: Who looks around: anybody may be one of them, as long as only this machine reaches the demo.
_VISITORS = {Role.OPERATOR: "Olive Operator", Role.MERCHANT: "Mei Merchant", Role.CARRIER: "Carl Courier"}
#: A demo learns from so much, for it is looked at at once; a network learns from more.
_LEARNT_TRIPS, _LEARNT_SCANS = 20_000, 200_000
_NOTE, _BEGUN = "sample.json", "sample.json.begun"


def run_demo(
    *,
    home: Path | None,
    host: str | None,
    port: int | None,
    fresh: bool,
    still: bool,
    speed: float = SPEED,
    as_json: bool,
) -> None:
    """Make the sample world if there is none yet, and serve it; unless it is still, with a network that goes on."""
    settings = _demo_settings(home, host, port)
    if fresh:
        _clear(settings)
    living = None if still else _begin(settings, speed)
    if living is not None:
        track = msgspec.structs.replace(settings.track, capacities=living.capacities)
        settings = msgspec.structs.replace(settings, track=track)
    with open_house(settings, clock=now_ms if living is None else living.pace) as house:
        tell_cut(house.home.health().cut)
        sample = _read_note(settings.home / _NOTE) or _fill(house, settings.home)
        if living is not None:
            _catch_up(living, house)
        shop = open_shop(house)
        if house.models.find_version() is None:
            _learn(house)
        guide = _guide(house, sample, shop) if is_loopback(settings.serve.host) else None
        what_ifs = None if living is None else living.what_ifs
        serve_house(house, partial(_tell, house, sample, guide is not None, as_json), guide, living, what_ifs)


def _tell(house: House, sample: Sample, has_start: bool, as_json: bool, address: str) -> None:
    """Make the key of this run and say where to look; not before the door stands open."""
    key = _new_key(house)
    start = f"{address}{START}" if has_start else None
    looks = [(f"{address}/track/{look.number}", look.why) for look in sample.worth_a_look]
    if as_json:
        numbers = [{"number": look.number, "why": look.why} for look in sample.worth_a_look]
        out({"address": address, "start": start, "home": str(house.settings.home), "key": key, "worth_a_look": numbers})
        return
    aside.print("\n[bold]Waypost is running.[/] Its parcels are made up (seeded); Ctrl-C stops it.")
    if start is not None:
        aside.print(line("  start here      ", (start, "bold"), "  (one click into each role)"), soft_wrap=True)
    tell_addresses(address)
    aside.print(line(f"  operator's key  {key}"), soft_wrap=True)
    aside.print("\nWorth a look:")
    for link, why in looks:
        aside.print(line(f"  {link}"), soft_wrap=True)
        aside.print(line("      ", (why, "dim")), soft_wrap=True)
    aside.print()
    aside.print(line(f"All state is in {house.settings.home}; `waypost demo --fresh` begins again."), soft_wrap=True)


def _guide(house: House, sample: Sample, shop: str) -> Guide:
    """Lets anybody in, as somebody in the role that they choose."""
    ids = {role: _find_visitor(house, role, shop) for role in _VISITORS}

    def enter(role: Role, browser: str) -> str:
        return house.people.let_in(ids[role], browser, house.clock(), "demo")

    return Guide(roles=tuple(_VISITORS), enter=enter, numbers=tuple(look.number for look in sample.worth_a_look))


def _find_visitor(house: House, role: Role, shop: str) -> str:
    login = f"{role.value}@demo.example"
    found = house.people.find_login(login)
    party = shop if role is Role.MERCHANT else None
    return (found or house.people.add(login, _VISITORS[role], [role], house.clock(), party=party)).id


def _demo_settings(home: Path | None, host: str | None, port: int | None) -> Settings:
    """The demo keeps to a folder of its own, so that it never mixes made-up parcels with real ones.

    Its log is kept whole: the archive is that of the home. Nothing in it asks a real carrier.
    """
    settings = read_settings(home=home, serve__host=host, serve__port=port)
    store = msgspec.structs.replace(settings.store, log_days=0.0, log_gb=0.0, archive=None)
    # its hours are our minutes: who has signed in should not be asked again so soon, nor all be learnt anew
    login = msgspec.structs.replace(settings.login, idle_hours=8760.0, session_hours=8760.0)
    forecast = msgspec.structs.replace(settings.forecast, age_min=360.0)
    alerts = msgspec.structs.replace(settings.alerts, every_s=30.0, ends_after_min=360.0)
    return msgspec.structs.replace(
        settings,
        home=settings.home / "demo",
        store=store,
        login=login,
        forecast=forecast,
        alerts=alerts,
        accounts=accounts(),
    )


def _fill(house: House, home: Path) -> Sample:
    """Make the sample and import it; if that was interrupted before, import the same one again."""
    begun = home / _BEGUN
    sample = _read_note(begun)
    if sample is None:
        sample = make_sample(home / "sample", seed=SEED, now_ms=house.clock())
        begun.write_bytes(msgspec.json.encode(sample))
    for kind, file in sample.files.items():
        import_into(house, open_feed(kind, Path(file)), label=f"sample {kind}")
    begun.rename(home / _NOTE)
    return sample


def _begin(settings: Settings, speed: float) -> Living:
    with aside.status("making a network up"):
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Living(settings.home, SEED, now_ms(), speed)


def _catch_up(living: Living, house: House) -> None:
    """Let the days pass of which one can look back on."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as progress:
        task = progress.add_task("days pass", total=1.0)
        for share in living.catch_up(house):
            progress.update(task, completed=share)
    living.note()


def _learn(house: House) -> None:
    """Learn when its parcels arrive, so that pages tell of those on their way."""
    now = house.clock()
    with aside.status("learning when parcels arrive"):
        trained = learn(house.read_past(now, _LEARNT_TRIPS), house.read_steps(now, most=_LEARNT_SCANS), now)
    house.models.promote(house.models.keep(trained, now), now)


def _read_note(note: Path) -> Sample | None:
    return read_json(note, Sample, mend="`waypost demo --fresh` begins again.") if note.exists() else None


def _new_key(house: House) -> str:
    """The key of this run; those of runs before it end, for nobody can know them any more."""
    for key in [each.key for each in house.keys.list_all()]:
        if key.name == _KEY_NAME:
            house.keys.withdraw(key.id, house.clock())
    return house.keys.make(Role.OPERATOR, _KEY_NAME, house.clock())


def _clear(settings: Settings) -> None:
    home = settings.home
    if not home.exists():
        return
    if not any((home / name).exists() for name in (_NOTE, _BEGUN, CAPACITIES)):
        raise Conflict(f"{home} holds no demo, so it is left alone", mend="Name another folder by --home.")
    with suppress(StoreDamaged, WrongFormat):  # such a one can begin again too; not one that another process is using
        open_house(settings).close()
    shutil.rmtree(home)
