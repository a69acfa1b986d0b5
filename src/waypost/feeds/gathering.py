"""Scans gathered column by column from tables in which one row tells of several scans."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from waypost.model.instants import read_stamps
from waypost.track.feed import FileRefusal
from waypost.track.wire import ROW_SCHEMA, Rows


class Gathering:
    """Scans of one carrier from one file. Stamps are checked here, so that a refusal names the column they stand in."""

    def __init__(self, source: str, carrier: str) -> None:
        self.refusals: list[FileRefusal] = []
        self._source, self._carrier = source, carrier
        self._tables: list[pa.Table] = []
        self._lines: list[int] = []

    def add(
        self,
        code: str,
        field: str,
        stamps: Sequence[str],
        numbers: Sequence[str],
        lines: Sequence[int],
        *,
        facilities: Sequence[str | None] | None = None,
        shown: Sequence[str] | None = None,
        note: str | None = None,
    ) -> None:
        """One scan for each row that has a stamp; all sequences have one length.

        Args:
            code: what happened.
            field: the column of the stamps.
            stamps: when; "" where it did not happen.
            numbers: of which parcel.
            lines: where in the file.
            facilities: where; None for nowhere known.
            shown: the stamps as the file has them, where they had to be rewritten.
            note: kept with each scan.
        """
        there = np.array([bool(stamp) for stamp in stamps], np.bool_)
        read = read_stamps(pa.array(stamps, pa.string()))
        for row in np.flatnonzero(there & (read.verdict > 0)).tolist():
            value = (shown or stamps)[row][:60]
            self.refusals.append(FileRefusal(self._source, lines[row], field, read.problem(row) or "", value))
        rows = np.flatnonzero(there & (read.verdict == 0))
        columns = {
            "carrier": pa.array([self._carrier] * len(rows), pa.string()),
            "number": pa.array(numbers, pa.string()).take(pa.array(rows)),
            "code": pa.array([code] * len(rows), pa.string()),
            "at": pa.array(stamps, pa.string()).take(pa.array(rows)),
            "facility": pa.array(facilities or [None] * len(stamps), pa.string()).take(pa.array(rows)),
            "note": pa.array([note] * len(rows), pa.string()),
        }
        empty = pa.nulls(len(rows), pa.string())
        self._tables.append(pa.table([columns.get(name, empty) for name in ROW_SCHEMA.names], schema=ROW_SCHEMA))
        self._lines += np.asarray(lines)[rows].tolist()

    def rows(self) -> Rows:
        """All scans that were added."""
        if not self._tables:
            return Rows(ROW_SCHEMA.empty_table(), [], [])
        return Rows(pa.concat_tables(self._tables), self._lines, [])
