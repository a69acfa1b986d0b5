"""A merchant at a real server with the fake of one carrier behind it, and a network between."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.journeys.conftest import Server
from tests.journeys.relay import Relay
from tests.journeys.test_merchants import write_settings
from tests.rooms.app.commands import Commands

from waypost.client import Address, Item, Order, PlannedParcel, Waypost
from waypost.testing.carriers.faking import Fake


def draft(fake: Fake, reference: str, **others: Any) -> Order:
    sample = fake.sample
    ends = {
        end: Address(**{name: getattr(getattr(sample, end), name) for name in Address.__struct_fields__})
        for end in ("sender", "consignee")
    }
    return Order(
        reference=reference,
        **ends,
        items=[Item(description="Book", weight_g=400, value_minor=2599)],
        parcels=[PlannedParcel(weight_g=450, length_mm=300, width_mm=200, height_mm=60)],
        account=fake.name,
        currency=sample.currency,
        mailing_date=time.strftime("%Y-%m-%d", time.gmtime()),
        **others,
    )


class Shop:
    """A merchant at a server with the fake of one carrier behind it, and the network between."""

    def __init__(self, home: Path, fake: Fake, start: Callable[..., Server]) -> None:
        self.home, self.fake, self._start = home, fake, start
        write_settings(home, fake)
        self.server = start(home)
        self.relay = Relay(self.server.address)
        self._merchants = 0
        self.key = ""

    def begin_anew(self) -> None:
        """With a merchant of whom nobody knows anything yet, a carrier without parcels, a network that is well."""
        self.relay.forget()
        self._merchants += 1
        ask = Commands(self.home).ask
        party = ask("admin", "party", "add", f"Estrela {self._merchants}")["id"]
        self.key = ask("admin", "make-key", "shop", "--role", "merchant", "--party", party)["key"]
        self.fake.parcels.clear()

    def open(self, **options: Any) -> Waypost:
        return Waypost(self.relay.url, self.key, **{"patience_s": 60} | options)

    def restart(self) -> None:
        self.server = self._start(self.home)
        self.relay.aim(self.server.address)

    def kill(self) -> None:
        self.server.kill()
