// The server's live events (C4) as they arrive: one connection for all pages that look, rings of
// the newest of each kind, and at most a few redraws a second.

import { useSyncExternalStore } from "react";
import { useDeployment } from "./deployment";
import type { AdminHttp } from "./http";
import type { Sought } from "./missing";
import { WINDOW_MS } from "./moment";
import { Ring } from "./ring";

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

export type LiveEvent = Tick | Exec | Invalidate | Rerun | Conflict | Commit | IndexStep | (Base & { type: "hello" | "gap" | "other"; lost?: number; serverTime?: number });

/** So many of each kind are looked at. */
const SHOWN = { tick: 300, invalidate: 1500, rerun: 3000, conflict: 800, commit: 1500 };
/** So many are kept to go back to: five minutes, or less on a server that is busy all the time. */
const KEPT = { exec: 4000, tick: 620, invalidate: 15_000, rerun: 20_000, conflict: 8_000, commit: 15_000 };
/** The clock of the server is told by the ticks that came with the least delay. */
const DELAYS = 30;
const TOPICS = ["tick", "invalidate", "rerun", "conflict", "commit"];
const REDRAW_MS = 120;
const RETRY_MS = 1_500;

/** What had come by a moment, the newest of each kind. */
export interface Past {
  until: number;
  ticks: Tick[];
  invalidates: Invalidate[];
  reruns: Rerun[];
  conflicts: Conflict[];
  commits: Commit[];
}

/** A time during which events came; `to` is null while they do. */
export interface Span {
  from: number;
  to: number | null;
}

export class Feed {
  readonly rings = {
    tick: new Ring<Tick>(KEPT.tick),
    invalidate: new Ring<Invalidate>(KEPT.invalidate),
    rerun: new Ring<Rerun>(KEPT.rerun),
    conflict: new Ring<Conflict>(KEPT.conflict),
    commit: new Ring<Commit>(KEPT.commit),
    exec: new Ring<Exec>(KEPT.exec),
  };
  spans: Span[] = [];
  /** The newest of each index. */
  indexes: ReadonlyMap<string, IndexStep> = new Map();
  lost = 0;
  /** Whether events come: what happens from now on is seen. */
  open = false;
  error: Error | null = null;
  version = 0;
  private delays: number[] = [];
  private listeners = new Set<() => void>();
  private stop: AbortController | null = null;
  private redraw = 0;
  /** What is live, and what had come by another moment: both may be looked at. */
  private pasts = new Map<boolean, { counts: string; past: Past }>();

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

  /** The server's clock. */
  now = () => Date.now() - (this.delays.length ? Math.min(...this.delays) : 0);

  get ticks() {
    return this.upTo(Infinity).ticks;
  }

  get execs() {
    return this.rings.exec.items;
  }

  /** The same object for as long as nothing more has come by that moment. */
  upTo(until: number): Past {
    const { tick, invalidate, rerun, conflict, commit } = this.rings;
    const counts = [tick, invalidate, rerun, conflict, commit].map((ring) => ring.countUntil(until));
    const key = counts.join();
    const known = this.pasts.get(until === Infinity);
    if (known?.counts === key) return known.past;
    const past = {
      until,
      ticks: tick.last(counts[0]!, SHOWN.tick),
      invalidates: invalidate.last(counts[1]!, SHOWN.invalidate),
      reruns: rerun.last(counts[2]!, SHOWN.rerun),
      conflicts: conflict.last(counts[3]!, SHOWN.conflict),
      commits: commit.last(counts[4]!, SHOWN.commit),
    };
    this.pasts.set(until === Infinity, { counts: key, past });
    return past;
  }

  /** When events came of which nothing is gone yet. */
  whole(): Span[] {
    const { invalidate, rerun, conflict, commit } = this.rings;
    const since = Math.max(...[invalidate, rerun, conflict, commit].map((ring) => ring.since));
    return this.spans.filter(({ to }) => to === null || to > since).map(({ from, to }) => ({ from: Math.max(from, since), to }));
  }

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
      const { value, done } = await reader.read().catch((error: unknown) => {
        this.closed();
        throw error;
      });
      if (done) return this.closed();
      const lines = (rest + value).split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (line.trim()) this.take(JSON.parse(line) as LiveEvent);
      this.tell();
    }
  }

  private closed() {
    const last = this.spans[this.spans.length - 1];
    if (last?.to === null) last.to = this.now();
  }

  private heard(serverTime: number) {
    this.delays.push(Date.now() - serverTime);
    if (this.delays.length > DELAYS) this.delays.shift();
  }

  private take(event: LiveEvent) {
    switch (event.type) {
      case "tick":
        this.heard(event.t);
        return this.rings.tick.push(event);
      case "invalidate":
        return this.rings.invalidate.push(event);
      case "rerun":
        return this.rings.rerun.push(event);
      case "conflict":
        return this.rings.conflict.push(event);
      case "commit":
        return this.rings.commit.push(event);
      case "exec":
        return this.rings.exec.push(event);
      case "index":
        this.indexes = new Map(this.indexes).set(stepKey(event.component, event.table, event.index), event);
        return;
      case "hello": {
        if (event.serverTime !== undefined) this.heard(event.serverTime);
        const now = this.now();
        this.spans = [...this.spans.filter(({ to }) => to !== null && to > now - WINDOW_MS), { from: now, to: null }];
        this.open = true;
        // Of indexes that were filled since it was last looked nothing is known.
        this.indexes = new Map();
        return;
      }
      case "gap":
        this.lost += event.lost ?? 0;
    }
  }
}

const feeds = new WeakMap<AdminHttp, { ticks: Feed; all: Feed; execs: Feed; indexes: Feed }>();

export function feedsOf(http: AdminHttp) {
  let own = feeds.get(http);
  if (!own) feeds.set(http, (own = { ticks: new Feed(http, ["tick"]), all: new Feed(http, TOPICS), execs: new Feed(http, ["exec"]), indexes: new Feed(http, ["index"]) }));
  return own;
}

/** The events of the deployment; with `ticks` only the numbers of each second, with `execs` every call. */
export function useFeed(which: "ticks" | "all" | "execs"): Feed {
  const { http } = useDeployment();
  const feed = feedsOf(http)[which];
  useSyncExternalStore(feed.subscribe, () => feed.version);
  return feed;
}

const NOT_LISTENING = () => () => undefined;

/** The newest step of each index, by `stepKey`; nothing is asked for unless something is `filling`. */
export function useIndexSteps(filling: boolean): ReadonlyMap<string, IndexStep> {
  const { http, has } = useDeployment();
  const feed = feedsOf(http).indexes;
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

/** Who went through a whole table in the last hour, and what for. */
export interface ScanStats extends Sought {
  function: string;
  scans1m: number;
  rows1m: number;
}

export interface TableStats {
  component?: string | null;
  name: string;
  docs: number;
  bytes: number;
  reads1m: number;
  writes1m: number;
  indexes: IndexStats[];
  scans?: ScanStats[];
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

const FIRST_MS = 0.1;
const LAST_MS = 60_000;
export const BUCKETS = 40;

/** The upper bound of a latency bucket. */
export const bucketMs = (bucket: number) => FIRST_MS * (LAST_MS / FIRST_MS) ** (bucket / (BUCKETS - 1));

/** The bucket of a duration. */
export const bucketOf = (ms: number) => Math.max(0, Math.min(BUCKETS - 1, Math.ceil(((BUCKETS - 1) * Math.log(Math.max(ms, FIRST_MS) / FIRST_MS)) / Math.log(LAST_MS / FIRST_MS) - 1e-9)));

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
