"""Paper of what was booked: the carrier's own, or ours, which scanners read."""

import io
from collections.abc import Callable, Iterator

import pytest
import zxingcpp
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import update
from tests.rooms.booking.desk import Desk, open_desk

from waypost.booking.issuing import Issued, Label, LabelComesLater, WaybillIssuer
from waypost.booking.orders import OrderState, PlannedParcel
from waypost.booking.pools import Pool, PoolIssuer, PoolKind, Pools
from waypost.booking.records import order_parcels
from waypost.model.errors import Conflict, NotFound
from waypost.track.carriers import CarrierUnreachable, Unsupported

BOX = PlannedParcel(weight_g=400, length_mm=250, width_mm=160, height_mm=60)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """The account is at a carrier that is not asked: its numbers come from a pool."""
    with open_desk() as desk:
        pools = Pools(desk.records)
        pool = Pool(
            name="rural",
            carrier="yto",
            branch="",
            kind=PoolKind.S10,
            prefix="RB",
            suffix="CN",
            width=8,
            first=1,
            last=500,
            next=1,
            alarm=0,
        )
        pools.add(pool, 1)
        desk.issuers["yto"] = PoolIssuer(pools, "rural", "yto", desk.clock)
        yield desk


def book(desk: Desk, *references: str) -> list[str]:
    ids = desk.enter(*[desk.draft(reference, parcels=(BOX,)) for reference in references])
    desk.bookings.begin_job(desk.merchant, ids, "yto", "job_1")
    assert desk.bookings.carry_out(ids) == ids or len(ids) > 1
    for id_ in ids:
        assert desk.book.get(desk.merchant, id_).state is OrderState.BOOKED
    return ids


def test_where_the_carrier_prints_nothing_we_do(desk: Desk) -> None:
    [id_] = book(desk, "SALE-1")
    number = desk.book.get(desk.merchant, id_).parcels[0].number
    png = desk.papers.print_label(desk.merchant, id_, 0, "png")
    read = zxingcpp.read_barcodes(Image.open(io.BytesIO(png.content)), formats=zxingcpp.BarcodeFormat.Code128)
    assert number in {each.text for each in read}
    pdf = desk.papers.print_label(desk.merchant, id_, 0)
    text = PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()
    assert "SALE-1" in text
    assert desk.fake.sample.consignee.phone not in text
    zpl = desk.papers.print_label(desk.merchant, id_, 0, "zpl")
    assert zpl.content.startswith(b"^XA")
    assert number.encode() in zpl.content


def test_a_label_of_ours_is_as_large_as_it_is_asked_for(desk: Desk) -> None:
    [id_] = book(desk, "SALE-1")

    def heights(content: bytes) -> list[int]:
        return [round(float(page.mediabox.height) / 72 * 25.4) for page in PdfReader(io.BytesIO(content)).pages]

    assert heights(desk.papers.print_label(desk.merchant, id_, 0).content) == [150]
    assert heights(desk.papers.print_label(desk.merchant, id_, 0, "pdf", "100x180").content) == [180]
    assert heights(desk.papers.print_job(desk.merchant, "job_1", "100x180").content) == [180]


def test_a_job_is_one_print_file_in_the_order_of_its_orders(desk: Desk) -> None:
    book(desk, *[f"SALE-{number:02d}" for number in range(12)])
    printed = desk.papers.print_job(desk.merchant, "job_1")
    assert (printed.labels, list(printed.left)) == (12, [])
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(printed.content)).pages]
    assert len(pages) == 12
    assert all(f"SALE-{number:02d}" in page for number, page in enumerate(pages))
    one = desk.papers.print_label(desk.merchant, desk.enter(desk.draft("SALE-00", parcels=(BOX,)))[0], 0)
    assert len(printed.content) < 12 * len(one.content)


class Printing:
    """A carrier that prints as it is told."""

    def __init__(self, issuer: WaybillIssuer, print_label: Callable[[Issued], Label]) -> None:
        self.book, self.cancel = issuer.book, issuer.cancel
        self.print_label = print_label


def test_what_cannot_be_printed_is_left_out_and_told(desk: Desk) -> None:
    first, second, third = book(desk, "SALE-1", "SALE-2", "SALE-3")
    desk.bookings.cancel(desk.merchant, second, "customer")
    silent = desk.book.get(desk.merchant, third).parcels[0].number
    prints = desk.issuers["yto"].print_label

    def fail(issued: Issued) -> Label:
        if issued.waybill.number == silent:
            raise CarrierUnreachable("is down", channel="yto")
        return prints(issued)

    desk.issuers["yto"] = Printing(desk.issuers["yto"], fail)
    printed = desk.papers.print_job(desk.merchant, "job_1")
    assert printed.labels == 1
    assert {(each.order, "cancelled" in each.why, "is down" in each.why) for each in printed.left} == {
        (second, True, False),
        (third, False, True),
    }
    desk.bookings.cancel(desk.merchant, first, "customer")
    with pytest.raises(Conflict, match="nothing of the job can be printed"):
        desk.papers.print_job(desk.merchant, "job_1")


