"""Decoding that many threads begin at once."""

import subprocess
import sys

import msgspec
import pytest

from waypost.model.decoding import convert, decode

#: Fresh structs, each decoded into by eight threads at once that change turns as often as they can.
THREADS = """
import sys, threading, types
from waypost.model.decoding import convert, decode

sys.setswitchinterval(1e-6)
TEXT = b'{"a":"1","b":"x","d":{"a":2,"d":{"d":{"d":{"a":1,"b":"q"}}}}}'
for count in range(150):
    module = sys.modules[f"m{count}"] = types.ModuleType(f"m{count}")
    source = "import msgspec\\n"
    for depth in range(8):
        source += f"class A{depth}(msgspec.Struct):\\n    a: int = 0\\n    b: 'str | None' = None\\n"
        source += f"    d: 'A{max(depth - 1, 0)} | None' = None\\n"
    exec(source, module.__dict__)
    begin = threading.Barrier(8)
    seen = []

    def act(number, kind=module.A7):
        begin.wait()
        told = decode(TEXT, kind, strict=False) if number % 2 else convert({"a": "1", "b": "x"}, kind, strict=False)
        seen.append((told.a, told.b))

    threads = [threading.Thread(target=act, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(1, "x")] * 8, seen
print("whole")
"""


def test_threads_that_are_the_first_to_decode_into_a_struct_find_it_whole() -> None:
    """With msgspec alone this ends by SIGSEGV, and so did servers whose first bookings went out side by side."""
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr[-2000:]


class Weight(msgspec.Struct):
    grams: int


def test_strict_and_lenient_are_two_things() -> None:
    assert decode(b'{"grams": "3"}', Weight, strict=False) == Weight(3)
    assert convert({"grams": "3"}, Weight, strict=False) == Weight(3)
    with pytest.raises(msgspec.ValidationError, match="grams"):
        decode(b'{"grams": "3"}', Weight)
    with pytest.raises(msgspec.ValidationError, match="grams"):
        convert({"grams": "3"}, Weight)


def test_without_a_kind_it_is_what_stands_there() -> None:
    assert decode(b'{"a": [1, null]}') == {"a": [1, None]}
    with pytest.raises(msgspec.DecodeError):
        decode(b"{")
