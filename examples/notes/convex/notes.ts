// Queries and mutations for notes. They fail in both ways a function can, on purpose:
// a ConvexError carries data that the client can act on, any other Error only a message.

import { ConvexError, v } from "convex/values";
import { mutation, query } from "./_generated/server";

/** Longest title, in characters. */
const TITLE_LENGTH_MAX = 200;

/** All notes, the one changed last first. */
export const list = query({
  args: {},
  handler: async (ctx) => {
    return await ctx.db.query("notes").withIndex("by_updated").order("desc").collect();
  },
});

/** One note, or null if there is none with this id. */
export const get = query({
  args: { id: v.id("notes") },
  handler: async (ctx, args) => {
    return await ctx.db.get(args.id);
  },
});

/** Adds a note and returns its id. An empty or overlong title is refused with a ConvexError. */
export const create = mutation({
  args: { title: v.string(), content: v.string() },
  handler: async (ctx, args) => {
    const now = Date.now();
    return await ctx.db.insert("notes", {
      title: checkedTitle(args.title),
      content: args.content,
      createdAt: now,
      updatedAt: now,
    });
  },
});

/** Changes the title, the content or both. */
export const update = mutation({
  args: {
    id: v.id("notes"),
    title: v.optional(v.string()),
    content: v.optional(v.string()),
  },
  handler: async (ctx, args) => {
    const note = await ctx.db.get(args.id);
    if (note === null) throw missing(args.id);
    await ctx.db.patch(args.id, {
      title: args.title === undefined ? note.title : checkedTitle(args.title),
      content: args.content ?? note.content,
      updatedAt: Date.now(),
    });
  },
});

/** Removes a note. */
export const remove = mutation({
  args: { id: v.id("notes") },
  handler: async (ctx, args) => {
    // A plain Error: the caller has nothing to act on, so a message is all it gets. In production
    // a server may hide that message; it never hides a ConvexError's data.
    if ((await ctx.db.get(args.id)) === null) {
      throw new Error(`there is no note ${args.id} to remove`);
    }
    await ctx.db.delete(args.id);
  },
});

function checkedTitle(text: string) {
  const title = text.trim();
  if (title === "") {
    throw new ConvexError({ code: "EMPTY_TITLE", message: "a note needs a title" });
  }
  if (title.length > TITLE_LENGTH_MAX) {
    throw new ConvexError({
      code: "TITLE_TOO_LONG",
      message: `a title has at most ${TITLE_LENGTH_MAX} characters; this one has ${title.length}`,
    });
  }
  return title;
}

function missing(id: string) {
  return new ConvexError({ code: "NOT_FOUND", message: `there is no note ${id}` });
}
