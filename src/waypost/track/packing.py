"""What the messages of an Arrow stream unpack to, told without unpacking them.

Compressed buffers name their unpacked size themselves, so a few bytes could ask for any amount of memory.
"""

import struct

import pyarrow as pa

# Slots of the tables in Arrow's Message.fbs: Message.header, RecordBatch.buffers and .compression, DictionaryBatch.data
_HEADER, _BUFFERS, _COMPRESSION, _DATA = 2, 2, 3, 1


def unpacked_bytes(message: pa.ipc.Message) -> int | None:
    """How many bytes the buffers of a message take once they are unpacked; None if they are not packed.

    Raises:
        struct.error: a buffer lies outside of the message, or claims a negative length.
    """
    if message.type not in ("record batch", "dictionary"):
        return None
    metadata = memoryview(message.metadata)
    root = struct.unpack_from("<I", metadata, 0)[0]
    batch = _find(metadata, root, _HEADER)
    if batch is not None and message.type == "dictionary":
        batch = _find(metadata, batch, _DATA)
    if batch is None or _find(metadata, batch, _COMPRESSION) is None:
        return None
    return sum(_sizes(metadata, _find(metadata, batch, _BUFFERS), memoryview(message.body)))


def _sizes(metadata: memoryview, buffers: int | None, body: memoryview) -> list[int]:
    """The unpacked size of each buffer, which stands before it; -1 there says that it was left as it is."""
    count = 0 if buffers is None else struct.unpack_from("<I", metadata, buffers)[0]
    sizes = []
    for number in range(count):
        place, length = struct.unpack_from("<qq", metadata, (buffers or 0) + 4 + 16 * number)
        if place < 0 or length < 0:  # Python would count from the end
            raise struct.error(f"buffer {number} has {length} bytes from byte {place} on")
        size = struct.unpack_from("<q", body, place)[0] if length else 0
        sizes.append(length if size == -1 else max(size, 0))
    return sizes


def _find(data: memoryview, table: int, slot: int) -> int | None:
    """Where the table or vector in a slot of a table begins, in the layout of FlatBuffers; None if it is not there."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    entry = 4 + 2 * slot
    offset = struct.unpack_from("<H", data, vtable + entry)[0] if entry + 2 <= size else 0
    if offset == 0:
        return None
    place = table + offset
    return int(place + struct.unpack_from("<I", data, place)[0])
