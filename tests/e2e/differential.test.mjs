// The same functions, calls and random schedules on a live Lentil deployment and on npm
// `convex-test`, where their semantics agree. What differs, and why, is listed in docs/compat.md.

import assert from "node:assert/strict";
import { test } from "node:test";

import { long } from "./harness.mjs";
import { schedule, VALUES } from "./differential/random.mjs";
import { shapes, SHAPES } from "./differential/shapes.mjs";
import { deploy } from "./differential/sides.mjs";

const SCHEDULES = long ? 2_000 : 150;

/** Asks both; they must say the same. */
async function same(sides, what, ask) {
  const [live, mock] = [await ask(sides[0]), await ask(sides[1])];
  assert.deepEqual(live, mock, `Lentil (first) and convex-test (second) differ: ${what}`);
  return live;
}

test("random schedules of calls have the same outcomes as in convex-test", async (t) => {
  const app = await deploy(t);
  const seen = { steps: 0, errors: new Map() };
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const sides = [app.live(), app.mock()];
    await sides[0].call("mutation", "wipe", {});
    for (const [number, call] of schedule(seed).entries()) {
      const what = `seed ${seed}, call ${number}: ${text(call)}`;
      if (call.rows) await same(sides, what, (side) => side.pages(call.rows, call.numItems));
      else count(seen, await same(sides, what, (side) => side.steps(call.kind, call.steps)));
    }
  }
  t.diagnostic(`${SCHEDULES} schedules, ${seen.steps} steps; errors: ${[...seen.errors].map(([name, times]) => `${name} ${times}`).join(", ")}`);
  assert.deepEqual([...seen.errors.keys()].filter((name) => name.startsWith("unknown")), []);
  assert.ok(seen.steps > SCHEDULES * 10 && seen.errors.size >= 4, "too little was tried");
});

test("an index has values of every type in one order, and each range and filter the same documents", async (t) => {
  const app = await deploy(t);
  const sides = [app.live(), app.mock()];
  // Not in the order of the values, so that an index has something to do.
  const numbers = VALUES.map((_, n) => (n * 17) % VALUES.length);
  const inserts = numbers.map((n) => ["insert", "things", `v${n}`, { f: VALUES[n], g: n }]);
  await same(sides, "inserts", (side) => side.steps("mutation", inserts));
  const find = (more) => ["find", { table: "things", index: "by_f", ...more }, ["collect"]];
  const orders = await same(sides, "orders", (side) => side.steps("query", [find({}), find({ order: "desc" })]));
  const places = orders[0].value.map((row) => row.g);
  assert.deepEqual(places, VALUES.map((_, n) => n), "VALUES is in the order of the specification");
  for (const op of ["eq", "gt", "gte", "lt", "lte"]) {
    const ranges = VALUES.map((value) => find({ bounds: [[op, "f", value]] }));
    await same(sides, op, (side) => side.steps("query", ranges));
  }
  for (const op of ["eq", "neq"]) {
    const filters = VALUES.filter((value) => value !== "#absent").map((value) => find({ filters: [[op, ["field", "f"], ["value", value]]] }));
    await same(sides, `filter ${op}`, (side) => side.steps("query", filters));
  }
  for (const [n, value] of VALUES.entries()) {
    await same(sides, `argument ${n}`, (side) => side.steps("mutation", [["patch", `@v${n}`, { copy: value }], ["get", `@v${n}`]]));
  }
});

test("validators of every kind take and refuse the same arguments and results", async (t) => {
  const app = await deploy(t, { "convex/shapes.js": shapes() });
  const sides = [app.live(), app.mock()];
  const ids = [["insert", "others", "other", { n: 1 }], ["insert", "things", "thing", {}]];
  await same(sides, "ids", (side) => side.steps("mutation", ids));
  const objects = [{ a: "x" }, { a: 1, c: 1 }, { a: 1n }, [1n], [[1]], { kind: "a", x: 1 }, { kind: "b", x: 1 }];
  const values = [...VALUES, "other", "thing", ...objects];
  let refused = 0;
  for (const name of Object.keys(SHAPES)) {
    await Promise.all(values.map(async (value) => {
      for (const way of ["takes", "gives"]) {
        const done = await same(sides, `${way} ${name}: ${text(value)}`, async (side) => {
          const x = side.ids[value] ?? (value === "#absent" ? undefined : value);
          const { value: got, ...failed } = await side.call("query", `${name}_${way}`, { x }, "shapes");
          return side.form(got === undefined ? failed : { got });
        });
        if (done.failed) refused++;
      }
    }));
  }
  t.diagnostic(`${refused} refused`);
  assert.ok(refused > 500);
});

