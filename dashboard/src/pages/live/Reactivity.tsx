// The reactivity of the app: which mutation touched which range, and which queries ran again for
// it. The same as a picture and as a list.

import { memo, useCallback, useDeferredValue, useMemo, useRef, useState } from "react";
import { Link, useSearchParams, type SetURLSearchParams } from "react-router";
import { GridTable } from "../../components/GridTable";
import { OfData } from "../../components/NeedsRight";
import { Badge, Empty } from "../../components/ui";
import { bytes, clock, count, duration, percent } from "../../lib/format";
import { useEvery } from "../../lib/every";
import { useParam } from "../../lib/param";
import type { Moment } from "../../lib/moment";
import { busy, lanes, ofCommit, reactions, type Reaction } from "../../lib/reactivity";
import { useFeed, type Past } from "../../lib/stream";
import { FanOutPanel } from "./FanOutPanel";
import { FrozenCommit } from "./FrozenCommit";
import { LanePicture, type Chosen } from "./LanePicture";
import type { ViewProps } from "./Live";

const LISTED = 200;
/** Rows for those who cannot see the picture, while it is shown. */
const LISTED_BESIDE = 20;
/** New ones at most that often: nobody hears faster, and all of them are others on a busy server. */
const LISTED_BESIDE_EVERY_MS = 1_000;
const CAUSES = 50;
const MINUTE_MS = 60_000;

export function Reactivity({ moment, onFreeze }: ViewProps) {
  const past = useFeed("all").upTo(moment.until);
  // Drawn when there is time: what is typed or clicked comes first, and no frame waits for all of it.
  const seen = useDeferredValue(useMemo(() => ({ past, jumps: moment.jumps }), [past, moment.jumps]));
  const [params, setParams] = useSearchParams();
  const [shown, setMode] = useParam("as", "picture");
  const mode = shown === "list" ? "list" : "picture";
  const [split, setSplit] = useParam("split");
  const [only, setOnly] = useParam("only");
  const [least, setLeast] = useParam("least", "0");
  const filter = { byArguments: split !== "", onlyWasted: only === "wasted", least: Number(least) || 0 };
  return (
    <>
      <div className="row wrap">
        <div className="segmented" role="group" aria-label="How it is shown">
          {(["picture", "list"] as const).map((name) => (
            <button key={name} type="button" aria-pressed={mode === name} onClick={() => setMode(name)} data-testid={`reactivity-${name}`}>
              {name}
            </button>
          ))}
        </div>
        <label className="row">
          <input type="checkbox" checked={filter.byArguments} onChange={(event) => setSplit(event.target.checked ? "arguments" : "")} /> split by arguments
        </label>
        <label className="row">
          <input type="checkbox" checked={filter.onlyWasted} onChange={(event) => setOnly(event.target.checked ? "wasted" : "")} /> only wasted
        </label>
        <label className="row">
          at least
          <input type="range" min={0} max={60} value={filter.least} onChange={(event) => setLeast(event.target.value)} data-testid="reactivity-least" />
          {filter.least} a minute
        </label>
        <span className="grow" />
        <span className="legend">
          <i className="swatch c1" /> result changed <i className="swatch grey" /> same result: wasted
          {mode === "picture" && <span className="dot-hint"> · a dot is a commit: click it to stop there</span>}
        </span>
      </div>
      <Reactions {...{ ...seen, mode, moment, onFreeze, setParams, ...filter }} query={params.get("query")} cause={params.get("cause")} />
    </>
  );
}

interface ReactionsProps {
  past: Past;
  jumps: number;
  mode: "picture" | "list";
  byArguments: boolean;
  onlyWasted: boolean;
  least: number;
  moment: Moment;
  onFreeze: (at: number | null) => void;
  query: string | null;
  cause: string | null;
  setParams: SetURLSearchParams;
}

/** One of both is in the address. */
const choice = (query: string | null, cause: string | null): Chosen | null => (query ? { lane: 2, label: query } : cause ? { lane: 0, label: cause } : null);

/** The commit at which somebody has stopped, for as long as the clock stands there. */
function useFrozenCommit(all: Reaction[], { rate, jumps }: Moment, onFreeze: (at: number | null) => void) {
  const [stopped, setStopped] = useState<{ commitTs: string; jumps: number } | null>(null);
  // Rows are drawn again only for what is new in them, and this is not.
  const latest = useRef({ all, jumps });
  latest.current = { all, jumps };
  const stopAt = useCallback(
    (commitTs: string) => {
      setStopped({ commitTs, jumps: latest.current.jumps + 1 });
      onFreeze(ofCommit(latest.current.all, commitTs).at);
    },
    [onFreeze],
  );
  return { commitTs: stopped !== null && rate === 0 && stopped.jumps === jumps ? stopped.commitTs : null, stopAt };
}

