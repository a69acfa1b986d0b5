"""Compiled loops: what runs for every scan is written in the part of Python that Numba compiles.

Compiled functions take and give arrays and numbers, hold no lock of the interpreter while they run, and keep their
machine code beside their source (or in the user's cache), so that only the first start waits for the compiler.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])

#: A number of compiled code: there its width is told apart, which the checker of types cannot do.
Number: TypeAlias = Any


def compiled(function: F) -> F:
    """Compile a function at its first call."""
    return _compiled(function, nogil=True)


def inlined(function: F) -> F:
    """Compile a small function into those that call it."""
    return _compiled(function, nogil=True)


def woven(function: F) -> F:
    """Compile a function into those that call it, however large, without counting who holds an array.

    For loops over many columns: handing them on at each call, and counting at each look at one, would take longer than
    what is done with them. Such a function makes no array.
    """
    return _compiled(function, nogil=True, forceinline=True, _nrt=False)


def _compiled(function: F, **options: Any) -> F:
    try:
        return cast("F", njit(cache=True, **options)(function))
    except RuntimeError:  # there is no folder that could be written to: then every start compiles anew
        return cast("F", njit(**options)(function))


def _load_u64(context: Any, data: Any, place: Any) -> Any:
    """The eight bytes of a `uint8` array from a place on, as a little-endian number; the caller sees to the bounds."""
    signature = types.uint64(data, types.intp)

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = cgutils.create_struct_proxy(signature.args[0])(target, builder, arguments[0])  # type: ignore[no-untyped-call]
        address = builder.gep(array.data, [arguments[1]])
        word = builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return signature, generate


def _store_u64(context: Any, data: Any, place: Any, word: Any) -> Any:
    """Put a number into eight bytes of a `uint8` array, little-endian; the caller sees to the bounds."""
    signature = types.void(data, types.intp, types.uint64)

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = cgutils.create_struct_proxy(signature.args[0])(target, builder, arguments[0])  # type: ignore[no-untyped-call]
        address = builder.gep(array.data, [arguments[1]])
        builder.store(arguments[2], builder.bitcast(address, ir.IntType(64).as_pointer())).align = 1
        return target.get_dummy_value()

    return signature, generate


def _trailing_zeros(context: Any, word: Any) -> Any:
    """How many zeros the bits of a number end in; 64 for zero."""
    signature = types.int64(types.uint64)

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return signature, generate


def _prefetch(context: Any, data: Any, place: Any) -> Any:
    """Ask for the memory around an element of an array that a loop will come to soon; a place outside does no harm."""
    signature = types.void(data, types.intp)

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = cgutils.create_struct_proxy(signature.args[0])(target, builder, arguments[0])  # type: ignore[no-untyped-call]
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(ask, [address, ir.Constant(number, 0), ir.Constant(number, 3), ir.Constant(number, 1)])
        return target.get_dummy_value()

    return signature, generate


load_u64: Callable[[Any, Any], Number] = cast("Any", intrinsic(_load_u64))
prefetch: Callable[[Any, Any], None] = cast("Any", intrinsic(_prefetch))
store_u64: Callable[[Any, Any, Any], None] = cast("Any", intrinsic(_store_u64))
trailing_zeros: Callable[[Any], Number] = cast("Any", intrinsic(_trailing_zeros))


def distinct(numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """For each of many numbers, of which few differ, its place among these, and these in the order of their coming."""
    places, found = np.empty(len(numbers), np.int32), np.empty(16, np.int64)
    table = np.full(64, -1, np.int32)
    start = count = 0
    while True:
        start, count = _distinct(numbers, start, places, found, count, table)
        if start == len(numbers):
            return places, found[:count]
        found = np.concatenate([found, np.empty_like(found)])
        table = np.full(4 * len(found), -1, np.int32)
        _distinct(found[:count].copy(), 0, np.empty(count, np.int32), found, 0, table)


@compiled
def _distinct(
    numbers: npt.NDArray[np.int64],
    start: int,
    places: npt.NDArray[np.int32],
    found: npt.NDArray[np.int64],
    count: int,
    table: npt.NDArray[np.int32],
) -> tuple[int, int]:
    """Go on until `found` is full; how far that was."""
    mask = np.uint64(len(table) - 1)
    for row in range(start, len(numbers)):
        mixed = np.uint64(numbers[row]) * np.uint64(0x9E3779B97F4A7C15)
        slot = (mixed ^ mixed >> np.uint64(32)) & mask
        while table[slot] >= 0 and found[table[slot]] != numbers[row]:
            slot = (slot + np.uint64(1)) & mask
        if table[slot] < 0:
            if count == len(found):
                return row, count
            table[slot], found[count] = count, numbers[row]
            count += 1
        places[row] = table[slot]
    return len(numbers), count
