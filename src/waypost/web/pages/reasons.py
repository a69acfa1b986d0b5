"""Why rows were refused, in the language of a page.

Reasons are English sentences wherever they come from; those that code of ours makes stand in the catalogue under
`why_*`, and are known again by the English one.
"""

import functools
import re

from waypost.web.pages.languages import Language, get_language

_PREFIX = "why_"


def say_reason(reason: str, language: Language) -> str:
    """A reason in that language; as it came, where the catalogue lacks it: what a JSON reader says, for one."""
    if language.code == "en":
        return reason
    for key, pattern in _patterns():
        if found := pattern.fullmatch(reason):
            return language.say(key, **found.groupdict())
    return reason


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """For each reason what it looks like in English, those with the most words of their own first."""
    found = []
    for key, message in get_language("en").keys.items():
        if key.startswith(_PREFIX):
            text = re.escape(message.fill({name: f"\0{name}\0" for name in message.names}))
            found.append((key, re.sub("\\\\?\0([a-z_]+)\\\\?\0", r"(?P<\1>.+)", text)))
    found.sort(key=lambda each: -len(each[1]))
    return [(key, re.compile(pattern, re.DOTALL)) for key, pattern in found]
