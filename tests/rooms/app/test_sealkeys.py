"""The keys of the seal: a lost one is told before anything is sealed under another, and new ones can come."""

import io
import json
import os
from pathlib import Path

import pytest
from tests.rooms.app.commands import Commands

from waypost.app.alerting import Alerting
from waypost.app.carriers import contract_at
from waypost.app.seals import Seals, fingerprint, read_keys
from waypost.app.serving import _health
from waypost.app.settings import read_settings
from waypost.app.wiring import House, now_ms, open_house
from waypost.carriers.adapters import list_adapters
from waypost.model.errors import SettingsError
from waypost.testing.carriers.faking import FakeScan
from waypost.testing.carriers.yto import FakeYto
from waypost.track.carriers import Push
from waypost.track.pushes import Arrived, Outcome, Pushes, RawPushes
from waypost.web.journal import open_journal

BODIES = [b"push %d" % count for count in range(3)]


def alerting_of(house: House) -> Alerting:
    return Alerting({}, house.alerts, 0, house.clock, open_journal(io.StringIO()))


def keep(house: House, *bodies: bytes) -> None:
    raw = RawPushes(house.memory.records, house.seals)
    for body in bodies:
        raw.keep([Arrived("yto", Push(headers={}, query="", body=body, received_ms=5), Outcome.TAKEN)])


def kept(home: Path) -> list[bytes]:
    with open_house(read_settings(home=home)) as house:
        raw = house.pushes.raw
        return sorted(raw.open(each.id).body for each in raw.list_page(None, None, None, 100)[0])


@pytest.fixture
def home(commands: Commands) -> Path:
    with open_house(read_settings(home=commands.home)) as house:
        keep(house, *BODIES)
    return commands.home


def test_a_new_home_makes_a_key(home: Path) -> None:
    file = home / "seal"
    assert list(read_keys(file)) == [1]
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert kept(home) == BODIES


def test_a_lost_key_is_told_and_not_made_anew(home: Path, commands: Commands) -> None:
    text = (home / "seal").read_text()
    (home / "seal").unlink()
    with open_house(read_settings(home=home)) as house:
        for act in (house.open_accounts, house.seals):
            with pytest.raises(SettingsError, match="3 texts in the records are sealed under key 1") as caught:
                act()
            assert "seal drop 1 --with-rows" in str(caught.value)
    assert not (home / "seal").exists()
    served = commands.call("serve", "--port", "0")
    assert served.returncode != 0
    assert "sealed under key 1" in served.stderr.decode()
    (home / "seal").write_text(text)
    assert kept(home) == BODIES


def test_another_key_of_that_number_is_told(home: Path) -> None:
    (home / "seal").write_text(f"1 {'ab' * 32}\n")
    with open_house(read_settings(home=home)) as house, pytest.raises(SettingsError, match="another one of that"):
        house.open_accounts()


@pytest.mark.parametrize(
    "text", ["", "1", "1 abc", f"0 {'ab' * 32}", f"1 {'ab' * 31}", "\x00", f"65536 {'ab' * 32}", f"1 {'ab' * 32}\n" * 2]
)
def test_a_file_that_holds_no_keys_is_told(home: Path, text: str) -> None:
    (home / "seal").write_text(text)
    with open_house(read_settings(home=home)) as house, pytest.raises(SettingsError, match="cannot be read as keys"):
        house.open_accounts()


