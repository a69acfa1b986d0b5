import { describe, expect, it } from "vitest";
import { EventReader, type Live, type Patch, applyPatch } from "../src/live.ts";

const hub = (facility: string, inside: number) => ({
  ...{ carrier: "zto", facility, name: facility, kind: "hub", city: null, country: null, latitude: 31, longitude: 121 },
  ...{ inside, arrived_1h: 0, departed_1h: 0, arrived_24h: 0, capacity_per_hour: null, load: null, last_at: null },
});
const flow = (destination: string, moved_24h: number) => ({
  ...{ carrier: "zto", origin: "A", destination, moved_24h },
  ...{ hours: null, usual_hours: null, delayed: null },
});
const live: Live = {
  as_of: "2026-11-23T20:50:00Z",
  position: 10,
  behind: 0,
  scans_per_s: 1,
  counts: { in_network: 3, at_risk: null, late: null, held: 0, silent_24h: 0 },
  ages: { counts_s: 0, lookout_s: null, flows_since: null },
  statuses: [{ status: "in_transit", shape: "moving", parcels: 3 }],
  facilities: [hub("A", 2), hub("B", 1)],
  flows: [flow("B", 5), flow("C", 1)],
};
const empty: Patch = { ...live, position: 11, statuses: [], facilities: [], flows: [] };

describe("applyPatch", () => {
  it("puts rows that changed in their place, adds new ones and takes away those that are gone", () => {
    const found = applyPatch(live, {
      ...empty,
      facilities: [hub("B", 7), hub("D", 4)],
      gone: { facilities: [{ carrier: "zto", facility: "A" }], flows: [{ carrier: "zto", origin: "A", destination: "C" }] },
    });
    expect(found.facilities.map((each) => [each.facility, each.inside])).toEqual([["B", 7], ["D", 4]]);
    expect(found.flows.map((each) => each.destination)).toEqual(["B"]);
    expect(found.position).toBe(11);
    expect("gone" in found).toBe(false);
  });

  it("keeps tables that nothing changed as they are, so that nothing is drawn anew", () => {
    const found = applyPatch(live, empty);
    expect(found.facilities).toBe(live.facilities);
    expect(found.flows).toBe(live.flows);
  });

  it("tells carriers with facilities of one code apart", () => {
    const found = applyPatch(live, { ...empty, facilities: [{ ...hub("A", 9), carrier: "yto" }] });
    expect(found.facilities).toHaveLength(3);
  });
});

describe("EventReader", () => {
  const stream = "retry: 2000\n\nid: 7-1\nevent: snapshot\ndata: {\"a\":1}\n\n: still here\n\nid: 7-2\nevent: patch\ndata: x\ndata: y\n\n";
  const told = [
    { id: "7-1", event: "snapshot", data: '{"a":1}' },
    { id: "7-2", event: "patch", data: "x\ny" },
  ];

  it.each([1, 2, 3, 7, 1000])("however it is cut: pieces of %i", (size) => {
    const reader = new EventReader();
    const found = [];
    for (let at = 0; at < stream.length; at += size) found.push(...reader.read(stream.slice(at, at + size)));
    expect(found).toEqual(told);
  });

  it("does not tell what has not come whole", () => {
    expect(new EventReader().read("data: half")).toEqual([]);
  });
});
