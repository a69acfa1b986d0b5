import json
import re
from collections.abc import Callable
from typing import Any

from waypost.web.desk import Health, Limits, Site


def test_alive(world: Any) -> None:
    assert (world.get("/healthz").status, world.get("/healthz").json) == (200, {"alive": True})


def test_ready(world: Any) -> None:
    reply = world.get("/readyz")
    assert reply.status == 200
    assert reply.json == {"ready": True}  # anyone may ask: nothing of how much goes through the network


def test_not_ready_says_why(make_world: Callable[..., Any]) -> None:
    health = Health(
        log_position=900, index_position=100, disk_free_bytes=1000, failures=["writing /srv/home/index failed"]
    )
    world = make_world(health=lambda: health, limits=Limits(most_lag=799, least_disk_bytes=1001))
    reply = world.get("/readyz")
    assert (reply.status, reply.json["code"], reply.headers["retry-after"]) == (503, "not_ready", "60")
    assert reply.json["detail"] == (
        "a machine under the service has failed; the journal says which; look-ups are more than 799 scans behind the "
        "log; fewer than 1001 bytes are free on the disk of the log"
    )
    [told] = [json.loads(line) for line in world.journal.getvalue().splitlines() if '"not ready"' in line]
    assert (told["log_position"], told["index_position"], told["disk_free_bytes"]) == (900, 100, 1000)
    assert told["failures"] == health.failures
    assert world.get("/healthz").status == 200


def test_that_old_scans_stay_is_told_and_does_no_harm(make_world: Callable[..., Any]) -> None:
    health = Health(log_position=7, index_position=7, trimming="The archive /mnt/cold is not there.")
    world = make_world(health=lambda: health, site=Site(open_metrics=True))
    assert (world.get("/readyz").status, world.get("/readyz").json) == (200, {"ready": True})
    told = [json.loads(line) for line in world.journal.getvalue().splitlines() if '"old scans stay' in line]
    assert [line["why"] for line in told] == [health.trimming] * 2
    assert {"waypost_trimming_failed 1.0", "waypost_failures 0.0"} <= set(world.get("/metrics").text.splitlines())


def test_that_alerts_are_not_looked_for_is_told_and_does_no_harm(make_world: Callable[..., Any]) -> None:
    health = Health(log_position=7, index_position=7, unwatched=["alerts: silence is not looked for: no room"])
    world = make_world(health=lambda: health, site=Site(open_metrics=True))
    assert (world.get("/readyz").status, world.get("/readyz").json) == (200, {"ready": True})
    told = [json.loads(line) for line in world.journal.getvalue().splitlines() if '"alerts are not' in line]
    assert [line["why"] for line in told] == health.unwatched * 2
    assert {"waypost_alerts_failing 1.0", "waypost_failures 0.0"} <= set(world.get("/metrics").text.splitlines())


def test_numbers_for_prometheus(world: Any) -> None:
    row = {"carrier": "waypost", "number": "N1", "code": "picked_up", "at": "2026-11-22T10:00:00Z"}
    world.post_scans([row, row | {"at": "never"}])
    world.get("/v1/parcels/WP100000001BR")
    world.get("/nowhere/at/all")
    assert world.get("/metrics").status == 401
    reply = world.get("/metrics", key=world.operator)
    assert reply.headers["content-type"].startswith("text/plain")
    lines = set(reply.text.splitlines())
    assert {
        'waypost_http_requests_total{method="POST",route="/v1/scans",status="200"} 1.0',
        'waypost_http_requests_total{method="GET",route="/v1/parcels/{number:path}",status="200"} 1.0',
        'waypost_http_requests_total{method="GET",route="other",status="404"} 1.0',
        'waypost_http_problems_total{code="no_such_path"} 1.0',
        "waypost_scans_accepted_total 1.0",
        "waypost_scans_refused_total 1.0",
        "waypost_log_position 11.0",
        "waypost_index_lag_scans 1.0",
        "waypost_trimming_failed 0.0",
    } <= lines
    assert "waypost_http_request_seconds_bucket" in reply.text
    assert "WP100000001BR" not in reply.text


def test_methods_and_paths_that_are_made_up_do_not_fill_the_memory(make_world: Callable[..., Any]) -> None:
    world = make_world(site=Site(open_metrics=True))
    for place in range(20):
        world.ask(f"BREW{place}", f"/coffee/{place}")
    series = re.findall(r"^waypost_http_requests_total\{.*", world.get("/metrics").text, re.MULTILINE)
    assert series == ['waypost_http_requests_total{method="other",route="other",status="404"} 20.0']