@pytest.mark.parametrize("how", ["gone", "replaced", "unreadable"])
def test_a_file_that_is_lost_under_a_server_is_noticed(home: Path, how: str) -> None:
    """What is sealed from then on could never be opened; the carrier is told to come again, and readiness says why."""
    file, ticks = home / "seal", [100.0]
    text = file.read_text()
    with open_house(read_settings(home=home)) as house:
        house.seals._ticks = lambda: ticks[0]
        keep(house, b"before")
        assert _health(house, alerting_of(house)).failures == []
        if how == "gone":
            file.unlink()
        else:
            file.write_text(f"1 {'ab' * 32}\n" if how == "replaced" else "no keys")
        keep(house, b"just now")  # the file is not looked at for every text
        ticks[0] += 1
        told = {
            "gone": "seal is gone",
            "replaced": "another one of that number",
            "unreadable": "cannot be read as keys",
        }
        with pytest.raises(SettingsError, match=told[how]) as caught:
            keep(house, b"lost")
        assert "ring" in str(caught.value.mend)
        assert _health(house, alerting_of(house)).failures == [str(caught.value)]
        assert house.pushes.raw.count() == len(BODIES) + 2
        pages = house.pushes.raw.list_page(None, None, None, 100)[0]
        assert {house.pushes.raw.open(each.id).body for each in pages} == {*BODIES, b"before", b"just now"}
        file.write_text(text)
        ticks[0] += 1
        keep(house, b"after")
        assert _health(house, alerting_of(house)).failures == []
    assert kept(home) == sorted([*BODIES, b"before", b"just now", b"after"])


def test_a_server_that_has_sealed_nothing_yet_notices_too(home: Path) -> None:
    with open_house(read_settings(home=home)) as house:
        house.open_accounts()
        (home / "seal").unlink()
        [failure] = _health(house, alerting_of(house)).failures
        assert "Bring the file back" in failure


