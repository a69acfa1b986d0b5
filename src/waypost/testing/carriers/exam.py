"""The entrance exam: what every adapter has to do, asked over HTTP against the strict fake of its carrier.

It knows nothing of how an adapter works: only the protocols of `track` and `booking`, and what the fake saw. So it is
the same for ours and for a user's.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from waypost.booking.issuing import Issued, Item, LabelReader, WaybillIssuer, WaybillOrder
from waypost.model.carriage import Waybill
from waypost.model.errors import WaypostError
from waypost.model.instants import OffsetSource
from waypost.testing.carriers.faking import Fake, FakeScan, Repeat, Trap
from waypost.track.carriers import (
    Asked,
    CarrierError,
    CarrierPuzzling,
    CarrierRefused,
    Forged,
    Push,
    PushReader,
    TrackSource,
    Unsupported,
)
from waypost.track.intake import ZoneFinder, take_in
from waypost.track.wire import Rows

_HOUR_MS = 3_600_000
#: An amount that no number or weight looks like.
_ODD_MINOR = 7_913_377
#: So many waybills no exam has.
_STRANGE = 913_377
#: Moments after which nobody knows whether it was done, and whether it was.
_IN_DOUBT = {Trap.RESET: True, Trap.TIMED_OUT: True, Trap.DOWN: False, Trap.HTML: False, Trap.EMPTY: False}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question of the exam, and how it went: `why` is empty if it was passed, and says what was wrong if not."""

    about: str
    question: str
    why: str = ""
    is_asked: bool = True

    @property
    def is_passed(self) -> bool:
        """Whether it was asked and nothing was wrong."""
        return self.is_asked and not self.why


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What is examined: an adapter's parts, made for an account at the fake; None for what it does not do.

    Attributes:
        operations: what the adapter says that it does: `book`, `cancel`, `print`, `track`, `subscribe`, `push`.
        codes: of the carrier's, in the order in which they happen to a parcel: picked up, under way, delivered.
        zone_of: as the house finds the zones of stamps without an offset.
        secrets: of the account, by name: what nobody may be told.
        labels: reads papers that the carrier sends by itself.
    """

    fake: Fake
    operations: frozenset[str]
    issuer: WaybillIssuer | None
    source: TrackSource | None
    reader: PushReader | None
    codes: tuple[str, str, str]
    zone_of: ZoneFinder
    secrets: Mapping[str, str] = {}
    labels: LabelReader | None = None


class Wrong(Exception):
    """What an adapter did wrong."""


def examine(candidate: Candidate) -> list[Question]:
    """Ask everything; a question that fails hinders no other."""
    told = []
    for about, question, ask in _QUESTIONS:
        if about not in candidate.operations and about != _ALL:
            told.append(Question(about=about, question=question, is_asked=False))
            continue
        why = ""
        try:
            ask(candidate)
        except Wrong as wrong:
            why = str(wrong)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        told.append(Question(about=about, question=question, why=why))
    return told


_count = itertools.count(1)


def write_order(fake: Fake, **changed: Any) -> WaybillOrder:
    """An order of a parcel, each with a reference of its own."""
    sample = fake.sample
    told: dict[str, Any] = {
        "reference": f"WAYPOST{next(_count):09d}",
        "sender": sample.sender,
        "consignee": sample.consignee,
        "items": [Item(description="书 + 笔", quantity=2, weight_g=400, value_minor=2599)],
        "weight_g": 1_250,
        "length_mm": 250,
        "width_mm": 160,
        "height_mm": 60,
        "currency": sample.currency,
        "mailing_date": dt.datetime.fromtimestamp(fake.clock() / 1000, dt.UTC).date().isoformat(),
    }
    return WaybillOrder(**told | changed)


def _book(candidate: Candidate) -> Issued:
    """A waybill; where it is got in another way, one that the carrier made up."""
    if candidate.issuer is not None:
        return candidate.issuer.book(write_order(candidate.fake))
    parcel = candidate.fake.make(f"WAYPOST{next(_count):09d}")
    return Issued(waybill=Waybill(candidate.fake.name, parcel.number), reference=parcel.reference, channel="made up")


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
    _want(made <= 1, f"one reference, {made} waybills ({when})")
    numbers = {each.waybill.number for each in told if isinstance(each, Issued)}
    _want(len(numbers) <= made, f"one reference gave {sorted(numbers)} ({when})")
    if made:
        no = isinstance(told[-1], CarrierRefused) and not numbers
        _want(not no, f"there is a waybill, and it is told that there is none ({when}): {told[-1]}")


def _scans(candidate: Candidate) -> tuple[FakeScan, FakeScan, FakeScan]:
    begun_ms = candidate.fake.clock() // 1000 * 1000 - 30 * _HOUR_MS
    first, second, third = candidate.codes
    cities = itertools.cycle(candidate.fake.sample.cities)
    return (
        FakeScan(code=first, at_ms=begun_ms, city=next(cities)),
        FakeScan(code=second, at_ms=begun_ms + 7 * _HOUR_MS + 61_000, city=next(cities)),
        FakeScan(code=third, at_ms=begun_ms + 26 * _HOUR_MS, city=next(cities)),
    )


def _books(candidate: Candidate) -> None:
    issued = _book(candidate)
    _want(issued.waybill.carrier == candidate.fake.name, f"the waybill is of {issued.waybill.carrier}")
    _want(issued.waybill.number in candidate.fake.parcels, f"the carrier knows no {issued.waybill.number}")
    _want(candidate.fake.name in issued.channel, f"the channel {issued.channel!r} does not name the carrier")


def _books_again(candidate: Candidate) -> None:
    for mode in _modes(candidate):
        order, before = write_order(candidate.fake), len(candidate.fake.parcels)
        first, second = _try_book(candidate, order), _try_book(candidate, order)
        _want(isinstance(first, Issued), f"it is not booked: {first}")
        _one(candidate, before, [first, second], mode)
        _want(mode is not Repeat.SAME or isinstance(second, Issued), f"the same reference gives no waybill: {second}")


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
            _want(isinstance(told[-1], Issued), f"after {trap} it is booked no more: {told[-1]}")


def _books_what_another_booked(candidate: Candidate) -> None:
    """Another process asked for it, and did not see the answer."""
    for mode in _modes(candidate):
        order = write_order(candidate.fake, may_exist=True)
        made = candidate.fake.make(order.reference)
        before = len(candidate.fake.parcels)
        told = _try_book(candidate, order)
        _want(len(candidate.fake.parcels) == before, f"there was one already, and another was made ({mode})")
        if isinstance(told, Issued):
            _want(told.waybill.number == made.number, f"{told.waybill.number} is not {made.number}")
        else:
            _want(not isinstance(told, CarrierRefused), f"there is one, and it is told that there is none: {told}")


def _books_after_a_no(candidate: Candidate) -> None:
    """What came back is certain: the carrier did nothing."""
    for trap in (Trap.FORBIDDEN, Trap.QUOTA):
        order, before = write_order(candidate.fake), len(candidate.fake.parcels)
        candidate.fake.set(trap)
        told = [_try_book(candidate, order), _try_book(candidate, order)]
        candidate.fake.clear()
        _one(candidate, before, told, trap)
        _want(isinstance(told[-1], Issued), f"after {trap} it is booked no more: {told[-1]}")


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
            _want(not is_dead, f"{again.waybill.number} was taken back, and is given again ({mode})")


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
        _want("cod_minor" not in changed, f"{other} are to be collected, and it is booked: {told!r}")
        _want(str(_ODD_MINOR).encode() not in digits, f"an amount in {other} is sent as if it were the carrier's money")


def _keeps_secrets(candidate: Candidate) -> None:
    """A carrier wrote down what it was sent: neither what is raised nor what is given holds the account's secrets."""
    number = _book(candidate).waybill.number
    asked = [_ask(candidate, number)]
    told: list[str] = []
    acts: dict[str, Callable[[], object]] = {
        "book": lambda: candidate.issuer.book(write_order(candidate.fake)),  # type: ignore[union-attr]
        "cancel": lambda: candidate.issuer.cancel(_book(candidate), "太晚"),  # type: ignore[union-attr]
        "track": lambda: candidate.source.track(asked),  # type: ignore[union-attr]
        "subscribe": lambda: candidate.source.subscribe(asked),  # type: ignore[union-attr]
    }
    for operation, act in acts.items():
        if operation not in candidate.operations:
            continue
        candidate.fake.set(*[Trap.ECHO] * 3)
        try:
            told.append(repr(act()))
        except WaypostError as error:
            told += [str(error), repr(error)]
        candidate.fake.clear()
    for name, secret in candidate.secrets.items():
        _want(all(secret not in text for text in told), f"the {name} of the account is told")


