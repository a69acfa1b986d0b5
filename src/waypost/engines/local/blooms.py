"""Blooms: whether a run may hold scans of a number, in about ten bits a number and one look into memory.

Split-block Bloom filters as Parquet has them (Putze, Sanders and Singler 2007): each hash sets eight bits of one block
of 32 bytes. About one number in a hundred that is not there seems to be.
"""

import numpy as np

from waypost.engines.local.arrays import U32, U64, Flags
from waypost.store.compiled import compiled

_BITS_A_NUMBER = 10
_SALTS = np.array(
    [0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31], np.uint32
)


def blank_bloom(numbers: int) -> U32:
    """A filter for that many numbers, eight words a block."""
    return np.zeros((max(1, -(-numbers * _BITS_A_NUMBER // 256)), 8), np.uint32)


@compiled
def add_to_bloom(bloom: U32, hashes: U64) -> None:
    """Put hashes in."""
    blocks = np.uint64(len(bloom))
    for hashed in hashes:
        block = (hashed >> np.uint64(32)) * blocks >> np.uint64(32)
        low = np.uint32(hashed & np.uint64(0xFFFFFFFF))
        for word in range(8):
            bloom[block, word] |= np.uint32(1) << (np.uint32(low * _SALTS[word]) >> np.uint32(27))


@compiled
def may_hold(bloom: U32, hashes: U64, wanted: Flags) -> Flags:
    """Of the wanted hashes those that may be in it; the others are not."""
    found = np.zeros(len(hashes), np.bool_)
    blocks = np.uint64(len(bloom))
    for row in range(len(hashes)):
        if not wanted[row]:
            continue
        block = (hashes[row] >> np.uint64(32)) * blocks >> np.uint64(32)
        low = np.uint32(hashes[row] & np.uint64(0xFFFFFFFF))
        hit = True
        for word in range(8):
            bit = np.uint32(1) << (np.uint32(low * _SALTS[word]) >> np.uint32(27))
            if bloom[block, word] & bit == 0:
                hit = False
                break
        found[row] = hit
    return found
