"""Forms with a file in them (multipart/form-data), read from a body that is here already."""

import io
from collections.abc import Mapping

import msgspec
from multipart import MultipartError, MultipartParser, parse_options_header

from waypost.model.errors import BadInput
from waypost.web.problems import Unsupported

_MOST_PARTS = 20
_CHARSETS = ("utf-8", "utf8", "us-ascii")
_MEND = "Send it as UTF-8."


class Upload(msgspec.Struct, frozen=True):
    """One file of a form; `name` is what the browser calls it, without folders."""

    name: str
    content: bytes


def read_upload(headers: Mapping[str, str], body: bytes) -> tuple[dict[str, str], Upload | None]:
    """The fields of a form, and its file; None if none was chosen.

    Raises:
        Unsupported: it is no such form.
        BadInput: its parts cannot be told apart.
    """
    kind, options = parse_options_header(headers.get("content-type", ""))
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise Unsupported(f"Content-Type {kind[:60]!r} is not read here: use multipart/form-data")
    fields: dict[str, str] = {}
    found: Upload | None = None
    try:
        parser = MultipartParser(
            io.BytesIO(body), options["boundary"], strict=True, part_limit=_MOST_PARTS, spool_limit=len(body) + 1
        )
        for part in parser:
            if part.filename is None:
                if part.charset.lower() not in _CHARSETS:  # some are none, and others take hours to decode
                    why = f"the form cannot be read: its field {part.name[:40]!r} is in charset {part.charset[:40]!r}"
                    raise BadInput(why, where="body", mend=_MEND)
                fields[part.name] = part.value
            elif part.filename and found is None:
                found = Upload(part.filename.replace("\\", "/").rpartition("/")[2], part.raw)
    except (MultipartError, UnicodeDecodeError) as error:
        raise BadInput(f"the form cannot be read: {str(error)[:100]}", where="body", mend=_MEND) from None
    return fields, found
