import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  scores: defineTable({ name: v.string(), score: v.number() }),
  notes: defineTable({ text: v.string() }),
  tries: defineTable({ of: v.string() }),
});
