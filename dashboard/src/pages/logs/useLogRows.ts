// Moving among log lines with the keyboard, jumping to errors, and copying.

import { useCallback, useEffect, useRef, useState } from "react";
import { count } from "../../lib/format";
import { isError, type LogRow } from "../../lib/logs";
import { copy } from "../../lib/toasts";
import type { LogListHandle } from "./LogList";

/** `[time] [LEVEL] function: message`, one line a row. */
export const cleanLine = (row: LogRow) =>
  `[${new Date(row.at).toISOString()}] [${row.level.toUpperCase()}] ${row.path}: ${row.message.replaceAll("\n", " ")}`;

/** The row that is chosen and the one that is opened; letters work as the line above the list says. */
export function useLogRows(rows: LogRow[]) {
  const [active, setActive] = useState<number | null>(null);
  const [opened, setOpened] = useState<LogRow | null>(null);
  const list = useRef<LogListHandle>(null);
  const search = useRef<HTMLInputElement>(null);
  const activeIndex = active === null ? -1 : rows.findIndex((row) => row.id === active);
  const go = useCallback(
    (index: number) => {
      const row = rows[index];
      if (!row) return;
      setActive(row.id);
      list.current?.scrollTo(index);
    },
    [rows],
  );
  const jump = (step: 1 | -1) => {
    for (let at = (activeIndex < 0 ? (step > 0 ? -1 : rows.length) : activeIndex) + step; at >= 0 && at < rows.length; at += step) {
      if (isError(rows[at]!)) return go(at);
    }
  };
  const copyRows = () => {
    const shown = activeIndex >= 0 ? [rows[activeIndex]!] : rows;
    void copy(shown.map(cleanLine).join("\n"), `Copied ${count(shown.length)} ${shown.length === 1 ? "line" : "lines"}`);
  };
  const actions: Record<string, () => void> = {
    "/": () => search.current?.focus(),
    j: () => go(Math.min(rows.length - 1, activeIndex + 1)),
    k: () => go(activeIndex < 0 ? rows.length - 1 : Math.max(0, activeIndex - 1)),
    e: () => jump(1),
    E: () => jump(-1),
    c: copyRows,
    Enter: () => rows[activeIndex] && setOpened(rows[activeIndex]!),
    Escape: () => setActive(null),
  };
  useLogKeys(actions, opened !== null);
  return { active, setActive, opened, setOpened, list, search, copyRows };
}

/** Letters work anywhere on the page but in fields and dialogs. */
function useLogKeys(actions: Record<string, () => void>, off: boolean) {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    if (off) return;
    const listen = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest("dialog")) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Enter" && target.tagName === "BUTTON") return;
      const action = latest.current[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [off]);
}
