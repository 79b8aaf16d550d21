// Numbers the server has kept for longer than the last hour: seconds for minutes, hours for months.

import { useEffect, useState } from "react";
import { useDeployment } from "./deployment";
import type { Series } from "./metrics";
import type { Range } from "./range";

type Points = [number, number | null][];

interface Answer {
  step: number;
  points?: Points;
  series?: Record<string, Points>;
}

interface Asked {
  metric: string;
  /** One series a kind of function. */
  byKind?: boolean;
  label?: string;
  /** A count of a step becomes a rate a second; steps without calls are zero. */
  rate?: boolean;
}

/** Every step of the range, so that the chart is as long as what was asked for. */
function shape(points: Points, step: number, [from, to]: [number, number], rate: boolean): Series["points"] {
  const known = new Map(points.map(([secs, value]) => [Math.floor(secs / step) * step, value]));
  const filled: Series["points"] = [];
  // The last step is not over, and half of it would look like a fall.
  for (let secs = Math.ceil(from / step) * step; secs + step <= to; secs += step) {
    const value = known.get(secs) ?? null;
    filled.push([secs * 1000, rate ? (value ?? 0) / step : value]);
  }
  return filled;
}

const ORDER = ["query", "mutation", "action", "http"];
const inOrder = ([a]: [string, Points], [b]: [string, Points]) => ORDER.indexOf(a) - ORDER.indexOf(b);

const FASTEST_MS = 2_000;

/** A stored metric over a range, asked for again as often as it gets new points. */
export function useSeries({ metric, byKind = false, label = metric, rate = false }: Asked, range: Range) {
  const { http } = useDeployment();
  const [state, setState] = useState<{ series: Series[] | undefined; error: Error | undefined }>({ series: undefined, error: undefined });
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    setState({ series: undefined, error: undefined });
    const load = async () => {
      const now = Math.floor(Date.now() / 1000);
      const from = now - range.seconds;
      const query = new URLSearchParams({ metric, from: String(from), to: String(now), step: String(range.step), ...(byKind ? { by: "kind" } : {}) });
      try {
        const answer = await http.get<Answer>(`/api/introspection/v1/series?${query}`, stop.signal);
        const lines = answer.series ? Object.entries(answer.series).sort(inOrder) : [[label, answer.points ?? []] as const];
        setState({ series: lines.map(([name, points]) => ({ name, points: shape(points, answer.step, [from, now], rate) })), error: undefined });
      } catch (error) {
        if (stop.signal.aborted) return;
        setState((old) => ({ ...old, error: error as Error }));
      }
      timer = window.setTimeout(() => void load(), Math.max(FASTEST_MS, range.step * 1000));
    };
    void load();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [http, metric, byKind, label, rate, range]);
  return state;
}
