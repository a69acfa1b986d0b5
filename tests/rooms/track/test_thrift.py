import pytest

from waypost.track.thrift import I32, I64, LIST, PLAIN, STRUCT, Shape, UnreadableError, parse_struct

INNER = Shape(lists={1: (I32, PLAIN)})


def test_kinds_of_fields() -> None:
    data = b"\x11" + b"\x12" + b"\x13\x7f" + b"\x17" + b"8 bytes." + b"\x18\x02ab" + b"\x1c\x15\x03\x00" + b"\x00rest"
    fields, end = parse_struct(data, 0)
    assert fields == {(3, 3): None, (4, 7): None, (5, 8): None, (6, STRUCT): {(1, I32): -2}}
    assert data[end:] == b"rest"


@pytest.mark.parametrize(
    ("data", "number"),
    [(b"\x00", 0), (b"\x01", -1), (b"\x80\x80\x00", 0), (b"\xfe\xff\xff\xff\x0f", 2**31 - 1), (b"\xac\x02", 150)],
)
def test_numbers(data: bytes, number: int) -> None:
    assert parse_struct(b"\x15" + data + b"\0", 0) == ({(1, I32): number}, len(data) + 2)


def test_lists_are_read_and_those_of_known_structs_are_kept() -> None:
    numbers = b"\x19\x35\x02\x04\x06"
    flags = b"\x19\x21\x01\x02"
    assert parse_struct(numbers + flags + b"\0", 0)[0] == {(1, LIST): [], (2, LIST): []}
    many = b"\x19\xfc\x14" + (b"\x15\x06\0" * 20) + b"\0"
    kept, end = parse_struct(many, 0, Shape(lists={1: (STRUCT, INNER)}))
    assert kept == {(1, LIST): [{(1, I32): 3}] * 20}
    assert end == len(many)


def test_a_list_has_the_elements_that_its_field_has() -> None:
    shape = Shape(structs={1: INNER})
    assert parse_struct(b"\x1c\x19\x15\x02\0\0", 0, shape)[0] == {(1, STRUCT): {(1, LIST): []}}
    for other in (b"\x16", b"\x1c", b"\x18", b"\x11"):
        with pytest.raises(UnreadableError, match="a list has other elements than it should"):
            parse_struct(b"\x1c\x19" + other + b"\x00\0\0", 0, shape)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x05\x02\x00\0", "not in their order"),  # the number of a field in full
        (b"\x1c" * 100, "not in their order"),
        (b"\x19\x19" * 100, None),
        (b"\x1b\x00\0", "a kind that Parquet does not use"),  # a map
        (b"\x1f\x00\0", "a kind that Parquet does not use"),
        (b"\x15\xff\xff\xff\xff\x1f\0", "a number is too large"),
        (b"\x16" + b"\xff" * 10 + b"\x01\0", "a number is too large"),
        (b"\x18\x80\x80\x80\x80\x08\0", "a number is too large"),
        (b"\x19\xf5\x80\x80\x80\x80\x08\0", "a number is too large"),
    ],
)
def test_what_no_writer_writes(data: bytes, reason: str | None) -> None:
    with pytest.raises((UnreadableError, IndexError) if reason is None else UnreadableError, match=reason):
        parse_struct(data, 0)


def test_an_early_end_is_told_apart() -> None:
    whole = b"\x15\x02\x16\x80\x01\x18\x03abc\x19\x25\x02\x04\x1c\x17" + bytes(8) + b"\0\0"
    fields, end = parse_struct(whole, 0)
    assert (fields[2, I64], end) == (64, len(whole))
    for size in range(len(whole)):
        with pytest.raises(IndexError):
            parse_struct(whole[:size], 0)
    with pytest.raises(IndexError):
        parse_struct(b"\x19\xf5\xff\xff\xff\xff\x07\x00", 0)
