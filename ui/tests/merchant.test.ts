import { describe, expect, it } from "vitest";
import { asOrder, emptyAddress, money, readAddress, sayArrival } from "../src/merchant/orders.ts";
import { Words } from "../src/words.ts";
import en from "../src/words/en.json";

describe("orders of a merchant", () => {
  const draft = { reference: " A-1 ", sender: { ...emptyAddress("CN"), name: "S" }, consignee: { ...emptyAddress("US"), city: " X " }, what: "Tea", pieces: "2", grams: "300" };

  it("leaves out what nobody wrote", () => {
    expect(asOrder(draft, null)).toEqual({ reference: "A-1", sender: { name: "S", country: "CN" }, consignee: { country: "US", city: "X" }, items: [{ description: "Tea", quantity: 2, weight_g: 300 }] });
  });

  it("goes by the offer that was chosen", () => {
    const offer = { account: "yto", service: "", currency: "CNY", minor: 1, window: null, promise: null, co2: { grams: null } };
    expect(asOrder(draft, offer)).toMatchObject({ account: "yto", service: "" });
  });

  it("takes nothing for an address that is none", () => {
    expect(readAddress("{", "CN")).toEqual(emptyAddress("CN"));
    expect(readAddress('{"name": 5, "city": "杭州市", "strange": "x"}', "CN")).toEqual({ ...emptyAddress("CN"), city: "杭州市" });
  });

  it("writes money with as many decimals as it has", () => {
    expect(money(720, "CNY", "en")).toContain("7.20");
    expect(money(720, "JPY", "en")).toContain("720");
  });

  it("tells no arrival where an end is not known", () => {
    const words = new Words("en", en);
    const offer = { account: "yto", service: "", currency: "CNY", minor: 1, window: null, promise: { p90_at: "2026-11-24T18:33:00Z", held: null, unknown: ["origin.city"] }, co2: { grams: null } };
    expect(sayArrival(offer, words)).toContain("origin.city");
    expect(sayArrival({ ...offer, promise: { ...offer.promise, unknown: [] } }, words)).toContain("24 Nov");
    expect(sayArrival({ ...offer, promise: null }, words)).toBe("no days told");
  });
});
