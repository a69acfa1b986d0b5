"""Scorecards: how well each carrier tells what happens, reckoned from its scans and not from its claims.

Everything is asked of `History` as expressions; what comes back is small. A number is judged by itself, for it is the
carrier's own: what another carrier says of the same parcel under another number is that carrier's.
"""

from collections.abc import Mapping
from typing import Any

import ibis
import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.instants import DAY_MS, EARLIEST_MS, LATEST_MS, format_utc
from waypost.store.protocols import History
from waypost.track.shifts import Shift, find_shift
from waypost.track.standing import Ask, in_milliseconds, instant, read_standing
from waypost.track.statuses import impossible_pairs, list_statuses
from waypost.track.tables import CodeTables

#: A parcel under way of which nothing was heard for so many days has fallen silent.
SILENT_DAYS = 5

#: Parcels of the stretch are looked at as a whole, that is, up to so many days before it.
DAYS_BEFORE = 60

#: So many unknown codes of a carrier are named.
MOST_CODES = 20

#: Of a carrier with more parcels the order of scans is looked at on about so many, chosen by a digest of their numbers.
MOST_SAMPLED = 10_000

#: Stamps are cut or rounded to minutes and clocks differ a little: no scan is called early for less.
EARLY_S = 120

_HOUR_S, _DAY_S = 3600, 86_400

#: Delays are counted by the second up to here, then by the minute, then by the hour.
_FINE_S, _MIDDLE_S = 600, 2 * _DAY_S

#: So many of a digest say whether a number is looked at.
_DIGITS = 6


class Part(msgspec.Struct, frozen=True):
    """So many of so many. `share` is None of none."""

    count: int
    of: int
    share: float | None

    @classmethod
    def made(cls, count: int, of: int) -> "Part":
        """With its share, to four digits."""
        return cls(count, of, round(count / of, 4) if of else None)


class Delays(msgspec.Struct, frozen=True, kw_only=True):
    """How long after a scan the network got it, in seconds.

    Attributes:
        scans: live ones, of which it is known when they came; those from history files are not.
        p50_s, p90_s, p99_s: so many seconds, or less, for that share of them; None without any.
        over_hour, over_day: those that took so long or longer.
    """

    scans: int
    p50_s: int | None
    p90_s: int | None
    p99_s: int | None
    over_hour: Part
    over_day: Part


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """Which milestones are told at all.

    Attributes:
        accepted, moved, out_for_delivery: of the delivered parcels those with such a scan; `moved` is a departure or an
            arrival, `out_for_delivery` also that the parcel is ready to be collected.
        ended: of the parcels that went out for delivery and are silent by now those whose end was told.
        silent: of the parcels that the carrier had begun to carry those under way of which nothing is heard any more.
    """

    accepted: Part
    moved: Part
    out_for_delivery: Part
    ended: Part
    silent: Part


class UnheardCode(msgspec.Struct, frozen=True):
    """A code that no table knows: how often it came, when first and last, and the number of a parcel that has it."""

    code: str
    scans: int
    first_at: str
    last_at: str
    number: str


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """How well one carrier tells what happens.

    Attributes:
        parcels, scans: with a scan in the stretch, and scans in it; corrected ones are left out everywhere.
        early: live scans that came before they happened.
        shift: by how much its stamps seem to be off.
        unknown: scans with a code that no table knows. `unknown_codes` are those, most frequent first.
        impossible: parcels on which a scan contradicts the one before, of those with two scans that say a status.
        out_of_order: parcels of which a later scan came before an earlier one, of those with two live scans.
        sampled: the share of parcels that were looked at for these two: 1 unless they are very many.
    """

    carrier: str
    parcels: int
    scans: int
    freshness: Delays
    completeness: Completeness
    early: Part
    shift: Shift
    unknown: Part
    unknown_codes: list[UnheardCode]
    impossible: Part
    out_of_order: Part
    sampled: float


class Scorecards(msgspec.Struct, frozen=True, kw_only=True):
    """All carriers that sent a scan in a stretch of time, most scans first.

    Attributes:
        since, until: RFC 3339; the scans from the one to before the other.
        silent_days: after so many without a scan a parcel is silent.
        days_before: of the stretch, that are looked at too for what happened to its parcels earlier.
        position: everything below it is counted.
    """

    since: str
    until: str
    silent_days: int
    days_before: int
    position: int
    carriers: list[Scorecard]


