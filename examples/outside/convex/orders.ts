// Orders, as the shop's webhook reports them.

import { v } from "convex/values";
import { internalMutation, query } from "./_generated/server";

export const list = query({
  args: {},
  handler: async (ctx) => await ctx.db.query("orders").order("desc").take(50),
});

/** Notes an order once, however often the shop reports it. */
export const note = internalMutation({
  args: { event: v.string(), customer: v.string(), cents: v.number() },
  handler: async (ctx, order) => {
    const known = await ctx.db
      .query("orders")
      .withIndex("by_event", (q) => q.eq("event", order.event))
      .first();
    if (known !== null) return "known";
    await ctx.db.insert("orders", order);
    return "noted";
  },
});
