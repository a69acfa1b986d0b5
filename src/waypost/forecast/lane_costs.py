"""What carrying costs on lanes, from parcels whose price is known."""

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.forecast.trips import Floats
from waypost.forecast.voices import Ints

#: Parcels with a price: its share of what was paid, in minor units of a currency.
COST_SCHEMA = pa.schema(
    [
        ("cost_carrier", pa.string()),
        ("cost_number", pa.string()),
        ("currency", pa.string()),
        ("minor", pa.float64()),
        ("weight_g", pa.int64()),
    ]
)

_APART = "\x1f"


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What some parcels cost on average, in minor units of one currency.

    Attributes:
        parcels: whose price is known.
        per_kg_minor: None where nobody told what they weigh.
    """

    currency: str
    parcels: int
    per_parcel_minor: int
    per_kg_minor: int | None


class Costs:
    """The prices of parcels, found by their numbers.

    Args:
        table: of `COST_SCHEMA`.
        carrier, number: of the parcels that will be asked for, by row.
    """

    def __init__(self, table: pa.Table, carrier: pa.Array, number: pa.Array) -> None:
        keys = [_key(table.column("cost_carrier"), table.column("cost_number")), _key(carrier, number)]
        found = np.asarray(pc.index_in(keys[1], keys[0]).fill_null(-1)).astype(np.int64)
        self._place: Ints = found
        self._minor: Floats = np.asarray(table.column("minor")).astype(np.float64)
        self._weight_g: Ints = np.asarray(table.column("weight_g").fill_null(0)).astype(np.int64)
        currencies = table.column("currency").combine_chunks().dictionary_encode()
        self._currencies: list[str] = currencies.dictionary.to_pylist()
        self._currency: Ints = np.asarray(currencies.indices).astype(np.int64)

    def tell(self, rows: Ints) -> list[Cost]:
        """What some parcels cost, a currency with most parcels first."""
        places = self._place[rows]
        places = places[places >= 0]
        if not len(places):
            return []
        found = []
        for currency in np.unique(self._currency[places]).tolist():
            own = places[self._currency[places] == currency]
            weighed = own[self._weight_g[own] > 0]
            grams = int(self._weight_g[weighed].sum())
            found.append(
                Cost(
                    currency=self._currencies[currency],
                    parcels=len(own),
                    per_parcel_minor=round(float(self._minor[own].mean())),
                    per_kg_minor=round(float(self._minor[weighed].sum()) * 1000 / grams) if grams else None,
                )
            )
        return sorted(found, key=lambda each: (-each.parcels, each.currency))


def _key(carrier: pa.Array, number: pa.Array) -> pa.Array:
    joined = pc.binary_join_element_wise(carrier, number, _APART)
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
