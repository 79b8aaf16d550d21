// Logs as they come, those of the range of time, with their query line, the bar of what happened
// when, and the request behind a line.

import { Eraser, Pause, Play, Copy as CopyIcon } from "lucide-react";
import { useDeferredValue, useMemo, useState, type ReactNode } from "react";
import { RangePicker } from "../../components/RangePicker";
import { Badge, Empty, IconButton } from "../../components/ui";
import { clock, count } from "../../lib/format";
import { matches, parseQuery, type LogRow } from "../../lib/logs";
import { useNow } from "../../lib/now";
import { momentsOf, useRange, type Range } from "../../lib/range";
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
  /** Where what is older than the lines here can be found. */
  otherwise?: ReactNode;
}

/** Lines go out of sight at least so often, ms. */
const PASSING_MS = 60_000;
/** And so often in the time that is shown. */
const STEPS = 100;

/** Between which moments lines are shown: as time passes, or as it was when the page was paused. */
function useMoments(range: Range, pausedAt: number | undefined) {
  const passes = !range.ends && Number.isFinite(range.seconds);
  const now = useNow(passes ? Math.min(PASSING_MS, (range.seconds * 1000) / STEPS) : null);
  return momentsOf(range, pausedAt ?? now);
}

/** What there was when it was paused, and when that was. */
interface Frozen {
  rows: LogRow[];
  at: number;
}

export function LogPanel({ query: given, setQuery: setGiven, only, otherwise }: Props) {
  const [own, setOwn] = useState("");
  const query = given ?? own;
  const setQuery = setGiven ?? setOwn;
  const tail = useTail();
  const live = useRowsOfTail(tail);
  const [frozen, setFrozen] = useState<Frozen | null>(null);
  const all = useDeferredValue(frozen?.rows ?? live);
  const range = useRange();
  const { from, to } = useMoments(range, frozen?.at);
  const parsed = useMemo(() => parseQuery(query), [query]);
  const rows = useMemo(
    () => all.filter((row) => row.at >= from && (to === null || row.at < to) && (only === undefined || row.path === only) && matches(row, parsed)),
    [all, from, to, parsed, only],
  );
  const { active, setActive, opened, setOpened, list, search, copyRows } = useLogRows(rows);

  return (
    <div className="logs" data-testid="logs" data-range={range.id}>
      <RangePicker />
      <LogQueryBar ref={search} query={query} setQuery={setQuery}>
        <IconButton label={frozen ? "Go on" : "Pause"} onClick={() => setFrozen(frozen ? null : { rows: live, at: Date.now() })} data-testid="log-pause">
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
        {frozen && <Badge kind="warn">paused, {count(Math.max(0, live.length - frozen.rows.length))} new</Badge>}
        {rows.length > 0 && from < all[0]!.at && otherwise && <span>{otherwise}</span>}
        {tail.dropped > 0 && <span data-testid="gap">the oldest {count(tail.dropped)} lines were let go of</span>}
        {tail.error && <span className="error-text">{tail.error.message}; trying again</span>}
        <span className="grow" />
        <LogKeys />
      </div>
      {rows.length === 0 ? (
        <Empty title={all.length === 0 ? "Nothing has been logged yet" : all[all.length - 1]!.at < from ? "Nothing was logged in this time" : "No line matches"}>
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
