// The stock CLI pushes while something is missing, wrong or in a race: numbered scenarios of the
// CLI specification, section 21. Those that only show what the CLI does against servers that lack
// endpoints or fail (14, 18, the second half of 5), and those of components (27, 28, 30), have no
// test here.

import assert from "node:assert/strict";
import { test } from "node:test";

import { between } from "./between.mjs";
import { Project, Server, basicApp, lentil, run, until } from "./harness.mjs";

const START = "/api/deploy2/start_push";
const FINISH = "/api/deploy2/finish_push";
const WAIT = "/api/deploy2/wait_for_schema";

const extra = (value) => `import { query } from "./_generated/server";
export const two = query({ args: {}, handler: async () => ${value} });`;

test("2, 3: only what was changed is sent", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, { ...basicApp, "convex/extra.ts": extra(2) });
  // Before the first push there are no generated files, which are part of what the next one sends.
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  const link = await between(t, server);
  for (let n = 0; n < 2; n++) {
    const pushed = await project.convex(link.server, ["dev", "--once"]);
    assert.equal(pushed.code, 0, pushed.stderr);
  }
  project.write({ "convex/extra.ts": extra(3) });
  assert.equal((await project.convex(link.server, ["dev", "--once"])).code, 0);
  const changed = link.sent(START).map((push) => push.appDefinition.changedModules.map((module) => module.path).sort());
  assert.ok(changed[0].includes("messages.js") && changed[0].includes("extra.js"), `${changed[0]}`);
  assert.deepEqual(changed[1], []);
  assert.deepEqual(changed[2].filter((path) => !path.startsWith("_deps/")), ["extra.js"]);
  const kept = link.sent(START)[1].appDefinition.unchangedModuleHashes.map((module) => module.path);
  assert.deepEqual(kept.sort(), changed[0]);
  assert.equal((await project.convex(server, ["run", "extra:two"])).stdout.trim(), "3");
});

test("8, 10: a variable that auth.config.ts needs is named, and dev pushes once it is set", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, {
    ...basicApp,
    "convex/auth.config.ts": `export default { providers: [{ domain: process.env.AUTH_DOMAIN!, applicationID: "convex" }] };`,
  });
  const args = ["--typecheck", "disable"];
  const once = await project.convex(server, ["dev", "--once", ...args]);
  assert.equal(once.code, 1, once.stderr);
  assert.match(once.stderr, /AUTH_DOMAIN/);
  assert.match(once.stderr, /env set/);
  const dev = project.convexRunning(t, server, ["dev", "--tail-logs", "disable", ...args]);
  await until(() => /AUTH_DOMAIN/.test(dev.stderr), { limitMs: 40_000, what: `the refusal\n${dev.stderr}` });
  const set = await project.convex(server, ["env", "set", "AUTH_DOMAIN", "https://login.example.com"]);
  assert.equal(set.code, 0, set.stderr);
  await until(() => /Convex functions ready!/.test(dev.stderr), { limitMs: 40_000, what: `the push\n${dev.stderr}` });
});

test("9, 29: variables that convex.config.ts requires are listed, and the push changes nothing", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, {
    ...basicApp,
    "convex/convex.config.ts": `import { defineApp } from "convex/server";
import { v } from "convex/values";
export default defineApp({ env: { FIRST_ONE: v.string(), SECOND_ONE: v.string() } });`,
  });
  const link = await between(t, server);
  const refused = await project.convex(link.server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, /FIRST_ONE[\s\S]*SECOND_ONE/);
  assert.equal(link.sent(FINISH).length, 1, "the push began");
  assert.equal((await project.convex(server, ["run", "messages:list"])).code, 1, "nothing was pushed");
  for (const name of ["FIRST_ONE", "SECOND_ONE"]) {
    assert.equal((await project.convex(server, ["env", "set", name, "x"])).code, 0);
  }
  const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.stderr);
});

test("11: deploy fails over a document that does not match, too", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(server, ["deploy"])).code, 0);
  assert.equal((await project.convex(server, ["run", "messages:send", '{"body":"kept"}'])).code, 0);
  project.write({ "convex/schema.ts": basicApp["convex/schema.ts"].replace("v.string(), author", "v.number(), author") });
  const violated = await project.convex(server, ["deploy", "--typecheck", "disable"]);
  assert.equal(violated.code, 1, violated.stderr);
  assert.match(violated.stderr, /does not match the schema/);
});

