// What a function reads and writes on the average, who calls it and what it calls: added up from
// executions as they come.

import { figured } from "./figured";
import { plainPath } from "./modules";
import type { Exec } from "./stream";

export interface Touched {
  name: string;
  runs: number;
  lookups: number;
  docs: number;
  bytes: number;
}

export interface Changed {
  name: string;
  runs: number;
  inserted: number;
  updated: number;
  deleted: number;
}

export interface Profile {
  /** Runs; answers from the cache read nothing. */
  runs: number;
  cached: number;
  failed: number;
  reads: Touched[];
  writes: Changed[];
  callers: { name: string; calls: number }[];
  callees: { name: string; calls: number }[];
}

const CALLERS: Record<string, string> = {
  SyncWebSocket: "clients, over WebSocket",
  HttpApi: "clients, over HTTP",
  HttpEndpoint: "HTTP actions",
  Cron: "cron jobs",
  Scheduler: "the scheduler",
  Tester: "this dashboard",
};

/** Adds to a row of a list that is told apart by name. */
function row<T extends { name: string }>(rows: Map<string, T>, fresh: T): T {
  const known = rows.get(fresh.name) ?? fresh;
  rows.set(fresh.name, known);
  return known;
}

function reads(own: Exec[]): Touched[] {
  const rows = new Map<string, Touched>();
  for (const { table, index, docs, bytes, ranges } of own.flatMap((exec) => exec.reads)) {
    const total = row(rows, { name: `${table}.${index}`, runs: 0, lookups: 0, docs: 0, bytes: 0 });
    total.runs++;
    total.lookups += ranges;
    total.docs += docs;
    total.bytes += bytes;
  }
  return [...rows.values()].sort((a, b) => b.bytes - a.bytes);
}

function writes(own: Exec[]): Changed[] {
  const rows = new Map<string, Changed>();
  for (const { table, ins, upd, del } of own.flatMap((exec) => exec.writes)) {
    const total = row(rows, { name: table, runs: 0, inserted: 0, updated: 0, deleted: 0 });
    total.runs++;
    total.inserted += ins;
    total.updated += upd;
    total.deleted += del;
  }
  return [...rows.values()].sort((a, b) => b.runs - a.runs);
}

function counted(names: string[]): { name: string; calls: number }[] {
  const calls = new Map<string, number>();
  for (const name of names) calls.set(name, (calls.get(name) ?? 0) + 1);
  return [...calls].map(([name, count]) => ({ name, calls: count })).sort((a, b) => b.calls - a.calls);
}

/** The function with its component, as figures have it. */
const nameOf = ({ component, path }: Exec) => figured(component ?? "", plainPath(path));

export function profileOf(execs: Exec[], name: string): Profile {
  const own = execs.filter((exec) => nameOf(exec) === name);
  const ran = own.filter(({ cached }) => !cached);
  const ids = new Set(own.map(({ execId }) => execId));
  const names = new Map(execs.map((exec) => [exec.execId, nameOf(exec)]));
  // An action is told of when it ends, after all that it called.
  const callerOf = ({ parent, caller }: Exec) => (parent && names.get(parent)) || (parent ? "an action that is still running" : (CALLERS[caller] ?? caller));
  return {
    runs: ran.length,
    cached: own.length - ran.length,
    failed: own.filter(({ ok }) => !ok).length,
    reads: reads(ran),
    writes: writes(ran),
    callers: counted(own.map(callerOf)),
    callees: counted(execs.filter(({ parent }) => parent && ids.has(parent)).map(nameOf)),
  };
}
