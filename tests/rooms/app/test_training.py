"""`waypost train`, `models`, `promise` and `arrivals` over a home."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete
from tests.rooms.app.commands import Commands
from tests.rooms.forecast.worlds import HUBS, imagine_scans, make_weather

from waypost.app.records import records_of
from waypost.app.settings import Settings
from waypost.app.wiring import open_house
from waypost.forecast.records import keep_weather, weather
from waypost.model.instants import DAY_MS, parse_instant

NOW = "2026-11-20T00:00:00Z"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    path = tmp_path_factory.mktemp("trained") / "home"
    with open_house(Settings(home=path)) as house:
        house.facilities.keep(HUBS)
        house.memory.log.append(imagine_scans(parse_instant(NOW).at_ms, parcels=2400))
    return Commands(path)


@pytest.fixture(scope="module")
def trained(home: Commands) -> Any:
    return home.ask("train", "--at", NOW)


def test_a_version_is_learnt_and_in_use(home: Commands, trained: Any) -> None:
    assert (trained["version"], trained["in_use"]) == (1, True)
    assert trained["card"]["scores"]["coverage_p90"] > 0.8
    assert trained["card"]["steps"] > 500
    assert [each["version"] for each in home.ask("models", "list")] == [1]
    assert home.ask("models", "show", "1")["card"] == trained["card"]


def test_a_parcel_is_promised(home: Commands, trained: Any) -> None:
    told = home.ask("promise", "CN/GD/Guangzhou", "CN/HB/Wuhan", "--carrier", "yto", "--at", NOW)
    promise = told["promise"]
    assert NOW < promise["p10_at"] < promise["p50_at"] < promise["p80_at"] < promise["p90_at"]
    assert (promise["rests_on"], told["promised"]["version"]) == ("lane", 1)


def test_parcels_on_their_way_are_told(home: Commands, trained: Any) -> None:
    found = home.ask("arrivals", "--at", NOW, "--most", "3")
    assert len(found["parcels"]) == 3
    assert found["on_their_way"] >= 3
    [number] = {found["parcels"][0]["number"]}
    [alone] = home.ask("arrivals", number, "--at", NOW)["parcels"]
    assert alone == found["parcels"][0]


def test_weather_that_is_kept_is_named_as_a_reason(home: Commands, trained: Any) -> None:
    def why() -> set[str]:
        told = home.ask("arrivals", "--at", NOW, "--most", "400")["parcels"]
        return {reason["code"] for parcel in told for reason in parcel["reasons"]}

    assert why() == {"silent"}
    at_ms = parse_instant(NOW).at_ms
    days = np.arange(at_ms / DAY_MS - 30, at_ms / DAY_MS)
    stormy = make_weather(days, {"gust_mps": 30.0}, place="Beijing", where=(41.0, 114.0), hours=24)
    with records_of(home.home) as (_, records), records.begin() as connection:
        keep_weather(connection, stormy)
    assert why() == {"storm"}
    with records_of(home.home) as (_, records), records.begin() as connection:
        connection.execute(delete(weather))


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (("models", "show", "9"), "no version 9"),
        (("models", "promote", "1"), "version 1 is in use"),
        (("models", "rollback"), "no version was in use before"),
        (("promise", "Brazil", "BR"), "'Brazil' is no place"),
        (("train", "--at", "2030-01-01T00:00:00Z"), "nothing is known of what comes"),
        (("arrivals", "--at", "2030-01-01T00:00:00Z"), "nothing is known of what comes"),
        (("arrivals", "--at", "2019-01-01T00:00:00Z"), "no parcel was scanned in the last weeks"),
        (("train", "--at", "2019-01-01T00:00:00Z"), "0 parcels were delivered so far"),
    ],
)
def test_what_cannot_be_is_said(home: Commands, trained: Any, asked: tuple[str, ...], why: str) -> None:
    done = home.call(*asked)
    assert done.returncode in (1, 2)
    assert why in done.stderr.decode().replace("\n", " ")


def test_before_training_there_are_no_promises(tmp_path: Path) -> None:
    with open_house(Settings(home=tmp_path / "home")) as house:
        house.facilities.keep(HUBS)
    empty = Commands(tmp_path / "home")
    for asked in (("promise", "CN", "CN"), ("arrivals",)):
        done = empty.call(*asked)
        assert (done.returncode, b"`waypost train`" in done.stderr) == (2, True)
    assert empty.ask("models", "list") == []
