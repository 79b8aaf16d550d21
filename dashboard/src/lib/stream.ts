// The server's live events (C4) as they arrive: one connection for all pages that look, rings of
// the newest of each kind, and at most a few redraws a second.

import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useDeployment } from "./deployment";
import type { AdminHttp } from "./http";

export const KINDS = ["query", "mutation", "action", "http"] as const;
export type Kind = (typeof KINDS)[number];

interface Base {
  seq: number;
  t: number;
}

export interface Tick extends Base {
  type: "tick";
  /** All counts are those of this one second. */
  perKind: Record<Kind, { started: number; ok: number; failed: number }>;
  cache: { hit: number; miss: number };
  occ: { retried: number; failed: number };
  io: Record<string, number>;
  live: { sessions: number; subscriptions: number; distinctQueries: number };
  /** Calls of the last second by logarithmic bucket. */
  latency: Partial<Record<Kind, number[]>>;
  store: { bytes: number; walBytes?: number; cacheBytes?: number };
  schedulerLagMs?: number;
}

export interface Cause {
  execId?: string | null;
  path: string | null;
}

export interface Hit {
  query: string;
  argsHash: string;
  argsPreview?: string | null;
  table: string | null;
  index: string | null;
  rangeText: string | null;
  docId?: string | null;
  /** Who watches it. */
  count: number;
}

export interface Invalidate extends Base {
  type: "invalidate";
  commitTs: string;
  cause: Cause;
  hits: Hit[];
  total: number;
  truncated?: boolean;
}

export interface Rerun extends Base {
  type: "rerun";
  query: string;
  argsHash: string;
  becauseCommitTs: string;
  runMs: number;
  changed: boolean;
  bytesOut: number;
  sessions: number;
}

export interface Conflict extends Base {
  type: "conflict";
  table: string;
  index: string;
  docId?: string | null;
  loser: { execId?: string | null; path: string; attempt?: number; ranMs?: number };
  winner: { execId?: string | null; path: string | null; commitTs?: string | null; ranMs?: number | null };
  outcome: "retried" | "failed";
}

export interface Commit extends Base {
  type: "commit";
  ts: string;
  path: string | null;
  tables: { table: string; ins: number; upd: number; del: number; ids?: string[] }[];
  bytes: number;
}

export interface Exec extends Base {
  type: "exec";
  execId: string;
  parent?: string | null;
  path: string;
  /** The path of its component, unless it is the app itself. */
  component?: string | null;
  kind: string;
  caller: string;
  start: number;
  queueMs: number;
  runMs: number;
  commitMs: number;
  totalMs: number;
  cached: boolean;
  ok: boolean;
  attempt: number;
  reads: { table: string; index: string; docs: number; bytes: number; ranges: number }[];
  writes: { table: string; ins: number; upd: number; del: number }[];
}

/** A step of filling an index. */
export interface IndexStep extends Base {
  type: "index";
  component: string | null;
  table: string;
  index: string;
  state: string;
  done: number | null;
  total: number | null;
}

/** `component` is its path; null is the root app. */
export const stepKey = (component: string | null | undefined, table: string, index: string) =>
  JSON.stringify([component ?? null, table, index]);

export type LiveEvent = Tick | Exec | Invalidate | Rerun | Conflict | Commit | IndexStep | (Base & { type: "hello" | "gap" | "other"; lost?: number });

const RING = { exec: 4000, tick: 300, invalidate: 1500, rerun: 3000, conflict: 800, commit: 1500 };
const TOPICS = ["tick", "invalidate", "rerun", "conflict", "commit"];
const REDRAW_MS = 120;
const RETRY_MS = 1_500;

export class Feed {
  ticks: Tick[] = [];
  invalidates: Invalidate[] = [];
  reruns: Rerun[] = [];
  conflicts: Conflict[] = [];
  commits: Commit[] = [];
  execs: Exec[] = [];
  /** The newest of each index. */
  indexes: ReadonlyMap<string, IndexStep> = new Map();
  lost = 0;
  /** Whether events come: what happens from now on is seen. */
  open = false;
  error: Error | null = null;
  version = 0;
  private listeners = new Set<() => void>();
  private stop: AbortController | null = null;
  private redraw = 0;

