"""Another process looks on while one writes: it sees what is published, without locks and without opening anew."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.rooms.engines.homes import SMALL_RUNS, count, home_in

REPO = Path(__file__).parents[3]
PROGRAM = """
import sys
from pathlib import Path
from tests.rooms.engines.homes import SMALL_RUNS, caught_up, home_in, settled
from tests.rooms.engines.scan_batches import batch
for module, name, value in SMALL_RUNS:
    setattr(module, name, value)
home = home_in(Path(sys.argv[1]), segment_bytes=20_000)
print("open", flush=True)
for start, rows in iter(lambda: tuple(map(int, sys.stdin.readline().split())), ()):
    for place in range(start, start + rows, 50):
        home.memory.log.append(batch(place, min(50, start + rows - place)))
        caught_up(home)
    settled(home)
    print(home.memory.log.position(), flush=True)
home.close()
"""


def test_one_who_looks_on_sees_what_the_other_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        home = home_in(tmp_path, read_only=True)
        memory, end, cursor, told = home.memory, 0, -1, 0
        for rows in (1, 120, 700, 30, 2_000):
            print(end, rows, file=writer.stdin, flush=True)
            end += rows
            assert writer.stdout.readline() == f"{end}\n"
            assert memory.index.catch_up(end, 30)
            assert (memory.log.position(), memory.index.position(), memory.history.position()) == (end, end, end)
            assert sum(memory.index.page(None, 1000).column("scans").to_pylist()) == end
            assert memory.index.timelines(["P0"]).num_rows == -(-end // 97)
            assert count(home) == end
            while (news := memory.changes.read(cursor, 300)).num_rows:
                cursor = news.column("position")[-1].as_py()
                told += news.num_rows
            assert cursor == end - 1
            assert sum(frame.scans.num_rows for frame in memory.log.read(0)) == end
        assert told >= 97
        assert not memory.index.catch_up(end + 1, 0.2)
        writer.stdin.close()
        assert writer.wait(60) == 0
        assert memory.index.timelines(["P1"]).num_rows > 0
        home.close()


def test_looking_on_while_much_is_written_and_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs come and go under the reader; each answer is whole and none goes back."""
    for module, name, value in SMALL_RUNS:
        monkeypatch.setattr(module, name, value)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        home = home_in(tmp_path, read_only=True)
        print(0, 6_000, file=writer.stdin, flush=True)
        before = looks = 0
        while before < 6_000:
            at_least = home.memory.index.position()
            scans = sum(home.memory.index.page(None, 1000).column("scans").to_pylist())
            assert scans >= max(at_least, before)
            before, looks = scans, looks + 1
        assert looks > 5
        writer.stdin.close()
        home.close()
        assert writer.wait(60) == 0
