"""`waypost serve`: the server over a home."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from waypost.access.keys import Role
from waypost.app.console import aside, out
from waypost.app.settings import Settings, read_settings
from waypost.app.wiring import House, now_ms, open_house
from waypost.web.application import make_app
from waypost.web.desk import Desk, Health
from waypost.web.journal import open_journal
from waypost.web.serve import serve


def run_server(*, home: Path | None, host: str | None, port: int | None, as_json: bool) -> None:
    """Serve until told to stop."""
    settings = read_settings(home=home, serve__host=host, serve__port=port)
    house = open_house(settings)
    _tell_cut(house)
    key = first_key(house)

    def ready(address: str) -> None:
        if as_json:
            out({"address": address, "home": str(settings.home), "key": key})
            return
        aside.print(f"Waypost serves [bold]{settings.home}[/] at [bold]{address}[/]")
        tell_addresses(address)
        if key is not None:
            aside.print(f"The operator's key, shown this once:\n  [bold]{key}[/]", soft_wrap=True)
        if settings.serve.host not in ("127.0.0.1", "::1", "localhost"):
            aside.print(
                "[yellow]This is not loopback: put a TLS proxy in front (docs/how-to/put-it-on-a-network.md).[/]"
            )

    serve_house(house, ready)


def serve_house(house: House, ready: Callable[[str], None]) -> None:
    """Put the door before a house and serve until told to stop; then close the house."""
    app = make_app(_desk(house))
    serve(app, house.settings.serve.host, house.settings.serve.port, ready=ready, close=house.close)


def tell_addresses(address: str) -> None:
    """Print where to look."""
    aside.print(f"  tracking page   {address}/")
    aside.print(f"  operator        {address}/operator")
    aside.print(f"  API             {address}/docs")


def first_key(house: House) -> str | None:
    """The operator's key, if there is none yet; None otherwise: only its digest is kept."""
    if house.keys.any():
        return None
    return house.keys.make(Role.OPERATOR, "first start", now_ms())


def _desk(house: House) -> Desk:
    settings: Settings = house.settings
    return Desk(
        tracker=house.tracker,
        scan_search=house.scans,
        reception=house.reception,
        overview=house.overview,
        keys=house.keys,
        facilities=house.facilities,
        clock=now_ms,
        health=lambda: _health(house),
        journal=open_journal(sys.stderr),
        limits=settings.limits,
        site=settings.site,
    )


def _health(house: House) -> Health:
    health = house.home.health()
    room = os.statvfs(house.settings.home)
    return Health(
        log_position=health.log_end,
        index_position=health.index_position,
        disk_free_bytes=room.f_bavail * room.f_frsize,
        failures=[text for text in (health.error, health.rebuilding) if text],
    )


def _tell_cut(house: House) -> None:
    cut = house.home.health().cut
    if cut is not None:
        aside.print(
            f"[yellow]{cut.bytes} bytes at the end of {cut.file} were cut off: an append that was never acknowledged "
            "when the last run ended.[/]",
            soft_wrap=True,
        )
