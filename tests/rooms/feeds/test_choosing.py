"""Paths that are no files are refused for what they are; names and content tell what text a file holds."""

import os
import socket
from pathlib import Path

import pytest

from waypost.feeds.choosing import choose_files, holds_objects
from waypost.feeds.kinds import FEEDS, open_feed
from waypost.feeds.stream import ByteStream, Meter
from waypost.model.errors import BadInput


@pytest.mark.parametrize("kind", FEEDS)
def test_what_is_no_file_is_refused_for_what_it_is(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    os.mkfifo("pipe")
    Path("one").symlink_to("other")
    Path("other").symlink_to("one")
    Path("nowhere").symlink_to("missing")
    Path("plain").write_text("a")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for path, reason in (
            ("missing", "no such file or folder"),
            ("nowhere", "is a link to what is not there"),
            ("one", "cannot be read: Too many levels of symbolic links"),
            ("pipe", "is a pipe. Give a file"),
            ("socket", "is a socket. Give a file"),
            ("/dev/null", "is a device. Give a file"),
            ("plain/inside", "cannot be read: Not a directory"),
            ("x" * 300, "cannot be read: File name too long"),
            ("nul\0", "cannot be read: embedded null byte"),
        ):
            with pytest.raises(BadInput) as caught:
                open_feed(kind, Path(path))
            assert str(caught.value).startswith(f"{path}: {reason}")


@pytest.mark.parametrize("kind", ["scans", "facilities", "parcels", "delhivery", "lade"])
def test_a_folder_in_which_such_a_name_is_no_file_is_refused_by_that_name(tmp_path: Path, kind: str) -> None:
    (tmp_path / "good.csv").write_text("a,b\n")
    (tmp_path / "within.csv").mkdir()
    with pytest.raises(BadInput, match=r"within\.csv: is a folder where a file is needed"):
        open_feed(kind, tmp_path)
    (tmp_path / "within.csv").rmdir()
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    with pytest.raises(BadInput, match=r"loop\.csv: cannot be read: Too many levels of symbolic links"):
        open_feed(kind, tmp_path)


def test_a_file_or_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scans.csv"
    path.write_text("a,b\n")

    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BadInput, match=r"scans\.csv: cannot be read: Permission denied"):
        list(open_feed("scans", path).portions())
    monkeypatch.setattr(Path, "iterdir", refuse)
    for kind in ("scans", "olist", "lade"):
        with pytest.raises(BadInput, match=f"{tmp_path}: cannot be read: Permission denied"):
            open_feed(kind, tmp_path)


def test_a_disk_that_fails_in_the_middle_is_told_by_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "scans.ndjson"
    path.write_bytes(b"{}\n" * 100_000)
    with ByteStream(path, Meter([path])) as stream:
        stream._file.close()
        stream._file = open("/proc/self/mem", "rb")  # noqa: SIM115 - its first byte cannot be read
        with pytest.raises(BadInput, match=r"scans\.ndjson: cannot be read: Input/output error"):
            list(stream.blocks())


@pytest.mark.parametrize(
    ("name", "content", "objects"),
    [
        ("scans.ndjson", b"carrier,number\n", True),
        ("scans.JSONL.GZ", b"[1]\n{}\n", True),
        ("scans.json", b"nonsense\n{}\n", True),
        ("scans.csv", b"carrier,number\n", False),
        ("scans.csv", b"\xef\xbb\xbf\n {}\n", True),
        ("scans", b"{}\n", True),
        ("scans", b"carrier,number\n", False),
        ("scans.txt", b'"carrier"\n', False),
    ],
)
def test_the_name_tells_before_the_content(tmp_path: Path, name: str, content: bytes, objects: bool) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with ByteStream(path, Meter([path])) as stream:
        assert holds_objects(stream) is objects


def test_endings_are_read_in_any_case(tmp_path: Path) -> None:
    for name in ("A.CSV", "b.Ndjson.GZ", "c.txt"):
        (tmp_path / name).write_text("{}")
    assert [each.name for each in choose_files(tmp_path, "scans", (".csv", ".ndjson"))] == ["A.CSV", "b.Ndjson.GZ"]
