import { ConvexError, v } from "convex/values";
import { createFunctionHandle } from "convex/server";
import { components, internal } from "./_generated/api";
import { action, internalMutation, mutation, query } from "./_generated/server";

const parts = components as any;
const own = internal as any;

export const add = mutation({
  args: { to: v.string(), text: v.string() },
  handler: async (ctx, { to, text }) => await ctx.runMutation(parts[to].lib.add, { text }),
});

export const list = query({
  args: { of: v.string() },
  handler: async (ctx, { of }) => await ctx.runQuery(parts[of].lib.list, {}),
});

export const hidden = query({ args: {}, handler: async (ctx) => await ctx.runQuery(parts.notes.lib.hidden, {}) });
export const grandchild = query({ args: {}, handler: async (ctx) => await ctx.runQuery(parts.notes.inner.lib.count, {}) });
export const paginateInChild = query({ args: {}, handler: async (ctx) => await ctx.runQuery(parts.notes.lib.pages, {}) });

export const sameTable = mutation({
  args: {},
  handler: async (ctx) => ({
    mine: await ctx.db.insert("things", { name: "root" }),
    theirs: await ctx.runMutation(parts.notes.lib.thing, {}),
  }),
});

export const across = query({
  args: { mine: v.string(), theirs: v.string() },
  handler: async (ctx, { mine, theirs }) => ({
    inRoot: (await ctx.db.get(mine as any) as any)?.name ?? null,
    ofTheirsInRoot: (await ctx.db.get(theirs as any) as any)?.name ?? null,
  }),
});

export const passMine = query({
  args: { mine: v.string() },
  handler: async (ctx, { mine }) => {
    const name = await ctx.runQuery(parts.notes.lib.named, { id: mine });
    if (name === null) throw new Error("it is null there");
    return name;
  },
});

export const addAndThrow = mutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    try {
      await ctx.runMutation(parts.notes.lib.addAndThrow, { text });
    } catch (error) {
      if (error instanceof ConvexError) return { data: error.data };
      throw error;
    }
  },
});

export const who = query({
  args: {},
  handler: async (ctx) => ({
    root: (await ctx.auth.getUserIdentity())?.subject ?? null,
    child: await ctx.runQuery(parts.notes.lib.who, {}),
  }),
});

export const act = action({
  args: { text: v.string() },
  handler: async (ctx, { text }): Promise<any> => {
    await ctx.runMutation(parts.notes.lib.add, { text });
    return {
      count: (await ctx.runQuery(parts.notes.lib.list, {})).length,
      doubled: await ctx.runAction(parts.notes.lib.double, { n: 21 }),
    };
  },
});

export const environment = query({ args: {}, handler: async (ctx) => await ctx.runQuery(parts.notes.lib.environment, {}) });

export const increase = internalMutation({
  args: { by: v.number() },
  handler: async (ctx, { by }) => {
    const row = await ctx.db.query("totals").first();
    if (row === null) await ctx.db.insert("totals", { total: by });
    else await ctx.db.patch(row._id, { total: row.total + by });
    return (row?.total ?? 0) + by;
  },
});

export const total = query({ args: {}, handler: async (ctx) => (await ctx.db.query("totals").first())?.total ?? 0 });

export const giveHandle = mutation({
  args: {},
  handler: async (ctx) => {
    const handle = await createFunctionHandle(own.app.increase);
    await ctx.runMutation(parts.notes.lib.keepHandle, { handle });
  },
});

export const callBack = mutation({
  args: { by: v.number() },
  handler: async (ctx, { by }): Promise<any> => await ctx.runMutation(parts.notes.lib.callHandle, { by }),
});

export const scheduleBack = mutation({
  args: { by: v.number() },
  handler: async (ctx, { by }) => void (await ctx.runMutation(parts.notes.lib.scheduleHandle, { by })),
});

export const jobs = query({
  args: {},
  handler: async (ctx) => ({
    ofRoot: (await ctx.db.system.query("_scheduled_functions").collect()).length,
    ofNotes: await ctx.runQuery(parts.notes.lib.jobs, {}),
  }),
});

export const storeInChild = action({
  args: { text: v.string() },
  handler: async (ctx, { text }): Promise<any> => await ctx.runAction(parts.notes.lib.store, { text }),
});

export const uploadUrl = mutation({ args: {}, handler: async (ctx) => await ctx.runMutation(parts.notes.lib.uploadUrl, {}) });

export const files = query({
  args: { id: v.string() },
  handler: async (ctx, { id }) => ({
    ofRoot: (await ctx.db.system.get(id as any) as any)?.size ?? null,
    ofNotes: await ctx.runQuery(parts.notes.lib.sizeOf, { id }),
  }),
});

export const ticks = query({ args: {}, handler: async (ctx) => await ctx.runQuery(parts.notes.lib.ticks, {}) });
