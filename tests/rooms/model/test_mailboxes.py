"""Addresses of e-mail: those that a mail can go to, and nothing that would become a header or another recipient."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput
from waypost.model.mailboxes import mask_mailbox, parse_mailbox


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ana@example.org", "ana@example.org"),
        ("Ana.B+shop@Mail.EXAMPLE.org", "Ana.B+shop@mail.example.org"),
        ("o'hara@bücher.example", "o'hara@xn--bcher-kva.example"),
        ("a@例子.中国", "a@xn--fsqu00a.xn--fiqs8s"),
        ("x" * 64 + "@a.b", "x" * 64 + "@a.b"),
    ],
)
def test_an_address_as_it_goes_over_the_wire(text: str, found: str) -> None:
    assert parse_mailbox(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "@example.org",
        "ana@",
        "ana@localhost",
        "ana@127.0.0.1",
        "ana@[127.0.0.1]",
        "ana@example.org\r\nBcc: eve@example.org",
        "ana@example.org\n",
        "\nana@example.org",
        "ana@exa mple.org",
        "ana@example.org, eve@example.org",
        "<ana@example.org>",
        "Ana <ana@example.org>",
        '"ana b"@example.org',
        "ana@eve@example.org",
        ".ana@example.org",
        "ana..b@example.org",
        "ана@example.org",
        "ana@-a.org",
        "ana@example..org",
        "ana@" + "a" * 64 + ".org",
        "x" * 65 + "@a.b",
        "a@" + "b." * 130 + "org",
        "ana@exam\u2028ple.org",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_mailbox(text)
    assert "e-mail" in caught.value.message
    assert "eve" not in str(caught.value)


@given(st.text(max_size=60).map(lambda text: text + "@example.org") | st.text(max_size=80))
def test_what_is_taken_is_one_address_of_plain_characters(text: str) -> None:
    try:
        found = parse_mailbox(text)
    except BadInput:
        return
    assert found.isascii()
    assert found.isprintable()
    assert not set(found) & set(' <>,;:"\\()[]')
    assert found.count("@") == 1
    assert parse_mailbox(found) == found


@pytest.mark.parametrize(
    ("text", "shown"),
    [("ana@mail.example.org", "a***@***.org"), ("", "***"), ("no address", "***"), ("@a.b", "***")],
)
def test_what_is_shown_of_an_address(text: str, shown: str) -> None:
    assert mask_mailbox(text) == shown
