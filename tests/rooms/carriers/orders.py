"""Orders to book in tests."""

from typing import Any

from waypost.booking.issuing import Address, Item, WaybillOrder

US = Address(
    name="Ada Example", country="US", street="1 Main St", city="Exampleville", province="NY", postcode="11400-1234"
)
BR = Address(
    name="Ana Exemplo",
    country="BR",
    street="Rua das Flores, 12B - ap 4",
    city="Exemplo",
    county="Centro",
    province="SP",
    postcode="01001-000",
    phone="+55 11 90000-0000",
)
CN = Address(
    name="张三",
    country="CN",
    street="示例路 1 号",
    city="杭州市",
    province="浙江省",
    county="西湖区",
    phone="13000000000",
)


def order(person: Address, **changed: Any) -> WaybillOrder:
    told: dict[str, Any] = {
        "reference": "T-1",
        "sender": person,
        "consignee": person,
        "items": [Item(description="book", quantity=2, value_minor=1990)],
        "weight_g": 1250,
        "length_mm": 254,
        "width_mm": 200,
        "height_mm": 101,
        "mailing_date": "2026-11-22",
    }
    return WaybillOrder(**told | changed)
