// Papers, letters, orders, and the rounds that the clock makes.

import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export const letterState = v.union(
  v.object({ kind: v.literal("waiting") }),
  v.object({ kind: v.literal("sent"), receipt: v.string() }),
  v.object({ kind: v.literal("failed"), reason: v.string() }),
);

export default defineSchema({
  papers: defineTable({ name: v.string(), file: v.id("_storage") }),
  letters: defineTable({
    to: v.string(),
    subject: v.string(),
    state: letterState,
    attempts: v.number(),
  }).index("by_state", ["state.kind"]),
  orders: defineTable({
    /** What the shop calls the event; it may send one twice. */
    event: v.string(),
    customer: v.string(),
    cents: v.number(),
  }).index("by_event", ["event"]),
  rounds: defineTable({ at: v.number(), waiting: v.number() }),
});
