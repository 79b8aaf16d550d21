// What is typed into a cell or an editor, and how values look there.

import type { Value } from "convex/values";
import { describe, expect, test } from "vitest";
import { formatValue, parseValue } from "../src/lib/values";

const VALUES: [string, Value][] = [
  ["null", null],
  ["true", true],
  ["-1.5", -1.5],
  ["-0", -0],
  ["NaN", NaN],
  ["-Infinity", -Infinity],
  ["9007199254740993n", 9007199254740993n],
  ['"a \\"b\\"\\n"', 'a "b"\n'],
  ["[1, [], {}]", [1, [], {}]],
  ['{ a: 1, "b c": [null] }', { a: 1, "b c": [null] }],
  ['Bytes("AQID")', Uint8Array.from([1, 2, 3]).buffer],
];

describe("values", () => {
  test.each(VALUES)("%s is read and written back", (text, value) => {
    expect(parseValue(text)).toEqual(value);
    expect(formatValue(value)).toBe(text);
  });

  test("what is written on several lines is read back", () => {
    const value = { list: [{ a: 1 }, "x"], nested: { empty: [] } };
    expect(parseValue(formatValue(value, 2))).toEqual(value);
  });

  test("JavaScript's liberties are taken", () => {
    expect(parseValue("{ 'a': `b`, c: [1, 2,], }")).toEqual({ a: "b", c: [1, 2] });
  });

  test("__proto__ is a field like any other", () => {
    const value = parseValue('{ "__proto__": 1 }') as Record<string, Value>;
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test.each([
    ["hello", /strings need quotes/],
    ["", /Type a value/],
    ["[1,,2]", /holes/],
    ["{ a: b }", /at a: strings need quotes/],
    ["f(1)", /Only Bytes/],
    ["1 2", /./],
    ["/x/", /regular expression/],
    ["undefined", /not a Convex value/],
    ["{ ...a }", /plain fields/],
    ["1); alert(1", /./],
    ["[1", /./],
    ["`a${1}`", /expressions/],
  ])("%s is refused with a reason", (text, reason) => {
    expect(() => parseValue(text)).toThrow(reason);
  });
});
