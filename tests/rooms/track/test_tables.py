"""Carriers' codes to unified statuses: the tables, what was held against their source, and an operator's own."""

import csv
import filecmp
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from waypost.model.carriers import find_carrier
from waypost.model.errors import BadInput
from waypost.track.statuses import NOTICE, UNKNOWN, VOID, get_status, list_statuses
from waypost.track.tables import CodeTables, bundled_tables, find_status

DATA = Path(str(files("waypost.track").joinpath("data")))


def meaning(carrier: str, code: str) -> str:
    return get_status(find_status(carrier, code)).code


def read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))


@pytest.mark.parametrize(
    ("carrier", "code", "status"),
    [
        # SF's own pushes; the source has picked_up, in_transit and arrived_at_destination for 30, 50 and 80.
        ("sf", "50", "picked_up"),
        ("sf", "opcode:50", "picked_up"),
        ("sf", "30", "in_transit"),
        ("sf", "31", "arrived_at_hub"),
        ("sf", "36", "departed_from_hub"),
        ("sf", "44", "arrived_at_destination"),
        ("sf", "80", "delivered"),
        ("sf", "160", "unknown"),
        ("sf", "status:6", "delivered"),
        ("yto", "GOT", "picked_up"),
        ("yto", "AIRSEND", "departed_from_hub"),
        ("yto", "AIRPICK", "arrived_at_hub"),
        ("yto", "SENT_SCAN", "out_for_delivery"),
        ("yto", "TMS_RETURN", "return_initiated"),
        ("zto", "GOT", "picked_up"),
        ("zto", "DEPARTURE", "departed_from_hub"),
        ("zto", "ARRIVAL", "arrived_at_hub"),
        ("zto", "DISPATCH", "out_for_delivery"),
        ("zto", "INBOUND", "delivery_to_locker"),
        ("zto", "HANDOVERSCAN_SIGNED", "delivery_to_locker"),
        ("zto", "DEPARTURE_SIGNED", "delivered"),
        ("zto", "SIGNED", "delivered"),
        ("zto", "scan:ARRIVAL", "delivery_to_locker"),
        ("zto", "签收", "delivered"),
        ("zto", "44", "delivery_to_locker"),
        ("sto", "派件", "out_for_delivery"),
        ("sto", "intl:CC_IM_FAILURE", "customs_held"),
        ("yunda", "GOT", "picked_up"),
        ("yunda", "action:CLEARANCE_FINISH", "customs_released"),
        ("yunda", "status:TRANSIT", "in_transit"),
        ("jtexpress", "10", "delivered"),
        ("jtexpress", "problem:A2", "refused"),
        ("jtexpress", "A2", "unknown"),  # another set of codes needs its name
        ("jdl", "10034", "delivered"),
        ("ems", "704", "delivered"),
        ("ems", "743", "void"),
        ("cainiao", "07", "delivered"),
        ("cainiao", "14", "unknown"),  # the source calls 14 to 26 undefined
        ("usps", "01", "delivered"),
        ("usps", "1", "unknown"),
        ("dhl", "STORN:NRQRD", "void"),
        ("dhl", "ADVIS:MSGST", "notice"),
        ("correios", "PO01", "picked_up"),
        ("correios", "RO01", "departed_from_hub"),
        ("correios", "OEC01", "out_for_delivery"),
        ("correios", "LDI01", "awaiting_pickup"),
        ("correios", "BDE01", "delivered"),
        ("correios", "BDI01", "delivered"),
        ("correios", "BDE20", "recipient_unavailable"),
        ("correios", "BDE23", "returned_to_sender"),
        ("correios", "BDE", "unknown"),  # codigo alone says nothing
        ("correios", "EST01", "void"),
        ("olist", "purchased", "order_created"),
        ("olist", "approved", "order_created"),
        ("olist", "handed_over", "picked_up"),
        ("olist", "delivered", "delivered"),
        ("olist", "canceled", "order_cancelled"),
        ("olist", "unavailable", "order_cancelled"),
        ("delhivery", "departed", "departed_from_hub"),
        ("delhivery", "arrived", "arrived_at_hub"),
        ("lade", "accepted", "pickup_scheduled"),
        ("lade", "picked_up", "picked_up"),
        ("lade", "delivery_accepted", "out_for_delivery"),
        ("lade", "delivered", "delivered"),
    ],
)
def test_what_codes_mean(carrier: str, code: str, status: str) -> None:
    assert meaning(carrier, code) == status


@pytest.mark.parametrize("carrier", ["alliance-7", "zto", "sf"])
def test_unified_codes_are_understood_from_every_carrier(carrier: str) -> None:
    for status in list_statuses():
        assert find_status(carrier, status.code) == status.number


@pytest.mark.parametrize("code", ["", " GOT", "got", "Delivered", "签 收", "\x00", "' OR 1=1", "x" * 10_000])
def test_what_nobody_knows_is_unknown(code: str) -> None:
    assert find_status("yto", code) == UNKNOWN
    assert find_status("nobody", code) == UNKNOWN


