"""The paper of what was booked: as its carrier made it, and ours where the carrier leaves printing to its customers."""

import datetime as dt
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError

from waypost.booking.bookings import Bookings, FetchAll
from waypost.booking.issuing import Item, Label, LabelComesLater
from waypost.booking.orders import KeptOrder, OrderParcel, items_of
from waypost.booking.people import refuse_erased
from waypost.booking.printing import PackingSlip, ParcelLabel, Printer
from waypost.booking.printing.layout import Size
from waypost.booking.printing.pdf import PdfFile
from waypost.booking.printing.printer import Format
from waypost.booking.printing.slips import Paper
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput, Conflict, WaypostError
from waypost.track.carriers import Unsupported

PDF = "application/pdf"
_PAGE = 200
#: Labels that carriers are asked for at the same time.
_AT_ONCE = 8
#: A print file of a job has so many labels at most.
MOST_PRINTED = 10_000


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that is not in a print file, and why."""

    order: str
    piece: int
    why: str


class PrintFile(msgspec.Struct, frozen=True, kw_only=True):
    """Labels in the order of a job, one a page; `left` out are those that cannot be printed now."""

    content: bytes
    labels: int
    left: Sequence[Left]


class Papers:
    """Prints for merchants.

    Args:
        printer: of our own labels.
        size: of these, where nobody asks for another.
        clock: now, in UTC milliseconds.
    """

    def __init__(
        self, bookings: Bookings, printer: Callable[[], Printer], size: Size, clock: Callable[[], int]
    ) -> None:
        self._bookings = bookings
        self._printer = printer
        self._size = size
        self._clock = clock

    def print_label(
        self, merchant: str, id_: str, piece: int, format: Format = "pdf", size: Size | None = None
    ) -> Label:
        """The label of one parcel, by its place in the order from 0.

        Raises:
            NotFound: the merchant has no such order, or it has no such parcel.
            Conflict: it is not booked.
            LabelComesLater: its carrier was asked for it, and sends it by itself.
            Unsupported: the carrier makes its paper in another format.
            BadInput: ours cannot say what the order says.
            CarrierError: there is none now.
        """
        kept = self._bookings.book.get(merchant, id_)
        return self._print(kept, kept.get_parcel(piece), format, size or self._size)

    def print_slip(self, merchant: str, id_: str, paper: Paper = "a4") -> Label:
        """The packing slip of an order: what should be in its parcels.

        Raises:
            NotFound: the merchant has no such order.
            Conflict: who it goes to was erased.
            BadInput: it cannot be printed.
        """
        kept = self._bookings.book.get(merchant, id_)
        refuse_erased(kept.erased_ms)
        order, first = kept.order, kept.parcels[0]
        return self._printer().print_slip(
            PackingSlip(
                order_number=order.reference,
                sender=order.sender,
                consignee=order.consignee,
                items=order.items,
                currency=order.currency,
                waybill=Waybill(first.carrier, first.number) if first.number else None,
                reference=first.reference,
                printed_at=self._now(),
            ),
            paper,
        )

    def print_job(self, merchant: str, job: str, size: Size | None = None) -> PrintFile:
        """The labels of all that a job has booked, as one PDF, in the order in which the orders were made.

        Raises:
            NotFound: the merchant has no such job.
            Conflict: nothing of it can be printed.
        """
        book, jobs = self._bookings.book, self._bookings.jobs
        jobs.get(merchant, job)
        file = _PrintFile(self._printer, size or self._size)
        ids, silent = jobs.list_orders(merchant, job), dict[str, str]()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch labels") as pool:
            for start in range(0, len(ids), _PAGE):
                some = book.list_these(ids[start : start + _PAGE])
                self._add(file, [(kept, parcel) for kept in some for parcel in kept.parcels], silent, pool.map)
        if not file.labels:
            why = file.left[0].why if file.left else "it has no orders"
            raise Conflict(f"nothing of the job can be printed: {why}")
        return PrintFile(content=file.write(), labels=file.labels, left=file.left)

    def _add(
        self,
        file: "_PrintFile",
        wanted: Sequence[tuple[KeptOrder, OrderParcel]],
        silent: dict[str, str],
        ask_all: FetchAll,
    ) -> None:
        """Put the labels of some parcels into a file, or say why they are left out."""
        room = wanted[: max(MOST_PRINTED - file.labels, 0)]
        for (kept, parcel), found in zip(room, self._bookings.fetch_labels(room, silent, ask_all), strict=True):
            try:
                file.add(self._paper(kept, parcel, found))
            except WaypostError as error:
                file.left.append(Left(order=kept.id, piece=parcel.piece, why=str(error)))
        why = f"a print file holds {MOST_PRINTED} labels"
        file.left += [Left(order=kept.id, piece=parcel.piece, why=why) for kept, parcel in wanted[len(room) :]]

    def _print(self, kept: KeptOrder, parcel: OrderParcel, format: Format, size: Size) -> Label:
        [fetched] = self._bookings.fetch_labels([(kept, parcel)], {}, map)
        found = self._paper(kept, parcel, fetched)
        if isinstance(found, ParcelLabel):
            return self._printer().print_label(found, format, size)
        if format != "pdf" and found.content_type == PDF:
            raise Unsupported(f"{parcel.carrier} makes its paper as PDF", mend="Ask for format=pdf.")
        return found

    def _paper(self, kept: KeptOrder, parcel: OrderParcel, fetched: Label | WaypostError) -> Label | ParcelLabel:
        """The carrier's paper, or what ours says where the carrier leaves printing to its customers."""
        if isinstance(fetched, Unsupported) and not isinstance(fetched, LabelComesLater):
            return self._say(kept, parcel)
        if isinstance(fetched, WaypostError):
            raise fetched
        return fetched

    def _say(self, kept: KeptOrder, parcel: OrderParcel) -> ParcelLabel:
        order = kept.order
        return ParcelLabel(
            waybill=Waybill(parcel.carrier, parcel.number),
            sender=order.sender,
            consignee=order.consignee,
            carrier_name=parcel.carrier,
            service=kept.service or order.service,
            sort_code=parcel.sort_code,
            reference=parcel.reference,
            order_number=order.reference,
            weight_g=parcel.weight_g,
            piece=parcel.piece + 1,
            pieces=len(kept.parcels),
            cod_minor=order.cod_minor if parcel.piece == 0 else 0,
            currency=order.currency,
            items=_sum_up(items_of(order, parcel.piece)),
            remark=order.remark,
            is_return=bool(order.return_of),
            printed_at=self._now(),
        )

    def _now(self) -> str:
        moment = dt.datetime.fromtimestamp(self._clock() / 1000, dt.UTC)
        return moment.strftime("%Y-%m-%d %H:%MZ")


