// The tables of functions.js: one that takes anything, one with a validator of many kinds, and one
// to take ids of.
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  things: defineTable(v.any()).index("by_f", ["f"]).index("by_f_g", ["f", "g"]).index("by_inner", ["o.p"]),
  strict: defineTable({
    name: v.string(),
    n: v.optional(v.number()),
    kind: v.optional(v.union(v.literal("a"), v.literal("b"), v.null())),
    other: v.optional(v.id("others")),
    list: v.optional(v.array(v.int64())),
    object: v.optional(v.object({ a: v.boolean(), b: v.optional(v.bytes()) })),
  }).index("by_name", ["name"]),
  others: defineTable({ n: v.number() }).index("by_n", ["n"]),
});
