"""What the carriers of the imagined world say means what the tables of the room `track` say it means."""

import pytest

from waypost.track.statuses import get_status
from waypost.track.tables import bundled_tables
from waypost.twin import vocabulary
from waypost.twin.vocabulary import UNKNOWN_CODES, find_code, say

TABLES = bundled_tables()
SAID = [(carrier, status) for carrier, codes in vocabulary._CODES.items() for status in codes]


@pytest.mark.parametrize(("carrier", "status"), SAID)
def test_each_code_means_its_status(carrier: str, status: str) -> None:
    code = find_code(carrier, status)
    assert code is not None
    assert get_status(TABLES.find_status(carrier, code)).code == status


@pytest.mark.parametrize(("carrier", "code"), UNKNOWN_CODES)
def test_unknown_codes_are_unknown(carrier: str, code: str) -> None:
    assert TABLES.find_status(carrier, code) == 0


def test_notes_are_in_the_carriers_language() -> None:
    assert (
        say("zto", "departed_from_hub", "杭州转运中心", "武汉转运中心", "")
        == "快件离开【杭州转运中心】，发往【武汉转运中心】"
    )
    assert say("usps", "arrived_at_hub", "ISC CHICAGO IL", "", "") == "Arrived at ISC CHICAGO IL"
    assert say("correios", "lost", "", "", "") == "Objeto não localizado"
    assert say("usps", "returned_to_sender", "", "", "") is None
