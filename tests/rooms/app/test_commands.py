"""The command line as people and programs use it, in processes of its own."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCANS = [
    {"carrier": "yto", "number": "YT1", "code": "GOT", "at": "2026-11-20 10:00:00", "note": "<b>[red]bold[/red]</b>"},
    {"carrier": "yto", "number": "YT1", "code": "SIGNED", "at": "2026-11-21T10:00:00+08:00"},
    {"carrier": "yto", "number": "YT2", "code": "GOT", "at": "2026-02-30 10:00:00"},
]


class Commands:
    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-c", "from waypost.app.cli import main; main()", *words]
        environ = os.environ | {"WAYPOST_HOME": str(self.home), "NO_COLOR": "1"}
        return subprocess.run(command, env=environ, input=stdin, capture_output=True, timeout=120, check=False)

    def ask(self, *words: str, code: int = 0) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stderr.decode()
        return json.loads(done.stdout)


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path / "home")


def test_import_and_track(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "scans.ndjson"
    file.write_text("\n".join(json.dumps(scan) for scan in SCANS) + "\n")

    dry = commands.ask("import", "scans", str(file), "--dry-run")
    assert (dry["scans_read"], dry["scans_new"], dry["rows_refused"], dry["dry_run"]) == (2, 0, 1, True)

    first = commands.ask("import", "scans", str(file))
    assert {name: first[name] for name in ("parcels", "scans_new", "scans_duplicate", "rows_refused")} == {
        "parcels": 1,
        "scans_new": 2,
        "scans_duplicate": 0,
        "rows_refused": 1,
    }
    refused = first["refusals"][0]
    assert (refused["file"], refused["line"], refused["field"]) == (file.name, 3, "at")
    assert "does not exist" in refused["reason"]

    second = commands.ask("import", "scans", str(file))
    assert (second["scans_new"], second["scans_duplicate"]) == (0, 2)

    [found] = commands.ask("track", "yt1")
    [parcel] = found["parcels"]
    assert (parcel["status"], parcel["status_at"]) == ("delivered", "2026-11-21T10:00:00+08:00")
    assert [scan["code"] for scan in parcel["timeline"]] == ["SIGNED", "GOT"]

    shown = commands.run("track", "YT1").stdout.decode()
    assert "Delivered" in shown
    assert "<b>[red]bold[/red]</b>" in shown  # a note is text, never markup
    missing = commands.run("track", "RB123456785CN")
    assert missing.returncode == 1
    assert b"nothing is known under this number" in missing.stdout


def test_import_tells_what_is_wrong_with_the_call(commands: Commands, tmp_path: Path) -> None:
    for words, says in (
        (("import", "scans", str(tmp_path / "none")), "no such file or folder"),
        (("import", "parcel", str(tmp_path)), "Known: olist, delhivery, lade, scans"),
        (("import", "scans", str(tmp_path), "--option", "year=2020"), "no option 'year'"),
        (("track", "YT1"), "nothing is kept in"),
        (("admin", "make-key", "x", "--role", "king"), "Roles: operator, carrier"),
    ):
        done = commands.run(*words)
        assert done.returncode == 2, words
        assert says in done.stderr.decode(), words
        assert b"Traceback" not in done.stderr
        problem = json.loads(commands.run(*words, "--json").stdout)
        assert says in f"{problem['detail']} {problem['mend']}"


def test_a_file_that_is_cut_off_gives_what_was_good(commands: Commands, tmp_path: Path) -> None:
    lines = [json.dumps(SCANS[0] | {"number": f"YT{n}", "note": f"{n * 7919 % 104729:x}"}) for n in range(20_000)]
    whole = gzip.compress("\n".join(lines).encode())
    file = tmp_path / "scans.ndjson.gz"
    file.write_bytes(whole[: len(whole) // 2])
    report = commands.ask("import", "scans", str(file))
    assert 0 < report["scans_new"] < 20_000
    assert report["rows_refused"] >= 1
    assert any("end" in refusal["reason"] for refusal in report["refusals"])


def test_check(commands: Commands) -> None:
    good = commands.run("check", "RB123456785CN")
    assert good.returncode == 0
    assert b"valid" in good.stdout
    bad = commands.run("check", "RB123456785XX")
    assert bad.returncode == 1
    [answer] = commands.ask("check", "MSKU1234565")
    assert any(finding["kind"] == "container" and finding["valid"] for finding in answer["findings"])

    lines = b'{"id":7,"kind":"gtin.check_digit","input":"400638133393"}\n{"id":"a","kind":"moon.phase","input":""}\n'
    answers = [json.loads(line) for line in commands.run("check", "--jsonl", stdin=lines).stdout.splitlines()]
    assert answers == [{"id": 7, "verdict": {"check_digit": 1}}, {"id": "a", "unsupported": True}]
    assert b"tracking_number.detect" in commands.run("check", "--kinds").stdout
    for hostile in ("1" * 10_000, "", "\u0661\u0662", "'; DROP TABLE parcels; --"):
        done = commands.run("check", hostile)
        assert done.returncode in (1, 2), hostile
        assert b"Traceback" not in done.stderr


def test_every_command_has_help(commands: Commands) -> None:
    for words in ((), ("import",), ("track",), ("check",), ("serve",), ("demo",), ("admin",), ("admin", "make-key")):
        done = commands.run(*words, "--help")
        assert done.returncode == 0
        assert b"--help" in done.stdout
    assert commands.run("version").stdout.strip()


def test_keys_are_made_once_and_only_shown_then(commands: Commands) -> None:
    secret = commands.ask("admin", "make-key", "sorting belt", "--role", "carrier")["key"]
    assert secret.startswith("wp_")
    kept = b"".join(file.read_bytes() for file in commands.home.rglob("*") if file.is_file())
    assert secret.encode() not in kept
    assert b"sorting belt" in kept
