"""The tree of errors: drawn as it stands, every kind with a public code, every message with what to do."""

import inspect
import pickle
import re
from typing import Any

import pytest

from waypost.model import errors
from waypost.model.errors import BadInput, NotFound, StoreError, TooLarge, TooMany, WaypostError

ALL = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, WaypostError)]


def test_the_tree_is_drawn_as_it_stands() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ([│ ├└─]*)(\w+)(?:  .*)?$", line)
        if found:
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1] if depth else "Exception"
    assert drawn == {each.__name__: each.__bases__[0].__name__ for each in ALL}


def test_each_kind_has_a_code_of_its_own_and_a_status_of_http() -> None:
    codes = {each.__name__: each.code for each in ALL}
    assert len(set(codes.values())) == len(codes)
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes.values())
    assert all(400 <= each.status <= 599 for each in ALL)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *(("error", 500), ("bad_input", 400), ("too_large", 413), ("not_found", 404), ("not_allowed", 401)),
        *(("conflict", 409), ("too_many", 429), ("settings", 500), ("store", 503), ("storage_full", 507)),
        *(("gone", 410), ("unreachable", 503)),
    ],
)
def test_codes_are_public_and_stay(code: str, status: int) -> None:
    assert {each.code: each.status for each in ALL}[code] == status


def test_a_message_says_what_and_how_to_mend_it() -> None:
    error = NotFound("no parcel bears the number 'YT1'", mend="Look at the first letters again.")
    assert (error.message, error.mend) == ("no parcel bears the number 'YT1'", "Look at the first letters again.")
    assert str(error) == "no parcel bears the number 'YT1'. Look at the first letters again."
    assert str(NotFound("gone")) == "gone"
    assert NotFound("gone").mend is None
    assert str(NotFound("Gone!", mend="Wait.")) == "Gone! Wait."


def test_bad_input_says_where() -> None:
    error = TooLarge("more than 10 rows", where="scans.csv:12", mend="Cut it in two.")
    assert isinstance(error, BadInput)
    assert (error.where, str(error)) == ("scans.csv:12", "scans.csv:12: more than 10 rows. Cut it in two.")
    assert (BadInput("no").where, str(BadInput("no"))) == (None, "no")


def test_too_many_says_when_to_try_again() -> None:
    error = TooMany("more than 60 look-ups a minute", retry_after_s=7)
    assert error.retry_after_s == 7
    assert not isinstance(error, StoreError)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("mend", ["Look again.", None])
def test_another_process_is_told_the_same(kind: type[WaypostError], mend: str | None) -> None:
    own: dict[str, Any] = {
        name: value
        for name, value in {"where": "scans.csv:12", "retry_after_s": 7, "start": 1 << 40}.items()
        if name in inspect.signature(kind).parameters
    }
    error = kind("it was 'so'", mend=mend, **own)
    told = pickle.loads(pickle.dumps(error))
    assert type(told) is kind
    assert (str(told), told.args, told.message, told.mend) == (str(error), error.args, error.message, mend)
    assert {name: getattr(told, name) for name in own} == own
    assert vars(told) == vars(error) == {"message": error.message, "mend": mend} | own
    with pytest.raises(kind, match="it was 'so'"):
        raise told
    assert str(pickle.loads(pickle.dumps(told))) == str(error)