def test_a_push_that_cannot_be_sealed_is_to_be_sent_again(home: Path) -> None:
    with FakeYto(clock=now_ms) as fake, open_house(read_settings(home=home)) as house:
        contract = contract_at(fake, list_adapters()["yto"])
        assert contract.reader is not None
        pushes = Pushes({"yto": contract.reader}, house.reception, house.pushes.raw)
        number = fake.make("REFERENCE1").number
        asked = fake.write_push(fake.parcels[number], [FakeScan(code="GOT", at_ms=now_ms() // 1000 * 1000)])
        push = Arrived("yto", Push(headers=asked.headers, query="", body=asked.body, received_ms=now_ms()))
        house.seals()
        text = (home / "seal").read_text()
        (home / "seal").unlink()
        [taken] = pushes.take([push])
        assert taken.outcome is Outcome.FAILED
        assert not fake.is_thanked(taken.reply.status, taken.reply.body)
        assert "Bring the file back" in taken.why
        (home / "seal").write_text(text)
        house.seals._next_look_s = 0.0
        [taken] = pushes.take([push])
        assert taken.outcome is Outcome.TAKEN
        assert fake.is_thanked(taken.reply.status, taken.reply.body)
        contract.caller.close()


def test_a_new_key_beside_a_server_hinders_nobody(home: Path, commands: Commands) -> None:
    with open_house(read_settings(home=home)) as house:
        house.seals()
        assert commands.ask("admin", "seal", "rotate")["key"] == 2
        house.seals._next_look_s = 0.0
        keep(house, b"under the first")
        assert house.seals.count() == {1: 4}
    assert kept(home) == [*BODIES, b"under the first"]


def test_a_new_key_seals_and_the_old_one_opens(home: Path, commands: Commands) -> None:
    told = commands.ask("admin", "seal", "rotate")
    keys = read_keys(home / "seal")
    assert (told["key"], told["resealed"], list(keys)) == (2, 0, [1, 2])
    assert told["fingerprint"] == fingerprint(keys[2])
    with open_house(read_settings(home=home)) as house:
        keep(house, b"push 3")
        assert house.seals.count() == {1: 3, 2: 1}
    assert kept(home) == [*BODIES, b"push 3"]
    listed = commands.ask("admin", "seal", "list")
    assert [(each["key"], each["sealed"], each["newest"], each["gone"]) for each in listed] == [
        (1, 3, False, False),
        (2, 1, True, False),
    ]
    assert not any(key.hex() in json.dumps(listed) for key in keys.values())
    refused = commands.call("admin", "seal", "drop", "1")
    assert refused.returncode != 0
    assert "3 texts lie under key 1" in refused.stderr.decode()


def test_old_rows_are_brought_under_the_new_key(home: Path, commands: Commands) -> None:
    told = commands.ask("admin", "seal", "rotate", "--reseal")
    assert (told["key"], told["resealed"]) == (2, 3)
    assert commands.ask("admin", "seal", "drop", "1") == {"key": 1, "rows_removed": 0}
    assert list(read_keys(home / "seal")) == [2]
    assert kept(home) == BODIES
    newest = commands.call("admin", "seal", "drop", "2", "--json")
    assert newest.returncode != 0
    assert commands.call("admin", "seal", "drop", "7").returncode != 0


def test_what_nobody_can_read_can_go(home: Path, commands: Commands) -> None:
    (home / "seal").unlink()
    assert commands.call("admin", "seal", "rotate").returncode != 0
    assert commands.ask("admin", "seal", "drop", "1", "--with-rows") == {"key": 1, "rows_removed": 3}
    with open_house(read_settings(home=home)) as house:
        house.open_accounts()
        keep(house, b"new")
    assert kept(home) == [b"new"]


def test_versions_of_what_is_learnt_never_go_back(home: Path, commands: Commands, tmp_path: Path) -> None:
    """Who remembers an old version would take another of its number for it, and teach that."""
    sheet = tmp_path / "past.csv"
    row = "浙江省,杭州市,西湖区,文三路{}号,571-A0-0{}\n"
    rows = "".join(row.format(number, number % 3) for number in range(40))
    sheet.write_text("province,city,county,street,code\n" + rows)
    learn = ("sorting", "learn", str(sheet), "--carrier", "yto", "--country", "CN")
    assert commands.ask(*learn)["version"] == 1
    (home / "seal").unlink()
    commands.ask("admin", "seal", "drop", "1", "--with-rows")
    assert [each["deliveries"] for each in commands.ask("sorting", "list")["sorters"]] == []
    again = commands.ask(*learn)  # what was learnt is forgotten with it: the same file teaches anew
    assert (again["outcome"], again["version"]) == ("learnt", 3)


def test_the_only_key_goes_where_it_is_said_to_go(home: Path, commands: Commands) -> None:
    old = read_keys(home / "seal")[1]
    assert commands.ask("admin", "seal", "drop", "1", "--with-rows") == {"key": 1, "rows_removed": 3, "newest": 2}
    keys = read_keys(home / "seal")
    assert list(keys) == [2]
    assert old not in keys.values()
    with open_house(read_settings(home=home)) as house:
        keep(house, b"new")
        assert house.seals.count() == {2: 1}
    assert kept(home) == [b"new"]


def test_the_newest_key_goes_and_its_number_does_not_come_again(home: Path, commands: Commands) -> None:
    commands.ask("admin", "seal", "rotate")
    told = commands.call("admin", "seal", "drop", "2", "--with-rows").stdout.decode()
    assert "Key 2 is let go of" in told
    assert "Key 3 is made in its place" in told
    assert list(read_keys(home / "seal")) == [1, 3]
    assert kept(home) == BODIES


def test_a_number_is_not_given_twice(home: Path) -> None:
    """A lost key may come back."""
    (home / "seal").unlink()
    with open_house(read_settings(home=home)) as house:
        assert Seals(home, house.memory.records).add() == 2


def test_backups_say_that_the_key_is_kept_apart(home: Path, commands: Commands, tmp_path: Path) -> None:
    mark = fingerprint(read_keys(home / "seal")[1])
    text = (home / "seal").read_text()
    backup, other = tmp_path / "backup", tmp_path / "other"
    told = commands.call("admin", "backup", str(backup))
    assert f"3 rows are sealed under key 1 ({mark}): the file seal is not in the backup" in told.stdout.decode()
    assert not any(file.name == "seal" for file in backup.rglob("*"))
    verified = commands.ask("admin", "verify", str(backup))
    assert verified["well"]
    assert f"key 1 ({mark})" in verified["notes"][0]
    restored = commands.call("admin", "restore", str(backup), "--home", str(other))
    assert restored.returncode == 0
    assert f"key 1 ({mark}): put your copy of the file seal at" in " ".join(restored.stderr.decode().split())
    wrong = commands.call("admin", "verify", str(other), "--json")
    assert wrong.returncode == 1
    (finding,) = json.loads(wrong.stdout)["findings"]
    assert "sealed under key 1" in finding["what"]
    (other / "seal").write_text(text)
    assert commands.ask("admin", "verify", str(other))["well"]
    assert kept(other) == BODIES