def read_scorecards(
    history: History, tables: CodeTables, *, since_ms: int, until_ms: int | None, now_ms: int
) -> Scorecards:
    """The scorecards of a stretch of time.

    Args:
        since_ms, until_ms: scans that happened from the one to before the other. Without an end also those are in it
            whose stamps lie ahead of now.
        now_ms: what is silent is so by now, or by the end of the stretch if that is earlier.
    """
    position = history.position()
    standing = read_standing(history, tables)
    end_ms = LATEST_MS + 1 if until_ms is None else until_ms
    whole = _Stretch(max(since_ms - DAYS_BEFORE * DAY_MS, EARLIEST_MS), since_ms, end_ms)
    silent_ms = min(now_ms, end_ms) - SILENT_DAYS * DAY_MS
    told = _read_scans(history, standing, whole)
    parcels = _read_parcels(history, standing, whole, silent_ms)
    orders = _read_orders(history, standing, whole, {who: _sampled(told["parcels"]) for who, told in parcels.items()})
    codes = _read_codes(history, standing, whole)
    cards = [
        _card(carrier, told[carrier], parcels[carrier], orders.get(carrier, _NO_ORDER), codes.get(carrier, []))
        for carrier in sorted(told, key=lambda carrier: (-told[carrier].scans, carrier))
    ]
    return Scorecards(
        since=format_utc(min(max(since_ms, EARLIEST_MS), LATEST_MS)),
        until=format_utc(min(max(now_ms if until_ms is None else until_ms, EARLIEST_MS), LATEST_MS)),
        silent_days=SILENT_DAYS,
        days_before=DAYS_BEFORE,
        position=position,
        carriers=cards,
    )


class _Stretch(msgspec.Struct, frozen=True):
    """From `since_ms` to before `end_ms`, and the time before in which its parcels are looked at too."""

    first_ms: int
    since_ms: int
    end_ms: int

    def of(self, scans: Any) -> Any:
        """The scans in it. By bare comparisons: only those let engines skip what lies outside."""
        return scans.filter(scans.at >= instant(self.since_ms), scans.at < instant(self.end_ms))

    def of_parcels(self, scans: Any) -> Any:
        """Those before it too."""
        return scans.filter(scans.at >= instant(self.first_ms), scans.at < instant(self.end_ms))


class _Told(msgspec.Struct, frozen=True):
    """The scans of a carrier. The arrays count live ones by their delay in seconds, ascending."""

    scans: int
    unknown: int
    seconds: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    @property
    def live(self) -> int:
        return int(self.counts.sum())

    def quantile(self, share: float) -> int | None:
        """The least delay within which that share came; None without any."""
        if not len(self.counts):
            return None
        reached = np.cumsum(self.counts)
        return int(self.seconds[np.searchsorted(reached, np.ceil(share * reached[-1]))])

    def over(self, seconds: int) -> Part:
        """Those that took so long or longer."""
        return Part.made(int(self.counts[self.seconds >= seconds].sum()), self.live)

    def early(self) -> Part:
        """Those that came before they happened."""
        return Part.made(int(self.counts[self.seconds < -EARLY_S].sum()), self.live)


def _card(
    carrier: str, told: _Told, parcels: Mapping[str, int], orders: Mapping[str, int], codes: list[UnheardCode]
) -> Scorecard:
    delivered = parcels["delivered"]
    return Scorecard(
        carrier=carrier,
        parcels=parcels["parcels"],
        scans=told.scans,
        freshness=Delays(
            scans=told.live,
            p50_s=told.quantile(0.5),
            p90_s=told.quantile(0.9),
            p99_s=told.quantile(0.99),
            over_hour=told.over(_HOUR_S),
            over_day=told.over(_DAY_S),
        ),
        completeness=Completeness(
            accepted=Part.made(parcels["accepted"], delivered),
            moved=Part.made(parcels["moved"], delivered),
            out_for_delivery=Part.made(parcels["out_for_delivery"], delivered),
            ended=Part.made(parcels["ended"], parcels["went_out"]),
            silent=Part.made(parcels["silent"], parcels["begun"]),
        ),
        early=told.early(),
        shift=find_shift(told.live, told.quantile(0.05), told.quantile(0.25)),
        unknown=Part.made(told.unknown, told.scans),
        unknown_codes=codes,
        impossible=Part.made(orders["impossible"], orders["judged"]),
        out_of_order=Part.made(orders["out_of_order"], orders["timed"]),
        sampled=round(_sampled(parcels["parcels"]), 4),
    )