def test_void_and_notice_bear_no_status() -> None:
    assert find_status("anyone", "void") == VOID
    assert find_status("anyone", "notice") == NOTICE


def test_pairs_are_classified_together() -> None:
    numbers = bundled_tables().classify(["yto", "zto", "yto", "nobody"], ["SIGNED", "ARRIVAL", "ARRIVAL", "SIGNED"])
    assert numbers.dtype == np.uint8
    assert [get_status(int(n)).code for n in numbers] == ["delivered", "arrived_at_hub", "arrived_at_hub", "unknown"]
    assert len(bundled_tables().classify([], [])) == 0
    with pytest.raises(ValueError, match="zip"):
        bundled_tables().classify(["yto"], ["GOT", "SIGNED"])


def test_every_table_is_of_a_known_carrier() -> None:
    carriers = bundled_tables().list_carriers()
    assert len(carriers) == 22
    assert all(find_carrier(carrier) for carrier in carriers)


def test_what_is_unverified_says_so() -> None:
    tables = bundled_tables()
    best = tables.list_rows("best")
    assert {row.confidence for row in best} == {1}
    assert all("unverified" in row.note for row in best)
    assert meaning("best", "签收") == "delivered"
    push = tables.find_row("sf", "80")
    assert push is not None
    assert (push.code, push.status, push.confidence) == ("opcode:80", "delivered", 3)
    assert "pushes" in push.note
    assert tables.find_row("sf", "160") is None
    own = {row.code: row for row in tables.list_rows("ups")}
    assert own["AA"].confidence == 1  # sorted by key words, says its source


def test_each_row_of_the_source_is_kept_or_corrected_in_the_open(data_folder: Path) -> None:
    corrections = {(row["carrier"], row["carrier_code"]): row for row in read(DATA / "corrections.csv")}
    assert len(corrections) == sum(1 for _ in read(DATA / "corrections.csv"))
    seen = Counter[str]()
    for path in sorted((data_folder / "status_codes" / "carriers").glob("*.csv")):
        table = {row["carrier_code"]: row for row in read(DATA / "carriers" / path.name)}
        source = {row["carrier_code"]: row["olts_code"] for row in read(path)}
        for code, status in source.items():
            if (correction := corrections.get((path.stem, code))) is None:
                assert table[code]["status"] == status, (path.stem, code)
                seen["kept"] += 1
                continue
            assert correction["was"] == status, (path.stem, code)
            if correction["status"]:
                assert table[code]["status"] == correction["status"], (path.stem, code)
                seen["corrected"] += 1
            else:
                assert code not in table, (path.stem, code)
                seen["dropped"] += 1
        for code in set(table) - set(source):
            correction = corrections[path.stem, code]
            assert (correction["was"], correction["status"]) == ("", table[code]["status"]), (path.stem, code)
            seen["added"] += 1
    assert seen["kept"] + seen["corrected"] + seen["dropped"] == 1761
    assert seen["corrected"] + seen["dropped"] + seen["added"] == len(corrections)
    assert all(len(row["why"]) > 10 for row in corrections.values())


