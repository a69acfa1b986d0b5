"""Keys: the hash is SipHash-1-3 with 128 bits, of which 88 are kept, whatever lies beside a text."""

import mmap
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waypost.engines.local.arrays import U8
from waypost.engines.local.entries import PAD
from waypost.engines.local.keys import SEED_BYTES, hash_numbers

SEED = bytes(range(SEED_BYTES))
MESSAGE = bytes(range(256)) * 2

# Published for the seed 00 01 02 … 0f and messages 00 01 02 … of so many bytes: by the authors of SipHash,
SIP_2_4 = {
    0: "a3817f04ba25a8e66df67214c7550293",
    1: "da87c1d86b99af44347659119b22fc45",
    7: "a1f1ebbed8dbc153c0b84aa61ff08239",
    8: "3b62a9ba6258f5610f83e264f31497b4",
    9: "264499060ad9baabc47f8b02bb6d71ed",
    15: "5493e99933b0a8117e08ec0f97cfc3d9",
    16: "6ee2a4ca67b054bbfd3315bf85230577",
    63: "5150d1772f50834a503e069a973fbd7c",
}
# and for the rounds that are used here with the compiler of Rust.
SIP_1_3 = {
    0: "e77ebcb22788a5befd62db6add303001",
    1: "fc6f370460d3eda85e0573cc2b2ff063",
    7: "1084b923f2aae0c3a62f2ec80848ab77",
    8: "aa12fee1d5e3dab4724f16ab35f9c799",
    9: "81ddb8042cf33994f4720e0094137c42",
    15: "c17e5505b2bd526c2921cdec1e7e0109",
    16: "d0a8d95715518eebb513b0f83d9e1793",
    63: "4c5800e34efe426f079f6b0aa75260ad",
}

seeds = st.binary(min_size=SEED_BYTES, max_size=SEED_BYTES)


def siphash(seed: bytes, message: bytes, c: int, d: int) -> bytes:
    """SipHash-c-d with 128 bits of output, step by step as the paper has it."""
    mask = (1 << 64) - 1
    k0, k1 = struct.unpack("<2Q", seed)
    s0, s1, s2, s3 = struct.unpack(">4Q", b"somepseudorandomlygeneratedbytes")
    v = [k0 ^ s0, k1 ^ s1 ^ 0xEE, k0 ^ s2, k1 ^ s3]

    def add(to: int, other: int) -> None:
        v[to] = (v[to] + v[other]) & mask

    def turn(which: int, bits: int) -> None:
        v[which] = (v[which] << bits | v[which] >> (64 - bits)) & mask

    def go_round(times: int) -> None:
        for _ in range(times):
            for sums, turns, wide in [(((0, 1), (2, 3)), (13, 16), 0), (((2, 1), (0, 3)), (17, 21), 2)]:
                for (to, other), bits in zip(sums, turns, strict=True):
                    add(to, other)
                    turn(other, bits)
                    v[other] ^= v[to]
                turn(wide, 32)

    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) % 256])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        go_round(c)
        v[0] ^= word
    halves = []
    for place, mark in [(2, 0xEE), (1, 0xDD)]:
        v[place] ^= mark
        go_round(d)
        halves.append(v[0] ^ v[1] ^ v[2] ^ v[3])
    return struct.pack("<2Q", *halves)


def key_of(seed: bytes, text: bytes) -> tuple[int, int]:
    """The 64 and the 24 bits that the reference gives."""
    first, second = struct.unpack("<2Q", siphash(seed, text, 1, 3))
    return first, second & 0xFFFFFF


def hash_all(
    texts: Sequence[bytes], seed: bytes, *, before: bytes = b"", behind: bytes = bytes(PAD)
) -> list[tuple[int, int]]:
    ends = np.cumsum([len(before), *map(len, texts)], dtype=np.int64)
    data = np.frombuffer(before + b"".join(texts) + behind, np.uint8)
    first, second = hash_numbers(data, ends, seed)
    assert first.dtype == second.dtype == np.uint64
    return list(zip(first.tolist(), second.tolist(), strict=True))


