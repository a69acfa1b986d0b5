"""Bookings: orders that were confirmed become waybills, each parcel once, whatever crashes.

Before a carrier is asked, it is written down that it is; what it answered is written down before anybody is told. So a
crash leaves at most parcels of which nobody knows whether the carrier gave a number: it is asked again under the same
reference, and told that there may be one (`WaybillOrder.may_exist`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from waypost.booking.choosing import Chooser
from waypost.booking.collecting import note_due
from waypost.booking.issuing import Address, Issued, Label, WaybillIssuer, WaybillOrder
from waypost.booking.jobs import Jobs, Progress
from waypost.booking.labels import Labels
from waypost.booking.order_book import Entry, OrderBook, Receipt
from waypost.booking.orders import (
    TO_BE_CHOSEN,
    KeptOrder,
    Order,
    OrderParcel,
    OrderState,
    ParcelState,
    advise,
    items_of,
    plan_parcels,
)
from waypost.booking.people import refuse_erased
from waypost.booking.sheets import Headings, Table, read_orders
from waypost.booking.sorting.codes import Choice, SortCodes
from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.errors import BadInput, Conflict, StoreError, WaypostError
from waypost.model.places import Place
from waypost.store.protocols import Records
from waypost.track.carriers import Asked, CarrierPuzzling, CarrierUnreachable, InDoubt
from waypost.track.feed import FileRefusal
from waypost.track.outlook import Outlook
from waypost.track.records import keep_parcels
from waypost.track.wire import Refusal

#: So long whoever books an order has it for itself.
LEASE_MS = 10 * 60_000
#: After so much of that no other parcel of it is begun: one may take as long as the patience of its account.
_BEGUN_MS = LEASE_MS // 2

#: A carrier that cannot be reached is asked again after so long, and then after ever longer.
_FIRST_MS, _LAST_MS = 15_000, 30 * 60_000
#: After so many tries in vain, some 20 hours, a person has to look.
_MOST_TRIES = 45


#: As `map`, of orders.
AskAll = Callable[[Callable[[KeptOrder], "_Asked"], Sequence[KeptOrder]], Iterable["_Asked"]]

#: As `map`, of parcels and their orders.
FetchAll = Callable[
    [Callable[[tuple[KeptOrder, OrderParcel]], Label | WaypostError], Sequence[tuple[KeptOrder, OrderParcel]]],
    Iterable[Label | WaypostError],
]


class EnteredSheet(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a sheet of orders; rows are lines of it.

    Attributes:
        rows: how many it has, without the line of headings.
        ignored: headings that mean nothing here.
    """

    entries: Sequence[Entry]
    refusals: Sequence[FileRefusal]
    advice: Sequence[Refusal]
    rows: int
    ignored: Sequence[str]


