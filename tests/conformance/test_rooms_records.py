"""What rooms write into `Records`, on each database: rows that come again, pages, counts, and what is forgotten."""

import contextlib
import datetime as dt
import itertools
import secrets
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import lightgbm
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from tests.conformance.databases import PostgresServer, serve_postgres
from tests.rooms.booking.rating.cards import plain_card
from tests.rooms.forecast.worlds import START, make_weather

from waypost.access.guesses import Guesses, Rate
from waypost.access.keys import Keys, Role, Scope
from waypost.access.parties import Parties
from waypost.access.passwords import Cost, Passwords
from waypost.access.people import People
from waypost.access.records import audit_trail
from waypost.access.sealed import count_sealed, drop_sealed, list_gone, reseal
from waypost.access.sealing import Seal
from waypost.access.sessions import Sessions
from waypost.access.trail import Trail, Wanted
from waypost.app.seals import SEALED
from waypost.booking.choosing import Chooser
from waypost.booking.collecting import CodVerdict, Collections, Payment, note_due
from waypost.booking.erasure import Erasure
from waypost.booking.issuing import Address, Issued, Item, Label, PushedLabel
from waypost.booking.jobs import Jobs
from waypost.booking.labels import Labels
from waypost.booking.lane_costs import list_costs
from waypost.booking.links import Links
from waypost.booking.order_book import Entered, Filters, OrderBook
from waypost.booking.orders import Order, OrderState, ParcelState, PlannedParcel
from waypost.booking.people import Sought
from waypost.booking.pickups import Fetched, PickupOrder, Pickups, PickupState
from waypost.booking.proofs import Proofs, ProofSent
from waypost.booking.rating.asking import CarrierRate
from waypost.booking.rating.quoting import Quotes
from waypost.booking.rating.shelf import Kept, Shelf
from waypost.booking.rating.shipments import Shipment
from waypost.booking.records import orders
from waypost.booking.sorting.codes import CodeState, SortCodes
from waypost.booking.sorting.lessons import Lessons, learn_file
from waypost.booking.sorting.places import DELIVERIES
from waypost.booking.sorting.shelf import KEPT, Sorters
from waypost.booking.told import list_booked
from waypost.care.alerts.book import AlertBook
from waypost.care.alerts.findings import AlertKind, Finding, Severity
from waypost.care.alerts.words import ActKind
from waypost.care.alerts.words import Asked as AskedOfAlert
from waypost.care.alerts.words import Wanted as WantedAlerts
from waypost.care.consignees import Consignees
from waypost.care.deliveries import Deliveries, Delivery, DeliveryState, keep_new
from waypost.care.mail_terms import MailTerms, is_any_on, list_switched, note_missed
from waypost.care.notices import Notice, Notices, NoticeState, keep_notices
from waypost.care.patience import Patience
from waypost.care.posting import Fate, Letter, Posted
from waypost.care.sending import Answer
from waypost.care.subscriptions import Subscriptions
from waypost.engines.reference import open_reference
from waypost.engines.sql.records import SqlRecords
from waypost.feeds.sheets import Sheets
from waypost.forecast.forest import Forest
from waypost.forecast.models import Models
from waypost.forecast.parcels import DayForecast, Line, ParcelForecast
from waypost.forecast.records import keep_weather, list_weather, read_weather
from waypost.forecast.training import Card, Trained
from waypost.forecast.transit import TransitModel
from waypost.forecast.volume_shelf import MOST_KEPT, KeptForecast, VolumeShelf
from waypost.model.carriage import Parcel, Waybill
from waypost.model.errors import BadInput, Conflict, NotAllowed, NotFound, TooMany, WaypostError
from waypost.model.instants import DAY_MS
from waypost.model.parties import PartyKind
from waypost.network.change_book import ChangeBook
from waypost.network.changes import Closure, Delay
from waypost.network.facilities import Facilities
from waypost.network.services import Call, Days, Mode, Service, Stretch
from waypost.network.shelf import Timetables
from waypost.store.protocols import Records
from waypost.store.repeats import KeyReused
from waypost.store.tables import METADATA
from waypost.testing import Clock
from waypost.track.carriers import Asked, Push, Reply
from waypost.track.endings import Ending
from waypost.track.files import Files
from waypost.track.fold import StatusFold
from waypost.track.pushes import Arrived, Outcome, OutcomeCount, RawPushes
from waypost.track.reception import Reception
from waypost.track.records import find_parcels, keep_link, keep_parcels, list_all_links, list_links
from waypost.track.rests import Rest, Rests
from waypost.track.tables import bundled_tables
from waypost.track.watches import Counts, Pushing, Told, Watches
from waypost.web.destinations import Places

NONCES = itertools.count()
OLD = Seal({1: b"k" * 32}, lambda size: next(NONCES).to_bytes(size))
SEAL = Seal({1: b"k" * 32, 2: b"n" * 32}, lambda size: next(NONCES).to_bytes(size))
NOW = Clock().now_ms


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with serve_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    if request.param == "postgres":
        kept = SqlRecords(request.getfixturevalue("postgres").make())
    else:
        kept = SqlRecords(f"sqlite:///{tmp_path / 'records.sqlite'}")
    yield kept
    kept.close()


def test_migrations_make_what_the_rooms_draw(records: Records) -> None:
    with records.read() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def push(account: str, body: bytes, *, at: int = 0, **told: object) -> Arrived:
    pushed = Push(headers={}, query="", body=body, received_ms=NOW + at)
    return Arrived(account, pushed, **({"outcome": Outcome.TAKEN} | told))  # type: ignore[arg-type]


def test_a_push_that_comes_again_takes_the_place_of_the_first(records: Records) -> None:
    raw = RawPushes(records, lambda: SEAL)
    failed = push("yto", b"body", outcome=Outcome.FAILED, why="w" * 900)
    raw.keep([failed, push("yto", b"other")])
    assert raw.list_taken([failed, push("yto", b"other"), push("yto", b"new")]) == [False, True, False]
    raw.keep([push("yto", b"body", at=5, outcome=Outcome.PARTLY, scans=7, refused=2, why="zone"), failed, failed])
    raw.keep([again := push("yto", b"body", at=9, scans=7, refused=0)])
    opened = raw.open(again.id)
    assert (opened.body, opened.kept.outcome, opened.kept.scans, opened.kept.why) == (b"body", Outcome.TAKEN, 7, "")
    assert opened.kept.received_ms == NOW + 9
    assert raw.count() == 2


