// What made which query run again: invalidations joined with the re-runs they led to.

import type { Commit, Hit, Invalidate, Past, Rerun } from "./stream";

export interface Reaction {
  key: string;
  at: number;
  commitTs: string;
  cause: string;
  table: string;
  index: string;
  range: string;
  query: string;
  argsHash: string;
  /** null until the query has run again. */
  changed: boolean | null;
  /** When it had. */
  ranAt: number | null;
  runMs: number | null;
  bytes: number;
  sessions: number;
  ids: string[];
  /** What it is part of in the picture: cause, range, query, query with arguments. */
  nodes: [string, string, string, string];
  /** From cause to range, from range to query, the same with arguments. */
  edges: [string, string, string];
}

/** What has been joined with its re-run stays as it is: thousands of events a page are looked at again and again. */
const joined = new WeakMap<Invalidate, Reaction[]>();
const keys = new WeakMap<Rerun, string>();

function keyOf(rerun: Rerun): string {
  let key = keys.get(rerun);
  if (key === undefined) keys.set(rerun, (key = `${rerun.becauseCommitTs} ${plain(rerun.query)} ${rerun.argsHash}`));
  return key;
}

const plain = (path: string) => path.replace(/\.js:/, ":");

/** What is known of a run that came after the moment is not known yet. */
const asOf = (row: Reaction, until: number): Reaction =>
  row.ranAt !== null && row.ranAt > until ? { ...row, changed: null, ranAt: null, runMs: null, bytes: 0 } : row;

export function reactions({ invalidates, reruns, commits, until }: Past): Reaction[] {
  const waiting = invalidates.filter((event) => !joined.has(event));
  if (waiting.length > 0) join(waiting, reruns, commits);
  const rows = invalidates.flatMap((event) => joined.get(event) ?? open.get(event) ?? []);
  return until === Infinity ? rows : rows.map((row) => asOf(row, until));
}

/** What one commit set off, and the moment by which all of it had run. */
export function ofCommit(rows: Reaction[], commitTs: string): { rows: Reaction[]; at: number } {
  const own = rows.filter((row) => row.commitTs === commitTs);
  return { rows: own, at: Math.max(0, ...own.map(({ at, ranAt }) => Math.max(at, ranAt ?? 0))) };
}

/** Those whose re-run has not come yet. */
let open = new Map<Invalidate, Reaction[]>();

function join(events: Invalidate[], reruns: Rerun[], commits: Commit[]) {
  const ran = new Map(reruns.map((rerun) => [keyOf(rerun), rerun]));
  const written = new Map(commits.map((commit) => [String(commit.ts), commit]));
  open = new Map();
  for (const event of events) {
    const commit = written.get(String(event.commitTs));
    const found = event.hits.map((hit) => reactionOf(event, hit, ran, commit));
    if (found.every(({ changed }) => changed !== null)) joined.set(event, found);
    else open.set(event, found);
  }
}

function reactionOf(event: Invalidate, hit: Hit, ran: Map<string, Rerun>, commit: Commit | undefined): Reaction {
  const query = plain(hit.query);
  const rerun = ran.get(`${event.commitTs} ${query} ${hit.argsHash}`);
  const cause = plain(event.cause.path ?? "the server");
  const [table, index, range] = [hit.table ?? "?", hit.index ?? "?", hit.rangeText ?? ""];
  const nodes: Reaction["nodes"] = [`0 ${cause}`, `1 ${table}.${index} ${range}`, `2 ${query}`, `2 ${query} ${hit.argsHash}`];
  return {
    key: `${event.seq} ${query} ${hit.argsHash} ${hit.index} ${hit.rangeText}`,
    at: event.t,
    commitTs: String(event.commitTs),
    cause,
    table,
    index,
    range,
    query,
    argsHash: hit.argsHash,
    changed: rerun ? rerun.changed : null,
    ranAt: rerun ? rerun.t : null,
    runMs: rerun ? rerun.runMs : null,
    bytes: rerun ? rerun.bytesOut : 0,
    sessions: rerun ? rerun.sessions : hit.count,
    ids: hit.docId ? [hit.docId] : (commit?.tables.find((one) => one.table === hit.table)?.ids ?? []),
    nodes,
    edges: [`${nodes[0]}→${nodes[1]}`, `${nodes[1]}→${nodes[2]}`, `${nodes[1]}→${nodes[3]}`],
  };
}

