"""The command line as people and programs use it, in processes of its own."""

import gzip
import json
import shutil
from pathlib import Path

from tests.rooms.app.commands import Commands

SCANS = [
    {"carrier": "yto", "number": "YT1", "code": "GOT", "at": "2026-11-20 10:00:00", "note": "<b>[red]bold[/red]</b>"},
    {"carrier": "yto", "number": "YT1", "code": "SIGNED", "at": "2026-11-21T10:00:00+08:00"},
    {"carrier": "yto", "number": "YT2", "code": "GOT", "at": "2026-02-30 10:00:00"},
]


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

    shown = commands.call("track", "YT1").stdout.decode()
    assert "Delivered" in shown
    assert "<b>[red]bold[/red]</b>" in shown  # a note is text, never markup
    missing = commands.call("track", "RB123456785CN")
    assert missing.returncode == 1
    assert b"nothing is known under this number" in missing.stdout


def test_import_tells_what_is_wrong_with_the_call(commands: Commands, tmp_path: Path) -> None:
    for words, says in (
        (("import", "scans", str(tmp_path / "none")), "no such file or folder"),
        (("import", "parcel", str(tmp_path)), "Known: olist, delhivery, lade, scans"),
        (("import", "scans", str(tmp_path), "--option", "year=2020"), "no option 'year'"),
        (("admin", "make-key", "x", "--role", "king"), "Roles: operator, carrier"),
        (("admin", "make-key", "\x1b[31mred"), "without control characters"),
        (("admin", "make-key", " "), "is no name of a key"),
        (("import",), "Missing argument 'kind'. `waypost import --help` tells how."),
        (("import", "scans"), "name the file or folder to import"),
        (("import", "scans", "x", "-o", "year"), "'year' is not name=value"),
        (("track",), "Missing argument 'numbers'"),
        (("track", "YT1", "--bogus"), "No such option: --bogus"),
        (("track", "YT1", "--home", ""), "the name of the folder is empty"),
        (("serve", "--port", "http"), "'--port'"),
        (("bogus",), "No such command 'bogus'"),
    ):
        assert says in commands.fail(*words, code=2), words


def test_what_is_not_there_is_not_made(commands: Commands) -> None:
    asks = (("track", "YT1"), ("admin", "list-keys"), ("admin", "withdraw-key", "x"))
    for words in asks:
        assert f"nothing is kept in {commands.home}" in commands.fail(*words, code=1)
        assert not commands.home.exists()
    commands.home.mkdir()
    for words in asks[1:]:
        assert f"nothing is kept in {commands.home}" in commands.fail(*words, code=1)
        assert list(commands.home.iterdir()) == []
    commands.ask("admin", "make-key", "first")
    [key] = commands.ask("admin", "list-keys")
    assert "no key has the id 'x'" in commands.fail("admin", "withdraw-key", "x", code=1)
    assert commands.ask("admin", "withdraw-key", key["id"]) == {"withdrawn": key["id"]}
    assert commands.ask("admin", "list-keys") == []


def test_older_scans_that_are_not_shown_are_counted(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "scans.ndjson"
    scans = [SCANS[1] | {"at": f"2026-11-{1 + n // 60:02}T10:{n % 60:02}:00+08:00"} for n in range(507)]
    file.write_text("\n".join(map(json.dumps, [*scans, SCANS[1] | {"number": "YT2"}])))
    commands.ask("import", "scans", str(file))
    shown = commands.call("track", "YT1", "YT2").stdout.decode()
    assert (shown.count("T10:"), shown.count("older scans")) == (1 + 500 + 2, 1)
    assert "  7 older scans are not shown\n" in shown
    assert "2026-11-01T10:06" not in shown
    assert "2026-11-01T10:07" in shown
    [found] = commands.ask("track", "YT1")
    assert [(parcel["scans"], len(parcel["timeline"])) for parcel in found["parcels"]] == [(507, 500)]


def test_whoever_opens_a_home_tells_what_was_cut_off(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "scans.ndjson"
    file.write_text(json.dumps(SCANS[1]))
    here = ("--host", "ä..b")  # so that none serves
    asks = (("import", "scans", str(file)), ("track", "YT1"), ("admin", "list-keys"), ("serve", *here), ("demo", *here))
    for words in asks:
        home = commands.home / "demo" if words[0] == "demo" else commands.home
        commands.ask("import", "scans", str(file), "--home", str(home))
        if words[0] == "track":  # it opens for writing only what has to be brought up to date
            shutil.rmtree(home / "index")
        (home / "sample.json").write_bytes(b"{")  # so that no demo is made
        [segment] = (home / "log").glob("*.seg")
        with segment.open("ab") as log:
            log.write(b"torn")
        said = commands.call(*words).stderr.decode()
        assert f"4 bytes at the end of {segment} were cut off, and are kept in " in said, words
        assert "were cut off" not in commands.call(*words).stderr.decode()


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
    good = commands.call("check", "RB123456785CN")
    assert good.returncode == 0
    assert b"valid" in good.stdout
    bad = commands.call("check", "RB123456785XX")
    assert bad.returncode == 1
    [answer] = commands.ask("check", "MSKU1234565")
    assert any(finding["kind"] == "container" and finding["valid"] for finding in answer["findings"])

    lines = b'{"id":7,"kind":"gtin.check_digit","input":"400638133393"}\n{"id":"a","kind":"moon.phase","input":""}\n'
    answers = [json.loads(line) for line in commands.call("check", "--jsonl", stdin=lines).stdout.splitlines()]
    assert answers == [{"id": 7, "verdict": {"check_digit": 1}}, {"id": "a", "unsupported": True}]
    assert b"tracking_number.detect" in commands.call("check", "--kinds").stdout
    for hostile in ("1" * 10_000, "", "\u0661\u0662", "'; DROP TABLE parcels; --"):
        done = commands.call("check", hostile)
        assert done.returncode == 1, hostile
        assert b"Traceback" not in done.stderr


def test_no_number_stands_beside_jsonl(commands: Commands) -> None:
    said = commands.fail("check", "--jsonl", "questions.jsonl", code=2)
    assert "--jsonl reads standard input" in said


def test_lines_without_end_do_not_use_the_memory_up(commands: Commands) -> None:
    question = b'{"id":1,"kind":"gtin.check_digit","input":"400638133393"}\n'
    done = commands.call("check", "--jsonl", stdin=b"9" * (3 << 20) + b"\n" + question)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"id": None, "error": "line 1: is longer than 1048576 bytes"},
        {"id": 1, "verdict": {"check_digit": 1}},
    ]