def test_pushes_are_paged_counted_and_forgotten(records: Records) -> None:
    raw = RawPushes(records, lambda: SEAL)
    kept = [
        push(
            "yto" if each % 3 else "zto", b"%d" % each, at=each // 4, outcome=(Outcome.TAKEN, Outcome.FAILED)[each % 2]
        )
        for each in range(25)
    ]
    raw.keep(kept)
    for accounts, outcome in [
        (None, None),
        (["yto"], None),
        (["yto", "zto"], Outcome.FAILED),
        (None, Outcome.TAKEN),
    ]:
        wanted = [
            each for each in kept if (accounts is None or each.account in accounts) and outcome in (None, each.outcome)
        ]
        wanted.sort(key=lambda each: (-each.push.received_ms, each.id))
        found, after = [], None
        while True:
            page, after = raw.list_page(accounts, outcome, after, 4)
            found += [each.id for each in page]
            if after is None:
                break
        assert found == [each.id for each in wanted]
    assert sum(each.pushes for each in raw.count_since(NOW + 3)) == 13
    assert raw.count_since(NOW + 6) == [OutcomeCount("zto", Outcome.TAKEN, 1)]
    assert raw.count(NOW + 3, "zto") == raw.forget(NOW + 3, "zto") == 4
    assert raw.forget(NOW + 3) == 8
    assert raw.forget(None) == 13


