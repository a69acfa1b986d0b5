"""Files of rows for spreadsheets."""

import csv
import io
from collections.abc import Mapping, Sequence

from fastapi import Response

#: It tells spreadsheets that a file is UTF-8.
MARK = b"\xef\xbb\xbf"


def _cell(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def write_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows as CSV; what a spreadsheet would run as a formula gets an apostrophe in front."""
    out = io.StringIO()
    csv.writer(out).writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def csv_answer(rows: Sequence[Mapping[str, object]], names: Sequence[str], filename: str) -> Response:
    """Rows as a file, with a line of names; what is None is an empty cell."""
    cells = [["" if row[name] is None else str(row[name]) for name in names] for row in rows]
    headers = {"content-disposition": f'attachment; filename="{filename}"', "cache-control": "private, no-store"}
    return Response(MARK + write_csv([names, *cells]), media_type="text/csv; charset=utf-8", headers=headers)
