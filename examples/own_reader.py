"""Read files of a layout of one's own: a `ScanFeed` for lines such as `HT0001;PICKUP;02/11/2026 09:12;CWB`.

python examples/own_reader.py HOME FILE
"""

import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

import waypost
from waypost.track.feed import FileRefusal, Portion, import_feed
from waypost.track.wire import ROW_SCHEMA, Rows

CODES = {"PICKUP": "picked_up", "LEFT": "departed_from_hub", "DONE": "delivered"}


class HilltopFeed:
    """The reader. Stamps are `day/month/year hour:minute` in the zone of Curitiba."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def portions(self) -> Iterator[Portion]:
        """All scans of the file; a long one would give them in several portions."""
        scans, lines, refusals = [], [], []
        with self._path.open(encoding="utf-8", newline="") as file:
            for line, fields in enumerate(csv.reader(file, delimiter=";"), 1):
                if len(fields) != 4:
                    refusals.append(FileRefusal(self._path.name, line, "", f"has {len(fields)} fields, not 4"))
                    continue
                number, what, when, depot = fields
                day, _, clock = when.partition(" ")
                at = "-".join(reversed(day.split("/"))) + f" {clock}"  # what is no stamp is refused later, by its line
                place = {"facility": depot, "zone": "America/Sao_Paulo"}
                scans.append({"carrier": "hilltop", "number": number, "code": CODES.get(what, what), "at": at} | place)
                lines.append(line)
        rows = Rows(pa.Table.from_pylist(scans, ROW_SCHEMA), lines, [])
        yield Portion(source=self._path.name, rows=rows, refusals=refusals, share=1.0)


def main() -> None:
    """Import a file and say what came of it."""
    with waypost.open_house(sys.argv[1], read_only=False) as house:
        feed, now_ms = HilltopFeed(Path(sys.argv[2])), time.time_ns() // 1_000_000
        report = import_feed(feed, house.memory, house.facilities, house.zone_of, now_ms=now_ms)
    print(f"{report.scans_new} new, {report.scans_duplicate} known, {report.rows_refused} refused")
    for refusal in report.refusals:
        print(f"{refusal.file}:{refusal.line} {refusal.field}: {refusal.reason}")


if __name__ == "__main__":
    main()
