// Function handles as the SDK makes and takes them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";

import { Project, Server, until } from "./harness.mjs";

const queue = `
import { createFunctionHandle, type FunctionHandle } from "convex/server";
import { internal } from "./_generated/api";
import { action, mutation, query } from "./_generated/server";
import { v } from "convex/values";

type Job = FunctionHandle<"mutation", { text: string }>;
export const enqueue = mutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) =>
    await ctx.db.insert("queue", { handle: await createFunctionHandle(internal.work.note), text }),
});
export const runNow = mutation({
  args: { id: v.id("queue") },
  handler: async (ctx, { id }): Promise<string> => {
    const job = (await ctx.db.get(id))!;
    return await ctx.runMutation(job.handle as Job, { text: job.text });
  },
});
export const runLater = mutation({
  args: { id: v.id("queue") },
  handler: async (ctx, { id }) => {
    const job = (await ctx.db.get(id))!;
    await ctx.scheduler.runAfter(0, job.handle as Job, { text: job.text + ", later" });
  },
});
export const runOutside = action({
  args: {},
  handler: async (ctx): Promise<number> => {
    const note = await createFunctionHandle(internal.work.note);
    await ctx.runMutation(note, { text: "from an action" });
    return await ctx.runQuery(await createFunctionHandle(internal.work.count), {});
  },
});
export const notes = query({ args: {}, handler: async (ctx) => (await ctx.db.query("notes").collect()).map((row) => row.text) });
`;
const work = `
import { internalMutation, internalQuery } from "./_generated/server";
import { v } from "convex/values";
export const note = internalMutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    await ctx.db.insert("notes", { text });
    return "noted " + text;
  },
});
export const count = internalQuery({ args: {}, handler: async (ctx) => (await ctx.db.query("notes").collect()).length });
`;

test("handles made by the SDK are kept, run, scheduled, and hold across a push and a restart", async (t) => {
  const server = await Server.start(t);
  const project = new Project(t, { "convex/queue.ts": queue, "convex/work.ts": work });
  const push = async () => {
    const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
    assert.equal(pushed.code, 0, pushed.stderr);
  };
  await push();
  const http = new ConvexHttpClient(server.url);
  const id = await http.mutation(api.queue.enqueue, { text: "a" });
  assert.equal(await http.mutation(api.queue.runNow, { id }), "noted a");
  assert.equal(await http.action(api.queue.runOutside, {}), 2);

  project.write({ "convex/work.ts": work.replace('"noted "', '"written "') });
  await push();
  assert.equal(await server.stop(), 0);
  await server.restart();
  assert.equal(await http.mutation(api.queue.runNow, { id }), "written a");
  await http.mutation(api.queue.runLater, { id });
  const notes = await until(async () => {
    const notes = await http.query(api.queue.notes, {});
    return notes.length === 4 && notes;
  });
  assert.deepEqual(notes, ["a", "from an action", "a", "a, later"]);

  project.write({ "convex/work.ts": work.replace("const note", "const other"), "convex/queue.ts": queue.replaceAll("internal.work.note", "internal.work.other") });
  await push();
  await assert.rejects(http.mutation(api.queue.runNow, { id }), /Function handle not found/);
});
