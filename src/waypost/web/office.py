"""The running state behind the pages and the API: threads, limits, keys that are believed, numbers that are counted."""

import asyncio
import re
from collections.abc import Mapping

from waypost.access.keys import Key, Role
from waypost.forecast.lookout import Lookout
from waypost.model.errors import BadInput, NotAllowed
from waypost.model.instants import parse_instant
from waypost.track.following import Followed
from waypost.track.parcels import MAX_TEXT
from waypost.track.views import Found, Freshness, Timeline, found_in_public, freshness_in_public, timeline_in_public
from waypost.web.arriving import Arriving, tell_arrivals
from waypost.web.bodies import Allowance, Body, Receive
from waypost.web.desk import Desk
from waypost.web.door import Call, Scope, call_of, headers_in
from waypost.web.gate import Gate
from waypost.web.live import Board
from waypost.web.metrics import Metrics
from waypost.web.pools import Pool
from waypost.web.pressure import Pressure, is_bulk, let_pass
from waypost.web.printing import PrintRoom
from waypost.web.problems import Busy, Invalid, Lagging, NotYet, Wrong
from waypost.web.rates import Rates
from waypost.web.together import Together

#: In a query, a plus that was not escaped arrives as a blank.
_LOST_PLUS = re.compile(r" ([0-9]{2}:?[0-9]{2})$")

#: Print files that are made at one time.
_PRINTERS = 2
_PASSWORD_THREADS = 2

#: How often a waiting look-up asks the index how far it is: soon at first, then ever more seldom.
_FIRST_GLANCE_S, _LAST_GLANCE_S = 0.005, 0.1


