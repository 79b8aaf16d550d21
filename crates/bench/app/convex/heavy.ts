import { query } from "./_generated/server";
import { v } from "convex/values";

/** Computes: sorts a thousand rows, writes them as JSON and reads that again. */
export const sorted = query({
  args: { tag: v.number() },
  handler: async (ctx) => {
    const rows = await ctx.db.query("rows").withIndex("by_n", (q) => q.gte("n", 0).lt("n", 1000)).collect();
    rows.sort((a, b) => (a.body < b.body ? -1 : a.body > b.body ? 1 : a.n - b.n));
    const text = JSON.stringify(rows);
    const again = JSON.parse(text) as { n: number; body: string }[];
    const groups = new Map<string, number>();
    for (const { n, body } of again) groups.set(body[0], (groups.get(body[0]) ?? 0) + n);
    return { length: text.length, first: again[0].body, groups: Object.fromEntries(groups) };
  },
});
