// Forecast: how many parcels come a day, as foreseen and as they came.
import { Suspense, lazy, useCallback } from "react";
import { More, Notice } from "../parts/notice.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { setQuery } from "../route.ts";
import { usePages, useWords } from "../state.tsx";
import { tone } from "../tones.ts";
import type { VolumeDay, VolumeLine } from "../api.ts";
import type { Key, Words } from "../words.ts";

const Chart = lazy(() => import("../parts/chart.tsx"));

interface Volume {
  made_at: string;
  learnt_to: string;
  warning: string | null;
  marks: { day: string; country: string; kind: string; name: string }[];
  card: { first: string; last: string; levels: { level: string; lines: number; mean: number; mae: number; naive_mae: number; within: number }[] } | null;
  overloads: { carrier: string; hub: string; hour: string; parcels: number; p90: number; capacity: number }[];
  lines: VolumeLine[];
  next: string | null;
}

const keyOf = (line: VolumeLine) => `${line.level}|${line.carrier ?? ""}|${line.name ?? ""}`;

const joinLines = (one: Volume, other: Volume): Volume => ({ ...one, lines: [...one.lines, ...other.lines] });

export default function Forecast({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const by = query.get("by") === "lane" ? "lane" : "hub";
  const asked = usePages<Volume>("/v1/forecasts/volume", { by, limit: 500 }, joinLines);
  const volume = asked.value;
  const line = volume?.lines.find((each) => keyOf(each) === query.get("line")) ?? volume?.lines[0];
  const none = asked.problem?.code === "not_found";
  const columns: Column<VolumeLine>[] = [
    { name: words.say("place"), width: "minmax(160px, 2fr)", show: (each) => lineName(each, words) },
    { name: words.say("carrier"), width: "80px", show: (each) => each.carrier ?? "–" },
    { name: words.say("next_day"), width: "110px", count: true, show: (each) => words.number(Math.round(each.days.find((day) => day.came === null)?.p50 ?? 0)) },
    { name: words.say("all_days"), width: "110px", count: true, show: (each) => words.number(Math.round(each.days.reduce((sum, day) => sum + day.p50, 0))) },
  ];
  return (
    <>
      <div className="top">
        <h1>{words.say("forecast")}</h1>
        {volume && <p className="note">{words.say("made", { at: words.stamp(volume.made_at), day: words.day(volume.learnt_to) })}</p>}
      </div>
      <div className="panel-tools">
        {(["hub", "lane"] as const).map((each) => (
          <button type="button" key={each} aria-pressed={by === each} onClick={() => setQuery({ by: each, line: null })}>{words.say(each === "hub" ? "hubs" : "lanes")}</button>
        ))}
      </div>
      {none ? <section className="panel"><p>{words.say("no_forecast")}</p><p className="note"><code>waypost forecast volume --by {by} --keep</code></p></section> : <Notice of={asked} />}
      <More of={asked} count={volume?.lines.length ?? 0} />
      {volume?.warning && <div className="warn" role="alert"><p>{volume.warning}</p></div>}
      {volume && line && (
        <div className="columns">
          <section className="panel"><Table label={words.say("forecast")} rows={volume.lines} columns={columns} keyOf={keyOf} selected={keyOf(line)} choose={(each) => setQuery({ line: keyOf(each) })} height={560} /></section>
          <div className="stack">
            <Line line={line} volume={volume} />
            {volume.card && <Card card={volume.card} />}
            <Overloads volume={volume} />
          </div>
        </div>
      )}
    </>
  );
}

function lineName(line: VolumeLine, words: Words): string {
  return line.name ?? line.carrier ?? words.say("whole_network");
}

function Line({ line, volume }: { line: VolumeLine; volume: Volume }) {
  const words = useWords();
  const name = lineName(line, words);
  const make = useCallback(() => drawBand(line.days, volume.marks, words), [line, volume.marks, words]);
  return (
    <section className="panel">
      <h2>{name}</h2>
      <Suspense fallback={<div style={{ height: 300 }} />}><Chart make={make} label={words.say("band_about", { name })} height={300} /></Suspense>
      <div className="scroll" tabIndex={0} role="region" aria-label={name}>
        <table className="days">
          <thead><tr>{(["day", "low", "middle", "high", "came"] as const).map((each, place) => <th scope="col" key={each} className={place > 0 ? "count" : ""}>{words.say(each)}</th>)}</tr></thead>
          <tbody>
            {line.days.map((each) => (
              <tr key={each.day}>
                <th scope="row">{words.day(each.day)} {volume.marks.filter((mark) => mark.day === each.day).map((mark) => <span className="flag" key={mark.name}>{mark.name}</span>)}</th>
                {[each.p10, each.p50, each.p90].map((value, place) => <td className="count" key={place}>{words.number(Math.round(value))}</td>)}
                <td className="count">{each.came === null ? "–" : words.number(each.came)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Card({ card }: { card: NonNullable<Volume["card"]> }) {
  const words = useWords();
  const heads: Key[] = ["level", "mean", "off_by", "naive_off_by", "within"];
  return (
    <section className="panel">
      <h2>{words.say("error_card")}</h2>
      <p className="note">{words.say("error_card_about", { first: words.day(card.first), last: words.day(card.last) })}</p>
      <table>
        <thead><tr>{heads.map((each, place) => <th scope="col" key={each} className={place > 0 ? "count" : ""}>{words.say(each)}</th>)}</tr></thead>
        <tbody>
          {card.levels.map((each) => (
            <tr key={each.level}><th scope="row">{each.level}</th>{[each.mean, each.mae, each.naive_mae].map((value, place) => <td className="count" key={place}>{words.number(value)}</td>)}<td className="count">{words.percent(each.within)}</td></tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Overloads({ volume }: { volume: Volume }) {
  const words = useWords();
  if (volume.overloads.length === 0) return null;
  return (
    <section className="panel">
      <h2>{words.say("overloads")}</h2>
      <table>
        <thead><tr>{(["facility", "hour", "middle", "high", "capacity"] as const).map((each, place) => <th scope="col" key={each} className={place > 1 ? "count" : ""}>{words.say(each)}</th>)}</tr></thead>
        <tbody>
          {volume.overloads.map((each) => (
            <tr key={`${each.carrier} ${each.hub} ${each.hour}`}><th scope="row">{each.hub} <small>{each.carrier}</small></th><td>{each.hour.replace("T", " ")}</td>{[each.parcels, each.p90, each.capacity].map((value, place) => <td className="count" key={place}>{words.number(Math.round(value))}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function drawBand(days: VolumeDay[], marks: Volume["marks"], words: Words) {
  const line = { lineStyle: { color: tone("line") } };
  const marked = [...new Set(marks.map((each) => each.day))].filter((day) => days.some((each) => each.day === day));
  return {
    grid: { left: 64, right: 16, top: 36, bottom: 32 },
    legend: { type: "scroll", top: 0, data: [words.say("middle"), words.say("came")], textStyle: { color: tone("text") } },
    tooltip: { trigger: "axis", renderMode: "richText" },
    xAxis: { type: "category", data: days.map((each) => each.day), axisLabel: { color: tone("muted"), formatter: words.day }, axisLine: line },
    yAxis: { type: "value", axisLabel: { color: tone("muted"), formatter: words.shortNumber }, splitLine: line },
    series: [
      { name: words.say("low"), type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, data: days.map((each) => each.p10) },
      { name: words.say("band"), type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, areaStyle: { color: tone("moving"), opacity: 0.22 }, data: days.map((each) => each.p90 - each.p10) },
      { name: words.say("middle"), type: "line", symbol: "circle", color: tone("moving"), data: days.map((each) => each.p50), markLine: { symbol: "none", label: { show: false }, lineStyle: { color: tone("risk"), type: "dashed" }, data: marked.map((day) => ({ xAxis: day })) } },
      { name: words.say("came"), type: "line", symbol: "diamond", symbolSize: 8, lineStyle: { type: "dashed" }, color: tone("late"), data: days.map((each) => each.came) },
    ],
  };
}
