import type { Asked, Pages } from "../state.tsx";
import { useWords } from "../state.tsx";
import type { Words } from "../words.ts";

/** What stands where an answer is not: that it is on its way, or why it does not come. */
export function Notice({ of }: { of: Asked<unknown> }) {
  const words = useWords();
  if (of.value) return null;
  if (!of.problem) return <p className="note" role="status">{words.say("loading")}</p>;
  return <Trouble what={of.problem.title} mend={of.problem.mend} again={of.again} words={words} />;
}

/** Below which row a list stops, and why: where it is not all that there is. */
export function More({ of, count }: { of: Pages<{ next: string | null }>; count: number }) {
  const words = useWords();
  if (of.stopped) return <Trouble what={of.stopped.title} mend={`${of.stopped.mend} ${words.say("only_first", { count })}`} again={of.again} words={words} />;
  if (!of.value?.next) return null;
  return <p className="note" role="status">{of.reading ? words.say("loading") : words.say("only_first", { count })}</p>;
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
