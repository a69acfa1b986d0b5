// Comparing carriers: the figures of their scorecards, what their lanes add up to, sorting, and a file of it.
import type { LaneRow, Part, Scorecard } from "./api.ts";
import { asCsv } from "./files.ts";

export const PERIODS = [7, 30, 90] as const;
/** What the server takes unless told. */
export const USUAL_DAYS = 30;

/** The figures by what they are about; docs/reference/scorecards.md says what each means. */
export const GROUPS = {
  lanes: ["on_time", "fastest"],
  fresh: ["median", "p90", "p99", "over_hour", "over_day"],
  complete: ["accepted", "moved", "out", "ended", "silent"],
  clock: ["early", "shift"],
  codes: ["unknown", "impossible", "disordered"],
} as const;

export type Group = keyof typeof GROUPS;
export type Figure = (typeof GROUPS)[Group][number];

export interface LaneSum {
  /** Most parcels first. */
  lanes: LaneRow[];
  on_time: Part;
  /** Of the lanes on which others are timed too, those on which nobody's half arrives sooner. */
  fastest: Part;
}

export interface Row {
  card: Scorecard;
  /** Null while it is not known. */
  lanes: LaneSum | null;
}

export const readDays = (asked: string | null): number => PERIODS.find((each) => String(each) === asked) ?? USUAL_DAYS;

/** The beginning of the day, in UTC, that is so many days before an instant of the server's: as it reckons its own. */
export function sinceOf(until: string, days: number): string {
  const day = 86_400_000;
  return new Date(Math.floor(Date.parse(until) / day) * day - days * day).toISOString();
}

const part = (count: number, of: number): Part => ({ count, of, share: of ? count / of : null });

const NO_LANES: LaneSum = { lanes: [], on_time: part(0, 0), fastest: part(0, 0) };

/** What the lanes of each carrier add up to. Counts can be added; the hours within which half arrive cannot, so they are compared lane by lane. */
export function sumLanes(lanes: LaneRow[]): Map<string, LaneSum> {
  const timed = new Map<string, number[]>();
  const nameOf = (lane: LaneRow) => `${lane.origin}|${lane.destination}`;
  for (const lane of lanes) {
    if (lane.times.p50_h !== null) timed.set(nameOf(lane), [...(timed.get(nameOf(lane)) ?? []), lane.times.p50_h]);
  }
  const found = new Map<string, LaneSum>();
  for (const carrier of new Set(lanes.map((lane) => lane.carrier))) {
    const own = lanes.filter((lane) => lane.carrier === carrier);
    const shared = own.filter((lane) => lane.times.p50_h !== null && (timed.get(nameOf(lane))?.length ?? 0) > 1);
    const ahead = shared.filter((lane) => (lane.times.p50_h ?? Infinity) <= Math.min(...(timed.get(nameOf(lane)) ?? [])));
    const sum = (figure: "count" | "of") => own.reduce((total, lane) => total + lane.times.on_time[figure], 0);
    found.set(carrier, {
      lanes: own.toSorted((one, other) => other.times.parcels - one.times.parcels),
      on_time: part(sum("count"), sum("of")),
      fastest: part(ahead.length, shared.length),
    });
  }
  return found;
}

export function rowsOf(cards: Scorecard[], lanes: Map<string, LaneSum> | null): Row[] {
  return cards.map((card) => ({ card, lanes: lanes && (lanes.get(card.carrier) ?? NO_LANES) }));
}

/** A figure that is so many of so many; null of one that is not, or not known yet. */
export function partOf({ card, lanes }: Row, figure: Figure): Part | null {
  switch (figure) {
    case "on_time":
    case "fastest":
      return lanes && lanes[figure];
    case "over_hour":
    case "over_day":
      return card.freshness[figure];
    case "accepted":
    case "moved":
    case "ended":
    case "silent":
      return card.completeness[figure];
    case "out":
      return card.completeness.out_for_delivery;
    case "disordered":
      return card.out_of_order;
    case "early":
    case "unknown":
    case "impossible":
      return card[figure];
    default:
      return null;
  }
}

/** A figure that is a time, in seconds. */
export function secondsOf({ card }: Row, figure: Figure): number | null {
  const { p50_s, p90_s, p99_s } = card.freshness;
  return figure === "median" ? p50_s : figure === "p90" ? p90_s : figure === "p99" ? p99_s : null;
}

export type Sorting = Figure | "carrier" | "parcels" | "scans";

/** What rows are sorted by; a shift by how far it is, whichever way. */
function rankOf(row: Row, by: Sorting): number | string | null {
  if (by === "carrier") return row.card.carrier;
  if (by === "parcels" || by === "scans") return row.card[by];
  if (by === "shift") return row.card.shift.verdict === "too_few" ? null : Math.abs(row.card.shift.minutes ?? 0);
  return partOf(row, by)?.share ?? secondsOf(row, by);
}

export const SORTINGS: Sorting[] = ["carrier", "parcels", "scans", ...Object.values(GROUPS).flat()];

/** How rows are sorted, as it stands in the address: `on_time`, or `-on_time` with the greatest first. */
export function readSorting(asked: string | null): { by: Sorting; down: boolean } {
  const down = asked?.startsWith("-") ?? true;
  const by = SORTINGS.find((each) => each === (down ? asked?.slice(1) : asked));
  return by ? { by, down } : { by: "scans", down: true };
}

/** What the address becomes when the head of a column is pressed: figures begin with the greatest, names with A. */
export function nextSorting(now: { by: Sorting; down: boolean }, by: Sorting): string {
  const down = now.by === by ? !now.down : by !== "carrier";
  return down ? `-${by}` : by;
}

/** Of which nothing is known comes last, whichever way; of equals the one with more scans first. */
export function sortRows(rows: Row[], { by, down }: { by: Sorting; down: boolean }): Row[] {
  const way = down ? -1 : 1;
  return rows.toSorted((one, other) => {
    const [left, right] = [rankOf(one, by), rankOf(other, by)];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    if (left !== right) return left < right ? -way : way;
    return other.card.scans - one.card.scans;
  });
}

/** The rows as a file: of each share how many, and of how many. */
export function fileOf(rows: Row[]): string {
  const shares = SORTINGS.filter((each) => !["carrier", "parcels", "scans", "median", "p90", "p99", "shift"].includes(each)) as Figure[];
  const names = ["carrier", "parcels", "scans", "live_scans", "p50_s", "p90_s", "p99_s", "shift", "shift_minutes", ...shares.flatMap((each) => [each, `${each}_of`]), "sampled", "unknown_codes"];
  const lines = rows.map((row) => {
    const { card } = row;
    const { scans, p50_s, p90_s, p99_s } = card.freshness;
    return [
      ...[card.carrier, card.parcels, card.scans, scans, p50_s, p90_s, p99_s, card.shift.verdict, card.shift.minutes],
      ...shares.flatMap((each) => [partOf(row, each)?.count ?? null, partOf(row, each)?.of ?? null]),
      card.sampled,
      card.unknown_codes.map((each) => each.code).join(" "),
    ];
  });
  return asCsv([names, ...lines]);
}
