"""The exam's questions of booking: one reference is one waybill on the worst of days, and money is not mistaken."""

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlencode

import msgspec

from waypost.booking.issuing import Issued, Item, WaybillOrder
from waypost.model.carriage import Waybill
from waypost.model.errors import WaypostError
from waypost.testing.carriers.candidate import (
    Candidate,
    Wrong,
    book_one,
    draft_scans,
    fails,
    make_reference,
    want,
    write_order,
)
from waypost.testing.carriers.faking import Repeat, Trap
from waypost.track.carriers import CarrierError, CarrierRefused, Forged, Push, Unsupported

#: An amount that no number or weight looks like.
_ODD_MINOR = 7_913_377
#: So many waybills no exam has.
_STRANGE = 913_377
#: Moments after which nobody knows whether it was done, and whether it was.
_IN_DOUBT = {Trap.RESET: True, Trap.TIMED_OUT: True, Trap.DOWN: False, Trap.HTML: False, Trap.EMPTY: False}


def _try_book(candidate: Candidate, order: WaybillOrder) -> Issued | CarrierError:
    assert candidate.issuer is not None
    try:
        return candidate.issuer.book(order)
    except CarrierError as error:
        return error


def _modes(candidate: Candidate) -> Iterator[Repeat]:
    """What the carrier may do with a reference that it has: one after the other."""
    for mode in candidate.fake.repeats:
        candidate.fake.on_repeat = mode
        yield mode
    candidate.fake.on_repeat = candidate.fake.repeats[0]


def _one(candidate: Candidate, before: int, told: Sequence[Issued | CarrierError], when: str) -> None:
    """One waybill was made at the most; who is given one is given that; and nobody hears that there is none."""
    made = len(candidate.fake.parcels) - before
    want(made <= 1, f"one reference, {made} waybills ({when})")
    numbers = {each.waybill.number for each in told if isinstance(each, Issued)}
    want(len(numbers) <= made, f"one reference gave {sorted(numbers)} ({when})")
    if made:
        no = isinstance(told[-1], CarrierRefused) and not numbers
        want(not no, f"there is a waybill, and it is told that there is none ({when}): {told[-1]}")


def _books(candidate: Candidate) -> None:
    issued = book_one(candidate)
    want(issued.waybill.carrier == candidate.fake.name, f"the waybill is of {issued.waybill.carrier}")
    want(issued.waybill.number in candidate.fake.parcels, f"the carrier knows no {issued.waybill.number}")
    want(candidate.fake.name in issued.channel, f"the channel {issued.channel!r} does not name the carrier")


def _books_again(candidate: Candidate) -> None:
    for mode in _modes(candidate):
        order, before = write_order(candidate.fake), len(candidate.fake.parcels)
        first, second = _try_book(candidate, order), _try_book(candidate, order)
        want(isinstance(first, Issued), f"it is not booked: {first}")
        _one(candidate, before, [first, second], mode)
        want(mode is not Repeat.SAME or isinstance(second, Issued), f"the same reference gives no waybill: {second}")


def _books_through_a_cut_line(candidate: Candidate) -> None:
    """Whether or not the carrier did it before the line was cut: nobody can tell from here."""
    for mode in _modes(candidate):
        for trap, is_done in _IN_DOUBT.items():
            order, before = write_order(candidate.fake), len(candidate.fake.parcels)
            candidate.fake.set(trap)
            told = [_try_book(candidate, order) for _ in range(3)]
            candidate.fake.clear()
            _one(candidate, before, told, f"{trap}, {mode}")
            if is_done or Repeat.ANOTHER in candidate.fake.repeats:  # then nobody may try
                continue
            want(isinstance(told[-1], Issued), f"after {trap} it is booked no more: {told[-1]}")


def _books_what_another_booked(candidate: Candidate) -> None:
    """Another process asked for it, and did not see the answer."""
    for mode in _modes(candidate):
        order = write_order(candidate.fake, may_exist=True)
        made = candidate.fake.make(order.reference)
        before = len(candidate.fake.parcels)
        told = _try_book(candidate, order)
        want(len(candidate.fake.parcels) == before, f"there was one already, and another was made ({mode})")
        if isinstance(told, Issued):
            want(told.waybill.number == made.number, f"{told.waybill.number} is not {made.number}")
        else:
            want(not isinstance(told, CarrierRefused), f"there is one, and it is told that there is none: {told}")


def _books_after_a_no(candidate: Candidate) -> None:
    """What came back is certain: the carrier did nothing."""
    for trap in (Trap.FORBIDDEN, Trap.QUOTA):
        order, before = write_order(candidate.fake), len(candidate.fake.parcels)
        candidate.fake.set(trap)
        told = [_try_book(candidate, order), _try_book(candidate, order)]
        candidate.fake.clear()
        _one(candidate, before, told, trap)
        want(isinstance(told[-1], Issued), f"after {trap} it is booked no more: {told[-1]}")


def _books_nothing_that_was_taken_back(candidate: Candidate) -> None:
    assert candidate.issuer is not None
    if "cancel" not in candidate.operations:
        return
    for mode in _modes(candidate):
        order = write_order(candidate.fake)
        first = candidate.issuer.book(order)
        candidate.issuer.cancel(first, "顾客取消")
        again = _try_book(candidate, order)
        if isinstance(again, Issued):
            is_dead = candidate.fake.parcels[again.waybill.number].is_cancelled
            want(not is_dead, f"{again.waybill.number} was taken back, and is given again ({mode})")


