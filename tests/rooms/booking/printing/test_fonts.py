"""Which font sets a character, and what is said when none can."""

from pathlib import Path

import pytest

from waypost.booking.issuing import Address
from waypost.booking.printing import ParcelLabel, Printer, load_fonts
from waypost.booking.printing.fonts import DEBIAN, Fonts
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput, SettingsError


def test_latin_labels_need_nothing_but_what_comes_with_us() -> None:
    ours = Printer(load_fonts(places=()))
    ana = Address(
        name="Ñuño Łącki Ação", country="BR", city="São Paulo", street="Rua ÀÉÎÕÜ ß ç €", phone="+55 11 5550100"
    )
    label = ParcelLabel(waybill=Waybill("c", "AA1"), sender=ana, consignee=ana)
    assert ours.print_label(label).content.startswith(b"%PDF-1.7")


def test_a_missing_glyph_is_named_with_its_field_and_mend() -> None:
    ana = Address(name="王小明", country="CN", city="X", street="Y")
    label = ParcelLabel(waybill=Waybill("c", "AA1"), sender=ana, consignee=ana, language="en")
    with pytest.raises(BadInput) as refused:
        Printer(load_fonts(places=())).print_label(label)
    assert refused.value.where == "consignee.name"
    assert "'王' (U+738B)" in refused.value.message
    assert "fonts-noto-cjk" in str(refused.value.mend)


def test_one_text_may_need_two_fonts(fonts: Fonts) -> None:
    runs = [(face.name, text) for face, text in fonts.runs("A座2201室", False)]
    assert [text for _, text in runs] == ["A", "座", "2201", "室"]
    assert runs[0][0] == runs[2][0] == "LiberationSans"
    assert fonts.width("座", False) == pytest.approx(1.0, abs=0.05)


def test_characters_are_those_of_mainland_china(fonts: Fonts) -> None:
    [(face, _)] = fonts.runs("直", False)
    if "Noto" not in face.path.name:
        pytest.skip("no Noto Sans CJK here: install Debian's fonts-noto-cjk")
    assert face.hb_face.get_name(1, "en") == "Noto Sans CJK SC"


def test_fonts_of_the_settings_come_before_those_found(tmp_path: Path) -> None:
    chosen = next(regular for regular, _ in DEBIAN if regular.is_file())
    fonts = load_fonts(font=chosen, places=())
    assert fonts.find("王", True)[0].path == chosen, "it has no bold one"


@pytest.mark.parametrize("content", [None, b"", b"no font at all"])
def test_what_is_no_font_is_a_settings_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "font.ttf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"font\.ttf"):
        load_fonts(font=path)


def test_loaded_once() -> None:
    assert load_fonts() is load_fonts()
