// Actions: what they call, and what they leave.
import {
  actionGeneric as action, anyApi, internalActionGeneric as internalAction, internalMutationGeneric as internalMutation,
  internalQueryGeneric as internalQuery,
} from "convex/server";
import { ConvexError, v } from "convex/values";

const api = anyApi;

export const total = internalQuery({
  args: {},
  handler: async (ctx) => {
    const rows = await ctx.db.query("numbers").collect();
    return rows.reduce((sum, row) => sum + row.n, 0);
  },
});

export const add = internalMutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    console.log("adding", n);
    await ctx.db.insert("numbers", { n });
  },
});

export const failing = internalMutation({
  args: { data: v.boolean() },
  handler: async (ctx, { data }) => {
    await ctx.db.insert("numbers", { n: 1000 });
    throw data ? new ConvexError({ code: 7, big: 1n }) : new Error("inner boom");
  },
});

export const addAll = action({
  args: { numbers: v.array(v.number()) },
  returns: v.object({ before: v.number(), after: v.number() }),
  handler: async (ctx, { numbers }) => {
    console.log("begun");
    const before = await ctx.runQuery(api.acts.total, {});
    for (const n of numbers) await ctx.runMutation(api.acts.add, { n });
    return { before, after: await ctx.runAction(api.acts.hidden, {}) };
  },
});

export const hidden = internalAction({
  args: {},
  handler: async (ctx) => await ctx.runQuery(api.acts.total, {}),
});

export const catches = action({
  args: {},
  handler: async (ctx) => {
    const seen = [];
    for (const [path, args] of [["acts:failing", { data: true }], ["acts:failing", { data: false }],
      ["acts:add", { n: "x" }], ["acts:nothing", {}], ["acts:total", {}]]) {
      try {
        await ctx.runMutation(path as any, args);
      } catch (error: any) {
        seen.push([error instanceof ConvexError, error.data ?? null, error.message]);
      }
    }
    return seen;
  },
});

export const who = action({
  args: {},
  handler: async (ctx) => [
    (await ctx.auth.getUserIdentity())?.subject ?? null,
    await ctx.runQuery(api.misc.who, { look: true }),
  ],
});

export const leaves = action({
  args: {},
  handler: async (ctx) => {
    void ctx.runMutation(api.acts.add, { n: 5 });
    return "left";
  },
});

export const wrongResult = action({ args: {}, returns: v.string(), handler: async () => 5 as any });
export const throws = action({ args: {}, handler: async () => { throw new Error("boom"); } });
export const noDatabase = action({
  args: {},
  handler: async () => {
    try {
      await (globalThis as any).Convex.asyncSyscall("1.0/get", "{}");
    } catch (error: any) {
      return error.message;
    }
  },
});
