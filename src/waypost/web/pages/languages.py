"""The languages of the pages: messages from the catalogue, dates and numbers as they are written there."""

import datetime as dt
import functools
import importlib.resources

import babel
from babel.dates import format_date, format_skeleton, format_timedelta
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from babel.units import format_unit

from waypost.model.carriers import find_carrier
from waypost.model.decoding import decode
from waypost.track.statuses import LANGUAGES, Phrase, phrase
from waypost.web.pages.messages import Message

#: For each language: its tag in HTML, its CLDR locale, and how it calls itself.
_TAGS = {
    "en": ("en", "en_GB", "English"),
    "zh": ("zh-Hans", "zh_Hans_CN", "中文"),
    "es": ("es", "es", "Español"),
    "pt": ("pt-BR", "pt_BR", "Português"),
}
_LONGEST_HEADER = 500

#: Units of time: their seconds, and from how many seconds on they are used.
_UNITS = (
    ("duration-day", 86_400, 172_800),
    ("duration-hour", 3600, 7200),
    ("duration-minute", 60, 120),
    ("duration-second", 1, 0),
)


class Language:
    """One language."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.tag, locale, self.name = _TAGS[code]
        self._locale = babel.Locale.parse(locale)
        texts = decode(_read_catalogue(code), dict[str, str])
        self._messages = {key: Message(text, self._locale.plural_form, self.number) for key, text in texts.items()}

    def say(self, key: str, **values: object) -> str:
        """A message.

        Raises:
            KeyError: the catalogue lacks it, or an argument is missing.
        """
        return self._messages[key].fill(values)

    def phrase(self, status: str) -> Phrase:
        """A status in words."""
        return phrase(status, self.code)

    def number(self, value: float) -> str:
        """A number with its separators."""
        return format_decimal(value, locale=self._locale)

    def percent(self, share: float) -> str:
        """A share in percent; one that would round to nothing keeps a digit."""
        return format_percent(share, "0.0%" if 0 < share < 0.01 else "0%", locale=self._locale)

    def part(self, count: int, of: int) -> str:
        """A share in percent that is nothing or all only where it is: few keep a digit, very few are less than that."""
        if 0 < count < of / 1000:
            return f"< {format_percent(0.001, '0.0%', locale=self._locale)}"
        if 0.99 < count / of < 1:
            return format_percent(1000 * count // of / 1000, "0.0%", locale=self._locale)
        return self.percent(count / of)

    def short_number(self, value: float) -> str:
        """A number in three digits or so: 12K, 1.2万."""
        return format_compact_decimal(value, locale=self._locale, fraction_digits=0 if value < 1000 else 1)

    def day(self, moment: dt.datetime) -> str:
        """A day in full."""
        return format_date(moment.date(), "full", locale=self._locale)

    def short_day(self, moment: dt.datetime) -> str:
        """A day as short as it can be without the year."""
        return format_skeleton("MMMd", moment, tzinfo=moment.tzinfo, locale=self._locale)

    def date(self, moment: dt.datetime) -> str:
        """A day with its year and weekday, shortened."""
        return format_skeleton("yMMMEd", moment, tzinfo=moment.tzinfo, locale=self._locale)

    def weekday(self, moment: dt.datetime) -> str:
        """A day near to now: its weekday, day and month."""
        return format_skeleton("MMMEd", moment, tzinfo=moment.tzinfo, locale=self._locale)

    def moment(self, moment: dt.datetime) -> str:
        """Day and time."""
        return f"{self.date(moment)} {self.time(moment)}"

    def stamp(self, moment: dt.datetime) -> str:
        """Day and time without the weekday, for tables."""
        day = format_skeleton("yMMMd", moment, tzinfo=moment.tzinfo, locale=self._locale)
        return f"{day} {self.time(moment)}"

    def time(self, moment: dt.datetime) -> str:
        """The time of day, in 24 hours."""
        return f"{moment:%H:%M}"

    def ago(self, seconds: float) -> str:
        """How long ago, in the greatest unit that fits."""
        if abs(seconds) < 45:
            return self.say("just_now")
        return format_timedelta(-dt.timedelta(seconds=seconds), add_direction=True, locale=self._locale)

    def span(self, hours: float) -> str:
        """How long something took: hours, from two days on days."""
        if hours < 48:
            return self.say("hours", count=round(hours, 1))
        return self.say("days", count=round(hours / 24, 1))

    def lapse(self, seconds: float) -> str:
        """How long something took, in the unit that suits it."""
        unit, length, _ = next(each for each in _UNITS if abs(seconds) >= each[2])
        value = seconds / length
        return format_unit(round(value, 1 if abs(value) < 10 else 0), unit, "short", locale=self._locale)

    def shift(self, minutes: int) -> str:
        """An offset in hours, with its sign."""
        sign = "+" if minutes > 0 else "−"
        hours = format_unit(abs(minutes) / 60, "duration-hour", "short", "0.##", locale=self._locale)
        return f"{sign}{hours}"

    def country(self, code: str) -> str:
        """The name of a country; its code where the name is not known."""
        return str(self._locale.territories.get(code, code))

    def carrier(self, code: str) -> str:
        """The name of a carrier; its code where nobody knows one."""
        carrier = find_carrier(code)
        if carrier is None:
            return code
        return carrier.name_zh or carrier.name if self.code == "zh" else carrier.name

    @property
    def keys(self) -> dict[str, Message]:
        """All messages by their keys."""
        return self._messages


@functools.cache
def get_language(code: str) -> Language:
    """A language by its code, one of `LANGUAGES`."""
    return Language(code)


def choose_language(asked: str | None, accept_language: str) -> Language:
    """The language of a page: the one asked for in the address, else what the browser prefers, else English."""
    if asked in LANGUAGES:
        return get_language(asked)
    wishes = []
    for place, wish in enumerate(accept_language[:_LONGEST_HEADER].split(",")):
        tag, _, quality = wish.partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        wishes.append((-weight, place, tag.strip().lower().split("-")[0]))
    return get_language(next((code for weight, _, code in sorted(wishes) if code in LANGUAGES and weight < 0), "en"))


def offset_text(moment: dt.datetime) -> str:
    """The offset of an instant, as short as it can be: UTC, UTC+8, UTC+5:30."""
    offset = moment.utcoffset() or dt.timedelta()
    minutes = round(offset.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02d}" if rest else "")


def _read_catalogue(code: str) -> bytes:
    return importlib.resources.files("waypost.web").joinpath("catalogue", f"{code}.json").read_bytes()
