// What the API answers, as far as the screens use it; docs/reference/http.md tells all of it.

export type Shape = "moving" | "done" | "risk" | "late" | "stop" | "idle";

export interface Me {
  name: string;
  is_person: boolean;
  roles: string[];
  network: string;
  /** As alerts and the audit trail name them. */
  who: string;
  /** There is an imagined network to ask what if. */
  has_twin: boolean;
}

export interface Phrase {
  label: string;
  sentence: string;
}

export interface StatusRecord {
  code: string;
  shape: Shape;
  phrases: Record<string, Phrase>;
}

export interface Place {
  facility?: string | null;
  name?: string | null;
  city?: string | null;
  region?: string | null;
  country?: string | null;
}

export interface Parcel {
  id: string;
  carrier: string;
  carrier_name: string;
  number: string;
  numbers: { carrier: string; number: string }[];
  order_number: string | null;
  status: string;
  status_at: string;
  shape: Shape;
  place: Place | null;
  origin: Place | null;
  destination: Place | null;
  first_at: string;
  last_at: string;
  promised_by: string | null;
  milestones: { name: string; at: string }[];
  scans: number;
  weight_g: number | null;
  note: string | null;
  flags: string[];
}

export interface Found {
  asked: string;
  parcels: Parcel[];
  carriers: string[];
  more: number;
}

export interface Scan {
  id: string;
  at: string;
  utc: string;
  carrier: string;
  number: string;
  code: string;
  status: string;
  place: Place | null;
  note: string | null;
  corrects: string | null;
  flags: string[];
}

export interface Timeline {
  parcel_id: string;
  carrier: string;
  number: string;
  scans: Scan[];
}

export interface Reason {
  code: string;
  hours: number;
  at: string;
  place: Place | null;
}

export interface Arrival {
  p10_at: string;
  p50_at: string;
  p90_at: string;
  scanned_at: string;
  promised_by: string | null;
  likely_late: boolean;
  reasons: Reason[];
  next_scan_by: string | null;
  wrong: number | null;
  late: number | null;
  given_up: boolean;
}

export interface ParcelArrival {
  parcel_id: string;
  arrival: Arrival | null;
  why: string | null;
}

export interface Endangered {
  carrier: string;
  number: string;
  status: string;
  place: Place | null;
  risk: number;
  arrival: Arrival;
}

export interface Part {
  count: number;
  of: number;
  share: number | null;
}

export interface Times {
  parcels: number;
  delivered: number;
  on_the_way: number;
  gone: number;
  p50_h: number | null;
  p80_h: number | null;
  p90_h: number | null;
  on_time: Part;
}

export interface LaneRow {
  carrier: string;
  origin: string;
  destination: string;
  times: Times;
}

export interface LanePage {
  since: string;
  until: string;
  as_of: string;
  lanes: LaneRow[];
  next: string | null;
}

export interface UnheardCode {
  code: string;
  scans: number;
  first_at: string;
  last_at: string;
  /** Of a parcel that has it. */
  number: string;
}

export interface Scorecard {
  carrier: string;
  parcels: number;
  scans: number;
  freshness: { scans: number; p50_s: number | null; p90_s: number | null; p99_s: number | null; over_hour: Part; over_day: Part };
  completeness: { accepted: Part; moved: Part; out_for_delivery: Part; ended: Part; silent: Part };
  early: Part;
  shift: { verdict: "none" | "ahead" | "behind" | "too_few"; minutes: number | null; scans: number };
  unknown: Part;
  unknown_codes: UnheardCode[];
  impossible: Part;
  out_of_order: Part;
  sampled: number;
}

export interface Scorecards {
  since: string;
  until: string;
  silent_days: number;
  days_before: number;
  carriers: Scorecard[];
}

export interface AccountView {
  account: string;
  carrier: string;
  polls_per_hour: number;
  at_once: number;
  watched: number;
  due: number;
  ended: number;
  trouble: string | null;
  rests_until: string | null;
}

export interface LaneDetail {
  since: string;
  until: string;
  as_of: string;
  carriers: { carrier: string; times: Times; curve: { hours: number; share: number }[]; weeks: { week: string; times: Times }[] }[];
  hours: { weekday: number; hour: number; parcels: number; p50_h: number | null; p90_h: number | null }[];
  gaps: { carrier: string; facility: string; scans: number; total_h: number; p50_h: number; p90_h: number; most_h: number }[];
  before: { since: string; until: string; carriers: { carrier: string; times: Times }[] } | null;
}

export interface VolumeDay {
  day: string;
  p10: number;
  p50: number;
  p90: number;
  came: number | null;
}

export interface VolumeLine {
  level: string;
  carrier: string | null;
  name: string | null;
  days: VolumeDay[];
}

