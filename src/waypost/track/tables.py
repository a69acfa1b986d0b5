"""From a carrier's code to the unified status, by tables.

One CSV file a carrier, in `data/carriers/` and, over it, in a folder of the operator's own. Codes are compared as sent,
letter by letter; texts are never guessed at. Some carriers have several sets of codes; theirs bear the name of the set
before a colon, `action:GOT`, and a code without one is looked up in the set that `data/code_sets.csv` names.
"""

import csv
import functools
import hashlib
import importlib.resources
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput
from waypost.model.scans import VOID as VOID_CODE
from waypost.track.statuses import UNKNOWN, find_status_by_code, list_statuses

REQUIRED = ("carrier_code", "status")
OPTIONAL = ("confidence", "note")
MAX_CODE = 64

#: Of rows that do not say: an operator's own row is taken as the carrier's word.
STATED = 2
CONFIDENCES = ("1", "2", "3")


class CodeRow(msgspec.Struct, frozen=True):
    """What one code of a carrier means.

    Attributes:
        carrier, code: whose code; `code` with the name of its set, where there is one.
        status: unified code.
        confidence: 3 shown by the carrier's own messages or papers, 2 stated, 1 guessed and unverified.
        note: why, where it needs saying.
    """

    carrier: str
    code: str
    status: str
    confidence: int
    note: str


class TextFile(Protocol):
    """A file to read, on disk or inside the package."""

    @property
    def name(self) -> str:
        """Its name without the folder."""

    def read_bytes(self) -> bytes:
        """All of it."""


class CodeTables:
    """The tables in force."""

    def __init__(self, rows: Iterable[CodeRow], default_sets: Mapping[str, str]) -> None:
        self._rows = {(row.carrier, row.code): row for row in rows}
        self._default_sets = dict(default_sets)
        self._numbers = {key: _number(row.status) for key, row in self._rows.items()}
        self.version = self._hash()

    @classmethod
    def load(cls, extra_folder: Path | None = None) -> "CodeTables":
        """The tables of the package, and over them those of a folder: there a row replaces a single code.

        Raises:
            BadInput: a file of the folder cannot be used; names the file and the line.
        """
        data = importlib.resources.files("waypost.track").joinpath("data")
        sets = csv.DictReader(data.joinpath("code_sets.csv").read_text("utf-8").splitlines(), strict=True)
        default_sets = {row["carrier"]: row["code_set"] for row in sets}
        files: list[TextFile] = sorted(data.joinpath("carriers").iterdir(), key=lambda file: file.name)
        if extra_folder is not None:
            if not extra_folder.is_dir():
                raise BadInput(
                    "is not a folder", where=str(extra_folder), mend="Name a folder with one CSV file a carrier."
                )
            files += sorted(file for file in extra_folder.iterdir() if file.name.endswith(".csv"))
        rows: dict[tuple[str, str], CodeRow] = {}
        for file in files:
            rows.update(((row.carrier, row.code), row) for row in _read_table(file))
        return cls(rows.values(), default_sets)

    def find_row(self, carrier: str, code: str) -> CodeRow | None:
        """The row of the carrier's table that says what the code means, or None."""
        row = self._rows.get((carrier, code))
        if row is None and carrier in self._default_sets:
            row = self._rows.get((carrier, f"{self._default_sets[carrier]}:{code}"))
        return row

    def find_status(self, carrier: str, code: str) -> int:
        """The number of the status: by the carrier's table, else as a unified code, else 0, unknown.

        `void` withdraws a scan for every carrier, whatever a table says.
        """
        if code == VOID_CODE:
            return _number(VOID_CODE)
        row = self.find_row(carrier, code)
        if row is not None:
            return self._numbers[row.carrier, row.code]
        unified = find_status_by_code(code)
        return UNKNOWN if unified is None else unified.number

    def classify(self, carriers: Sequence[str], codes: Sequence[str]) -> npt.NDArray[np.uint8]:
        """The numbers of the statuses of pairs of equal position. Python per pair: give each pair once."""
        pairs = zip(carriers, codes, strict=True)
        return np.fromiter((self.find_status(carrier, code) for carrier, code in pairs), np.uint8, len(codes))

    def list_rows(self, carrier: str) -> list[CodeRow]:
        """All that the carrier's table says, by code."""
        return sorted((row for row in self._rows.values() if row.carrier == carrier), key=lambda row: row.code)

    def list_carriers(self) -> list[str]:
        """The carriers that have a table."""
        return sorted({row.carrier for row in self._rows.values()})

    def _hash(self) -> str:
        """Sixteen hexadecimal digits that change when an equal set of scans could fold to another state."""
        told = hashlib.blake2b(digest_size=8)
        statuses = ((s.number, s.code, s.phase, s.precedence, s.milestone) for s in list_statuses())
        codes = ((carrier, code, number) for (carrier, code), number in self._numbers.items())
        for line in (*statuses, *sorted(self._default_sets.items()), *sorted(codes)):
            told.update(repr(line).encode() + b"\n")
        return told.hexdigest()


