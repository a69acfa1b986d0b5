"""Structs that hold what nobody should read in a traceback or a log: people, keys, what was sent to whom."""

from typing import ClassVar

import msgspec


class Guarded(msgspec.Struct, frozen=True):
    """What is printed of one is the fields that `SHOWN` names, and of the others only whether there is anything."""

    SHOWN: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        told = []
        for name in self.__struct_fields__:
            value = getattr(self, name)
            told.append(f"{name}={value!r}" if name in self.SHOWN or not value else f"{name}=…")
        return f"{type(self).__name__}({', '.join(told)})"
