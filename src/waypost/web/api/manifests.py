"""Manifests: merchants close what they hand over to a carrier, and read it again."""

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request, Response

from waypost.booking.manifests import write_csv
from waypost.web.api.answers import ManifestAnswer, ManifestPage, view_manifest
from waypost.web.api.merchants import IDEMPOTENCY_KEY, made_once, merchant_of
from waypost.web.api.openapi import WITH_MERCHANTS_KEY, describe
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.door import call_of
from waypost.web.office import Office

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy")


def add_manifests(app: FastAPI, office: Office) -> None:
    """Closing one, and those that were closed."""
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk = office.desk

    @routes.add(
        "POST",
        "/v1/manifests",
        "Close a manifest",
        ManifestAnswer,
        "With its parcels",
        "conflict",
        "key_reused",
        "storage_full",
        description=(
            "Every parcel that is booked through the account and stands on no manifest yet is on this one. With an "
            "`Idempotency-Key`, repeating it gives the same manifest."
        ),
        extra={"parameters": [IDEMPOTENCY_KEY]},
    )
    async def close_manifest(
        request: Request,
        account: Annotated[str, Query(max_length=64, description="With the carrier that fetches them.")] = "",
    ) -> Response:
        merchant = await merchant_of(office, request)
        id_, asked = made_once(office, "man", merchant, request)

        def close() -> ManifestAnswer:
            chosen = desk.bookings.choose_account(account)
            manifest = desk.manifests.close(merchant, chosen, id_, desk.clock(), asked)
            return ManifestAnswer(view_manifest(manifest), desk.manifests.list_parcels(merchant, id_))

        return json_answer(await office.intake.run(close))

    @routes.add("GET", "/v1/manifests", "Manifests, newest first", ManifestPage, "A page of them")
    async def list_manifests(
        request: Request,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        merchant = await merchant_of(office, request)
        page, cursor = await office.lookups.run(desk.manifests.list_page, merchant, after, limit)
        return json_answer(ManifestPage([view_manifest(each) for each in page], cursor))

    @routes.add(
        "GET",
        "/v1/manifests/{manifest}",
        "One manifest",
        describe(ManifestAnswer) | {"text/csv": {"schema": {"type": "string"}}},
        "With its parcels",
        "not_found",
    )
    async def get_manifest(
        request: Request,
        manifest: str,
        format: Annotated[Literal["json", "csv"], Query(description="CSV is for who fetches them.")] = "json",
    ) -> Response:
        merchant = await merchant_of(office, request)
        found = await office.lookups.run(desk.manifests.get, merchant, manifest)
        parcels = await office.lookups.run(desk.manifests.list_parcels, merchant, manifest)
        if format == "csv":
            key = call_of(request.scope).key
            if key is not None:  # whose it is was asked before
                await office.note(key, "manifest.exported", manifest)
            headers = {"content-disposition": f'attachment; filename="{found.id}.csv"', "cache-control": "no-store"}
            return Response(write_csv(parcels), media_type="text/csv; charset=utf-8", headers=headers)
        return json_answer(ManifestAnswer(view_manifest(found), parcels))
