// Many orders out of a sheet: tried first, then handed in, booked as one job and printed as one file.
import { useState } from "react";
import { address, send, sendFile } from "../api.ts";
import { asCsv, save } from "../files.ts";
import { useWords } from "../state.tsx";
import { Progress, Told, useDoing } from "./doing.tsx";
import { type Refusal, newKey } from "./orders.ts";

interface Sheet {
  orders: number;
  rows: number;
  refused: number;
  entries: { id: string; reference: string; outcome: string }[];
  refusals: { line: number; field: string; reason: string }[];
  advice: Refusal[];
  ignored: string[];
}

const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

export default function Batch() {
  const words = useWords();
  const [file, setFile] = useState<File | null>(null);
  const [columns, setColumns] = useState("");
  const [sheet, setSheet] = useState<Sheet | null>(null);
  const [isIn, setIn] = useState(false);
  const [job, setJob] = useState<string | null>(null);
  const doing = useDoing();
  function choose(chosen: File | null) {
    setFile(chosen);
    setSheet(null);
    setIn(false);
    setJob(null);
  }
  const handIn = (dryRun: boolean) =>
    doing.run(async () => {
      if (!file) return;
      const column = columns.split("\n").map((each) => each.trim()).filter(Boolean);
      const path = address("/v1/orders/files", { name: file.name, dry_run: String(dryRun), column });
      setSheet(await sendFile<Sheet>(path, file, /\.xlsx$/i.test(file.name) ? XLSX : "text/csv"));
      setIn(!dryRun);
    });
  function book() {
    const [orders, key] = [sheet?.entries.map((each) => each.id) ?? [], newKey()];
    doing.run(async () => setJob((await send<{ id: string }>("/v1/jobs", { orders }, { key })).id));
  }
  const saveRefusals = () => save(asCsv([["line", "field", "reason"], ...(sheet?.refusals ?? []).map((each) => [each.line, each.field, each.reason])]), "refused.csv");
  return (
    <>
      <div className="top"><h1>{words.say("m_batch")}</h1></div>
      <div className="columns">
        <form className="panel what-if" aria-label={words.say("m_batch")} onSubmit={(event) => { event.preventDefault(); handIn(true); }}>
          <label className="wide">{words.say("m_sheet")}<input type="file" accept=".csv,.xlsx" required onChange={(event) => choose(event.target.files?.[0] ?? null)} /></label>
          <label className="wide">{words.say("m_columns")}<textarea rows={3} value={columns} onChange={(event) => { setColumns(event.target.value); setSheet(null); }} placeholder="consignee_name:Buyer" /></label>
          <div className="panel-tools">
            <button type="submit" className="button" disabled={doing.busy || !file}>{words.say("m_try")}</button>
            <button type="button" disabled={doing.busy || !sheet?.orders || isIn} onClick={() => handIn(false)}>{words.say("m_hand_in")}</button>
            <button type="button" disabled={doing.busy || !isIn || !sheet?.entries.length || job !== null} onClick={book}>{words.say("m_book_many", { count: isIn ? (sheet?.entries.length ?? 0) : 0 })}</button>
          </div>
          <Told problem={doing.problem} again={doing.again} />
        </form>
        <div className="stack">
          {sheet && (
            <section className="panel">
              <h2>{words.say(isIn ? "m_handed_in" : "m_would_be")}</h2>
              <p role="status">{words.say("m_sheet_told", { orders: sheet.orders, rows: sheet.rows, refused: sheet.refused })}</p>
              {sheet.ignored.length > 0 && <p className="note">{words.say("m_ignored", { columns: sheet.ignored.join(", ") })}</p>}
              {sheet.refusals.length > 0 && (
                <>
                  <div className="scroll" tabIndex={0} role="region" aria-label={words.say("m_refusals")}>
                    <table>
                      <thead><tr><th scope="col">{words.say("m_line")}</th><th scope="col">{words.say("m_field")}</th><th scope="col">{words.say("m_reason")}</th></tr></thead>
                      <tbody>{sheet.refusals.map((each, place) => <tr key={place}><td className="count">{each.line}</td><td>{each.field}</td><td>{each.reason}</td></tr>)}</tbody>
                    </table>
                  </div>
                  <button type="button" onClick={saveRefusals}>{words.say("as_csv")}</button>
                </>
              )}
            </section>
          )}
          {job && <Progress id={job} changed={() => undefined} />}
        </div>
      </div>
    </>
  );
}
