import { mutation, query } from "./_generated/server";
import { v } from "convex/values";

export const open = mutation({
  args: { count: v.number(), balance: v.number() },
  handler: async (ctx, { count, balance }) => {
    const ids = [];
    for (let i = 0; i < count; i++) ids.push(await ctx.db.insert("accounts", { balance }));
    return ids;
  },
});

export const transfer = mutation({
  args: { from: v.id("accounts"), to: v.id("accounts"), amount: v.number() },
  handler: async (ctx, { from, to, amount }) => {
    const [source, target] = await Promise.all([ctx.db.get(from), ctx.db.get(to)]);
    if (source === null || target === null) throw new Error("no such account");
    if (source.balance < amount) return false;
    await Promise.all([
      ctx.db.patch(from, { balance: source.balance - amount }),
      ctx.db.patch(to, { balance: target.balance + amount }),
    ]);
    return true;
  },
});

export const page = query({
  args: { cursor: v.union(v.string(), v.null()) },
  handler: async (ctx, { cursor }) => {
    const { page, isDone, continueCursor } = await ctx.db.query("accounts").paginate({ cursor, numItems: 8000 });
    return { sum: page.reduce((sum, account) => sum + account.balance, 0), count: page.length, isDone, continueCursor };
  },
});
