// A new order: from where to whom, what is in it, what it would cost by whom; then it is booked.
import { type FormEvent, useRef, useState } from "react";
import { send } from "../api.ts";
import { at, go } from "../route.ts";
import { useWords } from "../state.tsx";
import { Told, useDoing } from "./doing.tsx";
import { type Address, type Draft, type Offer, type OrderView, PARTS, type QuotesAnswer, REQUIRED, type Refusal, asOrder, emptyAddress, money, readAddress, sayArrival } from "./orders.ts";

const SENDER = "waypost.sender";

const newReference = () => `W-${new Date().toISOString().slice(0, 10)}-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36)}`;

export default function Create() {
  const words = useWords();
  const [draft, setDraft] = useState<Draft>(() => ({ reference: newReference(), sender: readAddress(localStorage.getItem(SENDER), "CN"), consignee: emptyAddress("CN"), what: "", pieces: "1", grams: "500" }));
  const [quoted, setQuoted] = useState<QuotesAnswer["quotes"][number] | null>(null);
  const [offer, setOffer] = useState<Offer | null>(null);
  const [refusals, setRefusals] = useState<Refusal[]>([]);
  /** Of the draft that the server has already: what is changed since changes it there. */
  const kept = useRef<string | null>(null);
  const doing = useDoing();
  function change(more: Partial<Draft>) {
    setDraft({ ...draft, ...more });
    setQuoted(null); // of what was written before
    setOffer(null);
  }
  const compare = (event: FormEvent) => {
    event.preventDefault();
    doing.run(async () => {
      const answer = await send<QuotesAnswer>("/v1/quotes", [asOrder(draft, null)]);
      setRefusals(answer.refusals);
      setQuoted(answer.quotes[0] ?? null);
      setOffer(answer.quotes[0]?.quotes[0] ?? null);
    });
  };
  const keep = (andBook: boolean) =>
    doing.run(async () => {
      const order = asOrder(draft, offer);
      if (kept.current) await send<OrderView>(`/v1/orders/${encodeURIComponent(kept.current)}`, order, { method: "PUT" });
      else {
        const answer = await send<{ entries: { id: string }[]; refusals: Refusal[] }>("/v1/orders", [order]);
        setRefusals(answer.refusals);
        kept.current = answer.entries[0]?.id ?? null;
      }
      const id = kept.current;
      if (!id) return;
      localStorage.setItem(SENDER, JSON.stringify(draft.sender));
      if (andBook) await send<OrderView>(`/v1/orders/${encodeURIComponent(id)}/confirm`, {});
      go(at("/", { id }));
    });
  const why = (field: string) => refusals.find((each) => each.field === field)?.reason;
  const known = new Set(["reference", "items[0].description", "items[0].quantity", "items[0].weight_g", ...PARTS.flatMap((part) => [`sender.${part}`, `consignee.${part}`])]);
  return (
    <>
      <div className="top"><h1>{words.say("m_create")}</h1></div>
      <form className="columns" onSubmit={compare} aria-label={words.say("m_create")}>
        <div className="stack">
          <Ends of={draft.sender} title={words.say("m_sender")} field="sender" why={why} change={(sender) => change({ sender })} />
          <Ends of={draft.consignee} title={words.say("m_consignee")} field="consignee" why={why} change={(consignee) => change({ consignee })} />
        </div>
        <div className="stack">
          <div className="panel what-if">
            <fieldset>
              <legend>{words.say("m_goods")}</legend>
              <Field name={words.say("m_reference")} value={draft.reference} most={64} why={why("reference")} change={(reference) => change({ reference })} required />
              <Field name={words.say("m_what")} value={draft.what} most={300} why={why("items[0].description")} change={(what) => change({ what })} required />
              <Field name={words.say("m_pieces")} value={draft.pieces} least={1} top={100_000} why={why("items[0].quantity")} change={(pieces) => change({ pieces })} required />
              <Field name={words.say("m_grams")} value={draft.grams} least={1} top={1_000_000} why={why("items[0].weight_g")} change={(grams) => change({ grams })} required />
            </fieldset>
            <button type="submit" className="button" disabled={doing.busy}>{words.say("m_compare")}</button>
          </div>
          {doing.busy && <p className="note" role="status">{words.say("loading")}</p>}
          {refusals.filter((each) => !known.has(each.field)).map((each) => <p className="warn" role="alert" key={each.field}>{each.field} {each.reason}</p>)}
          {quoted && (
            <section className="panel">
              <h2>{words.say("m_offers")}</h2>
              <p className="note">{words.say("m_sorted", { by: quoted.sorted_by })}</p>
              <ul className="what-ifs">
                {quoted.quotes.map((each) => (
                  <li key={`${each.account} ${each.service}`}>
                    <label>
                      <input type="radio" name="offer" checked={offer === each} onChange={() => setOffer(each)} />{" "}
                      <b>{money(each.minor, each.currency, words.code)}</b> {each.account} {each.service}{" "}
                      <small>
                        {sayArrival(each, words)}
                        {each.promise?.held != null && ` · ${words.say("m_held", { share: words.percent(each.promise.held) })}`}
                        {each.co2.grams !== null && ` · ${words.say("m_co2", { count: each.co2.grams })}`}
                      </small>
                    </label>
                  </li>
                ))}
              </ul>
              {quoted.unquoted.map((each) => <p className="note" key={`${each.account} ${each.service}`}>{each.account} {each.service}: {each.why}</p>)}
              <div className="panel-tools">
                <button type="button" className="button" disabled={doing.busy} onClick={() => keep(true)}>{words.say("m_book")}</button>
                <button type="button" disabled={doing.busy} onClick={() => keep(false)}>{words.say("m_keep")}</button>
              </div>
            </section>
          )}
          <Told problem={doing.problem} again={doing.again} />
        </div>
      </form>
    </>
  );
}

function Ends({ of, title, field, why, change }: { of: Address; title: string; field: string; why: (field: string) => string | undefined; change: (to: Address) => void }) {
  const words = useWords();
  return (
    <div className="panel what-if">
      <fieldset>
        <legend>{title}</legend>
        {PARTS.map((part) => <Field key={part} name={words.say(`m_${part}`)} value={of[part]} most={part === "country" ? 2 : 300} why={why(`${field}.${part}`)} change={(text) => change({ ...of, [part]: part === "country" ? text.toUpperCase() : text })} required={REQUIRED.has(part)} />)}
      </fieldset>
    </div>
  );
}

function Field({ name, value, most, least, top, why, change, required }: { name: string; value: string; most?: number; least?: number; top?: number; why: string | undefined; change: (text: string) => void; required: boolean }) {
  return (
    <label>
      {name}
      <input value={value} required={required} onChange={(event) => change(event.target.value)} {...(least === undefined ? { maxLength: most } : { type: "number", min: least, max: top, step: 1 })} {...(why && { "aria-invalid": true })} />
      {why && <small role="alert">{why}</small>}
    </label>
  );
}