test("13: of two pushes that change the schema at a time, the earlier one gives way", async (t) => {
  const server = await Server.start(t);
  const slow = new Project(t, basicApp);
  const quick = new Project(t, {
    ...basicApp,
    "convex/schema.ts": basicApp["convex/schema.ts"].replace('["author"]', '["author", "body"]'),
  });
  const overtake = async () => {
    const pushed = await quick.convex(server, ["deploy", "--typecheck", "disable"]);
    assert.equal(pushed.code, 0, pushed.stderr);
  };
  const link = await between(t, server, { [WAIT]: [overtake] });
  const lost = await slow.convex(link.server, ["deploy", "--typecheck", "disable"], { limitMs: 120_000 });
  assert.equal(lost.code, 1, lost.stderr);
  assert.match(lost.stderr, /another push/);
  assert.equal(link.sent(FINISH).length, 0);
});

test("15, 16: a variable that changes between the halves of a push makes it fail with a message", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  const change = async () => {
    assert.equal((await project.convex(server, ["env", "set", "CHANGED", "meanwhile"])).code, 0);
  };
  const link = await between(t, server, { [FINISH]: [change] });
  const lost = await project.convex(link.server, ["deploy", "--typecheck", "disable"]);
  assert.equal(lost.code, 1, lost.stderr);
  assert.match(lost.stderr, /environment variables/i);
  assert.equal((await project.convex(server, ["run", "messages:list"])).code, 1, "nothing was pushed");
  const again = await project.convex(link.server, ["deploy", "--typecheck", "disable"]);
  assert.equal(again.code, 0, again.stderr);
});

test("17: deploy does without evaluate_schema, by evaluate_push", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  const missing = () => ({ status: 404, json: { code: "NotFound", message: "no such endpoint" } });
  const link = await between(t, server, { "/api/deploy2/evaluate_schema": Array.from({ length: 8 }, () => missing) });
  const deployed = await project.convex(link.server, ["deploy", "--typecheck", "disable"]);
  assert.equal(deployed.code, 0, deployed.stderr);
  assert.ok(link.sent("/api/deploy2/evaluate_push").length > 0);
});

test("20: removing an index of a large table wants a yes", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  assert.equal((await project.convex(server, ["deploy"])).code, 0);
  const line = `${JSON.stringify({ body: "x", author: "a" })}\n`;
  project.write({ "many.jsonl": line.repeat(100_000) });
  const filled = await run(lentil, ["import", "many.jsonl", "--table", "messages", "--data", server.data], {
    cwd: project.folder,
    limitMs: 600_000,
  });
  assert.equal(filled.code, 0, filled.stderr);
  project.write({
    "convex/schema.ts": basicApp["convex/schema.ts"].replace('.index("by_author", ["author"])', ""),
    "convex/messages.ts": basicApp["convex/messages.ts"].replace('.withIndex("by_author", (q) => q.eq("author", author))', ""),
  });
  const asked = await project.convex(server, ["deploy", "--typecheck", "disable"]);
  assert.equal(asked.code, 1, asked.stderr);
  assert.match(asked.stderr, /by_author/);
  const forced = await project.convex(server, ["deploy", "--typecheck", "disable", "--skip-large-indexes-check"], { limitMs: 120_000 });
  assert.equal(forced.code, 0, forced.stderr);
});

test("24, 40: flags of the cloud are refused before anything is asked", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, basicApp);
  const link = await between(t, server);
  for (const command of [["deploy", "--preview-name", "x"], ["run", "messages:list", "--prod"]]) {
    const refused = await project.convex(link.server, command);
    assert.equal(refused.code, 1, refused.stderr);
  }
  assert.deepEqual(link.seen, []);
});

test("25, 26: codegen asks twice, deploys nothing, and stands in nobody's way", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, { ...basicApp, "convex/extra.ts": extra(2) });
  const link = await between(t, server);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  project.write({
    "convex/extra.ts": extra(3),
    "convex/schema.ts": basicApp["convex/schema.ts"].replace('"by_author"', '"by_writer"'),
  });
  const generated = await project.convex(link.server, ["codegen", "--typecheck", "disable"]);
  assert.equal(generated.code, 0, generated.stderr);
  assert.deepEqual(link.seen.map((asked) => asked.path), ["/api/get_config_hashes", START]);
  assert.equal((await project.convex(server, ["run", "extra:two"])).stdout.trim(), "2");
  project.write({ "convex/schema.ts": basicApp["convex/schema.ts"].replace('["author"]', '["author", "body"]') });
  const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.equal((await project.convex(server, ["run", "extra:two"])).stdout.trim(), "3");
});
