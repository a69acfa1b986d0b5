// What all screens share: the words, who asks, the words of statuses; and asking the server from a screen.
import { createContext, useContext, useEffect, useState } from "react";
import { type Me, type Parameters, type Phrase, type Problem, type StatusRecord, address, asProblem, ask } from "./api.ts";
import { SERVER_LANGUAGE, type Words } from "./words.ts";
import hant from "./words/statuses.zh-Hant.json";

export type Theme = "light" | "dark";

export interface Shared {
  words: Words;
  me: Me;
  statuses: Map<string, StatusRecord>;
  theme: Theme;
}

export const SharedContext = createContext<Shared | null>(null);

export function useShared(): Shared {
  const shared = useContext(SharedContext);
  if (!shared) throw new Error("no screen outside the shell");
  return shared;
}

export const useWords = (): Words => useShared().words;

/** A status in words, of the language that is chosen. */
export function usePhrase(): (status: string) => Phrase {
  const { statuses, words } = useShared();
  return (status) => {
    const own = words.code === "zh-Hant" ? (hant as Record<string, Phrase>)[status] : undefined;
    const found = own ?? statuses.get(status)?.phrases[SERVER_LANGUAGE[words.code]];
    return found ?? { label: status, sentence: status };
  };
}

/** Rows that come page by page are read on up to so many; what is beyond is said to be. */
const MOST_PAGES = 20;

export interface Pages<T> extends Asked<T> {
  /** Further pages are on their way. */
  reading: boolean;
  /** Why a further page did not come; those before it are shown. */
  stopped: Problem | null;
}

/** The same for a list: its first page is shown at once, and grows by those that follow. */
export function usePages<T extends { next: string | null }>(path: string, parameters: Parameters, join: (one: T, other: T) => T): Pages<T> {
  const first = useAsk<T>(path, parameters);
  const [grown, setGrown] = useState<{ value: T; of: T } | null>(null);
  const [ended, setEnded] = useState<{ of: T; why: Problem | null } | null>(null);
  useEffect(() => {
    const begin = first.value;
    if (!begin) return;
    const stop = new AbortController();
    async function readOn(from: T) {
      let all = from;
      for (let page = 1; page < MOST_PAGES && all.next; page += 1) {
        const { next, ...more } = await ask<T>(path, { ...parameters, after: all.next }, stop.signal);
        all = { ...join(all, more as T), next };
        setGrown({ value: all, of: from });
      }
    }
    readOn(begin).then(
      () => setEnded({ of: begin, why: null }),
      (error: unknown) => stop.signal.aborted || setEnded({ of: begin, why: asProblem(error) }),
    );
    return () => stop.abort();
  }, [first.value]);
  const value = grown && grown.of === first.value ? grown.value : first.value;
  const end = ended && ended.of === first.value ? ended : null;
  return { ...first, value, reading: first.value !== null && end === null, stopped: end?.why ?? null };
}

export interface Asked<T> {
  value: T | null;
  problem: Problem | null;
  again: () => void;
}

/** What the server answers at an address; null while it has not. What came before stays until then. */
export function useAsk<T>(path: string | null, parameters: Parameters = {}): Asked<T> {
  const [found, setFound] = useState<{ value: T | null; problem: Problem | null; of: string }>({ value: null, problem: null, of: "" });
  const [times, setTimes] = useState(0);
  const key = path === null ? "" : address(path, parameters);
  useEffect(() => {
    if (!key) return;
    const stop = new AbortController();
    ask<T>(key, {}, stop.signal)
      .then((value) => setFound({ value, problem: null, of: key }))
      .catch((error: unknown) => {
        if (stop.signal.aborted) return;
        setFound({ value: null, problem: asProblem(error), of: key });
      });
    return () => stop.abort();
  }, [key, times]);
  const now = found.of === key;
  return { value: now ? found.value : null, problem: now ? found.problem : null, again: () => setTimes(times + 1) };
}
