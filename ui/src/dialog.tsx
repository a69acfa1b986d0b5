import { type ReactNode, useEffect, useRef } from "react";

/** A box over the screen; what is behind it cannot be reached until it is closed, and then has the focus again. */
export function Dialog({ label, close, children }: { label: string; close: () => void; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const behind = [...document.querySelectorAll<HTMLElement>("body > #root > header, body > #root > main")];
    for (const each of behind) each.inert = true;
    box.current?.querySelector<HTMLElement>("input, button")?.focus();
    return () => {
      for (const each of behind) each.inert = false;
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <div className="veil" onClick={(event) => event.target === event.currentTarget && close()}>
      <div className="palette" role="dialog" aria-modal="true" aria-label={label} ref={box}>
        {children}
      </div>
    </div>
  );
}
