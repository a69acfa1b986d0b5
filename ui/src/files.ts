// Files that the browser keeps: handed to it, and tables as CSV.

/** The mark by which spreadsheets know UTF-8. */
const MARK = "\uFEFF";

export type Cell = string | number | null;

/** A cell of a file: what a spreadsheet would run as a formula gets an apostrophe in front, unless it is a number. */
export function cellOf(value: Cell): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const asCsv = (rows: Cell[][]): string => MARK + rows.map((row) => `${row.map(cellOf).join(",")}\r\n`).join("");

/** Hands a file to the browser. */
export function save(content: Blob | string, name: string): void {
  const file = URL.createObjectURL(typeof content === "string" ? new Blob([content], { type: "text/csv;charset=utf-8" }) : content);
  Object.assign(document.createElement("a"), { href: file, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(file), 60_000); // it may be read only after this
}
