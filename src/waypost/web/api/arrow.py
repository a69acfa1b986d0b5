"""A look into an Arrow stream before it is read: it must not cost more than its bytes are worth.

Compressed buffers name their unpacked size themselves, so a small body could ask for any amount of memory. The body as
a whole may be compressed instead (`Content-Encoding: zstd`): there the limit holds. Each record batch takes time and
memory, even if no row is in it.
"""

import struct

import pyarrow as pa

from waypost.model.errors import BadInput
from waypost.track.packing import unpacked_bytes

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
            if unpacked_bytes(message) is not None:
                raise BadInput(
                    "the buffers of this Arrow stream are compressed",
                    where="body",
                    mend="Write it without compression and send it with Content-Encoding: zstd or gzip.",
                )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, struct.error) as error:
        raise BadInput(f"the body is no whole Arrow stream: {str(error)[:200]}", where="body") from None
