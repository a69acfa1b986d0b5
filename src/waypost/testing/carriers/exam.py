"""The entrance exam: what every adapter has to do, asked over HTTP against the strict fake of its carrier.

It knows nothing of how an adapter works: only the protocols of `track` and `booking`, and what the fake saw. So it is
the same for ours and for a user's.
"""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from waypost.model.errors import WaypostError
from waypost.model.instants import OffsetSource
from waypost.testing.carriers.candidate import (
    HOUR_MS,
    Candidate,
    Wrong,
    ask_after,
    book_one,
    draft_scans,
    fails,
    want,
    write_order,
)
from waypost.testing.carriers.exam_booking import BOOKING
from waypost.testing.carriers.exam_pickups import PICKUPS
from waypost.testing.carriers.exam_rates import RATES
from waypost.testing.carriers.faking import FakeScan, Trap
from waypost.track.carriers import (
    CarrierError,
    CarrierPuzzling,
    Forged,
    Push,
    Unsupported,
)
from waypost.track.intake import take_in
from waypost.track.wire import Rows

__all__ = ["Candidate", "Question", "examine", "write_order"]


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


def _keeps_secrets(candidate: Candidate) -> None:
    """A carrier wrote down what it was sent: neither what is raised nor what is given holds the account's secrets."""
    number = book_one(candidate).waybill.number
    asked = [ask_after(candidate, number)]
    told: list[str] = []
    acts: dict[str, Callable[[], object]] = {
        "book": lambda: candidate.issuer.book(write_order(candidate.fake)),  # type: ignore[union-attr]
        "cancel": lambda: candidate.issuer.cancel(book_one(candidate), "太晚"),  # type: ignore[union-attr]
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
        want(all(secret not in text for text in told), f"the {name} of the account is told")


def _tracks(candidate: Candidate) -> None:
    assert candidate.source is not None
    number, scans = book_one(candidate).waybill.number, draft_scans(candidate)
    candidate.fake.move(number, *reversed(scans))
    seen = candidate.source.track([ask_after(candidate, number)])
    _same(candidate, [seen.rows], number, _as_asked(candidate, scans))
    want(candidate.fake.name in seen.channel, f"the channel {seen.channel!r} does not name the carrier")


def _tracks_what_is_unknown(candidate: Candidate) -> None:
    assert candidate.source is not None
    number = book_one(candidate).waybill.number
    seen = candidate.source.track([ask_after(candidate, number)])
    want(not len(seen.rows.rows), "a parcel without scans has some")
    want(list(seen.unknown) == [number], f"of {number} nothing is known, and that is not told: {dict(seen.unknown)}")


def _tracks_many(candidate: Candidate) -> None:
    assert candidate.source is not None
    numbers = [book_one(candidate).waybill.number for _ in range(min(candidate.source.most_at_once, 5))]
    for number in numbers[1:]:
        candidate.fake.move(number, *draft_scans(candidate)[:2])
    seen = candidate.source.track([ask_after(candidate, number) for number in numbers])
    want(list(seen.unknown) == numbers[:1], f"one of {len(numbers)} has no scans: told are {sorted(seen.unknown)}")
    want(seen.rows.sent == 2 * (len(numbers) - 1), f"{seen.rows.sent} scans instead of {2 * (len(numbers) - 1)}")


def _tells_puzzling_answers(candidate: Candidate) -> None:
    assert candidate.source is not None
    number = book_one(candidate).waybill.number
    for trap in (Trap.HTML, Trap.EMPTY):
        candidate.fake.set(trap)
        fails(CarrierPuzzling, lambda: candidate.source.track([ask_after(candidate, number)]))  # type: ignore[union-attr]


def _tells_quota(candidate: Candidate) -> None:
    assert candidate.source is not None
    number = book_one(candidate).waybill.number
    candidate.fake.set(Trap.QUOTA, Trap.QUOTA, Trap.QUOTA)
    fails(CarrierError, lambda: candidate.source.track([ask_after(candidate, number)]))  # type: ignore[union-attr]
    candidate.fake.clear()


def _goes_on_after_a_bad_moment(candidate: Candidate) -> None:
    assert candidate.source is not None
    number, scans = book_one(candidate).waybill.number, draft_scans(candidate)
    candidate.fake.move(number, *scans)
    for trap in (Trap.DOWN, Trap.RESET, Trap.EXPIRED):
        if trap is Trap.EXPIRED and not candidate.fake.has_tokens:
            continue
        candidate.fake.set(trap)
        rows = candidate.source.track([ask_after(candidate, number)]).rows
        _same(candidate, [rows], number, _as_asked(candidate, scans))


def _subscribes(candidate: Candidate) -> None:
    assert candidate.source is not None
    number = book_one(candidate).waybill.number
    for _ in range(2):
        try:
            refused = candidate.source.subscribe([ask_after(candidate, number)])
        except Unsupported:
            return
        want(not refused, f"refused: {dict(refused)}")
    want(candidate.fake.parcels[number].is_subscribed, "the carrier did not hear of it")


def _reads_pushes(candidate: Candidate) -> None:
    assert candidate.reader is not None
    number, scans, pushes = _pushed(candidate)
    read = []
    for push in reversed(pushes):
        pushed = candidate.reader.read(push)
        read.append(pushed.rows)
        reply = pushed.reply
        want(candidate.fake.is_thanked(reply.status, reply.body), f"not understood: {reply.body[:80]!r}")
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
            want(not candidate.fake.is_thanked(reply.status, reply.body), "a forged push is thanked for")
        else:
            around = bytes(changed[max(place - 20, 0) : place + 20])
            same = _scans_of(candidate, [read.rows]) == told
            want(same, f"a push with byte {place} changed is taken: {around!r}")


def _refuses_unsigned_pushes(candidate: Candidate) -> None:
    assert candidate.reader is not None
    _, _, (push, *_) = _pushed(candidate)
    # what is only unreadable is kept: anybody could have it kept, if that came before the signature
    kind = Forged if candidate.fake.signs_pushes else WaypostError
    for body in (b"", b"{}", b"[]", b"\x00", b"a=1&a=1", push.body[: len(push.body) // 2]):
        error = fails(kind, lambda: candidate.reader.read(msgspec.structs.replace(push, body=body)))  # type: ignore[union-attr]  # noqa: B023
        reply = candidate.reader.refuse(error)
        want(not candidate.fake.is_thanked(reply.status, reply.body), "a push without a signature is thanked for")


def _refuses_old_pushes(candidate: Candidate) -> None:
    assert candidate.reader is not None
    _, _, (push, *_) = _pushed(candidate)
    if not candidate.fake.signs_time:
        return
    late = msgspec.structs.replace(push, received_ms=push.received_ms + 24 * HOUR_MS)
    fails(Forged, lambda: candidate.reader.read(late))  # type: ignore[union-attr]


def _pushed(candidate: Candidate) -> tuple[str, tuple[FakeScan, ...], list[Push]]:
    """What happened to a waybill, and the pushes that tell it."""
    number, scans = book_one(candidate).waybill.number, draft_scans(candidate)
    received_ms = candidate.fake.clock()
    pushes = [
        Push(headers=asked.headers, query=urlencode(asked.query), body=asked.body, received_ms=received_ms)
        for asked in candidate.fake.write_pushes(number, *scans)
    ]
    return number, scans, pushes


def _as_asked(candidate: Candidate, scans: tuple[FakeScan, ...]) -> tuple[FakeScan, ...]:
    """Scans as the carrier tells them who asks: some have other codes for it than in pushes."""
    return tuple(msgspec.structs.replace(scan, code=candidate.fake.asked_code(scan.code)) for scan in scans)


def _same(candidate: Candidate, rows: Sequence[Rows], number: str, scans: tuple[FakeScan, ...]) -> None:
    """Rows say what happened: whose, what, when, and how the offset is known."""
    found = _scans_of(candidate, rows)
    told = [(number, scan.code, scan.at_ms) for scan in scans]
    read = [(scan["number"], scan["code"].split(":")[-1], int(scan["at"].timestamp() * 1000)) for scan in found]
    want(read == told, f"the carrier told {told}, read is {read}")
    want(all(scan["carrier"] == candidate.fake.name for scan in found), "scans of another carrier")
    sources = {OffsetSource(scan["offset_source"]) for scan in found}
    want(sources <= {OffsetSource.CARRIER, OffsetSource.FACILITY, OffsetSource.REPORTED}, f"offsets from {sources}")
    want(all(not scan["note"] for scan in found), "the carrier's text is in the log, with names and telephone numbers")


def _scans_of(candidate: Candidate, rows: Sequence[Rows]) -> list[dict[str, Any]]:
    """What rows say, by time."""
    found: list[dict[str, Any]] = []
    for each in rows:
        intake = take_in(each, candidate.zone_of, now_ms=candidate.fake.clock(), recorded_at_ms=None)
        want(not intake.refusals, f"refused: {intake.refusals[:2]}")
        found += intake.scans.to_pylist()
    return sorted(found, key=lambda scan: scan["at"])


#: Of whatever a candidate can be asked.
_ALL = "all"
_QUESTIONS: tuple[tuple[str, str, Callable[[Candidate], None]], ...] = (
    *BOOKING,
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
    *RATES,
    *PICKUPS,
    (_ALL, "keeps the account's secrets out of what it tells", _keeps_secrets),
)
