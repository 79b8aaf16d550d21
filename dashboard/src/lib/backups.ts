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
  tables: { name: string; rows: number }[];
  files: number;
}

/** What a table has now, and what it would have. */
export interface Difference {
  name: string;
  now: number;
  after: number;
}

/** What changes most comes first. */
export function differences(now: Record<string, number>, { tables }: Contents): Difference[] {
  const after = new Map(tables.map(({ name, rows }) => [name, rows]));
  const names = [...new Set([...Object.keys(now).filter((name) => !name.startsWith("_")), ...after.keys()])];
  const rows = names.map((name) => ({ name, now: now[name] ?? 0, after: after.get(name) ?? 0 }));
  const change = (row: Difference) => Math.abs(row.after - row.now);
  return rows.sort((a, b) => change(b) - change(a) || a.name.localeCompare(b.name));
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
