// What if: changes are tried on the twin, and what they do is read beside the same days without them.
import { type FormEvent, Suspense, lazy, useCallback, useEffect, useMemo, useState } from "react";
import { type Problem, asProblem, remove, send } from "../api.ts";
import { hubKey } from "../live.ts";
import { Notice, Trouble } from "../parts/notice.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { setQuery } from "../route.ts";
import { useAsk, useShared, useWords } from "../state.tsx";
import { tone } from "../tones.ts";
import { type Backlog, type Difference, type Draft, FIELDS, KINDS, type Kind, type WhatIf, compareRuns, draftOf, isOver, newDraft, readDraft, sayChange } from "../whatif.ts";
import type { Words } from "../words.ts";
import { useHubs } from "./hubs.ts";

const Chart = lazy(() => import("../parts/chart.tsx"));

const PATH = "/v1/what-ifs";
const LOOK_MS = 2000;
const HUBS = "what-if-hubs";

export default function WhatIfs({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const { me } = useShared();
  return (
    <>
      <div className="top"><h1>{words.say("what_if")}</h1></div>
      <p className="note">{words.say("what_if_about")}</p>
      {me.has_twin ? <Asking id={query.get("id")} hub={query.get("hub")} /> : <section className="panel"><p>{words.say("wif_no_twin")}</p><p className="note"><code>waypost twin what-if --help</code></p></section>}
    </>
  );
}

function Asking({ id, hub }: { id: string | null; hub: string | null }) {
  const asked = useAsk<{ what_ifs: WhatIf[] }>(PATH);
  const one = useAsk<WhatIf>(id && `${PATH}/${encodeURIComponent(id)}`);
  const hubs = useHubs();
  const names = useMemo(() => new Map(hubs.map((each) => [hubKey(each), each.name])), [hubs]);
  const nameOf = useCallback((code: string) => names.get(code) ?? code, [names]);
  const [drafts, setDrafts] = useState<Draft[] | null>(null);
  const shown = one.value;
  useEffect(() => {
    if (!shown || isOver(shown)) return;
    const timer = setTimeout(one.again, LOOK_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  const stage = shown?.stage;
  useEffect(() => {
    if (stage) asked.again(); // its row in the list has changed as well
  }, [stage, id]);
  useEffect(() => setDrafts(null), [id]); // what is begun belongs to what was shown then
  const before = drafts ?? shown?.changes.map(draftOf) ?? [newDraft("close_hub")];
  return (
    <div className="columns">
      <div className="stack">
        <Form drafts={before} change={setDrafts} done={(found) => { setDrafts(null); setQuery({ id: found.id, hub: null }); }} />
        <datalist id={HUBS}>{hubs.filter((each) => each.capacity_per_hour !== null).map((each) => <option key={hubKey(each)} value={hubKey(each)}>{each.name}</option>)}</datalist>
        <Before of={asked.value?.what_ifs ?? []} chosen={id} nameOf={nameOf} />
        {asked.problem && <Notice of={asked} />}
      </div>
      <div className="stack">
        {id && <Notice of={one} />}
        {shown && <Answer of={shown} hub={hub} nameOf={nameOf} gone={() => { setQuery({ id: null, hub: null }); asked.again(); }} />}
      </div>
    </div>
  );
}

function Form({ drafts, change, done }: { drafts: Draft[]; change: (drafts: Draft[]) => void; done: (found: WhatIf) => void }) {
  const words = useWords();
  const [days, setDays] = useState("1");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [sending, setSending] = useState(false);
  const put = (place: number, draft: Draft) => change(drafts.map((each, other) => (other === place ? draft : each)));
  function submit(event?: FormEvent) {
    event?.preventDefault();
    setSending(true);
    setProblem(null);
    send<WhatIf>(PATH, { changes: drafts.map(readDraft), days: Number(days) })
      .then(done, (error: unknown) => setProblem(asProblem(error)))
      .finally(() => setSending(false));
  }
  return (
    <form className="panel what-if" onSubmit={submit} aria-label={words.say("what_if")}>
      {drafts.map((draft, place) => (
        <fieldset key={place}>
          <legend>{words.say("wif_change", { count: place + 1 })}</legend>
          <label className="wide">
            {words.say("wif_kind")}
            <select value={draft.kind} onChange={(event) => put(place, newDraft(event.target.value as Kind))}>
              {KINDS.map((each) => <option key={each} value={each}>{words.say(`wif_${each}`)}</option>)}
            </select>
          </label>
          {FIELDS[draft.kind].map(({ name, key, least, most, whole }) => (
            <label key={name} className={least === undefined ? "wide" : ""}>
              {words.say(key)}
              <input
                required
                value={draft.values[name] ?? ""}
                onChange={(event) => put(place, { ...draft, values: { ...draft.values, [name]: event.target.value } })}
                {...(least === undefined ? { list: HUBS, maxLength: 170 } : { type: "number", min: least, max: most, step: whole ? 1 : "any" })}
              />
            </label>
          ))}
          {drafts.length > 1 && <button type="button" className="plain wide" onClick={() => change(drafts.filter((_, other) => other !== place))}>{words.say("wif_remove")}</button>}
        </fieldset>
      ))}
      <div className="panel-tools">
        {drafts.length < 20 && <button type="button" onClick={() => change([...drafts, newDraft("close_hub")])}>{words.say("wif_add")}</button>}
        <label>{words.say("wif_days")} <select value={days} onChange={(event) => setDays(event.target.value)}>{["0.5", "1", "2", "3"].map((each) => <option key={each} value={each}>{words.number(Number(each))}</option>)}</select></label>
      </div>
      <button type="submit" className="button" disabled={sending}>{words.say("wif_ask")}</button>
      {problem && <Trouble what={problem.detail} mend={problem.mend} again={() => submit()} words={words} />}
    </form>
  );
}

function Before({ of, chosen, nameOf }: { of: WhatIf[]; chosen: string | null; nameOf: (hub: string) => string }) {
  const words = useWords();
  return (
    <section className="panel">
      <h2>{words.say("wif_asked")}</h2>
      {of.length === 0 && <p className="note">{words.say("wif_none")}</p>}
      <ul className="what-ifs">
        {of.map((each) => (
          <li key={each.id}>
            <button type="button" className="plain" aria-current={each.id === chosen} onClick={() => setQuery({ id: each.id, hub: null })}>
              {each.changes.map((change) => sayChange(change, words, nameOf)).join("; ")}
            </button>
            <small>{words.say(`wif_${each.stage}`)} · {words.stamp(each.asked_at)}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Answer({ of, hub, nameOf, gone }: { of: WhatIf; hub: string | null; nameOf: (hub: string) => string; gone: () => void }) {
  const words = useWords();
  const [problem, setProblem] = useState<Problem | null>(null);
  const drop = () => void remove(`${PATH}/${encodeURIComponent(of.id)}`).then(gone, (error: unknown) => setProblem(asProblem(error)));
  return (
    <>
      <section className="panel">
        <h2>{words.say("wif_answer")}</h2>
        <ul>{of.changes.map((each, place) => <li key={place}>{sayChange(each, words, nameOf)}</li>)}</ul>
        <p className="note">{words.say("wif_stretch", { from: words.stamp(of.from), days: of.days })}</p>
        {!isOver(of) && (
          <p role="status">
            <progress value={of.share} max={1} aria-label={words.say(`wif_${of.stage}`)} /> {words.say(`wif_${of.stage}`)} {of.stage === "running" && words.percent(of.share)}
          </p>
        )}
        {of.stage === "failed" && <div className="warn" role="alert"><p><b>{words.say("wif_failed")}</b> {of.why}</p></div>}
        {of.answer && <Runs of={of.answer} />}
        <div className="panel-tools"><button type="button" onClick={drop}>{words.say("wif_drop")}</button></div>
        {problem && <Trouble what={problem.detail} mend={problem.mend} again={drop} words={words} />}
      </section>
      {of.answer && of.answer.backlogs.length > 0 && <Backlogs of={of.answer} hub={hub} />}
    </>
  );
}

function Runs({ of }: { of: Difference }) {
  const words = useWords();
  return (
    <>
      <p role="status"><b>{words.say("wif_hit", { count: of.hit })}</b> {words.say("wif_hit_more", { later: of.later, earlier: of.earlier, added: of.added, gone: of.gone })}</p>
      <div className="scroll" tabIndex={0} role="region" aria-label={words.say("wif_answer")}>
      <table>
        <thead><tr><th scope="col">{words.say("facts")}</th>{(["wif_base", "wif_changed", "wif_difference"] as const).map((each) => <th scope="col" key={each} className="count">{words.say(each)}</th>)}</tr></thead>
        <tbody>{compareRuns(of, words).map(([key, ...cells]) => <tr key={key}><th scope="row">{words.say(key)}</th>{cells.map((cell, place) => <td key={place} className="count">{cell}</td>)}</tr>)}</tbody>
      </table>
      </div>
    </>
  );
}

function Backlogs({ of, hub }: { of: Difference; hub: string | null }) {
  const words = useWords();
  const chosen = of.backlogs.find((each) => each.hub === hub) ?? of.backlogs[0];
  const label = words.say("wif_backlog_about", { name: chosen ? `${chosen.name} ${chosen.hub}` : "" });
  const make = useCallback(() => drawBacklog(chosen, of.first_hour, words), [chosen, of, words]);
  const columns: Column<Backlog>[] = [
    { name: words.say("facility"), width: "minmax(120px, 2fr)", show: (each) => <>{each.name} <small>{each.hub}</small></> },
    { name: words.say("wif_base"), width: "84px", count: true, show: (each) => words.number(Math.max(0, ...each.base)) },
    { name: words.say("wif_changed"), width: "84px", count: true, show: (each) => words.number(Math.max(0, ...each.changed)) },
  ];
  return (
    <section className="panel">
      <h2>{words.say("wif_backlogs")}</h2>
      <Suspense fallback={<div style={{ height: 260 }} />}><Chart make={make} label={label} height={260} /></Suspense>
      <p className="note">{words.say("wif_most_waiting")}</p>
      <Table label={words.say("wif_backlogs")} rows={of.backlogs} columns={columns} keyOf={(each) => each.hub} selected={chosen?.hub ?? null} choose={(each) => setQuery({ hub: each.hub })} height={360} />
    </section>
  );
}

function drawBacklog(backlog: Backlog | undefined, first: string, words: Words) {
  const line = { lineStyle: { color: tone("line") } };
  const begin = Date.parse(first);
  const hours = (backlog?.base ?? []).map((_, hour) => words.stamp(new Date(begin + hour * 3_600_000).toISOString()));
  const serie = (name: string, data: number[], colour: string, type: string) => ({ name, type: "line", symbol: "none", color: colour, lineStyle: { type }, data });
  return {
    grid: { left: 56, right: 16, top: 36, bottom: 32 },
    legend: { top: 0, textStyle: { color: tone("text") } },
    tooltip: { trigger: "axis", renderMode: "richText" },
    xAxis: { type: "category", data: hours, axisLabel: { color: tone("muted") }, axisLine: line },
    yAxis: { type: "value", axisLabel: { color: tone("muted"), formatter: words.shortNumber }, splitLine: line },
    series: [serie(words.say("wif_base"), backlog?.base ?? [], tone("moving"), "dashed"), serie(words.say("wif_changed"), backlog?.changed ?? [], tone("late"), "solid")],
  };
}
