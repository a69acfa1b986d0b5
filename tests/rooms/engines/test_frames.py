"""Frames: any scans come back as they were, and bytes that are none are refused, whatever they say."""

import random
import struct
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.rooms.engines.logs import HastyDisk, frame, read, write
from tests.rooms.engines.scan_batches import NOON, batch

from waypost.engines.local import frames
from waypost.engines.local.frames import PART_ROWS, decode_scans, encode_parts, encode_scans, list_parts
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.segments import HEADER_SIZE, is_unfinished, segment_header, segment_path
from waypost.model.errors import BadInput, StoreDamaged, TooLarge
from waypost.model.scans import SCAN_SCHEMA, empty_batch, join_batches

HEAD = struct.Struct("<9I" + "qB" * 12)
NAMES = SCAN_SCHEMA.names
WORDS = ("carrier", "code", "facility")

anything = st.text(st.characters(codec="utf-8"), max_size=6)
words = st.sampled_from(["sf", "收件", ""]) | anything
instants = st.sampled_from([NOON, NOON + 1, NOON + 1_000, 0, -1, -(1 << 63) + 2_000, (1 << 63) - 1]) | st.integers(
    -(1 << 62), 1 << 62
)
scans = st.fixed_dictionaries(
    {
        "carrier": words,
        "number": anything,
        "code": words,
        "at": instants,
        "offset_min": st.sampled_from([480, 0]) | st.integers(-(1 << 15), (1 << 15) - 1),
        "offset_source": st.integers(0, 255),
        "time_flags": st.integers(0, 255),
        "facility": st.none() | words,
        "note": st.none() | anything,
        "corrects": st.none() | anything,
        "recorded_at": st.none() | instants,
    }
)


