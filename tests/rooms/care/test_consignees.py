"""Which consignee is told what by mail: each milestone once, never old news, and nobody who does not want it."""

import hashlib

import msgspec
import pytest
import sqlalchemy
from tests.rooms.care.world import HOME, NEWS_MS, World

from waypost.booking.issuing import Item
from waypost.booking.orders import Order, digest_of
from waypost.booking.records import orders
from waypost.care import teller as telling
from waypost.care.consignees import choose_language
from waypost.care.mail_terms import MILESTONES
from waypost.care.notices import Notice, NoticeState, keep_notices
from waypost.care.posting import Fate, Letter, Posted
from waypost.care.records import mail_notices, mail_refusals, reading
from waypost.model.errors import BadInput, Conflict, NotFound

ANA = "ana@example.org"
TAKEN = Posted(status=250, fate=Fate.TAKEN)
LATER = Posted(status=451, why="refused with 451", fate=Fate.LATER)


def switch(world: World, *milestones: str) -> None:
    world.terms.switch(world.estrela, milestones or MILESTONES, world.clock())


def all_of(world: World) -> list[Notice]:
    page, _ = world.notices.list_page(None, None, None, 1000)
    return sorted(page, key=lambda each: each.position)


def send_all(world: World) -> list[str]:
    """As if a mail server took all that is due; the milestones."""
    due = world.notices.list_due(world.clock(), 100)
    assert [world.notices.note(each, TAKEN, world.clock()) for each in due] == [NoticeState.SENT] * len(due)
    return [each.milestone for each in due]


def test_each_milestone_is_told_once_to_the_consignee_of_a_merchant_that_has_mail_on(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.ship(world.estrela, "SALE-2", "WP2")  # nobody to write to
    world.ship(world.ming, "M-1", "WP3", email=ANA)  # mail is off
    told = []
    for code in ("picked_up", "arrived_at_hub", "out_for_delivery", "delivery_attempted", "out_for_delivery"):
        for number in ("WP1", "WP2", "WP3", "STRANGE"):
            world.move(number, code)
        world.tell()
        told += send_all(world)
    world.move("WP1", "awaiting_pickup")
    world.tell()
    told += send_all(world)
    world.move("WP1", "delivered")
    world.tell()
    told += send_all(world)
    assert told == ["accepted", "out_for_delivery", "exception", "ready_to_collect", "delivered"]
    assert {each.waybill.number for each in all_of(world)} == {"WP1"}


def test_only_what_the_merchant_chose_and_not_what_was_before(world: World) -> None:
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "picked_up")
    world.tell()
    switch(world, "accepted", "delivered")
    world.move("WP1", "out_for_delivery")
    world.move("WP1", "delivered")
    world.tell()
    assert [each.milestone for each in all_of(world)] == ["delivered"]
    world.terms.switch(world.estrela, (), world.clock())
    world.ship(world.estrela, "SALE-2", "WP2", email=ANA)
    world.move("WP2", "delivered")
    world.tell()
    assert len(all_of(world)) == 1


def test_what_came_together_is_told_by_the_newest_and_newer_news_takes_the_place_of_older(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "picked_up")
    world.move("WP1", "out_for_delivery")
    world.tell()
    assert [each.milestone for each in all_of(world)] == ["out_for_delivery"]
    world.move("WP1", "delivered")
    world.tell()
    assert [(each.milestone, each.state) for each in all_of(world)] == [
        ("out_for_delivery", NoticeState.OVERTAKEN),
        ("delivered", NoticeState.WAITING),
    ]
    assert send_all(world) == ["delivered"]


def test_a_try_that_is_under_way_when_it_is_overtaken_counts_if_it_was_taken(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "picked_up")
    world.tell()
    [under_way] = world.notices.list_due(world.clock(), 9)
    world.move("WP1", "delivered")
    world.tell()
    world.notices.note(under_way, LATER, world.clock())
    assert [each.state for each in all_of(world)] == [NoticeState.OVERTAKEN, NoticeState.WAITING]
    world.notices.note(under_way, TAKEN, world.clock())
    assert [each.state for each in all_of(world)] == [NoticeState.SENT, NoticeState.WAITING]


def test_behind_delivered_nothing_is_told(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "delivered")
    world.tell()
    send_all(world)
    notice = all_of(world)[0]
    again = msgspec.structs.replace(notice, id="ntc_other", milestone="exception")
    with world.records.begin() as connection:
        assert keep_notices(connection, [again], world.clock()) == 0
        later = msgspec.structs.replace(again, id="ntc_2", order=notice.order, piece=1)
        before = msgspec.structs.replace(later, id="ntc_3", milestone="delivered")
        assert keep_notices(connection, [before, later], world.clock()) == 1
    assert [each.milestone for each in all_of(world)] == ["delivered", "delivered"]