def _tells_bad_orders(candidate: Candidate) -> None:
    assert candidate.issuer is not None
    bad = msgspec.structs.replace(candidate.fake.sample.consignee, name="", street="")
    order = write_order(candidate.fake, consignee=bad)
    error = _fails(CarrierRefused, lambda: candidate.issuer.book(order))  # type: ignore[union-attr]
    _want(bool(error.channel), "the error names no channel")


def _cancels(candidate: Candidate) -> None:
    assert candidate.issuer is not None
    issued = _book(candidate)
    candidate.issuer.cancel(issued, "顾客取消")
    _want(candidate.fake.parcels[issued.waybill.number].is_cancelled, "the carrier did not hear of it")
    candidate.issuer.cancel(issued, "顾客取消")


def _cancels_nothing_strange(candidate: Candidate) -> None:
    """What the carrier does not know is not taken back; least of all under the number of another account."""
    assert candidate.issuer is not None
    strange = candidate.fake.write_number(_STRANGE)
    issued = Issued(
        waybill=Waybill(candidate.fake.name, strange),
        reference=f"WAYPOST{next(_count):09d}",
        carrier_reference=f"{strange}0",
        channel="made up",
    )
    _fails(CarrierRefused, lambda: candidate.issuer.cancel(issued, "顾客取消"))  # type: ignore[union-attr]


