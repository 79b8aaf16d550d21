// The one table of the notes example.

import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  notes: defineTable({
    title: v.string(),
    content: v.string(),
    /** Milliseconds since the epoch. */
    createdAt: v.number(),
    /** Milliseconds since the epoch; equals `createdAt` until the first update. */
    updatedAt: v.number(),
  }).index("by_updated", ["updatedAt"]),
});