class Bookings:
    """Books and takes back through contracts with carriers.

    Args:
        issuers: by account.
        outlook: sees that the scans of what was booked come, be it by pushes or by asking.
        labels: those that carriers sent by themselves.
        sort_codes: gives codes to what its carrier gave none; without it nobody does.
        chooser: finds the service of orders that leave it open; without it they are refused.
    """

    def __init__(
        self,
        book: OrderBook,
        records: Records,
        issuers: Mapping[str, WaybillIssuer],
        outlook: Outlook,
        labels: Labels,
        clock: Callable[[], int],
        sort_codes: SortCodes | None = None,
        chooser: Chooser | None = None,
    ) -> None:
        self.book = book
        self.jobs = Jobs(records, book)
        self._records = records
        self._issuers = issuers
        self._outlook = outlook
        self._labels = labels
        self._clock = clock
        self._sort_codes = sort_codes
        self._chooser = chooser

    def list_accounts(self) -> Sequence[str]:
        """The accounts that orders can be shipped by."""
        return sorted(self._issuers)

    @property
    def usual_account(self) -> str:
        """The account for orders that name none: the only one, or ""."""
        accounts = self.list_accounts()
        return accounts[0] if len(accounts) == 1 else ""

    def choose_account(self, named: str) -> str:
        """The account for an order that names one, or none.

        Raises:
            BadInput: it is none through which anything can be booked, or there are several to choose from.
        """
        accounts = self.list_accounts()
        if named in accounts or (not named and len(accounts) == 1):
            return named or accounts[0]
        wrong = f"{named[:64]!r} is no account that books" if named else "is missing, and there are several"
        raise BadInput(wrong, where="account", mend=f"There are: {', '.join(accounts) or 'none'}.")

    def enter(self, merchant: str, handed_in: Sequence[tuple[int, Order]], *, dry_run: bool = False) -> Receipt:
        """Keep orders as drafts; see `OrderBook.enter`. One that names an account that books nothing is refused."""
        good, refusals = [], []
        for row, order in handed_in:
            if (reason := self._refuse_account(order)) is None:
                good.append((row, order))
            else:
                refusals.append(Refusal(row, "account", reason, order.account))
        receipt = self.book.enter(merchant, good, self._clock(), dry_run=dry_run)
        orders = dict(good)
        advice = [each for entry in receipt.entries for each in advise(entry.row, orders[entry.row])]
        refusals = sorted(receipt.refusals + refusals, key=lambda refusal: refusal.row)
        return Receipt(receipt.entries, refusals, advice)

    def enter_sheet(
        self, merchant: str, name: str, tables: Iterable[Table], headings: Headings, *, dry_run: bool = False
    ) -> EnteredSheet:
        """Keep the orders of a sheet as drafts, or say what would become of them. None that is wrong hinders another.

        Raises:
            BadInput: it cannot be read, or lacks a column.
        """
        sheet = read_orders(name, tables, headings)
        receipt = self.enter(merchant, sheet.orders, dry_run=dry_run)
        late = [FileRefusal(name, each.row, each.field, each.reason, each.value) for each in receipt.refusals]
        refusals = sorted([*sheet.refusals, *late], key=lambda each: each.line)
        return EnteredSheet(
            entries=receipt.entries, refusals=refusals, advice=receipt.advice, rows=sheet.rows, ignored=sheet.ignored
        )

    def change(self, merchant: str, id_: str, order: Order) -> KeptOrder:
        """Put another order in the place of one; see `OrderBook.change`.

        Raises:
            NotFound: the merchant has no such order.
            Conflict: it is confirmed, or some of it is booked.
            BadInput: it cannot be shipped as it stands, has another number, or names an account that books nothing.
        """
        if (reason := self._refuse_account(order)) is not None:
            raise BadInput(reason, where="account")
        return self.book.change(merchant, id_, order, self._clock())

    def confirm(self, merchant: str, id_: str, *, is_not_there: bool = False) -> KeptOrder:
        """Book one order now; see `OrderBook.confirm` and `carry_out`.

        Raises:
            BadInput: it names no account, leaves none to be chosen, and there are several.
        """
        kept = self.book.get(merchant, id_)
        account = kept.account if kept.account == TO_BE_CHOSEN else self.choose_account(kept.account)
        self.book.confirm(merchant, id_, account, self._clock(), is_not_there=is_not_there)
        self.carry_out([id_])
        return self.book.get(merchant, id_)

    def begin_job(self, merchant: str, ids: Sequence[str] | None, account: str, id_: str, asked: str = "") -> Progress:
        """Confirm many orders, or all drafts; see `Jobs.begin`.

        Raises:
            BadInput: one of them names no account, and there are several; or `account` is none that books.
            KeyReused: the id is that of another job.
            NotFound: one of them is none of the merchant's.
        """
        chosen = self.choose_account(account) if account else self.usual_account
        return self.jobs.begin(merchant, ids, chosen, id_, self._clock(), asked)

    def carry_out(self, ids: Sequence[str], ask_all: AskAll = map) -> list[str]:
        """Book those of some orders that wait and that nobody else has; which these were.

        Those of merchants that take part no more are left. What is written down for one is written down for all at
        once, before their carriers are asked and after it.

        Args:
            ask_all: as `map`; another may ask several carriers at a time.

        Raises:
            Exception: whatever an adapter should not have raised, once everything else was written down.
        """
        self.book.leave(ids, self._clock())
        if self._chooser is not None:
            self._chooser.choose(ids)
        now_ms = self._clock()
        ask = partial(self._ask, now_ms + _BEGUN_MS)
        asked = list(ask_all(ask, self.book.claim(ids, now_ms, now_ms + LEASE_MS)))
        self._write_down(asked)
        for each in asked:
            if each.fault is not None:
                raise each.fault
        return [each.kept.id for each in asked]

    def cancel(self, merchant: str, id_: str, reason: str) -> KeptOrder:
        """Take an order back, with every waybill of it that the carrier takes back.

        Raises:
            NotFound: the merchant has no such order.
            Conflict: its booking is under way, or in doubt: nobody knows what would have to be taken back.
            CarrierError: the carrier will not; what it took back before stays taken back.
        """
        self.book.get(merchant, id_)
        with self.book.holding(id_, self._clock(), self._clock() + LEASE_MS) as is_held:
            if not is_held:
                raise Conflict("the order is being booked this moment", mend="Try again soon.")
            kept = self.book.get(merchant, id_)
            if any(parcel.state is ParcelState.ASKED for parcel in kept.parcels):
                mend = "Confirm it once more, which finds out; then cancel."
                raise Conflict("there may be a waybill of it that nobody knows the number of", mend=mend)
            for parcel in kept.parcels:
                if parcel.state is ParcelState.BOOKED:
                    self._issuer_of(kept).cancel(_issued(parcel), reason)
                    with self._records.begin() as connection:
                        self.book.note_parcel(connection, parcel.reference, ParcelState.CANCELLED)
                    self._outlook.forget(kept.account, parcel.number)
            if kept.state is not OrderState.CANCELLED:
                with self._records.begin() as connection:
                    self.book.settle(connection, id_, OrderState.CANCELLED, self._clock(), why=reason)
        return self.book.get(merchant, id_)

    def fetch_labels(
        self, wanted: Sequence[tuple[KeptOrder, OrderParcel]], silent: dict[str, str], ask_all: FetchAll
    ) -> list[Label | WaypostError]:
        """The papers of some parcels as their carriers made them, each asked for once, or why there is none.

        Why: `Conflict`: it is not booked, or who it goes to was erased. `LabelComesLater`: its carrier sends it by
        itself. `Unsupported`: the carrier leaves printing to its customers. `CarrierError`: there is none now.
        `StoreDamaged`: it does not open.

        Args:
            silent: accounts whose carrier could not be reached, and why: it is not asked a thousand times.
            ask_all: as `map`; it may ask for several at the same time.
        """
        here = self.book.find_labels([parcel for _, parcel in wanted])
        new: dict[str, Label] = {}

        def fetch(each: tuple[KeptOrder, OrderParcel]) -> Label | WaypostError:
            kept, parcel = each
            try:
                if parcel.state is not ParcelState.BOOKED:
                    raise Conflict(f"the parcel is {parcel.state.value}, not booked")
                refuse_erased(kept.erased_ms)
                waybill = Waybill(parcel.carrier, parcel.number)
                found = here.get(parcel.reference) or self._labels.find(kept.account, waybill)
                if found is None and kept.account in silent:
                    raise Conflict(silent[kept.account])
                if found is None:
                    found = new[parcel.reference] = self._issuer_of(kept).print_label(_issued(parcel))
                return found
            except CarrierUnreachable as error:
                silent[kept.account] = str(error)
                return error
            except WaypostError as error:
                return error

        found = list(ask_all(fetch, wanted))
        self.book.keep_labels(new)
        return found

    def _ask(self, until_ms: int, kept: KeptOrder) -> "_Asked":
        """Ask for each waybill that an order lacks, until one is not given or it has taken too long."""
        asked = _Asked(kept)
        try:
            issuer = self._issuer_of(kept)
            for parcel in kept.parcels:
                if parcel.state not in (ParcelState.PLANNED, ParcelState.ASKED):
                    continue
                if self._clock() >= until_ms:
                    asked.state, asked.next_ms = OrderState.QUEUED, self._clock()
                    break
                asked.ask(issuer, parcel)
        except (InDoubt, CarrierPuzzling) as error:
            asked.state, asked.why = OrderState.DOUBTFUL, str(error)
        except (CarrierUnreachable, StoreError) as error:  # of a pool of numbers, the second
            asked.why = str(error)
            retry_s = error.retry_s or 0 if isinstance(error, CarrierUnreachable) else 0
            if kept.tries + 1 < _MOST_TRIES:
                asked.state = OrderState.QUEUED
                asked.next_ms = self._clock() + max(_wait_ms(kept.tries), round(retry_s * 1000))
            else:
                asked.state = OrderState.REFUSED
        except WaypostError as error:
            is_open = any(state is ParcelState.ASKED for state, _ in asked.parcels.values())
            asked.state, asked.why = OrderState.DOUBTFUL if is_open else OrderState.REFUSED, str(error)
        except Exception as error:  # of an adapter, maybe of somebody else's: nobody knows how far it came
            error.add_note(f"while order {kept.id} was booked through {kept.account}")
            asked.fault, asked.state = error, OrderState.DOUBTFUL
            asked.why = "the adapter of this carrier failed; the journal of the network says how"
        return asked

    def _write_down(self, all_: Sequence["_Asked"]) -> None:
        """See that what was booked is followed, and say how far each order is."""
        followed: dict[str, list[Asked]] = {}
        for each in all_:
            numbers = [issued.waybill.number for _, issued in each.issued]
            followed.setdefault(each.kept.account, []).extend(_to_follow(each.kept, number) for number in numbers)
        for account, booked in followed.items():
            self._outlook.follow(account, booked, self._clock())
        chosen = self._choose_codes(all_)
        now_ms = self._clock()
        with self._records.begin() as connection:
            tracked = [_tracked(each.kept, parcel, issued.waybill) for each in all_ for parcel, issued in each.issued]
            keep_parcels(connection, tracked)
            for each in all_:
                for parcel, issued in each.issued:
                    note_due(connection, each.kept, parcel, issued, now_ms)
                    code = chosen[issued.reference].code if issued.reference in chosen else issued.sort_code
                    self.book.note_booked(connection, msgspec.structs.replace(issued, sort_code=code), now_ms)
                for reference, (state, why) in each.parcels.items():
                    self.book.note_parcel(connection, reference, state, _scrub(why, each.kept.order))
                self.book.settle(
                    connection,
                    each.kept.id,
                    each.state,
                    now_ms,
                    why=_scrub(each.why, each.kept.order),
                    next_ms=each.next_ms,
                    tries=each.kept.tries + 1,
                )
            if self._sort_codes is not None:
                self._sort_codes.note(connection, chosen, now_ms)

    def _choose_codes(self, all_: Sequence["_Asked"]) -> Mapping[str, Choice]:
        if self._sort_codes is None:
            return {}
        booked = [(each.kept.order.consignee, issued) for each in all_ for _, issued in each.issued]
        return self._sort_codes.choose(booked)

    def _refuse_account(self, order: Order) -> str | None:
        if not order.account or order.account in self._issuers:
            return None
        return f"is no account that books; there are: {', '.join(self.list_accounts()) or 'none'}"

    def _issuer_of(self, kept: KeptOrder) -> WaybillIssuer:
        return self._issuers[self.choose_account(kept.account)]


