"""A network in which everybody has a key, and one merchant has orders of each kind."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select
from tests.rooms.web.conftest import World, fill

from waypost.access.keys import Role
from waypost.app.carriers import contract_at
from waypost.booking.orders import Order
from waypost.booking.proofs import ProofSent
from waypost.care.alerts.findings import AlertKind, Finding, Severity
from waypost.care.deliveries import Delivery, keep_new
from waypost.care.notices import Notice, NoticeState, keep_notices
from waypost.carriers.adapters import list_adapters
from waypost.feeds.timetables import TimetablesFeed
from waypost.model.carriage import Waybill
from waypost.model.parties import PartyKind
from waypost.network.changes import Closure
from waypost.store.tables import METADATA
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Fake
from waypost.track.carriers import Push
from waypost.track.pushes import Arrived, Outcome
from waypost.web.api.answers import ORDERS_SENT, PROOF_SENT
from waypost.web.api.pickup_answers import PICKUP_SENT
from waypost.web.desk import Limits

PICTURE = PROOF_SENT.signature
_MANY = Limits(
    guesses_per_min=1e9, guesses_burst=1e9, numbers_per_min=1e9, numbers_burst=1e9, wait_s=0.01, stream_s=0.2
)


class House:
    """`ask` is one request by one of them, `state` what is kept."""

    def __init__(self, world: World, fake: Fake) -> None:
        self.world = world
        make, now = world.keys.make, world.now_ms
        ming, estrela, gone = (world.parties.add(PartyKind.MERCHANT, name, now).id for name in ("Ming", "Li", "Gone"))
        self.owner = estrela
        ending = make(Role.MERCHANT, "k", now, party=estrela, ends_ms=now + 1)
        withdrawn = make(Role.OPERATOR, "k", now)
        self.keys: dict[str, str | None] = {
            "nobody": None,
            "wrong": "wp_" + "0" * 48,
            "ended": ending,
            "of an ended party": make(Role.MERCHANT, "k", now, party=gone),
            "withdrawn": withdrawn,
            "operator": world.operator,
            "carrier": world.carrier,
            "bound": make(Role.CARRIER, "k", now, ["ruralpost"]),
            "strange carrier": make(Role.CARRIER, "k", now, ["sf"]),
            "merchant": make(Role.MERCHANT, "k", now, party=estrela),
            "other merchant": make(Role.MERCHANT, "k", now, party=ming),
        }
        world.parties.end(gone, now)
        world.keys.withdraw(withdrawn[3:11], now)
        world.now_ms += 60_000
        for key in filter(None, self.keys.values()):  # that a key is used is written down, once a day
            world.keys.find(key, world.now_ms)
        self.people = {role: self._log_in(role) for role in Role}
        self.draft = Order(
            reference="SECRET-1",
            sender=fake.sample.sender,
            consignee=msgspec.structs.replace(
                fake.sample.consignee, name="Zulmira Secreta", email="zulmira@secreta.example"
            ),
            items=ORDERS_SENT[0].items,
            parcels=ORDERS_SENT[0].parcels,
            currency=fake.sample.currency,
            mailing_date="2026-11-23",
        )
        self.booked, self.drafted = self._hand_in("SECRET-2"), self._hand_in("SECRET-1")
        self.job = self.ask("merchant", "post", "/v1/jobs", json.dumps({"orders": [self.booked]}).encode()).json["id"]
        answer = self.ask("merchant", "post", f"/v1/orders/{self.booked}/confirm")
        assert answer.json["state"] == "booked", answer.text
        closed = self.ask("merchant", "post", "/v1/manifests")
        self.manifest: str = closed.json["manifest"]["id"]
        hook = self.ask("merchant", "post", "/v1/webhooks", b'{"url": "http://127.0.0.1:9/secret-path"}')
        assert hook.status == 200, hook.text
        self.webhook: str = hook.json["webhook"]["id"]
        self.parcel: str = self.ask("operator", "get", "/v1/sort-codes").json["sort_codes"][0]["parcel"]
        asked = self.ask("merchant", "post", "/v1/pickups", msgspec.json.encode(PICKUP_SENT))
        assert asked.json["state"] == "booked", asked.text
        self.pickup: str = asked.json["id"]
        example = Path(__file__).parents[3] / "examples/timetables/timetable.csv"
        services = TimetablesFeed(example, lambda carrier, code: "America/Sao_Paulo").read().services
        world.timetables.keep(services, {})
        closing = Closure(facility="hilltop/GRU", since_ms=now, until_ms=now + 86_400_000)
        self.change = world.timetable_changes.close("chg_0123456789abcdef", closing, "SECRET-3", "me", now).id
        trouble = Finding(
            kind=AlertKind.SILENCE,
            subject="SECRET-4",
            severity=Severity.WARNING,
            since_ms=now,
            parcels=1,
            numbers=["correios/SECRET-4"],
        )
        [self.alert] = world.alerts.note([], [trouble], now).raised
        self.delivery = "msg_1"
        with world.memory.records.begin() as connection:
            told = Delivery(
                id=self.delivery,
                webhook=self.webhook,
                position=1,
                waybill=Waybill("correios", "OS1"),
                status="delivered",
                body=b"{}",
                made_ms=world.now_ms,
                next_ms=world.now_ms,
            )
            assert keep_new(connection, [told]) == 1
        self.notice = f"ntc_{1:032x}"
        with world.memory.records.begin() as connection:
            notice = Notice(
                id=self.notice,
                party=self.owner,
                order=self.booked,
                piece=0,
                position=1,
                waybill=Waybill("correios", "OS1"),
                milestone="delivered",
                status="delivered",
                at_ms=world.now_ms,
                offset_min=0,
                facility="",
                made_ms=world.now_ms,
                next_ms=world.now_ms,
                begun_ms=world.now_ms,
                state=NoticeState.DEAD,
            )
            assert keep_notices(connection, [notice], world.now_ms) == 1
        push = Push(headers={}, query="", body=self.draft.consignee.name.encode(), received_ms=world.now_ms)
        world.pushes.raw.keep([Arrived("rural", push, Outcome.UNREADABLE, why="no scans")])
        self.push = self.ask("operator", "get", "/v1/pushes").json["pushes"][0]["id"]
        person = self.draft.consignee
        number = answer.json["parcels"][0]["waybill"]["number"]
        self.number: str = number
        proof = ProofSent(
            number=number,
            at="2026-11-22T12:00:00-03:00",
            received_by="Vizinha Secreta",
            picture=PICTURE,
            signature=PICTURE,
        )
        self.proof = world.proofs.add("correios", proof, "pod_0123456789abcdef", world.now_ms).id
        self.secrets = (
            "Vizinha",
            "SECRET-1",
            "SECRET-2",
            "SECRET-3",
            "SECRET-4",
            person.name,
            person.street,
            person.phone,
            number,
            self.owner,
            "secret-path",
            person.email,
        )

    def _log_in(self, role: Role) -> str:
        """The cookie of somebody with that role; merchants' people are of the merchant whose orders there are."""
        people, now = self.world.people, self.world.now_ms
        party = self.owner if role is Role.MERCHANT else None
        person = people.add(f"{role}@example.org", "Zulmira", [role], now, party=party)
        return f"waypost_person={people.let_in(person.id, 'Firefox', now, 'test')}"

    def _hand_in(self, reference: str) -> str:
        body = msgspec.json.encode([msgspec.structs.replace(self.draft, reference=reference)])
        answer = self.ask("merchant", "post", "/v1/orders", body)
        assert not answer.json["refusals"], answer.text
        id_: str = answer.json["entries"][0]["id"]
        return id_

    def ask(self, who: str, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> Any:
        key = self.keys[who]
        return self.world.ask(method.upper(), path, headers={"content-type": kind}, body=body, key=key)

    def state(self, *, of_owner: bool = False) -> list[Any]:
        """All that is kept; or what the owner of the orders has of it."""
        found: list[Any] = [] if of_owner else [self.world.memory.log.position()]
        with self.world.memory.records.read() as connection:
            for name, table in METADATA.tables.items():
                asked = select(table)
                if of_owner and name not in ("orders", "jobs", "order_parcels", "manifests", "pickups"):
                    continue
                if of_owner and name != "order_parcels":
                    asked = asked.where(table.c.merchant == self.owner)
                elif of_owner:
                    asked = asked.where(table.c.order_id.in_([self.booked, self.drafted]))
                found.append((name, sorted(map(repr, connection.execute(asked).mappings()))))
        return found


@contextmanager
def open_house() -> Iterator[House]:
    world = World(limits=_MANY)
    fill(world)
    with FAKES["correios"].kind() as fake, FAKES["usps"].kind() as post:
        fetching = contract_at(post, list_adapters()["usps"])
        assert fetching.pickups is not None
        post.clock = lambda: world.now_ms
        world.pickup_issuers["usps"] = fetching.pickups
        contract = contract_at(fake, list_adapters()["correios"])
        assert contract.issuer is not None
        world.issuers["correios"] = contract.issuer
        yield House(world, fake)
        fetching.caller.close()
        contract.caller.close()
    world.close()
