import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.rooms.app.commands import COMMAND, Commands

from waypost.app import checking
from waypost.app.cli import main
from waypost.app.failures import explain
from waypost.model.errors import BadInput, StorageFull, StoreError


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.EROFS, "mount it for writing"),
        (errno.EACCES, "the right to it"),
        (errno.ENAMETOOLONG, "Give a shorter path."),
        (errno.EIO, "See what is wrong with that file or device"),
        (errno.EISDIR, "A file stands where a folder is needed"),
    ],
)
def test_an_error_says_what_where_and_how_to_mend(number: int, mend: str) -> None:
    error = explain(OSError(number, os.strerror(number), "/home/x"))
    assert isinstance(error, StoreError)
    assert error.message == f"/home/x: {os.strerror(number)}"
    assert mend in (error.mend or "")


def test_kinds_of_errors() -> None:
    assert isinstance(explain(OSError(errno.ENOSPC, "No space left on device")), StorageFull)
    assert isinstance(explain(UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")), BadInput)
    assert explain(OSError("without a number")).message == "without a number"
    assert explain(OSError(errno.EIO, "it broke", b"\xff")).message == "\udcff: it broke"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/x\x1b"), 3, "waypost: /x\\x1b: Read-only file system. "),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), 2, "waypost: text that is not UTF-8: "),
        (MemoryError(), 3, "waypost: the memory is used up. Give the process more"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_a_command_lets_out_is_told_in_one_line(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(checking, "list_kinds", fail)
    monkeypatch.setattr(sys, "argv", ["waypost", "check", "--kinds"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    told = capfd.readouterr().err
    assert told.startswith(said)
    assert told.count("\n") == bool(said)


def test_homes_that_cannot_be(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "scans.ndjson"
    file.write_text('{"carrier": "yto", "number": "YT1", "code": "GOT", "at": "2026-11-20 10:00:00"}\n')
    for home in ("/proc/self/home", "/proc", str(file)):
        for words in (("import", "scans", str(file)), ("admin", "make-key", "x"), ("serve", "--port", "0"), ("demo",)):
            said = commands.fail(*words, "--home", home, code=3)
            assert home in said, words
        for words in (("track", "YT1"), ("admin", "list-keys")):
            assert home in commands.fail(*words, "--home", home, code=1)
    for part in ("FORMAT", "lock"):
        broken = tmp_path / part
        (broken / part).mkdir(parents=True)
        assert str(broken / part) in commands.fail("import", "scans", str(file), "--home", str(broken), code=3)


def test_paths_that_cannot_be(commands: Commands) -> None:
    for path in ("x" * 300, f"/{'x' * 300}/y"):
        refused = commands.call("import", "scans", path)
        assert refused.returncode in (2, 3)
        assert path in refused.stderr.decode()
        assert path in commands.fail("track", "YT1", "--home", path, code=2)


@pytest.mark.parametrize(
    "host",
    [
        "x" * 300,
        *(pytest.param(each, marks=pytest.mark.heavy) for each in ("ä..b", "", "a b", "\x1b[31m")),
        "192.0.2.1",
    ],
)
def test_hosts_that_cannot_be(commands: Commands, host: str) -> None:
    said = commands.fail("serve", "--host", host, "--port", "0", code=2)
    assert "cannot listen at" in said
    assert "--host" in said


def test_results_that_cannot_be_written(commands: Commands) -> None:
    with Path("/dev/full").open("wb") as full:
        for words in (("check", "X"), ("check", "X", "--json"), ("import", "list"), ("check", "--kinds")):
            done = commands.run(*words, stdout=full)
            assert done.returncode == 3, words
            assert done.stderr.startswith(b"waypost: No space left on device."), words
            assert done.stderr.count(b"\n") == 1
        assert commands.run("bogus", "--json", stdout=full).returncode == 2


def test_nobody_listens_any_more(commands: Commands) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as broken:
        done = commands.run("check", "--kinds", stdout=broken)
    assert (done.returncode, done.stderr) == (0, b"")


def test_streams_that_are_closed(commands: Commands) -> None:
    for closed, code in ((">&-", 1), ("2>&-", 1), ("<&- --jsonl", 0)):
        words = ["sh", "-c", f'"$@" {closed}', "sh", *COMMAND, "check", *([] if "<" in closed else ["X"])]
        done = subprocess.run(words, env=commands.environ, capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (code, b""), closed
