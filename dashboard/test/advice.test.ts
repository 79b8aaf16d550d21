// Advice from what is known, and usage by day.

import { describe, expect, test } from "vitest";
import { adviceFor, type Known } from "../src/lib/advice";
import type { FunctionStats, Snapshot, TableStats } from "../src/lib/stream";
import type { CronRunInfo } from "../src/lib/system";
import { sums, unusedIndexes, type UsageDay } from "../src/lib/usage";

const DAY = 86_400_000;
const NOW = 20_000 * DAY + 1000;

const nothing: Known = {
  snapshot: null,
  schema: null,
  tables: [],
  usage: null,
  limits: null,
  cronRuns: [],
  withoutArguments: [],
  environment: null,
  lastBackup: undefined,
  keyIssued: null,
  keyUses: [],
  now: NOW,
};
const ids = (known: Partial<Known>) => adviceFor({ ...nothing, ...known }).map(({ id }) => id);

const index = (name: string, over = {}) => ({ name, fields: [], kind: "database", entries: 0, bytes: null, state: "ready", lookups1m: 0, rowsScanned1m: 0, rowsReturned1m: 0, lastUsed: null, ...over });
const table = (name: string, indexes: ReturnType<typeof index>[]) => ({ component: null, name, docs: 5, bytes: 100, reads1m: 0, writes1m: 0, indexes }) as unknown as TableStats;
const fn = (over: Partial<FunctionStats>): FunctionStats => ({ path: "m:f", kind: "Mutation", calls1m: 100, hit1m: 0, p50: 1, p95: 1, errors1m: 0, ...over });
const snapshot = (over: Partial<Snapshot>): Snapshot => ({ sessions: [], subscriptions: [], tables: [], functions: [], ...over });
const day = (ago: number, over: Partial<UsageDay> = {}): UsageDay => ({ day: Math.floor(NOW / DAY - ago) * DAY, functions: {}, tables: {}, indexes: {}, ...over });
const run = (name: string, type: string) => ({ _id: "", _creationTime: 0, name, status: { type } }) as CronRunInfo;

