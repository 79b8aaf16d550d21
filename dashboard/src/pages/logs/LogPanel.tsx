// Logs with their query line, the bar of what happened when, and the request behind a line.

import { Eraser, Pause, Play, Copy as CopyIcon } from "lucide-react";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { Badge, Empty, IconButton } from "../../components/ui";
import { clock, count } from "../../lib/format";
import { isError, matches, parseQuery, type LogRow } from "../../lib/logs";
import { copy } from "../../lib/toasts";
import { Histogram } from "./Histogram";
import { LogList, type LogListHandle } from "./LogList";
import { RequestDrawer } from "./RequestDrawer";
import { useRowsOfTail, useTail } from "./useLogs";

interface Props {
  query?: string;
  setQuery?: (text: string) => void;
  /** Only of this function. */
  only?: string;
}

const LEVELS = ["error", "warn", "info", "log", "debug", "success"];

/** `[time] [LEVEL] function: message`, one line a row. */
export const cleanLine = (row: LogRow) =>
  `[${new Date(row.at).toISOString()}] [${row.level.toUpperCase()}] ${row.path}: ${row.message.replaceAll("\n", " ")}`;

export function LogPanel({ query: given, setQuery: setGiven, only }: Props) {
  const [own, setOwn] = useState("");
  const query = given ?? own;
  const setQuery = setGiven ?? setOwn;
  const tail = useTail();
  const live = useRowsOfTail(tail);
  const [frozen, setFrozen] = useState<LogRow[] | null>(null);
  const [active, setActive] = useState<number | null>(null);
  const [opened, setOpened] = useState<LogRow | null>(null);
  const list = useRef<LogListHandle>(null);
  const search = useRef<HTMLInputElement>(null);
  const all = useDeferredValue(frozen ?? live);
  const parsed = useMemo(() => parseQuery(query), [query]);
  const rows = useMemo(
    () => all.filter((row) => (only === undefined || row.path === only) && matches(row, parsed)),
    [all, parsed, only],
  );
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

  return (
    <div className="logs" data-testid="logs">
      <div className="logs-bar">
        <input
          ref={search}
          type="search"
          className="grow mono"
          list="log-words"
          placeholder="Search: words, fn:messages, level:error, req:…, dur>200   ( / )"
          aria-label="Search logs"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
          data-testid="log-query"
        />
        <datalist id="log-words">
          {LEVELS.map((level) => (
            <option key={level} value={`level:${level}`} />
          ))}
        </datalist>
        <select
          aria-label="Level"
          value={parsed.levels[0] ?? ""}
          onChange={(event) => {
            const rest = query.replace(/(^|\s)level:\S+/g, "").trim();
            setQuery(event.target.value ? `${rest} level:${event.target.value}`.trim() : rest);
          }}
          data-testid="log-level"
        >
          <option value="">all levels</option>
          {LEVELS.map((level) => (
            <option key={level} value={level}>
              {level}
            </option>
          ))}
        </select>
        <IconButton label={frozen ? "Go on" : "Pause"} onClick={() => setFrozen(frozen ? null : live)} data-testid="log-pause">
          {frozen ? <Play size={16} /> : <Pause size={16} />}
        </IconButton>
        <IconButton label="Copy the lines shown (c copies one)" onClick={copyRows} data-testid="log-copy">
          <CopyIcon size={16} />
        </IconButton>
        <IconButton
          label="Clear what is shown here"
          onClick={() => {
            tail.clear();
            setFrozen(null);
          }}
        >
          <Eraser size={16} />
        </IconButton>
      </div>
      <Histogram rows={rows} />
      <div className="logs-status muted" role="status">
        <span data-testid="log-count">{count(rows.length)} {rows.length === 1 ? "line" : "lines"}</span>
        {frozen && <Badge kind="warn">paused, {count(Math.max(0, live.length - frozen.length))} new</Badge>}
        {tail.dropped > 0 && <span data-testid="gap">the oldest {count(tail.dropped)} lines were let go of</span>}
        {tail.error && <span className="error-text">{tail.error.message}; trying again</span>}
        <span className="grow" />
        <span className="wide-only">
          <kbd>j</kbd> <kbd>k</kbd> move · <kbd>e</kbd> <kbd>E</kbd> errors · <kbd>Enter</kbd> request · <kbd>c</kbd> copy
        </span>
      </div>
      {rows.length === 0 ? (
        <Empty title={all.length === 0 ? "Nothing has been logged yet" : "No line matches"}>
          {all.length === 0 ? "Lines appear here as soon as a function runs." : `Latest line at ${clock(all[all.length - 1]!.at)}`}
        </Empty>
      ) : (
        <LogList
          ref={list}
          rows={rows}
          active={active}
          words={parsed.text}
          onActive={setActive}
          onOpen={setOpened}
          follow={frozen === null && active === null}
        />
      )}
      {opened && <RequestDrawer row={opened} all={live} onClose={() => setOpened(null)} />}
    </div>
  );
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
