import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms.booking.rating.cards import EXAMPLES, example

from waypost.booking.rating.cards import Area, Bracket, Continued
from waypost.booking.rating.reading import Unreadable, read_card

HEAD = """account = "yto-main"
version = "1"
currency = "CNY"
time_zone = "Asia/Shanghai"
valid_from = 2026-07-01
"""
ZONE = """
[[zones]]
name = "all"
brackets = [{ up_to_g = 1000, price = 8 }]
"""


def faults(text: str | bytes, **beside: str) -> list[str]:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(Unreadable) as raised:
        read_card("card.toml", content, lambda name: beside[name.removesuffix(".csv")].encode())
    return [str(fault) for fault in raised.value.faults]


def test_a_card_as_an_operator_writes_it() -> None:
    card = example("hangzhou-express")
    assert card.zones[0].from_ == card.zones[0].to == (Area("CN", ("浙江省", "江苏省", "上海市")),)
    assert card.zones[0].brackets == (Bracket(1000, Decimal("5.00")),)
    assert len(card.surcharges) == 5


def test_tables_of_a_spreadsheet() -> None:
    card = example("estrela-encomenda")
    local, southeast, north = card.zones
    assert local.to == (Area("BR", ("SP",), (), ("01000000-05999999", "08000000-08499999")),)
    assert southeast.to == (Area("BR", ("SP", "RJ", "MG", "ES")),)
    assert [bracket.up_to_g for bracket in north.brackets] == [300, 1000, 5000, 10_000]
    assert north.brackets[-1].price == Decimal("138.00")
    assert local.continued == Continued(1000, Decimal("2.60"))
    assert [bracket.up_to_g for bracket in example("union-ground").zones[0].brackets] == [113, 226, 453, 907]


def test_every_example_is_a_card() -> None:
    names = sorted(path.stem for path in EXAMPLES.glob("*.toml"))
    assert names == ["estrela-encomenda", "hangzhou-express", "union-ground"]
    assert [example(name).currency for name in names] == ["BRL", "CNY", "USD"]


def test_an_empty_cell_is_no_price() -> None:
    text = 'rates_csv = "r.csv"\n' + HEAD + '[[zones]]\nname = "a"\n[[zones]]\nname = "b"\n'
    table = b"up_to_g\ta\tb\n1000\t1\t2\n\n2000\t\t3\n"
    card = read_card("card.toml", text.encode(), lambda _: table)
    assert [len(zone.brackets) for zone in card.zones] == [1, 2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"\xff", ["card.toml:1 : is no UTF-8. Save it as UTF-8."]),
        (b"a = 1\n\xff", ["card.toml:2 : is no UTF-8. Save it as UTF-8."]),
        ("a = 1\nb = \n", ["card.toml:2 : is no TOML: Invalid value"]),
        (HEAD, ["card.toml:1 : Object missing required field `zones`"]),
        (
            HEAD + ZONE + '\n[[zones]]\nname = "b"\nbrackets = [{ up_to_g = "x", price = 8 }]\n',
            ["card.toml:13 zones[1].brackets[0].up_to_g: Expected `int`, got `str`"],
        ),
        (
            HEAD + ZONE + "[[zones.brackets]]\nup_to_g = 1\n",
            ["card.toml:10 : is no TOML: "],
        ),
        (HEAD + "colour = 1\n" + ZONE, ["card.toml:1 : Object contains unknown field `colour`"]),
        (
            HEAD.replace("2026-07-01", "2026-07-01\nvalid_until = 2026-06-30") + ZONE,
            ["card.toml:6 valid_until: 2026-06-30 is before 2026-07-01, when it begins"],
        ),
        (
            HEAD.replace("Asia/Shanghai", "Asia/Atlantis").replace('version = "1"', 'version = "1"\ncorrects = "1"')
            + ZONE,
            [
                "card.toml:5 time_zone: ",
                "card.toml:3 corrects: is the version itself. Name the version that it takes the place of.",
            ],
        ),
        (
            HEAD + ZONE.replace("price = 8", "price = 8.005"),
            [
                "card.toml:9 zones[0].brackets[0].price: 8.005 is finer than CNY is: it has 2 digits. "
                "Write it in the card's currency, such as 12.50."
            ],
        ),
        (
            HEAD + ZONE.replace("}]", "}, { up_to_g = 1000, price = 9 }]") + ZONE,
            [
                "card.toml:1 zones: 2 zones are named 'all'. Name each once: bills and quotes tell it.",
                "card.toml:9 zones[0].brackets[1].up_to_g: 1000 is not above 1000. Begin with the least.",
            ],
        ),
        (
            HEAD + '[[zones]]\nname = "a"\n[[zones]]\nname = "b"\nserved = false\n'
            "continued = { step_g = 1, price = -1 }",
            [
                "card.toml:6 zones[0].brackets: has none. Give the price of the first weight, or `served = false`.",
                "card.toml:10 zones[1].served: is false, and yet there are prices. Take one of them away.",
                "card.toml:11 zones[1].continued.price: -1 is no amount from 0 up. "
                "Write it in the card's currency, such as 12.50.",
            ],
        ),
        (
            HEAD + ZONE + "transit = { least = 3, usual = 2, most = 4 }\n"
            'to = [{ country = "CN", postcodes = ["9-1"] }]\n',
            [
                "card.toml:11 zones[0].to[0].postcodes: '9-1' is no range. Both ends have as many digits, the lower "
                "one first; one postcode stands without its hyphen.",
                "card.toml:10 zones[0].transit: its days fall. Give `least`, `usual` and `most`, none below the one "
                "before.",
            ],
        ),
        (
            HEAD + ZONE + '[[surcharges]]\nkind = "fuel"\n[[surcharges]]\nkind = "cod"\namount = 1\nminimum = 2\n'
            '[[surcharges]]\nkind = "peak"\npercent = 1.00001\nminimum = 2\nmaximum = 1\n',
            [
                "card.toml:10 surcharges[0]: adds nothing. Give `amount`, `percent`, or both.",
                "card.toml:15 surcharges[1].minimum: bounds a percentage, and there is none. "
                "Give `percent`, or take it away.",
                "card.toml:18 surcharges[2].percent: 1.00001 has more than four decimals. Write 12.5 for 12.5 %.",
                "card.toml:19 surcharges[2].minimum: is above `maximum`",
            ],
        ),
        (HEAD + ZONE + '[carbon]\nmode = "rocket"\n', ["card.toml:11 carbon.mode: Invalid enum value 'rocket'"]),
        (
            HEAD + ZONE + "[carbon]\ng_per_tkm = -1\n",
            [
                "card.toml:11 carbon.g_per_tkm: -1 is no figure from 0 to 100000",
                "card.toml:10 carbon.source: is missing. Say from where the figure is, and of which year.",
            ],
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str | bytes, told: list[str]) -> None:
    found = faults(text)
    assert len(found) == len(told), found
    for fault, expected in zip(found, told, strict=True):
        assert fault == expected or (expected.endswith(": ") and fault.startswith(expected)), found


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ("", ["r.csv:1 : is empty"]),
        ("up_to_stone,all\n", ["r.csv:1 up_to_stone: is no head of the first column. Write one of "]),
        ("kg,all\n", ["r.csv:1 kg: is no head of the first column. Write one of "]),
        (
            "up_to_g,all,moon\n1000,1,2\nx,1,2\n2000,one,2\n+500,1\n+700,1\n",
            [
                "r.csv:1 moon: is no zone of the card. There are: all.",
                "r.csv:3 up_to_g: 'x' is no number. Write 1000, or +500 for each further 500.",
                "r.csv:4 all: 'one' is no number. Write 12.50.",
                "r.csv:6 all: goes on twice. Give one row that begins with +.",
            ],
        ),
        ("up_to_g,all\n1000,-1\n", ["r.csv:2 all: '-1' is no number from 0 up. Write 12.50."]),
    ],
)
def test_what_is_wrong_with_a_table_of_prices(rates: str, told: list[str]) -> None:
    text = 'rates_csv = "r.csv"\n' + HEAD + '[[zones]]\nname = "all"\n'
    found = faults(text, r=rates)
    assert len(found) == len(told), found
    assert all(fault.startswith(expected) for fault, expected in zip(found, told, strict=True)), found


