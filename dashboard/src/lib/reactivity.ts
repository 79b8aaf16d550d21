// What made which query run again: invalidations joined with the re-runs they led to.

import type { Commit, Invalidate, Rerun } from "./stream";

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
  runMs: number | null;
  bytes: number;
  sessions: number;
  ids: string[];
}

const plain = (path: string) => path.replace(/\.js:/, ":");

export function reactions(invalidates: Invalidate[], reruns: Rerun[], commits: Commit[]): Reaction[] {
  const ran = new Map(reruns.map((rerun) => [`${rerun.becauseCommitTs} ${plain(rerun.query)} ${rerun.argsHash}`, rerun]));
  const written = new Map(commits.map((commit) => [String(commit.ts), commit]));
  const found: Reaction[] = [];
  for (const event of invalidates) {
    const commit = written.get(String(event.commitTs));
    for (const hit of event.hits) {
      const query = plain(hit.query);
      const rerun = ran.get(`${event.commitTs} ${query} ${hit.argsHash}`);
      found.push({
        key: `${event.seq} ${query} ${hit.argsHash} ${hit.index} ${hit.rangeText}`,
        at: event.t,
        commitTs: String(event.commitTs),
        cause: plain(event.cause.path ?? "the server"),
        table: hit.table ?? "?",
        index: hit.index ?? "?",
        range: hit.rangeText ?? "",
        query,
        argsHash: hit.argsHash,
        changed: rerun ? rerun.changed : null,
        runMs: rerun ? rerun.runMs : null,
        bytes: rerun ? rerun.bytesOut : 0,
        sessions: rerun ? rerun.sessions : hit.count,
        ids: hit.docId ? [hit.docId] : (commit?.tables.find(({ table }) => table === hit.table)?.ids ?? []),
      });
    }
  }
  return found;
}

export interface LaneNode {
  id: string;
  lane: 0 | 1 | 2;
  label: string;
  detail: string;
  count: number;
  wasted: number;
  y: number;
}

export interface LaneEdge {
  id: string;
  from: string;
  to: string;
  count: number;
  last: number;
}

export interface Lanes {
  nodes: LaneNode[];
  edges: LaneEdge[];
  height: number;
}

const ROW = 46;
const MAX_NODES = 40;

/** Causes, ranges and queries as three columns; the busiest first. */
export function lanes(rows: Reaction[], byArguments: boolean): Lanes {
  const nodes = new Map<string, LaneNode>();
  const edges = new Map<string, LaneEdge>();
  const touch = (id: string, lane: 0 | 1 | 2, label: string, detail: string, wasted: boolean) => {
    const node = nodes.get(id) ?? { id, lane, label, detail, count: 0, wasted: 0, y: 0 };
    node.count++;
    if (wasted) node.wasted++;
    nodes.set(id, node);
  };
  const join = (from: string, to: string, at: number) => {
    const id = `${from}→${to}`;
    const edge = edges.get(id) ?? { id, from, to, count: 0, last: 0 };
    edge.count++;
    edge.last = Math.max(edge.last, at);
    edges.set(id, edge);
  };
  for (const row of rows) {
    const wasted = row.changed === false;
    const cause = `0 ${row.cause}`;
    const range = `1 ${row.table}.${row.index} ${row.range}`;
    const query = `2 ${row.query}${byArguments ? ` ${row.argsHash}` : ""}`;
    touch(cause, 0, row.cause, "", wasted);
    touch(range, 1, `${row.table} · ${row.index}`, row.range, wasted);
    touch(query, 2, row.query, byArguments ? row.argsHash.slice(0, 8) : "", wasted);
    join(cause, range, row.at);
    join(range, query, row.at);
  }
  let height = 0;
  const kept = new Set<string>();
  for (const lane of [0, 1, 2]) {
    const column = [...nodes.values()].filter((node) => node.lane === lane).sort((a, b) => b.count - a.count);
    column.slice(0, MAX_NODES).forEach((node, index) => {
      node.y = 20 + index * ROW;
      kept.add(node.id);
      height = Math.max(height, node.y + ROW);
    });
  }
  return {
    nodes: [...nodes.values()].filter(({ id }) => kept.has(id)),
    edges: [...edges.values()].filter(({ from, to }) => kept.has(from) && kept.has(to)),
    height,
  };
}
