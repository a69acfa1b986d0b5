import type { MouseEvent, ReactNode } from "react";
import { go } from "../route.ts";

/** A link within the console; with a key held down it opens as links do. */
export function Link({ to, children, ...more }: { to: string; children: ReactNode; className?: string; "aria-current"?: "page" }) {
  function follow(event: MouseEvent) {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  }
  return (
    <a href={to} onClick={follow} {...more}>
      {children}
    </a>
  );
}