const Reactions = memo(function Reactions({ past, jumps, mode, byArguments, onlyWasted, least, moment, onFreeze, query, cause, setParams }: ReactionsProps) {
  const chosen = useMemo(() => choice(query, cause), [query, cause]);
  const choose = useCallback(
    (next: Chosen | null) =>
      setParams(
        (old) => {
          const changed = new URLSearchParams(old);
          changed.delete("query");
          changed.delete("cause");
          if (next) changed.set(next.lane === 2 ? "query" : "cause", next.label);
          return changed;
        },
        { replace: true },
      ),
    [setParams],
  );
  const all = useMemo(() => reactions(past), [past]);
  const { commitTs, stopAt } = useFrozenCommit(all, moment, onFreeze);
  const own = useMemo(() => (commitTs === null ? null : ofCommit(all, commitTs).rows), [all, commitTs]);
  const lit = useMemo(() => own && new Set(own.flatMap(({ nodes }) => [nodes[0], nodes[1], nodes[byArguments ? 3 : 2]])), [own, byArguments]);
  const rows = useMemo(() => {
    const often = least > 0 ? busy(all, least) : all;
    return onlyWasted ? often.filter(({ changed }) => changed === false) : often;
  }, [all, onlyWasted, least]);
  const picture = useMemo(() => lanes(rows, byArguments), [rows, byArguments]);
  const listed = own ?? rows;
  return (
    <>
      {own && <FrozenCommit rows={own} onGoOn={() => onFreeze(null)} />}
      {rows.length === 0 && !moment.live ? (
        <Empty title="No query had run again by then" />
      ) : rows.length === 0 ? (
        <Empty title="No query has run again yet">
          Open your app, then change something it shows: send a message in it, <Link to="/functions">run a mutation</Link> or <Link to="/data">edit a document</Link>. The
          mutation, the data it touched and the queries that ran again for it appear here.
        </Empty>
      ) : mode === "list" ? (
        <ReactionList rows={listed} onChoose={choose} onStop={stopAt} most={LISTED} />
      ) : (
        <LanePicture lanes={picture} rate={moment.rate} jumps={jumps} chosen={chosen} lit={lit} onChoose={choose} onCommit={stopAt} />
      )}
      {query && <Why query={query} rows={all.filter((row) => row.query === query)} now={past.ticks.at(-1)?.t ?? 0} onClose={() => choose(null)} />}
      {!query && cause && <FanOutPanel cause={cause} rows={all} onClose={() => choose(null)} />}
      {/* Screen readers and tests have the list also while the picture is shown. */}
      {mode === "picture" && (
        <div className="sr-only">
          <ListBeside rows={listed} onChoose={choose} onStop={stopAt} everyMs={moment.live ? LISTED_BESIDE_EVERY_MS : 0} />
        </div>
      )}
    </>
  );
});

interface ListProps {
  rows: Reaction[];
  onChoose: (chosen: Chosen) => void;
  /** Stops the clock at a commit. */
  onStop: (commitTs: string) => void;
  most: number;
}

function ListBeside({ everyMs, ...props }: Omit<ListProps, "most"> & { everyMs: number }) {
  const rows = useEvery(props.rows, everyMs);
  return <ReactionList {...props} rows={everyMs === 0 ? props.rows : rows} most={LISTED_BESIDE} />;
}

const ReactionList = memo(function ReactionList({ rows, onChoose, onStop, most }: ListProps) {
  return (
    <section className="card flush">
      <GridTable className="table" aria-label="Queries that ran again">
        <thead>
          <tr>
            <th>When</th>
            <th>Cause</th>
            <th>Touched</th>
            <th>Ran again</th>
            <th>Result</th>
            <th className="right">Took</th>
            <th className="right">Clients</th>
          </tr>
        </thead>
        <tbody>
          {rows
            .slice(-most)
            .reverse()
            .map((row) => (
              <ReactionRow key={row.key} row={row} onChoose={onChoose} onStop={onStop} />
            ))}
        </tbody>
      </GridTable>
    </section>
  );
});

interface RowProps {
  row: Reaction;
  onChoose: (chosen: Chosen) => void;
  onStop: (commitTs: string) => void;
}

