// Rounds: every few seconds somebody looks how many letters wait.

import { internalMutation, query } from "./_generated/server";

const KEPT_MS = 24 * 3_600_000;

export const make = internalMutation({
  args: {},
  handler: async (ctx) => {
    const waiting = await ctx.db
      .query("letters")
      .withIndex("by_state", (q) => q.eq("state.kind", "waiting"))
      .collect();
    await ctx.db.insert("rounds", { at: Date.now(), waiting: waiting.length });
  },
});

/** Drops rounds of yesterday, a thousand at a time. */
export const tidy = internalMutation({
  args: {},
  handler: async (ctx) => {
    const old = await ctx.db
      .query("rounds")
      .withIndex("by_creation_time", (q) => q.lt("_creationTime", Date.now() - KEPT_MS))
      .take(1_000);
    for (const { _id } of old) await ctx.db.delete(_id);
  },
});

export const last = query({
  args: {},
  handler: async (ctx) => await ctx.db.query("rounds").order("desc").first(),
});
