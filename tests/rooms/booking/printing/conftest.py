"""Fonts, a printer, a plain label."""

from collections.abc import Callable

import pytest

from waypost.booking.issuing import Address
from waypost.booking.printing import ParcelLabel, Printer, load_fonts
from waypost.booking.printing.fonts import DEBIAN, Fonts
from waypost.model.carriage import Waybill


@pytest.fixture(scope="session")
def fonts() -> Fonts:
    if not any(regular.is_file() for regular, _ in DEBIAN):
        pytest.skip("no font with Chinese: install Debian's fonts-noto-cjk")
    return load_fonts()


@pytest.fixture(scope="session")
def printer(fonts: Fonts) -> Printer:
    return Printer(fonts)


@pytest.fixture
def make() -> Callable[..., ParcelLabel]:
    """A label of two Chinese parties; give what shall be different."""

    def make(**different: object) -> ParcelLabel:
        sender = Address(
            name="样例商行", country="CN", province="上海市", city="上海市", street="测试路1号", phone="02112345678"
        )
        to = Address(
            name="王小明", country="CN", province="浙江省", city="杭州市", street="样例路8号", phone="13800001234"
        )
        fields = {"waybill": Waybill("yto", "YT8812345678901"), "sender": sender, "consignee": to, **different}
        return ParcelLabel(**fields)  # type: ignore[arg-type]

    return make
