// Views that are kept by name: addresses of the console, in the browser, apart for each console.

export interface View {
  name: string;
  /** The address, below the console's base. */
  to: string;
}

export const MOST_VIEWS = 100;
export const LONGEST_NAME = 80;

/** An address as it is kept: below the base, without what is no part of the view; null of any other. */
export function addressBelow(base: string, to: string): string | null {
  const here = "https://console.invalid";
  let url: URL;
  try {
    url = new URL(to, here);
  } catch {
    return null;
  }
  if (!to.startsWith("/") || url.origin !== here) return null;
  if (url.pathname !== base && !url.pathname.startsWith(`${base}/`)) return null;
  url.searchParams.delete("lang"); // that is chosen apart
  return (url.pathname.replace(/\/+$/, "") || "/") + url.search;
}

const nameOf = (name: string) => name.trim().replaceAll(/\s+/g, " ").slice(0, LONGEST_NAME).trim();

/** The views out of what was kept; whatever is none is left out. */
export function readViews(text: string | null, base: string): View[] {
  let found: unknown;
  try {
    found = JSON.parse(text ?? "[]");
  } catch {
    return [];
  }
  let views: View[] = [];
  for (const each of Array.isArray(found) ? found.slice(-MOST_VIEWS) : []) {
    const { name, to } = (each ?? {}) as Partial<View>;
    if (typeof name === "string" && typeof to === "string") views = keepView(views, name, to, base);
  }
  return views;
}

/** The views with one more. A name stands for one address, and an address has one name: keeping either anew changes it. */
export function keepView(views: View[], name: string, to: string, base: string): View[] {
  const [called, address] = [nameOf(name), addressBelow(base, to)];
  if (!called || address === null) return views;
  const others = views.filter((each) => each.name !== called && each.to !== address);
  return [...others.slice(-(MOST_VIEWS - 1)), { name: called, to: address }];
}

export const dropView = (views: View[], name: string): View[] => views.filter((each) => each.name !== name);

/** By name, as lists show them. */
export const byName = (views: View[], locale?: string): View[] =>
  views.toSorted((one, other) => one.name.localeCompare(other.name, locale, { numeric: true }));

export function findViews(views: View[], sought: string): View[] {
  const lower = sought.trim().toLowerCase();
  return lower ? views.filter((each) => each.name.toLowerCase().includes(lower)) : [];
}

const keyOf = (base: string) => `waypost.views.${base}`;

export function loadViews(base: string): View[] {
  try {
    return readViews(localStorage.getItem(keyOf(base)), base);
  } catch {
    return []; // a browser that keeps nothing
  }
}

/** Whether the browser kept them. */
export function storeViews(base: string, views: View[]): boolean {
  try {
    localStorage.setItem(keyOf(base), JSON.stringify(views));
    return true;
  } catch {
    return false;
  }
}
