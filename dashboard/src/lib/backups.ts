// Backups that the server makes of its data folder, and how they leave it.

import { useCallback, useEffect, useState } from "react";
import { useDeployment } from "./deployment";

export interface Backup {
  name: string;
  bytes: number;
  at: number;
}

export interface Backups {
  folder: string;
  /** The command that makes a data folder of one. */
  everySeconds: number | null;
  keep: number;
  /** The last one, wherever it went. */
  last: { file: string; at: number } | null;
  running: boolean;
  /** What the last one that was taken here failed with. */
  error: string | null;
  backups: Backup[];
}

/** What restoring a backup would give. */
export interface Contents {
  lentil: string;
  /** `component` is its path; null is the app itself. */
  tables: { component: string | null; name: string; rows: number }[];
  files: number;
}

/** What a table has now, and what it would have. */
export interface Difference {
  component: string | null;
  name: string;
  now: number;
  after: number;
}

/** What tables have now: numbers of rows by name, of each component. */
export type Sizes = { component: string | null; sizes: Readonly<Record<string, number | undefined>> }[];

/** What changes most comes first. */
export function differences(now: Sizes, { tables }: Contents): Difference[] {
  const rows = new Map<string, Difference>();
  const of = (component: string | null, name: string) => {
    const key = JSON.stringify([component, name]);
    const row = rows.get(key) ?? { component, name, now: 0, after: 0 };
    rows.set(key, row);
    return row;
  };
  for (const { component, sizes } of now) for (const [name, size] of Object.entries(sizes)) if (size !== undefined) of(component, name).now = size;
  for (const { component, name, rows } of tables) of(component, name).after = rows;
  const change = (row: Difference) => Math.abs(row.after - row.now);
  const place = (row: Difference) => `${row.component ?? ""}/${row.name}`;
  return [...rows.values()].sort((a, b) => change(b) - change(a) || place(a).localeCompare(place(b)));
}

/** The line that makes a data folder of a backup. */
export const restoreCommand = (path: string) => `lentil restore ${/[^\w@%+=:,./<>-]/.test(path) ? `'${path.replaceAll("'", "'\\''")}'` : path} --data new-data`;

const IDLE_MS = 10_000;
const BUSY_MS = 500;

export function useBackups(): { data: Backups | null; error: Error | null; reload: () => void } {
  const { http } = useDeployment();
  const [state, setState] = useState<{ data: Backups | null; error: Error | null }>({ data: null, error: null });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const busy = state.data?.running ?? false;
  useEffect(() => {
    const stop = new AbortController();
    const load = () =>
      http.get<Backups>("/api/backups", stop.signal).then(
        (data) => setState({ data, error: null }),
        (error: Error) => !stop.signal.aborted && setState((old) => ({ ...old, error })),
      );
    void load();
    const timer = window.setInterval(() => void load(), busy ? BUSY_MS : IDLE_MS);
    return () => {
      stop.abort();
      window.clearInterval(timer);
    };
  }, [http, busy, round]);
  return { ...state, reload };
}
