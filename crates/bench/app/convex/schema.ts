import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  accounts: defineTable({ balance: v.number() }),
  messages: defineTable({ channel: v.string(), body: v.string() }).index("by_channel", ["channel"]),
  rows: defineTable({ n: v.number(), body: v.string() }).index("by_n", ["n"]),
});
