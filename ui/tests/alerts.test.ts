import { describe, expect, it } from "vitest";
import { placeOf, renew, sayCause, welcome } from "../src/alerts.ts";
import type { Alert, Cause } from "../src/api.ts";
import { LANGUAGES, type LanguageCode, loadWords } from "../src/words.ts";

const alert = (id: string, more: Partial<Alert> = {}): Alert => ({
  id,
  kind: "silence",
  severity: "warning",
  state: "open",
  carrier: "yto",
  facility: null,
  towards: null,
  assignee: null,
  snoozed_until: null,
  since: "2026-11-22T03:10:00Z",
  first_seen_at: "2026-11-22T03:10:00Z",
  last_seen_at: "2026-11-22T03:10:00Z",
  parcels: 3,
  most_parcels: 3,
  causes: [],
  figures: {},
  words: {},
  version: 1,
  ...more,
});
const cause = (more: Partial<Cause>): Cause => ({
  kind: "hub", weight: 0.8, carrier: "yto", facility: "yto/HZ", towards: null, within_km: null, departed_at: null, vehicle: null, weather: null, parcels: 9, ...more,
});
const name = (facility: string | null) => (facility === "yto/HZ" ? "Hangzhou" : (facility ?? ""));
const ids = (rows: Alert[]) => rows.map((each) => each.id).join("");

describe("what is shown of a queue that changes", () => {
  it("is all of it at first", () => {
    expect(renew(null, [alert("b"), alert("a")])).toEqual({ rows: [alert("b"), alert("a")], fresh: [] });
  });

  it("stays in its order, changes in place, and lets new ones wait", () => {
    const shown = renew(renew(null, [alert("b"), alert("a")]), [alert("c"), alert("a", { parcels: 9 }), alert("b")]);
    expect(ids(shown.rows)).toBe("ba");
    expect(shown.rows[1]?.parcels).toBe(9);
    expect(ids(shown.fresh)).toBe("c");
  });

  it("keeps what was done since the answer was made", () => {
    const before = renew(null, [alert("a", { version: 3, assignee: "me" })]);
    expect(renew(before, [alert("a", { version: 2 })]).rows[0]?.assignee).toBe("me");
  });

  it("loses those that are gone, from the new ones too", () => {
    const before = renew(renew(null, [alert("a")]), [alert("c"), alert("a")]);
    expect(renew(before, [])).toEqual({ rows: [], fresh: [] });
  });

  it("is in the order of the server once the new ones are wanted", () => {
    expect(ids(welcome([alert("c"), alert("a")]).rows)).toBe("ca");
  });
});

describe("where an alert is", () => {
  it.each([
    ["a lane", { facility: "yto/HZ", towards: "yto/BJ" }, "Hangzhou → yto/BJ"],
    ["a hub", { facility: "yto/HZ" }, "Hangzhou"],
    ["a carrier", {}, "yto"],
    ["a code", { words: { code: "ODD" } }, "yto: ODD"],
    ["nowhere", { carrier: null }, ""],
  ])("%s", (_, more, said) => {
    expect(placeOf(alert("a", more), name)).toBe(said);
  });
});

describe("causes in words", () => {
  it.each(Object.keys(LANGUAGES) as LanguageCode[])("leave no gap in %s", async (code) => {
    const words = await loadWords(code);
    for (const kind of ["departure", "leg", "hub", "carrier", "weather"]) {
      for (const more of [{}, { towards: "yto/BJ", departed_at: "2026-11-22T03:10:00Z", vehicle: "A-1", within_km: 80, weather: "storm" }]) {
        const said = sayCause(cause({ kind, ...more }), words, name);
        expect(said).not.toMatch(/[{}]|undefined|null/);
        expect(said).toMatch(/80\s?%/);
      }
    }
  });

  it("name the departure", async () => {
    const words = await loadWords("en");
    const said = sayCause(cause({ kind: "departure", towards: "yto/BJ", departed_at: "2026-11-22T03:10:00Z", vehicle: "A-1" }), words, name);
    expect(said).toContain("Hangzhou to yto/BJ (A-1, Sun 22 Nov, 03:10)");
  });
});
