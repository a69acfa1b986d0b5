"""What can go wrong when a server is asked: the errors of `model.errors`, as the server or the way to it gave them.

A problem document (RFC 9457) becomes the error that the same mistake is without a network between: whoever catches
`NotFound` or `BadInput` catches it here too. All that a server said is a `Problem` besides.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import msgspec

from waypost.model.decoding import decoder
from waypost.model.errors import (
    BadInput,
    Conflict,
    NotAllowed,
    NotFound,
    StoreError,
    TooLarge,
    TooMany,
    WaypostError,
)

#: The most of a text that came from outside and stands in an error.
_MOST_TEXT = 2_000


class Wrong(msgspec.Struct, frozen=True):
    """One thing that is wrong in a request: `where` (`query.limit`, `$[3].place.zone`) and why."""

    where: str
    reason: str
    value: str | None = None


class RowRefusal(msgspec.Struct, frozen=True):
    """Why a row was not taken. `row` counts from 0 in what was sent; `field` is "" for the row as a whole."""

    row: int
    field: str
    reason: str
    value: str | None = None


class _Document(msgspec.Struct, frozen=True):
    """What is read of a problem document; one of somebody else may have nothing of it."""

    code: str = ""
    title: str = ""
    detail: str = ""
    mend: str = ""
    instance: str = ""
    errors: Sequence[Wrong] = ()
    refusals: Sequence[RowRefusal] = ()
    carriers: Sequence[str] = ()


_DOCUMENT = decoder(_Document)


class Problem(WaypostError):
    """A server said no.

    Attributes:
        code: the kind, stable: docs/reference/http.md lists them.
        status: of HTTP.
        mend: what to do about it.
        instance: this one time; the operator's journal has it under the same id.
        errors: each parameter or field that is wrong.
        refusals: of rows that were sent, why they were not taken.
        carriers: of a number that nobody knows, those whose format it has.
        retry_after_s: when to ask again, if the server says so.
    """

    def __init__(self, status: int, document: _Document, retry_after_s: float | None) -> None:
        text = document.detail or document.title or f"the server answers {status} {_phrase(status)}".rstrip()
        WaypostError.__init__(self, text[:_MOST_TEXT], mend=(document.mend or _mend(status))[:_MOST_TEXT])
        # of the class where nobody says otherwise, hence not by name
        vars(self).update(status=status, code=document.code or _code(type(self), status))
        self.instance = document.instance
        self.errors = document.errors
        self.refusals = document.refusals
        self.carriers = document.carriers
        self.retry_after_s = retry_after_s
        self.where = document.errors[0].where if document.errors else None


class WrongCall(Problem, BadInput):
    """What was sent cannot be used."""


class TooMuch(Problem, TooLarge):
    """More was sent than the limit."""


class NotThere(Problem, NotFound):
    """Nothing is known under that name."""


class KeyRefused(Problem, NotAllowed):
    """The key is unknown, or not for this."""


class Contradiction(Problem, Conflict):
    """It contradicts what is there."""


class SlowDown(Problem, TooMany):  # type: ignore[misc]  # a server need not say when
    """More requests than the limit."""


class ServerFailed(Problem, StoreError):
    """The server, or something before it, could not."""


class Unreachable(StoreError):
    """No answer came, or only a part of one. `may_be_done` says whether the server may have done it all the same."""

    code = "unreachable"

    def __init__(self, message: str, *, may_be_done: bool, is_final: bool = False, mend: str | None = None) -> None:
        super().__init__(message, mend=mend or "See that the server runs, and that the address is right.")
        self.may_be_done = may_be_done
        self.is_final = is_final


class Unreadable(StoreError):
    """An answer that is none of Waypost's: something else answers at that address, or it is of another version."""

    code = "unreadable"
    status = 502


_KINDS: dict[int, type[Problem]] = {
    401: KeyRefused,
    403: KeyRefused,
    404: NotThere,
    409: Contradiction,
    413: TooMuch,
    429: SlowDown,
}


def problem_of(status: int, headers: Mapping[str, str], body: bytes, now: dt.datetime) -> Problem:
    """The error that an answer is which is no success.

    Args:
        now: an instant; `Retry-After` may be one too.
    """
    kind = _KINDS.get(status) or (ServerFailed if status >= 500 else WrongCall)
    return kind(status, _read(headers, body, status), _read_retry_after(headers.get("retry-after", ""), now))


def _read(headers: Mapping[str, str], body: bytes, status: int) -> _Document:
    if 300 <= status < 400:
        mend = f"Give the address that it leads to: {headers.get('location', '')[:200]}"
        return _Document(detail=f"the server answers {status}: it is not at this address", mend=mend)
    try:
        return _DOCUMENT.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Document()  # of a proxy, most often a page for people


def _read_retry_after(text: str, now: dt.datetime) -> float | None:
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0)
    except (ValueError, TypeError):  # not told, no date, or one without a zone
        return None


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""


def _mend(status: int) -> str:
    if status >= 500:
        return "It comes from something before Waypost, such as a proxy: see there, or try again later."
    return "It comes from something before Waypost, such as a proxy: see that the address is right."


def _code(kind: type[Problem], status: int) -> str:
    return "forbidden" if status == HTTPStatus.FORBIDDEN else kind.code
