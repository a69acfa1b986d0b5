import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { type Me, type StatusRecord, ask } from "./api.ts";
import { Shell } from "./shell.tsx";
import "./style.css";
import { LANGUAGES, chooseLanguage, loadWords } from "./words.ts";

const code = chooseLanguage(
  new URLSearchParams(location.search).get("lang"),
  localStorage.getItem("waypost.language"),
  navigator.languages,
);
document.documentElement.lang = LANGUAGES[code].tag;

const frame = document.getElementById("root");
if (!frame) throw new Error("index.html has no #root");
const [words, me, { statuses }] = await Promise.all([
  loadWords(code),
  ask<Me>("/v1/me"),
  ask<{ statuses: StatusRecord[] }>("/v1/statuses"),
]);
createRoot(frame).render(
  <StrictMode>
    <Shell words={words} me={me} statuses={new Map(statuses.map((each) => [each.code, each]))} />
  </StrictMode>,
);