def columns_of(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.record_batch([pa.array([row[f.name] for row in rows], f.type) for f in SCAN_SCHEMA], schema=SCAN_SCHEMA)


def plain(scans: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows, instants as numbers: Python's own end with the year 9999."""
    for name in ("at", "recorded_at"):
        place = NAMES.index(name)
        scans = scans.set_column(place, name, scans.column(name).cast(pa.int64()))
    told: list[dict[str, Any]] = scans.to_pylist()
    return told


def check_back(scans: pa.RecordBatch) -> pa.RecordBatch:
    part = encode_scans(scans)
    assert [(rows, bytes(data)) for rows, data in list_parts(part)] == [(scans.num_rows, part)]
    back = decode_scans(part)
    assert back.schema.equals(SCAN_SCHEMA)
    back.validate(full=True)
    assert plain(back) == plain(scans)
    return back


# There and back


@given(st.lists(scans, max_size=12), st.integers(1, 80))
@example([], 1)
def test_scans_come_back_as_they_were(rows: list[dict[str, Any]], times: int) -> None:
    check_back(columns_of(rows * times))


@given(st.lists(scans, min_size=1, max_size=30), st.data())
def test_a_slice_comes_back_as_it_was_with_no_more_words_than_it_speaks(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(rows)))
    back = check_back(columns_of(rows).slice(start, data.draw(st.integers(0, len(rows) - start))))
    for name in WORDS:
        spoken = back.column(name).cast(pa.string()).drop_null().unique()
        assert sorted(back.column(name).dictionary.to_pylist()) == sorted(spoken.to_pylist())


@given(
    st.lists(st.none() | anything, min_size=1, max_size=9, unique=True),
    st.lists(st.integers(0, 8) | st.none(), min_size=1, max_size=40),
    st.integers(0, 9),
)
def test_any_dictionary_will_do(entries: list[str | None], places: list[int | None], start: int) -> None:
    """With words that no row speaks, with a null among the words, cut out of a longer one."""
    places = [None if place is None else place % len(entries) for place in places]
    dictionary = pa.array(["before", *entries, "behind"]).slice(1, len(entries))
    facility = pa.DictionaryArray.from_arrays(pa.array([0, *places], pa.int32()).slice(1), dictionary)
    whole = columns_of([{**batch(0, 1).to_pylist()[0], "note": str(row)} for row in range(len(places))])
    check_back(whole.set_column(NAMES.index("facility"), SCAN_SCHEMA.field("facility"), facility).slice(start))


def test_what_stands_behind_a_null_is_left_out() -> None:
    text, ends = b"behind a nullnote", np.array([0, 13, 17], np.int32)
    note = pa.StringArray.from_buffers(2, pa.py_buffer(ends), pa.py_buffer(text), pa.py_buffer(b"\x02"))
    two = batch(0, 2)
    whole = two.set_column(NAMES.index("note"), SCAN_SCHEMA.field("note"), note)
    assert check_back(whole).column("note").to_pylist() == [None, "note"]
    assert b"behind" not in encode_scans(whole)


@pytest.mark.parametrize("rows", [1, 255, 256, 257, 5_000, PART_ROWS])
def test_more_words_need_more_planes(rows: int) -> None:
    many = batch(0, rows)
    facility = pa.array([f"F{place}" for place in range(rows)]).dictionary_encode()
    check_back(many.set_column(NAMES.index("facility"), SCAN_SCHEMA.field("facility"), facility))


def test_words_and_texts_may_be_long() -> None:
    row = batch(0, 1).to_pylist()[0]
    check_back(columns_of([{**row, "code": "码" * 40_000, "note": "n" * 70_000}, row, {**row, "number": "7" * 300}]))


def test_many_scans_become_several_parts() -> None:
    many = join_batches([batch(start, PART_ROWS // 8) for start in range(0, 9)])
    parts = encode_parts(many)
    told = list_parts(b"".join(parts))
    assert [rows for rows, _ in told] == [PART_ROWS, PART_ROWS // 8]
    assert plain(join_batches([decode_scans(part) for _, part in told])) == plain(many)
    assert (encode_parts(empty_batch()), list_parts(b"")) == ([], [])
    with pytest.raises(TooLarge, match=f"{PART_ROWS + 1} scans .* are too much"):
        encode_scans(many.slice(0, PART_ROWS + 1))


# What it takes


def head_of(part: bytes) -> tuple[list[int], dict[str, tuple[int, int]]]:
    told = HEAD.unpack_from(part)
    return list(told[:9]), dict(zip([*NAMES, "words"], zip(told[9::2], told[10::2], strict=True), strict=True))


def test_what_is_the_same_in_all_rows_takes_no_byte_of_a_row() -> None:
    row = batch(0, 1).to_pylist()[0]
    many = encode_scans(columns_of([{**row, "note": None}] * 5_000))
    counts, kinds = head_of(many)
    assert counts[:5] == [len(many), 5_000, 1, 1, 1]
    assert {name: kind for name, (_, kind) in kinds.items() if kind} == {"words": 1} | {
        name: 32 for name in ("note", "corrects", "recorded_at")
    }
    row_bytes = len("P0")
    assert decode_scans(many).num_rows == 5_000
    assert len(many) < HEAD.size + 100
    assert counts[5:] == [len("sfopcode:30F0"), 5_000 * row_bytes, 0, 0]


def test_the_head_tells_of_each_column_what_the_table_says() -> None:
    rows = batch(0, 300).to_pylist()
    for place, row in enumerate(rows):
        row.update(recorded_at=NOON + place if place % 2 else None, offset_min=480 - 15 * (place % 3))
    counts, kinds = head_of(encode_scans(columns_of(rows)))
    assert counts[1:5] == [300, 1, 1, 7]
    assert kinds["at"] == (NOON, 16 + 2)  # minutes, so whole seconds: 17,940 of them
    assert kinds["offset_min"] == (450, 1)
    assert kinds["facility"] == (0, 1)
    assert kinds["corrects"] == (-1, 32)
    assert kinds["recorded_at"] == (NOON + 1 - 1_000, 32 + 2)
    assert kinds["note"] == (6, 1)
    assert kinds["carrier"] == (0, 0)


# What is no batch of scans


def test_what_may_not_be_null_is_refused() -> None:
    """Also a null that hides in a dictionary."""
    for name in ("carrier", "code", "number", "at", "offset_min"):
        two = batch(0, 2)
        place = NAMES.index(name)
        gone = pa.array([None, two.column(name)[1].as_py()], SCAN_SCHEMA.field(name).type)
        with pytest.raises(BadInput, match=f"{name}: .* may hold no null"):
            encode_scans(two.set_column(place, SCAN_SCHEMA.field(name), gone))
        if name in WORDS:
            hidden = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["sf", None]))
            with pytest.raises(BadInput, match=f"{name}: .* may hold no null"):
                encode_scans(two.set_column(place, SCAN_SCHEMA.field(name), hidden))


def texts(ends: list[int], data: bytes) -> pa.StringArray:
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(np.array(ends, np.int32)), pa.py_buffer(data))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("number", texts([0, 3, 1], b"abc")),
        ("note", texts([0, 1, 3], b"a\xff\xfe")),
        ("note", texts([0, 1, 3], "a码".encode())),
        ("note", texts([0, 2, 4], "a码".encode())),
        ("facility", [0, 2]),
        ("facility", [-1, 1]),
        ("facility", [1 << 30, 1]),
    ],
)
def test_arrays_at_odds_with_themselves_are_refused(name: str, column: Any) -> None:
    if isinstance(column, list):
        places = pa.array(column, pa.int32())
        kind = SCAN_SCHEMA.field(name).type
        column = pa.DictionaryArray.from_buffers(kind, 2, places.buffers(), pa.array(["a", "b"]))
    with pytest.raises(BadInput, match="at odds with themselves"):
        encode_scans(batch(0, 2).set_column(NAMES.index(name), SCAN_SCHEMA.field(name), column))


