/** A colour of the theme that is shown, by its name in style.css. */
export function tone(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const SERIES = ["moving", "late", "done", "stop", "risk", "idle"] as const;
