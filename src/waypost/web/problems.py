"""Problem documents (RFC 9457): every error that leaves this door, whoever raised it."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from waypost.model.errors import BadInput, NotAllowed, NotFound, StorageFull, StoreError, TooMany, WaypostError
from waypost.track.wire import Refusal

MEDIA_TYPE = "application/problem+json"


class Forbidden(WaypostError):
    """The key is good, but not for this."""

    code = "forbidden"
    status = 403


class ForeignForm(WaypostError):
    """A form that stands on another site."""

    code = "foreign_form"
    status = 403


class NoSuchPath(NotFound):
    """Nothing answers at that path."""

    code = "no_such_path"


class UnknownNumber(NotFound):
    """No parcel bears the number. `carriers` are those whose format it has."""

    def __init__(self, number: str, carriers: list[str]) -> None:
        mend = "Check the number; a new one may take a day until its carrier sends the first scan."
        super().__init__(f"no parcel is known under {number[:64]!r}", mend=mend)
        self.carriers = carriers


class WrongMethod(WaypostError):
    """The path is there, but not for that method. `allowed` are the methods it is there for."""

    code = "wrong_method"
    status = 405

    def __init__(self, method: str, allowed: list[str]) -> None:
        super().__init__(f"{method} is not possible here", mend=f"Use {' or '.join(allowed)}.")
        self.allowed = allowed


class CutOff(BadInput):
    """The body ended before its end, or was sent in chunks that are none. Often nobody is left to read the answer."""

    code = "cut_off"


class SlowBody(WaypostError):
    """The body did not come in time."""

    code = "slow_body"
    status = 408


class Unsupported(BadInput):
    """A media type or an encoding that this path does not read."""

    code = "unsupported_media_type"
    status = 415


class UnknownEncoding(Unsupported):
    """A Content-Encoding that is not read. `encodings` are those that are."""

    def __init__(self, encoding: str, encodings: Sequence[str]) -> None:
        super().__init__(f"Content-Encoding {encoding[:40]!r} is not read: use {', '.join(encodings)} or none")
        self.encodings = encodings


class Misdirected(WaypostError):
    """The `Host` header names a host that this server does not answer for."""

    code = "misdirected"
    status = 421


class Invalid(BadInput):
    """Parameters or fields that cannot be used; `places` says which and why."""

    code = "invalid"
    status = 422

    def __init__(self, message: str, places: "list[Wrong]", *, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.places = places


class AllRefused(BadInput):
    """Of the scans that were sent none was taken; `refusals` says why."""

    code = "all_refused"
    status = 422

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__(f"none of the {len(refusals)} scans was taken")
        self.refusals = refusals


class HeadersTooLarge(BadInput):
    """More bytes of headers than the limit."""

    code = "headers_too_large"
    status = 431


class Unexpected(WaypostError):
    """A fault of ours. What happened stands in the journal under the id of the request."""

    code = "unexpected"
    status = 500


class Busy(WaypostError):
    """Too much at once, or an answer that took too long."""

    code = "busy"
    status = 503
    retry_after_s: ClassVar[int] = 1


class Lagging(TooMany):
    """Look-ups are too far behind the log for a batch of that size. Nothing of it was kept."""

    code = "lagging"

    def __init__(self, bulk_lag: int, bulk_bytes: int, *, retry_after_s: int) -> None:
        super().__init__(
            f"look-ups are more than {bulk_lag} scans behind, so large batches have to wait until they have caught up",
            retry_after_s=retry_after_s,
            mend=f"Send it again after {retry_after_s} s. Bodies of up to {bulk_bytes} bytes are taken meanwhile.",
        )


class NotYet(WaypostError):
    """Look-ups did not come as far as they were asked to in time; `retry_after_s` says when they may have."""

    code = "not_yet"
    status = 503

    def __init__(self, position: int, seconds: float, *, retry_after_s: int) -> None:
        super().__init__(
            f"look-ups did not show everything below position {position} within {seconds:g} s",
            mend=f"Ask again after {retry_after_s} s, or without min_position for what is known so far.",
        )
        self.retry_after_s = retry_after_s


class NotReady(WaypostError):
    """The service is alive but should get no traffic; `reasons` says why."""

    code = "not_ready"
    status = 503

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class NotBuilt(WaypostError):
    """The console was not built where this server runs; all else answers."""

    code = "not_built"
    status = 503


class Wrong(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong in a request: where (`query.limit`, `$[3].place.zone`) and why."""

    where: str
    reason: str
    value: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document (RFC 9457) with our own members.

    Attributes:
        type: a stable name of the kind of problem, `urn:waypost:problem:CODE`; `/docs` lists them.
        title: the kind in words.
        detail: what happened this time.
        instance: this one time; the journal has it under the same id.
        code: the kind for programs.
        mend: what to do about it.
        errors: each wrong parameter or field.
        refusals: for each scan why it was not taken.
        carriers: for an unknown number, the carriers whose format it has.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    mend: str
    errors: list[Wrong] | None = None
    refusals: list[Refusal] | None = None
    carriers: list[str] | None = None