def _sampled(parcels: int) -> float:
    """The share of so many parcels that is looked at."""
    return min(MOST_SAMPLED / max(parcels, 1), 1.0)


def _read_scans(history: History, standing: Ask, stretch: _Stretch) -> dict[str, _Told]:
    """Scans by carrier and delay: few rows however many there are, and what engines count apart can be added."""

    def ask(scans: Any) -> Any:
        found = standing(stretch.of(scans))
        late_ms = in_milliseconds(found.recorded_at) - in_milliseconds(found.at)
        long_s = late_ms.abs() / 1000
        step_s = ibis.ifelse(long_s < _FINE_S, 1, ibis.ifelse(long_s < _MIDDLE_S, 60, _HOUR_S))
        seconds = (late_ms / (step_s * 1000)).floor().cast("int64") * step_s
        counted = found.group_by("carrier", seconds=seconds)
        told = counted.aggregate(scans=ibis._.count(), unknown=(ibis._.status == "unknown").sum())
        return told.order_by("carrier", "seconds")

    found: dict[str, list[tuple[int | None, int, int]]] = {}
    for row in history.run(ask).to_pylist():
        found.setdefault(row["carrier"], []).append((row["seconds"], row["scans"], row["unknown"]))
    return {carrier: _add_up(rows) for carrier, rows in found.items()}


def _add_up(rows: list[tuple[int | None, int, int]]) -> _Told:
    live = np.array([(seconds, scans) for seconds, scans, _ in rows if seconds is not None], np.int64).reshape(-1, 2)
    return _Told(sum(scans for _, scans, _ in rows), sum(unknown for _, _, unknown in rows), live[:, 0], live[:, 1])


def _read_codes(history: History, standing: Ask, stretch: _Stretch) -> dict[str, list[UnheardCode]]:
    """The codes that no table knows, by carrier."""

    def ask(scans: Any) -> Any:
        unknown = standing(stretch.of(scans)).filter(ibis._.status == "unknown")
        codes = unknown.group_by("carrier", "code").aggregate(
            scans=unknown.count(),
            first_ms=in_milliseconds(unknown.at.min()),
            last_ms=in_milliseconds(unknown.at.max()),
            number=unknown.number.max(),
        )
        place = ibis.row_number().over(group_by="carrier", order_by=[ibis.desc("scans"), "code"])
        return codes.mutate(place=place).filter(ibis._.place < MOST_CODES).order_by("carrier", "place")

    found: dict[str, list[UnheardCode]] = {}
    for row in history.run(ask).to_pylist():
        first_at, last_at = format_utc(row["first_ms"]), format_utc(row["last_ms"])
        code = UnheardCode(row["code"], row["scans"], first_at, last_at, row["number"])
        found.setdefault(row["carrier"], []).append(code)
    return found


def _read_parcels(history: History, standing: Ask, stretch: _Stretch, silent_ms: int) -> dict[str, dict[str, int]]:
    """Parcels by carrier: those with a scan in the stretch, each looked at as a whole."""
    counted = ("begun", "silent", "delivered", "accepted", "moved", "out_for_delivery", "went_out", "ended")

    def ask(scans: Any) -> Any:
        told = _by_number(standing(stretch.of_parcels(scans)), instant(stretch.since_ms)).filter(ibis._.is_in)
        is_silent = told.last_at < instant(silent_ms)
        told = told.mutate(
            silent=told.begun & is_silent & ~told.is_finished,
            went_out=told.out_for_delivery & is_silent,
            ended=told.out_for_delivery & is_silent & told.is_ended,
            **{name: told[name] & told.delivered for name in ("accepted", "moved", "out_for_delivery")},
        )
        return told.group_by("carrier").aggregate(parcels=told.count(), **{name: told[name].sum() for name in counted})

    return {row.pop("carrier"): row for row in history.run(ask).to_pylist()}


