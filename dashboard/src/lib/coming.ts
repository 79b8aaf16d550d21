// The spans of time that the strip of coming load shows: the next hour by minutes, the next day by
// hours.

import type { Coming } from "./system";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** How finely one looks ahead. */
export interface Ahead {
  label: string;
  /** What one bar is about. */
  each: string;
  stepMs: number;
  spans: number;
}

export const AHEAD: readonly Ahead[] = [
  { label: "Next hour", each: "minute", stepMs: MINUTE_MS, spans: 60 },
  { label: "Next day", each: "hour", stepMs: HOUR_MS, spans: 24 },
];

/** The moment from which one counts: it changes with the span, so that the question stays the same within it. */
export const startOf = (now: number, { stepMs }: Ahead) => Math.floor(now / stepMs) * stepMs;

/** The moments between which runs are counted. */
export const edgesOf = (start: number, { stepMs, spans }: Ahead) => Array.from({ length: spans + 1 }, (_, index) => start + index * stepMs);

export interface Bar {
  at: number;
  scheduled: number;
  crons: number;
  total: number;
}

export function barsOf(edges: number[], { scheduled, crons }: Coming): Bar[] {
  return edges.slice(0, -1).map((at, index) => {
    const [waiting, runs] = [scheduled[index] ?? 0, crons[index] ?? 0];
    return { at, scheduled: waiting, crons: runs, total: waiting + runs };
  });
}
