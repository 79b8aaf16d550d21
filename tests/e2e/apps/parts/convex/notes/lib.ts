import { ConvexError, v } from "convex/values";
import { components } from "./_generated/api";
import { action, internalMutation, internalQuery, mutation, query } from "./_generated/server";

const parts = components as any;

export const add = mutation({
  args: { text: v.string() },
  returns: v.id("notes"),
  handler: async (ctx, { text }) => {
    await ctx.runMutation(parts.inner.lib.count, {});
    return await ctx.db.insert("notes", { text });
  },
});

export const list = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("notes").withIndex("by_text").collect()).map(({ text }) => text),
});

export const hidden = internalQuery({ args: {}, handler: async () => "hidden" });
export const pages = query({
  args: {},
  handler: async (ctx) => await ctx.db.query("notes").paginate({ numItems: 1, cursor: null }),
});

export const thing = mutation({ args: {}, handler: async (ctx) => await ctx.db.insert("things", { name: "notes" }) });

export const named = query({
  args: { id: v.id("things") },
  handler: async (ctx, { id }) => (await ctx.db.get(id))?.name ?? null,
});

export const addAndThrow = mutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    await ctx.db.insert("notes", { text });
    throw new ConvexError({ why: "because" });
  },
});

export const who = query({ args: {}, handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? null });
export const double = action({ args: { n: v.number() }, handler: async (_ctx, { n }) => n * 2 });

export const environment = query({
  args: {},
  handler: async () => ({
    bound: process.env.SECRET ?? null,
    fixed: process.env.FIXED ?? null,
    undeclared: process.env.UNDECLARED ?? null,
  }),
});

export const keepHandle = mutation({
  args: { handle: v.string() },
  handler: async (ctx, { handle }) => void (await ctx.db.insert("handles", { handle })),
});

async function kept(ctx: any) {
  return (await ctx.db.query("handles").first()).handle;
}

export const callHandle = mutation({
  args: { by: v.number() },
  handler: async (ctx, { by }): Promise<any> => await ctx.runMutation(await kept(ctx), { by }),
});

export const scheduleHandle = mutation({
  args: { by: v.number() },
  handler: async (ctx, { by }) => {
    const job = await ctx.scheduler.runAfter(0, await kept(ctx), { by });
    await ctx.db.insert("jobs", { job });
  },
});

export const jobs = query({
  args: {},
  handler: async (ctx) => {
    const { job } = (await ctx.db.query("jobs").first())!;
    const all = await ctx.db.system.query("_scheduled_functions").collect();
    return all.filter(({ _id }) => _id === job).length;
  },
});

export const store = action({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    const id = await ctx.storage.store(new Blob([text]));
    return { id, url: await ctx.storage.getUrl(id) };
  },
});

export const uploadUrl = mutation({ args: {}, handler: async (ctx) => await ctx.storage.generateUploadUrl() });

export const sizeOf = query({
  args: { id: v.id("_storage") },
  handler: async (ctx, { id }) => (await ctx.db.system.get(id))?.size ?? null,
});

export const tick = internalMutation({
  args: {},
  handler: async (ctx) => {
    const row = await ctx.db.query("ticks").first();
    if (row === null) await ctx.db.insert("ticks", { count: 1 });
    else await ctx.db.patch(row._id, { count: row.count + 1 });
  },
});

export const ticks = query({ args: {}, handler: async (ctx) => (await ctx.db.query("ticks").first())?.count ?? 0 });