#: Of a carrier of which no parcel was looked at.
_NO_ORDER = {"judged": 0, "impossible": 0, "timed": 0, "out_of_order": 0}


def _read_orders(
    history: History, standing: Ask, stretch: _Stretch, shares: Mapping[str, float]
) -> dict[str, dict[str, int]]:
    """Parcels by carrier whose scans contradict each other or came out of order, of a share of each one's parcels."""
    least = {carrier: f"{round(share * 16**_DIGITS):0{_DIGITS}x}" for carrier, share in shares.items() if share < 1}

    def ask(scans: Any) -> Any:
        scans = stretch.of_parcels(scans)
        if least:
            digest = scans.number.hexdigest("md5").left(_DIGITS)
            scans = scans.filter(digest < scans.carrier.cases(*least.items(), else_="g"))  # which all digests are below
        marked = _in_order(standing(scans))
        told = marked.group_by("carrier", "number").aggregate(
            is_in=(marked.at >= instant(stretch.since_ms)).any(),
            judged=(marked.phase >= 0).sum() > 1,
            timed=marked.recorded_at.count() > 1,
            impossible=_any(marked.impossible),
            out_of_order=_any(marked.out_of_order),
        )
        told = told.filter(told.is_in)
        return told.group_by("carrier").aggregate(**{name: told[name].sum() for name in _NO_ORDER})

    return {row.pop("carrier"): row for row in history.run(ask).to_pylist()}


def _in_order(found: Any) -> Any:
    """Say of each scan whether it contradicts the one before under its number, and whether it came before that one.

    As `timeline.judge_timeline` does: scans without a status, and those of which it is not known when they came, are
    stepped over. On a parcel that contradicts itself several times only the first is sure to be found.
    """
    key = [found.carrier, found.number]
    recorded_ms, at_ms = in_milliseconds(found.recorded_at), in_milliseconds(found.at)
    of_statuses = ibis.window(group_by=[*key, found.phase >= 0], order_by=[found.at, found.precedence])
    of_live = ibis.window(group_by=[*key, found.recorded_at.notnull()], order_by=[found.at, found.recorded_at])
    marked = found.select(
        *("carrier", "number", "at", "recorded_at", "phase"),
        change=found.precedence.cast("int64").lag().over(of_statuses) * _STEP + found.precedence.cast("int64"),
        out_of_order=(recorded_ms.lag().over(of_live) > recorded_ms) & (at_ms.lag().over(of_live) < at_ms),
    )
    wrong = ibis.memtable(pa.table({"change": _impossible_changes()}))
    joined = marked.left_join(wrong, marked.change == wrong.change)
    return joined.mutate(impossible=(joined.phase >= 0) & joined.change_right.notnull())


#: Greater than any precedence, by which a status is known.
_STEP = 256


def _impossible_changes() -> pa.Array:
    """As `timeline` judges: what follows an exception is not judged."""
    pairs, statuses = impossible_pairs(), list_statuses()
    found = [
        before.precedence * _STEP + after.precedence
        for before in statuses
        for after in statuses
        if before.group != "exception" and pairs[before.number, after.number]
    ]
    return pa.array(found, pa.int64())


def _by_number(found: Any, since: Any) -> Any:
    """What is known of each number; `delivered` within the stretch, the rest of it also before."""
    milestone, status = found.milestone, found.status
    delivered = milestone == "delivered"
    finished = milestone.isin(("delivered", "returned", "cancelled")) | (status == "lost")
    is_in = found.at >= since
    return found.group_by("carrier", "number").aggregate(
        is_in=is_in.any(),
        last_at=found.at.max(),
        begun=_any((status == "unknown") | (milestone != "created")),
        accepted=_any(milestone == "accepted"),
        moved=_any(milestone.isin(("departed", "arrived"))),
        out_for_delivery=_any(milestone.isin(("out_for_delivery", "ready_to_collect"))),
        delivered=_any(delivered & is_in),
        is_ended=_any(finished | (milestone == "returning")),
        is_finished=_any(finished | (status == "transferred_to_carrier")),
    )


def _any(told: Any) -> Any:
    return told.fill_null(False).any()
