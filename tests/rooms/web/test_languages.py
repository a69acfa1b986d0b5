import datetime as dt
import json
import re
from pathlib import Path

import pytest

from waypost.model.instants import OffsetSource, TimeFlag
from waypost.track.statuses import LANGUAGES, list_statuses
from waypost.web.pages.languages import choose_language, get_language, offset_text

MOMENT = dt.datetime(2026, 11, 22, 9, 5, tzinfo=dt.timezone(dt.timedelta(hours=-3)))


@pytest.fixture
def room(repo_folder: Path) -> Path:
    return repo_folder / "src/waypost/web"


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_says_the_same_things(code: str) -> None:
    english, other = get_language("en").keys, get_language(code).keys
    assert list(other) == list(english)
    # A number may be left out where the language does not change with it, but nothing else.
    differ = {key: english[key].names ^ other[key].names for key in english}
    assert {key for key, names in differ.items() if names - {"count"}} == set()


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_message_is_empty_or_english_by_mistake(room: Path, code: str) -> None:
    texts = json.loads((room / f"catalogue/{code}.json").read_text("utf-8"))
    assert [key for key, text in texts.items() if not text.strip()] == []
    if code == "zh":
        assert [key for key, text in texts.items() if not re.search(r"[\u4e00-\u9fff]", text)] == []


def test_no_page_speaks_past_the_catalogue(room: Path) -> None:
    asked = set()
    for path in [*room.rglob("*.py"), *room.rglob("*.html")]:
        asked |= set(re.findall(r"""\bsay\(\s*['"]([a-z_]+)['"]\s*[,)]""", path.read_text("utf-8")))
    assert len(asked) > 80
    assert asked - set(get_language("en").keys) == set()


def test_there_are_words_for_every_flag_group_and_source() -> None:
    flags = {flag.name.lower() for flag in TimeFlag if flag.name}
    flags |= {"late", "out_of_order", "impossible", "corrected", "unknown_code"}
    wanted = {f"{kind}_{flag}" for flag in flags for kind in ("flag", "short")}
    wanted |= {f"group_{status.group}" for status in list_statuses() if status.phase >= 0}
    wanted |= {f"source_{source.name.lower()}" for source in OffsetSource}
    assert wanted - set(get_language("en").keys) == set()


@pytest.mark.parametrize(
    ("asked", "header", "code"),
    [
        ("zh", "es", "zh"),
        ("tlh", "es", "es"),
        (None, "pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        (None, "fr;q=0.9, en;q=0.5, zh-TW;q=0.7", "zh"),
        (None, "en;q=0, es;q=0.1", "es"),
        (None, "es;q=high, zh", "zh"),
        (None, "", "en"),
        (None, "fr", "en"),
        (None, "x" * 100_000 + ",zh", "en"),
        (None, "*", "en"),
    ],
)
def test_which_language_a_page_has(asked: str | None, header: str, code: str) -> None:
    assert choose_language(asked, header).code == code


@pytest.mark.parametrize(
    ("code", "day", "moment", "number", "ago", "country"),
    [
        ("en", "Sunday, 22 November 2026", "Sun, 22 Nov 2026 09:05", "1,234.5", "3 days ago", "Brazil"),
        ("zh", "2026年11月22日星期日", "2026年11月22日周日 09:05", "1,234.5", "3天前", "巴西"),
        ("es", "domingo, 22 de noviembre de 2026", "dom, 22 nov 2026 09:05", "1.234,5", "hace 3 días", "Brasil"),
        ("pt", "domingo, 22 de novembro de 2026", "dom., 22 de nov. de 2026 09:05", "1.234,5", "há 3 dias", "Brasil"),
    ],
)
def test_dates_and_numbers(code: str, day: str, moment: str, number: str, ago: str, country: str) -> None:
    language = get_language(code)
    assert language.day(MOMENT) == day
    assert language.moment(MOMENT) == moment
    assert language.number(1234.5) == number
    assert language.ago(3 * 86400) == ago
    assert language.country("BR") == country


def test_names_that_nobody_knows_stay_codes() -> None:
    assert get_language("zh").carrier("yto") == "圆通速递"
    assert get_language("en").carrier("yto") == "YTO Express"
    assert get_language("zh").carrier("acme") == "acme"
    assert get_language("zh").country("ZZZ") == "ZZZ"


@pytest.mark.parametrize(("hours", "said"), [(1, "1 hour"), (47.94, "47.9 hours"), (48, "2 days"), (60, "2.5 days")])
def test_spans(hours: float, said: str) -> None:
    assert get_language("en").span(hours) == said


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "UTC"), (480, "UTC+8"), (-180, "UTC−3"), (330, "UTC+5:30"), (-210, "UTC−3:30")]
)
def test_offsets(minutes: int, said: str) -> None:
    assert offset_text(MOMENT.astimezone(dt.timezone(dt.timedelta(minutes=minutes)))) == said


@pytest.mark.parametrize(
    ("count", "of", "said"),
    [(0, 5, "0%"), (1, 5126, "< 0.1%"), (6, 5000, "0.1%"), (1, 4, "25%"), (99_999, 100_000, "99.9%"), (5, 5, "100%")],
)
def test_a_part_is_nothing_or_all_only_where_it_is(count: int, of: int, said: str) -> None:
    assert get_language("en").part(count, of) == said


@pytest.mark.parametrize(
    ("code", "seconds", "said"),
    [
        ("en", 0, "0 secs"),
        ("en", 90, "90 secs"),
        ("en", 300, "5 mins"),
        ("en", 5430, "90 mins"),
        ("en", 9000, "2.5 hrs"),
        ("en", -28_800, "-8 hrs"),
        ("en", 200_000, "2.3 days"),
        ("zh", 300, "5分钟"),
    ],
)
def test_how_long_something_took(code: str, seconds: int, said: str) -> None:
    assert get_language(code).lapse(seconds) == said


@pytest.mark.parametrize(("minutes", "said"), [(480, "+8 hrs"), (-345, "−5.75 hrs"), (60, "+1 hr")])
def test_shifts_have_their_sign(minutes: int, said: str) -> None:
    assert get_language("en").shift(minutes) == said
