"""Rate cards, quotes and bills on the command line."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.rooms.app.commands import Commands

from waypost.web.api.answers import ORDERS_SENT

EXAMPLES = Path(__file__).parents[3] / "examples/rates"
FILES = sorted(map(str, EXAMPLES.glob("*.toml")))
WAY = ("--from", "CN/浙江/杭州市/310000", "--to", "CN/江苏/南京市/210000", "--at", "2026-08-03T10:00:00+08:00")


@pytest.fixture
def home(tmp_path: Path) -> Commands:
    return Commands(tmp_path / "home")


def test_cards_are_imported_listed_and_shown(home: Commands) -> None:
    tried = home.ask("rates", "import", *FILES, "--dry-run")
    assert [each["outcome"] for each in tried["cards"]] == ["new"] * 3
    assert home.ask("rates", "list") == []
    assert home.call("rates", "import", *FILES).stdout.decode().startswith("new: correios economico 2026-1 from ")
    assert [each["outcome"] for each in home.ask("rates", "import", *FILES)["cards"]] == ["known"] * 3
    assert [each["account"] for each in home.ask("rates", "list")] == ["correios", "usps", "yto-main"]
    assert "usps                 GROUND" in home.call("rates", "list").stdout.decode()
    shown = home.ask("rates", "show", "usps", "2026-07", "--service", "GROUND")
    assert shown["zones"][0]["brackets"][0] == {"up_to_g": 113, "price": "4.10"}
    told = home.call("rates", "show", "yto-main", "2026-07", "--service", "standard").stdout.decode()
    assert "  islands: not served. goes by the cross-border service\n" in told
    assert "  delta: to 1000 g 5.00, each 1000 g more 1.00\n" in told
    assert "no card '1' of 'usps'" in home.fail("rates", "show", "usps", "1", code=1)


def test_a_file_with_a_flaw_hinders_no_other(home: Commands, tmp_path: Path) -> None:
    bad, other = tmp_path / "bad.toml", tmp_path / "other.toml"
    text = (EXAMPLES / "hangzhou-express.toml").read_text("utf-8")
    bad.write_text(text.replace("price = 5.00", "price = 5.001"))
    other.write_text(text.replace("price = 5.00", "price = 6.00"))
    home.ask("rates", "import", FILES[1])
    files = (str(bad), str(other), str(tmp_path / "none.toml"), FILES[0])
    told = home.ask("rates", "import", *files, code=1)
    assert [each["outcome"] for each in told["cards"]] == ["new"]
    [fine, taken, missing] = told["faults"]
    assert (fine["line"], fine["field"]) == (29, "zones[0].brackets[0].price")
    assert "version '2026-07' of it is there with other contents" in taken["reason"]
    assert "cannot be read" in missing["reason"]
    done = home.call("rates", "import", str(bad))
    assert done.returncode == 1
    assert f"{bad}:29 zones[0].brackets[0].price: 5.001 is finer than CNY is" in done.stdout.decode()


def test_a_card_is_corrected(home: Commands, tmp_path: Path) -> None:
    file = tmp_path / "card.toml"
    text = (EXAMPLES / "hangzhou-express.toml").read_text("utf-8").replace("price = 5.00", "price = 6.00")
    file.write_text(text.replace('version = "2026-07"', 'version = "2026-07b"\ncorrects = "2026-07"'))
    assert (
        "is no version that stands"
        in home.ask("rates", "import", str(file), "--dry-run", code=1)["faults"][0]["reason"]
    )
    tried = home.ask("rates", "import", FILES[1], str(file), "--dry-run")
    assert [each["outcome"] for each in tried["cards"]] == ["new", "new"]
    home.ask("rates", "import", FILES[1], str(file))
    assert [(each["version"], each["holds"]) for each in home.ask("rates", "list")] == [
        ("2026-07", "no"),
        ("2026-07b", "yes"),
    ]
    assert home.ask("quote", *WAY)["quotes"][0]["quotes"][0]["lines"][0]["minor"] == 600


def test_a_way_is_quoted(home: Commands) -> None:
    home.ask("rates", "import", *FILES)
    [told] = home.ask("quote", *WAY, "--weight", "2350", "--size", "300x200x100")["quotes"]
    [quote] = told["quotes"]
    assert (quote["account"], quote["minor"], sum(line["minor"] for line in quote["lines"])) == ("yto-main", 746, 746)
    assert quote["window"] == {
        "leaves": "2026-08-03",
        "earliest": "2026-08-04",
        "usual": "2026-08-04",
        "latest": "2026-08-05",
    }
    assert {each["account"]: each["code"] for each in told["unquoted"]} == {
        "correios": "not_served",
        "usps": "not_served",
    }
    text = home.call("quote", *WAY, "--weight", "2350").stdout.decode()
    assert "7.46 CNY  yto-main standard: 2026-08-04 to 2026-08-05, 70 g CO2e (zone delta, card 2026-07)" in text
    assert "0.46 CNY  surcharge 1: fuel: 7.00 CNY at 6.5 % of carriage" in text
    assert "not all sides are known" in text
    nowhere = home.ask("quote", "--from", "DE", "--to", "DE", code=1)
    assert nowhere["quotes"][0]["quotes"] == []


def test_orders_are_quoted(home: Commands, tmp_path: Path) -> None:
    home.ask("rates", "import", *FILES)
    file = tmp_path / "orders.json"
    file.write_bytes(msgspec.json.encode(ORDERS_SENT))
    [told] = home.ask("quote", str(file), "--prefer", "price", "--insured", "--at", "2026-08-03T10:00:00Z")["quotes"]
    # São Paulo to Rio: 450 g, 21.50; 159.80 are declared: 1 % of what is above 25.63.
    assert [(line["kind"], line["minor"]) for line in told["quotes"][0]["lines"]] == [
        ("carriage", 2150),
        ("insurance", 134),
    ]
    assert told["quotes"][0]["co2"]["how"].startswith("358 km (great circle)")
    assert told["reference"] == ORDERS_SENT[0].reference
    assert home.run("quote", "-", stdin=file.read_bytes()).stdout.decode().startswith(told["reference"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "CN"), "name a file of orders, or --from and --to"),
        (("--from", "China", "--to", "CN"), "'China' is no place"),
        (("--from", "CN/a/b/c/d", "--to", "CN"), "'CN/a/b/c/d' is no place"),
        ((*WAY, "--size", "300x200"), "'300x200' is no size"),
        ((*WAY, "--size", "300x200x0"), "'300x200x0' is no size"),
        ((*WAY, "--prefer", "luck"), "'luck' is nothing to prefer"),
        ((*WAY, "--at", "noon"), "noon"),
    ],
)
def test_calls_that_are_wrong(home: Commands, words: tuple[str, ...], told: str) -> None:
    home.ask("rates", "import", FILES[1])
    assert told in home.fail("quote", *words, code=2)


@pytest.mark.parametrize(
    ("change", "told"),
    [({"mailing_date": "2026-02-30"}, "mailing_date"), ({"currency": ""}, "currency"), ({"items": []}, "items")],
)
def test_orders_that_are_wrong(home: Commands, tmp_path: Path, change: dict[str, Any], told: str) -> None:
    home.ask("rates", "import", FILES[1])
    file = tmp_path / "orders.json"
    file.write_text(json.dumps([msgspec.to_builtins(ORDERS_SENT[0]) | change]))
    assert told in home.fail("quote", str(file), code=2)


def test_a_bill_of_waybills_that_nobody_booked(home: Commands, tmp_path: Path) -> None:
    home.ask("rates", "import", *FILES)
    bill, claims = tmp_path / "bill.csv", tmp_path / "claims.csv"
    bill.write_text("waybill,total,currency\nYT1,8.00,CNY\nYT2,x,CNY\n")
    told = home.ask("audit", "invoice", str(bill), "--account", "yto-main", "--disputes", str(claims), code=1)
    assert told["verdicts"]["unknown_waybill"] == 1
    assert told["faults"][0]["line"] == 3
    assert claims.read_text("utf-8-sig").splitlines()[1].startswith("2,YT1,unknown_waybill,CNY,8.00,")
    said = home.call("audit", "invoice", str(bill), "--account", "yto-main").stdout.decode()
    assert said.splitlines()[-1] == "0 of 1 as agreed; billed too much: nothing"
