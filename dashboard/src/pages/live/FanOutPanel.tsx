// What a mutation sets off, commit by commit.

import { useMemo } from "react";
import { GridTable } from "../../components/GridTable";
import { Badge } from "../../components/ui";
import { bytes, clock, count } from "../../lib/format";
import { fanOut, type Spread } from "../../lib/fanout";
import type { Reaction } from "../../lib/reactivity";

const LISTED = 50;

export function FanOutPanel({ cause, rows, onClose }: { cause: string; rows: Reaction[]; onClose: () => void }) {
  const found = useMemo(() => fanOut(rows, cause), [rows, cause]);
  return (
    <section className="card why" aria-label={`What ${cause} sets off`} data-testid="fan-out">
      <div className="card-head">
        <h2>What does {cause} set off?</h2>
        <button type="button" className="button quiet" onClick={onClose}>
          Close
        </button>
      </div>
      <p>
        {found.commits.length === 1 ? "One of its commits" : `${count(found.commits.length)} of its commits`} made queries run again since this page was opened.
      </p>
      <GridTable className="table" aria-label="For each commit">
        <thead>
          <tr>
            <th>A commit</th>
            <th className="right">least</th>
            <th className="right">median</th>
            <th className="right">most</th>
          </tr>
        </thead>
        <tbody>
          <SpreadRow name="makes queries run again" spread={found.queries} format={count} testId="fan-out-queries" />
          <SpreadRow name="for clients" spread={found.sessions} format={count} testId="fan-out-sessions" />
          <SpreadRow name="and sends" spread={found.bytes} format={bytes} testId="fan-out-bytes" />
        </tbody>
      </GridTable>
      <ul className="runs" tabIndex={0} aria-label="Commits">
        {found.commits.slice(0, LISTED).map((one) => (
          <li key={one.commitTs}>
            <span className="muted" title={`Commit ${one.commitTs}`}>
              {clock(one.at, true)}
            </span>
            <span>
              {count(one.queries)} {one.queries === 1 ? "query" : "queries"}, {count(one.sessions)} {one.sessions === 1 ? "client" : "clients"}, {bytes(one.bytes)}
            </span>
            <span className="grow" />
            {one.wasted > 0 && <Badge>{count(one.wasted)} for nothing</Badge>}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface SpreadProps {
  name: string;
  spread: Spread;
  format: (value: number) => string;
  testId: string;
}

function SpreadRow({ name, spread: { min, median, max }, format, testId }: SpreadProps) {
  return (
    <tr data-testid={testId} data-median={median}>
      <td>{name}</td>
      <td className="right">{format(min)}</td>
      <td className="right">{format(median)}</td>
      <td className="right">{format(max)}</td>
    </tr>
  );
}