#: Of an address, what names people or their door; the longest first, for one may hold another.
_PERSONAL = ("email", "street", "company", "name", "phone")


class _Asked:
    """What became of an order while its carrier was asked.

    Attributes:
        issued: the parcels that have a waybill now.
        parcels: of the others, by reference, how far they are and why.
        fault: what an adapter should not have raised.
    """

    def __init__(self, kept: KeptOrder) -> None:
        self.kept = kept
        self.issued: list[tuple[OrderParcel, Issued]] = []
        lacking = [parcel for parcel in kept.parcels if parcel.state in (ParcelState.PLANNED, ParcelState.ASKED)]
        self.parcels = {parcel.reference: (parcel.state, parcel.why) for parcel in lacking}
        self.state = OrderState.BOOKED
        self.why = ""
        self.next_ms: int | None = None
        self.fault: Exception | None = None

    def ask(self, issuer: WaybillIssuer, parcel: OrderParcel) -> None:
        """Ask for one waybill."""
        before = parcel.state
        self.parcels[parcel.reference] = (ParcelState.ASKED, "")  # if this ends in a way that nobody foresaw
        order = draft_waybill(self.kept, parcel, may_exist=before is ParcelState.ASKED)
        try:
            issued = issuer.book(order)
        except WaypostError as error:
            is_open = before is ParcelState.ASKED or isinstance(error, InDoubt | CarrierPuzzling)
            state = ParcelState.ASKED if is_open else ParcelState.PLANNED
            self.parcels[parcel.reference] = (state, error.message)
            raise
        del self.parcels[parcel.reference]
        self.issued.append((parcel, issued))


