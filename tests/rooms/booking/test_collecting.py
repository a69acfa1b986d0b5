"""Cash on delivery: what is due is known from the booking, and every coin that is passed on is held against it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import Workbook
from tests.rooms.booking.desk import Desk, open_desk

from waypost.booking.collecting import (
    CodVerdict,
    Collections,
    Payment,
    read_remittance,
    remittance_id,
)
from waypost.booking.orders import PlannedParcel
from waypost.booking.records import cod_dues
from waypost.feeds.order_sheets import OrderSheets
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk("yto") as desk:
        yield desk


def book(desk: Desk, reference: str, cod_minor: int, parcels: int = 1) -> str:
    packed = tuple(PlannedParcel(weight_g=500) for _ in range(parcels))
    [id_] = desk.enter(desk.draft(reference, cod_minor=cod_minor, parcels=packed))
    return desk.confirm(id_).parcels[0].number


def pay(line: int, waybill: str, minor: int, currency: str = "CNY") -> Payment:
    return Payment(line=line, waybill=waybill, currency=currency, minor=minor)


def test_every_waybill_gets_its_verdict_over_all_sheets(desk: Desk) -> None:
    collections = Collections(desk.records, desk.book)
    numbers = [book(desk, f"SALE-{each}", 10_000) for each in range(6)]
    free = book(desk, "FREE", 0)
    sheet = [
        pay(2, numbers[0], 10_000),
        pay(3, numbers[1], 9_999),
        pay(4, numbers[2], 10_001),
        pay(5, numbers[3], 10_000, "USD"),
        pay(6, free, 500),
        pay(7, "YT-NOBODYS", 700),
    ]
    found = {each.waybill: each for each in collections.hold("yto", sheet, are_kept=False)}
    expected = ["paid", "short", "over", "other_currency", "unknown", "unknown"]
    assert [each.verdict.value for each in found.values()] == expected
    assert [found[number].lacks_minor for number in numbers[:3]] == [0, 1, -1]
    assert collections.keep("yto", "r1", "one.csv", sheet, 5)
    assert not collections.keep("yto", "r1", "one.csv", sheet, 6)
    assert collections.hold("yto", sheet, are_kept=True) == list(found.values())
    more = [pay(2, numbers[1], 1), pay(3, numbers[0], 10_000), pay(4, numbers[2], -1)]
    assert collections.keep("yto", "r2", "two.csv", more, 7)
    later = [each.verdict for each in collections.hold("yto", more, are_kept=True)]
    assert later == [CodVerdict.PAID, CodVerdict.OVER, CodVerdict.PAID]
    assert [each.verdict for each in collections.hold("zto", more, are_kept=False)] == [CodVerdict.UNKNOWN] * 3


def test_what_is_not_paid_in_time_is_missing_and_what_was_taken_back_is_not(desk: Desk) -> None:
    collections = Collections(desk.records, desk.book)
    first, second, third = (book(desk, f"SALE-{each}", 500 + each) for each in range(3))
    several = book(desk, "SALE-9", 900, parcels=3)
    now = desk.clock.now_ms
    assert collections.list_missing("yto", now - DAY_MS) == []
    late = collections.list_missing("yto", now + DAY_MS)
    assert sorted((each.waybill, each.due_minor) for each in late) == sorted(
        [(first, 500), (second, 501), (third, 502), (several, 900)]
    )
    collections.keep("yto", "r1", "one.csv", [pay(2, first, 100)], 5)
    [order] = [each.id for each in desk.book.list_by_numbers("yto", [second])]
    desk.bookings.cancel(desk.merchant, order, "customer")
    left = collections.list_missing("yto", now + DAY_MS, [pay(2, third, 502)])
    assert [each.waybill for each in left] == [several]
    assert collections.list_missing("zto", now + DAY_MS) == []


def test_what_was_booked_before_dues_were_kept_is_found_all_the_same(desk: Desk) -> None:
    number = book(desk, "SALE-1", 700)
    with desk.records.begin() as connection:
        connection.execute(cod_dues.delete())
    [found] = Collections(desk.records, desk.book).hold("yto", [pay(2, number, 700)], are_kept=False)
    assert (found.verdict, found.due_minor) == (CodVerdict.PAID, 700)


def test_a_sheet_tells_row_by_row_what_is_wrong(tmp_path: Path) -> None:
    csv = tmp_path / "remittance.csv"
    csv.write_text(
        "Waybill,Amount,Currency,Paid on,note\nYT1,12.50,cny,2026-11-20,x\n,1,CNY,,\nYT2,1.234,CNY,,\nYT3,1e3x,CNY,,\n"
        "YT4,1,C,,\nYT5,1,CNY,yesterday,\nYT6,-3.00,CNY,,\nYT7,500,JPY,,\n",
        "utf-8",
    )
    payments, refusals = read_remittance("remittance.csv", OrderSheets().read(csv))
    assert [(each.waybill, each.minor, each.currency) for each in payments] == [
        ("YT1", 1250, "CNY"),
        ("YT6", -300, "CNY"),
        ("YT7", 500, "JPY"),
    ]
    told = [(each.line, each.field) for each in refusals]
    assert told == [(3, "waybill"), (4, "amount"), (5, "amount"), (6, "currency"), (7, "paid_on")]
    lacking = tmp_path / "lacking.csv"
    lacking.write_text("waybill,amount\nYT1,1\n", "utf-8")
    with pytest.raises(BadInput, match="lacks the columns currency"):
        read_remittance("lacking.csv", OrderSheets().read(lacking))
    assert remittance_id("yto", b"x") == remittance_id("yto", b"x") != remittance_id("zto", b"x")


def test_workbooks_are_read_too(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    for row in (["waybill", "amount", "currency"], ["YT1", 12.5, "CNY"], ["YT2", 7, "CNY"]):
        book.active.append(row)
    book.save(tmp_path / "remittance.xlsx")
    payments, refusals = read_remittance("r", OrderSheets().read(tmp_path / "remittance.xlsx"))
    assert ([each.minor for each in payments], refusals) == ([1250, 700], [])