def _minds_the_currency(candidate: Candidate) -> None:
    """An amount of another currency is refused; it is not sent as so much of the carrier's own."""
    other = "EUR" if candidate.fake.sample.currency != "EUR" else "USD"
    worth = [Item(description="书 + 笔", value_minor=_ODD_MINOR)]
    for changed in ({"cod_minor": _ODD_MINOR}, {"items": worth}):
        candidate.fake.sent.clear()
        told: object = None
        try:
            told = candidate.issuer.book(write_order(candidate.fake, currency=other, **changed))  # type: ignore[union-attr]
        except WaypostError:
            continue
        finally:
            sent = b"".join(candidate.fake.sent)
        digits = bytes(sign for sign in sent if chr(sign).isdigit())
        want("cod_minor" not in changed, f"{other} are to be collected, and it is booked: {told!r}")
        want(str(_ODD_MINOR).encode() not in digits, f"an amount in {other} is sent as if it were the carrier's money")


def _tells_bad_orders(candidate: Candidate) -> None:
    assert candidate.issuer is not None
    bad = msgspec.structs.replace(candidate.fake.sample.consignee, name="", street="")
    order = write_order(candidate.fake, consignee=bad)
    error = fails(CarrierRefused, lambda: candidate.issuer.book(order))  # type: ignore[union-attr]
    want(bool(error.channel), "the error names no channel")


def _cancels(candidate: Candidate) -> None:
    assert candidate.issuer is not None
    issued = book_one(candidate)
    candidate.issuer.cancel(issued, "顾客取消")
    want(candidate.fake.parcels[issued.waybill.number].is_cancelled, "the carrier did not hear of it")
    candidate.issuer.cancel(issued, "顾客取消")


def _cancels_nothing_strange(candidate: Candidate) -> None:
    """What the carrier does not know is not taken back; least of all under the number of another account."""
    assert candidate.issuer is not None
    strange = candidate.fake.write_number(_STRANGE)
    issued = Issued(
        waybill=Waybill(candidate.fake.name, strange),
        reference=make_reference(),
        carrier_reference=f"{strange}0",
        channel="made up",
    )
    fails(CarrierRefused, lambda: candidate.issuer.cancel(issued, "顾客取消"))  # type: ignore[union-attr]


def _cancels_no_late_one(candidate: Candidate) -> None:
    assert candidate.issuer is not None
    issued = book_one(candidate)
    candidate.fake.move(issued.waybill.number, draft_scans(candidate)[0])
    fails(CarrierRefused, lambda: candidate.issuer.cancel(issued, "太晚"))  # type: ignore[union-attr]


def _prints(candidate: Candidate) -> None:
    assert candidate.issuer is not None
    try:
        label = candidate.issuer.print_label(book_one(candidate))
    except Unsupported:
        return
    want(len(label.content) > 8, "the label is empty")
    if label.content_type == "application/pdf":
        want(label.content.startswith(b"%PDF-"), "the label is no PDF")


def _takes_labels(candidate: Candidate) -> None:
    number = book_one(candidate).waybill.number
    asked = candidate.fake.write_label(number)
    if asked is None:
        return
    if candidate.labels is None:
        raise Wrong("the carrier sends its labels by itself, and nobody reads them")
    push = Push(
        headers=asked.headers, query=urlencode(asked.query), body=asked.body, received_ms=candidate.fake.clock()
    )
    told = candidate.labels.read_label(push)
    want(told.waybill == Waybill(candidate.fake.name, number), f"the label of {number} is read as of {told.waybill}")
    want(len(told.label.content) > 8, "the label is empty")
    want(candidate.fake.is_thanked(told.reply.status, told.reply.body), f"not understood: {told.reply.body[:80]!r}")
    place = asked.body.index(number.encode())
    changed = asked.body[:place] + b"0" + asked.body[place + 1 :]
    query = {name: "another" for name in asked.query}
    for forged in (
        msgspec.structs.replace(push, body=changed),
        msgspec.structs.replace(push, body=b"{}"),
        *([msgspec.structs.replace(push, query=urlencode(query))] if query else []),
        *([msgspec.structs.replace(push, query="")] if query else []),
    ):
        error = fails(Forged, lambda: candidate.labels.read_label(forged))  # type: ignore[union-attr]  # noqa: B023
        reply = candidate.labels.refuse(error)
        want(not candidate.fake.is_thanked(reply.status, reply.body), "a forged label is thanked for")


BOOKING: tuple[tuple[str, str, Callable[[Candidate], None]], ...] = (
    ("book", "gives the waybill that the carrier gave", _books),
    ("book", "gives the same waybill for the same reference", _books_again),
    ("book", "makes no second waybill when the line is cut before the answer", _books_through_a_cut_line),
    ("book", "makes no second waybill of what another process may have booked", _books_what_another_booked),
    ("book", "books after a refusal of which it is certain that nothing was done", _books_after_a_no),
    ("book", "gives no waybill again that was taken back", _books_nothing_that_was_taken_back),
    ("book", "takes no amount for the carrier's money that is of another currency", _minds_the_currency),
    ("book", "tells a refusal, with the channel", _tells_bad_orders),
    ("cancel", "takes a waybill back, and once more", _cancels),
    ("cancel", "takes nothing back that the carrier does not know", _cancels_nothing_strange),
    ("cancel", "tells that it is too late", _cancels_no_late_one),
    ("print", "gives the paper, or says that there is none", _prints),
    ("print", "reads the paper that is pushed, and refuses a forged one", _takes_labels),
)
