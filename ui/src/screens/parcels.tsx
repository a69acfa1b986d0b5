// Lists of parcels: numbers that were pasted, those that fit a filter, or the most endangered.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Endangered, type Found, type Parameters, type Parcel, type Problem, asProblem, ask } from "../api.ts";
import { Link } from "../parts/link.tsx";
import { Trouble } from "../parts/notice.tsx";
import { Sign } from "../parts/sign.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { placeText } from "../place.ts";
import { at, go, readNumbers, setQuery } from "../route.ts";
import { usePhrase, useShared } from "../state.tsx";

interface Row {
  carrier: string;
  number: string;
  status: string | null;
  place: string;
  at: string | null;
  /** Of those on their way. */
  risk: number | null;
  /** What stands where a number is not known. */
  asked?: string;
}

const PAGE = 200;
/** Numbers that the server looks up in one request. */
const AT_ONCE = 100;
const to = (row: Row) => at(`/parcels/${encodeURIComponent(row.carrier)}/${encodeURIComponent(row.number)}`);

interface Page {
  rows: Row[];
  next: string | null;
}

export function Parcels({ query }: { query: URLSearchParams }) {
  const { words, statuses } = useShared();
  const phrase = usePhrase();
  const text = query.toString();
  const [page, setPage] = useState<Page & { of: string }>({ rows: [], next: null, of: "" });
  const [problem, setProblem] = useState<Problem | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  /** The page that could not be had, below those that are shown. */
  const [stuck, setStuck] = useState<{ at: string; of: string } | null>(null);
  const [times, setTimes] = useState(0);
  /** Ends what is asked for the list that is shown, its further pages too. */
  const under = useRef(new AbortController());

  const read = useCallback(
    async (after: string | null, signal?: AbortSignal): Promise<Page> => {
      const asked = new URLSearchParams(text);
      const numbers = readNumbers(asked.get("n") ?? "");
      const row = (each: Parcel): Row => ({ carrier: each.carrier, number: each.number, status: each.status, place: placeText(each.place, words), at: each.last_at, risk: null });
      if (numbers.length > 0) {
        const from = Number(after ?? 0);
        const { found } = await ask<{ found: Found[] }>("/v1/parcels", { number: numbers.slice(from, from + AT_ONCE) }, signal);
        const unknown = (each: Found): Row => ({ carrier: "", number: each.asked, status: null, place: each.carriers.join(", "), at: null, risk: null, asked: each.asked });
        return { rows: found.flatMap((each) => (each.parcels.length > 0 ? each.parcels.map(row) : [unknown(each)])), next: from + AT_ONCE < numbers.length ? String(from + AT_ONCE) : null };
      }
      const [carrier, facility] = [asked.get("carrier"), asked.get("facility")];
      if (asked.get("risk")) {
        const given: Parameters = { least_risk: asked.get("risk"), carrier, facility, limit: PAGE, after };
        const found = await ask<{ parcels: Endangered[]; next: string | null }>("/v1/arrivals", given, signal);
        const rows = found.parcels.map((each): Row => ({ ...each, place: placeText(each.place, words), at: each.arrival.scanned_at }));
        return { rows, next: found.next };
      }
      const given: Parameters = { status: asked.get("status"), prefix: asked.get("q"), carrier, facility, limit: PAGE, after };
      const found = await ask<{ parcels: Parcel[]; next: string | null }>("/v1/parcels", given, signal);
      return { rows: found.parcels.map(row), next: found.next };
    },
    [text, words],
  );

  useEffect(() => {
    const stop = new AbortController();
    under.current = stop;
    setProblem(null);
    setStuck(null);
    read(null, stop.signal).then(
      (found) => setPage({ ...found, of: text }),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        setPage({ rows: [], next: null, of: text }); // those of another filter would be taken for these
        setProblem(asProblem(error));
      },
    );
    return () => stop.abort();
  }, [read, text, times]);

  const more = useCallback(() => {
    if (!page.next || page.of !== text) return;
    const from = page.next;
    const stop = under.current;
    setPage((before) => ({ ...before, next: null }));
    read(from, stop.signal).then(
      (found) => !stop.signal.aborted && setPage((before) => (before.of === text ? { ...found, rows: [...before.rows, ...found.rows], of: text } : before)),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        setProblem(asProblem(error));
        setStuck({ at: from, of: text });
      },
    );
  }, [page.next, page.of, read, text]);

  function again() {
    setProblem(null);
    if (stuck?.of === text && page.rows.length > 0) setPage((before) => ({ ...before, next: stuck.at }));
    else {
      setPage({ rows: [], next: null, of: "" });
      setTimes(times + 1);
    }
    setStuck(null);
  }

  const risky = query.has("risk");
  const columns = useMemo((): Column<Row>[] => {
    const found: Column<Row>[] = [
      { name: words.say("number"), width: "minmax(170px, 1.4fr)", show: (each) => (each.asked ? <span className="number">{each.number}</span> : <Link className="number" to={to(each)}>{each.number}</Link>) },
      { name: words.say("carrier"), width: "90px", show: (each) => each.carrier || "–" },
      { name: words.say("status"), width: "minmax(170px, 1.3fr)", show: (each) => (each.status ? <><Sign shape={statuses.get(each.status)?.shape ?? "idle"} /><span>{phrase(each.status).label}</span></> : words.say("found_nothing")) },
      { name: words.say("newest_place"), width: "minmax(150px, 2fr)", show: (each) => each.place || "–" },
      { name: words.say("last_scan"), width: "150px", show: (each) => (each.at ? <time dateTime={each.at} title={each.at}>{words.stamp(each.at)}</time> : "–") },
    ];
    if (risky) found.push({ name: words.say("risk"), width: "80px", count: true, show: (each) => (each.risk === null ? "–" : words.percent(each.risk)) });
    return found;
  }, [words, statuses, phrase, risky]);

  const filters = ["n", "status", "facility", "carrier", "risk"].filter((each) => query.get(each));
  return (
    <>
      <div className="top"><h1>{words.say("parcels")}</h1></div>
      <section className="panel">
        <div className="panel-tools">
          {filters.map((each) => (
            <button type="button" key={each} onClick={() => setQuery({ [each]: null })} aria-label={words.say("take_filter_away", { filter: each })}>
              {filterText(each, query.get(each) ?? "", words, phrase)} ×
            </button>
          ))}
          {!query.get("n") && !risky && (
            <>
              <input type="search" aria-label={words.say("begins_with")} placeholder={words.say("begins_with")} value={query.get("q") ?? ""} onChange={(event) => setQuery({ q: event.target.value.trim() })} />
              <select aria-label={words.say("status")} value={query.get("status") ?? ""} onChange={(event) => setQuery({ status: event.target.value })}>
                <option value="">{words.say("all_statuses")}</option>
                {[...statuses.keys()].map((each) => <option key={each} value={each}>{phrase(each).label}</option>)}
              </select>
            </>
          )}
          <span className="note" role="status" data-rows={page.rows.length}>{page.of === text ? words.say(page.next ? "rows_and_more" : "rows", { count: page.rows.length }) : words.say("loading")}</span>
        </div>
        {problem && <Trouble what={problem.title} mend={problem.mend} again={again} words={words} />}
        {page.of === text && page.rows.length === 0 && !problem && <p className="note">{words.say("no_rows")}</p>}
        {page.rows.length > 0 && (
          <Table
            label={words.say("parcels")}
            rows={page.rows}
            columns={columns}
            keyOf={(each) => `${each.carrier}/${each.number}`}
            selected={chosen}
            choose={(each) => {
              const key = `${each.carrier}/${each.number}`;
              if (chosen === key && !each.asked) go(to(each));
              setChosen(key);
            }}
            height={640}
            more={more}
          />
        )}
      </section>
    </>
  );
}

function filterText(name: string, value: string, words: ReturnType<typeof useShared>["words"], phrase: ReturnType<typeof usePhrase>): string {
  if (name === "status") return phrase(value).label;
  if (name === "n") return words.say("find_many", { count: readNumbers(value).length });
  if (name === "risk") return words.say("risk_from", { share: words.percent(Number(value)) });
  return value;
}