# What is no part


PARTS = {
    "packed": encode_scans(batch(0, 700)),
    "few": encode_scans(batch(0, 3)),
    "plain": encode_scans(join_batches([batch(0, 2), columns_of([{**batch(0, 1).to_pylist()[0], "note": "派件码"}])])),
    "nulls": encode_scans(
        columns_of([{**row, "facility": None, "recorded_at": None} for row in batch(0, 2).to_pylist()])
    ),
}


def mutations(part: bytes, count: int, seed: int) -> list[bytes]:
    """The same with bits flipped, bytes written over, or pieces moved, lost or doubled; half of them in the head."""
    draw = random.Random(seed)
    told = []
    for place in range(count):
        data = bytearray(part)
        size = len(data) if place % 2 else HEAD.size
        for _ in range(draw.choice([1, 1, 1, 2, 5])):
            at = draw.randrange(min(size, len(data)))
            match draw.randrange(6):
                case 0 | 1:
                    data[at] ^= 1 << draw.randrange(8)
                case 2:
                    data[at] = draw.choice([0, 1, 127, 128, 255])
                case 3:
                    data[at : at + 4] = struct.pack(
                        "<I", draw.choice([0, 1, 255, 1 << 16, (1 << 31) - 1, (1 << 32) - 1])
                    )
                case 4:
                    del data[at : at + draw.randrange(1, 9)]
                case 5:
                    data[at:at] = data[at : at + draw.randrange(1, 9)]
        if place % 3 and len(data) >= 4:
            data[:4] = struct.pack("<I", len(data))
        told.append(bytes(data))
    return told


def read_all(payload: bytes) -> int:
    """How many scans there are. What is not refused is as sound as any."""
    told = [decode_scans(part) for _, part in list_parts(payload)]
    for scans in told:
        scans.validate(full=True)
    return sum(scans.num_rows for scans in told)


def refusals(wrong: list[bytes]) -> list[str]:
    """What is said of those that are refused."""
    told = []
    for data in wrong:
        try:
            read_all(data)
        except StoreDamaged as error:
            told.append(str(error))
    return told


@pytest.mark.parametrize("which", PARTS)
def test_no_bytes_whatever_break_the_reader(which: str, heavy: bool) -> None:
    part = PARTS[which]
    wrong = mutations(part, 60_000 if heavy else 3_000, seed=len(part))
    told = refusals(wrong)
    assert len(wrong) // 2 < len(told) < len(wrong)  # to change a letter of a text makes another text
    assert all(text.startswith("These bytes are no scans: ") for text in told)
    assert read_all(part) > 0


