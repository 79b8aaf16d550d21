// Hundreds of hostile functions against one server that meanwhile serves others: each ends in what
// its row of `hostile/*.mjs` says, the others hardly notice, and nothing is left behind.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import { test } from "node:test";

import WebSocket from "ws";

import { Project, Server, temporaryFolder, until } from "./harness.mjs";
import { corpus, modules, objection } from "./hostile/corpus.mjs";
import { Neighbours, neighbourly, p99 } from "./hostile/neighbours.mjs";

globalThis.WebSocket ??= WebSocket;

const EXECUTORS = 2;
/** Executors that may run while slow functions and quick ones compete. */
const SEATS = 2 * EXECUTORS + 1;
const ACTION_EXECUTORS = 1;
/** What is lowered so that all of it ends soon. */
const LIMITS = ["user_time_ms=200", "heap_mib=32", "action_blocking_ms=500", "action_time_ms=1500", "action_heap_mib=64"];
/** Much longer than every deadline above, however busy the machine. */
const ENDS_WITHIN_MS = 15_000;
/** On a machine too busy to run it the time of a short function may be up, too: so often it is called again. */
const BUSY = 3;
const QUIET_MS = 3_000;
/** So many times as long as alone (two to three times are measured), and what one sample more or less may do. */
const SLOWER = 5;
const SLACK_MS = 40;
/** What the machine may have to do before without being too busy to measure anything. */
const BUSY_LOAD = 2 * os.availableParallelism();
/** Writes that may be on their way. */
const QUIET_UNSEEN = 2;
/** Connections of the clients, which are kept alive; far fewer than the executors that were replaced. */
const CONNECTIONS_MAX = 40;
const MEMORY_GROWTH_MAX = 192 << 20;

/** What of the server's process could be left over. */
function belongings(server) {
  const pid = server.child.pid;
  const children = fs.readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => fs.readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" "))
    .filter(Boolean);
  return { children, descriptors: fs.readdirSync(`/proc/${pid}/fd`).length, memory: server.memory() };
}

const isZombie = (pid) => / Z /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8").replace(/\(.*\)/, ""));

