"""Pushes as carriers send them: forms and JSON, read strictly.

Anybody may send one. So what cannot be read before its signature was seen is `Forged`, and only behind that, where it
is the carrier's, `BadInput`.
"""

from collections.abc import Collection, Mapping
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from waypost.model.decoding import decode
from waypost.model.errors import BadInput, WaypostError
from waypost.track.carriers import Forged, Push, Reply

T = TypeVar("T")

_MOST_FIELDS = 20


def read_form(push: Push) -> dict[str, str]:
    """The fields of a form, as they were before they were written for the wire.

    Raises:
        Forged: it is no form, or names a field twice.
    """
    try:
        fields = parse_qsl(
            push.body.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise Forged("the push is no form") from None
    form = dict(fields)
    if len(form) < len(fields):
        raise Forged("a field of the push stands in it twice")
    return form


def read_object(push: Push, kind: type[T]) -> T:
    """The object that is the body.

    Raises:
        Forged: it is none of that kind.
    """
    try:
        return decode(push.body, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Forged("the push is no such JSON as this carrier sends") from None


def read_signed(text: str | bytes, kind: type[T]) -> T:
    """JSON whose signature was right.

    Raises:
        BadInput: it is not of that kind.
    """
    try:
        return decode(text, kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"the push is not of the promised shape: {error}", where="push") from None


def expect(form: Mapping[str, str], promised: Mapping[str, Collection[str]], read: Collection[str]) -> None:
    """See that what stands beside the signed text is as promised, and nothing else is there.

    Args:
        promised: by field, what may stand in it. One that may be "" may be missing.
        read: fields that hold anything.

    Raises:
        BadInput: it is not.
    """
    if strange := sorted(form.keys() - promised.keys() - set(read)):
        raise BadInput(f"{strange[0][:40]!r} is no field of such a push", where="push")
    for name, values in promised.items():
        if form.get(name, "") not in values:
            raise BadInput(f"{form.get(name, '')[:40]!r} is not {' or '.join(sorted(values))}", where=f"push {name}")


def refuse_by_status(error: WaypostError) -> Reply:
    """For carriers that read the status alone."""
    status = 401 if isinstance(error, Forged) else 400 if isinstance(error, BadInput) else 503
    return Reply(status=status, body=b"{}")
