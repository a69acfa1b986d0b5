"""`waypost audit cod` as people call it."""

import json
from pathlib import Path

from typer.testing import CliRunner

from waypost.app.cli import cli


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, list(words))
    return done.exit_code, done.output


def test_a_remittance_is_tried_kept_and_known(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run("admin", "party", "add", "Estrela", "--home", str(home))[0] == 0
    sheet = tmp_path / "remittance.csv"
    sheet.write_text("waybill,amount,currency\nYT1,12.50,CNY\nYT2,x,CNY\n", "utf-8")
    words = ("audit", "cod", str(sheet), "--account", "yto", "--home", str(home))
    code, told = run(*words, "--dry-run")
    assert code == 1
    assert "YT1: unknown, 12.50 CNY of 0.00 CNY" in told
    assert "remittance.csv:3 amount: is no amount" in told
    assert "0 of 1 paid as due; lacking: nothing" in told
    assert json.loads(run(*words, "--json")[1])["outcome"] == "refused"  # once it is mended it would count twice
    assert "nothing of this remittance was kept" in run(*words)[1]
    sheet.write_text("waybill,amount,currency\nYT1,12.50,CNY\nYT2,3.00,CNY\n", "utf-8")
    kept = json.loads(run(*words, "--json")[1])
    assert kept["outcome"] == "kept"
    assert [(each["waybill"], each["paid_minor"]) for each in kept["waybills"]] == [("YT1", 1250), ("YT2", 300)]
    assert "handed in before" in run(*words)[1]
    assert run("audit", "cod", "--account", "yto", "--home", str(home)) == (0, "0 of 0 paid as due; lacking: nothing\n")
