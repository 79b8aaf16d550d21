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
