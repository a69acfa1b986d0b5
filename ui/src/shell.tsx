// What stands around every screen: where to go, finding, keys, language and theme.
import { Suspense, lazy, useEffect, useMemo, useRef, useState } from "react";
import { FOR_MERCHANTS, type Me, type StatusRecord } from "./api.ts";
import { Keys } from "./keys.tsx";
import { Palette } from "./palette.tsx";
import { Boundary } from "./parts/boundary.tsx";
import { Link } from "./parts/link.tsx";
import { Trouble } from "./parts/notice.tsx";
import { type Route, at, partsOf, useRoute } from "./route.ts";
import { Parcel } from "./screens/parcel.tsx";
import { Parcels } from "./screens/parcels.tsx";
import { Tower } from "./screens/tower.tsx";
import { SharedContext, type Theme } from "./state.tsx";
import { Views } from "./views.tsx";
import { type Key, LANGUAGES, type Words } from "./words.ts";

const Lanes = lazy(() => import("./screens/lanes.tsx"));
const Carriers = lazy(() => import("./screens/carriers.tsx"));
const Forecast = lazy(() => import("./screens/forecast.tsx"));
const WhatIfs = lazy(() => import("./screens/whatif.tsx"));
const Shipments = lazy(() => import("./merchant/shipments.tsx"));
const Create = lazy(() => import("./merchant/create.tsx"));
const Batch = lazy(() => import("./merchant/batch.tsx"));

const OPERATORS: [string, Key][] = [["/", "tower"], ["/parcels", "parcels"], ["/lanes", "lanes"], ["/carriers", "carriers"], ["/forecast", "forecast"], ["/what-if", "what_if"]];
const MERCHANTS: [string, Key][] = [["/", "m_shipments"], ["/create", "m_create"], ["/batch", "m_batch"]];
const MENU = FOR_MERCHANTS ? MERCHANTS : OPERATORS;

const dark = matchMedia("(prefers-color-scheme: dark)");
const systemTheme = (): Theme => (dark.matches ? "dark" : "light");

/** Set before anything is drawn, since the map and the charts take their colours from it. */
function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(() => {
    const kept = localStorage.getItem("waypost.theme");
    return kept === "dark" || kept === "light" ? kept : systemTheme();
  });
  document.documentElement.dataset["theme"] = theme;
  useEffect(() => {
    const change = () => {
      if (!localStorage.getItem("waypost.theme")) setTheme(systemTheme());
    };
    dark.addEventListener("change", change);
    return () => dark.removeEventListener("change", change);
  }, []);
  function turn() {
    const other = theme === "dark" ? "light" : "dark";
    localStorage.setItem("waypost.theme", other);
    setTheme(other);
  }
  return [theme, turn];
}

function chooseTongue(code: string) {
  localStorage.setItem("waypost.language", code);
  const query = new URLSearchParams(location.search);
  query.delete("lang");
  const text = query.toString();
  location.assign(location.pathname + (text ? `?${text}` : ""));
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));

