import { mutation, query } from "./_generated/server";
import { v } from "convex/values";

export const fill = mutation({
  args: { from: v.number(), count: v.number(), body: v.string() },
  handler: async (ctx, { from, count, body }) => {
    for (let n = from; n < from + count; n++) await ctx.db.insert("rows", { n, body });
  },
});

export const range = query({
  args: { from: v.number() },
  handler: async (ctx, { from }) =>
    await ctx.db.query("rows").withIndex("by_n", (q) => q.gte("n", from)).take(10),
});
