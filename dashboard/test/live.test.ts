// What the live pages make of events.

import { expect, test } from "vitest";
import { fanOut } from "../src/lib/fanout";
import { latest, percent } from "../src/lib/indexes";
import { profileOf } from "../src/lib/profile";
import { busy, type Reaction } from "../src/lib/reactivity";
import { replayOf } from "../src/lib/replay";
import type { Conflict, Exec, IndexStep } from "../src/lib/stream";
import { phasesOf } from "../src/pages/logs/RequestDrawer";

const exec = (execId: string, path: string, more: Partial<Exec> = {}): Exec => ({
  type: "exec", seq: 0, t: 0, execId, path, kind: "Mutation", caller: "SyncWebSocket", start: 0, queueMs: 0, runMs: 1, commitMs: 0, totalMs: 1, cached: false, ok: true, attempt: 1, reads: [], writes: [], ...more,
});

test("a profile adds up what a function touches and who it is called by", () => {
  const read = (docs: number) => ({ table: "users", index: "by_age", docs, bytes: docs * 10, ranges: 1 });
  const found = profileOf(
    [
      exec("1", "users:touch", { reads: [read(2)], writes: [{ table: "users", ins: 0, upd: 1, del: 0 }] }),
      exec("2", "users:touch", { reads: [read(4)], parent: "9", ok: false }),
      exec("3", "users:touch", { cached: true, reads: [read(100)] }),
      exec("4", "audit:note", { parent: "1" }),
      exec("9", "jobs.js:all", { kind: "Action" }),
    ],
    "users:touch",
  );
  expect(found).toMatchObject({ runs: 2, cached: 1, failed: 1 });
  expect(found.reads).toEqual([{ name: "users.by_age", runs: 2, lookups: 2, docs: 6, bytes: 60 }]);
  expect(found.writes).toEqual([{ name: "users", runs: 1, inserted: 0, updated: 1, deleted: 0 }]);
  expect(found.callers).toEqual([{ name: "clients, over WebSocket", calls: 2 }, { name: "jobs:all", calls: 1 }]);
  expect(found.callees).toEqual([{ name: "audit:note", calls: 1 }]);
});

const reaction = (commitTs: string, query: string, more: Partial<Reaction> = {}) =>
  ({ key: "", at: 0, commitTs, cause: "send", query, argsHash: "", changed: true, bytes: 100, sessions: 2, ...more }) as Reaction;

test("a fan-out is counted commit by commit, a query once in each", () => {
  const rows = [
    reaction("1", "list"),
    reaction("1", "list", { range: "another" }),
    reaction("1", "count", { changed: false, sessions: 5 }),
    reaction("2", "list", { cause: "other" }),
    reaction("3", "list"),
  ];
  const found = fanOut(rows, "send");
  expect(found.commits.map(({ commitTs, queries, sessions, bytes, wasted }) => [commitTs, queries, sessions, bytes, wasted])).toEqual([
    ["3", 1, 2, 100, 0],
    ["1", 2, 7, 100, 1],
  ]);
  expect(found.queries).toEqual({ min: 1, median: 2, max: 2 });
});

test("only what runs again often enough in the last minute is left", () => {
  const rows = [reaction("1", "old", { at: 0 }), reaction("2", "rare", { at: 70_000 }), reaction("3", "often", { at: 71_000 }), reaction("4", "often", { at: 72_000 })];
  expect(busy(rows, 2).map(({ query }) => query)).toEqual(["often", "often"]);
});

test("the two of a conflict are on one axis", () => {
  const conflict = { t: 1010, loser: { path: "a", ranMs: 10 }, winner: { path: "b", commitTs: "1005000000", ranMs: 25 } } as Conflict;
  const { loser, winner, committed, ms } = replayOf(conflict);
  expect(ms).toBe(30);
  expect(winner!.left).toBe(0);
  expect(winner!.width).toBeCloseTo((100 * 25) / 30);
  expect(loser.left).toBeCloseTo((100 * 20) / 30);
  expect(committed).toBeCloseTo((100 * 25) / 30);
  expect(replayOf({ ...conflict, winner: { path: null } }).winner).toBeNull();
});

test("the parts of a call add up to the whole", () => {
  const entry = { udfType: "Mutation", executionTime: 0.01, userExecutionTime: 0.004, commitTime: 0.003 } as never;
  expect(phasesOf(entry, 10).map(({ name, from, ms }) => [name, from, ms])).toEqual([["wait", 0, 3], ["run", 3, 4], ["commit", 7, 3]]);
});

test("of a told step and an answer, whichever is further is shown", () => {
  const step = (state: string, done: number | null): IndexStep => ({ type: "index", seq: 0, t: 0, component: null, table: "t", index: "i", state, done, total: 200 });
  const known = { state: "backfilling", done: 50, total: null };
  expect(percent(latest(known, undefined))).toBe(null);
  expect(percent(latest(known, step("backfilling", 87)))).toBe(43);
  expect(latest(known, step("backfilling", 10)).done).toBe(50);
  expect(latest(known, step("backfilled", 200)).state).toBe("backfilled");
  // What an answer says of an index that is ready counts more than a step of its earlier life.
  expect(latest({ state: "ready" }, step("backfilling", 87)).state).toBe("ready");
});
