import { api } from "./_generated/api";
import { mutation, query } from "./_generated/server";
import { v } from "convex/values";

/** Schedules so many mutations of one insert, all due at once. */
export const schedule = mutation({
  args: { count: v.number() },
  handler: async (ctx, { count }) => {
    for (let n = 0; n < count; n++) await ctx.scheduler.runAfter(0, api.small.add, { n });
  },
});

/** Mutations of one insert that have run. */
export const finished = query({
  args: {},
  handler: async (ctx): Promise<number> => await (ctx.db.query("rows") as any).count(),
});
