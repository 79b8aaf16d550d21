// Dotenv files, log queries, log lines, ids, the call tree and clipboard blocks.

import { differences, restoreCommand } from "../src/lib/backups";
import { describe, expect, test } from "vitest";
import { dotenvText, parseDotenv } from "../src/lib/dotenv";
import { tableNumberOf } from "../src/lib/ids";
import { matches, parseQuery, rowsOf, type RawEntry } from "../src/lib/logs";
import { ofCommit, reactions } from "../src/lib/reactivity";
import { bucketMs, percentile, type Past } from "../src/lib/stream";

const entry = (over: Partial<RawEntry>): RawEntry => ({
  udfType: "Query",
  identifier: "messages.js:list",
  logLines: [],
  timestamp: 1000,
  executionTime: 0.25,
  error: null,
  requestId: "abc123",
  executionId: "e1",
  ...over,
});

describe("dotenv", () => {
  test("good lines are kept and bad ones explained", () => {
    const pairs = parseDotenv('# c\nA=1\nexport B="two\\nlines" \n\nbad line\n1C=x\nD=\'it = this\' \nE="a\nb"\nCONVEX_SITE_URL=x');
    expect(pairs.filter(({ problem }) => !problem).map(({ name, value }) => [name, value])).toEqual([
      ["A", "1"],
      ["B", "two\nlines"],
      ["D", "it = this"],
      ["E", "a\nb"],
    ]);
    expect(pairs.filter(({ problem }) => problem)).toHaveLength(3);
  });

  test("what is written is read back", () => {
    const all = [
      { name: "A", value: 'x "y" \\ z\nw' },
      { name: "B", value: "plain" },
      { name: "C", value: "" },
    ];
    expect(parseDotenv(dotenvText(all)).map(({ name, value }) => ({ name, value }))).toEqual(all);
  });
});

describe("logs", () => {
  const rows = rowsOf(
    entry({
      logLines: [
        { messages: ['"hi"', "5"], level: "ERROR", timestamp: 999_500 },
        "[WARN] careful",
      ],
      error: "boom",
    }),
  );

  test("a call gives its lines and its end", () => {
    expect(rows.map(({ level, message, path }) => [level, message, path])).toEqual([
      ["error", "hi 5", "messages:list"],
      ["warn", "careful", "messages:list"],
      ["failure", "boom", "messages:list"],
    ]);
  });

  test.each([
    ["level:error", 2],
    ["level:warn", 1],
    ["fn:mess dur>200", 3],
    ["dur>300", 0],
    ["req:abc", 3],
    ["req:zzz", 0],
    ["CAREFUL", 1],
    ["level:error boom", 1],
  ])("%s finds %i lines", (text, found) => {
    const query = parseQuery(text);
    expect(rows.filter((row) => matches(row, query))).toHaveLength(found);
  });
});

describe("ids", () => {
  test("text that is not an id has no table", () => {
    expect(tableNumberOf("hello")).toBeNull();
    expect(tableNumberOf("a".repeat(32))).toBeNull();
    expect(tableNumberOf(7)).toBeNull();
  });
});

describe("reactivity", () => {
  test("an invalidation is joined with its re-run", () => {
    const hit = { query: "messages.js:list", argsHash: "h", table: "messages", index: "by_id", rangeText: "[..]", count: 2 };
    const past: Past = {
      until: Infinity,
      ticks: [],
      conflicts: [],
      invalidates: [{ type: "invalidate", seq: 1, t: 5, commitTs: "9", cause: { path: "messages.js:send" }, hits: [hit], total: 1 }],
      reruns: [{ type: "rerun", seq: 2, t: 6, query: "messages.js:list", argsHash: "h", becauseCommitTs: "9", runMs: 3, changed: false, bytesOut: 10, sessions: 2 }],
      commits: [{ type: "commit", seq: 0, t: 4, ts: "9", path: "messages:send", tables: [{ table: "messages", ins: 1, upd: 0, del: 0, ids: ["x"] }], bytes: 5 }],
    };
    const found = reactions(past);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ cause: "messages:send", query: "messages:list", changed: false, ids: ["x"], sessions: 2 });
    // At a moment before the re-run its result is not known, though it has been seen since.
    const before = { ...past, until: 5, reruns: [] };
    expect(reactions(before)[0]).toMatchObject({ changed: null, ranAt: null, runMs: null, bytes: 0 });
    expect(reactions({ ...past, until: 6 })[0]).toMatchObject({ changed: false, ranAt: 6 });
    expect(ofCommit(found, "9")).toMatchObject({ at: 6, rows: [{ commitTs: "9" }] });
  });
});

test("percentiles of buckets are bounds of buckets", () => {
  const counts = new Array<number>(40).fill(0);
  counts[10] = 95;
  counts[20] = 5;
  expect(percentile(counts, 0.5)).toBe(bucketMs(10));
  expect(percentile(counts, 0.99)).toBe(bucketMs(20));
  expect(percentile([], 0.5)).toBeNull();
  expect(bucketMs(39)).toBeCloseTo(60_000);
});

test("the dry run of a restore lists what changes most first", () => {
  const contents = { lentil: "1", files: 0, tables: [{ name: "users", rows: 5 }, { name: "gone", rows: 9 }] };
  expect(differences({ users: 5, posts: 1, _storage: 4 }, contents)).toEqual([
    { name: "gone", now: 0, after: 9 },
    { name: "posts", now: 1, after: 0 },
    { name: "users", now: 5, after: 5 },
  ]);
  expect(restoreCommand("/srv/it's here/a.lentil-backup")).toBe("lentil restore '/srv/it'\\''s here/a.lentil-backup' --data new-data");
});
