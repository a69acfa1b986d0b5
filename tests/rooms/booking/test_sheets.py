"""Orders in sheets: rows of one number are one order, and what is wrong is told by its line."""

from pathlib import Path

import pytest
from openpyxl import Workbook
from tests.rooms.booking.desk import open_desk

from waypost.booking.sheets import Headings, Sheet, read_orders
from waypost.feeds.order_sheets import OrderSheets
from waypost.model.errors import BadInput
from waypost.model.measures import Money

SHOP = {
    "sender_name": "Estrela",
    "sender_country": "BR",
    "sender_city": "São Paulo",
    "sender_street": "Rua 1",
    "currency": "BRL",
}
HEAD = ",".join(
    [
        *("reference", "consignee_name", "consignee_country", "consignee_city", "consignee_street"),
        *("item_description", "item_quantity", "item_value"),
    ]
)
GOOD = "S1,Maria,BR,Rio,Rua 7,Hat,2,79.90"


def read(tmp_path: Path, text: str, name: str = "orders.csv", **headings: dict[str, str]) -> Sheet:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    told = Headings(columns=headings.get("columns", {}), fixed=SHOP | headings.get("fixed", {}))
    return read_orders(name, OrderSheets().read(path), told)


def told(sheet: Sheet) -> list[tuple[int, str, str]]:
    return [(each.line, each.field, each.reason) for each in sheet.refusals]


def test_rows_of_one_number_are_one_order(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"{HEAD}\n{GOOD}\nS2,Ana,br,Rio,Rua 8,Pen,,0.5\nS1,,,,,Cap,1,5\n")
    assert sheet.refusals == []
    (line, first), (_, second) = sheet.orders
    assert (line, first.reference, first.sender.name, sheet.rows) == (2, "S1", "Estrela", 3)
    assert [(item.description, item.quantity, item.value_minor) for item in first.items] == [
        ("Hat", 2, 7_990),
        ("Cap", 1, 500),
    ]
    assert (second.consignee.country, second.items[0].quantity, second.items[0].value_minor) == ("BR", 1, 50)


def test_blank_headings_as_programs_leave_them_hinder_nothing(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"{HEAD},,\n{GOOD},,\nS2,Ana,BR,Rio,Rua 8,Pen,1,0.5,,\n")
    assert (sheet.refusals, len(sheet.orders), sheet.ignored) == ([], 2, ["(column 9)", "(column 10)"])


