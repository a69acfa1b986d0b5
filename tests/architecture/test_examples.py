"""The examples run as they stand, and the tutorial says what its commands print."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pypdf import PdfReader

from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Fake, FakeScan

BIN = Path(sys.executable).parent
REFERENCES = ("2026-11-000417", "2026-11-000418", "2026-11-000419")

SCANS = [
    {"carrier": "hilltop", "number": "HT0001", "code": "picked_up", "at": "2026-11-02T09:00:00-03:00"},
    {"carrier": "hilltop", "number": "HT0001", "code": "delivered", "at": "2026-11-03T10:30:00-03:00"},
    {"carrier": "hilltop", "number": "HT0001", "code": "delivered", "at": "2026-02-30T08:00:00-03:00"},
    {"carrier": "yto", "number": "YT1", "code": "GOT", "at": "2026-11-02 09:00"},
    {"carrier": "yto", "number": "YT1", "code": "SIGNED", "at": "2026-11-02 21:00"},
    {"carrier": "yto", "number": "YT2", "code": "GOT", "at": "2026-11-02 09:00"},
]


class Running(msgspec.Struct, frozen=True):
    """A server: where it is, its operator's key, its home."""

    address: str
    key: str
    home: Path


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with start(tmp_path / "home") as running:
        yield running


