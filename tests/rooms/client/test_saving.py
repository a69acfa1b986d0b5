"""Files that are fetched are whole, or as they were."""

import io
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from waypost.client.calling import Caller
from waypost.client.saving import save
from waypost.model.errors import BadInput


class Fetching(Caller):
    """Answers by itself; breaks off if there is nothing to answer."""

    def __init__(self, *parts: bytes, breaks: bool = False) -> None:
        self.parts, self.breaks = parts, breaks

    def fetch(self, path: str, params: Mapping[str, Any] | None, to: BinaryIO) -> Mapping[str, str]:
        for each in self.parts:
            to.write(each)
        if self.breaks:
            raise OSError("broke off")
        return {"content-type": "application/pdf; x=y", "x-left-out": "3"}


def test_a_file_is_put_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "label.pdf"
    saved = save(Fetching(b"%PDF", b"-1"), "/x", None, path)
    assert (saved.path, saved.content_type, saved.size, saved.left_out) == (path, "application/pdf", 6, 3)
    assert path.read_bytes() == b"%PDF-1"
    assert os.listdir(tmp_path) == ["label.pdf"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "label.pdf").symlink_to(tmp_path / "there" / "real.pdf")
    assert save(Fetching(b"1"), "/x", None, tmp_path / "label.pdf").path == tmp_path / "there" / "real.pdf"
    assert (tmp_path / "label.pdf").is_symlink()
    assert (tmp_path / "there" / "real.pdf").read_bytes() == b"1"


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "old.pdf").write_bytes(b"old")
    for name in ("old.pdf", "new.pdf"):
        with pytest.raises(OSError, match="broke off"):
            save(Fetching(b"half", breaks=True), "/x", None, tmp_path / name)
    assert os.listdir(tmp_path) == ["old.pdf"]
    assert (tmp_path / "old.pdf").read_bytes() == b"old"
    to = io.BytesIO()
    with pytest.raises(OSError, match="broke off"):
        save(Fetching(b"half", breaks=True), "/x", None, to)
    assert to.getvalue() == b""


def test_a_printer_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "lp0"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    save(Fetching(b"^XA^XZ"), "/x", None, pipe)
    reader.join(10)
    assert found == [b"^XA^XZ"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no folder"):
        save(Fetching(b""), "/x", None, tmp_path / "none" / "label.pdf")
    with pytest.raises(IsADirectoryError):
        save(Fetching(b""), "/x", None, tmp_path)
