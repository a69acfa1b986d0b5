import gzip
from pathlib import Path

from waypost.feeds.lines import LONGEST, Block, read_blocks
from waypost.feeds.stream import ByteStream, Meter


def blocks(path: Path, lines: int = 50_000) -> list[Block]:
    with ByteStream(path, Meter([path])) as stream:
        return list(read_blocks(stream, lines))


def test_blocks_hold_whole_lines_and_know_their_number(tmp_path: Path) -> None:
    path = tmp_path / "many"
    path.write_bytes(b"".join(b"line %d\n" % number for number in range(1, 100_001)) + b"no line feed")
    found = blocks(path, 10_000)
    assert len(found) > 3
    for block in found[:-1]:
        first = block.data.split(b"\n")[0]
        assert first == b"line %d" % block.line
        assert block.data.endswith(b"\n")
    assert (found[-1].line, found[-1].data) == (100_001, b"no line feed")
    assert b"".join(block.data for block in found) == path.read_bytes()


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "marked"
    path.write_bytes(b"\xef\xbb\xbfa,b\n")
    assert [block.data for block in blocks(path)] == [b"a,b\n"]


def test_a_line_without_end_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"first\n" + b"x" * (6 << 20) + b"\nthird\n" + b"y" * (5 << 20))
    found = blocks(path)
    assert b"".join(block.data for block in found) == b"first\nthird\n"
    assert next(block.line for block in found if block.data == b"third\n") == 3
    refusals = [refusal for block in found for refusal in block.refusals]
    reason = f"is longer than {LONGEST} bytes"
    assert [(refusal.line, refusal.reason, refusal.value) for refusal in refusals] == [
        (2, reason, "x" * 60),
        (4, reason, "y" * 60),
    ]


def test_a_cut_drops_the_half_line_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\nthr", 0)[:-10])
    found = blocks(path)
    assert b"".join(block.data for block in found) == b"one\ntwo\n"
    (refusal,) = found[-1].refusals
    assert (refusal.file, refusal.line, refusal.field) == ("cut.gz", 3, "")
    assert refusal.reason.startswith(
        "the gzip stream ends early; all 2 lines before this one were read. Fetch the file"
    )
    assert refusal.value is not None
    assert "thr".startswith(refusal.value)
