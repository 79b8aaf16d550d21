import { mutation, query } from "./_generated/server";
import { v } from "convex/values";

/** Ten rows; the tag makes every subscriber's question another. */
export const watch = query({
  args: { tag: v.number() },
  handler: async (ctx) =>
    await ctx.db.query("rows").withIndex("by_n", (q) => q.gte("n", 0).lt("n", 10)).collect(),
});

/** Changes one of the rows. */
export const change = mutation({
  args: { n: v.number(), body: v.string() },
  handler: async (ctx, { n, body }) => {
    const row = await ctx.db.query("rows").withIndex("by_n", (q) => q.eq("n", n)).unique();
    await ctx.db.patch(row!._id, { body });
  },
});
