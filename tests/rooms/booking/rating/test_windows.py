from datetime import date, datetime, time

from waypost.booking.rating.cards import Handover, Transit
from waypost.booking.rating.windows import Window, find_window

FRIDAY = date(2026, 8, 7)
NOON = datetime(2026, 8, 7, 12)
WORKDAYS = (1, 2, 3, 4, 5)


def test_days_are_counted_on_which_the_carrier_works() -> None:
    found = find_window(Handover(weekdays=WORKDAYS), Transit(0, 1, 5), FRIDAY, NOON)
    assert found == Window(FRIDAY, FRIDAY, date(2026, 8, 10), date(2026, 8, 14))
    every_day = find_window(Handover(), Transit(0, 1, 5), FRIDAY, NOON)
    assert every_day == Window(FRIDAY, FRIDAY, date(2026, 8, 8), date(2026, 8, 12))
    closed = find_window(Handover(closed=(date(2026, 8, 8),)), Transit(0, 1, 1), FRIDAY, NOON)
    assert closed == Window(FRIDAY, FRIDAY, date(2026, 8, 9), date(2026, 8, 9))


def test_after_the_cut_off_it_leaves_on_the_next_day() -> None:
    handover = Handover(cut_off=time(17), weekdays=WORKDAYS)
    for clock, leaves in ((datetime(2026, 8, 7, 17), FRIDAY), (datetime(2026, 8, 7, 17, 1), date(2026, 8, 10))):
        found = find_window(handover, Transit(1, 1, 1), FRIDAY, clock)
        assert found is not None
        assert found.leaves == leaves
    later = find_window(handover, Transit(1, 1, 1), date(2026, 8, 10), datetime(2026, 8, 7, 20))
    assert later is not None
    assert later.leaves == date(2026, 8, 10)


def test_a_carrier_that_never_works() -> None:
    assert find_window(Handover(weekdays=()), Transit(1, 1, 1), FRIDAY, NOON) is None
