import msgspec
import pytest

from waypost.booking.issuing import Address
from waypost.model.addresses.fields import list_address_faults, list_required

CHINA = Address(
    name="张三",
    country="CN",
    province="浙江省",
    city="杭州市",
    county="西湖区",
    street="文三路1号",
    postcode="310012",
    phone="13800138000",
)
BRAZIL = Address(
    name="Maria", country="BR", province="SP", city="São Paulo", street="Rua A, 1", postcode="01310-100", phone=""
)


def faults(address: Address, **changes: str) -> dict[str, str]:
    listed = list_address_faults(msgspec.structs.replace(address, **changes))
    assert len({fault.field for fault in listed}) == len(listed)
    return {fault.field: fault.message for fault in listed}


def test_good_addresses_have_no_faults() -> None:
    assert faults(CHINA) == {}
    assert faults(BRAZIL) == {}
    assert faults(CHINA, province="浙江", city="杭州", county="西湖区") == {}
    assert faults(CHINA, province="湖北省", city="仙桃市", county="") == {}
    assert faults(CHINA, province="北京市", city="北京市", county="朝阳区") == {}
    assert faults(BRAZIL, province="São Paulo") == {}


@pytest.mark.parametrize(
    ("country", "fields"),
    [
        ("CN", ["name", "province", "city", "street", "postcode"]),
        ("HK", ["name", "province", "street"]),
        ("GB", ["name", "city", "street", "postcode"]),
    ],
)
def test_what_a_country_asks_for(country: str, fields: list[str]) -> None:
    assert list_required(country) == fields


def test_every_field_gets_its_own_fault() -> None:
    assert faults(CHINA, name=" ", street="", postcode="31001", phone="12") == {
        "name": "is missing",
        "street": "is missing",
        "postcode": "'31001' is no postcode of CN",
        "phone": "is too short for a telephone number there",
    }


def test_divisions_have_to_be_in_each_other() -> None:
    assert faults(CHINA, county="鼓楼区") == {"county": "is not in 杭州市"}
    assert faults(CHINA, city="南京市", county="鼓楼区") == {"city": "is not in 浙江省"}
    assert faults(CHINA, county="月亮区") == {"county": "is no division of China"}
    assert faults(CHINA, province="") == {"province": "is missing"}


def test_provinces_of_other_countries() -> None:
    assert faults(BRAZIL, province="XX") == {"province": "is none of the country's"}
    assert faults(BRAZIL, country="GB", province="anything", postcode="SW1A 1AA") == {}


def test_a_country_without_postcodes_takes_what_people_write() -> None:
    assert faults(BRAZIL, country="HK", province="Kowloon", postcode="000000") == {}


def test_no_country_is_the_only_fault() -> None:
    assert faults(CHINA, country="QQ", name="") == {"country": "nothing is known of addresses in 'QQ'"}


def test_what_breaks_a_line_or_never_ends() -> None:
    assert faults(CHINA, name="a\nb", street="a" * 201) == {
        "name": "has a control character",
        "street": "is longer than 200 characters",
    }


def test_every_fault_says_how_to_mend_it() -> None:
    listed = list_address_faults(Address(name="", country="CN", street="", city="月亮", postcode="1", phone="x"))
    assert [fault.field for fault in listed if not fault.mend] == []
    assert "月亮" not in repr(listed)
