import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput, TooLarge
from waypost.model.identifiers import detect_carriers, list_matches
from waypost.model.identifiers.check_digits import mod_37_36_check_character
from waypost.model.identifiers.formats import read_formats

FORMATS = "src/waypost/model/identifiers/formats.json"


@pytest.fixture(scope="module")
def numbers_folder(data_folder: Path) -> Path:
    return data_folder / "tracking_numbers"


@pytest.fixture(scope="module")
def published(numbers_folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Each published format with the code of its carrier, in the order of our file."""
    carriers = [json.loads(path.read_text("utf-8")) for path in sorted(numbers_folder.glob("*.json"))]
    return [(carrier["courier_code"], each) for carrier in carriers for each in carrier["tracking_numbers"]]


def test_every_published_test_number_is_judged_right(published: list[tuple[str, dict[str, Any]]]) -> None:
    wrong, judged = [], 0
    for (carrier, each), ours in zip(published, read_formats().formats, strict=True):
        assert (ours.carrier, ours.name) == (carrier, each["name"])
        for verdict, numbers in each["test_numbers"].items():
            for number in numbers:
                judged += 1
                valid_formats = {match.format for match in list_matches(number) if match.valid}
                if (ours.id in valid_formats) != (verdict == "valid"):
                    wrong.append((each["name"], number, verdict, valid_formats))
                if verdict == "valid" and carrier not in detect_carriers(number):
                    wrong.append((each["name"], number, verdict, detect_carriers(number)))
    assert wrong == []
    assert judged == 280


def test_an_invalid_number_is_not_detected_for_its_carrier(published: list[tuple[str, dict[str, Any]]]) -> None:
    # A number that is wrong for one format of a carrier may be right for another of the same carrier.
    valid = {(carrier, number) for carrier, each in published for number in each["test_numbers"]["valid"]}
    detected = [
        (carrier, number)
        for carrier, each in published
        for number in each["test_numbers"]["invalid"]
        if (carrier, number) not in valid and carrier in detect_carriers(number)
    ]
    assert detected == []


def test_the_script_makes_the_same_file_again(numbers_folder: Path, repo_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "formats.json"
    script = repo_folder / "scripts/make_number_formats"
    subprocess.run([sys.executable, script, numbers_folder, target], check=True, timeout=60)
    assert target.read_bytes() == (repo_folder / FORMATS).read_bytes()


def test_the_script_says_how_to_use_it(repo_folder: Path, tmp_path: Path) -> None:
    script = repo_folder / "scripts/make_number_formats"
    bare = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert bare.returncode == 1
    assert "scripts/make_number_formats FOLDER" in bare.stderr
    empty = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=60)
    assert "holds no *.json" in empty.stderr


def test_no_test_number_is_kept(repo_folder: Path, published: list[tuple[str, dict[str, Any]]]) -> None:
    text = (repo_folder / FORMATS).read_text("utf-8")
    numbers = {number for _, each in published for kind in each["test_numbers"].values() for number in kind}
    assert [number for number in numbers if number in text] == []


@pytest.mark.parametrize(
    ("number", "carriers"),
    [
        ("1Z5R89390357567127", ["ups"]),
        ("1z 5r89 3903 5756 7127", ["ups"]),
        ("1Z5R89390357567128", []),
        ("986578788855", ["fedex"]),
        ("320610804900", ["fedex", "purolator"]),
        ("JFV247545960", ["dhl", "purolator"]),
        ("09980000020033F", ["dpd"]),
        ("9400111206206406260787", ["usps"]),
        ("420787459400111206206406260787", ["usps"]),
        ("RB123456785GB", ["s10"]),
        ("RB123456785XX", []),
        ("\tRB 123 456 785 GB\n", ["s10"]),
        ("hello", []),
    ],
)
def test_carriers_of_a_number(number: str, carriers: list[str]) -> None:
    assert detect_carriers(number) == carriers


def test_a_match_tells_what_is_known_and_what_is_wrong() -> None:
    [ups] = list_matches("1Z5R89390357567127")
    assert (ups.format, ups.carrier_name, ups.valid, ups.reason) == ("ups", "UPS", True, None)
    assert ups.details == {"service_type": "UPS United States Ground"}
    assert ups.tracking_url is not None
    assert ups.tracking_url.endswith("trackNums=1Z5R89390357567127")
    [wrong] = list_matches("1Z5R89390357567128")
    assert (wrong.valid, wrong.reason) == (False, "check digit 8 should be 7")
    [post] = list_matches("RB123456785GB")
    assert post.details["country"] == "Great Britain"
    [unknown] = list_matches("RB123456785XX")
    assert unknown.reason == "no postal operator is known for XX"
    [dpd] = list_matches("008182709980000020033350276C")
    assert dpd.details == {"service_type": "AM0", "country": "DE"}


def test_valid_matches_come_first() -> None:
    validity = [match.valid for match in list_matches("331426749957")]
    assert validity == [True, False]


@given(st.text(alphabet="0123456789", min_size=14, max_size=14), st.data())
def test_mod_37_36_finds_every_wrong_character(serial: str, data: st.DataObject) -> None:
    check = mod_37_36_check_character(serial)
    assert "dpd" in detect_carriers(serial + check)
    place = data.draw(st.integers(0, 13))
    digit = data.draw(st.sampled_from([each for each in "0123456789" if each != serial[place]]))
    assert "dpd" not in detect_carriers(serial[:place] + digit + serial[place + 1 :] + check)


@given(st.sampled_from(["1Z5R89390357567127", "9400111206206406260787", "RB123456785GB", "KYV009956937"]), st.data())
def test_white_space_and_case_change_nothing(number: str, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(number)), max_size=10))
    spaced = number
    for place in sorted(places, reverse=True):
        spaced = spaced[:place] + data.draw(st.sampled_from(" \t\n")) + spaced[place:]
    assert detect_carriers(data.draw(st.sampled_from([spaced, spaced.lower()]))) == detect_carriers(number)


@pytest.mark.parametrize(
    "number",
    ["9865787888５5", "98657878885٥", "98657878885⁵", "986578788855\0", "986578788855\N{NO-BREAK SPACE}", "1Ｚ", "ſ"],
)
def test_other_characters_are_refused_with_their_place(number: str) -> None:
    with pytest.raises(BadInput, match=r"character \d+: .*U\+[0-9A-F]{4}"):
        list_matches(number)


@pytest.mark.parametrize("number", ["", " ", "\n\t"])
def test_nothing_is_refused(number: str) -> None:
    with pytest.raises(BadInput, match="there is no number"):
        list_matches(number)


@pytest.mark.parametrize("text", ["9" * 129, " " * 10_000, "1Z" * 5_000, "GM" + "0 " * 5_000])
def test_what_is_too_long_is_refused_before_it_is_looked_at(text: str) -> None:
    with pytest.raises(TooLarge, match="no number is longer than 128"):
        list_matches(text)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("text", ["1" * 128, "1 " * 64, "GM" + "0" * 126, "420" + "9" * 100, "A1" * 64, "J" * 128])
def test_hostile_numbers_are_answered_at_once(text: str) -> None:
    for _ in range(100):
        assert detect_carriers(text) == []
