import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";

export interface Column<Row> {
  name: string;
  /** Of the grid: `2fr`, `96px`. */
  width: string;
  count?: boolean;
  show: (row: Row) => ReactNode;
}

interface Given<Row> {
  label: string;
  rows: Row[];
  columns: Column<Row>[];
  keyOf: (row: Row) => string;
  selected?: string | null;
  choose?: (row: Row) => void;
  height?: number;
  /** Called when the end comes near. */
  more?: () => void;
}

const ROW_PX = 40;

/** A table that draws only the rows that are seen. j and k, or the arrows, move; Enter opens. */
export function Table<Row>({ label, rows, columns, keyOf, selected, choose, height, more }: Given<Row>) {
  const frame = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => frame.current, estimateSize: () => ROW_PX, overscan: 8 });
  const grid = { gridTemplateColumns: columns.map((each) => each.width).join(" ") };
  const place = selected ? rows.findIndex((each) => keyOf(each) === selected) : -1;
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && rows.length > 0 && last >= rows.length - 12) more();
  }, [last, rows.length, more]);

  function move(event: KeyboardEvent) {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const row = rows[Math.max(0, Math.min(rows.length - 1, place + (step ?? 0)))];
    if (step === undefined || !choose || !row) return;
    event.preventDefault();
    choose(row);
    virtual.scrollToIndex(rows.indexOf(row));
  }

  return (
    <div className="table-frame" ref={frame} tabIndex={0} role="region" aria-label={label} onKeyDown={move} style={{ maxHeight: height ?? 420 }}>
      <div role="table" aria-label={label} aria-rowcount={rows.length + 1} className="grid-table">
        <div role="row" aria-rowindex={1} className="grid-row grid-head" style={grid}>
          {columns.map((each) => (
            <div role="columnheader" key={each.name} className={each.count ? "count" : ""}>
              {each.name}
            </div>
          ))}
        </div>
        <div role="rowgroup" className="grid-body" style={{ height: virtual.getTotalSize() }}>
          {shown.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            const key = keyOf(row);
            return (
              <div
                role="row"
                key={key}
                aria-rowindex={item.index + 2}
                className={`grid-row${key === selected ? " is-chosen" : ""}${choose ? " can-choose" : ""}`}
                style={{ ...grid, transform: `translateY(${item.start}px)`, height: ROW_PX }}
                onClick={choose && (() => choose(row))}
              >
                {columns.map((each) => (
                  <div role="cell" key={each.name} className={each.count ? "count" : ""}>
                    {each.show(row)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
