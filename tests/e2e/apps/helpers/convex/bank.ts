// Triggers that keep a total and an audit in the transaction of the write that fires them.

import { customCtx, customMutation } from "convex-helpers/server/customFunctions";
import { Triggers } from "convex-helpers/server/triggers";
import { v } from "convex/values";
import type { DataModel } from "./_generated/dataModel";
import { mutation as rawMutation, query } from "./_generated/server";

const triggers = new Triggers<DataModel>();
triggers.register("accounts", async (ctx, change) => {
  const total = await ctx.db.query("totals").first();
  const sum = (change.newDoc?.balance ?? 0) - (change.oldDoc?.balance ?? 0);
  const count = (change.newDoc ? 1 : 0) - (change.oldDoc ? 1 : 0);
  if (total === null) await ctx.db.insert("totals", { sum, count });
  else await ctx.db.patch("totals", total._id, { sum: total.sum + sum, count: total.count + count });
});
triggers.register("accounts", async (ctx, change) => {
  if (change.newDoc && change.newDoc.balance < 0) throw new Error(`${change.newDoc.name} would be overdrawn`);
  await ctx.innerDb.insert("audit", {
    operation: change.operation,
    name: (change.newDoc ?? change.oldDoc)!.name,
    from: change.oldDoc?.balance,
    to: change.newDoc?.balance,
  });
});

const mutation = customMutation(rawMutation, customCtx(triggers.wrapDB));

export const open = mutation({
  args: { name: v.string(), balance: v.number() },
  handler: async (ctx, args) => await ctx.db.insert("accounts", args),
});
export const openMany = mutation({
  args: { names: v.array(v.string()) },
  handler: async (ctx, { names }) => {
    // At once, so that triggers which were not serialized would lose updates of the total.
    await Promise.all(names.map((name) => ctx.db.insert("accounts", { name, balance: 1 })));
  },
});
export const transfer = mutation({
  args: { from: v.id("accounts"), to: v.id("accounts"), amount: v.number() },
  handler: async (ctx, { from, to, amount }) => {
    const [source, target] = [(await ctx.db.get("accounts", from))!, (await ctx.db.get("accounts", to))!];
    await ctx.db.patch("accounts", to, { balance: target.balance + amount });
    await ctx.db.patch(from, { balance: source.balance - amount });
  },
});
export const replaceAndClose = mutation({
  args: { id: v.id("accounts") },
  handler: async (ctx, { id }) => {
    await ctx.db.replace(id, { name: "closing", balance: 0 });
    await ctx.db.delete(id);
  },
});
export const state = query({
  args: {},
  handler: async (ctx) => {
    const total = await ctx.db.query("totals").unique();
    return {
      total: total && { sum: total.sum, count: total.count },
      balances: (await ctx.db.query("accounts").collect()).map((account) => account.balance),
      audit: (await ctx.db.query("audit").collect()).map(
        ({ operation, name, from, to }) => `${operation} ${name} ${from ?? "-"} ${to ?? "-"}`,
      ),
    };
  },
});