export function Shell({ words, me, statuses }: { words: Words; me: Me; statuses: Map<string, StatusRecord> }) {
  const [theme, turn] = useTheme();
  const [open, setOpen] = useState<"palette" | "keys" | "views" | null>(null);
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const title = words.say(MENU.find(([path]) => path !== "/" && route.path.startsWith(path))?.[1] ?? MENU[0]?.[1] ?? "tower");
  const shared = useMemo(() => ({ words, me, statuses, theme }), [words, me, statuses, theme]);

  useEffect(() => {
    document.title = `${title} · ${me.network}`;
  }, [title, me.network]);

  useEffect(() => {
    setOpen(null);
    main.current?.scrollIntoView({ block: "nearest" });
  }, [route.path]);

  useEffect(() => {
    if (FOR_MERCHANTS) return; // keys, views and finding are of what operators see
    function press(event: KeyboardEvent) {
      const asksForPalette = (event.key === "/" && !isTyping(event.target)) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey));
      if (asksForPalette) {
        event.preventDefault();
        setOpen("palette");
      } else if (event.key === "?" && !isTyping(event.target)) setOpen("keys");
      else if (event.key === "v" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target)) {
        event.preventDefault(); // the field of names would get it
        setOpen("views");
      } else if (event.key === "Escape") setOpen(null);
    }
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);

  return (
    <SharedContext value={shared}>
      <a className="skip" href="#main">{words.say("skip")}</a>
      <header className="bar">
        <Link className="mark" to={at("/")}>
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3.5 19 9 8l5 7 3-5" /><circle cx="18.5" cy="6.5" r="2.6" /></svg>
          <span>{me.network}</span>
        </Link>
        <nav className="menu" aria-label={words.say("console")}>
          <ul>
            {MENU.filter(([path]) => path !== "/what-if" || me.has_twin).map(([path, key]) => {
              const here = path === "/" ? route.path === "/" : route.path.startsWith(path);
              return <li key={path}><Link to={at(path)} {...(here && { "aria-current": "page" as const })}>{words.say(key)}</Link></li>;
            })}
          </ul>
        </nav>
        <div className="tools">
          {!FOR_MERCHANTS && <button type="button" className="find" onClick={() => setOpen("palette")}>{words.say("find")} <kbd>/</kbd></button>}
          {!FOR_MERCHANTS && <button type="button" onClick={() => setOpen("views")}>{words.say("views")}</button>}
          <select aria-label={words.say("language")} value={words.code} onChange={(event) => chooseTongue(event.target.value)}>
            {Object.entries(LANGUAGES).map(([code, each]) => <option key={code} value={code} lang={each.tag}>{each.name}</option>)}
          </select>
          <button type="button" onClick={turn} aria-pressed={theme === "dark"}>{words.say("dark")}</button>
          {!FOR_MERCHANTS && <button type="button" onClick={() => setOpen("keys")} aria-label={words.say("keyboard")}>?</button>}
          {FOR_MERCHANTS ? <Leave me={me} words={words} /> : <a className="who" href="/operator">{me.name}</a>}
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Boundary key={route.path} instead={(error) => <Trouble what={words.say("broken")} mend={error.message} again={() => location.reload()} words={words} />}>
          <Suspense fallback={<p className="note" role="status">{words.say("loading")}</p>}>
            <Screen route={route} />
          </Suspense>
        </Boundary>
      </main>
      {open === "palette" && <Palette close={() => setOpen(null)} />}
      {open === "views" && <Views close={() => setOpen(null)} />}
      {open === "keys" && <Keys close={() => setOpen(null)} />}
    </SharedContext>
  );
}

/** Who is here, and the way out: people have an account, keys have none. */
function Leave({ me, words }: { me: Me; words: Words }) {
  return (
    <>
      {me.is_person ? <a className="who" href="/account">{me.name}</a> : <span className="who">{me.name}</span>}
      <form method="post" action={me.is_person ? "/logout" : "/merchant/logout"}><button type="submit">{words.say("m_sign_out")}</button></form>
    </>
  );
}

function Screen({ route }: { route: Route }) {
  const [first, carrier, ...number] = partsOf(route.path);
  if (FOR_MERCHANTS) return first === "create" ? <Create /> : first === "batch" ? <Batch /> : <Shipments query={route.query} />;
  if (first === "parcels" && carrier) return <Parcel carrier={carrier} number={number.join("/")} />;
  if (first === "parcels") return <Parcels query={route.query} />;
  if (first === "lanes") return <Lanes query={route.query} />;
  if (first === "carriers") return <Carriers query={route.query} />;
  if (first === "forecast") return <Forecast query={route.query} />;
  if (first === "what-if") return <WhatIfs query={route.query} />;
  return <Tower query={route.query} />;
}
