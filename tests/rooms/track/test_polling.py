"""Polling: the calls of an account go to the parcels that must have news, and what they bring is kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from waypost.access.sealing import Seal
from waypost.app.carriers import contract_at
from waypost.carriers.adapters import list_adapters
from waypost.engines.local.home import LocalHome, open_home
from waypost.model.errors import StorageFull
from waypost.model.instants import MINUTE_MS, OffsetSource
from waypost.store.protocols import Memory
from waypost.testing import Clock
from waypost.testing.carriers.faking import FakeScan, Trap
from waypost.testing.carriers.sto import FakeSto
from waypost.track.carriers import Asked, CarrierRefused, CarrierUnreachable, Seen, TrackSource
from waypost.track.feed import BULK_LAG
from waypost.track.fold import StatusFold
from waypost.track.gaps import read_gaps
from waypost.track.polling import LONGEST_MS, Poller, Round
from waypost.track.reception import Reception
from waypost.track.tables import bundled_tables
from waypost.track.watches import Pushing, Told, Watch, Watches

TABLES = bundled_tables()
NONCES = iter(range(1 << 60))
SEAL = Seal({1: b"k" * 32}, lambda size: next(NONCES).to_bytes(size))


class Office:
    """One account with STO over a home."""

    def __init__(self, home: LocalHome, fake: FakeSto, clock: Clock) -> None:
        self.home, self.fake, self.clock = home, fake, clock
        self.contract = contract_at(fake, list_adapters()["sto"])
        assert self.contract.source is not None
        self.source: TrackSource = self.contract.source
        self.reception = Reception(
            home.memory, lambda pairs: [("Asia/Shanghai", OffsetSource.CARRIER)] * len(pairs), clock
        )
        self.watches = Watches(home.memory.records, lambda: SEAL)
        self.asked: list[str] = []
        self.open()

    def open(self, per_hour: float = 3_600_000.0, *, subscribes: bool = False, memory: Memory | None = None) -> None:
        self.poller = Poller(
            "sto",
            self.source,
            per_hour,
            subscribes=subscribes,
            memory=memory or self.home.memory,
            tables=TABLES,
            reception=self.reception,
            watches=self.watches,
            clock=self.clock,
        )

    def make(self, *scans: tuple[str, float]) -> str:
        """A parcel at the carrier, with scans of some hours ago."""
        number = self.fake.make(f"ORDER{len(self.fake.parcels)}").number
        self.move(number, *scans)
        return number

    def move(self, number: str, *scans: tuple[str, float]) -> None:
        now_ms = self.clock() // 1000 * 1000
        self.fake.move(number, *(FakeScan(code=code, at_ms=now_ms - int(hours * 3_600_000)) for code, hours in scans))

    def watch(self, *numbers: str) -> None:
        self.watches.begin("sto", [Asked(number=number) for number in numbers], self.clock())

    def round(self) -> Round:
        return self.poller.round(read_gaps(self.home.memory.history, TABLES, self.clock()))

    def find(self, number: str) -> Watch:
        [watch] = self.watches.find("sto", [number])
        return watch

    def scans(self, number: str) -> int:
        assert self.home.memory.index.catch_up(self.home.memory.log.position(), 10)
        return sum(self.home.memory.index.states([number]).column("scans").to_pylist())


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    clock = Clock()
    home = open_home(tmp_path / "home", StatusFold(TABLES))
    with FakeSto(clock=clock) as fake:
        office = Office(home, fake, clock)
        yield office
        office.contract.caller.close()
    home.close()


def test_what_the_carrier_tells_is_kept_and_the_next_check_is_later(office: Office) -> None:
    number = office.make(("收件", 5), ("发件", 2))
    office.watch(number)
    done = office.round()
    assert (done.calls, done.checked, done.scans, done.trouble) == (1, 1, 2, None)
    assert office.scans(number) == 2
    watch = office.find(number)
    assert (watch.told, watch.asked_ms, watch.failures) == (Told.SCANS, office.clock(), 0)
    assert watch.next_ms is not None
    assert office.clock() < watch.next_ms <= office.clock() + LONGEST_MS
    assert watch.chance is not None
    assert 0 < watch.chance < 100
    assert office.round().checked == 0  # it was asked just now

    office.clock.now_ms = watch.next_ms
    assert office.round().checked == 1
    assert office.find(number).told is Told.NOTHING


def test_nothing_is_asked_of_what_is_delivered(office: Office) -> None:
    number = office.make(("收件", 30), ("签收", 1))
    office.watch(number)
    office.round()
    watch = office.find(number)
    assert (watch.told, watch.next_ms) == (Told.ENDED, None)
    office.clock.move(days=2)
    assert office.round().calls == 0


def test_news_that_came_by_itself_puts_the_check_off(office: Office) -> None:
    number = office.make(("收件", 5))
    office.watch(number)
    office.round()
    due_ms = office.find(number).next_ms
    assert due_ms is not None
    office.clock.now_ms = due_ms - MINUTE_MS
    seen = office.source.track([Asked(number=number)])  # the same way as a push: nobody polled
    office.move(number, ("派件", 0))
    office.reception.receive(office.source.track([Asked(number=number)]).rows)
    assert seen.rows is not None
    office.scans(number)
    office.clock.now_ms = due_ms
    assert office.round().calls == 0
    later = office.find(number).next_ms
    assert later is not None
    assert later > due_ms


def test_the_budget_goes_to_those_that_must_have_news(office: Office) -> None:
    """Of sixty parcels twenty are out for delivery, of which the next scan comes soonest; a call has room for them."""
    for ago in range(30, 30 + 168):  # what is learned from: half a day at the hub, three hours at the door
        past = office.make(("到件", ago + 15), ("派件", ago + 3), ("签收", ago))
        office.reception.receive(office.source.track([Asked(number=past)]).rows)
    quiet = [office.make(("到件", 3)) for _ in range(40)]
    hot = [office.make(("派件", 3)) for _ in range(20)]
    office.watch(*quiet, *hot)
    office.round()
    office.clock.move(hours=2)
    office.open(60.0)
    done = office.round()
    assert (done.calls, done.checked) == (1, 20)
    assert all(office.find(number).asked_ms == office.clock() for number in hot)
    assert office.round().calls == 0  # the budget is spent
    office.clock.move(hours=8)
    assert office.round().calls == 1  # what was not used does not pile up


def test_without_a_budget_nothing_is_asked(office: Office) -> None:
    office.watch(office.make(("收件", 5)))
    office.open(0.0)
    office.clock.move(days=3)
    assert office.round().calls == 0


def test_the_carrier_is_first_asked_to_push(office: Office) -> None:
    office.open(subscribes=True)
    number = office.make(("收件", 5))
    office.watch(number)
    done = office.round()
    assert done.calls == 2
    watch = office.find(number)
    assert watch.pushing is Pushing.PROMISED
    assert office.fake.parcels[number].is_subscribed
    pushed_ms = watch.next_ms
    office.open(subscribes=False)
    other = office.make(("收件", 5))
    office.watch(other)
    office.round()
    asked_ms = office.find(other).next_ms
    assert pushed_ms is not None
    assert asked_ms is not None
    assert pushed_ms > asked_ms + 3_600_000  # asked only in case that a push is lost


def test_what_the_carrier_does_not_know_is_asked_for_again(office: Office) -> None:
    known, unknown = office.make(("收件", 5)), "771234567890123"
    office.watch(known, unknown)
    assert office.round().checked == 2
    watch = office.find(unknown)
    assert (watch.told, watch.asked_ms) == (Told.UNKNOWN, office.clock())
    assert watch.next_ms is not None
    office.clock.move(days=61)
    office.round()
    assert (office.find(unknown).told, office.find(unknown).next_ms) == (Told.SILENT, None)


def test_an_account_that_cannot_be_reached_rests(office: Office) -> None:
    number = office.make(("收件", 5))
    office.watch(number)
    office.fake.set(Trap.DOWN, Trap.DOWN, Trap.DOWN)
    done = office.round()
    assert done.trouble is not None
    assert "sto" in done.trouble
    assert office.find(number).told is Told.NEW  # nothing is said of the parcel
    assert office.round().calls == 0
    office.clock.now_ms = office.poller.rests_until_ms
    assert office.round().checked == 1
    assert office.poller.trouble is None


class Tired:
    """A carrier that wants to be left alone."""

    carrier = "sto"
    most_at_once = 20

    def __init__(self, retry_s: float | None) -> None:
        self.retry_s = retry_s
        self.calls = 0

    def track(self, asked: list[Asked]) -> Seen:
        self.calls += 1
        raise CarrierUnreachable("answers 429", channel="sto trace", retry_s=self.retry_s)

    def subscribe(self, asked: list[Asked]) -> dict[str, str]:
        raise CarrierRefused("no", channel="sto subscribe")


def test_a_server_that_starts_again_lets_the_account_rest_on(office: Office) -> None:
    source, number = office.source, office.make(("收件", 5))
    office.watch(number)
    tired = office.source = Tired(1_800)  # type: ignore[assignment]
    office.open()
    assert office.round().trouble is not None
    until_ms, trouble = office.poller.rests_until_ms, office.poller.trouble
    assert until_ms == office.clock() + 1_800_000
    office.clock.move(minutes=29)
    office.open()
    assert (office.poller.rests_until_ms, office.poller.trouble) == (until_ms, trouble)
    assert office.round().calls == 0
    assert tired.calls == 1
    office.clock.move(minutes=1)
    office.source = source
    office.open()
    assert office.round().checked == 1
    office.open()  # it is well, and that is known after another start too
    assert (office.poller.rests_until_ms, office.poller.trouble) == (0, None)


def test_rests_grow_longer_over_starts_too(office: Office) -> None:
    office.watch(office.make(("收件", 5)))
    tired = office.source = Tired(None)  # type: ignore[assignment]
    lengths = []
    for _ in range(6):
        office.open()
        office.round()
        lengths.append((office.poller.rests_until_ms - office.clock()) // MINUTE_MS)
        office.clock.now_ms = office.poller.rests_until_ms
    assert lengths == [1, 2, 4, 8, 15, 15]
    assert tired.calls == 6


def test_a_clock_that_was_wrong_keeps_no_account_waiting_for_years(office: Office) -> None:
    office.watch(office.make(("收件", 5)))
    now_ms, source = office.clock(), office.source
    office.source = Tired(1_800)  # type: ignore[assignment]
    office.open()
    office.clock.move(days=400)
    office.round()
    office.clock.now_ms, office.source = now_ms, source
    office.open()
    assert office.poller.rests_until_ms == now_ms + 3_600_000


class Choosy:
    """A carrier that refuses a whole call because of one number."""

    carrier = "sto"
    most_at_once = 20

    def __init__(self, source: TrackSource, bad: set[str]) -> None:
        self._source = source
        self.bad = bad
        self.calls: list[list[str]] = []

    def track(self, asked: list[Asked]) -> Seen:
        self.calls.append([each.number for each in asked])
        if self.bad & {each.number for each in asked}:
            raise CarrierRefused("no", channel="sto trace", carrier_code="005")
        return self._source.track(asked)

    def subscribe(self, asked: list[Asked]) -> dict[str, str]:
        raise CarrierRefused("no", channel="sto subscribe")


def test_one_bad_number_does_not_keep_the_others_from_being_asked(office: Office) -> None:
    good = [office.make(("收件", 5)) for _ in range(19)]
    bad = office.make(("收件", 5))
    choosy = office.source = Choosy(office.source, {bad})  # type: ignore[assignment]
    office.open(subscribes=True)
    office.watch(*good, bad)
    assert office.round().trouble is None
    assert {office.find(number).told for number in (*good, bad)} == {Told.REFUSED}
    # a refused call says nothing of the waybills in it
    assert {office.find(number).pushing for number in (*good, bad)} == {Pushing.UNASKED}
    office.clock.move(hours=1)
    assert office.round().checked == 19
    assert all(len(call) == 1 for call in choosy.calls[1:])
    assert {office.find(number).told for number in good} == {Told.SCANS}
    refused = office.find(bad)
    assert (refused.told, refused.failures) == (Told.REFUSED, 2)
    assert refused.next_ms == office.clock() + 2 * 3_600_000  # later each time


def test_a_refused_waybill_that_is_over_makes_room(office: Office) -> None:
    """Its carrier refuses to tell of it, and pushes that it is delivered."""
    bad = [office.make(("收件", 5)) for _ in range(2)]
    source = office.source
    office.source = Choosy(source, set(bad))  # type: ignore[assignment]
    office.open()
    office.watch(*bad)
    office.round()
    for number in bad:
        office.move(number, ("签收", 0))
    office.reception.receive(source.track([Asked(number=number) for number in bad]).rows)
    assert office.scans(bad[0]) == 2
    office.clock.move(hours=2)
    assert office.round().calls == 0
    assert {office.find(number).told for number in bad} == {Told.ENDED}


class Clumsy(Choosy):
    """An adapter that stumbles over the answer for one number."""

    def track(self, asked: list[Asked]) -> Seen:
        if self.bad & {each.number for each in asked}:
            raise KeyError("shape")
        return self._source.track(asked)


def test_an_adapter_that_stumbles_takes_no_others_with_it(office: Office) -> None:
    bad = office.make(("收件", 5))
    good = [office.make(("收件", 5)) for _ in range(20)]
    office.source = Clumsy(office.source, {bad})  # type: ignore[assignment]
    office.open()
    office.watch(bad, *good)
    office.round()
    office.clock.move(hours=1)
    office.round()
    assert office.find(bad).told is Told.REFUSED
    assert {office.scans(number) for number in good} == {1}


def test_a_watch_that_has_ended_begins_again(office: Office) -> None:
    number = office.make(("收件", 30), ("签收", 1))
    office.watch(number)
    office.round()
    assert office.find(number).next_ms is None
    office.clock.move(days=100)
    again = [Asked(number=number, phone_tail="4711")]
    assert office.watches.begin("sto", again, office.clock()) == 1
    watch = office.find(number)
    assert (watch.told, watch.next_ms, watch.since_ms) == (Told.NEW, office.clock(), office.clock())
    assert office.watches.ask_for(watch).phone_tail == "4711"
    assert office.watches.begin("sto", again, office.clock()) == 0


def test_a_round_ends_early_when_it_has_to(office: Office) -> None:
    numbers = [office.make(("收件", 5)) for _ in range(200)]
    office.watch(*numbers)
    office.poller.is_stopping = lambda: True
    assert office.round().checked == 80  # one wave of four calls
    office.poller.is_stopping = lambda: False
    office.clock.move(minutes=1)
    assert office.round().checked == 120


def test_if_everything_is_refused_it_is_the_account(office: Office) -> None:
    numbers = [office.make(("收件", 5)) for _ in range(80)]
    office.source = Choosy(office.source, set(numbers))  # type: ignore[assignment]
    office.open()
    office.watch(*numbers)
    assert office.round().trouble == "sto trace: no"
    assert {office.find(number).told for number in numbers} == {Told.NEW}
    assert office.poller.rests_until_ms > office.clock()


def test_what_could_not_be_kept_is_asked_for_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.make(("收件", 5))
    office.watch(number)

    def fail(*_: object, **__: object) -> None:
        raise StorageFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(office.reception, "receive", fail)
        with pytest.raises(StorageFull):
            office.round()
    assert office.find(number).asked_ms is None
    office.clock.move(minutes=1)
    assert office.round().checked == 1
    assert office.scans(number) == 1


class _Lagging:
    """An index that is far behind."""

    def position(self) -> int:
        return -BULK_LAG - 1


def test_nobody_is_asked_while_the_index_is_behind(office: Office) -> None:
    office.watch(office.make(("收件", 5)))
    memory = office.home.memory
    behind = Memory(memory.records, memory.log, _Lagging(), memory.changes, memory.history, memory.close)  # type: ignore[arg-type]
    office.open(memory=behind)
    assert office.round().calls == 0
    office.open()
    assert office.round().calls == 1


def test_watching_again_changes_nothing(office: Office) -> None:
    number = office.make(("收件", 5))
    assert office.watches.begin("sto", [Asked(number=number), Asked(number=number)], office.clock()) == 1
    office.round()
    before = office.find(number)
    office.clock.move(hours=1)
    assert office.watches.begin("sto", [Asked(number=number)], office.clock()) == 0
    assert office.find(number) == before


def test_digits_of_a_telephone_number_lie_sealed(office: Office) -> None:
    office.watches.begin("sto", [Asked(number="770000000000001", phone_tail="4711")], office.clock())
    watch = office.find("770000000000001")
    assert watch.phone_tail is not None
    assert b"4711" not in watch.phone_tail
    assert office.watches.ask_for(watch).phone_tail == "4711"


def test_a_list_goes_on_behind_its_cursor(office: Office) -> None:
    numbers = [f"77{place:013}" for place in range(25)]
    office.watch(*numbers)
    found: list[str] = []
    cursor = None
    for _ in range(3):
        page, cursor = office.watches.list_page("sto", cursor, 10)
        found += [watch.number for watch in page]
    assert (found, cursor) == (numbers, None)
    counts = office.watches.count("sto", office.clock())
    assert (counts.watched, counts.due, counts.ended) == (25, 25, 0)
