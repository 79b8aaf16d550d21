// Row-level security: everybody sees and changes their own notes, and a locked one is not changed.

import { customCtx, customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { type Rules, wrapDatabaseReader, wrapDatabaseWriter } from "convex-helpers/server/rowLevelSecurity";
import { v } from "convex/values";
import type { DataModel } from "./_generated/dataModel";
import { mutation, query, type QueryCtx } from "./_generated/server";

type Who = { subject: string | null };

const rules: Rules<Who, DataModel> = {
  notes: {
    read: async ({ subject }, note) => note.owner === subject,
    modify: async (_, note) => !note.locked,
    insert: async ({ subject }, note) => note.owner === subject,
  },
  users: { read: async () => true },
};

async function who(ctx: QueryCtx): Promise<Who> {
  return { subject: (await ctx.auth.getUserIdentity())?.subject ?? null };
}

const ruledQuery = customQuery(
  query,
  customCtx(async (ctx) => ({ db: wrapDatabaseReader(await who(ctx), ctx.db, rules, { defaultPolicy: "deny" }) })),
);
const ruledMutation = customMutation(
  mutation,
  customCtx(async (ctx) => ({ db: wrapDatabaseWriter(await who(ctx), ctx.db, rules, { defaultPolicy: "deny" }) })),
);

const texts = (notes: { text: string }[]) => notes.map((note) => note.text);

export const list = ruledQuery({
  args: {},
  handler: async (ctx) => ({
    collected: texts(await ctx.db.query("notes").collect()),
    newest: (await ctx.db.query("notes").order("desc").first())?.text ?? null,
    paged: texts((await ctx.db.query("notes").paginate({ numItems: 10, cursor: null })).page),
    taken: texts(await ctx.db.query("notes").take(2)),
    tags: (await ctx.db.query("tags").collect()).length,
  }),
});
export const ofOwner = ruledQuery({
  args: { owner: v.string() },
  handler: async (ctx, { owner }) =>
    texts(await ctx.db.query("notes").withIndex("by_owner", (q) => q.eq("owner", owner)).collect()),
});
export const get = ruledQuery({
  args: { id: v.id("notes") },
  handler: async (ctx, { id }) => [(await ctx.db.get(id))?.text ?? null, (await ctx.db.get("notes", id))?.text ?? null],
});
export const add = ruledMutation({
  args: { owner: v.string(), text: v.string() },
  handler: async (ctx, args) => await ctx.db.insert("notes", { ...args, locked: false }),
});
export const edit = ruledMutation({
  args: { id: v.id("notes"), text: v.optional(v.string()), locked: v.optional(v.boolean()) },
  handler: async (ctx, { id, ...patch }) => await ctx.db.patch("notes", id, patch),
});
export const remove = ruledMutation({
  args: { id: v.id("notes") },
  handler: async (ctx, { id }) => await ctx.db.delete(id),
});
// The first insertion is allowed, the second is not: neither may stay.
export const addTwo = ruledMutation({
  args: { mine: v.string(), theirs: v.string() },
  handler: async (ctx, { mine, theirs }) => {
    for (const owner of [mine, theirs]) await ctx.db.insert("notes", { owner, text: "pair", locked: false });
  },
});
export const all = query({ args: {}, handler: async (ctx) => texts(await ctx.db.query("notes").collect()) });
