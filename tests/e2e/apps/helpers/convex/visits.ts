// Sessions and rate limits.

import { customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { defineRateLimits } from "convex-helpers/server/rateLimit";
import { type SessionId, SessionIdArg } from "convex-helpers/server/sessions";
import { v } from "convex/values";
import { mutation, query, type QueryCtx } from "./_generated/server";

async function visitOf(ctx: QueryCtx, sessionId: SessionId) {
  return await ctx.db.query("visits").withIndex("sessionId", (q) => q.eq("sessionId", sessionId)).unique();
}
const sessionQuery = customQuery(query, {
  args: SessionIdArg,
  input: async (ctx, { sessionId }) => ({ ctx: { visit: await visitOf(ctx, sessionId) }, args: {} }),
});
const sessionMutation = customMutation(mutation, {
  args: SessionIdArg,
  input: async (ctx, { sessionId }) => ({ ctx: { visit: await visitOf(ctx, sessionId), sessionId }, args: {} }),
});

export const pages = sessionQuery({ args: {}, handler: async (ctx) => ctx.visit?.pages ?? [] });
export const visit = sessionMutation({
  args: { page: v.string() },
  handler: async (ctx, { page }) => {
    if (ctx.visit) await ctx.db.patch("visits", ctx.visit._id, { pages: [...ctx.visit.pages, page] });
    else await ctx.db.insert("visits", { sessionId: ctx.sessionId, pages: [page] });
  },
});

const hour = 3_600_000;
const { checkRateLimit, rateLimit, resetRateLimit } = defineRateLimits({
  bucket: { kind: "token bucket", rate: 3, period: hour },
  // One window for a century, so that no test meets its end.
  window: { kind: "fixed window", rate: 2, period: 100 * 365 * 24 * hour, start: 0 },
});
const name = v.union(v.literal("bucket"), v.literal("window"));
const args = { name, key: v.optional(v.string()), count: v.optional(v.number()), throws: v.optional(v.boolean()) };

export const spend = mutation({ args, handler: async (ctx, given) => await rateLimit(ctx, given) });
export const check = query({ args, handler: async (ctx, given) => (await checkRateLimit(ctx, given)).ok });
export const reset = mutation({
  args: { name, key: v.optional(v.string()) },
  handler: async (ctx, given) => await resetRateLimit(ctx, given),
});
