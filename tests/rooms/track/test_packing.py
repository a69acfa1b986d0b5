"""The size that packed buffers claim is the one that they come to."""

import io

import pyarrow as pa
import pytest

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


def test_messages_that_are_not_packed_say_so() -> None:
    assert [unpacked_bytes(message) for message in messages_of(TABLE, None)] == [None] * 5


def test_a_small_message_may_claim_much() -> None:
    table = pa.table({"note": ["x" * 50_000_000]})
    message = messages_of(table, "zstd")[1]
    assert message.body.size < 10_000
    assert unpacked_bytes(message) == pytest.approx(50_000_000, abs=100)
