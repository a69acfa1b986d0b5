"""The known carriers: codes that fit, zones that exist, and the ones that readers rely on."""

import pytest

from waypost.model.carriers import CARRIER_CODE, find_carrier, list_carriers
from waypost.model.instants import get_zone

EXPECTED = [
    *("yto", "sto", "zto", "best", "yunda", "sf", "cainiao", "jtexpress", "jdl", "ems", "deppon"),
    *("usps", "ups", "fedex", "dhl", "correios", "olist", "delhivery", "lade"),
]


@pytest.mark.parametrize("code", EXPECTED)
def test_a_carrier_is_known_by_its_code(code: str) -> None:
    carrier = find_carrier(code)
    assert carrier is not None
    assert carrier.code == code


def test_who_is_who() -> None:
    zto, olist, lade = find_carrier("zto"), find_carrier("olist"), find_carrier("lade")
    assert zto is not None
    assert olist is not None
    assert lade is not None
    assert (zto.name, zto.name_zh, zto.country, zto.kind) == ("ZTO Express", "中通快递", "CN", "express")
    assert (olist.name_zh, olist.country, olist.kind) == (None, "BR", "marketplace")
    assert lade.kind == "data_set"
    assert find_carrier("ZTO") is None
    assert find_carrier("nobody") is None


@pytest.mark.parametrize(
    ("code", "zone"),
    [
        ("yto", "Asia/Shanghai"),
        ("correios", "America/Sao_Paulo"),
        ("olist", "America/Sao_Paulo"),
        ("delhivery", "Asia/Kolkata"),
        ("lade", "Asia/Shanghai"),
        ("usps", None),  # its stamps are local to the place of the scan, over six zones
        ("fedex", None),
    ],
)
def test_the_zone_of_stamps_without_one(code: str, zone: str | None) -> None:
    carrier = find_carrier(code)
    assert carrier is not None
    assert carrier.zone == zone


def test_all_carriers_are_well_formed() -> None:
    carriers = list_carriers()
    codes = [carrier.code for carrier in carriers]
    assert codes == sorted(set(codes))
    for carrier in carriers:
        assert CARRIER_CODE.fullmatch(carrier.code), carrier
        assert carrier.name.strip() == carrier.name != "", carrier
        assert len(carrier.country) == 2, carrier
        assert carrier.country.isascii(), carrier
        assert carrier.country.isupper(), carrier
        if carrier.zone is not None:
            assert get_zone(carrier.zone).key == carrier.zone


@pytest.mark.parametrize("text", ["", "-a", "_a", "A", "a b", "a.b", "../a", "é", "a" * 33, "a\n", "圆通"])
def test_what_is_no_carrier_code(text: str) -> None:
    assert CARRIER_CODE.fullmatch(text) is None


@pytest.mark.parametrize("text", ["a", "7", "j-t", "my_carrier", "a" * 32])
def test_what_is_a_carrier_code(text: str) -> None:
    assert CARRIER_CODE.fullmatch(text)