NO_AMOUNT = "is no amount: digits, with a point before the decimals"


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("S1,,BR,Rio,Rua 7,Hat,2,1", "consignee_name", "is missing"),
        ("S1,Maria,BRA,Rio,Rua 7,Hat,2,1", "consignee_country", "is no ISO country code of two letters"),
        ("S1,Maria,BR,Rio,Rua 7,Hat,1.5,1", "item_quantity", "is no whole number"),
        ("S1,Maria,BR,Rio,Rua 7,Hat,two,1", "item_quantity", NO_AMOUNT),
        ("S1,Maria,BR,Rio,Rua 7,Hat,0,1", "item_quantity", "Expected `int` >= 1"),
        ('S1,Maria,BR,Rio,Rua 7,Hat,2,"79,90"', "item_value", NO_AMOUNT),
        ("S1,Maria,BR,Rio,Rua 7,Hat,2,1.005", "item_value", "has more digits than BRL has"),
        ("S1,Maria,BR,Rio,Rua 7,Hat,2,1e99", "item_value", NO_AMOUNT),
        ("S1,Maria,BR,Rio,Rua 7,Hat,0e999999999,1", "item_quantity", "Expected `int` >= 1"),
        (
            "S1,Maria,BR,Rio,Rua 7,Hat,2,1e-999999999",
            "item_value",
            NO_AMOUNT,
        ),
        ('S1,"Maria\nSilva",BR,Rio,Rua 7,Hat,2,1', "consignee_name", "has a control character (U+000A at character 6)"),
        ("S1,Maria,BR,Rio,Rua 7,H\x00t,2,1", "item_description", "has a control character (U+0000 at character 2)"),
        ("S1,Maria,BR,Rio,Rua 7,,2,1", "item_description", "is missing"),
        (",Maria,BR,Rio,Rua 7,Hat,2,1", "reference", "is missing: rows of one order share it"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_column(tmp_path: Path, row: str, field: str, reason: str) -> None:
    sheet = read(tmp_path, f"{HEAD}\nS0,Ana,BR,Rio,Rua 8,Pen,1,1\n{row}\nS9,Ana,BR,Rio,Rua 8,Pen,1,1\n")
    assert told(sheet) == [(3, field, reason)]
    assert [order.reference for _, order in sheet.orders] == ["S0", "S9"]


def test_an_order_that_is_wrong_in_one_row_is_refused_as_a_whole(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"{HEAD}\n{GOOD}\nS1,Maria,BR,Rio,Rua 7,Cap,x,1\nS1,Ana,BR,Rio,Rua 7,Cap,1,1\n")
    assert sheet.orders == []
    assert [(line, field) for line, field, _ in told(sheet)] == [(2, ""), (3, ""), (4, "consignee_name")]
    assert "line 4" in told(sheet)[0][2]


def test_columns_are_found_by_what_people_call_them(tmp_path: Path) -> None:
    head = "订单号,收件人,国家,城市,详细地址,品名,数量,顾客留言"
    sheet = read(tmp_path, f"{head}\nS1,张三,CN,杭州市,文一路 1 号,书,2,谢谢\n")
    [(_, order)] = sheet.orders
    assert (order.consignee.name, order.consignee.city, order.items[0].quantity) == ("张三", "杭州市", 2)
    assert sheet.ignored == ["顾客留言"]


def test_a_merchant_says_what_its_columns_are(tmp_path: Path) -> None:
    text = "No,Who,City,Street,What,Kilos\n7,Ana,Rio,Rua 7,Hat,0.4501\n"
    columns = {
        "reference": "No",
        "consignee_name": "Who",
        "consignee_city": "City",
        "consignee_street": "Street",
        "item_description": "What",
        "weight_kg": "Kilos",
    }
    sheet = read(tmp_path, text, columns=columns, fixed={"consignee_country": "BR"})
    [(_, order)] = sheet.orders
    assert (order.reference, order.consignee.country, order.parcels[0].weight_g) == ("7", "BR", 451)
    with pytest.raises(BadInput, match="no column 'Nobody'"):
        read(tmp_path, text, columns={"reference": "Nobody"})
    with pytest.raises(BadInput, match="'colour' is no column of orders"):
        read(tmp_path, text, columns={"colour": "No"})
    with pytest.raises(BadInput, match="lacks the columns reference"):
        read(tmp_path, text)


def test_yen_have_no_decimals(tmp_path: Path) -> None:
    sheet = read(
        tmp_path, f"{HEAD}\nS1,Maria,JP,Tokyo,1-1,Hat,2,1500\nS2,M,JP,Tokyo,1-1,Hat,2,1.5\n", fixed={"currency": "JPY"}
    )
    assert [order.items[0].value_minor for _, order in sheet.orders] == [1_500]
    assert told(sheet) == [(3, "item_value", "has more digits than JPY has")]


def test_amounts_have_the_digits_of_iso_4217_as_they_are_printed(tmp_path: Path) -> None:
    """Iraqi shops leave the fils away; the minor unit is a thousandth all the same."""
    sheet = read(tmp_path, f"{HEAD}\nS1,Maria,IQ,Basra,1-1,Hat,2,1500\n", fixed={"currency": "IQD"})
    [(_, order)] = sheet.orders
    assert str(Money(order.items[0].value_minor or 0, order.currency)) == "1500.000 IQD"


def test_a_workbook_says_the_same(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        HEAD.split(","),
        ["S1", "Maria", "BR", "Rio", "Rua 7", "Hat", 2, 79.9],
        [10**15, "M", "BR", "Rio", "R", "H", 1, 1],
    ):
        sheet.append(row)
    book.save(tmp_path / "orders.xlsx")
    found = read_orders("orders.xlsx", OrderSheets().read(tmp_path / "orders.xlsx"), Headings(fixed=SHOP))
    [(line, order)] = found.orders
    assert (line, order.items[0].quantity, order.items[0].value_minor) == (2, 2, 7_990)
    assert [(each.line, each.field) for each in found.refusals] == [(3, "reference")]


@pytest.mark.parametrize(
    "body", [b"", b"\xd0\xcf\x11\xe0\xa1\xb1", b"\x1f\x8b\x08\x00" + bytes(20), b"PK\x03\x04" + bytes(40)]
)
def test_what_is_no_sheet_is_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(body)
    with pytest.raises(BadInput):
        read_orders("orders.csv", OrderSheets().read(path), Headings(fixed=SHOP))


def test_a_sheet_is_entered_once_and_a_dry_run_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(f"{HEAD},account\n{GOOD},\nS2,Ana,BR,Rio,Rua 8,Pen,1,1,dhl\n", "utf-8")
    headings = Headings(fixed=SHOP)
    with open_desk() as desk:
        for dry_run, outcome in ((True, "new"), (False, "new"), (False, "known")):
            entered = desk.bookings.enter_sheet(
                desk.merchant, "orders.csv", OrderSheets().read(path), headings, dry_run=dry_run
            )
            assert [(entry.row, entry.outcome.value) for entry in entered.entries] == [(2, outcome)]
            assert [(each.file, each.line, each.field) for each in entered.refusals] == [("orders.csv", 3, "account")]


@pytest.mark.parametrize(
    "heads", ["email,language", "邮箱,语言", "E-mail,Idioma", "Correo electrónico,idioma", "consignee_email,LANGUAGE"]
)
def test_whom_to_write_to_and_how_is_read_in_four_languages(tmp_path: Path, heads: str) -> None:
    sheet = read(tmp_path, f"{HEAD},{heads}\n{GOOD},maria@example.org,PT\n")
    assert sheet.ignored == []
    [(_, order)] = sheet.orders
    assert (order.consignee.email, order.language) == ("maria@example.org", "pt")
    wrong = read(tmp_path, f"{HEAD},{heads}\n{GOOD},maria@example.org,tlh\n")
    assert told(wrong) == [(2, "language", "is none of en, zh, es, pt")]
