import { mutation } from "./_generated/server";

export const count = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("calls", {});
    return (await ctx.db.query("calls").collect()).length;
  },
});
