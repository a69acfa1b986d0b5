"""Compiled loops that look at 64 bytes at once, and that count no references.

Compiled code counts who holds an array whenever it hands one on; in loops of many small functions that costs more than
what they do. What makes no arrays need not count: its caller holds them till it ends.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from waypost.store.compiled import Number

F = TypeVar("F", bound=Callable[..., Any])

#: So many bytes are looked at.
WINDOW = 64


def lean(function: F) -> F:
    """As `compiled`, for functions that make no arrays; one that does fails when it is compiled."""
    return _lean(function, nogil=True)


def lean_inlined(function: F) -> F:
    """As `inlined`, for functions that make no arrays."""
    return _lean(function, nogil=True, inline="always")


def _lean(function: F, **options: Any) -> F:
    options["_nrt"] = False
    try:
        return cast("F", njit(cache=True, **options)(function))
    except RuntimeError:  # there is no folder that could be written to: then every start compiles anew
        return cast("F", njit(**options)(function))


def _between(context: Any, data: Any, place: Any, least: Any, most: Any) -> Any:
    """Which of 64 bytes of a `uint8` array from a place on are in a range, as bits; the caller sees to the bounds."""
    signature = types.uint64(data, types.intp, types.intp, types.intp)
    byte, lane = ir.IntType(8), ir.IntType(32)
    bytes_, lanes = ir.VectorType(byte, WINDOW), ir.VectorType(lane, WINDOW)

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def each(number: Any) -> Any:
            one = builder.insert_element(ir.Constant(bytes_, ir.Undefined), builder.trunc(number, byte), lane(0))
            return builder.shuffle_vector(one, one, ir.Constant(lanes, [0] * WINDOW))

        _, place, least, most = arguments
        array = cgutils.create_struct_proxy(signature.args[0])(target, builder, arguments[0])  # type: ignore[no-untyped-call]
        window = builder.load(builder.bitcast(builder.gep(array.data, [place]), bytes_.as_pointer()))
        window.align = 1
        above = builder.sub(window, each(least))
        return builder.bitcast(builder.icmp_unsigned("<=", above, each(builder.sub(most, least))), ir.IntType(64))

    return signature, generate


between: Callable[[Any, Any, Any, Any], Number] = cast("Any", intrinsic(_between))
