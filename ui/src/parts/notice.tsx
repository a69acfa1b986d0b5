import type { Asked } from "../state.tsx";
import { useWords } from "../state.tsx";

/** What stands where an answer is not: that it is on its way, or why it does not come. */
export function Notice({ of }: { of: Asked<unknown> }) {
  const words = useWords();
  if (of.value) return null;
  if (!of.problem) return <p className="note" role="status">{words.say("loading")}</p>;
  return (
    <div className="warn" role="alert">
      <p>
        <b>{of.problem.title}</b> {of.problem.mend}
      </p>
      <button type="button" className="button" onClick={of.again}>
        {words.say("try_again")}
      </button>
    </div>
  );
}
