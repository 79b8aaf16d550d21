import { ActionRetrier } from "@convex-dev/action-retrier";
import { WorkflowManager } from "@convex-dev/workflow";
import { Workpool } from "@convex-dev/workpool";
import { v } from "convex/values";
import { components, internal } from "./_generated/api";
import { internalAction, internalMutation, internalQuery, mutation, query } from "./_generated/server";

const own = internal as any;
const parts = components as any;
const pool = new Workpool(parts.workpool, { maxParallelism: 3 });
const retrier = new ActionRetrier(parts.actionRetrier, { initialBackoffMs: 50, base: 2, maxFailures: 4 });
const workflow = new WorkflowManager(parts.workflow);

export const note = internalMutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => void (await ctx.db.insert("notes", { text })),
});
export const act = internalAction({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    await ctx.runMutation(own.work.note, { text });
    return text.length;
  },
});
export const enqueue = mutation({
  args: { texts: v.array(v.string()) },
  handler: async (ctx, { texts }): Promise<any> => {
    const ids = [];
    for (const text of texts) ids.push(await pool.enqueueAction(ctx, own.work.act, { text }));
    ids.push(await pool.enqueueMutation(ctx, own.work.note, { text: "by a mutation" }));
    return ids;
  },
});
export const statuses = query({
  args: { ids: v.array(v.string()) },
  handler: async (ctx, { ids }): Promise<any> => {
    const states = [];
    for (const id of ids) states.push((await pool.status(ctx, id as any)).state);
    return states;
  },
});
export const notes = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("notes").collect()).map(({ text }) => text).sort(),
});

export const tried = internalMutation({
  args: { of: v.string() },
  handler: async (ctx, { of }) => {
    await ctx.db.insert("tries", { of });
    return (await ctx.db.query("tries").collect()).filter((row) => row.of === of).length;
  },
});
export const flaky = internalAction({
  args: {},
  handler: async (ctx): Promise<any> => {
    const tries = await ctx.runMutation(own.work.tried, { of: "flaky" });
    if (tries < 3) throw new Error(`try ${tries}`);
    return tries;
  },
});
export const retry = mutation({ args: {}, handler: async (ctx): Promise<any> => await retrier.run(ctx, own.work.flaky, {}) });
export const retried = query({
  args: { id: v.string() },
  handler: async (ctx, { id }): Promise<any> => await retrier.status(ctx, id as any),
});

export const lookUp = internalQuery({ args: { text: v.string() }, handler: async (_ctx, { text }) => `looked up ${text}` });
export const flow = workflow.define({
  args: { text: v.string() },
  handler: async (step: any, { text }: any): Promise<any> => {
    const found = await step.runQuery(own.work.lookUp, { text });
    await step.runMutation(own.work.note, { text: found });
    const [one, two] = await Promise.all([
      step.runAction(own.work.act, { text: "one" }),
      step.runAction(own.work.act, { text: "three" }),
    ]);
    return one + two;
  },
});
export const begin = mutation({
  args: {},
  handler: async (ctx): Promise<any> => await workflow.start(ctx, own.work.flow, { text: "it" }),
});
export const flowStatus = query({
  args: { id: v.string() },
  handler: async (ctx, { id }): Promise<any> => await workflow.status(ctx, id as any),
});
