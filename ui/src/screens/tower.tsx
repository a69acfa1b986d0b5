// The control tower: what is under way, where it stands and how it flows; the map, and the same rows as tables.
import { Suspense, lazy, useMemo, useState } from "react";
import { LOAD_BOUNDS } from "../flows.ts";
import { type Flow, type Hub, flowKey, hubKey } from "../live.ts";
import { Boundary } from "../parts/boundary.tsx";
import { Link } from "../parts/link.tsx";
import { Sign } from "../parts/sign.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { at, setQuery } from "../route.ts";
import { usePhrase, useWords } from "../state.tsx";
import type { Key } from "../words.ts";
import { type Watching, useAge, useLive } from "./hubs.ts";
import { Queue } from "./queue.tsx";
import { MOST_RINGS, CHINA, boxOfHubs, drawFlows, drawHubs, fitsHub, flowName } from "./network.ts";

const NetworkMap = lazy(() => import("../parts/map.tsx"));

export function Tower({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const [paused, setPaused] = useState(false);
  const watching = useLive(paused);
  const { live } = watching;
  return (
    <>
      <div className="top">
        <h1>{words.say("tower")}</h1>
        <Freshness watching={watching} paused={paused} />
        <button type="button" className="plain" onClick={() => setPaused(!paused)}>{words.say(paused ? "resume" : "pause")}</button>
      </div>
      {watching.problem && <p className="note" role="status"><b>{watching.problem.title}</b> {watching.problem.mend}</p>}
      {live ? <Network live={live} query={query} /> : <p className="note" role="status">{words.say(watching.broken ? "no_live" : "loading")}</p>}
    </>
  );
}

function Freshness({ watching, paused }: { watching: Watching; paused: boolean }) {
  const words = useWords();
  const { live, heardAt } = watching;
  const age = useAge(watching);
  if (!live) return null;
  const old = age !== null || watching.broken;
  const ago = words.say("old", { ago: words.ago(age ?? Math.max(0, (Date.now() - heardAt) / 1000)) });
  const told = paused ? `${words.say("paused")} · ${ago}` : old ? ago : words.say(live.ages.counts_s === null ? "counting" : "live");
  const scans = words.say("scans_a_second", { count: live.scans_per_s });
  return (
    <p className={`fresh${paused ? " is-paused" : old ? " is-old" : ""}`} title={live.as_of}>
      {told} · {scans} · {words.say("position", { position: live.position })}
      {live.behind > 0 && ` · ${words.say("behind", { count: live.behind })}`}
    </p>
  );
}

function Network({ live, query }: { live: NonNullable<Watching["live"]>; query: URLSearchParams }) {
  const sought = query.get("q") ?? "";
  const carrier = query.get("carrier") ?? "";
  const chosen = query.get("hub");
  const hubs = useMemo(() => live.facilities.filter((each) => fitsHub(each, sought, carrier)), [live.facilities, sought, carrier]);
  const flows = useMemo(() => {
    const keys = new Set(hubs.map(hubKey));
    return live.flows.filter((each) => {
      const ends = [`${each.carrier}/${each.origin}`, `${each.carrier}/${each.destination}`];
      return chosen ? ends.includes(chosen) : ends.some((end) => keys.has(end));
    });
  }, [live.flows, hubs, chosen]);
  return (
    <>
      <Strip live={live} />
      <div className="tower">
        <MapPanel all={live.facilities} hubs={hubs} flows={flows} chosen={chosen} view={query.get("view")} />
        <div className="side">
          {chosen && <HubPanel hub={live.facilities.find((each) => hubKey(each) === chosen)} asOf={live.as_of} />}
          <Queue hubs={live.facilities} asOf={live.as_of} chosen={query.get("alert")} kind={query.get("kind") ?? ""} />
          <Statuses live={live} />
        </div>
      </div>
      <Tables live={live} hubs={hubs} flows={flows} sought={sought} carrier={carrier} chosen={chosen} tab={query.get("tab") ?? "hubs"} />
    </>
  );
}

function Strip({ live }: { live: NonNullable<Watching["live"]> }) {
  const words = useWords();
  const { counts, ages } = live;
  const counting = ages.counts_s === null;
  const lookout = ages.lookout_s === null ? words.say("no_model") : words.say("reckoned", { ago: words.ago(ages.lookout_s) });
  const note = counting ? words.say("counting") : "";
  const counted = (count: number) => (counting ? null : count);
  const tiles: { key: Key; count: number | null; note: string; to?: string }[] = [
    { key: "in_network", count: counted(counts.in_network), note },
    { key: "at_risk", count: counts.at_risk, note: lookout, to: at("/parcels", { risk: "0.5" }) },
    // no list tells those that are late already, held or silent, and no more: their statuses stand beside the map
    { key: "late", count: counts.late, note: lookout },
    { key: "held", count: counted(counts.held), note },
    { key: "silent", count: counted(counts.silent_24h), note },
  ];
  return (
    <div className="tiles">
      {tiles.map((each) => {
        const inner = (
          <>
            <span className="what">{words.say(each.key)}</span>
            <span className="figure" data-count={each.key}>{each.count === null ? "–" : words.number(each.count)}</span>
            <small>{each.note}</small>
          </>
        );
        return each.to ? <Link key={each.key} className="tile" to={each.to}>{inner}</Link> : <div key={each.key} className="tile">{inner}</div>;
      })}
    </div>
  );
}

interface MapGiven {
  all: Hub[];
  hubs: Hub[];
  flows: Flow[];
  chosen: string | null;
  view: string | null;
}

function MapPanel({ all, hubs, flows, chosen, view }: MapGiven) {
  const words = useWords();
  const drawnHubs = useMemo(() => drawHubs(hubs, chosen), [hubs, chosen]);
  const drawnFlows = useMemo(() => drawFlows(flows, all), [flows, all]);
  const around = useMemo(() => boxOfHubs(all), [all.length > 0]); // not at every patch: the map would jump
  const found = all.find((each) => hubKey(each) === chosen);
  const near = useMemo(() => found && boxOfHubs([found], 4), [chosen, found !== undefined]);
  const box = near ?? (view === "china" ? CHINA : around);
  return (
    <section className="panel map-panel">
      <div className="map-tools">
        {(["world", "china"] as const).map((each) => (
          <button type="button" key={each} aria-pressed={(view ?? "world") === each && !chosen} onClick={() => setQuery({ view: each === "world" ? null : each, hub: null })}>
            {words.say(each)}
          </button>
        ))}
      </div>
      <Boundary instead={() => <p className="note map no-map" role="status">{words.say("no_map")}</p>}>
        <Suspense fallback={<div className="map" />}>
          <NetworkMap label={words.say("map_about")} hubs={drawnHubs} flows={drawnFlows} box={box} choose={(hub) => setQuery({ hub })} />
        </Suspense>
      </Boundary>
      <div className="legend">
        <span><i className="ring" style={{ borderColor: "var(--step-1)" }} />{words.say("legend_hub")}</span>
        {LOAD_BOUNDS.map((bound, step) => <span key={bound}><i className="ring" style={{ borderColor: `var(--step-${step + 1})` }} />{words.say("legend_load", { share: words.percent(bound) })}</span>)}
        <span><i style={{ background: "var(--idle)" }} />{words.say("legend_flow")}</span>
        <span>{words.say("legend_delay")}</span>
        {hubs.length > MOST_RINGS && <span>{words.say("legend_most", { count: MOST_RINGS })}</span>}
      </div>
    </section>
  );
}

/** `asOf` is of the same clock as the last scan, unlike the browser's. */
function HubPanel({ hub, asOf }: { hub: Hub | undefined; asOf: string }) {
  const words = useWords();
  const close = <button type="button" className="plain" onClick={() => setQuery({ hub: null })}>{words.say("close")}</button>;
  if (!hub) return <section className="panel"><p className="note">{words.say("hub_unknown")}</p>{close}</section>;
  const facts: [Key, string][] = [
    ["inside", words.number(hub.inside)],
    ["arrived_1h", words.number(hub.arrived_1h)],
    ["departed_1h", words.number(hub.departed_1h)],
    ["arrived_24h", words.number(hub.arrived_24h)],
    ["load", hub.load === null ? words.say("capacity_unknown") : words.percent(hub.load)],
    ["last_scan", hub.last_at ? words.ago(Math.max(0, (Date.parse(asOf) - Date.parse(hub.last_at)) / 1000)) : "–"],
  ];
  return (
    <section className="panel" aria-live="polite">
      <h2>{hub.name}</h2>
      <p className="note">{[hub.carrier, hub.facility, hub.city, words.country(hub.country)].filter(Boolean).join(" · ")}</p>
      <dl className="facts below">{facts.map(([key, value]) => <div key={key}><dt>{words.say(key)}</dt><dd>{value}</dd></div>)}</dl>
      <p className="below">
        <Link className="button" to={at("/parcels", { facility: hub.facility, carrier: hub.carrier })}>{words.say("parcels_here")}</Link> {close}
      </p>
    </section>
  );
}

function Statuses({ live }: { live: NonNullable<Watching["live"]> }) {
  const words = useWords();
  const phrase = usePhrase();
  const rows = live.statuses.filter((each) => each.parcels > 0).sort((one, other) => other.parcels - one.parcels);
  const most = Math.max(1, ...rows.map((each) => each.parcels));
  return (
    <section className="panel">
      <h2>{words.say("by_status")}</h2>
      <div className="gauges" tabIndex={0} role="region" aria-label={words.say("by_status")}>
        {rows.map((each) => (
          <Link className="gauge" key={each.status} to={at("/parcels", { status: each.status })}>
            <Sign shape={each.shape} />
            <span className="gauge-name">{phrase(each.status).label}</span>
            <span className="count">{words.number(each.parcels)}</span>
            <div className={`gauge-bar is-${each.shape}`}><i style={{ width: `${(100 * each.parcels) / most}%` }} /></div>
          </Link>
        ))}
      </div>
    </section>
  );
}

interface TablesGiven {
  live: NonNullable<Watching["live"]>;
  hubs: Hub[];
  flows: Flow[];
  sought: string;
  carrier: string;
  chosen: string | null;
  tab: string;
}

function Tables({ live, hubs, flows, sought, carrier, chosen, tab }: TablesGiven) {
  const words = useWords();
  const carriers = useMemo(() => [...new Set(live.facilities.map((each) => each.carrier))].sort(), [live.facilities]);
  const names = useMemo(() => new Map(live.facilities.map((each) => [hubKey(each), each.name])), [live.facilities]);
  const share = (value: number | null) => (value === null ? "–" : words.percent(value));
  const hours = (value: number | null) => (value === null ? "–" : words.hours(value));
  const ofHubs: Column<Hub>[] = [
    { name: words.say("facility"), width: "minmax(160px, 2fr)", show: (each) => each.name },
    { name: words.say("carrier"), width: "90px", show: (each) => each.carrier },
    { name: words.say("city"), width: "minmax(90px, 1fr)", show: (each) => each.city ?? "–" },
    { name: words.say("inside"), width: "90px", count: true, show: (each) => words.number(each.inside) },
    { name: words.say("arrived_1h"), width: "110px", count: true, show: (each) => words.number(each.arrived_1h) },
    { name: words.say("departed_1h"), width: "110px", count: true, show: (each) => words.number(each.departed_1h) },
    { name: words.say("arrived_24h"), width: "110px", count: true, show: (each) => words.number(each.arrived_24h) },
    { name: words.say("load"), width: "80px", count: true, show: (each) => share(each.load) },
  ];
  const ofFlows: Column<Flow>[] = [
    { name: words.say("flow"), width: "minmax(240px, 3fr)", show: (each) => flowName(each, names) },
    { name: words.say("carrier"), width: "90px", show: (each) => each.carrier },
    { name: words.say("moved_24h"), width: "110px", count: true, show: (each) => words.number(each.moved_24h) },
    { name: words.say("takes_now"), width: "110px", count: true, show: (each) => hours(each.hours) },
    { name: words.say("takes_usually"), width: "110px", count: true, show: (each) => hours(each.usual_hours) },
    { name: words.say("delayed"), width: "90px", count: true, show: (each) => share(each.delayed) },
  ];
  const isFlows = tab === "flows";
  return (
    <section className="panel below">
      <div className="panel-tools">
        <button type="button" aria-pressed={!isFlows} onClick={() => setQuery({ tab: null })}>{words.say("hubs_count", { count: hubs.length })}</button>
        <button type="button" aria-pressed={isFlows} onClick={() => setQuery({ tab: "flows" })}>{words.say("flows_count", { count: flows.length })}</button>
        <input type="search" aria-label={words.say("filter")} placeholder={words.say("filter")} value={sought} onChange={(event) => setQuery({ q: event.target.value })} />
        <select aria-label={words.say("carrier")} value={carrier} onChange={(event) => setQuery({ carrier: event.target.value })}>
          <option value="">{words.say("all_carriers")}</option>
          {carriers.map((each) => <option key={each}>{each}</option>)}
        </select>
      </div>
      {isFlows ? (
        <Table label={words.say("flows")} rows={flows} columns={ofFlows} keyOf={flowKey} />
      ) : (
        <Table label={words.say("hubs")} rows={hubs} columns={ofHubs} keyOf={hubKey} selected={chosen} choose={(hub) => setQuery({ hub: hubKey(hub) })} />
      )}
    </section>
  );
}
