import pytest

from waypost.model.errors import BadInput
from waypost.web.pages.messages import Message


def message(text: str) -> Message:
    return Message(text, plural=lambda count: "one" if count == 1 else "other", number=lambda value: f"{value:,}")


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("plain", {}, "plain"),
        ("it's {name}", {"name": "Ann"}, "it's Ann"),
        ("{count} of them", {"count": 12345}, "12,345 of them"),
        ("{count, plural, one {# parcel} other {# parcels}}", {"count": 1}, "1 parcel"),
        ("{count, plural, one {# parcel} other {# parcels}}", {"count": 1200}, "1,200 parcels"),
        ("{count, plural, =0 {none} other {#}} left", {"count": 0}, "none left"),
        ("{kind, select, a {first} other {another}}", {"kind": "b"}, "another"),
        ("{count, plural, other {{name} has #}}", {"count": 2, "name": "Ann"}, "Ann has 2"),
        ("# {count}", {"count": 3}, "# 3"),
    ],
)
def test_messages_are_filled_in(text: str, values: dict[str, object], said: str) -> None:
    assert message(text).fill(values) == said
    assert message(text).names == set(values)


@pytest.mark.parametrize(
    "text",
    ["{", "}", "{count", "{count, plural, one {#}}", "{count, ordinal, other {#}}", "{COUNT}", "{a, plural, other {#}"],
)
def test_broken_messages_are_found_when_they_are_read(text: str) -> None:
    with pytest.raises(BadInput):
        message(text)


def test_a_missing_argument_is_an_error() -> None:
    with pytest.raises(KeyError):
        message("{name}").fill({})
