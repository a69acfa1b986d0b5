// Carriers side by side: how well each tells what happens, how punctual it is, and the accounts through which they are asked.
import { type KeyboardEvent, type ReactNode, useMemo } from "react";
import type { AccountView, LanePage, LaneRow, Part, Scorecards, UnheardCode } from "../api.ts";
import { type Figure, GROUPS, type Group, type LaneSum, PERIODS, type Row, type Sorting, USUAL_DAYS, fileOf, nextSorting, partOf, readDays, readSorting, rowsOf, secondsOf, sinceOf, sortRows, sumLanes } from "../carriers.ts";
import { save } from "../files.ts";
import { Link } from "../parts/link.tsx";
import { Notice, Trouble } from "../parts/notice.tsx";
import { laneText } from "../place.ts";
import { at, setQuery } from "../route.ts";
import { useAsk, usePages, useWords } from "../state.tsx";
import type { Key, Words } from "../words.ts";

const CARDS = "/v1/carriers/scorecards";
const MOST_LANES = 12;
/** Under so many live scans the server does not say whether a clock is off. */
const FEWEST_SCANS = 20;

const COLUMNS: Sorting[] = ["carrier", "parcels", "scans", "on_time", "fastest", "median", "p90", "accepted", "out", "ended", "silent", "early", "shift", "unknown", "impossible", "disordered"];
const OWN_WORDS: Partial<Record<Sorting, Key>> = { carrier: "carrier", parcels: "parcels", scans: "scans", on_time: "on_time", unknown: "alert_unknown_codes" };
const nameOf = (each: Sorting): Key => OWN_WORDS[each] ?? (`card_${each}` as Key);
const HEADS: Record<Group, Key> = { lanes: "card_head_lanes", fresh: "card_head_fresh", complete: "card_head_complete", clock: "card_head_clock", codes: "card_head_codes" };

const joinLanes = (one: LanePage, other: LanePage): LanePage => ({ ...one, lanes: [...one.lanes, ...other.lanes] });

