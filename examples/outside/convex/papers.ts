// Papers: the browser uploads a file straight to storage, and a mutation then says what it is.

import { ConvexError, v } from "convex/values";
import { internalMutation, mutation, query } from "./_generated/server";

const NAME_LENGTH_MAX = 120;

/** Where the browser may send one file; good for an hour. */
export const uploadUrl = mutation({
  args: {},
  handler: async (ctx) => await ctx.storage.generateUploadUrl(),
});

/** Files what was uploaded under a name. What is uploaded and never filed is removed by the server. */
export const add = mutation({
  args: { name: v.string(), file: v.id("_storage") },
  handler: async (ctx, { name, file }) => {
    const trimmed = name.trim().slice(0, NAME_LENGTH_MAX);
    if (trimmed === "") throw new ConvexError("A paper needs a name.");
    if ((await ctx.storage.getMetadata(file)) === null) throw new ConvexError("There is no such file.");
    return await ctx.db.insert("papers", { name: trimmed, file });
  },
});

/** All papers, the newest first, with what storage knows of them. */
export const list = query({
  args: {},
  handler: async (ctx) => {
    const papers = await ctx.db.query("papers").order("desc").take(100);
    return await Promise.all(
      papers.map(async ({ _id, name, file }) => {
        const metadata = await ctx.storage.getMetadata(file);
        return { _id, name, url: await ctx.storage.getUrl(file), size: metadata?.size ?? 0 };
      }),
    );
  },
});

/** Removes a paper and its file, both or neither. */
export const remove = mutation({
  args: { id: v.id("papers") },
  handler: async (ctx, { id }) => {
    const paper = await ctx.db.get(id);
    if (paper === null) return;
    await ctx.db.delete(id);
    await ctx.storage.delete(paper.file);
  },
});

/** Removes an archive whose time is over. */
export const dropArchive = internalMutation({
  args: { file: v.id("_storage") },
  handler: async (ctx, { file }) => {
    if ((await ctx.storage.getMetadata(file)) !== null) await ctx.storage.delete(file);
  },
});
