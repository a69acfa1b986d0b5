"""What cannot be printed is refused with its field and a mend; what is never seen is left away."""

from collections.abc import Callable
from typing import Any

import pytest

from waypost.booking.issuing import Address, Item
from waypost.booking.printing import PackingSlip, ParcelLabel, Printer
from waypost.booking.printing.content import as_printed, check_slip, find_language
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput

Make = Callable[..., ParcelLabel]


def party(**different: str) -> Address:
    return Address(**{"name": "Ana", "country": "BR", "city": "Recife", "street": "Rua 1", **different})


@pytest.mark.parametrize(
    ("different", "where", "said"),
    [
        ({"waybill": Waybill("yto", "")}, "waybill.number", "needs a number"),
        ({"waybill": Waybill("yto", "YT八")}, "waybill.number", "'八' does not go into Code 128"),
        ({"waybill": Waybill("yto", "X" * 40)}, "waybill.number", "thinner than printers"),
        ({"waybill": Waybill("yto", "X" * 400)}, "waybill.number", "no barcode holds this"),
        ({"remark": "first\nsecond"}, "remark", "(U+000A) at character 6"),
        ({"consignee": party(street="Rua\x00 1")}, "consignee.street", "(U+0000) at character 4"),
        ({"consignee": party(name="محمد")}, "consignee.name", "from right to left"),
        ({"sender": party(name="\ud800")}, "sender.name", "half a surrogate pair"),
        ({"consignee": party(street="x" * 2001)}, "consignee.street", "2001 characters, at most 2000"),
        ({"consignee": party(street="Rua do Sol " * 180)}, "consignee.street", "do not go into their place"),
        ({"piece": 4, "pieces": 3}, "piece", "piece 4 of 3"),
        ({"weight_g": -1}, "weight_g", "-1 g"),
        ({"cod_minor": -5, "currency": "CNY"}, "cod_minor", "-5 is negative"),
        ({"cod_minor": 5, "currency": "yuan"}, "currency", "'yuan' is no ISO 4217"),
        ({"sscc": "340123450000000018"}, "sscc", "check digit"),
        ({"routing": "x" * 400}, "routing", "too fine for"),
        ({"sort_code": "1234567890" * 10}, "sort_code", "do not go into their place"),
        ({"remark": "\U0001f600"}, "items and remark", "no font here has"),
    ],
)
def test_what_cannot_be_printed_is_refused(
    make: Make, printer: Printer, different: dict[str, Any], where: str, said: str
) -> None:
    with pytest.raises(BadInput) as refused:
        printer.print_label(make(**different))
    assert refused.value.where == where
    assert said in refused.value.message
    assert refused.value.mend


@pytest.mark.parametrize(
    ("items", "currency", "where"),
    [
        ([], "", "items"),
        ([Item(description="hat", quantity=0)], "", "items[0].quantity"),
        ([Item(description="hat", value_minor=5)], "", "currency"),
        ([Item(description="hat"), Item(description="c\tap")], "", "items[1].description"),
    ],
)
def test_a_bad_slip_is_refused(items: list[Item], currency: str, where: str) -> None:
    slip = PackingSlip(order_number="A-1", sender=party(), consignee=party(), items=items, currency=currency)
    with pytest.raises(BadInput) as refused:
        check_slip(slip)
    assert refused.value.where == where


def test_nobody_is_told_in_a_traceback(make: Make) -> None:
    written = repr(make(remark="call 13900005678", order_number="A-1"))
    assert "YT8812345678901" in written
    for secret in ("王小明", "13800001234", "样例路", "13900005678"):
        assert secret not in written


@pytest.mark.parametrize(
    ("given", "printed"), [("Joa\u0303o", "João"), ("zero\u200bwidth\ufeff", "zerowidth"), ("王 小明", "王 小明")]
)
def test_text_is_composed_and_rid_of_what_is_not_seen(given: str, printed: str) -> None:
    assert as_printed(given) == printed


def test_captions_follow_the_addresses_unless_told(make: Make) -> None:
    assert find_language(make()) == "zh"
    assert find_language(make(sender=party(), consignee=party())) == "en"
    assert find_language(make(language="pt")) == "pt"
