import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { type Me, type StatusRecord, asProblem, ask, reloadOnce } from "./api.ts";
import { Trouble } from "./parts/notice.tsx";
import { Shell } from "./shell.tsx";
import "./style.css";
import { LANGUAGES, chooseLanguage, loadWords } from "./words.ts";

// a part of the console that is fetched when it is needed is gone after an upgrade: a new page knows the new ones
addEventListener("vite:preloadError", () => reloadOnce("files"));

const code = chooseLanguage(
  new URLSearchParams(location.search).get("lang"),
  localStorage.getItem("waypost.language"),
  navigator.languages,
);
document.documentElement.lang = LANGUAGES[code].tag;

const frame = document.getElementById("root");
if (!frame) throw new Error("index.html has no #root");
const root = createRoot(frame);
const words = await loadWords(code).catch(() => loadWords("en"));
try {
  const [me, { statuses }] = await Promise.all([ask<Me>("/v1/me"), ask<{ statuses: StatusRecord[] }>("/v1/statuses")]);
  root.render(
    <StrictMode>
      <Shell words={words} me={me} statuses={new Map(statuses.map((each) => [each.code, each]))} />
    </StrictMode>,
  );
} catch (error) {
  const problem = asProblem(error);
  root.render(
    <main>
      <h1>{words.say("no_start")}</h1>
      <Trouble what={problem.title} mend={problem.mend} again={() => location.reload()} words={words} />
    </main>,
  );
}
