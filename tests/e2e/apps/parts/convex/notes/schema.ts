import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  others: defineTable({}),
  notes: defineTable({ text: v.string() }).index("by_text", ["text"]),
  handles: defineTable({ handle: v.string() }),
  ticks: defineTable({ count: v.number() }),
  things: defineTable({ name: v.string() }),
  jobs: defineTable({ job: v.id("_scheduled_functions") }),
});
