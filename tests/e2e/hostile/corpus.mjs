// Makes an app of the tables of hostile functions, and says what has to come of each of them.
//
// A row is `[title, body, outcome]`: the body of a handler that has `ctx`, and what its call must
// end in. An outcome that is a regular expression is an error with such a text; one that has
// `value` or `error` is one of the two; anything else is the value itself.

import assert from "node:assert/strict";

import { pollution, forgeries } from "./bridge.mjs";
import { code, constructors, errors, machine, sockets } from "./escapes.mjs";
import { blocking, loops } from "./loops.mjs";
import { memory, results, stacks } from "./memory.mjs";

/** Functions that use up what they get are called one at a time: the other executor serves. */
const HUNGRY = "hungry";
const QUICK = "quick";
const ACTING = "acting";

/** What the built-ins look like from inside: a call that differs sees what another has changed. */
const CLEAN = `
export const clean = mutation({ args: {}, handler: async () => {
  const seen = [];
  const look = (object, path) => {
    for (const name of Reflect.ownKeys(object)) {
      const { value, get, set, writable } = Object.getOwnPropertyDescriptor(object, name);
      const text = typeof value === "function" ? String(value).length : typeof value;
      seen.push(path + String(name) + [text, typeof get, typeof set, writable].join());
      if (typeof value === "function" && value.prototype && path === "") look(value.prototype, String(name) + ".");
    }
  };
  for (const it of [Object, Array, String, Promise, JSON, Reflect, Function, Error, Map, Set, RegExp, Date, Number, Math, Convex, console]) {
    look(it, "");
    if (it.prototype) look(it.prototype, "prototype.");
  }
  let hash = 0;
  for (const line of seen) for (let i = 0; i < line.length; i++) hash = (hash * 31 + line.charCodeAt(i)) | 0;
  return seen.length + " " + hash;
} });
export const fine = mutation({ args: {}, handler: async () => "fine" });
export const nest = mutation({ args: {}, handler: async (ctx) => await ctx.runMutation("bridge:nest", {}) });
`;

function group(name, kind, lane, rows, more = "") {
  const functions = rows.map(([title, body], i) =>
    `// ${title}\nexport const c${i} = ${kind}({ args: {}, handler: async (ctx) => {\n${body}\n} });\n`);
  const text = `import { ${[...new Set([kind, "mutation"])].join(", ")} } from "./_generated/server";\n${functions.join("")}${more}`;
  const cases = rows.map(([title, , outcome], i) => ({ title: `${name}: ${title}`, path: `${name}:c${i}`, kind, lane, outcome }));
  return { file: `convex/${name}.js`, text, cases };
}

/** Files of the app, and its cases. */
export function corpus(port) {
  const groups = [
    group("loops", "query", HUNGRY, loops),
    group("memory", "query", HUNGRY, memory),
    group("blocking", "action", ACTING, blocking),
    group("sockets", "action", ACTING, sockets(port)),
    group("stacks", "query", QUICK, stacks),
    group("results", "query", QUICK, results),
    group("constructors", "query", QUICK, constructors),
    group("errors", "query", QUICK, errors),
    group("machine", "query", QUICK, machine),
    group("code", "query", QUICK, code),
    group("bridge", "mutation", QUICK, [...pollution, ...forgeries], CLEAN),
    group("actors", "action", ACTING, [...constructors.filter(([, body]) => !body.includes("ctx.db")), ...machine.filter(([title]) => !NOT_IN_ACTIONS.includes(title))]),
  ];
  return {
    files: Object.fromEntries(groups.map(({ file, text }) => [file, text])),
    cases: groups.flatMap((each) => each.cases),
  };
}

/** What actions may do. */
const NOT_IN_ACTIONS = ["waiting on memory", "a time that counts"];

/** Why an answer of the server is not the outcome that a case must have; nothing if it is. */
export function objection(outcome, answer) {
  if (answer.status !== "success" && answer.status !== "error") return "neither a value nor an error";
  const { value, error } = outcome instanceof RegExp ? { error: outcome }
    : outcome !== null && typeof outcome === "object" ? outcome : { value: outcome };
  if (answer.status === "error") {
    if (error === undefined) return "no error was expected";
    const said = answer.errorMessage.replace(/^\[Request ID: \w+\] Server Error\n/, "");
    return error.test(said) ? undefined : `the error should be like ${error}`;
  }
  if (value === undefined) return "an error was expected";
  if (value instanceof RegExp) return value.test(String(answer.value)) ? undefined : `the value should be like ${value}`;
  try {
    assert.deepEqual(answer.value, value);
    return undefined;
  } catch {
    return `the value should be ${JSON.stringify(value)}`;
  }
}

/** Modules that cannot be pushed, and what the push says. */
export const modules = [
  ["one that loops", "for (;;) {}", /timed out|too long/],
  ["one that takes all memory", "const all = []; for (;;) all.push(new Array(1e5).fill({}));", /out of memory|timed out/],
  ["one that waits for ever", "await new Promise(() => {});", /await|top-level|syntax/i],
  ["one that throws", "throw new Error('not this time');", /not this time/],
  ["one that throws a proxy", "throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; } });", /Uncaught|#<Object>|Failed/],
  ["one without a bottom", "const f = () => f() + 1; f();", /Maximum call stack/],
  ["one that is no JavaScript", "export const = 1;", /Unexpected|syntax/i],
  ["one that looks for Node", "process.exit(1);", /not a function/],
  ["one that makes code", "new Function('return 1')();", /Code generation from strings/],
  ["one that calls the server", "Convex.syscall('1.0/queryStream', '{}');", /import time/],
  ["one whose export lies", "export const f = Object.assign(() => 1, { isQuery: true, isPublic: true, invokeQuery: () => '1', exportArgs() { for (;;); } });", /timed out|too long/],
  ["one whose validator is no JSON", "export const f = Object.assign(() => 1, { isQuery: true, isPublic: true, invokeQuery: () => '1', exportArgs: () => '{' });", /JSON/],
  ["one that replaces JSON", "JSON.stringify = () => '{'; export const f = Object.assign(() => 1, { isQuery: true, isPublic: true, invokeQuery: () => '1' });", undefined],
];
