"""Files that are fetched: written beside their place under another name, and put there when they are whole."""

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from waypost.client.calling import Caller
from waypost.model.errors import BadInput

#: Where a file goes: a path, or a file that is open for writing bytes.
Target = str | os.PathLike[str] | BinaryIO


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was fetched.

    Attributes:
        path: None if it went into an open file.
        left_out: of a print file, how many parcels are not in it.
    """

    path: Path | None
    content_type: str
    size: int
    left_out: int = 0


def save(caller: Caller, path: str, params: Mapping[str, Any] | None, to: Target) -> Saved:
    """Fetch something into a file, which is whole or as it was before.

    Raises:
        Problem, Unreachable: as `Caller.ask`.
        BadInput: there is no such folder.
        OSError: it cannot be written.
    """
    place = Path(os.path.realpath(to)) if isinstance(to, str | os.PathLike) else None
    with _beside(place) if place is not None and _may_replace(place) else _before(to) as file:
        headers = caller.fetch(path, params, file)
        size = file.tell()
    return Saved(
        path=place,
        content_type=headers.get("content-type", "").split(";")[0].strip(),
        size=size,
        left_out=int(headers.get("x-left-out", "0")),
    )


def _may_replace(path: Path) -> bool:
    """Whether nothing stands there but a plain file: a printer's device is written to and not replaced."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[BinaryIO]:
    if not path.parent.is_dir():
        raise BadInput(f"there is no folder {path.parent}", mend="Make it, or name another.")
    part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _before(to: Target) -> Iterator[BinaryIO]:
    """All of it first, for it may have to be fetched twice and nothing that was written into a pipe comes back."""
    with tempfile.TemporaryFile() as file:
        yield file
        file.seek(0)
        if isinstance(to, str | os.PathLike):
            with Path(to).open("wb") as device:
                shutil.copyfileobj(file, device)
        else:
            shutil.copyfileobj(file, to)
