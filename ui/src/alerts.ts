// The queue of alerts, apart from how it is drawn: which are shown, in which order, and what is said of them.
import type { Alert, Cause, Shape } from "./api.ts";
import type { Key, Words } from "./words.ts";

export const KINDS = ["silence", "lane_slow", "hub_overload", "weather_ahead", "unknown_codes"] as const;

/** How bad it is as a sign, whose form tells it without its colour. */
export const SHAPES: Record<Alert["severity"], Shape> = { critical: "late", warning: "risk", info: "moving" };

export interface Shown {
  /** Those on the screen, in the order in which they came there: rows do not jump under the pointer. */
  rows: Alert[];
  /** Those that came since, worst first. */
  fresh: Alert[];
}

/** What is shown once the server has told the queue anew: rows change where they stand, new ones wait until they are wanted. */
export function renew(before: Shown | null, told: readonly Alert[]): Shown {
  if (!before) return { rows: [...told], fresh: [] };
  const now = new Map(told.map((each) => [each.id, each]));
  const newer = (shown: Alert, other: Alert) => (other.version < shown.version ? shown : other);
  const rows = before.rows.flatMap((each) => {
    const found = now.get(each.id);
    return found ? newer(each, found) : [];
  });
  const known = new Set(rows.map((each) => each.id));
  return { rows, fresh: told.filter((each) => !known.has(each.id)) };
}

/** All of them, the worst first as the server has them. */
export const welcome = (told: readonly Alert[]): Shown => ({ rows: [...told], fresh: [] });

type Naming = (facility: string | null) => string;

/** Where it is: from one place to another, at one, or all over a carrier; of a code which one. */
export function placeOf(alert: Pick<Alert, "carrier" | "facility" | "towards" | "words">, name: Naming): string {
  const code = alert.words["code"];
  if (code) return [alert.carrier, code].filter(Boolean).join(": ");
  if (alert.facility && alert.towards) return `${name(alert.facility)} → ${name(alert.towards)}`;
  return name(alert.facility) || alert.carrier || "";
}

/** A cause in words. */
export function sayCause(cause: Cause, words: Words, name: Naming): string {
  const from = name(cause.facility);
  const to = name(cause.towards);
  const values = { carrier: cause.carrier ?? "", from, to, share: words.percent(cause.weight) };
  if (cause.kind === "departure") {
    const at = [cause.vehicle, cause.departed_at && words.stamp(cause.departed_at)].filter(Boolean).join(", ");
    return words.say(to ? "cause_departure" : "cause_departure_from", { ...values, at });
  }
  if (cause.kind === "weather") {
    const weather = `reason_${cause.weather}` as Key;
    const what = ["storm", "snow", "flood", "heat"].includes(cause.weather ?? "") ? words.say(weather) : (cause.weather ?? "");
    return words.say("cause_weather", { ...values, what });
  }
  if (cause.kind === "carrier") return words.say(cause.within_km === null ? "cause_carrier" : "cause_carrier_near", values);
  return words.say(cause.kind === "leg" ? "cause_leg" : "cause_hub", values);
}
