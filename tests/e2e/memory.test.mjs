// Memory of a live server and its executors comes back after a burst.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { Project, Server, basicApp, until } from "./harness.mjs";

const MIB = 1 << 20;
/** Executors give memory back when they have had nothing to do for so long. */
const REST_MS = 5_000;
/** How much larger than before a server may be that has heard 100 clients at once. */
const SERVER_GROWTH_MAX = 8 * MIB;

/** In large pages may be what the allocator has touched before `main`, where the system gives them unasked. */
const LARGE_MAX = 8 * MIB;

const app = {
  ...basicApp,
  "convex/heavy.ts": `
import { query } from "./_generated/server";
import { v } from "convex/values";
export const make = query({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    const all = [];
    for (let i = 0; i < 2e5; i++) all.push({ i, text: "x" + i + n });
    return all.length;
  },
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

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("after a burst of heavy queries the server and each of its executors are as small as before", { skip: process.platform !== "linux" }, async (t) => {
  const server = await Server.start(t, { args: ["--limit", "user_time_ms=20000"], env: { LENTIL_SHADOW_CHECKS: "0" } });
  const project = new Project(t, app);
  assert.equal((await project.convex(server, ["dev", "--once"])).code, 0);
  let asked = 0;
  const heavy = (count) =>
    Promise.all(Array.from({ length: count }, async () => {
      const { json } = await server.post("/api/query", { path: "heavy:make", args: { n: asked++ } });
      assert.equal(json.value, 2e5, JSON.stringify(json));
    }));
  const look = () => {
    const executors = childrenOf(server.child.pid).map((pid) => allocated(pid));
    return { server: allocated(server.child.pid), executor: Math.max(...executors.map(({ all }) => all)), executors };
  };
  const told = ({ server, executor }) => `server ${(server.all / MIB).toFixed(1)} MiB, the largest executor ${(executor / MIB).toFixed(1)} MiB`;

  await heavy(8);
  // Nothing tells when a process has given memory back.
  await pause(REST_MS + 3_000);
  const before = look();
  t.diagnostic(`8 heavy queries, idle: ${told(before)}`);
  await heavy(100);
  t.diagnostic(`100 more, busy: ${told(look())}`);
  const isBack = ({ server, executor }) => server.all <= before.server.all + SERVER_GROWTH_MAX && executor <= before.executor * 1.1;
  await until(() => isBack(look()), { limitMs: 30_000, everyMs: 500, what: "memory comes back" }).catch((error) => {
    throw new Error(`${error.message}: ${told(before)} before, ${told(look())} now`);
  });
  const after = look();
  t.diagnostic(`100 more, idle: ${told(after)}`);
  // One small object in each would hold 2 MiB.
  for (const { large } of [after.server, ...after.executors]) assert.ok(large <= LARGE_MAX, `${large} bytes in large pages`);
});
