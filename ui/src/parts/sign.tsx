import type { Shape } from "../api.ts";

/** The sign of a kind of status: its form tells it as well as its colour, and words stand beside it. */
export function Sign({ shape }: { shape: Shape }) {
  return (
    <svg className={`sign is-${shape}`} viewBox="0 0 20 20" aria-hidden="true">
      {shape === "moving" && <><circle cx="10" cy="10" r="9" /><path d="M6 10h8M11 7l3 3-3 3" /></>}
      {shape === "done" && <><rect x="1.5" y="1.5" width="17" height="17" rx="3" /><path d="M6 10.5l3 3 5-6.5" /></>}
      {shape === "risk" && <><path className="area" d="M10 1l9.5 17.5H.5z" /><path d="M10 8v4.5l2.5 1.5" /></>}
      {shape === "late" && <><path className="area" d="M10 0l10 10-10 10L0 10z" /><path d="M10 5.5v5.5M10 13.6v.6" /></>}
      {shape === "stop" && <><path className="area" d="M6 0.5h8l5.5 5.5v8L14 19.500H6L.5 14V6z" /><path d="M5.500 10h9" /></>}
      {shape === "idle" && <><circle className="hollow" cx="10" cy="10" r="8" /><path className="dash" d="M6.500 10h7" /></>}
    </svg>
  );
}
