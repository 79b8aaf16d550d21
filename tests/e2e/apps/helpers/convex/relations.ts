// Relationships: one to one, one to many, many to many, and what is missing.

import { asyncMap } from "convex-helpers";
import {
  getAll,
  getAllOrThrow,
  getManyFrom,
  getManyVia,
  getManyViaOrThrow,
  getOneFrom,
  getOneFromOrThrow,
  getOrThrow,
} from "convex-helpers/server/relationships";
import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const seed = mutation({
  args: {},
  handler: async (ctx) => {
    const ada = await ctx.db.insert("users", { name: "Ada", role: "admin" });
    const ben = await ctx.db.insert("users", { name: "Ben", role: "member" });
    await ctx.db.insert("profiles", { userId: ada, bio: "engines" });
    const posts = await asyncMap(["one", "two", "three"], (title, index) =>
      ctx.db.insert("posts", { authorId: ada, title, likes: index }),
    );
    const tags = await asyncMap(["red", "green", "blue"], (name) => ctx.db.insert("tags", { name }));
    for (const [post, tag] of [[0, 0], [0, 1], [1, 1], [2, 2]] as const) {
      await ctx.db.insert("postTags", { postId: posts[post], tagId: tags[tag] });
    }
    return { ada, ben, posts, tags };
  },
});

export const ofUser = query({
  args: { userId: v.id("users") },
  handler: async (ctx, { userId }) => {
    const user = await getOrThrow(ctx, "users", userId);
    const profile = await getOneFrom(ctx.db, "profiles", "userId", userId);
    const posts = await getManyFrom(ctx.db, "posts", "by_author", userId, "authorId");
    return {
      name: user.name,
      bio: profile && profile.bio,
      posts: await asyncMap(posts, async (post) => ({
        title: post.title,
        tags: (await getManyVia(ctx.db, "postTags", "tagId", "postId", post._id)).map((tag) => tag && tag.name),
      })),
    };
  },
});

export const postsOfTag = query({
  args: { tagId: v.id("tags") },
  handler: async (ctx, { tagId }) =>
    (await getManyViaOrThrow(ctx.db, "postTags", "postId", "tagId", tagId)).map((post) => post.title),
});

export const bioOrThrow = query({
  args: { userId: v.id("users") },
  handler: async (ctx, { userId }) => (await getOneFromOrThrow(ctx.db, "profiles", "userId", userId)).bio,
});

export const tagNames = query({
  args: { ids: v.array(v.id("tags")), strict: v.boolean() },
  handler: async (ctx, { ids, strict }) => {
    const tags = strict ? await getAllOrThrow(ctx.db, "tags", ids) : await getAll(ctx.db, "tags", ids);
    return tags.map((tag) => tag && tag.name);
  },
});

export const dropTag = mutation({
  args: { tagId: v.id("tags") },
  handler: async (ctx, { tagId }) => await ctx.db.delete("tags", tagId),
});

export const secondProfile = mutation({
  args: { userId: v.id("users") },
  handler: async (ctx, { userId }) => await ctx.db.insert("profiles", { userId, bio: "again" }),
});
