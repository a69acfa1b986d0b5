"""Keys: numbers hashed to 88 bits, once, under a seed that the home keeps secret.

SipHash-1-3 with 128 bits of output (Aumasson and Bernstein 2012; the round counts of Rust's and Python's tables): who
does not know the seed cannot make two numbers that meet. Among fifty thousand million numbers a chance meeting is
expected 4e-6 times.
"""

import numpy as np

from waypost.engines.local.arrays import I64, U8, U64
from waypost.store.compiled import Number, compiled, inlined, load_u64

#: Kept with the seed: a seed means something only together with the way it is used.
KEY_VERSION = 1
SEED_BYTES = 16


def hash_numbers(data: U8, offsets: I64, seed: bytes) -> tuple[U64, U64]:
    """64 and further 24 bits for each of many texts.

    Args:
        data: the texts one behind the other, and at least eight bytes more.
        offsets: where each begins, and where the last ends.
        seed: sixteen bytes.
    """
    words = np.frombuffer(seed, "<u8")
    first, second = np.empty(len(offsets) - 1, np.uint64), np.empty(len(offsets) - 1, np.uint64)
    _hash_numbers(data, offsets, words[0], words[1], first, second)
    return first, second


@inlined
def _rotate(word: Number, bits: Number) -> Number:
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


@inlined
def _round(v0: Number, v1: Number, v2: Number, v3: Number) -> tuple[Number, Number, Number, Number]:
    v0 += v1
    v2 += v3
    v1 = _rotate(v1, 13) ^ v0
    v3 = _rotate(v3, 16) ^ v2
    v0 = _rotate(v0, 32)
    v2 += v1
    v0 += v3
    v1 = _rotate(v1, 17) ^ v2
    v3 = _rotate(v3, 21) ^ v0
    v2 = _rotate(v2, 32)
    return v0, v1, v2, v3


@compiled
def _hash_numbers(data: U8, offsets: I64, k0: Number, k1: Number, a: U64, b: U64) -> None:
    for row in range(len(a)):
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        v0 = k0 ^ np.uint64(0x736F6D6570736575)
        v1 = k1 ^ np.uint64(0x646F72616E646F6D) ^ np.uint64(0xEE)
        v2 = k0 ^ np.uint64(0x6C7967656E657261)
        v3 = k1 ^ np.uint64(0x7465646279746573)
        place = start
        while place + 8 <= stop:
            word = load_u64(data, place)
            v3 ^= word
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0 ^= word
            place += 8
        word = np.uint64(stop - start) << np.uint64(56)
        if place < stop:
            mask = (np.uint64(1) << np.uint64(8 * (stop - place))) - np.uint64(1)
            word |= load_u64(data, place) & mask
        v3 ^= word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
        v2 ^= np.uint64(0xEE)
        for _ in range(3):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        a[row] = v0 ^ v1 ^ v2 ^ v3
        v1 ^= np.uint64(0xDD)
        for _ in range(3):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        b[row] = (v0 ^ v1 ^ v2 ^ v3) & np.uint64(0xFFFFFF)
