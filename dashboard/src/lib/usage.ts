// What functions, tables and indexes were used for, by day, as the server adds it up.

import { useEffect, useState } from "react";
import { useDeployment } from "./deployment";
import type { AdminHttp } from "./http";

export interface UsageDay {
  /** When it began (UTC); ms. */
  day: number;
  /** By `Query messages:list`: calls, errors, microseconds, documents and bytes read, the same written, bytes returned. */
  functions: Record<string, number[]>;
  /** Documents and bytes read, documents inserted, updated, deleted. */
  tables: Record<string, number[]>;
  /** Look-ups by `table.index`. */
  indexes: Record<string, number>;
}

const REFRESH_MS = 30_000;

export async function loadUsage(http: AdminHttp, days: number, signal?: AbortSignal): Promise<UsageDay[]> {
  return (await http.get<{ days: UsageDay[] }>(`/api/introspection/v1/usage?days=${days}`, signal)).days;
}

export function useUsage(days: number): { usage: UsageDay[] | null; error: Error | null } {
  const { http } = useDeployment();
  const [state, setState] = useState<{ usage: UsageDay[] | null; error: Error | null }>({ usage: null, error: null });
  useEffect(() => {
    const stop = new AbortController();
    const load = () =>
      loadUsage(http, days, stop.signal).then(
        (usage) => setState({ usage, error: null }),
        (error: Error) => !stop.signal.aborted && setState((old) => ({ ...old, error })),
      );
    void load();
    const timer = window.setInterval(() => void load(), REFRESH_MS);
    return () => {
      stop.abort();
      window.clearInterval(timer);
    };
  }, [http, days]);
  return state;
}

/** Rows of a kind, by name, with the sums of some days. */
export function sums(days: UsageDay[], kind: "functions" | "tables"): [string, number[]][] {
  const all = new Map<string, number[]>();
  for (const day of days) {
    for (const [name, cells] of Object.entries(day[kind])) {
      const sum = all.get(name) ?? new Array<number>(cells.length).fill(0);
      all.set(name, sum.map((value, at) => value + (cells[at] ?? 0)));
    }
  }
  return [...all];
}

/** Indexes that were there `days` ago and that nobody has looked anything up in since. */
export function unusedIndexes(usage: UsageDay[], days: number, now = Date.now()): Set<string> {
  const long = usage.filter(({ day }) => day <= now - days * 86_400_000);
  const known = new Set(long.flatMap(({ indexes }) => Object.keys(indexes)));
  for (const { indexes } of usage) for (const [name, lookups] of Object.entries(indexes)) if (lookups > 0) known.delete(name);
  return known;
}
