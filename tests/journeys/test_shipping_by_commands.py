"""A merchant ships by a few commands: a file or a sheet in, waybills and paper out."""

import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import msgspec
import pytest
from pypdf import PdfReader
from tests.journeys.relay import Relay
from tests.journeys.shop import Shop, draft
from tests.rooms.app.commands import Commands


@pytest.fixture
def commands(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """As on the merchant's own machine: no home there, and files where one stands."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    made = Commands(place / "no home")
    made.environ |= {"WAYPOST_URL": shop.relay.url, "WAYPOST_KEY": shop.key}
    del made.environ["WAYPOST_HOME"]
    return made


def write(shop: Shop, reference: str = "SALE-1") -> Path:
    path = Path("order.json")
    path.write_bytes(msgspec.json.encode(draft(shop.fake, reference)))
    return path


def test_an_order_in_a_file_is_shipped(shop: Shop, commands: Commands) -> None:
    write(shop)
    done = commands.call("ship", "order.json")
    assert done.returncode == 0, done.stderr
    [number] = shop.fake.parcels
    assert done.stdout.decode() == f"SALE-1  booked  yto {number}\n{Path.cwd()}/SALE-1.pdf\n"
    assert done.stderr == b""
    assert len(PdfReader("SALE-1.pdf").pages) == 1
    again = commands.ask("ship", "SALE-1", "--label", "again.pdf")
    assert (again["state"], again["labels"]) == ("booked", [f"{Path.cwd()}/again.pdf"])
    assert list(shop.fake.parcels) == [number]
    assert Path("again.pdf").read_bytes()[:5] == b"%PDF-"
    told = commands.call("orders", "show", "SALE-1").stdout.decode()
    assert f"id {again['id']}" in told
    assert f"parcel 1: 450 g, booked, yto {number}" in told
    assert commands.ask("orders", "show", again["id"])["order"]["reference"] == "SALE-1"


def test_fields_stand_over_the_file_and_alone(shop: Shop, commands: Commands) -> None:
    write(shop)
    words = ["--set", "reference=SALE-2", "--set", "items.0.quantity=3", "--set", "items.1.description=Card"]
    kept = commands.ask("ship", "order.json", "--no-label", *words)
    assert [each.get("quantity", 1) for each in kept["order"]["items"]] == [3, 1]
    assert kept["labels"] == []
    told = msgspec.to_builtins(draft(shop.fake, "SALE-3"))
    fields = [f"{end}.{name}={value}" for end in ("sender", "consignee") for name, value in told[end].items()]
    fields += ["reference=SALE-3", "account=yto", f"currency={told['currency']}", "parcels.0.weight_g=450"]
    fields += [f"parcels.0.{side}_mm=100" for side in ("length", "width", "height")]
    fields += ["items.0.description=Book", "items.0.weight_g=400", "items.0.value_minor=2599"]
    alone = commands.ask("ship", "--no-label", *[word for each in fields for word in ("--set", each)])
    assert alone["state"] == "booked", alone["why"]
    text = 'reference = "SALE-4"\n[[parcels]]\nweight_g = 450\n'
    Path("order.toml").write_text(text, "utf-8")
    said = commands.fail("ship", "order.toml", code=2)
    assert "order.toml" in said
    assert "`sender`" in said


def test_what_cannot_be_shipped_says_why(shop: Shop, commands: Commands) -> None:
    write(shop)
    assert "nothing to ship" in commands.fail("ship", code=2)
    assert "is not FIELD=VALUE" in commands.fail("ship", "order.json", "--set", "x", code=2)
    assert "there is no such field" in commands.fail("ship", "order.json", "--set", "reference.x=1", code=2)
    assert "there is no such field" in commands.fail("ship", "order.json", "--set", "items.7.sku=1", code=2)
    assert "not changed by --set" in commands.fail("ship", "SALE-1", "--set", "remark=x", code=2)
    assert "there is no order 'SALE-9'" in commands.fail("ship", "SALE-9", code=1)
    assert "none.json: No such file" in commands.fail("ship", "none.json", code=2)
    Path("broken.json").write_text("{", "utf-8")
    assert "broken.json: Expecting" in commands.fail("ship", "broken.json", code=2)
    Path("many.json").write_text("[]", "utf-8")
    assert "holds no order" in commands.fail("ship", "many.json", code=2)
    said = commands.fail("ship", "order.json", "--set", "consignee.country=Brazil", code=2)
    assert "order.json consignee.country" in said
    assert commands.ask("orders", "list") == []
    commands.ask("ship", "order.json", "--no-label")
    del commands.environ["WAYPOST_KEY"]
    assert "no key is named" in commands.fail("orders", "list", code=2)
    Path("key").write_text(shop.key + "\n", "utf-8")
    assert len(commands.ask("orders", "list", "--key-file", "key")) == 1
    assert "No such file" in commands.fail("orders", "list", "--key-file", "none", code=2)
    del commands.environ["WAYPOST_URL"]
    assert "no server is named" in commands.fail("orders", "list", "--key-file", "key", code=2)
    assert len(commands.ask("orders", "list", "--key-file", "key", "--url", shop.relay.url)) == 1
    journal = (shop.home.parent / "journal").read_text()
    assert shop.key not in journal


def test_labels_go_where_they_are_wanted(shop: Shop, commands: Commands) -> None:
    order = draft(shop.fake, "SALE/7")
    two = msgspec.structs.replace(order, parcels=[*order.parcels, *order.parcels])
    Path("order.json").write_bytes(msgspec.json.encode(two))
    kept = commands.ask("ship", "order.json", "--label", "paper.pdf")
    assert kept["labels"] == [f"{Path.cwd()}/paper-{piece}.pdf" for piece in (1, 2)]
    assert commands.ask("label", kept["id"])["labels"] == [f"{Path.cwd()}/SALE_7-{piece}.pdf" for piece in (1, 2)]
    piped = commands.run("label", "SALE/7", "--piece", "2", "--out", "-")
    assert piped.stdout.startswith(b"%PDF-"), piped.stderr
    assert "has 2 labels" in commands.call("label", "SALE/7", "--out", "-").stderr.decode()
    assert piped.stdout == Path("paper-2.pdf").read_bytes()
    said = commands.fail("label", "SALE/7", "--piece", "3", code=1)
    assert "has 2 parcels. They are counted from 1" in said
    assert [each["piece"] for each in commands.ask("orders", "show", "SALE/7")["parcels"]] == [1, 2]
    commands.call("ship", write(shop, "SALE-8").name, "--no-label")
    assert commands.call("orders", "cancel", "SALE-8").stdout.decode().startswith("SALE-8  cancelled")
    assert "cancelled, not booked" in commands.fail("label", "SALE-8", code=2)
    back = commands.ask("orders", "return", "SALE/7", "--reference", "BACK-7")
    assert (back["state"], back["order"]["return_of"]) == ("draft", "SALE/7")


def write_sheet(shop: Shop) -> Path:
    order = draft(shop.fake, "")
    head, row = ["Nr", "country"], ["", order.consignee.country]
    for name in ("name", "province", "city", "county", "street", "phone"):
        head.append(f"consignee_{name}")
        row.append(getattr(order.consignee, name))
    head += ["weight_kg", "length_cm", "width_cm", "height_cm", "item_description", "colour"]
    row += ["0.45", "30", "20", "6", "Book", "blue"]
    rows = [head, *([f"SALE-{number}", *row[1:]] for number in range(5))]
    rows[3][1] = "Middle Kingdom"
    path = Path("today.csv")
    path.write_text("".join(",".join(each) + "\n" for each in rows), "utf-8")
    return path


def test_a_sheet_is_handed_in_booked_and_printed(shop: Shop, commands: Commands) -> None:
    write_sheet(shop)
    sender = draft(shop.fake, "").sender
    fixed = [
        f"sender_{name}={getattr(sender, name)}"
        for name in ("name", "country", "province", "city", "county", "street", "phone")
    ]
    words = ["orders", "import", "today.csv", "--map", "reference=Nr"]
    words += [word for each in fixed for word in ("--fix", each)]
    dry = commands.call(*words, "--dry-run")
    assert dry.returncode == 1
    said = dry.stdout.decode()
    assert "4 would be new, 0 known, 1 of 5 rows would be refused" in said
    assert "not read: colour" in dry.stderr.decode()
    [refused] = [each.split("  ")[0] for each in said.splitlines() if "Middle Kingdom" in each]
    assert refused == "4"
    assert commands.ask("orders", "list") == []
    done = commands.ask(*words, "--book", code=1)
    assert (done["orders"], done["refused"], done["job"]["states"]) == (4, 1, {"booked": 4})
    job = done["job"]["id"]
    assert commands.call("orders", "follow", job).stdout.decode() == f"{job}: 4 booked\n"
    assert commands.call("label", job).stdout.decode() == f"{Path.cwd()}/{job}.pdf\n"
    assert len(PdfReader(f"{job}.pdf").pages) == 4
    assert "printed as PDF" in commands.fail("label", job, "--format", "zpl", code=2)
    known = commands.call(*words)
    assert "0 new, 4 known, 1 of 5 rows refused" in known.stdout.decode()
    assert len(commands.ask("orders", "list", "--job", job, "--limit", "3")) == 3
    assert len(commands.ask("orders", "list", "--state", "booked", "--since", "2020-01-01T00:00:00Z")) == 4
    assert "is no instant" in commands.fail("orders", "list", "--since", "yesterday", code=2)
    assert "is no sheet" in commands.fail("orders", "import", "order.pdf", code=2)
    assert "today.xlsx: No such file" in commands.fail("orders", "import", "today.xlsx", code=2)
    assert "is not FIELD=TEXT" in commands.fail(*words, "--map", "x", code=2)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("orders.csv", "reference\n")
    return out.getvalue()


def test_what_is_no_sheet_of_orders_is_told_by_its_name(shop: Shop, commands: Commands) -> None:
    whole, archive = "saved or fetched whole", "give each file that was in it"
    for name, content, what, mend in (
        ("a.csv", b"", "a.csv: the file is empty", whole),
        ("a.xlsx", b"", "a.xlsx: the file is empty", whole),
        ("a.csv", b"\n", "a.csv: lacks the columns reference, ", "Add them"),
        ("a.csv", b"\x89PNG\r\n\xff\n", "a.csv: does not begin with a line of column names", "Begin it with"),
        ("a.csv", b"Nr,Nr\n1,2\n", "it has twice 'Nr'", "each of which stands there once"),
        ("a.csv", zipped(), "a.csv: is a zip archive", archive),
        ("a.xlsx", zipped(), "a.xlsx: is a zip archive, and no .xlsx", archive),
        ("a.xlsx", zipped()[:40], "a.xlsx: is a damaged zip archive", "save it anew as .xlsx or .csv"),
        ("a.csv", gzip.compress(b"reference\n"), "a.csv: is packed with gzip", "Unpack it first"),
    ):
        Path(name).write_bytes(content)
        said = commands.fail("orders", "import", name, code=2)
        assert what in said
        assert mend in said


def test_a_way_back_has_a_number_of_its_own(shop: Shop, commands: Commands) -> None:
    write(shop)
    commands.ask("ship", "order.json", "--no-label")
    said = commands.fail("orders", "return", "SALE-1", "--reference", "SALE-1", code=2)
    assert "the way back cannot be called 'SALE-1': that is the number of another order" in said
    assert "Say another number" in said
    said = commands.fail("orders", "return", "SALE-1", "--reference", "B" * 65, code=2)
    assert "reference" in said
    assert "64 characters" in said
    assert commands.ask("orders", "return", "SALE-1")["order"]["reference"] == "SALE-1-R"


def test_drafts_are_booked_by_name_or_all(shop: Shop, commands: Commands) -> None:
    with shop.open() as waypost:
        waypost.orders.enter([draft(shop.fake, f"SALE-{number}") for number in range(4)])
    assert commands.call("orders", "confirm", "SALE-0").stdout.decode().startswith("SALE-0  booked  yto ")
    assert commands.ask("orders", "confirm", "SALE-1", "SALE-2")["states"] == {"booked": 2}
    assert commands.ask("orders", "confirm", "--all")["states"] == {"booked": 1}
    commands.call("orders", "cancel", "SALE-1")
    again = commands.call("orders", "confirm", "SALE-1", "SALE-2")
    assert (again.returncode, again.stdout.decode().endswith(": nothing to book\n")) == (1, True)
    told = again.stderr.decode()
    assert "SALE-1 is cancelled: it was cancelled: hand it in under another number" in told
    assert "SALE-2 is booked: it is booked already" in told
    assert "not told which" in commands.fail("orders", "confirm", code=2)
    assert "of one order" in commands.fail("orders", "confirm", "--all", "--not-there", code=2)
    assert "there is no order" in commands.fail("orders", "confirm", "SALE-9", code=1)


def test_a_server_that_is_not_there(shop: Shop, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.app.asking._PATIENCE_S", 0.6)
    with Relay(shop.server.address) as gone:
        pass
    done = commands.call("orders", "list", "--json", "--url", gone.url)
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"] == "unreachable"
    assert b"asked again in" in done.stderr
    assert shop.key.encode() not in done.stderr
    assert os.listdir() == []