@pytest.mark.parametrize(("c", "d", "published"), [(2, 4, SIP_2_4), (1, 3, SIP_1_3)], ids=["2-4", "1-3"])
def test_the_reference_gives_what_was_published(c: int, d: int, published: dict[int, str]) -> None:
    assert {size: siphash(SEED, MESSAGE[:size], c, d).hex() for size in published} == published


def test_keys_are_what_was_published() -> None:
    halves = {size: struct.unpack("<2Q", bytes.fromhex(told)) for size, told in SIP_1_3.items()}
    found = dict(zip(SIP_1_3, hash_all([MESSAGE[:size] for size in SIP_1_3], SEED), strict=True))
    assert found == {size: (first, second & 0xFFFFFF) for size, (first, second) in halves.items()}


@given(seeds, st.integers(0, 255))
def test_every_length_is_hashed_as_the_reference_does(seed: bytes, start: int) -> None:
    texts = [MESSAGE[start : start + size] for size in [*range(65), 255, 256]]
    assert hash_all(texts, seed) == [key_of(seed, text) for text in texts]


@given(st.lists(st.binary(max_size=40), max_size=8), seeds, st.binary(max_size=9), st.binary(min_size=PAD, max_size=12))
@example([b"", b"\0", b"\0\0"], SEED, b"\xff", b"\xff" * PAD)
def test_only_the_text_and_the_seed_count(texts: list[bytes], seed: bytes, before: bytes, behind: bytes) -> None:
    """Not where it begins, not what stands before or behind it, not its neighbours."""
    found = hash_all(texts, seed, before=before, behind=behind)
    assert found == [key_of(seed, text) for text in texts]
    assert found == [key for text in texts for key in hash_all([text], seed)]


def test_zeros_at_the_end_count() -> None:
    keys = hash_all([bytes(size) for size in range(65)], SEED)
    assert len(set(keys)) == 65


def test_every_bit_of_the_seed_counts() -> None:
    seeds = [(int.from_bytes(SEED, "little") ^ 1 << bit).to_bytes(SEED_BYTES, "little") for bit in range(128)]
    keys = {hash_all([b"YT1234567890123"], seed)[0] for seed in [SEED, *seeds]}
    assert len({first for first, _ in keys}) == 129
    assert len({second for _, second in keys}) == 129


def test_the_bits_that_are_kept_are_spread_evenly() -> None:
    keys = np.array(hash_all([b"SF%013d" % place for place in range(20_000)], SEED), np.uint64)
    for word, bits in ((0, 64), (1, 24)):
        assert int(keys[:, word].max()) < 1 << bits
        shares = [np.mean(keys[:, word] >> np.uint64(bit) & np.uint64(1)) for bit in range(bits)]
        assert min(shares) > 0.48
        assert max(shares) < 0.52


def at_the_edge(data: bytes) -> U8:
    """An array with those bytes, behind the last of which lies memory that nobody may touch."""
    page = mmap.PAGESIZE
    with tempfile.TemporaryFile() as file:
        file.truncate(2 * page)
        mapped = mmap.mmap(file.fileno(), 2 * page)
        file.truncate(page)  # what is mapped beyond the end of a file cannot be read
    array = np.frombuffer(mapped, np.uint8)[page - len(data) : page]
    array[:] = np.frombuffer(data, np.uint8)
    return array


def hash_at_the_edge(behind: int) -> None:
    """Hash texts of all lengths with so many bytes behind them. Run by a child process, which may die of it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for size in range(65):
        data = at_the_edge(MESSAGE[:size] + bytes(behind))
        first, _ = hash_numbers(data, np.array([0, size], np.int64), SEED)
        assert int(first[0]) == key_of(SEED, MESSAGE[:size])[0]


@pytest.mark.parametrize(("behind", "code"), [(PAD, 0), (PAD - 2, -signal.SIGBUS)], ids=["padded", "too short"])
def test_nothing_is_read_beyond_the_padding(repo_folder: Path, behind: int, code: int) -> None:
    told = f"from tests.rooms.engines.test_keys import hash_at_the_edge; hash_at_the_edge({behind})"
    ended = subprocess.run([sys.executable, "-c", told], cwd=repo_folder, env=os.environ, capture_output=True)
    assert ended.returncode == code, ended.stderr.decode()
