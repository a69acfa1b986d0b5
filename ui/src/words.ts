// The languages of the console: one catalogue each, with dates and numbers as they are written there.
import en from "./words/en.json";

export const LANGUAGES = {
  en: { tag: "en", locale: "en-GB", name: "English" },
  "zh-Hans": { tag: "zh-Hans", locale: "zh-Hans-CN", name: "简体中文" },
  "zh-Hant": { tag: "zh-Hant", locale: "zh-Hant-TW", name: "繁體中文" },
  es: { tag: "es", locale: "es", name: "Español" },
  pt: { tag: "pt-BR", locale: "pt-BR", name: "Português" },
} as const;

export type LanguageCode = keyof typeof LANGUAGES;
export type Key = keyof typeof en;
export type Catalogue = Record<Key, string>;
type Values = Record<string, string | number>;

/** The words of statuses come from the server in these languages; the traditional script has its own. */
export const SERVER_LANGUAGE: Record<LanguageCode, string> = { en: "en", "zh-Hans": "zh", "zh-Hant": "zh", es: "es", pt: "pt" };

const CATALOGUES: Record<LanguageCode, () => Promise<Catalogue>> = {
  en: async () => en,
  "zh-Hans": async () => (await import("./words/zh-Hans.json")).default,
  "zh-Hant": async () => (await import("./words/zh-Hant.json")).default,
  es: async () => (await import("./words/es.json")).default,
  pt: async () => (await import("./words/pt.json")).default,
};

export class Words {
  readonly locale: string;
  private readonly plurals: Intl.PluralRules;
  private readonly numbers: Intl.NumberFormat;
  private readonly short: Intl.NumberFormat;
  private readonly shares: Intl.NumberFormat;
  private readonly stamps: Intl.DateTimeFormat;
  private readonly days: Intl.DateTimeFormat;
  private readonly lapses: Intl.RelativeTimeFormat;
  private readonly countries: Intl.DisplayNames;

  constructor(
    readonly code: LanguageCode,
    private readonly catalogue: Catalogue,
  ) {
    this.locale = LANGUAGES[code].locale;
    this.plurals = new Intl.PluralRules(this.locale);
    this.numbers = new Intl.NumberFormat(this.locale, { maximumFractionDigits: 1 });
    this.short = new Intl.NumberFormat(this.locale, { notation: "compact", maximumFractionDigits: 1 });
    this.shares = new Intl.NumberFormat(this.locale, { style: "percent", maximumFractionDigits: 0 });
    const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" } as const;
    this.stamps = new Intl.DateTimeFormat(this.locale, { weekday: "short", day: "numeric", month: "short", ...time });
    this.days = new Intl.DateTimeFormat(this.locale, { day: "numeric", month: "short", timeZone: "UTC" });
    this.lapses = new Intl.RelativeTimeFormat(this.locale, { numeric: "always", style: "short" });
    this.countries = new Intl.DisplayNames(this.locale, { type: "region" });
  }

  say = (key: Key, values: Values = {}): string =>
    fill(this.catalogue[key], values, (count) => this.plurals.select(count), this.number);

  number = (value: number): string => this.numbers.format(value);

  shortNumber = (value: number): string => this.short.format(value);

  percent = (share: number): string => this.shares.format(share);

  hours = (hours: number): string =>
    hours < 48 ? this.say("hours", { count: Math.round(hours * 10) / 10 }) : this.say("days", { count: Math.round(hours / 2.4) / 10 });

  /** Day and time as the clocks of the place show them, which is how the instant was written. */
  stamp = (instant: string): string => this.stamps.format(localClock(instant));

  day = (day: string): string => this.days.format(new Date(`${day.slice(0, 10)}T00:00:00Z`));

  ago = (seconds: number): string => {
    if (seconds < 60) return this.lapses.format(-Math.round(seconds), "second");
    if (seconds < 7200) return this.lapses.format(-Math.round(seconds / 60), "minute");
    if (seconds < 172_800) return this.lapses.format(-Math.round(seconds / 3600), "hour");
    return this.lapses.format(-Math.round(seconds / 86_400), "day");
  };

  country = (code: string | null): string => {
    try {
      return code ? (this.countries.of(code) ?? code) : "";
    } catch {
      return code ?? "";
    }
  };
}

/** A date whose UTC fields are those of the clock at the place of an RFC 3339 instant. */
export function localClock(instant: string): Date {
  const found = /([+-])(\d\d):(\d\d)$/.exec(instant);
  const minutes = found ? (found[1] === "-" ? -1 : 1) * (60 * Number(found[2]) + Number(found[3])) : 0;
  return new Date(Date.parse(instant) + minutes * 60_000);
}

const PLURAL = /\{(\w+), plural,((?:\s*[\w=]+ \{[^{}]*\})+)\s*\}/g;

/** A message with its values; `{count, plural, one {# parcel} other {# parcels}}` as in the catalogue of the pages. */
export function fill(text: string, values: Values, plural: (count: number) => string, write: (value: number) => string): string {
  const told = text.replace(PLURAL, (_, name: string, forms: string) => {
    const count = Number(values[name]);
    const found = new Map([...forms.matchAll(/([\w=]+) \{([^{}]*)\}/g)].map((each) => [each[1] ?? "", each[2] ?? ""]));
    return (found.get(`=${count}`) ?? found.get(plural(count)) ?? found.get("other") ?? "").replace("#", write(count));
  });
  return told.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    return typeof value === "number" ? write(value) : (value ?? "");
  });
}

/** The language asked for in the address, else the one chosen before, else what the browser prefers. */
export function chooseLanguage(asked: string | null, kept: string | null, preferred: readonly string[]): LanguageCode {
  for (const wish of [asked, kept, ...preferred]) {
    if (!wish) continue;
    if (Object.hasOwn(LANGUAGES, wish)) return wish as LanguageCode;
    const tag = wish.toLowerCase();
    if (/^zh(-.*)?-(hant|tw|hk|mo)/.test(tag)) return "zh-Hant";
    if (tag.startsWith("zh")) return "zh-Hans";
    const plain = tag.split("-")[0] ?? "";
    if (Object.hasOwn(LANGUAGES, plain)) return plain as LanguageCode;
  }
  return "en";
}

export async function loadWords(code: LanguageCode): Promise<Words> {
  return new Words(code, await CATALOGUES[code]());
}
