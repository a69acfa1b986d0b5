// The address is the state: the screen, its filters and what is selected, so that any view can be kept and sent on.
import { useMemo, useSyncExternalStore } from "react";
import { FOR_MERCHANTS, address, type Parameters } from "./api.ts";

export const BASE = FOR_MERCHANTS ? "/merchant" : "/console";

export interface Route {
  path: string;
  query: URLSearchParams;
}

const listeners = new Set<() => void>();

function listen(tell: () => void): () => void {
  listeners.add(tell);
  addEventListener("popstate", tell);
  return () => {
    listeners.delete(tell);
    removeEventListener("popstate", tell);
  };
}

export function readRoute(pathname: string, search: string): Route {
  const path = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : pathname;
  return { path: path.replace(/\/+$/, "") || "/", query: new URLSearchParams(search) };
}

export function useRoute(): Route {
  const now = useSyncExternalStore(listen, () => location.pathname + location.search);
  // biome-ignore lint: read anew whenever the address changes
  return useMemo(() => readRoute(location.pathname, location.search), [now]);
}

export function go(to: string, { replace = false } = {}): void {
  if (to === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  for (const tell of listeners) tell();
}

/** The address of a screen. */
export function at(path: string, parameters: Parameters = {}): string {
  return address(BASE + (path === "/" ? "" : path), parameters);
}

/** The parts of a path; one that is not written as addresses are stays as it is. */
export function partsOf(path: string): string[] {
  return path.slice(1).split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

/** Change some parameters of the screen that is shown; empty ones go. */
export function setQuery(changes: Record<string, string | null>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), { replace: true });
}

/** Numbers out of what was pasted: one a line, or parted by commas, semicolons or blanks; each once. */
export function readNumbers(text: string): string[] {
  return [...new Set(text.split(/[\s,;，；、]+/).filter(Boolean))];
}
