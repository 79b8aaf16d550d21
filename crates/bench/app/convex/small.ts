import { mutation, query } from "./_generated/server";
import { v } from "convex/values";

/** Reads nothing; an argument makes every call another question. */
export const look = query({ args: { n: v.number() }, handler: async () => null });

/** Writes nothing. */
export const touch = mutation({ args: { n: v.number() }, handler: async () => null });

/** Writes one document. */
export const add = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    await ctx.db.insert("rows", { n, body: "" });
    return null;
  },
});

/** Writes a hundred, one after the other. */
export const fill = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    for (let i = 0; i < 100; i++) await ctx.db.insert("rows", { n, body: "" });
    return null;
  },
});
