// The tables and what may be in them. The server checks every write against this.

import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export const category = v.union(
  v.literal("bread"),
  v.literal("pastry"),
  v.literal("drinks"),
  v.literal("pantry"),
);

export const itemFields = {
  name: v.string(),
  category,
  /** Pieces on the shelf; a whole number, never below zero. */
  quantity: v.number(),
  /** Price of one piece, in cents, so that sums are exact. */
  priceCents: v.number(),
  note: v.string(),
};

export default defineSchema({
  items: defineTable({
    ...itemFields,
    /** When somebody last changed the item, in milliseconds since the epoch. */
    updatedAt: v.optional(v.number()),
  })
    .index("by_category", ["category", "name"])
    .index("by_name", ["name"]),
});
