// Which index a search would need.

import { describe, expect, test } from "vitest";
import { NO_FILTERS, newClause } from "../src/lib/filters";
import { remedyFor, soughtBy, type Sought } from "../src/lib/missing";

const sought = (equal: string[], range: string | null = null): Sought => ({ filtered: true, equal, range });
const index = (name: string, ...fields: string[]) => ({ name, fields: [...fields, "_creationTime"] });
const line = (...args: Parameters<typeof remedyFor>) => {
  const remedy = remedyFor(...args);
  return remedy.kind === "missing" ? remedy.line : remedy.kind;
};

describe("a missing index", () => {
  test("has what equals something first, and one range behind", () => {
    expect(line(sought(["x", "y"], "n"), [])).toBe('.index("by_x_y_n", ["x", "y", "n"])');
    expect(line(sought(["settings.theme"]), [])).toBe('.index("by_settings_theme", ["settings.theme"])');
    expect(line(sought(["x"], "_creationTime"), [])).toBe('.index("by_x", ["x"])');
  });

  test("is not missing if one begins with the fields", () => {
    expect(remedyFor(sought(["b", "a"]), [index("by_abc", "a", "b", "c")])).toEqual({ kind: "there", index: "by_abc", fields: ["a", "b", "c"] });
    expect(line(sought(["a"], "c"), [index("by_abc", "a", "b", "c")])).toBe('.index("by_a_c", ["a", "c"])');
    expect(line(sought(["a"], "_creationTime"), [index("by_abc", "a", "b", "c")])).toBe('.index("by_a", ["a"])');
    expect(line(sought(["a"], "_creationTime"), [index("by_a", "a")])).toBe("there");
    expect(line(sought([], "_creationTime"), [])).toBe("there");
  });

  test("has a name of its own", () => {
    expect(line(sought(["x"]), [index("by_x", "y")])).toBe('.index("by_x_2", ["x"])');
    expect(line(sought(["x"]), [index("by_x", "y"), index("by_x_2", "z")])).toBe('.index("by_x_3", ["x"])');
  });

  test("is unknown where JavaScript searches, and none where no index can", () => {
    expect(line({ filtered: false, equal: [], range: null }, [])).toBe("unknown");
    expect(line(sought([]), [])).toBe("none");
  });

  test("is read off the clauses of the data page that are on", () => {
    const clauses = [newClause("a", "neq"), newClause("n", "gt", 5), newClause("x"), { ...newClause("off"), enabled: false }, newClause("n", "lt", 9), newClause("y", "type", "string")];
    expect(soughtBy({ ...NO_FILTERS, clauses })).toEqual({ filtered: true, equal: ["x"], range: "n" });
    expect(soughtBy({ ...NO_FILTERS, clauses: [newClause("n", "gt", 5), newClause("n")] })).toEqual({ filtered: true, equal: ["n"], range: null });
    expect(soughtBy(NO_FILTERS).filtered).toBe(false);
  });
});
