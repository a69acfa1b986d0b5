"""The privacy waybill: nothing that is masked stands in any output, wherever somebody typed it."""

import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.rooms.booking.printing.consignments import draw_label
from tests.rooms.booking.printing.readers import read_pdf

from waypost.booking.issuing import Address
from waypost.booking.printing import Masking, ParcelLabel, Printer, merge_labels
from waypost.booking.printing.fonts import Fonts
from waypost.booking.printing.masking import mask, mask_name, mask_phone
from waypost.model.errors import BadInput

Make = Callable[..., ParcelLabel]


@pytest.mark.parametrize(
    ("phone", "four", "six"),
    [
        ("13812341234", "138****1234", "138******34"),
        ("+86 138 1234 1234", "+86 138 **** 1234", "+86 138 **** **34"),
        ("0571-88889999", "0571-****9999", "0571-******99"),
        ("13812341234-5678", "138****1234-5678", "138******34-5678"),
        ("13812341234转12", "138****1234转12", "138******34转12"),
        ("13812341234/13956785678", "138****1234/139****5678", "138******34/139******78"),
        ("+55 11 91234-5678", "+55 11 9****-5678", "+55 11 9****-**78"),
        ("110", "**0", "**0"),
        ("", "", ""),
        ("none", "none", "none"),
    ],
)
def test_phones(phone: str, four: str, six: str) -> None:
    assert mask_phone(phone, 4) == four
    assert mask_phone(phone, 6) == six
    assert mask_phone(phone, 0) == phone


@pytest.mark.parametrize(
    ("name", "masked"),
    [("王小明", "王**"), ("欧阳娜娜", "欧**"), ("王", "王**"), ("John Smith", "J***"), (" Ana ", "A***"), ("", "")],
)
def test_names(name: str, masked: str) -> None:
    assert mask_name(name) == masked


def test_what_was_typed_elsewhere_is_masked_too(make: Make) -> None:
    label = make(
        remark="王小明 13800001234 或 139-1234-5678，转王小明收",
        items="gift for 样例商行, tel 02112345678",
        sender=Address(name="样例商行", country="CN", city="上海市", street="王小明路1号", phone="02112345678"),
    )
    masked = mask(label, Masking())
    assert masked.remark == "王** 138****1234 或 139-****-5678，转王**收"
    assert masked.items == "gift for 样**, tel 021****5678"
    assert (masked.consignee.name, masked.consignee.phone) == ("王**", "138****1234")
    assert masked.sender.street == "王小明路1号", "the name of a street"


def test_a_short_latin_name_is_not_cut_out_of_words(make: Make) -> None:
    li = Address(name="Li", country="US", city="Lincoln", street="1 Liberty Street, c/o Li", phone="5550100")
    masked = mask(make(consignee=li), Masking())
    assert masked.consignee.street == "1 Liberty Street, c/o L***"
    assert masked.consignee.city == "Lincoln"


def test_rooms_are_hidden_where_that_is_asked(make: Make) -> None:
    to = Address(name="王小明", country="CN", city="杭州市", street="样例路8号12幢3单元1502室", phone="13800001234")
    assert mask(make(consignee=to), Masking(rooms=True)).consignee.street == "样例路8号**幢*单元****室"


@pytest.mark.parametrize("field", ["routing", "order_number", "reference", "sort_code", "bag_place"])
def test_a_code_that_would_tell_is_refused(make: Make, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        mask(make(**{field: "to 13800001234"}), Masking())
    assert refused.value.where == field
    assert mask(make(**{field: "x"}), Masking()) is not None


@pytest.mark.parametrize("masking", [Masking(), Masking(phone_digits=6), Masking(phone_digits=4, rooms=True)])
def test_nothing_unmasked_stands_in_any_output(fonts: Fonts, tmp_path: Path, masking: Masking) -> None:
    printer = Printer(fonts, masking)
    labels = [drawn(seed) for seed in range(12)]
    for size in ("100x150", "100x180"):
        pdf, zpl = io.BytesIO(), io.BytesIO()
        assert merge_labels(labels, printer, pdf, "pdf", size).count == len(labels)
        assert merge_labels(labels, printer, zpl, "zpl", size).count == len(labels)
        text = "".join(read_pdf(pdf.getvalue(), tmp_path).split())
        sent = "".join(zpl.getvalue().decode().split())
        for label in labels:
            for who in (label.sender, label.consignee):
                digits = "".join(char for char in who.phone if char.isdigit())
                for secret in (who.name, who.phone, digits, digits[-8:]):
                    assert "".join(secret.split()) not in text
                    assert "".join(secret.split()) not in sent
                assert "".join(mask_phone(who.phone, masking.phone_digits).split()) in text


def test_pictures_are_of_the_masked_text(fonts: Fonts, make: Make) -> None:
    masked = Printer(fonts, Masking())
    plain = Printer(fonts)
    shown = make(consignee=msgspec.structs.replace(make().consignee, name="王**", phone="138****1234"))
    shown = msgspec.structs.replace(shown, sender=mask(make(), Masking()).sender)
    for format in ("png", "zpl"):
        assert masked.print_label(make(), format).content == plain.print_label(shown, format).content
        assert masked.print_label(make(), format).content != plain.print_label(make(), format).content


def drawn(seed: int) -> ParcelLabel:
    """With the consignee's number where people type it, too."""
    label = draw_label(seed)
    to = label.consignee
    return msgspec.structs.replace(
        label,
        remark=f"tel {to.phone} {to.name}",
        consignee=msgspec.structs.replace(to, street=f"{to.street} {to.phone}"),
    )