def test_old_news_is_not_told(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "out_for_delivery")
    world.clock.now_ms += NEWS_MS + 1
    world.tell()
    assert all_of(world) == []
    world.move("WP1", "delivered")
    world.tell()
    assert [each.milestone for each in all_of(world)] == ["delivered"]


def test_a_pick_up_that_failed_is_not_the_consignees_to_know(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "pickup_failed")
    world.tell()
    assert all_of(world) == []


def test_a_crash_loses_nothing_and_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "picked_up")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(telling, "_move", crash)  # the last statement before the commit
    with pytest.raises(KeyboardInterrupt):
        world.teller.turn(world.clock(), 10)
    monkeypatch.undo()
    assert all_of(world) == []
    world.restart()
    world.tell()
    assert send_all(world) == ["accepted"]
    with world.records.begin() as connection:
        connection.execute(sqlalchemy.update(reading).values(position=-1))
    assert world.tell() == 0  # read once more, and known
    assert send_all(world) == []


def test_the_outbox_has_no_address_and_no_name(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "delivered")
    world.tell()
    letter = world.consignees.draft_letter(all_of(world)[0])
    assert isinstance(letter, Letter)
    world.terms.stop(letter.stop, world.clock())
    with world.records.read() as connection:
        for table in (mail_notices, mail_refusals):
            kept = repr(connection.execute(sqlalchemy.select(table)).all()).lower()
            assert "waybill" not in kept
            for secret in ("ana", HOME.street.lower(), "example.org"):
                assert secret not in kept


def test_a_letter_is_drawn_from_the_order(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email="Ana@Example.ORG")
    world.move("WP1", "awaiting_pickup")
    world.tell()
    [notice] = all_of(world)
    letter = world.consignees.draft_letter(notice)
    assert isinstance(letter, Letter)
    assert (letter.to, letter.language, letter.merchant) == ("Ana@example.org", "pt", "Estrela")
    assert (letter.reference, letter.place, letter.at) == ("SALE-1", "Galeão hub", "2026-11-22T09:01:00-03:00")
    assert world.consignees.find_recipients([notice])[0].to == "A***@***.ORG"
    with world.records.begin() as connection:
        connection.execute(sqlalchemy.update(orders).values(erased_ms=1))
    assert world.consignees.draft_letter(notice) == "what the order says was erased"
    assert world.consignees.find_recipients([notice])[0].to == ""


@pytest.mark.parametrize("address", ["ana@localhost", "no address", "a@b.c, d@e.f"])
def test_an_odd_address_is_told_to_the_merchant_and_nothing_is_sent(world: World, address: str) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=address)
    world.move("WP1", "delivered")
    world.tell()
    [notice] = all_of(world)
    assert notice.state is NoticeState.DEAD
    assert "e-mail address" in notice.why
    assert world.notices.list_due(world.clock(), 9) == []