  constructor(
    private readonly http: AdminHttp,
    private readonly topics: string[],
  ) {}

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    if (!this.stop) void this.run((this.stop = new AbortController()));
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) {
        this.stop?.abort();
        this.stop = null;
      }
    };
  };

  private tell() {
    if (this.redraw) return;
    this.redraw = window.setTimeout(() => {
      this.redraw = 0;
      this.version++;
      for (const listener of this.listeners) listener();
    }, REDRAW_MS);
  }

  private async run(stop: AbortController) {
    while (!stop.signal.aborted) {
      try {
        await this.read(stop.signal);
      } catch (error) {
        if (stop.signal.aborted) return;
        this.error = error as Error;
        this.tell();
      }
      if (!stop.signal.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  private async read(signal: AbortSignal) {
    this.open = false;
    const response = await this.http.request(`/api/introspection/v1/events?topics=${this.topics.join(",")}`, { signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    this.error = null;
    for (let rest = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (line.trim()) this.take(JSON.parse(line) as LiveEvent);
      this.tell();
    }
  }

  private take(event: LiveEvent) {
    switch (event.type) {
      case "tick":
        return push(this.ticks, event, RING.tick);
      case "invalidate":
        return push(this.invalidates, event, RING.invalidate);
      case "rerun":
        return push(this.reruns, event, RING.rerun);
      case "conflict":
        return push(this.conflicts, event, RING.conflict);
      case "commit":
        return push(this.commits, event, RING.commit);
      case "exec":
        return push(this.execs, event, RING.exec);
      case "index":
        this.indexes = new Map(this.indexes).set(stepKey(event.component, event.table, event.index), event);
        return;
      case "hello":
        this.open = true;
        // Of indexes that were filled since it was last looked nothing is known.
        this.indexes = new Map();
        return;
      case "gap":
        this.lost += event.lost ?? 0;
    }
  }
}

function push<T>(ring: T[], item: T, max: number) {
  ring.push(item);
  // In bulk, because shifting a long list for each event is what makes a busy page slow.
  if (ring.length > max * 1.2) ring.splice(0, ring.length - max);
}

const feeds = new WeakMap<AdminHttp, Record<"ticks" | "all" | "execs" | "indexes", Feed>>();

function feedOf(http: AdminHttp, which: "ticks" | "all" | "execs" | "indexes"): Feed {
  let own = feeds.get(http);
  if (!own) {
    own = { ticks: new Feed(http, ["tick"]), all: new Feed(http, TOPICS), execs: new Feed(http, ["exec"]), indexes: new Feed(http, ["index"]) };
    feeds.set(http, own);
  }
  return own[which];
}

/** The events of the deployment; with `ticks` only the numbers of each second, with `execs` every call. */
export function useFeed(which: "ticks" | "all" | "execs"): Feed {
  const { http } = useDeployment();
  const feed = feedOf(http, which);
  useSyncExternalStore(feed.subscribe, () => feed.version);
  return feed;
}

const NOT_LISTENING = () => () => undefined;

/** The newest step of each index, by `stepKey`; nothing is asked for unless something is `filling`. */
export function useIndexSteps(filling: boolean): ReadonlyMap<string, IndexStep> {
  const { http, has } = useDeployment();
  const feed = feedOf(http, "indexes");
  useSyncExternalStore(filling && has("introspection") ? feed.subscribe : NOT_LISTENING, () => feed.version);
  return feed.indexes;
}

export interface SubscriptionGroup {
  group: string;
  query: string;
  argsHash: string;
  argsPreview: string | null;
  /** The sessions that watch it; `watchers` says how many there are. */
  sessions: number[];
  watchers: number;
  readSet: { table: string; index: string; rangeText: string }[];
  reruns1m: number;
  unchangedReruns1m: number;
  bytesOut1m: number;
  lastRerun?: number | null;
}

export interface IndexStats {
  name: string;
  fields: string[] | string;
  kind?: string;
  entries?: number | null;
  bytes?: number | null;
  state: string;
  /** Of an index that is being filled: documents that are in it, and that there are. */
  done?: number | null;
  total?: number | null;
  lookups1m: number;
  rowsScanned1m: number;
  rowsReturned1m: number;
  lastUsed?: number | null;
}

export interface TableStats {
  component?: string | null;
  name: string;
  docs: number;
  bytes: number;
  reads1m: number;
  writes1m: number;
  indexes: IndexStats[];
}

export interface FunctionStats {
  path: string;
  kind: string;
  calls1m: number;
  hit1m: number;
  p50: number | null;
  p95: number | null;
  errors1m: number;
  conflicts1m?: number;
  /** Mutations that were given up after conflicts. */
  conflictFailures1m?: number;
  mostDocsRead?: number;
  mostBytesRead?: number;
}

export interface SessionInfo {
  sessionId: number;
  client?: string | null;
  identityKind?: string | null;
  since?: number;
}

export interface Snapshot {
  sessions: SessionInfo[];
  subscriptions: SubscriptionGroup[];
  tables: TableStats[];
  functions: FunctionStats[];
  schedulerLagMs?: number;
}

const SNAPSHOT_MS = 1_500;

/** What there is right now, asked for again and again while a page looks. */
export function useSnapshot(paused = false): { snapshot: Snapshot | null; error: Error | null } {
  const { http } = useDeployment();
  const [state, setState] = useState<{ snapshot: Snapshot | null; error: Error | null }>({ snapshot: null, error: null });
  const isPaused = useRef(paused);
  isPaused.current = paused;
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const load = async () => {
      try {
        const snapshot = isPaused.current ? null : await http.get<Snapshot>("/api/introspection/v1/snapshot", stop.signal);
        if (snapshot) setState({ snapshot, error: null });
      } catch (error) {
        if (stop.signal.aborted) return;
        setState((old) => ({ ...old, error: error as Error }));
      }
      timer = window.setTimeout(() => void load(), SNAPSHOT_MS);
    };
    void load();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [http]);
  return state;
}

const FIRST_MS = 0.1;
const LAST_MS = 60_000;
export const BUCKETS = 40;

/** The upper bound of a latency bucket. */
export const bucketMs = (bucket: number) => FIRST_MS * (LAST_MS / FIRST_MS) ** (bucket / (BUCKETS - 1));

/** The percentile of counts by bucket, in ms; null without any. */
export function percentile(counts: number[], share: number): number | null {
  const total = counts.reduce((sum, value) => sum + value, 0);
  if (total === 0) return null;
  let seen = 0;
  for (const [bucket, value] of counts.entries()) {
    seen += value;
    if (seen >= total * share) return bucketMs(bucket);
  }
  return LAST_MS;
}

export function allLatency(tick: Tick): number[] {
  const sum = new Array<number>(BUCKETS).fill(0);
  for (const counts of Object.values(tick.latency)) counts?.forEach((value, bucket) => (sum[bucket] = (sum[bucket] ?? 0) + value));
  return sum;
}

export interface Second {
  t: number;
  calls: Record<Kind, number>;
  failed: number;
  total: number;
  hits: number;
  queries: number;
  retried: number;
  conflicts: number;
  latency: number[];
  tick: Tick;
}

/** A tick as the charts want it. */
function secondOf(tick: Tick): Second {
  const calls = {} as Record<Kind, number>;
  let failed = 0;
  for (const kind of KINDS) {
    const counts = tick.perKind[kind];
    calls[kind] = counts.ok + counts.failed;
    failed += counts.failed;
  }
  return {
    t: tick.t,
    calls,
    failed,
    total: KINDS.reduce((sum, kind) => sum + calls[kind], 0),
    hits: tick.cache.hit,
    queries: tick.cache.hit + tick.cache.miss,
    retried: tick.occ.retried,
    conflicts: tick.occ.failed,
    latency: allLatency(tick),
    tick,
  };
}

const seconds = new WeakMap<Tick, Second>();

export function perSecond(ticks: Tick[]): Second[] {
  return ticks.map((tick) => {
    let second = seconds.get(tick);
    if (!second) seconds.set(tick, (second = secondOf(tick)));
    return second;
  });
}
