import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput, TooLarge
from waypost.model.identifiers import list_missing, parse_element_strings
from waypost.model.identifiers.check_digits import SET_82, gs1_check_digit
from waypost.model.identifiers.element_rules import RULES
from waypost.model.identifiers.element_strings import (
    answers_to,
    has_predefined_length,
    read_application_identifiers,
    read_part,
)

GTIN = "0109521234543213"
SSCC = "00376104250021234569"


def read(text: str) -> list[tuple[str, str]]:
    return [(element.ai, element.value) for element in parse_element_strings(text)]


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        (f"^{SSCC}", [("00", "376104250021234569")]),
        (f"^{GTIN}10ABC123", [("01", "09521234543213"), ("10", "ABC123")]),
        (f"^10ABC123^{GTIN}", [("10", "ABC123"), ("01", "09521234543213")]),
        (f"^{GTIN}^10ABC^", [("01", "09521234543213"), ("10", "ABC")]),
        ("^310300012317251200", [("3103", "000123"), ("17", "251200")]),
        ("^24212^99a!b", [("242", "12"), ("99", "a!b")]),
        ("^2421^3922100", [("242", "1"), ("3922", "100")]),
        ("^421076SP01000", [("421", "076SP01000")]),
        ("^423076156", [("423", "076156")]),
        ("^7007250101250131", [("7007", "250101250131")]),
        ("^8008251231235959", [("8008", "251231235959")]),
        ("^800825123123", [("8008", "25123123")]),
        ("^800309521234543213ABC", [("8003", "09521234543213ABC")]),
        ("^430912345678903600000000", [("4309", "12345678903600000000")]),
        ("^4330001234-", [("4330", "001234-")]),
        (f"]C1{GTIN}10AB\x1d21CD", [("01", "09521234543213"), ("10", "AB"), ("21", "CD")]),
        (f"]d2{GTIN}", [("01", "09521234543213")]),
        ("(01)09521234543213(10)AB(3103)000123", [("01", "09521234543213"), ("10", "AB"), ("3103", "000123")]),
        (r"(10)A\(1)", [("10", "A(1)")]),
        ("^10A^10A", [("10", "A"), ("10", "A")]),
    ],
)
def test_element_strings_are_read(text: str, elements: list[tuple[str, str]]) -> None:
    assert read(text) == elements


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "FNC1 is missing in first position"),
        (GTIN, "FNC1 is missing in first position"),
        ("^", "no element string"),
        ("^^" + GTIN, "character 2: no AI"),
        ("^8912", "character 2: no AI starts with 8912"),
        ("^0", "no AI starts with 0"),
        ("^010952123454321", "AI 01 is too short"),
        ("^0109521234543214", "AI 01: check digit 4 should be 3"),
        ("^010952123454321A", r"AI 01: 'A' \(U\+0041\) is not a digit"),
        ("^01095212345432１3", r"U\+FF11"),
        (f"^{GTIN}2", "character 18: no AI starts with 2"),
        ("^0109521234543^10A", "AI 01 is too short"),
        ("^10", "AI 10 has no value"),
        ("^10^" + GTIN, "AI 10 has no value"),
        ("^10" + "A" * 21, "AI 10 is too long, or FNC1 is missing"),
        (f"^24212{GTIN}", "AI 242 is too long, or FNC1 is missing"),
        ("^10A B", r"U\+0020 is not in GS1 character set 82"),
        ("^10A~", "character set 82"),
        ("^10A\0", r"U\+0000"),
        ("^10Ä", "character set 82"),
        ("^80101234ab", "character set 39"),
        ("^8030ab+", "character set 64"),
        ("^8030a=b", "= is padding"),
        ("^11251301", "there is no month 13"),
        ("^11250229", "there is no day 29"),
        ("^11240230", "there is no day 30"),
        ("^11250432", "there is no day 32"),
        ("^4326251200", "there is no day 00"),
        ("^43242512312400", "there is no hour 24"),
        ("^70032512312360", "there is no minute 60"),
        ("^8008251231235960", "there is no second 60"),
        ("^725020230229", "there is no day 29"),
        ("^421999AB", "999 is no ISO 3166-1"),
        ("^423076999", "999 is no ISO 3166-1"),
        ("^42307615", "AI 423 is too short"),
        ("^4307BX", "BX is no ISO 3166-1 country code"),
        ("^3910000100", "000 is no ISO 4217"),
        ("^43212", "must be 0 or 1"),
        ("^4330001234+", "must be a hyphen"),
        ("^43091800000001" + "0" * 10, "beyond the largest latitude"),
        ("^4309" + "0" * 10 + "3600000001", "beyond the largest longitude"),
        ("^4300A%2", "%2 is no percent-encoded character"),
        ("^8001000012345123" + "01", "may not be zero"),
        ("^80011234123451232" + "1", "no winding direction"),
        ("^800319521234543213", "1 must be 0"),
        ("^8006095212345432130201", "there is no piece 2 of 1"),
        ("^8006095212345432130001", "there is no piece 0 of 1"),
        ("^8007DE91100000000123456788", "check digits of the IBAN"),
        ("^8007ZZ91100000000123456788", "ZZ is no country"),
        ("^8007DE91", "too short for an IBAN"),
        ("^801101", "may not start with 0"),
        ("^80131987654Ad4X4bL5ttr2310c2X", "check characters 2X should be 2K"),
        ("^401ABC123", "does not start with a GS1 Company Prefix"),
        ("^401123", "does not start with a GS1 Company Prefix"),
        ("^724111", "no AIDC media type"),
        ("^72523", "ISO/IEC 5218"),
        ("^72583/2", "no place in a sequence"),
        ("^7041XYZ", "no freight unit type"),
        ("^70401AB!", "no importer index"),
        (f"^{GTIN}0209521234543213", "AI 01 and AI 02 may not mark the same item"),
        (f"^{GTIN}37123", "AI 01 and AI 37"),
        ("^37123^" + GTIN, "AI 01 and AI 37"),
        ("^21A^235B", "AI 21 and AI 235"),
        ("^3103000123" + "3102000123", "AI 3103 and AI 3102"),
        ("^39401234^39411234", "AI 3940 and AI 3941"),
        ("^42001000^421076AB", "AI 420 and AI 421"),
        ("^10A^10B", "AI 10 is there twice with different values"),
        (f"^2539521234543213^8030AB^{SSCC}", "AI 8030 signs AI 253"),
        ("(01)09521234543213(1)A", "an AI in brackets is expected"),
        ("(01)095212345432131", "AI 01 is too long"),
        ("(17)2512", "AI 17 is too short"),
        ("(89)1", "there is no AI 89"),
        ("(10)A^", r"U\+005E"),
        ("(10)", "AI 10 has no value"),
        ("(10", "an AI in brackets is expected"),
    ],
)
def test_what_is_wrong_is_said(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_element_strings(text)


@pytest.mark.parametrize(
    "text",
    [
        "^8110106141416543213150110000310123196000",  # the example of the coupon guideline
        "^8110" + "012345612345611110123" + "4250101",
        "^8110" + "012345612345611110123" + "3250201" + "4250101" + "50123456",
        "^8110" + "012345612345611110123" + "1" + "0" + "11" + "0" + "123" + "9",
        "^8112" + "0" + "0123456" + "123456" + "0123456",
    ],
)
def test_coupons_are_read(text: str) -> None:
    assert [element.ai for element in parse_element_strings(text)] == [text[1:5]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("^81107", "length of the company prefix is 7"),
        ("^8110012345", "company prefix is cut off"),
        ("^8110012345612345611110123" + "3250231", "expiration date 250231 does not exist"),
        ("^8110012345612345611110123" + "3250101" + "4250201", "it expires before it starts"),
        ("^8110012345612345611110123" + "7", "7 follows the last field"),
        ("^811001234561234561111012A", "digits only"),
        ("^81122", "format is 2"),
        ("^8112001234561234560" + "12345", "serial number is cut off"),
        ("^8112001234561234560" + "1234567", "7 follows the last field"),
    ],
)
def test_what_is_wrong_with_a_coupon_is_said(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_element_strings(text)


def test_what_must_stand_beside_is_no_fault_of_one_symbol() -> None:
    assert list_missing(parse_element_strings("^10ABC")) == [
        "AI 10 needs one of 01, 02, 03, 8006, 8026 on the same item"
    ]
    assert list_missing(parse_element_strings(f"^{GTIN}10ABC")) == []
    assert list_missing(parse_element_strings(f"^{GTIN}250ABC")) == [
        "AI 250 needs one of 01+21, 03+21, 8006+21 on the same item"
    ]
    assert list_missing(parse_element_strings(f"^{GTIN}250ABC^21X")) == []
    assert list_missing(parse_element_strings(f"^{GTIN}3922199^3103000100")) == []
    assert list_missing(parse_element_strings(f"^{GTIN}3922199")) != []


def test_the_table_agrees_with_itself() -> None:
    table = read_application_identifiers()
    assert len(table) > 500
    known = set(table)
    for one, other in itertools.combinations(sorted(known), 2):
        assert not other.startswith(one), f"{one} is the beginning of {other}"
    for ai, row in table.items():
        parts = row.read_parts()
        assert not any(first.optional and not second.optional for first, second in itertools.pairwise(parts)), ai
        assert all(first.shortest == first.longest for first in parts[:-1]), ai
        assert {rule for part in parts for rule in part.rules} <= set(RULES), ai
        if has_predefined_length(ai):
            assert all(part.shortest == part.longest and not part.optional for part in parts), ai
        for other in (*row.never_with, *(each for group in row.needs_one_of for each in group.split("+"))):
            assert any(answers_to(each, other) for each in known), ai


# Figure 7.8.5-2 of the General Specifications: AI prefix and length with the AI.
@pytest.mark.parametrize(
    ("prefix", "length"),
    [
        *(("00", 20), ("01", 16), ("02", 16), ("03", 16), ("20", 4), ("41", 16)),
        *((prefix, 8) for prefix in ("11", "12", "13", "15", "16", "17")),
        *((prefix, 10) for prefix in ("31", "32", "33", "34", "35", "36")),
    ],
)
def test_predefined_lengths(prefix: str, length: int) -> None:
    rows = {ai: row for ai, row in read_application_identifiers().items() if ai.startswith(prefix)}
    assert rows
    for ai, row in rows.items():
        assert has_predefined_length(ai)
        assert len(ai) + sum(part.longest for part in row.read_parts()) == length


def test_a_part_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match="cannot read the part Q6"):
        read_part("Q6")


