import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput
from waypost.model.identifiers import Finding, identify


def find(text: str, kind: str) -> Finding:
    [finding] = [each for each in identify(text) if each.kind == kind]
    return finding


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("RB123456785GB", {"s10"}),
        ("376104250021234569", {"sscc", "tracking_number"}),
        ("(00)376104250021234569", {"sscc", "gs1_element_string"}),
        ("09521234543213", {"gtin", "tracking_number"}),
        ("020-12345675", {"awb"}),
        ("CSQU3054383", {"container"}),
        ("CSQU 305438-3", {"container"}),
        ("PMC01473R7", {"uld"}),
        ("^010952123454321310ABC", {"gs1_element_string"}),
        ("]C1010952123454321310ABC", {"gs1_element_string"}),
        ("1Z5R89390357567127", {"tracking_number"}),
        ("hello", set()),
    ],
)
def test_kinds_of_a_number(text: str, kinds: set[str]) -> None:
    assert {finding.kind for finding in identify(text)} == kinds


def test_findings_say_what_is_known() -> None:
    post = find("rb 123 456 785 gb", "s10")
    assert (post.number, post.valid, post.reason) == ("RB123456785GB", True, None)
    assert post.details["service"] == "Letter Post Registered"
    assert find("02012345675", "awb").details == {"prefix": "020", "airline": "Lufthansa Cargo"}
    assert find("PMC01473R7", "uld").details["owner"] == "R7"
    assert find("^010952123454321310ABC", "gs1_element_string").details == {
        "(01) GTIN": "09521234543213",
        "(10) BATCH/LOT": "ABC",
    }
    assert find("^10ABC", "gs1_element_string").details["not_here"].startswith("AI 10 needs one of 01")
    ups = find("1Z5R89390357567127", "tracking_number")
    assert (ups.name, ups.carrier) == ("UPS", "ups")


def test_a_number_that_only_looks_right_says_why() -> None:
    assert find("RB123456785XX", "s10").reason == "XX is no country whose post issues S10 numbers"
    assert find("CSQU305438", "container").reason == "the check digit is missing: it would be 3"
    findings = identify("986578788855")
    assert [finding.valid for finding in findings] == sorted((each.valid for each in findings), reverse=True)
    assert findings[0].carrier == "fedex"
    assert all(finding.reason for finding in findings if not finding.valid)


def test_an_element_string_keeps_its_letters() -> None:
    assert find("^10aB\n", "gs1_element_string").details["(10) BATCH/LOT"] == "aB"


@pytest.mark.parametrize("text", ["", "９８６５", "\0", "1" * 10_000])
def test_what_cannot_be_a_number_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        identify(text)


@given(st.text(alphabet="0123456789ABCJZ-() ^", max_size=40))
def test_every_finding_is_whole(text: str) -> None:
    try:
        findings = identify(text)
    except BadInput:
        assert not text.strip()
        return
    for finding in findings:
        assert finding.number
        assert finding.valid == (finding.reason is None)
