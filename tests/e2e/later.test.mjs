// Scheduled functions and cron jobs with the stock CLI and client, and through kills of the server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";

import { Project, Server, long, until } from "./harness.mjs";

globalThis.WebSocket ??= WebSocket;
const api = anyApi;

const app = {
  "convex/schema.ts": `
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({
  notes: defineTable({ body: v.string() }),
  done: defineTable({ n: v.number() }).index("by_n", ["n"]),
});
`,
  "convex/later.ts": `
import { action, internalAction, internalMutation, mutation, query } from "./_generated/server";
import { internal } from "./_generated/api";
import { v } from "convex/values";

export const remind = mutation({
  args: { body: v.string(), afterMs: v.number() },
  handler: async (ctx, { body, afterMs }) => await ctx.scheduler.runAfter(afterMs, internal.later.note, { body }),
});
export const remindAt = mutation({
  args: { body: v.string(), at: v.number() },
  handler: async (ctx, { body, at }) => await ctx.scheduler.runAt(new Date(at), internal.later.note, { body }),
});
export const cancel = mutation({
  args: { id: v.id("_scheduled_functions") },
  handler: async (ctx, { id }) => await ctx.scheduler.cancel(id),
});
export const note = internalMutation({
  args: { body: v.string() },
  handler: async (ctx, { body }) => void (await ctx.db.insert("notes", { body })),
});
export const notes = query(async (ctx) => (await ctx.db.query("notes").collect()).map(({ body }) => body));
export const job = query({
  args: { id: v.id("_scheduled_functions") },
  handler: async (ctx, { id }) => await ctx.db.system.get(id),
});
export const states = query(async (ctx) => {
  const jobs = await ctx.db.system.query("_scheduled_functions").order("desc").take(10);
  return jobs.map((job) => [job.args[0].body, job.state.kind]);
});

export const actLater = mutation({
  args: { body: v.string() },
  handler: async (ctx, { body }) => await ctx.scheduler.runAfter(0, internal.later.act, { body }),
});
export const act = internalAction({
  args: { body: v.string() },
  handler: async (ctx, { body }) => {
    if (body === "fail") throw new Error("no such service");
    await ctx.runMutation(internal.later.note, { body });
  },
});
export const actionSchedules = action({
  args: {},
  handler: async (ctx) => {
    const soon = await ctx.scheduler.runAfter(0, internal.later.note, { body: "from an action" });
    const never = await ctx.scheduler.runAfter(3_600_000, internal.later.note, { body: "never" });
    await ctx.scheduler.cancel(never);
    return [soon, never];
  },
});

export const scheduleMany = mutation({
  args: { from: v.number(), count: v.number() },
  handler: async (ctx, { from, count }) => {
    for (let n = from; n < from + count; n++) await ctx.scheduler.runAfter(0, internal.later.finish, { n });
  },
});
export const finish = internalMutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => void (await ctx.db.insert("done", { n })),
});
export const finished = query(async (ctx) => await (ctx.db.query("done") as any).count());
export const range = query({
  args: { from: v.number(), to: v.number() },
  handler: async (ctx, { from, to }) =>
    (await ctx.db.query("done").withIndex("by_n", (q) => q.gte("n", from).lt("n", to)).collect()).map(({ n }) => n),
});
`,
};

const crons = (seconds) => `
import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";
const crons = cronJobs();
crons.interval("tick", { seconds: ${seconds} }, internal.later.note, { body: "tick" });
crons.daily("daily", { hourUTC: 17, minuteUTC: 30 }, internal.later.note, { body: "daily" });
crons.cron("first monday", "0 9 * * MON#1", internal.later.note, { body: "monday" });
export default crons;
`;

async function pushed(t, files = app, options = {}) {
  const server = await Server.start(t, options);
  const project = new Project(t, files);
  await push(server, project);
  return { server, project };
}

async function push(server, project) {
  const result = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(result.code, 0, result.stderr);
}

function client(t, server) {
  const made = new ConvexClient(server.url);
  t.after(() => made.close());
  return made;
}

