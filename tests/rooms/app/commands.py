"""The command line as people and programs run it."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any
from unittest import mock

from waypost.app.cli import main
from waypost.app.console import legible

COMMAND = (sys.executable, "-c", "from waypost.app.cli import main; main()")

Done = subprocess.CompletedProcess[bytes]


class Commands:
    """Runs commands over one home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ = os.environ | {"WAYPOST_HOME": str(home), "NO_COLOR": "1"}

    def run(self, *words: str | bytes, stdin: bytes = b"", stdout: int | IO[bytes] = subprocess.PIPE) -> Done:
        """Run it in a process of its own."""
        command = [*COMMAND, *words]
        return subprocess.run(
            command, env=self.environ, input=stdin, stdout=stdout, stderr=subprocess.PIPE, timeout=120, check=False
        )

    def call(self, *words: str | bytes, stdin: bytes = b"") -> Done:
        """The same in this process, where all is imported already; what it lets out besides an exit code comes up."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        code: Any = None
        with (
            mock.patch.dict(os.environ, self.environ),
            mock.patch.object(sys, "argv", ["waypost", *map(os.fsdecode, words)]),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as ended:
                code = ended.code
        return subprocess.CompletedProcess(words, code, *(each.buffer.getvalue() for each in (out, err)))  # type: ignore[attr-defined]

    def ask(self, *words: str | bytes, code: int = 0) -> Any:
        """What it answers with `--json`."""
        done = self.call(*words, "--json")
        assert done.returncode == code, (done.stderr + done.stdout).decode()
        return json.loads(done.stdout)

    def fail(self, *words: str | bytes, code: int) -> str:
        """What a command says that must fail: one line, and with `--json` a document that says the same."""
        done = self.call(*words)
        said = done.stderr.decode()
        assert (done.returncode, done.stdout) == (code, b""), said
        assert said.startswith("waypost: "), said
        assert said.count("\n") == 1, said
        problem = self.ask(*words, code=code)
        assert problem["error"]
        assert legible(problem["detail"]) in said
        assert legible(problem["mend"] or "") in said
        return said
