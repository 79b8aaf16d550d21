import { expect, test } from "vitest";
import { readersOf } from "../src/lib/readers";
import type { SubscriptionGroup } from "../src/lib/stream";

const group = (query: string, readSet: [string, string, string | null][], watchers = 1) =>
  ({
    group: query,
    query,
    argsHash: "ab",
    argsPreview: "{}",
    watchers,
    readSet: readSet.map(([table, index, rangeText]) => ({ table, index, rangeText })),
  }) as unknown as SubscriptionGroup;

test("queries that read the table are found, those of one other document are not", () => {
  const found = readersOf(
    [
      group("users:older", [["users", "by_age", "age in 30..∞"], ["users", "by_id", '_id = "u2"']], 3),
      group("users:get", [["users", "by_id", '_id = "u1"']]),
      group("users:nameOf", [["users", "by_id", '_id = "u2"']]),
      group("messages:list", [["messages", "by_channel", 'channel = "c"']]),
      group("@notes/lib:list", [["@notes/users", "by_creation_time", "all documents"]]),
      group("_system/frontend/x", [["users", "by_id", "all documents"]]),
    ],
    "users",
    "u1",
  );
  expect(found.map(({ query, byId, ranges }) => [query, byId, ranges.length])).toEqual([
    ["users:get", true, 1],
    ["users:older", false, 1],
  ]);
});

test("a key that may not see data is told the queries without their ranges", () => {
  const [reader] = readersOf([group("users:get", [["users", "by_id", null]])], "users", "u1");
  expect(reader?.ranges).toEqual([{ index: "by_id", text: null }]);
});