def _cancels_no_late_one(candidate: Candidate) -> None:
    assert candidate.issuer is not None
    issued = _book(candidate)
    candidate.fake.move(issued.waybill.number, _scans(candidate)[0])
    _fails(CarrierRefused, lambda: candidate.issuer.cancel(issued, "太晚"))  # type: ignore[union-attr]


def _prints(candidate: Candidate) -> None:
    assert candidate.issuer is not None
    try:
        label = candidate.issuer.print_label(_book(candidate))
    except Unsupported:
        return
    _want(len(label.content) > 8, "the label is empty")
    if label.content_type == "application/pdf":
        _want(label.content.startswith(b"%PDF-"), "the label is no PDF")


def _takes_labels(candidate: Candidate) -> None:
    number = _book(candidate).waybill.number
    asked = candidate.fake.write_label(number)
    if asked is None:
        return
    if candidate.labels is None:
        raise Wrong("the carrier sends its labels by itself, and nobody reads them")
    push = Push(
        headers=asked.headers, query=urlencode(asked.query), body=asked.body, received_ms=candidate.fake.clock()
    )
    told = candidate.labels.read_label(push)
    _want(told.waybill == Waybill(candidate.fake.name, number), f"the label of {number} is read as of {told.waybill}")
    _want(len(told.label.content) > 8, "the label is empty")
    _want(candidate.fake.is_thanked(told.reply.status, told.reply.body), f"not understood: {told.reply.body[:80]!r}")
    place = asked.body.index(number.encode())
    changed = asked.body[:place] + b"0" + asked.body[place + 1 :]
    query = {name: "another" for name in asked.query}
    for forged in (
        msgspec.structs.replace(push, body=changed),
        msgspec.structs.replace(push, body=b"{}"),
        *([msgspec.structs.replace(push, query=urlencode(query))] if query else []),
        *([msgspec.structs.replace(push, query="")] if query else []),
    ):
        error = _fails(Forged, lambda: candidate.labels.read_label(forged))  # type: ignore[union-attr]  # noqa: B023
        reply = candidate.labels.refuse(error)
        _want(not candidate.fake.is_thanked(reply.status, reply.body), "a forged label is thanked for")


def _tracks(candidate: Candidate) -> None:
    assert candidate.source is not None
    number, scans = _book(candidate).waybill.number, _scans(candidate)
    candidate.fake.move(number, *reversed(scans))
    seen = candidate.source.track([_ask(candidate, number)])
    _same(candidate, [seen.rows], number, _as_asked(candidate, scans))
    _want(candidate.fake.name in seen.channel, f"the channel {seen.channel!r} does not name the carrier")


def _tracks_what_is_unknown(candidate: Candidate) -> None:
    assert candidate.source is not None
    number = _book(candidate).waybill.number
    seen = candidate.source.track([_ask(candidate, number)])
    _want(not len(seen.rows.rows), "a parcel without scans has some")
    _want(list(seen.unknown) == [number], f"of {number} nothing is known, and that is not told: {dict(seen.unknown)}")


