// Lanes: how long parcels take from area to area, by carrier; the curve, the weeks, and the hours of hand-over.
import { Suspense, lazy, useCallback, useMemo, useState } from "react";
import { type LaneDetail, type LanePage, type LaneRow, type Times, asProblem, askFile } from "../api.ts";
import { save } from "../files.ts";
import { More, Notice } from "../parts/notice.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { laneText } from "../place.ts";
import { setQuery } from "../route.ts";
import { useAsk, usePages, useWords } from "../state.tsx";
import { SERIES, tone } from "../tones.ts";
import type { Words } from "../words.ts";

const Chart = lazy(() => import("../parts/chart.tsx"));

const keyOf = (lane: Pick<LaneRow, "carrier" | "origin" | "destination">) => `${lane.carrier}|${lane.origin}|${lane.destination}`;

const joinLanes = (one: LanePage, other: LanePage): LanePage => ({ ...one, lanes: [...one.lanes, ...other.lanes] });

export default function Lanes({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const asked = usePages<LanePage>("/v1/lanes", { limit: 500 }, joinLanes);
  const sought = (query.get("q") ?? "").trim().toLowerCase();
  const [origin, destination] = [query.get("from"), query.get("to")];
  const rows = useMemo(
    () => (asked.value?.lanes ?? []).filter((each) => `${each.carrier} ${laneText(each.origin, each.destination, words)}`.toLowerCase().includes(sought)),
    [asked.value, sought, words],
  );
  const hours = (value: number | null) => (value === null ? "–" : words.hours(value));
  const columns: Column<LaneRow>[] = [
    { name: words.say("lane"), width: "minmax(200px, 2fr)", show: (each) => laneText(each.origin, each.destination, words) },
    { name: words.say("carrier"), width: "70px", show: (each) => each.carrier },
    { name: words.say("parcels"), width: "70px", count: true, show: (each) => words.number(each.times.parcels) },
    { name: words.say("half"), width: "84px", count: true, show: (each) => hours(each.times.p50_h) },
    { name: words.say("nine_of_ten"), width: "84px", count: true, show: (each) => hours(each.times.p90_h) },
    { name: words.say("on_time"), width: "70px", count: true, show: (each) => (each.times.on_time.share === null ? "–" : words.percent(each.times.on_time.share)) },
  ];
  const chosen = rows.find((each) => each.origin === origin && each.destination === destination && each.carrier === query.get("carrier")) ?? rows.find((each) => each.origin === origin && each.destination === destination);
  return (
    <>
      <div className="top">
        <h1>{words.say("lanes")}</h1>
        {asked.value && <p className="note">{words.say("stretch", { since: words.stamp(asked.value.since), until: words.stamp(asked.value.as_of) })}</p>}
      </div>
      <div className="stack">
        <section className="panel">
          <div className="panel-tools">
            <input type="search" aria-label={words.say("filter")} placeholder={words.say("filter")} value={query.get("q") ?? ""} onChange={(event) => setQuery({ q: event.target.value })} />
            <Download path="/v1/lanes" parameters={{ format: "csv" }} name="lanes.csv" />
          </div>
          <Notice of={asked} />
          <More of={asked} count={asked.value?.lanes.length ?? 0} />
          {asked.value && rows.length === 0 && <p className="note">{words.say("no_rows")}</p>}
          {rows.length > 0 && (
            <Table label={words.say("lanes")} rows={rows} columns={columns} keyOf={keyOf} height={300} selected={chosen ? keyOf(chosen) : null}
              choose={(each) => setQuery({ from: each.origin, to: each.destination, carrier: each.carrier })} />
          )}
        </section>
        {origin && destination ? <Lane origin={origin} destination={destination} /> : <p className="note">{words.say("choose_lane")}</p>}
      </div>
    </>
  );
}

function Lane({ origin, destination }: { origin: string; destination: string }) {
  const words = useWords();
  const asked = useAsk<LaneDetail>("/v1/lanes/times", { origin, destination, compare: "period" });
  const lane = asked.value;
  const name = laneText(origin, destination, words);
  const curve = useCallback(() => (lane ? drawCurve(lane, words) : {}), [lane, words]);
  const heat = useCallback(() => (lane ? drawHours(lane, words) : {}), [lane, words]);
  if (!lane) return <Notice of={asked} />;
  return (
    <section className="stack" aria-label={name}>
      <h2>{name}</h2>
      <div className="pair">
        <section className="panel">
          <h2>{words.say("curve")}</h2>
          <Suspense fallback={<div style={{ height: 280 }} />}><Chart make={curve} label={words.say("curve_about", { lane: name })} /></Suspense>
        </section>
        <section className="panel">
          <h2>{words.say("by_hour")}</h2>
          <Suspense fallback={<div style={{ height: 280 }} />}><Chart make={heat} label={words.say("by_hour_about", { lane: name })} /></Suspense>
        </section>
      </div>
      <section className="panel">
        <div className="panel-tools"><h2>{words.say("by_carrier_and_week")}</h2><Download path="/v1/lanes/times" parameters={{ origin, destination, format: "csv", table: "weeks" }} name="lane.csv" /></div>
        <Weeks lane={lane} />
      </section>
      <section className="panel">
        <h2>{words.say("where_they_wait")}</h2>
        <Waits lane={lane} />
      </section>
    </section>
  );
}

function Weeks({ lane }: { lane: LaneDetail }) {
  const words = useWords();
  const hours = (value: number | null) => (value === null ? "–" : words.hours(value));
  const row = (key: string, carrier: string, when: string, times: Times, before?: Times) => (
    <tr key={key}>
      <th scope="row">{carrier}</th>
      <td>{when}</td>
      <td className="count">{words.number(times.parcels)}</td>
      <td className="count">{hours(times.p50_h)}{before && <small> ({hours(before.p50_h)})</small>}</td>
      <td className="count">{hours(times.p90_h)}</td>
      <td className="count">{times.on_time.share === null ? "–" : words.percent(times.on_time.share)}</td>
    </tr>
  );
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={words.say("by_carrier_and_week")}>
      <table className="weeks">
        <thead>
          <tr>{(["carrier", "week", "parcels", "half", "nine_of_ten", "on_time"] as const).map((each, place) => <th scope="col" key={each} className={place > 1 ? "count" : ""}>{words.say(each)}</th>)}</tr>
        </thead>
        <tbody>
          {lane.carriers.flatMap((each) => [
            row(each.carrier, each.carrier, words.say("whole_time"), each.times, lane.before?.carriers.find((one) => one.carrier === each.carrier)?.times),
            ...each.weeks.map((week) => row(`${each.carrier} ${week.week}`, each.carrier, words.day(week.week), week.times)),
          ])}
        </tbody>
      </table>
    </div>
  );
}

