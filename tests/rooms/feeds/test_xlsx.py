"""Sheets of Excel: what people see comes in, and what may have lost digits does not."""

import datetime as dt
import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from waypost.feeds import cells, xlsx
from waypost.feeds.scans import ScansFeed
from waypost.feeds.sheets import Sheets, read_originals
from waypost.model.errors import BadInput
from waypost.track.feed import FileRefusal

AT = "2026-11-20 10:00:00"


def write(path: Path, *rows: tuple[Any, ...], formats: dict[str, str] | None = None, **sheets: Any) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for place, shown in (formats or {}).items():
        book.active[place].number_format = shown
    for title, text in sheets.items():
        book.create_sheet(title).append([text])
    book.save(path)
    return path


def read(path: Path, carrier: str | None = "own") -> tuple[list[dict[str, Any]], list[FileRefusal]]:
    rows: list[dict[str, Any]] = []
    refusals: list[FileRefusal] = []
    for portion in ScansFeed(path, carrier).portions():
        texts = portion.rows.table.to_pylist()
        rows += [{"line": line} | text for line, text in zip(portion.rows.rows, texts, strict=True)]
        refusals += portion.refusals
    return rows, refusals


def one(path: Path, field: str, value: Any, shown: str | None = None) -> tuple[Any, str]:
    """What becomes of one cell: its text, and why it was refused."""
    row = {"number": "X1", "code": "delivered", "at": AT} | {field: value}
    place = f"{'ABC'[list(row).index(field)]}2" if field in "number code at" else "D2"
    rows, refusals = read(write(path, tuple(row), tuple(row.values()), formats={place: shown} if shown else None))
    assert len(rows) + len(refusals) == 1
    assert all((each.line, each.field) == (2, field) for each in refusals)
    return (rows[0][field], "") if rows else (None, refusals[0].reason)


def test_text_and_dates_come_as_they_are_seen(tmp_path: Path) -> None:
    at = dt.datetime(2026, 11, 20, 14, 5, 9)
    path = write(tmp_path / "s.xlsx", ("number", "code", "at"), ("0012345678901234567", "delivered", at))
    rows, refusals = read(path)
    assert not refusals
    assert (rows[0]["line"], rows[0]["number"], rows[0]["at"]) == (2, "0012345678901234567", "2026-11-20 14:05:09")


@pytest.mark.parametrize(
    ("value", "shown", "text"),
    [
        (123_456_789_012, None, "123456789012"),
        (999_999_999_999_999, None, "999999999999999"),
        (1_000_000_000_000_000, None, None),
        (1.23456789012345e17, None, None),
        (123456789012345678, "0", None),
        (12.5, None, None),
        (12345, "00000000", None),
        (12345, "#,##0", None),
        (True, None, None),
        (dt.datetime(2026, 1, 2, 3), None, None),
        ("123456789012345678901", None, "123456789012345678901"),
    ],
)
def test_no_digit_of_a_number_is_lost(tmp_path: Path, value: Any, shown: str | None, text: str | None) -> None:
    found, reason = one(tmp_path / "s.xlsx", "number", value, shown)
    assert found == text
    assert ("format the column as text" in reason) == (text is None)


@pytest.mark.parametrize(
    ("value", "shown", "found", "why"),
    [
        (45_000, None, None, "no date with a time"),
        (dt.date(2026, 11, 20), None, None, "a day without a time"),
        (dt.time(10, 0), None, None, "no date with a time"),
        (46_346.999_999_99, "yyyy-mm-dd hh:mm", "2026-11-21 00:00:00", ""),
        ("2026-11-20T10:00+08:00", None, "2026-11-20T10:00+08:00", ""),
    ],
)
def test_times_are_dates_with_a_time(
    tmp_path: Path, value: Any, shown: str | None, found: str | None, why: str
) -> None:
    told, reason = one(tmp_path / "s.xlsx", "at", value, shown)
    assert told == found
    assert why in reason


def test_other_cells(tmp_path: Path) -> None:
    assert one(tmp_path / "s.xlsx", "facility", 571901) == ("571901", "")
    assert one(tmp_path / "s.xlsx", "note", 1.5) == ("1.5", "")
    assert "#REF!" in one(tmp_path / "s.xlsx", "code", "#REF!")[1]


