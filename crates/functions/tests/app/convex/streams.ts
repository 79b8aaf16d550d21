// Reading rows one by one, as the SDK offers it.
import { mutationGeneric as mutation, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

const inOrder = (ctx: any) => ctx.db.query("numbers").withIndex("by_n");

export const readAndWrite = mutation({
  args: { every: v.number() },
  handler: async (ctx, { every }) => {
    const seen = [];
    for await (const { n } of inOrder(ctx)) {
      seen.push(n);
      if (n % every === 0) await ctx.db.insert("numbers", { n: n + 0.5 });
    }
    return seen;
  },
});

export const together = mutation({
  args: {},
  handler: async (ctx) => {
    const rows = inOrder(ctx)[Symbol.asyncIterator]();
    const next = async () => (await rows.next()).value.n;
    const first = Promise.all([next(), next(), next()]);
    const written = ctx.db.insert("numbers", { n: 3.5 });
    return { first: await first, second: (await written, await Promise.all([next(), next(), next()])) };
  },
});

export const sideBySide = query({
  args: {},
  handler: async (ctx) => {
    const [all, some, first] = await Promise.all([
      inOrder(ctx).collect(),
      inOrder(ctx).take(5),
      inOrder(ctx).first(),
    ]);
    let pairs = 0;
    for await (const { n } of inOrder(ctx)) {
      for await (const other of inOrder(ctx)) {
        if (other.n === n) break;
        pairs += 1;
      }
    }
    return { lengths: [all.length, some.length, first === null ? 0 : 1], pairs };
  },
});

export const leave = query({
  args: { at: v.number() },
  handler: async (ctx, { at }) => {
    for await (const { n } of inOrder(ctx)) if (n === at) return n;
    return null;
  },
});

export const collectAndCount = query({
  args: {},
  handler: async (ctx) => {
    const rows = await inOrder(ctx).collect();
    const metrics = JSON.parse(await (globalThis as any).Convex.asyncSyscall("1.0/getTransactionMetrics", "{}"));
    return { rows: rows.length, read: metrics.documentsRead.used };
  },
});