export default function Carriers({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const days = readDays(query.get("days"));
  // by the server's clock, which tells another time than this one's where a network is imagined
  const usual = useAsk<Scorecards>(CARDS);
  const since = days !== USUAL_DAYS && usual.value ? sinceOf(usual.value.until, days) : null;
  const other = useAsk<Scorecards>(since && CARDS, { since });
  const asked = since ? other : usual;
  const cards = asked.value;
  return (
    <>
      <div className="top">
        <h1>{words.say("carriers")}</h1>
        {cards && <p className="note">{words.say("card_stretch", { since: words.stamp(cards.since), until: words.stamp(cards.until) })}</p>}
      </div>
      <div className="stack">
        <div className="panel-tools" role="group" aria-label={words.say("card_period")}>
          {PERIODS.map((each) => (
            <button type="button" key={each} aria-pressed={each === days} onClick={() => setQuery({ days: each === USUAL_DAYS ? null : String(each) })}>
              {words.say("card_last_days", { count: each })}
            </button>
          ))}
        </div>
        {cards ? <Comparison cards={cards} query={query} /> : <Notice of={asked} />}
        <Accounts />
      </div>
    </>
  );
}

function Comparison({ cards, query }: { cards: Scorecards; query: URLSearchParams }) {
  const words = useWords();
  const lanes = usePages<LanePage>("/v1/lanes", { since: cards.since, limit: 500 }, joinLanes);
  const isWhole = lanes.value !== null && !lanes.reading && !lanes.stopped;
  const sums = useMemo(() => (isWhole && lanes.value ? sumLanes(lanes.value.lanes) : null), [isWhole, lanes.value]);
  const sort = query.get("sort");
  const rows = useMemo(() => sortRows(rowsOf(cards.carriers, sums), readSorting(sort)), [cards, sums, sort]);
  const chosen = query.get("carrier");
  const row = rows.find((each) => each.card.carrier === chosen);
  const trouble = lanes.problem ?? lanes.stopped;
  if (rows.length === 0) return <p className="note" role="status">{words.say("card_none")}</p>;
  return (
    <>
      <section className="panel">
        <div className="panel-tools">
          <h2>{words.say("card_compare")}</h2>
          <button type="button" className="plain" onClick={() => save(fileOf(rows), "carriers.csv")}>{words.say("as_csv")}</button>
        </div>
        {trouble && <Trouble what={`${words.say("card_no_lanes")} ${trouble.title}`} mend={trouble.mend} again={lanes.again} words={words} />}
        {isWhole && lanes.value?.next && <p className="note">{words.say("card_lanes_partly", { count: lanes.value.lanes.length })}</p>}
        <Compared rows={rows} sort={sort} chosen={chosen} wait={trouble ? "–" : "…"} />
        {rows.some((each) => each.card.sampled < 1) && (
          <p className="note">{words.say("card_sampled", { carriers: rows.filter((each) => each.card.sampled < 1).map((each) => each.card.carrier).join(", ") })}</p>
        )}
      </section>
      {row ? <Detail row={row} cards={cards} wait={trouble ? "–" : "…"} /> : <p className="note">{words.say(chosen ? "card_not_here" : "card_choose", { carrier: chosen ?? "" })}</p>}
    </>
  );
}

function Compared({ rows, sort, chosen, wait }: { rows: Row[]; sort: string | null; chosen: string | null; wait: string }) {
  const words = useWords();
  const sorting = readSorting(sort);
  const choose = (carrier: string) => setQuery({ carrier: carrier === chosen ? null : carrier });

  function move(event: KeyboardEvent<HTMLDivElement>) {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const place = rows.findIndex((each) => each.card.carrier === chosen);
    const next = place < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, place + step));
    const carrier = rows[next]?.card.carrier;
    if (!carrier) return;
    event.preventDefault();
    setQuery({ carrier });
    event.currentTarget.querySelectorAll("tbody tr")[next]?.scrollIntoView({ block: "nearest" });
  }

  return (
    <div className="scroll cards-frame" tabIndex={0} role="region" aria-label={words.say("card_compare")} onKeyDown={move}>
      <table className="cards" aria-label={words.say("card_compare")}>
        <thead>
          <tr>
            {COLUMNS.map((each) => {
              const isHere = sorting.by === each;
              return (
                <th scope="col" key={each} className={each === "carrier" ? "" : "count"} aria-sort={isHere ? (sorting.down ? "descending" : "ascending") : "none"}>
                  <button type="button" className="plain" onClick={() => setQuery({ sort: nextSorting(sorting, each) })}>
                    {words.say(nameOf(each))}<span aria-hidden="true">{isHere ? (sorting.down ? " ▼" : " ▲") : ""}</span>
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const { carrier, parcels, scans } = row.card;
            return (
              <tr key={carrier} className={`can-choose${carrier === chosen ? " is-chosen" : ""}`} onClick={() => choose(carrier)}>
                <th scope="row">
                  <button type="button" className="plain" aria-pressed={carrier === chosen} onClick={(event) => { event.stopPropagation(); choose(carrier); }}>{carrier}</button>
                </th>
                <td className="count">{words.number(parcels)}</td>
                <td className="count">{words.number(scans)}</td>
                {COLUMNS.slice(3).map((each) => {
                  const [told, below] = tell(row, each as Figure, words, wait);
                  return <td className="count" key={each}>{told}{below && <small>{below}</small>}</td>;
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Detail({ row, cards, wait }: { row: Row; cards: Scorecards; wait: string }) {
  const words = useWords();
  const { card, lanes } = row;
  return (
    <section className="stack" aria-label={words.say("card_of", { carrier: card.carrier })}>
      <h2>{words.say("card_of", { carrier: card.carrier })}</h2>
      <p className="note">
        {[words.say("alert_parcels", { count: card.parcels }), words.say("card_scans", { count: card.scans }), words.say("card_live", { count: card.freshness.scans })].join(" · ")}
        {" · "}
        <Link to={at("/lanes", { q: card.carrier })}>{words.say("card_its_lanes", { carrier: card.carrier })}</Link>
      </p>
      {(Object.keys(GROUPS) as Group[]).map((group) => (
        <section className="panel" key={group}>
          <h2>{words.say(HEADS[group])}</h2>
          <dl className="figures">
            {GROUPS[group].map((figure) => {
              const [told, below] = tell(row, figure, words, wait);
              return (
                <div key={figure}>
                  <dt>{words.say(nameOf(figure))}</dt>
                  <dd><b>{told}</b> {below && <small>{below}</small>}</dd>
                  <dd className="note">{words.say(`card_about_${figure}`, { days: cards.silent_days, before: cards.days_before, fewest: FEWEST_SCANS })}</dd>
                </div>
              );
            })}
          </dl>
          {group === "lanes" && lanes && <Lanes sum={lanes} />}
          {group === "codes" && <Codes carrier={card.carrier} codes={card.unknown_codes} />}
        </section>
      ))}
    </section>
  );
}

/** A table within a panel, which scrolls by itself where it is too wide. */
function Listed({ label, heads, counts, children }: { label: string; heads: Key[]; counts: Key[]; children: ReactNode }) {
  const words = useWords();
  return (
    <div className="scroll below" tabIndex={0} role="region" aria-label={label}>
      <table aria-label={label}>
        <thead><tr>{heads.map((each) => <th scope="col" key={each} className={counts.includes(each) ? "count" : ""}>{words.say(each)}</th>)}</tr></thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

const LANE_COUNTS: Key[] = ["parcels", "half", "nine_of_ten", "on_time"];

function Lanes({ sum }: { sum: LaneSum }) {
  const words = useWords();
  const shares = sharesOf(words);
  if (sum.lanes.length === 0) return <p className="note below">{words.say("card_lanes_none")}</p>;
  const hours = (value: number | null) => (value === null ? words.say("card_too_few") : words.hours(value));
  const line = (lane: LaneRow) => (
    <tr key={`${lane.origin}|${lane.destination}`}>
      <th scope="row"><Link to={at("/lanes", { from: lane.origin, to: lane.destination, carrier: lane.carrier })}>{laneText(lane.origin, lane.destination, words)}</Link></th>
      <td className="count">{words.number(lane.times.parcels)}</td>
      <td className="count">{hours(lane.times.p50_h)}</td>
      <td className="count">{hours(lane.times.p90_h)}</td>
      <td className="count">{share(lane.times.on_time, shares)} <small>{count(lane.times.on_time, words)}</small></td>
    </tr>
  );
  return (
    <>
      <Listed label={words.say("card_busiest_lanes")} heads={["lane", ...LANE_COUNTS]} counts={LANE_COUNTS}>{sum.lanes.slice(0, MOST_LANES).map(line)}</Listed>
      {sum.lanes.length > MOST_LANES && <p className="note">{words.say("card_lanes_of", { count: MOST_LANES, of: sum.lanes.length })}</p>}
    </>
  );
}

function Codes({ carrier, codes }: { carrier: string; codes: UnheardCode[] }) {
  const words = useWords();
  if (codes.length === 0) return <p className="note below">{words.say("card_codes_none")}</p>;
  return (
    <Listed label={words.say("card_codes")} heads={["card_code", "scans", "first_scan", "last_scan", "card_instance"]} counts={["scans"]}>
      {codes.map((each) => (
        <tr key={each.code}>
          <th scope="row"><code>{each.code}</code></th>
          <td className="count">{words.number(each.scans)}</td>
          <td><time dateTime={each.first_at}>{words.stamp(each.first_at)}</time></td>
          <td><time dateTime={each.last_at}>{words.stamp(each.last_at)}</time></td>
          <td><Link className="number" to={at(`/parcels/${encodeURIComponent(carrier)}/${encodeURIComponent(each.number)}`)}>{each.number}</Link></td>
        </tr>
      ))}
    </Listed>
  );
}

const ACCOUNT_COUNTS: Key[] = ["account_watched", "account_due", "account_ended", "account_calls", "account_at_once"];

/** The accounts that can be asked. What their adapters can do, and on what evidence, is not told here: the note says where it is. */
function Accounts() {
  const words = useWords();
  const asked = useAsk<{ accounts: AccountView[] }>("/v1/carriers");
  const accounts = asked.value?.accounts ?? [];
  return (
    <section className="panel">
      <h2>{words.say("accounts")}</h2>
      <Notice of={asked} />
      {asked.value && accounts.length === 0 && <p className="note">{words.say("accounts_none")}</p>}
      {accounts.length > 0 && (
        <Listed label={words.say("accounts")} heads={["account", "carrier", "account_state", ...ACCOUNT_COUNTS]} counts={ACCOUNT_COUNTS}>
          {accounts.map((each) => (
            <tr key={each.account}>
              <th scope="row">{each.account}</th>
              <td>{each.carrier}</td>
              <td>{each.trouble ? [each.trouble, each.rests_until && words.say("account_rests", { until: words.stamp(each.rests_until) })].filter(Boolean).join(" · ") : words.say("account_well")}</td>
              <td className="count">{words.number(each.watched)}</td>
              <td className="count">{words.number(each.due)}</td>
              <td className="count">{words.number(each.ended)}</td>
              <td className="count">{words.number(each.polls_per_hour)}</td>
              <td className="count">{words.number(each.at_once)}</td>
            </tr>
          ))}
        </Listed>
      )}
      <p className="note below">{words.say("account_evidence")} <code>waypost carriers list</code>, <code>waypost carriers exam CARRIER</code></p>
    </section>
  );
}

/** A figure and what it rests on. */
function tell(row: Row, figure: Figure, words: Words, wait: string): [string, string] {
  if (figure === "shift") {
    const { verdict, minutes, scans } = row.card.shift;
    const below = words.say("card_live", { count: scans });
    if (minutes === null) return [words.say(verdict === "too_few" ? "card_too_few" : "card_shift_none"), below];
    return [words.say(minutes > 0 ? "card_shift_ahead" : "card_shift_behind", { span: words.hours(Math.abs(minutes) / 60) }), below];
  }
  if (figure === "median" || figure === "p90" || figure === "p99") {
    const seconds = secondsOf(row, figure);
    return seconds === null ? ["–", words.say("card_nothing")] : [span(seconds, words), words.say("card_live", { count: row.card.freshness.scans })];
  }
  const part = partOf(row, figure);
  if (!part) return [wait, ""];
  return [share(part, sharesOf(words)), count(part, words)];
}

const share = (part: Part, shares: Intl.NumberFormat) => (part.share === null ? "–" : shares.format(part.share));
const count = (part: Part, words: Words) => (part.share === null ? words.say("card_nothing") : words.say("card_count_of", { count: part.count, of: part.of }));

const formats = new Map<string, Intl.NumberFormat>();

function format(locale: string, name: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale} ${name}`;
  const found = formats.get(key) ?? new Intl.NumberFormat(locale, options);
  formats.set(key, found);
  return found;
}

/** Finer than elsewhere: of scans it matters whether one of a thousand is wrong. */
const sharesOf = (words: Words) => format(words.locale, "share", { style: "percent", maximumFractionDigits: 1 });

function span(seconds: number, words: Words): string {
  const long = Math.abs(seconds);
  if (long >= 7200) return (seconds < 0 ? "−" : "") + words.hours(long / 3600);
  const unit = long < 120 ? "second" : "minute";
  return format(words.locale, unit, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }).format(unit === "minute" ? seconds / 60 : seconds);
}
