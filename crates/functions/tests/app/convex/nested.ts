// Functions that call functions.
import {
  anyApi, internalMutationGeneric as internalMutation, mutationGeneric as mutation, queryGeneric as query,
} from "convex/server";
import { ConvexError, v } from "convex/values";

const api = anyApi as any;

export const failAfterInsert = internalMutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    await ctx.db.insert("numbers", { n });
    throw new Error("child failed");
  },
});

export const surviveChild = mutation({
  args: {},
  handler: async (ctx) => {
    let message = "";
    try {
      await ctx.runMutation(api.nested.failAfterInsert, { n: 1 });
    } catch (error: any) {
      message = error.message;
    }
    await ctx.db.insert("numbers", { n: 2 });
    return message;
  },
});

export const throwData = mutation({
  args: {},
  handler: async () => {
    throw new ConvexError({ code: 7 });
  },
});

export const catchData = mutation({
  args: {},
  handler: async (ctx) => {
    try {
      await ctx.runMutation(api.nested.throwData, {});
    } catch (error: any) {
      return [error instanceof ConvexError, error.data.code];
    }
  },
});

export const wantsNumber = mutation({
  args: { n: v.number() },
  returns: v.number(),
  handler: async (_ctx, { n }) => (n === 13 ? ("unlucky" as any) : n),
});

export const callWithWrong = mutation({
  args: { n: v.any() },
  handler: async (ctx, { n }) => {
    try {
      return await ctx.runMutation(api.nested.wantsNumber, { n });
    } catch (error: any) {
      return error.message.split("\n")[0];
    }
  },
});

export const queryRunsMutation = query({
  args: {},
  handler: async (ctx) => await (ctx as any).runMutation(api.nested.throwData, {}),
});

export const queryReachesMutation = query({
  args: {},
  handler: async () => {
    const args = { udfType: "mutation", name: "nested:throwData", args: {} };
    return await (globalThis as any).Convex.asyncSyscall("1.0/runUdf", JSON.stringify(args));
  },
});

export const numbers = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("numbers").collect()).map((row: any) => row.n),
});

export const stale = mutation({
  args: { add: v.number() },
  handler: async (ctx, { add }) => {
    await ctx.db.insert("numbers", { n: add });
    const stale = await (ctx as any).runQuery(api.nested.numbers, {}, { useStaleSnapshot: true });
    return stale.length;
  },
});

export const fresh = mutation({
  args: { add: v.number() },
  handler: async (ctx, { add }) => {
    await ctx.db.insert("numbers", { n: add });
    return (await ctx.runQuery(api.nested.numbers, {})).length;
  },
});

export const deeper: any = mutation({
  args: { levels: v.number() },
  handler: async (ctx, { levels }) => (levels === 0 ? 0 : 1 + (await ctx.runMutation(api.nested.deeper, { levels: levels - 1 }))),
});

export const unawaited = mutation({
  args: { n: v.any() },
  handler: async (ctx, { n }) => {
    void ctx.db.insert("numbers", { n });
  },
});

export const never = mutation({ args: {}, handler: async () => await new Promise(() => {}) });

export const race = mutation({
  args: {},
  handler: async () => await Promise.race([new Promise(() => {}), Promise.resolve("done")]),
});

export const insertTwo = internalMutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("numbers", { n: 1 });
    await ctx.db.insert("numbers", { n: 2 });
  },
});

export const limited = mutation({
  args: {},
  handler: async (ctx) => {
    let message = "";
    try {
      await (ctx as any).runMutation(api.nested.insertTwo, {}, { transactionLimits: { documentsWritten: 1 } });
    } catch (error: any) {
      message = error.message;
    }
    await ctx.db.insert("numbers", { n: 3 });
    await ctx.db.insert("numbers", { n: 4 });
    return message;
  },
});

export const metrics = query({
  args: {},
  handler: async (ctx) => {
    const read = async () => (await (ctx as any).meta.getTransactionMetrics()).databaseQueries;
    const before = await read();
    for (let i = 0; i < 3; i++) await ctx.db.query("numbers").first();
    return [before, await read()];
  },
});

export const clock = query({ args: {}, handler: async () => Date.now() });

export const clocks = mutation({
  args: {},
  handler: async (ctx) => {
    const before = Date.now();
    const nested = await ctx.runQuery(api.nested.clock, {});
    return [before, nested, Date.now()];
  },
});

export const logs = mutation({
  args: {},
  handler: async (ctx) => {
    console.log("before");
    await ctx.runQuery(api.nested.logging, {});
    console.warn("after", { a: 1 });
  },
});

export const logging = query({ args: {}, handler: async () => console.log("inside") });
