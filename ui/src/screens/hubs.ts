import { useEffect, useState } from "react";
import { Problem, ask } from "../api.ts";
import { type Live, ageOf, follow } from "../live.ts";

type Hubs = Live["facilities"];
let newest: Live | null = null;
let newestAt = 0;
const LOOK_MS = 5000;

export interface Watching {
  live: Live | null;
  /** The stream cannot be had just now; what is shown is of before. */
  broken: boolean;
  /** Why, where the server says so. */
  problem: Problem | null;
  /** When anything came, by the clock of this browser. */
  heardAt: number;
}

/** The network as it is now, as long as a screen that shows it is open. */
export function useLive(paused: boolean): Watching {
  const [watching, setWatching] = useState<Watching>({ live: newest, broken: false, problem: null, heardAt: newestAt });
  useEffect(() => {
    if (paused) return;
    return follow({
      tell(live) {
        newest = live;
        setWatching((before) => ({ ...before, live }));
      },
      heard() {
        newestAt = Date.now();
        setWatching((before) => ({ ...before, broken: false, problem: null, heardAt: newestAt }));
      },
      fail: (error) => setWatching((before) => ({ ...before, broken: true, problem: error instanceof Problem ? error : null })),
    });
  }, [paused]);
  return watching;
}

/** How old what is watched is, in seconds, looked at now and then; null while it is live. */
export function useAge({ live, heardAt }: Watching): number | null {
  const [, look] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => look((times) => times + 1), LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  return live && ageOf(Date.now(), heardAt, live.ages.counts_s);
}

/** The facilities that the network works with, for finding one by its name. */
export function useHubs(): Hubs {
  const [hubs, setHubs] = useState<Hubs>(newest?.facilities ?? []);
  useEffect(() => {
    if (newest || hubs.length) return;
    const look = () => void ask<Live>("/v1/live").then((live) => setHubs(live.facilities), () => undefined);
    look();
    const timer = setInterval(look, LOOK_MS); // a server that has just begun has not counted them yet
    return () => clearInterval(timer);
  }, [hubs.length > 0]);
  return hubs;
}