class Shop(msgspec.Struct, frozen=True):
    """A merchant at a server with the fake of one carrier behind it; `environ` is what its programs see."""

    environ: dict[str, str]
    fake: Fake
    home: Path


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Made by the commands that the how-to names."""
    home = tmp_path / "home"
    home.mkdir()
    with FAKES["correios"].kind() as fake:
        account = {"carrier": "correios", "url": fake.api_url, **fake.account()}
        lines = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in account.items()]
        settings = ["[accounts.correios]", *lines, "[webhooks]", "allow_http = true", "allow_private = true"]
        (home / "waypost.toml").write_text("\n".join(settings), "utf-8")
        party = ask(home, "admin", "party", "add", "Estrela")["id"]
        key = ask(home, "admin", "make-key", "shop", "--role", "merchant", "--party", party)["key"]
        with start(home) as running:
            fake.push_url = f"{running.address}/v1/carriers/correios/push"
            environ = {"WAYPOST_URL": running.address, "WAYPOST_KEY": key, "PATH": f"{BIN}:{os.environ['PATH']}"}
            yield Shop(environ, fake, home)


def ask(home: Path, *words: str) -> Any:
    command = [BIN / "waypost", *words, "--home", home, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)


@contextlib.contextmanager
def start(home: Path) -> Iterator[Running]:
    command = [BIN / "waypost", "serve", "--json", "--port", "0", "--home", home]
    with (home.parent / "journal").open("w") as journal:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=journal, text=True)
    assert server.stdout is not None
    try:
        text = ""
        for line in server.stdout:
            text += line
            if line == "}\n":
                break
        told = json.loads(text)
        assert told["home"] == str(home)
        yield Running(told["address"], told["key"], home)
    finally:
        server.send_signal(signal.SIGTERM)
        server.stdout.close()
        assert server.wait(timeout=60) == 0


def run(repo: Path, name: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repo / "examples" / name, *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


def write_scans(folder: Path) -> Path:
    path = folder / "scans.ndjson"
    path.write_text("".join(json.dumps(scan) + "\n" for scan in SCANS))
    return path


def test_every_example_is_tested(repo_folder: Path) -> None:
    names = {path.name for path in (repo_folder / "examples").iterdir() if path.name != "__pycache__"}
    # rooms/booking/rating, journeys/test_deployment.py, rooms/app/test_timetables.py
    tested_elsewhere = {"rates", "deploy", "timetables"}
    assert names == {
        *(
            "send_scans.py",
            "read_history.py",
            "own_reader.py",
            "ship_orders.py",
            "take_webhooks.py",
            "orders.csv",
            "order.json",
        ),
        *tested_elsewhere,
    }


def test_scans_are_sent_and_the_history_is_read_beside_the_server(
    repo_folder: Path, running: Running, tmp_path: Path
) -> None:
    path = write_scans(tmp_path)
    sent = run(repo_folder, "send_scans.py", running.address, path, KEY=running.key)
    assert sent.stdout == "5 accepted, 1 refused\n"
    assert sent.stderr == "scans.ndjson:3 at: names a date that does not exist\n"
    assert sent.returncode == 1
    until = time.monotonic() + 120  # a first start compiles for longer than the sender waits
    while True:
        read = run(repo_folder, "read_history.py", running.home)
        assert read.returncode == 0, read.stderr
        if read.stdout or time.monotonic() > until:
            break
    assert [line.split() for line in read.stdout.splitlines()] == [
        ["hilltop", "1", "parcels", "25.5", "h"],
        ["yto", "1", "parcels", "12.0", "h"],
    ]


@pytest.mark.heavy
def test_a_sender_is_told_when_nothing_was_taken(repo_folder: Path, running: Running, tmp_path: Path) -> None:
    path = tmp_path / "scans.ndjson"
    path.write_text(json.dumps(SCANS[2]) + "\n")
    sent = run(repo_folder, "send_scans.py", running.address, path, KEY=running.key)
    assert (sent.stdout, sent.returncode) == ("0 accepted, 1 refused\n", 1)
    refused = run(repo_folder, "send_scans.py", running.address, path, KEY="wp_0")
    assert refused.returncode == 1
    assert "this key is not known here" in refused.stderr


@pytest.mark.heavy
def test_a_program_ships_a_sheet(repo_folder: Path, shop: Shop, tmp_path: Path) -> None:
    labels = tmp_path / "labels.pdf"
    sheet = repo_folder / "examples/orders.csv"
    shipped = run(repo_folder, "ship_orders.py", sheet, labels, **shop.environ)
    assert shipped.returncode == 0, shipped.stderr
    *booked, told = shipped.stdout.splitlines()
    assert told == f"3 booked, their labels in {labels}"
    references, numbers = zip(*(each.split() for each in booked), strict=True)
    assert (references, sorted(numbers)) == (REFERENCES, sorted(shop.fake.parcels))
    assert len(PdfReader(labels).pages) == 3
    again = run(repo_folder, "ship_orders.py", sheet, labels, **shop.environ)
    assert again.stdout.splitlines()[-1] == f"3 booked, their labels in {labels}"
    assert len(shop.fake.parcels) == 3
    bad = tmp_path / "bad.csv"
    bad.write_text(sheet.read_text("utf-8").replace("BR,SP", "Brazil,SP", 1), "utf-8")
    refused = run(repo_folder, "ship_orders.py", bad, labels, **shop.environ)
    assert (refused.returncode, "bad.csv:2 sender_country" in refused.stderr) == (1, True), refused.stderr


@pytest.mark.heavy
def test_the_commands_of_the_how_to_ship(repo_folder: Path, shop: Shop, tmp_path: Path) -> None:
    page = (repo_folder / "docs/how-to/ship-orders.md").read_text("utf-8")
    blocks = re.findall(r"^```\n(waypost (?:ship|orders).*?)^```$", page, re.M | re.S)
    commands = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    assert len(commands) >= 7
    place = tmp_path / "place"
    shutil.copytree(
        repo_folder / "examples", place / "examples", ignore=shutil.ignore_patterns("deploy", "__pycache__")
    )
    shutil.copy(repo_folder / "examples/order.json", place)
    job = ""
    for command in commands:
        words = re.sub(r"job_[0-9a-f]+", job, command)
        done = subprocess.run(
            ["bash", "-c", words], cwd=place, env=os.environ | shop.environ, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, words + done.stdout + done.stderr
        job = next(iter(re.findall(r"job_[0-9a-f]+", done.stdout)), job)
    assert len(shop.fake.parcels) == 5
    assert {path.name for path in place.glob("*.pdf")} == {"2026-11-000420.pdf", "2026-11-000421.pdf", "labels.pdf"}


@pytest.mark.heavy
def test_webhooks_are_taken(repo_folder: Path, shop: Shop, tmp_path: Path) -> None:
    command = [sys.executable, repo_folder / "examples/take_webhooks.py", "0"]
    with subprocess.Popen(command, env={**os.environ, **shop.environ}, stdout=subprocess.PIPE, text=True) as taking:
        assert taking.stdout is not None
        try:
            assert taking.stdout.readline().startswith("told at http://127.0.0.1:")
            run(repo_folder, "ship_orders.py", repo_folder / "examples/orders.csv", tmp_path / "x.pdf", **shop.environ)
            number = sorted(shop.fake.parcels)[0]
            scan = FakeScan(code=FAKES["correios"].codes[0], at_ms=shop.fake.clock() // 1000 * 1000)
            shop.fake.move(number, scan)
            shop.fake.push(number, scan)
            told = taking.stdout.readline().split()
            assert told[1] == number
        finally:
            taking.send_signal(signal.SIGINT)
        assert taking.wait(30) == 0


@pytest.mark.heavy
def test_a_reader_of_ones_own_imports(repo_folder: Path, tmp_path: Path) -> None:
    file, home = tmp_path / "hilltop.txt", tmp_path / "home"
    file.write_text(
        "HT0001;PICKUP;02/11/2026 09:12;CWB\n"
        "HT0001;DONE;31/11/2026 10:05;MAO\n"
        "HT0001;DONE\n"
        "HT0001;DONE;05/11/2026 10:05;MAO\n"
    )
    first = run(repo_folder, "own_reader.py", home, file)
    assert first.stdout.splitlines() == [
        "2 new, 0 known, 2 refused",
        "hilltop.txt:3 : has 2 fields, not 4",
        "hilltop.txt:2 at: names a date that does not exist",
    ]
    assert run(repo_folder, "own_reader.py", home, file).stdout.startswith("0 new, 2 known, 2 refused\n")
    tracked = subprocess.run(
        [BIN / "waypost", "track", "HT0001", "--home", home], capture_output=True, text=True, timeout=60
    )
    assert tracked.stdout.splitlines()[0] == "HT0001  hilltop  Delivered since 2026-11-05T10:05:00-03:00"


#: What the tutorial asks of curl, for machines that lack it.
CURL = """#!{python}
import sys, urllib.error, urllib.request
method, body, headers, arguments = "GET", None, {{}}, iter(sys.argv[1:])
for argument in arguments:
    if argument == "-X":
        method = next(arguments)
    elif argument == "-H":
        name, _, value = next(arguments).partition(": ")
        headers[name] = value
    elif argument in ("-d", "--data-binary"):
        text = next(arguments)
        body = open(text[1:], "rb").read() if text.startswith("@") else text.encode()
        method = "POST" if method == "GET" else method
    elif argument != "-sS":
        address = argument
