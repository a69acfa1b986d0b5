"""How commands speak: results to stdout, all else to stderr, so that results can be piped."""

import sys
from typing import Any

import msgspec
from rich.console import Console

#: For people: progress, warnings, addresses. Never the result itself.
aside = Console(stderr=True, highlight=False)


def out(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
    sys.stdout.flush()
