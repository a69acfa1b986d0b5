// Finding from anywhere: a waybill, an order, a facility, a lane's end; or many numbers that were pasted.
import { type KeyboardEvent, useEffect, useState } from "react";
import type { Found } from "./api.ts";
import { asProblem, ask } from "./api.ts";
import { Dialog } from "./dialog.tsx";
import { placeText } from "./place.ts";
import { BASE, at, go, readNumbers } from "./route.ts";
import { useHubs } from "./screens/hubs.ts";
import { usePhrase, useWords } from "./state.tsx";
import { findViews, loadViews } from "./views.ts";

interface Choice {
  key: string;
  what: string;
  more: string;
  to: string;
}

const MOST_HUBS = 6;
const MOST_VIEWS = 6;
const PAUSE_MS = 200;

export function Palette({ close }: { close: () => void }) {
  const words = useWords();
  const phrase = usePhrase();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const [found, setFound] = useState<{ of: string; parcels: Choice[]; carriers: string[] }>({ of: "", parcels: [], carriers: [] });
  const [problem, setProblem] = useState({ of: "", title: "" });
  const hubs = useHubs();
  const [views] = useState(() => loadViews(BASE));
  const numbers = readNumbers(text);
  const sought = text.trim();

  useEffect(() => {
    if (numbers.length !== 1 || sought.length < 4) return;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      const answer = await ask<{ found: Found[] }>("/v1/parcels", { number: sought }, stop.signal).catch((error: unknown) => {
        if (!stop.signal.aborted) setProblem({ of: sought, title: asProblem(error).title });
      });
      if (!answer) return;
      setProblem({ of: "", title: "" });
      const rows = answer.found;
      const first = rows[0];
      const parcels = (first?.parcels ?? []).map((each) => ({
        key: `parcel ${each.id}`,
        what: `${each.carrier_name} ${each.number}`,
        more: [phrase(each.status).label, placeText(each.place, words)].filter(Boolean).join(" · "),
        to: at(`/parcels/${encodeURIComponent(each.carrier)}/${encodeURIComponent(each.number)}`),
      }));
      setFound({ of: sought, parcels, carriers: first?.carriers ?? [] });
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [sought]);

  const lower = sought.toLowerCase();
  const places = sought.length < 2 ? [] : hubs.filter((each) => `${each.name} ${each.facility} ${each.city ?? ""}`.toLowerCase().includes(lower));
  const named = findViews(views, sought).slice(0, MOST_VIEWS).map((each) => ({ key: `view ${each.name}`, what: each.name, more: words.say("view"), to: each.to }));
  const others: Choice[] =
    numbers.length > 1
      ? [{ key: "many", what: words.say("find_many", { count: numbers.length }), more: "", to: at("/parcels", { n: numbers.join(",") }) }]
      : [
          ...(found.of === sought ? found.parcels : []),
          ...places.slice(0, MOST_HUBS).map((each) => ({
            key: `hub ${each.carrier}/${each.facility}`,
            what: each.name,
            more: [words.say("facility"), each.carrier, each.city].filter(Boolean).join(" · "),
            to: at("/", { hub: `${each.carrier}/${each.facility}` }),
          })),
        ];
  const choices = [...named, ...others];
  const here = Math.min(chosen, Math.max(choices.length - 1, 0));

  function press(event: KeyboardEvent) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setChosen(Math.max(0, Math.min(choices.length - 1, here + (event.key === "ArrowDown" ? 1 : -1))));
    }
    const choice = choices[here];
    if (event.key === "Enter" && choice) take(choice);
  }

  function take(choice: Choice) {
    close();
    go(choice.to);
  }

  const nothing = numbers.length === 1 && found.of === sought && choices.length === 0;
  return (
    <Dialog label={words.say("find")} close={close}>
      <input
        role="combobox"
        aria-expanded={choices.length > 0}
        aria-controls="found"
        aria-activedescendant={choices[here] ? `choice-${here}` : undefined}
        aria-label={words.say("find_hint")}
        placeholder={words.say("find_hint")}
        value={text}
        onPaste={(event) => {
          const pasted = event.clipboardData.getData("text");
          if (!/\n/.test(pasted)) return;
          event.preventDefault(); // a field of one line would run the lines together
          setText(`${text} ${pasted.replaceAll(/\s+/g, " ")}`.trim());
        }}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={press}
        spellCheck={false}
        autoComplete="off"
      />
      <div role="listbox" id="found" aria-label={words.say("find")} className="below">
        {choices.map((each, place) => (
          <div role="option" id={`choice-${place}`} key={each.key} aria-selected={place === here} onClick={() => take(each)}>
            <span className={each.key.startsWith("parcel") ? "number" : ""}>{each.what}</span>
            <small>{each.more}</small>
          </div>
        ))}
      </div>
      <p className="note" role="status">
        {problem.title && problem.of === sought ? problem.title : nothing ? [words.say("found_nothing"), found.carriers.length > 0 && words.say("format_of", { carriers: found.carriers.join(", ") })].filter(Boolean).join(" ") : ""}
      </p>
    </Dialog>
  );
}
