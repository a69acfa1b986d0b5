"""Files of scans: good rows are in the log, refused ones are written up with their original lines."""

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from waypost.access.sealing import Seal
from waypost.engines.reference import open_reference
from waypost.feeds.sheets import Sheets
from waypost.model.errors import NotFound, StoreDamaged, StoreError
from waypost.model.instants import OffsetSource
from waypost.store.protocols import Memory
from waypost.track import files as module
from waypost.track.files import Filed, Files
from waypost.track.fold import StatusFold
from waypost.track.pushes import Outcome
from waypost.track.reception import Reception
from waypost.track.tables import bundled_tables

NOW_MS = 1_795_000_000_000
HEAD = "number,code,at,carrier,note\n"
GOOD = "X1,delivered,2026-11-10 10:00,,\n"


class Desk:
    def __init__(self, folder: Path, memory: Memory) -> None:
        nonces = iter(range(1 << 60))
        self.memory, self.folder = memory, folder
        self.seal = Seal({1: b"k" * 32}, lambda size: next(nonces).to_bytes(size))
        reception = Reception(
            memory, lambda pairs: [("Asia/Shanghai", OffsetSource.CARRIER)] * len(pairs), lambda: NOW_MS
        )
        self.incoming = folder / "incoming"
        self.incoming.mkdir()
        self.files = Files(memory.records, Sheets(), reception, lambda: self.seal, self.incoming)

    def take(self, text: str, name: str = "Monday.csv", carrier: str = "own", now_ms: int = NOW_MS) -> Filed:
        path = self.folder / "file.csv"
        path.write_text(text, "utf-8")
        return self.files.take(path, name=name, carrier=carrier, source="desk", now_ms=now_ms)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    memory = open_reference(StatusFold(bundled_tables()))
    yield Desk(tmp_path, memory)
    memory.close()


def report_of(desk: Desk, filed: Filed) -> list[dict[str, str]]:
    name, report = desk.files.get_report(filed.id, None)
    assert name == filed.name
    return list(csv.DictReader(io.StringIO(report.decode("utf-8-sig"))))


def test_good_rows_are_kept_and_the_others_written_up(desk: Desk) -> None:
    bad = [
        "X2,delivered,never,,",
        'X3,delivered,2026-11-10 10:00,,"a ""quote"""',
        "X4,delivered,2026-11-10 10:00,yto,",
        "X5",
    ]
    filed = desk.take(HEAD + GOOD + "\n".join(bad) + "\n")
    assert (filed.outcome, filed.scans, filed.refused, filed.end) == (Outcome.PARTLY, 2, 3, 2)
    assert desk.memory.log.position() == 2
    told = report_of(desk, filed)
    assert [(each["line"], each["field"], each["original"]) for each in told] == [
        ("3", "at", bad[0]),
        ("5", "carrier", bad[2]),
        ("6", "code", bad[3]),
    ]
    assert all(each["reason"] for each in told)
    assert filed.why == told[0]["reason"]


def test_a_file_taken_again_is_remembered_once(desk: Desk) -> None:
    first, again = desk.take(HEAD + GOOD), desk.take(HEAD + GOOD, now_ms=NOW_MS + 1)
    assert first.id == again.id
    [kept] = desk.files.list_newest(["own"], 10)
    assert (kept.outcome, kept.received_ms, kept.scans, kept.source) == (Outcome.TAKEN, NOW_MS + 1, 1, "desk")
    with pytest.raises(NotFound):
        desk.files.get_report(first.id, None)
    assert desk.take(HEAD + GOOD, name="Tuesday.csv").id != first.id


def test_what_cannot_be_read_at_all_says_why_by_the_senders_name(desk: Desk) -> None:
    filed = desk.take("what,ever\n1,2\n", name="list\n.csv")
    assert (filed.outcome, filed.scans) == (Outcome.UNREADABLE, 0)
    assert "lacks 'number'" in filed.why
    assert filed.name == "list�.csv"
    assert "file.csv" not in filed.why