def test_nothing_is_no_number_to_track(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "scans.ndjson"
    file.write_text(json.dumps(SCANS[1]))
    commands.ask("import", "scans", str(file))
    for blank in ("", " ", "\u3000"):
        assert "is no number" in commands.fail("track", "YT1", blank, code=2)
    assert "'' is no number. Name a waybill or order number." in commands.fail("track", "", code=2)


def test_every_command_has_help(commands: Commands) -> None:
    for words in ((), ("import",), ("track",), ("check",), ("serve",), ("demo",), ("admin",), ("admin", "make-key")):
        done = commands.call(*words, "--help")
        assert done.returncode == 0
        assert b"--help" in done.stdout
    assert commands.run("version").stdout.strip()


def test_keys_are_made_once_and_only_shown_then(commands: Commands) -> None:
    secret = commands.ask("admin", "make-key", "sorting belt", "--role", "carrier")["key"]
    assert secret.startswith("wp_")
    kept = b"".join(file.read_bytes() for file in commands.home.rglob("*") if file.is_file())
    assert secret.encode() not in kept
    assert b"sorting belt" in kept


def test_what_was_given_is_shown_as_it_stands(commands: Commands, tmp_path: Path) -> None:
    hostile = "\x1b[31m[bold]x[/]:smile:\\["
    shown = "\\x1b[31m[bold]x[/]:smile:\\["
    file = tmp_path / f"{hostile.replace('/', '')}.ndjson"
    file.write_text(json.dumps(SCANS[0]) + "\n" + json.dumps(SCANS[0] | {"code": hostile}) + "\n")
    report = commands.call("import", "scans", str(file))
    assert report.returncode == 0
    assert shown.replace("/", "") in report.stderr.decode().replace("\n", "")
    for words in (("check", hostile), ("track", hostile), ("import", "scans", hostile)):
        done = commands.call(*words)
        assert shown in (done.stdout + done.stderr).decode(), words
        assert b"\x1b" not in done.stdout + done.stderr
    assert shown in commands.fail("track", "YT1", "--home", str(tmp_path / hostile), code=1)


def test_arguments_that_are_no_text_are_answered(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "scans.ndjson"
    file.write_text(json.dumps(SCANS[0]) + "\n")
    commands.ask("import", "scans", str(file))
    [answer] = commands.ask("check", b"RB\xff", code=1)
    assert answer["number"] == "RB\\udcff"
    [found] = commands.ask("track", b"\xff", code=1)
    assert (found["asked"], found["parcels"]) == ("\\udcff", [])
    assert "RB\\udcff" in commands.call("check", b"RB\xff").stdout.decode()
    for words, code in (
        (("import", b"\xff", "x"), 2),
        (("import", "scans", b"\xff"), 2),
        (("track", "YT1", "--home", b"\xff"), 1),
        (("admin", "make-key", b"\xff"), 2),
        (("admin", "withdraw-key", b"\xff"), 2),
        (("serve", "--host", b"\xff"), 2),
        (("serve", "--port", b"\xff"), 2),
        ((b"\xff",), 2),
    ):
        commands.fail(*words, code=code)


def test_lines_that_are_no_text_stop_nothing(commands: Commands) -> None:
    good = b'{"id":1,"kind":"gtin.check_digit","input":"400638133393"}\n'
    bad = b'{"id":"\xff","kind":"gtin.check_digit","input":"400638133393"}\n'
    done = commands.run("check", "--jsonl", stdin=good + bad + good)
    first, middle, last = (json.loads(line) for line in done.stdout.splitlines())
    assert first == last == {"id": 1, "verdict": {"check_digit": 1}}
    assert middle["id"] is None
    assert middle["error"].startswith("line 2: ")
    assert (done.returncode, done.stderr) == (0, b"")
