import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EventReader, type Live, type Patch, ageOf, applyPatch, follow } from "../src/live.ts";

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

describe("ageOf", () => {
  it.each([
    ["live while signs of life come", 119_000, 100_000, 0.4, null],
    ["the time without any is its age", 130_000, 100_000, 0.4, 30],
    ["and at least the age of the counts", 130_000, 100_000, 45, 45],
    ["a line that works tells nothing of counts that stand still", 101_000, 100_000, 300, 300],
    ["the first count under way", 101_000, 100_000, null, null],
    ["a clock that was put back", 50_000, 100_000, 0, null],
  ])("%s", (_, now, heardAt, counts_s, age) => {
    expect(ageOf(now, heardAt, counts_s)).toBe(age);
  });
});

describe("follow", () => {
  /** A server whose lines fall silent: each call opens one, and it can be written to. */
  function serve() {
    const lines: { write: (text: string) => void; last: string | undefined; cut: boolean }[] = [];
    vi.stubGlobal("fetch", async (_: string, { signal, headers }: { signal: AbortSignal; headers: Record<string, string> }) => {
      let at!: ReadableStreamDefaultController<Uint8Array>;
      const body = new ReadableStream<Uint8Array>({ start: (controller) => void (at = controller) });
      const line = { write: (text: string) => at.enqueue(new TextEncoder().encode(text)), last: headers["Last-Event-ID"], cut: false };
      signal.addEventListener("abort", () => {
        line.cut = true;
        at.error(new Error("aborted"));
      });
      lines.push(line);
      return new Response(body);
    });
    return lines;
  }

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("cuts a line that has fallen silent, and goes on where it was", async () => {
    const lines = serve();
    const [tell, heard, fail] = [vi.fn(), vi.fn(), vi.fn()];
    const stop = follow({ tell, heard, fail });
    await vi.advanceTimersByTimeAsync(0);
    lines[0]?.write(`id: 7-1\nevent: snapshot\ndata: ${JSON.stringify(live)}\n\n`);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(tell).toHaveBeenCalledTimes(1);
    lines[0]?.write(": still here\n\n");
    await vi.advanceTimersByTimeAsync(39_000);
    expect([lines.length, heard.mock.calls.length, fail.mock.calls.length]).toEqual([1, 2, 0]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(fail).toHaveBeenCalledTimes(1);
    expect(lines.map((each) => [each.cut, each.last])).toEqual([[true, undefined], [false, "7-1"]]);
    stop();
    expect(lines[1]?.cut).toBe(true);
    await vi.advanceTimersByTimeAsync(100_000);
    expect([lines.length, fail.mock.calls.length]).toEqual([2, 1]);
  });
});
