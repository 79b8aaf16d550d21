// The commit at which the reactivity view stands still: who made it, and what it set off.

import { Button } from "../../components/ui";
import { bytes, clock, count } from "../../lib/format";
import type { Reaction } from "../../lib/reactivity";

export function FrozenCommit({ rows, onGoOn }: { rows: Reaction[]; onGoOn: () => void }) {
  const [first] = rows;
  if (!first) return null;
  // A commit may touch two ranges of one query, which runs again once.
  const runs = [...new Map(rows.map((row) => [`${row.query} ${row.argsHash}`, row])).values()];
  const sum = (of: (row: Reaction) => number) => runs.reduce((total, row) => total + of(row), 0);
  const wasted = sum(({ changed }) => (changed === false ? 1 : 0));
  const clients = sum(({ sessions }) => sessions);
  const sent = sum(({ changed, bytes: size }) => (changed ? size : 0));
  return (
    <div className="banner frozen" role="status" data-testid="frozen-commit" data-commit={first.commitTs}>
      <span>
        Stopped at the commit of <strong>{first.cause}</strong> at <span title={`Commit ${first.commitTs}`}>{clock(first.at, true)}</span>: it made {count(runs.length)}{" "}
        {runs.length === 1 ? "query" : "queries"} run again{wasted > 0 && `, ${count(wasted)} for nothing`}, for {count(clients)} {clients === 1 ? "client" : "clients"}, and sent {bytes(sent)}.
      </span>
      <Button onClick={onGoOn} data-testid="frozen-go-on">
        Go on live
      </Button>
    </div>
  );
}
