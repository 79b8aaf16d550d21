import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  strict: defineTable({ name: v.string(), age: v.optional(v.number()) }),
  numbers: defineTable({ n: v.number(), tag: v.optional(v.string()) })
    .index("by_n", ["n"])
    .index("by_tag_n", ["tag", "n"]),
  loose: defineTable(v.any()).index("by_f", ["f"]).index("by_f_g", ["f", "g"]),
  counters: defineTable({ value: v.number() }),
});
