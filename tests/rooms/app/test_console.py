import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from waypost.app.console import legible, line, out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\r", "a\\nb\\r"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("\u202eabc\u2066\u2028", "\\u202eabc\\u2066\\u2028"),
        ("\udcff", "\\udcff"),
        ("中通\u3000快递 नमस्ते 📦 \\x", "中通\u3000快递 नमस्ते 📦 \\x"),
    ],
)
def test_what_steers_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert legible(text) == shown


@pytest.mark.parametrize("text", ["[bold]x[/]", "a\\[/", "[/]", ":smile:", "[link=x]"])
def test_a_line_is_no_markup(text: str) -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(line("at ", (text, "bold")))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == f"at {text}\n"


def test_a_document_is_utf_8_whatever_is_in_it(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    out({"path": str(Path("é") / "\udcff"), "list": [], "none": None})
    written, _ = capfdbinary.readouterr()
    assert json.loads(written) == {"path": "é/\\udcff", "list": [], "none": None}
    assert written.endswith(b"}\n")
