import { describe, expect, it } from "vitest";
import { LONGEST_NAME, MOST_VIEWS, addressBelow, byName, dropView, findViews, keepView, readViews } from "../src/views.ts";

const BASE = "/console";
const late = { name: "Late ones", to: "/console/parcels?risk=0.5" };

describe("addresses that are gone to", () => {
  it.each([
    ["/console", "/console"],
    ["/console/", "/console"],
    ["/console/parcels?carrier=yto&lang=zh", "/console/parcels?carrier=yto"],
    ["/console/parcels/yto/A%2FB", "/console/parcels/yto/A%2FB"],
    ["/console/a/../lanes#x", "/console/lanes"],
  ])("%s is below the console", (to, kept) => expect(addressBelow(BASE, to)).toBe(kept));

  it.each([
    "", "console", "/", "/consoles", "/operator", "/console/../operator", "/console/%2e%2e/operator", "//evil.example/console", "/\\evil.example/console",
    "https://evil.example/console", "https://console.invalid/console", "javascript:alert(1)", "http://", "\t//evil.example/console",
  ])("%j is not", (to) => expect(addressBelow(BASE, to)).toBeNull());
});

describe("what was kept", () => {
  it.each([null, "", "{", "7", "null", "{}", '"x"', "[null, 3, [], {}]", '[{"name": 7, "to": "/console"}]', '[{"name": " ", "to": "/console"}]', '[{"name": "x", "to": "//evil.example"}]'])(
    "%j holds no view", (text) => expect(readViews(text, BASE)).toEqual([]),
  );

  it("is read without what is none", () => {
    const text = JSON.stringify([late, { name: "Away", to: "/operator" }, 7, { ...late, more: true }]);
    expect(readViews(text, BASE)).toEqual([late]);
    expect(readViews(text, "/merchant")).toEqual([]);
  });

  it("is no longer than it may be", () => {
    const many = Array.from({ length: MOST_VIEWS + 20 }, (_, place) => ({ name: `v${place}`, to: `/console?n=${place}` }));
    expect(readViews(JSON.stringify(many), BASE)).toHaveLength(MOST_VIEWS);
    expect(keepView(readViews(JSON.stringify(many), BASE), "one more", "/console/lanes", BASE)).toHaveLength(MOST_VIEWS);
  });
});

describe("keeping", () => {
  it("adds under a trimmed name", () => {
    expect(keepView([late], "  My   lanes ", "/console/lanes", BASE)).toEqual([late, { name: "My lanes", to: "/console/lanes" }]);
    expect(keepView([], "x".repeat(200), "/console", BASE)[0]?.name).toHaveLength(LONGEST_NAME);
  });

  it("gives a name another address", () => {
    expect(keepView([late], "Late ones", "/console/parcels?risk=0.9", BASE)).toEqual([{ name: "Late ones", to: "/console/parcels?risk=0.9" }]);
  });

  it("gives an address another name", () => {
    expect(keepView([late], "Endangered", late.to, BASE)).toEqual([{ name: "Endangered", to: late.to }]);
  });

  it("does nothing without a name, or elsewhere", () => {
    expect(keepView([late], "  ", "/console", BASE)).toEqual([late]);
    expect(keepView([late], "x", "/operator", BASE)).toEqual([late]);
  });

  it("can be undone, listed and found", () => {
    const views = keepView(keepView([late], "lane 10", "/console/lanes?q=10", BASE), "lane 9", "/console/lanes?q=9", BASE);
    expect(byName(views, "en").map((each) => each.name)).toEqual(["lane 9", "lane 10", "Late ones"]);
    expect(findViews(views, " LATE").map((each) => each.name)).toEqual(["Late ones"]);
    expect(findViews(views, " ")).toEqual([]);
    expect(dropView(views, "Late ones")).toHaveLength(2);
  });
});
