import { TableAggregate } from "@convex-dev/aggregate";
import { v } from "convex/values";
import { components } from "./_generated/api";
import { mutation, query } from "./_generated/server";

const ranks = new TableAggregate<any>((components as any).aggregate, {
  sortKey: (doc: any) => doc.score,
  sumValue: (doc: any) => doc.score,
});

export const add = mutation({
  args: { scores: v.array(v.number()) },
  handler: async (ctx, { scores }) => {
    for (const score of scores) {
      const id = await ctx.db.insert("scores", { name: `n${score}`, score });
      await ranks.insert(ctx, await ctx.db.get(id));
    }
  },
});

export const drop = mutation({
  args: { score: v.number() },
  handler: async (ctx, { score }) => {
    const doc = (await ctx.db.query("scores").collect()).find((doc) => doc.score === score)!;
    await ctx.db.delete(doc._id);
    await ranks.delete(ctx, doc);
  },
});

export const facts = query({
  args: {},
  handler: async (ctx) => ({
    count: await ranks.count(ctx),
    sum: await ranks.sum(ctx),
    first: (await ranks.at(ctx, 0)).key,
    last: (await ranks.at(ctx, -1)).key,
    below: await ranks.count(ctx, { bounds: { upper: { key: 20, inclusive: false } } } as any),
  }),
});
