"""The paper of what is booked: labels, packing slips, and whole jobs as one print file."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.booking.papers import PDF
from waypost.booking.printing.layout import Size
from waypost.booking.printing.printer import Format
from waypost.booking.printing.slips import Paper
from waypost.web.api.answers import JobAnswer, view_job
from waypost.web.api.merchants import Piece, merchant_of
from waypost.web.api.openapi import WITH_MERCHANTS_KEY, answers
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.door import call_of
from waypost.web.office import Office

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_CARRIER = ("conflict", "not_found", "carrier_refused", "carrier_unreachable", "carrier_puzzling")
#: So soon a print file that is not ready is asked for again.
_PRINTING_S = 2


def add_papers(app: FastAPI, office: Office) -> None:
    """What is printed of orders and of jobs."""
    _add_labels(app, office)
    _add_print_files(app, office)


def _add_labels(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk = office.desk

    @routes.add(
        "GET",
        "/v1/orders/{order}/parcels/{piece}/label",
        "The paper of a parcel",
        {"application/pdf": {}, "*/*": {}},
        "The label",
        *_CARRIER,
        "unsupported_by_carrier",
        "label_comes_later",
        description=(
            "As its carrier made it; some make it later than the waybill: ask again then. Ours, where the carrier "
            "leaves printing to its customers."
        ),
    )
    async def get_label(
        request: Request,
        order: str,
        piece: Piece,
        format: Annotated[Format, Query(description="Of our own labels: PDF, ZPL II or PNG.")] = "pdf",
        size: Annotated[
            Size | None, Query(description="Of our own labels, in mm; as the settings say if not given.")
        ] = None,
    ) -> Response:
        merchant = await merchant_of(office, request)
        label = await office.booking.run(desk.papers.print_label, merchant, order, piece - 1, format, size)
        desk.journal.info("a label was printed", request=call_of(request.scope).id, order=order, piece=piece)
        await _note(office, request, "label.printed", order, piece=str(piece))
        return Response(label.content, media_type=label.content_type, headers=_to_print(f"{order}-{piece}"))

    @routes.add(
        "GET",
        "/v1/orders/{order}/slip",
        "The packing slip of an order",
        {PDF: {}},
        "The slip",
        "not_found",
        "conflict",
    )
    async def get_slip(
        request: Request, order: str, paper: Annotated[Paper, Query(description="Its size.")] = "a4"
    ) -> Response:
        merchant = await merchant_of(office, request)
        slip = await office.booking.run(desk.papers.print_slip, merchant, order, paper)
        return Response(slip.content, media_type=slip.content_type, headers=_to_print(f"{order}-slip"))


def _add_print_files(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk = office.desk

    @routes.add(
        "GET",
        "/v1/jobs/{job}/labels",
        "The labels of a job as one print file",
        {PDF: {}},
        "The print file",
        "not_found",
        "conflict",
        description=(
            "A PDF, one label a page, in the order in which the orders were made. The header `x-left-out` says how "
            "many parcels are not in it: not booked, or their paper is not here yet. Many labels that their carriers "
            "are still asked for take longer than an answer may: then it is 202, and asked again it is there."
        ),
        otherwise={202: answers(JobAnswer, "It is being made: ask again after `Retry-After` seconds")[200]},
    )
    async def get_job_labels(
        request: Request,
        job: str,
        size: Annotated[
            Size | None, Query(description="Of our own labels, in mm; as the settings say if not given.")
        ] = None,
    ) -> Response:
        merchant = await merchant_of(office, request)
        printed = await office.printing.fetch(merchant, job, size, within_s=office.limits.request_s / 2)
        if printed is None:
            progress = view_job(await office.lookups.run(desk.bookings.jobs.get, merchant, job))
            return json_answer(progress, status=202, headers={"retry-after": str(_PRINTING_S)})
        # why they were is the carrier's word, which may name people
        left = [f"{each.order} {each.piece + 1}" for each in printed.left[:20]]
        desk.journal.info(
            "labels were printed",
            request=call_of(request.scope).id,
            job=job,
            labels=printed.labels,
            left_out=len(printed.left),
            first_left_out=left,
        )
        await _note(office, request, "job.labels_printed", job, labels=str(printed.labels))
        headers = _to_print(job) | {"x-left-out": str(len(printed.left))}
        return Response(printed.content, media_type=PDF, headers=headers)


async def _note(office: Office, request: Request, what: str, of: str, **details: str) -> None:
    key = call_of(request.scope).key
    if key is not None:  # whose it is was asked before
        await office.note(key, what, of, **details)


def _to_print(name: str) -> dict[str, str]:
    return {"cache-control": "no-store", "content-disposition": f'inline; filename="{name}"'}
