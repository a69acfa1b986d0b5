// The queue of alerts beside the map: what is wrong, how many parcels it hits, the likely cause, and what to do about it.
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { KINDS, SHAPES, type Shown, placeOf, renew, sayCause, welcome } from "../alerts.ts";
import { type Alert, type AlertAnswer, type HitPage, type Problem, asProblem, ask, send } from "../api.ts";
import type { Hub } from "../live.ts";
import { hubKey } from "../live.ts";
import { Link } from "../parts/link.tsx";
import { Notice } from "../parts/notice.tsx";
import { Sign } from "../parts/sign.tsx";
import { at, setQuery } from "../route.ts";
import { useAsk, useShared, useWords } from "../state.tsx";
import type { Key } from "../words.ts";

const EVERY_MS = 15_000;
const MOST = 100;
const SNOOZES_H = [1, 4, 24];
const MOST_PARCELS = 10;

type Asking = "snooze" | "resolve";

interface Given {
  hubs: Hub[];
  /** The present of the network, by which ages are told. */
  asOf: string;
  chosen: string | null;
  kind: string;
}

export function Queue({ hubs, asOf, chosen, kind }: Given) {
  const words = useWords();
  const { me } = useShared();
  const [told, setTold] = useState<Alert[]>([]);
  const [shown, setShown] = useState<Shown | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  /** Why what somebody wanted to do was not done; it stands until the next deed. */
  const [refusal, setRefusal] = useState<Problem | null>(null);
  const [looks, setLooks] = useState(0);
  const [asking, setAsking] = useState<Asking | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const names = useMemo(() => new Map(hubs.map((each) => [hubKey(each), each.name])), [hubs]);
  const name = (facility: string | null) => (facility ? (names.get(facility) ?? facility) : "");

  useEffect(() => {
    setShown(null);
    setTold([]);
  }, [kind]);

  // begun anew after each deed, so that no answer of before it is shown after it
  useEffect(() => {
    const stop = new AbortController();
    function look() {
      ask<{ alerts: Alert[] }>("/v1/alerts", { kind: kind || null, limit: MOST }, stop.signal).then(
        ({ alerts }) => {
          setTold(alerts);
          setShown((before) => renew(before, alerts));
          setProblem(null);
        },
        (error: unknown) => stop.signal.aborted || setProblem(asProblem(error)),
      );
    }
    look();
    const timer = setInterval(look, EVERY_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [kind, looks]);

  function choose(id: string | null) {
    setAsking(null);
    setQuery({ alert: id });
  }

  async function act(alert: Alert, what: string, more: object = {}) {
    setRefusal(null);
    try {
      const now = await send<Alert>(`/v1/alerts/${encodeURIComponent(alert.id)}/${what}`, { version: alert.version, ...more });
      const put = (rows: Alert[]) => rows.map((each) => (each.id === now.id ? now : each));
      setTold(put);
      setShown((before) => before && { ...before, rows: put(before.rows) });
      setAsking(null);
      const head = headOf(alert.id); // the form that had the focus goes; whoever went on meanwhile stays there
      const here = document.activeElement;
      if (here === document.body || head?.closest("li")?.contains(here)) head?.focus();
    } catch (error) {
      setRefusal(asProblem(error)); // what somebody else did meanwhile comes with the look that follows
    }
    setLooks((times) => times + 1);
  }

  const headOf = (id: string) => document.getElementById(`alert-${id}`);

  function press(event: KeyboardEvent, alert: Alert) {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.repeat && !["j", "k", "ArrowDown", "ArrowUp"].includes(event.key)) return;
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (step) {
      const buttons = [...(list.current?.querySelectorAll<HTMLElement>("button.alert-head") ?? [])];
      buttons[buttons.indexOf(event.currentTarget as HTMLElement) + step]?.focus();
    } else if (event.key === "e") void act(alert, "assign", { assignee: "me" });
    else if (event.key === "a") void act(alert, "acknowledge");
    else if (event.key === "s" || event.key === "r") {
      setQuery({ alert: alert.id });
      setAsking(event.key === "s" ? "snooze" : "resolve");
    } else return;
    event.preventDefault();
  }

  const rows = shown?.rows ?? [];
  // a row that goes takes the focus with it: the one in its place has it then
  const focused = useRef(-1);
  useEffect(() => {
    if (focused.current < 0 || (document.activeElement !== document.body && document.activeElement !== null)) return;
    const heads = list.current?.querySelectorAll<HTMLElement>("button.alert-head");
    heads?.[Math.min(focused.current, heads.length - 1)]?.focus();
  }, [rows.length]);
  const ago = (instant: string) => words.ago(Math.max(0, (Date.parse(asOf) - Date.parse(instant)) / 1000));
  return (
    <section className="panel" aria-labelledby="alerts">
      <h2 id="alerts">{shown ? words.say("alerts", { count: told.length }) + (told.length === MOST ? "+" : "") : words.say("alerts_title")}</h2>
      <div className="panel-tools">
        <select aria-label={words.say("alert_kind")} value={kind} onChange={(event) => setQuery({ kind: event.target.value, alert: null })}>
          <option value="">{words.say("alert_all")}</option>
          {KINDS.map((each) => <option key={each} value={each}>{words.say(`alert_${each}`)}</option>)}
        </select>
        {shown && shown.fresh.length > 0 && (
          <button type="button" onClick={() => setShown(welcome(told))}>{words.say("alert_new", { count: shown.fresh.length })}</button>
        )}
      </div>
      <p className="unseen" aria-live="polite">{shown && shown.fresh.length > 0 ? words.say("alert_new", { count: shown.fresh.length }) : ""}</p>
      {problem && <p className="warn" role="alert"><b>{problem.title}</b> {problem.mend}</p>}
      {refusal && <p className="warn" role="alert"><b>{refusal.title}</b> {refusal.mend}</p>}
      {shown && rows.length === 0 && <p className="note">{words.say("alert_none")}</p>}
      <ul className="alerts" ref={list} onBlur={(event) => event.relatedTarget && (focused.current = -1)}>
        {rows.map((alert) => {
          const open = alert.id === chosen;
          const [cause] = alert.causes;
          const owner = alert.assignee === null ? words.say("alert_nobody") : alert.assignee === me.who ? words.say("alert_mine") : alert.assignee;
          return (
            <li key={alert.id} className={open ? "is-open" : ""}>
              <button type="button" className="alert-head" id={`alert-${alert.id}`} aria-expanded={open} onClick={() => choose(open ? null : alert.id)} onFocus={() => (focused.current = rows.indexOf(alert))} onKeyDown={(event) => press(event, alert)}>
                <Sign shape={SHAPES[alert.severity]} />
                <span>
                  <b>{words.say(`alert_${alert.kind}`)}</b> <span className="flag">{words.say(`severity_${alert.severity}`)}</span>
                  {alert.state !== "open" && <span className="flag">{words.say(`alert_is_${alert.state}`)}</span>}
                  <span className="alert-line">{placeOf(alert, name)}</span>
                  {cause && !open && <span className="alert-line">{sayCause(cause, words, name)}</span>}
                  <small>{[alert.parcels > 0 && words.say("alert_parcels", { count: alert.parcels }), owner, words.say("alert_seen", { ago: ago(alert.last_seen_at) })].filter(Boolean).join(" · ")}</small>
                </span>
              </button>
              {open && <Opened alert={alert} asOf={asOf} asking={asking} ask={setAsking} act={act} name={name} />}
            </li>
          );
        })}
      </ul>
      {told.length === MOST && <p className="note">{words.say("alert_more", { count: MOST })}</p>}
    </section>
  );
}

interface OpenedGiven {
  alert: Alert;
  asOf: string;
  asking: Asking | null;
  ask: (what: Asking | null) => void;
  act: (alert: Alert, what: string, more?: object) => Promise<void>;
  name: (facility: string | null) => string;
}

function Opened({ alert, asOf, asking, ask: askFor, act, name }: OpenedGiven) {
  const words = useWords();
  const { me } = useShared();
  const [note, setNote] = useState("");
  const path = `/v1/alerts/${encodeURIComponent(alert.id)}`;
  const hit = useAsk<HitPage>(`${path}/parcels`, { limit: MOST_PARCELS });
  // the present of the network, which goes on while the stream is paused or broken
  const heard = useMemo(() => Date.now(), [asOf]);
  const until = (hours: number) => new Date(Date.parse(asOf) + Date.now() - heard + hours * 3_600_000).toISOString();
  const hub = alert.facility && !alert.towards ? alert.facility : null;
  return (
    <div className="alert-more">
      <div className="panel-tools">
        {alert.state === "open" && <button type="button" onClick={() => void act(alert, "acknowledge")}>{words.say("act_acknowledge")}</button>}
        {alert.assignee !== me.who && <button type="button" onClick={() => void act(alert, "assign", { assignee: "me" })}>{words.say("act_assign")} <kbd>e</kbd></button>}
        <button type="button" aria-pressed={asking === "snooze"} onClick={() => askFor(asking === "snooze" ? null : "snooze")}>{words.say("act_snooze")} <kbd>s</kbd></button>
        <button type="button" aria-pressed={asking === "resolve"} onClick={() => askFor(asking === "resolve" ? null : "resolve")}>{words.say("act_resolve")} <kbd>r</kbd></button>
        {hub && <button type="button" onClick={() => setQuery({ hub })}>{words.say("alert_show_hub")}</button>}
      </div>
      {asking === "snooze" && (
        <div className="panel-tools" role="group" aria-label={words.say("act_snooze")}>
          {SNOOZES_H.map((hours) => (
            <button type="button" key={hours} onClick={() => void act(alert, "snooze", { until: until(hours) })}>{words.say("hours", { count: hours })}</button>
          ))}
        </div>
      )}
      {asking === "resolve" && (
        <form
          className="panel-tools"
          onSubmit={(event) => {
            event.preventDefault();
            void act(alert, "resolve", { note });
          }}
        >
          <input aria-label={words.say("alert_note")} placeholder={words.say("alert_note")} value={note} required maxLength={500} autoFocus onChange={(event) => setNote(event.target.value)} />
          <button type="submit">{words.say("act_resolve")}</button>
        </form>
      )}
      {alert.causes.length > 0 && (
        <>
          <h3>{words.say("likely_causes")}</h3>
          <ol className="causes">{alert.causes.map((each, place) => <li key={place}>{sayCause(each, words, name)}</li>)}</ol>
        </>
      )}
      {(hit.value?.parcels.length ?? 0) > 0 && (
        <>
          <h3>{words.say("alert_hit")}</h3>
          <p>
            {hit.value?.parcels.map((each) => (
              <span key={`${each.carrier}/${each.number}`}>
                <Link className="number" to={at(`/parcels/${encodeURIComponent(each.carrier)}/${encodeURIComponent(each.number)}`)}>{each.number}</Link>{" "}
              </span>
            ))}
            {hit.value?.next && "…"}
          </p>
        </>
      )}
      <h3>{words.say("alert_history")}</h3>
      <History key={alert.version} path={path} />
      {hit.problem && <p className="warn" role="alert">{hit.problem.title}</p>}
    </div>
  );
}

/** What became of it; asked anew for each version. */
function History({ path }: { path: string }) {
  const words = useWords();
  const { me } = useShared();
  const found = useAsk<AlertAnswer>(path);
  if (!found.value) return <Notice of={found} />;
  return (
    <ul className="acts">
      {found.value.acts.map((each) => (
        <li key={`${each.version} ${each.at} ${each.what}`}>
          <time dateTime={each.at}>{words.stamp(each.at)}</time> {words.say(`act_was_${each.what}` as Key)}
          {each.who !== "waypost" && ` · ${each.who === me.who ? words.say("alert_mine") : each.who}`}
          {each.note && `: ${each.note}`}
        </li>
      ))}
    </ul>
  );
}