def test_an_order_that_does_not_open_holds_up_nobody_else(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    with world.records.begin() as connection:
        connection.execute(sqlalchemy.update(orders).values(body=b"\x00\x01" + bytes(60)))
    world.ship(world.estrela, "SALE-2", "WP2", email=ANA)
    world.move("WP1", "delivered")
    world.move("WP2", "delivered")
    world.tell()
    assert [each.state for each in all_of(world)] == [NoticeState.DEAD, NoticeState.WAITING]


def test_who_wants_no_mail_of_a_merchant_gets_none_of_it_and_that_of_others(world: World) -> None:
    for merchant, number in ((world.estrela, "WP1"), (world.ming, "WP2")):
        world.terms.switch(merchant, MILESTONES, world.clock())
        world.ship(merchant, "S-1", number, email=ANA)
        world.move(number, "delivered")
    world.tell()
    own, other = all_of(world)
    letter = world.consignees.draft_letter(own)
    assert isinstance(letter, Letter)
    assert world.terms.read_stop(letter.stop)[:2] == (world.estrela, "Estrela")
    world.terms.stop(letter.stop, 1)
    world.terms.stop(letter.stop, 2)
    assert "wants none" in str(world.consignees.draft_letter(own))
    assert isinstance(world.consignees.draft_letter(other), Letter)
    world.terms.forgive(ANA)  # for a merchant to say, and no end of what somebody wants
    assert world.terms.is_refused(world.estrela, ANA.upper())
    world.terms.note_nobody(ANA, 3)
    assert "takes no mail" in str(world.consignees.draft_letter(other))
    world.consignees.forgive(other)
    assert isinstance(world.consignees.draft_letter(other), Letter)


def test_a_stop_link_of_nobody_stops_nothing(world: World) -> None:
    good = world.terms.write_stop(world.estrela, ANA)
    party, digest, mac = good.split(".")
    other = world.terms.write_stop(world.ming, "eve@example.org").split(".")
    mixed = [f"{world.ming}.{digest}.{mac}", f"{party}.{other[1]}.{mac}", f"{party}.{digest}.{other[2]}"]
    for bad in ("", ".", "..", "a.b.c", "é.é.é", good[:-1], good + "A", *mixed):
        with pytest.raises(NotFound):
            world.terms.stop(bad, 1)
    assert not world.terms.is_refused(world.estrela, ANA)
    assert ANA not in good


def test_tries_are_repeated_and_given_up(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "delivered")
    world.tell()
    begun_ms, tries = world.clock(), 0
    while due := world.notices.list_due(world.clock(), 9):
        tries += 1
        if world.notices.note(due[0], LATER, world.clock()) is NoticeState.WAITING:
            world.clock.now_ms = all_of(world)[0].next_ms
    assert tries > 10
    assert world.clock() - begun_ms > 20 * 3_600_000
    [dead] = all_of(world)
    assert (dead.state, dead.answer, dead.why, dead.tries) == (NoticeState.DEAD, 451, "refused with 451", tries)
    with pytest.raises(NotFound):
        world.notices.retry(world.ming, dead.id, world.clock())
    world.notices.retry(world.estrela, dead.id, world.clock())
    assert send_all(world) == ["delivered"]
    with pytest.raises(Conflict):
        world.notices.retry(world.estrela, dead.id, world.clock())


def test_old_news_that_was_given_up_is_not_told_after_newer(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "out_for_delivery")
    world.tell()
    [old] = all_of(world)
    with world.records.begin() as connection:
        connection.execute(sqlalchemy.update(mail_notices).values(state=NoticeState.DEAD.value))
    world.move("WP1", "delivered")
    world.tell()
    assert send_all(world) == ["delivered"]
    with pytest.raises(Conflict, match="newer news"):
        world.notices.retry(world.estrela, old.id, world.clock())


def test_what_waits_when_its_merchant_switches_it_off_is_not_sent(world: World) -> None:
    switch(world)
    world.ship(world.estrela, "SALE-1", "WP1", email=ANA)
    world.move("WP1", "delivered")
    world.tell()
    [notice] = all_of(world)
    world.terms.switch(world.estrela, [], world.clock())
    assert world.consignees.draft_letter(notice) == "its merchant does not have it told any more"


def test_what_waits_too_long_is_given_up_and_all_is_forgotten_in_time(world: World) -> None:
    switch(world)
    for each in range(3):
        world.ship(world.estrela, f"SALE-{each}", f"WP{each}", email=ANA)
        world.move(f"WP{each}", "delivered")
        world.tell()
    assert world.notices.give_up(world.clock() + 86_400_000 - 600_000) == 0
    assert world.notices.give_up(world.clock() + 86_400_000 + 600_000) == 3
    assert world.notices.count_waiting() == 0
    page, cursor = world.notices.list_page(world.estrela, NoticeState.DEAD, None, 2)
    rest, end = world.notices.list_page(world.estrela, NoticeState.DEAD, cursor, 2)
    assert [each.waybill.number for each in page + rest] == ["WP2", "WP1", "WP0"]
    assert end is None
    assert world.notices.list_page(world.ming, None, None, 9) == ([], None)
    assert world.notices.forget(page[0].made_ms) == 2


def test_a_gap_is_told_to_merchants_that_have_mail_on(world: World) -> None:
    switch(world)
    with world.records.begin() as connection:
        world.teller._audiences[1].note_gap(connection, 77)
    assert (world.terms.get(world.estrela).missed_ms, world.terms.get(world.ming).missed_ms) == (77, None)


def test_a_milestone_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(BadInput, match="departed"):
        world.terms.switch(world.estrela, ["departed"], 1)
    world.terms.switch(world.estrela, ["delivered", "accepted", "delivered"], 2)
    assert world.terms.get(world.estrela).milestones == ("accepted", "delivered")


@pytest.mark.parametrize(
    ("asked", "country", "language"),
    [
        ("", "BR", "pt"),
        ("", "MX", "es"),
        ("", "CN", "zh"),
        ("", "TW", "zh"),
        ("", "US", "en"),
        ("", "JP", "en"),
        ("", "ZZ", "en"),
        ("", "IN", "en"),
        ("es", "US", "es"),
    ],
)
def test_the_language_is_that_of_the_order_or_of_the_country(asked: str, country: str, language: str) -> None:
    assert choose_language(asked, country) == language


def test_an_order_without_a_language_is_known_as_before_there_were_any() -> None:
    order = Order(reference="O", sender=HOME, consignee=HOME, items=(Item(description="Hat"),))
    told = msgspec.to_builtins(order)
    assert (told.pop("language"), told.pop("choose")) == ("", "")
    before = hashlib.blake2b(msgspec.json.encode(told, order="deterministic"), digest_size=16).hexdigest()
    assert digest_of(order) == before
    assert digest_of(msgspec.structs.replace(order, language="es")) != before