values = st.text(alphabet=[each for each in SET_82 if each not in "("], min_size=1, max_size=20)


@given(st.text(alphabet="0123456789", min_size=13, max_size=13), values, values)
def test_what_is_put_together_is_read_again(digits: str, batch: str, serial: str) -> None:
    gtin = digits + str(gs1_check_digit(digits))
    elements = [("01", gtin), ("10", batch), ("21", serial)]
    assert read(f"^01{gtin}10{batch}^21{serial}") == elements
    assert read(f"(01){gtin}(10){batch}(21){serial}") == elements


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    for message in (text, "^" + text, "(10)" + text):
        with contextlib.suppress(BadInput):
            assert parse_element_strings(message)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text", ["^" * 7000, "^99" + "A" * 7000, "(" * 7000, "(10)" + r"\(" * 3500, "^99A" * 1700 + "^0", "^" + "01" * 3000]
)
def test_hostile_messages_are_refused_at_once(text: str) -> None:
    for _ in range(20):
        with pytest.raises(BadInput):
            parse_element_strings(text)


@pytest.mark.timeout(5)
def test_a_long_message_is_read_at_once() -> None:
    for _ in range(20):
        assert len(parse_element_strings("^99A" * 1700)) == 1700


def test_what_no_symbol_holds_is_refused() -> None:
    with pytest.raises(TooLarge, match="no symbol holds more"):
        parse_element_strings("^99" + "A" * 10_000)