class _PrintFile:
    """Labels of ours and of carriers, in their order. Ours are drawn into one file, which has each font once."""

    def __init__(self, printer: Callable[[], Printer], size: Size) -> None:
        self._printer = printer
        self._size = size
        self._ours: PdfFile | None = None
        self._pages: list[PdfReader | None] = []  #: None stands for the next of ours
        self.left: list[Left] = []

    @property
    def labels(self) -> int:
        return len(self._pages)

    def add(self, found: Label | ParcelLabel) -> None:
        """Put one behind the others.

        Raises:
            BadInput: it cannot be printed.
            Unsupported: it is no PDF.
        """
        if isinstance(found, ParcelLabel):
            printer = self._printer()
            self._ours = self._ours or PdfFile(printer.fonts)
            self._ours.add(printer.lay_out(found, self._size))
            self._pages.append(None)
        else:
            self._pages.append(_read_pdf(found))

    def write(self) -> bytes:
        """The whole file."""
        drawn = io.BytesIO()
        if self._ours is not None:
            self._ours.write(drawn)
        if not any(self._pages):
            return drawn.getvalue()
        ours = iter(PdfReader(drawn).pages) if self._ours is not None else iter(())
        file = PdfWriter()
        for theirs in self._pages:
            for page in (next(ours),) if theirs is None else theirs.pages:
                file.add_page(page)
        to = io.BytesIO()
        file.write(to)
        return to.getvalue()


def _read_pdf(label: Label) -> PdfReader:
    if label.content_type != PDF:
        raise Unsupported(f"its carrier makes its paper as {label.content_type}", mend="Print it by itself.")
    try:
        read = PdfReader(io.BytesIO(label.content))
        if not read.pages:
            raise ValueError("no page")
        return read
    except (PyPdfError, ValueError, KeyError, OSError, RecursionError, AttributeError, TypeError) as error:
        raise BadInput(f"the carrier's paper is a damaged PDF ({str(error)[:80]})") from None


def _sum_up(items: Sequence[Item]) -> str:
    return ", ".join(
        f"{item.description} x{item.quantity}" if item.quantity > 1 else item.description for item in items
    )
