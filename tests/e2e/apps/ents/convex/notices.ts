// Notices: deleted at once for readers, and really some time later, with their replies.

import { v } from "convex/values";
import { query as plainQuery } from "./_generated/server";
import { mutation } from "./functions";

export const add = mutation({
  args: { text: v.string(), replies: v.array(v.string()) },
  handler: async (ctx, { text, replies }) => {
    const noticeId = await ctx.table("notices").insert({ text });
    await ctx.table("replies").insertMany(replies.map((text) => ({ noticeId, text })));
    return noticeId;
  },
});
export const remove = mutation({
  args: { id: v.id("notices") },
  handler: async (ctx, { id }) => await ctx.table("notices").getX(id).delete(),
});
/** What is left, seen without ents. */
export const left = plainQuery({
  args: {},
  handler: async (ctx) => ({
    notices: (await ctx.db.query("notices").collect()).map(({ text, deletionTime }: any) => [text, deletionTime !== undefined]),
    replies: (await ctx.db.query("replies").collect()).map(({ text }) => text),
  }),
});
