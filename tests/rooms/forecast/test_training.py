"""What is learnt from a network's own scans, kept by version, and promised by."""

import threading
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import update
from tests.rooms.forecast.worlds import HUBS, imagine_scans

from waypost.engines.reference import open_reference
from waypost.forecast.keeping import read_learnt, write_learnt
from waypost.forecast.models import KEPT, Models
from waypost.forecast.past import Past, read_past
from waypost.forecast.present import Promises
from waypost.forecast.promising import Ask, Promiser, RestsOn
from waypost.forecast.records import models as kept_models
from waypost.forecast.training import TRAINED_DAYS, Trained, _compare, train
from waypost.forecast.trips import Trips
from waypost.model.errors import BadInput, Conflict, NotFound, StoreDamaged, WrongFormat
from waypost.model.instants import DAY_MS, format_utc, parse_instant
from waypost.network.facilities import Facilities
from waypost.store.protocols import Memory
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

NOW_MS = parse_instant("2026-11-20T00:00:00Z").at_ms
NOW = NOW_MS / DAY_MS
NEAR = Ask(
    service="yto",
    origin_region="CN-gd",
    origin_at=(23.0, 114.0),
    destination_country="CN",
    destination_region="CN-hb",
    destination_area="wuhan",
    destination_at=(32.0, 114.0),
)
FAR = msgspec.structs.replace(
    NEAR, destination_region="CN-bj", destination_area="beijing", destination_at=(41.0, 114.0)
)


class Known:
    """A network with scans, and what was learnt from them."""

    def __init__(self) -> None:
        self.tables = bundled_tables()
        self.memory: Memory = open_reference(StatusFold(self.tables))
        self.facilities = Facilities(self.memory.records)
        self.facilities.keep(HUBS)
        self.memory.log.append(imagine_scans(NOW_MS))
        past = self.read_past(NOW_MS)
        self.trips = past.trips
        self.trained = train(self.trips, NOW, areas=past.areas)

    def read(self, at_ms: int) -> Trips:
        return self.read_past(at_ms).trips

    def read_past(self, at_ms: int) -> Past:
        since_ms = at_ms - round(TRAINED_DAYS * DAY_MS)
        return read_past(self.memory.history, self.tables, self.facilities, since_ms, at_ms)


@pytest.fixture(scope="module")
def known() -> Any:
    known = Known()
    yield known
    known.memory.close()


@pytest.mark.heavy
def test_the_card_says_how_well_it_does(known: Known) -> None:
    card = known.trained.card
    assert (card.trips, card.shares) == (1200, 1)
    assert 1100 < card.delivered < 1200
    assert card.scores is not None
    assert card.medians is not None
    assert 0.8 < card.scores["coverage_p90"] <= 1
    assert card.scores["mae_days"] < 1.3
    assert sum(card.weights.values()) <= 1.001
    assert card.before is None


def test_what_was_learnt_comes_back_as_it_was(known: Known) -> None:
    again = read_learnt(write_learnt(known.trained), Trained)
    assert again.card == known.trained.card
    assert again.foreseen == known.trained.foreseen
    first, second = (Promiser(each, known.trips, NOW) for each in (known.trained, again))
    assert first.promise_all([NEAR, FAR], NOW_MS) == second.promise_all([NEAR, FAR], NOW_MS)


def test_what_is_damaged_or_of_another_version_is_told(known: Known) -> None:
    kept = write_learnt(known.trained)
    with pytest.raises(WrongFormat, match="of format 99"):
        read_learnt(kept.replace(b'"format":1', b'"format":99', 1), Trained)
    for damaged in (kept[:-50], kept.replace(b'"middle_trees":"', b'"middle_trees":"x'), b"{}", b"\xff", b""):
        with pytest.raises(StoreDamaged, match="cannot be read"):
            read_learnt(damaged, Trained)


def test_a_promise_is_a_window_that_knows_the_lane(known: Known) -> None:
    promiser = Promiser(known.trained, known.trips, NOW)
    near, far = promiser.promise_all([NEAR, FAR], NOW_MS)
    assert near.p10_at < near.p50_at < near.p80_at < near.p90_at < far.p90_at
    days = promiser.promise(known.trips.at(np.arange(5), NOW)).days
    assert days.shape == (5, 4)
    assert (parse_instant(near.p50_at).at_ms - NOW_MS) / DAY_MS == pytest.approx(np.exp(1.3), rel=0.2)
    assert (parse_instant(far.p50_at).at_ms - NOW_MS) / DAY_MS == pytest.approx(np.exp(1.9), rel=0.2)
    assert (near.rests_on, near.parcels > 5) == (RestsOn.LANE, True)


