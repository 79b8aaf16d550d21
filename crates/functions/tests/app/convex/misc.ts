// Identity, clocks, state, failures, contention.
import {
  actionGeneric as action, anyApi, internalMutationGeneric as internalMutation, internalQueryGeneric as internalQuery,
  mutationGeneric as mutation, queryGeneric as query,
} from "convex/server";
import { ConvexError, v } from "convex/values";

let calls = 0;

export const state = query({ args: { x: v.optional(v.number()) }, handler: async () => ++calls });

export const who = query({
  args: { look: v.boolean() },
  handler: async (ctx, { look }) => {
    console.log("ran");
    return look ? ((await ctx.auth.getUserIdentity())?.subject ?? null) : null;
  },
});

/** Looks at who asks only when there are numbers. */
export const lateLook = query({
  args: {},
  handler: async (ctx) => {
    if ((await ctx.db.query("numbers").first()) === null) return null;
    return (await ctx.auth.getUserIdentity())?.subject ?? null;
  },
});

export const plain = query({
  args: {},
  handler: async (ctx) => {
    console.log("ran");
    return (await ctx.db.query("numbers").collect()).length;
  },
});

export const time = query({ args: {}, handler: async () => Date.now() > 0 });

export const environment = query({ args: {}, handler: async () => process.env.COLOUR ?? null });

export const fails = query({
  args: {},
  handler: async (ctx) => {
    if ((await ctx.db.query("numbers").collect()).length === 0) throw new Error("no numbers");
    return "some";
  },
});

export const failsWithData = query({
  args: {},
  handler: async () => {
    throw new ConvexError({ code: 7, big: 1n });
  },
});

export const insertThenFail = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("numbers", { n: 1 });
    throw new Error("after all");
  },
});

export const hidden = internalQuery({ args: {}, handler: async () => "hidden" });
export const hiddenWrite = internalMutation({ args: {}, handler: async () => "written" });
export const act = action({ args: {}, handler: async () => "acted" });

export const strictArgs = query({
  args: { name: v.string(), kind: v.union(v.literal("a"), v.literal("b")) },
  handler: async (_ctx, args) => args.name,
});

export const noValidator = query(async (_ctx: any, args: any) => args);

export const returnsNumber = query({ args: {}, returns: v.number(), handler: async () => "text" as any });

export const createCounter = mutation({ args: {}, handler: async (ctx) => await ctx.db.insert("counters", { value: 0 }) });

export const increment = mutation({
  args: { id: v.id("counters") },
  handler: async (ctx, { id }) => {
    const counter: any = await ctx.db.get(id);
    await ctx.db.patch(id, { value: counter.value + 1 });
    return counter.value + 1;
  },
});

export const large = mutation({
  args: { bytes: v.number() },
  handler: async (_ctx, { bytes }) => {
    console.log("made it");
    return "ü\"".repeat(bytes / 3);
  },
});

export const about = mutation({
  args: {},
  handler: async (ctx) => {
    const meta = (ctx as any).meta;
    return [await meta.getFunctionMetadata(), await meta.getDeploymentMetadata(), (await meta.getRequestMetadata()).requestId];
  },
});

export const snapshot = query({
  args: {},
  handler: async () => (globalThis as any).Convex.syscall("1.0/getSnapshotTs", "{}"),
});

/** A syscall past the SDK's own checks; the message if it fails. */
export const raw = mutation({
  args: { op: v.string(), args: v.any(), sync: v.boolean() },
  handler: async (_ctx, { op, args, sync }) => await syscall(op, args, sync),
});

export const rawInQuery = query({
  args: { op: v.string(), args: v.any(), sync: v.boolean() },
  handler: async (_ctx, { op, args, sync }) => await syscall(op, args, sync),
});

/** Several syscalls one after the other; their answers. */
export const script = mutation({
  args: { steps: v.array(v.any()) },
  handler: async (_ctx, { steps }) => await runScript(steps),
});

export const scriptInQuery = query({
  args: { steps: v.array(v.any()) },
  handler: async (_ctx, { steps }) => await runScript(steps),
});

async function runScript(steps: any[]) {
  const answers = [];
  for (const { op, args, sync } of steps) answers.push(JSON.parse(await syscall(op, args, sync ?? false)));
  return answers;
}

async function syscall(op: string, args: any, sync: boolean) {
  const convex = (globalThis as any).Convex;
  const text = typeof args === "string" ? args : JSON.stringify(args);
  try {
    return sync ? convex.syscall(op, text) : await convex.asyncSyscall(op, text);
  } catch (error: any) {
    return error.message;
  }
}

export const loop = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("numbers", { n: 1 });
    for (;;);
  },
});

export const loopInside = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("numbers", { n: 2 });
    try {
      await ctx.runMutation((anyApi as any).misc.loop, {});
    } catch {
      return "survived";
    }
  },
});
