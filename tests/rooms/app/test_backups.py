"""`waypost admin backup | restore | verify` as people and programs use them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.app.commands import COMMAND, Commands
from tests.rooms.engines.homes import fill_runs, home_in, merge_soon
from tests.rooms.engines.trimming import let_go

from waypost.engines.local.retention import Retention

FACILITIES = [{"carrier": "yto", "code": "H1", "name": "Hangzhou 1", "kind": "hub", "zone": "Asia/Shanghai"}]
PARCELS = [{"carrier": "yto", "number": "YT1", "order_number": "A-1"}]


def bring_in(commands: Commands, folder: Path, scans: int = 30) -> None:
    rows = {
        "facilities": FACILITIES,
        "parcels": PARCELS,
        "scans": [
            {"carrier": "yto", "number": f"YT{n % 7}", "code": "GOT", "at": f"2026-11-20T10:{n % 60:02}:00+08:00"}
            for n in range(scans)
        ],
    }
    for kind, lines in rows.items():
        file = folder / f"{kind}.ndjson"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert commands.ask("import", kind, str(file))["rows_refused"] == 0


def flip(path: Path, byte: int) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 1
    path.write_bytes(data)


@pytest.fixture
def filled(commands: Commands, tmp_path: Path) -> Commands:
    bring_in(commands, tmp_path)
    return commands


def test_a_backup_is_taken_verified_and_brought_back(filled: Commands, tmp_path: Path) -> None:
    secret = filled.ask("admin", "make-key", "mine")
    backup, home = str(tmp_path / "backup"), str(tmp_path / "restored")
    told = filled.ask("admin", "backup", backup)
    assert {name: told[name] for name in ("backup", "scans", "files")} == {"backup": backup, "scans": 30, "files": 3}
    assert {table: told["rows"][table] for table in ("parcels", "facilities", "access_keys")} == {
        "parcels": 1,
        "facilities": 1,
        "access_keys": 1,
    }
    assert told["bytes"] == sum(file.stat().st_size for file in Path(backup).rglob("*") if file.is_file()) - (
        (Path(backup) / "BACKUP").stat().st_size
    )

    whole = filled.ask("admin", "verify", backup)
    assert (whole["well"], whole["kind"], whole["scans"], whole["findings"]) == (True, "backup", 30, [])

    restored = filled.ask("admin", "restore", backup, "--home", home)
    same = ("made", "waypost", "scans", "rows", "files", "bytes")
    assert {name: restored[name] for name in same} == {name: told[name] for name in same}
    assert (restored["home"], restored["restored_from"]) == (home, backup)
    for number in ("YT1", "A-1"):
        assert filled.ask("track", number, "--home", home) == filled.ask("track", number)
    assert filled.ask("admin", "list-keys", "--home", home) == filled.ask("admin", "list-keys")
    assert secret["key"] not in json.dumps(told)

    both = [filled.ask("admin", "verify", *where) for where in ((), (home,), ("--home", home))]
    assert all((each["well"], each["history_scans"], each["parcels_compared"]) == (True, 30, 7) for each in both)
    assert [each["path"] for each in both] == [str(filled.home), home, home]


def test_what_people_are_told(filled: Commands, tmp_path: Path) -> None:
    backup, home = str(tmp_path / "backup"), str(tmp_path / "restored")
    done = filled.call("admin", "backup", backup)
    assert done.returncode == 0
    assert "log: 30 scans\nrecords: 0 access_keys, 0 access_sessions, " in done.stdout.decode()
    assert ", 1 facilities, " in done.stdout.decode()
    done = filled.call("admin", "restore", backup, "--home", home)
    assert done.returncode == 0
    assert done.stdout.decode().startswith(f"home: {home}\nrestored from: {backup}\nmade: 20")
    done = filled.call("admin", "verify")
    assert done.returncode == 0
    assert done.stdout.decode().endswith("compared with the log scan by scan: 7 parcels\nAll is well.\n")


def test_what_is_wrong_is_told_with_file_byte_and_mend(filled: Commands) -> None:
    [segment] = (filled.home / "log").glob("*.seg")
    flip(segment, 100)
    done = filled.call("admin", "verify")
    said = done.stdout.decode()
    assert done.returncode == 1
    assert f"{segment}, byte 24: a frame's check does not match its bytes" in said
    assert "from a backup" in said
    assert said.endswith("1 thing is wrong.\n")
    report = filled.ask("admin", "verify", code=1)
    assert not report["well"]
    [finding] = report["findings"]
    assert (finding["part"], finding["file"], finding["byte"]) == ("log", str(segment), 24)
    assert str(segment) in filled.fail("admin", "backup", str(filled.home.parent / "backup"), code=3)


def test_a_damaged_backup_is_refused(filled: Commands, tmp_path: Path) -> None:
    backup, home = tmp_path / "backup", tmp_path / "restored"
    filled.ask("admin", "backup", str(backup))
    flip(backup / "records.sqlite", 5_000)
    assert "records.sqlite: its SHA-256" in filled.fail("admin", "restore", str(backup), "--home", str(home), code=3)
    assert not home.exists()
    [finding] = filled.ask("admin", "verify", str(backup), code=1)["findings"]
    assert finding["file"] == str(backup / "records.sqlite")


def test_what_is_wrong_with_the_call(filled: Commands, tmp_path: Path) -> None:
    backup = str(tmp_path / "backup")
    filled.ask("admin", "backup", backup)
    for words, says in (
        (("backup", backup), "already holds a backup"),
        (("backup", str(filled.home / "x")), "lies in the home"),
        (("backup", str(tmp_path / "x"), "--home", str(tmp_path / "none")), "no home in"),
        (("backup",), "Missing argument"),
        (("backup", ""), "the name of the folder is empty"),
        (("restore", backup), "is not empty"),
        (("restore", str(filled.home), "--home", str(tmp_path / "new")), "is no backup"),
        (("restore", str(tmp_path / "none"), "--home", str(tmp_path / "new")), "is no backup"),
        (("verify", str(tmp_path / "none")), "no home in"),
        (("verify", "--sample", "-1"), "'--sample'"),
    ):
        code = 1 if says in ("no home in", "is no backup") else 2
        assert says in filled.fail("admin", *words, code=code), words
    assert not (tmp_path / "new").exists()


@pytest.mark.heavy
def test_beside_a_running_server(filled: Commands, tmp_path: Path) -> None:
    server = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--json"], env=filled.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        told: dict[str, Any] = json.loads(b"".join(iter(server.stdout.readline, b"}\n")) + b"}")
        assert told["home"] == str(filled.home)
        backup, home = str(tmp_path / "backup"), str(tmp_path / "restored")
        assert filled.ask("admin", "backup", backup, "--link")["rows"]["access_keys"] == 1
        assert filled.ask("admin", "verify")["well"]
        assert "is not empty" in filled.fail("admin", "restore", backup, code=2)
        assert filled.ask("admin", "restore", backup, "--home", home)["scans"] == 30
    finally:
        server.terminate()
        server.communicate(timeout=60)
    assert server.returncode == 0


def test_own_settings_hold_while_index_is_made_anew(filled: Commands, tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    (filled.home / "waypost.toml").write_text(f'[track]\ntables = "{tables}"\n')
    filled.ask("track", "YT1")
    filled.ask("admin", "backup", str(tmp_path / "backup"))
    filled.ask("admin", "restore", str(tmp_path / "backup"), "--home", str(tmp_path / "new"))
    assert (tmp_path / "new" / "waypost.toml").read_text() == f'[track]\ntables = "{tables}"\n'
    assert filled.ask("admin", "verify", str(tmp_path / "new"))["well"]


@pytest.mark.heavy
def test_a_home_whose_log_is_trimmed(commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merge_soon(monkeypatch)
    archive, backup, restored = (str(tmp_path / name) for name in ("archive", "backup", "restored"))
    Path(archive).mkdir()
    home = home_in(commands.home, segment_bytes=300)
    for _ in range(2):
        fill_runs(home, 440, 110)
    let_go(home, Retention(bytes=1, archive=Path(archive)))
    start = home.memory.log.start()
    home.close()

    told = commands.ask("admin", "backup", backup)
    assert 0 < told["start"] == start == 880 - told["scans"]
    assert commands.ask("admin", "verify", backup)["well"]
    assert commands.ask("admin", "restore", backup, "--home", restored)["start"] == start
    for where in (restored, str(commands.home)):
        found = commands.ask("admin", "verify", where)
        assert (found["well"], found["log_start"], found["scans"], found["history_scans"]) == (
            True,
            start,
            880 - start,
            880,
        )
    people = commands.call("admin", "verify", "--sample", "5").stdout.decode()
    assert f"log: {880 - start} scans from {start} on" in people
    (commands.home / "waypost.toml").write_text(f"[store]\narchive = {json.dumps(archive)}\n")
    found = commands.ask("admin", "verify")
    assert (found["well"], found["log_start"], found["scans"]) == (True, 0, 880)
