import contextlib
import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.booking.desk import Desk, open_desk
from tests.rooms.booking.rating.cards import plain_card

from waypost.booking.orders import PlannedParcel
from waypost.booking.rating.auditing import Finding, Verdict, audit, read_bills, write_disputes
from waypost.booking.rating.cards import Bounds, Surcharge
from waypost.booking.rating.quotes import Quoter
from waypost.model.errors import BadInput


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


def book(desk: Desk, reference: str, *weights_g: int, **more: Any) -> list[str]:
    """The numbers of an order's waybills."""
    parcels = tuple(PlannedParcel(weight_g=weight) for weight in weights_g)
    [id_] = desk.enter(desk.draft(reference, parcels=parcels, **more))
    return [parcel.number for parcel in desk.confirm(id_).parcels]


def check(desk: Desk, rows: list[str], head: str = "waybill,total,currency", **changed: Any) -> list[Finding]:
    bills, faults = read_bills("bill.csv", "\n".join([head, *rows]).encode())
    assert faults == []
    surcharges = (Surcharge("fuel", percent=Decimal(10)),)
    told = {"account": desk.fake.name, "valid_from": date(2026, 1, 1), "surcharges": surcharges} | changed
    quoter = Quoter([plain_card(**told)], lambda *_: None)
    name = desk.fake.name
    return audit(bills, lambda numbers: desk.book.list_by_numbers(name, numbers), quoter, name)


def test_each_waybill_against_the_contract(desk: Desk) -> None:
    """8.00 and 10 % fuel are 8.80; two kilograms are 12.00 and 1.20."""
    [right] = book(desk, "A", 900)
    [over] = book(desk, "B", 900)
    [under] = book(desk, "C", 900)
    [heavy] = book(desk, "D", 900)
    rows = [
        f"{right},8.80,CNY,900,8.00,0.80",
        f"{over},10.80,CNY,900,9.50,1.30",
        f"{under},8.00,CNY,900,8.00,",
        f"{heavy},13.20,CNY,1900,12.00,1.20",
        "YT000,5,CNY,,,",
        f"{right},8.80,CNY,900,8.00,0.80",
    ]
    findings = check(desk, rows, "waybill,total,currency,billed_g,carriage,fuel")
    assert [(each.lines, each.verdict.value, each.over_minor) for each in findings] == [
        ([2], "ok", 0),
        ([3], "overbilled", 200),
        ([4], "underbilled", -80),
        ([5], "weight_differs", 440),
        ([6], "unknown_waybill", 0),
        ([7], "billed_twice", 0),
    ]
    assert [(each.kind, each.billed, each.agreed) for each in findings[1].differences] == [
        ("carriage", 950, 800),
        ("fuel", 130, 80),
    ]
    assert [(each.kind, each.billed, each.agreed) for each in findings[2].differences] == [("fuel", 0, 80)]
    assert findings[3].why == "1900 g are billed, 900 g follow from what was booked"
    assert findings[5].why == "stands in line 2 too"
    disputes = list(csv.DictReader(io.StringIO(write_disputes(findings).decode("utf-8-sig"))))
    assert [row["lines"] for row in disputes] == ["3", "5", "6", "7"]
    assert disputes[0] | {"waybills": ""} == {
        "lines": "3",
        "waybills": "",
        "verdict": "overbilled",
        "currency": "CNY",
        "billed": "10.80",
        "agreed": "8.80",
        "over": "2.00",
        "billed_g": "900",
        "agreed_g": "900",
        "card": "1",
        "why": "carriage 9.50, agreed 8.00; fuel 1.30, agreed 0.80",
    }


def test_parcels_of_an_order_are_priced_together(desk: Desk) -> None:
    first, second = book(desk, "A", 900, 1900)
    rows = [f"{second},13.20,CNY", f"{first},8.80,CNY"]
    [finding] = check(desk, rows)
    assert (finding.verdict, finding.lines, finding.agreed_minor) == (Verdict.OK, [3, 2], 2200)
    [finding] = check(desk, rows[:1])
    assert (finding.verdict, finding.agreed_minor) == (Verdict.OK, 1320)


def test_what_bills_leave_unexplained(desk: Desk) -> None:
    [number] = book(desk, "A", 900)
    [finding] = check(desk, [f"{number},9.80,CNY,8.00,0.80"], "waybill,total,currency,carriage,fuel")
    assert [(each.kind, each.billed, each.agreed) for each in finding.differences] == [("other", 100, 0)]
    [finding] = check(desk, [f"{number},9.80,CNY"])
    assert [(each.kind, each.billed, each.agreed) for each in finding.differences] == [("total", 980, 880)]
    [finding] = check(desk, [f"{number},8.80,CNY,2,express"], "waybill,total,currency,zone,service")
    assert finding.verdict is Verdict.OK
    assert finding.why == "zone 2 is billed, it is all; service express is billed, the usual one was booked"


