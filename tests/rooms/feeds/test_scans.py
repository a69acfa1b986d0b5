import gzip
import lzma
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from waypost.feeds.kinds import open_feed
from waypost.model.errors import BadInput
from waypost.model.instants import OffsetSource, parse_instant

NDJSON = """\
{"carrier":"yto","number":"YT1","code":"GOT","at":"2026-11-20 10:00:00","facility":"571101","note":"已揽收"}
{"carrier":"usps","number":"LX473124829HK","code":"01","at":"2026-11-20T10:00:00-08:00"}
""".encode()
CSV = """\
number,carrier,code,at,facility,note
YT1,yto,GOT,2026-11-20 10:00:00,571101,已揽收
LX473124829HK,usps,01,2026-11-20T10:00:00-08:00,,
""".encode()
TABLE = pa.table(
    {
        "carrier": ["yto", "usps"],
        "number": ["YT1", "LX473124829HK"],
        "code": ["GOT", "01"],
        "at": ["2026-11-20 10:00:00", "2026-11-20T10:00:00-08:00"],
        "facility": ["571101", None],
        "note": ["已揽收", None],
    }
)
EXPECTED = [
    ("yto", "YT1", "GOT", parse_instant("2026-11-20T02:00:00Z").at_ms, 480, OffsetSource.CARRIER, "571101", "已揽收"),
    (
        "usps",
        "LX473124829HK",
        "01",
        parse_instant("2026-11-20T18:00:00Z").at_ms,
        -480,
        OffsetSource.REPORTED,
        None,
        None,
    ),
]
SHOWN = ("carrier", "number", "code", "at_ms", "offset_min", "offset_source", "facility", "note")


def parquet(path: Path) -> None:
    pq.write_table(TABLE, path)


def arrow_file(path: Path) -> None:
    with pa.ipc.new_file(path, TABLE.schema) as sink:
        sink.write_table(TABLE)


def arrow_stream(path: Path) -> None:
    with pa.ipc.new_stream(path, TABLE.schema) as sink:
        sink.write_table(TABLE)


WRITE: dict[str, Callable[[Path], object]] = {
    "ndjson": lambda path: path.write_bytes(NDJSON),
    "ndjson, gzip": lambda path: path.write_bytes(gzip.compress(NDJSON)),
    "ndjson, xz": lambda path: path.write_bytes(lzma.compress(NDJSON)),
    "ndjson, zstd": lambda path: path.write_bytes(pa.compress(NDJSON, codec="zstd", asbytes=True)),
    "ndjson, byte order mark": lambda path: path.write_bytes(b"\xef\xbb\xbf" + NDJSON),
    "csv": lambda path: path.write_bytes(CSV),
    "csv, gzip": lambda path: path.write_bytes(gzip.compress(CSV)),
    "csv, zstd": lambda path: path.write_bytes(pa.compress(CSV, codec="zstd", asbytes=True)),
    "parquet": parquet,
    "arrow file": arrow_file,
    "arrow stream": arrow_stream,
}


@pytest.mark.parametrize("form", WRITE)
def test_the_content_tells_the_format(tmp_path: Path, read: Callable, form: str) -> None:
    path = tmp_path / "scans"
    WRITE[form](path)
    found = read("scans", path)
    assert Counter(tuple(scan[name] for name in SHOWN) for scan in found.scans) == Counter(EXPECTED)
    assert found.refusals == []
    assert found.shares[-1] > (0.7 if form == "arrow file" else 0.98)  # what stands behind the last row is not counted