def draft_return(kept: KeptOrder, reference: str, account: str = "") -> Order:
    """The way back of an order: its parcels go from the consignee to the sender, and nothing is collected.

    Raises:
        Conflict: it was never booked, so that nothing can come back, or nobody knows any more where to.
    """
    if kept.state is not OrderState.BOOKED:
        raise Conflict(f"the order is {kept.state.value}: only what was booked can come back")
    refuse_erased(kept.erased_ms)
    order = kept.order
    return msgspec.structs.replace(
        order,
        reference=reference,
        sender=order.consignee,
        consignee=order.sender,
        account=account or kept.account,
        cod_minor=0,
        mailing_date="",
        return_of=order.reference,
        choose="",
    )


def draft_waybill(kept: KeptOrder, parcel: OrderParcel, *, may_exist: bool) -> WaybillOrder:
    """What a carrier is asked for one parcel of an order."""
    order, planned = kept.order, plan_parcels(kept.order)[parcel.piece]
    return WaybillOrder(
        reference=parcel.reference,
        sender=order.sender,
        consignee=order.consignee,
        items=items_of(order, parcel.piece) or order.items,
        weight_g=planned.weight_g,
        service=kept.service or order.service,
        length_mm=planned.length_mm,
        width_mm=planned.width_mm,
        height_mm=planned.height_mm,
        cod_minor=order.cod_minor if parcel.piece == 0 else 0,
        currency=order.currency,
        remark=order.remark,
        mailing_date=order.mailing_date,
        may_exist=may_exist,
    )