def test_what_is_wrong_with_a_table_of_areas() -> None:
    text = 'areas_csv = "a.csv"\n' + HEAD + ZONE
    assert faults(text, a="zone,land\n") == [
        "a.csv:1 zone,land: are no heads of areas. Write zone,country,provinces,cities,postcodes."
    ]
    assert faults(text, a="zone,country\nall,CN\nmoon,CN\n") == [
        "a.csv:3 zone: 'moon' is no zone of the card. There are: all."
    ]
    assert faults(text, a="zone,country\nall,China\n")[0].startswith("card.toml:8 zones[0].to[0].country: ")


def test_a_file_beside_it_that_is_not_there() -> None:
    def missing(name: str) -> bytes:
        raise FileNotFoundError(2, "No such file or directory", name)

    with pytest.raises(Unreadable, match=r"card.toml:1 rates_csv: 'r.csv' cannot be read"):
        read_card("card.toml", ('rates_csv = "r.csv"\n' + HEAD + ZONE).encode(), missing)
    assert faults("rates_csv = 1\n" + HEAD + ZONE) == ["card.toml:1 rates_csv: names no file, or there are no `zones`"]


PIECES = st.sampled_from(
    [
        "=",
        "[",
        "]",
        "[[zones]]",
        "{",
        "}",
        '"',
        "\n",
        "nan",
        "inf",
        "1e999",
        "-1",
        "2026-02-30",
        "to",
        "price",
        "\x00",
        "é",
    ]
)


@given(at=st.integers(0, 3000), cut=st.integers(0, 40), piece=PIECES | st.text(max_size=3))
def test_whatever_is_typed_is_a_card_or_told(at: int, cut: int, piece: str) -> None:
    text = (EXAMPLES / "estrela-encomenda.toml").read_text("utf-8")
    with contextlib.suppress(Unreadable):
        changed = (text[:at] + piece + text[at + cut :]).encode()
        card = read_card("card.toml", changed, lambda name: (EXAMPLES / name).read_bytes())
        assert read_card("card.toml", changed, lambda name: (EXAMPLES / name).read_bytes()) == card


@given(
    at=st.integers(0, 160),
    cut=st.integers(0, 40),
    piece=PIECES | st.text(max_size=3) | st.sampled_from([";", "+", "_"]),
)
def test_whatever_a_table_holds_is_prices_or_told(at: int, cut: int, piece: str) -> None:
    text = (EXAMPLES / "estrela-encomenda.toml").read_bytes()
    table = (EXAMPLES / "estrela-encomenda-rates.csv").read_text("utf-8")
    changed = (table[:at] + piece + table[at + cut :]).encode()
    areas = (EXAMPLES / "estrela-encomenda-areas.csv").read_bytes()
    with contextlib.suppress(Unreadable):
        card = read_card("card.toml", text, lambda name: areas if "areas" in name else changed)
        assert read_card("card.toml", text, lambda name: areas if "areas" in name else changed) == card
