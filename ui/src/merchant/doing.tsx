// What the merchant's screens share: doing something once, files, and a job that is watched until it is done.
import { useEffect, useRef, useState } from "react";
import { type Problem, asProblem, ask, askAnswer } from "../api.ts";
import { save } from "../files.ts";
import { Trouble } from "../parts/notice.tsx";
import { useWords } from "../state.tsx";
import { type Job, STATES } from "./orders.ts";

const LOOK_MS = 1000;

/** Something is done; meanwhile it is not begun again, and what went wrong is told. */
export function useDoing() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const last = useRef<() => Promise<unknown>>(async () => undefined);
  function run(what: () => Promise<unknown>): void {
    last.current = what;
    setBusy(true);
    setProblem(null);
    what().then(undefined, (error: unknown) => setProblem(asProblem(error))).finally(() => setBusy(false));
  }
  return { busy, problem, run, again: () => run(last.current) };
}

export function Told({ problem, again }: { problem: Problem | null; again: () => void }) {
  const words = useWords();
  return problem && <Trouble what={problem.detail} mend={problem.mend} again={again} words={words} />;
}

/** The labels of a job; they may be made only now, and are asked for until they are. How many are left out. */
async function printJob(id: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    const answer = await askAnswer(`/v1/jobs/${encodeURIComponent(id)}/labels`, {}, signal);
    if (answer.status !== 202) {
      save(await answer.blob(), `${id}.pdf`);
      return Number(answer.headers.get("x-left-out") ?? 0);
    }
    await new Promise((wait) => setTimeout(wait, 2 * LOOK_MS));
    signal.throwIfAborted();
  }
}

export function Progress({ id, changed }: { id: string; changed: () => void }) {
  const words = useWords();
  const [job, setJob] = useState<Job | null>(null);
  const [left, setLeft] = useState(0);
  const [times, setTimes] = useState(0);
  const [problem, setProblem] = useState<Problem | null>(null);
  const open = useRef(new AbortController());
  const doing = useDoing();
  useEffect(() => {
    const stop = new AbortController();
    open.current = stop;
    async function look() {
      for (;;) {
        const found = await ask<Job>(`/v1/jobs/${encodeURIComponent(id)}`, {}, stop.signal);
        setJob(found);
        setProblem(null);
        if (found.is_done) return changed();
        await new Promise((wait) => setTimeout(wait, LOOK_MS));
      }
    }
    look().catch((error: unknown) => stop.signal.aborted || setProblem(asProblem(error)));
    return () => stop.abort();
  }, [id, times]);
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
          {job.left.length > 0 && <ul>{job.left.map((each) => <li key={each.order}>{each.reference}: {each.why}</li>)}</ul>}
          {job.is_done && <button type="button" className="button" disabled={doing.busy || !job.states["booked"]} onClick={() => doing.run(async () => setLeft(await printJob(id, open.current.signal)))}>{words.say("m_print_all")}</button>}
        </>
      )}
      {left > 0 && <p role="status">{words.say("m_left_out", { count: left })}</p>}
      <Told problem={problem} again={() => setTimes(times + 1)} />
      <Told problem={doing.problem} again={doing.again} />
    </section>
  );
}
