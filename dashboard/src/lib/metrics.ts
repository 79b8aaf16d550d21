// The charts' numbers of the last hour (A3, `/api/app_metrics`).

import { useEffect, useState } from "react";
import { useDeployment } from "./deployment";
import { timeWindow } from "./window";

export interface Series {
  name: string;
  /** [ms, value] */
  points: [number, number | null][];
}

type RawSeries = [{ secs_since_epoch: number; nanos_since_epoch: number }, number | null][];

const REFRESH_MS = 8_000;
const HOUR_S = 3_600;

const points = (raw: RawSeries): Series["points"] =>
  raw.map(([at, value]) => [at.secs_since_epoch * 1000 + at.nanos_since_epoch / 1e6, value]);

/** Every shape of A3's answers as a list of named series. */
export function toSeries(answer: unknown, name = ""): Series[] {
  if (Array.isArray(answer)) {
    const first = answer[0] as unknown[] | undefined;
    if (!first) return [];
    const single = typeof first[0] === "object" && first[0] !== null;
    if (single) return [{ name, points: points(answer as RawSeries) }];
    return (answer as [string | number, RawSeries][]).map(([key, raw]) => ({ name: String(key), points: points(raw) }));
  }
  if (answer && typeof answer === "object") {
    return Object.entries(answer).map(([key, raw]) => ({ name: key, points: points(raw as RawSeries) }));
  }
  return [];
}

interface Metric {
  series: Series[] | undefined;
  error: Error | undefined;
}

/** A metric that is asked for again every few seconds while it is shown. */
export function useMetric(name: string, query: Record<string, string>, { label = "", seconds = HOUR_S, refreshMs = REFRESH_MS } = {}): Metric {
  const { http } = useDeployment();
  const [state, setState] = useState<Metric>({ series: undefined, error: undefined });
  const key = JSON.stringify(query);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const load = async () => {
      const search = new URLSearchParams({ ...(JSON.parse(key) as Record<string, string>), window: timeWindow(seconds) });
      try {
        const answer = await http.get<unknown>(`/api/app_metrics/${name}?${search}`, stop.signal);
        setState({ series: toSeries(answer, label), error: undefined });
      } catch (error) {
        if (stop.signal.aborted) return;
        setState((old) => ({ ...old, error: error as Error }));
      }
      timer = window.setTimeout(() => void load(), refreshMs);
    };
    void load();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [http, name, key, label, seconds, refreshMs]);
  return state;
}

/** `{"path":"a.js:b"}`-like keys, JSON or plain, as people write functions. */
export function functionLabel(key: string): string {
  if (key === "_rest") return "all others";
  try {
    const parsed = JSON.parse(key) as Record<string, unknown>;
    const path = parsed.path ?? parsed.udf_path ?? parsed.udfPath;
    if (typeof path === "string") return path.replace(/\.js:/, ":");
  } catch {
    // Plain text.
  }
  return key.replace(/\.js:/, ":");
}
