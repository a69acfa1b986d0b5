"""The words of an index on disk: a file that only grows, a line of JSON for each word."""

import os
from pathlib import Path

import msgspec
from isal.isal_zlib import crc32

from waypost.engines.local.disk import Disk
from waypost.engines.local.start import mend_made
from waypost.model.decoding import decoder
from waypost.model.errors import StoreDamaged
from waypost.store.words import Vocabulary

_COLUMNS = ("carrier", "code", "facility")


class WordFile:
    """Keeps a vocabulary, whose words beyond what is on disk are written by `save`.

    Attributes:
        extent: so many bytes are in use, and their CRC-32; what is behind them was never published.
    """

    def __init__(self, path: Path, words: Vocabulary, extent: tuple[int, int], disk: Disk) -> None:
        """Read the words of a file into a vocabulary that has none yet.

        Raises:
            StoreDamaged: the file is not what was written.
        """
        self.extent = 0, 0
        self._path = path
        self._words = words
        self._disk = disk
        self.read_on(extent)

    def read_on(self, extent: tuple[int, int]) -> None:
        """Read the further words of the file, which another process may have written since.

        Raises:
            StoreDamaged: the file is not what was written.
        """
        path, words, data = self._path, self._words, b""
        (start, check), (size, _) = self.extent, extent
        if size > start:
            try:
                with path.open("rb") as file:
                    file.seek(start)
                    data = file.read(size - start)
            except FileNotFoundError:
                raise _damaged(path, "it is missing") from None
        if (start + len(data), crc32(data, check)) != extent:
            raise _damaged(path, "it is not what was written")
        try:
            for column, text in decoder(tuple[str, str]).decode_lines(data):
                words.of(column).id_of(text)
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
            raise _damaged(path, str(error)) from error
        self.extent = extent
        self._kept = {column: len(words.of(column)) for column in _COLUMNS}

    def save(self) -> None:
        """Write the new words, and see that they are on disk."""
        fresh = [(column, text) for column, kept in self._kept.items() for text in self._words.of(column).since(kept)]
        if not fresh:
            return
        data = msgspec.json.Encoder().encode_lines(fresh)
        is_first = self.extent[0] == 0
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            self._disk.cut(fd, self.extent[0])
            self._disk.write(fd, data)
            self._disk.sync(fd)
        finally:
            os.close(fd)
        if is_first:
            self._disk.sync_folder(self._path.parent)
        self.extent = self.extent[0] + len(data), crc32(data, self.extent[1])
        for column, _ in fresh:
            self._kept[column] += 1


def _damaged(path: Path, why: str) -> StoreDamaged:
    mend = mend_made(path.parent.parent, f"Remove the folder {path.parent}: it is made anew from the log.")
    return StoreDamaged(f"{path}: {why}.", mend=mend)
