"""`waypost serve`: the server over a home."""

import contextlib
import faulthandler
import gc
import io
import os
import secrets
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from waypost.access.keys import Role
from waypost.app.alerting import Alerting, detectors_of, loads_of
from waypost.app.booking import Booking
from waypost.app.console import aside, line, out, tell_cut
from waypost.app.housekeeping import Housekeeping, chores_of
from waypost.app.lanes import lane_of, lanes_of
from waypost.app.live import Following
from waypost.app.mailing import Mailing, open_postman
from waypost.app.polling import Polling
from waypost.app.scores import scores_of
from waypost.app.settings import Settings, read_settings
from waypost.app.telling import Telling
from waypost.app.volume_forecast import volumes_of
from waypost.app.wiring import House, now_ms, open_house
from waypost.care.tally import Tally
from waypost.engines.local.apart import INDEXER
from waypost.feeds.order_sheets import OrderSheets
from waypost.forecast.volume_shelf import VolumeShelf
from waypost.network import ways
from waypost.track.gaps import usual_gaps
from waypost.track.plain import make_ready
from waypost.web.application import make_app
from waypost.web.desk import Desk, Guide, Health, Insight, Post
from waypost.web.journal import open_journal
from waypost.web.openid import OpenId
from waypost.web.serve import serve
from waypost.web.webhooks import WebhookSender
from waypost.web.what_ifs import WhatIfs

_TURN_S = 0.0005


def run_server(*, home: Path | None, host: str | None, port: int | None, as_json: bool) -> None:
    """Serve until told to stop."""
    with contextlib.suppress(io.UnsupportedOperation):  # what a compiled part breaks ends the process: say where
        faulthandler.enable()
    settings = read_settings(home=home, serve__host=host, serve__port=port)
    with open_house(settings, indexer=INDEXER) as house:
        tell_cut(house.home.health().cut)
        serve_house(house, partial(_tell, house, as_json))


def _tell(house: House, as_json: bool, address: str) -> None:
    """Say where it serves, with the first key: not made before the door stands open, or nobody might ever see it."""
    key = first_key(house)
    if as_json:
        out({"address": address, "home": str(house.settings.home), "key": key})
        return
    aside.print(line("Waypost serves ", (str(house.settings.home), "bold"), " at ", (address, "bold")), soft_wrap=True)
    tell_addresses(address)
    if key is not None:
        aside.print("The operator's key, shown this once:")
        aside.print(line("  ", (key, "bold")), soft_wrap=True)
    if not is_loopback(house.settings.serve.host):
        aside.print("[yellow]This is not loopback: put a TLS proxy in front (docs/how-to/put-it-on-a-network.md).[/]")


class Companion(Protocol):
    """Goes on beside a server, in threads of its own."""

    def start(self, house: House, journal: FilteringBoundLogger) -> None:
        """Begin."""

    def stop(self) -> None:
        """End, while the house is still open."""


def serve_house(
    house: House,
    ready: Callable[[str], None],
    guide: Guide | None = None,
    companion: Companion | None = None,
    what_ifs: WhatIfs | None = None,
) -> None:
    """Put the door before a house and serve until told to stop; then close the house.

    A demo has a guide, a world that goes on as its companion, and changes of it can be tried.
    """
    house.open_accounts()
    journal = open_journal(sys.stderr)
    booking = Booking(house.bookings, house.settings.limits.booking_threads, house.clock, journal)
    sender = WebhookSender(house.places, house.settings.webhooks.timeout_s, now_ms)
    telling = Telling(
        house.teller,
        house.subscriptions,
        house.deliveries,
        sender,
        house.settings.webhooks.at_once,
        house.clock,
        journal,
        Tally(),
    )
    mailing = _open_mailing(house, journal)
    every_s = house.settings.alerts.every_s
    alerting = Alerting(detectors_of(house, *loads_of(house)), house.alerts, every_s, house.clock, journal)
    told = house.settings.login.openid
    openid = None if told is None else OpenId(told, house.settings.site.url)
    app = make_app(_desk(house, booking, telling, mailing, sender, openid, guide, alerting, journal, what_ifs))
    house.watch_folders(lambda why, name: journal.warning("a file was not taken", file=name, why=why))
    house.promises.note = lambda error: journal.error("promises are not made anew", exc_info=error)
    house.lookouts.note = lambda error: journal.error("arrivals are not looked at anew", exc_info=error)
    make_ready()
    if house.has_timetable():  # beside, as the compiler takes seconds the first time, and a start should not
        threading.Thread(target=ways.make_ready, name="ways", daemon=True).start()
    take_short_turns()
    gc.freeze()  # what stands here stays: nobody need look through it again for what is not used any more
    polling = Polling(house.pollers.values(), house.read_gaps, usual_gaps(), journal)
    polling.start()
    booking.start()
    telling.start()
    alerting.start()
    if mailing is not None:
        mailing.start()
    following = Following(house.live, house.settings.home, house.clock, journal)
    following.start()
    keeping = Housekeeping(chores_of(house, house.clock), journal)
    if companion is not None:
        companion.start(house, journal)

    def close() -> None:
        if companion is not None:
            companion.stop()  # while there is still somebody to hear of its world
        booking.stop()
        telling.stop()
        alerting.stop()
        if mailing is not None:
            mailing.stop()
        sender.close()
        if openid is not None:
            openid.close()
        polling.stop()
        keeping.stop()
        following.stop()
        house.close()
        gc.unfreeze()  # else compiled parts tell at the end of what was never let go of

    host, port = house.settings.serve.host, house.settings.serve.port
    serve(app, host, port, ready=ready, halt=house.home.end_questions, close=close)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    return host in ("127.0.0.1", "::1", "localhost")