def test_how_promises_to_a_region_held_is_found_however_it_is_spelled(known: Known) -> None:
    assert set(known.trained.card.regions) <= {"CN-BJ", "CN-HB", "CN-GD"}, "as facilities spell them"
    for spelled in ("CN-BJ", "CN-bj", "cn-bj"):  # of cards of before they were spelled, too
        card = msgspec.structs.replace(known.trained.card, regions={spelled: (0.5, 50)})
        promiser = Promiser(msgspec.structs.replace(known.trained, card=card), known.trips, NOW)
        [far] = promiser.promise_all([FAR], NOW_MS)
        assert (far.held, far.held_of) == (0.5, 50)


def test_where_nobody_went_it_rests_on_less(known: Known) -> None:
    promiser = Promiser(known.trained, known.trips, NOW)
    other = msgspec.structs.replace(NEAR, service="sto", origin_region="CN-yn")
    nowhere = Ask(destination_country="BR", destination_region="BR-sp")
    region, nothing = promiser.promise_all([other, nowhere], NOW_MS)
    assert region.rests_on == RestsOn.REGION
    assert (nothing.rests_on, nothing.parcels, nothing.held) == (RestsOn.ALL, 0, None)
    assert promiser.promise_all([], NOW_MS) == []


def test_exact_numbers_of_parcels_are_not_told(known: Known) -> None:
    card = msgspec.structs.replace(known.trained.card, regions={"CN-hb": (0.9074, 289)})
    [told] = Promiser(msgspec.structs.replace(known.trained, card=card), known.trips, NOW).promise_all([NEAR], NOW_MS)
    assert (told.held, told.held_of) == (0.91, 200)


def test_what_nobody_has_seen_is_said(known: Known) -> None:
    promiser = Promiser(known.trained, known.trips, NOW)
    elsewhere = msgspec.structs.replace(NEAR, service="sto", origin_region="CN-yn", destination_area="xian")
    abroad = Ask(origin_region="CN-", origin_area="lhasa", destination_region="BR-sp", destination_area="campinas")
    told = promiser.promise_all([NEAR, elsewhere, abroad, Ask()], NOW_MS)
    assert [each.unknown for each in told] == [
        [],
        ["carrier", "origin.province", "destination.city"],
        ["origin.city", "destination.country", "destination.province", "destination.city"],
        [],
    ]


def test_versions_are_promoted_and_rolled_back(known: Known) -> None:
    memory = open_reference(StatusFold(known.tables))
    models = Models(memory.records)
    assert models.find_in_use() is None
    with pytest.raises(Conflict, match="no version was in use before"):
        models.roll_back(1)
    assert [models.keep(known.trained, at) for at in (1, 2, 3)] == [1, 2, 3]
    with pytest.raises(NotFound, match="no version 9"):
        models.promote(9, 4)
    models.promote(1, 4)
    models.promote(3, 5)
    with pytest.raises(Conflict, match="in use"):
        models.promote(3, 6)
    found = models.find_in_use()
    assert found is not None
    assert found[0] == 3
    assert models.find_in_use() is found, "it is read once"
    assert [(each.version, each.in_use, each.promoted_ms) for each in models.list_all()] == [
        (3, True, 5),
        (2, False, None),
        (1, False, None),
    ]
    assert models.roll_back(7) == 1
    assert models.find_version() == 1
    models.promote(2, 8)
    assert models.roll_back(9) == 1, "what was rolled back is not led back to"
    for at in range(KEPT + 2):
        models.keep(known.trained, at)
    assert models.find_version() == 1
    assert 1 in [each.version for each in models.list_all()], "what is in use stays"
    assert len(models.list_all()) == KEPT + 1
    memory.close()


def test_a_card_that_cannot_be_read_hides_no_other(known: Known) -> None:
    memory = open_reference(StatusFold(known.tables))
    models = Models(memory.records)
    for at in (1, 2):
        models.keep(known.trained, at)
    with memory.records.begin() as connection:
        connection.execute(update(kept_models).where(kept_models.c.version == 1).values(card=b"{"))
    assert [(each.version, each.card is None) for each in models.list_all()] == [(2, False), (1, True)]
    assert models.get(2).card == known.trained.card
    with pytest.raises(StoreDamaged, match="card of version 1 cannot be read"):
        models.get(1)