def test_words_above_the_columns(tmp_path: Path) -> None:
    rows, _ = read(write(tmp_path / "s.xlsx", ("运单号", "状态", "扫描时间", "Station"), ("X1", "delivered", AT, "H1")))
    assert (rows[0]["number"], rows[0]["code"], rows[0]["facility"]) == ("X1", "delivered", "H1")
    (tmp_path / "s.csv").write_text("Tracking_Number,STATUS,time\nX1,delivered,2026-11-20 10:00\n", "utf-8")
    rows, _ = read(tmp_path / "s.csv")
    assert (rows[0]["number"], rows[0]["at"]) == ("X1", "2026-11-20 10:00")
    with pytest.raises(BadInput, match="has twice 'number'"):
        read(write(tmp_path / "s.xlsx", ("运单号", "number", "code", "at")))
    with pytest.raises(BadInput, match="does not know 'name of the consignee'"):
        read(write(tmp_path / "s.xlsx", ("number", "code", "at", "name of the consignee")))
    with pytest.raises(BadInput, match="lacks 'carrier'"):
        read(write(tmp_path / "s.xlsx", ("number", "code", "at")), carrier=None)


def test_empty_rows_are_passed_over_and_counted(tmp_path: Path) -> None:
    head, row = ("number", "code", "at"), ("X1", "delivered", AT)
    rows, refusals = read(write(tmp_path / "s.xlsx", head, row, (None,), row, (12.5, "x", AT), row))
    assert [each["line"] for each in rows] == [2, 4, 6]
    assert [each.line for each in refusals] == [5]


def test_further_sheets_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "s.xlsx", ("number", "code", "at"), ("X1", "delivered", AT), more="there", none=None)
    rows, refusals = read(path)
    assert len(rows) == 1
    assert [(each.line, each.reason) for each in refusals] == [(0, "has further sheets, which are not read: more")]


def test_a_sheet_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MOST_ROWS", 3)
    rows, refusals = read(write(tmp_path / "s.xlsx", ("number", "code", "at"), *[("X1", "delivered", AT)] * 9))
    assert len(rows) == 3
    assert [each.line for each in refusals] == [5]


def patch(path: Path, name: str, change: Any) -> None:
    """Rewrite one part of a file."""
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    parts[name] = change(parts[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, data in parts.items():
            archive.writestr(each, data)


SHEET = "xl/worksheets/sheet1.xml"


def test_bombs_do_not_go_off(tmp_path: Path) -> None:
    path = write(tmp_path / "s.xlsx", ("number", "code", "at"), ("X1", "delivered", AT))
    patch(path, SHEET, lambda data: data + b" " * xlsx.MOST_BYTES)
    with pytest.raises(BadInput, match="unpacks to more"):
        read(path)
    path = write(tmp_path / "t.xlsx", ("number", "code", "at"), ("X1", "delivered", AT))
    entities = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 20 if n else b"x" * 1000) for n in range(9))
    doctype = b"<!DOCTYPE worksheet [" + entities + b"]>"
    patch(path, SHEET, lambda data: doctype + data.replace(b"<sheetData>", b"<sheetData><row><c>&a8;</c></row>"))
    with pytest.raises(BadInput, match="cannot be read as XLSX"):
        read(path)


def test_a_row_of_any_number_takes_no_time(tmp_path: Path) -> None:
    path = write(tmp_path / "s.xlsx", ("number", "code", "at"), ("X1", "delivered", AT))
    patch(path, SHEET, lambda data: data.replace(b'<row r="2"', b'<row r="999999999999"'))
    rows, refusals = read(path)
    assert not rows
    assert not refusals or refusals[0].line


@pytest.mark.parametrize("size", [10, 200, 3000])
def test_a_cut_file_is_told(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "s.xlsx", ("number", "code", "at"), ("X1", "delivered", AT))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(BadInput, match="damaged zip"):
        read(path)


