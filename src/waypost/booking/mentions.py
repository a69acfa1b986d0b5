"""Where somebody is mentioned in what carriers send: as text, or escaped as JSON, XML and forms have it."""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_plus

#: Of a telephone number the last digits are looked for, whatever is dialled before them; fewer tell nobody.
_TELLING_DIGITS, _FEWEST_DIGITS = 9, 7
#: What may stand between two digits of a telephone number, and how many digits before those that tell.
_BETWEEN, _DIALLED_BEFORE = r"[\s().\-]{0,2}", 8
#: Names of fewer letters are parts of other words and names of many people: they mention nobody by themselves.
FEWEST_LETTERS = 5
_FEWEST_HAN = 2
_HAN = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"  # and what is written without blanks beside it
_IS_HAN = re.compile(f"[{_HAN}]")
#: A letter or digit of a word; Chinese ones end a word, for they stand beside it without a blank.
_OF_WORD = rf"[^\W_{_HAN}]"
_WORDS = re.compile("[0-9a-z]+")
_ESCAPED = re.compile(r'\\(?:u([0-9a-fA-F]{4})|([nrtbf"\\/]))')


class Mentions:
    """Finds somebody in bodies, by any of what is known of them.

    Args:
        names: whole ones. Those without Chinese characters are found at the bounds of words alone, and only if they
            have `FEWEST_LETTERS`.
        phones: with or without what is dialled before them.
        numbers: of waybills.
    """

    def __init__(
        self, names: Iterable[str], phones: Iterable[str], emails: Iterable[str], numbers: Iterable[str]
    ) -> None:
        asked = {_even(number).strip() for number in numbers} - {""}
        self._words = {each for each in asked if _WORDS.fullmatch(each)}
        patterns = [_bounded(re.escape(each)) for each in asked - self._words]
        patterns += [each for name in names if (each := _pattern_of_name(_even(name)))]
        patterns += [each for phone in phones if (each := _pattern_of_phone(_even(phone)))]
        patterns += [_pattern_of_email(each) for email in emails if "@" in (each := _even(email).strip())]
        self._pattern = re.compile("|".join(dict.fromkeys(patterns))) if patterns else None

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to look for."""
        return self._pattern is None and not self._words

    def is_in(self, body: bytes) -> bool:
        """Whether a body mentions them."""
        return any(self._is_in(_even(text)) for text in _readings(body.decode(errors="replace")))

    def _is_in(self, text: str) -> bool:
        if self._words and not self._words.isdisjoint(_WORDS.findall(text)):
            return True
        return self._pattern is not None and self._pattern.search(text) is not None


def _pattern_of_name(name: str) -> str | None:
    parts = name.split()
    if len(_IS_HAN.findall(name)) >= _FEWEST_HAN:
        return r"\s*".join(re.escape(each) for part in parts for each in part)
    if sum(each.isalpha() for each in name) < FEWEST_LETTERS:
        return None
    return _bounded(r"\s+".join(re.escape(part) for part in parts))


def _pattern_of_phone(phone: str) -> str | None:
    digits = "".join(each for each in phone if each.isdecimal()).lstrip("0")[-_TELLING_DIGITS:]
    if len(digits) < _FEWEST_DIGITS:
        return None
    return f"(?<![0-9])[0-9]{{0,{_DIALLED_BEFORE}}}{_BETWEEN}{_BETWEEN.join(digits)}(?![0-9])"


def _pattern_of_email(email: str) -> str:
    return rf"(?<![0-9a-z._+\-]){re.escape(email)}(?![0-9a-z_\-]|\.[0-9a-z])"


def _bounded(pattern: str) -> str:
    return f"(?<!{_OF_WORD}){pattern}(?!{_OF_WORD})"


def _even(text: str) -> str:
    """The same for what differs in capitals and in the widths of letters alone."""
    return unicodedata.normalize("NFKC", text).casefold()


def _readings(text: str) -> Iterator[str]:
    """A text as it stands, and as it is meant where something in it is escaped."""
    yield text
    if "\\" in text or "&" in text:
        yield _unescape(text)
    if "%" in text or "+" in text:
        yield _unescape(unquote_plus(text, errors="replace"))


def _unescape(text: str) -> str:
    if "\\" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # JSON escapes halves of characters
    return html.unescape(text) if "&" in text else text