const MINUTE_MS = 60_000;

/** Only queries that ran again so often in the minute before the newest of these. */
export function busy(rows: Reaction[], least: number): Reaction[] {
  const since = (rows[rows.length - 1]?.at ?? 0) - MINUTE_MS;
  const times = new Map<string, number>();
  for (const { query, at } of rows) if (at > since) times.set(query, (times.get(query) ?? 0) + 1);
  return rows.filter(({ query }) => (times.get(query) ?? 0) >= least);
}

export interface LaneNode {
  id: string;
  lane: 0 | 1 | 2;
  label: string;
  detail: string;
  count: number;
  wasted: number;
  /** The newest run of it, if it is a query: when, and whether the result was another one. */
  ranAt: number;
  changed: boolean;
  y: number;
}

export interface LaneEdge {
  id: string;
  from: string;
  to: string;
  count: number;
  /** In the minute before the newest of all. */
  perMinute: number;
  last: number;
  /** Of the newest. */
  commitTs: string;
}

export interface Lanes {
  nodes: LaneNode[];
  edges: LaneEdge[];
  height: number;
}

const ROW = 46;
const MAX_NODES = 40;
/** Lines of each half; more are a tangle, and cost what they do not show. */
const MAX_EDGES = 80;

const magnitude = ({ count }: LaneNode) => Math.floor(Math.log2(count));
/** Elements in one order, whatever happens, are never moved. */
const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Causes, ranges and queries as three columns; the busiest first. */
export function lanes(rows: Reaction[], byArguments: boolean): Lanes {
  const nodes = new Map<string, LaneNode>();
  const edges = new Map<string, LaneEdge>();
  const touch = (id: string, lane: 0 | 1 | 2, row: Reaction) => {
    let node = nodes.get(id);
    if (!node) {
      const label = [row.cause, `${row.table} · ${row.index}`, row.query][lane]!;
      const detail = ["", row.range, byArguments ? row.argsHash.slice(0, 8) : ""][lane]!;
      nodes.set(id, (node = { id, lane, label, detail, count: 0, wasted: 0, ranAt: 0, changed: false, y: 0 }));
    }
    node.count++;
    if (row.changed === false) node.wasted++;
    if (row.ranAt === null || row.ranAt < node.ranAt) return;
    node.ranAt = row.ranAt;
    node.changed = row.changed === true;
  };
  const since = (rows[rows.length - 1]?.at ?? 0) - MINUTE_MS;
  const connect = (id: string, from: string, to: string, { at, commitTs }: Reaction) => {
    let edge = edges.get(id);
    if (!edge) edges.set(id, (edge = { id, from, to, count: 0, perMinute: 0, last: 0, commitTs }));
    edge.count++;
    if (at > since) edge.perMinute++;
    if (at < edge.last) return;
    edge.last = at;
    edge.commitTs = commitTs;
  };
  for (const row of rows) {
    const [cause, range] = row.nodes;
    const query = row.nodes[byArguments ? 3 : 2];
    touch(cause, 0, row);
    touch(range, 1, row);
    touch(query, 2, row);
    connect(row.edges[0], cause, range, row);
    connect(row.edges[byArguments ? 2 : 1], range, query, row);
  }
  let height = 0;
  const kept = new Set<string>();
  for (const lane of [0, 1, 2]) {
    const column = [...nodes.values()].filter((node) => node.lane === lane).sort((a, b) => b.count - a.count);
    // Twice as busy is higher up; what is about as busy keeps its place, so that the picture is at rest.
    const shown = column.slice(0, MAX_NODES).sort((a, b) => magnitude(b) - magnitude(a) || byId(a, b));
    shown.forEach((node, index) => {
      node.y = 20 + index * ROW;
      kept.add(node.id);
      height = Math.max(height, node.y + ROW);
    });
  }
  const between = [...edges.values()].filter(({ from, to }) => kept.has(from) && kept.has(to));
  const busiest = (lane: string) => between.filter(({ from }) => from.startsWith(lane)).sort((a, b) => b.count - a.count).slice(0, MAX_EDGES);
  return {
    nodes: [...nodes.values()].filter(({ id }) => kept.has(id)).sort(byId),
    edges: [...busiest("0"), ...busiest("1")].sort(byId),
    height,
  };
}
