"""How commands speak: results to stdout, all else to stderr, so that results can be piped.

What comes from outside (an argument, a row, a name that somebody gave) goes to a terminal only as `legible` text inside
a `Text`: it can then neither steer the terminal nor be taken for markup.
"""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from waypost.engines.local.cuts import Cut
from waypost.network.feed import Refused
from waypost.track.feed import FileRefusal

#: For people: progress, warnings, addresses. Never the result itself.
aside = Console(stderr=True, highlight=False, emoji=False)

#: Of more rows that were refused, people are told so many.
_MOST_REFUSALS = 20

#: Characters that steer a terminal, turn the direction of reading, or stand for a byte that is no text (PEP 383).
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def results() -> Console:
    """Where results for people go."""
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:  # a pipe has no width, and lines that are cut in pieces are hard to search
        console = Console(highlight=False, emoji=False, width=160)
    return console


def legible(text: str) -> str:
    """The text with whatever must not reach a terminal written as an escape, as Python writes it."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def line(*parts: str | tuple[str, str]) -> Text:
    """A line of texts from anywhere, each alone or with its style; shown as they stand."""
    return Text.assemble(*(legible(part) if isinstance(part, str) else (legible(part[0]), part[1]) for part in parts))


def tell_cut(cut: Cut | None) -> None:
    """Tell what opening a home cut off the end of its log, if anything: whoever opens one for writing has to."""
    if cut is not None:
        aside.print(line((str(cut), "yellow")), soft_wrap=True)


def out(value: Any) -> None:
    """Print one JSON document, in UTF-8 whatever the terminal speaks."""
    document = json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2)
    # An argument or a file name need not be UTF-8; JSON must.
    document = re.sub(r"[\ud800-\udfff]", lambda found: f"\\\\u{ord(found[0]):x}", document)
    sys.stdout.flush()
    sys.stdout.buffer.write(document.encode() + b"\n")
    sys.stdout.buffer.flush()


def tell_refusals(refused: Sequence[FileRefusal | Refused]) -> None:
    """Say which rows of files were not taken, and why; of many the first."""
    for refusal in refused[:_MOST_REFUSALS]:
        value = "" if refusal.value is None else f" ({refusal.value})"
        where = f"{refusal.file}:{refusal.line} {refusal.field}".rstrip()
        results().print(line((f"{where}: {refusal.reason}{value}", "red")), soft_wrap=True)
    if len(refused) > _MOST_REFUSALS:
        print(f"... and {len(refused) - _MOST_REFUSALS} more refusals; --json has them")
