// What a mutation sets off: how many queries run again for one of its commits, for how many
// clients, and how many bytes that sends.

import type { Reaction } from "./reactivity";

export interface Spread {
  min: number;
  median: number;
  max: number;
}

export interface OneCommit {
  commitTs: string;
  at: number;
  queries: number;
  sessions: number;
  bytes: number;
  wasted: number;
}

export interface FanOut {
  /** Newest first. */
  commits: OneCommit[];
  queries: Spread;
  sessions: Spread;
  bytes: Spread;
}

function spread(values: number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0] ?? 0, median: sorted[Math.floor(sorted.length / 2)] ?? 0, max: sorted[sorted.length - 1] ?? 0 };
}

/** Of the commits that made queries run again; others are in no reaction. */
export function fanOut(rows: Reaction[], cause: string): FanOut {
  const byCommit = new Map<string, Map<string, Reaction>>();
  for (const row of rows) {
    if (row.cause !== cause) continue;
    const hits = byCommit.get(row.commitTs) ?? new Map<string, Reaction>();
    // A commit may touch two ranges of one query, which runs again once.
    hits.set(`${row.query} ${row.argsHash}`, row);
    byCommit.set(row.commitTs, hits);
  }
  const commits = [...byCommit].map(([commitTs, hits]): OneCommit => {
    const all = [...hits.values()];
    const sum = (of: (row: Reaction) => number) => all.reduce((total, row) => total + of(row), 0);
    return {
      commitTs,
      at: all[0]!.at,
      queries: all.length,
      sessions: sum(({ sessions }) => sessions),
      bytes: sum(({ changed, bytes }) => (changed ? bytes : 0)),
      wasted: sum(({ changed }) => (changed === false ? 1 : 0)),
    };
  });
  return {
    commits: commits.reverse(),
    queries: spread(commits.map(({ queries }) => queries)),
    sessions: spread(commits.map(({ sessions }) => sessions)),
    bytes: spread(commits.map(({ bytes }) => bytes)),
  };
}
