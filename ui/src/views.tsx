// The dialog of views: keep the address that is shown under a name, go to one, take one away.
import { type FormEvent, useRef, useState } from "react";
import { Dialog } from "./dialog.tsx";
import { Link } from "./parts/link.tsx";
import { BASE } from "./route.ts";
import { useWords } from "./state.tsx";
import { LONGEST_NAME, type View, addressBelow, byName, dropView, keepView, loadViews, storeViews } from "./views.ts";

export function Views({ close }: { close: () => void }) {
  const words = useWords();
  const here = addressBelow(BASE, location.pathname + location.search);
  const [views, setViews] = useState(() => loadViews(BASE));
  const [name, setName] = useState(() => views.find((each) => each.to === here)?.name ?? "");
  const field = useRef<HTMLInputElement>(null);
  const [said, setSaid] = useState<{ text: string; isWrong: boolean } | null>(null);

  /** What other tabs kept meanwhile stays. */
  function change(make: (views: View[]) => View[], told: string) {
    const changed = make(loadViews(BASE));
    const isKept = storeViews(BASE, changed);
    if (isKept) setViews(changed);
    setSaid({ text: isKept ? told : words.say("views_not_kept"), isWrong: !isKept });
  }

  function keep(event: FormEvent) {
    event.preventDefault();
    if (here && name.trim()) change((all) => keepView(all, name, here, BASE), words.say("view_kept", { name: name.trim() }));
  }

  function drop(name: string) {
    change((all) => dropView(all, name), words.say("view_dropped", { name }));
    field.current?.focus(); // the button goes with its view
  }

  return (
    <Dialog label={words.say("views")} close={close}>
      <h2>{words.say("views")}</h2>
      <form className="view-form" onSubmit={keep}>
        <label>
          {words.say("view_name")}
          <input ref={field} value={name} maxLength={LONGEST_NAME} required autoComplete="off" aria-describedby="view-about" onChange={(event) => setName(event.target.value)} />
        </label>
        <button type="submit" className="button">{words.say("view_keep")}</button>
      </form>
      <p className="note" id="view-about">{words.say("view_about")}</p>
      <p className="note" role="status">{said && !said.isWrong ? said.text : ""}</p>
      {said?.isWrong && <p className="warn" role="alert">{said.text}</p>}
      {views.length === 0 ? <p className="note">{words.say("views_none")}</p> : (
        <ul className="views" aria-label={words.say("views_kept")}>
          {byName(views, words.locale).map((each) => (
            // the link says by this that it was followed here, and not in another tab
            <li key={each.name} onClick={(event) => event.defaultPrevented && close()}>
              <Link to={each.to} {...(each.to === here && { "aria-current": "page" as const })}>{each.name}</Link>
              <button type="button" className="plain" aria-label={words.say("view_drop", { name: each.name })} onClick={() => drop(each.name)}>{words.say("view_delete")}</button>
            </li>
          ))}
        </ul>
      )}
      <button type="button" className="button below" onClick={close}>{words.say("close")}</button>
    </Dialog>
  );
}
