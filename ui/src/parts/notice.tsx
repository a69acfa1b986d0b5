import type { Asked } from "../state.tsx";
import { useWords } from "../state.tsx";
import type { Words } from "../words.ts";

/** What stands where an answer is not: that it is on its way, or why it does not come. */
export function Notice({ of }: { of: Asked<unknown> }) {
  const words = useWords();
  if (of.value) return null;
  if (!of.problem) return <p className="note" role="status">{words.say("loading")}</p>;
  return <Trouble what={of.problem.title} mend={of.problem.mend} again={of.again} words={words} />;
}

interface Told {
  what: string;
  mend: string;
  again: () => void;
  words: Words;
}

/** What went wrong, and a way to try again; the words are given, since it may stand where no shell does. */
export function Trouble({ what, mend, again, words }: Told) {
  return (
    <div className="warn" role="alert">
      <p>
        <b>{what}</b> {mend}
      </p>
      <button type="button" className="button" onClick={again}>
        {words.say("try_again")}
      </button>
    </div>
  );
}