def _tracks_many(candidate: Candidate) -> None:
    assert candidate.source is not None
    numbers = [_book(candidate).waybill.number for _ in range(min(candidate.source.most_at_once, 5))]
    for number in numbers[1:]:
        candidate.fake.move(number, *_scans(candidate)[:2])
    seen = candidate.source.track([_ask(candidate, number) for number in numbers])
    _want(list(seen.unknown) == numbers[:1], f"one of {len(numbers)} has no scans: told are {sorted(seen.unknown)}")
    _want(seen.rows.sent == 2 * (len(numbers) - 1), f"{seen.rows.sent} scans instead of {2 * (len(numbers) - 1)}")


def _tells_puzzling_answers(candidate: Candidate) -> None:
    assert candidate.source is not None
    number = _book(candidate).waybill.number
    for trap in (Trap.HTML, Trap.EMPTY):
        candidate.fake.set(trap)
        _fails(CarrierPuzzling, lambda: candidate.source.track([_ask(candidate, number)]))  # type: ignore[union-attr]


def _tells_quota(candidate: Candidate) -> None:
    assert candidate.source is not None
    number = _book(candidate).waybill.number
    candidate.fake.set(Trap.QUOTA, Trap.QUOTA, Trap.QUOTA)
    _fails(CarrierError, lambda: candidate.source.track([_ask(candidate, number)]))  # type: ignore[union-attr]
    candidate.fake.clear()


def _goes_on_after_a_bad_moment(candidate: Candidate) -> None:
    assert candidate.source is not None
    number, scans = _book(candidate).waybill.number, _scans(candidate)
    candidate.fake.move(number, *scans)
    for trap in (Trap.DOWN, Trap.RESET, Trap.EXPIRED):
        if trap is Trap.EXPIRED and not candidate.fake.has_tokens:
            continue
        candidate.fake.set(trap)
        rows = candidate.source.track([_ask(candidate, number)]).rows
        _same(candidate, [rows], number, _as_asked(candidate, scans))


def _subscribes(candidate: Candidate) -> None:
    assert candidate.source is not None
    number = _book(candidate).waybill.number
    for _ in range(2):
        try:
            refused = candidate.source.subscribe([_ask(candidate, number)])
        except Unsupported:
            return
        _want(not refused, f"refused: {dict(refused)}")
    _want(candidate.fake.parcels[number].is_subscribed, "the carrier did not hear of it")


def _reads_pushes(candidate: Candidate) -> None:
    assert candidate.reader is not None
    number, scans, pushes = _pushed(candidate)
    read = []
    for push in reversed(pushes):
        pushed = candidate.reader.read(push)
        read.append(pushed.rows)
        reply = pushed.reply
        _want(candidate.fake.is_thanked(reply.status, reply.body), f"not understood: {reply.body[:80]!r}")
    _same(candidate, read, number, scans)


def _refuses_tampered_pushes(candidate: Candidate) -> None:
    """A changed byte is refused; or it stood where nothing is signed, and changes nothing that is read."""
    assert candidate.reader is not None
    if not candidate.fake.signs_pushes:
        return
    _, _, pushes = _pushed(candidate)
    told = _scans_of(candidate, [candidate.reader.read(pushes[0]).rows])
    for place in range(len(pushes[0].body)):
        changed = bytearray(pushes[0].body)
        changed[place] ^= 0x01
        try:
            read = candidate.reader.read(msgspec.structs.replace(pushes[0], body=bytes(changed)))
        except WaypostError as error:
            reply = candidate.reader.refuse(error)
            _want(not candidate.fake.is_thanked(reply.status, reply.body), "a forged push is thanked for")
        else:
            around = bytes(changed[max(place - 20, 0) : place + 20])
            same = _scans_of(candidate, [read.rows]) == told
            _want(same, f"a push with byte {place} changed is taken: {around!r}")