def take_short_turns() -> None:
    """Let the threads of this process take turns more often than Python does by itself, which is every 5 ms.

    An answer takes many turns, each of which may come behind threads that take scans in.
    """
    sys.setswitchinterval(_TURN_S)


def tell_addresses(address: str) -> None:
    """Print where to look."""
    for what, path in (("tracking page", "/"), ("operator", "/operator"), ("API", "/docs")):
        aside.print(line(f"  {what:15} {address}{path}"), soft_wrap=True)


def first_key(house: House) -> str | None:
    """An operator's key, if there is none yet; None otherwise: only its digest is kept."""
    if house.keys.any(Role.OPERATOR):  # a carrier's does not open the operator's pages
        return None
    return house.keys.make(Role.OPERATOR, "first start", house.clock())


def _open_mailing(house: House, journal: FilteringBoundLogger) -> Mailing | None:
    """What sends mail, if the settings have a mail server."""
    mail = house.settings.mail
    if not mail.host:
        return None
    postman = open_postman(house.settings, now_ms)
    return Mailing(
        house.notices, house.consignees, house.mail_terms, postman, mail.per_minute, house.clock, journal, Tally()
    )


def _desk(
    house: House,
    booking: Booking,
    telling: Telling,
    mailing: Mailing | None,
    sender: WebhookSender,
    openid: OpenId | None,
    guide: Guide | None,
    alerting: Alerting,
    journal: FilteringBoundLogger,
    what_ifs: WhatIfs | None,
) -> Desk:
    settings: Settings = house.settings
    return Desk(
        tracker=house.tracker,
        scan_search=house.scans,
        reception=house.reception,
        pushes=house.pushes,
        outlook=house.outlook,
        labels=house.labels,
        bookings=house.bookings,
        wake_booking=booking.wake,
        erasure=house.erasure,
        links=house.links,
        proofs=house.proofs,
        papers=house.papers,
        manifests=house.manifests,
        pools=house.pools,
        order_sheets=OrderSheets(),
        subscriptions=house.subscriptions,
        deliveries=house.deliveries,
        sender=sender,
        wake_telling=telling.wake,
        telling=telling.get_standing,
        post=Post(
            terms=house.mail_terms,
            notices=house.notices,
            consignees=house.consignees,
            standing=mailing.get_standing if mailing is not None else None,
        ),
        quotes=house.quotes,
        promises=house.promises,
        lookouts=house.lookouts,
        chooser=house.chooser,
        pickups=house.pickups,
        sort_codes=house.sort_codes,
        new_id=lambda kind: f"{kind}_{secrets.token_hex(8)}",
        files=house.files,
        carriers={name: contract.account.carrier for name, contract in house.contracts.items()},
        has_carrier=house.has_carrier,
        overview=house.overview,
        live=lambda: house.live.look(house.clock()),
        insight=insight_of(house),
        keys=house.keys,
        people=house.people,
        sessions=house.sessions,
        trail=house.trail,
        openid=openid,
        guide=guide,
        what_ifs=what_ifs,
        facilities=house.facilities,
        ways=house.ways,
        timetable_changes=house.timetable_changes,
        alerts=house.alerts,
        clock=house.clock,
        health=lambda: _health(house, alerting),
        journal=journal,
        limits=settings.limits,
        site=settings.site,
    )


def insight_of(house: House) -> Insight:
    """What is learnt from the scans of a house."""
    return Insight(
        scorecards=scores_of(house),
        lanes=lanes_of(house),
        lane=lane_of(house),
        volume=volumes_of(house),
        list_volumes=VolumeShelf(house.memory.records).list_all,
    )


def _health(house: House, alerting: Alerting) -> Health:
    health = house.home.health()
    room = os.statvfs(house.settings.home)
    loss = house.seals.find_loss()
    return Health(
        log_position=health.log_end,
        index_position=health.index_position,
        disk_free_bytes=room.f_bavail * room.f_frsize,
        failures=[
            *health.failures,
            *([health.rebuilding] if health.rebuilding else []),
            *([str(loss)] if loss else []),
        ],
        trimming=health.trimming,
        unwatched=alerting.list_failures(),
    )
