"""Booking once: what an answer that never came leaves open, and who may close it."""

import threading
from collections.abc import Callable

import msgspec
import pytest
from tests.rooms.carriers.conftest import HandClock
from tests.rooms.carriers.orders import CN, order

from waypost.booking.issuing import Issued
from waypost.carriers.accounts import Account
from waypost.carriers.booked import Booked
from waypost.model.carriage import Waybill
from waypost.track.carriers import CarrierPuzzling, CarrierRefused, CarrierUnreachable, InDoubt

ORDER = order(CN)
LOST = InDoubt("no answer (ReadTimeout)", channel="canned book (main)")
PAGE = CarrierPuzzling("a page", channel="canned book (main)")
NO = CarrierRefused("exists", channel="canned book (main)", carrier_code="B06")
BUSY = CarrierUnreachable("answers 429", channel="canned book (main)")


def issued(number: str) -> Issued:
    return Issued(waybill=Waybill("canned", number), reference=ORDER.reference, channel="canned book (main)")


class Says:
    """Answers one after the other, and counts."""

    def __init__(self, *answers: Issued | Exception) -> None:
        self.answers = iter(answers)
        self.asked = 0

    def __call__(self) -> Issued:
        self.asked += 1
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


Make = Callable[[bool], Booked]


@pytest.fixture
def make(clock: HandClock) -> Make:
    account = Account(name="main", carrier="canned", url="http://127.0.0.1:1")
    return lambda is_named: Booked(clock.caller(account), is_named=is_named)


@pytest.mark.parametrize("lost", [LOST, PAGE])
def test_a_carrier_that_knows_references_is_asked_again(make: Make, clock: HandClock, lost: Exception) -> None:
    says = Says(lost, issued("1"))
    assert make(True).book(ORDER, "book", says).waybill.number == "1"
    assert clock.pauses == [1.0]


def test_a_no_after_doubt_does_not_say_that_there_is_none(make: Make) -> None:
    booked, says = make(True), Says(LOST, NO, NO, issued("1"))
    for _ in range(2):
        with pytest.raises(InDoubt, match="T-1 may have been booked all the same: exists") as caught:
            booked.book(ORDER, "book", says)
        assert caught.value.carrier_code == "B06"
    assert booked.book(ORDER, "book", says).waybill.number == "1"


def test_a_no_is_a_no_where_nothing_is_open(make: Make) -> None:
    for is_named in (True, False):
        booked, says = make(is_named), Says(NO, BUSY, issued("1"))
        with pytest.raises(CarrierRefused):
            booked.book(ORDER, "book", says)
        with pytest.raises(CarrierUnreachable) as caught:
            booked.book(ORDER, "book", says)
        assert not isinstance(caught.value, InDoubt)
        assert booked.book(ORDER, "book", says).waybill.number == "1"


def test_doubt_outlasts_a_carrier_that_cannot_be_asked(make: Make) -> None:
    booked = make(True)
    with pytest.raises(InDoubt):
        booked.book(ORDER, "book", Says(LOST, BUSY))
    with pytest.raises(InDoubt):
        booked.book(ORDER, "book", Says(NO))


def test_a_carrier_that_knows_none_is_not_asked_again(make: Make) -> None:
    booked, says = make(False), Says(LOST, issued("1"))
    for _ in range(3):
        with pytest.raises(InDoubt):
            booked.book(ORDER, "book", says)
    assert says.asked == 1


def test_somebody_looked_and_it_is_not_there(make: Make) -> None:
    booked, says = make(False), Says(LOST, issued("1"))
    with pytest.raises(InDoubt):
        booked.book(ORDER, "book", says)
    looked = msgspec.structs.replace(ORDER, may_exist=False)
    assert booked.book(looked, "book", says).waybill.number == "1"
    assert booked.book(ORDER, "book", says).waybill.number == "1"


def test_another_process_may_have_booked_it(make: Make) -> None:
    says = Says(NO)
    doubtful = msgspec.structs.replace(ORDER, may_exist=True)
    booked = make(False)
    for each in (doubtful, ORDER):  # it is remembered
        with pytest.raises(InDoubt, match="nobody knows its number"):
            booked.book(each, "book", says)
    assert says.asked == 0
    with pytest.raises(InDoubt, match="all the same"):
        make(True).book(doubtful, "book", says)


@pytest.mark.parametrize("is_named", [True, False])
def test_what_was_taken_back_is_not_given_again(make: Make, is_named: bool) -> None:
    booked, says = make(is_named), Says(issued("1"), issued("1"), issued("2"))
    first = booked.book(ORDER, "book", says)
    assert booked.book(ORDER, "book", says) is first
    booked.take_back(first)
    with pytest.raises(CarrierRefused, match="T-1 gives 1 again, which was taken back"):
        booked.book(ORDER, "book", says)
    assert booked.book(ORDER, "book", says).waybill.number == "2"
    booked.take_back(first)
    assert booked.book(ORDER, "book", says).waybill.number == "2"


def test_two_at_once_are_one_where_the_carrier_cannot_tell(make: Make) -> None:
    booked, begun, done = make(False), threading.Event(), threading.Event()

    def slowly() -> Issued:
        begun.set()
        done.wait(10)
        return issued("1")

    thread = threading.Thread(target=lambda: booked.book(ORDER, "book", slowly))
    thread.start()
    begun.wait(10)
    never = Says()
    with pytest.raises(InDoubt, match="this moment"):
        booked.book(ORDER, "book", never)
    done.set()
    thread.join()
    assert (booked.book(ORDER, "book", never).waybill.number, never.asked) == ("1", 0)