@functools.cache
def bundled_tables() -> CodeTables:
    """The tables of the package alone."""
    return CodeTables.load()


def find_status(carrier: str, code: str) -> int:
    """The number of the status by the tables of the package alone; see `CodeTables.find_status`."""
    return bundled_tables().find_status(carrier, code)


def _number(status: str) -> int:
    found = find_status_by_code(status)
    assert found is not None, status
    return found.number


def _read_table(file: TextFile) -> Iterator[CodeRow]:
    carrier = file.name.removesuffix(".csv")
    if CARRIER_CODE.fullmatch(carrier) is None:
        raise BadInput(
            "the name of the file is no carrier code",
            where=file.name,
            mend="Name it CARRIER.csv: lower-case letters, digits, - and _, 32 at most.",
        )
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput("is not UTF-8", where=f"{file.name}:{line}", mend="Save it as UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] | None = None
    first_line: dict[str, int] = {}
    # A quoted field may hold line breaks: a row is named by its first line.
    line = 1
    try:
        for fields in reader:
            start, line = line, reader.line_num + 1
            where = f"{file.name}:{start}"
            if names is None:
                names = _check_names(fields, where)
            elif fields:
                row = _read_row(carrier, names, fields, where)
                if row.code in first_line:
                    raise BadInput(
                        f"the code {row.code!r} stands in line {first_line[row.code]} already",
                        where=where,
                        mend="Keep one of the two rows.",
                    )
                first_line[row.code] = start
                yield row
    except csv.Error as error:
        raise BadInput(f"is no CSV: {error}", where=f"{file.name}:{line}", mend="Check the quotes.") from None
    if names is None:
        raise BadInput("is empty", where=f"{file.name}:1", mend=f"Begin with the header {','.join(REQUIRED)}.")


def _check_names(names: list[str], where: str) -> list[str]:
    allowed = (*REQUIRED, *OPTIONAL)
    if len(set(names)) != len(names) or not set(REQUIRED) <= set(names) <= set(allowed):
        raise BadInput(
            f"the header is {','.join(names)[:80]!r}",
            where=where,
            mend=f"It needs {' and '.join(REQUIRED)} and may have {' and '.join(OPTIONAL)}.",
        )
    return names


def _read_row(carrier: str, names: list[str], fields: list[str], where: str) -> CodeRow:
    if len(fields) != len(names):
        raise BadInput(
            f"has {len(fields)} fields, the header {len(names)}", where=where, mend="Quote fields that hold a comma."
        )
    row = dict(zip(names, fields, strict=True))
    code, status, confidence = row["carrier_code"], row["status"], row.get("confidence", "")
    if not code or code != code.strip() or len(code) > MAX_CODE:
        raise BadInput(
            f"the code {code[:80]!r} is empty, too long or has blanks around it",
            where=where,
            mend=f"Write the carrier's code as it is sent, {MAX_CODE} characters at most.",
        )
    if code == VOID_CODE:
        raise BadInput(f"{VOID_CODE!r} withdraws a scan for every carrier", where=where, mend="Leave the row out.")
    if find_status_by_code(status) is None:
        raise BadInput(
            f"there is no status {status[:80]!r}", where=where, mend="Use a unified code, for instance in_transit."
        )
    if confidence not in ("", *CONFIDENCES):
        raise BadInput(f"the confidence is {confidence[:20]!r}", where=where, mend="Write 1, 2 or 3, or nothing.")
    return CodeRow(carrier, code, status, int(confidence or STATED), row.get("note", ""))
