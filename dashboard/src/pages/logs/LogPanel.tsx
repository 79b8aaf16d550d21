// Logs as they come, with their query line, the bar of what happened when, and the request behind a
// line.

import { Eraser, Pause, Play, Copy as CopyIcon } from "lucide-react";
import { useDeferredValue, useMemo, useState, type ReactNode } from "react";
import { Badge, Empty, IconButton } from "../../components/ui";
import { clock, count } from "../../lib/format";
import { matches, parseQuery, type LogRow } from "../../lib/logs";
import { Histogram } from "./Histogram";
import { LogKeys } from "./LogKeys";
import { LogList } from "./LogList";
import { LogQueryBar } from "./LogQueryBar";
import { RequestDrawer } from "./RequestDrawer";
import { useLogRows } from "./useLogRows";
import { useRowsOfTail, useTail } from "./useLogs";

interface Props {
  query?: string;
  setQuery?: (text: string) => void;
  /** Only of this function. */
  only?: string;
  /** What to offer when nothing that came since the page was opened matches. */
  otherwise?: ReactNode;
}

export function LogPanel({ query: given, setQuery: setGiven, only, otherwise }: Props) {
  const [own, setOwn] = useState("");
  const query = given ?? own;
  const setQuery = setGiven ?? setOwn;
  const tail = useTail();
  const live = useRowsOfTail(tail);
  const [frozen, setFrozen] = useState<LogRow[] | null>(null);
  const all = useDeferredValue(frozen ?? live);
  const parsed = useMemo(() => parseQuery(query), [query]);
  const rows = useMemo(
    () => all.filter((row) => (only === undefined || row.path === only) && matches(row, parsed)),
    [all, parsed, only],
  );
  const { active, setActive, opened, setOpened, list, search, copyRows } = useLogRows(rows);

  return (
    <div className="logs" data-testid="logs">
      <LogQueryBar ref={search} query={query} setQuery={setQuery}>
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
      </LogQueryBar>
      <Histogram rows={rows} />
      <div className="logs-status muted" role="status">
        <span data-testid="log-count">{count(rows.length)} {rows.length === 1 ? "line" : "lines"}</span>
        {frozen && <Badge kind="warn">paused, {count(Math.max(0, live.length - frozen.length))} new</Badge>}
        {tail.dropped > 0 && <span data-testid="gap">the oldest {count(tail.dropped)} lines were let go of</span>}
        {tail.error && <span className="error-text">{tail.error.message}; trying again</span>}
        <span className="grow" />
        <LogKeys />
      </div>
      {rows.length === 0 ? (
        <Empty title={all.length === 0 ? "Nothing has been logged yet" : "No line matches"}>
          {all.length === 0 ? "Lines appear here as soon as a function runs." : `Latest line at ${clock(all[all.length - 1]!.at)}.`} {otherwise}
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
