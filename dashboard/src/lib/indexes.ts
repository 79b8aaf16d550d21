// The indexes of a table, and how far those are that are being filled: the live query tells of
// each change of state, the server's events (`index`) of each step in between.

import { useLiveHere, useScope } from "./component";
import { stepKey, useIndexSteps, type IndexStep } from "./stream";
import { system, type IndexInfo } from "./system";

export interface Filling {
  /** `backfilling`, `backfilled` or `ready`. */
  state: string;
  done?: number | null;
  total?: number | null;
}

/** What the share of an index is that is there, in whole percent; null until something was counted. */
export function percent({ done, total }: Filling): number | null {
  if (done === undefined || done === null || !total) return null;
  return Math.min(100, Math.floor((100 * done) / total));
}

/** As told last; of a step that is told and an answer, whichever is further. */
export function latest(known: Filling, step: IndexStep | undefined): Filling {
  if (known.state !== "backfilling" || !step) return known;
  if (step.state !== "backfilling") return { ...known, state: step.state };
  return (step.done ?? 0) >= (known.done ?? 0) ? { ...known, done: step.done, total: step.total ?? known.total } : known;
}

export type FilledIndex = IndexInfo & { filling: Filling };

const STATES: Record<string, string> = { done: "ready" };

function fillingOf({ backfill: { state, stats } }: IndexInfo): Filling {
  return { state: STATES[state] ?? state, done: stats?.numDocsIndexed, total: stats?.totalDocs };
}

export function useIndexes(tableName: string): FilledIndex[] | undefined {
  const { path } = useScope();
  const indexes = useLiveHere(system.indexes, { tableName, tableNamespace: null }).data;
  const steps = useIndexSteps(indexes?.some((index) => index.backfill.state === "backfilling") ?? false);
  return indexes?.map((index) => ({ ...index, filling: latest(fillingOf(index), steps.get(stepKey(path || null, tableName, index.name))) }));
}
