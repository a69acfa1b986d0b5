"""How the service is: alive, ready, and its numbers."""

import msgspec
from fastapi import FastAPI, Request, Response

from waypost.web.api.answers import Alive, Ready
from waypost.web.api.openapi import OPEN, WITH_KEY
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.desk import Health, Limits
from waypost.web.door import call_of
from waypost.web.metrics import MEDIA_TYPE
from waypost.web.office import Office
from waypost.web.problems import NotReady

READY = "/readyz"


def add_service(app: FastAPI, office: Office) -> None:
    """Health, readiness, metrics."""
    routes = Routes(app, "service", OPEN)
    with_key = Routes(app, "service", OPEN if office.desk.site.open_metrics else WITH_KEY)

    @routes.add("GET", "/healthz", "Whether the process answers", Alive, "It does")
    async def get_health() -> Response:
        return json_answer(Alive(True))

    @routes.add("GET", READY, "Whether the service should get traffic", Ready, "It should", "not_ready")
    async def get_readiness(request: Request) -> Response:
        health = await office.lookups.run(office.desk.health)
        reasons, call = list_reasons(health, office.limits), call_of(request.scope)
        if health.trimming:  # no reason: it answers all the same
            office.desk.journal.warning("old scans stay in the log", request=call.id, route=READY, why=health.trimming)
        for why in health.unwatched:
            office.desk.journal.warning("alerts are not looked for", request=call.id, route=READY, why=why)
        if reasons:
            details = msgspec.structs.asdict(health)
            office.desk.journal.warning("not ready", request=call.id, route=READY, reasons=reasons, **details)
            raise NotReady(reasons)
        return json_answer(Ready(True))

    @with_key.add(
        "GET",
        "/metrics",
        "Numbers for Prometheus",
        {"text/plain": {}},
        "In the text format of Prometheus",
        "not_allowed",
        "forbidden",
    )
    async def get_metrics(request: Request) -> Response:
        if not office.desk.site.open_metrics:
            await office.get_operator(request.scope)
        text = await office.lookups.run(office.metrics.text)
        return Response(text, headers={"content-type": MEDIA_TYPE, "cache-control": "no-store"})


def list_reasons(health: Health, limits: Limits) -> list[str]:
    """Why the service should get no traffic; empty if it should. Anyone may read it: no details."""
    reasons = ["a machine under the service has failed; the journal says which"] if health.failures else []
    if health.lag > limits.most_lag:
        reasons.append(f"look-ups are more than {limits.most_lag} scans behind the log")
    if health.disk_free_bytes is not None and health.disk_free_bytes < limits.least_disk_bytes:
        reasons.append(f"fewer than {limits.least_disk_bytes} bytes are free on the disk of the log")
    return reasons