test("a subscription to _scheduled_functions sees a function wait, run and be canceled", async (t) => {
  const { server, project } = await pushed(t);
  const one = client(t, server);
  const id = await one.mutation(api.later.remind, { body: "soon", afterMs: 300 });
  const seen = [];
  one.onUpdate(api.later.job, { id }, (job) => seen.push(job));
  await until(() => seen.at(-1)?.state.kind === "success", { what: "the function has run" });
  assert.equal(seen[0].state.kind, "pending");
  assert.equal(seen[0].name, "later.js:note");
  assert.deepEqual(seen[0].args, [{ body: "soon" }]);
  assert.ok(seen.at(-1).completedTime >= seen[0].scheduledTime, JSON.stringify(seen));
  assert.deepEqual(await one.query(api.later.notes, {}), ["soon"]);

  const never = await one.mutation(api.later.remindAt, { body: "never", at: Date.now() + 3_600_000 });
  const states = [];
  one.onUpdate(api.later.states, {}, (rows) => states.push(Object.fromEntries(rows)));
  await until(() => states.at(-1)?.never === "pending", { what: "the row" });
  await one.mutation(api.later.cancel, { id: never });
  await until(() => states.at(-1)?.never === "canceled", { what: "the cancellation" });
  await one.mutation(api.later.cancel, { id: never });
  await one.mutation(api.later.cancel, { id });
  assert.equal((await one.query(api.later.job, { id })).state.kind, "success");

  const table = await project.convex(server, ["data", "_scheduled_functions", "--format", "jsonl"]);
  assert.equal(table.code, 0, table.stderr);
  const rows = table.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(rows.map((row) => row.state.kind).sort(), ["canceled", "success"]);
});

test("actions run later, once, and schedule and cancel themselves", async (t) => {
  const { server } = await pushed(t);
  const client = new ConvexHttpClient(server.url);
  const state = async (id) => (await client.query(api.later.job, { id })).state;
  const ended = (id) => until(async () => !["pending", "inProgress"].includes((await state(id)).kind));
  const works = await client.mutation(api.later.actLater, { body: "acted" });
  const fails = await client.mutation(api.later.actLater, { body: "fail" });
  const [soon, never] = await client.action(api.later.actionSchedules, {});
  for (const id of [works, fails, soon]) await ended(id);
  assert.deepEqual(await state(works), { kind: "success" });
  const failure = await state(fails);
  assert.equal(failure.kind, "failed");
  assert.match(failure.error, /no such service/);
  assert.deepEqual(await state(soon), { kind: "success" });
  assert.deepEqual(await state(never), { kind: "canceled" });
  assert.deepEqual((await client.query(api.later.notes, {})).sort(), ["acted", "from an action"]);
});

test("an admin sees what waits and cancels it", async (t) => {
  const { server, project } = await pushed(t);
  const one = new ConvexHttpClient(server.url);
  const [first, second, third] = await Promise.all(
    ["c", "b", "a"].map((body, n) => one.mutation(api.later.remind, { body, afterMs: 3_600_000 * (n + 1) })),
  );
  const state = async (id) => (await one.query(api.later.job, { id })).state.kind;
  const waiting = async (more = {}) => {
    const args = JSON.stringify({ paginationOpts: { cursor: null, numItems: 2 }, ...more });
    const page = await project.convex(server, ["run", "_system/frontend/paginatedScheduledJobs", args]);
    assert.equal(page.code, 0, page.stderr);
    return JSON.parse(page.stdout);
  };
  const page = await waiting();
  assert.deepEqual(page.page.map((job) => job._id), [first, second]);
  assert.equal(page.isDone, false);
  const next = await waiting({ paginationOpts: { cursor: page.continueCursor, numItems: 2 } });
  assert.deepEqual(next.page.map((job) => [job._id, job.udfPath]), [[third, "later.js:note"]]);
  assert.equal(next.isDone, true);
  const { argsId } = next.page[0];
  const args = await project.convex(server, ["run", "_system/frontend/scheduler:getArgs", JSON.stringify({ argsId })]);
  assert.deepEqual(JSON.parse(args.stdout), [{ body: "a" }]);

  const admin = { authorization: `Convex ${server.key}` };
  const body = { id: first, componentId: null };
  assert.equal((await server.post("/api/cancel_job", body)).status, 403);
  assert.equal(await state(first), "pending");
  assert.equal((await server.post("/api/cancel_job", body, admin)).status, 200);
  assert.equal(await state(first), "canceled");
  const unknown = await server.post("/api/cancel_job", { id: "nothing", componentId: null }, admin);
  assert.deepEqual([unknown.status, unknown.json.code], [400, "InvalidArgument"]);
  assert.equal((await server.post("/api/cancel_all_jobs", { udfPath: "later:finish" }, admin)).status, 200);
  assert.equal(await state(second), "pending");
  assert.equal((await server.post("/api/cancel_all_jobs", { udfPath: "later.js:note" }, admin)).status, 200);
  assert.deepEqual(await Promise.all([second, third].map(state)), ["canceled", "canceled"]);
  assert.deepEqual((await waiting()).page, []);
});