describe("advice", () => {
  test("nothing is said about what is not known", () => {
    expect(ids({})).toEqual([]);
    expect(ids({ snapshot: snapshot({}) })).toEqual([]);
  });

  test("A2: many rows in order of creation, by few reads", () => {
    const scanned = (rowsScanned1m: number, lookups1m: number) =>
      snapshot({ tables: [table("t", [index("by_id", { rowsScanned1m: 9000, lookups1m: 9000 }), index("by_creation_time", { rowsScanned1m, lookups1m }), index("by_a")])] });
    expect(ids({ snapshot: scanned(5000, 5) })).toEqual(["A2"]);
    expect(ids({ snapshot: scanned(5000, 500) })).toEqual([]);
    expect(ids({ snapshot: scanned(900, 1) })).toEqual([]);
  });

  test("A2 names the fields that an index lacks, for tables without an index too", () => {
    const scan = (over = {}) => ({ function: "t:find", scans1m: 5, rows1m: 5000, filtered: true, equal: ["a"], range: "n", ...over });
    const of = (scans: object[], indexes = [index("by_creation_time", { rowsScanned1m: 5000, lookups1m: 5 })]) =>
      adviceFor({ ...nothing, snapshot: snapshot({ tables: [{ ...table("t", indexes), scans } as TableStats] }) }).map(({ text }) => text);
    expect(of([scan()])[0]).toMatch(/most of them by t:find. One on \(a, n\) is missing/);
    expect(of([scan({ filtered: false, equal: [], range: null })])).toEqual([]);
    expect(of([scan({ filtered: false })], [index("by_creation_time", { rowsScanned1m: 5000, lookups1m: 5 }), index("by_b")])[0]).toMatch(/filters in JavaScript if at all/);
  });

  test("A13: a key that was used from an address that nobody has said is theirs", () => {
    const use = (address: string, known: boolean) => ({ _id: address, key: "0 writing 1700000000", address, first: NOW - 5000, last: NOW, known });
    const [one, ...rest] = adviceFor({ ...nothing, keyUses: [use("this machine", true), use("10.0.0.7", false)] });
    expect(rest).toEqual([]);
    expect(one).toMatchObject({ id: "A13", title: "An admin key was used from 10.0.0.7 for the first time", accept: { id: "10.0.0.7" } });
    expect(one!.text).toMatch(/the key of admin of 2023-11-14/);
  });

  test("A3: an index that has been there for a week and not been used", () => {
    const now = snapshot({ tables: [table("t", [index("by_id"), index("by_a"), index("by_b"), index("by_new")])] });
    const usage = [day(9, { indexes: { "t.by_a": 0, "t.by_b": 0, "t.by_id": 0 } }), day(2, { indexes: { "t.by_b": 7, "t.by_new": 0 } }), day(0)];
    expect(adviceFor({ ...nothing, snapshot: now, usage }).map(({ title }) => title)).toEqual(["The index t.by_a has not been used for 7 days"]);
    expect(ids({ snapshot: now, usage: usage.slice(1) })).toEqual([]);
    expect([...unusedIndexes(usage, 7, NOW)].sort()).toEqual(["t.by_a", "t.by_id"]);
  });

  test("A4: calls that are given up, or many conflicts", () => {
    expect(ids({ snapshot: snapshot({ functions: [fn({ conflictFailures1m: 1 })] }) })).toEqual(["A4"]);
    expect(ids({ snapshot: snapshot({ functions: [fn({ conflicts1m: 6 })] }) })).toEqual(["A4"]);
    expect(ids({ snapshot: snapshot({ functions: [fn({ conflicts1m: 4, calls1m: 10 })] }) })).toEqual([]);
  });

  test("A5: queries that read more than half of what they may", () => {
    const limits = { documents_read: 1000, bytes_read: 10_000 };
    const large = (over: Partial<FunctionStats>) => snapshot({ functions: [fn({ kind: "Query", hit1m: 100, ...over })] });
    expect(ids({ limits, snapshot: large({ mostDocsRead: 501 }) })).toEqual(["A5"]);
    expect(ids({ limits, snapshot: large({ mostBytesRead: 5001 }) })).toEqual(["A5"]);
    expect(ids({ limits, snapshot: large({ mostDocsRead: 500 }) })).toEqual([]);
  });

  test("A7: scheduled work that is late", () => {
    expect(ids({ snapshot: snapshot({ schedulerLagMs: 10_001 }) })).toEqual(["A7"]);
    expect(ids({ snapshot: snapshot({ schedulerLagMs: 9_000 }) })).toEqual([]);
  });

  test("A8: a cron job whose last three runs failed", () => {
    const bad = [run("a", "err"), run("b", "err"), run("a", "err"), run("b", "success"), run("a", "err"), run("b", "err")];
    expect(adviceFor({ ...nothing, cronRuns: bad }).map(({ title }) => title)).toEqual(["The cron job “a” fails"]);
    expect(ids({ cronRuns: bad.slice(0, 3) })).toEqual([]);
  });

  test("A9, A10, A11: code that is open, tables and variables that nobody declared or set", () => {
    expect(ids({ withoutArguments: ["m:f"] })).toEqual(["A9"]);
    expect(ids({ tables: ["t"] })).toEqual(["A10"]);
    expect(ids({ environment: { named: ["A", "CONVEX_SITE_URL"], set: [] } })).toEqual(["A11"]);
    expect(ids({ environment: { named: ["A"], set: ["A", "B"] } })).toEqual([]);
  });

  test("A12, A13: no backup for a week, an old key", () => {
    expect(ids({ lastBackup: null })).toEqual([]);
    expect(ids({ lastBackup: null, usage: [day(3), day(0)] })).toEqual([]);
    expect(ids({ lastBackup: null, usage: [day(8), day(0)] })).toEqual(["A12"]);
    expect(ids({ usage: [day(8)] })).toEqual([]);
    expect(ids({ lastBackup: NOW - 8 * DAY })).toEqual(["A12"]);
    expect(ids({ lastBackup: NOW - 6 * DAY })).toEqual([]);
    expect(ids({ keyIssued: NOW - 181 * DAY })).toEqual(["A13"]);
    expect(ids({ keyIssued: NOW - 10 * DAY })).toEqual([]);
  });
});

test("usage of some days adds up by name", () => {
  const days = [day(1, { functions: { "Query m:f": [1, 0], "Query m:g": [2, 2] } }), day(0, { functions: { "Query m:f": [4, 1] } })];
  expect(sums(days, "functions")).toEqual([
    ["Query m:f", [5, 1]],
    ["Query m:g", [2, 2]],
  ]);
});
