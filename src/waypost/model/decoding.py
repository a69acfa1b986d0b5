"""What was written becomes what it means: JSON and plain values become structs, whichever threads ask first.

msgspec looks a struct over when it is first decoded into. Two threads that both are the first can meet it half looked
over (seen in 0.22.0), which ends the process by SIGSEGV. So here one thread looks at a time; afterwards nobody waits.
"""

import threading
from types import UnionType
from typing import Any, TypeVar, overload

import msgspec
from msgspec.json import Decoder

T = TypeVar("T")

_one_looks = threading.Lock()
_decoders: dict[tuple[Any, bool], Decoder[Any]] = {}


@overload
def decode(text: bytes | str, *, strict: bool = True) -> Any: ...
@overload
def decode(text: bytes | str, kind: type[T], *, strict: bool = True) -> T: ...
@overload
def decode(text: bytes | str, kind: UnionType, *, strict: bool = True) -> Any: ...
def decode(text: bytes | str, kind: Any = Any, *, strict: bool = True) -> Any:
    """As `msgspec.json.decode(text, type=kind)`.

    Args:
        strict: whether `"3"` is refused where 3 is meant.

    Raises:
        msgspec.DecodeError: it is no JSON; a `ValidationError` if it is of another shape.
    """
    return decoder(kind, strict=strict).decode(text)


def convert(told: Any, kind: type[T], *, strict: bool = True, **options: Any) -> T:
    """As `msgspec.convert(told, kind)`.

    Raises:
        msgspec.ValidationError: it is of another shape.
    """
    decoder(kind, strict=strict)
    converted: T = msgspec.convert(told, kind, strict=strict, **options)
    return converted


def decoder(kind: type[T], *, strict: bool = True) -> Decoder[T]:
    """The decoder into a kind, whole before anybody has it. Many threads may use it at once."""
    made = _decoders.get((kind, strict))
    if made is None:
        with _one_looks:
            made = _decoders.setdefault((kind, strict), Decoder(kind, strict=strict))
    return made
