// The queries that the pages follow and the mutations that change what they show.

import { ConvexError, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { mutation, query, type QueryCtx } from "./_generated/server";
import { category, itemFields } from "./schema";

/** Longest name and note, in characters. */
const NAME_LENGTH_MAX = 60;
const NOTE_LENGTH_MAX = 200;
/** Largest stock and price; far above what a shop has, far below where numbers get inexact. */
const QUANTITY_MAX = 100_000;
const PRICE_CENTS_MAX = 10_000_000;

/** All items in alphabetical order, or those of one category. */
export const list = query({
  args: { category: v.optional(category) },
  handler: async (ctx, args) => {
    const wanted = args.category;
    if (wanted === undefined) {
      return await ctx.db.query("items").withIndex("by_name").collect();
    }
    return await ctx.db
      .query("items")
      .withIndex("by_category", (q) => q.eq("category", wanted))
      .collect();
  },
});

/** One item, or null if there is none (any more). Any text is taken as an id. */
export const get = query({
  args: { id: v.string() },
  handler: async (ctx, args) => {
    const id = ctx.db.normalizeId("items", args.id);
    return id === null ? null : await ctx.db.get(id);
  },
});

/** What the head of the page counts. */
export const summary = query({
  args: {},
  handler: async (ctx) => {
    const items = await ctx.db.query("items").collect();
    return {
      items: items.length,
      pieces: items.reduce((sum, item) => sum + item.quantity, 0),
      valueCents: items.reduce((sum, item) => sum + item.quantity * item.priceCents, 0),
      soldOut: items.filter((item) => item.quantity === 0).length,
    };
  },
});

/** Adds an item and returns its id. */
export const create = mutation({
  args: itemFields,
  handler: async (ctx, args) => {
    const item = checked(args);
    await refuseTakenName(ctx, item.name);
    return await ctx.db.insert("items", { ...item, updatedAt: Date.now() });
  },
});

/** Changes the fields that are given; the others stay as they are. */
export const update = mutation({
  args: {
    id: v.id("items"),
    name: v.optional(v.string()),
    category: v.optional(category),
    quantity: v.optional(v.number()),
    priceCents: v.optional(v.number()),
    note: v.optional(v.string()),
  },
  handler: async (ctx, { id, ...changes }) => {
    const item = await ctx.db.get(id);
    if (item === null) throw gone();
    const next = checked({ ...editable(item), ...changes });
    if (next.name !== item.name) await refuseTakenName(ctx, next.name);
    await ctx.db.patch(id, { ...next, updatedAt: Date.now() });
  },
});

/**
 * Adds `by` to the quantity. Two people who press + at the same moment both count, because each
 * mutation is a transaction.
 */
export const adjust = mutation({
  args: { id: v.id("items"), by: v.number() },
  handler: async (ctx, args) => {
    const item = await ctx.db.get(args.id);
    if (item === null) throw gone();
    const quantity = wholeNumber("quantity", item.quantity + args.by, QUANTITY_MAX);
    await ctx.db.patch(args.id, { quantity, updatedAt: Date.now() });
    return quantity;
  },
});

/** Removes an item; removing it twice is no error. */
export const remove = mutation({
  args: { id: v.id("items") },
  handler: async (ctx, args) => {
    if ((await ctx.db.get(args.id)) !== null) await ctx.db.delete(args.id);
  },
});

/** What a refused write tells the person at the form: which field, and what to do. */
function refusal(field: string, message: string) {
  return new ConvexError({ code: "INVALID", field, message });
}

function gone() {
  return new ConvexError({
    code: "NOT_FOUND",
    field: "id",
    message: "This item has been removed in the meantime.",
  });
}

/** An item without what the server keeps itself. */
function editable({ name, category, quantity, priceCents, note }: Doc<"items">) {
  return { name, category, quantity, priceCents, note };
}

function wholeNumber(field: string, value: number, max: number) {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw refusal(field, `Must be a whole number from 0 to ${max}.`);
  }
  return value;
}

function checked<T extends { name: string; note: string; quantity: number; priceCents: number }>(
  fields: T,
): T {
  const name = fields.name.trim();
  const note = fields.note.trim();
  if (name === "") throw refusal("name", "Give it a name.");
  if (name.length > NAME_LENGTH_MAX) {
    throw refusal("name", `Use at most ${NAME_LENGTH_MAX} characters.`);
  }
  if (note.length > NOTE_LENGTH_MAX) {
    throw refusal("note", `Use at most ${NOTE_LENGTH_MAX} characters.`);
  }
  wholeNumber("quantity", fields.quantity, QUANTITY_MAX);
  wholeNumber("priceCents", fields.priceCents, PRICE_CENTS_MAX);
  return { ...fields, name, note };
}

/** Names are unique. No lock is needed: of two transactions that take a name, one runs again. */
async function refuseTakenName(ctx: QueryCtx, name: string) {
  const taken = await ctx.db
    .query("items")
    .withIndex("by_name", (q) => q.eq("name", name))
    .first();
  if (taken !== null) throw refusal("name", `There is an item “${name}” already.`);
}