def test_what_is_no_sheet_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("scans.csv", "x")
    with pytest.raises(BadInput, match="is a zip archive"):
        read(tmp_path / "a.xlsx")
    (tmp_path / "b.xls").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    with pytest.raises(BadInput, match="password"):
        read(tmp_path / "b.xls")
    path = write(tmp_path / "c.xlsx", ("number", "code", "at"))
    patch(path, SHEET, lambda data: b"<nonsense")
    with pytest.raises(BadInput, match="cannot be read as XLSX"):
        read(path)


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("number", b'<c r="A3"><v>1e999</v></c>'),
        ("number", b'<c r="A3"><v>inf</v></c>'),
        ("number", b"<c><v>NaN</v></c>"),
        ("number", b'<c r="A3" t="s"><v>9999</v></c>'),
        ("number", b'<c r="A3" s="77"><v>12</v></c>'),
        ("number", b'<c r="A3" t="b"><v>perhaps</v></c>'),
    ],
)
def test_an_odd_cell_costs_its_own_row_only(tmp_path: Path, field: str, cell: bytes) -> None:
    row = (4711, "delivered", AT)
    path = write(tmp_path / "s.xlsx", ("number", "code", "at"), row, row, row)
    patch(path, SHEET, lambda data: re.sub(rb'<c r="A3".*?</c>', cell, data))
    rows, refusals = read(path)
    assert [each["line"] for each in rows] == [2, 4]
    assert [(each.line, each.field) for each in refusals] == [(3, field)]
    assert read_originals(path, {3})[3].endswith(f"delivered,{AT}")


@pytest.mark.parametrize("at", [dt.datetime(9999, 12, 31, 23, 59, 59, 900_000), 1e300])
def test_a_date_of_no_calendar_costs_its_own_row_only(tmp_path: Path, at: Any) -> None:
    row = ("X1", "delivered", AT)
    path = write(
        tmp_path / "s.xlsx",
        ("number", "code", "at"),
        row,
        ("X2", "delivered", at),
        row,
        formats={"C3": "yyyy-mm-dd hh:mm"},
    )
    rows, refusals = read(path)
    assert [each["line"] for each in rows] == [2, 4]
    assert [(each.line, each.field) for each in refusals] == [(3, "at")]


def test_rows_before_a_break_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "s.xlsx", ("number", "code", "at"), *[("X1", "delivered", AT)] * 5)
    patch(path, SHEET, lambda data: data.replace(b'<row r="5"', b'<row r="five"'))
    rows, refusals = read(path)
    assert [each["line"] for each in rows] == [2, 3, 4]
    assert "behind row 4" in refusals[-1].reason


HEAD = ("number", "code", "at")


def at_end(more: bytes) -> Any:
    """Puts rows behind the last one."""
    return lambda data: data.replace(b"</sheetData>", more + b"</sheetData>")


def row_of(line: int, number: str) -> bytes:
    texts = "".join(f'<c t="str"><v>{text}</v></c>' for text in (number, "delivered", AT))
    return f'<row r="{line}">{texts}</row>'.encode()


def test_rows_whose_numbers_repeat_or_go_back_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "s.xlsx", HEAD, *[(f"X{line}", "delivered", AT) for line in (2, 3, 4)])
    patch(path, SHEET, at_end(row_of(4, "Y4") + row_of(3, "Y3") + row_of(1, "Y1") + row_of(-7, "Y") + row_of(5, "X5")))
    rows, refusals = read(path)
    assert [(each["line"], each["number"]) for each in rows] == [(line, f"X{line}") for line in (2, 3, 4, 5)]
    assert [(each.line, each.reason.split(" stands")[0]) for each in refusals] == [
        (0, f"a row {line}") for line in (4, 3, 1, -7)
    ]
    assert [(each.value or "")[:2] for each in refusals] == ["Y4", "Y3", "Y1", "Y,"]
    assert read_originals(path, {3, 5}) == {line: f"X{line},delivered,{AT}" for line in (3, 5)}


def test_rows_without_end_of_one_number_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MOST_ROWS", 3)
    path = write(tmp_path / "s.xlsx", HEAD)
    patch(path, SHEET, at_end(row_of(2, "X") * 99))
    rows, refusals = read(path)
    assert len(rows) == 1
    assert [each.line for each in refusals] == [0, 0, 5]


