// Functions that schedule others, and those that are scheduled.

import { anyApi } from "convex/server";
import { actionGeneric, internalActionGeneric, internalMutationGeneric, mutationGeneric, queryGeneric } from "convex/server";
import { v } from "convex/values";

const api: any = anyApi;

/** Schedules `name` of this module and gives the id. */
export const schedule = mutationGeneric({
  args: { name: v.string(), args: v.any(), after: v.optional(v.number()), at: v.optional(v.number()) },
  handler: async (ctx, { name, args, after, at }) => {
    const target = name.includes(":") ? name : `later:${name}`;
    if (at !== undefined) return await ctx.scheduler.runAt(at, target as any, args);
    return await ctx.scheduler.runAfter(after ?? 0, target as any, args);
  },
});

export const scheduleMany = mutationGeneric(async (ctx, { count, bytes, after }: any) => {
  const body = "x".repeat(bytes ?? 0);
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await ctx.scheduler.runAfter(after ?? 0, api.later.note, { body: `${n}${body}` }));
  return ids;
});

export const scheduleAndFail = mutationGeneric(async (ctx) => {
  await ctx.db.insert("notes", { body: "never" });
  await ctx.scheduler.runAfter(0, api.later.note, { body: "never" });
  throw new Error("after all");
});

/** The child fails after scheduling, the parent goes on. */
export const surviveChild = mutationGeneric(async (ctx) => {
  await ctx.runMutation(api.later.scheduleAndFail, {}).catch(() => {});
  return await ctx.scheduler.runAfter(60_000, api.later.note, { body: "parent" });
});

/** What may be scheduled, before, in and after a nested call with ceilings. */
export const metrics = mutationGeneric(async (ctx: any) => {
  const now = async () => (await ctx.meta.getTransactionMetrics()).functionsScheduled;
  const before = await now();
  let refused = "";
  await ctx
    .runMutation(api.later.scheduleMany, { count: 3, after: 60_000 }, { transactionLimits: { functionsScheduled: 2 } })
    .catch((error: Error) => (refused = error.message));
  return { before, after: await now(), refused };
});

export const cancel = mutationGeneric(async (ctx, { id }: any) => {
  await ctx.scheduler.cancel(id);
});

export const cancelAll = mutationGeneric(async (ctx, { ids }: any) => {
  for (const id of ids) await ctx.scheduler.cancel(id);
});

export const job = queryGeneric(async (ctx, { id }: any) => await ctx.db.system.get(id));
export const jobs = queryGeneric(async (ctx) => await ctx.db.system.query("_scheduled_functions").collect());
export const jobsBy = queryGeneric(
  async (ctx, { index }: any) => await (ctx.db.system.query("_scheduled_functions") as any).withIndex(index).collect(),
);
export const notes = queryGeneric(async (ctx) => (await ctx.db.query("notes").collect()).map((note) => note.body));
export const scheduleInQuery = queryGeneric(async (ctx: any) => {
  const { performAsyncSyscall } = { performAsyncSyscall: (globalThis as any).Convex.asyncSyscall };
  return await performAsyncSyscall("1.0/schedule", JSON.stringify({ name: "later:note", ts: 0, args: {}, version: "x" }));
});

export const note = internalMutationGeneric({
  args: { body: v.string() },
  handler: async (ctx, { body }) => {
    await ctx.db.insert("notes", { body });
  },
});

/** The same for clients. */
export const whole = mutationGeneric({
  args: { body: v.string() },
  handler: async (ctx, { body }) => {
    await ctx.db.insert("notes", { body });
  },
});
export const noted = queryGeneric(async (ctx) => await (ctx.db.query("notes") as any).count());

export const fail = internalMutationGeneric(async (ctx) => {
  await ctx.db.insert("notes", { body: "never" });
  throw new Error("no luck");
});

/** Notes what a scheduled mutation sees of itself. */
export const look = internalMutationGeneric(async (ctx: any) => {
  const { scheduledFunctionId } = await ctx.meta.getRequestMetadata();
  const own: any = await ctx.db.system.get(scheduledFunctionId);
  const nested = await ctx.runMutation(api.later.whose, {});
  const identity = await ctx.auth.getUserIdentity();
  await ctx.db.insert("notes", { body: JSON.stringify({ scheduledFunctionId, state: own.state, nested, identity }) });
});

export const whose = internalMutationGeneric(async (ctx: any) => (await ctx.meta.getRequestMetadata()).scheduledFunctionId);

export const cancelItself = internalMutationGeneric(async (ctx: any) => {
  await ctx.scheduler.cancel((await ctx.meta.getRequestMetadata()).scheduledFunctionId);
});

/** A chain: each schedules the next. */
export const chain = internalMutationGeneric(async (ctx, { left }: any) => {
  await ctx.db.insert("notes", { body: `chain ${left}` });
  if (left > 0) await ctx.scheduler.runAfter(0, api.later.chain, { left: left - 1 });
});

/** Two of these conflict if they run at once. */
export const add = internalMutationGeneric(async (ctx) => {
  const counter: any = await ctx.db.query("counters").first();
  if (counter === null) await ctx.db.insert("counters", { value: 1 });
  else await ctx.db.patch(counter._id, { value: counter.value + 1 });
});
export const counted = queryGeneric(async (ctx) => (await ctx.db.query("counters").first())?.value ?? 0);

export const act = actionGeneric(async () => "acted");
export const actInternally = internalActionGeneric(async () => "acted");
