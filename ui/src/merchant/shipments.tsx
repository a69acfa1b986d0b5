// A merchant's home: its orders, how far they and their parcels are, and what to do with one or with many.
import { useEffect, useState } from "react";
import { type Found, type Problem, asProblem, ask, askFile, send } from "../api.ts";
import { asCsv, save } from "../files.ts";
import { Link } from "../parts/link.tsx";
import { More, Notice } from "../parts/notice.tsx";
import { Sign } from "../parts/sign.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { at, setQuery } from "../route.ts";
import { useAsk, usePages, usePhrase, useShared, useWords } from "../state.tsx";
import { Progress, Told, useDoing } from "./doing.tsx";
import { type OrderView, STATES, newKey } from "./orders.ts";

interface Page {
  orders: OrderView[];
  next: string | null;
}

/** Numbers that the server looks up for a merchant in one request. */
const AT_ONCE = 30;
const waybillOf = (each: OrderView) => each.parcels.find((parcel) => parcel.waybill)?.waybill ?? null;
const numbersOf = (orders: OrderView[]) => orders.flatMap((each) => each.parcels.flatMap((parcel) => parcel.waybill?.number ?? []));

/** By number, the status that a parcel has; the orders are shown without them as long as they do not come. */
function useStatuses(orders: OrderView[]) {
  const [found, setFound] = useState(new Map<string, string>());
  const [problem, setProblem] = useState<Problem | null>(null);
  const [times, setTimes] = useState(0);
  const key = numbersOf(orders).join(" ");
  useEffect(() => {
    const stop = new AbortController();
    const numbers = key.split(" ").filter((each) => each && !found.has(each));
    async function read() {
      for (let from = 0; from < numbers.length; from += AT_ONCE) {
        const answer = await ask<{ found: Found[] }>("/v1/parcels", { number: numbers.slice(from, from + AT_ONCE) }, stop.signal);
        setFound((before) => new Map([...before, ...answer.found.map((each): [string, string] => [each.asked, each.parcels[0]?.status ?? ""])]));
      }
    }
    read().then(() => setProblem(null), (error: unknown) => stop.signal.aborted || setProblem(asProblem(error)));
    return () => stop.abort();
  }, [key, times]);
  return { found, problem, again: () => setTimes(times + 1) };
}

