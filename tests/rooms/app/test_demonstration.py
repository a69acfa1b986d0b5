from pathlib import Path

import pytest
from tests.rooms.app.commands import Commands

from waypost.access.keys import Role
from waypost.app import demonstration
from waypost.app.demonstration import run_demo
from waypost.app.settings import Settings, read_settings
from waypost.app.wiring import House, open_house, retention_of
from waypost.model.errors import Conflict, HomeInUse, SettingsError, StoreDamaged
from waypost.web.desk import Guide


def begin_again(home: Path, *, fresh: bool = True) -> None:
    run_demo(
        home=home, host="ä..b", port=0, fresh=fresh, still=True, as_json=True
    )  # a host that ends it before it serves


def test_a_demo_in_use_is_not_begun_again(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    with open_house(read_settings({}, home=demo)):
        (demo / "sample.json").write_bytes(b"{}")
        files = {file for file in demo.rglob("*") if file.is_file()}
        with pytest.raises(HomeInUse):
            begin_again(tmp_path)
        assert {file for file in demo.rglob("*") if file.is_file()} == files


def test_what_is_no_demo_is_left_alone(commands: Commands) -> None:
    kept = commands.home / "demo" / "kept"
    kept.mkdir(parents=True)
    with pytest.raises(Conflict, match="holds no demo"):
        begin_again(commands.home)
    assert kept.is_dir()


@pytest.mark.heavy
def test_a_damaged_demo_can_begin_again(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    open_house(read_settings({}, home=demo)).close()
    (demo / "sample.json").write_bytes(b"{")
    with pytest.raises(StoreDamaged, match=r"sample\.json"):
        begin_again(tmp_path, fresh=False)
    (demo / "FORMAT").write_bytes(b"{")
    with pytest.raises(SettingsError, match="cannot listen"):
        begin_again(tmp_path)
    with open_house(read_settings({}, home=demo), read_only=True) as house:
        assert house.memory.log.position() > 0
        assert not house.keys.any(Role.OPERATOR)  # for nobody was told of it


def test_a_demo_lets_nothing_go_into_the_archive_of_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "waypost.toml").write_text(f"[store]\nlog_gb = 0.001\narchive = '{tmp_path}'\n")
    opened: list[Settings] = []

    def note(settings: Settings, **_: object) -> House:
        opened.append(settings)
        raise Conflict("seen")

    monkeypatch.setattr(demonstration, "open_house", note)
    with pytest.raises(Conflict, match="seen"):
        begin_again(tmp_path, fresh=False)
    assert opened[0].home == tmp_path / "demo"
    assert (retention_of(opened[0]).asks, retention_of(opened[0]).archive) == (False, None)
    assert retention_of(read_settings({}, home=tmp_path)).asks


@pytest.mark.parametrize(("host", "lets_in"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_only_who_is_at_the_machine_is_let_in_without_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, lets_in: bool
) -> None:
    demo = tmp_path / "demo"
    open_house(read_settings({}, home=demo)).close()
    (demo / "sample.json").write_text('{"files": {}, "worth_a_look": [], "parcels": 0, "scans": 0}')
    given: list[Guide | None] = []
    monkeypatch.setattr(demonstration, "serve_house", lambda house, ready, guide, *others: given.append(guide))
    monkeypatch.setattr(demonstration, "_learn", lambda house: None)  # there is nothing to learn from
    run_demo(home=tmp_path, host=host, port=0, fresh=False, still=True, as_json=True)
    [guide] = given
    assert (guide is not None) is lets_in
    with open_house(read_settings({}, home=demo), read_only=True) as house:
        assert len(house.people.list_all()) == (3 if lets_in else 0)
