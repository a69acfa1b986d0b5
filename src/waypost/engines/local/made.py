"""Index and history as one catalogue names them, copied while others go on: for a backup of a log that is trimmed."""

import os
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from waypost.engines.local.catalogue import Catalogue, Listed, read_catalogue, write_catalogue
from waypost.engines.local.changes import ChangeFiles
from waypost.engines.local.copying import Meter, copy_file, copy_open
from waypost.engines.local.disk import Disk
from waypost.engines.local.history import check_of
from waypost.engines.local.runs import Run, damaged_run
from waypost.engines.local.start import mend_made
from waypost.model.errors import StoreDamaged

_ATTEMPTS = 10


class Made:
    """Index and history of a home. Pieces of history are never removed; runs are, so they are held open.

    Attributes:
        position: everything below is in them.
        bytes: the size of their files.
    """

    def __init__(self, home: Path, opened: ExitStack) -> None:
        """Raises StoreDamaged if there is no catalogue or a run is missing."""
        self._home = home
        for attempt in range(_ATTEMPTS):
            self._catalogue = self._read()
            with ExitStack() as these:
                try:
                    self._fds = [self._open(run, these) for run in self._catalogue.runs]
                except FileNotFoundError as error:  # merged away in between
                    if attempt + 1 == _ATTEMPTS:
                        raise damaged_run(Path(error.filename), "it is missing") from None
                    continue
                opened.push(these.pop_all())
                break
        catalogue = self._catalogue
        self.position = catalogue.position
        pieces = (home / "history" / piece.name for piece in catalogue.pieces)
        sizes = [os.fstat(fd).st_size for fd in self._fds] + [path.stat().st_size for path in pieces]
        self.bytes = sum(sizes) + sum(size for _, size in catalogue.changes) + catalogue.words[0]

    def copy(self, folder: Path, meter: Meter, disk: Disk) -> list[str]:
        """Copy them, each checked; the names of the files in the folder."""
        catalogue, names = self._catalogue, ["index/CATALOGUE"]
        for part in ("index", "history"):
            (folder / part).mkdir(mode=0o700)
        for run, fd in zip(catalogue.runs, self._fds, strict=True):
            names.append(f"index/{run.name}")
            path, copy = self._home / names[-1], folder / names[-1]
            copy_open(fd, path, copy, os.fstat(fd).st_size, meter, disk)
            try:
                Run(copy).verify()
            except StoreDamaged as error:
                raise damaged_run(path, f"its copy is damaged: {error.message}") from error
        for piece in catalogue.pieces:
            names.append(f"history/{piece.name}")
            self._copy(names[-1], folder, (self._home / names[-1]).stat().st_size, piece.check, meter, disk)
        if catalogue.words[0]:
            names.append("index/words")
            self._copy(names[-1], folder, *catalogue.words, meter, disk)
        for name, size in catalogue.changes:
            names.append(f"index/{name}")
            copy_file(self._home / names[-1], folder / names[-1], size, meter, disk)
        ChangeFiles(folder / "index", np.dtype([]), catalogue.changes, disk).close()  # raises if a head is damaged
        write_catalogue(folder / "index", catalogue, disk)
        for part in ("index", "history"):
            disk.sync_folder(folder / part)
        return names

    def _copy(self, name: str, folder: Path, size: int, check: int, meter: Meter, disk: Disk) -> None:
        copy_file(self._home / name, folder / name, size, meter, disk)
        if check_of(folder / name) != check:
            raise self._damaged(self._home / name, "is not what was written")

    def _read(self) -> Catalogue:
        catalogue = read_catalogue(self._home / "index")
        if catalogue is None:
            raise self._damaged(self._home / "index" / "CATALOGUE", "is missing")
        return catalogue

    def _open(self, run: Listed, opened: ExitStack) -> int:
        fd = os.open(self._home / "index" / run.name, os.O_RDONLY)
        opened.callback(os.close, fd)
        return fd

    def _damaged(self, path: Path, what: str) -> StoreDamaged:
        return StoreDamaged(f"{path} {what}.", mend=mend_made(self._home, "Bring it back from a copy of the home."))
