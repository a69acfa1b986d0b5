"""How many parcels hubs can take in an hour: CSV or NDJSON with the fields of `FIELDS`, plain or packed.

A row that cannot be read refuses the file: a hub that is left out would seem to have room.
"""

import math
from pathlib import Path

from waypost.feeds.fields import CODE, BadFieldError, parse_carrier, parse_words
from waypost.feeds.master import Row, read_master
from waypost.model.errors import BadInput

FIELDS = ("carrier", "facility", "parcels_per_hour")


def read_capacities(path: Path) -> dict[tuple[str, str], float]:
    """By carrier and facility the parcels an hour.

    Raises:
        BadInput: the file cannot be read, a row is wrong, or a hub stands there twice.
    """
    found: dict[tuple[str, str], float] = {}
    for batch in read_master([path], FIELDS, FIELDS, _read_row):
        for refusal in batch.refusals:
            where = ", ".join(each for each in (f"{refusal.file}:{refusal.line}", refusal.field) if each)
            raise BadInput(refusal.reason, where=where, mend="Mend that row; none is passed over.")
        for hub, many in batch.made:
            if hub in found:
                raise BadInput(f"hub {hub[0]}/{hub[1]} stands there twice.", where=path.name)
            found[hub] = many
    return found


def _read_row(row: Row) -> tuple[tuple[str, str], float]:
    hub = parse_carrier(row.get("carrier")), parse_words(row.get("facility"), "facility", CODE)
    text = parse_words(row.get("parcels_per_hour"), "parcels_per_hour", 40)
    try:
        many = float(text)
    except ValueError:
        many = math.nan
    if not (math.isfinite(many) and many > 0):
        raise BadFieldError("parcels_per_hour", "is no number above zero", text)
    return hub, many
