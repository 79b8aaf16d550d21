// Memory of a live server and its executors comes back after a burst, and after pushes.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { Project, Server, basicApp, until } from "./harness.mjs";

const MIB = 1 << 20;
/** Executors give memory back when they have had nothing to do for so long. */
const REST_MS = 5_000;
/** How much larger than before anything may be after a burst. */
const GROWTH = 1.1;
/** And how much larger while pushes go on: each needs memory, but not more than the one before. */
const BUSY_GROWTH = 1.75;

/** In large pages may be what the allocator has touched before `main`, where the system gives them unasked. */
const LARGE_MAX = 8 * MIB;

/** What the last test's server keeps of results, and how much it may grow when it keeps no more. */
const KEPT_MAX = 16 * MIB;
const KEPT_GROWTH_MAX = 8 * MIB;

// Each call has another number, so that nobody has asked the same.
const app = {
  ...basicApp,
  "convex/ask.ts": `
import { query, mutation } from "./_generated/server";
import { v } from "convex/values";
const args = { n: v.number() };
export const light = query({ args, handler: async (ctx, { n }) => n });
export const heavy = query({
  args,
  handler: async (ctx, { n }) => {
    const all = [];
    for (let i = 0; i < 2e5; i++) all.push({ i, text: "x" + i + n });
    return all.length;
  },
});
export const one_by_one = query({
  args,
  handler: async (ctx) => {
    const all = await ctx.db.query("messages").collect();
    return (await Promise.all(all.map(({ _id }) => ctx.db.get(_id)))).length;
  },
});
export const fill = mutation({
  args,
  handler: async (ctx, { n }) => { for (let i = 0; i < n; i++) await ctx.db.insert("messages", { body: "x" }); },
});
`,
};

/** Bytes that a process has allocated, and how many of them are in large pages. */
function allocated(pid) {
  const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const [all, large] = ["Pss_Anon", "AnonHugePages"].map((name) => Number(new RegExp(`${name}: +(\\d+) kB`).exec(text)[1]) << 10);
  return { all, large };
}

const childrenOf = (pid) =>
  fs.readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => fs.readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" "))
    .filter(Boolean);

/** Asks questions that nobody has asked, many at once, and gives the answers. */
function asker(server) {
  let asked = 0;
  return (name, count) =>
    Promise.all(Array.from({ length: count }, async () => {
      const { json } = await server.post("/api/query", { path: `ask:${name}`, args: { n: asked++ } });
      assert.equal(json.status, "success", JSON.stringify(json));
      return json.value;
    }));
}

/** A module of at least so many bytes, unlike all others. */
function bundle(number, bytes) {
  const lines = [`import { query } from "./_deps/sdk.js";`, `export const number = query(() => ${number});`];
  const line = (at) => `export const g${at} = (o) => { const x = { a: o?.a ?? "${number}", b: [${at}] }; x.b.push(x.a); return x; };`;
  for (let at = 0, length = 0; length < bytes; length += lines.at(-1).length + 1) lines.push(line(at++));
  return lines.join("\n");
}

/** What such modules import: all that the server asks of a function. */
const SDK = `export const query = (handler) => Object.assign((...args) => handler({}, ...args), {
  isQuery: true, isPublic: true, _handler: handler, exportArgs: () => '{"type":"any"}', exportReturns: () => "null",
  invokeQuery: async (text) => JSON.stringify(await handler({}, ...JSON.parse(text))),
});`;