class _Queue:
    """Those who wait for one thing, of whom there may be so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting = 0

    @property
    def are_too_many(self) -> bool:
        """Whether nobody else may wait."""
        return self._waiting >= self._most

    def __enter__(self) -> None:
        self._waiting += 1

    def __exit__(self, *_: object) -> None:
        self._waiting -= 1


class Office:
    """One for each running server."""

    def __init__(self, desk: Desk) -> None:
        limits = desk.limits
        self.desk = desk
        self.limits = limits
        self.lookups = Pool("lookups", limits.lookup_threads, limits.waiting)
        self.intake = Pool("intake", limits.intake_threads, limits.waiting)
        self.history = Pool("history", limits.history_threads, limits.waiting)
        self.booking = Pool("booking", limits.booking_threads, limits.waiting)  # they wait for carriers
        self._printing = Pool("printing", _PRINTERS, limits.waiting)
        self.printing = PrintRoom(desk.papers.print_job, self._printing, desk.ticks)
        self.pushes = Together(self.intake, desk.pushes.take, limits.waiting)
        self.scores = Pool("scores", 1, limits.waiting)  # takes long, and is asked for by few: nobody else waits for it
        self._lookouts = Pool("lookouts", 1, limits.waiting)  # anyone may wait for one, and hold up nobody else
        self.numbers = Rates("look-ups", limits.numbers_per_min, limits.numbers_burst, limits.addresses, desk.ticks)
        guesses = Rates("wrong keys", limits.guesses_per_min, limits.guesses_burst, limits.addresses, desk.ticks)
        self.gate = Gate(desk.keys, desk.sessions, self.lookups, guesses, desk.clock, desk.ticks)
        self.passwords = Pool("passwords", _PASSWORD_THREADS, limits.waiting)  # each takes much memory, on purpose
        self.elsewhere = Pool("openid", _PASSWORD_THREADS, limits.waiting)  # they wait for another provider
        self._are_people = desk.openid is not None
        self.metrics = Metrics(desk.health, desk.outlook, desk.pools, desk.telling, desk.post.standing)
        self.board = Board(desk.live, limits.live_listeners, 0.9 * limits.stream_s, desk.journal)
        self.pressure = Pressure(desk.tracker.freshness, limits.bulk_lag, desk.ticks)
        self.allowance = Allowance(limits.bodies_bytes)
        self._readers, self._senders = _Queue(limits.waiting), _Queue(limits.waiting)

    def close(self) -> None:
        """Let running store calls end and make no more."""
        for pool in (
            self.lookups,
            self.intake,
            self.history,
            self.booking,
            self._printing,
            self.scores,
            self._lookouts,
            self.passwords,
            self.elsewhere,
        ):
            pool.close()
        self.board.close()

    def body(self, scope: Scope, receive: Receive, limit: int) -> Body:
        """The body of a request, to be read under `async with`."""
        return Body(receive, headers_in(scope), limit=limit, seconds=self.limits.body_s, allowance=self.allowance)

    async def hold_bulk_back(self, headers: Mapping[str, str], receive: Receive) -> None:
        """Let a batch of scans in, before anything of its body is kept.

        Raises:
            Lagging: it is large, and the index is too far behind the log.
        """
        retry_after_s = self.pressure.find_wait()  # asked for small ones too: so it learns how fast the index is
        if retry_after_s is not None and is_bulk(headers, self.limits.bulk_bytes):
            self.metrics.bulk_refused.inc()
            await let_pass(receive, headers, most=self.limits.body_bytes, seconds=self.limits.body_s)
            raise Lagging(self.limits.bulk_lag, self.limits.bulk_bytes, retry_after_s=retry_after_s)

    async def get_operator(self, scope: Scope) -> Key:
        """The operator's key of a request.

        Raises:
            NotAllowed, Forbidden, TooMany: see `Gate.get_key`.
        """
        return await self.gate.get_key(call_of(scope), headers_in(scope), Role.OPERATOR)

    async def are_people(self) -> bool:
        """Whether anybody logs in here; until then pages ask for keys."""
        self._are_people = self._are_people or await self.lookups.run(self.desk.people.any)
        return self._are_people

    async def asks_for_keys(self) -> bool:
        """Whether sign-in pages ask for keys; in a demo they always do, since its people come in by its start page."""
        return self.desk.guide is not None or not await self.are_people()

    async def note(self, key: Key, what: str, of: str, **details: str) -> None:
        """Write into the audit trail what somebody did, before it is answered; see `Trail.write`."""
        await self.lookups.run(lambda: self.desk.trail.note(key.who, what, of, self.desk.clock(), **details))

    async def may_see_all(self, scope: Scope) -> bool:
        """Whether the operator's view is for this request; others get what is public."""
        key = await self.gate.find_key(call_of(scope), headers_in(scope))
        return key is not None and key.role is Role.OPERATOR

    async def reach(self, call: Call, position: int | None) -> None:
        """Wait until look-ups see everything below a position. No thread waits with it. None is there already.

        Raises:
            NotAllowed: the call has no key; how many scans there are is for those only who send them.
            NotYet: they do not see it within `wait_s`.
            Invalid: nor has the log so many scans by then.
            Busy: too many wait already.
        """
        if position is None:
            return
        if call.key is None:
            raise NotAllowed("min_position needs a key")
        if self.pressure.find_wait_until(position) is None:
            return
        if self._readers.are_too_many:
            raise Busy("too many look-ups wait for what was just sent")
        self.metrics.reads_waited.inc()
        if await self._shows(position, self.limits.wait_s, self._readers):
            return
        if position > (self.desk.tracker.freshness().log_position or 0):
            wrong = Wrong("query.min_position", "lies beyond the log, as no receipt does", str(position))
            raise Invalid(f"{wrong.where} {wrong.reason}", [wrong])
        retry_after_s = self.pressure.find_wait_until(position) or 1
        raise NotYet(position, self.limits.wait_s, retry_after_s=retry_after_s)

    async def shows(self, position: int, *, within_s: float) -> bool:
        """Whether look-ups show everything below a position in time, for its sender. No thread waits with it.

        Where too many senders wait already, a further one is told at once how it stands.
        """
        return await self._shows(position, 0 if self._senders.are_too_many else within_s, self._senders)

    async def _shows(self, position: int, within_s: float, queue: "_Queue") -> bool:
        until_s, glance_s = asyncio.get_running_loop().time() + within_s, _FIRST_GLANCE_S
        with queue:
            while self.pressure.find_wait_until(position) is not None:
                left_s = until_s - asyncio.get_running_loop().time()
                if left_s <= 0:
                    return False
                await asyncio.sleep(min(glance_s, left_s))
                glance_s = min(2 * glance_s, _LAST_GLANCE_S)
            return True

    def freshness(self, *, everything: bool) -> Freshness:
        """How far look-ups are behind. Ask before you look up: what is read later holds at least that much."""
        freshness = self.desk.tracker.freshness()
        return freshness if everything else freshness_in_public(freshness)

    async def find(self, call: Call, texts: list[str], *, everything: bool) -> list[Found]:
        """Look numbers up; what is not `everything` is public and costs the client's address a token a number.

        Raises:
            Invalid: too many numbers, or one that is too long to be one.
            TooMany: more look-ups than the address has left.
        """
        numbers = self._admit(call, texts, everything=everything)
        answers = await self.lookups.run(self.desk.tracker.find, numbers) if numbers else []
        found = {each.asked: each if everything else found_in_public(each) for each in answers}
        return [found.get(text) or _nothing_of(text) for text in texts]

    async def find_timelines(
        self, call: Call, texts: list[str], *, everything: bool, carrier: str | None = None
    ) -> list[tuple[Found, list[Timeline]]]:
        """The same with the timelines of the parcels; `carrier` as in `Tracker.find_timelines`.

        Raises:
            Invalid, TooMany: see `find`.
        """
        numbers = self._admit(call, texts, everything=everything)

        def read() -> dict[str, tuple[Found, list[Timeline]]]:
            answers = self.desk.tracker.find_timelines(numbers, carrier)
            return {found.asked: _shown(found, timelines, everything) for found, timelines in answers}

        found = await self.lookups.run(read) if numbers else {}
        return [found.get(text) or (_nothing_of(text), []) for text in texts]

    async def find_arriving(
        self,
        call: Call,
        texts: list[str],
        *,
        everything: bool,
        carrier: str | None = None,
        or_any: bool = False,
        most: int | None = None,
    ) -> tuple[list[tuple[Found, list[Timeline]]], Arriving]:
        """The same, and when these parcels arrive, if that is known just now: nobody waits for it.

        With `or_any`, numbers of which the carrier has no parcel are looked up once more, for all carriers, at no
        further cost.

        Raises:
            Invalid, TooMany: see `find`.
        """
        numbers = self._admit(call, texts, everything=everything)

        def read() -> tuple[dict[str, tuple[Found, list[Timeline]]], Arriving]:
            answers, followed = self.desk.tracker.find_followed(numbers, carrier, most)
            missing = [answer.asked for answer, _ in answers if not answer.parcels]
            if or_any and carrier is not None and missing:
                further, also = self.desk.tracker.find_followed(missing, None, most)
                answers, followed = answers + further, followed.joined(also)
            found = {each.asked: _shown(each, timelines, everything) for each, timelines in answers}
            return found, self.tell_arrivals(followed, everything=everything)

        found, arriving = await self.lookups.run(read) if numbers else ({}, Arriving())
        return [found.get(text) or (_nothing_of(text), []) for text in texts], arriving

    def tell_arrivals(self, followed: Followed, *, everything: bool) -> Arriving:
        """When parcels that were looked up arrive, if that is known just now; takes a moment, so not in the loop.

        What went wrong with it is written down: a parcel is shown without it.
        """
        desk = self.desk
        try:
            return tell_arrivals(desk.lookouts.find(), followed, desk.facilities, desk.clock(), everything=everything)
        except Exception as error:
            desk.journal.error("arrivals are not told", exc_info=error)
            return Arriving()

    async def open_lookout(self) -> Lookout:
        """What says when parcels arrive. Who asks first waits until it is made, and keeps nobody else waiting.

        Raises:
            Conflict: nothing was learnt to say it by.
            Busy: it takes longer than an answer may.
        """
        found = await self.lookups.run(self.desk.lookouts.find)
        return await self._lookouts.run(self.desk.lookouts.open) if found is None else found

    def _admit(self, call: Call, texts: list[str], *, everything: bool) -> list[str]:
        """Check and charge; of the texts those that could be numbers."""
        check_numbers(texts, self.limits.numbers_at_once_with_key if everything else self.limits.numbers_at_once)
        if not everything:
            self.numbers.take(call.address, len(texts))
        return [text for text in texts if _is_plain(text)]


def _shown(found: Found, timelines: list[Timeline], everything: bool) -> tuple[Found, list[Timeline]]:
    if everything:
        return found, timelines
    return found_in_public(found), [timeline_in_public(each) for each in timelines]


def _nothing_of(text: str) -> Found:
    return Found(asked=text, parcels=[], carriers=[])


def _is_plain(text: str) -> bool:
    """Whether it is printable, as every number is; those of orders may have letters of any script."""
    return "".join(text.split()).isprintable()


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
