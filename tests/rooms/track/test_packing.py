"""The size that packed buffers claim is the one that they come to."""

import io
import struct
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from waypost.track import packing
from waypost.track.packing import unpacked_bytes

TABLE = pa.table(
    {
        "number": [f"YT{number}" for number in range(1000)],
        "note": pa.array(["a note that comes often", None] * 500).dictionary_encode(),
        "short": pa.array([None] * 999 + ["x"]),
    }
)


def messages_of(table: pa.Table, compression: str | None) -> list[pa.ipc.Message]:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
        stream.write_table(table, max_chunksize=400)
    return list(pa.ipc.MessageReader.open_stream(sink.getvalue()))


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_packed_messages_tell_what_they_unpack_to(compression: str) -> None:
    packed, plain = messages_of(TABLE, compression), messages_of(TABLE, None)
    kinds = ["schema", "dictionary", "record batch", "record batch", "record batch"]
    assert [message.type for message in packed] == [message.type for message in plain] == kinds
    assert unpacked_bytes(packed[0]) is None
    for small, large in zip(packed[1:], plain[1:], strict=True):
        size = unpacked_bytes(small)
        assert size is not None
        assert 0 <= large.body.size - size < 8 * 10  # each buffer is filled up to eight bytes


@pytest.mark.parametrize("wrong", [(0, -8), (-8, 8)])
def test_buffers_that_lie_before_the_beginning_are_refused(wrong: tuple[int, int]) -> None:
    message = messages_of(TABLE, "zstd")[2]
    metadata = message.metadata.to_pybytes()
    batch = packing._find(memoryview(metadata), struct.unpack_from("<I", metadata)[0], packing._HEADER)
    assert batch is not None
    place = packing._find(memoryview(metadata), batch, packing._BUFFERS)
    assert place is not None
    changed = metadata[: place + 4] + struct.pack("<qq", *wrong) + metadata[place + 20 :]
    liar: Any = SimpleNamespace(type=message.type, metadata=pa.py_buffer(changed), body=message.body)
    with pytest.raises(struct.error, match=rf"has {wrong[1]} bytes from byte {wrong[0]} on"):
        unpacked_bytes(liar)


def test_messages_that_are_not_packed_say_so() -> None:
    assert [unpacked_bytes(message) for message in messages_of(TABLE, None)] == [None] * 5


def test_a_small_message_may_claim_much() -> None:
    table = pa.table({"note": ["x" * 50_000_000]})
    message = messages_of(table, "zstd")[1]
    assert message.body.size < 10_000
    assert unpacked_bytes(message) == pytest.approx(50_000_000, abs=100)
