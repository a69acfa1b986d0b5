"""JSON as carriers write it: read strictly where it matters, with the channel in every complaint."""

from typing import Any, TypeVar

import msgspec

from waypost.carriers.calling import Answer
from waypost.model.decoding import decode
from waypost.track.carriers import CarrierPuzzling, CarrierRefused

T = TypeVar("T")


def write(value: object) -> str:
    """The text that is signed and sent: no blanks, letters of every script as they are."""
    return msgspec.json.encode(value).decode()


def read(answer: Answer, kind: type[T], channel: str) -> T:
    """An answer in the shape that the carrier promises.

    Raises:
        CarrierPuzzling: it is of another shape, or no JSON; says where.
        CarrierRefused: it has a status of refusal, and a page of somebody in between.
    """
    if 400 <= answer.status < 500 and not answer.body.lstrip().startswith((b"{", b"[")):
        kind_of_page = answer.content_type.partition(";")[0] or "no type"
        raise CarrierRefused(f"refused with {kind_of_page}", channel=channel, carrier_code=str(answer.status))
    return read_text(answer.body, kind, channel, f" (status {answer.status}, {answer.content_type or 'no type'})")


def read_text(text: bytes | str, kind: type[T], channel: str, where: str = "") -> T:
    """The same for JSON that stands in a text, as several carriers have it."""
    try:
        return decode(text, kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CarrierPuzzling(f"the answer is not of the promised shape{where}: {error}", channel=channel) from None


def is_true(value: Any) -> bool:
    """Whether a carrier means yes: several write `"true"` for `true`."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def is_false(value: Any) -> bool:
    """Whether a carrier means no, and does not just say nothing."""
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")


def tells_of_cancelling(message: str) -> bool:
    """Whether a refusal to cancel says that it was done before.

    Codes for that are not public with any Chinese courier; unverified, as no sentence of theirs is either.
    """
    return "已取消" in message or "重复取消" in message
