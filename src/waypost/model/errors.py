"""What can go wrong, as a tree.

::

    WaypostError
    ├── BadInput            what a caller gave cannot be used; says where and how to mend it
    │   └── TooLarge        more than the limit that is named
    ├── NotFound            nothing is known under that name
    ├── NotAllowed          the caller may not do this
    ├── Conflict            it contradicts what is there already
    ├── TooMany             more requests than the limit; says when to try again
    ├── Unreachable         a service of the world that was asked gave no answer
    ├── SettingsError       a setting is missing, unknown or out of range
    └── StoreError          a machine under us failed
        ├── HomeInUse       another process writes to this home
        ├── Closed          it is being closed, on purpose; nothing is lost
        ├── StorageFull     no room left; nothing new was acknowledged, nothing old is lost
        ├── StoreDamaged    bytes on disk are not what was written
        ├── Gone            it was kept only so long, as the settings ask
        └── WrongFormat     written by another format version

Exceptions of parcels (late, lost, damaged) are no Python errors; they belong to the room `care`.
"""

from typing import Any, ClassVar


class WaypostError(Exception):
    """Anything that Waypost raises on purpose.

    `code` is stable and public: it names the kind of the problem in HTTP answers and `--json` output.
    `mend` says what to do about it.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, mend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __reduce__(self) -> tuple[Any, ...]:
        """So that another process can be told of it: what `__init__` wants besides the message stands in the rest."""
        return _remade, (type(self), self.args, vars(self))

    def __str__(self) -> str:
        if not self.mend:
            return self.message
        return f"{self.message}{'' if self.message.endswith(('.', '!', '?')) else '.'} {self.mend}"


class BadInput(WaypostError):
    """What a caller gave cannot be used.

    `where` is the position: a file and line, a row, a field.
    """

    code = "bad_input"
    status = 400

    def __init__(self, message: str, *, where: str | None = None, mend: str | None = None) -> None:
        super().__init__(f"{where}: {message}" if where else message, mend=mend)
        self.where = where


class TooLarge(BadInput):
    """More than the limit that the message names."""

    code = "too_large"
    status = 413


class NotFound(WaypostError):
    """Nothing is known under that name."""

    code = "not_found"
    status = 404


class NotAllowed(WaypostError):
    """The caller may not do this."""

    code = "not_allowed"
    status = 401


class Conflict(WaypostError):
    """It contradicts what is there already."""

    code = "conflict"
    status = 409


class TooMany(WaypostError):
    """More requests than the limit; `retry_after_s` says when the next one has a chance."""

    code = "too_many"
    status = 429

    def __init__(self, message: str, *, retry_after_s: int, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.retry_after_s = retry_after_s


class Unreachable(WaypostError):
    """A service of the world that was asked (weather, road distances) gave no answer, or none that can be used."""

    code = "unreachable"
    status = 503


class SettingsError(WaypostError):
    """A setting is missing, unknown or out of range."""

    code = "settings"


class StoreError(WaypostError):
    """A machine under us failed."""

    code = "store"
    status = 503


class HomeInUse(StoreError):
    """Another process writes to this home."""

    code = "home_in_use"


class Closed(StoreError):
    """It is being closed, on purpose: whoever asks ends quietly. Nothing is lost."""

    code = "closed"


class StorageFull(StoreError):
    """No room left. Nothing new was acknowledged, nothing old is lost."""

    code = "storage_full"
    status = 507


class StoreDamaged(StoreError):
    """Bytes on disk are not what was written."""

    code = "store_damaged"


class Gone(StoreError):
    """It was kept only so long, as the settings ask; `start` is the first position that there is."""

    code = "gone"
    status = 410

    def __init__(self, message: str, *, start: int, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.start = start


class WrongFormat(StoreError):
    """Written by another format version."""

    code = "wrong_format"


def _remade(kind: type[WaypostError], args: tuple[Any, ...], rest: dict[str, Any]) -> WaypostError:
    error = kind.__new__(kind, *args)
    vars(error).update(rest)
    return error
