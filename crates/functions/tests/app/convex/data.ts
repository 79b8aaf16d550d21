// Plain access to any table, for tests that say what to write and what to read.
import { mutationGeneric as mutation, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

export const insert = mutation({
  args: { table: v.string(), value: v.any() },
  handler: async (ctx, { table, value }) => await ctx.db.insert(table, value),
});

export const insertMany = mutation({
  args: { table: v.string(), values: v.array(v.any()) },
  handler: async (ctx, { table, values }) => {
    const ids = [];
    for (const value of values) ids.push(await ctx.db.insert(table, value));
    return ids;
  },
});

export const get = query({
  args: { id: v.string() },
  handler: async (ctx, { id }) => await ctx.db.get(id as any),
});

export const getFrom = query({
  args: { table: v.string(), id: v.string() },
  handler: async (ctx, { table, id }) => await (ctx.db as any).get(table, id),
});

export const patch = mutation({
  args: { id: v.string(), value: v.any() },
  handler: async (ctx, { id, value }) => await ctx.db.patch(id as any, value),
});

/** Removes a field: undefined cannot be an argument. */
export const unset = mutation({
  args: { id: v.string(), field: v.string() },
  handler: async (ctx, { id, field }) => await ctx.db.patch(id as any, { [field]: undefined }),
});

export const replace = mutation({
  args: { id: v.string(), value: v.any() },
  handler: async (ctx, { id, value }) => await ctx.db.replace(id as any, value),
});

export const remove = mutation({
  args: { id: v.string() },
  handler: async (ctx, { id }) => await ctx.db.delete(id as any),
});

export const normalize = query({
  args: { table: v.string(), id: v.string() },
  handler: async (ctx, { table, id }) => ctx.db.normalizeId(table, id),
});

export const takesId = query({
  args: { id: v.id("loose") },
  handler: async (_ctx, { id }) => id,
});

export const echo = query({ args: { value: v.any() }, handler: async (_ctx, { value }) => value });

export const count = mutation({
  args: { table: v.string(), extra: v.number() },
  handler: async (ctx, { table, extra }) => {
    for (let i = 0; i < extra; i++) await ctx.db.insert(table, { i });
    return await (ctx.db.query(table) as any).count();
  },
});