def test_promises_follow_the_version_in_use_and_what_came_lately(known: Known) -> None:
    memory, now, read = open_reference(StatusFold(known.tables)), [NOW_MS], list[int]()
    models = Models(memory.records)

    def read_trips(at_ms: int) -> Trips:
        read.append(at_ms)
        return known.read(at_ms)

    promises = Promises(models, read_trips, lambda: now[0], 60_000)
    assert promises.find() == (None, "nothing was learnt to promise by")
    models.promote(models.keep(known.trained, 1), 1)
    first = promises.open()
    assert promises.open() is first
    models.promote(models.keep(known.trained, 2), 2)
    assert promises.open() is first, "it answers until the other is made"
    while promises.open() is first:
        pass
    assert promises.open().version == 2
    now[0] += 60_001
    old = promises.open()
    assert old.version == 2
    while promises.open() is old:
        pass
    assert read == [NOW_MS, NOW_MS, NOW_MS + 60_001]
    memory.close()


def test_what_failed_is_not_tried_again_at_once(known: Known) -> None:
    memory, now, read = open_reference(StatusFold(known.tables)), [NOW_MS + 200 * DAY_MS], list[int]()
    models = Models(memory.records)

    def read_trips(at_ms: int) -> Trips:
        read.append(at_ms)
        return known.read(at_ms)

    promises = Promises(models, read_trips, lambda: now[0], 60_000)
    models.promote(models.keep(known.trained, 1), 1)
    for _ in range(3):
        promiser, why = promises.find()
        assert (promiser, why[:16]) == (None, "Too few parcels ")
    assert len(read) == 1
    now[0] += 60_000
    promises.find()
    assert len(read) == 2
    memory.close()


def test_what_fails_beside_is_told_and_the_old_one_answers_on(known: Known) -> None:
    memory, now = open_reference(StatusFold(known.tables)), [NOW_MS]
    models, told = Models(memory.records), threading.Event()

    def read_trips(at_ms: int) -> Trips:
        if at_ms > NOW_MS:
            raise OSError("the disk is gone")
        return known.trips

    promises = Promises(models, read_trips, lambda: now[0], 60_000)
    found: list[str] = []
    promises.note = lambda error: (found.append(str(error)), told.set())[0]
    models.promote(models.keep(known.trained, 1), 1)
    first = promises.open()
    now[0] += 60_000
    assert promises.open() is first
    assert told.wait(30)
    assert found == ["the disk is gone"]
    assert promises.open() is first
    memory.close()


def test_it_takes_parcels_to_learn_from(known: Known) -> None:
    few = Trips(known.trips.table.slice(0, 150))
    with pytest.raises(BadInput, match="it takes 200 to learn from"):
        train(few, NOW)


def test_versions_are_compared_on_promises_that_neither_knew(known: Known) -> None:
    """The tested ones are of 58 to 30 days ago; a version of last week has made none of them."""
    learnt = {days: format_utc(round((NOW - days) * DAY_MS)) for days in (45, 7)}
    old, young = (
        msgspec.structs.replace(known.trained, card=msgspec.structs.replace(known.trained.card, learnt_at=at))
        for at in learnt.values()
    )
    rows = known.trips.between(NOW - 58, NOW - 30)
    taken = np.minimum(known.trips.delivered[rows], NOW) - known.trips.ordered[rows]
    windows = np.repeat(taken[:, None], 3, axis=1)
    told = _compare(old, known.trips, rows, taken, windows)
    assert told["before"]["orders"] == told["beside"]["orders"] == len(known.trips.between(NOW - 45, NOW - 30))
    assert told["beside"]["mae_days"] == 0
    assert (
        "0 of the promises that are tested were made since"
        in _compare(young, known.trips, rows, taken, windows)["uncompared"]
    )


@pytest.mark.heavy
def test_a_second_version_is_compared_with_the_first(known: Known) -> None:
    """The first was learnt before the promises that are tested, so that it is seen how it has aged."""
    then = NOW - 70
    early = train(known.read(round(then * DAY_MS)), then)
    later = train(known.trips, NOW, before=early)
    assert later.card.before is not None
    assert later.card.scores is not None
    assert later.card.before["orders"] == later.card.scores["orders"]
    assert later.card.beside == later.card.scores
    assert later.card.before["mae_days"] < 2 * later.card.scores["mae_days"]
