"""Thrift's compact protocol, as far as Parquet uses it, and strictly.

Arrow reads the same bytes once more by itself. So whatever two readers could take differently, such as a list of other
elements than its field has, is refused: no writer makes it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

#: What stands in a struct, by field and kind: a whole number, a struct, or a list of known structs; None for the rest.
Fields: TypeAlias = dict[tuple[int, int], Any]

BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT = 3, 4, 5, 6, 7, 8, 9, 12
_BOOLS = (1, 2)
_LARGEST = 2**31 - 1
_DEEPEST = 12


class UnreadableError(Exception):
    """What no writer would write."""


class Shape(NamedTuple):
    """What is known of a struct.

    Attributes:
        structs: the shapes of those that it holds.
        lists: of what kind and shape the elements of its lists are. Only those of a shape other than `PLAIN` are kept.
    """

    structs: "Mapping[int, Shape]" = MappingProxyType({})
    lists: "Mapping[int, tuple[int, Shape]]" = MappingProxyType({})


PLAIN = Shape()


def parse_struct(data: bytes, place: int, shape: Shape = PLAIN, depth: int = 0) -> tuple[Fields, int]:
    """A struct, and where it ends.

    Raises:
        IndexError: the data ends before it.
        UnreadableError: it is none.
    """
    fields, field = Fields(), 0
    while (head := data[place]) != 0:
        step, kind = head >> 4, head & 15
        if step == 0 or depth > _DEEPEST:
            raise UnreadableError("its fields are not in their order")
        field, place = field + step, place + 1
        if kind in _BOOLS:
            continue
        if kind == LIST:
            fields[field, kind], place = _parse_list(data, place, shape.lists.get(field), depth + 1)
        else:
            within = shape.structs.get(field, PLAIN)
            fields[field, kind], place = _parse_value(data, place, kind, within, depth + 1)
    return fields, place + 1


def _parse_list(data: bytes, place: int, known: tuple[int, Shape] | None, depth: int) -> tuple[list[Any], int]:
    count, kind = data[place] >> 4, data[place] & 15
    place += 1
    if count == 15:
        count, place = _parse_varint(data, place, _LARGEST)
    expected, shape = known or (kind, PLAIN)
    if kind != expected:
        raise UnreadableError("a list has other elements than it should")
    found = []
    for _ in range(count):
        value, place = _parse_value(data, place, BYTE if kind in _BOOLS else kind, shape, depth)
        if shape is not PLAIN:
            found.append(value)
    return found, place


def _parse_value(data: bytes, place: int, kind: int, shape: Shape, depth: int) -> tuple[Any, int]:
    if kind in (I16, I32, I64):
        number, place = _parse_varint(data, place, 2**64 - 1 if kind == I64 else 2**32 - 1)
        return (number >> 1) ^ -(number & 1), place
    if kind == STRUCT:
        return parse_struct(data, place, shape, depth)
    if kind == BINARY:
        size, place = _parse_varint(data, place, _LARGEST)
    elif kind in (BYTE, DOUBLE):
        size = 1 if kind == BYTE else 8
    else:
        raise UnreadableError("a field is of a kind that Parquet does not use")
    if place + size > len(data):
        raise IndexError
    return None, place + size


def _parse_varint(data: bytes, place: int, most: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80 and number <= most:
            return number, place
        if byte < 0x80:
            break
    raise UnreadableError("a number is too large")
