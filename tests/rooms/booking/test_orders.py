"""What an order may say, and how it is packed."""

from typing import Any

import msgspec
import pytest
from tests.rooms.booking.desk import open_desk

from waypost.booking.issuing import Address, Item
from waypost.booking.orders import (
    UNTOLD_G,
    Order,
    PlannedParcel,
    advise,
    check_order,
    digest_of,
    items_of,
    order_id,
    parcel_reference,
    plan_parcels,
    split_order,
)
from waypost.booking.reading import read_orders
from waypost.model.errors import BadInput

HOME = Address(name="Ana", country="BR", street="Rua 1", city="Rio de Janeiro")


def draft(**changed: Any) -> Order:
    told: dict[str, Any] = {"reference": "A-1", "sender": HOME, "consignee": HOME, "items": (Item(description="Hat"),)}
    return Order(**told | changed)


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"reference": " A-1"}, "reference"),
        ({"reference": "A\n1"}, "reference"),
        ({"cod_minor": 5}, "currency"),
        ({"items": (Item(description="Hat", value_minor=5),)}, "currency"),
        ({"currency": "ZZZ"}, "currency"),
        ({"mailing_date": "2026-02-31"}, "mailing_date"),
        ({"mailing_date": "0000-01-01"}, "mailing_date"),
        ({"items": (Item(description="Hat", quantity=100_000, weight_g=2_000_000),)}, "items"),
        ({"items": (Item(description="Hat\x00"),)}, "items[0].description"),
        ({"consignee": msgspec.structs.replace(HOME, street="Rua\x1b[31m")}, "consignee.street"),
        ({"consignee": msgspec.structs.replace(HOME, name="Ana \u202eavliS")}, "consignee.name"),
        ({"sender": msgspec.structs.replace(HOME, phone="\u2066+55 21 99999\u2069")}, "sender.phone"),
        ({"parcels": (PlannedParcel(weight_g=5, items=(1,)),)}, "parcels[0].items"),
        (
            {
                "items": (Item(description="Hat"), Item(description="Cap")),
                "parcels": (PlannedParcel(weight_g=5, items=(1,)),),
            },
            "parcels",
        ),
    ],
)
def test_what_cannot_be_shipped_is_told_by_its_field(changed: dict[str, Any], where: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_order(draft(**changed))
    assert caught.value.where == where


@pytest.mark.parametrize("name", ["علی\u200cرضا کریمی", "\u200fדוד לוי", "क्\u200dषमा", "José da Silva", "王小明"])
def test_people_may_be_called_in_any_script(name: str) -> None:
    order = draft(consignee=msgspec.structs.replace(HOME, name=name))
    with open_desk() as desk:
        receipt = desk.book.enter(desk.merchant, [(0, order)], desk.clock())
        assert receipt.refusals == []
        [entry] = receipt.entries
        assert desk.book.get(desk.merchant, entry.id).order.consignee.name == name


def test_a_whole_order_is_well() -> None:
    hat = Item(description="Hat", value_minor=5)
    whole = draft(mailing_date="2028-02-29", currency="BRL", cod_minor=100, items=(hat,))
    with open_desk() as desk:
        receipt = desk.book.enter(desk.merchant, [(0, whole)], desk.clock())
        assert receipt.refusals == []
        [entry] = receipt.entries
        assert desk.book.get(desk.merchant, entry.id).order == whole


def test_without_parcels_all_is_in_one() -> None:
    items = (Item(description="Hat", quantity=3, weight_g=100), Item(description="Cap"))
    assert plan_parcels(draft(items=items)) == (PlannedParcel(weight_g=300),)
    assert plan_parcels(draft())[0].weight_g == UNTOLD_G


def test_lines_are_in_the_parcel_that_names_them_and_the_rest_in_the_one_that_names_none() -> None:
    items = tuple(Item(description=name) for name in ("Hat", "Cap", "Pen"))
    parcels = (PlannedParcel(weight_g=5, items=(1,)), PlannedParcel(weight_g=5))
    order = draft(items=items, parcels=parcels)
    check_order(order)
    assert [[item.description for item in items_of(order, piece)] for piece in range(2)] == [["Cap"], ["Hat", "Pen"]]
    untold = draft(items=items, parcels=(PlannedParcel(weight_g=5), PlannedParcel(weight_g=5)))
    check_order(untold)
    assert [len(items_of(untold, piece)) for piece in range(2)] == [3, 0]


def test_numbers_follow_from_what_they_are_of() -> None:
    assert order_id("m", "A") == order_id("m", "A")
    assert len({order_id("m", "A"), order_id("m", "B"), order_id("mA", ""), order_id("", "mA")}) == 4
    references = {parcel_reference("ord_1", piece) for piece in range(500)}
    assert len(references) == 500
    assert all(len(each) == 17 and each.isalnum() and each.isupper() for each in references)
    assert digest_of(draft()) == digest_of(draft())
    assert digest_of(draft()) != digest_of(draft(remark="Ring twice"))


def test_of_an_array_each_is_read_by_itself() -> None:
    good = msgspec.json.encode(draft())
    country = good.replace(b'"country":"BR"', b'"country":"br"', 1)
    unknown = good.replace(b'"reference"', b'"colour":"red","reference"')
    found, refusals = read_orders(b"[" + b",".join([good, country, b"7", unknown, good]) + b"]")
    assert [row for row, _ in found] == [0, 4]
    assert [(refusal.row, refusal.field) for refusal in refusals] == [(1, "sender.country"), (2, ""), (3, "")]
    assert "colour" in refusals[2].reason


@pytest.mark.parametrize("body", [b"{}", b"", b"[1,", b"\xff", b"[" * 5000])
def test_what_is_no_array_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        read_orders(body)


def test_an_address_that_looks_wrong_is_told_and_taken() -> None:
    odd = msgspec.structs.replace(HOME, province="XX", postcode="2201-0000", phone="12")
    advice = advise(7, draft(consignee=odd))
    assert {(each.row, each.field) for each in advice if each.field.startswith("consignee")} == {
        (7, "consignee.province"),
        (7, "consignee.postcode"),
        (7, "consignee.phone"),
    }
    check_order(draft(consignee=odd))


def test_an_address_that_no_mail_goes_to_is_advice() -> None:
    odd = msgspec.structs.replace(HOME, email="ana@localhost")
    [found] = [each for each in advise(3, draft(consignee=odd)) if each.field == "consignee.email"]
    assert (found.row, "ana" in found.reason) == (3, False)
    good = msgspec.structs.replace(HOME, email="ana@example.org")
    assert all(each.field != "consignee.email" for each in advise(3, draft(consignee=good)))


def test_pieces_of_a_line_are_counted_into_parcels() -> None:
    items = (Item(description="Book", quantity=3, weight_g=400), Item(description="Pen", quantity=1, weight_g=20))
    whole = draft(items=items)
    parcels = (
        PlannedParcel(weight_g=900, items=(0,), quantities=(2,)),
        PlannedParcel(weight_g=450, items=(0, 1), quantities=(1, 1)),
    )
    packed = split_order(whole, parcels)
    assert [[(item.description, item.quantity) for item in items_of(packed, piece)] for piece in (0, 1)] == [
        [("Book", 2)],
        [("Book", 1), ("Pen", 1)],
    ]
    assert digest_of(packed) != digest_of(whole)
    assert split_order(packed, (PlannedParcel(weight_g=1300),)).parcels == (PlannedParcel(weight_g=1300),)
    for wrong, where in (
        ((PlannedParcel(weight_g=900, items=(0,), quantities=(2,)), PlannedParcel(weight_g=50)), "parcels"),
        (
            (PlannedParcel(weight_g=900, items=(0,), quantities=(2,)), PlannedParcel(weight_g=900, items=(0,))),
            "parcels",
        ),
        ((PlannedParcel(weight_g=9000, items=(0, 1), quantities=(3,)),), "parcels[0].quantities"),
        ((PlannedParcel(weight_g=9000, items=(0, 0, 1), quantities=(1, 2, 1)),), "parcels[0].items"),
        ((PlannedParcel(weight_g=9000, items=(0, 1, 1)),), "parcels[0].items"),
        ((PlannedParcel(weight_g=9000, items=(0, 1)), PlannedParcel(weight_g=9000, items=(0,))), "parcels"),
        ((PlannedParcel(weight_g=9000, items=(0, 1)), PlannedParcel(weight_g=50)), "parcels[1].items"),
        ((*[PlannedParcel(weight_g=9000)] * 2, PlannedParcel(weight_g=9000, items=(0,))), "parcels[1].items"),
        ((PlannedParcel(weight_g=9000, items=(0,)),), "parcels"),
        ((parcels[0], PlannedParcel(weight_g=400, items=(0, 1), quantities=(1, 1))), "parcels[1].weight_g"),
        ((PlannedParcel(weight_g=9000, items=(0,), quantities=(3,)),), "parcels"),
    ):
        with pytest.raises(BadInput) as caught:
            split_order(whole, wrong)
        assert caught.value.where == where
    twice = (PlannedParcel(weight_g=9000, items=(0, 1)), PlannedParcel(weight_g=9000, items=(0,)))
    with pytest.raises(BadInput, match=r"6 pieces of line 0 .*3 in parcels\[0\], 3 in parcels\[1\].* it has 3"):
        check_order(draft(items=items, parcels=twice))