#: For each code a title, and what to do about it where the error itself does not say.
KINDS = {
    "all_refused": ("No scan was taken", "Mend each row as its refusal says and send them again."),
    "bad_input": ("The request cannot be used", "Mend what the detail names and send it again."),
    "busy": ("Too much to do right now", "Try again after the seconds that Retry-After names."),
    "carrier_puzzling": ("The carrier's answer cannot be read", "Tell the operator, who looks into the account."),
    "carrier_refused": ("The carrier will not", "Mend what it names; asking the same again gives the same."),
    "carrier_unreachable": ("The carrier cannot be reached now", "Try again later; repeating it is safe."),
    "conflict": ("It contradicts what is there", "Read the present state first."),
    "cut_off": ("The body did not come whole", "Send all of it again."),
    "forbidden": ("This key may not do that", "Use an operator's key."),
    "foreign_form": ("This form came from another site", "Open the page here and send it again."),
    "headers_too_large": ("Too many bytes of headers", "Send fewer or shorter headers."),
    "invalid": ("Some parameters cannot be used", "Mend each of them as `errors` says."),
    "key_reused": ("This key was used for another request", "Take another Idempotency-Key for another request."),
    "label_comes_later": ("The carrier makes the paper later", "It sends it by itself: ask again in a while."),
    "lagging": ("Too far behind for large batches", "Send it again after the seconds that Retry-After names."),
    "misdirected": ("This host is not served here", "Ask under a name that is in `allowed_hosts`."),
    "no_such_path": ("Nothing answers at this path", "/docs lists the paths."),
    "not_allowed": ("A key is needed", "Send the header `Authorization: Bearer wp_…` with a key that is valid here."),
    "not_built": (
        "The console is not here",
        "Run `./scripts/setup console` where Waypost was installed from, then start the server again.",
    ),
    "not_found": ("Nothing is known under that name", "Check the spelling; what was just sent may take a moment."),
    "not_ready": ("The service is not ready", "Wait until /readyz answers 200."),
    "not_yet": ("Not so far yet", "Ask again after the seconds that Retry-After names."),
    "slow_body": ("The body did not come in time", "Send smaller batches, or over a faster connection."),
    "storage_full": ("No room left", "Nothing of this request was kept. Make room, then send it again."),
    "store": ("The store failed", "Try again later; nothing that was acknowledged is lost."),
    "store_damaged": (
        "Stored bytes are damaged",
        "Asking again does not help. Tell the operator, who has to mend this; the journal says how.",
    ),
    "too_large": ("More than the limit", "Send less at once."),
    "too_many": ("Too many requests", "Try again after the seconds that Retry-After names."),
    "unexpected": ("Something went wrong on our side", "Tell the operator the id in `instance`."),
    "unsupported_by_carrier": ("This carrier does not do that", "Do it in its own console."),
    "unsupported_media_type": ("This media type or encoding is not read", "Use one that the detail names."),
    "wrong_method": ("Not with this method", "Use a method that the Allow header names."),
}
_OTHER = ("The request failed", "Tell the operator the id in `instance`.")


def known_error(error: BaseException) -> WaypostError | None:
    """The error in our words; None for what nobody foresaw."""
    if isinstance(error, WaypostError):
        return error
    if isinstance(error, RequestValidationError):
        places = [_wrong(found) for found in error.errors()]
        return Invalid("; ".join(f"{place.where}: {place.reason}" for place in places), places)
    if isinstance(error, HTTPException) and error.status_code == 404:
        return NoSuchPath("nothing answers at this path")
    if isinstance(error, HTTPException) and error.status_code < 500:
        return BadInput(str(error.detail))
    if isinstance(error, MemoryError):
        return Busy("no memory left for this request")
    return None


def describe(error: WaypostError, request_id: str) -> Problem:
    """The problem document of an error."""
    title, mend = next((KINDS[code] for code in _codes(error) if code in KINDS), _OTHER)
    hidden = isinstance(error, (Unexpected, StoreError))  # what broke inside is for the journal
    return Problem(
        type=f"urn:waypost:problem:{error.code}",
        title=title,
        status=error.status,
        detail=title if hidden else error.message,
        instance=f"urn:waypost:request:{request_id}",
        code=error.code,
        mend=mend if hidden else error.mend or mend,
        errors=error.places if isinstance(error, Invalid) else None,
        refusals=error.refusals if isinstance(error, AllRefused) else None,
        carriers=error.carriers if isinstance(error, UnknownNumber) else None,
    )


def headers_of(error: WaypostError) -> list[tuple[bytes, bytes]]:
    """The headers that belong to an error besides the document."""
    headers = []
    if isinstance(error, (TooMany, Busy, NotYet)):
        headers.append((b"retry-after", str(error.retry_after_s).encode()))
    elif isinstance(error, (StorageFull, NotReady)):
        headers.append((b"retry-after", b"60"))
    if isinstance(error, WrongMethod):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    if isinstance(error, UnknownEncoding):
        headers.append((b"accept-encoding", ", ".join(error.encodings).encode()))
    if isinstance(error, NotAllowed):
        headers.append((b"www-authenticate", b'Bearer realm="waypost"'))
    if error.status in (408, 413):  # the rest of the body is still under way: nothing more can be read from here
        headers.append((b"connection", b"close"))
    return headers


def _codes(error: WaypostError) -> list[str]:
    """The code of an error and of the kinds it belongs to, nearest first."""
    return [kind.code for kind in type(error).__mro__ if issubclass(kind, WaypostError)]


def _wrong(found: dict[str, object]) -> Wrong:
    where = found["loc"]
    assert isinstance(where, tuple)
    value = found.get("input")
    return Wrong(
        where=".".join(str(part) for part in where),
        reason=str(found["msg"]),
        value=str(value)[:60] if isinstance(value, str | int | float) else None,
    )
