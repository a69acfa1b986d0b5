"""Check digits and check characters, one function per standard.

Each takes the characters that are protected and gives the check digit they must have. The callers make sure that the
characters are those of the standard.
"""

from collections.abc import Sequence
from itertools import cycle

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: GS1 AI encodable character set 82, in the order of its weights (GS1 General Specifications, 7.9.5).
SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
SET_32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
#: ISO 6346 gives the letters 10 to 38 and leaves out the multiples of 11.
ISO_6346_VALUES = {
    **{digit: int(digit) for digit in "0123456789"},
    **dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (n for n in range(10, 39) if n % 11), strict=True)),
}


def gs1_check_digit(digits: str) -> int:
    """Modulo 10 with weights 3 and 1 from the right (GS1 General Specifications, 7.9.1)."""
    return -sum(int(digit) * weight for digit, weight in zip(reversed(digits), cycle((3, 1)), strict=False)) % 10


def gs1_check_pair(text: str) -> str:
    """The two check characters of alphanumeric keys: prime weights, modulo 1021 (7.9.5)."""
    total = sum(
        SET_82.index(character) * prime
        for character, prime in zip(reversed(text), first_primes(len(text)), strict=True)
    )
    high, low = divmod(total % 1021, 32)
    return SET_32[high] + SET_32[low]


def first_primes(count: int) -> list[int]:
    """The first so many prime numbers."""
    primes: list[int] = []
    candidate = 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    return primes


def s10_check_digit(serial: str) -> int:
    """UPU S10: eight digits, modulo 11; a remainder of 0 gives 5, of 1 gives 0."""
    remainder = sum(int(digit) * weight for digit, weight in zip(serial, S10_WEIGHTS, strict=True)) % 11
    return {0: 5, 1: 0}.get(remainder, 11 - remainder)


def mod7_check_digit(serial: str) -> int:
    """The remainder of the serial by 7 (IATA air waybills, DHL Express)."""
    return int(serial) % 7


def iso_6346_check_digit(letters_and_serial: str) -> int:
    """ISO 6346: values times powers of two, modulo 11; a remainder of 10 counts as 0."""
    total = sum(ISO_6346_VALUES[character] << place for place, character in enumerate(letters_and_serial))
    return total % 11 % 10


def luhn_check_digit(digits: str) -> int:
    """Luhn (ISO/IEC 7812-1, annex B): every second digit from the right doubled, digits of products summed."""
    doubled = (int(digit) * factor for digit, factor in zip(reversed(digits), cycle((2, 1)), strict=False))
    return -sum(value - 9 if value > 9 else value for value in doubled) % 10


def mod10_check_digit(text: str, *, evens: int, odds: int, reverse: bool) -> int:
    """Carriers' modulo 10: a factor for the characters at even places (from 0) and one for those at odd places.

    Letters count as their ASCII code less 3, modulo 10 (UPS).
    """
    values = [int(character) if character.isdigit() else (ord(character) - 3) % 10 for character in text]
    if reverse:
        values.reverse()
    return -sum(value * factor for value, factor in zip(values, cycle((evens, odds)), strict=False)) % 10


def weighted_check_digit(digits: str, *, weights: Sequence[int], modulo: int, then_modulo: int) -> int:
    """A sum of products, modulo one number and then another (FedEx)."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % modulo % then_modulo


def mod_37_36_check_character(text: str) -> str:
    """ISO/IEC 7064 MOD 37,36, a digit or a capital letter (DPD)."""
    check = 36
    for character in text:
        check = (check + ALPHANUMERIC.index(character)) % 36 or 36
        check = check * 2 % 37
    return ALPHANUMERIC[(37 - check) % 36]
