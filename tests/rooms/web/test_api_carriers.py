"""Carriers' pushes through the door: the carrier's own answer, whatever becomes of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from waypost.app.carriers import contract_at
from waypost.carriers.adapters import list_adapters
from waypost.testing.carriers.faking import Asked, FakeScan
from waypost.testing.carriers.yto import FakeYto
from waypost.testing.carriers.zto import FakeZto
from waypost.web.desk import Limits

PATH = "/v1/carriers/yto/push"


@contextmanager
def account_in(world: Any) -> Iterator[FakeYto]:
    """The world has an account at YTO."""
    with FakeYto(clock=lambda: world.now_ms) as fake:
        contract = contract_at(fake, list_adapters()["yto"])
        assert contract.reader is not None
        world.readers["yto"] = contract.reader
        yield fake
        contract.caller.close()


def write_push(world: Any, fake: FakeYto) -> Asked:
    number = fake.make("REFERENCE1").number
    return fake.write_push(fake.parcels[number], [FakeScan(code="GOT", at_ms=world.now_ms - 3_600_000)])


def test_a_push_is_answered_as_the_carrier_wants_it(make_world: Any) -> None:
    world = make_world()
    with account_in(world) as fake:
        asked, before = write_push(world, fake), world.memory.log.position()
        reply = world.ask("POST", PATH, headers=dict(asked.headers), body=asked.body)
        assert fake.is_thanked(reply.status, reply.body)
        assert world.memory.log.position() == before + 1
        forged = world.ask("POST", PATH, headers=dict(asked.headers), body=asked.body.replace(b"GOT", b"SIGNED"))
        assert not fake.is_thanked(forged.status, forged.body)
        assert world.memory.log.position() == before + 1


def test_what_is_no_push_of_any_account_is_a_problem(make_world: Any) -> None:
    world = make_world(limits=Limits(push_bytes=4_000))
    with account_in(world) as fake:
        asked, before = write_push(world, fake), world.memory.log.position()
        nobody = world.ask("POST", "/v1/carriers/sto/push", headers=dict(asked.headers), body=asked.body)
        assert (nobody.status, nobody.json["code"]) == (404, "not_found")
        large = world.ask("POST", PATH, headers=dict(asked.headers), body=asked.body + b" " * 4_000)
        assert (large.status, large.json["code"]) == (413, "too_large")
        assert world.ask("GET", PATH).status == 405
        assert world.memory.log.position() == before


def test_the_journal_has_nothing_of_a_push(make_world: Any) -> None:
    world = make_world()
    with account_in(world) as fake:
        asked = write_push(world, fake)
        world.ask("POST", f"{PATH}?key=hush-hush", headers=dict(asked.headers), body=asked.body)
        world.ask("POST", f"{PATH}?key=hush-hush", headers=dict(asked.headers), body=asked.body[:-9])
        assert PATH.replace("yto", "{account}") in world.journal.getvalue()
        assert (
            'waypost_pushes_total{account="yto",outcome="forged"} 1.0' in world.get("/metrics", key=world.operator).text
        )
        assert "hush-hush" not in world.journal.getvalue()
        assert fake.secret not in world.journal.getvalue()


def test_a_label_is_taken_and_kept(make_world: Any) -> None:
    world, path = make_world(), "/v1/carriers/zto/labels"
    with FakeZto(clock=lambda: world.now_ms) as fake:
        contract = contract_at(fake, list_adapters()["zto"])
        assert contract.labels is not None
        world.label_readers["zto"] = contract.labels
        number = fake.make("REFERENCE1").number
        asked = fake.write_label(number)
        forged = world.ask("POST", path, headers=dict(asked.headers), body=asked.body)
        assert not fake.is_thanked(forged.status, forged.body)
        query = urlencode(asked.query)
        reply = world.ask("POST", f"{path}?{query}", headers=dict(asked.headers), body=asked.body)
        assert fake.is_thanked(reply.status, reply.body)
        nobody = world.ask("POST", f"/v1/carriers/sto/labels?{query}", headers=dict(asked.headers), body=asked.body)
        assert (nobody.status, nobody.json["code"]) == (404, "not_found")
        metrics = world.get("/metrics", key=world.operator).text
        assert 'waypost_labels_total{account="zto",outcome="taken"} 1.0' in metrics
        assert 'waypost_labels_total{account="zto",outcome="forged"} 1.0' in metrics
        assert fake.label_key not in world.journal.getvalue()
        contract.caller.close()
