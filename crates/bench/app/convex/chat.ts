import { mutation, query } from "./_generated/server";
import { v } from "convex/values";

export const list = query({
  args: { channel: v.string(), count: v.number() },
  handler: async (ctx, { channel, count }) =>
    await ctx.db.query("messages").withIndex("by_channel", (q) => q.eq("channel", channel)).order("desc").take(count),
});

export const send = mutation({
  args: { channel: v.string(), body: v.string() },
  handler: async (ctx, message) => {
    await ctx.db.insert("messages", message);
  },
});
