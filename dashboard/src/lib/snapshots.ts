// What there is on the server, asked for again and again while a page looks: one request for all
// pages; and, while the live pages are open, what there was in the last minutes.

import { useEffect, useMemo, useSyncExternalStore } from "react";
import { useDeployment } from "./deployment";
import type { AdminHttp } from "./http";
import type { Moment } from "./moment";
import { WINDOW_MS } from "./moment";
import { feedsOf, type Snapshot } from "./stream";

const OFTEN_MS = 1_500;
/** While only the past is to be there later. */
const SELDOM_MS = 5_000;
/** Of a server with thousands of subscriptions a snapshot is large, and fewer of them are kept. */
const CHARACTERS_MAX = 24_000_000;

export interface Taken {
  /** Server time, ms. */
  at: number;
  snapshot: Snapshot;
  characters: number;
}

/** Adds one; lets go of what is too old, and of every second one when they are too much. */
export function kept(before: Taken[], next: Taken, most = CHARACTERS_MAX): Taken[] {
  const all = [...before.filter(({ at }) => at >= next.at - WINDOW_MS - 2 * SELDOM_MS), next];
  const sum = all.reduce((total, { characters }) => total + characters, 0);
  return sum <= most ? all : all.filter((_, index) => (all.length - 1 - index) % 2 === 0);
}

/** The last that was taken by a moment. */
export const takenBy = (all: Taken[], until: number): Snapshot | null => all.findLast(({ at }) => at <= until)?.snapshot ?? null;

interface Wish {
  everyMs: number;
  /** The past is wanted as well. */
  past: boolean;
}

class Snapshots {
  all: Taken[] = [];
  error: Error | null = null;
  version = 0;
  private wishes = new Map<object, Wish>();
  private listeners = new Set<() => void>();
  private stop: AbortController | null = null;
  private timer = 0;

  constructor(private readonly http: AdminHttp) {}

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  want(wish: Wish): () => void {
    const key = {};
    this.wishes.set(key, wish);
    if (!this.stop) void this.load((this.stop = new AbortController()));
    else if (wish.everyMs === OFTEN_MS) this.schedule(this.stop);
    return () => {
      this.wishes.delete(key);
      if (this.wishes.size > 0) return;
      this.stop?.abort();
      this.stop = null;
      window.clearTimeout(this.timer);
    };
  }

  private async load(stop: AbortController) {
    try {
      const text = await (await this.http.request("/api/introspection/v1/snapshot", { signal: stop.signal })).text();
      const next = { at: feedsOf(this.http).all.now(), snapshot: JSON.parse(text) as Snapshot, characters: text.length };
      this.all = [...this.wishes.values()].some(({ past }) => past) ? kept(this.all, next) : [next];
      this.error = null;
    } catch (error) {
      if (stop.signal.aborted) return;
      this.error = error as Error;
    }
    this.version++;
    for (const listener of this.listeners) listener();
    this.schedule(stop);
  }

  private schedule(stop: AbortController) {
    if (stop.signal.aborted) return;
    window.clearTimeout(this.timer);
    const everyMs = Math.min(...[...this.wishes.values()].map((wish) => wish.everyMs));
    this.timer = window.setTimeout(() => void this.load(stop), everyMs);
  }
}

const known = new WeakMap<AdminHttp, Snapshots>();

function useSnapshots(wanted: boolean, everyMs: number, past: boolean): Snapshots {
  const { http } = useDeployment();
  const snapshots = useMemo(() => {
    let own = known.get(http);
    if (!own) known.set(http, (own = new Snapshots(http)));
    return own;
  }, [http]);
  useEffect(() => (wanted ? snapshots.want({ everyMs, past }) : undefined), [snapshots, wanted, everyMs, past]);
  useSyncExternalStore(snapshots.subscribe, () => snapshots.version);
  return snapshots;
}

export interface Seen {
  snapshot: Snapshot | null;
  error: Error | null;
}

/** What there is right now. */
export function useSnapshot(wanted = true): Seen {
  const { all, error } = useSnapshots(wanted, OFTEN_MS, false);
  return { snapshot: all[all.length - 1]?.snapshot ?? null, error };
}

/** What there was at the moment that is shown; nothing if that was not noted. */
export function useSnapshotAt({ until }: Moment): Seen & { noted: boolean } {
  const { all, error } = useSnapshots(true, OFTEN_MS, true);
  return { snapshot: takenBy(all, until), error, noted: all.length > 0 };
}

/** Notes what there is for as long as a page is open, so that one can go back to it. */
export const useNoting = () => void useSnapshots(true, SELDOM_MS, true);
