"""A real server, in a process of its own, over a home of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from waypost.testing.carriers.fakes import FAKES

if TYPE_CHECKING:
    from tests.journeys.shop import Shop


class Server:
    """A running `waypost serve`: `get` and `post` without a key, `operator` with the key of the first start."""

    def __init__(self, home: Path, key: str | None = None) -> None:
        self.home = home
        self._journal = (home.parent / "journal").open("ab")
        command = [sys.executable, "-c", "from waypost.app.cli import main; main()", "serve", "--json", "--port", "0"]
        self.process = subprocess.Popen(
            command, env=os.environ | {"WAYPOST_HOME": str(home)}, stdout=subprocess.PIPE, stderr=self._journal
        )
        told = self._read_start()
        self.address: str = told["address"]
        self.key: str | None = told["key"] or key
        self.public = httpx.Client(base_url=self.address, timeout=30)
        self.operator = httpx.Client(base_url=self.address, timeout=30, headers={"authorization": f"Bearer {self.key}"})

    def _read_start(self) -> dict[str, str | None]:
        assert self.process.stdout is not None
        text = b""
        for line in self.process.stdout:
            text += line
            if line.startswith(b"}"):
                told: dict[str, str | None] = msgspec.json.decode(text)
                return told
        raise AssertionError(f"the server ended with {self.process.wait()} before it answered")

    def send(self, scans: list[dict[str, str]]) -> dict[str, object]:
        """Send scans as NDJSON and wait until look-ups show them."""
        body = b"\n".join(msgspec.json.encode(scan) for scan in scans)
        answer = self.operator.post(
            "/v1/scans", params={"wait": "5"}, content=body, headers={"content-type": "application/x-ndjson"}
        )
        assert answer.status_code == 200, answer.text
        receipt: dict[str, object] = answer.json()
        return receipt

    def kill(self) -> None:
        """As a power cut would: no time for last words."""
        self.process.kill()
        self._end()

    def stop(self) -> None:
        """As an operator would."""
        self.process.terminate()
        self._end()

    def _end(self) -> None:
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._journal.close()
        self.public.close()
        self.operator.close()


@contextmanager
def starting(folder: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers; what still runs at the end is stopped."""
    started: list[Server] = []

    def start(home: Path = folder / "home", key: str | None = None) -> Server:
        started.append(Server(home, key))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with starting(tmp_path) as start:
        yield start


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    return start_server()


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Shop"]:
    from tests.journeys.shop import Shop

    folder = tmp_path_factory.mktemp("shop")
    with FAKES["yto"].kind() as fake, starting(folder) as start:
        made = Shop(folder / "home", fake, start)
        with made.relay:
            yield made


@pytest.fixture
def shop(open_shop: "Shop") -> "Shop":
    """One server for all tests of a file, for it takes longer to start than most of them; a merchant for each."""
    open_shop.begin_anew()
    return open_shop
