"""The running state behind the pages and the API: threads, limits, keys that are believed, numbers that are counted."""

import re

import msgspec

from waypost.access.keys import Key, Role
from waypost.model.errors import BadInput
from waypost.model.instants import parse_instant
from waypost.track.parcels import MAX_TEXT
from waypost.track.views import Found, ScanView, in_public, scan_in_public
from waypost.web.bodies import Body, Purse, Receive
from waypost.web.desk import Desk
from waypost.web.door import Scope, Visit, headers_in, visit_of
from waypost.web.gate import Gate
from waypost.web.metrics import Metrics
from waypost.web.pools import Pool
from waypost.web.problems import Invalid, Wrong
from waypost.web.rates import Rates

#: In a query, a plus that was not escaped arrives as a blank.
_LOST_PLUS = re.compile(r" ([0-9]{2}:?[0-9]{2})$")


class Timeline(msgspec.Struct, frozen=True):
    """The scans of one parcel, newest first, and the number it was accepted under."""

    parcel_id: str
    carrier: str
    number: str
    scans: list[ScanView]


class Office:
    """One for each running server."""

    def __init__(self, desk: Desk) -> None:
        limits = desk.limits
        self.desk = desk
        self.limits = limits
        self.lookups = Pool("lookups", limits.lookup_threads, limits.waiting)
        self.intake = Pool("intake", limits.intake_threads, limits.waiting)
        self.history = Pool("history", limits.history_threads, limits.waiting)
        self.numbers = Rates(limits.numbers_per_min, limits.numbers_burst, limits.addresses)
        guesses = Rates(limits.guesses_per_min, limits.guesses_burst, limits.addresses)
        self.gate = Gate(desk.keys, self.lookups, guesses, desk.clock)
        self.metrics = Metrics(desk.health)
        self.purse = Purse(limits.bodies_bytes)

    def close(self) -> None:
        """Let running store calls end and make no more."""
        for pool in (self.lookups, self.intake, self.history):
            pool.close()

    def body(self, scope: Scope, receive: Receive, limit: int) -> Body:
        """The body of a request, to be read under `async with`."""
        return Body(receive, headers_in(scope), limit=limit, seconds=self.limits.body_s, purse=self.purse)

    async def get_operator(self, scope: Scope) -> Key:
        """The operator's key of a request.

        Raises:
            NotAllowed, Forbidden, TooMany: see `Gate.get_key`.
        """
        return await self.gate.get_key(visit_of(scope), headers_in(scope), Role.OPERATOR)

    async def may_see_all(self, scope: Scope) -> bool:
        """Whether the operator's view is for this request; others get what is public."""
        key = await self.gate.find_key(visit_of(scope), headers_in(scope))
        return key is not None and key.role is Role.OPERATOR

    async def find(self, visit: Visit, texts: list[str], *, everything: bool) -> list[Found]:
        """Look numbers up; what is not `everything` is public and counted against the client's address.

        Raises:
            Invalid: too many numbers, or one that is too long to be one.
            TooMany: more look-ups than the address has left.
        """
        check_numbers(texts, self.limits.numbers_at_once_with_key if everything else self.limits.numbers_at_once)
        if not everything:
            self.numbers.take(visit.address, len(texts), self.desk.clock())
        numbers = [text for text in texts if _is_plain(text)]
        answers = await self.lookups.run(self.desk.tracker.find, numbers) if numbers else []
        found = {each.asked: each if everything else found_in_public(each) for each in answers}
        return [found.get(text) or Found(asked=text, parcels=[], carriers=[]) for text in texts]

    async def timelines(self, found: Found, *, everything: bool, carrier: str | None = None) -> list[Timeline]:
        """The timelines of the parcels that were found."""

        def read() -> list[Timeline]:
            timelines = []
            for parcel in found.parcels:
                if carrier is None or carrier in {waybill.carrier for waybill in parcel.numbers}:
                    scans = self.desk.tracker.timeline(parcel.carrier, parcel.number)
                    shown = scans if everything else [scan_in_public(scan) for scan in scans]
                    timelines.append(Timeline(parcel.id, parcel.carrier, parcel.number, shown))
            return timelines

        return await self.lookups.run(read)


def _is_plain(text: str) -> bool:
    """Whether it is printable ASCII, as every number is."""
    plain = "".join(text.split())
    return plain.isascii() and plain.isprintable()


def found_in_public(found: Found) -> Found:
    """What anyone may see of what was found."""
    return msgspec.structs.replace(found, parcels=[in_public(parcel) for parcel in found.parcels])


def check_numbers(texts: list[str], most: int) -> None:
    """Refuse what can be no list of numbers.

    Raises:
        Invalid: none, too many, or one that is empty or too long.
    """
    wrong = [
        Wrong(f"number[{place}]", f"a number has 1 to {MAX_TEXT} characters; this one has {len(text)}", text[:60])
        for place, text in enumerate(texts)
        if not 1 <= len("".join(text.split())) <= MAX_TEXT
    ]
    if not 1 <= len(texts) <= most:
        wrong.append(Wrong("number", f"ask for 1 to {most} numbers at once, not {len(texts)}"))
    if wrong:
        raise Invalid("; ".join(f"{each.where}: {each.reason}" for each in wrong[:5]), wrong)


def read_instant(text: str | None, where: str) -> int | None:
    """UTC milliseconds of an RFC 3339 parameter.

    Raises:
        Invalid: it is none.
    """
    try:
        return None if text is None else parse_instant(_LOST_PLUS.sub(r"+\1", text.strip())).at_ms
    except BadInput as error:
        raise Invalid(f"{where}: {error.message}", [Wrong(where, error.message, text and text[:60])]) from None