function Waits({ lane }: { lane: LaneDetail }) {
  const words = useWords();
  if (lane.gaps.length === 0) return <p className="note">{words.say("no_rows")}</p>;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={words.say("where_they_wait")}>
      <table>
        <thead><tr>{(["facility", "carrier", "scans", "half", "nine_of_ten", "longest"] as const).map((each, place) => <th scope="col" key={each} className={place > 1 ? "count" : ""}>{words.say(each)}</th>)}</tr></thead>
        <tbody>
          {lane.gaps.map((each) => (
            <tr key={`${each.carrier} ${each.facility}`}>
              <th scope="row">{each.facility}</th><td>{each.carrier}</td><td className="count">{words.number(each.scans)}</td>
              <td className="count">{words.hours(each.p50_h)}</td><td className="count">{words.hours(each.p90_h)}</td><td className="count">{words.hours(each.most_h)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Download({ path, parameters, name }: { path: string; parameters: Record<string, string>; name: string }) {
  const words = useWords();
  const [problem, setProblem] = useState<string | null>(null);
  // asked as all else is: a link alone does not tell the server that a page of its own asks, where there is no https
  async function take() {
    try {
      save(await askFile(path, parameters), name);
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error).title);
    }
  }
  return (
    <>
      <button type="button" className="plain" onClick={() => void take()}>{words.say("as_csv")}</button>
      {problem && <span role="alert">{problem}</span>}
    </>
  );
}

function axes(words: Words) {
  const line = { lineStyle: { color: tone("line") } };
  return { axisLine: line, splitLine: line, axisLabel: { color: tone("muted") }, nameTextStyle: { color: tone("muted") }, name: words.say("hours_axis"), nameLocation: "middle", nameGap: 28 };
}

function drawCurve(lane: LaneDetail, words: Words) {
  return {
    grid: { left: 52, right: 16, top: 36, bottom: 48 },
    legend: { type: "scroll", top: 0, textStyle: { color: tone("text") } },
    tooltip: { trigger: "axis", renderMode: "richText" },
    xAxis: { type: "value", scale: true, ...axes(words) },
    yAxis: { ...axes(words), type: "value", min: 0, max: 1, name: "", axisLabel: { color: tone("muted"), formatter: words.percent } },
    series: lane.carriers.map((each, place) => ({
      name: each.carrier,
      type: "line",
      step: "end",
      showSymbol: false,
      lineStyle: { width: 2, type: place % 2 ? "dashed" : "solid" },
      color: tone(SERIES[place % SERIES.length] ?? "idle"),
      data: each.curve.map((point) => [point.hours, point.share]),
    })),
  };
}

function drawHours(lane: LaneDetail, words: Words) {
  const days = Array.from({ length: 7 }, (_, day) => new Intl.DateTimeFormat(words.locale, { weekday: "short", timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, 1 + day))));
  const told = lane.hours.filter((each) => each.p50_h !== null);
  const values = told.map((each) => each.p50_h ?? 0);
  const shades = ["step-0", "step-1", "step-2", "step-3", "step-4"].map(tone);
  return {
    grid: { left: 52, right: 16, top: 8, bottom: 72 },
    tooltip: { renderMode: "richText", formatter: ({ value }: { value: [number, number, number] }) => `${days[value[1]]} ${value[0]}:00 · ${words.hours(value[2])}` },
    xAxis: { type: "category", data: Array.from({ length: 24 }, (_, hour) => String(hour)), axisLabel: { color: tone("muted") }, axisLine: { lineStyle: { color: tone("line") } } },
    yAxis: { type: "category", data: days, inverse: true, axisLabel: { color: tone("muted") }, axisLine: { lineStyle: { color: tone("line") } } },
    visualMap: { min: Math.floor(Math.min(...values, 1000)), max: Math.ceil(Math.max(...values, 1)), text: [words.hours(Math.ceil(Math.max(...values, 1))), words.hours(Math.floor(Math.min(...values, 1000)))], orient: "horizontal", left: "center", bottom: 0, itemHeight: 120, textStyle: { color: tone("muted") }, inRange: { color: shades }, formatter: (value: number) => words.hours(value) },
    series: [{ type: "heatmap", data: told.map((each) => [each.hour, each.weekday - 1, each.p50_h]) }],
  };
}
