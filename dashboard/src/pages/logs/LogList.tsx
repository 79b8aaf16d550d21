// The lines themselves; only those on the screen are in the document.

import { useVirtualizer } from "@tanstack/react-virtual";
import { forwardRef, useEffect, useImperativeHandle, useRef, type KeyboardEvent, type ReactNode } from "react";
import { ago, clock, dateTime, duration } from "../../lib/format";
import { isError, type LogRow } from "../../lib/logs";

const ROW_PX = 26;
const AT_END_PX = 40;
const PAGE_ROWS = 20;

export interface LogListHandle {
  scrollTo: (index: number) => void;
}

interface Props {
  rows: LogRow[];
  active: number | null;
  words: string[];
  onActive: (id: number) => void;
  onOpen: (row: LogRow) => void;
  /** Stay at the newest line, unless somebody has scrolled away from it. */
  follow: boolean;
  /** Lines may be of other days. */
  dates?: boolean;
}

export const LogList = forwardRef<LogListHandle, Props>(function LogList({ rows, active, words, onActive, onOpen, follow, dates }, handle) {
  const scroller = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 20,
    getItemKey: (index) => rows[index]!.id,
  });
  useImperativeHandle(handle, () => ({ scrollTo: (index) => virtual.scrollToIndex(index, { align: "auto" }) }), [virtual]);
  useEffect(() => {
    if (follow && atEnd.current) virtual.scrollToIndex(rows.length - 1, { align: "end" });
  }, [rows, follow, virtual]);
  const activeIndex = active === null ? -1 : rows.findIndex(({ id }) => id === active);
  const move = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE_ROWS, PageUp: -PAGE_ROWS, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || rows.length === 0) return;
    event.preventDefault();
    // Whoever comes from nowhere begins at the newest line.
    const from = activeIndex < 0 ? rows.length : activeIndex;
    const to = Math.max(0, Math.min(rows.length - 1, from + step));
    onActive(rows[to]!.id);
    virtual.scrollToIndex(to, { align: "auto" });
  };
  return (
    <div
      ref={scroller}
      className="log-list"
      role="grid"
      aria-label="Log lines"
      aria-rowcount={rows.length}
      aria-activedescendant={active === null ? undefined : `log-${active}`}
      tabIndex={0}
      onKeyDown={move}
      onScroll={(event) => {
        const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
        atEnd.current = scrollHeight - scrollTop - clientHeight < AT_END_PX;
      }}
    >
      <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index]!;
          const ms = row.entry.executionTime;
          return (
            <div
              key={item.key}
              id={`log-${row.id}`}
              role="row"
              aria-rowindex={item.index + 1}
              aria-selected={row.id === active}
              className={`log-row level-${row.level} ${row.id === active ? "active" : ""}`}
              style={{ transform: `translateY(${item.start}px)` }}
              onClick={() => onActive(row.id)}
              onDoubleClick={() => onOpen(row)}
              data-testid="log-row"
              data-level={isError(row) ? "error" : row.level}
            >
              <time role="gridcell" title={`${dateTime(row.at)} here\n${new Date(row.at).toISOString()} UTC\n${ago(row.at)}`}>
                {dates ? `${dateTime(row.at).slice(5, 11)}${clock(row.at, true)}` : clock(row.at, true)}
              </time>
              <span role="gridcell" className="log-level">
                {row.level}
              </span>
              <span role="gridcell" className="log-ms">
                {row.level === "success" || row.level === "failure" ? duration((ms ?? 0) * 1000) : ""}
              </span>
              <span role="gridcell" className="log-path">
                {highlight(row.path, words)}
              </span>
              <span role="gridcell" className="log-message">
                {highlight(row.message, words)}
              </span>
              <span role="gridcell">
                <button type="button" className="log-open" tabIndex={-1} onClick={() => onOpen(row)} data-testid="log-open">
                  {row.entry.requestId.slice(0, 8)}
                </button>
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
});

/** The text with what was searched for marked. */
function highlight(text: string, words: string[]): ReactNode {
  if (words.length === 0) return text;
  const pattern = new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gi");
  return text.split(pattern).map((part, index) => (index % 2 ? <mark key={index}>{part}</mark> : part));
}
