"""Shares: the state of a busy number is that of all its scans, and none of them is folded twice without need."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.drawing import examples
from tests.rooms.engines.test_ledger import Book, index_of, scan, small_parts
from tests.rooms.engines.test_runs import folders

from waypost.engines.local import shares as shares_file
from waypost.engines.local.arrays import U8, U64
from waypost.engines.local.entries import Entries
from waypost.engines.local.runs import Run
from waypost.model.scans import VOID, ScanEvent

CODES = ["opcode:30", "opcode:50", "opcode:80", "opcode:36"]


@pytest.fixture
def small() -> Iterator[None]:
    with small_parts():
        yield


class Work:
    """What it costs: the blocks that are unpacked, the parts of runs that are read, the scans whose ids are made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.forget()
        unpack, pieces, make_ids = Run._unpack, Run.pieces, shares_file.scan_ids

        def noted_unpack(run: Run, blocks: Sequence[int]) -> Iterator[U8]:
            self.blocks.extend((run.path.name, block) for block in blocks)
            return unpack(run, blocks)

        def noted_pieces(run: Run, hashes: U64) -> Iterator[Entries]:
            self.read.append(run.path.name)
            return pieces(run, hashes)

        def noted_ids(scans: pa.Table) -> list[str]:
            self.ids += scans.num_rows
            return make_ids(scans)

        monkeypatch.setattr(Run, "_unpack", noted_unpack)
        monkeypatch.setattr(Run, "pieces", noted_pieces)
        monkeypatch.setattr(shares_file, "scan_ids", noted_ids)

    def forget(self) -> None:
        self.blocks: list[tuple[str, int]] = []
        self.read: list[str] = []
        self.ids = 0


def bag(start: int, stop: int, **rest: Any) -> list[ScanEvent]:
    return [scan("BAG", place, CODES[place % 3], facility=f"F{place % 5}", **rest) for place in range(start, stop)]


def withdrawal(of: ScanEvent, minute: int = 9_000) -> ScanEvent:
    return scan(of.number, minute, VOID, carrier=of.carrier, corrects=of.id)


def check_states(book: Book) -> None:
    """By number, by carrier, and page by page."""
    reference, index = book.reference(), index_of(book.ledger, book.log)
    expected = reference.page(None, 1_000).to_pylist()
    numbers = sorted({row["number"] for row in expected})
    assert index.states(numbers).to_pylist() == reference.states(numbers).to_pylist()
    for carrier in ("sf", "yto", "nobody"):
        assert index.states(numbers, carrier).to_pylist() == reference.states(numbers, carrier).to_pylist()
    assert index.states(numbers, most=1).to_pylist() == reference.states(numbers, most=1).to_pylist()
    paged: list[dict[str, Any]] = []
    after: tuple[str, str] | None = None
    while rows := index.page(after, 2).to_pylist():
        paged += rows
        after = rows[-1]["number"], rows[-1]["carrier"]
    assert sorted(paged, key=str) == sorted(expected, key=str)


@st.composite
def busy_scans(draw: st.DrawFn) -> list[ScanEvent]:
    """Of few numbers, some of which correct others, before or after these, and some of which are of nobody."""
    plain = st.builds(
        scan,
        st.sampled_from(["BAG", "BAG", "BAG", "A", "B"]),
        st.integers(0, 60),
        st.sampled_from(CODES),
        carrier=st.sampled_from(["sf", "sf", "yto"]),
    )
    scans = draw(st.lists(plain, min_size=12, max_size=70))
    for wrong in draw(st.lists(st.sampled_from(scans), max_size=4)):
        right = draw(plain)
        carrier = draw(st.sampled_from([wrong.carrier, wrong.carrier, "yto"]))
        code = draw(st.sampled_from([VOID, right.code]))
        scans.append(scan(wrong.number, 70, code, carrier=carrier, corrects=wrong.id))
    return draw(st.permutations(scans))


@settings(max_examples=examples(40))
@given(busy_scans(), st.integers(5, 30), st.data())
def test_states_are_those_of_all_scans_that_stand(scans: Sequence[ScanEvent], each: int, data: st.DataObject) -> None:
    """After every batch, so that what is kept of runs is used again."""
    with small_parts(), folders() as folder:
        book = Book(folder)
        for start in range(0, len(scans), each):
            book.append(scans[start : start + each])
            book.catch_up()
            check_states(book)
            if data.draw(st.booleans()):
                book.merge()
                check_states(book)
        book.check()


@pytest.mark.usefixtures("small")
def test_of_a_busy_number_only_what_came_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book(tmp_path)
    for start in range(0, 400, 50):
        book.append(bag(start, start + 50))
    book.catch_up([1] * 8, drains=True)
    assert any(not run.raw for run in book.ledger.catalogue.runs)
    index, work = index_of(book.ledger, book.log), Work(monkeypatch)
    first = index.states(["BAG"])
    assert len(work.blocks) > 50
    assert len(work.blocks) == len(set(work.blocks))
    work.forget()
    assert index.states(["BAG"]).equals(first)
    assert (work.blocks, work.read) == ([], [])
    book.append(bag(1_000, 1_030))
    book.catch_up()
    work.forget()
    check_states(book)
    assert set(work.read) == {book.ledger.catalogue.runs[-1].name}
    assert work.ids == 0  # nothing was corrected
    assert index.states(["BAG"]).column("scans").to_pylist() == [430]


@pytest.mark.usefixtures("small")
def test_a_correction_of_a_busy_number_costs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book, scans = Book(tmp_path), bag(0, 400)
    for start in range(0, 400, 50):
        book.append(scans[start : start + 50])
    book.catch_up([1] * 8, drains=True)
    work = Work(monkeypatch)
    book.append([withdrawal(scans[20])])
    book.catch_up()
    assert work.ids == 401  # of all scans, and of the correction itself
    check_states(book)

    work.forget()
    book.append(bag(1_000, 1_001))
    book.catch_up()
    assert (work.ids, work.read) == (1, [])  # that of the one that came; all others are known
    check_states(book)

    work.forget()
    book.append([withdrawal(scans[21], 9_001)])
    book.catch_up()
    assert (work.ids, len(work.read)) == (1, 1)  # only the run in which that scan is
    check_states(book)
    book.check()


@pytest.mark.usefixtures("small")
def test_scans_that_were_withdrawn_before_they_came(tmp_path: Path) -> None:
    book, late = Book(tmp_path), scan("BAG", 8_000, "opcode:80")
    book.append(bag(0, 60), [withdrawal(late), withdrawal(scan("BAG", 8_001, "opcode:80", carrier="yto"))])
    book.append([late, scan("BAG", 8_001, "opcode:80")], bag(60, 90))  # the second was withdrawn by another carrier
    book.catch_up([1] * 4)
    check_states(book)
    book.check()
    book.reopen(closes=False)
    book.check()


@pytest.mark.usefixtures("small")
def test_no_more_is_kept_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares_file, "MOST_BYTES", 1)
    book, scans = Book(tmp_path), bag(0, 200)
    for start in range(0, 200, 40):
        book.append(scans[start : start + 40])
    book.append([withdrawal(scans[3]), withdrawal(scans[180], 9_001)])
    book.catch_up([1] * 9)
    check_states(book)
    assert len(book.ledger.shares._kept) <= 1
    book.check()


@pytest.mark.usefixtures("small")
def test_nothing_is_kept_of_runs_that_were_merged_away(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for start in range(0, 400, 50):
        book.append(bag(start, start + 50))
        book.catch_up()
        check_states(book)
    book.merge()
    check_states(book)
    assert set(book.ledger.shares._kept) <= set(book.ledger.runs.all)