def test_small_files_of_any_number_of_rows_are_refused(desk: Desk) -> None:
    bomb = gzip.compress((HEAD + GOOD * 10_000).encode())
    columns = io.BytesIO()
    pq.write_table(pa.table({"number": ["X1"], "code": ["delivered"], "at": ["2026-11-10 10:00"]}), columns)
    for content in (bomb, columns.getvalue()):
        path = desk.folder / "file.csv"
        path.write_bytes(content)
        filed = desk.files.take(path, name="x.csv", carrier="own", source="desk", now_ms=NOW_MS)
        assert (filed.outcome, filed.scans) == (Outcome.UNREADABLE, 0)
        assert "no CSV or XLSX" in filed.why


def test_only_its_own_carriers_see_a_file(desk: Desk) -> None:
    filed = desk.take(HEAD + "X2,delivered,never,,\n", carrier="own")
    desk.take(HEAD + GOOD, carrier="other")
    assert [each.carrier for each in desk.files.list_newest(["other"], 10)] == ["other"]
    assert len(desk.files.list_newest(None, 10)) == 2
    with pytest.raises(NotFound):
        desk.files.get_report(filed.id, ["other"])
    assert desk.files.get_report(filed.id, ["own"])[1]


def test_reports_lie_sealed_and_go_with_time(desk: Desk) -> None:
    filed = desk.take(HEAD + "X2,delivered,never,,a secret\n")
    with desk.memory.records.read() as connection:
        kept = connection.exec_driver_sql("select report from files").scalar_one()
    assert b"secret" not in kept
    desk.seal = Seal({1: b"x" * 32}, bytes)
    with pytest.raises(StoreDamaged):
        desk.files.get_report(filed.id, None)
    assert desk.files.forget(NOW_MS) == 0
    assert desk.files.forget(NOW_MS + 1) == 1


def test_excel_reckons_nothing_out_of_a_report(desk: Desk) -> None:
    filed = desk.take('number,code,at\n=1+1,delivered,never\n@x,"delivered\n')
    assert [each["original"][:2] for each in report_of(desk, filed)] == ["'=", "'@"]


def test_a_report_has_an_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WRITTEN_UP", 2)
    filed = desk.take(HEAD + "X2,delivered,never,,\n" * 5)
    assert filed.refused == 5
    assert [each["reason"] for each in report_of(desk, filed)][2:] == ["3 more rows were refused"]


def test_it_pauses_before_every_portion(desk: Desk) -> None:
    class Enough(Exception):
        pass

    def pause() -> None:
        raise Enough

    path = desk.folder / "file.csv"
    path.write_text(HEAD + GOOD, "utf-8")
    with pytest.raises(Enough):
        desk.files.take(path, name="x", carrier="own", source="desk", now_ms=NOW_MS, pause=pause)
    assert desk.memory.log.position() == 0
    assert not desk.files.list_newest(None, 10)


def test_what_came_whole_lies_in_its_place_while_it_is_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    read, seen = Sheets.read, list[str]()

    def look(self: Sheets, path: Path, carrier: str) -> Any:
        seen.append(f"{path.relative_to(desk.incoming).parts[0][:8]} {path.name} {path.read_text()}")
        return read(self, path, carrier)

    monkeypatch.setattr(Sheets, "read", look)
    body = (HEAD + GOOD).encode()
    assert desk.files.take_body(body, ".csv", name="x", carrier="own", source="desk", now_ms=NOW_MS).scans == 1
    assert seen == [f"waypost- file.csv {HEAD + GOOD}"]
    assert list(desk.incoming.iterdir()) == []


def test_without_a_place_for_its_copy_nothing_is_taken(desk: Desk) -> None:
    desk.incoming.rmdir()
    with pytest.raises(StoreError, match="cannot be copied"):
        desk.files.take_body(b"x", ".csv", name="x", carrier="own", source="desk", now_ms=NOW_MS)


def test_a_file_whose_copy_is_called_so_is_told_of_in_good_words(desk: Desk) -> None:
    path = desk.folder / "file"
    path.write_bytes(gzip.compress(b"x"))
    filed = desk.files.take(path, name="list", carrier="own", source="desk", now_ms=NOW_MS)
    assert filed.why.startswith("list: is no CSV or XLSX file.")
