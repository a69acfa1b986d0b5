"""Index and history as one catalogue names them, copied while others go on: for a backup of a log that is trimmed."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from waypost.engines.local.catalogue import Catalogue, read_catalogue, write_catalogue
from waypost.engines.local.changes import ChangeFiles
from waypost.engines.local.copying import Meter, copy_open
from waypost.engines.local.disk import Disk
from waypost.engines.local.history import check_of
from waypost.engines.local.runs import Run
from waypost.engines.local.start import mend_made
from waypost.model.errors import StoreDamaged

_ATTEMPTS = 10


class Made:
    """Index and history of a home. Runs go when they are merged, changes when the log is trimmed: all is held open.

    Attributes:
        position: everything below is in them.
        bytes: the size of their files.
    """

    def __init__(self, home: Path, opened: ExitStack) -> None:
        """Raises StoreDamaged if there is no catalogue or a file that it names is missing."""
        self._home = home
        for attempt in range(_ATTEMPTS):
            self._catalogue = self._read()
            with ExitStack() as these:
                try:
                    self._fds = {name: self._open(name, these) for name in _names(self._catalogue)}
                except FileNotFoundError as error:  # it went in between
                    if attempt + 1 == _ATTEMPTS:
                        raise self._damaged(Path(error.filename), "is missing") from None
                    continue
                opened.push(these.pop_all())
                break
        self.position = self._catalogue.position
        self._sizes = {name: os.fstat(fd).st_size for name, fd in self._fds.items()}
        grows = {"index/words": self._catalogue.words[0]} if self._catalogue.words[0] else {}
        grows |= {f"index/{name}": size for name, size in self._catalogue.changes}
        self._sizes |= grows  # what is behind that came later
        self.bytes = sum(self._sizes.values())

    def copy(self, folder: Path, meter: Meter, disk: Disk) -> list[str]:
        """Copy them, each checked; the names of the files in the folder."""
        catalogue = self._catalogue
        for part in ("index", "history"):
            (folder / part).mkdir(mode=0o700)
        for name, fd in self._fds.items():
            copy_open(fd, self._home / name, folder / name, self._sizes[name], meter, disk)
        for run in catalogue.runs:
            with self._checking(f"index/{run.name}"):
                Run(folder / "index" / run.name).verify()
        for file in catalogue.changes:
            with self._checking(f"index/{file[0]}"):
                ChangeFiles(folder / "index", np.dtype([]), (file,), disk).verify()
        checks = {f"history/{piece.name}": piece.check for piece in catalogue.pieces}
        if catalogue.words[0]:
            checks["index/words"] = catalogue.words[1]
        for name, check in checks.items():
            if check_of(folder / name) != check:
                raise self._damaged(self._home / name, "is not what was written")
        write_catalogue(folder / "index", catalogue, disk)
        for part in ("index", "history"):
            disk.sync_folder(folder / part)
        return ["index/CATALOGUE", *self._fds]

    @contextmanager
    def _checking(self, name: str) -> Iterator[None]:
        """Let what is wrong with the copy of a file be told of the file."""
        try:
            yield
        except StoreDamaged as error:
            raise self._damaged(self._home / name, f"is damaged, or its copy is: {error.message}") from error

    def _read(self) -> Catalogue:
        catalogue = read_catalogue(self._home / "index")
        if catalogue is None:
            raise self._damaged(self._home / "index" / "CATALOGUE", "is missing")
        return catalogue

    def _open(self, name: str, opened: ExitStack) -> int:
        fd = os.open(self._home / name, os.O_RDONLY)
        opened.callback(os.close, fd)
        return fd

    def _damaged(self, path: Path, what: str) -> StoreDamaged:
        what = what.removesuffix(".")
        return StoreDamaged(f"{path} {what}.", mend=mend_made(self._home, "Bring it back from a copy of the home."))


def _names(catalogue: Catalogue) -> list[str]:
    """The files that a catalogue names, as they are called in the home."""
    names = [f"index/{run.name}" for run in catalogue.runs] + [f"history/{piece.name}" for piece in catalogue.pieces]
    words = ["index/words"] if catalogue.words[0] else []
    return names + words + [f"index/{name}" for name, _ in catalogue.changes]
