import { describe, expect, it } from "vitest";
import { type Difference, FIELDS, KINDS, compareRuns, draftOf, isOver, newDraft, readDraft, sayChange } from "../src/whatif.ts";
import { loadWords } from "../src/words.ts";

const run = { parcels: 22228, arrived: 20298, lost: 0, kept_share: 0.955, p50_h: 45.6, p90_h: 67.9, worst_backlog: 2055, cost: { currency: "CNY", all: 5093341600, linehaul: 1, sorting: 2, delivery: 3 } };
const difference: Difference = {
  base: run,
  changed: { ...run, kept_share: 0.93, p50_h: 47.6, worst_backlog: 2752, cost: { ...run.cost, all: 5093341600 } },
  hit: 209, later: 203, earlier: 6, added: 0, gone: 0, first_hour: "2026-11-24T01:00:00Z", backlogs: [],
};

describe("what if", () => {
  it("sends numbers as numbers and hubs as they are named", () => {
    const draft = newDraft("close_hub");
    draft.values["hub"] = " yto/330100-H ";
    draft.values["until_hour"] = "12.5";
    expect(readDraft(draft)).toEqual({ kind: "close_hub", hub: "yto/330100-H", from_hour: 0, until_hour: 12.5 });
  });

  it.each(KINDS)("takes a change of kind %s back into the form", (kind) => {
    const draft = newDraft(kind);
    for (const each of FIELDS[kind]) if (each.least === undefined) draft.values[each.name] = "yto/330100-H";
    expect(readDraft(draftOf(readDraft(draft)))).toEqual(readDraft(draft));
  });

  it("says a change by the names of its hubs", async () => {
    const words = await loadWords("en");
    const change = readDraft({ kind: "change_room", values: { hub: "yto/A", towards: "yto/B", times: "2" } });
    expect(sayChange(change, words, (hub) => (hub === "yto/A" ? "Hangzhou" : hub))).toBe("Change room on a leg · Hangzhou → yto/B · Times as much room: 2");
  });

  it("tells the runs beside each other and how they differ", async () => {
    const rows = compareRuns(difference, await loadWords("en"));
    expect(rows.find(([key]) => key === "wif_kept")?.slice(1)).toEqual(["95.5%", "93%", "−2.5%"]);
    expect(rows.find(([key]) => key === "half")?.slice(1)).toEqual(["45.6 h", "47.6 h", "+2 h"]);
    expect(rows.find(([key]) => key === "wif_backlog")?.slice(1)).toEqual(["2,055", "2,752", "+697"]);
    expect(rows.find(([key]) => key === "wif_cost")?.[3]).toBe("±¥0");
  });

  it("knows when nothing more comes", () => {
    const asked = { id: "wif_1", share: 0, who: "", asked_at: "", changes: [], from: "", days: 1, why: null, answer: null };
    expect((["waiting", "running", "done", "failed"] as const).map((stage) => isOver({ ...asked, stage }))).toEqual([false, false, true, true]);
  });
});
