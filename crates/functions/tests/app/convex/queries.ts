// Scans, index ranges, filters, streams and pages.
import { mutationGeneric as mutation, paginationOptsValidator, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

const bound = v.object({ op: v.string(), field: v.string(), value: v.optional(v.any()) });

function range(q: any, bounds: any[]) {
  for (const { op, field, value } of bounds) q = q[op](field, value);
  return q;
}

export const indexed = query({
  args: { table: v.string(), index: v.string(), bounds: v.array(bound), desc: v.optional(v.boolean()) },
  handler: async (ctx, { table, index, bounds, desc }) =>
    await ctx.db
      .query(table)
      .withIndex(index as any, (q: any) => range(q, bounds))
      .order(desc ? "desc" : "asc")
      .collect(),
});

export const all = query({
  args: { table: v.string() },
  handler: async (ctx, { table }) => await ctx.db.query(table).collect(),
});

export const equal = query({
  args: { table: v.string(), field: v.string(), value: v.any() },
  handler: async (ctx, { table, field, value }) =>
    await ctx.db
      .query(table)
      .filter((q: any) => q.eq(q.field(field), value))
      .collect(),
});

export const first = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("numbers").withIndex("by_n" as any).first())?.n ?? null,
});

export const firstTwo = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("numbers").withIndex("by_n" as any).take(2)).map((row: any) => row.n),
});

/** Reads now one table, now the other. */
export const fickle = query({
  args: {},
  handler: async (ctx) => {
    const table = Math.random() < 0.5 ? "numbers" : "loose";
    return { table, rows: (await ctx.db.query(table).collect()).length };
  },
});

export const unique = query({
  args: { n: v.number() },
  handler: async (ctx, { n }) =>
    await ctx.db.query("numbers").withIndex("by_n" as any, (q: any) => q.eq("n", n)).unique(),
});

export const reuse = query({
  args: {},
  handler: async (ctx) => {
    const rows = ctx.db.query("numbers").order("asc");
    await rows.collect();
    return await rows.collect();
  },
});

export const breaking = query({
  args: { after: v.number() },
  handler: async (ctx, { after }) => {
    const seen: number[] = [];
    for await (const row of ctx.db.query("numbers").withIndex("by_n" as any)) {
      seen.push(row.n);
      if (seen.length === after) break;
    }
    return seen;
  },
});

export const page = query({
  args: { paginationOpts: paginationOptsValidator, tag: v.optional(v.string()) },
  handler: async (ctx, { paginationOpts, tag }) => {
    let rows: any = ctx.db.query("numbers").withIndex("by_n" as any);
    if (tag !== undefined) rows = rows.filter((q: any) => q.eq(q.field("tag"), tag));
    const { page, ...rest } = await rows.paginate(paginationOpts);
    return { page: page.map((row: any) => row.n), ...rest };
  },
});

export const pageDown = query({
  args: { paginationOpts: paginationOptsValidator },
  handler: async (ctx, { paginationOpts }) => {
    const { page, ...rest } = await ctx.db
      .query("numbers")
      .withIndex("by_n" as any)
      .order("desc")
      .paginate(paginationOpts);
    return { page: page.map((row: any) => row.n), ...rest };
  },
});

export const twoPages = query({
  args: { paginationOpts: paginationOptsValidator },
  handler: async (ctx, { paginationOpts }) => {
    await ctx.db.query("numbers").paginate(paginationOpts);
    await ctx.db.query("numbers").paginate(paginationOpts);
  },
});

/** Reads until it is stopped, and says by what; tries once more after that. */
export const readTooMuch = query({
  args: { how: v.string() },
  handler: async (ctx, { how }) => {
    const read = async () => {
      if (how === "scan") await ctx.db.query("loose").collect();
      else for (let i = 0; i < 5000; i++) await ctx.db.get(how as any);
    };
    const errors: string[] = [];
    for (let i = 0; i < 2; i++) {
      try {
        await read();
      } catch (error: any) {
        errors.push(error.message);
      }
    }
    return errors;
  },
});

export const fill = mutation({
  args: { table: v.string(), from: v.number(), to: v.number() },
  handler: async (ctx, { table, from, to }) => {
    for (let n = from; n < to; n++) await ctx.db.insert(table, { n });
  },
});