def _refuses_unsigned_pushes(candidate: Candidate) -> None:
    assert candidate.reader is not None
    _, _, (push, *_) = _pushed(candidate)
    # what is only unreadable is kept: anybody could have it kept, if that came before the signature
    kind = Forged if candidate.fake.signs_pushes else WaypostError
    for body in (b"", b"{}", b"[]", b"\x00", b"a=1&a=1", push.body[: len(push.body) // 2]):
        error = _fails(kind, lambda: candidate.reader.read(msgspec.structs.replace(push, body=body)))  # type: ignore[union-attr]  # noqa: B023
        reply = candidate.reader.refuse(error)
        _want(not candidate.fake.is_thanked(reply.status, reply.body), "a push without a signature is thanked for")


def _refuses_old_pushes(candidate: Candidate) -> None:
    assert candidate.reader is not None
    _, _, (push, *_) = _pushed(candidate)
    if not candidate.fake.signs_time:
        return
    late = msgspec.structs.replace(push, received_ms=push.received_ms + 24 * _HOUR_MS)
    _fails(Forged, lambda: candidate.reader.read(late))  # type: ignore[union-attr]


def _pushed(candidate: Candidate) -> tuple[str, tuple[FakeScan, ...], list[Push]]:
    """What happened to a waybill, and the pushes that tell it."""
    number, scans = _book(candidate).waybill.number, _scans(candidate)
    received_ms = candidate.fake.clock()
    pushes = [
        Push(headers=asked.headers, query=urlencode(asked.query), body=asked.body, received_ms=received_ms)
        for asked in candidate.fake.write_pushes(number, *scans)
    ]
    return number, scans, pushes


def _as_asked(candidate: Candidate, scans: tuple[FakeScan, ...]) -> tuple[FakeScan, ...]:
    """Scans as the carrier tells them who asks: some have other codes for it than in pushes."""
    return tuple(msgspec.structs.replace(scan, code=candidate.fake.asked_code(scan.code)) for scan in scans)


def _ask(candidate: Candidate, number: str) -> Asked:
    return Asked(number=number, phone_tail=candidate.fake.parcels[number].phone[-4:] or None)


def _same(candidate: Candidate, rows: Sequence[Rows], number: str, scans: tuple[FakeScan, ...]) -> None:
    """Rows say what happened: whose, what, when, and how the offset is known."""
    found = _scans_of(candidate, rows)
    told = [(number, scan.code, scan.at_ms) for scan in scans]
    read = [(scan["number"], scan["code"].split(":")[-1], int(scan["at"].timestamp() * 1000)) for scan in found]
    _want(read == told, f"the carrier told {told}, read is {read}")
    _want(all(scan["carrier"] == candidate.fake.name for scan in found), "scans of another carrier")
    sources = {OffsetSource(scan["offset_source"]) for scan in found}
    _want(sources <= {OffsetSource.CARRIER, OffsetSource.FACILITY, OffsetSource.REPORTED}, f"offsets from {sources}")
    _want(all(not scan["note"] for scan in found), "the carrier's text is in the log, with names and telephone numbers")


def _scans_of(candidate: Candidate, rows: Sequence[Rows]) -> list[dict[str, Any]]:
    """What rows say, by time."""
    found: list[dict[str, Any]] = []
    for each in rows:
        intake = take_in(each, candidate.zone_of, now_ms=candidate.fake.clock(), recorded_at_ms=None)
        _want(not intake.refusals, f"refused: {intake.refusals[:2]}")
        found += intake.scans.to_pylist()
    return sorted(found, key=lambda scan: scan["at"])


def _want(holds: bool, why: str) -> None:
    if not holds:
        raise Wrong(why)


def _fails(kind: type[Any], act: Callable[[], object]) -> Any:
    try:
        given = act()
    except kind as error:
        return error
    raise Wrong(f"{kind.__name__} was due, and it gave {given!r:.80}")


#: Of whatever a candidate can be asked.
_ALL = "all"
_QUESTIONS: tuple[tuple[str, str, Callable[[Candidate], None]], ...] = (
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
    ("track", "gives all scans with their instants", _tracks),
    ("track", "tells of which numbers nothing is known", _tracks_what_is_unknown),
    ("track", "asks for several at once", _tracks_many),
    ("track", "takes no page for an answer", _tells_puzzling_answers),
    ("track", "tells that it asked too often", _tells_quota),
    ("track", "goes on after a bad moment", _goes_on_after_a_bad_moment),
    ("subscribe", "has scans pushed, and once more", _subscribes),
    ("push", "reads what is pushed, and answers in the carrier's words", _reads_pushes),
    ("push", "refuses a push with one byte changed", _refuses_tampered_pushes),
    ("push", "refuses what is not signed at all", _refuses_unsigned_pushes),
    ("push", "refuses a push that was signed yesterday", _refuses_old_pushes),
    (_ALL, "keeps the account's secrets out of what it tells", _keeps_secrets),
)