def test_a_carriers_own_paper_goes_before_ours() -> None:
    with open_desk() as desk:
        [id_] = book(desk, "SALE-1")
        label = desk.papers.print_label(desk.merchant, id_, 0)
        assert label.content.startswith(b"%PDF-")
        asked = len(desk.fake.calls)
        assert desk.papers.print_label(desk.merchant, id_, 0) == label
        assert len(desk.fake.calls) == asked
        with pytest.raises(Unsupported, match="as PDF"):
            desk.papers.print_label(desk.merchant, id_, 0, "zpl")


def test_a_paper_that_its_carrier_sends_later_is_not_made_here() -> None:
    with open_desk("zto") as desk:
        [id_] = desk.enter(desk.draft())
        desk.confirm(id_)
        with pytest.raises(LabelComesLater):
            desk.papers.print_label(desk.merchant, id_, 0)


def test_a_carrier_that_is_silent_is_asked_a_few_times_for_a_job(desk: Desk) -> None:
    book(desk, *[f"SALE-{each}" for each in range(40)])
    asked = []

    def fail(issued: Issued) -> Label:
        asked.append(issued.waybill.number)
        raise CarrierUnreachable("is down", channel="yto")

    desk.issuers["yto"] = Printing(desk.issuers["yto"], fail)
    with pytest.raises(Conflict, match="is down"):
        desk.papers.print_job(desk.merchant, "job_1")
    assert 1 <= len(asked) <= 8  # those that were asked for at the same time


def test_each_paper_is_asked_for_once_over_pages_of_a_job(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.booking.papers._PAGE", 3)
    book(desk, *[f"SALE-{each}" for each in range(7)])
    paper = desk.papers.print_label(desk.merchant, desk.bookings.jobs.list_orders(desk.merchant, "job_1")[0], 0)
    asked = []

    def answer(issued: Issued) -> Label:
        asked.append(issued.waybill.number)
        return paper

    desk.issuers["yto"] = Printing(desk.issuers["yto"], answer)
    first = desk.papers.print_job(desk.merchant, "job_1")
    assert (first.labels, len(asked), len(set(asked))) == (7, 7, 7)
    assert desk.papers.print_job(desk.merchant, "job_1").labels == 7
    assert len(asked) == 7


def test_a_paper_that_does_not_open_any_more_is_left_out(desk: Desk) -> None:
    first, _ = book(desk, "SALE-1", "SALE-2")
    desk.book.keep_labels({desk.book.get(desk.merchant, first).parcels[0].reference: Label(content=b"%PDF-1.7")})
    with desk.records.begin() as connection:
        connection.execute(update(order_parcels).where(order_parcels.c.order_id == first).values(label=b"\1damaged"))
    printed = desk.papers.print_job(desk.merchant, "job_1")
    assert (printed.labels, [each.order for each in printed.left]) == (1, [first])


def test_a_file_that_is_full_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.booking.papers.MOST_PRINTED", 1)
    book(desk, "SALE-1", "SALE-2")
    printed = desk.papers.print_job(desk.merchant, "job_1")
    assert [each.why for each in printed.left] == ["a print file holds 1 labels"]


def test_a_damaged_paper_is_left_out(desk: Desk) -> None:
    book(desk, "SALE-1")
    desk.issuers["yto"] = Printing(desk.issuers["yto"], lambda issued: Label(content=b"%PDF-1.7 and no more"))
    with pytest.raises(Conflict, match="damaged PDF"):
        desk.papers.print_job(desk.merchant, "job_1")


def test_a_slip_says_what_should_be_there(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    slip = desk.papers.print_slip(desk.merchant, id_, "a6")
    assert "Book" in PdfReader(io.BytesIO(slip.content)).pages[0].extract_text()


def test_nobody_prints_what_is_anothers_or_not_there(desk: Desk) -> None:
    [id_] = desk.enter(desk.draft())
    with pytest.raises(Conflict, match="not booked"):
        desk.papers.print_label(desk.merchant, id_, 0)
    with pytest.raises(NotFound):
        desk.papers.print_label(desk.merchant, id_, 1)
    for act in (desk.papers.print_slip, desk.papers.print_job):
        with pytest.raises(NotFound):
            act(desk.other, id_)
