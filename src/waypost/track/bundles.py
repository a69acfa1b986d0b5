"""Which scans belong to which parcel: the records say what numbers a parcel bears and when, the index what came.

However many scans somebody sends for one number, a look-up reads a bounded part: of each parcel the newest scans, and
where those are not all, the states of its numbers, which know of every scan.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.scans import SCAN_SCHEMA
from waypost.store.protocols import Memory, ParcelIndex
from waypost.track.records import Link, find_parcels, list_links

#: Of each number of a parcel so many scans are read, the newest; where a look-up came to more than `MOST_ROWS` in all,
#: half as many, and so on down to `FEWEST_SCANS`, which a parcel that nobody plays tricks with hardly has.
MOST_SCANS = 500
FEWEST_SCANS = 64
MOST_ROWS = 5_000

#: Of the parcels that bear one number and stand in no record so many are looked at, those of the first carriers.
MOST_BEARING = 1_000


class Bundle(msgspec.Struct):
    """A parcel on its way to a view.

    Attributes:
        waybills: all numbers that it bears; the first names it.
        parcel: what the records say of it, None if it is known by its scans alone.
        timeline: its scans that were read, oldest first number by number.
        cut: those of its numbers that have older scans, which were not read.
        states: of its numbers, if any is cut and no other parcel has a part in them.
        is_read: whether its scans were asked for.
    """

    waybills: list[Waybill]
    parcel: Parcel | None = None
    timeline: pa.Table = SCAN_SCHEMA.empty_table()
    cut: frozenset[Waybill] = frozenset()
    states: pa.Table | None = None
    is_read: bool = False

    @property
    def id(self) -> str:
        """Of the parcel."""
        return self.parcel.id if self.parcel else parcel_id(self.waybills[0])

    @property
    def key(self) -> tuple[str, str]:
        """Parcels stand in this order."""
        return self.waybills[0].number, self.waybills[0].carrier

    @property
    def scans(self) -> int:
        """How many it has, those not read among them; at least so many if it is not `complete`."""
        if self.states is not None:
            return sum(self.states.column("scans").to_pylist())
        return int(self.timeline.num_rows)

    @property
    def complete(self) -> bool:
        """Whether all its scans count. Of a number that is cut and shared nobody knows whose the older scans are."""
        return not self.cut or self.states is not None

    def bears(self, numbers: set[str], carrier: str | None) -> bool:
        """Whether one of the numbers is its order's or on one of its waybills, and a carrier, if named, has it."""
        if carrier is not None and carrier not in {waybill.carrier for waybill in self.waybills}:
            return False
        if self.parcel is not None and self.parcel.order_number in numbers:
            return True
        return any(waybill.number in numbers for waybill in self.waybills)


#: Of the parcels that bear a number, those whose scans are read; of all others nothing but the numbers is known.
Choose = Callable[[list[Bundle]], list[Bundle]]


def gather(memory: Memory, numbers: Sequence[str], scanned: Sequence[Waybill], choose: Choose) -> list[Bundle]:
    """All parcels that bear one of the numbers, by first number; those that are chosen with their newest scans.

    Args:
        memory: what is asked.
        numbers: whole numbers, of waybills or orders.
        scanned: the waybills of those numbers that the index knows, as far as they are wanted.
        choose: see `Choose`.
    """
    numbers = list(dict.fromkeys(numbers))
    with memory.records.read() as connection:
        parcels = find_parcels(connection, numbers)
        links = list_links(connection, [parcel.id for parcel in parcels])
        bundles = _bundles(parcels, links, scanned)
        chosen = choose(bundles)
        borne = {waybill.number for bundle in chosen for waybill in bundle.waybills}
        if further := list(borne.difference(numbers)):  # other parcels may bear the same numbers at other times
            others = [parcel.id for parcel in find_parcels(connection, further)]
            links = list_links(connection, list(dict.fromkeys([*(parcel.id for parcel in parcels), *others])))
    _read(memory.index, chosen, links)
    # what the records claim to the last scan is no parcel of its own
    return [each for each in bundles if each.parcel is not None or not each.is_read or each.timeline.num_rows]


def read_states(index: ParcelIndex, waybills: Sequence[Waybill]) -> pa.Table:
    """The states of some waybills, by number and carrier."""
    tables = [index.states(numbers, carrier) for carrier, numbers in _by_carrier(waybills).items()]
    found = pa.concat_tables(tables or [index.states([])]).unify_dictionaries()
    return found.sort_by([("number", "ascending"), ("carrier", "ascending")])


