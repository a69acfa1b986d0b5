"""Modules are what the standards say, and as large as the paper lets them be."""

import pytest

from waypost.booking.printing.barcodes import (
    DOT,
    linear_module,
    make_code128,
    make_gs1,
    make_square,
    quiet_side,
    square_module,
)
from waypost.model.errors import BadInput


def test_bars_of_a_known_number() -> None:
    code = make_code128("AB", "number")
    # Start B, A, B, check 2 * 34 + 33 + 104 = 205 mod 103 = 102, stop: 11 modules each and 13.
    assert code.width == 4 * 11 + 13
    drawn = ["0"] * code.width
    for start, dark in code.bars:
        drawn[start : start + dark] = "1" * dark
    assert "".join(drawn) == "110100100001010001100010001011000111101011101100011101011"


def test_digits_are_packed_in_pairs() -> None:
    assert make_code128("12345678", "number").width == (1 + 4 + 1) * 11 + 13
    assert make_gs1("340123450000000017", "sscc").width == (1 + 1 + 10 + 1) * 11 + 13


def test_a_gs1_code_says_its_identifier() -> None:
    assert make_gs1("340123450000000017", "sscc").data == "00340123450000000017"


@pytest.mark.parametrize(("length", "dots"), [(10, 4), (16, 3), (28, 2)])
def test_modules_are_as_wide_as_the_paper_lets_them(length: int, dots: int) -> None:
    code = make_code128("X" * length, "number")
    assert linear_module(code, 96.0, "number") == dots
    assert (code.width + 20) * dots * DOT <= 96.0


def test_a_number_too_long_is_told_what_fits() -> None:
    code = make_code128("X" * 31, "number")
    with pytest.raises(BadInput, match="about 29 letters") as refused:
        linear_module(code, 96.0, "number")
    assert refused.value.where == "number"
    linear_module(make_code128("X" * 29, "number"), 96.0, "number")


def test_a_square_keeps_room_for_printers_that_pack_less_well() -> None:
    code = make_square("datamatrix", "https://track.example/t/IJM610186689", "routing")
    assert (code.side, code.room) == (22, 24)
    assert quiet_side(code) == 28
    assert square_module(code, 24.0, "routing") == 6
    assert square_module(code, 15.0, "routing") == 4


def test_squares_of_other_letters_are_drawn_by_us() -> None:
    code = make_square("qr", "路由", "routing")
    assert code.room == code.side == 21
