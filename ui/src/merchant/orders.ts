// Orders as merchants write and read them; docs/reference/http.md tells all of it.
import { type LanguageCode, LANGUAGES, type Words } from "../words.ts";

export interface Address {
  name: string;
  phone: string;
  country: string;
  province: string;
  city: string;
  county: string;
  street: string;
  postcode: string;
}

export interface Waybill {
  carrier: string;
  number: string;
}

export interface OrderView {
  id: string;
  state: State;
  account: string;
  service: string;
  why: string;
  made_at: string;
  erased_at: string | null;
  parcels: { piece: number; state: string; waybill: Waybill | null; why: string }[];
  order: { reference: string; consignee: Partial<Address>; return_of?: string };
}

export const STATES = ["draft", "queued", "booked", "refused", "doubtful", "cancelled"] as const;
export type State = (typeof STATES)[number];

export interface Offer {
  account: string;
  service: string;
  currency: string;
  minor: number;
  window: { earliest: string; latest: string } | null;
  promise: { p90_at: string; held: number | null; unknown: string[] } | null;
  co2: { grams: number | null };
}

export interface QuotesAnswer {
  quotes: { quotes: Offer[]; unquoted: { account: string; service: string; why: string }[]; sorted_by: string }[];
  refusals: Refusal[];
}

export interface Refusal {
  row: number;
  field: string;
  reason: string;
}

export interface Job {
  id: string;
  is_done: boolean;
  orders: number;
  states: Record<string, number>;
  left: { order: string; reference: string; why: string }[];
}

export const PARTS: (keyof Address)[] = ["name", "phone", "country", "province", "city", "county", "street", "postcode"];
export const REQUIRED: ReadonlySet<keyof Address> = new Set(["name", "country", "city", "street"]);

export const emptyAddress = (country: string): Address => ({ name: "", phone: "", country, province: "", city: "", county: "", street: "", postcode: "" });

/** An address that was kept; whatever else is kept under its name is none. */
export function readAddress(kept: string | null, country: string): Address {
  const empty = emptyAddress(country);
  try {
    const found = JSON.parse(kept ?? "null") as Record<string, unknown> | null;
    for (const part of PARTS) if (typeof found?.[part] === "string") empty[part] = found[part];
  } catch {
    // as if nothing was kept
  }
  return empty;
}

export interface Draft {
  reference: string;
  sender: Address;
  consignee: Address;
  what: string;
  pieces: string;
  grams: string;
}

/** The order as the API takes it, by an offer that was chosen; without one by the only account that there is. */
export function asOrder(draft: Draft, offer: Offer | null) {
  const told = (address: Address) => Object.fromEntries(PARTS.map((part) => [part, address[part].trim()]).filter(([, text]) => text));
  return {
    reference: draft.reference.trim(),
    sender: told(draft.sender),
    consignee: told(draft.consignee),
    items: [{ description: draft.what.trim(), quantity: Number(draft.pieces), weight_g: Number(draft.grams) }],
    ...(offer && { account: offer.account, service: offer.service }),
  };
}

/** When an offer arrives, in words: by its promise, else in its days. What knows neither end is no promise to go by. */
export function sayArrival({ promise, window }: Offer, words: Words): string {
  if (promise?.unknown.length) return words.say("m_unknown", { what: promise.unknown.join(", ") });
  if (promise) return words.say("m_promised", { at: words.stamp(promise.p90_at) });
  return window ? `${words.day(window.earliest)} – ${words.day(window.latest)}` : words.say("m_no_days");
}

/** By which a request is known when it is sent again. */
export const newKey = (): string => [...crypto.getRandomValues(new Uint32Array(4))].map((each) => each.toString(36)).join("-");

/** An amount in minor units as its currency is written. */
export function money(minor: number, currency: string, code: LanguageCode): string {
  const format = new Intl.NumberFormat(LANGUAGES[code].tag, { style: "currency", currency });
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