def _tracked(kept: KeptOrder, parcel: OrderParcel, waybill: Waybill) -> Parcel:
    """What `track` is told of a parcel: places at city level, and nobody's name."""
    order = kept.order
    return Parcel(
        id=parcel_id(waybill),
        waybill=waybill,
        order_number=order.reference,
        origin=_place(order.sender),
        destination=_place(order.consignee),
        weight_g=parcel.weight_g,
    )


def _scrub(why: str, order: Order) -> str:
    """What a carrier said, without what it repeated of people: it is kept as it stands here."""
    for address in (order.sender, order.consignee):
        for name in _PERSONAL:
            if len(text := getattr(address, name).strip()) > 1:
                why = why.replace(text, "…")
    return why


def _to_follow(kept: KeptOrder, number: str) -> Asked:
    phone = "".join(each for each in kept.order.consignee.phone if each.isdigit())
    return Asked(number=number, phone_tail=phone[-4:] if len(phone) >= 4 else None)


def _place(address: Address) -> Place:
    return Place(city=address.city, region=address.province or None, country=address.country)


def _issued(parcel: OrderParcel) -> Issued:
    return Issued(
        waybill=Waybill(parcel.carrier, parcel.number),
        reference=parcel.reference,
        channel=parcel.channel,
        carrier_reference=parcel.carrier_reference,
        sort_code=parcel.sort_code,
    )


def _wait_ms(tries: int) -> int:
    return int(min(_FIRST_MS * 2 ** min(tries, 16), _LAST_MS))