def test_forgetting_goes_on_until_all_are_gone(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.track.pushes._AT_ONCE", 3)
    raw = RawPushes(records, lambda: SEAL)
    raw.keep([push("yto", b"%d" % each) for each in range(8)])
    assert raw.forget(NOW + 1) == 8
    assert raw.count() == 0


def test_watches_begin_change_and_end(records: Records) -> None:
    watches = Watches(records, lambda: SEAL)
    assert watches.begin("sto", [Asked(number="A", phone_tail="4711"), Asked(number="b"), Asked(number="C")], NOW) == 3
    assert watches.begin("sto", [Asked(number="A"), Asked(number="b", phone_tail="0815")], NOW + 5) == 0
    assert watches.begin("zto", [Asked(number="A")], NOW + 1) == 1
    a, b = sorted(watches.find("sto", ["A", "b", "nobody"]), key=lambda watch: watch.number)
    assert [watches.ask_for(each).phone_tail for each in (a, b)] == ["4711", "0815"]
    assert [each.number for each in watches.list_unasked("sto", 9)] == ["A", "C", "b"]
    watches.keep(
        [
            msgspec.structs.replace(a, told=Told.ENDED, next_ms=None, asked_ms=NOW + 7, chance=None),
            msgspec.structs.replace(
                b, told=Told.SCANS, next_ms=NOW + 9, chance=35, pushing=Pushing.PROMISED, failures=2
            ),
        ]
    )
    assert [each.number for each in watches.list_next("sto", 9)] == ["C", "b"]
    assert [each.number for each in watches.list_unasked("sto", 9)] == ["C"]
    [b] = watches.find("sto", ["b"])
    assert (b.told, b.next_ms, b.chance, b.pushing, b.failures) == (Told.SCANS, NOW + 9, 35, Pushing.PROMISED, 2)
    assert watches.count("sto", NOW + 8) == Counts(watched=2, due=1, ended=1)
    assert watches.begin("sto", [Asked(number="A")], NOW + 20) == 1
    [a] = watches.find("sto", ["A"])
    assert (a.told, a.since_ms, a.next_ms, a.asked_ms) == (Told.NEW, NOW + 20, NOW + 20, None)
    watches.end("sto", "A")
    with pytest.raises(NotFound):
        watches.end("sto", "A")
    assert watches.find("zto", ["A"]) != []


def test_watches_are_paged_and_forgotten(records: Records) -> None:
    watches = Watches(records, lambda: SEAL)
    numbers = [f"{'aB'[each % 2]}-{each}" for each in range(1_100)]
    assert watches.begin("sto", [Asked(number=number) for number in numbers], NOW) == 1_100
    found, after = [], None
    while True:
        page, after = watches.list_page("sto", after, 300)
        found += [each.number for each in page]
        if after is None:
            break
    assert sorted(found) == sorted(numbers)
    ended = [msgspec.structs.replace(each, next_ms=None) for each in watches.find("sto", numbers[:700])]
    assert len(ended) == 700
    watches.keep(ended)
    assert watches.forget_ended(NOW) == 0
    assert watches.forget_ended(NOW + 1) == 700
    assert watches.count("sto", NOW) == Counts(watched=400, due=400, ended=0)


def test_rests_are_kept_and_ended(records: Records) -> None:
    rests = Rests(records)
    assert rests.find("sto") is None
    for until_ms in (NOW, NOW + 5):
        rests.keep("sto", Rest(until_ms=until_ms, next_rest_ms=2, why="no" * 900))
    assert rests.find("sto") == Rest(until_ms=NOW + 5, next_rest_ms=2, why="no" * 200)
    rests.end("sto")
    rests.end("sto")
    assert rests.find("sto") is None


class Press:
    """Reads labels that are plain text: a number and what stands on the paper."""

    def read_label(self, push: Push) -> PushedLabel:
        number, _, text = push.body.partition(b" ")
        label = Label(content=text, content_type="text/plain")
        return PushedLabel(waybill=Waybill("zto", number.decode()), label=label, reply=Reply(body=b"ok"))

    def refuse(self, error: WaypostError) -> Reply:
        raise error


def test_labels_come_again_and_are_forgotten(records: Records) -> None:
    labels = Labels({"zto": Press()}, records, lambda: SEAL)
    for at, text in enumerate((b"1 first", b"1 second", b"2 other")):
        labels.take("zto", Push(headers={}, query="", body=text, received_ms=NOW + at))
    found = labels.find("zto", Waybill("zto", "1"))
    assert found is not None
    assert found.content == b"second"
    assert labels.find("sto", Waybill("zto", "1")) is None
    assert labels.forget(NOW + 2) == 1
    assert labels.forget(NOW + 9) == 1


def test_files_are_listed_reported_and_forgotten(records: Records, tmp_path: Path) -> None:
    memory = open_reference(StatusFold(bundled_tables()))
    reception = Reception(memory, lambda pairs: [None] * len(pairs), lambda: NOW)
    files = Files(records, Sheets(), reception, lambda: SEAL, tmp_path / "incoming")
    sheet = tmp_path / "scans.csv"
    sheet.write_text("number,code,at\nX1,delivered,2026-11-01T10:00:00Z\n,,\n")
    for carrier, at in (("own", 0), ("own", 1), ("rural", 2)):
        files.take(sheet, name="päckchen.csv", carrier=carrier, source="page", now_ms=NOW + at)
    memory.close()
    own, rural = files.list_newest(["own"], 9), files.list_newest(["rural"], 9)
    assert [(each.name, each.received_ms, each.scans, each.refused) for each in own] == [
        ("päckchen.csv", NOW + 1, 1, 1)
    ]
    assert [each.id for each in files.list_newest(None, 9)] == [rural[0].id, own[0].id]
    name, report = files.get_report(own[0].id, ["own"])
    assert (name, report.count(b"\n")) == ("päckchen.csv", 2)
    with pytest.raises(NotFound):
        files.get_report(own[0].id, ["rural"])
    assert files.forget(NOW + 2) == 1
    assert [each.carrier for each in files.list_newest(None, 9)] == ["rural"]


def test_what_is_sealed_is_counted_brought_under_a_new_key_and_dropped(records: Records) -> None:
    RawPushes(records, lambda: OLD).keep([push("yto", b"%d" % each) for each in range(3)])
    Watches(records, lambda: OLD).begin("sto", [Asked(number="A", phone_tail="4711"), Asked(number="B")], NOW)
    Watches(records, lambda: SEAL).begin("sto", [Asked(number="C", phone_tail="0815")], NOW)
    with records.read() as connection:
        assert count_sealed(connection, SEALED) == {1: 4, 2: 1}
        assert sum(count_sealed(connection, SEALED, 1).values()) == 2
        assert list_gone(connection, SEALED, OLD) == {2: 1}
        assert list_gone(connection, SEALED, Seal({1: b"x" * 32, 2: b"n" * 32}, bytes)) == {1: 4}
    assert reseal(records, SEALED, SEAL) == 4
    with records.read() as connection:
        assert count_sealed(connection, SEALED) == {2: 5}
    assert drop_sealed(records, SEALED, 2) == 5
    watches = Watches(records, lambda: SEAL)
    assert [each.phone_tail for each in watches.find("sto", ["A", "B", "C"])] == [None] * 3
    assert RawPushes(records, lambda: SEAL).count() == 0


def test_parcels_and_links_are_found_by_every_number(records: Records) -> None:
    found = [Parcel(id=f"p{each}", waybill=Waybill("yto", f"YT{each}"), order_number=f"O{each}") for each in range(3)]
    with records.begin() as connection:
        assert keep_parcels(connection, found) == []
        [(refused, _)] = keep_parcels(connection, [Parcel(id="other", waybill=Waybill("yto", "YT1"))])
        assert refused.id == "other"
        keep_link(connection, "p0", Waybill("usps", "L1"), NOW, None)
        keep_link(connection, "p1", Waybill("usps", "L1"), NOW + 5, None)
        keep_link(connection, "p0", Waybill("usps", "L1"), NOW + 1, NOW + 9)
    with records.read() as connection:
        assert [each.id for each in find_parcels(connection, ["O2", "L1"])] == ["p0", "p1", "p2"]
        spans = [(each.since_ms, each.until_ms) for each in list_links(connection, ["p0", "p1"])]
        assert spans == [(NOW + 1, NOW + 5), (NOW + 5, None)]
        assert list_all_links(connection, 1).to_pylist()[0]["since_ms"] == NOW + 5


def test_keys_and_sessions(records: Records) -> None:
    keys = Keys(records, lambda size: next(NONCES).to_bytes(size))
    secret = keys.make(Role.OPERATOR, "first", NOW)
    assert keys.any(Role.OPERATOR)
    [key] = [each.key for each in keys.list_all()]
    assert keys.find(secret, NOW) == key
    for at in (0, 10**12):  # the first has ended by then
        opened = keys.open_session(secret, NOW + at)
    assert opened is not None
    assert opened[1] is not None
    assert keys.find_session(opened[1], NOW + 10**12) == key
    assert keys.withdraw(key.id, NOW)
    assert keys.find_session(opened[1], NOW + 10**12) is None
    assert not keys.any(Role.OPERATOR)


def test_keys_are_rotated_and_say_when_they_were_used(records: Records) -> None:
    keys = Keys(records, lambda size: next(NONCES).to_bytes(size))
    first = keys.make(Role.OPERATOR, "first", NOW, scope=Scope.READ)
    [listed] = keys.list_all()
    second = keys.rotate(listed.key.id, NOW, 5)
    assert keys.find(first, NOW + 4) == keys.find(second, NOW) == listed.key
    assert keys.find(first, NOW + 5) is None
    [listed] = keys.list_all()
    assert (listed.used_day, listed.old_ends_ms, listed.key.scope) == (day_of(NOW), NOW + 5, Scope.READ)


def day_of(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).date().isoformat()


def test_people_log_in_change_and_end(records: Records) -> None:
    def token(size: int) -> bytes:
        return next(NONCES).to_bytes(size)

    sessions = Sessions(records, lambda: SEAL, token, idle_ms=100_000, lasting_ms=1_000_000)
    rate = Rate(per_min=60, burst=2)
    people = People(records, lambda: SEAL, token, Passwords(token, Cost(memory_kib=8)), sessions, rate)
    parties = Parties(records, token)
    merchant = parties.add(PartyKind.MERCHANT, "Estrela", NOW).id
    assert not people.any()
    ann = people.add("ann", "Ann", [Role.OPERATOR, Role.MERCHANT], NOW, party=merchant, subject="elsewhere")
    with pytest.raises(Conflict):
        people.add("ANN", "Ann", [Role.OPERATOR], NOW)
    assert people.get(ann.id) == people.find_login("Ann") == people.find_subject("elsewhere") == ann
    invitation = people.invite(ann.id, NOW, 10)
    opened = people.accept(people.invite(ann.id, NOW, 10), "correct horse battery", "Firefox", NOW)
    assert people.find_invited(invitation, NOW) is None
    with pytest.raises(NotAllowed):
        people.log_in("ann", "wrong", "a", "Firefox", NOW)
    token_ = people.log_in("ann", "correct horse battery", "a", "Firefox", NOW)
    with pytest.raises(NotAllowed):
        people.log_in("bob", "wrong", "a", "Firefox", NOW)
    with pytest.raises(TooMany):
        people.log_in("bob", "wrong", "a", "Firefox", NOW)
    session = sessions.find(token_, NOW + 90_000)
    assert session is not None
    assert sessions.find(opened, NOW + 100_000) is None
    assert sessions.find(token_, NOW + 189_999) is not None
    given = ("correct horse battery", "staple of the horses", session.id, "b", NOW)
    people.change_password(ann.id, *given)
    assert [each.id for each in sessions.list_of(ann.id, NOW)] == [session.id]
    parties.end(merchant, NOW + 1)
    assert sessions.find(token_, NOW + 1) is None
    assert [each.ended_ms for each in people.list_all()] == [NOW + 1]
    again = people.add("ann", "Ann", [Role.OPERATOR], NOW + 2)
    assert people.end(again.id, NOW + 3, forget=True) == 0
    assert [each.name for each in people.list_all()] == ["Ann", ""]


def test_guesses_at_once_are_all_counted(records: Records) -> None:
    counting, won = Guesses(records), []

    def guess() -> None:
        with contextlib.suppress(TooMany):
            counting.take({"login": Rate(per_min=1, burst=3), "address": Rate(per_min=1, burst=99)}, NOW)
            won.append(1)

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 3


def test_the_audit_trail_only_grows(records: Records) -> None:
    trail = Trail(records)
    for place in range(5):
        trail.note(f"key:{place % 2}", ("key.made", "key_ring.made")[place == 3], f"k{place}", NOW + place, why="test")
    page, after = trail.list_page(Wanted(what="key.", since_ms=NOW + 1), None, 2)
    assert [(each.of, each.details) for each in page] == [("k4", {"why": "test"}), ("k2", {"why": "test"})]
    page, after = trail.list_page(Wanted(what="key.", since_ms=NOW + 1), after, 2)
    assert ([each.of for each in page], after) == (["k1"], None)
    for statement in (update(audit_trail).values(who="another"), delete(audit_trail)):
        with pytest.raises(IntegrityError, match="only added to"), records.begin() as connection:
            connection.execute(statement)
    assert len(trail.list_page(Wanted(), None, 9)[0]) == 5


def test_orders_are_kept_claimed_and_booked(records: Records) -> None:
    parties = Parties(records, lambda size: next(NONCES).to_bytes(size))
    merchant = parties.add(PartyKind.MERCHANT, "Estrela", NOW)
    with pytest.raises(Conflict):
        parties.add(PartyKind.MERCHANT, "Estrela", NOW)
    book = OrderBook(records, lambda: SEAL)
    home = Address(name="Ana", country="BR", street="Rua 1", city="Rio")
    drafts = [
        Order(reference=f"O{each}", sender=home, consignee=home, items=(Item(description="Hat"),)) for each in range(3)
    ]
    ids = [entry.id for entry in book.enter(merchant.id, list(enumerate(drafts)), NOW).entries]
    known = book.enter(merchant.id, [(0, drafts[0])], NOW, dry_run=True).entries
    assert [entry.outcome for entry in known] == [Entered.KNOWN]
    jobs = Jobs(records, book)
    begun = jobs.begin(merchant.id, None, "yto", "job_1", NOW, "one")
    assert (begun.states, begun.left) == ({OrderState.QUEUED: 3}, [])
    assert jobs.begin(merchant.id, None, "yto", "job_1", NOW, "one") == begun
    with pytest.raises(KeyReused):
        jobs.begin(merchant.id, ids, "yto", "job_1", NOW, "other")
    assert [each.order for each in jobs.begin(merchant.id, ids[:2], "yto", "job_2", NOW).left] == ids[:2]
    assert sorted(book.list_due("yto", NOW, 9)) == sorted(ids)
    assert [kept.parcels[0].state for kept in book.claim(ids[:1], NOW, NOW + 5)] == [ParcelState.PLANNED]
    assert book.claim(ids[:1], NOW, NOW + 5) == []
    with book.holding(ids[0], NOW, NOW + 5) as is_held:
        assert not is_held
    assert book.release_all() == 1
    [parcel] = book.get(merchant.id, ids[0]).parcels
    assert parcel.state is ParcelState.ASKED
    waybill = Waybill("yto", "YT1")
    with records.begin() as connection:
        label = Label(content=b"%PDF-")
        book.note_booked(
            connection, Issued(waybill=waybill, reference=parcel.reference, channel="test", label=label), NOW
        )
        book.settle(connection, ids[0], OrderState.BOOKED, NOW)
    with records.read() as connection:
        assert [tuple(row.values()) for row in list_booked(connection).to_pylist()] == [
            ("yto", "YT1", NOW, merchant.id)
        ]
    [booked], cursor = book.list_page(merchant.id, Filters(state=OrderState.BOOKED), None, 1)
    assert cursor is None
    assert book.find_labels(booked.parcels) == {booked.parcels[0].reference: label}
    page, cursor = book.list_page(merchant.id, Filters(job="job_1", since_ms=NOW), None, 2)
    rest, end = book.list_page(merchant.id, Filters(until_ms=NOW + 1), cursor, 2)
    assert sorted(each.id for each in page + rest) == sorted(ids)
    assert end is None


def test_people_are_erased_sought_and_shown_to_their_own(records: Records) -> None:
    merchant = Parties(records, secrets.token_bytes).add(PartyKind.MERCHANT, "Estrela", NOW).id
    book = OrderBook(records, lambda: SEAL)
    ana = Address(name="Ana", country="BR", street="Rua 1", city="Rio", phone="+55 21 95000-1111")
    rui = Address(name="Rui", country="BR", street="Rua 2", city="Rio", phone="+55 21 95000-2222")
    drafts = [
        Order(reference=f"O{each}", sender=rui, consignee=ana if each else rui, items=(Item(description="Hat"),))
        for each in range(4)
    ]
    ids = [entry.id for entry in book.enter(merchant, list(enumerate(drafts)), NOW).entries]
    waybills = {}
    for id_ in ids[:2]:
        [parcel] = book.get(merchant, id_).parcels
        waybills[id_] = Waybill("yto", f"YT{id_[-6:]}")
        with records.begin() as connection:
            label = Label(content=b"%PDF-")
            issued = Issued(waybill=waybills[id_], reference=parcel.reference, channel="test", label=label)
            book.note_booked(connection, issued, NOW)
            book.settle(connection, id_, OrderState.BOOKED, NOW)
    Watches(records, lambda: SEAL).begin("", [Asked(number=waybills[ids[1]].number, phone_tail="1111")], NOW)

    def find_endings(asked: Sequence[Waybill]) -> dict[Waybill, Ending]:
        return {each: Ending(True, NOW) for each in asked if each == waybills[ids[1]]}

    erasure = Erasure(records, book, lambda: SEAL, find_endings)
    links = Links(records, book, lambda: SEAL, secrets.token_bytes, find_endings, DAY_MS)
    proofs = Proofs(records, lambda: SEAL)
    tokens = [links.tell(merchant, id_, 0, NOW) for id_ in ids[:2]]
    assert links.tell(merchant, ids[0], 0, NOW) == tokens[0]
    assert links.renew(merchant, ids[0], 0, NOW, "key:k") != tokens[0]
    assert links.open(tokens[1], NOW).waybill == waybills[ids[1]]
    sent = ProofSent(number=waybills[ids[1]].number, at="2026-11-20T10:00:00Z", received_by="Rui")
    proof = proofs.add("", sent, "pod_1", NOW)
    assert proofs.add("", sent, "pod_1", NOW) == proof
    assert proofs.list_of(merchant, [sent.number]) == proofs.list_of_parcel(parcel.reference) == [proof]
    with pytest.raises(NotFound):
        proofs.open_picture(proof)

    damaged: list[str] = []
    found = sorted(kept.id for kept in erasure.find(Sought(name="ana", phone="95000-1111"), damaged))
    assert (found, erasure.count(), damaged) == (sorted(ids[1:]), 4, [])
    assert [kept.id for kept in erasure.find(Sought(reference="O0"), damaged)] == ids[:1]
    with pytest.raises(Conflict, match="on its way"):
        erasure.erase(merchant, ids[0], NOW)
    assert erasure.erase_old(NOW + DAY_MS, DAY_MS) == 3
    assert erasure.erase_again(ids, NOW + DAY_MS) == 1
    assert sorted(each.id for each in erasure.list_erased(NOW)) == sorted(ids)
    assert {kept.order.consignee.name for kept in book.list_page(merchant, Filters(), None, 9)[0]} == {"…"}
    assert proofs.list_of(None, [sent.number]) == []
    assert proofs.forget(NOW + DAY_MS) == 0
    with pytest.raises(NotFound):
        links.open(tokens[1], NOW)
    [watch] = Watches(records, lambda: SEAL).find("", [waybills[ids[1]].number])
    assert watch.phone_tail is None


def test_an_order_that_another_is_taking_is_not_taken_twice(records: Records) -> None:
    merchant = Parties(records, secrets.token_bytes).add(PartyKind.MERCHANT, "Estrela", NOW).id
    book = OrderBook(records, lambda: SEAL)
    home = Address(name="Ana", country="BR", street="Rua 1", city="Rio")
    order = Order(reference="O", sender=home, consignee=home, items=(Item(description="Hat"),))
    [entry] = book.enter(merchant, [(0, order)], NOW).entries
    Jobs(records, book).begin(merchant, None, "yto", "job_1", NOW)
    claimed: list[object] = []
    other = threading.Thread(target=lambda: claimed.extend(book.claim([entry.id], NOW, NOW + 5)))
    with records.begin() as connection:
        connection.execute(update(orders).values(until_ms=NOW + 5))
        other.start()
        other.join(0.2)  # it comes as far as it can
    other.join()
    assert claimed == []


def test_webhooks_are_told_in_order_once_and_again(records: Records) -> None:
    party = Parties(records, secrets.token_bytes).add(PartyKind.MERCHANT, "Estrela", NOW).id
    subscriptions = Subscriptions(records, lambda: SEAL, secrets.token_bytes, Places().check_url)
    deliveries = Deliveries(records, 86_400_000, lambda: 0.5)
    made, secret = subscriptions.add(party, "https://shop.example/", ["delivered"], NOW)
    assert subscriptions.rotate(party, made.id, NOW)[1] != secret
    assert subscriptions.open_secrets(made.id, NOW)[1] == secret
    news = [
        Delivery(
            id=f"msg_{each}",
            webhook=made.id,
            position=each,
            waybill=Waybill("yto", f"YT{each % 2}"),
            status="delivered",
            body=b"{}",
            made_ms=NOW + each,
            next_ms=NOW,
        )
        for each in range(5)
    ]
    with records.begin() as connection:
        assert keep_new(connection, news) == 5
        assert keep_new(connection, news) == 0
    assert deliveries.list_ready(NOW) == [(made.id, party, "https://shop.example/")]
    assert [each.id for each in deliveries.list_due(made.id, NOW, 9)] == ["msg_0", "msg_1"]
    assert [each.id for each in deliveries.list_due(made.id, NOW, 9, ["msg_0"])] == ["msg_1"]
    ill = Answer(status=None, why="no answer")
    assert deliveries.note([(news[0], ill), (news[1], Answer(status=200))], NOW) == []
    assert [each.id for each in deliveries.list_due(made.id, NOW, 9)] == ["msg_3"]
    page, cursor = deliveries.list_page(made.id, DeliveryState.WAITING, None, 3)
    rest, end = deliveries.list_page(made.id, DeliveryState.WAITING, cursor, 3)
    assert [each.position for each in page + rest] == [4, 3, 2, 0]
    assert end is None
    assert deliveries.retry(made.id, "msg_2", NOW).next_ms == NOW
    assert [each.id for each in deliveries.list_due(made.id, NOW, 9)] == ["msg_0", "msg_3"]
    assert deliveries.replay(made.id, NOW, after="msg_0") == deliveries.replay(made.id, NOW, since_ms=NOW + 1) == 4
    subscriptions.pause(made.id, "gone", NOW)
    assert deliveries.list_ready(NOW) == []
    assert subscriptions.change(party, made.id, NOW, is_paused=False).why == ""
    assert deliveries.forget(NOW + 2) == 2
    assert deliveries.count_waiting() == 3
    subscriptions.remove(party, made.id)
    assert deliveries.count_waiting() == 0


def test_mail_is_noted_once_and_in_turn(records: Records) -> None:
    party = Parties(records, secrets.token_bytes).add(PartyKind.MERCHANT, "Estrela", NOW).id
    book = OrderBook(records, lambda: SEAL)
    home = Address(name="Ana", country="BR", street="Rua 1", city="Rio", email="ana@example.org")
    order = Order(reference="O1", sender=home, consignee=home, items=(Item(description="Hat"),))
    [entry] = book.enter(party, [(0, order)], NOW).entries
    terms = MailTerms(records, lambda: SEAL, secrets.token_bytes)
    notices = Notices(records, Patience(86_400_000, lambda: 0.5))
    assert terms.switch(party, ["delivered", "accepted"], NOW).milestones == ("accepted", "delivered")
    assert terms.switch(party, ["delivered"], NOW + 1).changed_ms == NOW + 1
    with records.begin() as connection:
        assert list_switched(connection, [party, "mer_x"]) == {party: ("delivered",)}
        assert is_any_on(connection)
        note_missed(connection, NOW)
    assert terms.get(party).missed_ms == NOW
    first = Notice(
        id="ntc_1",
        party=party,
        order=entry.id,
        piece=0,
        position=1,
        waybill=Waybill("yto", "YT1"),
        milestone="accepted",
        status="picked_up",
        at_ms=NOW,
        offset_min=480,
        facility="f" * 128,
        made_ms=NOW,
        next_ms=NOW,
        begun_ms=NOW,
    )
    second = msgspec.structs.replace(first, id="ntc_2", milestone="delivered", made_ms=NOW + 1)
    with records.begin() as connection:
        assert keep_notices(connection, [first], NOW) == 1
        assert keep_notices(connection, [first], NOW) == 0
        assert keep_notices(connection, [second], NOW) == 1
    assert notices.list_due(NOW, 9) == [second]
    assert notices.note(second, Posted(status=451, why="w" * 300, fate=Fate.LATER), NOW) is NoticeState.WAITING
    assert (notices.list_due(NOW, 9), notices.count_waiting()) == ([], 1)
    assert notices.give_up(NOW + 2 * 86_400_000) == 1
    assert notices.retry(party, "ntc_2", NOW).state is NoticeState.WAITING
    assert notices.note(second, Posted(status=250, fate=Fate.TAKEN), NOW) is NoticeState.SENT
    page, cursor = notices.list_page(party, None, None, 1)
    rest, end = notices.list_page(None, NoticeState.OVERTAKEN, cursor, 1)
    assert ([each.id for each in page + rest], end) == (["ntc_2", "ntc_1"], None)
    consignees = Consignees(records, lambda: SEAL, terms, Facilities(records))
    letter = consignees.draft_letter(second)
    assert isinstance(letter, Letter)
    terms.stop(letter.stop, NOW)
    terms.stop(letter.stop, NOW)
    terms.note_nobody(letter.to, NOW)
    terms.forgive(letter.to)
    assert MailTerms(records, lambda: SEAL, secrets.token_bytes).is_refused(party, "ANA@example.org")
    assert notices.forget(NOW + 1) == 1


def test_rate_cards_are_kept_and_waybills_lead_to_their_orders(records: Records) -> None:
    shelf = Shelf(records)
    card = plain_card()
    assert shelf.keep(card, NOW) is Kept.NEW
    assert shelf.keep(card, NOW) is Kept.KNOWN
    with pytest.raises(Conflict):
        shelf.keep(plain_card(version="2"), NOW)
    other = plain_card(version="2", corrects="1")
    shelf.keep(other, NOW + 1)
    assert (shelf.count(), shelf.list_all("yto-main"), shelf.list_all("sto")) == (2, [card, other], [])
    merchant = Parties(records, lambda size: next(NONCES).to_bytes(size)).add(PartyKind.MERCHANT, "Ming", NOW)
    book = OrderBook(records, lambda: SEAL)
    home = Address(name="Ana", country="BR", street="Rua 1", city="Rio")
    order = Order(reference="O1", sender=home, consignee=home, items=(Item(description="Hat"),), account="yto")
    [entry] = book.enter(merchant.id, [(0, order)], NOW).entries
    [parcel] = book.get(merchant.id, entry.id).parcels
    with records.begin() as connection:
        issued = Issued(waybill=Waybill("yto", "YT1"), reference=parcel.reference, channel="test")
        book.note_booked(connection, issued, NOW)
    assert [kept.id for kept in book.list_by_numbers("yto", ["YT1", "YT2"])] == [entry.id]
    assert book.list_by_numbers("sto", ["YT1"]) == book.list_by_numbers("yto", []) == []


def test_sort_codes_wait_are_answered_and_sorters_follow_one_another(records: Records) -> None:
    seal = Seal({1: b"k" * 32}, lambda size: next(NONCES).to_bytes(size))
    merchant = Parties(records, secrets.token_bytes).add(PartyKind.MERCHANT, "Estrela", 1).id
    book = OrderBook(records, lambda: seal)
    home, goods = Address(name="Ana", country="BR", street="Rua 1", city="Rio"), (Item(description="Hat"),)
    entries = book.enter(
        merchant,
        [(each, Order(reference=f"S-{each}", sender=home, consignee=home, items=goods)) for each in range(3)],
        NOW,
    ).entries
    shelf = Sorters(records, lambda: seal)
    codes = SortCodes(shelf, book, records, ["rural"], 0.9)
    for number, entry in enumerate(entries):
        kept = book.get(merchant, entry.id)
        issued = Issued(waybill=Waybill("rural", f"R{number}"), reference=kept.parcels[0].reference, channel="x")
        chosen = codes.choose([(kept.order.consignee, issued)])
        with records.begin() as connection:
            book.note_booked(connection, issued, NOW)
            codes.note(connection, chosen, NOW + number)
            codes.note(connection, chosen, NOW + number)
    first, cursor = codes.list_page(CodeState.MANUAL, "rural", None, 2)
    rest, end = codes.list_page(CodeState.MANUAL, "rural", cursor, 2)
    assert ([each.number for each in first + rest], end) == (["R0", "R1", "R2"], None)
    assert codes.answer(rest[0].parcel, "571-A1", "key", NOW).state is CodeState.ANSWERED
    assert shelf.count_waiting() == {"rural": 2}
    engine = open_reference(StatusFold(bundled_tables()))
    memory = msgspec.structs.replace(engine, records=records)
    lessons = Lessons(shelf, book, memory, bundled_tables(), Facilities(records), ["rural"])
    assert (lessons.learn(NOW), lessons.learn(NOW)) == (1, 0)
    for each in range(KEPT + 1):
        deliveries = pa.Table.from_pylist(
            [{"country": "BR", "city": "x", "code": "571", "delivered_ms": 1}], schema=DELIVERIES
        )
        assert learn_file(shelf, "rural", "f", f"{each}", deliveries, NOW) is not None
        assert learn_file(shelf, "rural", "f", f"{each}", deliveries, NOW) is None
    [newest] = shelf.list_all()
    assert (newest.version, newest.deliveries) == (KEPT + 2, KEPT + 2)
    shelf.forget("rural", NOW)
    assert shelf.list_all() == []
    assert lessons.learn(NOW) == 1
    engine.close()


def test_a_choice_a_split_and_cash_on_delivery_are_kept(records: Records) -> None:
    merchant = Parties(records, secrets.token_bytes).add(PartyKind.MERCHANT, "Estrela", 1).id
    book = OrderBook(records, lambda: SEAL)
    home, goods = Address(name="Ana", country="BR", street="Rua 1", city="Rio"), (Item(description="Hat", quantity=2),)
    order = Order(
        reference="S-1", sender=home, consignee=home, items=goods, choose="price", cod_minor=700, currency="BRL"
    )
    [entry] = book.enter(merchant, [(0, order)], NOW).entries
    one_each = [PlannedParcel(weight_g=9, items=(0,), quantities=(1,))] * 2
    assert len(book.split(merchant, entry.id, one_each, NOW).parcels) == 2
    book.confirm(merchant, entry.id, "?", NOW)
    assert [kept.id for kept in book.list_to_choose([entry.id], NOW)] == [entry.id]
    quotes = Quotes(Shelf(records), lambda: lambda *_: None, [], {"own": _OwnRates()})
    chooser = Chooser(book, records, quotes, ["own"], lambda: NOW)
    chooser.choose([entry.id])
    chooser.choose([entry.id])
    kept = book.get(merchant, entry.id)
    assert (kept.account, kept.service) == ("own", "post")
    assert chooser.get(merchant, entry.id).quote.minor == 100
    waybill = Waybill("own", "OWN1")
    issued = Issued(waybill=waybill, reference=kept.parcels[0].reference, channel="test")
    for _ in range(2):
        with records.begin() as connection:
            book.note_booked(connection, issued, NOW)
            note_due(connection, kept, kept.parcels[0], issued, NOW)
    with records.read() as connection:
        costs = list_costs(connection).to_pylist()
    told = {"cost_carrier": "own", "cost_number": "OWN1", "currency": "BRL", "minor": 50.0, "weight_g": 9}
    assert costs == [told], "one of its two parcels has a waybill so far, and half of the price"
    collections = Collections(records, book)
    [missing] = collections.list_missing("own", NOW + 1)
    assert (missing.waybill, missing.due_minor) == ("OWN1", 700)
    payments = [Payment(line=each, waybill="OWN1", currency="BRL", minor=350) for each in (2, 3)]
    assert collections.keep("own", "r1", "one.csv", payments, NOW)
    assert not collections.keep("own", "r1", "one.csv", payments, NOW)
    assert [each.verdict for each in collections.hold("own", payments, are_kept=True)] == [CodVerdict.PAID]
    assert collections.list_missing("own", NOW + 1) == []


class _OwnRates:
    def ask_rates(self, shipment: Shipment) -> list[CarrierRate]:
        return [CarrierRate(service="post", currency="BRL", minor=100, charges=[("postage", 100)])]


class _Courier:
    def fetch(self, order: PickupOrder) -> Fetched:
        return Fetched(number="C1", day=order.day, channel="test")

    def cancel_pickup(self, number: str) -> None:
        assert number == "C1"


def test_pickups_are_asked_once_paged_and_cancelled(records: Records) -> None:
    merchant = Parties(records, secrets.token_bytes).add(PartyKind.MERCHANT, "Estrela", 1).id
    home = Address(name="Ana", country="BR", street="Rua 1", city="Rio")
    kept = Pickups(records, {"own": _Courier()}, lambda: SEAL, lambda: NOW)
    order = PickupOrder(address=home, day="2026-11-24", parcels=2, weight_g=9)
    asked = [kept.ask(merchant, f"pic_{each}", order) for each in range(3)]
    assert kept.ask(merchant, "pic_0", order) == asked[0]
    first, cursor = kept.list_page(merchant, None, 2)
    rest, end = kept.list_page(merchant, cursor, 2)
    assert (first + rest, end) == (asked, None)
    assert kept.cancel(merchant, "pic_1").state is PickupState.CANCELLED
    assert [each.id for each in kept.find(Sought(name="ANA"), [])] == ["pic_0", "pic_1", "pic_2"]
    assert kept.find(Sought(name="Bea"), []) == kept.find(Sought(reference="S-1"), []) == []
    assert kept.erase(["pic_0", "pic_1"]) == []
    assert [each.id for each in kept.find(Sought(name="ANA"), [])] == ["pic_2"]


def test_keys_of_merchants_end(records: Records) -> None:
    parties = Parties(records, secrets.token_bytes)
    keys = Keys(records, secrets.token_bytes)
    merchant = parties.add(PartyKind.MERCHANT, "Ming", NOW).id
    short = keys.make(Role.MERCHANT, "shop", NOW, party=merchant, ends_ms=NOW + 5)
    long = keys.make(Role.MERCHANT, "shop", NOW, party=merchant)
    found = keys.find(short, NOW + 4)
    assert found is not None
    assert found.party == merchant
    assert keys.find(short, NOW + 5) is None
    assert parties.end(merchant, NOW + 9) == 1
    assert keys.find(long, NOW + 8) is not None
    assert keys.find(long, NOW + 9) is None
    with pytest.raises(NotFound):
        keys.make(Role.MERCHANT, "late", NOW + 9, party=merchant)
    with pytest.raises(BadInput):
        keys.make(Role.MERCHANT, "nobody's", NOW)
    with pytest.raises(BadInput):
        keys.make(Role.OPERATOR, "somebody's", NOW, party=merchant)


def test_services_are_kept_replaced_and_found_by_their_days(records: Records) -> None:
    def service(carrier: str, code: str, first: str, last: str, *added: str) -> Service:
        days = Days(
            weekdays=(1,),
            first=dt.date.fromisoformat(first),
            last=dt.date.fromisoformat(last),
            added=tuple(map(dt.date.fromisoformat, added)),
        )
        calls = (
            Call(facility="sf/杭州", zone="Asia/Shanghai", departs_min=60),
            Call(facility="sf/B", zone="Asia/Shanghai", arrives_min=120),
        )
        return Service(carrier=carrier, code=code, mode=Mode.RAIL, days=days, calls=calls, stretches=(Stretch(),))

    shelf = Timetables(records)
    early = service("sf", "'1", "2026-01-01", "2026-01-31", "2026-03-02")
    late, other = service("sf", "2", "2026-04-01", "2026-04-30"), service("yto", "1", "2026-01-01", "2026-12-31")
    shelf.keep([late, early, other], {"sf/B": 30})
    assert shelf.list_all() == [early, late, other]
    assert shelf.list_all("yto") == [other]
    opened = shelf.open(dt.date(2026, 3, 1), dt.date(2026, 3, 2))
    assert opened.services == (early, other)
    assert dict(zip(opened.facilities, (opened.dwell_ms // 60_000).tolist(), strict=True)) == {
        "sf/B": 30,
        "sf/杭州": 60,
    }
    ship = msgspec.structs.replace(
        service("sea", "S", "2026-07-01", "2026-07-06"),
        calls=(
            Call(facility="sf/杭州", zone="UTC", departs_min=60),
            Call(facility="sf/B", zone="UTC", arrives_min=20 * 1440, departs_min=21 * 1440),
            Call(facility="sf/C", zone="UTC", arrives_min=22 * 1440),
        ),
        stretches=(Stretch(), Stretch()),
    )
    shelf.keep([ship], {})
    under_way = shelf.open(dt.date(2026, 7, 27), dt.date(2026, 7, 27)).connections  # it left on Monday, 6 July
    assert (under_way.previous >= 0).sum() == 1
    shelf.keep([], {}, replace=["sea"])
    with pytest.raises(BadInput, match="minimum dwell"):
        shelf.keep([], {"sf/B": -1})
    with pytest.raises(BadInput, match="no carrier code"):
        shelf.keep([service("SF", "3", "2026-01-01", "2026-01-31")], {}, replace=["sf"])
    shelf.keep([late], {}, replace=["sf"])
    assert shelf.list_all() == [late, other]


def test_weather_is_kept_once_and_comes_back_as_it_was(records: Records) -> None:
    hours = START + np.arange(3) / 24
    rows = pa.concat_tables(
        [
            make_weather(hours, {"rain_mm": [0.1, 0.2, np.nan], "gust_mps": 3.0}, place="a", where=(-23.5, -46.6)),
            make_weather(hours, {"temperature_c": 20.0}, place="b"),
            make_weather(hours, {"temperature_c": 21.0}, place="b", known=START),
        ]
    )
    with records.begin() as connection:
        keep_weather(connection, rows)
        keep_weather(connection, make_weather(hours[:1], {"rain_mm": 0.5}, place="a", where=(-23.5, -46.6)))
    with records.read() as connection:
        back, kept = read_weather(connection), list_weather(connection)
    assert back.slice(1).equals(rows.slice(1))
    assert (back.column("rain_mm")[0].as_py(), back.column("gust_mps")[0].as_py()) == (0.5, None)
    assert [(each["place"], bool(each["is_forecast"]), each["rows"]) for each in kept] == [
        ("a", False, 3),
        ("b", False, 3),
        ("b", True, 3),
    ]
    assert kept[0]["latitude"] == -23.5
    assert kept[2]["known_ms"] == round(START * DAY_MS)


def test_alerts_are_kept_worked_off_and_end(records: Records) -> None:
    book, now, minute = AlertBook(records, 60_000), 1_793_000_000_000, 60_000
    found = Finding(
        kind=AlertKind.SILENCE, subject="x", severity=Severity.INFO, since_ms=now, parcels=2, numbers=["a/1"]
    )
    [id_] = book.note([], [found], now).raised
    asked = AskedOfAlert(what=ActKind.ACKNOWLEDGED, version=1)
    assert book.act(id_, asked, "key:a", now).version == book.act(id_, asked, "key:a", now).version == 2
    with pytest.raises(Conflict):
        book.act(id_, asked, "key:b", now)
    threads = [threading.Thread(target=book.note, args=([], [found], now + each)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [one], _ = book.list_page(WantedAlerts(), None, 10)
    assert (one.id, book.list_parcels(id_, None, 9)) == (id_, (["a/1"], None))
    assert book.note([AlertKind.SILENCE], [], now + 2 * minute).ended == [id_]
    assert book.forget(now + 3 * minute) == 1


def test_timetable_changes_are_kept_lifted_and_end(records: Records) -> None:
    calls = (
        Call(facility="sf/杭州", zone="Asia/Shanghai", departs_min=60),
        Call(facility="sf/B", zone="Asia/Shanghai", arrives_min=120),
    )
    days = Days(weekdays=(1,), first=dt.date(2026, 1, 1), last=dt.date(2026, 12, 31))
    service = Service(carrier="sf", code="1", mode=Mode.RAIL, days=days, calls=calls, stretches=(Stretch(),))
    Timetables(records).keep([service], {})
    book, now = ChangeBook(records), 1_793_000_000_000
    closure = Closure(facility="sf/杭州", since_ms=now, until_ms=now + 1000)
    first = book.close("c1", closure, "台风", "command", now)
    assert book.close("c1", closure, "台风", "command", now) == first
    book.delay("d1", Delay(carrier="sf", service="1", day=dt.date(2026, 11, 2), minutes=30), "snow", "key:1", now)
    page, after = book.list_page(["sf"], None, 1, now)
    rest, end = book.list_page(["sf"], after, 1, now)
    assert ({each.id for each in (*page, *rest)}, end) == ({"c1", "d1"}, None)
    assert [each.id for each in book.list_live(now + 1000)] == ["d1"]
    book.lift("d1", ["sf"], "key:1", now)
    with pytest.raises(NotFound):
        book.lift("d1", None, "key:1", now)


def test_what_was_learnt_is_promoted_and_rolled_back(records: Records) -> None:
    settings = {"verbose": -1, "min_data_in_leaf": 1, "num_threads": 1}
    trees = Forest.of(lightgbm.train(settings, lightgbm.Dataset(np.arange(60.0)[:, None], np.arange(60.0)), 2))
    card = Card(
        learnt_at="2026-11-20T00:00:00Z",
        trips=60,
        delivered=60,
        first="2026-11-01",
        last="2026-11-19",
        shares=1,
        kinds=[],
        weights={},
    )
    foreseen = pa.table({"number": ["1"], "middle": [1.0], "sooner": [0.2], "later": [0.3]})
    trained = Trained(TransitModel(["a"], 0.0, trees, trees, trees), {}, foreseen, card)
    models = Models(records)
    first, second = models.keep(trained, 1), models.keep(trained, 2)
    models.promote(first, 3)
    models.promote(second, 4)
    found = Models(records).find_in_use()
    assert found is not None
    assert (found[0], found[1].card, found[1].foreseen) == (second, card, foreseen)
    assert models.roll_back(5) == first
    assert [(each.version, each.in_use, each.bytes > 1000) for each in models.list_all()] == [
        (second, False, True),
        (first, True, True),
    ]


def test_forecasts_are_kept_the_newest_few(records: Records) -> None:
    shelf = VolumeShelf(records)
    days = [DayForecast("2026-11-20", 2.0, 1.0, 2.0, 3.0)]
    lines = [Line("network", None, None, days)]
    for number in range(MOST_KEPT + 2):
        told = ParcelForecast(by="hub", learnt_from="2026-01-01", learnt_to="2026-11-19", position=9, lines=lines)
        shelf.keep(
            KeptForecast(
                id=f"f{number}", made_ms=number, scans_end_ms=0, forecast=told, marks=[], card=None, overloads=[]
            )
        )
    assert [each.id for each in shelf.list_all()] == [f"f{number}" for number in range(MOST_KEPT + 1, 1, -1)]
    assert shelf.get("hub").forecast.lines == lines
    with pytest.raises(NotFound, match="--keep"):
        shelf.get("hub", "f0")
    with pytest.raises(NotFound):
        shelf.get("lane")
