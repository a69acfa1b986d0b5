import { afterEach, describe, expect, it, vi } from "vitest";
import { Problem, asProblem, ask, mayReload } from "../src/api.ts";
import { partsOf } from "../src/route.ts";

describe("mayReload", () => {
  it.each([
    ["never before", null, 1_000_000, true],
    ["just before", "999000", 1_000_000, false],
    ["long before", "1000", 1_000_000, true],
  ])("%s", (_, kept, now, may) => {
    expect(mayReload(kept, now)).toBe(may);
  });
});

describe("ask", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("loads the page anew once where nobody is signed in, and then says why nothing comes", async () => {
    const kept = new Map<string, string>();
    const reload = vi.fn();
    vi.stubGlobal("location", { reload });
    vi.stubGlobal("sessionStorage", { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => kept.set(name, value) });
    vi.stubGlobal("fetch", async () => new Response("<h1>Proxy</h1>", { status: 401, statusText: "Unauthorized" }));
    for (const _ of [1, 2, 3]) await expect(ask("/v1/me")).rejects.toMatchObject({ status: 401, title: "Unauthorized" });
    expect(reload).toHaveBeenCalledTimes(1);
  });

  it("has words even where the answer has none", async () => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 503 }));
    await expect(ask("/v1/me")).rejects.toMatchObject({ status: 503, title: "503" });
  });
});

describe("asProblem", () => {
  it("keeps what the server told, and tells what else went wrong", () => {
    const told = new Problem(503, "busy", "Too much to do", "Try later");
    expect(asProblem(told)).toBe(told);
    expect(asProblem(new TypeError("Failed to fetch"))).toMatchObject({ code: "unreachable", title: "Failed to fetch" });
  });
});

describe("partsOf", () => {
  it.each([
    ["/parcels/yto/YT%2F1", ["parcels", "yto", "YT/1"]],
    ["/parcels/yto/%E0", ["parcels", "yto", "%E0"]],
    ["/", [""]],
  ])("%s", (path, parts) => {
    expect(partsOf(path)).toEqual(parts);
  });
});