def test_what_the_contract_has_no_price_for(desk: Desk) -> None:
    [number] = book(desk, "A", 900)
    told = [
        check(desk, [f"{number},8,USD"]),
        check(desk, [f"{number},8,CNY"], valid_from=date(2031, 1, 1)),
        check(desk, [f"{number},8,CNY"], service="air"),
        check(desk, [f"{number},8,CNY"], bounds=Bounds(most_weight_g=1)),
    ]
    assert [[(each.verdict.value, each.why) for each in findings] for findings in told] == [
        [("no_price", "the card is in CNY")],
        [("no_price", f"no card of it holds on {desk.draft().mailing_date}")],
        [("no_price", "no card is there for the service ''")],
        [("no_price", "900 g; at most 1 g a parcel")],
    ]


def test_another_account_booked_it(desk: Desk) -> None:
    [number] = book(desk, "A", 900)
    assert desk.book.list_by_numbers("moon", [number]) == []
    assert [kept.order.reference for kept in desk.book.list_by_numbers(desk.fake.name, [number, number])] == ["A"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (",8,CNY,,", "bill.csv:2 waybill: is empty"),
        ("A,eight,CNY,,", "bill.csv:2 total: 'eight' is no number. Write 12.50."),
        ("A,8.005,CNY,,", "bill.csv:2 total: 8.005 is finer than CNY is: it has 2 digits. Write 12.50."),
        ("A,8,yuan,,", "bill.csv:2 currency: 'yuan' is no currency. Write CNY."),
        ("A,8,CNY,1.5,", "bill.csv:2 billed_g: '1.5' are no whole grams. Write 1200."),
        ("A,8,CNY,,tomorrow", "bill.csv:2 date: 'tomorrow' is no day. Write 2026-11-30."),
        ("A,8,CNY", "bill.csv:2 row: has not as many cells as the head"),
        ("A,8,CNY,1,2026-01-01,9", "bill.csv:2 row: has not as many cells as the head"),
    ],
)
def test_rows_that_cannot_be_read(row: str, told: str) -> None:
    bills, faults = read_bills("bill.csv", f"waybill,total,currency,billed_g,date\n{row}\nB,-1.50,CNY,9,\n".encode())
    assert list(map(str, faults)) == [told]
    assert [(bill.line, bill.waybill, bill.minor, bill.billed_g) for bill in bills] == [(3, "B", -150, 9)]


def test_a_bill_out_of_a_spreadsheet_that_writes_commas() -> None:
    bills, faults = read_bills("bill.csv", "\ufeffwaybill;total;currency;fuel\r\nA;1.008,80;BRL;-0,80\r\n".encode())
    assert faults == []
    assert [(bill.minor, bill.charges) for bill in bills] == [(100_880, {"fuel": -80})]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "bill.csv:1: lacks waybill, total, currency"),
        (b"waybill;total\n", "bill.csv:1: lacks currency"),
        (b"waybill,total,currency,total\n", "has a column without a name, or one twice"),
        (b"waybill,total,currency,\n", "has a column without a name, or one twice"),
        (b"\xff", "bill.csv: is no UTF-8"),
    ],
)
def test_files_that_are_no_bill(content: bytes, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        read_bills("bill.csv", content)


def test_a_spreadsheet_takes_no_cell_for_a_formula() -> None:
    finding = Finding(
        verdict=Verdict.UNKNOWN_WAYBILL, lines=[2], waybills=["=1+1"], currency="CNY", billed_minor=-150, why="@x"
    )
    row = list(csv.reader(io.StringIO(write_disputes([finding]).decode("utf-8-sig"))))[1]
    assert (row[1], row[4], row[-1]) == ("'=1+1", "-1.50", "'@x")


CELLS = st.text(st.sampled_from('AB1,;"\t.\n\r-+=_\x00é'), max_size=60)


@given(CELLS)
def test_whatever_a_bill_holds_is_read_or_told(text: str) -> None:
    with contextlib.suppress(BadInput):
        bills, faults = read_bills("bill.csv", f"waybill,total,currency,fuel\n{text}".encode())
        assert all(bill.line > 1 for bill in bills)
        assert all(fault.reason for fault in faults)
