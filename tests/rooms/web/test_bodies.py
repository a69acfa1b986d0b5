import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from waypost.model.errors import BadInput, TooLarge
from waypost.track.unpacking import zstd
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


PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}
both = pytest.mark.parametrize("encoding", PACK)


@both
def test_packed_bodies_in_odd_pieces(encoding: str) -> None:
    data = bytes(range(256)) * 1000
    packed = PACK[encoding](data)
    pieces = [packed[start : start + 7] for start in range(0, len(packed), 7)]
    assert read(pieces, {"content-encoding": encoding}) == data


@both
def test_several_members(encoding: str) -> None:
    packed = PACK[encoding](b"one ") + PACK[encoding](b"two")
    assert read([packed], {"content-encoding": encoding.upper()}) == b"one two"
    assert read([packed[:30], packed[30:]], {"content-encoding": encoding}) == b"one two"


@both
@pytest.mark.parametrize("piece", [20, 1_000_000])
def test_members_have_a_limit_however_little_is_in_them(encoding: str, piece: int) -> None:
    def sent(members: int) -> list[bytes]:
        packed = PACK[encoding](b"") * members
        return [packed[start : start + piece] for start in range(0, len(packed), piece)]

    assert read(sent(1_000), {"content-encoding": encoding}) == b""
    with pytest.raises(BadInput, match="more than 1000 members"):
        read(sent(1_001), {"content-encoding": encoding})


@both
def test_output_that_the_unpacker_holds_back_is_not_lost(encoding: str) -> None:
    data = b"a" * (LIMIT - 1)  # unpacks far faster than it is read
    assert read([PACK[encoding](data)], {"content-encoding": encoding}) == data


def gzip_bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(500)) + packer.flush()


def zstd_bomb() -> bytes:
    packer = zstd.ZstdCompressor()
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(10_000)) + packer.flush()


@pytest.mark.parametrize(("encoding", "bomb"), [("gzip", gzip_bomb), ("zstd", zstd_bomb)])
def test_a_bomb_does_not_go_off(encoding: str, bomb: Callable[[], bytes]) -> None:
    packed = bomb()
    assert len(packed) < LIMIT
    allowance = Allowance(10 * LIMIT)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            read([packed], {"content-encoding": encoding}, allowance)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT
    assert allowance.left == 10 * LIMIT


@both
def test_what_waits_unpacked_counts_as_taken(encoding: str) -> None:
    allowance = Allowance(LIMIT // 2)
    with pytest.raises(Busy):
        read([PACK[encoding](bytes(LIMIT))], {"content-encoding": encoding}, allowance)
    assert allowance.left == LIMIT // 2


@both
def test_what_ends_early_is_told(encoding: str) -> None:
    packed = PACK[encoding](b"x" * 99)
    for size in range(len(packed)):
        with pytest.raises(BadInput, match=f"body: the {encoding} stream ends early") as caught:
            read([packed[:size]], {"content-encoding": encoding})
        assert caught.value.mend == "Pack it again and send all of it."
        if size:
            with pytest.raises(BadInput, match=f"body: the {encoding} stream ends early"):
                read([packed, packed[:size]], {"content-encoding": encoding})


@both
@pytest.mark.parametrize("before", [b"", b"whole"])
def test_what_is_not_packed_is_told(encoding: str, before: bytes) -> None:
    packed = (PACK[encoding](before) if before else b"") + b"[] is no packed body"
    with pytest.raises(BadInput, match=f"body: the {encoding} stream is damaged") as caught:
        read([packed], {"content-encoding": encoding})
    assert caught.value.status == 400


def test_a_flipped_bit_is_found() -> None:
    for packed, encoding in (
        (gzip.compress(b"some scans", mtime=0), "gzip"),
        (zstd.compress(b"some scans", options={zstd.CompressionParameter.checksum_flag: 1}), "zstd"),
    ):
        damaged = packed[:-1] + bytes([packed[-1] ^ 1])
        with pytest.raises(BadInput, match="is damaged"):
            read([damaged], {"content-encoding": encoding})


def zstd_with_window(log: int) -> bytes:
    parameter = zstd.CompressionParameter
    packer = zstd.ZstdCompressor(options={parameter.window_log: log, parameter.compression_level: 1})
    return packer.compress(b"scans") + packer.flush()


def test_zstd_may_look_back_as_far_as_the_standard_says() -> None:
    assert read([zstd_with_window(23)], {"content-encoding": "zstd"}) == b"scans"
    with pytest.raises(BadInput, match=r"the zstd stream is damaged .*too much memory"):
        read([zstd_with_window(24)], {"content-encoding": "zstd"})


def test_a_body_that_unpacks_to_nothing_has_an_end_too() -> None:
    name_without_end = b"\x1f\x8b\x08\x08" + bytes(6)
    with pytest.raises(TooLarge):
        read([name_without_end, *[b"n" * (LIMIT // 4)] * 8], {"content-encoding": "gzip"})
    endless = (0x184D2A50).to_bytes(4, "little") + b"\xff" * 4
    with pytest.raises(TooLarge):
        read([endless, *[bytes(LIMIT // 4)] * 8], {"content-encoding": "zstd"})


def test_frames_that_hold_nothing_are_skipped() -> None:
    empty = (0x184D2A50).to_bytes(4, "little") + (4).to_bytes(4, "little") + b"note"
    assert read([empty + zstd.compress(b"scans")], {"content-encoding": "zstd"}) == b"scans"


@pytest.mark.parametrize("encoding", ["br", "gzip, zstd", "zstd, gzip", "deflate"])
def test_other_encodings_are_not_read(encoding: str) -> None:
    with pytest.raises(Unsupported, match=f"'{encoding}' is not read: use gzip, zstd or none"):
        read([b"x"], {"content-encoding": encoding})


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
