import { ConvexError, v } from "convex/values";
import { mutation, query } from "./_generated/server";

/** All notes, the last changed first. */
export const list = query({
  args: {},
  handler: async (ctx) => await ctx.db.query("notes").withIndex("by_updated").order("desc").collect(),
});

/** One note, or null. */
export const get = query({
  args: { id: v.id("notes") },
  handler: async (ctx, { id }) => await ctx.db.get(id),
});

/** A ConvexError reaches the caller with its data, also in production. */
function checkTitle(title: string) {
  if (title.trim() === "") throw new ConvexError({ code: "EMPTY_TITLE", message: "A note needs a title." });
}

export const create = mutation({
  args: { title: v.string(), content: v.string() },
  handler: async (ctx, { title, content }) => {
    checkTitle(title);
    const now = Date.now();
    return await ctx.db.insert("notes", { title, content, createdAt: now, updatedAt: now });
  },
});

export const update = mutation({
  args: { id: v.id("notes"), title: v.optional(v.string()), content: v.optional(v.string()) },
  handler: async (ctx, { id, title, content }) => {
    if (title !== undefined) checkTitle(title);
    // An ordinary Error is for programmers: production shows callers no more than that one happened.
    if ((await ctx.db.get(id)) === null) throw new Error(`There is no note ${id}`);
    const changes: { title?: string; content?: string } = {};
    if (title !== undefined) changes.title = title;
    if (content !== undefined) changes.content = content;
    await ctx.db.patch(id, { ...changes, updatedAt: Date.now() });
  },
});

export const remove = mutation({
  args: { id: v.id("notes") },
  handler: async (ctx, { id }) => {
    if ((await ctx.db.get(id)) === null) throw new Error(`There is no note ${id}`);
    await ctx.db.delete(id);
  },
});