test("what a function throws reaches its caller, and leaves nothing behind", async (t) => {
  const app = await deploy(t);
  const sides = [app.live(), app.mock()];
  const values = ["plain", { code: 7 }, { big: 1n }, null, [1, "a"], "text", 5];
  for (const value of values) {
    for (const wait of [true, false]) {
      const done = await same(sides, text(value), (side) => side.call("mutation", "fails", { value, wait }));
      assert.ok(done.failed, text(done));
    }
  }
  const rows = await same(sides, "what is left", (side) => side.steps("query", [["find", { table: "things" }, ["collect"]]]));
  assert.deepEqual(rows, [{ value: [] }]);
});

test("system fields can be written as they are and not otherwise", async (t) => {
  const app = await deploy(t);
  const sides = [app.live(), app.mock()];
  const rows = [["insert", "things", "a", { f: 1 }], ["insert", "things", "b", { f: 2 }]];
  await same(sides, "rows", (side) => side.steps("mutation", rows));
  const steps = [];
  for (const verb of ["patch", "replace"]) {
    for (const value of [{ _id: "@a", f: 3 }, { _id: "@b", f: 4 }, { _creationTime: 1, f: 5 }, { f: 6 }]) steps.push([verb, "@a", value], ["get", "@a"]);
  }
  const outcomes = await same(sides, "writes", (side) => side.steps("mutation", steps));
  assert.deepEqual(outcomes.map(({ error, value }) => error ?? value?.f ?? null), [
    null, 3, "system fields", 3, "system fields", 3, null, 6, null, 3, "system fields", 3, "system fields", 3, null, 6,
  ]);
});

/** Known differences: [what, steps, outcome of the last step here, and in convex-test]. */
const DIFFERENCES = [
  ["system fields of inserts are refused", [["insert", "things", "a", { _creationTime: 1 }]], "system fields", null],
  [
    "filters compare values of all types in one order, not as JavaScript does",
    [["insert", "things", "a", { f: "a" }], ["find", { table: "things", filters: [["gt", ["field", "f"], ["value", 1]]] }, ["collect"]]],
    [{ _creationTime: "time", _id: "@a", f: "a" }], [],
  ],
  [
    "equalities of a range may come in any order",
    [["find", { table: "things", index: "by_f_g", bounds: [["eq", "g", 1], ["eq", "f", 1]] }, ["collect"]]], [], "index range",
  ],
  [
    "a field that the validator does not know can be removed",
    [["insert", "others", "a", { n: 1 }], ["patch", "@a", { g: "#absent" }]], null, "validator",
  ],
  ["documents have a depth", [["insert", "things", "a", nested(16)]], "too nested", null],
  ["documents have a size", [["insert", "things", "a", { f: "x".repeat(1 << 20) }]], "too large", null],
  [
    "an iterator that goes on sees what was written meanwhile",
    [["insert", "things", "a", { f: 1 }], ["writeInside"]], [1, 2], [1],
  ],
];

function nested(levels) {
  return levels === 0 ? { bottom: true } : { in: nested(levels - 1) };
}

test("the known differences are still what docs/compat.md says", async (t) => {
  const app = await deploy(t, { "convex/shapes.js": shapes() });
  for (const [what, steps, here, there] of DIFFERENCES) {
    const sides = [app.live(), app.mock()];
    await sides[0].call("mutation", "wipe", {});
    const outcomes = [];
    for (const side of sides) {
      const { value, error } = (await side.steps("mutation", steps)).at(-1);
      outcomes.push(error ?? value);
    }
    assert.deepEqual(outcomes, [here, there], what);
  }
  // A page that takes the last document: only the next one says that there is no more.
  const rows = { table: "things", index: "by_f" };
  const done = [];
  for (const side of [app.live(), app.mock()]) {
    await side.call("mutation", "wipe", {});
    await side.steps("mutation", [["insert", "things", "a", { f: 1 }]]);
    done.push((await side.call("query", "page", { rows, ids: {}, options: { numItems: 1, cursor: null } })).value.isDone);
  }
  assert.deepEqual(done, [false, true], "full pages");
  // Records and literals of int64 are not checked as they should be there.
  const refused = [];
  for (const side of [app.live(), app.mock()]) {
    for (const [name, x] of [["record", { a: "text" }], ["seven", 7n]]) {
      refused.push("failed" in (await side.call("query", `${name}_takes`, { x }, "shapes")));
    }
  }
  assert.deepEqual(refused, [true, false, false, true], "records and literals");
});

function count(seen, outcomes) {
  for (const outcome of Array.isArray(outcomes) ? outcomes : [outcomes]) {
    seen.steps++;
    if (outcome.error) seen.errors.set(outcome.error, (seen.errors.get(outcome.error) ?? 0) + 1);
  }
}

const text = (value) => JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `${one}n` : one));
