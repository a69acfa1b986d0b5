import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LANGUAGES, type LanguageCode, chooseLanguage, fill, loadWords, localClock } from "../src/words.ts";

const folder = new URL("../src/words/", import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Record<string, string>;
const codes = Object.keys(LANGUAGES) as LanguageCode[];
const english = read("en.json");
/** The values that a message takes, and whether it has forms for counts. */
const values = (text: string) => [...new Set([...text.matchAll(/\{(\w+)[,}]/g)].map((each) => each[1]))].sort();

describe("catalogues", () => {
  it("there is one for each language", () => {
    const files = readdirSync(folder).filter((each) => !each.startsWith("statuses"));
    expect(files.sort()).toEqual(codes.map((each) => `${each}.json`).sort());
  });

  it.each(codes)("%s has the messages of English with the same values, and none is empty", (code) => {
    const found = read(`${code}.json`);
    expect(Object.keys(found)).toEqual(Object.keys(english));
    for (const [key, text] of Object.entries(found)) {
      expect(values(text), key).toEqual(values(english[key] ?? ""));
      expect(text.trim(), key).not.toBe("");
    }
  });

  it("traditional Chinese has no character of the simplified script", () => {
    const simplified = /[个为义们价众优会伟传伤价亿仅从众务动劳势区医华协单卖卢卫发变启吨听员响团园围国图圆处备够头奖妇孙学宝实审对导将届岁岛师带帮广庄庆应开异张弹强归录态总战户执扫扩护报换损据无时显术机权条来极构枢标样档检楼欢欧残毁毕气汇决没测浏渐滞满灾点热爱状环现电画码确离种积称稳签简类纪级线组经结给络统继绩续维综缓编网罗职联脸节药获虑补装见规览计订认讨让训议记讲许论设访证评识诉试该详语误说请读调谁贝负责败货质购费资赔输边达过运还这进远违连迟适选递逻遗邮采释里钟铁错锁键门闭问间阅阶际陆险随难电项顺须预领频题额风飞馆驾验齐]/;
    for (const name of ["zh-Hant.json", "statuses.zh-Hant.json"]) {
      const text = readFileSync(new URL(name, folder), "utf8").replaceAll("台", "");
      expect(simplified.exec(text)?.[0] ?? null, name).toBeNull();
    }
  });

  it.each(codes)("%s fills its messages", async (code) => {
    const words = await loadWords(code);
    expect(words.say("hubs_count", { count: 1200 })).toMatch(/1[.,  ]?200/);
    expect(words.say("hubs_count", { count: 1 })).not.toContain("{");
    expect(words.stamp("2026-11-23T08:22:44+08:00")).toContain("08:22");
  });
});

describe("fill", () => {
  const plural = (count: number) => (count === 1 ? "one" : "other");
  it.each([
    ["{count, plural, one {# hub} other {# hubs}} of {carrier}", { count: 1, carrier: "yto" }, "1 hub of yto"],
    ["{count, plural, one {# hub} other {# hubs}} of {carrier}", { count: 3, carrier: "yto" }, "3 hubs of yto"],
    ["{count, plural, =0 {none} other {#}}", { count: 0 }, "none"],
    ["nothing to fill", {}, "nothing to fill"],
  ])("%s with %o", (text, given, told) => {
    expect(fill(text, given as Record<string, string | number>, plural, String)).toBe(told);
  });
});

describe("chooseLanguage", () => {
  it.each([
    ["es", "pt", ["en"], "es"],
    [null, "pt", ["en"], "pt"],
    ["klingon", null, ["pt-PT", "en"], "pt"],
    [null, null, ["zh-TW", "zh", "en"], "zh-Hant"],
    [null, null, ["zh-HK"], "zh-Hant"],
    [null, null, ["zh-Hant-HK"], "zh-Hant"],
    [null, null, ["zh-CN"], "zh-Hans"],
    [null, null, ["fr", "de"], "en"],
    ["constructor", null, [], "en"],
  ])("asked %s, kept %s, preferred %s: %s", (asked, kept, preferred, code) => {
    expect(chooseLanguage(asked, kept, preferred)).toBe(code);
  });
});

describe("localClock", () => {
  it.each([
    ["2026-11-23T08:22:44+08:00", "2026-11-23T08:22:44.000Z"],
    ["2026-11-23T23:22:44-08:00", "2026-11-23T23:22:44.000Z"],
    ["2026-11-23T00:10:00+05:30", "2026-11-23T00:10:00.000Z"],
    ["2026-11-23T12:00:00Z", "2026-11-23T12:00:00.000Z"],
  ])("%s", (instant, clock) => {
    expect(localClock(instant).toISOString()).toBe(clock);
  });
});