def test_the_script_writes_what_is_in_the_package(data_folder: Path, repo_folder: Path, tmp_path: Path) -> None:
    script = [sys.executable, str(repo_folder / "scripts/make_status_tables")]
    run = subprocess.run([*script, data_folder / "status_codes", tmp_path], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.csv"))
    assert len(written) == 2 + 14
    assert filecmp.cmpfiles(tmp_path, DATA, written, shallow=False) == (written, [], [])


def test_the_script_notices_that_its_source_changed(data_folder: Path, repo_folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(data_folder / "status_codes", source)
    for path in [source / "carriers", *(source / "carriers").iterdir()]:
        path.chmod(0o755)
    table = source / "carriers/sf.csv"
    text = table.read_text("utf-8")
    assert "opcode:50,已发车/运输中,in_transit" in text
    table.write_text(text.replace("opcode:50,已发车/运输中,in_transit", "opcode:50,已发车/运输中,picked_up"), "utf-8")
    script = [sys.executable, str(repo_folder / "scripts/make_status_tables")]
    run = subprocess.run([*script, source, tmp_path / "made"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert run.stderr == "corrections.csv: sf opcode:50 was in_transit, now it is picked_up\n"
    run = subprocess.run([*script, tmp_path / "nowhere"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 2
    assert "Usage: scripts/make_status_tables FOLDER" in run.stderr


def test_an_own_table_replaces_single_codes(tmp_path: Path) -> None:
    (tmp_path / "yto.csv").write_text("carrier_code,status,note\nFAILED,refused,ours\nNEW,lost,\n", "utf-8")
    (tmp_path / "alliance-7.csv").write_text("status,carrier_code\ndelivered,完成\n", "utf-8-sig")
    (tmp_path / "sf.csv").write_text("carrier_code,status\nopcode:99,in_transit\n648,delivered\n", "utf-8")
    (tmp_path / "readme.txt").write_text("no table")
    own = CodeTables.load(tmp_path)
    assert get_status(own.find_status("yto", "FAILED")).code == "refused"
    assert get_status(own.find_status("yto", "NEW")).code == "lost"
    assert get_status(own.find_status("yto", "GOT")).code == "picked_up"
    assert get_status(own.find_status("alliance-7", "完成")).code == "delivered"
    assert get_status(own.find_status("sf", "99")).code == "in_transit"
    assert get_status(own.find_status("sf", "648")).code == "delivered"  # the code as sent comes before its set
    assert get_status(own.find_status("sf", "opcode:648")).code == "exception"
    assert meaning("yto", "FAILED") == "delivery_attempted"
    row = own.find_row("yto", "FAILED")
    assert row is not None
    assert (row.confidence, row.note) == (2, "ours")


def test_the_version_changes_with_what_a_fold_sees(tmp_path: Path) -> None:
    def version(text: str) -> str:
        (tmp_path / "yto.csv").write_text(text, "utf-8")
        return CodeTables.load(tmp_path).version

    plain = CodeTables.load().version
    assert plain == CodeTables.load().version == bundled_tables().version
    assert len(plain) == 16
    assert int(plain, 16) >= 0
    assert version("carrier_code,status,note\nGOT,picked_up,says the same in other words\n") == plain
    changed = version("carrier_code,status\nGOT,in_transit\n")
    added = version("carrier_code,status\nGOT2,picked_up\n")
    assert len({plain, changed, added}) == 3
    assert version("carrier_code,status\nGOT2,picked_up\n") == added


@pytest.mark.parametrize(
    ("content", "where", "says"),
    [
        (b"", "yto.csv:1", "is empty"),
        (b"code,status\nGOT,picked_up\n", "yto.csv:1", "the header is 'code,status'"),
        (b"carrier_code,status,stauts\n", "yto.csv:1", "the header is"),
        (b"carrier_code,status,status\n", "yto.csv:1", "the header is"),
        (b"carrier_code,status\nGOT,picked_up\nSIGNED,deliverd\n", "yto.csv:3", "there is no status 'deliverd'"),
        (b"carrier_code,status\nGOT\n", "yto.csv:2", "has 1 fields, the header 2"),
        (b"carrier_code,status\nGOT,picked_up,a, comma\n", "yto.csv:2", "has 4 fields, the header 2"),
        (b"carrier_code,status\nGOT,picked_up\n\nGOT,in_transit\n", "yto.csv:4", "'GOT' stands in line 2 already"),
        (b"carrier_code,status\n GOT,picked_up\n", "yto.csv:2", "has blanks around it"),
        (b"carrier_code,status\n,picked_up\n", "yto.csv:2", "is empty, too long"),
        (b"carrier_code,status\n" + b"x" * 65 + b",picked_up\n", "yto.csv:2", "too long"),
        (b"carrier_code,status\nvoid,picked_up\n", "yto.csv:2", "'void' withdraws a scan for every carrier"),
        (b"carrier_code,status,confidence\nGOT,picked_up,9\n", "yto.csv:2", "the confidence is '9'"),
        (b"carrier_code,status\nGOT,picked_up\n\xff,lost\n", "yto.csv:3", "is not UTF-8"),
        (b'carrier_code,status\nGOT,picked_up\n"SIGNED,delivered\n', "yto.csv:3", "is no CSV"),
        (b'carrier_code,status,note\nA,lost,"two\nlines"\nB,list,\n', "yto.csv:4", "there is no status 'list'"),
    ],
)
def test_a_bad_table_is_refused_with_file_and_line(tmp_path: Path, content: bytes, where: str, says: str) -> None:
    (tmp_path / "yto.csv").write_bytes(content)
    with pytest.raises(BadInput) as caught:
        CodeTables.load(tmp_path)
    assert caught.value.where == where
    assert says in caught.value.message
    assert caught.value.mend


@pytest.mark.parametrize("name", ["YTO.csv", "my carrier.csv", ".csv", "圆通.csv", "a.b.csv"])
def test_a_file_must_bear_a_carrier_code(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("carrier_code,status\nGOT,picked_up\n")
    with pytest.raises(BadInput, match="no carrier code") as caught:
        CodeTables.load(tmp_path)
    assert caught.value.where == name


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a folder") as caught:
        CodeTables.load(tmp_path / "nowhere")
    assert caught.value.where == str(tmp_path / "nowhere")


def test_files_are_read_only_when_asked_for() -> None:
    code = (
        "import waypost.track.tables, waypost.track.statuses as s, waypost.model.carriers as c;"
        "print(s.list_statuses.cache_info().currsize, waypost.track.tables.bundled_tables.cache_info().currsize)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (0, "0 0\n"), run.stderr