def test_bad_lines_of_ndjson_are_refused_and_the_others_go_in(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "scans.ndjson"
    good, other = NDJSON.splitlines()
    lines = [
        good,
        b"",
        b'{"carrier":1,"number":"2"}',
        good.replace(b"YT1", b"YT\xff"),
        good[:40],
        b"[]",
        good.replace(b"facility", b"facilty"),
        good.replace(b"11-20", b"02-30"),
        other.replace(b"-08:00", b""),
        good.replace(b"YT1", b"Y" * 10_000),
        other,
    ]
    path.write_bytes(b"\n".join(lines))
    found = read("scans", path)
    assert [scan["number"] for scan in found.scans] == ["YT1", "LX473124829HK"]
    assert found.told() == [
        (3, "carrier", "expected `str | null`, got `int`"),
        (4, "", "is not UTF-8"),
        (5, "", "input data was truncated"),
        (6, "", "expected `object`, got `array`"),
        (7, "", "has an unknown field `facilty`"),
        (8, "at", "names a date that does not exist"),
        (9, "at", "has no offset, and neither the carrier nor the facility has a known zone"),
        (10, "number", "is longer than 64 characters"),
    ]
    assert {refusal.file for refusal in found.refusals} == {"scans.ndjson"}


def test_bad_rows_of_csv(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "scans.csv"
    head, first, second = CSV.splitlines()
    path.write_bytes(b"\n".join([head, first + b",x", b"YT2", second.replace(b"usps", b"US PS"), first]) + b"\n")
    found = read("scans", path)
    assert len(found.scans) == 1
    assert found.told() == [
        (2, "", "has 7 fields where the header has 6: a comma too many"),
        (3, "carrier", "has 1 fields where the header has 6: a comma too few, or the line breaks off"),
        (4, "carrier", "is no carrier code: up to 32 of a-z, 0-9, _ and -"),
    ]


def test_a_number_that_a_spreadsheet_rounded_is_refused(tmp_path: Path, read: Callable) -> None:
    """Two parcels would fall together under a number that none of them has."""
    numbers = ["1.23457E+14", "4E+10", "12345678.0", "1E23", "12345678", "1.5E-3X"]
    rows = "".join(f"{number},yto,GOT,2026-11-20 10:00:00\n" for number in numbers)
    (tmp_path / "scans.csv").write_text("number,carrier,code,at\n" + rows)
    found = read("scans", tmp_path / "scans.csv")
    assert [(each.line, each.field, each.value) for each in found.refusals] == [
        (line, "number", number) for line, number in zip((2, 3, 4), numbers, strict=False)
    ]
    assert [scan["number"] for scan in found.scans] == numbers[3:]


def test_a_cut_file_gives_what_came_before(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "scans.ndjson.gz"
    good = NDJSON.splitlines()[0]
    packed = gzip.compress(b"".join(good.replace(b"YT1", b"YT%d" % number) + b"\n" for number in range(20_000)))
    path.write_bytes(packed[: len(packed) // 2])
    found = read("scans", path)
    (refusal,) = found.refusals
    assert refusal.reason.startswith("the gzip stream ends early")
    assert 8_000 < len(found.scans) == refusal.line - 1 < 12_000


def test_a_cut_arrow_stream_gives_the_batches_before(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "scans.arrows"
    with pa.ipc.new_stream(path, TABLE.schema) as sink:
        sink.write_table(TABLE)
        sink.write_table(TABLE)
    path.write_bytes(path.read_bytes()[:-200])
    found = read("scans", path)
    assert [tuple(scan[name] for name in SHOWN) for scan in found.scans] == EXPECTED
    ((line, field, reason),) = found.told()
    assert (line, field) == (3, "")
    assert reason.startswith("the Arrow stream ends early or is damaged (")
    assert "; all 2 rows before were read. Fetch the file again" in reason


def test_rows_of_parquet_are_counted_from_one(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "scans.parquet"
    pq.write_table(TABLE.set_column(3, "at", [["soon", "2026-11-20T10:00:00-08:00"]]), path)
    found = read("scans", path)
    assert [(line, field) for line, field, _ in found.told()] == [(1, "at")]
    assert len(found.scans) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"carrier,number,code\n", r"scans: has other columns: it lacks 'at'; found: 'carrier', 'number', 'code'\."),
        (CSV.replace(b"note", b"notes"), "it does not know 'notes'.*known: carrier, number, code, at, facility, note"),
        (b"[" + NDJSON + b"]", r"scans: is one JSON array\. Write one JSON object a line"),
        (b"PAR1 and nothing more", "scans: is no whole Parquet file"),
        (b"ARROW1\0\0 and nothing more", "scans: is no Arrow file that can be read"),
        (gzip.compress(b"PAR1 inside", mtime=0), "scans: holds Parquet or Arrow columns inside gzip"),
    ],
)
def test_files_of_another_layout(tmp_path: Path, read: Callable, content: bytes, message: str) -> None:
    path = tmp_path / "scans"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read("scans", path)


def test_a_parquet_file_with_another_column_is_named(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "scans.parquet"
    pq.write_table(TABLE.append_column("speed", [["1", "2"]]), path)
    with pytest.raises(BadInput, match=r"scans\.parquet: unknown or repeated column 'speed'"):
        read("scans", path)


def test_a_folder_gives_its_files_in_order(tmp_path: Path, read: Callable) -> None:
    first, second = NDJSON.splitlines(keepends=True)
    (tmp_path / "2026-11-20.ndjson").write_bytes(first)
    (tmp_path / "2026-11-21.ndjson.gz").write_bytes(gzip.compress(second))
    (tmp_path / "README.md").write_text("no scans")
    assert [scan["carrier"] for scan in read("scans", tmp_path).scans] == ["yto", "usps"]
    (tmp_path / "scans-late.csv").write_bytes(CSV.splitlines(keepends=True)[0])
    assert read("scans", tmp_path).scans == []


def test_a_folder_may_hold_every_form(tmp_path: Path, read: Callable) -> None:
    names = {
        "a.ndjson": "ndjson",
        "b.jsonl.gz": "ndjson, gzip",
        "c.json.zst": "ndjson, zstd",
        "d.csv": "csv",
        "e.csv.gz": "csv, gzip",
        "f.csv.zst": "csv, zstd",
        "g.parquet": "parquet",
        "h.arrow": "arrow file",
        "i.arrows": "arrow stream",
        "j.ndjson.xz": "ndjson, xz",
    }
    for name, form in names.items():
        WRITE[form](tmp_path / name)
    (tmp_path / "k.csv.bz2").write_bytes(b"of another kind")
    found = read("scans", tmp_path)
    assert Counter(tuple(scan[name] for name in SHOWN) for scan in found.scans) == Counter(EXPECTED * len(names))
    assert found.refusals == []
    assert found.shares == sorted(found.shares)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no scans\. Files end in \.ndjson"):
        open_feed("scans", tmp_path)


def test_a_large_file_comes_in_portions(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "scans.csv"
    head, first, _ = CSV.splitlines(keepends=True)
    path.write_bytes(head + first * 120_000)
    found = read("scans", path)
    assert len(found.scans) == 120_000
    assert len(found.shares) >= 3
    assert found.shares == sorted(found.shares)