/** Pushes such a module as the CLI does, and calls what is in it. */
async function push(server, number, bytes) {
  const step = async (name, body) => {
    const { status, json, text } = await server.post(`/api/deploy2/${name}`, { adminKey: server.key, dryRun: false, ...body });
    assert.equal(status, 200, text);
    return json;
  };
  const changedModules = [["bundle.js", bundle(number, bytes)], ["_deps/sdk.js", SDK]].map(([path, source]) => ({ path, source, environment: "isolate" }));
  const appDefinition = { definition: null, dependencies: [], schema: null, changedModules, unchangedModuleHashes: [], udfServerVersion: "1.48.0" };
  const startPush = await step("start_push", { functions: "convex/", appDefinition, componentDefinitions: [], nodeDependencies: [] });
  assert.equal((await step("wait_for_schema", { schemaChange: startPush.schemaChange, timeoutMs: 60_000 })).type, "complete");
  await step("finish_push", { startPush });
  const { json } = await server.post("/api/query", { path: "bundle:number", args: {} });
  assert.equal(json.value, number, JSON.stringify(json));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("after a burst of heavy queries the server and each of its executors are as small as before", { skip: process.platform !== "linux" }, async (t) => {
  const server = await Server.start(t, { args: ["--limit", "user_time_ms=20000"], env: { LENTIL_SHADOW_CHECKS: "0" } });
  const project = new Project(t, app);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  const ask = asker(server);
  const look = () => {
    const executors = childrenOf(server.child.pid).map((pid) => allocated(pid));
    return { server: allocated(server.child.pid), executor: Math.max(...executors.map(({ all }) => all)), executors };
  };
  const told = ({ server, executor }) => `server ${(server.all / MIB).toFixed(1)} MiB, the largest executor ${(executor / MIB).toFixed(1)} MiB`;

  // One that was just started takes memory for its first connections, and for what it keeps.
  for (let round = 0; round < 5; round++) await ask("light", 100);
  await ask("heavy", 8);
  // Nothing tells when a process has given memory back.
  await pause(REST_MS + 3_000);
  const before = look();
  t.diagnostic(`in use, idle: ${told(before)}`);
  const answers = await ask("heavy", 100);
  assert.ok(answers.every((length) => length === 2e5));
  t.diagnostic(`100 heavy queries, busy: ${told(look())}`);
  const isBack = ({ server, executor }) => server.all <= before.server.all * GROWTH && executor <= before.executor * GROWTH;
  await until(() => isBack(look()), { limitMs: 30_000, everyMs: 500, what: "memory comes back" }).catch((error) => {
    throw new Error(`${error.message}: ${told(before)} before, ${told(look())} now`);
  });
  const after = look();
  t.diagnostic(`100 heavy queries, idle: ${told(after)}`);
  // One small object in each would hold 2 MiB.
  for (const { large } of [after.server, ...after.executors]) assert.ok(large <= LARGE_MAX, `${large} bytes in large pages`);
});

test("after many pushes the server is as small as after the first ones", { skip: process.platform !== "linux" }, async (t) => {
  const server = await Server.start(t, { env: { LENTIL_SHADOW_CHECKS: "0" } });
  const look = () => allocated(server.child.pid).all;
  const told = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;
  let pushed = 0;
  const pushes = async (count) => {
    let most = 0;
    for (const last = pushed + count; pushed < last; pushed++) {
      await push(server, pushed, 2e6);
      most = Math.max(most, look());
    }
    t.diagnostic(`${pushed} pushes of 2 MB, busy: at most ${told(most)}`);
    return most;
  };
  await pushes(15);
  await pause(REST_MS + 3_000);
  const before = look();
  t.diagnostic(`after a rest: ${told(before)}`);
  const most = await pushes(20);
  await until(() => look() <= before * GROWTH, { limitMs: 60_000, everyMs: 500, what: "memory comes back" }).catch((error) => {
    throw new Error(`${error.message}: ${told(before)} before, ${told(look())} now`);
  });
  t.diagnostic(`after a rest: ${told(look())}`);
  assert.ok(most <= before * BUSY_GROWTH, `${told(most)} while pushes went on, ${told(before)} before`);
});

test("results that are kept take no more memory than they may", { skip: process.platform !== "linux" }, async (t) => {
  const server = await Server.start(t, { args: ["--limit", `query_cache_bytes=${KEPT_MAX}`], env: { LENTIL_SHADOW_CHECKS: "0" } });
  const project = new Project(t, app);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  assert.equal((await server.post("/api/mutation", { path: "ask:fill", args: { n: 300 } })).json.status, "success");
  const ask = asker(server);
  const askAll = async (name, count) => {
    for (let left = count; left > 0; left -= 50) {
      const answers = await ask(name, Math.min(50, left));
      assert.ok(name === "light" || answers.every((read) => read === 300));
    }
  };
  const look = () => allocated(server.child.pid).all;
  // Small results, and ones that watch 300 documents each: what is kept is full after the first, and
  // the others take the place of those.
  for (const [name, first, more] of [["light", 9_000, 12_000], ["one_by_one", 250, 500]]) {
    await askAll(name, first);
    const before = look();
    await askAll(name, more);
    t.diagnostic(`${name}: ${(before / MIB).toFixed(1)} MiB after ${first}, ${(look() / MIB).toFixed(1)} MiB after ${more} more`);
    await until(() => look() <= before + KEPT_GROWTH_MAX, { limitMs: 20_000, everyMs: 500, what: `${name} stays within what may be kept` });
  }
});