def test_a_place_of_two_values_costs_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "s.xlsx", HEAD, *[("X1", "delivered", AT)] * 3)
    twice = b'<c r="A3" t="str"><v>X9</v></c>'
    patch(path, SHEET, lambda data: data.replace(b'<c r="B3"', twice + b'<c r="B3"'))
    rows, refusals = read(path)
    assert [each["line"] for each in rows] == [2, 4]
    assert [(each.line, each.field) for each in refusals] == [(3, "number")]
    assert "two values" in refusals[0].reason


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (b'<row r="3"><c t="str"><v>' + b"x" * (30 << 20) + b"</v></c></row>", "a cell has more than 1 MiB"),
        (b'<row r="3"><c a="' + b"x" * (30 << 20) + b'"></c></row>', "a cell has more than 1 MiB"),
        (b'<row r="3">' + b"<c/>" * (8 << 20) + b"</row>", "a row has more than"),
    ],
    ids=["cell", "attribute", "row"],
)
def test_a_giant_costs_what_is_behind_it_and_little_memory(tmp_path: Path, more: bytes, why: str) -> None:
    path = write(tmp_path / "s.xlsx", HEAD, ("X1", "delivered", AT))
    patch(path, SHEET, at_end(more))
    tracemalloc.start()
    try:
        rows, refusals = read(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 60 << 20
    assert [each["line"] for each in rows] == [2]
    assert [each.line for each in refusals] == [3]
    assert why in refusals[0].reason
    assert read_originals(path, {3}) == {}


def test_rows_without_anything_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MOST_MARKS", 20_000)
    path = write(tmp_path / "s.xlsx", HEAD, ("X1", "delivered", AT))
    patch(path, SHEET, at_end(b"<row/>" * 40_000))
    rows, refusals = read(path)
    assert (len(rows), refusals[0].line) == (1, 3)
    assert "more than 20000 rows" in refusals[0].reason


def test_giants_outside_the_sheet_are_refused(tmp_path: Path) -> None:
    for part, end in (("xl/styles.xml", b"</styleSheet>"), ("xl/workbook.xml", b"</workbook>")):
        path = write(tmp_path / "s.xlsx", HEAD, ("X1", "delivered", AT))
        patch(path, part, lambda data, end=end: data.replace(end, b"<b/>" * 300_000 + end))
        with pytest.raises(BadInput, match="more than 200000 tags"):
            read(path)


def test_a_sheet_that_is_formatted_to_its_end_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "s.xlsx", HEAD, ("X1", "delivered", AT))
    patch(path, SHEET, at_end(b"".join(b'<row r="%d" s="1"/>' % line for line in range(3, 100_000))))
    rows, refusals = read(path)
    assert (len(rows), refusals) == (1, [])


def test_what_stands_beside_the_cells_costs_nothing(tmp_path: Path) -> None:
    """Other programs write margins and properties that Excel would not."""
    path = write(tmp_path / "s.xlsx", HEAD, ("X1", "delivered", AT))
    patch(path, SHEET, lambda data: re.sub(rb"<pageMargins[^>]*>", b'<pageMargins left="wide"/>', data))
    patch(path, "docProps/core.xml", lambda data: b"<nonsense")
    rows, refusals = read(path)
    assert (len(rows), refusals) == (1, [])


def test_a_zip_that_is_packed_otherwise_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s.xlsx", HEAD, ("X1", "delivered", AT))
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for each, data in parts.items():
            archive.writestr(each, data)
    with pytest.raises(BadInput, match="packed otherwise"):
        read(path)


def test_a_workbook_of_charts_alone_has_no_sheet_of_cells(tmp_path: Path) -> None:
    book = Workbook()
    book.remove(book.active)
    book.create_chartsheet("Chart")
    book.save(tmp_path / "s.xlsx")
    with pytest.raises(BadInput, match="no sheet of cells"):
        read(tmp_path / "s.xlsx")


def test_a_chart_before_the_cells_is_passed_over(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(HEAD)
    book.active.append(("X1", "delivered", AT))
    book.create_chartsheet("Chart", 0)
    book.save(tmp_path / "s.xlsx")
    assert len(read(tmp_path / "s.xlsx")[0]) == 1


@pytest.mark.parametrize("name", ["upload.csv", "list", "Monday.xls", "scans.ndjson"])
def test_a_sheet_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "s.xlsx", HEAD, ("X1", "delivered", AT)).rename(tmp_path / name)
    [portion] = Sheets().read(path, "own")
    assert (len(portion.rows.rows), portion.refusals) == (1, [])


def test_originals_end_where_reading_broke_off(tmp_path: Path) -> None:
    path = write(tmp_path / "s.xlsx", HEAD, *[("X1", "delivered", AT)] * 5)
    patch(path, SHEET, lambda data: data.replace(b'<row r="5"', b'<row r="five"'))
    assert read_originals(path, {4, 5}) == {4: f"X1,delivered,{AT}"}
