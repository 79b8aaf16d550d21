import { MINUTE, RateLimiter } from "@convex-dev/rate-limiter";
import { v } from "convex/values";
import { components } from "./_generated/api";
import { mutation, query } from "./_generated/server";

const limiter = new RateLimiter((components as any).rateLimiter, {
  send: { kind: "token bucket", rate: 2, period: MINUTE, capacity: 2 },
});

export const send = mutation({
  args: { key: v.string(), throws: v.boolean() },
  handler: async (ctx, { key, throws }) => {
    const status = await limiter.limit(ctx, "send", { key, throws });
    if (status.ok) await ctx.db.insert("notes", { text: `sent by ${key}` });
    return status.ok;
  },
});

export const sent = query({ args: {}, handler: async (ctx) => (await ctx.db.query("notes").collect()).length });

export const reset = mutation({
  args: { key: v.string() },
  handler: async (ctx, { key }) => await limiter.reset(ctx, "send", { key }),
});
