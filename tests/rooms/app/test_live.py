"""The network now, followed by a real server that is killed."""

import io
import json
import signal
import subprocess
import time
import urllib.request
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.conformance.small_worlds import NOON, scan
from tests.rooms.app.commands import COMMAND, Commands

from waypost.app.live import KEPT, Following
from waypost.engines.reference import open_reference
from waypost.model.instants import format_utc
from waypost.model.scans import batch_of
from waypost.network.facilities import Facilities
from waypost.track.fold import StatusFold
from waypost.track.live import Live
from waypost.track.live_kept import LIVE_FORMAT
from waypost.track.tables import bundled_tables
from waypost.web.journal import open_journal


def serve(commands: Commands) -> tuple[subprocess.Popen[bytes], str, str | None]:
    server = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--json"], env=commands.environ, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    told = json.loads(b"".join(iter(server.stdout.readline, b"}\n")) + b"}")
    return server, told["address"], told["key"]


def ask(address: str, key: str, path: str, body: Any = None) -> Any:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address + path, data, headers), timeout=60) as answer:
        return json.loads(answer.read())


def told(address: str, key: str, position: int) -> tuple[int, dict[str, int], dict[str, int]]:
    """What is in the network, by status, and inside of facilities, once all is counted."""
    until = time.monotonic() + 60
    while (view := ask(address, key, "/v1/live"))["position"] < position:
        assert time.monotonic() < until
        time.sleep(0.05)
    statuses = {row["status"]: row["parcels"] for row in view["statuses"]}
    return view["counts"]["in_network"], statuses, {row["facility"]: row["inside"] for row in view["facilities"]}


def rows(first: int, many: int, code: str, facility: str) -> list[dict[str, str]]:
    at = format_utc(int(time.time() * 1000) - (3_600_000 if code == "picked_up" else 60_000))
    return [
        {"carrier": "waypost", "number": f"P{n:04}", "code": code, "at": at, "facility": facility}
        for n in range(first, first + many)
    ]


@pytest.mark.heavy
def test_after_kill_9_nothing_is_counted_twice(commands: Commands) -> None:
    """Once after an end in peace, once behind what was kept then."""
    server, address, key = serve(commands)
    assert key is not None
    for turn, ending in enumerate((signal.SIGTERM, signal.SIGKILL), 1):
        for step, (code, facility) in enumerate((("picked_up", "A"), ("arrived_at_hub", "B")), 1):
            ask(address, key, "/v1/scans", rows(100 * turn, 100, code, facility))
            counted = told(address, key, 200 * (turn - 1) + 100 * step)
        many = 100 * turn
        assert counted == (many, {"arrived_at_hub": many}, {"A": 0, "B": many})
        server.send_signal(ending)
        server.communicate(timeout=60)
        assert (Path(commands.environ["WAYPOST_HOME"]) / KEPT).exists()
        server, address, _ = serve(commands)
        assert told(address, key, 200 * turn) == counted
    server.terminate()
    server.communicate(timeout=60)
    assert server.returncode == 0


def kept_as(told: bytes) -> bytes:
    """A file that is whole, whatever it tells."""
    size, packed = len(told).to_bytes(8, "little"), pa.compress(told, "zstd", asbytes=True)
    check = zlib.crc32(packed, zlib.crc32(size)).to_bytes(4, "little")
    return b"wplive%02d" % LIVE_FORMAT + size + check + packed


@pytest.mark.parametrize(
    "kept", [b"wplive01 and no more", kept_as(b"\xc1"), kept_as(b"\x80")], ids=["another format", "no msgpack", "empty"]
)
def test_what_cannot_be_used_is_counted_anew(tmp_path: Path, kept: bytes) -> None:
    journal = io.StringIO()
    memory = open_reference(StatusFold(bundled_tables()))
    memory.log.append(batch_of([scan("P1", facility="A")]))
    memory.index.catch_up(1, 5)
    (tmp_path / KEPT).write_bytes(kept)
    live = Live(memory, bundled_tables(), Facilities(memory.records), {}, lambda: None)
    following = Following(live, tmp_path, lambda: NOON, open_journal(journal), keep_s=0.01)
    following.start()
    until = time.monotonic() + 20
    while live.look(NOON).counts.in_network != 1 or (tmp_path / KEPT).stat().st_size < 100:
        assert time.monotonic() < until
        time.sleep(0.01)
    following.stop()
    assert "made anew" in journal.getvalue()
    again = Live(memory, bundled_tables(), Facilities(memory.records), {}, lambda: None)
    again.open((tmp_path / KEPT).read_bytes(), NOON)
    assert again.look(NOON).counts.in_network == 1
    memory.close()


def test_a_folder_that_cannot_be_written_holds_nothing_up(tmp_path: Path) -> None:
    memory = open_reference(StatusFold(bundled_tables()))
    journal = io.StringIO()
    live = Live(memory, bundled_tables(), Facilities(memory.records), {}, lambda: None)
    following = Following(live, tmp_path / "nowhere", lambda: NOON, open_journal(journal))
    following.start()
    time.sleep(0.1)
    following.stop()
    assert "not kept" in journal.getvalue()
    memory.close()
