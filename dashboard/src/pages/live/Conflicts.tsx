// Which mutation lost against which: a matrix, and the last conflicts one by one.

import { memo, useDeferredValue, useMemo } from "react";
import { GridTable } from "../../components/GridTable";
import { OfData } from "../../components/NeedsRight";
import { Badge, Empty } from "../../components/ui";
import { clock, dateTime, duration } from "../../lib/format";
import { replayOf, type Bar } from "../../lib/replay";
import { useFeed, type Conflict } from "../../lib/stream";
import type { ViewProps } from "./Live";

const UNKNOWN = "somebody else";
const LISTED = 40;

interface Cell {
  retried: number;
  failed: number;
}

function matrix(conflicts: Conflict[]) {
  const cells = new Map<string, Cell>();
  const names = new Set<string>();
  for (const { loser, winner, outcome } of conflicts) {
    const won = winner.path ?? UNKNOWN;
    names.add(loser.path).add(won);
    const key = `${loser.path}\n${won}`;
    const cell = cells.get(key) ?? { retried: 0, failed: 0 };
    cell[outcome === "failed" ? "failed" : "retried"]++;
    cells.set(key, cell);
  }
  return { cells, names: [...names].sort() };
}

export function Conflicts({ moment }: ViewProps) {
  const { conflicts } = useFeed("all").upTo(moment.until);
  // Drawn when there is time, so that no frame waits for all of it.
  return <Shown conflicts={useDeferredValue(conflicts)} live={moment.live} />;
}

const Shown = memo(function Shown({ conflicts, live }: { conflicts: Conflict[]; live: boolean }) {
  const { cells, names } = useMemo(() => matrix(conflicts), [conflicts]);
  if (conflicts.length === 0) {
    return (
      <Empty title={live ? "No conflicts since this page was opened" : "No conflicts by then"}>
        When two mutations change what the other has read, one of them runs again. It shows up here.
      </Empty>
    );
  }
  const high = Math.max(...[...cells.values()].map(({ retried, failed }) => retried + failed));
  return (
    <>
      <section className="card flush scroll-x">
        <GridTable className="table matrix" aria-label="Conflicts: rows lost, columns won">
          <thead>
            <tr>
              <th>lost ↓ won →</th>
              {names.map((name) => (
                <th key={name}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map((loser) => (
              <tr key={loser}>
                <th scope="row">{loser}</th>
                {names.map((winner) => {
                  const cell = cells.get(`${loser}\n${winner}`);
                  const total = cell ? cell.retried + cell.failed : 0;
                  return (
                    <td key={winner} className="right" data-testid="conflict-cell" data-loser={loser} data-winner={winner} data-count={total}>
                      {cell && (
                        <span className="heat" style={{ "--glow": total / high } as React.CSSProperties}>
                          {cell.retried}
                          {cell.failed > 0 && <em> / {cell.failed} failed</em>}
                        </span>
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </GridTable>
      </section>
      <section className="card flush">
        <div className="card-head">
          <h2>The last ones</h2>
          <span className="legend">
            <i className="swatch won" /> ran and was committed <i className="swatch lost" /> ran for nothing
          </span>
        </div>
        <ul className="runs conflict-list">
          {conflicts
            .slice(-LISTED)
            .reverse()
            .map((one) => (
              <ConflictRow key={one.seq} conflict={one} />
            ))}
        </ul>
      </section>
      <p className="muted">
        A document that everybody changes, such as a counter, is where conflicts come from: spread it over several documents and add them
        up when reading, or change it in fewer places.
      </p>
    </>
  );
});

/** Both runs over the same time; a line where the winner committed what the other had read. */
function Times({ conflict }: { conflict: Conflict }) {
  const { loser, winner, committed, ms } = replayOf(conflict);
  const bar = (kind: string, { left, width }: Bar) => <i className={kind} style={{ left: `${left}%`, width: `${width}%` }} data-testid={`replay-${kind}`} />;
  const text = `${conflict.loser.path} ran ${duration(conflict.loser.ranMs ?? 0)}${winner ? `, ${conflict.winner.path ?? UNKNOWN} ${duration(conflict.winner.ranMs ?? 0)}` : ""}`;
  return (
    <span className="replay" role="img" aria-label={text} title={`${text}; ${duration(ms)} in all`}>
      {winner && bar("won", winner)}
      {bar("lost", loser)}
      {committed !== null && <b style={{ left: `${Math.min(committed, 99.5)}%` }} />}
    </span>
  );
}

const ConflictRow = memo(function ConflictRow({ conflict }: { conflict: Conflict }) {
  const { t, loser, winner, table, index, docId, outcome } = conflict;
  return (
    <li data-testid="conflict-row" data-outcome={outcome}>
      <Badge kind={outcome === "failed" ? "error" : "warn"}>{outcome}</Badge>
      <span>
        <strong>{loser.path}</strong>
        {loser.attempt ? ` (attempt ${loser.attempt})` : ""} lost to <strong>{winner.path ?? UNKNOWN}</strong>
      </span>
      <span className="muted">
        {table} · {index} <OfData>{docId && <code>{docId}</code>}</OfData>
      </span>
      <span className="grow" />
      <Times conflict={conflict} />
      <time dateTime={new Date(t).toISOString()} title={dateTime(t)}>
        {clock(t)}
      </time>
    </li>
  );
});
