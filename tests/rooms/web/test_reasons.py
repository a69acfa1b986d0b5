"""Why rows were refused, in the words of the page's language."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from waypost.web.pages.languages import get_language
from waypost.web.pages.reasons import say_reason

#: How reasons begin, and who gives them for rows of the neutral format.
_BEGINS = re.compile(r"(is|has|holds|lies|names|opens|was|and what|a row|cannot be read|unknown time) ")
_SOURCES = (
    *("track/intake.py", "model/instants.py"),
    *("feeds/xlsx.py", "feeds/tables.py", "feeds/lines.py", "feeds/scans.py"),
)
#: What is not said of rows: files as a whole, and stamps that are parameters.
_OTHER = re.compile(
    r"is (an old Excel|a zip archive|a damaged zip|packed otherwise|damaged)|has (no sheet|no line|other columns)"
    r"|has (7 columns|twice)|holds Parquet|cannot be read as XLSX7|has no offset: write"
)


def literals(path: Path) -> Iterator[str]:
    """Texts in the source, with 7 in each gap; those that are documentation begin with a capital."""
    tree = ast.parse(path.read_text("utf-8"))
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    named = [(node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign)]
    constants = {
        name.id: value.value for name, value in named if isinstance(name, ast.Name) and isinstance(value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(_part(part, constants) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.value.replace("{}", "7")


def _part(part: ast.expr, constants: Mapping[str, object]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    known = constants.get(part.value.id) if isinstance(part.value, ast.Name) else None
    return known if isinstance(known, str) else "7"


@pytest.mark.parametrize("source", _SOURCES)
def test_every_reason_of_ours_has_its_words(repo_folder: Path, source: str) -> None:
    chinese = get_language("zh")
    reasons = {text for text in literals(repo_folder / "src/waypost" / source) if _BEGINS.match(text)}
    rows = {text for text in reasons if not _OTHER.match(text)}
    assert rows
    assert [text for text in sorted(rows) if not re.search("[\u4e00-\u9fff]", say_reason(text, chinese))] == []


def test_arguments_are_kept() -> None:
    zh = get_language("zh")
    assert say_reason("is longer than 64 characters", zh) == "超过 64 个字符"
    assert say_reason("has 3 fields where the header has 5: a comma too many", zh).startswith(
        "有 3 个字段，而表头有 5 个"
    )
    told = say_reason("has further sheets, which are not read: a\nb {c} (d)", zh)
    assert told.endswith("a\nb {c} (d)")


def test_what_the_catalogue_lacks_stays_as_it_came() -> None:
    for code in ("en", "es"):
        assert say_reason("expected `str`, got `int`", get_language(code)) == "expected `str`, got `int`"
    assert say_reason("is missing", get_language("en")) == "is missing"
