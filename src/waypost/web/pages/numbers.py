"""What people type into the box: one number or many, on lines, with commas, with blanks inside."""

import re

from waypost.track.parcels import MAX_TEXT

#: Nobody's number is so short. Of a line with shorter words the words are groups of one number, as on many labels.
_SHORTEST = 6


def split_numbers(text: str) -> list[str]:
    """The numbers in a text, each once, in their order.

    A blank parts numbers, unless some word of the line is too short to be a number of its own: then the line is one
    number in groups, such as `RR 123 456 785 CN`.
    """
    numbers: dict[str, None] = {}
    for part in re.split(r"[\n\r,;，；、|]+", text):
        words = part.split()
        if len(words) > 1 and min(map(len, words)) < _SHORTEST and len("".join(words)) <= MAX_TEXT:
            words = ["".join(words)]
        numbers.update(dict.fromkeys(words))
    return list(numbers)
