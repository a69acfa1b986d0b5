// What the merchant's screens share: doing something once, files, and a job that is watched until it is done.
import { useEffect, useState } from "react";
import { type Problem, asProblem, ask, askFile } from "../api.ts";
import { Trouble } from "../parts/notice.tsx";
import { useWords } from "../state.tsx";
import { type Job, STATES } from "./orders.ts";

const LOOK_MS = 1000;

/** Something is done; meanwhile it is not begun again, and what went wrong is told. */
export function useDoing() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  function run(what: () => Promise<unknown>): void {
    setBusy(true);
    setProblem(null);
    what().then(undefined, (error: unknown) => setProblem(asProblem(error))).finally(() => setBusy(false));
  }
  return { busy, problem, run, clear: () => setProblem(null) };
}

export function Told({ problem, again }: { problem: Problem | null; again: () => void }) {
  const words = useWords();
  return problem && <Trouble what={problem.detail} mend={problem.mend} again={again} words={words} />;
}

export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The labels of a job; they may be made only now, and are asked for until they are. */
async function printJob(id: string): Promise<void> {
  for (;;) {
    const found = await askFile(`/v1/jobs/${id}/labels`);
    if (found.type === "application/pdf") return save(found, `${id}.pdf`);
    await new Promise((wait) => setTimeout(wait, 2 * LOOK_MS));
  }
}

export function Progress({ id, changed }: { id: string; changed: () => void }) {
  const words = useWords();
  const [job, setJob] = useState<Job | null>(null);
  const doing = useDoing();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = new AbortController();
    const look = () =>
      doing.run(async () => {
        const found = await ask<Job>(`/v1/jobs/${id}`, {}, stop.signal);
        setJob(found);
        if (found.is_done) changed();
        else if (!stop.signal.aborted) timer = setTimeout(look, LOOK_MS);
      });
    look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [id]);
  const waiting = job?.states["queued"] ?? 0;
  return (
    <section className="panel">
      <h2>{words.say("m_job")}</h2>
      {job && (
        <>
          <p role="status">
            <progress value={job.orders - waiting} max={Math.max(job.orders, 1)} aria-label={words.say("m_job")} />{" "}
            {STATES.filter((state) => job.states[state]).map((state) => `${words.say(`m_state_${state}`)}: ${words.number(job.states[state] ?? 0)}`).join(" · ")}
          </p>
          {job.left.length > 0 && <ul>{job.left.map((each) => <li key={each.id}>{each.reference}: {each.why}</li>)}</ul>}
          {job.is_done && <button type="button" className="button" disabled={doing.busy || !job.states["booked"]} onClick={() => doing.run(() => printJob(id))}>{words.say("m_print_all")}</button>}
        </>
      )}
      <Told problem={doing.problem} again={doing.clear} />
    </section>
  );
}
