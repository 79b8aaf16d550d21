// Filters survive the URL, and a broken URL is no filter.

import { describe, expect, test } from "vitest";
import { decodeFilters, encodeFilters, newClause, NO_FILTERS, usedIndex, type Filters } from "../src/lib/filters";

const full: Filters = {
  clauses: [
    { ...newClause("age", "gt", 30n), enabled: false },
    newClause("name", "type", "string"),
    newClause("tags", "anyOf", ["ü", 1, null]),
  ],
  order: "asc",
  index: {
    name: "by_team",
    clauses: [
      { type: "indexEq", enabled: true, value: "red" },
      { type: "indexRange", enabled: true, lowerOp: "gte", lowerValue: 5, upperOp: "lte", upperValue: 9 },
    ],
  },
};

describe("filters", () => {
  test("come back from the URL as they were", () => {
    expect(decodeFilters(encodeFilters(full))).toEqual(full);
  });

  test("with a search index come back too", () => {
    const search: Filters = { clauses: [], order: "desc", index: { name: "s", search: "two words", clauses: [{ field: "a", enabled: true, value: 1 }] } };
    expect(decodeFilters(encodeFilters(search))).toEqual(search);
  });

  test("are nothing when nothing is asked for", () => {
    expect(encodeFilters(NO_FILTERS)).toBeNull();
    expect(decodeFilters(null)).toEqual(NO_FILTERS);
  });

  test.each(["%%%", "bm90IGpzb24=", "bnVsbA=="])("%s counts as none", (text) => {
    expect(decodeFilters(text)).toEqual(NO_FILTERS);
  });

  test("int64 is sent as the server encodes it", () => {
    const json = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(encodeFilters(full)!), (c) => c.charCodeAt(0)))) as {
      clauses: { value: unknown }[];
    };
    expect(json.clauses[0]!.value).toEqual({ $integer: "HgAAAAAAAAA=" });
  });

  test("the badge names the index that is read", () => {
    expect(usedIndex(full)).toBe("by_team");
    expect(usedIndex({ ...full, index: undefined })).toBeNull();
    expect(usedIndex({ ...full, index: { name: "s", search: "", clauses: [] } })).toBeNull();
  });
});
