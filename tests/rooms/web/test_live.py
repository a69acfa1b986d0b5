"""The network now over HTTP: all of it, and what moves, by a real server."""

import asyncio
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from tests.rooms.web.conftest import scan
from tests.rooms.web.test_serve import running

from waypost.track.live_views import LivePatch, LiveView
from waypost.web.desk import Limits
from waypost.web.live import Board
from waypost.web.problems import Busy


class Tower:
    """One that watches: reads events from a stream."""

    def __init__(self, port: int, key: str, last_id: str | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        headers = {"authorization": f"Bearer {key}"} | ({"last-event-id": last_id} if last_id else {})
        self.connection.request("GET", "/v1/live/stream", headers=headers)
        self.answer = self.connection.getresponse()

    def next(self) -> tuple[str, str, Any]:
        """Id, event and data of the next one."""
        fields: dict[str, str] = {}
        while True:
            read = self.answer.readline()
            if not read:
                raise EOFError
            line = read.decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if line and name:
                fields[name] = value
            elif "data" in fields:
                return fields["id"], fields["event"], json.loads(fields["data"])
            else:
                fields = {}

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


@contextmanager
def towers(port: int, key: str, count: int = 1, **more: Any) -> Iterator[list[Tower]]:
    opened = [Tower(port, key, **more) for _ in range(count)]
    try:
        yield opened
    finally:
        for each in opened:
            each.close()


def catch_up(world: Any) -> None:
    while world.live.turn(world.now_ms):
        pass


def test_the_network_now_in_one_answer(world: Any) -> None:
    catch_up(world)
    answer = world.get("/v1/live", key=world.operator)
    view = msgspec.json.decode(answer.body, type=LiveView)
    assert answer.headers["cache-control"] == "no-store"
    assert (view.position, view.behind) == (10, 0)
    assert (view.counts.in_network, view.counts.at_risk, view.counts.late) == (4, None, None)
    assert {row.status: row.parcels for row in view.statuses} == {
        "customs_released": 1, "delivered": 2, "out_for_delivery": 1, "picked_up": 1, "unknown": 1
    }  # fmt: skip
    gru = next(row for row in view.facilities if row.facility == "GRU")
    assert (gru.name, gru.kind, gru.city, gru.country) == ("Guarulhos gateway", "hub", "São Paulo", "BR")
    assert (gru.inside, gru.arrived_1h, gru.capacity_per_hour, gru.load) == (2, 0, 40.0, 0.0)
    assert gru.last_at == "2026-11-21T19:45:00Z"


def test_only_operators_watch(world: Any) -> None:
    for path in ("/v1/live", "/v1/live/stream"):
        assert world.get(path).json["code"] == "not_allowed"
        assert world.get(path, key=world.carrier).json["code"] == "forbidden"


def test_a_stream_begins_with_everything_and_goes_on_with_what_moves(world: Any) -> None:
    catch_up(world)
    with running(world) as (port, _, _), towers(port, world.operator) as [tower]:
        assert tower.answer.getheader("content-type", "").startswith("text/event-stream")
        _, event, view = tower.next()
        assert (event, msgspec.convert(view, LiveView).counts.in_network) == ("snapshot", 4)
        began_s = time.monotonic()
        world.keep(scan("NEW1", "arrived_at_hub", "2026-11-22T14:59:00Z", "GRU"))
        catch_up(world)
        moved, patches = None, 0
        while moved is None or not moved.facilities:
            _, event, patch = tower.next()
            moved, patches = msgspec.convert(patch, LivePatch), patches + 1
            assert event == "patch"
        assert [row.facility for row in moved.facilities] == ["GRU"]
        assert (moved.facilities[0].inside, moved.facilities[0].arrived_1h, moved.facilities[0].load) == (3, 1, 0.025)
        assert moved.counts.in_network == 5
        assert [row.status for row in moved.statuses] == ["arrived_at_hub"]
        for _ in range(2):
            _, _, patch = tower.next()
            assert (patch["facilities"], patch["flows"], patch["statuses"]) == ([], [], [])
        assert patches + 2 <= time.monotonic() - began_s + 2  # one a second at most


def test_who_comes_back_goes_on_behind_the_last_id(world: Any) -> None:
    catch_up(world)
    with running(world) as (port, _, _):
        with towers(port, world.operator) as [tower]:
            tower.next()
            last_id, _, _ = tower.next()
        world.keep(scan("NEW1", "arrived_at_hub", "2026-11-22T14:59:00Z", "GRU"))
        catch_up(world)
        time.sleep(1.5)  # while nobody watches nothing is looked at
        with towers(port, world.operator, last_id=last_id) as [tower]:
            _, event, patch = tower.next()
            assert (event, patch["facilities"][0]["facility"]) == ("patch", "GRU")
        for unknown in ("nonsense", "deadbeef-1", last_id.split("-")[0] + "-999999", last_id.split("-")[0] + "-²"):
            if unknown.isascii():
                with towers(port, world.operator, last_id=unknown) as [tower]:
                    assert tower.next()[1] == "snapshot"


def test_all_are_sent_the_same_and_no_more_than_may_watch_do(make_world: Callable[..., Any]) -> None:
    looks = []
    world = make_world(limits=Limits(live_listeners=5))
    look = world._desk.live
    world._desk = msgspec.structs.replace(world._desk, live=lambda: looks.append(1) or look())
    catch_up(world)
    with running(world) as (port, _, _):
        with towers(port, world.operator, 5) as opened:
            assert len({tuple(map(str, tower.next())) for tower in opened}) == 1
            second = [tower.next() for tower in opened]
            assert len({str(each) for each in second}) == 1
            assert len(looks) <= 3
            with towers(port, world.operator) as [one_more]:
                problem = json.loads(one_more.answer.read())
                assert (one_more.answer.status, problem["code"]) == (503, "busy")
                assert "live_listeners" in problem["detail"]
        time.sleep(1.5)
        with towers(port, world.operator) as [again]:
            assert again.next()[1] in ("patch", "snapshot")


def test_who_only_asks_for_the_head_holds_no_place(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(live_listeners=1))
    catch_up(world)
    with running(world) as (port, _, _):
        for _ in range(3):
            asking = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            asking.request("HEAD", "/v1/live/stream", headers={"authorization": f"Bearer {world.operator}"})
            answer = asking.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
            assert answer.getheader("content-type", "").startswith("text/event-stream")
            asking.close()
        with towers(port, world.operator) as [tower]:
            assert tower.next()[1] == "snapshot"


def test_streams_end_when_the_server_stops(world: Any) -> None:
    with running(world, grace_s=30) as (port, stop, thread), towers(port, world.operator) as [tower]:
        tower.next()
        began_s = time.monotonic()
        stop()
        with contextlib.suppress(EOFError, http.client.HTTPException, OSError):
            for _ in range(100):
                tower.next()
        thread.join(10)
        assert not thread.is_alive()
        assert time.monotonic() - began_s < 8


# The board alone, in a loop of its own


def board(world: Any, *, every_s: float = 0.01, lasts_s: float = 60.0, look: Any = None, most: int = 100) -> Board:
    return Board(look or world._desk.live, most, lasts_s, world._desk.journal, every_s)


def test_of_those_who_come_at_once_no_more_than_may_are_let_in(world: Any) -> None:
    """Before any of them begins to read; who never does, or ends, makes room."""

    async def come() -> None:
        made = board(world, most=3)
        streams = [made.watch(None) for _ in range(3)]
        with pytest.raises(Busy, match="live_listeners"):
            made.watch(None)
        streams.pop()
        streams.append(made.watch(None))
        await anext(streams[0])
        await streams[0].aclose()
        streams.append(made.watch(None))
        with pytest.raises(Busy, match="live_listeners"):
            made.watch(None)
        made.close()

    asyncio.run(come())


def test_who_comes_after_long_is_told_how_it_is_now(world: Any) -> None:
    """Not how it was when somebody watched last, and never under an id that was another's."""

    async def watch(made: Board, last_id: str | None) -> tuple[str, str, Any]:
        stream = made.watch(last_id)
        async for frame in stream:
            if frame.startswith(b"id:"):
                fields = dict(line.split(": ", 1) for line in frame.decode().splitlines() if line)
                break
        await stream.aclose()
        while made._is_going_on():
            await asyncio.sleep(0.01)
        return fields["id"], fields["event"], json.loads(fields["data"])

    async def come_back() -> None:
        made = board(world)
        first, event, view = await watch(made, None)
        assert (event, view["counts"]["in_network"]) == ("snapshot", 4)
        world.keep(scan("NEW1", "arrived_at_hub", "2026-11-22T14:59:00Z", "GRU"))
        catch_up(world)
        await asyncio.sleep(0.05)
        for last_id in (None, first):
            then, event, view = await watch(made, last_id)
            assert (event, view["counts"]["in_network"]) == ("snapshot", 5)
            assert then != first
        made.close()

    catch_up(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("waypost.web.live._STALE_S", 0.0)
        asyncio.run(come_back())


def test_a_slow_one_is_given_everything_and_holds_nobody_up(world: Any) -> None:
    async def watch() -> tuple[list[bytes], int]:
        made = board(world)
        slow, quick = made.watch(None), made.watch(None)
        first = [await anext(slow) for _ in range(2)]
        seen = 0
        while seen < 60:
            seen += (await anext(quick)).startswith(b"id:")
        late = [await anext(slow) for _ in range(2)]
        await slow.aclose()
        await quick.aclose()
        made.close()
        return first + late, len(made._watching)

    (retry, first, late, after), left = asyncio.run(watch())
    assert retry == b"retry: 2000\n\n"
    assert b"event: snapshot\n" in first
    assert b"event: snapshot\n" in late
    assert b"event: patch\n" in after
    assert left == 0


def test_a_look_that_fails_is_written_down_and_tried_again(world: Any) -> None:
    tries = []

    def look() -> LiveView:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("the disk is gone")
        return world.live.look(world.now_ms)

    async def watch() -> bytes:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("waypost.web.live._TROUBLE_S", 0.01)
            made = board(world, look=look)
            stream = made.watch(None)
            await anext(stream)
            frame = await anext(stream)
            await stream.aclose()
            made.close()
            return frame

    assert b"event: snapshot" in asyncio.run(watch())
    assert "the network cannot be looked at" in world.journal.getvalue()


def test_a_stream_lasts_only_so_long_and_says_meanwhile_that_it_is_there(world: Any) -> None:
    async def watch() -> list[bytes]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("waypost.web.live._HEARTBEAT_S", 0.05)
            made = board(world, every_s=60.0, lasts_s=0.3)
            frames = [frame async for frame in made.watch(None)]
            made.close()
            return frames

    frames = asyncio.run(watch())
    assert frames.count(b": still here\n\n") >= 3
    assert sum(b"event:" in frame for frame in frames) == 1


def test_threads_of_nobody_are_left(world: Any) -> None:
    world.get("/v1/live", key=world.operator)
    world.app.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("web-live")]
