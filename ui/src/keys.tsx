import { Dialog } from "./dialog.tsx";
import { useWords } from "./state.tsx";
import type { Key } from "./words.ts";

const KEYS: [string[], Key][] = [
  [["/", "Ctrl K"], "key_find"],
  [["j", "k"], "key_move"],
  [["Enter"], "key_open"],
  [["Esc"], "key_close"],
  [["a"], "act_acknowledge"],
  [["e"], "key_alert_assign"],
  [["s"], "key_alert_snooze"],
  [["r"], "key_alert_resolve"],
  [["v"], "key_views"],
  [["?"], "key_help"],
];

export function Keys({ close }: { close: () => void }) {
  const words = useWords();
  return (
    <Dialog label={words.say("keyboard")} close={close}>
      <h2>{words.say("keyboard")}</h2>
      <dl className="keys">
        {KEYS.map(([names, what]) => [
          <dt key={what}>{names.map((name) => <kbd key={name}>{name}</kbd>)}</dt>,
          <dd key={`${what}:`}>{words.say(what)}</dd>,
        ])}
      </dl>
      <button type="button" className="button" onClick={close}>{words.say("close")}</button>
    </Dialog>
  );
}
