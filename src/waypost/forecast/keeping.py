"""What was learnt as bytes, and back: JSON with the trees in LightGBM's own text. Nothing that could run is read."""

import base64
import binascii
import hashlib
from typing import Any, TypeVar

import msgspec
import pyarrow as pa

from waypost.forecast.forest import Forest
from waypost.model.decoding import convert, decode
from waypost.model.errors import BadInput, StoreDamaged, WrongFormat

#: Grows when what is learnt changes its shape.
FORMAT = 1

Learnt = TypeVar("Learnt")


class _Kept(msgspec.Struct, frozen=True):
    format: int
    kind: str
    digest: str  # of the content: damaged trees are others
    content: msgspec.Raw


def write_learnt(learnt: Any) -> bytes:
    """A struct whose fields may be trees (`Forest`) and tables (`pyarrow.Table`)."""
    content = msgspec.json.encode(learnt, enc_hook=_write)
    return msgspec.json.encode(_Kept(FORMAT, type(learnt).__name__, _digest(content), msgspec.Raw(content)))


def read_learnt(kept: bytes, kind: type[Learnt]) -> Learnt:
    """The same struct.

    Raises:
        WrongFormat: another version of Waypost wrote it.
        StoreDamaged: it cannot be read.
    """
    try:
        found = decode(kept, _Kept)
        if (found.format, found.kind) != (FORMAT, kind.__name__):
            raise WrongFormat(
                f"what was learnt is kept as {found.kind[:40]} of format {found.format}",
                mend="`waypost train` learns it anew.",
            )
        if found.digest != _digest(bytes(found.content)):
            raise msgspec.ValidationError("it is not as it was written")
        return convert(decode(found.content), kind, dec_hook=_read)
    except (msgspec.MsgspecError, BadInput, pa.ArrowInvalid, binascii.Error) as error:
        raise StoreDamaged(f"what was learnt cannot be read: {error}", mend="`waypost train` learns it anew.") from None


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _write(value: Any) -> Any:
    if isinstance(value, Forest):
        return value.text
    if isinstance(value, pa.Table):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_table(value)
        return base64.b64encode(sink.getvalue().to_pybytes()).decode()
    raise TypeError(f"{type(value).__name__} is not kept")


def _read(kind: type, value: Any) -> Any:
    if kind is Forest and isinstance(value, str):
        return Forest(value)
    if kind is pa.Table:
        return pa.ipc.open_stream(base64.b64decode(str(value), validate=True)).read_all()
    raise msgspec.ValidationError(f"{kind.__name__} expected")