@pytest.mark.parametrize("which", PARTS)
def test_the_loops_stay_within_their_arrays(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As plain Python they would raise, where compiled they would read on."""
    for name in ("unpack", "sum_up", "narrow_places", "is_ascii"):
        monkeypatch.setattr(frames, name, getattr(frames, name).py_func)
    part = PARTS[which]
    with np.errstate(over="ignore"):
        assert refusals(mutations(part, 150, seed=1))
        assert read_all(part) > 0


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (1, PART_ROWS + 1, "too many of them"),
        (1, 2, "too many of them, or of their words"),
        (1, 4, "cannot be unpacked"),
        (2, 4, "or of their words"),
        (4, 2, "cannot be the"),
        (5, 1 << 31, "cannot be the"),
        (6, 0, "cannot be the"),
    ],
)
def test_a_head_that_says_too_much_is_refused(place: int, value: int, told: str) -> None:
    head = list(HEAD.unpack_from(PARTS["few"]))
    head[place] = value
    with pytest.raises(StoreDamaged, match=told):
        decode_scans(HEAD.pack(*head) + PARTS["few"][HEAD.size :])


@pytest.mark.parametrize(
    ("name", "least", "kind", "told"),
    [
        ("at", 0, 9, "no known kind"),
        ("at", 0, 64, "no known kind"),
        ("at", 0, 32 + 16 + 1, "at has nulls"),
        ("code", 1, 0, "code has places beyond its words"),
        ("code", -1, 0, "code has places or lengths that cannot be"),
        ("corrects", 0, 0, None),
        ("corrects", 5, 0, "corrects does not end"),
        ("corrects", 1 << 40, 0, "corrects has places or lengths that cannot be"),
        ("number", 3, 0, "number does not end"),
        ("offset_min", 1 << 15, 0, "offset_min is out of range"),
        ("time_flags", 256, 0, "time_flags is out of range"),
        ("words", -1, 32 + 1, "do not end|cannot be"),
    ],
)
def test_a_column_that_cannot_be_is_refused(name: str, least: int, kind: int, told: str | None) -> None:
    part = PARTS["few"]
    head, place = list(HEAD.unpack_from(part)), 9 + 2 * [*NAMES, "words"].index(name)
    planes = head[place + 1] & 15
    head[place : place + 2] = least, kind if kind > 63 or kind & 15 > 8 else kind & 48 | planes
    data = HEAD.pack(*head) + part[HEAD.size :]
    if told is None:
        assert decode_scans(data).column(name).to_pylist() == ["", "", ""]
    else:
        with pytest.raises(StoreDamaged, match=told):
            decode_scans(data)


def test_few_bytes_do_not_ask_for_much_memory() -> None:
    """Whoever reads a head that promises gigabytes must not set them aside first."""
    head = list(HEAD.unpack_from(PARTS["few"]))
    head[7] = 1 << 30
    with pytest.raises(StoreDamaged, match="cannot be the 1073741"):
        decode_scans(HEAD.pack(*head) + PARTS["few"][HEAD.size :])


def test_texts_that_are_none_are_refused() -> None:
    part = bytearray(PARTS["plain"])
    part[part.index("派".encode()) + 1] = 0xFF
    with pytest.raises(StoreDamaged, match="note is no text"):
        decode_scans(bytes(part))


# In the log: frames that are whole and hold no scans


def overwrite(folder: Path, frames: bytes) -> SegmentLog:
    """A log of one segment with some frames."""
    path = segment_path(folder, 0)
    path.write_bytes(segment_header(0) + frames)
    return SegmentLog(folder, disk=HastyDisk())


def test_a_frame_is_as_the_table_says(tmp_path: Path) -> None:
    write(tmp_path, 3, 2_000)
    data = segment_path(tmp_path, 0).read_bytes()
    parts = [encode_scans(batch(0, 3)), encode_scans(batch(3, 2_000))]
    assert data == segment_header(0) + frame(0, 3, parts[0]) + frame(3, 2_000, parts[1])
    assert data[:HEADER_SIZE] == data[: HEADER_SIZE - 4] + struct.pack("<I", zlib.crc32(data[: HEADER_SIZE - 4]))


@pytest.mark.parametrize("rows", [1, 2, 100, 5_000])
def test_no_whole_frame_looks_unfinished(rows: int) -> None:
    """Else a byte that changed on the disk would be taken for an append that was broken off."""
    whole = frame(0, rows, encode_scans(batch(0, rows)))
    assert not is_unfinished(whole)
    assert is_unfinished(whole[:-1])
    assert is_unfinished(whole[:-8] + bytes(8))


@pytest.mark.parametrize(
    ("rows", "payload"),
    [
        (3, b""),
        (3, b"no scans at all"),
        (4, encode_scans(batch(0, 3))),
        (3, encode_scans(batch(0, 3))[:-1]),
        (3, encode_scans(batch(0, 3)) + b"\0"),
        (3, encode_scans(batch(0, 2))),
        (3, encode_scans(batch(0, 2)) + encode_scans(batch(2, 2))),
    ],
)
def test_a_whole_frame_that_holds_other_than_it_says_is_damage(tmp_path: Path, rows: int, payload: bytes) -> None:
    with closing(overwrite(tmp_path, frame(0, rows, payload))) as log:
        told = f"{segment_path(tmp_path, 0)}, byte {HEADER_SIZE}: a frame whose check is right cannot be read: "
        with pytest.raises(StoreDamaged, match=told):
            read(log)


def test_flipped_bits_under_a_right_check_are_damage_or_other_scans(tmp_path: Path) -> None:
    """A check of 32 bits proves nothing; whatever it lets through breaks nobody."""
    payload = encode_scans(batch(0, 40)) + encode_scans(batch(40, 2_000))
    told = []
    for place in [*range(0, 150, 3), *range(150, len(payload), 29)]:
        flipped = bytearray(payload)
        flipped[place] ^= 1 << place % 8
        with closing(overwrite(tmp_path, frame(0, 2_040, bytes(flipped)))) as log:
            try:
                for found in log.read(0):
                    found.scans.validate(full=True)
            except StoreDamaged as error:
                told.append(str(error))
    assert len(told) > 50
    assert all(text.startswith(f"{segment_path(tmp_path, 0)}, byte {HEADER_SIZE}: a frame whose") for text in told)