def waybills_of(states: pa.Table) -> list[Waybill]:
    """The waybills of some states."""
    pairs = zip(states.column("carrier").to_pylist(), states.column("number").to_pylist(), strict=True)
    return [Waybill(carrier, number) for carrier, number in pairs]


def _bundles(parcels: Sequence[Parcel], links: Sequence[Link], scanned: Sequence[Waybill]) -> list[Bundle]:
    """Parcels by first number with all numbers that they bear, without scans as yet."""
    further: dict[str, list[Waybill]] = {}
    for link in links:
        further.setdefault(link.parcel_id, []).append(link.waybill)
    bundles = [Bundle(list(dict.fromkeys([parcel.waybill, *further.get(parcel.id, [])])), parcel) for parcel in parcels]
    claimed = {parcel.waybill for parcel in parcels} | {link.waybill for link in links if _is_unbounded(link)}
    bundles += [Bundle([waybill]) for waybill in scanned if waybill not in claimed]
    return sorted(bundles, key=lambda bundle: bundle.key)


def _read(index: ParcelIndex, bundles: Sequence[Bundle], links: Sequence[Link]) -> None:
    """Give parcels their scans. `links` are all those of their waybills."""
    waybills = list(dict.fromkeys(waybill for bundle in bundles for waybill in bundle.waybills))
    states = read_states(index, waybills)
    counts = dict(zip(waybills_of(states), states.column("scans").to_pylist(), strict=True))
    most = _share(list(counts.values()))
    timelines: dict[Waybill, pa.Table] = {}
    for carrier, numbers in _by_carrier(counts).items():
        timelines |= _split(index.timelines(numbers, carrier, most), carrier)
    cut = {waybill for waybill, timeline in timelines.items() if counts[waybill] > timeline.num_rows}

    claims: dict[Waybill, list[Link]] = {}
    claimed: dict[str, list[pa.Table]] = {}
    for link in links:  # before anyone takes all under a waybill
        claims.setdefault(link.waybill, []).append(link)
        if link.waybill in timelines:
            claimed.setdefault(link.parcel_id, []).append(_claim(link, timelines))
    for bundle in bundles:
        own = timelines.get(bundle.waybills[0], bundle.timeline)
        bundle.timeline = pa.concat_tables([own, *claimed.get(bundle.id, [])]).unify_dictionaries()
        bundle.is_read = True
        bundle.cut = frozenset(cut.intersection(bundle.waybills))
        if bundle.cut and _is_alone(bundle, claims):
            mine = [waybill in bundle.waybills for waybill in waybills_of(states)]
            bundle.states = states.filter(pa.array(mine))


def _is_alone(bundle: Bundle, claims: dict[Waybill, list[Link]]) -> bool:
    """Whether every scan under the numbers of a parcel is its own."""
    first, *further = bundle.waybills
    by_link = [claims.get(waybill, []) for waybill in further]
    return not claims.get(first) and all(
        [link.parcel_id for link in links] == [bundle.id] and _is_unbounded(links[0]) for links in by_link
    )


def _is_unbounded(link: Link) -> bool:
    return link.since_ms is None and link.until_ms is None


def _claim(link: Link, timelines: dict[Waybill, pa.Table]) -> pa.Table:
    """Take the scans that a link holds out of the timelines."""
    whole = timelines[link.waybill]
    at_ms = np.asarray(whole.column("at").cast(pa.int64()))
    holds = np.ones(len(at_ms), np.bool_)
    if link.since_ms is not None:
        holds &= at_ms >= link.since_ms
    if link.until_ms is not None:
        holds &= at_ms < link.until_ms
    timelines[link.waybill] = whole.filter(pa.array(~holds))
    return whole.filter(pa.array(holds))


def _share(counts: Sequence[int]) -> int:
    """How many scans of each number to read, where they have so many."""
    most = MOST_SCANS
    while most > FEWEST_SCANS and sum(min(count, most) for count in counts) > MOST_ROWS:
        most = max(most // 2, FEWEST_SCANS)
    return most


def _by_carrier(waybills: Iterable[Waybill]) -> dict[str, list[str]]:
    numbers: dict[str, list[str]] = {}
    for waybill in waybills:
        numbers.setdefault(waybill.carrier, []).append(waybill.number)
    return numbers


def _split(timelines: pa.Table, carrier: str) -> dict[Waybill, pa.Table]:
    """One table for each parcel of a table that is sorted by number and has one carrier."""
    runs = pc.run_end_encode(timelines.column("number").combine_chunks())
    ends = runs.run_ends.to_pylist()
    return {
        Waybill(carrier, number): timelines.slice(start, end - start)
        for number, start, end in zip(runs.values.to_pylist(), [0, *ends], ends, strict=False)
    }