test("cron jobs run after the push, keep on after a restart, and end with the push that drops them", async (t) => {
  const { server, project } = await pushed(t, { ...app, "convex/crons.ts": crons(1) });
  const one = new ConvexHttpClient(server.url);
  const ticks = async () => (await one.query(api.later.notes, {})).filter((body) => body === "tick").length;
  await until(async () => (await ticks()) >= 2, { what: "two runs" });
  const jobs = await project.convex(server, ["run", "_system/frontend/listCronJobs"]);
  assert.equal(jobs.code, 0, jobs.stderr);
  const byName = Object.fromEntries(JSON.parse(jobs.stdout).map((job) => [job.name, job]));
  assert.deepEqual(Object.keys(byName).sort(), ["daily", "first monday", "tick"]);
  assert.equal(byName.tick.lastRun.status.type, "success");
  assert.deepEqual(byName["first monday"].cronSpec.cronSchedule, { type: "cron", cronExpr: "0 9 * * MON#1" });

  await server.kill();
  await server.restart();
  const before = await ticks();
  await until(async () => (await ticks()) > before, { what: "a run after the restart" });

  project.write({ "convex/crons.ts": crons(1).replace(/crons\.interval.*\n/, "") });
  await push(server, project);
  const after = await ticks();
  // Another job of the same table has its time meanwhile.
  const id = await one.mutation(api.later.remind, { body: "later", afterMs: 1_500 });
  await until(async () => (await one.query(api.later.job, { id })).state.kind === "success", { what: "the reminder" });
  assert.equal(await ticks(), after);
  assert.deepEqual((await one.query(api.later.notes, {})).filter((body) => body !== "tick"), ["later"]);
});

test("a cron job that is none fails the push", async (t) => {
  const { server, project } = await pushed(t);
  project.write({ "convex/crons.ts": crons(1).replace("MON#1", "7") });
  const result = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.notEqual(result.code, 0);
  assert.match(result.stderr, /the job "first monday": cron expression "0 9 \* \* 7"/);
});

test("killed in the middle of 1,000 scheduled mutations, again and again: nothing is lost or doubled", async (t) => {
  const cycles = long ? 200 : 10;
  const each = 1_000;
  // A mutation that runs out of time has failed, and is neither lost nor run again: on a machine too
  // busy to run it, that is not what is looked for here.
  const { server } = await pushed(t, app, { args: ["--limit", "user_time_ms=30000"] });
  const one = new ConvexHttpClient(server.url);
  const finished = () => one.query(api.later.finished, {});
  for (let cycle = 0; cycle < cycles; cycle++) {
    const from = cycle * each;
    await one.mutation(api.later.scheduleMany, { from, count: each });
    // Anywhere from the first to the last of them.
    const enough = from + Math.floor((each * (cycle + 1)) / (cycles + 1));
    await until(async () => (await finished()) >= enough, { what: `${enough} runs`, everyMs: 5, limitMs: 60_000 });
    await server.kill();
    await server.restart();
    if (cycle % 2 === 1) await until(async () => (await finished()) >= from + each, { what: "the rest", limitMs: 60_000 });
  }
  await until(async () => (await finished()) >= cycles * each, { what: "all runs", limitMs: 60_000 });
  for (let from = 0; from < cycles * each; from += each) {
    const numbers = await one.query(api.later.range, { from, to: from + each });
    assert.deepEqual(numbers, Array.from({ length: each }, (_, n) => from + n), `from ${from}`);
  }
  assert.equal(await finished(), cycles * each);
});