try:
    answer = urllib.request.urlopen(urllib.request.Request(address, body, headers, method=method))
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.buffer.write(answer.read())
"""


def list_steps(page: Path) -> list[tuple[str, str | None]]:
    """The commands of a page, each with what it says they print; None where it does not say."""
    blocks = re.findall(r"^```sh\n(.*?)^```$(?:\n+```text\n(.*?)^```$)?", page.read_text("utf-8"), re.M | re.S)
    return [(commands, printed or None) for commands, printed in blocks]


def plain(text: str) -> list[str]:
    """Lines without what cannot be seen: blanks at their ends, empty lines before and after all."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def test_the_tutorial_prints_what_it_says(repo_folder: Path, running: Running, tmp_path: Path) -> None:
    place, tools = tmp_path / "place", tmp_path / "tools"
    place.mkdir()
    tools.mkdir()
    if shutil.which("curl") is None:
        (tools / "curl").write_text(CURL.format(python=sys.executable))
        (tools / "curl").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tools}:{BIN}:{os.environ['PATH']}",
        "ADDRESS": running.address,
        "KEY": running.key,
        "WAYPOST_HOME": str(running.home),
        "LC_ALL": "C.UTF-8",
    }
    steps = list_steps(repo_folder / "docs/tutorial.md")
    assert len(steps) >= 10
    for commands, printed in steps:
        result = subprocess.run(
            ["bash", "-c", commands], cwd=place, env=environment, capture_output=True, text=True, timeout=60
        )
        assert printed is not None, f"the tutorial does not say what this prints: {commands}"
        assert plain(result.stdout) == plain(printed), commands + result.stderr