export default function Shipments({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const phrase = usePhrase();
  const { statuses } = useShared();
  const state = query.get("state");
  const page = usePages<Page>("/v1/orders", { state, limit: 200 }, (one, other) => ({ ...one, orders: [...one.orders, ...other.orders] }));
  const orders = page.value?.orders ?? [];
  const { found, ...told } = useStatuses(orders);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const doing = useDoing();
  const job = query.get("job");
  const open = orders.find((each) => each.id === query.get("id"));
  const statusOf = (each: OrderView) => found.get(waybillOf(each)?.number ?? "");
  function turn(id: string) {
    const now = new Set(chosen);
    if (!now.delete(id)) now.add(id);
    setChosen(now);
  }
  useEffect(() => setChosen(new Set()), [state]); // nothing is booked that is not shown
  function book() {
    const key = newKey();
    doing.run(async () => {
      const made = await send<{ id: string }>("/v1/jobs", { orders: [...chosen] }, { key });
      setChosen(new Set());
      setQuery({ job: made.id });
    });
  }
  function exportRows() {
    const rows = orders.map((each) => [each.order.reference, each.state, waybillOf(each)?.carrier ?? "", waybillOf(each)?.number ?? "", statusOf(each) ?? "", each.made_at]);
    save(asCsv([["reference", "state", "carrier", "number", "status", "made_at"], ...rows]), "orders.csv");
  }
  const columns: Column<OrderView>[] = [
    { name: words.say("m_choose"), width: "44px", show: (each) => <input type="checkbox" aria-label={words.say("m_choose_one", { reference: each.order.reference })} checked={chosen.has(each.id)} onClick={(event) => event.stopPropagation()} onChange={() => turn(each.id)} /> },
    { name: words.say("m_reference"), width: "minmax(90px, 1fr)", show: (each) => each.order.reference },
    { name: words.say("m_to"), width: "minmax(110px, 2fr)", show: (each) => [each.order.consignee.name, each.order.consignee.city].filter(Boolean).join(", ") },
    { name: words.say("m_state"), width: "minmax(80px, 1fr)", show: (each) => words.say(`m_state_${each.state}`) },
    { name: words.say("number"), width: "minmax(120px, 1fr)", show: (each) => waybillOf(each)?.number ?? "" },
    {
      name: words.say("status"),
      width: "minmax(120px, 1fr)",
      show: (each) => {
        const status = statusOf(each);
        return status ? <><Sign shape={statuses.get(status)?.shape ?? "idle"} /> {phrase(status).label}</> : each.why;
      },
    },
  ];
  return (
    <>
      <div className="top">
        <h1>{words.say("m_shipments")}</h1>
        <Link className="button" to={at("/create")}>{words.say("m_create")}</Link>
      </div>
      <div className="columns wide-first">
        <section className="panel">
          <div className="panel-tools">
            <label>
              {words.say("m_state")}{" "}
              <select value={state ?? ""} onChange={(event) => setQuery({ state: event.target.value })}>
                <option value="">{words.say("m_all_states")}</option>
                {STATES.map((each) => <option key={each} value={each}>{words.say(`m_state_${each}`)}</option>)}
              </select>
            </label>
            <button type="button" disabled={chosen.size === 0 || doing.busy} onClick={book}>{words.say("m_book_many", { count: chosen.size })}</button>
            <button type="button" disabled={orders.length === 0} onClick={exportRows}>{words.say("as_csv")}</button>
          </div>
          <Told problem={doing.problem} again={doing.again} />
          <Told {...told} />
          <Notice of={page} />
          {page.value && orders.length === 0 && <p className="note">{words.say("m_no_orders")}</p>}
          {orders.length > 0 && <Table label={words.say("m_shipments")} rows={orders} columns={columns} keyOf={(each) => each.id} selected={open?.id ?? null} choose={(each) => setQuery({ id: each.id })} height={480} />}
          <More of={page} count={orders.length} />
        </section>
        <div className="stack">
          {job && <Progress id={job} changed={page.again} />}
          {query.get("id") && <Detail id={query.get("id") ?? ""} key={query.get("id")} changed={page.again} statusOf={(number) => found.get(number)} />}
        </div>
      </div>
    </>
  );
}

function Detail({ id, changed, statusOf }: { id: string; changed: () => void; statusOf: (number: string) => string | undefined }) {
  const words = useWords();
  const phrase = usePhrase();
  const path = `/v1/orders/${encodeURIComponent(id)}`;
  const one = useAsk<OrderView>(path);
  const doing = useDoing();
  const [sure, setSure] = useState(false);
  const act = (what: string) =>
    doing.run(async () => {
      const answer = await send<OrderView>(`${path}/${what}`, {});
      setSure(false);
      one.again();
      changed();
      if (answer.id !== id) setQuery({ id: answer.id });
    });
  const openPage = (piece: number) =>
    doing.run(async () => {
      const { path: page } = await ask<{ path: string }>(`${path}/parcels/${piece}/page`);
      location.assign(page);
    });
  const order = one.value;
  if (!order) return <section className="panel"><Notice of={one} /></section>;
  const { consignee } = order.order;
  const canBook = ["draft", "refused", "doubtful"].includes(order.state);
  return (
    <section className="panel" aria-label={order.order.reference}>
      <h2>{words.say("m_order", { reference: order.order.reference })}</h2>
      <p>{words.say(`m_state_${order.state}`)}{order.account && ` · ${order.account} ${order.service}`} {order.why}</p>
      <p>{[consignee.name, consignee.street, consignee.county, consignee.city, consignee.province, consignee.postcode, words.country(consignee.country ?? null)].filter(Boolean).join(", ")}</p>
      <ul className="what-ifs">
        {order.parcels.map(({ piece, waybill, why }) => (
          <li key={piece}>
            {waybill ? <a href={`/track/${encodeURIComponent(waybill.number)}`}>{waybill.number}</a> : words.say("m_no_waybill")}{" "}
            <small>{waybill && statusOf(waybill.number) ? phrase(statusOf(waybill.number) ?? "").label : why}</small>
            {waybill && (
              <div className="panel-tools">
                <button type="button" disabled={doing.busy} onClick={() => doing.run(async () => save(await askFile(`${path}/parcels/${piece}/label`), `${order.order.reference}-${piece}.pdf`))}>{words.say("m_print")}</button>
                <button type="button" disabled={doing.busy} onClick={() => openPage(piece)}>{words.say("m_consignee_page")}</button>
              </div>
            )}
          </li>
        ))}
      </ul>
      <div className="panel-tools">
        {canBook && <button type="button" className="button" disabled={doing.busy} onClick={() => act("confirm")}>{words.say("m_book")}</button>}
        {order.state === "booked" && <button type="button" disabled={doing.busy} onClick={() => doing.run(async () => save(await askFile(`${path}/slip`), `${order.order.reference}-slip.pdf`))}>{words.say("m_slip")}</button>}
        {order.state === "booked" && !order.order.return_of && <button type="button" disabled={doing.busy} onClick={() => act("return")}>{words.say("m_return")}</button>}
        {order.state !== "cancelled" && !sure && <button type="button" disabled={doing.busy} onClick={() => setSure(true)}>{words.say("m_cancel")}</button>}
        {sure && <button type="button" disabled={doing.busy} onClick={() => act("cancel")}>{words.say("m_cancel_sure")}</button>}
        {sure && <button type="button" onClick={() => setSure(false)}>{words.say("m_cancel_not")}</button>}
      </div>
      <Told problem={doing.problem} again={doing.again} />
    </section>
  );
}
