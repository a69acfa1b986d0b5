"""Messages of the catalogue: the part of ICU MessageFormat that the pages use.

`{name}` puts a text in, `{count, plural, =0 {none} one {# parcel} other {# parcels}}` chooses by number, `#` is the
number, `{kind, select, a {…} other {…}}` chooses by word. An apostrophe is an apostrophe: nothing is quoted.
"""

import re
from collections.abc import Callable, Mapping

from waypost.model.errors import BadInput

#: A message, ready to be filled in: texts, and functions of the arguments.
Part = str | Callable[[Mapping[str, object]], str]

_NAME = re.compile(r"\s*([a-z_]+)\s*")
_CASE = re.compile(r"\s*(=\d+|[a-z_]+)\s*\{")


class Message:
    """One message in one language.

    Args:
        plural: the plural category of a number in that language (`one`, `few`, `other` ...).
        number: how a number is written in it.
    """

    def __init__(self, text: str, plural: Callable[[float], str], number: Callable[[float], str]) -> None:
        self._text = text
        self._plural = plural
        self._number = number
        self.names: set[str] = set()
        self._parts, end = self._parse(0, None)
        if end != len(text):
            raise BadInput(f"a brace too many at {end} in {text!r}")

    def fill(self, values: Mapping[str, object]) -> str:
        """The message with its arguments put in.

        Raises:
            KeyError: an argument is missing.
        """
        return _join(self._parts, values)

    def _parse(self, at: int, counted: str | None) -> tuple[list[Part], int]:
        """The parts up to the end of the text or to a closing brace, and where that is."""
        parts: list[Part] = []
        text = ""
        while at < len(self._text) and self._text[at] != "}":
            character = self._text[at]
            if character == "{":
                argument, at = self._parse_argument(at + 1)
                parts += [text, argument]
                text = ""
            elif character == "#" and counted is not None:
                parts += [text, self._written(counted)]
                text, at = "", at + 1
            else:
                text, at = text + character, at + 1
        return [part for part in [*parts, text] if part], at

    def _parse_argument(self, at: int) -> tuple[Part, int]:
        found = _NAME.match(self._text, at)
        if found is None:
            raise BadInput(f"no name at {at} in {self._text!r}")
        name, at = found.group(1), found.end()
        self.names.add(name)
        if self._text[at : at + 1] == "}":
            return self._written(name), at + 1
        kind, cases, at = self._parse_cases(name, at)
        return self._chosen(name, kind, cases), at

    def _parse_cases(self, name: str, at: int) -> tuple[str, dict[str, list[Part]], int]:
        found = re.compile(r",\s*(plural|select)\s*,").match(self._text, at)
        if found is None:
            raise BadInput(f"neither plural nor select at {at} in {self._text!r}")
        kind, at = found.group(1), found.end()
        cases: dict[str, list[Part]] = {}
        while case := _CASE.match(self._text, at):
            cases[case.group(1)], at = self._parse(case.end(), name if kind == "plural" else None)
            at += 1
        end = re.compile(r"\s*\}").match(self._text, at)
        if end is None or "other" not in cases:
            raise BadInput(f"an open brace or no case `other` at {at} in {self._text!r}")
        return kind, cases, end.end()

    def _written(self, name: str) -> Part:
        def write(values: Mapping[str, object]) -> str:
            value = values[name]
            return self._number(value) if isinstance(value, int | float) else str(value)

        return write

    def _chosen(self, name: str, kind: str, cases: dict[str, list[Part]]) -> Part:
        def choose(values: Mapping[str, object]) -> str:
            value = values[name]
            if kind == "plural":
                assert isinstance(value, int | float)
                case = f"={value}" if f"={value}" in cases else self._plural(value)
            else:
                case = str(value)
            return _join(cases.get(case, cases["other"]), values)

        return choose


def _join(parts: list[Part], values: Mapping[str, object]) -> str:
    return "".join(part if isinstance(part, str) else part(values) for part in parts)
