"""The newest pairs are read from behind, and no more of them than were asked for."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.rooms.engines.homes import caught_up, home_in
from tests.rooms.engines.scan_batches import batch

from waypost.engines.local.rocks import Rocks


def test_pairs_come_from_the_last_to_the_first(tmp_path: Path) -> None:
    with closing(Rocks(tmp_path)) as rocks:
        keys = [b"a", b"b\0", b"b\0\1", b"b\0\xff", b"b\1", b"c"]
        rocks.write((key, b"v" + key) for key in keys)
        every = list(rocks.items(b"", b"\xff"))
        assert list(rocks.items_back(b"", b"\xff")) == every[::-1]
        assert [key for key, _ in rocks.items_back(b"b\0", b"b\1")] == [b"b\0\xff", b"b\0\1", b"b\0"]
        assert list(rocks.items_back(b"d", b"e")) == list(rocks.items_back(b"", b"a")) == []
        assert rocks.before(b"b\1", b"b") == (b"b\1", b"vb\1")
        assert rocks.before(b"b\2", b"b") == (b"b\1", b"vb\1")
        assert rocks.before(b"b", b"b") is None


@pytest.mark.parametrize("most", [0, 1, 10])
def test_of_a_long_timeline_only_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    home = home_in(tmp_path / "home")
    home.memory.log.append(batch(0, 3000, parcels=1))
    index = caught_up(home).memory.index
    read: list[bytes] = []
    items_back = Rocks.items_back

    def noting(rocks: Rocks, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        for pair in items_back(rocks, start, stop):
            read.append(pair[0])
            yield pair

    monkeypatch.setattr(Rocks, "items_back", noting)
    assert index.timelines(["P0"], most=most).column("position").to_pylist() == list(range(3000))[3000 - most :]
    assert len(read) == most
    home.close()
