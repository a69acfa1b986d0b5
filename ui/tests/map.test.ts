import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DELAY_BOUNDS, boxOf, curve, nearest, stepOf } from "../src/flows.ts";
import { readNumbers, readRoute } from "../src/route.ts";
import { MOST_RINGS, drawFlows, drawHubs } from "../src/screens/network.ts";

describe("flows", () => {
  it("go over the date line where that is nearer", () => {
    const line = curve([139.8, 35.6], [-118.4, 33.9]); // Tokyo to Los Angeles
    expect(line.at(0)).toEqual([139.8, 35.6]);
    expect(line.at(-1)?.[0]).toBeCloseTo(241.6);
    expect(Math.max(...line.slice(1).map(([x], place) => Math.abs(x - (line[place]?.[0] ?? 0))))).toBeLessThan(20);
    expect(nearest(-118.4, 139.8)).toBeCloseTo(241.6);
  });

  it("both ways between two hubs are two lines", () => {
    const [there, back] = [curve([110, 30], [120, 30]), curve([120, 30], [110, 30])];
    expect(there[8]?.[1]).toBeGreaterThan(30);
    expect(back[8]?.[1]).toBeLessThan(30);
  });

  it.each([[null, null], [0, 0], [0.05, 1], [0.29, 2], [0.3, 3], [1, 4]])("share %s is step %s", (share, step) => {
    expect(stepOf(share, DELAY_BOUNDS)).toBe(step);
  });

  it("a box is around all points", () => {
    expect(boxOf([[1, 5], [3, 2]])).toEqual([1, 2, 3, 5]);
    expect(boxOf([])).toBeNull();
  });
});

describe("drawing", () => {
  const hub = (facility: string, longitude: number | null, inside: number) => ({
    ...{ carrier: "zto", facility, name: facility, kind: "hub", city: null, country: null, latitude: longitude === null ? null : 30, longitude },
    ...{ inside, arrived_1h: 0, departed_1h: 0, arrived_24h: 0, capacity_per_hour: null, load: 0.95, last_at: null },
  });
  const hubs = [hub("A", 110, 100), hub("B", 120, 25), hub("C", null, 3)];
  const flow = (origin: string, destination: string, moved_24h: number) => ({ carrier: "zto", origin, destination, moved_24h, hours: null, usual_hours: null, delayed: null });

  it("hubs whose place is not known are in the table alone, and area tells how many are inside", () => {
    const { features } = drawHubs(hubs, "zto/B");
    expect(features.map((each) => [each.properties?.["key"], each.properties?.["radius"], each.properties?.["step"], each.properties?.["chosen"]])).toEqual([
      ["zto/A", 16, 3, false],
      ["zto/B", 10, 3, true],
    ]);
  });

  it("of very many hubs the busiest are drawn, and the one that is chosen", () => {
    const many = Array.from({ length: 900 }, (_, place) => ({ ...hubs[0]!, facility: `H${place}`, arrived_24h: place }));
    const { features } = drawHubs(many, "zto/H3");
    const drawn = features.map((each) => each.properties?.["key"]);
    expect(drawn).toHaveLength(MOST_RINGS + 1);
    expect(drawn).toContain("zto/H899");
    expect(drawn).toContain("zto/H3");
    expect(drawn).not.toContain("zto/H4");
  });

  it("flows need both ends", () => {
    const { features } = drawFlows([flow("A", "B", 4), flow("A", "C", 9), flow("B", "A", 0)], hubs);
    expect(features).toHaveLength(1);
    expect(features[0]?.properties?.["step"]).toBeNull();
  });
});

describe("basemap", () => {
  it("no ring crosses the date line, and it says where it is from", () => {
    const map = JSON.parse(readFileSync(new URL("../public/basemap.json", import.meta.url), "utf8"));
    expect(map.source).toContain("Natural Earth");
    const lines: [number, number][][] = [];
    const collect = (shape: unknown[]): void => {
      if (Array.isArray((shape[0] as unknown[])[0])) shape.forEach((each) => collect(each as unknown[]));
      else lines.push(shape as [number, number][]);
    };
    for (const each of map.features) collect(each.geometry.coordinates);
    expect(lines.length).toBeGreaterThan(300);
    const jumps = lines.filter((line) => line.some(([x], place) => place > 0 && Math.abs(x - (line[place - 1]?.[0] ?? x)) > 180));
    // along the pole a ring may go from edge to edge
    expect(jumps.every((line) => line.every(([, y]) => y < -60))).toBe(true);
  });
});

describe("address", () => {
  it.each([
    ["/console", "/"],
    ["/console/", "/"],
    ["/console/parcels/yto/YT1", "/parcels/yto/YT1"],
  ])("%s is %s", (pathname, path) => {
    expect(readRoute(pathname, "?a=1").path).toBe(path);
  });

  it("numbers come in any form, each once", () => {
    expect(readNumbers(" YT1\nYT2, YT3;YT1 YT4，YT5\t")).toEqual(["YT1", "YT2", "YT3", "YT4", "YT5"]);
    expect(readNumbers("  ")).toEqual([]);
  });
});
