from pathlib import Path

import pytest

from waypost.feeds.kinds import FEEDS, open_feed
from waypost.model.errors import BadInput


def test_the_kinds_of_the_command_line() -> None:
    assert list(FEEDS) == ["olist", "delhivery", "lade", "scans", "facilities", "parcels"]
    for name, kind in FEEDS.items():
        assert kind.name == name
        assert kind.help
        assert kind.files
        assert "\n" not in kind.help + kind.files


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("fedex", {}, "unknown kind of files 'fedex'. Known: olist, delhivery, lade, scans, facilities, parcels."),
        ("scans", {"year": "2022"}, "scans has no option 'year'. Its options: none."),
        ("lade", {"yaer": "2022"}, "lade has no option 'yaer'. Its options: year."),
    ],
)
def test_what_is_not_known(tmp_path: Path, kind: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(BadInput) as error:
        open_feed(kind, tmp_path, options)
    assert str(error.value) == message


@pytest.mark.parametrize("kind", FEEDS)
def test_a_path_that_is_not_there(tmp_path: Path, kind: str) -> None:
    with pytest.raises(BadInput, match="nowhere: no such file or folder"):
        open_feed(kind, tmp_path / "nowhere")
