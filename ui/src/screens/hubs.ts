import { useEffect, useState } from "react";
import { type Live, follow } from "../live.ts";
import { ask } from "../api.ts";

type Hubs = Live["facilities"];
let newest: Live | null = null;

export interface Watching {
  live: Live | null;
  /** The stream cannot be had just now; what is shown is of before. */
  broken: boolean;
  heardAt: number;
}

/** The network as it is now, as long as a screen that shows it is open. */
export function useLive(paused: boolean): Watching {
  const [watching, setWatching] = useState<Watching>({ live: newest, broken: false, heardAt: 0 });
  useEffect(() => {
    if (paused) return;
    return follow(
      (live) => {
        newest = live;
        setWatching({ live, broken: false, heardAt: Date.now() });
      },
      () => setWatching((before) => ({ ...before, broken: true })),
    );
  }, [paused]);
  return watching;
}

/** The facilities that the network works with, for finding one by its name. */
export function useHubs(): Hubs {
  const [hubs, setHubs] = useState<Hubs>(newest?.facilities ?? []);
  useEffect(() => {
    if (newest) return;
    void ask<Live>("/v1/live").then((live) => setHubs(live.facilities), () => undefined);
  }, []);
  return hubs;
}
