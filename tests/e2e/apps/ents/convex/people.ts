// Users: unique addresses, profiles (1:1), friends and followers (many to many among users).

import { v } from "convex/values";
import { mutation, query } from "./functions";

export const add = mutation({
  args: { name: v.string(), email: v.string() },
  handler: async (ctx, args) => await ctx.table("users").insert(args),
});
export const addTwo = mutation({
  args: { email: v.string() },
  handler: async (ctx, { email }) =>
    await ctx.table("users").insertMany([{ name: "first", email: `first-${email}` }, { name: "second", email }]),
});
export const change = mutation({
  args: { id: v.id("users"), name: v.string(), email: v.string(), whole: v.boolean() },
  handler: async (ctx, { id, whole, ...value }) => {
    const user = ctx.table("users").getX(id);
    return whole ? await user.replace(value).get() : await user.patch(value).get();
  },
});
export const remove = mutation({
  args: { id: v.id("users") },
  handler: async (ctx, { id }) => await ctx.table("users").getX(id).delete(),
});
export const byEmail = query({
  args: { email: v.string(), must: v.optional(v.boolean()) },
  handler: async (ctx, { email, must }) =>
    must ? (await ctx.table("users").getX("email", email)).name : ((await ctx.table("users").get("email", email))?.name ?? null),
});
export const names = query({
  args: {},
  handler: async (ctx) => await ctx.table("users").map((user) => user.name),
});

export const setProfile = mutation({
  args: { userId: v.id("users"), bio: v.string() },
  handler: async (ctx, args) => await ctx.table("profiles").insert(args),
});
export const setProfileFromUser = mutation({
  args: { id: v.id("users"), profile: v.id("profiles") },
  handler: async (ctx, { id, profile }) => await ctx.table("users").getX(id).patch({ profile } as object),
});
export const profile = query({
  args: { id: v.id("users"), must: v.optional(v.boolean()) },
  handler: async (ctx, { id, must }) => {
    const user = ctx.table("users").getX(id);
    return must ? (await user.edgeX("profile")).bio : ((await user.edge("profile"))?.bio ?? null);
  },
});
export const userOfProfile = query({
  args: { id: v.id("profiles") },
  handler: async (ctx, { id }) => (await ctx.table("profiles").getX(id).edge("user")).name,
});

const names_ = { friends: v.optional(v.array(v.id("users"))), followees: v.optional(v.array(v.id("users"))) };
export const connect = mutation({
  args: { id: v.id("users"), ...names_ },
  handler: async (ctx, { id, friends, followees }) => {
    await ctx.table("users").getX(id).patch({ friends: { add: friends ?? [] }, followees: { add: followees ?? [] } });
  },
});
export const disconnect = mutation({
  args: { id: v.id("users"), ...names_ },
  handler: async (ctx, { id, friends, followees }) => {
    await ctx.table("users").getX(id).patch({ friends: { remove: friends ?? [] }, followees: { remove: followees ?? [] } });
  },
});
export const connections = query({
  args: { id: v.id("users") },
  handler: async (ctx, { id }) => {
    const user = ctx.table("users").getX(id);
    const sorted = (users: { name: string }[]) => users.map((one) => one.name).sort();
    return {
      friends: sorted(await user.edge("friends")),
      followees: sorted(await user.edge("followees")),
      followers: sorted(await user.edge("followers")),
    };
  },
});
export const follows = query({
  args: { id: v.id("users"), other: v.id("users") },
  handler: async (ctx, { id, other }) => await ctx.table("users").getX(id).edge("followees").has(other),
});
