import { describe, expect, it } from "vitest";
import type { LaneRow, Part, Scorecard } from "../src/api.ts";
import { fileOf, nextSorting, partOf, readDays, readSorting, rowsOf, secondsOf, sinceOf, sortRows, sumLanes } from "../src/carriers.ts";

const part = (count: number, of: number): Part => ({ count, of, share: of ? count / of : null });
const card = (carrier: string, more: Partial<Scorecard> = {}): Scorecard => ({
  carrier, parcels: 10, scans: 100,
  freshness: { scans: 90, p50_s: 60, p90_s: 600, p99_s: 7200, over_hour: part(5, 90), over_day: part(0, 90) },
  completeness: { accepted: part(9, 10), moved: part(8, 10), out_for_delivery: part(7, 10), ended: part(3, 4), silent: part(1, 10) },
  early: part(0, 90), shift: { verdict: "none", minutes: null, scans: 90 }, unknown: part(2, 100), unknown_codes: [], impossible: part(0, 10), out_of_order: part(1, 10), sampled: 1,
  ...more,
});
const lane = (carrier: string, origin: string, p50_h: number | null, on_time: Part, parcels = 10): LaneRow => ({
  carrier, origin, destination: "CN-上海", times: { parcels, delivered: 0, on_the_way: 0, gone: 0, p50_h, p80_h: null, p90_h: null, on_time },
});
const LANES = [
  lane("yto", "CN-浙江", 20, part(8, 10)), lane("zto", "CN-浙江", 22, part(3, 4)), lane("sf", "CN-浙江", null, part(0, 0)),
  lane("yto", "CN-江苏", 30, part(1, 10), 40), lane("zto", "CN-江苏", 30, part(0, 0)), lane("yto", "CN-北京", 40, part(0, 0)),
];
const names = (rows: { card: Scorecard }[]) => rows.map((each) => each.card.carrier).join(" ");

describe("the stretch", () => {
  it("is one of those there are", () => expect([null, "7", "30", "90", "8", "7.0", "x"].map(readDays)).toEqual([30, 7, 30, 90, 30, 30, 30]));
  it("begins with a day, by the server's clock", () => expect(sinceOf("2026-11-22T15:04:05.678Z", 7)).toBe("2026-11-15T00:00:00.000Z"));
});

describe("lanes", () => {
  const sums = sumLanes(LANES);
  it("add their counts up", () => {
    expect(sums.get("yto")?.on_time).toEqual(part(9, 20));
    expect(sums.get("sf")?.on_time).toEqual(part(0, 0));
    expect(sums.get("yto")?.lanes.map((each) => each.origin)).toEqual(["CN-江苏", "CN-浙江", "CN-北京"]);
  });
  it("compare times only where others are timed too", () => {
    expect(sums.get("yto")?.fastest).toEqual(part(2, 2));
    expect(sums.get("zto")?.fastest).toEqual(part(1, 2));
    expect(sums.get("sf")?.fastest).toEqual(part(0, 0));
  });
});

describe("figures", () => {
  it("are those of the card, and of lanes once they are known", () => {
    const [one] = rowsOf([card("yto")], null);
    const [other] = rowsOf([card("none")], sumLanes(LANES));
    expect(one && [partOf(one, "on_time"), partOf(one, "out"), partOf(one, "disordered"), partOf(one, "median"), secondsOf(one, "p90")]).toEqual([null, part(7, 10), part(1, 10), null, 600]);
    expect(other && partOf(other, "on_time")).toEqual(part(0, 0));
  });
});

describe("sorting", () => {
  const rows = rowsOf([card("yto", { scans: 300 }), card("zto", { scans: 500, shift: { verdict: "behind", minutes: -480, scans: 90 } }), card("sf", { shift: { verdict: "too_few", minutes: null, scans: 3 } })], sumLanes(LANES));
  it.each([
    [null, "zto yto sf"], ["nonsense", "zto yto sf"], ["carrier", "sf yto zto"], ["-carrier", "zto yto sf"], ["scans", "sf yto zto"],
    ["on_time", "yto zto sf"], ["-on_time", "zto yto sf"], ["-fastest", "yto zto sf"], ["shift", "yto zto sf"], ["-shift", "zto yto sf"], ["median", "zto yto sf"],
  ])("by %s: %s", (asked, told) => expect(names(sortRows(rows, readSorting(asked)))).toBe(told));
  it("turns round when asked again", () => {
    expect(nextSorting(readSorting(null), "on_time")).toBe("-on_time");
    expect(nextSorting(readSorting("-on_time"), "on_time")).toBe("on_time");
    expect(nextSorting(readSorting("-on_time"), "carrier")).toBe("carrier");
  });
});

describe("the file", () => {
  it("has a line for each carrier", () => {
    const code = { code: "=HYPERLINK(1)", scans: 2, first_at: "", last_at: "", number: "" };
    const [head = "", line = "", ...rest] = fileOf(rowsOf([card("yto", { unknown_codes: [code] })], null)).split("\r\n");
    expect(head.startsWith("\uFEFFcarrier,parcels,scans,live_scans,p50_s")).toBe(true);
    expect(line.startsWith("yto,10,100,90,60,600,7200,none,,")).toBe(true);
    expect(line.endsWith(",1,'=HYPERLINK(1)")).toBe(true);
    expect(line.split(",")).toHaveLength(head.split(",").length);
    expect(line.split(",")[head.split(",").indexOf("on_time")]).toBe("");
    expect(rest).toEqual([""]);
  });
});
