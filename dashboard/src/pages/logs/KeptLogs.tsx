// Logs that the server keeps on disk: a search over days, also over restarts, back from now or from
// where the range ends.

import { ChevronsUp, Copy as CopyIcon } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { RangePicker } from "../../components/RangePicker";
import { Button, Empty, IconButton, Loading, Problem } from "../../components/ui";
import { useDeployment } from "../../lib/deployment";
import { bytes, count, dateTime } from "../../lib/format";
import { KeptSearch, NOTHING, rowsOfRequest, type Search } from "../../lib/keptLogs";
import { parseQuery, type LogRow } from "../../lib/logs";
import { momentsOf, useRange, type Range } from "../../lib/range";
import { Histogram } from "./Histogram";
import { LogKeys } from "./LogKeys";
import { LogList } from "./LogList";
import { LogQueryBar } from "./LogQueryBar";
import { RequestDrawer } from "./RequestDrawer";
import { useLogRows } from "./useLogRows";

const TYPING_MS = 250;
interface Props {
  query: string;
  setQuery: (text: string) => void;
}

/** A search that begins anew when what is searched for changes, once typing has paused. */
function useKeptSearch(query: string, range: Range) {
  const { http } = useDeployment();
  const [state, setState] = useState<Search>({ ...NOTHING, searching: true });
  const [search, setSearch] = useState<KeptSearch | null>(null);
  useEffect(() => {
    let next: KeptSearch | null = null;
    const timer = window.setTimeout(() => {
      next = new KeptSearch(http, query, momentsOf(range), setState);
      setState((old) => ({ ...NOTHING, kept: old.kept, searching: true }));
      setSearch(next);
      void next.more();
    }, TYPING_MS);
    return () => {
      window.clearTimeout(timer);
      next?.stop();
    };
  }, [http, query, range]);
  return { state, more: () => void search?.more() };
}

export function KeptLogs({ query, setQuery }: Props) {
  const range = useRange();
  const { state, more } = useKeptSearch(query, range);
  const { rows, kept } = state;
  const words = useMemo(() => parseQuery(query).text, [query]);
  const { active, setActive, opened, setOpened, list, search, copyRows } = useLogRows(rows);
  if (kept === null) {
    return (
      <Empty title="This server keeps no logs">
        It was started with <code>--log-days 0</code>; lines are only here while it runs.
      </Empty>
    );
  }
  return (
    <div className="logs" data-testid="kept-logs" data-range={range.id}>
      <RangePicker />
      <LogQueryBar ref={search} query={query} setQuery={setQuery}>
        <IconButton label="Copy the lines shown (c copies one)" onClick={copyRows} data-testid="log-copy">
          <CopyIcon size={16} />
        </IconButton>
      </LogQueryBar>
      <Histogram rows={rows} />
      <div className="logs-status muted" role="status">
        <span data-testid="log-count">{count(rows.length)} {rows.length === 1 ? "line" : "lines"}</span>
        <span data-testid="log-searched" data-searching={state.searching}>
          {state.searching ? "searching…" : state.done || state.lookedTo === null ? "that is all" : `searched back to ${dateTime(state.lookedTo)}`}
        </span>
        {!state.searching && !state.done && state.lookedTo !== null && (
          <Button look="quiet" icon={<ChevronsUp size={14} />} onClick={more} data-testid="log-older">
            Older
          </Button>
        )}
        <span className="grow" />
        {kept?.since && (
          <span className="wide-only" data-testid="log-kept" title={`Lines are kept for ${kept.days} days, and in at most ${bytes(kept.bytesMax)} (--log-days, --log-mib)`}>
            kept since {dateTime(kept.since)} · {bytes(kept.bytes)} of {bytes(kept.bytesMax)}
          </span>
        )}
        <LogKeys />
      </div>
      {state.error ? (
        <Problem error={state.error} retry={more} />
      ) : rows.length > 0 ? (
        <LogList ref={list} rows={rows} active={active} words={words} onActive={setActive} onOpen={setOpened} follow={active === null} dates />
      ) : state.searching || kept === undefined ? (
        <Loading />
      ) : (
        <Empty title="No kept line matches">
          {kept.since === null ? "Nothing has been logged yet." : "Look further back, or for less."}
        </Empty>
      )}
      {opened && <WholeRequest row={opened} known={rows} onClose={() => setOpened(null)} />}
    </div>
  );
}

/** The request of a line: all of its entries, also those that the search did not want. */
function WholeRequest({ row, known, onClose }: { row: LogRow; known: LogRow[]; onClose: () => void }) {
  const { http } = useDeployment();
  const [all, setAll] = useState(known);
  useEffect(() => {
    const stopping = new AbortController();
    rowsOfRequest(http, row.entry.requestId, stopping.signal).then(setAll, () => undefined);
    return () => stopping.abort();
  }, [http, row]);
  return <RequestDrawer row={row} all={all} onClose={onClose} />;
}