/** Drawn again only if the run it waits for has come. */
const ReactionRow = memo(
  function ReactionRow({ row, onChoose, onStop }: RowProps) {
    return (
      <tr
        data-testid="reactivity-row"
        data-cause={row.cause}
        data-table={row.table}
        data-query={row.query}
        data-commit={row.commitTs}
        data-changed={row.changed === null ? "" : String(row.changed)}
      >
        <td className="nowrap">
          <button type="button" className="link" title="Stop at this commit" onClick={() => onStop(row.commitTs)} data-testid="freeze-commit">
            {clock(row.at, true)}
          </button>
        </td>
        <td>
          <button type="button" className="link" onClick={() => onChoose({ lane: 0, label: row.cause })} data-testid="choose-cause">
            {row.cause}
          </button>
        </td>
        <td>
          {row.table} · {row.index}{" "}
          <OfData>{row.range && <code className="muted">{row.range}</code>}</OfData>
        </td>
        <td>
          <button type="button" className="link" onClick={() => onChoose({ lane: 2, label: row.query })} data-testid="choose-query">
            {row.query}
          </button>
        </td>
        <td>
          <Badge kind={row.changed ? "ok" : "plain"}>{row.changed === null ? "…" : row.changed ? "changed" : "same"}</Badge>
        </td>
        <td className="right">{row.runMs === null ? "" : duration(row.runMs)}</td>
        <td className="right">{count(row.sessions)}</td>
      </tr>
    );
  },
  (old, next) => old.row.key === next.row.key && old.row.changed === next.row.changed && old.onChoose === next.onChoose && old.onStop === next.onStop,
);

/** Why a query ran again: its causes, newest first, and what they cost. */
function Why({ query, rows, now, onClose }: { query: string; rows: Reaction[]; now: number; onClose: () => void }) {
  const ran = rows.filter(({ changed }) => changed !== null);
  const wasted = ran.filter(({ changed }) => changed === false);
  // What is told of a run is already for all of its clients.
  const sent = ran.reduce((sum, row) => sum + (row.changed ? row.bytes : 0), 0);
  const worst = worstRange(wasted);
  const lately = ran.filter(({ at }) => at > now - MINUTE_MS).length;
  return (
    <section className="card why" aria-label={`Why ${query} ran again`} data-testid="why-panel">
      <div className="card-head">
        <h2>Why did {query} run again?</h2>
        <button type="button" className="button quiet" onClick={onClose}>
          Close
        </button>
      </div>
      <p>
        {ran.length === 1 ? "Once" : `${count(ran.length)} times`} since this page was opened
        {wasted.length === 0 ? ", and its result was another one each time" : `; ${percent(wasted.length / ran.length)} of that gave the same result, for nothing`}. {bytes(sent)}{" "}
        went to clients. <span data-testid="why-rate" data-rate={lately}>{count(lately)} of these runs were in the last minute.</span>
      </p>
      {worst && (
        <p className="advice-line">
          The range{" "}
          <code>
            {worst.table} {worst.index} {worst.range}
          </code>{" "}
          is hit by <strong>{worst.cause}</strong> without changing the result. If it writes a field this query does not need, move that field
          to a table of its own.
        </p>
      )}
      <ul className="runs" tabIndex={0} aria-label="Causes">
        {rows
          .slice(-CAUSES)
          .reverse()
          .map((row) => (
            <li key={row.key} data-testid="why-row" data-cause={row.cause} data-commit={row.commitTs}>
              <span className="muted" title={`Commit ${row.commitTs}`}>
                {clock(row.at, true)}
              </span>
              <strong>{row.cause}</strong>
              <span>
                wrote <OfData none={row.table}>{row.ids.length > 0 && <code>{row.ids.slice(0, 3).join(", ")}</code>}</OfData> in{" "}
                <code>
                  {row.table} {row.index} {row.range}
                </code>
              </span>
              <span className="grow" />
              <Badge kind={row.changed ? "ok" : "plain"}>{row.changed === null ? "…" : row.changed ? "changed" : "same"}</Badge>
            </li>
          ))}
      </ul>
    </section>
  );
}

function worstRange(wasted: Reaction[]): Reaction | null {
  const counts = new Map<string, { row: Reaction; times: number }>();
  for (const row of wasted) {
    const key = `${row.cause} ${row.table} ${row.index} ${row.range}`;
    const known = counts.get(key) ?? { row, times: 0 };
    known.times++;
    counts.set(key, known);
  }
  return [...counts.values()].sort((a, b) => b.times - a.times)[0]?.row ?? null;
}
