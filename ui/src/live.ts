// The network as it is now: a snapshot, and patches to it as the server sends them.
import { OURS, type Shape, refuse } from "./api.ts";

export interface Counts {
  in_network: number;
  at_risk: number | null;
  late: number | null;
  held: number;
  silent_24h: number;
}

export interface StatusCount {
  status: string;
  shape: Shape;
  parcels: number;
}

export interface Hub {
  carrier: string;
  facility: string;
  name: string;
  kind: string | null;
  city: string | null;
  country: string | null;
  latitude: number | null;
  longitude: number | null;
  inside: number;
  arrived_1h: number;
  departed_1h: number;
  arrived_24h: number;
  capacity_per_hour: number | null;
  load: number | null;
  last_at: string | null;
}

export interface Flow {
  carrier: string;
  origin: string;
  destination: string;
  moved_24h: number;
  hours: number | null;
  usual_hours: number | null;
  delayed: number | null;
}

export interface Live {
  as_of: string;
  position: number;
  behind: number;
  scans_per_s: number;
  counts: Counts;
  /** `counts_s` is null while the server counts for the first time. */
  ages: { counts_s: number | null; lookout_s: number | null; flows_since: string | null };
  statuses: StatusCount[];
  facilities: Hub[];
  flows: Flow[];
}

export interface Patch extends Live {
  gone?: { facilities?: Pick<Hub, "carrier" | "facility">[]; flows?: Pick<Flow, "carrier" | "origin" | "destination">[] };
}

export const hubKey = (hub: Pick<Hub, "carrier" | "facility">): string => `${hub.carrier}/${hub.facility}`;
export const flowKey = (flow: Pick<Flow, "carrier" | "origin" | "destination">): string =>
  `${flow.carrier}/${flow.origin}>${flow.destination}`;

function merge<T>(rows: T[], changed: T[], key: (row: T) => string, gone: string[] = []): T[] {
  if (changed.length === 0 && gone.length === 0) return rows;
  const found = new Map(rows.map((each) => [key(each), each]));
  for (const each of changed) found.set(key(each), each);
  for (const each of gone) found.delete(each);
  return [...found.values()];
}

/** What is known after a patch. Tables that it does not touch stay the same objects. */
export function applyPatch(live: Live, patch: Patch): Live {
  const { gone, ...rest } = patch;
  return {
    ...rest,
    statuses: merge(live.statuses, patch.statuses, (each) => each.status),
    facilities: merge(live.facilities, patch.facilities, hubKey, gone?.facilities?.map(hubKey)),
    flows: merge(live.flows, patch.flows, flowKey, gone?.flows?.map(flowKey)),
  };
}

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/** Takes a stream of server-sent events apart, however it was cut into pieces. */
export class EventReader {
  private rest = "";

  read(piece: string): ServerEvent[] {
    const blocks = (this.rest + piece.replaceAll("\r\n", "\n")).split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const fields = new Map<string, string>();
      for (const line of block.split("\n")) {
        const at = line.indexOf(":");
        if (at <= 0) continue;
        const [name, value] = [line.slice(0, at), line.slice(at + 1).replace(/^ /, "")];
        fields.set(name, fields.has(name) ? `${fields.get(name)}\n${value}` : value);
      }
      const data = fields.get("data");
      return data === undefined ? [] : [{ id: fields.get("id") ?? "", event: fields.get("event") ?? "message", data }];
    });
  }
}

/** The server is heard at least every 15 s, if only to say that it is still there. */
const HEARD_LATELY_S = 20;
/** By the server's clock, which in a demo goes 60 times as fast as ours. */
const COUNTED_LATELY_S = 120;

/** Seconds since what is shown was so; null while it is so now. Our clock only tells since when nothing was heard. */
export function ageOf(now: number, heardAt: number, counts_s: number | null): number | null {
  const silent = Math.max(0, (now - heardAt) / 1000);
  const counted = counts_s ?? 0;
  return silent > HEARD_LATELY_S || counted > COUNTED_LATELY_S ? Math.max(silent, counted) : null;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const SILENCE_MS = 40_000;

export interface Ear {
  tell: (live: Live) => void;
  /** Anything came, if only a sign of life. */
  heard: () => void;
  fail: (error: unknown) => void;
}

/** Follows the network until it is told to stop; begins again where it was, later each time that fails. */
export function follow({ tell, heard, fail }: Ear): () => void {
  let stopped = false;
  let line = new AbortController();
  let live: Live | null = null;
  let last = "";

  async function listen(alive: () => void): Promise<void> {
    const headers = last ? { ...OURS, "Last-Event-ID": last } : OURS;
    const answer = await fetch("/v1/live/stream", { headers, signal: line.signal });
    if (!answer.ok) return refuse(answer);
    if (!answer.body) throw new Error("no stream");
    const reader = new EventReader();
    const pieces = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await pieces.read();
      if (done || stopped) return;
      alive();
      for (const each of reader.read(value)) {
        last = each.id || last;
        if (each.event === "snapshot") live = JSON.parse(each.data) as Live;
        else if (each.event === "patch" && live) live = applyPatch(live, JSON.parse(each.data) as Patch);
        else continue;
        tell(live);
      }
    }
  }

  void (async () => {
    let wait = FIRST_WAIT_MS;
    while (!stopped) {
      line = new AbortController();
      // a line that was cut without a word never ends by itself
      const cut = () => line.abort();
      let timer = setTimeout(cut, SILENCE_MS);
      let came = false;
      const alive = () => {
        came = true;
        clearTimeout(timer);
        timer = setTimeout(cut, SILENCE_MS);
        heard();
      };
      await listen(alive).catch((error: unknown) => stopped || fail(error));
      clearTimeout(timer);
      if (stopped) return;
      wait = came ? FIRST_WAIT_MS : Math.min(wait * 2, LONGEST_WAIT_MS);
      await new Promise((done) => setTimeout(done, wait));
    }
  })();
  return () => {
    stopped = true;
    line.abort();
  };
}
