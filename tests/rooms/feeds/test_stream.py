import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from waypost.feeds.stream import BLOCK, ByteStream, Meter
from waypost.model.errors import BadInput

TEXT = b"".join(b"%d,%s\n" % (line, random.Random(line).randbytes(20).hex().encode()) for line in range(20_000))


PACK: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "gzip": lambda data: gzip.compress(data, 6),
    "xz": lzma.compress,
    "zstd": lambda data: bytes(pa.compress(data, codec="zstd", asbytes=True)),
}
PACKED = [name for name in PACK if name]


def unpack(path: Path) -> tuple[bytes, str, str | None, Meter]:
    meter = Meter([path])
    with ByteStream(path, meter) as stream:
        blocks = list(stream.blocks())
        assert max(map(len, blocks)) <= BLOCK
        return b"".join(blocks), stream.packing, stream.cut, meter


@pytest.mark.parametrize("packing", PACK)
def test_the_content_tells_the_packing(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "misleading.csv.gz"
    path.write_bytes(PACK[packing](TEXT))
    data, found, cut, meter = unpack(path)
    assert (data, found, cut) == (TEXT, packing, None)
    assert meter.share == 1.0


@pytest.mark.parametrize("packing", PACKED)
def test_streams_behind_each_other_are_one_file(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "two"
    path.write_bytes(PACK[packing](TEXT[:1000]) + PACK[packing](TEXT[1000:]) + b"\0" * 512)
    data, _, cut, _ = unpack(path)
    assert (data, cut) == (TEXT, None)


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("keep", [0.5, 0.9, -1])
def test_all_before_a_cut_is_given(tmp_path: Path, packing: str, keep: float) -> None:
    packed = PACK[packing](TEXT)
    size = int(len(packed) * keep) if keep > 0 else len(packed) + int(keep)
    path = tmp_path / "cut"
    path.write_bytes(packed[:size])
    data, _, cut, _ = unpack(path)
    assert cut == f"the {packing} stream ends early"
    assert TEXT.startswith(data)
    assert len(data) > len(TEXT) * (size / len(packed)) * 0.75


def test_damage_inside_costs_what_lies_behind_it(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(TEXT, 6))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = b"\xff" * 64
    path = tmp_path / "damaged.gz"
    path.write_bytes(bytes(packed))
    data, _, cut, _ = unpack(path)
    assert cut is not None
    assert cut.startswith("the gzip stream is damaged (")
    same = next(place for place, (a, b) in enumerate(zip(data + b"\0", TEXT, strict=False)) if a != b)
    assert same > len(TEXT) * 0.45


def test_a_frame_to_be_skipped_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "two.zst"
    skipped = (0x184D2A50).to_bytes(4, "little") + (4).to_bytes(4, "little") + b"size"
    path.write_bytes(skipped + PACK["zstd"](TEXT) + skipped)
    assert unpack(path)[:3] == (TEXT, "zstd", None)


@pytest.mark.parametrize("packing", PACKED)
def test_a_small_file_of_zeros_is_not_unpacked_at_once(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "zeros"
    path.write_bytes(PACK[packing](b"\0" * 30_000_000))
    data, _, cut, _ = unpack(path)
    assert (len(data), cut) == (30_000_000, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (gzip.compress(b"abc", mtime=0)[:8], "holds nothing that can be read: the gzip stream ends early"),
        (b"PK\x03\x04rest", "is a zip archive"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "is a 7z archive"),
        (bz2.compress(b"a,b\n"), "is packed with bzip2"),
        (bz2.compress(b"", 1), "is packed with bzip2"),
        ("a,b\n".encode("utf-16"), "is UTF-16 text"),
    ],
)
def test_what_cannot_be_read_is_said_at_once(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "strange.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message) as error:
        ByteStream(path, Meter([path]))
    assert "strange.csv" in str(error.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere: no such file or folder"):
        Meter([tmp_path / "nowhere"])
    with pytest.raises(BadInput, match="is a folder where a file is needed"):
        Meter([tmp_path])


def test_share_counts_bytes_on_disk_over_all_files(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x" * 1000)
    large.write_bytes(b"x" * 9000)
    meter = Meter([small, large])
    with ByteStream(small, meter) as stream:
        list(stream.blocks())
    assert meter.share == pytest.approx(0.1)
