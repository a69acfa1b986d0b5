"""A look into an Arrow stream before it is read: it must not cost more than its bytes are worth.

Compressed buffers name their unpacked size themselves, so a small body could ask for any amount of memory. The body as
a whole may be compressed instead (`Content-Encoding: gzip`): there the limit holds. Each record batch takes time and
memory, even if no row is in it.
"""

import struct

import pyarrow as pa

from waypost.model.errors import BadInput

# Slots of the tables in Arrow's Message.fbs: Message.header, RecordBatch.compression, DictionaryBatch.data
_HEADER, _COMPRESSION, _DATA = 2, 3, 1

#: The schema, record batches and dictionaries.
_MOST_MESSAGES = 10_000


def refuse_costly_stream(body: bytes) -> None:
    """Check all messages of an Arrow IPC stream.

    Raises:
        BadInput: it is no Arrow stream, its buffers are compressed, or its messages are too many.
    """
    try:
        messages = pa.ipc.MessageReader.open_stream(body)
        for place, message in enumerate(messages):
            if place == _MOST_MESSAGES:
                raise BadInput(
                    f"more than {_MOST_MESSAGES} messages in this Arrow stream",
                    where="body",
                    mend="Write larger record batches.",
                )
            if message.type in ("record batch", "dictionary") and _is_packed(message):
                raise BadInput(
                    "the buffers of this Arrow stream are compressed",
                    where="body",
                    mend="Write it without compression and send it with Content-Encoding: gzip.",
                )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, struct.error) as error:
        raise BadInput(f"the body is no whole Arrow stream: {str(error)[:200]}", where="body") from None


def _is_packed(message: pa.ipc.Message) -> bool:
    metadata = memoryview(message.metadata)
    root = struct.unpack_from("<I", metadata, 0)[0]
    batch = _table(metadata, root, _HEADER)
    if batch is not None and message.type == "dictionary":
        batch = _table(metadata, batch, _DATA)
    return batch is not None and _table(metadata, batch, _COMPRESSION) is not None


def _table(data: memoryview, table: int, slot: int) -> int | None:
    """Where the table in a slot of another table begins, in the layout of FlatBuffers; None if it is not there."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    entry = 4 + 2 * slot
    offset = struct.unpack_from("<H", data, vtable + entry)[0] if entry + 2 <= size else 0
    if offset == 0:
        return None
    place = table + offset
    return int(place + struct.unpack_from("<I", data, place)[0])
