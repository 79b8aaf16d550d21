// Names of what is in components.

import { expect, test } from "vitest";
import { figured, fromFigured } from "../src/lib/figured";
import type { ComponentInfo } from "../src/lib/system";

const component = (path: string): ComponentInfo => ({ id: `id of ${path}`, name: path, path, state: "active", httpPrefix: null });
const all = ["", "notes", "notes/inner"].map(component);

test("a name says its component, and is found in the deepest there is", () => {
  expect(figured("", "tasks")).toBe("tasks");
  expect(figured("notes", "tasks")).toBe("@notes/tasks");
  const read = (name: string) => {
    const found = fromFigured(name, all);
    return [found.component?.path ?? null, found.name];
  };
  expect(read("tasks")).toEqual([null, "tasks"]);
  expect(read("@notes/tasks")).toEqual(["notes", "tasks"]);
  // A module in a folder looks like a component in a component.
  expect(read("@notes/folder/lib:add")).toEqual(["notes", "folder/lib:add"]);
  expect(read("@notes/inner/lib:add")).toEqual(["notes/inner", "lib:add"]);
  expect(read("@gone/tasks")).toEqual([null, "@gone/tasks"]);
});
