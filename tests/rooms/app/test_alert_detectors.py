"""What the detectors of a house find in its scans, its weather and its settings."""

import io
from pathlib import Path

from tests.rooms.care.alerts.test_detectors import make_hub

from waypost.app.alerting import Alerting, detectors_of, loads_of
from waypost.app.settings import Alerts, Settings
from waypost.app.wiring import open_house
from waypost.care.alerts.findings import AlertKind
from waypost.care.alerts.words import State, Wanted
from waypost.model.instants import parse_instant
from waypost.track.live_views import LiveFlow
from waypost.track.wire import read_json_array
from waypost.web.journal import open_journal

NOW = parse_instant("2026-11-22T15:00:00Z").at_ms
MINUTE = 60_000


def scans(number: str, at: str) -> bytes:
    rows = [
        f'{{"carrier": "yto", "number": "{number}{each}", "code": "NOBODY-KNOWS", "at": "{at}"}}' for each in range(5)
    ]
    return f"[{','.join(rows)}]".encode()


def test_codes_that_came_lately_are_found_and_end(tmp_path: Path) -> None:
    now = NOW
    with open_house(Settings(home=tmp_path / "home", alerts=Alerts(unknown_scans=5))) as house:
        for body in (scans("A", "2026-11-22T10:00:00Z"), scans("B", "2026-11-20T10:00:00Z")):
            end = house.reception.receive(read_json_array(body, 10)).end
        assert house.memory.index.catch_up(end, 30)
        alerting = Alerting(detectors_of(house), house.alerts, 60, lambda: now, open_journal(io.StringIO()))
        alerting.look()
        assert alerting.list_failures() == []
        [alert], _ = house.alerts.list_page(Wanted(), None, 10)
        assert (alert.kind, alert.carrier, alert.words) == (AlertKind.UNKNOWN_CODES, "yto", {"code": "NOBODY-KNOWS"})
        assert alert.figures == {"scans": 5}  # those of the day before yesterday are passed over
        now += 24 * 60 * MINUTE
        alerting.look()
        assert house.alerts.get(alert.id)[0].state is State.ENDED


def test_live_counts_are_looked_at_where_somebody_keeps_them(tmp_path: Path) -> None:
    hub = make_hub(facility="SHA", inside=7, arrived_1h=9, departed_1h=1, capacity_per_hour=5.0)
    lane = LiveFlow(
        carrier="zto", origin="A", destination="B", moved_24h=99, hours=9.0, usual_hours=3.0, delayed=None
    )  # fmt: skip
    with open_house(Settings(home=tmp_path / "home")) as house:
        detectors = detectors_of(house, lambda: [hub], lambda: [lane])
        Alerting(detectors, house.alerts, 60, lambda: NOW, open_journal(io.StringIO())).look()
        assert set(house.alerts.count()) == {("hub_overload", "open"), ("lane_slow", "open")}
        assert set(detectors_of(house)) == set(AlertKind) - {AlertKind.HUB_OVERLOAD, AlertKind.LANE_SLOW}


def test_the_live_counts_of_a_server_are_looked_at_once_all_is_counted(tmp_path: Path) -> None:
    with open_house(Settings(home=tmp_path / "home")) as house:
        list_hubs, list_lanes = loads_of(house)
        assert (list_hubs(), list_lanes()) == (None, None)
        end = house.reception.receive(read_json_array(scans("A", "2026-11-22T10:00:00Z"), 10)).end
        assert house.memory.index.catch_up(end, 30)
        while house.live.turn(house.clock()):
            pass
        hubs, lanes = list_hubs(), list_lanes()
        assert (hubs, lanes) == (house.live.look(house.clock()).facilities, [])
