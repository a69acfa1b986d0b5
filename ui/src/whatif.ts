// What if, apart from how it is drawn: which changes there are, what is sent, and what is read of the answer.
import type { Key, Words } from "./words.ts";

export interface Cost {
  currency: string;
  all: number;
  linehaul: number;
  sorting: number;
  delivery: number;
}

export interface RunFigures {
  parcels: number;
  arrived: number;
  lost: number;
  kept_share: number;
  p50_h: number;
  p90_h: number;
  worst_backlog: number;
  cost: Cost;
}

export interface Backlog {
  hub: string;
  name: string;
  base: number[];
  changed: number[];
}

export interface Difference {
  base: RunFigures;
  changed: RunFigures;
  hit: number;
  later: number;
  earlier: number;
  added: number;
  gone: number;
  first_hour: string;
  backlogs: Backlog[];
}

/** A change as it is sent: its kind, and its fields. */
export type Change = { kind: Kind } & Record<string, string | number>;

export interface WhatIf {
  id: string;
  stage: "waiting" | "running" | "done" | "failed";
  share: number;
  who: string;
  asked_at: string;
  changes: Change[];
  from: string;
  days: number;
  why: string | null;
  answer: Difference | null;
}

export interface Field {
  name: string;
  key: Key;
  begin: string;
  /** Least and most of a number; a hub has none. */
  least?: number;
  most?: number;
  whole?: boolean;
}

const HUB: Field = { name: "hub", key: "wif_hub", begin: "" };
const FROM: Field = { name: "from_hour", key: "wif_from_hour", begin: "0", least: 0, most: 240 };

export const KINDS = ["close_hub", "move_cut_off", "change_room", "add_front", "more_demand"] as const;
export type Kind = (typeof KINDS)[number];

export const FIELDS: Record<Kind, Field[]> = {
  close_hub: [HUB, FROM, { name: "until_hour", key: "wif_until_hour", begin: "24", least: 0, most: 240 }],
  move_cut_off: [HUB, { name: "minutes", key: "wif_minutes", begin: "60", least: -1440, most: 1440, whole: true }],
  change_room: [HUB, { name: "towards", key: "wif_towards", begin: "" }, { name: "times", key: "wif_times", begin: "2", least: 0.01, most: 100 }],
  add_front: [
    { name: "latitude", key: "wif_latitude", begin: "28.5", least: -90, most: 90 },
    { name: "longitude", key: "wif_longitude", begin: "121.5", least: -180, most: 180 },
    { name: "radius_km", key: "wif_radius", begin: "300", least: 1, most: 3000 },
    { name: "slower", key: "wif_slower", begin: "3", least: 1, most: 20 },
    FROM,
    { name: "hours", key: "wif_for_hours", begin: "18", least: 1, most: 240 },
  ],
  more_demand: [{ name: "percent", key: "wif_percent", begin: "50", least: -99, most: 1000 }],
};

/** A change as it stands in the form. */
export interface Draft {
  kind: Kind;
  values: Record<string, string>;
}

export const newDraft = (kind: Kind): Draft => ({ kind, values: Object.fromEntries(FIELDS[kind].map((each) => [each.name, each.begin])) });

export const draftOf = ({ kind, ...values }: Change): Draft => ({ kind, values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)])) });

export function readDraft({ kind, values }: Draft): Change {
  const found = FIELDS[kind].map(({ name, least }) => {
    const value = (values[name] ?? "").trim();
    return [name, least === undefined ? value : Number(value)];
  });
  return { kind, ...Object.fromEntries(found) };
}

/** A change in a few words; hubs by their names where these are known. */
export function sayChange(change: Change, words: Words, nameOf: (hub: string) => string): string {
  const hubs = [change["hub"], change["towards"]].filter((each) => typeof each === "string").map((each) => nameOf(String(each)));
  const rest = FIELDS[change.kind].filter((each) => each.least !== undefined).map((each) => `${words.say(each.key)}: ${words.number(Number(change[each.name]))}`);
  return [words.say(`wif_${change.kind}`), hubs.join(" → "), ...rest].filter(Boolean).join(" · ");
}

/** Of a table: what it is, without and with the changes, and how these differ. */
export function compareRuns({ base, changed }: Difference, words: Words): [Key, string, string, string][] {
  function signed(value: number, write: (value: number) => string) {
    const size = write(Math.abs(value));
    return `${size === write(0) ? "±" : value > 0 ? "+" : "−"}${size}`;
  }
  const money = (value: number) => new Intl.NumberFormat(words.locale, { style: "currency", currency: base.cost.currency, currencyDisplay: "narrowSymbol", maximumFractionDigits: 0 }).format(value / 100);
  const share = (value: number) => new Intl.NumberFormat(words.locale, { style: "percent", maximumFractionDigits: 2 }).format(value);
  const row = (key: Key, of: (run: RunFigures) => number, write: (value: number) => string): [Key, string, string, string] => [key, write(of(base)), write(of(changed)), signed(of(changed) - of(base), write)];
  return [
    row("wif_kept", (run) => run.kept_share, share),
    row("half", (run) => run.p50_h, words.hours),
    row("nine_of_ten", (run) => run.p90_h, words.hours),
    row("wif_cost", (run) => run.cost.all, money),
    row("wif_backlog", (run) => run.worst_backlog, words.number),
    row("wif_parcels", (run) => run.parcels, words.number),
    row("wif_arrived", (run) => run.arrived, words.number),
    row("wif_lost", (run) => run.lost, words.number),
  ];
}

export const isOver = (found: WhatIf): boolean => found.stage === "done" || found.stage === "failed";
