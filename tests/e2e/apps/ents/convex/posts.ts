// Posts: edges 1:many to users and comments, many:many to tags, defaults, indexes and pages.

import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { query as plainQuery } from "./_generated/server";
import { mutation, query } from "./functions";

export const add = mutation({
  args: {
    userId: v.id("users"),
    title: v.string(),
    rank: v.number(),
    tags: v.optional(v.array(v.id("tags"))),
    comments: v.optional(v.array(v.string())),
  },
  handler: async (ctx, { comments, ...post }) => {
    // Without `views`, as a post from before the field came: what is read has the default.
    const postId = await ctx.table("posts").insert(post as typeof post & { views: number });
    await ctx.table("comments").insertMany((comments ?? []).map((text) => ({ postId, text })));
    return postId;
  },
});
export const addTags = mutation({
  args: { names: v.array(v.string()) },
  handler: async (ctx, { names }) => await ctx.table("tags").insertMany(names.map((name) => ({ name }))),
});
export const retag = mutation({
  args: { id: v.id("posts"), add: v.optional(v.array(v.id("tags"))), remove: v.optional(v.array(v.id("tags"))) },
  handler: async (ctx, { id, add, remove }) => {
    await ctx.table("posts").getX(id).patch({ tags: { add, remove } });
  },
});
/** Replaces the tags, whatever they were. */
export const replace = mutation({
  args: { id: v.id("posts"), userId: v.id("users"), title: v.string(), rank: v.number(), views: v.number(), tags: v.array(v.id("tags")) },
  handler: async (ctx, { id, ...value }) => {
    await ctx.table("posts").getX(id).replace(value);
  },
});
export const show = query({
  args: { id: v.id("posts") },
  handler: async (ctx, { id }) => {
    const post = await ctx.table("posts").getX(id);
    return {
      title: post.title,
      views: post.views,
      by: (await post.edge("user")).name,
      tags: (await post.edge("tags")).map((tag) => tag.name).sort(),
      comments: (await post.edge("comments")).map((comment) => comment.text),
    };
  },
});
export const ofTag = query({
  args: { name: v.string() },
  handler: async (ctx, { name }) => (await ctx.table("tags").getX("name", name).edge("posts")).map((post) => post.title).sort(),
});
export const ofUser = query({
  args: { userId: v.id("users") },
  handler: async (ctx, { userId }) => {
    const posts = ctx.table("users").getX(userId).edge("posts");
    return {
      all: await posts.map(async (post) => `${post.title}:${(await post.edge("comments")).length}`),
      newest: (await ctx.table("users").getX(userId).edge("posts").order("desc").first())?.title ?? null,
      high: await ctx.table("users").getX(userId).edge("posts").filter((q) => q.gte(q.field("rank"), 3)).map((post) => post.title),
    };
  },
});
export const ranked = query({
  args: { from: v.number(), paginationOpts: paginationOptsValidator },
  handler: async (ctx, { from, paginationOpts }) =>
    await ctx
      .table("posts", "rank", (q) => q.gte("rank", from))
      .order("desc")
      .paginate(paginationOpts)
      .map((post) => post.title),
});
export const remove = mutation({
  args: { id: v.id("posts") },
  handler: async (ctx, { id }) => await ctx.table("posts").getX(id).delete(),
});
/** A draft that is deleted softly: its row stays, with the time of the deletion. */
export const addAndDeleteDraft = mutation({
  args: {},
  handler: async (ctx) => {
    const draft = await ctx.table("drafts").insert({ text: "draft" }).get();
    await draft.delete();
    const left = await ctx.table("drafts").getX(draft._id);
    return { before: draft.deletionTime ?? null, after: left.deletionTime ?? null };
  },
});
/** How many rows every table has, edges' tables included, seen without ents. */
export const counts = plainQuery({
  args: {},
  handler: async (ctx) => {
    const tables = ["users", "profiles", "posts", "comments", "tags", "posts_to_tags", "users_friends", "users_followers_to_followees"];
    const counted: Record<string, number> = {};
    for (const table of tables) counted[table] = (await ctx.db.query(table as any).collect()).length;
    return counted;
  },
});
