// Arguments as a form and as text: what is wrong is told where it is, and nothing typed is lost.

import { convexToJson } from "convex/values";
import { expect, test } from "vitest";
import { bestVariant, draftText, Entries, formatDraft, issuesOf, settled, starting, typed, Unparsed, withField, type Draft } from "../src/lib/draft";
import type { Validator } from "../src/lib/schema";
import { parseValue } from "../src/lib/values";

const field = (fieldType: Validator, optional = false) => ({ fieldType, optional });
const string: Validator = { type: "string" };
const user: Validator = { type: "id", tableName: "users" };
const tableOf = (id: string) => (id.startsWith("u") ? "users" : id.startsWith("m") ? "messages" : null);

const everything: Validator = {
  type: "object",
  value: {
    text: field(string),
    count: field({ type: "bigint" }),
    ratio: field({ type: "number" }),
    on: field({ type: "boolean" }),
    nothing: field({ type: "null" }),
    blob: field({ type: "bytes" }),
    author: field(user),
    state: field({ type: "union", value: [{ type: "literal", value: "open" }, { type: "literal", value: "closed" }] }),
    tags: field({ type: "array", value: string }),
    inner: field({ type: "object", value: { deep: field({ type: "number" }), more: field(string, true) } }),
    scores: field({ type: "record", keys: string, values: field({ type: "number" }) }),
    rest: field({ type: "any" }),
    note: field(string, true),
  },
};

const paths = (type: Validator, draft: Draft | undefined) => issuesOf(type, draft, tableOf).map(({ path }) => path);

test("a form begins with the least that is taken; only an id has to be chosen", () => {
  const first = starting(everything);
  expect(paths(everything, first)).toEqual(["author"]);
  expect(formatDraft(first)).toBe(
    '{ text: "", count: 0n, ratio: 0, on: false, nothing: null, blob: Bytes(""), author: "", state: "open", tags: [], inner: { deep: 0 }, scores: { }, rest: { } }',
  );
});

test("each problem is told at its own field", () => {
  const draft = parseValue(
    '{ text: 1, count: 5, ratio: "x", on: 0, nothing: 0, blob: "", author: "m1", state: "odd", tags: ["a", 2], inner: { deep: null, other: 1 }, scores: { a: 1, _b: "x" }, rest: [1], note: 3, more: 1 }',
  );
  expect(paths(everything, draft)).toEqual([
    "text", "count", "ratio", "on", "nothing", "blob", "author", "state", "tags[1]", "inner.deep", "inner.other", "scores[1].key", "scores[1].value", "note", "more",
  ]);
  expect(issuesOf(user, "m1", tableOf)[0]!.message).toBe("This is the id of a document of messages, not of users");
  expect(issuesOf(user, "???", tableOf)[0]!.message).toBe("This is not the id of a document");
  expect(issuesOf(user, "u1", tableOf)).toEqual([]);
  expect(paths(everything, 5)).toEqual([""]);
  expect(paths({ type: "object", value: { a: field(string) } }, {})).toEqual(["a"]);
});

test("what is not a value yet is kept as it was typed, in the form and in the text", () => {
  expect(typed("12", "number")).toBe(12);
  expect(typed("-Infinity", "number")).toBe(-Infinity);
  expect(typed("12n", "bigint")).toBe(12n);
  expect(typed("-9223372036854775808", "bigint")).toBe(-(2n ** 63n));
  expect(typed("9223372036854775808", "bigint")).toBeInstanceOf(Unparsed);
  expect(typed("1.5", "bigint")).toBeInstanceOf(Unparsed);
  expect(typed('{ a: [1, 2n] }', "any")).toEqual({ a: [1, 2n] });
  const half = { a: typed("12x", "number") };
  expect(formatDraft(half)).toBe("{ a: 12x }");
  expect(() => parseValue(formatDraft(half))).toThrow();
  expect(issuesOf({ type: "object", value: { a: field({ type: "number" }) } }, half)).toEqual([{ path: "a", message: "Must be a number" }]);
  expect(issuesOf({ type: "any" }, [{ b: typed("(", "any") }])[0]!.path).toBe("[0].b");
});

test("a record may hold a key twice for as long as it is typed", () => {
  const type: Validator = { type: "record", keys: string, values: field({ type: "number" }) };
  const draft = new Entries([["a", 1], ["a", 2], ["", 3]]);
  expect(issuesOf(type, draft)).toEqual([
    { path: "[1].key", message: "“a” is there already" },
    { path: "[2].key", message: "A key cannot be empty" },
  ]);
  expect(settled(new Entries([["b", 1], ["__proto__", 2]]))).toEqual(JSON.parse('{ "b": 1, "__proto__": 2 }'));
});

test("of a union the variant that is meant is found", () => {
  const variant = (kind: string, more: Record<string, ReturnType<typeof field>>): Validator => ({ type: "object", value: { kind: field({ type: "literal", value: kind }), ...more } });
  const variants = [variant("text", { body: field(string) }), variant("image", { url: field(string), width: field({ type: "number" }) })];
  expect(bestVariant(variants, { kind: "image" })).toBe(1);
  expect(bestVariant(variants, { kind: "text", body: 5 })).toBe(0);
  expect(issuesOf({ type: "union", value: variants }, { kind: "image", url: 1 }).map(({ path }) => path)).toEqual(["url", "width"]);
  expect(bestVariant([{ type: "null" }, string, { type: "bigint" }], 5n)).toBe(2);
  expect(bestVariant([string, user], "u1", tableOf)).toBe(0);
  // As validators come over the wire.
  const long: Validator = { type: "literal", value: convexToJson(7n) };
  expect(starting(long)).toBe(7n);
  expect(issuesOf(long, 7n)).toEqual([]);
  expect(issuesOf(long, 7)).toHaveLength(1);
});

test("fields keep the order of the validator, and are taken away again", () => {
  const fields = { a: field(string), b: field(string, true), c: field(string) };
  const set = withField(fields, { a: "1", c: "3" }, "b", "2");
  expect(Object.keys(set)).toEqual(["a", "b", "c"]);
  expect(withField(fields, set, "b", undefined)).toEqual({ a: "1", c: "3" });
});

test("text is on one line while it is short", () => {
  expect(draftText({ a: 1 })).toBe("{ a: 1 }");
  expect(draftText({ text: "x".repeat(80), list: [1] })).toBe(`{\n  text: "${"x".repeat(80)}",\n  list: [\n    1\n  ]\n}`);
  expect(parseValue(draftText({ text: "x".repeat(80), list: [1n] }))).toEqual({ text: "x".repeat(80), list: [1n] });
});
