"""Packed streams, cut anywhere and damaged anywhere."""

import gzip
import lzma
import random
from collections.abc import Callable

import pytest

from waypost.model.errors import BadInput
from waypost.track.unpacking import BODY_WINDOW_LOG, FILE_WINDOW_LOG, Damaged, Unpacking, zstd

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}
DATA = random.Random(7).randbytes(3_000) + bytes(300_000)


def unpack(packing: str, packed: bytes, sent: int = 1 << 20, piece: int = 1000) -> bytes:
    unpacking = Unpacking(packing, piece, window_log=BODY_WINDOW_LOG)
    out = []
    for start in range(0, len(packed), sent):
        for part in unpacking.pieces(packed[start : start + sent]):
            assert 1 <= len(part) <= piece
            out.append(part)
    unpacking.finish()
    return b"".join(out)


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("sent", [1, 13, 1 << 20])
@pytest.mark.parametrize("piece", [1, 4096, 1 << 20])
def test_pieces_of_any_size_make_the_whole(packing: str, sent: int, piece: int) -> None:
    data = DATA[2_900:6_000] if piece == 1 else DATA
    assert unpack(packing, PACK[packing](data), sent, piece) == data


@pytest.mark.parametrize("packing", PACK)
def test_members_follow_one_another_with_filling_between_them(packing: str) -> None:
    pack = PACK[packing]
    assert unpack(packing, pack(b"one ") + bytes(512) + pack(b"") + pack(b"two") + bytes(3)) == b"one two"
    many = pack(b"ab") * 3_000  # more than is handed on at a time
    assert unpack(packing, many) == b"ab" * 3_000


@pytest.mark.parametrize("packing", PACK)
def test_a_stream_cut_anywhere_ends_early(packing: str) -> None:
    packed = PACK[packing](DATA[:200])
    for size in range(len(packed)):
        with pytest.raises(Damaged, match=f"the {packing} stream ends early"):
            unpack(packing, packed[:size], 11)


@pytest.mark.parametrize("packing", PACK)
def test_a_flipped_bit_never_gives_other_bytes(packing: str) -> None:
    packed = PACK[packing](DATA)
    found = 0
    for place in range(0, len(packed) * 8, 97):
        damaged = bytearray(packed)
        damaged[place // 8] ^= 1 << place % 8
        try:
            assert unpack(packing, bytes(damaged)) == DATA  # such as the time in the head of a gzip
        except Damaged:
            found += 1
    assert found > 0.9 * len(packed) * 8 / 97


@pytest.mark.parametrize("packing", PACK)
def test_too_many_members_are_refused(packing: str) -> None:
    unpacking = Unpacking(packing, 100, window_log=BODY_WINDOW_LOG, members=2)
    one = PACK[packing](b"x")
    assert b"".join(unpacking.pieces(one * 2)) == b"xx"
    unpacking.finish()
    with pytest.raises(BadInput, match=f"the {packing} stream has more than 2 members. Pack it in one go") as caught:
        list(unpacking.pieces(one))
    assert not isinstance(caught.value, Damaged)


def test_files_may_look_back_further_than_bodies() -> None:
    parameter = zstd.CompressionParameter
    packer = zstd.ZstdCompressor(options={parameter.window_log: FILE_WINDOW_LOG, parameter.compression_level: 1})
    packed = packer.compress(b"scans") + packer.flush()
    unpacking = Unpacking("zstd", 100, window_log=FILE_WINDOW_LOG)
    assert b"".join(unpacking.pieces(packed)) == b"scans"
    unpacking.finish()
    with pytest.raises(Damaged, match="too much memory"):
        unpack("zstd", packed)
