import asyncio
import gzip
import zlib
from collections.abc import Iterable
from typing import Any

import pytest

from waypost.model.errors import BadInput, TooLarge
from waypost.web.bodies import Allowance, Body
from waypost.web.problems import Busy, CutOff, SlowBody, Unsupported

LIMIT = 1_000_000


def read(
    pieces: Iterable[bytes | None],
    headers: dict[str, str] | None = None,
    allowance: Allowance | None = None,
    *,
    seconds: float = 5,
    stall: bool = False,
) -> bytes:
    """The body that arrives in pieces; None stands for a client that goes away."""
    arriving = iter(pieces)

    async def receive() -> dict[str, Any]:
        try:
            piece = next(arriving)
        except StopIteration:
            if stall:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": b"", "more_body": False}
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": True}

    async def run() -> bytes:
        body = Body(receive, headers or {}, limit=LIMIT, seconds=seconds, allowance=allowance or Allowance(10 * LIMIT))
        async with body as whole:
            return whole

    return asyncio.run(run())


def test_pieces_make_a_whole() -> None:
    assert read([b"ab", b"", b"cd"]) == b"abcd"


def test_a_named_length_above_the_limit_is_refused_before_anything_is_read() -> None:
    def untouched() -> Iterable[bytes]:
        raise AssertionError("the body was read")
        yield b""

    with pytest.raises(TooLarge, match="larger than 1000000 bytes"):
        read(untouched(), {"content-length": "1000001"})


@pytest.mark.parametrize("length", ["", "none", "-5", "9" * 5000])
def test_a_length_that_is_none_does_not_disturb(length: str) -> None:
    if length.startswith("9"):
        with pytest.raises(TooLarge):
            read([b"x"], {"content-length": length})
    else:
        assert read([b"x"], {"content-length": length}) == b"x"


def test_an_endless_body_is_cut_off_at_the_limit() -> None:
    taken = 0

    def endless() -> Iterable[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 1000

    with pytest.raises(TooLarge):
        read(endless())
    assert taken == 1001


def test_gzip_in_odd_pieces() -> None:
    data = bytes(range(256)) * 1000
    packed = gzip.compress(data)
    pieces = [packed[start : start + 7] for start in range(0, len(packed), 7)]
    assert read(pieces, {"content-encoding": "gzip"}) == data


def test_gzip_of_several_members() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two")
    assert read([packed], {"content-encoding": "GZIP"}) == b"one two"
    assert read([packed[:30], packed[30:]], {"content-encoding": "gzip"}) == b"one two"


@pytest.mark.parametrize("piece", [20, 1_000_000])
def test_members_have_a_limit_however_little_is_in_them(piece: int) -> None:
    def sent(members: int) -> list[bytes]:
        packed = gzip.compress(b"") * members
        return [packed[start : start + piece] for start in range(0, len(packed), piece)]

    assert read(sent(1_000), {"content-encoding": "gzip"}) == b""
    with pytest.raises(BadInput, match="more than 1000 members"):
        read(sent(1_001), {"content-encoding": "gzip"})


def test_output_that_the_unpacker_holds_back_is_not_lost() -> None:
    data = b"a" * (LIMIT - 1)  # unpacks far faster than it is read
    assert read([gzip.compress(data)], {"content-encoding": "gzip"}) == data


def test_a_gzip_bomb_does_not_go_off() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(500)) + packer.flush()
    assert len(bomb) < LIMIT
    allowance = Allowance(10 * LIMIT)
    with pytest.raises(TooLarge):
        read([bomb], {"content-encoding": "gzip"}, allowance)
    assert allowance.left == 10 * LIMIT


@pytest.mark.parametrize(
    ("packed", "reason"),
    [(gzip.compress(b"x" * 99)[:-5], "in the middle"), (b"", "in the middle"), (b"plain text", "is no gzip")],
)
def test_broken_gzip_is_named(packed: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        read([packed], {"content-encoding": "gzip"})


def test_other_encodings_are_not_read() -> None:
    with pytest.raises(Unsupported, match="'br' is not read"):
        read([b"x"], {"content-encoding": "br"})


def test_a_slow_body_is_given_up() -> None:
    with pytest.raises(SlowBody, match=r"not here after 0\.02 s"):
        read([b"half"], seconds=0.02, stall=True)


def test_a_body_that_breaks_off_is_told() -> None:
    allowance = Allowance(10 * LIMIT)
    with pytest.raises(CutOff):
        read([b"half", None], None, allowance)
    assert allowance.left == 10 * LIMIT


def test_all_bodies_together_are_bounded() -> None:
    allowance = Allowance(1500)
    with pytest.raises(Busy):
        read([b"x" * 1000, b"x" * 1000], None, allowance)
    assert allowance.left == 1500
    assert len(read([b"x" * 1500], None, allowance)) == 1500
    assert allowance.left == 1500