/** Calls one function; what is wrong with how it ended, if anything is. */
async function attack(server, each, more = BUSY) {
  const since = performance.now();
  const { json, text } = await server.post(`/api/${each.kind}`, { path: each.path, args: {} });
  const took = Math.round(performance.now() - since);
  const wrong = objection(each.outcome, json ?? {});
  if (wrong && more > 0 && /timed out \(maximum|too busy to run/.test(text)) return attack(server, each, more - 1);
  if (process.env.LENTIL_VERBOSE) console.log(`${took} ms ${each.title}: ${text.slice(0, 160)}`);
  if (wrong) return `${each.title}: ${wrong}, but it is ${text.slice(0, 300)}`;
  if (took > ENDS_WITHIN_MS) return `${each.title}: took ${took} ms`;
  return undefined;
}

/** The answer to a call that does no harm. */
async function harmless(server, kind, path, more = BUSY) {
  const { json } = await server.post(`/api/${kind}`, { path, args: {} });
  return more > 0 && /timed out|too busy to run/.test(json.errorMessage ?? json.message) ? harmless(server, kind, path, more - 1) : json;
}

/** One after the other. */
async function lane(server, cases, wrong, after = async () => {}) {
  for (const each of cases) {
    const said = await attack(server, each).catch((error) => `${each.title}: ${error.message}`);
    if (said) wrong.push(said);
    await after(each, wrong);
  }
}

/** Begins a push of one module; what is wrong with what the server says of it. */
async function pushModule(server, [title, source, outcome]) {
  const since = performance.now();
  const { status, text } = await server.post("/api/deploy2/start_push", {
    adminKey: server.key, dryRun: false, functions: "convex/",
    appDefinition: {
      definition: null, dependencies: [], schema: null, unchangedModuleHashes: [], udfServerVersion: "1.48.0",
      changedModules: [{ path: "hostile.js", source, environment: "isolate" }],
    },
    componentDefinitions: [], nodeDependencies: [],
  });
  const took = Math.round(performance.now() - since);
  if (process.env.LENTIL_VERBOSE) console.log(`${took} ms ${title}: ${status} ${text.slice(0, 160)}`);
  if (took > 2 * ENDS_WITHIN_MS) return `a module, ${title}: took ${took} ms`;
  if (outcome === undefined) return status >= 500 ? `a module, ${title}: ${text}` : undefined;
  return status >= 400 && status < 500 && outcome.test(text) ? undefined : `a module, ${title}: ${status} ${text.slice(0, 300)}`;
}

async function deployed(t, temporary) {
  const server = await Server.start(t, {
    args: [
      "--executors", String(EXECUTORS), "--action-executors", String(ACTION_EXECUTORS), "--action-network", "public-only",
      ...LIMITS.flatMap((limit) => ["--limit", limit]),
    ],
    // Running every call twice would be most of the work.
    env: { TMPDIR: temporary, LENTIL_SHADOW_CHECKS: "20" },
  });
  const { files, cases } = corpus(server.port);
  const project = new Project(t, { ...neighbourly, ...files });
  const push = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(push.code, 0, push.stderr);
  return { server, cases };
}

test("hostile functions end by name, the neighbours hardly notice, and nothing is left", async (t) => {
  const temporary = temporaryFolder(t);
  const { server, cases } = await deployed(t, temporary);
  assert.ok(cases.length + modules.length >= 200, `${cases.length} cases`);
  const before = belongings(server);
  const first = await harmless(server, "mutation", "bridge:clean");
  assert.equal(first.status, "success", JSON.stringify(first));

  const neighbours = new Neighbours(t, server);
  const listen = async () => {
    await new Promise((done) => setTimeout(done, QUIET_MS));
    return neighbours.take();
  };
  const [load] = os.loadavg();
  const quiet = [await listen()];

  const wrong = [];
  const only = process.env.LENTIL_ONLY;
  const of = (name) => cases.filter((each) => each.lane === name && (!only || each.title.includes(only)));
  const stillClean = async (each) => {
    if (!each.path.startsWith("bridge:")) return;
    const json = await harmless(server, "mutation", "bridge:clean");
    if (json.value !== first.value) wrong.push(`after ${each.title}: ${JSON.stringify(json)}`);
  };
  const pushes = async () => {
    for (const each of only ? [] : modules) {
      const said = await pushModule(server, each);
      if (said) wrong.push(said);
    }
  };
  await Promise.all([
    lane(server, of("hungry"), wrong).then(pushes),
    lane(server, of("quick"), wrong, stillClean),
    lane(server, of("acting"), wrong),
  ]);
  const loud = neighbours.take();
  await until(() => neighbours.unseen <= QUIET_UNSEEN, { what: "the subscription has caught up" });
  neighbours.take();
  quiet.push(await listen());
  neighbours.rest();

  for (const said of wrong) t.diagnostic(said);
  const slow = ["calls", "updates"].map((what) => slowness(t, what, quiet, loud)).filter(Boolean);
  assert.equal(wrong.length, 0, `${wrong.length} of ${cases.length + modules.length} cases`);
  await until(() => neighbours.unseen === 0, { what: "the subscription shows every write" });
  const failures = neighbours.failures.map((error) => error.message);
  assert.deepEqual(load > BUSY_LOAD ? failures.filter((text) => !/timed out \(maximum/.test(text)) : failures, []);
  // Where others have the processors, times say nothing about Lentil.
  if (load <= BUSY_LOAD) assert.deepEqual(slow, []);
  else t.diagnostic(`the load was ${load} before: how long neighbours waited is not judged`);
  await nothingIsLeft(t, server, before, temporary);
});

/** Compares how long neighbours waited with how long they did before and after; what is wrong with it. */
function slowness(t, what, quiet, loud) {
  // The machine has other work, too: the slower of two quiet times says more about it.
  const alone = Math.max(...quiet.map((each) => p99(each[what])));
  const together = p99(loud[what]);
  t.diagnostic(`${what}: p99 ${alone.toFixed(1)} ms alone, ${together.toFixed(1)} ms of ${loud[what].length} with them`);
  return together < SLOWER * alone + SLACK_MS ? undefined : `${what}: p99 ${together} ms, ${alone} ms alone`;
}

/** Executors are others than at first and serve; there are no more processes, descriptors, files, memory. */
async function nothingIsLeft(t, server, before, temporary) {
  const probe = () => harmless(server, "mutation", "bridge:fine");
  const answers = await Promise.all(Array.from({ length: 8 }, probe));
  for (const json of answers) assert.equal(json.value, "fine");
  const acting = await harmless(server, "action", "actors:c0");
  assert.equal(acting.value, false, "the first attempt of actions finds nothing of another realm");

  const after = await until(() => {
    const now = belongings(server);
    return now.children.length <= SEATS + ACTION_EXECUTORS && !now.children.some(isZombie) ? now : undefined;
  }, { what: "processes that have ended" });
  for (const pid of before.children) assert.ok(!after.children.includes(pid), `executor ${pid} was never replaced`);
  t.diagnostic(`descriptors ${before.descriptors} → ${after.descriptors}, memory ${before.memory >> 20} → ${after.memory >> 20} MiB`);
  assert.ok(after.descriptors <= before.descriptors + CONNECTIONS_MAX, `${before.descriptors} descriptors became ${after.descriptors}`);
  assert.ok(after.memory < before.memory + MEMORY_GROWTH_MAX, `${before.memory} bytes became ${after.memory}`);
  assert.deepEqual(fs.readdirSync(temporary), []);
  assert.doesNotMatch(server.log, /panicked/);
}
