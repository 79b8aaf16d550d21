// What rules guard.

import { v } from "convex/values";
import { mutation, query } from "./functions";

export const add = mutation({
  args: { userId: v.id("users"), text: v.string(), sealed: v.boolean() },
  handler: async (ctx, args) => await ctx.table("secrets").insert(args),
});
export const list = query({
  args: {},
  handler: async (ctx) => ({
    all: await ctx.table("secrets").map((secret) => secret.text),
    first: (await ctx.table("secrets").first())?.text ?? null,
    taken: await ctx.table("secrets").order("desc").take(2).map((secret) => secret.text),
  }),
});
export const get = query({
  args: { id: v.id("secrets"), must: v.boolean() },
  handler: async (ctx, { id, must }) =>
    must ? (await ctx.table("secrets").getX(id)).text : ((await ctx.table("secrets").get(id))?.text ?? null),
});
export const edit = mutation({
  args: { id: v.id("secrets"), text: v.optional(v.string()), sealed: v.optional(v.boolean()), userId: v.optional(v.id("users")) },
  handler: async (ctx, { id, ...patch }) => {
    await ctx.table("secrets").getX(id).patch(patch);
  },
});
export const remove = mutation({
  args: { id: v.id("secrets") },
  handler: async (ctx, { id }) => await ctx.table("secrets").getX(id).delete(),
});