export interface Cause {
  kind: string;
  weight: number;
  carrier: string | null;
  facility: string | null;
  towards: string | null;
  within_km: number | null;
  departed_at: string | null;
  vehicle: string | null;
  weather: string | null;
  parcels: number;
}

export interface Alert {
  id: string;
  kind: "hub_overload" | "lane_slow" | "silence" | "weather_ahead" | "unknown_codes";
  severity: "info" | "warning" | "critical";
  state: "open" | "acknowledged" | "snoozed" | "resolved" | "ended";
  carrier: string | null;
  facility: string | null;
  towards: string | null;
  assignee: string | null;
  snoozed_until: string | null;
  since: string;
  first_seen_at: string;
  last_seen_at: string;
  parcels: number;
  most_parcels: number;
  causes: Cause[];
  figures: Record<string, number>;
  words: Record<string, string>;
  version: number;
}

export interface AlertAct {
  version: number;
  at: string;
  who: string;
  what: string;
  note: string;
  assignee: string | null;
  until: string | null;
}

export interface AlertAnswer {
  alert: Alert;
  acts: AlertAct[];
}

export interface HitPage {
  parcels: { carrier: string; number: string }[];
  next: string | null;
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly mend: string,
    /** What exactly; where nothing more is known, the title. */
    readonly detail: string = title,
  ) {
    super(title);
  }
}

export type Parameters = Record<string, string | number | string[] | null | undefined>;

export function address(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") query.append(name, String(each));
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** Whether this is the console of merchants: the address tells. */
export const FOR_MERCHANTS = typeof location !== "undefined" && /^\/merchant(\/|$)/.test(location.pathname);

/** The header by which the server knows that a page of its own asks, and as whom. */
export const OURS = { "X-Waypost-Page": FOR_MERCHANTS ? "merchant" : "console" };

const RELOAD_AGAIN_MS = 60_000;

/** Whether to load the page anew may help: not where that was done just before and did not. */
export function mayReload(kept: string | null, now: number): boolean {
  return kept === null || Math.abs(now - Number(kept)) > RELOAD_AGAIN_MS;
}

/** Loads the page anew, once for each reason: what a new page does not mend is told instead. */
export function reloadOnce(why: "session" | "files"): void {
  const name = `waypost.reloaded.${why}`;
  try {
    if (!mayReload(sessionStorage.getItem(name), Date.now())) return;
    sessionStorage.setItem(name, String(Date.now()));
  } catch {
    return; // where nothing is kept, nobody would know that it was done
  }
  location.reload();
}

export async function refuse(answer: Response): Promise<never> {
  // the session has ended: the server leads to the sign-in page and back
  if (answer.status === 401) reloadOnce("session");
  const told = (await answer.json().catch(() => ({}))) as Partial<Problem>;
  throw new Problem(answer.status, told.code ?? "unexpected", told.title || answer.statusText || String(answer.status), told.mend ?? "", told.detail);
}

/** What went wrong, to be shown; what no server told included. */
export const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(0, "unreachable", error instanceof Error ? error.message : String(error), "");

export async function ask<T>(path: string, parameters?: Parameters, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(address(path, parameters), { headers: OURS, ...(signal && { signal }) });
  if (!answer.ok) return refuse(answer);
  return (await answer.json()) as T;
}

/** Tells the server something; answers what it says to that. */
export async function send<T>(path: string, body: unknown, { method = "POST", key = "" } = {}): Promise<T> {
  const headers = { ...OURS, "Content-Type": "application/json", ...(key && { "Idempotency-Key": key }) };
  const answer = await fetch(path, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) return refuse(answer);
  return (await answer.json()) as T;
}

/** The same for a file. */
export async function sendFile<T>(path: string, file: Blob, kind: string): Promise<T> {
  const answer = await fetch(path, { method: "POST", headers: { ...OURS, "Content-Type": kind }, body: file });
  if (!answer.ok) return refuse(answer);
  return (await answer.json()) as T;
}

/** Takes away what is at an address. */
export async function remove(path: string): Promise<void> {
  const answer = await fetch(path, { method: "DELETE", headers: OURS });
  if (!answer.ok) await refuse(answer);
}

/** What the server answers, with its headers. */
export async function askAnswer(path: string, parameters?: Parameters, signal?: AbortSignal): Promise<Response> {
  const answer = await fetch(address(path, parameters), { headers: OURS, ...(signal && { signal }) });
  return answer.ok ? answer : refuse(answer);
}

/** A file that the server makes. */
export async function askFile(path: string, parameters?: Parameters): Promise<Blob> {
  return (await askAnswer(path, parameters)).blob();
}
